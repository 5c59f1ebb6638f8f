"""ccxt.pro's own book against ours: it applies deltas blindly and never forgets a level by itself."""

from pathlib import Path

import pytest

from tests.support.ccxt_client import assert_same_books, both_sides, ccxt_deribit, is_compressed
from tests.support.effort import examples
from tests.support.follower_books import follower_book
from tests.support.replays import paced
from tests.support.serving import Served, connected

COMPARED = 25


async def follow(served: Served, name: str, symbol: str, changes: int, *, compress: bool = True) -> None:
    """Let ccxt follow a book for so many changes, then compare it with that of our own client."""
    async with (
        connected(served, name) as client,
        ccxt_deribit(served, compress=compress) as ccxt,
    ):
        for _ in range(changes):
            await ccxt.watch_order_book(symbol)
        assert is_compressed(ccxt) is compress
        async with follower_book(client, f"book.{name}.100ms") as follower:
            image_at = await follower.begun()
            while (await ccxt.watch_order_book(symbol))["nonce"] < image_at:
                pass
            await assert_same_books(ccxt, symbol, follower, COMPARED)


@pytest.mark.parametrize("compress", [True, False], ids=["deflate", "plain"])
async def test_ccxt_book_is_ours_after_hundreds_of_deltas(long_recording: Path, *, compress: bool) -> None:
    with paced(long_recording, "deribit") as served:
        await follow(served, "BTC-PERPETUAL", "BTC/USD:BTC", changes=examples(250), compress=compress)


@pytest.mark.recordings
async def test_ccxt_book_of_a_real_venue_is_ours_after_hundreds_of_deltas(recordings: Path) -> None:
    file = recordings / "binance_usdm" / "btcusdt_20240808.gz"
    with paced(file, "binance_usdm") as served:
        await follow(served, "BTCUSDT", "BTC/USDT:USDT", changes=examples(250))


async def test_fetched_book_is_ours_at_its_change_id(long_recording: Path) -> None:
    with paced(long_recording, "deribit") as served:
        async with (
            connected(served, "BTC-PERPETUAL") as client,
            follower_book(client, "book.BTC-PERPETUAL.raw") as follower,
            ccxt_deribit(served) as ccxt,
        ):
            await follower.changed(1)
            for _ in range(COMPARED):
                book = await ccxt.fetch_order_book("BTC/USD:BTC", 10_000)
                ours = await follower.at_change(book["nonce"])
                assert both_sides(book) == (ours.bids, ours.asks)


async def test_ccxt_book_is_ours_after_a_gap_and_after_reconnections(short_recording: Path) -> None:
    with paced(short_recording, "deribit") as served:
        async with (
            connected(served, "BTC-PERPETUAL") as client,
            follower_book(client, "book.BTC-PERPETUAL.100ms") as follower,
            ccxt_deribit(served) as ccxt,
        ):
            await ccxt.watch_order_book("BTC/USD:BTC")
            for resync in (1, 2, 3):
                await follower.resynchronised(resync)
                await assert_same_books(ccxt, "BTC/USD:BTC", follower, COMPARED)

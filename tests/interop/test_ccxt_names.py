"""ccxt.pro's Deribit class on recordings without an instrument list: every instrument has a symbol of its own."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support.ccxt_client import ccxt_deribit
from tests.support.gateway_server import GatewayServer
from tests.support.replays import SteppedReplay
from tests.support.serving import Served

CASES = Path(__file__).parent.parent / "cases"
NAMES = CASES / "23-names-without-a-list"
SYMBOLS = {
    "BTC/USD:BTC": ("BTC-PERPETUAL", 61_000.5),
    "BTC/USD:BTC-251226": ("BTC-26DEC25", 62_000.5),
    "BTC/USD:BTC-261225": ("BTC-25DEC26", 65_000.5),
    "BTC/USD:BTC-251226-70000-C": ("BTC-26DEC25-70000-C", 0.0105),
    "BTC/USD:BTC-261225-70000-C": ("BTC-25DEC26-70000-C", 0.0905),
}


@asynccontextmanager
async def client_of(*replays: tuple[Path, str]) -> AsyncIterator[Any]:
    """ccxt on a server that has played these recordings; the first is home."""
    sources = [SteppedReplay(path, venue, held=True) for path, venue in replays]
    with GatewayServer(sources=sources) as server:
        server.wait_until(lambda: all(source.played for source in sources))
        async with ccxt_deribit(Served(server.url, f"http://127.0.0.1:{server.port}")) as ccxt:
            yield ccxt


@pytest.mark.parametrize("file", ["collide.log", "collide_dated_first.log"])
async def test_each_symbol_is_the_book_of_its_own_instrument(file: str) -> None:
    expected = {symbol: told for symbol, told in SYMBOLS.items() if told[0] in (NAMES / file).read_text()}
    if file == "collide_dated_first.log":
        expected = {symbol: told for symbol, told in expected.items() if "70000" not in symbol}
    async with client_of((NAMES / file, "deribit")) as ccxt:
        markets = await ccxt.load_markets()
        assert {symbol: market["id"] for symbol, market in markets.items()} == {
            symbol: name for symbol, (name, _) in expected.items()
        }
        for symbol, (_, best) in expected.items():
            assert (await ccxt.fetch_order_book(symbol))["bids"][0][0] == best
            assert (await ccxt.watch_order_book(symbol))["bids"][0][0] == best
        assert markets["BTC/USD:BTC"]["type"] == "swap"
        assert markets["BTC/USD:BTC-251226"]["expiryDatetime"] == "2025-12-26T08:00:00.000Z"
        assert markets["BTC/USD:BTC"]["contractSize"] is None
        assert markets["BTC/USD:BTC"]["created"] is None


@pytest.mark.parametrize(
    ("file", "venue", "live"),
    [
        (NAMES / "deribit.log", "deribit", 15),
        (NAMES / "odd.log", "deribit", 0),
        (NAMES / "okx.log", "okx", 6),
        (NAMES / "usdm.log", "binance_usdm", 6),
        (CASES / "33-names-with-dots-and-colons" / "okx.log", "okx", 1),
    ],
    ids=lambda value: value.name if isinstance(value, Path) else str(value),
)
async def test_every_instrument_that_is_listed_has_a_symbol_of_its_own(
    file: Path, venue: str, live: int
) -> None:
    async with client_of((file, venue)) as ccxt:
        listed = (await ccxt.public_get_get_instruments())["result"]
        assert len(listed) == live
        if not listed:
            return
        markets = await ccxt.load_markets()
        assert {market["id"] for market in markets.values()} == {each["instrument_name"] for each in listed}
        assert len({*markets}) == live


async def test_the_home_venue_s_instrument_has_the_symbol_that_two_venues_share() -> None:
    okx, deribit = NAMES / "okx.log", NAMES / "collide.log"
    async with client_of((deribit, "deribit"), (okx, "okx")) as ccxt:
        markets = await ccxt.load_markets()
        assert markets["BTC/USD:BTC"]["id"] == "BTC-PERPETUAL"
    async with client_of((okx, "okx"), (deribit, "deribit")) as ccxt:
        markets = await ccxt.load_markets()
        assert markets["BTC/USD:BTC"]["id"] == "BTC-USD-SWAP"

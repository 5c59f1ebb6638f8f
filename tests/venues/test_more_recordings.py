"""More recordings, of other years and other recorders, replayed to the counts that another reader found in them."""

from collections import Counter
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import msgspec
import pytest

from deltawire.cli.verification import Report, Verification
from deltawire.market.market import Market
from deltawire.model.events import Listing
from deltawire.ports import Wants
from deltawire.recording import Recording
from deltawire.testing.kernels import pure_kernel
from deltawire.venues import make_venue
from deltawire.venues.connection import VenueConnection

pytestmark = pytest.mark.recordings


class Counts(msgspec.Struct, frozen=True):
    """A file, and what is in it: sums over its books, then what came beside them."""

    venue: str
    file: str
    live: int = 0
    """Books that are live in the end."""
    images: int = 0
    deltas: int = 0
    old: int = 0
    waited: int = 0
    gaps: int = 0
    checksums: tuple[int, int] = (0, 0)
    """Right and wrong."""
    tops: tuple[int, int] = (0, 0)
    """Best prices that the venue stated and the book had, and had not."""
    trades: int = 0
    tickers: int = 0
    unread: str = ""
    faults: int = 0
    folder: str = ""
    """Where it is, if not in one named like the venue."""

    def path(self, more: Path) -> Path:
        """Its place among the others."""
        return more / (self.folder or self.venue) / self.file


COUNTS = [
    # 199 and 86 best prices are those of updates, the others those of images.
    Counts(
        "binance_spot",
        "BINANCE.ws.1.0",
        10,
        10,
        590,
        24,
        tops=(201, 0),
        trades=24,
        tickers=570,
        unread="kline_1m 20",
    ),
    Counts(
        "binance_usdm",
        "BINANCE_FUTURES.ws.5.0",
        4,
        4,
        997,
        19,
        tops=(87, 0),
        trades=185,
        tickers=1959,
        unread="kline_1m 99",
    ),
    Counts("binance_usdm", "fastmm_demo_20260915.jsonl", waited=161, tickers=239),
    Counts("binance_usdm", "fastmm_depth_burst_20260928.jsonl", waited=3),
    Counts("binance_usdm", "fastmm_mark_price_rollover_20260930.jsonl", tickers=12),
    # The best level has a topic of its own (14 messages); the last request is refused.
    Counts(
        "bybit_spot",
        "fastmm_spot_testnet_20260913.jsonl",
        1,
        1,
        18,
        trades=8,
        tickers=14,
        faults=1,
        folder="bybit",
    ),
    Counts("bybit_linear", "fastmm_linear_tickers_20260930.jsonl", tickers=963, folder="bybit"),
    Counts("bybit_linear", "gct_tickers.jsonl", tickers=8, folder="bybit"),
    Counts("coinbase", "fastmm_advanced_20260930.jsonl", 2, 2, 211, trades=307),
    Counts("deribit", "fastmm_option_testnet_20260913.jsonl", 1, 1, 11, tickers=56),
    Counts("deribit", "fastmm_book_perp_long_snapshot.json", 1, 1),
    Counts("deribit", "fastmm_book_perp_snapshot.json", 1, 1),
    Counts("deribit", "fastmm_book_grouped_ignored.json", 1, 1),
    Counts("deribit", "fastmm_book_perp_change_1.json", waited=1),
    Counts("deribit", "fastmm_book_perp_change_2.json", waited=1),
    Counts("deribit", "fastmm_trades_perp.json", trades=3),
    Counts("deribit", "fastmm_ticker_perp.json", tickers=1),
    Counts("deribit", "fastmm_ticker_option.json", tickers=1),
    Counts("deribit", "fastmm_heartbeat_test_request.json"),
    Counts("deribit", "fastmm_subscribe_partial.json"),
    Counts("deribit", "fastmm_rpc_invalid_params.json", faults=1),
    Counts("deribit", "fastmm_rpc_unauthorized.json", faults=1),
    Counts("deribit", "gct_trades_agg2.jsonl", trades=2),
    # Of five books one continues, and two updates follow none of the images: the frames are of other days.
    Counts(
        "deribit",
        "cmp_frames.jsonl",
        images=5,
        gaps=2,
        trades=4,
        tickers=3,
        unread="book none.20.100ms beside 100ms 1, chart 3, quote 2",
    ),
    Counts("hyperliquid", "fastmm_md_l2book.json", 1, 1),
    Counts("hyperliquid", "fastmm_md_bbo.json", tickers=1),
    Counts("hyperliquid", "fastmm_md_trades.json", trades=30),
    Counts("hyperliquid", "fastmm_md_pong.json"),
    Counts("hyperliquid", "fastmm_md_subscription_response.json"),
    Counts("hyperliquid", "fastmm_ws_error.json", faults=1),
    Counts("hyperliquid", "fastmm_private_order_updates.json", unread="orderUpdates 1"),
    Counts("hyperliquid", "fastmm_private_user_fills_snapshot.json", unread="userFills 1"),
    Counts("hyperliquid", "fastmm_private_user_fundings_snapshot.json", unread="userFundings 1"),
    # Of each product 100 trades from before the subscription come at once.
    Counts(
        "kraken_futures",
        "KRAKEN_FUTURES.ws.46.0",
        10,
        10,
        6528,
        trades=3,
        tickers=541,
        unread="trade_snapshot 10",
    ),
    Counts("okx", "fastmm_swap_20260926.jsonl", 1, 1, 24, trades=36, unread="bbo-tbt 78"),
    Counts("okx", "fastmm_perp_mark_funding_20260930.jsonl", tickers=16, unread="index-tickers 6"),
    Counts("okx", "OKX.ws.1.0", 10, 20, 3659, checksums=(3679, 0), trades=19, tickers=19),
    Counts("okx", "gct_orders.jsonl", unread="orders 4"),
    Counts("okx", "fastmm_private_account_demo.json", unread="account 1"),
    Counts("okx", "fastmm_private_fill_demo.json", unread="orders 1"),
    # Three images were cut for where they come from, and one frame is of the version before.
    Counts(
        "okx",
        "cmp_frames.jsonl",
        images=5,
        waited=1,
        checksums=(1, 3),
        trades=6,
        tickers=8,
        unread="bbo-tbt 6, book books5 beside books-l2-tbt 2, candle1m 6",
        faults=1,
    ),
]


@pytest.fixture
def more(recordings: Path) -> Path:
    folder = recordings.parent / "more_recordings"
    if not folder.is_dir():
        pytest.skip(f"no recordings at {folder}")
    return folder


@pytest.fixture(autouse=True, params=["chosen kernel", "pure kernel"])
def kernel(request: pytest.FixtureRequest) -> Iterator[None]:
    """Every file on both kernels."""
    with pure_kernel() if request.param == "pure kernel" else nullcontext():
        yield


def reported(path: Path, venue: str) -> Report:
    verification = Verification(Recording(path), make_venue(venue))
    for _ in verification.run():
        pass
    return verification.report(0)


@pytest.mark.parametrize("counts", COUNTS, ids=lambda counts: f"{counts.venue}-{counts.file}")
def test_a_file_replays_to_its_counts(more: Path, counts: Counts) -> None:
    report = reported(counts.path(more), counts.venue)
    books = report.instruments.values()

    def total(name: str) -> int:
        return sum(getattr(book, name) for book in books)

    assert counts == Counts(
        counts.venue,
        counts.file,
        sum(book.verified for book in books),
        total("images"),
        total("deltas"),
        total("old"),
        total("waited"),
        total("gaps"),
        (total("checksums_ok"), total("checksums_bad")),
        (total("tops_ok"), total("mismatches")),
        report.events.get("trade", 0),
        report.events.get("ticker", 0),
        ", ".join(f"{kind} {count}" for kind, count in report.unread.items()),
        sum(fault.count for fault in report.faults),
        counts.folder,
    )
    assert total("crossed") == total("malformed") == 0


def heard(path: Path, feed: VenueConnection, market: Market | None = None) -> Iterator[dict[str, Any]]:
    """The frames of a recording, each once the machine has heard it; what it says goes to the market."""
    feed.opened(Wants(), 1)
    for number, record in enumerate(Recording(path).records(), 2):
        if record.kind == "received":
            outputs = feed.received(record.payload, number)
            for event in outputs if market is not None else []:
                market.apply(event)
            yield msgspec.json.decode(record.payload)


def best(feed: VenueConnection, name: str) -> tuple[tuple[float, float], ...]:
    """The price and size of the best bid and ask; zeros where there is none."""
    book = feed.books[name]
    sides = book.ladder.bids, book.ladder.asks
    levels = [(side.best() or 0, side.size(side.best() or 0)) for side in sides]
    return tuple((book.instrument.price(ticks), book.instrument.size(lots)) for ticks, lots in levels)


def test_the_tickers_of_an_option_state_the_best_prices_of_its_book(more: Path) -> None:
    feed = make_venue("deribit")
    compared = Counter[bool]()
    for frame in heard(more / "deribit" / "fastmm_option_testnet_20260913.jsonl", feed):
        data = frame.get("params", {}).get("data", {})
        if "best_bid_price" in data and data["instrument_name"] in feed.books:
            stated = tuple(
                (data[f"best_{side}_price"], data[f"best_{side}_amount"]) for side in ("bid", "ask")
            )
            compared[stated == best(feed, data["instrument_name"])] += 1
    assert compared == {True: 55}


def test_the_best_prices_of_another_channel_are_those_of_the_book(more: Path) -> None:
    feed = make_venue("okx")
    stated: dict[int, tuple[tuple[float, float], ...]] = {}
    held: dict[int, tuple[tuple[float, float], ...]] = {}
    for frame in heard(more / "okx" / "fastmm_swap_20260926.jsonl", feed):
        if frame["arg"]["channel"] == "bbo-tbt" and "data" in frame:
            (data,) = frame["data"]
            sides = [(float(price), float(size)) for price, size, *_ in (*data["bids"], *data["asks"])]
            stated[data["seqId"]] = tuple(sides)
        if frame["arg"]["channel"] == "books" and "data" in frame:
            held[frame["data"][0]["seqId"]] = best(feed, "BTC-USDT-SWAP")
    shared = stated.keys() & held.keys()
    assert len(shared) == 7
    assert all(stated[number] == held[number] for number in shared)
    assert best(feed, "BTC-USDT-SWAP")[0][0] == 84099.5
    assert best(feed, "BTC-USDT-SWAP")[1][0] == 84099.6


def test_tickers_that_say_what_has_changed_add_up(more: Path) -> None:
    feed, market = make_venue("bybit_linear"), Market("bybit_linear")
    for _ in heard(more / "bybit" / "fastmm_linear_tickers_20260930.jsonl", feed, market):
        pass
    best = {state.name: (state.ticker["best_bid_price"], state.ticker["best_ask_price"]) for state in market}
    assert best == {"BTCUSDT": (83017.20, 83017.30), "ETHUSDT": (2665.18, 2665.19)}


def test_instruments_as_a_venue_lists_them(more: Path) -> None:
    body = (more / "bybit" / "fastmm_instruments_spot_testnet.json").read_bytes()
    (listing,) = make_venue("bybit_spot").fetched("instruments", body, 1)
    assert isinstance(listing, Listing)
    instrument = listing.instrument
    assert (instrument.name, instrument.base, instrument.quote, instrument.tick_size) == (
        "BTCUSDT",
        "BTC",
        "USDT",
        "0.1",
    )
    assert (instrument.price_exponent, instrument.size_exponent, instrument.min_trade_size) == (
        -1,
        -6,
        "0.000001",
    )


def test_one_number_counts_all_messages_of_a_connection(more: Path) -> None:
    feed = make_venue("coinbase")
    numbers = [
        frame["sequence_num"] for frame in heard(more / "coinbase" / "fastmm_advanced_20260930.jsonl", feed)
    ]
    assert numbers == list(range(250))
    tops = {name: tuple(price for price, _ in best(feed, name)) for name in ("BTC-USD", "ETH-USD")}
    assert tops == {"BTC-USD": (83303.58, 83313.34), "ETH-USD": (2667.15, 2667.41)}
    body = (more / "coinbase" / "fastmm_product_btc_usd.json").read_bytes()
    (listing,) = feed.fetched("instruments:BTC-USD", body, 1_000)
    assert isinstance(listing, Listing)
    instrument = listing.instrument
    assert (instrument.tick_size, instrument.min_trade_size, instrument.size_exponent) == (
        "0.01",
        "0.00000001",
        -8,
    )


@pytest.mark.parametrize("name", ["fastmm_rest_meta_xyz.json", "fastmm_rest_meta_and_ctxs_xyz.json"])
def test_a_builders_perpetuals_are_listed(more: Path, name: str) -> None:
    feed = make_venue("hyperliquid")
    listings = feed.fetched("info", (more / "hyperliquid" / name).read_bytes(), 1)
    assert len(listings) == 6
    listed = {event.instrument.name: event.instrument for event in listings if isinstance(event, Listing)}
    found = listed["xyz:NVDA"]
    assert (found.base, found.settlement, found.price_exponent, found.size_exponent) == (
        "NVDA",
        "USDC",
        -3,
        -3,
    )
    for record in Recording(more / "hyperliquid" / "fastmm_md_l2book.json").records():
        feed.received(record.payload, 2)
    assert tuple(price for price, _ in best(feed, "xyz:NVDA")) == (230.32, 230.33)

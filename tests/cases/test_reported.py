"""Inputs of public bug reports: what becomes of their books, trades and faults, on both kernels."""

from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path

import msgspec
import pytest

from deltawire.cli.verification import Report, Verification
from deltawire.model.events import BookDelta, BookImage, Event, Trade
from deltawire.recording import Recording
from deltawire.sources.replay import play
from deltawire.testing.kernels import pure_kernel
from deltawire.venues import make_venue

HERE = Path(__file__).parent


class Case(msgspec.Struct, frozen=True):
    """A file, and what is told of it: each book's state and its images and updates, then counts."""

    file: str
    venue: str
    books: str = ""
    told: str = ""
    unread: str = ""
    faults: int = 0
    damaged: int = 0
    fault: str = ""
    """One of the faults."""


LISTED = (
    "BTC-USD_UM-SWAP, 1INCH-USDT, SHIB-USDT, PEPE-X, OPT-USD-260925-0.8-C, BTC-USDT-260925, ETH-USD_UM-SWAP"
)
CHINESE = "币安人生USDT: live 1+2"
ODD = {"unread": "no stream 3", "faults": 9, "damaged": 3}
CASES = [
    # Stamps in milliseconds, microseconds and seconds: the silence of 200 s is seen.
    Case("01-microsecond-stamps/ms.log", "binance_usdm", "BTCUSDT: live 1+7"),
    Case("01-microsecond-stamps/ns.log", "binance_usdm", "BTCUSDT: live 1+7"),
    Case("01-microsecond-stamps/s.log", "binance_usdm", "BTCUSDT: live 1+7"),
    Case("01-microsecond-stamps/us.log", "binance_usdm", "BTCUSDT: live 1+7"),
    # Raw streams, whose frames have no envelope.
    Case(
        "02-raw-streams-without-wrapper/feed.ws.1.0", "binance_usdm", "BTCUSDT: syncing 0+0", told="trade 1"
    ),
    Case("02-raw-streams-without-wrapper/raw.log", "binance_usdm", "BTCUSDT: live 1+2", told="trade 1"),
    Case("02-raw-streams-without-wrapper/spot_raw.log", "binance_spot", "SHIBUSDT: live 1+2"),
    Case("02-raw-streams-without-wrapper/wrapped.log", "binance_usdm", "BTCUSDT: live 1+2", told="trade 1"),
    # Images that are too old, too new, or whose book nobody knows.
    Case("04-futures-snapshot-sync/first.log", "binance_usdm", "ETHUSDT: syncing 0+0", faults=1),
    Case("04-futures-snapshot-sync/lost.log", "binance_usdm", "ETHUSDT: live 2+3"),
    Case("04-futures-snapshot-sync/newer.log", "binance_usdm", "ETHUSDT: live 1+1"),
    Case("04-futures-snapshot-sync/no_T.log", "binance_usdm", "ETHUSDT: live 1+2"),
    Case("04-futures-snapshot-sync/old_then_new.log", "binance_usdm", "ETHUSDT: live 1+3"),
    Case(
        "04-futures-snapshot-sync/two_symbols.log",
        "binance_usdm",
        "ETHUSDT: syncing 0+0, BTCUSDT: syncing 0+0",
        faults=2,
    ),
    # A symbol outside ASCII, as it is, escaped, and in an address.
    Case("06-non-ascii-symbol/cf.ws.1.0", "binance_usdm", CHINESE),
    Case("06-non-ascii-symbol/cfraw.ws.1.0", "binance_usdm", CHINESE),
    Case("06-non-ascii-symbol/escaped.log", "binance_usdm", CHINESE, told="ticker 1, trade 1"),
    Case("06-non-ascii-symbol/utf8.log", "binance_usdm", CHINESE, told="ticker 1, trade 1"),
    # Times in microseconds inside frames.
    Case(
        "07-spot-microsecond-time-unit/in.log", "binance_spot", "SHIBUSDT: live 1+2", told="ticker 1, trade 1"
    ),
    # Errors in both forms, service frames, and lines that are no frame.
    Case("09-error-and-control-frames/binance_spot.log", "binance_spot", "ETHUSDT: stale lost 1+2", **ODD),
    Case("09-error-and-control-frames/binance_usdm.log", "binance_usdm", "ETHUSDT: syncing gap 1+1", **ODD),
    Case(
        "09-error-and-control-frames/only_error.log",
        "binance_spot",
        faults=1,
        fault="2 Invalid request: invalid stream",
    ),
    # An execution counts once.
    Case("11-trade-and-aggtrade-both/in.log", "binance_spot", told="trade 3"),
    Case("11-trade-and-aggtrade-both/in.log", "binance_usdm", told="trade 3"),
    Case("11-trade-and-aggtrade-both/repeated.log", "binance_spot", told="trade 3"),
    # Book channels: the same frames under other names, whole images, and those that nobody reads.
    Case("12-okx-other-book-channels/bbo-tbt.log", "okx", unread="bbo-tbt 2"),
    Case("12-okx-other-book-channels/books-elp.log", "okx", unread="books-elp 2"),
    Case("12-okx-other-book-channels/books-l2-tbt.log", "okx", "BTC-USDT-SWAP: live 1+1"),
    Case("12-okx-other-book-channels/books-rpi.log", "okx", unread="books-rpi 2"),
    Case("12-okx-other-book-channels/books-sbe-tbt.log", "okx", unread="books-sbe-tbt 2"),
    Case("12-okx-other-book-channels/books5.log", "okx", "BTC-USDT-SWAP: live 2+0"),
    Case("12-okx-other-book-channels/books50-l2-tbt.log", "okx", "BTC-USDT-SWAP: live 1+1"),
    Case("12-okx-other-book-channels/trades-all.log", "okx", told="trade 1"),
    # Checksums of 0 or none, ids that are absent, lower than before, or text.
    Case("13-okx-sequence-and-zero-checksum/empty_ts.log", "okx", faults=1, fault="frame: not a time: ''"),
    Case("13-okx-sequence-and-zero-checksum/gap.log", "okx", "BTC-USDT-SWAP: live 2+1"),
    Case("13-okx-sequence-and-zero-checksum/int_ts.log", "okx", faults=1),
    Case("13-okx-sequence-and-zero-checksum/mid.log", "okx", "BTC-USDT-SWAP: live 1+0"),
    Case("13-okx-sequence-and-zero-checksum/no_checksum.log", "okx", "BTC-USDT-SWAP: live 1+1"),
    Case("13-okx-sequence-and-zero-checksum/only_checksum.log", "okx", "BTC-USDT-SWAP: live 1+1"),
    Case("13-okx-sequence-and-zero-checksum/reset.log", "okx", "BTC-USDT-SWAP: live 1+5"),
    Case("13-okx-sequence-and-zero-checksum/seq_zero.log", "okx", "BTC-USDT-SWAP: syncing gap 1+0"),
    Case("13-okx-sequence-and-zero-checksum/stale_repeat.log", "okx", "BTC-USDT-SWAP: syncing gap 1+0"),
    Case("13-okx-sequence-and-zero-checksum/text_seq.log", "okx", faults=1),
    # Control events.
    Case("14-okx-control-events/in.log", "okx", "BTC-USDT-SWAP: stale closed 2+2", faults=2),
    Case("14-okx-control-events/notice.log", "okx", "BTC-USDT-SWAP: live 2+2"),
    Case("14-okx-control-events/odd.log", "okx", "BTC-USDT-SWAP: live 1+0", faults=4),
    Case("14-okx-control-events/pretty.log", "okx", "BTC-USDT-SWAP: live 1+0"),
    # A list with bad entries costs only these.
    Case(
        "15-okx-instrument-list/okx.ws.1.0",
        "okx",
        ", ".join(f"{name}: live 1+0" for name in LISTED.split(", ")),
        faults=3,
    ),
    # Depths, with and without an acknowledgement that states them.
    Case("19-kraken-depth-not-acknowledged/d10_ack.log", "kraken", "BTC/USD: live 1+57"),
    Case("19-kraken-depth-not-acknowledged/d10_noack.log", "kraken", "BTC/USD: live 1+57"),
    Case("19-kraken-depth-not-acknowledged/d25_ack.log", "kraken", "BTC/USD: live 1+57"),
    Case("19-kraken-depth-not-acknowledged/d25_noack.log", "kraken", "BTC/USD: live 1+57"),
    Case("19-kraken-depth-not-acknowledged/d500_ack.log", "kraken", "BTC/USD: live 1+57"),
    Case("19-kraken-depth-not-acknowledged/d500_noack.log", "kraken", "BTC/USD: live 1+57"),
    Case("19-kraken-depth-not-acknowledged/ghost10_ack.log", "kraken", "BTC/USD: live 1+4"),
    Case("19-kraken-depth-not-acknowledged/ghost10_noack.log", "kraken", "BTC/USD: live 1+4"),
    # The same price twice in an update, members in another order, times in nine forms.
    Case("21-kraken-duplicates-and-tickers/dups.log", "kraken", "BTC/USD: live 1+3"),
    Case(
        "21-kraken-duplicates-and-tickers/no_checksum.log",
        "kraken",
        "BTC/USD: syncing malformed 1+0",
        faults=1,
    ),
    Case("21-kraken-duplicates-and-tickers/quoted.log", "kraken", "BTC/USD: syncing malformed 1+0"),
    Case("21-kraken-duplicates-and-tickers/swapped.log", "kraken", "BTC/USD: live 1+1"),
    Case(
        "21-kraken-duplicates-and-tickers/tickers.log",
        "kraken",
        "BTC/USD: live 1+0",
        told="ticker 3",
        faults=4,
    ),
    *(
        Case(f"21-kraken-duplicates-and-tickers/ts{number}.log", "kraken", "BTC/USD: live 1+1")
        for number in (0, 1, 2, 3, 4, 8)
    ),
    *(
        Case(
            f"21-kraken-duplicates-and-tickers/ts{number}.log",
            "kraken",
            "BTC/USD: syncing malformed 1+0",
            faults=1,
        )
        for number in (5, 6, 7)
    ),
    Case("21-kraken-duplicates-and-tickers/two.log", "kraken", "BTC/USD: live 1+1, ETH/USD: syncing 0+0"),
    # Members that are null, absent or of another kind: a fault each.
    Case("24-deribit-tickers-and-trades/tickers.log", "deribit", told="ticker 11", faults=5),
    Case("24-deribit-tickers-and-trades/trades.log", "deribit", told="trade 3", faults=8),
    # Several channels of one book.
    Case(
        "26-deribit-expiry-and-other-book-channels/actions.log",
        "deribit",
        "BTC-PERPETUAL: live 4+2",
        faults=2,
    ),
    Case("26-deribit-expiry-and-other-book-channels/grouped.log", "deribit", "BTC-PERPETUAL: live 5+0"),
    Case(
        "26-deribit-expiry-and-other-book-channels/grouped_first_then_raw.log",
        "deribit",
        "BTC-PERPETUAL: live 2+1",
        unread="book none.20.100ms beside raw 1",
    ),
    Case(
        "26-deribit-expiry-and-other-book-channels/raw_and_100ms.log",
        "deribit",
        "BTC-PERPETUAL: live 1+2",
        unread="book 100ms beside raw 2",
    ),
    Case(
        "26-deribit-expiry-and-other-book-channels/raw_then_grouped.log",
        "deribit",
        "BTC-PERPETUAL: live 1+1",
        unread="book none.20.100ms beside raw 1",
    ),
]


@pytest.fixture(autouse=True, params=["chosen kernel", "pure kernel"])
def kernel(request: pytest.FixtureRequest) -> Iterator[None]:
    """Every case on both kernels."""
    with pure_kernel() if request.param == "pure kernel" else nullcontext():
        yield


def reported(file: str, venue: str) -> Report:
    verification = Verification(Recording(HERE / file), make_venue(venue))
    for _ in verification.run():
        pass
    return verification.report(0)


def events(file: str, venue: str) -> list[Event]:
    return [
        event for batch in play(Recording(HERE / file).records(), make_venue(venue)) for event in batch.events
    ]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.file}-{case.venue}")
def test_a_recording_gives_what_is_in_it(case: Case) -> None:
    report = reported(case.file, case.venue)
    books = [
        f"{name}: {f'{book.state} {book.reason}'.strip()} {book.images}+{book.deltas}"
        for name, book in report.instruments.items()
    ]
    faults = [fault.reason for fault in report.faults for _ in range(fault.count)]
    found = Case(
        case.file,
        case.venue,
        ", ".join(books),
        ", ".join(f"{kind} {count}" for kind, count in report.events.items() if kind in ("ticker", "trade")),
        ", ".join(f"{kind} {count}" for kind, count in report.unread.items()),
        len(faults),
        report.damaged,
        next((reason for reason in faults if case.fault and reason == case.fault), ""),
    )
    assert found == case


@pytest.mark.parametrize("unit", ["us", "ms", "s"])
def test_stamps_of_another_unit_are_the_same_times(unit: str) -> None:
    found, wanted = (events(f"01-microsecond-stamps/{name}.log", "binance_usdm") for name in (unit, "ns"))
    assert found == wanted
    report = reported(f"01-microsecond-stamps/{unit}.log", "binance_usdm")
    assert report.clock.unit == ("µs" if unit == "us" else unit)
    assert report.instruments["BTCUSDT"].silences == 1


def test_a_raw_stream_gives_what_the_wrapped_one_gives() -> None:
    raw, wrapped = (
        events(f"02-raw-streams-without-wrapper/{name}.log", "binance_usdm") for name in ("raw", "wrapped")
    )
    assert raw == wrapped


def test_times_in_microseconds_are_read_as_such() -> None:
    published = events("07-spot-microsecond-time-unit/in.log", "binance_spot")
    stated = [event for event in published if isinstance(event, Trade | BookDelta)]
    assert len(stated) == 2
    assert all(abs(event.venue_ns - event.seen_ns) < 60 * 10**9 for event in stated)


@pytest.mark.parametrize("venue", ["binance_spot", "binance_usdm"])
@pytest.mark.parametrize("file", ["in", "repeated"])
def test_the_volume_is_that_of_each_execution_once(file: str, venue: str) -> None:
    trades = [
        each for each in events(f"11-trade-and-aggtrade-both/{file}.log", venue) if isinstance(each, Trade)
    ]
    volume = sum(each.size_lots * 10.0**each.instrument.size_exponent for each in trades)
    assert volume == pytest.approx(1.5)


@pytest.mark.parametrize("depth", ["d10", "d25", "d500", "ghost10"])
def test_an_image_states_the_depth_where_no_acknowledgement_does(depth: str) -> None:
    told, silent = (
        [
            msgspec.structs.replace(event, seen_ns=0)
            for event in events(f"19-kraken-depth-not-acknowledged/{depth}_{name}.log", "kraken")
            if isinstance(event, BookImage | BookDelta)
        ]
        for name in ("ack", "noack")
    )
    assert told == silent

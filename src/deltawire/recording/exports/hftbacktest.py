"""hftbacktest's event arrays (`hftbacktest/types.py` of 2.4): depth, snapshots and trades of one instrument.

Prices and sizes are doubles. A row's `exch_ts` is the venue's time, never before that of the row before it and never
after `local_ts`, as hftbacktest requires of events in the order in which they were received.
"""

from collections.abc import Iterable, Iterator
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deltawire.errors import UsageError, how_to_install
from deltawire.model.events import BookDelta, BookImage, Changes, Event, Levels, Status, Trade
from deltawire.model.instruments import Instrument
from deltawire.tables.books import TrackedBook

if TYPE_CHECKING:
    import numpy

DEPTH, TRADE, DEPTH_CLEAR, SNAPSHOT = 1, 2, 3, 4
EXCHANGE, LOCAL, BUY, SELL = 1 << 31, 1 << 30, 1 << 29, 1 << 28
BOTH = EXCHANGE | LOCAL
EVERY = 1 << 31
"""More levels than any book has."""
FIELDS = [
    ("ev", "<u8"),
    ("exch_ts", "<i8"),
    ("local_ts", "<i8"),
    ("px", "<f8"),
    ("qty", "<f8"),
    ("order_id", "<u8"),
    ("ival", "<i8"),
    ("fval", "<f8"),
]
HftRow = tuple[int, int, int, float, float, int, int, float]


def rows(events: Iterable[Event]) -> Iterator[HftRow]:
    """The rows of one instrument's events. A book that is stale is cleared; it is whole again with its next change.

    `UsageError` if the events are of several instruments.
    """
    name, last_ns, stale = "", 0, False
    book: TrackedBook | None = None
    for event in events:
        if not isinstance(event, (BookImage, BookDelta, Trade, Status)):
            continue
        instrument = event.instrument
        name = name or instrument.key
        if instrument.key != name:
            raise UsageError(
                f"an npz file is of one instrument, not of {name} and {instrument.key}: add --symbol"
            )
        exch_ns = min(event.seen_ns, max(last_ns, getattr(event, "venue_ns", 0) or event.seen_ns))
        last_ns = exch_ns = max(last_ns, exch_ns)
        times = exch_ns, max(event.seen_ns, exch_ns)
        if not isinstance(event, Trade):
            book = book or TrackedBook(instrument)
            book.take(event)
        match event:
            case Status():
                if event.state == "stale" and not stale:
                    stale = True
                    yield _row(DEPTH_CLEAR | BOTH, times, 0.0, 0.0)
            case BookDelta() if stale and book is not None:
                stale = False
                sides = (BUY, book.ladder.bids), (SELL, book.ladder.asks)
                for flag, side_levels in sides:
                    yield from _levels(
                        SNAPSHOT | BOTH | flag, times, book.instrument, side_levels.levels(EVERY)
                    )
            case Trade():
                side = BUY if event.side == "buy" else SELL
                yield _row(TRADE | BOTH | side, times, event.price_float, event.size_float)
            case BookImage():
                stale = False
                yield _row(DEPTH_CLEAR | BOTH, times, 0.0, 0.0)
                for flag, levels in ((BUY, event.bids), (SELL, event.asks)):
                    yield from _levels(SNAPSHOT | BOTH | flag, times, instrument, levels)
            case BookDelta():
                for flag, changes in ((BUY, event.bids), (SELL, event.asks)):
                    yield from _levels(DEPTH | BOTH | flag, times, instrument, changes)


def _levels(
    flags: int, times: tuple[int, int], instrument: Instrument, levels: Levels | Changes
) -> Iterator[HftRow]:
    for price, size in zip(levels.prices, levels.sizes, strict=True):
        yield _row(flags, times, instrument.price(price), instrument.size(size))


def _row(flags: int, times: tuple[int, int], price: float, size: float) -> HftRow:
    return flags, *times, price, size, 0, 0, 0.0


def to_array(events: Iterable[Event]) -> "numpy.ndarray[Any, Any]":
    """The rows as an array of hftbacktest's `event_dtype`."""
    try:
        np: Any = import_module("numpy")
    except ImportError as error:
        raise UsageError(f"npz needs numpy: {how_to_install('npz')}") from error
    found: numpy.ndarray[Any, Any] = np.array(list(rows(events)), dtype=np.dtype(FIELDS, align=True))
    return found


def write(events: Iterable[Event], path: Path) -> int:
    """Write an npz file (`data`); returns the number of rows."""
    found = to_array(events)
    with path.open("wb") as file:
        import_module("numpy").savez_compressed(file, data=found)
    return len(found)

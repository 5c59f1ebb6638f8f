"""Tardis CSV, both ways: `incremental_book_L2`, `trades` and `derivative_ticker` (docs.tardis.dev, downloadable CSV).

Times are microseconds since 1970. Prices and amounts are decimals, exactly as the venue stated them.
"""

import csv
import gzip
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from deltawire.errors import RecordingError, UsageError, VenueError
from deltawire.model.events import BookDelta, BookImage, Changes, Event, Levels, Side, Status, Ticker, Trade
from deltawire.model.instruments import Instrument
from deltawire.model.numbers import exponent_of, format_decimal, parse_decimal

WHERE = "exchange", "symbol", "timestamp", "local_timestamp"
COLUMNS = {
    "book": (*WHERE, "is_snapshot", "side", "price", "amount"),
    "trades": (*WHERE, "id", "side", "price", "amount"),
    "ticker": (
        *WHERE,
        "funding_timestamp",
        "funding_rate",
        "predicted_funding_rate",
        "open_interest",
        "last_price",
        "index_price",
        "mark_price",
    ),
}
"""By our schemas."""
US_NS = 1_000
BID, ASK = "bid", "ask"


def rows(schema: str, events: Iterable[Event]) -> Iterator[tuple[str, ...]]:
    """The rows of a file, the first of which are the names; `UsageError` for a schema that there is not."""
    if schema not in COLUMNS:
        raise UsageError(f"Tardis has no CSV of {schema}; there are {', '.join(COLUMNS)}")
    yield COLUMNS[schema]
    for event in events:
        match event:
            case BookImage() if schema == "book":
                sides = (BID, event.bids), (ASK, event.asks)
                yield from (row for side, levels in sides for row in _levels(event, side, levels, "true"))
            case BookDelta() if schema == "book":
                changes = (BID, event.bids), (ASK, event.asks)
                yield from (row for side, each in changes for row in _levels(event, side, each, "false"))
            case Trade() if schema == "trades":
                numbers = _decimals(event.instrument, event.price_ticks, event.size_lots)
                yield (
                    *_where(event.instrument, event.venue_ns, event.seen_ns),
                    event.trade_id,
                    event.side,
                    *numbers,
                )
            case Ticker() if schema == "ticker":
                prices = event.last_price, event.index_price, event.mark_price
                stated = (event.current_funding, None, event.open_interest, *prices)
                where = _where(event.instrument, event.venue_ns, event.seen_ns)
                yield (*where, "", *("" if number is None else repr(number) for number in stated))
            case _:
                pass


def _levels(
    event: BookImage | BookDelta, side: str, levels: Levels | Changes, snapshot: str
) -> Iterator[tuple[str, ...]]:
    where = _where(event.instrument, event.venue_ns, event.seen_ns)
    for price, size in zip(levels.prices, levels.sizes, strict=True):
        yield (*where, snapshot, side, *_decimals(event.instrument, price, size))


def _where(instrument: Instrument, venue_ns: int, seen_ns: int) -> tuple[str, ...]:
    return instrument.venue, instrument.name, str((venue_ns or seen_ns) // US_NS), str(seen_ns // US_NS)


def _decimals(instrument: Instrument, price: int, size: int) -> tuple[str, str]:
    return (
        format_decimal(price, instrument.price_exponent),
        format_decimal(size, instrument.size_exponent),
    )


def read(path: Path) -> Iterator[Event]:
    """The events of a file of Tardis, plain or .gz, of book levels or of trades.

    A book is live from its first image on. `RecordingError` with the line that cannot be read.
    """
    exponents = _exponents(path)
    with _opened(path) as lines:
        reader = csv.DictReader(lines)
        schema = _schema_of(path, reader.fieldnames)
        reading = _read_trades if schema == "trades" else _read_book
        yield from reading(path, reader, exponents)


def is_tardis(path: Path) -> bool:
    """Whether a file begins as a CSV file of Tardis does."""
    try:
        with _opened(path) as lines:
            return lines.readline().startswith(",".join(WHERE))
    except (OSError, UnicodeDecodeError):
        return False


Rows = Iterable[dict[str, str]]


def _exponents(path: Path) -> dict[str, tuple[int, int]]:
    """The finest decimals of each symbol: so every row has one unit."""
    found: dict[str, tuple[int, int]] = {}
    with _opened(path) as lines:
        for row in csv.DictReader(lines):
            price, size = found.get(row.get("symbol") or "", (0, 0))
            try:
                finer = exponent_of(row["price"]), exponent_of(row["amount"])
            except (KeyError, TypeError, VenueError, ValueError):
                continue  # said of its line when it is read
            found[row["symbol"]] = min(price, finer[0]), min(size, finer[1])
    return found


def _schema_of(path: Path, names: Iterable[str] | None) -> str:
    columns = tuple(names or ())
    for schema in ("book", "trades"):
        if columns == COLUMNS[schema]:
            return schema
    raise RecordingError(str(path), "line 1", "neither incremental_book_L2 nor trades of Tardis")


def _instrument(row: dict[str, str], exponents: dict[str, tuple[int, int]]) -> Instrument:
    price, size = exponents[row["symbol"]]
    return Instrument(
        venue=row["exchange"],
        name=row["symbol"],
        price_exponent=price,
        size_exponent=size,
        stated=False,
        kind="",
        base="",
        quote="",
        settlement="",
    )


def _read_trades(path: Path, rows: Rows, exponents: dict[str, tuple[int, int]]) -> Iterator[Event]:
    instruments: dict[str, Instrument] = {}
    for number, row in enumerate(rows, 2):
        try:
            symbol = row["symbol"]
            if symbol not in instruments:
                instruments[symbol] = _instrument(row, exponents)
            instrument = instruments[symbol]
            yield Trade(
                instrument,
                row["id"],
                parse_decimal(row["price"], instrument.price_exponent),
                parse_decimal(row["amount"], instrument.size_exponent),
                _side(row["side"]),
                int(row["timestamp"]) * US_NS,
                int(row["local_timestamp"]) * US_NS,
            )
        except (KeyError, TypeError, ValueError, VenueError) as error:
            raise RecordingError(str(path), f"line {number}", f"no trade: {error}") from error


def _side(text: str) -> Side:
    if text not in ("buy", "sell"):
        raise ValueError(f"whether it was a buy or a sell is not known: {text!r}")
    return text  # type: ignore[return-value]


class _Message:
    """Rows of one message: of one symbol, times and kind."""

    def __init__(self, instrument: Instrument, key: tuple[str, ...]) -> None:
        self.instrument, self.key = instrument, key
        self.bids: dict[int, int] = {}
        self.asks: dict[int, int] = {}


class _Books:
    """Makes events of messages."""

    def __init__(self) -> None:
        self._sides: dict[str, tuple[dict[int, int], dict[int, int]]] = {}
        self._sequences: dict[str, int] = {}

    def take(self, message: _Message) -> Iterator[Event]:
        """The events of a message; changes before the first image are none."""
        symbol, _, venue_us, seen_us = message.key[1], message.key[0], *message.key[2:4]
        venue_ns, seen_ns = int(venue_us) * US_NS, int(seen_us) * US_NS
        instrument = message.instrument
        if message.key[4] == "true":
            yield from self._image(symbol, message, venue_ns, seen_ns)
            return
        if symbol not in self._sides:
            return
        held, sequence = self._sides[symbol], self._sequences[symbol] + 1
        changes = [_changed(side, new) for side, new in zip(held, (message.bids, message.asks), strict=True)]
        self._sequences[symbol] = sequence
        yield BookDelta(instrument, sequence, changes[0], changes[1], venue_ns, seen_ns, 0)

    def _image(self, symbol: str, message: _Message, venue_ns: int, seen_ns: int) -> Iterator[Event]:
        bids = {price: size for price, size in message.bids.items() if size}
        asks = {price: size for price, size in message.asks.items() if size}
        known = self._sides.get(symbol)
        sequence = self._sequences[symbol] = self._sequences.get(symbol, 0) + 1
        self._sides[symbol] = bids, asks
        instrument = message.instrument
        if known is None:
            yield Status(instrument, "live", "", seen_ns)
            sides = _sorted(bids, descending=True), _sorted(asks, descending=False)
            yield BookImage(instrument, sequence, *sides, venue_ns, seen_ns, 0)
            return
        changes = [
            _changed(dict(old), {**dict.fromkeys(old, 0), **new})
            for old, new in zip(known, (bids, asks), strict=True)
        ]
        yield BookDelta(instrument, sequence, changes[0], changes[1], venue_ns, seen_ns, 0)


def _changed(held: dict[int, int], new: dict[int, int]) -> Changes:
    """Apply changes to a side; those that change nothing are left out."""
    prices, sizes, previous = [], [], []
    for price, size in new.items():
        before = held.get(price, 0)
        if size == before:
            continue
        prices.append(price)
        sizes.append(size)
        previous.append(before)
        if size:
            held[price] = size
        else:
            held.pop(price, None)
    return Changes(prices, sizes, previous)


def _sorted(side: dict[int, int], *, descending: bool) -> Levels:
    prices = sorted(side, reverse=descending)
    return Levels(prices, [side[price] for price in prices])


def _read_book(path: Path, rows: Rows, exponents: dict[str, tuple[int, int]]) -> Iterator[Event]:
    books, message = _Books(), None
    for number, row in enumerate(rows, 2):
        try:
            key = tuple(row[name] for name in (*WHERE, "is_snapshot"))
            if message is None or message.key != key:
                if message is not None:
                    yield from books.take(message)
                message = _Message(_instrument(row, exponents), key)
            instrument = message.instrument
            side = message.bids if row["side"] == BID else message.asks
            price = parse_decimal(row["price"], instrument.price_exponent)
            side[price] = parse_decimal(row["amount"], instrument.size_exponent)
        except (KeyError, TypeError, ValueError, VenueError) as error:
            raise RecordingError(str(path), f"line {number}", f"no level of a book: {error}") from error
    if message is not None:
        yield from books.take(message)


@contextmanager
def _opened(path: Path) -> Iterator[IO[str]]:
    try:
        with path.open("rb") as raw:
            packed = raw.read(2) == b"\x1f\x8b"
        lines = gzip.open(path, "rt", newline="") if packed else path.open(newline="")  # noqa: SIM115
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from error
    with lines:
        yield lines

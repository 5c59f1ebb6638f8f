"""Rows of a schema from events, one event at a time. A row is a tuple of its schema's columns, prices in ticks."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Protocol

from deltawire.errors import UsageError
from deltawire.model.events import Event, Listing, Status, Ticker, Trade
from deltawire.tables.bars import BarRows
from deltawire.tables.books import BboRows, LevelRows, TobRows, TradeBboRows
from deltawire.tables.facts import row_of_listing, row_of_status, row_of_ticker
from deltawire.tables.schemas import INTERVALS_NS, SCHEMAS, Schema
from deltawire.tables.trades import row_of_trade
from deltawire.tables.values import Row, Values


class RowMaker(Protocol):
    """Makes the rows of one schema."""

    def take(self, event: Event) -> Iterable[Row]:
        """The rows that an event completes; those of an event that does not concern the schema are none."""

    def finish(self) -> Iterable[Row]:
        """The rows that the end completes."""


def schema_of(name: str) -> Schema:
    """A schema by its name; `UsageError` lists those there are."""
    if name not in SCHEMAS:
        raise UsageError(f"no schema {name!r}; there are {', '.join(SCHEMAS)}")
    return SCHEMAS[name]


def row_maker(name: str) -> RowMaker:
    """A maker of the rows of a schema."""
    schema = schema_of(name)
    if name.startswith("ohlcv-"):
        return BarRows(INTERVALS_NS[name.removeprefix("ohlcv-")])
    if name.startswith("bbo-"):
        return BboRows(INTERVALS_NS[name.removeprefix("bbo-")])
    if name.startswith("mbp-"):
        return TobRows(schema.levels)
    if name in _SIMPLE:
        return SimpleRows(*_SIMPLE[name])
    return TradeBboRows() if name == "tbbo" else LevelRows()


def rows(name: str, events: Iterable[Event]) -> Iterator[Row]:
    """The rows of a schema that events come to."""
    maker = row_maker(name)
    for event in events:
        yield from maker.take(event)
    yield from maker.finish()


class SimpleRows:
    """A row per event of one type."""

    def __init__(self, kind: type[Any], values: Callable[[Any], Values]) -> None:
        """`values` makes the row of an event of that kind."""
        self._kind = kind
        self._values = values

    def take(self, event: Any) -> Iterable[Row]:
        """See `RowMaker`."""
        return (Row(event.instrument, self._values(event)),) if isinstance(event, self._kind) else ()

    def finish(self) -> Iterable[Row]:
        """See `RowMaker`."""
        return ()


_SIMPLE: dict[str, tuple[type[Any], Callable[[Any], Values]]] = {
    "trades": (Trade, row_of_trade),
    "ticker": (Ticker, row_of_ticker),
    "status": (Status, row_of_status),
    "definition": (Listing, row_of_listing),
}

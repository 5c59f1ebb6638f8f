"""A table: rows of one schema, and what Arrow, pandas and polars make of them (extras of the package)."""

from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal, get_args

from deltawire.errors import UsageError, how_to_install
from deltawire.model.events import Event
from deltawire.model.numbers import to_decimal, unit
from deltawire.tables.rows import rows, schema_of
from deltawire.tables.schemas import Column, Kind, Schema, SchemaName
from deltawire.tables.values import Row, Value

if TYPE_CHECKING:
    import pandas
    import polars
    import pyarrow

Prices = Literal["decimal", "float", "fixed"]
"""How prices and sizes are written: exact decimals; the nearest doubles; integers of a unit that is stated."""
FIXED_EXPONENT = -9
"""Databento's unit of prices (`FIXED_PRICE_SCALE`)."""
DIGITS = 38
"""Of a 128-bit decimal."""


class Table:
    """Rows of one schema, of any instruments.

    Its prices share one unit, ten to the `price_exponent`, and its sizes one, ten to the `size_exponent`: the finest
    that any of its instruments needs. In columns of integers (`fixed`) prices are at most 1e-9, as Databento's are, and
    the metadata of each Arrow column states its `exponent`.
    """

    def __init__(self, schema: Schema, rows: Sequence[Row]) -> None:
        self.schema = schema
        self._rows = rows
        self.price_exponent = min((row.instrument.price_exponent for row in rows), default=0)
        self.size_exponent = min((row.instrument.size_exponent for row in rows), default=0)

    def __len__(self) -> int:
        return len(self._rows)

    def columns(self, prices: Prices = "decimal") -> dict[str, list[Value | Decimal]]:
        """The columns as lists: times in nanoseconds since 1970 (None: unknown), prices and sizes as asked."""
        _check(prices)
        found = {}
        for place, column in enumerate(self.schema.columns):
            values = [row.values[place] for row in self._rows]
            found[column.name] = self._written(values, column.kind, prices)
        return found

    def exponent(self, kind: Kind, prices: Prices) -> int:
        """The unit of a column of prices or sizes, as a power of ten."""
        if kind == "size":
            return self.size_exponent
        return min(FIXED_EXPONENT, self.price_exponent) if prices == "fixed" else self.price_exponent

    def to_arrow(self, prices: Prices = "decimal") -> "pyarrow.Table":
        """A `pyarrow.Table`; times are `timestamp[ns, UTC]`."""
        _check(prices)
        pa = _library("pyarrow", "arrow")
        arrays, fields = [], []
        for place, column in enumerate(self.schema.columns):
            values = [row.values[place] for row in self._rows]
            array = self._arrow(pa, values, column, prices)
            arrays.append(array)
            fields.append(pa.field(column.name, array.type, metadata=self._metadata(column, prices)))
        about = {"schema": self.schema.name, "prices": prices}
        return pa.Table.from_arrays(arrays, schema=pa.schema(fields, metadata=about))

    def to_pandas(self, prices: Prices = "decimal") -> "pandas.DataFrame":
        """A `pandas.DataFrame`; exact decimals are objects there, `prices="float"` is faster."""
        _library("pandas", "pandas")
        found: pandas.DataFrame = self.to_arrow(prices).to_pandas()
        return found

    def to_polars(self, prices: Prices = "decimal") -> "polars.DataFrame":
        """A `polars.DataFrame`."""
        pl = _library("polars", "polars")
        found: polars.DataFrame = pl.from_arrow(self.to_arrow(prices))
        return found

    def __repr__(self) -> str:
        return f"<{len(self)} rows of {self.schema.name}: {', '.join(self.schema.names)}>"

    def _metadata(self, column: Column, prices: Prices) -> dict[str, str] | None:
        if column.kind not in ("price", "size") or prices == "float":
            return None
        return {"exponent": str(self.exponent(column.kind, prices))}

    def _factors(self, kind: Kind, exponent: int) -> Iterator[int]:
        """For each row what turns its instrument's ticks or lots into the unit of the table."""
        for row in self._rows:
            own = row.instrument.price_exponent if kind == "price" else row.instrument.size_exponent
            yield unit(exponent - own)

    def _scaled(self, values: list[Any], kind: Kind, exponent: int) -> list[Any]:
        factors = self._factors(kind, exponent)
        return [
            None if value is None else value * factor for value, factor in zip(values, factors, strict=True)
        ]

    def _written(self, values: list[Any], kind: Kind, prices: Prices) -> list[Any]:
        if kind == "time":
            return [value or None for value in values]
        if kind not in ("price", "size"):
            return values
        exponent = self.exponent(kind, prices)
        scaled = self._scaled(values, kind, exponent)
        if prices == "fixed":
            return scaled
        if prices == "float":
            per_one = unit(exponent)
            return [None if value is None else value / per_one for value in scaled]
        return [None if value is None else to_decimal(value, exponent) for value in scaled]

    def _arrow(self, pa: Any, values: list[Any], column: Column, prices: Prices) -> Any:
        kind = column.kind
        if kind == "time":
            return pa.array(self._written(values, kind, prices), pa.int64()).cast(pa.timestamp("ns", "UTC"))
        if kind == "text":
            return pa.array(values, pa.string())
        if kind in ("int", "flags", "float"):
            return pa.array(values, {"int": pa.int64(), "flags": pa.uint8(), "float": pa.float64()}[kind])
        if prices == "decimal":
            return self._decimals(pa, values, kind)
        written = self._written(values, kind, prices)
        try:
            return pa.array(written, pa.int64() if prices == "fixed" else pa.float64())
        except (OverflowError, pa.ArrowInvalid) as error:
            unit_of = 10.0 ** self.exponent(kind, prices)
            raise UsageError(
                f"{column.name} does not fit into 64 bits in units of {unit_of:g}; take prices='decimal'"
            ) from error

    def _decimals(self, pa: Any, values: list[Any], kind: Kind) -> Any:
        """Exact decimals: the integers themselves, read with a scale."""
        exponent = self.exponent(kind, "decimal")
        scaled, typed = self._scaled(values, kind, exponent), pa.decimal128(DIGITS, -exponent)
        try:
            whole = pa.array(scaled, pa.int64()).cast(pa.decimal128(DIGITS, 0))
        except (OverflowError, pa.ArrowInvalid):  # wider than 64 bits, where an instrument is very fine
            return pa.array(self._written(values, kind, "decimal"), typed)
        return pa.Array.from_buffers(typed, len(whole), whole.buffers())


class Tabular:
    """What can be made into tables: an iterable of events."""

    def _events(self) -> Iterable[Event]:
        raise NotImplementedError

    def table(self, schema: SchemaName, symbol: str | None = None) -> Table:
        """The rows of a schema, of one instrument (the venue's name) or of all.

        `UsageError` where there is no such schema, or events of a book do not follow each other.
        """
        chosen = schema_of(schema)
        events = self._events()
        return Table(chosen, [*rows(schema, events if symbol is None else _of(events, symbol))])

    def to_arrow(
        self, schema: SchemaName, symbol: str | None = None, *, prices: Prices = "decimal"
    ) -> "pyarrow.Table":
        """See `table` and `Table.to_arrow`."""
        return self.table(schema, symbol).to_arrow(prices)

    def to_pandas(
        self, schema: SchemaName, symbol: str | None = None, *, prices: Prices = "decimal"
    ) -> "pandas.DataFrame":
        """See `table` and `Table.to_pandas`."""
        return self.table(schema, symbol).to_pandas(prices)

    def to_polars(
        self, schema: SchemaName, symbol: str | None = None, *, prices: Prices = "decimal"
    ) -> "polars.DataFrame":
        """See `table` and `Table.to_polars`."""
        return self.table(schema, symbol).to_polars(prices)


def _of(events: Iterable[Event], symbol: str) -> Iterator[Event]:
    """The events of one instrument."""
    for event in events:
        instrument = getattr(event, "instrument", None)
        if instrument is not None and getattr(instrument, "name", None) == symbol:
            yield event


def _check(prices: str) -> None:
    if prices not in get_args(Prices):
        raise UsageError(f"prices is {', '.join(get_args(Prices))}, not {prices!r}")


def _library(name: str, extra: str) -> Any:
    """An optional library; `UsageError` says how to get it."""
    try:
        return import_module(name)
    except ImportError as error:
        raise UsageError(f"this needs {name}: {how_to_install(extra)}") from error

"""Databento Binary Encoding through the library `databento-dbn`: trades, mbp-1, mbp-10, bbo-1s, bbo-1m and ohlcv.

Prices are in units of 1e-9, as DBN has them. Sizes are lots: DBN has room for 32 bits of them (ohlcv: 64), and the
metadata has no place for their unit, so it stands in the name of the dataset: `DELTAWIRE.E-8` are lots of 1e-8. Where
a size has no room in lots of the instrument, the unit is the coarsest in which all sizes of the file are whole.
A file is of one instrument.
"""

from collections.abc import Iterable
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deltawire.errors import UsageError, how_to_install
from deltawire.tables.schemas import SCHEMAS
from deltawire.tables.values import Row

if TYPE_CHECKING:
    import databento_dbn

SCALE_EXPONENT = -9
UNDEFINED_PRICE, UNDEFINED_TIME = (1 << 63) - 1, (1 << 64) - 1
LARGEST_SIZE = (1 << 32) - 1
PUBLISHER, INSTRUMENT_ID = 0, 1
RECORDS = {
    "trades": "TradeMsg",
    "mbp-1": "MBP1Msg",
    "mbp-10": "MBP10Msg",
    "bbo-1s": "BBOMsg",
    "bbo-1m": "BBOMsg",
    "ohlcv-1s": "OHLCVMsg",
    "ohlcv-1m": "OHLCVMsg",
    "ohlcv-1h": "OHLCVMsg",
    "ohlcv-1d": "OHLCVMsg",
}
"""By schema: the library's type."""


def write(schema: str, rows: Iterable[Row], path: Path) -> int:
    """Write a DBN file; returns the number of records.

    `UsageError` for a schema that DBN cannot hold, for several instruments, sizes beyond 32 bits, or without the
    library.
    """
    if schema not in RECORDS:
        raise UsageError(f"no DBN of {schema}; there is one of {', '.join(RECORDS)}")
    try:
        dbn: Any = import_module("databento_dbn")
    except ImportError as error:
        raise UsageError(f"DBN needs databento-dbn: {how_to_install('dbn')}") from error
    held = list(rows)
    if not held:
        raise UsageError(f"no {schema} in it")
    names = {row.instrument.key for row in held}
    if len(names) > 1:
        raise UsageError(
            f"a DBN file is of one instrument, not of {', '.join(sorted(names)[:3])} …: add --symbol"
        )
    maker = _Maker(dbn, schema, held)
    records = [maker.record(row) for row in held]
    first = held[0].instrument
    metadata = dbn.Metadata(
        dataset=f"DELTAWIRE.E{maker.size_exponent}",
        schema=dbn.Schema.from_str(schema),
        stype_in=dbn.SType.RAW_SYMBOL,
        stype_out=dbn.SType.INSTRUMENT_ID,
        start=maker.times[0],
        end=maker.times[1] + 1,
        symbols=[first.name],
        partial=[],
        not_found=[],
        mappings=[],
    )
    with path.open("wb") as file:
        file.write(metadata.encode())
        for record in records:
            file.write(bytes(record))
    return len(records)


class _Maker:
    """Makes records of rows, all in the finest unit that any of them has."""

    def __init__(self, dbn: Any, schema: str, rows: list[Row]) -> None:
        self._dbn, self._schema = dbn, schema
        self._make = getattr(dbn, RECORDS[schema])
        self._names = SCHEMAS[schema].names
        self.size_exponent = min(row.instrument.size_exponent for row in rows)
        sizes = self._sizes(rows)
        if max(sizes, default=0) > LARGEST_SIZE:
            while all(size % 10 == 0 for size in sizes):
                sizes = {size // 10 for size in sizes}
                self.size_exponent += 1
        times = [self._members(row)["ts_event"] or 0 for row in rows]
        self.times = min(times), max(times)

    def _sizes(self, rows: list[Row]) -> set[int]:
        """The sizes other than 0 of all rows that have 32 bits."""
        columns = SCHEMAS[self._schema].columns
        if self._schema.startswith("ohlcv"):
            return set()
        places = [place for place, column in enumerate(columns) if column.kind == "size"]
        found = set[int]()
        for row in rows:
            lots = 10 ** (row.instrument.size_exponent - self.size_exponent)
            values = (row.values[place] for place in places)
            found.update(value * lots for value in values if isinstance(value, int) and value)
        return found

    def _members(self, row: Row) -> dict[str, Any]:
        return dict(zip(self._names, row.values, strict=True))

    def record(self, row: Row) -> Any:
        """The record of a row."""
        members, instrument = self._members(row), row.instrument
        price_factor = instrument.price_exponent - SCALE_EXPONENT
        if price_factor < 0:
            raise UsageError(f"{instrument.key}: prices are finer than the 1e-9 of DBN")
        finer = instrument.size_exponent - self.size_exponent
        lots, unit = 10 ** max(0, finer), 10 ** max(0, -finer)

        def price(name: str) -> int:
            ticks = members[name]
            return UNDEFINED_PRICE if ticks is None else int(ticks) * 10**price_factor

        def size(name: str) -> int:
            count = (members[name] or 0) * lots // unit
            if count > LARGEST_SIZE:
                raise UsageError(
                    f"{instrument.key}: a size of {count} lots of 1e{self.size_exponent} has no room in the 32 bits of "
                    "DBN; export parquet"
                )
            return int(count)

        where = {
            "publisher_id": PUBLISHER,
            "instrument_id": INSTRUMENT_ID,
            "ts_event": members["ts_event"] or 0,
        }
        if self._schema.startswith("ohlcv"):
            names = ("open", "high", "low", "close")
            rtype = getattr(self._dbn.RType, self._schema.replace("-", "_").upper())
            prices = {name: price(name) for name in names}
            return self._make(rtype=rtype, **where, **prices, volume=(members["volume"] or 0) * lots)
        levels = self._levels(price, size)
        common = {
            "price": price("price"),
            "size": size("size"),
            "side": self._dbn.Side.from_str(members["side"] or "N"),
            "flags": members["flags"] or 0,
            "ts_recv": members["ts_recv"] or UNDEFINED_TIME,
            "sequence": (members["sequence"] or 0) & LARGEST_SIZE,
        }
        if self._schema.startswith("bbo"):
            rtype = getattr(self._dbn.RType, self._schema.replace("-", "_").upper())
            return self._make(rtype=rtype, **where, **common, levels=levels[0])
        common |= {
            "action": self._dbn.Action.from_str(members["action"] or "N"),
            "depth": members["depth"] or 0,
            "ts_in_delta": 0,
        }
        if self._schema == "trades":
            return self._make(**where, **common)
        return self._make(**where, **common, levels=levels[0] if self._schema == "mbp-1" else levels)

    def _levels(self, price: Any, size: Any) -> "list[databento_dbn.BidAskPair]":
        return [
            self._dbn.BidAskPair(
                bid_px=price(f"bid_px_{level:02}"),
                ask_px=price(f"ask_px_{level:02}"),
                bid_sz=size(f"bid_sz_{level:02}"),
                ask_sz=size(f"ask_sz_{level:02}"),
            )
            for level in range(SCHEMAS[self._schema].levels)
        ]

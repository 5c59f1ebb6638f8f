"""Trades that a store has: those of `deltawire compact`, by venue, instrument and time."""

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import msgspec

from deltawire.model.instruments import Instrument
from deltawire.model.numbers import unit
from deltawire.recording.entry import LATEST_NS
from deltawire.recording.event_log import REMADE
from deltawire.recording.parquet import DAY_NS, day_folder
from deltawire.tables.values import SIDES

COLUMNS = "ts_event", "trade_id", "price", "size", "side", "price_exponent", "size_exponent"


class PastTrade(msgspec.Struct, frozen=True, gc=False):
    """A trade; `price` and `size` are the nearest doubles."""

    venue_ns: int
    trade_id: str
    price: float
    size: float
    is_sell: bool


class PastTrades:
    """The trades in a directory; none where nothing has been compacted."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def between(self, instrument: Instrument, from_ns: int, to_ns: int) -> Iterator[PastTrade]:
        """The trades of these times, both included, oldest first, day by day.

        `ImportError` without pyarrow; `OSError` or `ValueError` if a file cannot be read.
        """
        first, last = (
            day_folder(self._directory, "trades", instrument.venue, instrument.name, at_ns // DAY_NS)
            for at_ns in (from_ns, min(to_ns, LATEST_NS))
        )
        for folder in sorted(first.parent.glob("date=*")):
            if first.name <= folder.name <= last.name:
                yield from self._of_day(folder, from_ns, to_ns)

    def _of_day(self, folder: Path, from_ns: int, to_ns: int) -> Iterator[PastTrade]:
        parquet, pa = import_module("pyarrow.parquet"), import_module("pyarrow")
        moment = pa.timestamp("ns", "UTC")
        within = [
            ("ts_event", ">=", pa.scalar(from_ns, moment)),
            ("ts_event", "<=", pa.scalar(min(to_ns, LATEST_NS), moment)),
        ]
        for file in sorted(folder.glob("*.parquet")):
            try:
                table = parquet.read_table(
                    file,
                    columns=list(COLUMNS),
                    filters=within,
                    partitioning=None,
                    page_checksum_verification=True,
                )
            except (OSError, ValueError) as error:
                raise ValueError(f"{file}: {error}; {REMADE}") from error
            times = table.column("ts_event").cast(pa.int64())
            columns: list[list[Any]] = [
                times.to_pylist(),
                *(table.column(name).to_pylist() for name in COLUMNS[1:]),
            ]
            rows = [
                PastTrade(at, name, price / unit(ticks), size / unit(lots), side == SIDES["sell"])
                for at, name, price, size, side, ticks, lots in zip(*columns, strict=True)
            ]
            yield from sorted(rows, key=lambda row: row.venue_ns)

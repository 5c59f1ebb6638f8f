"""Parquet files of rows, by schema, venue, symbol and day: `table/trades/venue=okx/symbol=BTC-USDT/date=2026-11-30/…`.

Prices and sizes are ticks and lots (int64); the columns `price_exponent` and `size_exponent` of each row say of which
power of ten. Times are `timestamp[ns, UTC]`. Venue and symbol are in the path, as every reader of such trees expects.
"""

import contextlib
import os
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.parse import quote

import msgspec

from deltawire.errors import UsageError, how_to_install
from deltawire.tables.schemas import SCHEMAS, Column
from deltawire.tables.values import Row, Value

TABLE = "table"
PARTITION = ("venue", "symbol", "raw_symbol")
"""Columns that the path says."""
EXPONENTS = "price_exponent", "size_exponent"
ROWS_PER_GROUP = 100_000
MOST_WAITING = 1_000_000
"""Rows of all files that wait in memory."""
NEW = ".new"
CHUNK = 1 << 20
DAY_NS = 86_400 * 10**9


class TableFile(msgspec.Struct, frozen=True):
    """A file of the store."""

    path: str
    schema: str
    venue: str
    symbol: str
    date: str
    rows: int
    from_ns: int
    to_ns: int
    crc32: int = 0
    """Of the whole file; 0 is not known."""


Place = tuple[str, str, str, int]
"""Schema, venue, symbol, day since 1970."""


class _Part:
    """The rows of one file that is being written."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.columns = [column for column in SCHEMAS[place[0]].columns if column.name not in PARTITION]
        self.values: list[list[Value]] = []
        self.rows = 0
        self.from_ns, self.to_ns = 0, 0
        self._writer: Any = None

    def add(self, values: list[Value], at_ns: int) -> None:
        """Add a row."""
        if not self.rows:
            self.from_ns = at_ns
        self.values.append(values)
        self.rows += 1
        self.to_ns = max(self.to_ns, at_ns)

    def write(self, path: Path) -> None:
        """Write the rows that wait as a row group."""
        table = _to_arrow(self.columns, self.values)
        if self._writer is None:
            path.parent.mkdir(parents=True, exist_ok=True)
            about = dict(zip(("schema", "venue", "symbol"), self.place[:3], strict=True))
            table = table.replace_schema_metadata(about)
            self._writer = _library("pyarrow.parquet").ParquetWriter(
                path, table.schema, compression="zstd", write_page_checksum=True
            )
        self._writer.write_table(table)
        self.values.clear()

    def close(self) -> None:
        """End the file."""
        if self._writer is not None:
            self._writer.close()


class TableWriter:
    """Writes rows to files of the store. Nothing is to be seen of a file before it is whole and synced."""

    def __init__(self, directory: Path) -> None:
        """`UsageError` without pyarrow."""
        _library("pyarrow")
        self._directory = directory
        self._parts: dict[Place, _Part] = {}
        self._waiting = 0
        for left in directory.glob(f"{TABLE}/**/.*{NEW}"):
            left.unlink()

    def add(self, schema: str, row: Row) -> None:
        """Add a row; its day is that of its first time, `ts_event` or, if that is unknown, `ts_recv`."""
        instrument, columns = row.instrument, SCHEMAS[schema].columns
        times = [
            value
            for column, value in zip(columns, row.values, strict=True)
            if column.kind == "time" and isinstance(value, int) and value
        ]
        at_ns = times[0] if times else 0
        place = schema, instrument.venue, instrument.name, at_ns // DAY_NS
        part = self._parts.get(place)
        if part is None:
            part = self._parts[place] = _Part(place)
        values = [
            value
            for column, value in zip(columns, row.values, strict=True)
            if column.name not in PARTITION and column.name not in EXPONENTS
        ]
        part.add([*values, instrument.price_exponent, instrument.size_exponent], at_ns)
        self._waiting += 1
        if len(part.values) >= ROWS_PER_GROUP or self._waiting >= MOST_WAITING:
            self._write(max(self._parts.values(), key=lambda each: len(each.values)))

    def finish(self) -> list[TableFile]:
        """Write everything; replaces what earlier files have of the same days. Returns the files."""
        files = []
        for part in self._parts.values():
            if part.values:
                self._write(part)
            part.close()
            files.append(self._publish(part))
        self._parts.clear()
        return sorted(files, key=lambda file: file.path)

    def abandon(self) -> None:
        """Remove what is not finished."""
        for part in self._parts.values():
            with contextlib.suppress(OSError):
                part.close()
            self._temporary(part).unlink(missing_ok=True)
        self._parts.clear()

    def _write(self, part: _Part) -> None:
        self._waiting -= len(part.values)
        part.write(self._temporary(part))

    def _temporary(self, part: _Part) -> Path:
        return self._folder(part) / f".{id(part)}{NEW}"

    def _folder(self, part: _Part) -> Path:
        return day_folder(self._directory, *part.place)

    def _publish(self, part: _Part) -> TableFile:
        folder, temporary = self._folder(part), self._temporary(part)
        name = f"{_stamp(part.from_ns)}_{_stamp(part.to_ns)}.parquet"
        sync(temporary)
        checksum = file_crc32(temporary)
        os.replace(temporary, folder / name)
        for old in folder.glob("*.parquet"):
            if old.name != name:
                old.unlink()
        sync(folder)
        schema, venue, symbol, day = part.place
        path = (folder / name).relative_to(self._directory).as_posix()
        return TableFile(
            path, schema, venue, symbol, _date(day), part.rows, part.from_ns, part.to_ns, checksum
        )


def day_folder(directory: Path, schema: str, venue: str, symbol: str, day: int) -> Path:
    """Where the rows of a day (since 1970) are."""
    names = f"venue={_escaped(venue)}", f"symbol={_escaped(symbol)}", f"date={_date(day)}"
    return directory.joinpath(TABLE, schema, *names)


def _to_arrow(columns: list[Column], rows: list[list[Value]]) -> Any:
    pa = _library("pyarrow")
    types = {
        "time": pa.timestamp("ns", "UTC"),
        "price": pa.int64(),
        "size": pa.int64(),
        "int": pa.int64(),
        "float": pa.float64(),
        "flags": pa.uint8(),
        "text": pa.string(),
    }
    names = [column.name for column in columns if column.name not in EXPONENTS]
    kinds = [column.kind for column in columns if column.name not in EXPONENTS]
    arrays = []
    for place, kind in enumerate(kinds):
        values = [row[place] for row in rows]
        if kind == "time":
            arrays.append(pa.array([value or None for value in values], pa.int64()).cast(types["time"]))
        else:
            arrays.append(pa.array(values, types[kind]))
    places = range(len(kinds), len(kinds) + len(EXPONENTS))
    arrays += [pa.array([row[place] for row in rows], pa.int8()) for place in places]
    return pa.table(arrays, names=[*names, *EXPONENTS])


def table_files(directory: Path, schema: str) -> Iterator[Path]:
    """The files of a schema."""
    yield from sorted((directory / TABLE / schema).glob("**/*.parquet"))


def _date(day: int) -> str:
    return f"{datetime.fromtimestamp(day * 86_400, UTC):%Y-%m-%d}"


def _stamp(at_ns: int) -> str:
    """A time as nautilus writes it in names: `2026-11-30T01-44-55-123456789Z`."""
    return f"{datetime.fromtimestamp(at_ns // 10**9, UTC):%Y-%m-%dT%H-%M-%S}-{at_ns % 10**9:09}Z"


def _escaped(name: str) -> str:
    return quote(name, safe="-_.~:")


def file_crc32(path: Path) -> int:
    """The checksum of a file."""
    checksum = 0
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            checksum = zlib.crc32(chunk, checksum)
    return checksum


def sync(path: Path) -> None:
    """Make a file, or the names in a folder, durable."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _library(name: str) -> Any:
    try:
        return import_module(name)
    except ImportError as error:
        raise UsageError(f"Parquet needs pyarrow: {how_to_install('arrow')}") from error

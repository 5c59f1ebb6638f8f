"""Writes what other programs read, from a recording or from a CSV file of Tardis."""

import csv
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from importlib import import_module
from os.path import isfile
from pathlib import Path
from typing import Any, Literal

import msgspec

from deltawire.errors import UsageError
from deltawire.model.events import Event, Fault
from deltawire.recording.exports import dbn, hftbacktest, tardis
from deltawire.roles.compaction import events_at
from deltawire.tables import Table, rows, schema_of
from deltawire.tables.table import Prices
from deltawire.tables.values import Value

Format = Literal["parquet", "csv", "tardis", "dbn", "npz"]
NPZ_SCHEMAS = ("book",)


class Export(msgspec.Struct, frozen=True):
    """What is exported: of which instrument (empty: all), from and up to which time (0: all)."""

    schema: str
    format: Format
    symbol: str = ""
    venue: str = ""
    from_ns: int = 0
    to_ns: int = 0
    prices: Prices = "float"


def selected_events(
    path: Path, export: Export, on_fault: Callable[[Fault], None] | None = None
) -> Iterator[Event]:
    """The events of a path that are asked for; those before `from_ns` only as far as they make the books known.

    `on_fault` hears of every fault, whatever is asked for.
    """
    if isfile(path) and tardis.is_tardis(path):
        events: Iterable[Event] = tardis.read(path)
    else:
        events = events_at(path, export.venue, export.from_ns)
    for event in events:
        if isinstance(event, Fault) and on_fault is not None:
            on_fault(event)
        instrument = getattr(event, "instrument", None)
        name = getattr(instrument, "name", instrument)
        if export.symbol and name != export.symbol:
            continue
        if export.to_ns and getattr(event, "seen_ns", 0) >= export.to_ns:
            continue
        yield event


def write(path: Path, export: Export, out: Path, *, on_fault: Callable[[Fault], None] | None = None) -> int:
    """Export to a file; returns the number of its rows. It is there whole, or as it was before.

    `on_fault` hears of what could not be read.
    `UsageError` if the schema has no such format, or a library is missing.
    """
    schema_of(export.schema)
    if export.format == "npz" and export.schema not in NPZ_SCHEMAS:
        raise UsageError(f"npz holds books and trades together: --schema {NPZ_SCHEMAS[0]}")
    events = selected_events(path, export, on_fault)
    with _whole(out) as temporary:
        match export.format:
            case "npz":
                count = hftbacktest.write(_since(events, export.from_ns), temporary)
            case "tardis":
                count = _write_csv(tardis.rows(export.schema, _since(events, export.from_ns)), temporary)
            case "dbn":
                found = [row for row in rows(export.schema, events) if _is_since(export, row.values)]
                count = dbn.write(export.schema, found, temporary)
            case _:
                count = _write_table(export, events, temporary)
    return count


def _since(events: Iterable[Event], from_ns: int) -> Iterator[Event]:
    """The events from a time on; formats without a state of the book begin with what was before."""
    if from_ns:
        raise UsageError("--from needs a format of rows (parquet, csv, dbn): the others begin where books do")
    yield from events


def _is_since(export: Export, values: tuple[Any, ...]) -> bool:
    if not export.from_ns:
        return True
    columns = schema_of(export.schema).columns
    times = [
        value
        for column, value in zip(columns, values, strict=True)
        if column.kind == "time" and isinstance(value, int) and value
    ]
    return bool(times) and times[0] >= export.from_ns


def _write_table(export: Export, events: Iterable[Event], out: Path) -> int:
    schema = schema_of(export.schema)
    found = [row for row in rows(export.schema, events) if _is_since(export, row.values)]
    table = Table(schema, found)
    if export.format == "csv":
        columns = table.columns(export.prices if export.prices == "fixed" else "decimal")
        lines = zip(*columns.values(), strict=True)
        texts = (tuple("" if value is None else _text(value) for value in line) for line in lines)
        return _write_csv(_chain(schema.names, texts), out)
    arrow = table.to_arrow(export.prices)
    import_module("pyarrow.parquet").write_table(arrow, out, compression="zstd")
    return len(found)


def _chain(names: tuple[str, ...], lines: Iterable[tuple[str, ...]]) -> Iterator[tuple[str, ...]]:
    yield names
    yield from lines


def _text(value: Value | Decimal) -> str:
    if isinstance(value, Decimal):
        return f"{value:f}"
    return repr(value) if isinstance(value, float) else str(value)


def _write_csv(lines: Iterable[tuple[str, ...]], out: Path) -> int:
    count = -1
    with out.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        for count, line in enumerate(lines):  # noqa: B007
            writer.writerow(line)
    return max(0, count)


@contextmanager
def _whole(out: Path) -> Iterator[Path]:
    """A file beside the one that is wanted, which it becomes at the end."""
    temporary = out.with_name(f".{out.name}.new")
    try:
        temporary.open("wb").close()
    except OSError as error:
        raise UsageError(f"cannot write {out}: {error.strerror}") from error
    try:
        yield temporary
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        os.replace(temporary, out)
    finally:
        temporary.unlink(missing_ok=True)

"""Makes tables of recordings, and recompresses the recordings themselves."""

from collections.abc import Collection, Iterator
from pathlib import Path

import msgspec

from deltawire.errors import UsageError
from deltawire.model.events import Event, Fault
from deltawire.recording.directory import RecordedDirectory
from deltawire.recording.disk import LocalDisk
from deltawire.recording.event_log import EventLogWriter, StoredEvents
from deltawire.recording.manifest import Coverage, write_manifest
from deltawire.recording.parquet import TableFile, TableWriter
from deltawire.recording.recording import OWN_NAME
from deltawire.recording.repairing import rewritten
from deltawire.recording.stream import RAW
from deltawire.recording.unit_files import is_finished
from deltawire.sources.recorded import batches_at, recorded_sizes
from deltawire.tables import RowMaker, row_maker

SCHEMAS = "trades", "book", "ticker", "definition", "status"
"""What a store has unless something else is asked for: all else can be made of these."""
COMPACT_LEVEL, COMPACT_BYTES = 12, 256 * 1024
SMALL_LEVEL, SMALL_BYTES = 16, 4 * 1024 * 1024
"""Of files up to this size, for which the time of the higher level is short."""


class Compaction(msgspec.Struct, frozen=True):
    """What was made: tables, logs of events, the bytes of the recordings before and after, and what cannot be read."""

    files: list[TableFile]
    stored: list[StoredEvents]
    before: int
    after: int
    faults: list[Fault]


def events_at(path: Path, venue: str = "", from_ns: int = 0) -> Iterator[Event]:
    """All verified events of a path, venue by venue; with `from_ns` beginning where books are known then."""
    for batch in batches_at(path, venue, from_ns):
        yield from batch.events


def compact(directory: Path, schemas: Collection[str] = SCHEMAS, *, venue: str = "") -> Compaction:
    """Make tables and logs of everything in a directory, write the manifest, and recompress finished files.

    `UsageError` if it has no recording, if a recorder uses it, or without pyarrow.
    """
    batches = batches_at(directory, venue)
    disk = LocalDisk(directory)
    logs: dict[str, EventLogWriter] = {}
    faults: list[Fault] = []
    tables: list[TableWriter] = []
    try:
        writer, coverage = TableWriter(directory), Coverage()
        tables.append(writer)
        makers: dict[str, RowMaker] = {schema: row_maker(schema) for schema in schemas}
        for batch in batches:
            if batch.venue not in logs:
                logs[batch.venue] = EventLogWriter(directory, batch.venue)
            logs[batch.venue].add(batch)
            for event in batch.events:
                coverage.take(event)
                if isinstance(event, Fault):
                    faults.append(event)
                for schema, maker in makers.items():
                    for row in maker.take(event):
                        writer.add(schema, row)
        for schema, maker in makers.items():
            for row in maker.finish():
                writer.add(schema, row)
        files = writer.finish()
        if not files:
            raise UsageError(f"{directory}: nothing in it makes a table of {', '.join(schemas)}")
        before, after = _recompress(disk)
        sizes = recorded_sizes(directory, venue)
        stored = [log.finish(sizes[name]) for name, log in logs.items()]
        write_manifest(disk, files, coverage, RecordedDirectory(directory).ledger(), stored, faults)
    finally:
        for table in tables:
            table.abandon()
        for log in logs.values():
            log.abandon()
        disk.release()
    return Compaction(files, stored, before, after, faults)


def recompress(directory: Path) -> tuple[int, int]:
    """Pack a directory's finished files more tightly, and nothing else; returns the bytes before and after."""
    disk = LocalDisk(directory)
    try:
        return _recompress(disk)
    finally:
        disk.release()


def _recompress(disk: LocalDisk) -> tuple[int, int]:
    """Pack finished files more tightly; returns the bytes before and after."""
    before = after = 0
    for name in disk.names(f"{RAW}/**/*{OWN_NAME}"):
        path = disk.path(name)
        size = path.stat().st_size
        with path.open("rb") as raw:
            finished = is_finished(raw)
        if finished:
            level = SMALL_LEVEL if size <= SMALL_BYTES else COMPACT_LEVEL
            content = rewritten(disk, name, level=level, unit_bytes=COMPACT_BYTES)
            if len(content) < size:
                disk.replace(name, content)
        before, after = before + size, after + path.stat().st_size
    return before, after

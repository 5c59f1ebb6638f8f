"""Reads all that `deltawire compact` has written to a directory, and says what of it is damaged."""

from collections.abc import Iterator
from pathlib import Path

import msgspec

from deltawire.errors import NOT_DECODED
from deltawire.recording.event_log import REMADE, StoredEvents
from deltawire.recording.manifest import NAME
from deltawire.recording.parquet import TableFile, file_crc32
from deltawire.recording.unit_files import Damage, read_units


class StoreDamage(msgspec.Struct, frozen=True):
    """A file of the store that is not what was written, and the last time before the damage (0: not known)."""

    file: str
    reason: str
    at_ns: int = 0


class _Contents(msgspec.Struct, frozen=True):
    tables: list[TableFile] = []
    events: list[StoredEvents] = []


def damaged_in_store(directory: Path) -> Iterator[StoreDamage]:
    """What is damaged or missing of a store; nothing where there is none."""
    path = directory / NAME
    if not path.exists():
        return
    try:
        contents = msgspec.json.decode(path.read_bytes(), type=_Contents)
    except (OSError, *NOT_DECODED) as error:
        yield StoreDamage(NAME, f"{error}; {REMADE}")
        return
    for log in contents.events:
        if reason := _fault(directory / log.path, log.crc32):
            yield from _places(directory, log) or [StoreDamage(log.path, reason)]
    for table in contents.tables:
        if reason := _fault(directory / table.path, table.crc32):
            yield StoreDamage(table.path, reason)


def _fault(path: Path, crc32: int) -> str:
    try:
        found = file_crc32(path)
    except OSError as error:
        return f"{error.strerror}; {REMADE}"
    return "" if crc32 in (0, found) else f"it is not what was written; {REMADE}"


def _places(directory: Path, log: StoredEvents) -> list[StoreDamage]:
    """The damaged places between the units of a log."""
    at_ns, found = 0, list[StoreDamage]()
    path = directory / log.path
    if not path.is_file():
        return found
    with path.open("rb") as raw:
        for unit in read_units(raw):
            if isinstance(unit, Damage):
                found.append(StoreDamage(log.path, f"{unit}; {REMADE}", at_ns))
            else:
                at_ns = unit[0].head.last_ns
    return found

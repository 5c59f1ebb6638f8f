"""The verified events of one venue in a store, and in each unit of them the state before it: where a seek begins.

events/okx.dwe.zst    units as in recordings; the first line of each has the events that make the state before it
"""

import contextlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import BinaryIO
from urllib.parse import quote

import msgspec

from deltawire.errors import NOT_DECODED, RecordingError
from deltawire.model.events import Event, Fault, Status
from deltawire.ports import Batch
from deltawire.recording.event_rows import RowReader, RowWriter
from deltawire.recording.parquet import file_crc32, sync
from deltawire.recording.present import Present
from deltawire.recording.unit_files import read_index
from deltawire.recording.units import HEAD_SIZE, Index, Placed, format_end, format_unit, parse_head, unpack

FOLDER = "events"
UNIT_BYTES = 512 * 1024
"""A unit has this many bytes of events, or as many as its state has if these are more."""
LEVEL = 3
REMADE = "`deltawire compact` makes it anew"


class StoredEvents(msgspec.Struct, frozen=True):
    """A log of events: of which venue and times, and which recorded files, of what sizes, it was made of."""

    path: str
    venue: str
    from_ns: int
    to_ns: int
    units: int
    bytes: int
    made_of: dict[str, int]
    crc32: int = 0
    """Of the whole file; 0 is not known."""


class EventLogWriter:
    """Writes the log of a venue. Nothing is at its place before `finish`."""

    def __init__(self, directory: Path, venue: str, *, unit_bytes: int = UNIT_BYTES) -> None:
        self._venue = venue
        self._unit_bytes = unit_bytes
        self._path = directory / FOLDER / f"{quote(venue, safe='-_.~')}.dwe.zst"
        self._path.parent.mkdir(exist_ok=True)
        self._temporary = self._path.with_name(f".{self._path.name}.new")
        self._file = self._temporary.open("wb")
        self._present = Present()
        self._rows = RowWriter()
        self._lines: list[bytes] = []
        self._size = self._room = self._written = 0
        self._first_ns = self._last_ns = 0
        self._units: list[Placed] = []
        self._next_line = 1

    def add(self, batch: Batch) -> None:
        """Add what a moment gave."""
        if not batch.events:
            return
        if not self._lines:
            self._begin_unit(batch.at_ns)
        line = self._rows.line(batch.at_ns, batch.events)
        self._lines.append(line)
        self._size += len(line)
        self._last_ns = batch.at_ns
        for event in batch.events:
            self._present.take(event)
        if self._size >= self._room:
            self._end_unit()

    def finish(self, made_of: Mapping[str, int]) -> StoredEvents:
        """Put the log at its place, whole and synced; `made_of` are the sizes of the files that it was made of."""
        if self._lines:
            self._end_unit()
        self._file.write(format_end(self._units))
        self._file.close()
        sync(self._temporary)
        checksum = file_crc32(self._temporary)
        os.replace(self._temporary, self._path)
        sync(self._path.parent)
        heads = [unit.head for unit in self._units]
        times = (heads[0].first_ns, heads[-1].last_ns) if heads else (0, 0)
        path = f"{FOLDER}/{self._path.name}"
        return StoredEvents(path, self._venue, *times, len(heads), self._written, dict(made_of), checksum)

    def abandon(self) -> None:
        """Leave what was there before."""
        self._file.close()
        self._temporary.unlink(missing_ok=True)

    def _begin_unit(self, at_ns: int) -> None:
        self._rows = RowWriter()
        self._first_ns = at_ns
        state = self._rows.line(at_ns, self._present.events(at_ns))
        self._lines = [state]
        self._size, self._room = 0, max(self._unit_bytes, len(state))

    def _end_unit(self) -> None:
        content = b"".join(self._lines)
        data = format_unit(content, self._first_ns, self._last_ns, self._next_line, level=LEVEL)
        head = parse_head(data)
        assert head is not None
        self._units.append(Placed(self._written, head))
        self._file.write(data)
        self._written += len(data)
        self._next_line += len(self._lines)
        self._lines = []


class DamagedUnit(Exception):  # noqa: N818 (reading goes on behind it)
    """A unit cannot be read, for this reason."""


class EventLog:
    """The log of a venue, read from a time on."""

    def __init__(self, path: Path, venue: str) -> None:
        self._path, self._venue = path, venue

    def fault(self, from_ns: int) -> str:
        """Why a seek to this time cannot begin with the state then; empty if it can."""
        try:
            with self._path.open("rb") as raw:
                index = self._index(raw)
                if len(index):
                    _content(raw, index.unit(min(index.at(from_ns), len(index) - 1)))
        except (OSError, RecordingError, DamagedUnit) as error:
            return f"{self._path}: {error}"
        return ""

    def batches(self, from_ns: int) -> Iterator[Batch]:
        """The state right before a time as one batch, then what came at that time and later.

        A damaged unit is a `Fault` after which the live books are stale, and reading goes on with the state before the
        next one. `RecordingError` if no unit can be found because the index is damaged.
        """
        with self._path.open("rb") as raw:
            index = self._index(raw)
            state, begun, lost, last_ns = Present(), False, False, from_ns - 1
            first = min(index.at(from_ns), len(index) - 1)
            for number in range(max(0, first), len(index)):
                try:
                    for place, batch in enumerate(self._unit(raw, index.unit(number))):
                        if place == 0 and (lost or not begun):
                            state, before_ns = Present(), batch.at_ns if lost else from_ns - 1
                            lost = False
                            _follow(state, batch)
                            if begun:
                                yield from _batch(self._venue, state, before_ns)
                        elif place and not begun and batch.at_ns < from_ns:
                            _follow(state, batch)
                        elif place:
                            if not begun:
                                begun = True
                                yield from _batch(self._venue, state, before_ns)
                            yield batch
                            last_ns = batch.at_ns
                except DamagedUnit as damage:
                    reason = f"{self._path.name}, unit {number + 1} of {len(index)}: {damage}"
                    events: list[Event] = [Fault(self._venue, last_ns, reason)]
                    if begun and not lost:
                        events += self._stale(raw, index, number, last_ns)
                    state, lost = Present(), True
                    yield Batch(self._venue, last_ns, events)
            if not begun and not lost:
                yield from _batch(self._venue, state, from_ns - 1)

    def _stale(self, raw: BinaryIO, index: Index, number: int, at_ns: int) -> Iterator[Event]:
        """Every book that was live where this unit is damaged is not any more."""
        state = Present()
        for each in range(max(0, number - 1), number + 1):
            with contextlib.suppress(DamagedUnit):
                for batch in self._unit(raw, index.unit(each)):
                    _follow(state, batch)
        for instrument in state.live():
            yield Status(instrument, "stale", "lost", at_ns, "stored events are damaged")

    def _index(self, raw: BinaryIO) -> Index:
        index = read_index(raw)
        if index is None:
            raise RecordingError(str(self._path), "its end", f"there is no index; {REMADE}")
        return index

    def _unit(self, raw: BinaryIO, place: Placed) -> Iterator[Batch]:
        content = _content(raw, place)
        reader = RowReader(self._venue)
        try:
            for line in content.splitlines():
                yield reader.batch(line)
        except (*NOT_DECODED, KeyError) as error:
            raise DamagedUnit(f"a line that is none of ours: {error}; {REMADE}") from error


def _content(raw: BinaryIO, place: Placed) -> bytes:
    """The lines of a unit; `DamagedUnit` if they are not what was written."""
    raw.seek(place.offset)
    head = parse_head(raw.read(HEAD_SIZE))
    content = unpack(head, raw.read(head.packed)) if head is not None else "bytes that are no frame"
    if isinstance(content, str):
        raise DamagedUnit(f"{content}; {REMADE}")
    return content


def _follow(state: Present, batch: Batch) -> None:
    for event in batch.events:
        state.take(event)


def _batch(venue: str, state: Present, at_ns: int) -> Iterator[Batch]:
    """The state at a time; nothing where nothing is known yet."""
    if events := state.events(at_ns):
        yield Batch(venue, at_ns, events)

"""A recording on disk: its records in order, from one file, from several, and from the files that belong to them."""

import heapq
import os
import re
from collections.abc import Iterator, Sequence
from operator import attrgetter
from pathlib import Path
from typing import BinaryIO

import msgspec

from deltawire.errors import RecordingError, UsageError
from deltawire.recording.containers import unit_pieces
from deltawire.recording.entry import RecordingEntry
from deltawire.recording.formats import Reader
from deltawire.recording.lines import Damaged, Lines
from deltawire.recording.own_lines import FIRST, Origin, parse_origin, read_entries
from deltawire.recording.stamps import Clock
from deltawire.recording.unit_files import find_unit

_PACKED = r"(?:\.(?:gz|zst|bz2|xz))?"
OWN_NAME = ".dwr.zst"
_LOG_NAME = re.compile(rf"(.+)\.ws\.\d+\.(\d+){_PACKED}")
NO_FORMAT = (
    "a recording is '<stamp> <json>' lines, JSON lines, a CBCAP1 file, a 'wss://… <-> t' log, or what `deltawire "
    "record` writes"
)


class Recording:
    """A recording on disk. `records` may be called several times; `progress` and `clock` refer to the last call.

    One in several files, which follow each other, is named by their folder.
    """

    def __init__(self, path: str | Path, files: Sequence[Path] | None = None) -> None:
        self.path = Path(path)
        self._files = [self.path] if files is None else list(files)
        self._sizes = [self._size(file) for file in self._files]
        self._read_bytes = 0
        self._raw: BinaryIO | None = None
        self.clock = Clock(str(self.path))
        """The clock of the stamps, as found by the last `records`."""

    @property
    def files(self) -> list[Path]:
        """Its files, in order."""
        return list(self._files)

    def probe(self) -> None:
        """Raise `RecordingError` if this is not a recording: if not even one record can be read."""
        if next((record for record in self.records() if record.kind != "damaged"), None) is None:
            raise RecordingError(
                str(self.path),
                "line 1",
                "nothing can be read" if len(self._files) > 1 else "the file is empty",
            )

    def records(self, from_ns: int = 0) -> Iterator[RecordingEntry]:
        """Yield every record in order, and `damaged` ones where something cannot be read.

        With `from_ns`, those of this time and later; our own files are not read before it. Raises `RecordingError` if
        no file has a known format, or the stamps match no clock; of several files one like that is damage.
        """
        self._read_bytes = 0
        single = len(self._files) == 1
        for file, size in zip(self._files, self._sizes, strict=True):
            if from_ns and file.name.endswith(OWN_NAME) and self._begin(file, from_ns) is None:
                continue
            records = self._records(file, from_ns)
            yield from records if single else _named(records, file.name)
            self._read_bytes += size

    def origin(self) -> Origin | None:
        """Of which venue and connection it is, where its first file says so."""
        with self._opened(self._files[0]) as raw:
            try:
                return parse_origin(Lines(raw).read())
            except Damaged:
                return None

    def progress(self) -> float:
        """The share of the recording that has been read, from 0 to 1."""
        at = 0 if self._raw is None or self._raw.closed else self._raw.tell()
        return min(1.0, (self._read_bytes + at) / max(1, sum(self._sizes)))

    def _size(self, file: Path) -> int:
        with self._opened(file) as raw:
            return os.fstat(raw.fileno()).st_size

    def _begin(self, file: Path, from_ns: int) -> tuple[int, int] | None:
        """Where to begin in a file of ours: the offset and the number of the first line; None behind its end."""
        with self._opened(file) as raw:
            unit = find_unit(raw, from_ns)
        return None if unit is None else (unit.offset, unit.head.first_line)

    def _records(self, file: Path, from_ns: int) -> Iterator[RecordingEntry]:
        begin = self._begin(file, from_ns) if from_ns and file.name.endswith(OWN_NAME) else None
        with self._opened(file) as raw:
            self._raw = raw
            self.clock = Clock(str(file))
            records = _read(file, raw, self.clock, *(begin or (0, 1)))
            match = _LOG_NAME.fullmatch(file.name)
            records = records if match is None else self._merged(file, records, match[1], match[2])
            yield from records if not from_ns else (each for each in records if each.at_ns >= from_ns)
            self._raw = None

    def _merged(
        self, file: Path, records: Iterator[RecordingEntry], name: str, number: str
    ) -> Iterator[RecordingEntry]:
        """The records with the REST bodies.

        Those fetched before the connection come at its time, often minutes later.
        """
        head = next(records, None)
        if head is None:
            return
        for path in _beside(file, rf"{re.escape(name)}\.{number}{_PACKED}"):
            for fetched in self._bodies(path):
                yield msgspec.structs.replace(fetched, at_ns=head.at_ns)
        yield head
        during = [
            sorted(self._bodies(path), key=attrgetter("at_ns"))
            for path in _beside(file, rf"{re.escape(name)}\.http\.\d+\.\d+{_PACKED}")
        ]
        later = [
            (msgspec.structs.replace(body, at_ns=max(body.at_ns, head.at_ns)) for body in bodies)
            for bodies in during
        ]
        yield from heapq.merge(records, *later, key=attrgetter("at_ns"))

    def _bodies(self, path: Path) -> Iterator[RecordingEntry]:
        """The fetched bodies and the damage in an additional file."""
        with self._opened(path) as raw:
            for record in _read(path, raw, Clock(str(path))):
                if record.kind in ("damaged", "fetched"):
                    yield msgspec.structs.replace(record, file=path.name)

    def _opened(self, path: Path) -> BinaryIO:
        """Open the file; `UsageError` in one line if it cannot be read."""
        try:
            if path.is_file():
                return path.open("rb")
            what = "not a file" if path.exists() else "no such file"
            raise UsageError(f"{what}: {path}")
        except (OSError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) else error
            raise UsageError(f"cannot read {path}: {why}") from error


def _beside(file: Path, pattern: str) -> list[Path]:
    """The files in the same folder with such names."""
    return sorted(path for path in file.parent.iterdir() if re.fullmatch(pattern, path.name))


def _named(records: Iterator[RecordingEntry], name: str) -> Iterator[RecordingEntry]:
    """The records of one of several files; if it is none of a recording, one that says so."""
    at_ns, is_known, held = 0, False, list[RecordingEntry]()
    try:
        for record in records:
            at_ns = record.at_ns
            held.append(msgspec.structs.replace(record, file=record.file or name))
            is_known |= record.kind != "damaged"
            if is_known:
                yield from held
                held.clear()
        yield from held
    except RecordingError as error:
        yield RecordingEntry("damaged", at_ns, line=1, reason=error.reason, file=name)


def _read(
    path: Path, raw: BinaryIO, clock: Clock, start: int = 0, first_line: int = 1
) -> Iterator[RecordingEntry]:
    """The records of a file; `RecordingError` when it is clear that it has none."""
    own = path.name.endswith(OWN_NAME)
    lines = Lines(raw, unit_pieces(raw, start)) if own else Lines(raw)
    if own or _is_own(lines):
        lines.begins_at(first_line)
        clock.use_wall_ns()
        yield from read_entries(lines)
        return
    reader = Reader(lines)
    reason = ""
    for record in clock.times(reader.entries()):
        if not reason and record.kind == "damaged":
            reason = record.reason
        yield record
    if not reader.known:
        raise RecordingError(str(path), "line 1", f"{reason}; {NO_FORMAT}" if reason else "the file is empty")


def _is_own(lines: Lines) -> bool:
    """Whether these are the lines of a file of ours; what was read is put back."""
    try:
        first = lines.read()
    except Damaged as damage:
        lines.put_back(b"", str(damage))
        return False
    lines.put_back(first)
    return first.startswith(FIRST)

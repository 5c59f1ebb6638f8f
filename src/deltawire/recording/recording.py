"""A recording on disk: its records in order, from the file itself and the files that belong to it."""

import heapq
import os
import re
from collections.abc import Iterator
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

_PACKED = r"(?:\.(?:gz|zst|bz2|xz))?"
OWN_NAME = ".dwr.zst"
_LOG_NAME = re.compile(rf"(.+)\.ws\.\d+\.(\d+){_PACKED}")
NO_FORMAT = "a recording is '<stamp> <json>' lines, JSON lines, a CBCAP1 file or a 'wss://… <-> t' log"


class Recording:
    """A recording on disk. `records` may be called several times; `progress` and `clock` refer to the last call."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        with self._opened(self.path) as raw:
            self._size = max(1, os.fstat(raw.fileno()).st_size)
        self._raw: BinaryIO | None = None
        self.clock = Clock(str(self.path))
        """The clock of the stamps, as found by the last `records`."""

    def probe(self) -> None:
        """Raise `RecordingError` if this is not a recording: if not even one record can be read."""
        if next((record for record in self.records() if record.kind != "damaged"), None) is None:
            raise RecordingError(str(self.path), "line 1", "the file is empty")

    def records(self) -> Iterator[RecordingEntry]:
        """Yield every record in order, and `damaged` ones where something cannot be read.

        Raises `RecordingError` if the file has no known format, or its stamps match no clock.
        """
        with self._opened(self.path) as raw:
            self._raw = raw
            self.clock = Clock(str(self.path))
            records = _read(self.path, raw, self.clock)
            match = _LOG_NAME.fullmatch(self.path.name)
            yield from records if match is None else self._merged(records, match[1], match[2])
            self._raw = None

    def progress(self) -> float:
        """The share of the file that has been read, from 0 to 1."""
        return 0.0 if self._raw is None or self._raw.closed else self._raw.tell() / self._size

    def _merged(self, records: Iterator[RecordingEntry], name: str, number: str) -> Iterator[RecordingEntry]:
        """The records with the REST bodies.

        Those fetched before the connection come at its time, often minutes later.
        """
        head = next(records, None)
        if head is None:
            return
        for path in self._beside(rf"{re.escape(name)}\.{number}{_PACKED}"):
            for fetched in self._bodies(path):
                yield msgspec.structs.replace(fetched, at_ns=head.at_ns)
        yield head
        during = [
            sorted(self._bodies(path), key=attrgetter("at_ns"))
            for path in self._beside(rf"{re.escape(name)}\.http\.\d+\.\d+{_PACKED}")
        ]
        later = [
            (msgspec.structs.replace(body, at_ns=max(body.at_ns, head.at_ns)) for body in bodies)
            for bodies in during
        ]
        yield from heapq.merge(records, *later, key=attrgetter("at_ns"))

    def _beside(self, pattern: str) -> list[Path]:
        """The files in the same folder with such names."""
        return sorted(path for path in self.path.parent.iterdir() if re.fullmatch(pattern, path.name))

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


def _read(path: Path, raw: BinaryIO, clock: Clock) -> Iterator[RecordingEntry]:
    """The records of a file; `RecordingError` when it is clear that it has none."""
    own = path.name.endswith(OWN_NAME)
    lines = Lines(raw, unit_pieces(raw, 0)) if own else Lines(raw)
    if own or _is_own(lines):
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


def read_origin(raw: BinaryIO) -> Origin | None:
    """Of which connection a file of ours is; None if it is not ours."""
    raw.seek(0)
    try:
        return parse_origin(Lines(raw).read())
    except Damaged:
        return None


def _is_own(lines: Lines) -> bool:
    """Whether these are the lines of a file of ours; what was read is put back."""
    try:
        first = lines.read()
    except Damaged as damage:
        lines.put_back(b"", str(damage))
        return False
    lines.put_back(first)
    return first.startswith(FIRST)

"""The files of one connection: lines become units, units are synced, files are finished and followed by others."""

import re
from datetime import UTC, datetime
from urllib.parse import quote

import msgspec

from deltawire.recording.disk import Disk
from deltawire.recording.own_lines import Origin, format_note, format_origin
from deltawire.recording.recording import OWN_NAME
from deltawire.recording.units import HEAD_SIZE, Placed, format_end, format_unit, parse_head

RAW = "raw"
MOST_CUT = 4 * 1024 * 1024
_NUMBERED = re.compile(r"(\d{6,})-")


class Limits(msgspec.Struct, frozen=True):
    """How a recorder writes."""

    frame_bytes: int = 256 * 1024
    """The content of a unit; one of a quiet connection is smaller."""
    sync_s: float = 1.0
    """What came is durable after this time, and what a disk takes."""
    rotate_bytes: int = 256 * 1024 * 1024
    rotate_s: float = 3600.0
    queue_bytes: int = 64 * 1024 * 1024
    """What waits for the disk; beyond it frames are left out, and counted."""
    level: int = 1
    """Of compression."""
    quiet_level: int = 9
    """Of compression of what is written because it is time, while all that waits does not fill a unit."""
    retry_s: float = 1.0
    """How long after an error the disk is tried again."""


class Loss(msgspec.Struct):
    """Frames of a connection that are not on disk, and why."""

    reason: str
    from_ns: int
    to_ns: int
    frames: int
    bytes: int

    def grow(self, from_ns: int, to_ns: int, frames: int, size: int) -> None:
        """More frames behind these."""
        if not self.frames:
            self.from_ns = from_ns
        self.to_ns = to_ns
        self.frames += frames
        self.bytes += size


def folder_of(connection: str) -> str:
    """The folder of a connection's files."""
    return "/".join([RAW, *map(_folder_name, connection.split("/", 1))])


def _folder_name(part: str) -> str:
    """A name of its own below its folder, whatever the part is."""
    quoted = quote(part, safe="") or "-"
    return quoted if quoted.strip(".") else quoted.replace(".", "%2E")


def file_name(number: int, at_ns: int) -> str:
    """`000001-20261130T014455.123456789Z.dwr.zst`: the number decides the order, clocks may go back."""
    at = datetime.fromtimestamp(at_ns // 1_000_000_000, UTC)
    return f"{number:06}-{at:%Y%m%dT%H%M%S}.{at_ns % 1_000_000_000:09}Z{OWN_NAME}"


def number_of(name: str) -> int:
    """The number in a file's name, 0 if there is none."""
    match = _NUMBERED.match(name.rpartition("/")[2])
    return int(match[1]) if match else 0


class Stream:
    """The recording of one connection. Raises nothing: what cannot be written is a `Loss`."""

    def __init__(self, disk: Disk, connection: str, limits: Limits) -> None:
        self.connection = connection
        self._disk, self._limits = disk, limits
        self._folder = folder_of(connection)
        self._number = max(map(number_of, disk.names(f"{self._folder}/*{OWN_NAME}")), default=0)
        self._name = ""
        self._begun_s = 0.0
        self._size = 0
        self._next_line = 1
        self._units: list[Placed] = []
        self._lines: list[bytes] = []
        self._content = 0
        self._waiting = Loss("", 0, 0, 0, 0)
        """The frames of the lines and of the units that are not on disk."""
        self._cut: list[bytes] = []
        """Units to write."""
        self._first_ns = self._last_ns = 0
        self._due_s: float | None = None
        self._retry_s = 0.0
        self._loss: Loss | None = None
        """What is missing since the last unit on disk."""
        self.durable = 0
        """Frames on disk."""
        self.stored = 0
        """Bytes on disk."""

    def add(self, line: bytes, at_ns: int, now_s: float, size: int | None = None) -> None:
        """Add a line; `size` is that of its frame if it has one."""
        if now_s < self._retry_s and self._loss is not None:
            if size is not None:
                self._loss.grow(at_ns, at_ns, 1, size)
            return
        if not self._lines:
            self._first_ns = at_ns
            if self._due_s is None:
                self._due_s = now_s + self._limits.sync_s
            if not self._name:
                self._begin(now_s)
            if self._loss is not None and not self._cut:
                self._append(format_note(at_ns, "lost", f"{self._loss.frames} frames: {self._loss.reason}"))
        self._append(line)
        self._last_ns = at_ns
        if size is not None:
            self._waiting.grow(at_ns, at_ns, 1, size)
        if self._content >= self._limits.frame_bytes:
            self._end_unit(self._limits.level)

    def due(self, now_s: float) -> bool:
        """Whether there is something to write now."""
        return bool(self._cut) or (self._due_s is not None and now_s >= self._due_s)

    @property
    def crowded(self) -> bool:
        """Whether so much is to write that it should be written before more is added."""
        return sum(map(len, self._cut)) >= min(MOST_CUT, self._limits.rotate_bytes)

    def sync(self, now_s: float, *, quiet: bool = False) -> tuple[Loss | None, str]:
        """Write everything and make it durable; returns what had been lost before it, and the error there was.

        `quiet` says that there is time for the higher level of compression.
        """
        self._end_unit(self._limits.quiet_level if quiet else self._limits.level)
        if not self._cut:
            return None, ""
        content = b"".join(self._cut)
        try:
            self._disk.append(self._name, content)
        except OSError as error:
            self._failed(error, now_s)
            return None, error.strerror or str(error)
        for unit in self._cut:
            head = parse_head(unit[:HEAD_SIZE])
            assert head is not None
            self._units.append(Placed(self._size, head))
            self._size += len(unit)
        self.stored += len(content)
        self.durable += self._waiting.frames
        ended, self._loss = self._loss, None
        self._cut, self._due_s, self._waiting = [], None, Loss("", 0, 0, 0, 0)
        return ended, ""

    def is_full(self, now_s: float) -> bool:
        """Whether the file is to be followed by another."""
        old = now_s - self._begun_s >= self._limits.rotate_s
        return bool(self._units) and (old or self._size >= self._limits.rotate_bytes)

    def finish(self) -> dict[str, object]:
        """End the file, all of which is on disk; returns the facts for the ledger, none if there is no file."""
        name, units = self._name, self._units
        self._name, self._units = "", []
        if not units:
            return {}
        try:
            self._disk.append(name, format_end(units))
        except OSError:
            self._disk.close(name)
            _cut_back(self._disk, name, self._size)  # it is finished by the next start
        self._disk.close(name)
        lines = sum(unit.head.lines for unit in units)
        times = {"from_ns": units[0].head.first_ns, "to_ns": max(unit.head.last_ns for unit in units)}
        return {"file": name, "lines": lines, "bytes": self._size, **times}

    def lost(self) -> Loss | None:
        """What is missing behind the last unit on disk."""
        return self._loss

    def _append(self, line: bytes) -> None:
        self._lines.append(line)
        self._content += len(line)

    def _begin(self, now_s: float) -> None:
        """Name the next file and write its first line."""
        self._number += 1
        self._name = f"{self._folder}/{file_name(self._number, self._first_ns)}"
        self._size, self._next_line, self._units, self._begun_s = 0, 1, [], now_s
        venue = self.connection.partition("/")[0]
        self._append(format_origin(Origin(venue, self.connection, self._first_ns)))

    def _end_unit(self, level: int) -> None:
        if not self._lines:
            return
        content = b"".join(self._lines)
        times = self._first_ns, max(self._first_ns, self._last_ns)
        self._cut.append(format_unit(content, *times, self._next_line, level=level))
        self._next_line += len(self._lines)
        self._lines, self._content = [], 0

    def _failed(self, error: OSError, now_s: float) -> None:
        """Nothing of this is on disk: drop it, and try again later in what is on disk of the file, or in another."""
        waiting = self._waiting
        loss = self._loss or Loss(error.strerror or str(error), waiting.from_ns, waiting.to_ns, 0, 0)
        loss.grow(waiting.from_ns, waiting.to_ns, waiting.frames, waiting.bytes)
        self._loss = loss
        self._disk.close(self._name)
        _cut_back(self._disk, self._name, self._size)
        if self._units:
            self._next_line = self._units[-1].head.first_line + self._units[-1].head.lines
        else:
            self._name = ""
        self._cut, self._due_s, self._waiting = [], None, Loss("", 0, 0, 0, 0)
        self._retry_s = now_s + self._limits.retry_s


def _cut_back(disk: Disk, name: str, size: int) -> None:
    """Remove what is behind the last whole unit, or the file if it has none."""
    try:
        if size:
            disk.truncate(name, size)
        else:
            disk.remove(name)
    except OSError:
        return  # readers step over it, and the next start cuts it

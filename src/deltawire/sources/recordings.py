"""Recordings as they come: what was received (and fetched) when, from the formats people keep them in.

* `<ns> <json>` lines, plain or gzip (hftbacktest's collector); REST bodies stand between the frames.
* `CBCAP1` files: a header line, then `<ns> <length>` lines, each before that many bytes (crossbook).
* `wss://… <-> t` / `t: message` logs with seconds; the REST bodies are in the sibling file, `NAME.0` beside
  `NAME.ws.1.0` (cryptofeed's raw data collection).
"""

import gzip
import io
import os
import re
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Literal

import msgspec

from deltawire.errors import RecordingError, UsageError

RecordKind = Literal["opened", "received", "fetched"]
SECOND_NS = 1_000_000_000
LONGEST_LINE = 256 * 1024 * 1024
LATEST_NS = (1 << 63) - 1


class Record(msgspec.Struct, frozen=True, gc=False):
    """One thing that happened to the recorder; `url` is where a fetched body came from."""

    kind: RecordKind
    at_ns: int
    payload: bytes = b""
    url: str = ""


class Recording:
    """A recording on disk. `records` may be called any number of times; `progress` follows the last call."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        with self._opened() as raw:
            self._size = max(1, os.fstat(raw.fileno()).st_size)
        self._raw: BinaryIO | None = None

    def probe(self) -> None:
        """Raise `RecordingError` if this is no recording: if not even its first record can be read."""
        if next(self.records(), None) is None:
            raise RecordingError(str(self.path), "line 1", "the file holds nothing")

    def records(self) -> Iterator[Record]:
        """Every record in order; `RecordingError` at the first place that cannot be read."""
        with self._opened() as raw:
            self._raw = raw
            yield from self._decoded(raw)
            self._raw = None

    def progress(self) -> float:
        """How much of the file has been read, from 0 to 1."""
        return 0.0 if self._raw is None or self._raw.closed else self._raw.tell() / self._size

    def _opened(self) -> BinaryIO:
        """The file; `UsageError` in one line where there is none to be read."""
        try:
            if self.path.is_file():
                return self.path.open("rb")
            what = "not a file" if self.path.exists() else "no such file"
            raise UsageError(f"{what}: {self.path}")
        except (OSError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) else error
            raise UsageError(f"cannot read {self.path}: {why}") from error

    def _decoded(self, raw: BinaryIO) -> Iterator[Record]:
        lines = _Lines(self.path, raw)
        first = lines.peek()
        if first.startswith(b"CBCAP1 "):
            yield from _read_cbcap(lines)
        elif _LOG_HEAD.match(first):
            yield from self._read_log(lines)
        elif _STAMPED.match(first):
            yield from _read_stamped(lines)
        elif not first:
            raise lines.error("the file is empty")
        else:
            raise lines.error("neither '<ns> <json>', 'CBCAP1' nor 'wss://… <-> t' stands at the start")

    def _read_log(self, lines: "_Lines") -> Iterator[Record]:
        received = _read_log(lines)
        head = next(received, None)
        if head is None:
            return
        for fetched in self._siblings():
            yield msgspec.structs.replace(fetched, at_ns=head.at_ns)  # often minutes before the connection
        yield head
        yield from received

    def _siblings(self) -> Iterator[Record]:
        match = _LOG_NAME.fullmatch(self.path.name)
        if match is None:
            return
        for suffix in ("", ".gz"):
            sibling = self.path.with_name(f"{match[1]}.{match[2]}{suffix}")
            if sibling.is_file():
                with sibling.open("rb") as raw:
                    yield from _read_log(_Lines(sibling, raw))


_LOG_HEAD = re.compile(rb"(wss?|https?)://|configuration: ")
_LOG_NAME = re.compile(r"(.+)\.ws\.\d+\.(\d+)(?:\.gz)?")
_STAMPED = re.compile(rb"\d{10,20} ")
_CONNECT = re.compile(rb"wss?://\S+ <-> (\d{1,10}(?:\.\d+)?)\s*")
_SENT = re.compile(rb"wss?://\S+ <- ")
_FETCHED = re.compile(rb"(https?://[!-~]+) -> (\d{1,10}(?:\.\d+)?): ?")
_RECEIVED = re.compile(rb"(\d{1,10}(?:\.\d+)?): ")
_HEADERS = re.compile(rb" header: \{.*\}\s*$")


class _Lines:
    """The lines of a file, unzipped where needed, counted for error messages."""

    def __init__(self, path: Path, raw: BinaryIO) -> None:
        self._path = path
        self._zipped = raw.peek(2)[:2] == b"\x1f\x8b" if isinstance(raw, io.BufferedReader) else False
        self._file = gzip.GzipFile(fileobj=raw) if self._zipped else raw
        self._waiting: bytes | None = None
        self.number = 0

    def peek(self) -> bytes:
        """The next line, which stays the next."""
        if self._waiting is None:
            self._waiting = self._next()
        return self._waiting

    def read(self) -> bytes:
        """The next line with its end, b"" after the last."""
        line = self.peek()
        self._waiting = None
        self.number += 1
        return line

    def take(self, count: int) -> bytes:
        """Exactly so many bytes after the line last read."""
        body = self._guarded(count, exact=True)
        if len(body) < count:
            raise self.error(f"the file ends {count - len(body)} bytes too early")
        return body

    def error(self, reason: str) -> RecordingError:
        """What to raise when the line at hand makes no sense."""
        return RecordingError(str(self._path), f"line {max(1, self.number)}", reason)

    def stamp(self, text: bytes) -> int:
        """A text as nanoseconds since 1970, or the error that it is none."""
        if not (text.isdigit() and len(text) < 20 and int(text) <= LATEST_NS):
            raise self.error(f"no time: {text[:40]!r}")
        return int(text)

    def _next(self) -> bytes:
        line = self._guarded(LONGEST_LINE, exact=False)
        if len(line) == LONGEST_LINE:
            self.number += 1
            raise self.error("no line end in sight")
        return line

    def _guarded(self, count: int, *, exact: bool) -> bytes:
        try:
            return self._file.read(count) if exact else self._file.readline(count)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            self.number += not exact  # it is the line after the last one read that is torn
            raise self.error(f"damaged gzip: {error}") from error


def _read_stamped(lines: _Lines) -> Iterator[Record]:
    while line := lines.read():
        stamp, _, frame = line.rstrip(b"\r\n").partition(b" ")
        if not stamp:
            continue
        if not (stamp.isdigit() and frame):
            raise lines.error(f"no '<ns> <json>': {line[:60]!r}")
        yield Record("received", lines.stamp(stamp), frame)


def _read_cbcap(lines: _Lines) -> Iterator[Record]:
    header = lines.read().split()
    if len(header) != 4:
        raise lines.error("a CBCAP1 header has a venue, a symbol and a start time")
    started_ns, offset = lines.stamp(header[3]), None
    while line := lines.read():
        if not line.strip():
            continue
        stamp, _, length = line.strip().partition(b" ")
        if not (stamp.isdigit() and length.isdigit() and len(length) < 10 and int(length) <= LONGEST_LINE):
            raise lines.error(f"no '<ns> <length>': {line[:60]!r}")
        at_ns = lines.stamp(stamp)
        if offset is None:
            offset = started_ns - at_ns  # some recorders stamp frames with a monotonic clock
        if not 0 <= at_ns + offset <= LATEST_NS:
            raise lines.error(f"no time: {line[:60]!r}")
        yield Record("received", at_ns + offset, lines.take(int(length)))


def _read_log(lines: _Lines) -> Iterator[Record]:
    while line := lines.read():
        if record := _parse_log_line(line, lines):
            yield record


def _parse_log_line(line: bytes, lines: _Lines) -> Record | None:
    if match := _RECEIVED.match(line):
        return Record("received", _seconds(match[1], lines), line[match.end() :].strip())
    if not line.strip() or _SENT.match(line) or line.startswith(b"configuration: "):
        return None
    if match := _CONNECT.fullmatch(line):
        return Record("opened", _seconds(match[1], lines))
    if match := _FETCHED.match(line):
        body = _HEADERS.sub(b"", line[match.end() :]).strip()
        return Record("fetched", _seconds(match[2], lines), body, match[1].decode())
    raise lines.error(f"neither a frame nor a connection: {line[:60]!r}")


def _seconds(text: bytes, lines: _Lines) -> int:
    """Decimal seconds as nanoseconds, without a float in between."""
    whole, _, fraction = text.partition(b".")
    return lines.stamp(whole + fraction[:9].ljust(9, b"0"))

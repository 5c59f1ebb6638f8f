"""Reads files, decompressed if necessary; from a damaged compressed file as much as possible.

The first bytes of a file decide how it is compressed, not its name. Compressed files may consist of several
concatenated streams, as left by recorders that were restarted; after damage, reading continues at the next stream.
"""

import bz2
import codecs
import lzma
import re
import zlib
from collections.abc import Callable, Generator, Iterator
from typing import Any, BinaryIO

import msgspec
import zstandard

from deltawire.recording.unit_files import Damage, read_units
from deltawire.recording.units import START

CHUNK = 1 << 16
PIECE = 1 << 12
LOOK_BACK = 1 << 17
"""A damaged stream may be detected up to this many bytes after the next one has begun."""
LONGEST_MAGIC = 16


class Break(msgspec.Struct, frozen=True):
    """Bytes are missing here, for this reason; the following data begins a new line, of this number if it is known."""

    reason: str
    line: int = 0


class _Packing(msgspec.Struct, frozen=True):
    """A compression format: how its streams begin (distinct enough to search for), and what decompresses one."""

    name: str
    begins: re.Pattern[bytes]
    sure: re.Pattern[bytes]
    make: Callable[[], Any]


def _zlib() -> Any:
    return zlib.decompressobj(31)


_ERRORS = zlib.error, OSError, EOFError, ValueError, lzma.LZMAError, zstandard.ZstdError
_PACKINGS = (
    _Packing("gzip", re.compile(rb"\x1f\x8b"), re.compile(rb"\x1f\x8b\x08[\x00-\x1f]"), _zlib),
    _Packing(
        "zstd",
        re.compile(rb"\x28\xb5\x2f\xfd"),
        re.compile(rb"\x28\xb5\x2f\xfd"),
        lambda: zstandard.ZstdDecompressor().decompressobj(),
    ),
    _Packing("bzip2", re.compile(rb"BZh[1-9]"), re.compile(rb"BZh[1-9]1AY&SY"), bz2.BZ2Decompressor),
    _Packing("xz", re.compile(rb"\xfd7zXZ\x00"), re.compile(rb"\xfd7zXZ\x00"), lzma.LZMADecompressor),
)


def unpacked(raw: BinaryIO) -> Iterator[bytes | Break]:
    """A file's bytes in pieces, with UTF-16 converted to UTF-8; `Break`s where some are missing.

    Our own files are read from the unit at which `raw` stands, all others from the beginning.
    """
    start = raw.tell()
    if raw.read(len(START)) == START:
        return unit_pieces(raw, start)
    raw.seek(0)
    head = raw.read(LONGEST_MAGIC)
    raw.seek(0)
    packing = next((known for known in _PACKINGS if known.begins.match(head)), None)
    pieces = _plain(raw) if packing is None else _Unpacker(raw, packing).pieces()
    return _as_utf8(pieces)


def unit_pieces(raw: BinaryIO, start: int) -> Iterator[bytes | Break]:
    """The lines of our own files, unit by unit."""
    damage, is_empty = "", True
    for unit in read_units(raw, start):
        is_empty = False
        if isinstance(unit, Damage):
            damage = damage or str(unit)
            continue
        placed, content = unit
        if damage:
            yield Break(damage, placed.head.first_line)
            damage = ""
        yield content
    if damage or (is_empty and not start):
        yield Break(damage or "the file is empty")


def _plain(raw: BinaryIO) -> Iterator[bytes]:
    while chunk := raw.read(CHUNK):
        yield chunk


def _as_utf8(pieces: Iterator[bytes | Break]) -> Iterator[bytes | Break]:
    """Remove a byte order mark; one of UTF-16 means that the rest is decoded as UTF-16."""
    decode: Callable[[bytes], bytes] | None = None
    is_first = True
    for piece in pieces:
        if isinstance(piece, bytes):
            if is_first:
                piece, decode, is_first = *_marked(piece), False
            yield decode(piece) if decode else piece
        else:
            yield piece


def _marked(piece: bytes) -> tuple[bytes, Callable[[bytes], bytes] | None]:
    for mark, name in ((codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be")):
        if piece.startswith(mark):
            return piece[len(mark) :], _from(name)
    return piece.removeprefix(codecs.BOM_UTF8), None


def _from(encoding: str) -> Callable[[bytes], bytes]:
    decoder = codecs.getincrementaldecoder(encoding)(errors="replace")
    return lambda piece: decoder.decode(piece).encode("utf-8", "replace")


class _Unpacker:
    """The concatenated streams of a compressed file."""

    def __init__(self, raw: BinaryIO, packing: _Packing) -> None:
        self._raw = raw
        self._packing = packing
        self._at = 0
        """Position of the next bytes to decompress."""

    def pieces(self) -> Iterator[bytes | Break]:
        """The content of the streams, with breaks where something is missing."""
        start: int | None = 0
        while start is not None:
            self._raw.seek(start)
            self._at = start
            fault = yield from self._stream()
            if fault:
                yield Break(f"{self._packing.name}: {fault}")
                start = self._find(max(start + 1, self._at - LOOK_BACK))
            else:
                start = yield from self._behind(self._at)

    def _stream(self) -> Generator[bytes | Break, None, str]:
        """The content of one stream; returns what is wrong with it, or ""."""
        machine = self._packing.make()
        can_copy = hasattr(machine, "copy")
        while not machine.eof:
            chunk = self._raw.read(CHUNK if can_copy else PIECE)
            if not chunk:
                return "the file ends inside it"
            before = machine.copy() if can_copy else None
            try:
                data = machine.decompress(chunk)
            except _ERRORS as error:
                if before is not None:
                    yield from _up_to_the_error(before, chunk)
                self._at += len(chunk)
                return f"{error}"
            self._at += len(chunk)
            if data:
                yield data
        self._at -= len(machine.unused_data)
        return ""

    def _behind(self, at: int) -> Generator[bytes | Break, None, int | None]:
        """Handle what follows a stream.

        Nothing, zeros, another stream, or other data; returns where the next stream begins.
        """
        self._raw.seek(at)
        head = self._raw.read(LONGEST_MAGIC)
        if self._packing.begins.match(head):
            return at
        while head and not head.strip(b"\0"):
            head = self._raw.read(CHUNK)
        if not head:
            return None
        yield Break(f"{self._packing.name}: bytes that are no part of it follow it")
        return self._find(at)

    def _find(self, start: int) -> int | None:
        """The position of the next possible stream."""
        self._raw.seek(start)
        window, at = b"", start
        while chunk := self._raw.read(CHUNK):
            window += chunk
            if match := self._packing.sure.search(window):
                return at + match.start()
            at += max(0, len(window) - LONGEST_MAGIC)
            window = window[-LONGEST_MAGIC:]
        return None


def _up_to_the_error(machine: Any, chunk: bytes) -> Iterator[bytes]:
    """The content of a chunk up to the byte that causes an error."""
    for place in range(len(chunk)):
        try:
            data = machine.decompress(chunk[place : place + 1])
        except _ERRORS:
            return
        if data:
            yield data

"""Files as bytes, unpacked where they are packed; where a packed file is damaged, as much as can be got.

A file's own first bytes say how it is packed, not its name. Packed files may consist of several streams, one
behind the other, as recorders leave them that are started again; after damage, reading goes on at the next.
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

CHUNK = 1 << 16
PIECE = 1 << 12
LOOK_BACK = 1 << 17
"""A damaged stream may be noticed only so many bytes after the next one has begun."""
LONGEST_MAGIC = 16


class Break(msgspec.Struct, frozen=True):
    """Bytes are missing here, and why; what comes next begins a new line."""

    reason: str


class _Packing(msgspec.Struct, frozen=True):
    """A way to pack files: how its streams begin (surely enough to look for one), and what unpacks one."""

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
    """A file's bytes in pieces, UTF-16 as UTF-8; `Break`s where some are missing."""
    head = raw.read(LONGEST_MAGIC)
    raw.seek(0)
    packing = next((known for known in _PACKINGS if known.begins.match(head)), None)
    pieces = _plain(raw) if packing is None else _Unpacker(raw, packing).pieces()
    return _as_utf8(pieces)


def _plain(raw: BinaryIO) -> Iterator[bytes]:
    while chunk := raw.read(CHUNK):
        yield chunk


def _as_utf8(pieces: Iterator[bytes | Break]) -> Iterator[bytes | Break]:
    """A byte order mark is no text; one of UTF-16 says that all is to be read as such."""
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
    """The streams of a packed file, one after the other."""

    def __init__(self, raw: BinaryIO, packing: _Packing) -> None:
        self._raw = raw
        self._packing = packing
        self._at = 0
        """Where the next bytes to unpack are."""

    def pieces(self) -> Iterator[bytes | Break]:
        """What is in the streams, and where something is missing."""
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
        """What is in one stream; returns what is wrong with it, or ""."""
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
        """Nothing, zeros, another stream, or what does not belong behind one; returns where the next begins."""
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
        """Where the next stream begins that looks like one."""
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
    """What a chunk still holds before the byte that cannot be."""
    for place in range(len(chunk)):
        try:
            data = machine.decompress(chunk[place : place + 1])
        except _ERRORS:
            return
        if data:
            yield data

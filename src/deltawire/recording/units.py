"""The bytes of our own recording files: units that can be read alone, an index of times, a seek table. No I/O.

    file   unit…, and once it is finished: index | seek table
    unit   head: skippable frame 0x184D2A50 of "DWR1", first and last time u64, first line u64, lines u32,
                 content length u32, packed length u32, crc32 of these
           a zstd frame of whole lines, with its content's checksum
    index  skippable frame 0x184D2A51 of "DWRX", an entry per unit (offset u64, first and last time u64, first
           line u64, lines u32, packed length u32), crc32 of these; `last` never decreases here
    seek table  skippable frame 0x184D2A5E as in zstd's seekable format 0.1.0: packed and content length u32 of every
           frame, skippable ones too (content 0); number of frames u32, 0 u8, 0x8F92EAB1

All little-endian, times in nanoseconds since 1970. Any zstd reads a whole file, finished or not.
"""

import struct
import zlib
from collections.abc import Sequence

import msgspec
import zstandard

HEAD_MAGIC, INDEX_MAGIC, SEEK_MAGIC = 0x184D2A50, 0x184D2A51, 0x184D2A5E
SEEKABLE_MAGIC = 0x8F92EAB1
MARK, INDEX_MARK = b"DWR1", b"DWRX"
_SKIPPABLE = struct.Struct("<II")
_HEAD = struct.Struct("<4sQQQIII")
_CRC = struct.Struct("<I")
_ENTRY = struct.Struct("<QQQQII")
_SEEK_ENTRY = struct.Struct("<II")
_SEEK_END = struct.Struct("<IBI")
HEAD_SIZE = _SKIPPABLE.size + _HEAD.size + _CRC.size
START = _SKIPPABLE.pack(HEAD_MAGIC, _HEAD.size + _CRC.size) + MARK
"""How every unit begins, and so every file."""
ENTRY_SIZE, SEEK_END_SIZE = _ENTRY.size, _SEEK_END.size
LARGEST_CONTENT = 1 << 30
_ERRORS = zstandard.ZstdError, MemoryError


class Head(msgspec.Struct, frozen=True):
    """What a unit holds; `packed` is the size of the zstd frame behind the head."""

    first_ns: int
    last_ns: int
    first_line: int
    lines: int
    content: int
    packed: int

    @property
    def size(self) -> int:
        """The bytes of the whole unit."""
        return HEAD_SIZE + self.packed


class Placed(msgspec.Struct, frozen=True):
    """A unit, and the offset at which it begins."""

    offset: int
    head: Head


def format_unit(content: bytes, first_ns: int, last_ns: int, first_line: int, *, level: int) -> bytes:
    """Whole lines as a unit."""
    compressor = zstandard.ZstdCompressor(level=level, write_checksum=True, write_content_size=True)
    packed = compressor.compress(content)
    fields = _HEAD.pack(MARK, first_ns, last_ns, first_line, content.count(b"\n"), len(content), len(packed))
    return b"".join((_skippable(HEAD_MAGIC, fields + _CRC.pack(zlib.crc32(fields))), packed))


def parse_head(data: bytes) -> Head | None:
    """The head at the beginning of these bytes, None if there is no valid one."""
    if len(data) < HEAD_SIZE or not data.startswith(START):
        return None
    fields = data[_SKIPPABLE.size : HEAD_SIZE - _CRC.size]
    if _CRC.unpack_from(data, HEAD_SIZE - _CRC.size)[0] != zlib.crc32(fields):
        return None
    return Head(*_HEAD.unpack(fields)[1:])


def unpack(head: Head, packed: bytes) -> bytes | str:
    """The lines of a unit, or what is wrong with it."""
    if len(packed) < head.packed:
        return "the file ends inside a frame"
    if head.content > LARGEST_CONTENT:
        return f"a frame of {head.content} bytes"
    try:
        content = zstandard.ZstdDecompressor().decompress(packed, max_output_size=max(1, head.content))
    except _ERRORS as error:
        return f"a damaged frame: {error}"
    if len(content) != head.content or content.count(b"\n") != head.lines:
        return "a frame that is not what its head says"
    return content


def format_end(units: Sequence[Placed]) -> bytes:
    """Index and seek table behind the units of a file."""
    latest, entries = 0, []
    for unit in units:
        head = unit.head
        latest = max(latest, head.last_ns)
        entries.append(
            _ENTRY.pack(unit.offset, head.first_ns, latest, head.first_line, head.lines, head.packed)
        )
    body = INDEX_MARK + b"".join(entries)
    index = _skippable(INDEX_MAGIC, body + _CRC.pack(zlib.crc32(body)))
    table = [
        part
        for unit in units
        for part in (_SEEK_ENTRY.pack(HEAD_SIZE, 0), _SEEK_ENTRY.pack(unit.head.packed, unit.head.content))
    ]
    table.append(_SEEK_ENTRY.pack(len(index), 0))
    end = _SEEK_END.pack(len(table), 0, SEEKABLE_MAGIC)
    return index + _skippable(SEEK_MAGIC, b"".join(table) + end)


def parse_end(tail: bytes) -> int | None:
    """The size of the seek table, if these are a finished file's last bytes; None if not."""
    if len(tail) < SEEK_END_SIZE:
        return None
    frames, descriptor, magic = _SEEK_END.unpack(tail[-SEEK_END_SIZE:])
    if magic != SEEKABLE_MAGIC or descriptor:
        return None
    return int(_SKIPPABLE.size + frames * _SEEK_ENTRY.size + SEEK_END_SIZE)


def index_size(table: bytes) -> int:
    """The size of the index frame before a seek table: its last entry says so; 0 if this is no seek table."""
    at = len(table) - SEEK_END_SIZE - _SEEK_ENTRY.size
    if at < _SKIPPABLE.size or _SKIPPABLE.unpack_from(table)[0] != SEEK_MAGIC:
        return 0
    return int(_SEEK_ENTRY.unpack_from(table, at)[0])


class Index:
    """The times of a file's units, searched without being decoded."""

    def __init__(self, frame: bytes) -> None:
        """`ValueError` if these are no valid index frame."""
        body = frame[_SKIPPABLE.size : -_CRC.size]
        if not body.startswith(INDEX_MARK) or _CRC.unpack(frame[-_CRC.size :])[0] != zlib.crc32(body):
            raise ValueError("not an index")
        self._body = memoryview(body)[len(INDEX_MARK) :]

    def __len__(self) -> int:
        return len(self._body) // _ENTRY.size

    def unit(self, number: int) -> Placed:
        """The unit of this number; the length of its content is not known here and is 0."""
        offset, first_ns, last_ns, line, lines, packed = _ENTRY.unpack_from(self._body, number * _ENTRY.size)
        return Placed(offset, Head(first_ns, last_ns, line, lines, 0, packed))

    def at(self, at_ns: int) -> int:
        """The number of the first unit with a line at this time or later; `len` if there is none."""
        low, high = 0, len(self)
        while low < high:
            middle = (low + high) // 2
            if self.unit(middle).head.last_ns < at_ns:
                low = middle + 1
            else:
                high = middle
        return low


def _skippable(magic: int, payload: bytes) -> bytes:
    return _SKIPPABLE.pack(magic, len(payload)) + payload


def skippable_size(data: bytes) -> int:
    """The size of the skippable frame at the beginning of these bytes, 0 if there is none."""
    if len(data) < _SKIPPABLE.size:
        return 0
    magic, size = _SKIPPABLE.unpack_from(data)
    return _SKIPPABLE.size + int(size) if HEAD_MAGIC <= magic <= HEAD_MAGIC + 15 else 0

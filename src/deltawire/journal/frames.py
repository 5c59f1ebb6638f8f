"""A journal's bytes: segments of batches of records. No I/O.

    segment  "DWJRNL1\\n" | salt u64 | first sequence u64 | crc32 of these
    batch    "DWJB" | payload length u32 | first sequence u64 | records u32 | crc32 of these and the payload
    payload  per record: length u32 | bytes
    snapshot "DWSNAP1\\n" | sequence u64 | length u64 | crc32 of these and the state | state

All little-endian. A batch is what one `fdatasync` makes durable, and the next is written only after it. So a
broken batch with nothing behind it was never acknowledged: a torn tail. A broken batch with a whole one behind
it had been on disk: damage. The salt goes into every batch's checksum, so that no client's text can pass for a
batch.
"""

import re
import struct
import zlib
from collections.abc import Iterable, Iterator

import msgspec

SEGMENT_MARK, BATCH_MARK, SNAPSHOT_MARK = b"DWJRNL1\n", b"DWJB", b"DWSNAP1\n"
JOURNAL_VERSION = 1
"""The digit of the marks: the layout of segments, batches and snapshots."""
_VERSIONED = re.compile(rb"DW(?:JRNL|SNAP)([2-9])\n")
_SEGMENT = struct.Struct("<8sQQI")
_BATCH = struct.Struct("<4sIQII")
_SNAPSHOT = struct.Struct("<8sQQI")
_LENGTH = struct.Struct("<I")
_CHECKED = _BATCH.size - 4
HEADER = _SEGMENT.size


class Batch(msgspec.Struct, frozen=True):
    """One batch of a segment: where it ends, the first record's sequence, the records."""

    end: int
    first: int
    payloads: list[bytes]


def _sealed(layout: struct.Struct, *fields: bytes | int, body: bytes = b"", seed: int = 0) -> bytes:
    """A header whose last member is the checksum of the others and the body."""
    bare = layout.pack(*fields, 0)[:-4]
    return bare + _LENGTH.pack(zlib.crc32(body, zlib.crc32(bare, seed)))


def newer_version(content: bytes) -> int | None:
    """The version of a file that a later deltawire has written, None for one that can be read here."""
    mark = _VERSIONED.match(content)
    return int(mark[1]) if mark else None


def format_segment(salt: int, first: int) -> bytes:
    """The head of a segment."""
    return _sealed(_SEGMENT, SEGMENT_MARK, salt, first)


def parse_segment(content: bytes) -> tuple[int, int] | None:
    """(salt, first sequence) of a segment, None if its head is incomplete."""
    if len(content) < HEADER:
        return None
    _, salt, first, _ = _SEGMENT.unpack_from(content)
    return (salt, first) if content[:HEADER] == format_segment(salt, first) else None


def format_batch(salt: int, first: int, payloads: Iterable[bytes]) -> bytes:
    """Records as one batch."""
    parts = [part for payload in payloads for part in (_LENGTH.pack(len(payload)), payload)]
    body = b"".join(parts)
    head = _sealed(_BATCH, BATCH_MARK, len(body), first, len(parts) // 2, body=body, seed=_seed(salt))
    return head + body


def _seed(salt: int) -> int:
    return zlib.crc32(salt.to_bytes(8, "little"))


def parse_batch(content: bytes, offset: int, salt: int) -> Batch | None:
    """The batch that starts at the offset, None if it is not complete."""
    start = offset + _BATCH.size
    if start > len(content):
        return None
    mark, length, first, count, checksum = _BATCH.unpack_from(content, offset)
    end = start + length
    if mark != BATCH_MARK or end > len(content):
        return None
    body = content[start:end]
    if zlib.crc32(body, zlib.crc32(content[offset : offset + _CHECKED], _seed(salt))) != checksum:
        return None
    payloads = list(_records(body))
    return Batch(end, first, payloads) if len(payloads) == count else None


def _records(body: bytes) -> Iterator[bytes]:
    offset = 0
    while offset < len(body):
        (length,) = _LENGTH.unpack_from(body, offset)
        offset += _LENGTH.size + length
        yield body[offset - length : offset]


def later_batch(content: bytes, offset: int, salt: int) -> int | None:
    """The offset of a complete batch after a broken place; None if there is none."""
    start = content.find(BATCH_MARK, offset + 1)
    while start >= 0:
        if parse_batch(content, start, salt) is not None:
            return start
        start = content.find(BATCH_MARK, start + 1)
    return None


def format_snapshot(sequence: int, state: bytes) -> bytes:
    """A snapshot of the state after this record."""
    return _sealed(_SNAPSHOT, SNAPSHOT_MARK, sequence, len(state), body=state) + state


def parse_snapshot(content: bytes) -> tuple[int, bytes] | None:
    """(sequence, state), None if it is incomplete."""
    if len(content) < _SNAPSHOT.size:
        return None
    _, sequence, _, _ = _SNAPSHOT.unpack_from(content)
    state = content[_SNAPSHOT.size :]
    return (sequence, state) if content == format_snapshot(sequence, state) else None

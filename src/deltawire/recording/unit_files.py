"""Reads our own recording files unit by unit; what is damaged is stepped over."""

import os
from collections.abc import Iterator
from typing import BinaryIO

from deltawire.recording.units import (
    HEAD_SIZE,
    SEEK_END_SIZE,
    START,
    Head,
    Index,
    Placed,
    index_size,
    parse_end,
    parse_head,
    skippable_size,
    unpack,
)

CHUNK = 1 << 20


class Damage(str):
    """What is wrong at a place of a file."""

    __slots__ = ()


def read_units(raw: BinaryIO, start: int = 0) -> Iterator[tuple[Placed, bytes] | Damage]:
    """The units from an offset on, each with its lines, and the damage between them, of which one is one place."""
    at, whole = start, os.fstat(raw.fileno()).st_size
    while True:
        raw.seek(at)
        begin = raw.read(HEAD_SIZE)
        if not begin:
            return
        head = parse_head(begin)
        fault = "bytes that are no frame" if len(begin) == HEAD_SIZE else "the file ends inside a frame"
        if head is not None:
            content = unpack(head, raw.read(head.packed))
            if isinstance(content, bytes):
                yield Placed(at, head), content
                at += head.size
                continue
            fault = content
        elif not begin.startswith(START) and (size := skippable_size(begin)) and at + size <= whole:
            at += size
            continue
        yield Damage(fault)
        later = _find(raw, at + 1)
        if later is None:
            return
        at = later


def _find(raw: BinaryIO, start: int) -> int | None:
    """The offset of the next valid head."""
    raw.seek(start)
    window, at = b"", start
    while chunk := raw.read(CHUNK):
        window += chunk
        place = window.find(START)
        while place >= 0:
            if len(window) - place < HEAD_SIZE:
                break
            if parse_head(window[place : place + HEAD_SIZE]) is not None:
                return at + place
            place = window.find(START, place + 1)
        kept = min(len(window), HEAD_SIZE - 1)
        at += len(window) - kept
        window = window[len(window) - kept :]
    return None


def scan_heads(raw: BinaryIO) -> Iterator[Placed]:
    """The units of a file up to the first damage, without their lines."""
    at, size = 0, os.fstat(raw.fileno()).st_size
    while True:
        raw.seek(at)
        head = parse_head(raw.read(HEAD_SIZE))
        if head is None or at + head.size > size:
            return
        yield Placed(at, head)
        at += head.size


def _every_head(raw: BinaryIO) -> Iterator[Placed]:
    """The units of a file, those behind damage too; only from the first damage on their lines are read."""
    at = 0
    for unit in scan_heads(raw):
        yield unit
        at = unit.offset + unit.head.size
    for found in read_units(raw, at):
        if not isinstance(found, Damage):
            yield found[0]


def is_finished(raw: BinaryIO) -> bool:
    """Whether a file ends with a seek table."""
    return read_index(raw) is not None


def read_index(raw: BinaryIO) -> Index | None:
    """The index of a finished file; None if the file is not finished."""
    size = os.fstat(raw.fileno()).st_size
    raw.seek(max(0, size - SEEK_END_SIZE))
    table_size = parse_end(raw.read())
    if table_size is None or table_size > size:
        return None
    raw.seek(size - table_size)
    before = index_size(raw.read())
    if not before or before + table_size > size:
        return None
    raw.seek(size - table_size - before)
    try:
        return Index(raw.read(before))
    except ValueError:
        return None


def find_unit(raw: BinaryIO, at_ns: int) -> Placed | None:
    """The first unit with a line at this time or later; None if there is none."""
    index = read_index(raw)
    if index is not None:
        number = index.at(at_ns)
        return index.unit(number) if number < len(index) else None
    return next((unit for unit in _every_head(raw) if unit.head.last_ns >= at_ns), None)


def span(raw: BinaryIO) -> tuple[int, int] | None:
    """The first and the last time in a file; None if it has no unit."""
    index = read_index(raw)
    if index is not None:
        return (index.unit(0).head.first_ns, index.unit(len(index) - 1).head.last_ns) if len(index) else None
    heads: list[Head] = [unit.head for unit in _every_head(raw)]
    return (heads[0].first_ns, max(head.last_ns for head in heads)) if heads else None

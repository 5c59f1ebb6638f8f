"""Finishes files that a recorder left unfinished, and removes what is damaged in them."""

from collections.abc import Iterator

import msgspec

from deltawire.recording.disk import Disk
from deltawire.recording.own_lines import format_note
from deltawire.recording.recording import OWN_NAME
from deltawire.recording.stream import RAW
from deltawire.recording.unit_files import Damage, is_finished, read_units
from deltawire.recording.units import Head, Placed, format_end, format_unit, parse_head


class Repair(msgspec.Struct, frozen=True):
    """What was done to a file: how many places were damaged, and the last time in it (0: nothing was whole)."""

    file: str
    connection: str
    damaged: int
    last_ns: int
    lines: int


def unfinished(disk: Disk) -> Iterator[str]:
    """The files without a seek table."""
    for name in disk.names(f"{RAW}/**/*{OWN_NAME}"):
        with disk.path(name).open("rb") as raw:
            if not is_finished(raw):
                yield name


def damaged_or_unfinished(disk: Disk) -> list[str]:
    """The files that are to be repaired; all of them are read."""
    unfinished_names = set(unfinished(disk))
    names = disk.names(f"{RAW}/**/*{OWN_NAME}")
    return [name for name in names if name in unfinished_names or _survey(disk, name)[1]]


def repair(disk: Disk, name: str) -> Repair:
    """Rewrite a file of its whole units, with a note where others were; one with none is removed.

    A file without damage only gets its index and its seek table. May raise `OSError`, and leaves the file then.
    """
    connection = "/".join(name.split("/")[1:-1])
    units, damaged = _survey(disk, name)
    if not units:
        disk.remove(name)
        return Repair(name, connection, damaged, 0, 0)
    last_ns = max(unit.head.last_ns for unit in units)
    lines = sum(unit.head.lines for unit in units)
    if damaged:
        disk.replace(name, rewritten(disk, name))
    else:
        disk.append(name, format_end(units))
        disk.close(name)
    return Repair(name, connection, damaged, last_ns, lines)


def _survey(disk: Disk, name: str) -> tuple[list[Placed], int]:
    units: list[Placed] = []
    damaged = 0
    with disk.path(name).open("rb") as raw:
        for unit in read_units(raw):
            if isinstance(unit, Damage):
                damaged += 1
            else:
                units.append(unit[0])
    return units, damaged


def rewritten(disk: Disk, name: str, *, level: int = 1, unit_bytes: int = 0) -> bytes:
    """The content of a file anew: its whole units, joined up to `unit_bytes` of lines, and notes of what is lost."""
    parts: list[bytes] = []
    placed: list[Placed] = []
    waiting: list[tuple[Head, bytes]] = []
    last_ns, missing, size = 0, "", 0

    def end_unit() -> None:
        nonlocal size
        if not waiting:
            return
        heads, contents = zip(*waiting, strict=True)
        waiting.clear()
        after = placed[-1].head.first_line + placed[-1].head.lines if placed else 0
        times = heads[0].first_ns, max(head.last_ns for head in heads)
        data = format_unit(b"".join(contents), *times, max(after, heads[0].first_line), level=level)
        head = parse_head(data)
        assert head is not None
        placed.append(Placed(size, head))
        parts.append(data)
        size += len(data)

    with disk.path(name).open("rb") as raw:
        for unit in read_units(raw):
            if isinstance(unit, Damage):
                missing = missing or str(unit)
                continue
            head, content = unit[0].head, unit[1]
            if missing:
                end_unit()
                content = format_note(last_ns or head.first_ns, "lost", missing) + content
                missing = ""
            if sum(len(each) for _, each in waiting) + len(content) > unit_bytes:
                end_unit()
            waiting.append((head, content))
            last_ns = head.last_ns
    end_unit()
    return b"".join([*parts, format_end(placed)])

"""What happens to a venue's machine, as a list that can be played to another one."""

import re
from collections.abc import Callable, Iterable
from random import Random
from typing import Any

import msgspec

from deltawire.ports import Output, Venue

Call = tuple[str, tuple[Any, ...]]


class Witnessed:
    """A venue's machine, and every call that reached it."""

    def __init__(self, venue: Venue) -> None:
        self._venue = venue
        self.name = venue.name
        self.calls: list[Call] = []

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self._venue, name)

        def call(*arguments: Any) -> Any:
            self.calls.append((name, arguments))
            return method(*arguments)

        return call


def play(calls: Iterable[Call], venue: Venue) -> list[bytes]:
    """Everything a machine says to these calls."""
    return [written(getattr(venue, name)(*arguments)) for name, arguments in calls]


def written(outputs: list[Output] | str | int | None) -> bytes:
    """Outputs as bytes, with their kinds."""
    if not isinstance(outputs, list):
        return repr(outputs).encode()
    return b"\n".join(type(output).__name__.encode() + msgspec.json.encode(output) for output in outputs)


def scratched(frame: bytes, random: Random) -> bytes:
    """The frame with one or a few bytes other than they were."""
    spoilt = bytearray(frame)
    for _ in range(random.choice((1, 1, 1, 2, 5))):
        at = random.randrange(len(spoilt))
        kind = random.randrange(4)
        if kind == 0:
            spoilt[at] = random.choice(b'0123456789.-"[],{}e \\\x00\xff')
        elif kind == 1:
            del spoilt[at]
        elif kind == 2:
            spoilt.insert(at, random.choice(b'0123456789.-"[],'))
        elif chr(spoilt[at]).isdigit():
            spoilt[at] = random.choice(b"0123456789")
        if not spoilt:
            return b"{"
    return bytes(spoilt)


_SIDE = re.compile(rb'"(?:bids|asks|b|a)":(\[(?:\[.*?\]|\{.*?\})\])')
CHECKSUM = re.compile(rb'"checksum":-?\d+')


def emptied(frame: bytes, random: Random) -> bytes:
    """The frame with one of its level arrays empty, and without a checksum where zero means that there is none."""
    sides = list(_SIDE.finditer(frame))
    if not sides:
        return frame
    start, end = random.choice(sides).span(1)
    return CHECKSUM.sub(b'"checksum":0', frame[:start] + b"[]" + frame[end:])

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


UNKNOWN = (
    b'"st":1',
    b'"ps":"BTCUSDT"',
    b'"usIn":1.5e3',
    b'"x":null',
    b'"note":"a \\"quoted\\" \\\\ text, \\u00e9"',
    b'"deep":[{"bids":[["new",1,2]],"s":"x"},[[],{}],true,-0.0E-1]',
    '"名":"合约"'.encode(),
    b'"":{}',
)
"""Members that no parser knows."""
AMISS = (
    b'"bids":[]',
    b'"b":[]',
    b'"type":"other"',
    b'"action":"partial"',
    b'"method":5',
    b'"error":{}',
    b'"error":null',
    b'"checksum":1.0',
    b'"prev_change_id":null',
    b'"prevSeqId":-1',
    b'"success":false',
    b'"event":"error"',
    b'"T":"soon"',
    b'"pu":1',
    b'"stream":""',
    b'"s":"\\u0042TCUSDT"',
    b'"\\u0062ids":[]',
    b'"x":01',
    b'"x":1.',
    b'"x":"\\ud800"',
    b'"x":"\\q"',
    b'"x":"\x01"',
    b'"x":"\xff"',
    b'"x":nul',
    b'"x":[1,]',
    b'"x":{"a":1,}',
    b'"x":{"a"}',
    b'"x": 1',
    b'"x":-',
    b'"x":+1',
    b'"x":1e',
    b'"x"',
    b"x:1",
)
"""Members that some parser knows, twice or otherwise than it does, and such as no JSON parser takes."""
_NESTED = re.compile(rb"\s*(\[?)(\{.*\})(\]?)\s*", re.DOTALL)
_LEVEL_NUMBER = re.compile(rb"(?<=[,:])(\d+)(?:\.(\d+))?(?=[\],}])")


def rearranged(frame: bytes, random: Random, more: tuple[bytes, ...] = UNKNOWN) -> bytes:
    """The frame with its members in another order, and perhaps with one of `more` in each object.

    The objects within level arrays stay as they are.
    """
    try:
        decoded = msgspec.json.decode(frame, type=dict[str, msgspec.Raw])
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return frame
    texts = [
        msgspec.json.encode(name) + b":" + _inside(bytes(raw), name, random, more)
        for name, raw in decoded.items()
    ]
    if random.random() < 0.5:
        texts.append(random.choice(more))
    random.shuffle(texts)
    return b"{" + b",".join(texts) + b"}"


def _inside(raw: bytes, name: str, random: Random, more: tuple[bytes, ...]) -> bytes:
    match = _NESTED.fullmatch(raw)
    if match is None or name in ("bids", "asks"):
        return raw
    return match[1] + rearranged(match[2], random, more) + match[3]


def in_powers(frame: bytes, random: Random) -> bytes:
    """The frame with some bare numbers of its levels written with an exponent."""
    return _SIDE.sub(lambda side: _LEVEL_NUMBER.sub(lambda number: _power(number, random), side[0]), frame)


def _power(number: re.Match[bytes], random: Random) -> bytes:
    whole, fraction = number[1], number[2] or b""
    if random.random() < 0.5:
        return number[0]
    digits, shift = (whole + fraction).lstrip(b"0") or b"0", random.randrange(1, 3)
    behind = b"." + digits[shift:] if digits[shift:] else b""
    return (
        digits[:shift]
        + behind
        + random.choice((b"e%d", b"E%d", b"e%+d")) % (len(digits[shift:]) - len(fraction))
    )

"""Ways to spoil a frame: cut it short, or put something odd in the place of any one value in it."""

import re
from collections.abc import Iterator

_SPACE = re.compile(r"[\s:,]*")
_SCALAR = re.compile(r'"(?:[^"\\]|\\.)*"|[^\s,\]}]+')
SHOWN = 2
"""Of an array so many items are spoilt; the others are like them."""

ODD = [
    b"null",
    b"true",
    b"-1",
    b"0",
    b"0.1",
    b"-0.0",
    b"1e999",
    b"1e-400",
    b"1e300",
    b"5e-324",
    b"NaN",
    b"12345678901234567890123456789",
    b"9" * 5_000,
    b"0." + b"0" * 5_000 + b"1",
    b'""',
    b'"x"',
    b'"-1"',
    b'"0"',
    b'"1e5"',
    b'"NaN"',
    b'"Infinity"',
    b'"1_000"',
    '"٣"'.encode(),
    b'" 1"',
    b'"' + b"9" * 5_000 + b'"',
    b'"0.' + b"0" * 5_000 + b'1"',
    b'"12345678901234567890123456789"',
    b'"\xff\xfe"',
    b'"\\ud800"',
    b'"\x00"',
    b"[]",
    b"{}",
    b"[[]]",
    b'[["","","",""]]',
    b"[" * 3_000 + b"]" * 3_000,
    b"[",
    b"",
]


def truncated(frame: bytes) -> Iterator[bytes]:
    """The frame cut off at several places."""
    for eighths in range(8):
        yield frame[: len(frame) * eighths // 8]
    yield frame[:-1]


def tampered(frame: bytes) -> Iterator[bytes]:
    """The frame with each of its values in turn replaced by each odd one, or left out with its key."""
    text = frame.decode()
    for start, end, member in _values(text):
        for odd in ODD:
            yield text[:start].encode() + odd + text[end:].encode()
        if member is not None:
            yield (text[:member] + text[end:].removeprefix(",")).encode()


def _values(text: str) -> Iterator[tuple[int, int, int | None]]:
    """Every value's start and end, and where the member begins if it is one."""
    found: list[tuple[int, int, int | None]] = []
    _walk(text, 0, found, None, True)
    return iter(found)


def _walk(text: str, at: int, found: list, member: int | None, shown: bool) -> int:
    opening = text[at]
    if opening not in "{[":
        end = _SCALAR.match(text, at).end()
    else:
        end, items = at + 1, 0
        while text[(end := _SPACE.match(text, end).end())] not in "}]":
            key = None
            if opening == "{":
                key, end = end, _SPACE.match(text, _SCALAR.match(text, end).end()).end()
            end = _walk(text, end, found, key, shown and (opening == "{" or items < SHOWN))
            items += 1
        end += 1
    if shown:
        found.append((at, end, member))
    return end

"""The lines of our own recordings: what passed over one connection to a venue, exactly, and when.

    DWR1 {"venue":"okx","connection":"okx/1","from":"wss://…","begun":<ns>}
    <ns> {"op":…                    received, as it came
    <ns> sent {"op":"subscribe",…
    <ns> opened wss://…
    <ns> fetched https://… <body>
    <ns> lost <reason>               frames are missing here
    <ns> closed <reason>
    <ns> base64 received <base64>    what is no line of its own: several lines, binary, one of the words above

The times are nanoseconds since 1970.
"""

import base64
import binascii
import re
from collections.abc import Iterator

import msgspec

from deltawire.errors import NOT_DECODED
from deltawire.ports import Direction
from deltawire.recording.entry import LATEST_NS, RecordingEntry, RecordKind
from deltawire.recording.lines import Damaged, Lines

FIRST = b"DWR1 "
_LINE = re.compile(rb"(\d{1,19}) (?:(sent|opened|fetched|lost|closed|base64) )?([^\n]*)\n?")
_WORDS = (b"sent ", b"opened ", b"fetched ", b"lost ", b"closed ", b"base64 ")
_KINDS: dict[bytes, RecordKind] = {b"": "received", b"sent": "sent", b"opened": "opened", b"closed": "closed"}


class Origin(msgspec.Struct, frozen=True):
    """The first line of a file: of which venue and connection it is."""

    venue: str
    connection: str
    begun: int


def format_origin(origin: Origin) -> bytes:
    """The first line of a file."""
    return FIRST + msgspec.json.encode(origin) + b"\n"


def parse_origin(line: bytes) -> Origin | None:
    """The origin that a file's first line states; None if it states none."""
    if not line.startswith(FIRST):
        return None
    try:
        return msgspec.json.decode(line[len(FIRST) :], type=Origin)
    except NOT_DECODED:
        return None


def format_passed(at_ns: int, direction: Direction, data: bytes, url: str = "") -> bytes:
    """The line of what passed."""
    if direction == "received":
        if data[:1] in (b"{", b"[") and b"\n" not in data:
            return b"%d %b\n" % (at_ns, data)
        prefix = b""
    else:
        prefix = b"sent " if direction == "sent" else b"fetched " + _word(url) + b" "
    if b"\n" in data or (not prefix and data.startswith(_WORDS)):
        return b"%d base64 %b%b\n" % (at_ns, prefix or b"received ", base64.b64encode(data))
    return b"%d %b%b\n" % (at_ns, prefix, data)


def format_note(at_ns: int, kind: str, text: str) -> bytes:
    """The line of an event: opened, lost or closed."""
    return b"%d %b %b\n" % (at_ns, kind.encode(), " ".join(text.split()).encode("utf-8", "replace"))


def _word(url: str) -> bytes:
    return "".join(url.split()).encode("utf-8", "replace") or b"-"


def parse_line(line: bytes, number: int, before_ns: int) -> RecordingEntry:
    """The record of a line; a `damaged` one at the time before it if it is none of ours."""
    match = _LINE.fullmatch(line)
    at_ns = int(match[1]) if match else before_ns
    if match is None or at_ns > LATEST_NS:
        return _damaged(before_ns, number, f"of no known format: {line[:60]!r}")
    word, rest = match[2] or b"", match[3]
    if word == b"base64":
        return _encoded(rest, at_ns, number)
    if word == b"lost":
        return _damaged(at_ns, number, rest.decode("utf-8", "replace"))
    if word == b"fetched":
        url, _, body = rest.partition(b" ")
        return RecordingEntry("fetched", at_ns, body, url.decode("utf-8", "replace"), number)
    return RecordingEntry(_KINDS[word], at_ns, rest, line=number)


def _encoded(rest: bytes, at_ns: int, number: int) -> RecordingEntry:
    *words, text = rest.split(b" ")
    try:
        data = base64.b64decode(text, validate=True)
    except binascii.Error as error:
        return _damaged(at_ns, number, f"bad base64: {error}")
    if words == [b"received"] or words == [b"sent"]:
        return RecordingEntry("sent" if words[0] == b"sent" else "received", at_ns, data, line=number)
    if len(words) == 2 and words[0] == b"fetched":
        return RecordingEntry("fetched", at_ns, data, words[1].decode("utf-8", "replace"), number)
    return _damaged(at_ns, number, f"of no known format: base64 {rest[:60]!r}")


def _damaged(at_ns: int, number: int, reason: str) -> RecordingEntry:
    return RecordingEntry("damaged", at_ns, line=number, reason=reason)


def read_entries(lines: Lines, before_ns: int = 0) -> Iterator[RecordingEntry]:
    """The records of lines behind the first; damage is one of them, at the time of the record before it."""
    at_ns = before_ns
    while True:
        try:
            line = lines.read()
        except Damaged as damage:
            yield _damaged(at_ns, lines.number, str(damage))
            continue
        if not line:
            return
        if line.startswith(FIRST):
            continue
        if not line.endswith(b"\n"):
            yield _damaged(at_ns, lines.number, f"the file ends inside a line: {line[:60]!r}")
            continue
        entry = parse_line(line, lines.number, at_ns)
        at_ns = entry.at_ns
        yield entry

"""Converts lines to entries; the lines of all formats can be distinguished, so each line is read by its own format."""

import re
from collections.abc import Iterator

import msgspec

from deltawire.recording.entry import LATEST_NS, Entry
from deltawire.recording.lines import LONGEST_LINE, Damaged, Lines

UNKNOWN_LINES = 100
"""If this many first lines have no known format, the file is not a recording."""
SECONDS_DIGITS = 10
MOST_PARTS = 20_000

_STAMP = rb"(\d{1,20}(?:\.\d{1,20})?)"
_STAMPED = re.compile(rb"\s*" + _STAMP + rb"(:[ \t]?|[ \t]+)(?=[^\s\d:])")
_JSON = re.compile(rb"\s*[{\[]")
_CONNECT = re.compile(rb"\s*wss?://\S+ <-> " + _STAMP + rb"\s*")
_FETCHED = re.compile(rb"\s*(https?://\S+) -> " + _STAMP + rb": ?")
_PASSED_OVER = re.compile(rb"\s*(?:$|wss?://\S+ <- |configuration: )")
_HEADERS = re.compile(rb" header: \{.*\}\s*$")
_CBCAP = re.compile(rb"\s*CBCAP1 ")
_CBCAP_FRAME = re.compile(rb"\s*(\d{1,20}) (\d{1,9})\s*")
_TOP_LEVEL = re.compile(rb"[{\[]|" + _STAMPED.pattern + rb"|\s*(?:wss?://|https?://|CBCAP1 )")
"""The beginning of a line that starts an entry, in contrast to one inside JSON over several lines."""
_WORDS = re.compile(rb"[A-Za-z\"][\w .,!-]{0,60}\"?")
_check = msgspec.json.Decoder(msgspec.Raw).decode


def is_whole(payload: bytes) -> bool:
    """Whether this is JSON, or a word such as `pong`."""
    if payload[:1] not in (b"{", b"["):
        return _WORDS.fullmatch(payload) is not None
    try:
        _check(payload)
    except (msgspec.DecodeError, RecursionError):
        return False
    return True


class Reader:
    """The entries of a file, including damage. `known` says whether any line had a known format."""

    def __init__(self, lines: Lines) -> None:
        self._lines = lines
        self._begun: Entry | None = None
        """A frame whose JSON continues on the next line."""
        self._parts: list[bytes] = []
        self._counted = False
        """Whether frames have byte counts, as in CBCAP1 files."""
        self._started_ns: int | None = None
        self._behind_ns: int | None = None
        self.known = False

    def entries(self) -> Iterator[Entry]:
        """Every entry; ends early if the first lines have no known format."""
        unknown = 0
        for entry in self._every_entry():
            yield entry
            unknown += entry.kind == "damaged"
            if not self.known and unknown >= UNKNOWN_LINES:
                return

    def _every_entry(self) -> Iterator[Entry]:
        while True:
            try:
                line = self._lines.read()
            except Damaged as damage:
                if self._begun is None:
                    yield self._damage(str(damage))
                else:
                    yield from self._end_frame(b"", str(damage))
                continue
            if self._begun is not None:
                yield from self._continue(line)
            elif not line:
                return
            elif self._counted and (match := _CBCAP_FRAME.fullmatch(line)):
                yield self._counted_frame(int(match[1]), int(match[2]))
            else:
                yield from self._other(line)

    def _continue(self, line: bytes) -> Iterator[Entry]:
        """The line after one whose JSON was incomplete."""
        if not line or _TOP_LEVEL.match(line) or len(self._parts) >= MOST_PARTS:
            yield from self._end_frame(line)
            return
        self._parts.append(line)
        if line[:1] in b"}]" and self._joined():
            yield from self._end_frame(b"")

    def _other(self, line: bytes) -> Iterator[Entry]:
        if match := _STAMPED.match(line):
            yield from self._frame(_stamped(match, line, self._lines.number))
        elif _JSON.match(line) and not self._counted:
            yield from self._frame(Entry("received", self._lines.number, payload=line.strip()))
        elif _PASSED_OVER.match(line):
            self.known |= bool(line.strip())
        elif match := _CONNECT.fullmatch(line):
            yield self._good(_in_seconds(Entry("opened", self._lines.number), match[1]))
        elif match := _FETCHED.match(line):
            yield from self._fetched(match, line)
        elif _CBCAP.match(line):
            yield from self._count_out(line)
        else:
            yield self._damage(f"of no known format: {line[:60]!r}")

    def _frame(self, entry: Entry) -> Iterator[Entry]:
        if entry.stamp is not None and entry.stamp > LATEST_NS:
            yield self._damage(f"no time: {entry.stamp}")
        elif is_whole(entry.payload):
            yield self._good(entry)
        else:
            self._begun, self._parts = entry, []

    def _end_frame(self, line: bytes, damage: str = "") -> Iterator[Entry]:
        """End the frame in progress, complete or not; lines that are not part of it are read again."""
        begun, joined = self._begun, self._joined()
        assert begun is not None
        rest = line if joined else b"".join([*self._parts, line])
        self._begun, self._parts = None, []
        self._lines.put_back(rest, damage)
        if joined:
            yield self._good(msgspec.structs.replace(begun, payload=joined))
        else:
            yield Entry("damaged", begun.line, begun.stamp, begun.in_ns, reason=_torn(begun.payload))

    def _joined(self) -> bytes:
        begun = self._begun
        payload = b"\n".join([begun.payload, b"".join(self._parts)]).strip() if begun and self._parts else b""
        return payload if payload and is_whole(payload) else b""

    def _fetched(self, match: re.Match[bytes], line: bytes) -> Iterator[Entry]:
        body = _HEADERS.sub(b"", line[match.end() :]).strip()
        try:
            url = match[1].decode()
        except UnicodeDecodeError:
            yield self._damage(f"no address: {match[1][:60]!r}")
            return
        yield from self._frame(
            _in_seconds(Entry("fetched", self._lines.number, payload=body, url=url), match[2])
        )

    def _count_out(self, header: bytes) -> Iterator[Entry]:
        words = header.split()
        self._counted = self.known = True
        self._behind_ns = self._started_ns = None
        if len(words) == 4 and words[3].isdigit() and len(words[3]) < 20:
            self._started_ns = int(words[3])
        else:
            yield self._damage("a CBCAP1 header has a venue, a symbol and a start time")

    def _counted_frame(self, stamp: int, length: int) -> Entry:
        number = self._lines.number
        body = self._lines.take(length) if length <= LONGEST_LINE else b""
        if len(body) < length or not is_whole(body):
            self._lines.put_back(body)  # the length may be wrong: search for the next frame
            missing = length - len(body)
            reason = f"the file ends {missing} bytes too early" if missing else _torn(body)
            return Entry("damaged", number, reason=reason)
        if self._started_ns is None:
            return self._good(Entry("received", number, stamp, payload=body))
        if self._behind_ns is None:
            self._behind_ns = self._started_ns - stamp  # some recorders stamp frames with a monotonic clock
        at_ns = stamp + self._behind_ns
        if not 0 <= at_ns <= LATEST_NS:
            return self._damage(f"no time: {stamp}")
        return self._good(Entry("received", number, at_ns, in_ns=True, payload=body))

    def _good(self, entry: Entry) -> Entry:
        self.known = True
        return entry

    def _damage(self, reason: str) -> Entry:
        return Entry("damaged", self._lines.number, reason=reason)


def _torn(payload: bytes) -> str:
    try:
        _check(payload)
    except msgspec.DecodeError as error:
        return f"torn: {error}"
    except RecursionError:
        return "torn: nested too deeply"
    return "torn"


def _stamped(match: re.Match[bytes], line: bytes, number: int) -> Entry:
    """A frame after its stamp: decimal seconds, seconds if a colon follows, else of any unit."""
    stamp, payload = match[1], line[match.end() :].strip()
    entry = Entry("received", number, payload=payload)
    whole = stamp.partition(b".")[0]
    if len(whole) < len(stamp) or (match[2][:1] == b":" and len(whole) <= SECONDS_DIGITS):
        return _in_seconds(entry, stamp)
    return msgspec.structs.replace(entry, stamp=int(stamp))


def _in_seconds(entry: Entry, text: bytes) -> Entry:
    """Decimal seconds as nanoseconds, without conversion to a float."""
    whole, _, fraction = text.partition(b".")
    return msgspec.structs.replace(entry, stamp=int(whole + fraction[:9].ljust(9, b"0")), in_ns=True)

"""The records of a recording."""

from datetime import UTC, datetime
from typing import Literal

import msgspec

RecordKind = Literal["opened", "received", "fetched", "sent", "closed", "damaged"]
SECOND_NS = 1_000_000_000
LATEST_NS = (1 << 63) - 1
NO_TIME_NS = 1_000_000 * SECOND_NS
"""Lower numbers are not times since 1970, but counted ones."""


class RecordingEntry(msgspec.Struct, frozen=True, gc=False):
    """One record; `url` is the address of a fetched body.

    `line` is where it begins, from 1, in the recording or in the additional file named by `file`. For a `damaged`
    one, `reason` says what is wrong; the frames in the damage are lost.
    """

    kind: RecordKind
    at_ns: int
    payload: bytes = b""
    url: str = ""
    line: int = 0
    reason: str = ""
    file: str = ""

    @property
    def place(self) -> str:
        """Place and time as text: `line 1234 at 2024-08-08T23:54:13.937085Z`, after the file's name if it has one."""
        return format_place(
            self.file, self.line, format_time(self.at_ns) if self.at_ns > NO_TIME_NS else None
        )


def format_place(file: str, line: int, time: str | None) -> str:
    """`line 1234 at 2024-08-08T23:54:13.937085Z`, after the file's name if there is one."""
    return f"{file} line {line}".lstrip() + (f" at {time}" if time else "")


def format_time(at_ns: int) -> str | None:
    """Nanoseconds since 1970 as a time in UTC, to the microsecond; None if they are not a time."""
    if at_ns < NO_TIME_NS:
        return None
    return (
        f"{datetime.fromtimestamp(at_ns // SECOND_NS, UTC):%Y-%m-%dT%H:%M:%S}.{at_ns % SECOND_NS // 1000:06}Z"
    )


def parse_time(text: str) -> int:
    """A time as ISO 8601 (UTC unless it says otherwise), or s, ms, µs or ns since 1970; `ValueError` if it is none."""
    if text.isdigit():
        number = int(text)
        while number and number < 10**17:  # 1973 in nanoseconds, 5138 in seconds
            number *= 1000
        return number
    at = datetime.fromisoformat(text)
    whole = at if at.tzinfo else at.replace(tzinfo=UTC)
    return int(whole.timestamp()) * SECOND_NS + whole.microsecond * 1000


class Entry(msgspec.Struct, frozen=True, gc=False):
    """A record before its time is known: `stamp` is as written, None if there is none.

    `in_ns` says that the format defines the unit, and that `stamp` is in nanoseconds.
    """

    kind: RecordKind
    line: int
    stamp: int | None = None
    in_ns: bool = False
    payload: bytes = b""
    url: str = ""
    reason: str = ""

    def at(self, at_ns: int) -> RecordingEntry:
        """The record, at this time."""
        return RecordingEntry(self.kind, at_ns, self.payload, self.url, self.line, self.reason)

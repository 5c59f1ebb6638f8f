"""What a recording holds, one thing at a time."""

from datetime import UTC, datetime
from typing import Literal

import msgspec

RecordKind = Literal["opened", "received", "fetched", "damaged"]
SECOND_NS = 1_000_000_000
LATEST_NS = (1 << 63) - 1
NO_TIME_NS = 1_000_000 * SECOND_NS
"""Less is no time since 1970, but of a recording that states none."""


class RecordingEntry(msgspec.Struct, frozen=True, gc=False):
    """One thing that happened to the recorder; `url` is where a fetched body came from.

    `line` is where it begins, from 1, in the recording or, where `file` names one, in that file beside it. Of a
    `damaged` one `reason` says what is wrong there; the frames that the damage took are lost.
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
        """Where and when, for a person: `line 1234 at 2024-08-08T23:54:13.937085Z`."""
        return (
            f"line {self.line} at {format_time(self.at_ns)}"
            if self.at_ns > NO_TIME_NS
            else f"line {self.line}"
        )


def format_place(file: str, line: int, time: str | None) -> str:
    """`line 1234 at 2024-08-08T23:54:13.937085Z`, behind the file's name if it has one."""
    return f"{file} line {line}".lstrip() + (f" at {time}" if time else "")


def format_time(at_ns: int) -> str | None:
    """Nanoseconds since 1970 as a moment in UTC, to the microsecond; None where they are none."""
    if at_ns < NO_TIME_NS:
        return None
    return (
        f"{datetime.fromtimestamp(at_ns // SECOND_NS, UTC):%Y-%m-%dT%H:%M:%S}.{at_ns % SECOND_NS // 1000:06}Z"
    )


class Entry(msgspec.Struct, frozen=True, gc=False):
    """A record before its time is known: `stamp` is as written, None where nothing is written.

    `in_ns` says that the format states the unit, and that `stamp` is nanoseconds by it.
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

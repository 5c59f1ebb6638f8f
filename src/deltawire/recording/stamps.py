"""Determines the time of each record: stamps of any unit and clock are compared with the times in the frames.

A stamp counts nanoseconds, microseconds, milliseconds or seconds, since 1970 or since the start of a machine; frames
state their venue's time. If the two agree in a unit, that is the unit. If they agree in none, the stamps are of a
monotonic clock and are shifted so that the two times of the first frame are equal. A stamp that jumps while the times
of the frames do not is damaged.
"""

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from itertools import chain

from deltawire.errors import RecordingError
from deltawire.recording.entry import LATEST_NS, SECOND_NS, Entry, RecordingEntry

UNITS = {"ns": 1, "µs": 1_000, "ms": 1_000_000, "s": SECOND_NS}
DAY_NS = 86_400 * SECOND_NS
EARLIEST_NS = 1_262_304_000 * SECOND_NS
LAST_NS = 4_102_444_800 * SECOND_NS
"""2010 and 2100: counted from 1970, a number is a time between them in one unit only."""
LEAP_NS, BACK_NS = 60 * SECOND_NS, SECOND_NS
"""A stamp that differs this much from the previous one is compared with its frame's time."""
AGREE_NS = 600 * SECOND_NS
PACE = 4
"""How many times faster or slower than the times of the frames stamps may run.

Frames come in bursts, and units differ by a factor of 1,000.
"""
LOOK_AHEAD = 512
LOOK_AHEAD_BYTES = 16 * 1024 * 1024
COUNTED_NS = 1_000_000
"""The distance of frames if nothing states a time."""
_OWN = re.compile(
    rb'"(?:E|ts|timestamp|T|serverTime|usOut|time_in)" ?: ?"?(?:(\d{10,19})(?![\d.])|(\d{4}-\d\d-\d\dT[\d:.]{8,18})Z)'
)


def own_ns(payload: bytes) -> int | None:
    """The time in a frame, in nanoseconds since 1970, if there is one."""
    match = _OWN.search(payload)
    if match is None:
        return None
    if match[1]:
        return since_1970(int(match[1]))
    try:
        moment = datetime.fromisoformat(match[2].decode()).replace(tzinfo=UTC)
    except ValueError:
        return None
    return round(moment.timestamp() * 1_000_000) * 1_000


def since_1970(number: int) -> int | None:
    """A number as nanoseconds since 1970, in the one unit in which it is a time of this century, if any."""
    for scale in UNITS.values():
        if EARLIEST_NS <= number * scale < LAST_NS:
            return number * scale
    return None


class Clock:
    """Sets the times of the entries of one file; afterwards, describes their clock.

    `kind` is `wall` (stamps since 1970), `monotonic` (stamps that were shifted), `frames` (the times in the frames),
    `counted` (no times) or, before the first record, "". `backward` counts stamps earlier than the previous one.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._scale = 1
        self._moved_ns = 0
        self._skew_ns: int | None = None
        self._last_ns = 0
        self._has_begun = False
        self._is_apart = False
        """Whether the next record need not follow the last one: data is missing, or a connection opens."""
        self._doubted_ns: int | None = None
        self.kind = ""
        self.unit = "ns"
        self.backward = 0
        self.doubted = 0

    def use_wall_ns(self) -> None:
        """The format defines the clock: nanoseconds since 1970."""
        self._use("wall", 1)

    def times(self, entries: Iterable[Entry]) -> Iterator[RecordingEntry]:
        """Records in the order of the entries; `RecordingError` if the stamps match no clock."""
        source = iter(entries)
        first = _look_ahead(source)
        self._begin(first)
        for entry in chain(first, source):
            yield from self._placed(entry)

    def _begin(self, first: list[Entry]) -> None:
        timed = [entry for entry in first if entry.kind != "damaged"]
        if not timed:
            return
        stamped = [entry for entry in timed if entry.stamp is not None]
        pairs = [
            (entry, own) for entry in stamped if entry.payload and (own := own_ns(entry.payload)) is not None
        ]
        if not stamped:
            owns = [own for entry in timed if (own := own_ns(entry.payload)) is not None]
            self.kind = "frames" if owns else "counted"
            self._last_ns = owns[0] if owns else COUNTED_NS
        elif pairs:
            self._last_ns = self._read(self._compare(pairs))
        else:
            self._guess(stamped[0])
            self._last_ns = self._read(stamped[0])

    def _compare(self, pairs: list[tuple[Entry, int]]) -> Entry:
        """Find the unit in which stamps and frames agree, or the offset of a monotonic clock.

        Returns the entry by which it was found.
        """
        for entry, own in pairs:
            if (scale := _agreeing(entry, own)) is not None:
                return self._take_as_wall(entry, own, scale)
        entry, own = pairs[0]
        if EARLIEST_NS <= (entry.stamp or 0) < LAST_NS:  # nanoseconds since 1970 from a clock that was wrong
            return self._take_as_wall(entry, own, 1)
        scale = self._pace(pairs)
        self._use("monotonic", scale)
        self._moved_ns, self._skew_ns = own - (entry.stamp or 0) * scale, 0
        return entry

    def _take_as_wall(self, entry: Entry, own: int, scale: int) -> Entry:
        self._use("wall", scale)
        self._skew_ns = (entry.stamp or 0) * scale - own
        return entry

    def _pace(self, pairs: list[tuple[Entry, int]]) -> int:
        """The unit in which a monotonic clock runs as fast as the times of the frames."""
        (first, began), (last, ended) = pairs[0], max(pairs, key=lambda pair: pair[1])
        passed, counted = ended - began, (last.stamp or 0) - (first.stamp or 0)
        if passed < SECOND_NS:
            return 1
        scale = next(
            (scale for scale in _scales(first) if passed / PACE <= counted * scale <= passed * PACE), None
        )
        if scale is None:
            reason = f"its stamps are of no clock: {counted} pass while the frames' own times pass {passed / 1e9:.1f} s"
            raise RecordingError(self._path, f"line {last.line}", reason)
        return scale

    def _guess(self, entry: Entry) -> None:
        """No frame states a time: the magnitude of the stamp decides."""
        stamp = entry.stamp or 0
        since = stamp if entry.in_ns else since_1970(stamp)
        self._use("wall" if since is not None else "monotonic", since // stamp if since and stamp else 1)

    def _use(self, kind: str, scale: int) -> None:
        self.kind, self._scale, self._moved_ns = kind, scale, 0
        self.unit = next(name for name, factor in UNITS.items() if factor == scale)

    def _placed(self, entry: Entry) -> Iterator[RecordingEntry]:
        if entry.kind == "damaged":
            self._is_apart = True
            yield entry.at(self._last_ns)
        elif entry.stamp is None:
            yield entry.at(self._own_time(entry))
        else:
            at_ns = self._read(entry)
            if -BACK_NS <= at_ns - self._last_ns <= LEAP_NS:
                self._doubted_ns = None
            else:
                self._is_apart |= entry.kind == "opened"
                at_ns = self._leap(entry, at_ns)
            self._is_apart = False
            if self._doubted_ns is not None:
                self.doubted += 1
                yield RecordingEntry(
                    "damaged", at_ns, line=entry.line, reason=f"its stamp leaps: {entry.stamp}"
                )
            if at_ns < self._last_ns:
                self.backward += self._has_begun
            self._last_ns, self._has_begun = at_ns, True
            yield entry.at(at_ns)

    def _read(self, entry: Entry) -> int:
        scale = 1 if entry.in_ns else self._scale
        return min(max(0, (entry.stamp or 0) * scale + self._moved_ns), LATEST_NS)

    def _own_time(self, entry: Entry) -> int:
        """For a frame without a stamp: its own time if it is not before the previous one."""
        own = own_ns(entry.payload) if self.kind != "counted" else None
        if own is None:
            self._last_ns += COUNTED_NS if self.kind == "counted" else 0
        elif own <= self._last_ns:
            self._doubted_ns = None
        elif own - self._last_ns < DAY_NS or self._is_confirmed(own):
            self._last_ns, self._doubted_ns = own, None
        else:
            self._doubted_ns = own
        return self._last_ns

    def _leap(self, entry: Entry, at_ns: int) -> int:
        """The time of a stamp that is far from the previous one; sets `_doubted_ns` if it cannot be right."""
        own = own_ns(entry.payload) if entry.payload else None
        stamp = entry.stamp or 0
        if own is None:
            since = at_ns if entry.in_ns else since_1970(stamp)
            if since is not None and abs(since - self._last_ns) < abs(at_ns - self._last_ns):
                at_ns = self._change_unit(stamp, since)
            return self._unless_doubted(at_ns, self._is_apart or abs(at_ns - self._last_ns) < DAY_NS)
        if abs(at_ns - own - (self._skew_ns or 0)) <= AGREE_NS:
            return self._unless_doubted(at_ns, True)
        other = _agreeing(entry, own)
        if other is not None and (other != self._scale or self.kind != "wall"):
            self._skew_ns = stamp * other - own
            return self._unless_doubted(self._change_unit(stamp, stamp * other), True)
        if self.kind == "monotonic":
            self._moved_ns = own - stamp * (1 if entry.in_ns else self._scale)
            return self._unless_doubted(own, True)
        stands_still = abs(own + (self._skew_ns or 0) - self._last_ns) <= AGREE_NS
        return self._unless_doubted(at_ns, not stands_still)

    def _change_unit(self, stamp: int, at_ns: int) -> int:
        self._use("wall", at_ns // stamp if stamp else 1)
        return at_ns

    def _unless_doubted(self, at_ns: int, agreed: bool) -> int:
        if agreed or self._is_confirmed(at_ns):
            self._doubted_ns = None
            return at_ns
        self._doubted_ns = at_ns
        return self._last_ns

    def _is_confirmed(self, at_ns: int) -> bool:
        """Whether the previous stamp was doubted for a value close to this one."""
        return self._doubted_ns is not None and abs(at_ns - self._doubted_ns) <= LEAP_NS


def _scales(entry: Entry) -> Iterable[int]:
    return (1,) if entry.in_ns else UNITS.values()


def _agreeing(entry: Entry, own: int) -> int | None:
    """The unit in which a stamp equals its frame's own time, within the error of a clock."""
    stamp = entry.stamp or 0
    return next((scale for scale in _scales(entry) if abs(stamp * scale - own) < DAY_NS), None)


def _look_ahead(source: Iterator[Entry]) -> list[Entry]:
    """The first entries, enough to determine their clock."""
    entries: list[Entry] = []
    size, first_own = 0, None
    for entry in source:
        entries.append(entry)
        size += len(entry.payload)
        own = own_ns(entry.payload) if entry.payload else None
        if first_own is None:
            first_own = own
            wall = own is not None and (entry.stamp is None or _agreeing(entry, own) is not None)
        if (first_own is not None and (wall or (own or 0) - first_own > SECOND_NS)) or (
            len(entries) >= LOOK_AHEAD or size > LOOK_AHEAD_BYTES
        ):
            break
    return entries

"""The past of one number, such as an index: its bars, finer ones for a short time and coarser ones for a long one."""

from collections import deque
from collections.abc import Mapping
from typing import NamedTuple

from deltawire.model.events import Bars

SECOND_NS = 1_000_000_000
MINUTE_S, HOUR_S, DAY_S = 60, 3600, 86_400
LONG = {1: HOUR_S, MINUTE_S: 2 * 1440, HOUR_S: 31 * 24, DAY_S: 3650}
"""Seconds for an hour, minutes for two days, hours for a month, days for ten years: bar lengths and how many."""


class Bar(NamedTuple):
    """The first, highest, lowest and last value of a time that began at `start_s` (seconds since 1970)."""

    start_s: int
    open: float
    high: float
    low: float
    close: float


class LevelHistory:
    """Bars of several lengths; a time in which nothing was seen has none."""

    def __init__(self, kept: Mapping[int, int] = LONG) -> None:
        self._bars = {length: deque[Bar](maxlen=most) for length, most in kept.items()}

    def seen(self, at_ns: int, value: float) -> None:
        """The number is now this; what is older than a bar counts into it."""
        at_s = at_ns // SECOND_NS
        for length, bars in self._bars.items():
            start_s = at_s - at_s % length
            if not bars or start_s > bars[-1].start_s:
                bars.append(Bar(start_s, value, value, value, value))
                continue
            last = bars[-1]
            bars[-1] = Bar(last.start_s, last.open, max(last.high, value), min(last.low, value), value)

    def between(self, length_s: int, start_s: int, end_s: int) -> list[Bar]:
        """Bars of this length that begin within a time, oldest first, from the longest past that has them."""
        found: dict[int, Bar] = {}
        for length in sorted((each for each in self._bars if length_s % each == 0), reverse=True):
            for bar in _joined(self._bars[length], length_s):
                if start_s <= bar.start_s <= end_s:
                    found.setdefault(bar.start_s, bar)
        return [found[at] for at in sorted(found)]

    def rows(self) -> Bars:
        """All of it, for `restore`."""
        return {length: list(bars) for length, bars in self._bars.items()}

    def restore(self, rows: Bars) -> None:
        """Become what `rows` gave."""
        for length, bars in self._bars.items():
            bars.clear()
            bars.extend(Bar(*row) for row in rows.get(length, ()))


def _joined(bars: "deque[Bar]", length_s: int) -> list[Bar]:
    found: list[Bar] = []
    for bar in bars:
        start_s = bar.start_s - bar.start_s % length_s
        if not found or found[-1].start_s != start_s:
            found.append(bar._replace(start_s=start_s))
        else:
            last = found[-1]
            high, low = max(last.high, bar.high), min(last.low, bar.low)
            found[-1] = Bar(start_s, last.open, high, low, bar.close)
    return found

"""The history of one value, such as an index: bars of several lengths, the finer ones for a shorter time."""

from collections.abc import Mapping
from typing import NamedTuple

from deltawire.market.images import Bars as BarsImage
from deltawire.model.events import Bars

SECOND_NS = 1_000_000_000
MINUTE_S, HOUR_S, DAY_S = 60, 3600, 86_400
LONG = {1: HOUR_S, MINUTE_S: 2 * 1440, HOUR_S: 31 * 24, DAY_S: 3650}
"""Bars kept by length in seconds: seconds of an hour, minutes of 2 days, hours of a month, days of 10 years."""


class Bar(NamedTuple):
    """The first, highest, lowest and last value of a bar that begins at `start_s` (seconds since 1970)."""

    start_s: int
    open: float
    high: float
    low: float
    close: float


class LevelHistory:
    """Bars of several lengths; a time without values has no bar.

    The newest second is kept apart, and joins the bars when it is over or when somebody reads: most values only
    compare with two others.
    """

    __slots__ = ("_bars", "_close", "_end_ns", "_high", "_kept", "_low", "_open", "_start_s")

    def __init__(self, kept: Mapping[int, int] = LONG) -> None:
        self._kept = kept
        self._bars: dict[int, list[Bar]] = {length: [] for length in kept}
        self._start_s = self._end_ns = 0
        self._open = self._high = self._low = self._close = 0.0

    def seen(self, at_ns: int, value: float) -> None:
        """Add a value; one older than the newest bar counts in that bar."""
        if at_ns < self._end_ns:
            if value > self._high:
                self._high = value
            elif value < self._low:
                self._low = value
            self._close = value
            return
        self._join()
        self._start_s = at_ns // SECOND_NS
        self._end_ns = (self._start_s + 1) * SECOND_NS
        self._open = self._high = self._low = self._close = value

    def _join(self) -> None:
        """Put the newest second into the bars, as far as it has come; once more later changes nothing else."""
        if not self._end_ns:
            return
        second = self._start_s
        for length, bars in self._bars.items():
            start_s = second - second % length
            if not bars or start_s > bars[-1].start_s:
                bars.append(Bar(start_s, self._open, self._high, self._low, self._close))
                del bars[: -self._kept[length]]
                continue
            last = bars[-1]
            high, low = max(last.high, self._high), min(last.low, self._low)
            bars[-1] = Bar(last.start_s, last.open, high, low, self._close)

    def between(self, length_s: int, start_s: int, end_s: int) -> list[Bar]:
        """Bars of this length that begin within two times (seconds since 1970), oldest first, joined if finer."""
        self._join()
        by_start: dict[int, Bar] = {}
        for length in sorted((each for each in self._bars if length_s % each == 0), reverse=True):
            for bar in _joined(self._bars[length], length_s):
                if start_s <= bar.start_s <= end_s:
                    by_start.setdefault(bar.start_s, bar)
        return [by_start[at] for at in sorted(by_start)]

    def rows(self) -> Bars:
        """All bars, for `restore`."""
        self._join()
        return {length: list(bars) for length, bars in self._bars.items()}

    def restore(self, rows: Bars) -> None:
        """Replace the bars by the result of `rows`."""
        self._end_ns = 0
        for length, bars in self._bars.items():
            bars[:] = [Bar(*row) for row in rows.get(length, ())[-self._kept[length] :]]

    def freeze(self) -> BarsImage:
        """The bars, and the newest second, for `thaw`."""
        bars = {
            length: [(bar[0], bar[1], bar[2], bar[3], bar[4]) for bar in bars]
            for length, bars in self._bars.items()
        }
        return bars, (self._start_s, self._end_ns, self._open, self._high, self._low, self._close)

    def thaw(self, image: BarsImage) -> None:
        """Take over the result of `freeze`."""
        rows, (self._start_s, self._end_ns, self._open, self._high, self._low, self._close) = image
        for length, bars in self._bars.items():
            bars[:] = [Bar(*row) for row in rows.get(length, ())]


def _joined(bars: list[Bar], length_s: int) -> list[Bar]:
    joined: list[Bar] = []
    for bar in bars:
        start_s = bar.start_s - bar.start_s % length_s
        if not joined or joined[-1].start_s != start_s:
            joined.append(bar._replace(start_s=start_s))
        else:
            last = joined[-1]
            high, low = max(last.high, bar.high), min(last.low, bar.low)
            joined[-1] = Bar(start_s, last.open, high, low, bar.close)
    return joined

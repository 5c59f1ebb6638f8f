"""The last day of an index."""

from collections import deque

import msgspec

MINUTE_NS = 60 * 1_000_000_000
DAY_MINUTES = 1440


class _Minute(msgspec.Struct):
    number: int
    first: float
    low: float
    high: float


class IndexDay:
    """Prices by the minute, so many minutes as a day has; minutes without a price are left out."""

    def __init__(self) -> None:
        self._minutes: deque[_Minute] = deque(maxlen=DAY_MINUTES)
        self._last = 0.0

    def add(self, price: float, at_ns: int) -> None:
        """A price; one older than the current minute counts into it."""
        number = at_ns // MINUTE_NS
        self._last = price
        if not self._minutes or number > self._minutes[-1].number:
            self._minutes.append(_Minute(number, price, price, price))
            return
        minute = self._minutes[-1]
        minute.low, minute.high = min(minute.low, price), max(minute.high, price)

    def range(self) -> tuple[float, float, float]:
        """Of the 24 hours before the newest price: the lowest, the highest, and the newest minus the first."""
        since = self._minutes[-1].number - DAY_MINUTES
        day = [minute for minute in self._minutes if minute.number > since]
        low, high = min(minute.low for minute in day), max(minute.high for minute in day)
        return low, high, self._last - day[0].first

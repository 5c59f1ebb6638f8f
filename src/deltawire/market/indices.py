"""The state of an index, and its last 24 hours."""

from collections import deque
from collections.abc import Iterable

import msgspec

from deltawire.market.images import IndexImage
from deltawire.model.events import Index, VolatilityIndex

SECOND_NS = 1_000_000_000
MINUTE_NS = 60 * 1_000_000_000
DAY_MINUTES = 1440


class _Minute(msgspec.Struct):
    number: int
    first: float
    low: float
    high: float


class IndexDay:
    """Prices of the last 24 hours by minute; minutes without a price are left out."""

    def __init__(self) -> None:
        self._minutes: deque[_Minute] = deque(maxlen=DAY_MINUTES)
        self._last = 0.0
        self._newest = _Minute(0, 0.0, 0.0, 0.0)
        self._ends_ns = 0

    def add(self, price: float, at_ns: int) -> None:
        """Add a price; one older than the newest minute counts in that minute."""
        self._last = price
        if at_ns >= self._ends_ns:
            number = at_ns // MINUTE_NS
            self._ends_ns = (number + 1) * MINUTE_NS
            self._newest = _Minute(number, price, price, price)
            self._minutes.append(self._newest)
        elif price < self._newest.low:
            self._newest.low = price
        elif price > self._newest.high:
            self._newest.high = price

    def freeze(self) -> tuple[list[tuple[int, float, float, float]], float]:
        """The minutes and the newest price, for `thaw`."""
        return [(each.number, each.first, each.low, each.high) for each in self._minutes], self._last

    def thaw(self, minutes: Iterable[tuple[int, float, float, float]], last: float) -> None:
        """Take over the result of `freeze`."""
        self._minutes.extend(_Minute(*minute) for minute in minutes)
        self._last = last
        if self._minutes:
            self._newest = self._minutes[-1]
            self._ends_ns = (self._newest.number + 1) * MINUTE_NS

    def range(self) -> tuple[float, float, float]:
        """(lowest, highest, newest minus first) of the 24 hours before the newest price; `IndexError` without any."""
        since = self._minutes[-1].number - DAY_MINUTES
        day = [minute for minute in self._minutes if minute.number > since]
        low, high = min(minute.low for minute in day), max(minute.high for minute in day)
        return low, high, self._last - day[0].first


class Count:
    """Counts events, and remembers the count at the start of the newest event's second."""

    __slots__ = ("_before", "number", "second_ends_ns")

    def __init__(self) -> None:
        self.number = self._before = self.second_ends_ns = 0

    def add(self, now: int) -> None:
        """Count an event at the venue's time, in nanoseconds since 1970."""
        if now >= self.second_ends_ns:
            self._before = self.number
            self.second_ends_ns = now - now % SECOND_NS + SECOND_NS
        self.number += 1

    def freeze(self) -> tuple[int, int, int]:
        """All counts, for `thaw`."""
        return self.number, self._before, self.second_ends_ns

    def thaw(self, counts: tuple[int, int, int]) -> None:
        """Take over the result of `freeze`."""
        self.number, self._before, self.second_ends_ns = counts

    def at_second(self, now: int) -> int:
        """The count at the start of the second of `now`; `now` is not before the newest event's second."""
        return self._before if now < self.second_ends_ns else self.number


class IndexState:
    """The state of one index.

    `changed` is the event that last changed the price; `prices` counts such events, `estimates` the tickers with an
    estimated delivery price of instruments on it that have not expired, `option_tickers` those of options,
    `volatilities` the values of its volatility index, `rankings` the prices with constituents.
    """

    __slots__ = (
        "changed",
        "day",
        "estimates",
        "newest",
        "option_tickers",
        "prices",
        "ranked",
        "rankings",
        "stated",
        "volatilities",
        "volatility",
    )

    def __init__(self) -> None:
        self.newest: Index | None = None
        self.changed: Index | None = None
        self.stated = False
        """Whether the venue has a channel for it; then the prices that tickers state are ignored."""
        self.day = IndexDay()
        self.prices = Count()
        self.estimates = Count()
        self.option_tickers = Count()
        self.volatility: VolatilityIndex | None = None
        self.volatilities = Count()
        self.ranked: Index | None = None
        """The newest price with constituents."""
        self.rankings = Count()

    def take(self, index: Index, now: int, *, channel: bool) -> None:
        """Set its price, from the venue's channel of the index or from a ticker."""
        self.newest = index
        self.stated = self.stated or channel
        if self.changed is None or self.changed.price != index.price:
            self.changed = index
            self.prices.add(now)
        if index.constituents:
            self.ranked = index
            self.rankings.add(now)
        self.day.add(index.price, index.venue_ns or index.seen_ns)

    def freeze(self) -> IndexImage:
        """The state as a value, for `thaw`."""
        minutes, last = self.day.freeze()
        return IndexImage(
            newest=self.newest,
            changed=self.changed,
            stated=self.stated,
            minutes=minutes,
            last=last,
            prices=self.prices.freeze(),
            estimates=self.estimates.freeze(),
            option_tickers=self.option_tickers.freeze(),
            volatility=self.volatility,
            volatilities=self.volatilities.freeze(),
            ranked=self.ranked,
            rankings=self.rankings.freeze(),
        )

    def thaw(self, image: IndexImage) -> None:
        """Take over the result of `freeze`, in a new state."""
        self.newest, self.changed, self.stated = image.newest, image.changed, image.stated
        self.volatility, self.ranked = image.volatility, image.ranked
        self.day.thaw(image.minutes, image.last)
        self.prices.thaw(image.prices)
        self.estimates.thaw(image.estimates)
        self.option_tickers.thaw(image.option_tickers)
        self.volatilities.thaw(image.volatilities)
        self.rankings.thaw(image.rankings)

    def take_volatility(self, value: VolatilityIndex, now: int) -> None:
        """Set the value of its volatility index."""
        self.volatility = value
        self.volatilities.add(now)

"""The mark price of a future: the index plus the mean distance of its market from it; and the curve of all futures."""

from bisect import bisect_left
from collections.abc import Iterable
from math import exp, log

import msgspec

from deltawire.exchange.instruments.calendar import SECOND_NS

AVERAGE_NS = 30 * SECOND_NS
PERPETUAL_LIMIT = 0.005
FUTURE_LIMIT = 0.25


class BasisAverage(msgspec.Struct):
    """An exponential mean over time of a future's fair price less its index, relative to the index.

    The time constant is 30 s; `limit` bounds the input, so that no single trade moves the mark far.
    """

    limit: float
    basis: float = 0.0
    last_ns: int | None = None
    told: float = 0.0
    """The last value of the market."""

    def seen(self, now_ns: int, fair: float | None, index: float) -> None:
        """Update with the market's fair price; None if unknown: the last value remains."""
        if self.last_ns is not None:
            weight = 1.0 - exp((self.last_ns - now_ns) / AVERAGE_NS)
            self.basis += weight * (self.told - self.basis)
        if fair is not None:
            self.told = min(max(fair / index - 1.0, -self.limit), self.limit)
            if self.last_ns is None:
                self.basis = self.told
            self.last_ns = now_ns
        elif self.last_ns is not None:
            self.last_ns = now_ns

    def mark(self, index: float) -> float:
        """The mark price at this index."""
        return index * (1.0 + self.basis)


class ForwardCurve:
    """ln(F/S) over time: linear between the listed futures and from the index, with the same slope beyond them."""

    def __init__(self, index: float, futures: Iterable[tuple[float, float]]) -> None:
        """`futures`: (years to expiry, mark price); expired ones are ignored."""
        self._index = index
        points = sorted((years, log(price / index)) for years, price in futures if years > 0.0)
        self._years = [0.0] + [years for years, _ in points]
        self._carries = [0.0] + [carry for _, carry in points]

    def forward(self, years: float) -> float:
        """The forward price for an expiry in this many years."""
        return self._index * exp(self._carry(max(years, 0.0)))

    def _carry(self, years: float) -> float:
        if len(self._years) == 1:
            return 0.0
        place = bisect_left(self._years, years)
        if place == len(self._years):
            return self._carries[-1] * years / self._years[-1]
        if place == 0:
            return 0.0
        low, high = self._years[place - 1], self._years[place]
        share = (years - low) / (high - low)
        return self._carries[place - 1] * (1 - share) + self._carries[place] * share

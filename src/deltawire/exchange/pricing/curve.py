"""The forward curve: what listed futures say of expiries between and beyond them."""

from bisect import bisect_left
from collections.abc import Iterable
from math import exp, log


class ForwardCurve:
    """ln(F/S) over time, straight between the listed futures and from the index, the same slope beyond them."""

    def __init__(self, index: float, futures: Iterable[tuple[float, float]]) -> None:
        """`futures`: (years to expiry, mark price); those expired say nothing."""
        self._index = index
        points = sorted((years, log(price / index)) for years, price in futures if years > 0.0)
        self._years = [0.0] + [years for years, _ in points]
        self._carries = [0.0] + [carry for _, carry in points]

    def forward(self, years: float) -> float:
        """The forward price for an expiry in so many years."""
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

"""Resilience of a book: how fast depth comes back after a trade has swept it.

A shock is a fall of a side's depth, within a band known all the time, by more than a share of its running mean. It has
recovered by half when depth is back halfway from its low to that mean; the next one can begin when depth is back
within half of the share. Counts stand beside the times, because many shocks are never followed by a recovery (Large
2007 finds one below 40 % of them within 20 s).
"""

from math import exp
from statistics import median

import msgspec


class Resilience(msgspec.Struct, frozen=True, gc=False):
    """Of all shocks so far: the median half-life of those that recovered, in nanoseconds, and the counts.

    `ended` are shocks that did not recover within the limit, or during which the depth became unknown.
    """

    half_life_ns: int | None
    shocks: int
    recovered: int
    ended: int


class ResilienceMetric:
    """Shocks and recoveries of one side's depth.

    `share` is the fall that counts, relative to the mean; `tau_ns` the memory of the mean, `limit_ns` how long a
    recovery may take, both in nanoseconds.
    """

    def __init__(
        self, *, share: float = 0.5, tau_ns: int = 60_000_000_000, limit_ns: int = 20_000_000_000
    ) -> None:
        self._share, self._tau_ns, self._limit_ns = share, tau_ns, limit_ns
        self._mean: float | None = None
        self._then_ns = 0
        self._shock: tuple[int, float, float] | None = None
        self._armed = True
        self._times: list[int] = []
        self._shocks = self._ended = 0

    def update(self, venue_ns: int, depth: float | None) -> Resilience:
        """The figures after this depth; None where it is not known, which ends a shock without an answer."""
        if depth is None:
            self._abandon()
            self._mean = None
        elif self._mean is None:
            self._mean = depth
        elif self._shock is not None:
            self._recover(venue_ns, depth, *self._shock)
        elif self._armed and depth < (1 - self._share) * self._mean:
            self._shock = venue_ns, depth, self._mean
            self._armed = False
            self._shocks += 1
        else:
            self._armed = self._armed or depth >= (1 - 0.5 * self._share) * self._mean
            weight = exp(-(venue_ns - self._then_ns) / self._tau_ns)
            self._mean = weight * self._mean + (1 - weight) * depth
        self._then_ns = venue_ns
        half = int(median(self._times)) if self._times else None
        return Resilience(half, self._shocks, len(self._times), self._ended)

    def _recover(self, venue_ns: int, depth: float, begun_ns: int, low: float, mean: float) -> None:
        low = min(low, depth)
        if depth >= 0.5 * (low + mean):
            self._times.append(venue_ns - begun_ns)
            self._shock = None
        elif venue_ns - begun_ns > self._limit_ns:
            self._abandon()
            self._mean = depth
        else:
            self._shock = begun_ns, low, mean

    def _abandon(self) -> None:
        if self._shock is not None:
            self._ended += 1
            self._shock = None

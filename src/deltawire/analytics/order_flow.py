"""Order-flow imbalance: what the changes of the best levels add to bids and take from asks.

Source: Cont, Kukanov and Stoikov 2014 (arXiv 1011.6402, equation 4), per update n of the best prices P and sizes q:

    e_n = 1{P_b ≥ P_b'} q_b − 1{P_b ≤ P_b'} q_b' − 1{P_a ≤ P_a'} q_a + 1{P_a ≥ P_a'} q_a'

(primes: before the update). At an equal price both terms of a side apply, so a change of size alone counts. At level
m it is the same rule on the m-th best levels (Xu, Gould and Howison 2018, arXiv 1907.06230).
"""

from collections import deque
from collections.abc import Iterable
from itertools import chain, repeat
from math import exp, inf
from operator import add, mul, sub

import msgspec

from deltawire.analytics.known_book import BookSide, KnownBook

Best = tuple[float, float, float, float]
"""(bid price, bid size, ask price, ask size); a level that a whole side lacks is at −∞ or +∞ with size 0."""
_Column = tuple[float, ...]
_Best = tuple[_Column, _Column, _Column, _Column, int]
"""The same of several levels, and how many of them are known."""


class Flow(msgspec.Struct, frozen=True, gc=False):
    """Order flow over the last updates.

    `levels` has one sum per level, None if that level was unknown at one of these updates; `sizes` the mean size of a
    side at each level. `total` is the sum at the best level, `depth` the mean size there.
    """

    levels: tuple[float | None, ...]
    sizes: tuple[float, ...]
    updates: int

    @property
    def total(self) -> float:
        """Flow at the best level."""
        return self.levels[0] or 0.0

    @property
    def depth(self) -> float:
        """The mean size at the touch."""
        return self.sizes[0]

    @property
    def normalised(self) -> float | None:
        """Flow in units of the mean size at the touch."""
        return self.total / self.depth if self.depth > 0.0 else None

    @property
    def band(self) -> int:
        """How many of the best levels were known all the time."""
        return len(self.levels) - self.levels.count(None)

    @property
    def known(self) -> bool:
        """Whether all levels were."""
        return None not in self.levels


def contribution(before: Best, after: Best) -> float:
    """e_n of one update."""
    bid_before, bid_size_before, ask_before, ask_size_before = before
    bid, bid_size, ask, ask_size = after
    flow = 0.0
    if bid >= bid_before:
        flow += bid_size
    if bid <= bid_before:
        flow -= bid_size_before
    if ask <= ask_before:
        flow -= ask_size
    if ask >= ask_before:
        flow += ask_size_before
    return flow


def level(book: KnownBook, number: int) -> Best | None:
    """Both sides' level of this number, from 0 for the best; None if one of them is not known."""
    bids, asks = book.bids, book.asks
    if not (bids.knows_levels(number + 1) and asks.knows_levels(number + 1)):
        return None
    return (*_level(bids, number, -inf), *_level(asks, number, inf))


def _level(side: BookSide, number: int, absent: float) -> tuple[float, float]:
    return (side.prices[number], side.sizes[number]) if number < len(side.prices) else (absent, 0.0)


class OrderFlow:
    """Flow per level over a window of the last `window` updates, from books in their order."""

    def __init__(self, levels: int = 1, window: int = 1) -> None:
        self._levels, self._window = levels, window
        self._before: _Best | None = None
        self._totals: deque[_Column] = deque([(0.0,) * (2 * levels)], maxlen=window + 1)
        """Sums since some update in the past: flow of each level, then twice the size of each."""
        self._known: deque[int] = deque(maxlen=window)
        self._bands = [0] * (levels + 1)
        """How many updates of the window knew so many levels."""
        self._left = window
        """Updates until the sums begin later, so that rounding errors do not accumulate."""
        self._first: _Column = self._totals[0]
        """What sums from before the last new beginning are reduced by when they are read."""

    def update(self, book: KnownBook) -> Flow | None:
        """Flow up to this book; None for the first one, which follows nothing."""
        self.add(book)
        return self.flow

    def add(self, book: KnownBook) -> None:
        """Count a book without computing the flow."""
        levels, bids, asks = self._levels, book.bids, book.asks
        before, now = (
            self._before,
            (bids.prices[:levels], bids.sizes[:levels], asks.prices[:levels], asks.sizes[:levels], levels),
        )
        if len(now[0]) < levels or len(now[2]) < levels:
            now = _filled(book, now)
        self._before = now
        if before is None:
            return
        totals, known, bands = self._totals, self._known, self._bands
        totals.append((*map(add, totals[-1], _step(before, now)),))
        band = now[4] if now[4] < before[4] else before[4]
        bands[band] += 1
        if len(known) == self._window:
            bands[known[0]] -= 1
        known.append(band)
        self._left -= 1
        if not self._left:
            self._begin_later()

    @property
    def flow(self) -> Flow | None:
        """Flow up to the last book; None if it follows nothing."""
        count, levels = len(self._known), self._levels
        if not count:
            return None
        totals = self._totals
        sums = (*map(sub, totals[-1], map(sub, totals[0], self._first)),)
        flows: tuple[float | None, ...] = sums[:levels]
        if self._bands[levels] < count:
            band = next(number for number, updates in enumerate(self._bands) if updates)
            flows = (*flows[:band], *[None] * (levels - band))
        return Flow(flows, (*map(mul, sums[levels:], repeat(0.5 / count)),), count)

    def reset(self) -> None:
        """Forget the last book: after a gap the next one follows nothing."""
        self._before = None
        self._known.clear()
        self._bands = [0] * (self._levels + 1)
        self._first = (0.0,) * (2 * self._levels)
        self._totals = deque([self._first], maxlen=self._window + 1)
        self._left = self._window

    def _begin_later(self) -> None:
        """Make the oldest sum of the window zero; the window consists of those since this was done the last time."""
        self._first = first = self._totals[0]
        self._totals[-1] = (*map(sub, self._totals[-1], first),)
        self._left = self._window


def _filled(book: KnownBook, best: _Best) -> _Best:
    """The best levels with those that a whole side lacks, at −∞ or +∞ with size 0, and how many of them are known."""
    bid, bid_size, ask, ask_size, levels = best
    lack = levels - len(bid), levels - len(ask)
    bands = [
        levels if side.edge is None else min(levels, len(side.prices)) for side in (book.bids, book.asks)
    ]
    return (
        bid + (-inf,) * lack[0],
        bid_size + (0.0,) * lack[0],
        ask + (inf,) * lack[1],
        ask_size + (0.0,) * lack[1],
        min(bands),
    )


def _step(before: _Best, now: _Best) -> Iterable[float]:
    """e_n of each level, and then the sizes of both sides there."""
    bid_before, bid_size_before, ask_before, ask_size_before, _ = before
    bid, bid_size, ask, ask_size, _ = now
    flows: Iterable[float]
    if bid == bid_before and ask == ask_before:  # sizes alone have changed
        if ask_size == ask_size_before:
            flows = map(sub, bid_size, bid_size_before)
        elif bid_size == bid_size_before:
            flows = map(sub, ask_size_before, ask_size)
        else:
            flows = map(sub, map(sub, bid_size, bid_size_before), map(sub, ask_size, ask_size_before))
    else:
        flows = map(
            contribution,
            zip(bid_before, bid_size_before, ask_before, ask_size_before, strict=True),
            zip(bid, bid_size, ask, ask_size, strict=True),
        )
    return chain(flows, map(add, bid_size, ask_size))


class DecayingFlow:
    """The exponentially weighted flow at the best level: O(t) = O(t−) e^{−Δt/τ} + e_n, `tau_ns` in nanoseconds."""

    def __init__(self, tau_ns: int) -> None:
        self._tau_ns = tau_ns
        self._before: Best | None = None
        self._then_ns = 0
        self.value = 0.0

    def update(self, book: KnownBook) -> float:
        """The flow after this book; a book whose best levels are not known leaves it and breaks the chain."""
        now = level(book, 0)
        self.value *= exp(-max(0, book.venue_ns - self._then_ns) / self._tau_ns)
        if self._before is not None and now is not None:
            self.value += contribution(self._before, now)
        self._before, self._then_ns = now, book.venue_ns
        return self.value

"""Order-flow imbalance: what the changes of the best levels add to bids and take from asks.

Source: Cont, Kukanov and Stoikov 2014 (arXiv 1011.6402, equation 4), per update n of the best prices P and sizes q:

    e_n = 1{P_b ≥ P_b'} q_b − 1{P_b ≤ P_b'} q_b' − 1{P_a ≤ P_a'} q_a + 1{P_a ≥ P_a'} q_a'

(primes: before the update). At an equal price both terms of a side apply, so a change of size alone counts. At level
m it is the same rule on the m-th best levels (Xu, Gould and Howison 2018, arXiv 1907.06230).
"""

from collections import deque
from math import exp, inf

import msgspec

from deltawire.analytics.known_book import BookSide, KnownBook

Best = tuple[float, float, float, float]
"""(bid price, bid size, ask price, ask size); a level that a whole side lacks is at −∞ or +∞ with size 0."""


class Flow(msgspec.Struct, frozen=True, gc=False):
    """Order flow over the last updates.

    `total` is the sum at the best level; `levels` has one sum per level, None if a level was unknown at any of these
    updates. `normalised` is `total` over the mean of the best sizes, `depth`. `known` is whether every level was.
    """

    total: float
    levels: tuple[float | None, ...]
    depth: float
    updates: int
    known: bool

    @property
    def normalised(self) -> float | None:
        """Flow in units of the mean size at the touch."""
        return self.total / self.depth if self.depth > 0.0 else None


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
        self._numbers = range(levels)
        self._before: list[Best | None] | None = None
        self._steps: deque[list[float | None]] = deque(maxlen=window)
        self._depths: deque[float] = deque(maxlen=window)
        self._sums = [0.0] * levels
        self._unknown = [0] * levels
        self._depth = 0.0
        self._exact_for = window
        """Updates until the sums are computed anew, so that rounding errors do not accumulate."""

    def update(self, book: KnownBook) -> Flow | None:
        """Flow up to this book; None for the first one, which follows nothing."""
        self.add(book)
        return self.flow

    def add(self, book: KnownBook) -> None:
        """Count a book without computing the flow."""
        now = [level(book, number) for number in self._numbers]
        before, self._before = self._before, now
        if before is None:
            return
        step = [
            None if old is None or new is None else contribution(old, new)
            for old, new in zip(before, now, strict=True)
        ]
        touch = now[0]
        depth = 0.0 if touch is None else 0.5 * (touch[1] + touch[3])
        if len(self._steps) == self._steps.maxlen:
            self._count(self._steps[0], -1)
            self._depth -= self._depths[0]
        self._steps.append(step)
        self._depths.append(depth)
        self._count(step, 1)
        self._depth += depth
        self._exact_for -= 1
        if self._exact_for <= 0:
            self._compute_sums()

    @property
    def flow(self) -> Flow | None:
        """Flow up to the last book; None if it follows nothing."""
        count = len(self._steps)
        if not count:
            return None
        sums = tuple(
            None if unknown else total for total, unknown in zip(self._sums, self._unknown, strict=True)
        )
        return Flow(sums[0] or 0.0, sums, self._depth / count, count, None not in sums)

    def reset(self) -> None:
        """Forget the last book: after a gap the next one follows nothing."""
        self._before = None
        self._steps.clear()
        self._depths.clear()
        self._compute_sums()

    def _count(self, step: list[float | None], sign: int) -> None:
        for number, change in enumerate(step):
            if change is None:
                self._unknown[number] += sign
            else:
                self._sums[number] += sign * change

    def _compute_sums(self) -> None:
        self._sums, self._unknown = [0.0] * len(self._numbers), [0] * len(self._numbers)
        for step in self._steps:
            self._count(step, 1)
        self._depth = sum(self._depths)
        self._exact_for = self._steps.maxlen or 1


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

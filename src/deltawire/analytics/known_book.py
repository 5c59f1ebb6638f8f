"""A book as metrics read it: best levels first, and only levels that are known.

A side is known down to an edge (`model.known_range`). Beyond it some levels are seen and others are not, so whatever is
computed from them is biased; `known_book` drops them, and every metric states the band that it was computed on.
"""

from collections.abc import Iterable, Sequence
from math import inf
from typing import NamedTuple

import msgspec

Quotes = Sequence[tuple[float, float]]
"""(price, size) of levels."""


class BookSide(msgspec.Struct, frozen=True, gc=False):
    """One side: prices and sizes, best first, and the last price up to which no level is missing (None: whole)."""

    prices: tuple[float, ...] = ()
    sizes: tuple[float, ...] = ()
    edge: float | None = None

    def knows_levels(self, count: int) -> bool:
        """Whether the best `count` levels are known, which a whole side's are even if it has fewer."""
        return self.edge is None or len(self.prices) >= count


class KnownBook(msgspec.Struct, frozen=True, gc=False):
    """Both sides at one sequence number; prices in quote currency, sizes in whatever the instrument trades in."""

    bids: BookSide
    asks: BookSide
    venue_ns: int = 0
    seq: int = 0

    @property
    def two_sided(self) -> bool:
        """Whether both sides have a level and do not cross or lock; otherwise there is no mid price."""
        bids, asks = self.bids.prices, self.asks.prices
        return bool(bids) and bool(asks) and bids[0] < asks[0]

    @property
    def mid(self) -> float | None:
        """The middle of the best prices."""
        bids, asks = self.bids.prices, self.asks.prices
        return 0.5 * (bids[0] + asks[0]) if bids and asks and bids[0] < asks[0] else None

    @property
    def reach_bp(self) -> float:
        """How many basis points around the mid are known on both sides; infinite for a whole book."""
        mid = self.mid
        return 0.0 if mid is None else self.reach_of(mid)

    def reach_of(self, mid: float) -> float:
        """`reach_bp`, for who has the mid already."""
        low, high = self.bids.edge, self.asks.edge
        below = inf if low is None else abs(low - mid) / mid * 1e4
        above = inf if high is None else abs(high - mid) / mid * 1e4
        return min(below, above)


class Measured(NamedTuple):
    """A figure, the band that it was computed on (in levels or basis points), and whether that is the one requested.

    Where less is known the band is the widest that is known on both sides, so that the figure is not biased.
    """

    value: float | None
    band: float
    known: bool


def known_book(
    bids: Iterable[tuple[float, float]],
    asks: Iterable[tuple[float, float]],
    *,
    complete_to: tuple[float | None, float | None] = (None, None),
    venue_ns: int = 0,
    seq: int = 0,
) -> KnownBook:
    """The known part of a book, from (price, size) of its levels in any order."""
    low, high = complete_to
    ranked = sorted(
        (level for level in bids if level[1] > 0.0 and (low is None or level[0] >= low)), reverse=True
    )
    rising = sorted(level for level in asks if level[1] > 0.0 and (high is None or level[0] <= high))
    return KnownBook(_side(ranked, low), _side(rising, high), venue_ns, seq)


def _side(levels: Quotes, edge: float | None) -> BookSide:
    return BookSide(tuple(price for price, _ in levels), tuple(size for _, size in levels), edge)

"""How far each side of a book is known: the prices up to which no level is missing."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import msgspec

from deltawire.model.numbers import exact_mantissa, unit

CompleteTo = tuple[int | None, int | None]
"""Of the bids and of the asks, in ticks: every level up to this price is known; None: of the whole side."""


class RankedSide(Protocol):
    """One side of a book, as far as its known range depends on it."""

    def top(self, count: int) -> Sequence[int]:
        """The best `count` prices, best first; fewer if the side has fewer."""

    def __len__(self) -> int: ...


class KnownRange(msgspec.Struct, frozen=True, gc=False):
    """Which levels of a book are known.

    `bids` is the lowest bid in ticks, `asks` the highest ask, up to which every level is known; None if no image has
    been cut there. Beyond them only levels that have changed since the image are known, so these are kept apart.

    `levels` is how many best levels a side the venue keeps up to date, 0 if all. Such a side is known up to its last
    level, and to its end if it has fewer.
    """

    bids: int | None = None
    asks: int | None = None
    levels: int = 0

    def __bool__(self) -> bool:
        """Whether it ends anywhere."""
        return self.edged or self.levels > 0

    @property
    def edged(self) -> bool:
        """Whether a side is known up to a fixed price only."""
        return self.bids is not None or self.asks is not None

    def complete_to(self, bids: RankedSide, asks: RankedSide) -> CompleteTo:
        """The prices up to which these sides, whose known range this is, are complete."""
        return _edge(self.bids, bids, self.levels), _edge(self.asks, asks, self.levels)

    def limited(self, levels: int) -> "KnownRange":
        """The range of a part of the book: its best `levels` a side; 0 for the whole."""
        if not levels or 0 < self.levels <= levels:
            return self
        return KnownRange(self.bids, self.asks, levels)

    def passed(self, best_bid: int | None, best_ask: int | None) -> "KnownRange":
        """The range after an update that led to these best prices, in ticks.

        No bid is at or above an ask: where the best ask is below the edge of the bids, every bid down to that ask is
        known to be gone, and a later one there will be an update. So the edge has moved to that ask. Asks likewise.
        """
        bids, asks = self.bids, self.asks
        if bids is not None and best_ask is not None and best_ask < bids:
            bids = best_ask
        if asks is not None and best_bid is not None and best_bid > asks:
            asks = best_bid
        return self if (bids, asks) == (self.bids, self.asks) else KnownRange(bids, asks, self.levels)

    def joined(self, other: "KnownRange") -> "KnownRange":
        """The range of a book of which two ranges are known at once."""
        return KnownRange(
            None if self.bids is None or other.bids is None else min(self.bids, other.bids),
            None if self.asks is None or other.asks is None else max(self.asks, other.asks),
            self.levels,
        )

    def rescaled(self, price_factor: int) -> "KnownRange":
        """The same range in finer ticks."""
        if price_factor == 1 or not self.edged:
            return self
        bids, asks = (None if edge is None else edge * price_factor for edge in (self.bids, self.asks))
        return KnownRange(bids, asks, self.levels)

    def members(self, exponent: int) -> dict[str, Any]:
        """The range as members of a book notification, with prices as numbers; `read_range` reads them."""
        members: dict[str, Any] = {}
        if self.edged or not self.levels:
            edges = (self.bids, self.asks)
            members["complete_to"] = [None if edge is None else edge / unit(exponent) for edge in edges]
        if self.levels:
            members["complete_levels"] = self.levels
        return members


def read_range(data: Mapping[str, Any], exponent: int) -> KnownRange | None:
    """The range that a book notification states, in ticks of this exponent; None if it states none."""
    if "complete_levels" not in data and "complete_to" not in data:
        return None
    edges = data.get("complete_to", (None, None))
    bids, asks = (None if edge is None else exact_mantissa(edge, exponent) for edge in edges)
    return KnownRange(bids, asks, data.get("complete_levels", 0))


WHOLE = KnownRange()
"""Every level of both sides is known."""


def _edge(fixed: int | None, side: RankedSide, levels: int) -> int | None:
    """The last of the levels that are kept up to date; the fixed edge if there are fewer."""
    return side.top(levels)[-1] if levels and len(side) >= levels else fixed


def cut_at(levels: Sequence[int], limit: int) -> int | None:
    """The edge of one side of an image that has at most `limit` levels: its last price, None if it is not cut.

    `levels` are the prices, best first.
    """
    return levels[-1] if limit and len(levels) >= limit else None


def least_limit(counts: tuple[int, int], limits: Sequence[int]) -> int:
    """The limit at which an image was requested, as small as its sides allow; 0 if they are longer than any.

    A side with fewer levels than that is complete: it is shorter than any limit that the image can have had.
    """
    return next((limit for limit in sorted(limits) if limit >= max(counts)), 0)

"""The levels of a book: integers in, integers out.

A side is a dict of sizes by price, and beside it a sorted window over the best prices (`near`). Most updates
touch levels far from the top and so cost one dict store; the best price and the best few are read off the
window. When the window runs low it is rebuilt from the dict, when it grows large it is cut.
"""

from bisect import bisect_left, insort
from collections.abc import Iterable, Mapping, Sequence
from heapq import nlargest, nsmallest

from deltawire.model.events import Changes, Levels

_LOW, _KEEP, _HIGH = 32, 128, 384
_BEYOND = 1 << 200


def changes_between(before: Mapping[int, int], after: Mapping[int, int]) -> Changes:
    """The changes of every price in `after` whose size differs; a price missing in `before` had size 0."""
    prices = [price for price, size in after.items() if size != before.get(price, 0)]
    return Changes(prices, [after[price] for price in prices], [before.get(price, 0) for price in prices])


class Side:
    """One side of a book, bids or asks; prices in ticks, sizes in lots, never a size of zero."""

    __slots__ = ("_best", "_bid", "_levels", "_near", "_near_high", "_near_low", "version")

    def __init__(self, *, bid: bool) -> None:
        self._bid = bid
        self._best = -1 if bid else 0
        self.version = 0
        """Counts changes: the same number of the same side means the same levels."""
        self.load((), ())

    def load(self, prices: Sequence[int], sizes: Sequence[int]) -> None:
        """Replace every level; of a price that comes twice the last size counts, zero means no level."""
        self.version += 1
        self._levels = {price: size for price, size in dict(zip(prices, sizes, strict=True)).items() if size}
        self._window(self._nearest(_KEEP))

    def apply(self, prices: Iterable[int], sizes: Iterable[int]) -> Changes:
        """Set sizes in order (0 removes) and return what really changed, with the sizes before."""
        levels, near, low, high = self._levels, self._near, self._near_low, self._near_high
        get = levels.get
        changed: list[int] = []
        now: list[int] = []
        previous: list[int] = []
        for price, size in zip(prices, sizes, strict=True):
            before = get(price, 0)
            if size == before:
                continue
            if not size:
                del levels[price]
                if low <= price <= high:
                    del near[bisect_left(near, price)]
            else:
                levels[price] = size
                if not before and low <= price <= high:
                    insort(near, price)
            changed.append(price)
            now.append(size)
            previous.append(before)
        if changed:
            self.version += 1
        if len(near) > _HIGH:
            self._window(near)
        elif len(near) < _LOW and len(near) < len(levels):
            self._window(self._nearest(_KEEP))
        return Changes(changed, now, previous)

    def revert(self, changes: Changes) -> None:
        """Undo what `apply` returned; nothing may have happened in between."""
        self.apply(reversed(changes.prices), reversed(changes.previous))

    def diff(self, prices: Sequence[int], sizes: Sequence[int]) -> Changes:
        """What turns this side into the side given by the columns, without touching it."""
        target = dict(zip(prices, sizes, strict=True))
        gone = sorted((price for price in self._levels if price not in target), reverse=self._bid)
        wanted = dict.fromkeys(gone, 0) | target
        return changes_between(self._levels, wanted)

    def truncate(self, depth: int) -> Changes:
        """Drop all levels beyond the best `depth`."""
        if len(self._levels) <= depth:
            return Changes([], [], [])
        beyond = self.levels().prices[depth:]
        return self.apply(beyond, [0] * len(beyond))

    def copy(self) -> "Side":
        """A side of its own with the same levels."""
        twin = Side(bid=self._bid)
        twin.load(list(self._levels), list(self._levels.values()))
        return twin

    def rescale(self, price_factor: int, size_factor: int) -> None:
        """Express the same levels in finer ticks and lots."""
        levels = self._levels
        self.load([p * price_factor for p in levels], [s * size_factor for s in levels.values()])

    def best(self) -> int | None:
        """The best price in ticks, or None when the side is empty."""
        return self._near[self._best] if self._near else None

    def size(self, price: int) -> int:
        """The size at a price in lots; 0 where there is no level."""
        return self._levels.get(price, 0)

    def top(self, count: int) -> list[int]:
        """The best `count` prices, best first; fewer when the side has fewer."""
        near = self._near
        if count > len(near) < len(self._levels):
            near = self._nearest(count)
        return near[: -count - 1 : -1] if self._bid else near[:count]

    def levels(self, depth: int | None = None) -> Levels:
        """The side as columns, best first; at most `depth` levels when given."""
        prices = self.top(len(self._levels) if depth is None else depth)
        return Levels(prices, [self._levels[price] for price in prices])

    def __len__(self) -> int:
        return len(self._levels)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Side) and self._bid == other._bid and self._levels == other._levels

    __hash__ = None  # type: ignore[assignment]

    def _nearest(self, count: int) -> list[int]:
        """The best `count` prices in ascending order, read off all levels."""
        if count >= len(self._levels):
            return sorted(self._levels)
        return nlargest(count, self._levels)[::-1] if self._bid else nsmallest(count, self._levels)

    def _window(self, ordered: list[int]) -> None:
        """Keep the best of the ordered prices as the window, and the range in which it is complete."""
        near = ordered[-_KEEP:] if self._bid else ordered[:_KEEP]
        whole = len(near) == len(self._levels)
        self._near = near
        self._near_low = near[0] if self._bid and not whole else -_BEYOND
        self._near_high = near[-1] if not self._bid and not whole else _BEYOND


class Ladder:
    """Both sides of one book."""

    __slots__ = ("asks", "bids")

    def __init__(self) -> None:
        self.bids = Side(bid=True)
        self.asks = Side(bid=False)

    def crossed(self) -> bool:
        """Whether the best bid is at or above the best ask, which no venue's matching allows."""
        bid, ask = self.bids.best(), self.asks.best()
        return bid is not None and ask is not None and bid >= ask

    def rescale(self, price_factor: int, size_factor: int) -> None:
        """Express the same book in finer ticks and lots."""
        self.bids.rescale(price_factor, size_factor)
        self.asks.rescale(price_factor, size_factor)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Ladder) and self.bids == other.bids and self.asks == other.asks

    __hash__ = None  # type: ignore[assignment]

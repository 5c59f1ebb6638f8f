"""Several changes as one: what an interval or a slow reader gets, and what was published last."""

from typing import Generic, TypeVar

from deltawire.book.ladder import Side, changes_between
from deltawire.model.events import Changes, Levels

T = TypeVar("T")


class Pending:
    """Changes to one side since it was last published: every price touched, with its size back then."""

    __slots__ = ("_before",)

    def __init__(self) -> None:
        self._before: dict[int, int] = {}

    def add(self, changes: Changes) -> None:
        """Note changes that have just been applied to the side."""
        before = self._before
        for price, previous in zip(changes.prices, changes.previous, strict=True):
            before.setdefault(price, previous)

    def follow(self, later: "Pending") -> None:
        """Note what was noted after this, elsewhere."""
        self._before = later._before | self._before

    def take(self, side: Side) -> Changes:
        """One set of changes from the published side to the side as it is, which counts as published now."""
        before, self._before = self._before, {}
        return changes_between(before, {price: side.size(price) for price in before})

    def rescale(self, price_factor: int, size_factor: int) -> None:
        """Express the same changes in finer ticks and lots, as the side is now."""
        self._before = {price * price_factor: size * size_factor for price, size in self._before.items()}

    def published(self, side: Side, depth: int | None = None) -> Levels:
        """The side as it was last published."""
        if not self._before:
            return side.levels(depth)
        restored = side.copy()
        restored.apply(self._before.keys(), self._before.values())
        return restored.levels(depth)

    def size(self, side: Side, price: int) -> int:
        """The size at a price as it was last published."""
        before = self._before.get(price)
        return side.size(price) if before is None else before

    def before(self) -> dict[int, int]:
        """Every price touched, with its size back then."""
        return self._before

    def __bool__(self) -> bool:
        return bool(self._before)


class Top:
    """The best levels of a side as they were last published: what `Pending` is to the whole side."""

    __slots__ = ("_depth", "_published", "_touched")

    def __init__(self, depth: int) -> None:
        self._depth = depth
        self._published: dict[int, int] = {}
        self._touched = False

    def add(self, changes: Changes) -> None:
        """The side has changed, perhaps among its best."""
        self._touched = self._touched or bool(changes)

    def take(self, side: Side) -> Changes:
        """One set of changes from the best levels published to those of now, which count as published now."""
        levels = side.levels(self._depth)
        now = dict(zip(levels.prices, levels.sizes, strict=True))
        before, self._published, self._touched = self._published, now, False
        gone = dict.fromkeys((price for price in before if price not in now), 0)
        return changes_between(before, gone | now)

    def rescale(self, price_factor: int, size_factor: int) -> None:
        """Express the same levels in finer ticks and lots."""
        self._published = {p * price_factor: size * size_factor for p, size in self._published.items()}

    def published(self, side: Side, depth: int | None = None) -> Levels:
        """The levels last published, best first."""
        return Levels(list(self._published)[:depth], list(self._published.values())[:depth])

    def size(self, side: Side, price: int) -> int:
        """The size at a price as it was last published."""
        return self._published.get(price, 0)

    def __bool__(self) -> bool:
        return self._touched


class Mark(Generic[T]):
    """A point at which readers were left behind, what it was like then, and what has changed until the next one."""

    __slots__ = ("asks", "bids", "context", "readers")

    def __init__(self, context: T) -> None:
        self.context = context
        self.readers = 0
        self.bids, self.asks = Pending(), Pending()


class Marks(Generic[T]):
    """What has changed since each of some points in a sequence, for readers who were left behind there.

    Changes are noted at the newest mark only. What has changed since an older one is what all marks from there on
    have noted, of each price the earliest size. So a change costs the same however many readers are behind, and
    what is kept is bounded by the prices touched, not by the number of changes.
    """

    def __init__(self) -> None:
        self._marks: dict[int, Mark[T]] = {}

    def hold(self, at: int, context: T) -> None:
        """A reader stays behind here, at the newest point of the sequence."""
        mark = self._marks.get(at)
        if mark is None:
            mark = self._marks[at] = Mark(context)
        mark.readers += 1

    def release(self, at: int) -> None:
        """A reader has left this point; what only it would have needed is let go."""
        mark = self._marks[at]
        mark.readers -= 1
        if mark.readers:
            return
        points = list(self._marks)
        place = points.index(at)
        del self._marks[at]
        if place:
            earlier = self._marks[points[place - 1]]
            earlier.bids.follow(mark.bids)
            earlier.asks.follow(mark.asks)

    def add(self, bids: Changes, asks: Changes) -> None:
        """The book has been published with these changes."""
        if self._marks:
            newest = self._marks[next(reversed(self._marks))]
            newest.bids.add(bids)
            newest.asks.add(asks)

    def since(self, at: int) -> tuple[T, dict[int, int], dict[int, int]]:
        """What it was like at a mark, and of both sides every price touched since with its size back then."""
        bids: dict[int, int] = {}
        asks: dict[int, int] = {}
        for point, mark in self._marks.items():
            if point >= at:
                bids = mark.bids.before() | bids
                asks = mark.asks.before() | asks
        return self._marks[at].context, bids, asks

    def rescale(self, price_factor: int, size_factor: int) -> None:
        """Express everything in finer ticks and lots."""
        for mark in self._marks.values():
            mark.bids.rescale(price_factor, size_factor)
            mark.asks.rescale(price_factor, size_factor)

    def __bool__(self) -> bool:
        return bool(self._marks)

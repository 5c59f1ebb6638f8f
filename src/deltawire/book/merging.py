"""Several changes as one: what an interval or a slow reader gets, and what was published last."""

from typing import Generic, TypeVar

from deltawire.book.kernel import Pending
from deltawire.model.events import Changes

T = TypeVar("T")


class ReaderCheckpoint(Generic[T]):
    """A point at which readers were left behind, what it was like then, and what has changed until the next one."""

    __slots__ = ("asks", "bids", "context", "readers")

    def __init__(self, context: T) -> None:
        self.context = context
        self.readers = 0
        self.bids, self.asks = Pending(), Pending()


class ReaderCheckpoints(Generic[T]):
    """What has changed since each of some points in a sequence, for readers who were left behind there.

    Changes are noted at the newest mark only. What has changed since an older one is what all marks from there on
    have noted, of each price the earliest size. So a change costs the same however many readers are behind, and
    what is kept is bounded by the prices touched, not by the number of changes.
    """

    def __init__(self) -> None:
        self._marks: dict[int, ReaderCheckpoint[T]] = {}

    def hold(self, at: int, context: T) -> None:
        """A reader stays behind here, at the newest point of the sequence."""
        mark = self._marks.get(at)
        if mark is None:
            mark = self._marks[at] = ReaderCheckpoint(context)
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

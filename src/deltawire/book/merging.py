"""Merges several changes into one, for intervals and slow readers, and keeps what was published last."""

from typing import Generic, TypeVar

from deltawire.book.kernel import Pending
from deltawire.model.events import Changes

T = TypeVar("T")


class ReaderCheckpoint(Generic[T]):
    """A position at which readers fell behind, its context, and the changes up to the next one."""

    __slots__ = ("asks", "bids", "context", "readers")

    def __init__(self, context: T) -> None:
        self.context = context
        self.readers = 0
        self.bids, self.asks = Pending(), Pending()


class ReaderCheckpoints(Generic[T]):
    """The changes since each of several positions, for readers who fell behind there.

    Changes are recorded at the newest checkpoint only. The changes since an older one are those of all checkpoints
    from there on, with the earliest size of each price. So the cost of a change does not depend on the number of slow
    readers, and memory is bounded by the number of touched prices, not by the number of changes.
    """

    def __init__(self) -> None:
        self._checkpoints: dict[int, ReaderCheckpoint[T]] = {}

    def hold(self, at: int, context: T) -> None:
        """A reader falls behind here, at the newest position."""
        checkpoint = self._checkpoints.get(at)
        if checkpoint is None:
            checkpoint = self._checkpoints[at] = ReaderCheckpoint(context)
        checkpoint.readers += 1

    def release(self, at: int) -> None:
        """A reader has left this position; drop what only it needed."""
        checkpoint = self._checkpoints[at]
        checkpoint.readers -= 1
        if checkpoint.readers:
            return
        points = list(self._checkpoints)
        place = points.index(at)
        del self._checkpoints[at]
        if place:
            earlier = self._checkpoints[points[place - 1]]
            earlier.bids.follow(checkpoint.bids)
            earlier.asks.follow(checkpoint.asks)

    def add(self, bids: Changes, asks: Changes) -> None:
        """Record changes that were published."""
        if self._checkpoints:
            newest = self._checkpoints[next(reversed(self._checkpoints))]
            newest.bids.add(bids)
            newest.asks.add(asks)

    def since(self, at: int) -> tuple[T, dict[int, int], dict[int, int]]:
        """The context of a checkpoint, and for both sides every price changed since then with its earlier size."""
        bids: dict[int, int] = {}
        asks: dict[int, int] = {}
        for point, checkpoint in self._checkpoints.items():
            if point >= at:
                bids = checkpoint.bids.before() | bids
                asks = checkpoint.asks.before() | asks
        return self._checkpoints[at].context, bids, asks

    def rescale(self, price_factor: int, size_factor: int) -> None:
        """Convert to finer ticks and lots."""
        for checkpoint in self._checkpoints.values():
            checkpoint.bids.rescale(price_factor, size_factor)
            checkpoint.asks.rescale(price_factor, size_factor)

    def __bool__(self) -> bool:
        return bool(self._checkpoints)

"""Several changes as one: what an interval channel publishes, and what it published last."""

from deltawire.book.ladder import Side, changes_between
from deltawire.model.events import Changes, Levels


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

    def __bool__(self) -> bool:
        return bool(self._before)

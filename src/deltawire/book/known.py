"""Parts a book at the prices up to which it is known."""

from collections.abc import Iterator
from itertools import compress

from deltawire.book.kernel import Side
from deltawire.book.ladder import Ladder
from deltawire.model.events import BeyondChanges, Changes, Levels
from deltawire.model.known_range import WHOLE, KnownRange, cut_at

Ranges = tuple[KnownRange, KnownRange]
"""Of the book before, and of the book after."""
UNCHANGED = Changes([], [], [])


def fixed_range(bids: Levels, asks: Levels, limit: int) -> KnownRange:
    """The known range of an image with at most `limit` levels a side; 0 if it is complete."""
    edges = cut_at(bids.prices, limit) if limit else None, cut_at(asks.prices, limit) if limit else None
    return WHOLE if edges == (None, None) else KnownRange(*edges)


def part_changes(
    bids: Changes, asks: Changes, known: KnownRange
) -> tuple[Changes, Changes, BeyondChanges | None]:
    """Changes within the known range, and those beyond it."""
    near_bids, far_bids = _part(bids, known.bids, -1)
    near_asks, far_asks = _part(asks, known.asks, 1)
    return near_bids, near_asks, BeyondChanges(far_bids, far_asks) if far_bids or far_asks else None


def diff_within(before: Ladder, after: Ladder, ranges: Ranges) -> tuple[Changes, Changes]:
    """The changes from what was known of a book to what is known of another."""
    bids, asks = (
        _diff(sides, edges, sign, near=True) for sides, edges, sign in _sides(before, after, ranges)
    )
    return bids, asks


def diff_beyond(before: Ladder, after: Ladder, ranges: Ranges) -> BeyondChanges | None:
    """The changes from what lay beyond the known range to what lies there now."""
    bids, asks = (
        _diff(sides, edges, sign, near=False) for sides, edges, sign in _sides(before, after, ranges)
    )
    return BeyondChanges(bids, asks) if bids or asks else None


def levels_within(side: Side, edge: int | None, depth: int | None = None, *, bid: bool) -> Levels:
    """The best levels of a side up to a price, best first; with `depth`, at most that many."""
    return _levels(side, edge, -1 if bid else 1, near=True, depth=depth)


def _sides(
    before: Ladder, after: Ladder, ranges: Ranges
) -> Iterator[tuple[tuple[Side, Side], tuple[int | None, int | None], int]]:
    yield (before.bids, after.bids), (ranges[0].bids, ranges[1].bids), -1
    yield (before.asks, after.asks), (ranges[0].asks, ranges[1].asks), 1


def _diff(
    sides: tuple[Side, Side], edges: tuple[int | None, int | None], sign: int, *, near: bool
) -> Changes:
    """`sign` is 1 if higher prices are farther from the best, else -1."""
    was = Side(bid=sign < 0)
    was.become(_levels(sides[0], edges[0], sign, near=near))
    return was.diff(_levels(sides[1], edges[1], sign, near=near))


def _levels(side: Side, edge: int | None, sign: int, *, near: bool, depth: int | None = None) -> Levels:
    """The levels on one side of an edge; without an edge all of them are near."""
    levels = side.levels(depth)
    if edge is None:
        return levels if near else Levels([], [])
    prices, sizes = levels.prices, levels.sizes
    count = sum(price * sign <= edge * sign for price in prices)
    return Levels(prices[:count], sizes[:count]) if near else Levels(prices[count:], sizes[count:])


def _part(changes: Changes, edge: int | None, sign: int) -> tuple[Changes, Changes]:
    if edge is None or not changes:
        return changes, UNCHANGED
    prices = changes.prices
    far = [price * sign > edge * sign for price in prices]
    if not any(far):
        return changes, UNCHANGED
    columns = prices, changes.sizes, changes.previous
    near = [not is_far for is_far in far]
    return (
        Changes(*(list(compress(column, near)) for column in columns)),
        Changes(*(list(compress(column, far)) for column in columns)),
    )

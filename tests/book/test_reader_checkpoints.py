"""What a reader missed as one change: the same as all of it, wherever it was left and whoever left meanwhile."""

from hypothesis import given
from hypothesis import strategies as st

from deltawire.book.kernel import Side, Top
from deltawire.book.ladder import changes_between
from deltawire.book.merging import ReaderCheckpoints
from deltawire.model.events import Changes

NONE = Changes([], [], [])
updates = st.dictionaries(st.integers(1, 12), st.integers(0, 3), min_size=1, max_size=4)


@given(st.lists(st.tuples(updates, st.booleans(), st.integers(0, 5)), max_size=25))
def test_what_was_missed_leads_from_where_a_reader_is_to_the_newest(
    steps: list[tuple[dict[int, int], bool, int]],
) -> None:
    side, marks = Side(bid=True), ReaderCheckpoints[int]()
    readers: list[tuple[int, dict[int, int]]] = []
    for at, (levels, stays, leaves) in enumerate(steps):
        if stays:
            marks.hold(at, at)
            readers.append((at, dict(zip(*_columns(side), strict=True))))
        if leaves < len(readers):
            marks.release(readers.pop(leaves)[0])
        marks.add(side.apply(levels.keys(), levels.values()), NONE)
        for since, known in readers:
            context, touched, nothing = marks.since(since)
            assert (context, nothing) == (since, {})
            changes = changes_between(touched, {price: side.size(price) for price in touched})
            assert [known.get(price, 0) for price in changes.prices] == changes.previous
            twin = Side(bid=True)
            twin.load(list(known), list(known.values()))
            twin.apply(changes.prices, changes.sizes)
            assert twin == side
    for since, _ in readers:
        marks.release(since)
    assert not marks


def _columns(side: Side) -> tuple[list[int], list[int]]:
    levels = side.levels()
    return levels.prices, levels.sizes


@given(st.lists(updates, max_size=20), st.integers(1, 4), st.booleans())
def test_the_best_levels_follow_the_side_by_changes_alone(
    steps: list[dict[int, int]], depth: int, bid: bool
) -> None:
    side, top, follower = Side(bid=bid), Top(depth), Side(bid=bid)
    for levels in steps:
        top.add(side.apply(levels.keys(), levels.values()))
        changes = top.take(side)
        assert follower.apply(changes.prices, changes.sizes) == changes
        assert follower.levels() == side.levels(depth) == top.published(side)
        assert not top

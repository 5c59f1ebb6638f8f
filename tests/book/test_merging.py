"""Merging: several changes as one, and the book as it was last published."""

from hypothesis import given, settings
from hypothesis import strategies as st

from deltawire.book.kernel import Pending, Side
from deltawire.model.events import Levels
from tests.support.effort import examples

levels = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 3)), max_size=8)


@settings(max_examples=examples(60))
@given(
    start=levels,
    bid=st.booleans(),
    history=st.lists(st.one_of(levels, st.just("publish")), max_size=20),
    depth=st.sampled_from([None, 0, 1, 5]),
)
def test_merged_changes_lead_from_the_published_side_to_the_present_one(
    start: list[tuple[int, int]], bid: bool, history: list, depth: int | None
) -> None:
    side, published, pending = Side(bid=bid), Side(bid=bid), Pending()
    for one in (side, published):
        one.load([price for price, _ in start], [size for _, size in start])
    for step in history:
        if step == "publish":
            merged = pending.take(side)
            for price, size, previous in zip(merged.prices, merged.sizes, merged.previous, strict=True):
                assert published.size(price) == previous != size
            assert len({*merged.prices}) == len(merged.prices)
            published.apply(merged.prices, merged.sizes)
            assert published == side
            assert not pending
            assert not pending.take(side)
        else:
            pending.add(side.apply([price for price, _ in step], [size for _, size in step]))
        assert pending.published(side, depth) == published.levels(depth)


def test_what_is_taken_back_before_it_is_published_never_happened() -> None:
    side, pending = Side(bid=True), Pending()
    side.load([5], [1])
    pending.add(side.apply([5, 6], [9, 9]))
    pending.add(side.apply([5, 6], [1, 0]))
    assert pending
    assert pending.published(side) == Levels([5], [1])
    assert not pending.take(side)

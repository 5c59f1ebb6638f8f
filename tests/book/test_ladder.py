"""The levels of a book, against a plain dict that is sorted whenever one looks."""

from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from deltawire.book import pure
from deltawire.book.ladder import Ladder, Side, changes_between
from deltawire.model.events import Changes, Levels
from tests.support.effort import examples

MANY = 3 * 512
"""More levels than any window over the best of them holds."""
prices = st.integers(-MANY, MANY)
sizes = st.one_of(st.just(0), st.integers(1, 5))
updates = st.lists(st.tuples(prices, sizes), max_size=20)
counts = st.sampled_from([0, 1, 2, 10, 25, 31, 32, 33, 255, 256, 257, 511, 512, 513, 1000])


def in_order(changes: Changes) -> list[tuple[int, int, int]]:
    return list(zip(changes.prices, changes.sizes, changes.previous, strict=True))


def replay(changes: Changes, levels: dict[int, int]) -> dict[int, int]:
    """Changes done one by one to a plain dict; each must find the size it says was there."""
    levels = dict(levels)
    for price, size, previous in in_order(changes):
        assert levels.get(price, 0) == previous != size
        levels[price] = size
        if not size:
            del levels[price]
    return levels


class SideMachine(RuleBasedStateMachine):
    """One side and its model go through the same history."""

    @initialize(bid=st.booleans(), count=counts, step=st.integers(1, 2))
    def begin(self, bid: bool, count: int, step: int) -> None:
        self.bid = bid
        self.side = Side(bid=bid)
        self.model = {price: 1 + price % 3 for price in range(0, count * step, step)}
        self.side.load(list(self.model), list(self.model.values()))

    def ordered(self) -> list[int]:
        return sorted(self.model, reverse=self.bid)

    def apply(self, levels: Iterable[tuple[int, int]]) -> Changes:
        levels = list(levels)
        changes = self.side.apply([price for price, _ in levels], [size for _, size in levels])
        self.model = replay(changes, self.model)
        for price, size in dict(levels).items():
            assert self.model.get(price, 0) == size
        return changes

    @rule(levels=updates)
    def set_some_levels(self, levels: list[tuple[int, int]]) -> None:
        self.apply(levels)

    @rule(count=counts)
    def lose_the_best(self, count: int) -> None:
        self.apply((price, 0) for price in self.ordered()[:count])

    @rule(count=counts)
    def lose_all_but_the_worst(self, count: int) -> None:
        self.apply((price, 0) for price in self.ordered()[: max(0, len(self.model) - count)])

    @rule(count=counts, size=st.integers(1, 5))
    def improve_the_best(self, count: int, size: int) -> None:
        best = self.ordered()[0] if self.model else 0
        step = 1 if self.bid else -1
        self.apply((best + step * i, size) for i in range(1, count + 1))

    @rule(count=counts, size=st.integers(1, 5))
    def deepen(self, count: int, size: int) -> None:
        worst = self.ordered()[-1] if self.model else 0
        step = -1 if self.bid else 1
        self.apply((worst + step * i, size) for i in range(1, count + 1))

    @rule(levels=updates)
    def set_and_take_back(self, levels: list[tuple[int, int]]) -> None:
        before = self.side.levels()
        changes = self.side.apply([price for price, _ in levels], [size for _, size in levels])
        self.side.revert(changes)
        assert self.side.levels() == before

    @rule(depth=counts)
    def cut(self, depth: int) -> None:
        kept = self.ordered()[:depth]
        changes = self.side.truncate(depth)
        assert replay(changes, self.model) == {price: self.model[price] for price in kept}
        self.model = replay(changes, self.model)

    @rule(depth=counts)
    def cut_and_take_back(self, depth: int) -> None:
        self.side.revert(self.side.truncate(depth))

    @rule(levels=updates, keep=st.booleans())
    def compare_with_another(self, levels: list[tuple[int, int]], keep: bool) -> None:
        target = {price: size for price, size in levels if size} | (dict(list(self.model.items())[::2]))
        columns = Levels(sorted(target, reverse=self.bid), [])
        columns = Levels(columns.prices, [target[price] for price in columns.prices])
        changes = self.side.diff(columns)
        assert self.side.levels() == self.levels(), "comparing changes nothing"
        assert replay(changes, self.model) == target
        assert len({*changes.prices}) == len(changes.prices)
        if keep:
            self.side.load(columns.prices, columns.sizes)
            self.model = target

    @precondition(lambda self: max(map(abs, self.model), default=0) < 1 << 40)
    @rule(price_factor=st.sampled_from([1, 10, 1000]), size_factor=st.sampled_from([1, 10]))
    def count_in_finer_units(self, price_factor: int, size_factor: int) -> None:
        self.side.rescale(price_factor, size_factor)
        self.model = {price * price_factor: size * size_factor for price, size in self.model.items()}

    @rule(levels=updates)
    def a_copy_lives_on_its_own(self, levels: list[tuple[int, int]]) -> None:
        twin = self.side.copy()
        assert twin == self.side
        twin.apply([price for price, _ in levels], [size for _, size in levels])
        assert self.side.levels() == self.levels()

    def levels(self, depth: int | None = None) -> Levels:
        best = self.ordered()[:depth]
        return Levels(best, [self.model[price] for price in best])

    @invariant()
    def the_side_is_the_model(self) -> None:
        assert self.side.levels() == self.levels()
        assert len(self.side) == len(self.model)
        assert self.side.best() == (self.ordered()[0] if self.model else None)
        for count in (0, 1, 10, 25, 300, 600):
            assert self.side.top(count) == self.ordered()[:count]
            assert self.side.levels(count) == self.levels(count)
        for price in (*self.ordered()[:3], *self.ordered()[-3:], MANY * 2):
            assert self.side.size(price) == self.model.get(price, 0)


SideMachine.TestCase.settings = settings(max_examples=examples(25), stateful_step_count=25)
TestSide = SideMachine.TestCase


def test_the_machine_goes_beyond_every_window() -> None:
    windows = [value for name, value in vars(pure).items() if name in ("_LOW", "_KEEP", "_HIGH")]
    assert all(value < MANY for value in windows)


@pytest.mark.parametrize("bid", [True, False])
def test_the_window_survives_the_loss_of_every_level_in_it(bid: bool) -> None:
    side = Side(bid=bid)
    side.load(list(range(10_000)), [1] * 10_000)
    best = list(range(9_999, -1, -1)) if bid else list(range(10_000))
    for gone in range(0, 10_000, 500):
        assert side.best() == best[gone]
        assert side.top(30) == best[gone : gone + 30]
        side.apply(best[gone : gone + 500], [0] * 500)
    assert side.best() is None
    side.apply([500], [1])
    assert side.best() == 500


def test_of_a_price_that_comes_twice_the_last_size_counts() -> None:
    side = Side(bid=True)
    side.load([5, 4, 5], [1, 2, 3])
    assert side.levels() == Levels([5, 4], [3, 2])
    side.load([5, 4, 5], [1, 2, 0])
    assert side.levels() == Levels([4], [2])
    assert in_order(side.apply([4, 4, 4], [7, 0, 9])) == [(4, 7, 2), (4, 0, 7), (4, 9, 0)]
    assert side.levels() == Levels([4], [9])


def test_what_changes_nothing_is_no_change() -> None:
    side = Side(bid=False)
    side.load([5], [1])
    assert not side.apply([5, 6], [1, 0])
    assert side.levels() == Levels([5], [1])


def test_bids_and_asks_with_the_same_levels_are_not_the_same_side() -> None:
    bids, asks = Side(bid=True), Side(bid=False)
    for side in (bids, asks):
        side.load([1, 2], [3, 4])
    assert bids != asks
    assert (bids.best(), asks.best()) == (2, 1)


@given(before=st.dictionaries(prices, st.integers(1, 3)), after=st.dictionaries(prices, sizes))
def test_changes_between_lead_from_one_to_the_other_and_name_only_what_differs(
    before: dict[int, int], after: dict[int, int]
) -> None:
    changes = changes_between(before, after)
    assert replay(changes, before) == {p: s for p, s in (before | after).items() if s}
    assert {*changes.prices} == {price for price, size in after.items() if size != before.get(price, 0)}


class TestLadder:
    @pytest.mark.parametrize(
        ("bids", "asks", "crossed"),
        [([5], [6], False), ([5], [5], True), ([6], [5], True), ([], [5], False), ([5], [], False)],
    )
    def test_a_book_is_crossed_when_bid_meets_ask(
        self, bids: list[int], asks: list[int], crossed: bool
    ) -> None:
        book = Ladder()
        book.bids.load(bids, [1] * len(bids))
        book.asks.load(asks, [1] * len(asks))
        assert book.crossed() is crossed

    def test_books_are_equal_when_both_sides_are(self) -> None:
        one, other = Ladder(), Ladder()
        one.bids.load([1], [2])
        assert one != other
        other.bids.load([1], [2])
        assert one == other

    def test_finer_units_change_both_sides(self) -> None:
        book = Ladder()
        book.bids.load([1], [2])
        book.asks.load([3], [4])
        book.rescale(10, 100)
        assert book.bids.levels() == Levels([10], [200])
        assert book.asks.levels() == Levels([30], [400])

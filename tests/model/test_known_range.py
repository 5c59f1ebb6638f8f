"""Known ranges: where they end, how they grow, and how they are told."""

import pytest

from deltawire.book.ladder import Ladder, Side
from deltawire.model.known_range import WHOLE, KnownRange, cut_at, least_limit, read_range


def side(prices: list[int], *, bid: bool) -> Side:
    made = Side(bid=bid)
    made.load(prices, [1] * len(prices))
    return made


def ladder(bids: list[int], asks: list[int]) -> Ladder:
    return Ladder(side(bids, bid=True), side(asks, bid=False))


def test_an_image_is_cut_at_its_last_level_where_it_has_as_many_as_were_requested() -> None:
    assert cut_at([10, 9, 8], 3) == 8
    assert cut_at([10, 9], 3) is None, "fewer than the limit: the side ends there"
    assert cut_at([10, 9, 8], 0) is None
    assert cut_at([], 3) is None


@pytest.mark.parametrize(
    ("counts", "limit"), [((0, 0), 5), ((5, 2), 5), ((6, 2), 10), ((1000, 1000), 1000), ((6000, 1), 0)]
)
def test_the_limit_of_an_image_is_at_least_the_least_that_holds_it(
    counts: tuple[int, int], limit: int
) -> None:
    assert least_limit(counts, (5, 10, 1000, 5000)) == limit


def test_a_side_kept_to_a_number_of_levels_is_known_to_its_last_or_to_its_end() -> None:
    known = KnownRange(levels=3)
    book = ladder([10, 9, 8], [11, 12])
    assert known.complete_to(book.bids, book.asks) == (8, None)
    assert WHOLE.complete_to(book.bids, book.asks) == (None, None)
    assert KnownRange(7, 20).complete_to(book.bids, book.asks) == (7, 20)
    assert KnownRange(7, 20).limited(2).complete_to(book.bids, book.asks) == (9, 12)
    assert KnownRange(7, 20).limited(3).complete_to(book.bids, book.asks) == (8, 20)
    assert known.limited(5) is known


def test_a_market_that_falls_through_the_edge_moves_it_and_one_that_nears_it_does_not() -> None:
    known = KnownRange(100, 120)
    assert known.passed(101, 102) is known
    assert known.passed(99, 101) is known, "whether there were bids between 99 and 100 is not known"
    assert known.passed(90, 95) == KnownRange(95, 120), "no bid is at or above the best ask"
    assert known.passed(125, 126) == KnownRange(100, 125)
    assert known.passed(None, None) is known
    assert WHOLE.passed(1, 2) is WHOLE


def test_two_ranges_of_one_book_are_the_wider_of_both() -> None:
    assert KnownRange(100, 120).joined(KnownRange(90, 110)) == KnownRange(90, 120)
    assert KnownRange(100, 120).joined(KnownRange(None, 110)) == KnownRange(None, 120)
    assert KnownRange(100, None).rescaled(10) == KnownRange(1000, None)


@pytest.mark.parametrize(
    ("known", "members"),
    [
        (WHOLE, {"complete_to": [None, None]}),
        (KnownRange(995, None), {"complete_to": [99.5, None]}),
        (KnownRange(levels=200), {"complete_levels": 200}),
        (KnownRange(995, 1005, 10), {"complete_to": [99.5, 100.5], "complete_levels": 10}),
    ],
)
def test_a_range_is_read_as_it_was_told(known: KnownRange, members: dict[str, object]) -> None:
    assert known.members(-1) == members
    assert read_range(members, -1) == known
    assert read_range({}, -1) is None

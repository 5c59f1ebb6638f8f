"""Depth and prices for a notional, against a walk unit by unit and sums written out."""

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deltawire.analytics.depth import (
    DepthSlope,
    Execution,
    Order,
    depth_of_levels,
    depth_ratio,
    depth_slope,
    depth_within,
    depths_within,
    execution,
    executions,
    size_within,
)
from deltawire.analytics.known_book import KnownBook, known_book
from tests.analytics.books import narrow, random_books
from tests.support.effort import examples

BOOKS = list(random_books(60, 12))


@pytest.mark.parametrize("band", [0.3, 1.0, 3.0, 50.0])
def test_depth_within_a_band_is_the_sum_of_its_levels(band: float) -> None:
    for book in BOOKS:
        mid = book.mid
        assert mid is not None
        for name, side in (("bids", book.bids), ("asks", book.asks)):
            inside = [
                (price, size)
                for price, size in zip(side.prices, side.sizes, strict=True)
                if abs(price - mid) <= band / 1e4 * mid
            ]
            found = depth_within(book, name, band)  # type: ignore[arg-type]
            assert found.size == sum(size for _, size in inside)
            assert found.notional == pytest.approx(sum(price * size for price, size in inside))
            assert (found.levels, found.known) == (len(inside), True)
            order = "sell" if name == "bids" else "buy"
            assert size_within(book, order, band) == found  # type: ignore[arg-type]
        bids, asks = depth_within(book, "bids", band), depth_within(book, "asks", band)
        assert depth_ratio(book, band).value == (bids.size / asks.size if asks.size else None)


def test_depth_of_levels_is_a_lower_bound_where_fewer_are_known() -> None:
    book = known_book([(99.0, 1.0), (98.0, 2.0), (97.0, 4.0)], [(101.0, 1.0)], complete_to=(98.0, None))
    found = depth_of_levels(book, "bids", 3)
    assert (found.size, found.notional, found.levels, found.known) == (3.0, 99.0 + 196.0, 2, False)
    assert depth_of_levels(book, "bids", 2).known
    whole = depth_of_levels(book, "asks", 3)
    assert (whole.size, whole.levels, whole.known) == (1.0, 1, True)


@given(st.integers(1, 400), st.sampled_from(["buy", "sell"]), st.integers(0, 19))
def test_an_order_pays_what_a_walk_unit_by_unit_pays(units: int, order: str, number: int) -> None:
    book = BOOKS[number]
    side = book.asks if order == "buy" else book.bids
    queue = [price for price, size in zip(side.prices, side.sizes, strict=True) for _ in range(int(size))]
    paid = queue[:units]
    found = execution(book, order, sum(paid))  # type: ignore[arg-type]
    assert found.filled == pytest.approx(sum(paid))
    assert found.vwap == pytest.approx(sum(paid) / len(paid))
    assert found.known
    assert found.slip_bp is not None
    assert found.slip_bp > 0.0
    inverse = execution(book, order, float(len(paid)), inverse=True)  # type: ignore[arg-type]
    assert inverse.vwap == pytest.approx(len(paid) / sum(1 / price for price in paid))


@given(
    narrow(),
    st.lists(st.floats(0.0, 2e6) | st.integers(1, 2_000_000).map(float), max_size=4),
    st.sampled_from(["buy", "sell"]),
    st.booleans(),
)
@settings(max_examples=examples(200))
def test_several_orders_at_once_pay_to_the_bit_what_each_pays(
    books: tuple[KnownBook, KnownBook, KnownBook], notionals: list[float], order: Order, inverse: bool
) -> None:
    for book in books[:2]:
        whole = sum(book.asks.sizes if order == "buy" else book.bids.sizes)
        for each in (notionals, [whole, whole / 3]):
            one_by_one = [execution(book, order, notional, inverse=inverse) for notional in each]
            assert executions(book, order, each, inverse=inverse) == one_by_one


@given(narrow(), st.lists(st.floats(0.1, 1000.0), max_size=5))
def test_depth_of_several_bands_at_once_is_that_of_each(
    books: tuple[KnownBook, KnownBook, KnownBook], bands: list[float]
) -> None:
    for book in books[:2]:
        assert depths_within(book, "bids", bands) == [depth_within(book, "bids", band) for band in bands]
        assert depths_within(book, "asks", bands) == [depth_within(book, "asks", band) for band in bands]


def test_an_order_beyond_the_known_levels_is_priced_within_and_says_so() -> None:
    asks = [(100.0, 1.0), (101.0, 1.0)]
    cut = known_book([(99.0, 1.0)], asks, complete_to=(None, 101.0))
    assert execution(cut, "buy", 150.0).known
    beyond = execution(cut, "buy", 500.0)
    assert (beyond.vwap, beyond.filled, beyond.known) == (100.5, 201.0, False)
    whole = execution(known_book([(99.0, 1.0)], asks), "buy", 500.0)
    assert (whole.vwap, whole.filled, whole.known) == (100.5, 201.0, True)
    assert execution(known_book([], []), "sell", 5.0) == Execution(None, 0.0, True)


def naive_slope(mid: float, prices: Sequence[float], sizes: Sequence[float]) -> float:
    distances = [abs(price - mid) for price in prices]
    mean = sum(distances) / len(distances)
    centred = [distance - mean for distance in distances]
    total = sum(each * sum(sizes[: at + 1]) for at, each in enumerate(centred))
    return total / sum(each * each for each in centred)


def test_a_slope_kept_up_to_date_is_that_of_each_book() -> None:
    live = DepthSlope(6)
    for book in BOOKS:
        mid = book.mid
        assert mid is not None
        sides = [naive_slope(mid, side.prices[:6], side.sizes[:6]) for side in (book.bids, book.asks)]
        found = live.update(book)
        assert found == depth_slope(book, 6)
        assert found == (0.5 * (sides[0] + sides[1]), 6, True)


def test_a_linear_book_has_the_slope_of_its_density() -> None:
    book = known_book([(100.0 - at, 2.0) for at in range(1, 9)], [(100.0 + at, 6.0) for at in range(1, 9)])
    assert depth_slope(book, 5) == (pytest.approx(4.0), 5, True)
    assert depth_slope(known_book([(99.0, 1.0)], [(101.0, 1.0)]), 5).value is None

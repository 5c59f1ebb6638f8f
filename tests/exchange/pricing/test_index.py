"""No single source moves the index far."""

from math import inf, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deltawire.exchange.pricing.index import CLAMP, index_price, ranking

PRICES = st.lists(st.floats(1.0, 1e6), min_size=1, max_size=11)


def test_the_index_is_the_mean_of_near_prices() -> None:
    assert index_price([100.0, 100.2, 100.4]) == pytest.approx(100.2)


def test_a_price_far_off_counts_only_to_the_clamp() -> None:
    assert index_price([100.0, 100.0, 150.0]) == pytest.approx((100 + 100 + 100.5) / 3)
    assert index_price([100.0, 100.0, 1.0]) == pytest.approx((100 + 100 + 99.5) / 3)


def test_sources_without_a_price_do_not_count() -> None:
    assert index_price([100.0, 0.0, -1.0, nan, inf]) == 100.0
    assert index_price([]) is index_price([nan, 0.0]) is None


@given(PRICES)
def test_the_index_lies_among_its_sources_and_near_their_median(prices: list[float]) -> None:
    price = index_price(prices)
    assert price is not None
    assert min(prices) * (1 - 1e-12) <= price <= max(prices) * (1 + 1e-12)
    middle = sorted(prices)[len(prices) // 2]
    if len(prices) % 2:
        assert middle * (1 - CLAMP) * (1 - 1e-12) <= price <= middle * (1 + CLAMP) * (1 + 1e-12)


@given(st.floats(1.0, 1e9))
def test_one_source_of_five_moves_the_index_by_no_more_than_its_share(lie: float) -> None:
    five = [100.0, 100.0, 100.0, 100.0]
    price = index_price([*five, lie])
    assert price is not None
    assert abs(price - 100.0) <= 100.0 * CLAMP / 5 + 1e-9


def test_the_ranking_says_what_each_source_contributes() -> None:
    ranked = ranking([("one", 100.0), ("two", 101.0), ("three", 100.0), ("gone", nan)])
    assert [each.price for each in ranked] == pytest.approx([100.0, 100.5, 100.0, 0.0])
    assert [each.original_price for each in ranked] == [100.0, 101.0, 100.0, 0.0]
    assert sum(each.price * each.weight for each in ranked) == pytest.approx(
        index_price([100.0, 101.0, 100.0])
    )
    assert [each.enabled for each in ranked] == [True, True, True, False]
    assert [each.enabled for each in ranking([("gone", 0.0)])] == [False]

"""Standard margin against published and worked examples, to 1e-9."""

from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deltawire.exchange.accounts.margin_tables import FutureRates, MarginTable, OptionRates
from deltawire.exchange.accounts.standard_margin import (
    Requirement,
    future_margin,
    liquidation_price,
    short_option_margin,
)

TABLE = MarginTable()
BTC, ETH, SOL = (TABLE.coin(base) for base in ("BTC", "ETH", "SOL"))


def close(initial: float, maintenance: float) -> object:
    return pytest.approx((initial, maintenance), rel=1e-9, abs=1e-9)


@pytest.mark.parametrize(
    ("base", "coins", "price", "initial", "maintenance"),
    [
        ("BTC", 25.0, 100_000.0, 53_125.0, 28_125.0),
        ("BTC", -25.0, 1.0, 0.53125, 0.28125),
        ("BTC", 350.0, 100_000.0, 1_312_500.0, 962_500.0),
        ("SOL", 25.0, 200.0, 200.625, 100.625),
        ("SOL", 6_000.0, 200.0, 84_000.0, 60_000.0),
    ],
)
def test_perpetuals_as_the_exchange_publishes_them(
    base: str, coins: float, price: float, initial: float, maintenance: float
) -> None:
    margin = future_margin(TABLE.coin(base).future, coins, price)
    assert margin == close(initial, maintenance)


def test_leverage_halves_as_the_position_grows() -> None:
    assert future_margin(BTC.future, 100.0).initial / 100.0 == pytest.approx(0.025)
    assert future_margin(ETH.future, 100.0).initial / 100.0 == pytest.approx(0.0204)


@pytest.mark.parametrize(
    ("call", "strike", "underlying", "mark", "count", "initial", "maintenance"),
    [
        (True, 88_000.0, 80_000.0, 0.02, 2, 0.24, 0.19),
        (True, 80_000.0, 80_000.0, 0.045, 1, 0.195, 0.12),
        (True, 100_000.0, 80_000.0, 0.004, 1, 0.104, 0.079),
        (False, 70_000.0, 80_000.0, 0.012, 1, 0.112, 0.087),
        (False, 100_000.0, 80_000.0, 0.26, 1, 0.41, 0.335),
        (False, 60_000.0, 20_000.0, 2.0, 1, 2.15, 2.15),
    ],
)
def test_inverse_options(
    call: bool, strike: float, underlying: float, mark: float, count: int, initial: float, maintenance: float
) -> None:
    margin = short_option_margin(BTC.option, call, strike, underlying, mark, 1.0)
    assert tuple(count * each for each in margin) == close(initial, maintenance)


def test_a_linear_put_as_published() -> None:
    margin = short_option_margin(BTC.option, False, 1_850.0, 2_098.0, 2.4, 2_098.0)
    assert margin == close(212.2, 159.75)
    assert tuple(50 * each for each in margin) == close(10_610.0, 7_987.5)


def test_the_same_formulas_with_another_exchanges_coefficients() -> None:
    rates = OptionRates(initial=0.15, floor=0.13, maintenance=0.09)
    margin = short_option_margin(rates, True, 1_800.0, 1_900.0, 120.0, 1_900.0)
    assert tuple(3 * each for each in margin) == close(1_215.0, 873.0)
    margin = short_option_margin(rates, True, 1_700.0, 2_100.0, 425.0, 2_100.0)
    assert tuple(8 * each for each in margin) == close(5_920.0, 4_912.0)


@given(
    st.booleans(),
    st.floats(1_000, 200_000),
    st.floats(1_000, 200_000),
    st.floats(0.0, 5.0),
)
def test_maintenance_never_exceeds_initial_and_both_cover_the_option(
    call: bool, strike: float, underlying: float, mark: float
) -> None:
    margin = short_option_margin(BTC.option, call, strike, underlying, mark, 1.0)
    assert margin.initial >= margin.maintenance > mark
    assert isinstance(margin, Requirement)


def test_a_coin_without_rates_of_its_own_is_margined_as_the_last() -> None:
    assert TABLE.coin("DOGE") is TABLE.coin("SOL")


@given(
    st.floats(1_000.0, 20_000_000.0),
    st.booleans(),
    st.floats(20_000.0, 150_000.0),
    st.floats(0.001, 50.0),
)
def test_at_the_liquidation_price_maintenance_equals_equity(
    size: float, long: bool, entry: float, equity: float
) -> None:
    dollars = size if long else -size
    price = liquidation_price(BTC.future, dollars, entry, equity)
    if price is None:
        assert not long
        assert equity >= size / entry or price is None
        return
    if price in (0.0, inf):
        return
    left = equity + dollars / entry - dollars / price
    assert left == pytest.approx(future_margin(BTC.future, dollars / price).maintenance, rel=1e-6)


def test_a_short_that_is_covered_by_its_coins_is_never_liquidated() -> None:
    assert liquidation_price(BTC.future, -60_000.0, 60_000.0, 1.0) is None
    assert liquidation_price(BTC.future, -60_000.0, 60_000.0, 0.99) is not None
    assert liquidation_price(BTC.future, 0.0, 60_000.0, 1.0) is None


def test_longs_are_liquidated_below_and_shorts_above_their_entry() -> None:
    below = liquidation_price(BTC.future, 60_000.0, 60_000.0, 0.1)
    above = liquidation_price(BTC.future, -60_000.0, 60_000.0, 0.1)
    assert below is not None
    assert above is not None
    assert below < 60_000.0 < above


def test_a_linear_position_is_liquidated_where_its_loss_leaves_the_maintenance() -> None:
    rates = FutureRates(0.02, 0.01, 0.0)
    price = liquidation_price(rates, 2.0, 50_000.0, 10_000.0, inverse=False)
    assert price is not None
    assert 10_000.0 + 2.0 * (price - 50_000.0) == pytest.approx(0.01 * 2.0 * price)
    short = liquidation_price(rates, -2.0, 50_000.0, 10_000.0, inverse=False)
    assert short is not None
    assert 10_000.0 - 2.0 * (short - 50_000.0) == pytest.approx(0.01 * 2.0 * short)
    assert liquidation_price(rates, 2.0, 50_000.0, 200_000.0, inverse=False) is None

"""Implied volatility, up to the edges of what a price can say."""

from itertools import pairwise
from math import exp, inf, log, nan, sqrt

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from deltawire.options.black76 import evaluate, price
from deltawire.options.implied import implied_band, implied_vol


@given(
    st.floats(1e-3, 2.0),
    st.floats(0.1, 3.0),
    st.floats(-6.0, 6.0),
    st.booleans(),
)
@example(1.0, 0.5, 0.0, True)
@example(3e-4, 3.0, 6.0, False)
def test_the_out_of_the_money_price_gives_its_volatility_back(
    years: float, vol: float, deviations: float, high: bool
) -> None:
    forward = 50_000.0
    strike = forward * exp(abs(deviations) * vol * sqrt(years) * (1 if high else -1))
    value = price(high, forward, strike, years, vol)
    implied = implied_vol(high, value, forward, strike, years)
    assert implied == pytest.approx(vol, rel=1e-8)


@given(st.floats(0.02, 2.0), st.floats(0.2, 2.0), st.floats(0.5, 2.0), st.booleans())
def test_in_the_money_prices_are_as_good_as_the_digits_they_have_left(
    years: float, vol: float, ratio: float, call: bool
) -> None:
    value = evaluate(call, 100.0, 100.0 * ratio, years, vol)
    if value.vega > 1e-4:
        implied = implied_vol(call, value.value, 100.0, 100.0 * ratio, years)
        assert implied == pytest.approx(vol, abs=1e-12 / value.vega + 1e-12)


def test_prices_of_hundreds_of_zeros_are_solved() -> None:
    forward, years, vol = 100.0, 0.01, 0.5
    strike = forward * exp(30 * vol * sqrt(years))
    value = price(True, forward, strike, years, vol)
    assert 0.0 < value < 1e-190
    # the price itself has lost digits by subtraction; the solver loses no more than its logarithm does
    assert implied_vol(True, value, forward, strike, years) == pytest.approx(vol, rel=1e-3)


def test_huge_volatilities_are_solved() -> None:
    value = price(True, 100.0, 100.0, 1.0, 12.0)
    assert implied_vol(True, value, 100.0, 100.0, 1.0) == pytest.approx(12.0, rel=1e-6)
    value = price(False, 100.0, 40.0, 1.0, 8.0)
    assert implied_vol(False, value, 100.0, 40.0, 1.0) == pytest.approx(8.0, rel=1e-9)


@pytest.mark.parametrize(
    ("call", "value", "strike", "years", "expected"),
    [
        (True, 10.0, 90.0, 0.1, 0.0),
        (True, 9.99, 90.0, 0.1, None),
        (True, -1.0, 110.0, 0.1, None),
        (True, 0.0, 110.0, 0.1, 0.0),
        (True, 100.0, 110.0, 0.1, None),
        (False, 110.0, 110.0, 0.1, None),
        (True, 1.0, 110.0, 0.0, None),
        (True, 1.0, 110.0, -1.0, None),
        (True, inf, 110.0, 1.0, None),
        (True, nan, 110.0, 1.0, None),
        (True, 1.0, 0.0, 1.0, None),
    ],
)
def test_prices_that_no_volatility_gives(
    call: bool, value: float, strike: float, years: float, expected: float | None
) -> None:
    assert implied_vol(call, value, 100.0, strike, years) == expected


@pytest.mark.parametrize("forward", [20_000.0 + step / 10 for step in range(1, 40)])
def test_a_price_at_its_bound_has_no_volatility_however_it_is_rounded(forward: float) -> None:
    strike = 60_000.0
    assert implied_vol(False, strike, forward, strike, 0.1) is None
    assert implied_vol(True, forward, forward, 15_000.0, 0.1) is None
    assert implied_vol(False, strike - forward, forward, strike, 0.1) == 0.0
    worth = (1 - 15_000.0 / forward) * forward
    assert implied_vol(True, worth, forward, 15_000.0, 0.1) == 0.0


@given(
    st.floats(100.0, 1e6),
    st.floats(0.1, 10.0),
    st.booleans(),
    st.booleans(),
    st.floats(0.0, 1.0) | st.floats(0.0, 1e-12) | st.integers(0, 4).map(lambda n: n * 1e-16),
    st.sampled_from([3e-17, 1e-9, 1 / 365, 0.5, 30.0]),
)
@example(20_000.7, 2.9998950, False, True, 0.0, 0.1)
@example(14_000.0, 1.0, False, False, 5e-324, 1e-17)
@example(14_000.0, 1.1, True, False, 5e-324, 1e-17)
def test_every_price_has_a_finite_volatility_or_none(
    forward: float, ratio: float, call: bool, high: bool, share: float, years: float
) -> None:
    strike = round(forward * ratio, 2)
    least, most = max(forward - strike if call else strike - forward, 0.0), forward if call else strike
    value = most - share * (most - least) if high else least + share * (most - least)
    vol = implied_vol(call, value, forward, strike, years)
    assert vol is None or 0.0 <= vol < inf


def test_volatility_rises_with_the_price() -> None:
    vols = [implied_vol(True, value / 10, 100.0, 130.0, 0.2) for value in range(1, 900)]
    assert all(low is not None and high is not None and low < high for low, high in pairwise(vols))


def test_a_rounded_price_stands_for_a_band_of_volatilities() -> None:
    forward, strike, years, tick = 60_000.0, 90_000.0, 0.05, 0.0001
    value = price(True, forward, strike, years, 0.7)
    band = implied_band(True, value, tick * forward / 2, forward, strike, years)
    assert band is not None
    assert band[0] < 0.7 < band[1]
    at_tick = implied_band(True, tick * forward, tick * forward / 2, forward, strike, years)
    assert at_tick is not None
    assert 0.0 < at_tick[0] < at_tick[1]


def test_a_band_reaches_to_zero_below_the_intrinsic_value_and_to_infinity_above_the_bound() -> None:
    assert implied_band(True, 10.2, 0.5, 100.0, 90.0, 0.1)[0] == 0.0  # type: ignore[index]
    assert implied_band(True, 99.9, 0.5, 100.0, 90.0, 0.1)[1] == inf  # type: ignore[index]
    assert implied_band(True, 5.0, 0.5, 100.0, 90.0, 0.1) is None
    assert implied_band(True, 101.0, 0.5, 100.0, 90.0, 0.1) is None
    assert implied_band(True, 5.0, 0.5, 100.0, 90.0, 0.0) is None


def test_log_moneyness_is_all_that_matters() -> None:
    one = implied_vol(True, 3.0, 100.0, 120.0, 0.3)
    other = implied_vol(True, 3.0 * 7, 700.0, 840.0, 0.3)
    assert one == pytest.approx(other, rel=1e-12)
    assert log(1.2) == pytest.approx(log(840 / 700))

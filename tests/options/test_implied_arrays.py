"""Implied volatilities of arrays: round trips to the deep wings, bounds, and the scalar solver."""

import numpy as np
import pytest

from deltawire.options.black76_arrays import prices
from deltawire.options.implied import implied_vol
from deltawire.options.implied_arrays import implied_vols, smile_vols

OPTIONS = 200_000


@pytest.mark.parametrize("deviations", [6.0, 30.0], ids=["wings", "deep wings"])
def test_out_of_the_money_prices_give_their_volatility_back_to_1e12(deviations: float) -> None:
    chance = np.random.default_rng(11)
    years = np.exp(chance.uniform(np.log(3e-4), np.log(2.0), OPTIONS))
    vol, forward = chance.uniform(0.1, 3.0, OPTIONS), 50_000.0
    strike = forward * np.exp(chance.uniform(-deviations, deviations, OPTIONS) * vol * np.sqrt(years))
    call = strike >= forward
    price = prices(call, forward, strike, years=years, vol=vol)
    assert price.min() > 0.0
    implied = implied_vols(call, price, forward, strike=strike, years=years)
    assert np.max(np.abs(implied / vol - 1)) <= 1e-12


def test_high_volatilities_are_solved_near_the_upper_bound() -> None:
    vol = np.linspace(3.0, 12.0, 50)
    for strike in (40.0, 100.0, 250.0):
        price = prices(strike >= 100.0, 100.0, strike, years=1.0, vol=vol)
        implied = implied_vols(strike >= 100.0, price, 100.0, strike=strike, years=1.0)
        gap = (min(100.0, strike) - price) / strike
        np.testing.assert_allclose(implied, vol, rtol=0, atol=1e-14 + 4e-15 / gap.min())


def test_it_solves_what_the_scalar_solves_and_refuses_what_it_refuses() -> None:
    chance = np.random.default_rng(3)
    count = 600
    call, strike = chance.random(count) < 0.5, 100.0 * np.exp(chance.normal(0.0, 0.8, count))
    years = chance.choice([0.0, -1.0, 1e-3, 0.1, 2.0], count, p=[0.05, 0.05, 0.3, 0.3, 0.3])
    least, most = (
        np.maximum(np.where(call, 100.0 - strike, strike - 100.0), 0.0),
        np.where(call, 100.0, strike),
    )
    share = chance.choice([-0.1, 0.0, 1e-18, 0.001, 0.3, 0.9, 1.0, 1.2, np.inf, np.nan], count)
    with np.errstate(invalid="ignore"):
        price = np.where(share == 0.0, least, least + share * (most - least))
    found = implied_vols(call, price, 100.0, strike=strike, years=years)
    for at in range(count):
        expected = implied_vol(bool(call[at]), price[at], 100.0, strike[at], years[at])
        if expected is None:
            assert np.isnan(found[at])
        else:
            assert found[at] == pytest.approx(expected, rel=1e-12, abs=1e-15)
    assert np.isnan(found).any()
    assert (found == 0.0).any()
    assert (found > 0.0).any()


def test_a_smile_is_implied_from_the_side_out_of_the_money() -> None:
    """Parity takes digits from a deep call in the money; the put beside it has them all."""
    forward, years, vol = 60_000.0, 0.02, 0.6
    strike = np.array([40_000.0, 50_000.0, 60_000.0, 80_000.0])
    calls, puts = (prices(side, forward, strike, years=years, vol=vol) for side in (True, False))
    found = smile_vols(strike, calls, puts, forward=forward, years=years)
    np.testing.assert_allclose(found, vol, rtol=1e-12)
    inside = implied_vols(True, calls, forward, strike=strike, years=years)
    assert abs(inside[0] / vol - 1) > 1e-11
    puts[1] = np.nan
    found = smile_vols(strike, calls, puts, forward=forward, years=years)
    np.testing.assert_allclose(found, vol, rtol=1e-9)
    calls[1] = np.nan
    assert np.isnan(smile_vols(strike, calls, puts, forward=forward, years=years)[1])

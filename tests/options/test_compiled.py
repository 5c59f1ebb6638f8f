"""What numba compiles gives what the arrays give, to 1e-13, and names the extra where numba is missing."""

import sys

import numpy as np
import pytest

from deltawire.errors import UsageError
from deltawire.options import black76_arrays, error_functions, implied_arrays
from tests.options.test_black76_arrays import assert_close, random_options

pytest.importorskip("numba")

from deltawire.options import compiled


@pytest.mark.parametrize("deviations", [1.0, 8.0])
def test_a_chain_equals_that_of_arrays_to_1e13(deviations: float) -> None:
    call, forward, strike, years, vol = options = random_options(deviations, seed=12)
    found = compiled.evaluate_chain(*options[:3], years=years, vol=vol)
    expected = black76_arrays.evaluate_chain(*options[:3], years=years, vol=vol)
    scales = {"value": forward, "theta": forward, "delta": 1.0, "rho": strike * years / 100}
    scales |= {"premium_adjusted_delta": strike / forward, "vanna": 1 / vol, "charm": 1 / years}
    scales |= {"volga": forward * np.sqrt(years) / vol}
    for name in black76_arrays.ChainValues._fields:
        assert_close(getattr(found, name), getattr(expected, name), scales.get(name, 0.0), name)
    assert call.any()
    assert not call.all()


@pytest.mark.parametrize("deviations", [6.0, 30.0], ids=["wings", "deep wings"])
def test_volatilities_equal_those_of_arrays_to_1e13(deviations: float) -> None:
    """Of prices out of the money: those in the money have lost the digits in which both could agree.

    A price is a difference of two terms that are equal but for some σ√T, so that its rounding is that much larger.
    """
    _, forward, strike, years, vol = random_options(deviations, seed=13)
    call = strike >= forward
    price = black76_arrays.prices(call, forward, strike, years=years, vol=vol)
    found = compiled.implied_vols(call, price, forward, strike=strike, years=years)
    expected = implied_arrays.implied_vols(call, price, forward, strike=strike, years=years)
    assert (np.abs(found / expected - 1) <= np.maximum(1e-13, 5e-15 / (vol * np.sqrt(years)))).all()
    assert np.max(np.abs(found / vol - 1)) <= 1e-12


def test_prices_at_and_beyond_the_bounds_have_what_those_of_arrays_have() -> None:
    chance = np.random.default_rng(4)
    count = 2_000
    call, strike = chance.random(count) < 0.5, 100.0 * np.exp(chance.normal(0.0, 0.8, count))
    years = chance.choice([0.0, -1.0, 1e-3, 0.1, 2.0], count, p=[0.05, 0.05, 0.3, 0.3, 0.3])
    least = np.maximum(np.where(call, 100.0 - strike, strike - 100.0), 0.0)
    most = np.where(call, 100.0, strike)
    share = chance.choice([-0.1, 0.0, 1e-18, 0.001, 0.3, 0.9, 1.0, 1.2, np.inf, np.nan], count)
    with np.errstate(invalid="ignore"):
        price = np.where(share == 0.0, least, least + share * (most - least))
    found = compiled.implied_vols(call, price, 100.0, strike=strike, years=years)
    expected = implied_arrays.implied_vols(call, price, 100.0, strike=strike, years=years)
    np.testing.assert_array_equal(np.isnan(found), np.isnan(expected))
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-15)
    assert np.isnan(found).any()
    assert (found == 0.0).any()
    assert (found > 0.0).any()


def test_spent_and_unknown_options_have_what_those_of_arrays_have() -> None:
    terms = [True, False, True, True, False], 100.0, [90.0, 90.0, 110.0, 90.0, 130.0]
    years, vol = [0.0, 0.0, 0.5, 0.1, 0.0], [0.5, 0.5, 0.0, np.nan, 0.5]
    found = compiled.evaluate_chain(*terms, years=years, vol=vol)
    for name, figures in black76_arrays.evaluate_chain(*terms, years=years, vol=vol)._asdict().items():
        np.testing.assert_allclose(getattr(found, name), figures, err_msg=name)


def test_the_shape_is_that_of_the_arguments() -> None:
    strike = np.array([[90.0, 100.0, 110.0], [80.0, 100.0, 120.0]])
    chain = compiled.evaluate_chain(True, 100.0, strike, years=0.25, vol=0.5)
    assert chain.gamma.shape == strike.shape
    vols = compiled.implied_vols(True, chain.value, 100.0, strike=strike, years=0.25)
    np.testing.assert_allclose(vols, np.full(strike.shape, 0.5), rtol=1e-12)


def test_the_scaled_error_function_is_that_of_arrays() -> None:
    points = np.concatenate([np.linspace(0, 6, 2_001), np.linspace(6, 1e3, 501), [0.46875, 4.0]])
    found = np.array([compiled._erfcx(each) for each in points])
    np.testing.assert_allclose(found, error_functions.erfcx(points), rtol=2e-15)
    below = np.array([compiled._erfcx(-each) for each in points[:1_600]])
    np.testing.assert_allclose(below, 2 * np.exp(points[:1_600] ** 2) - found[:1_600], rtol=4e-15)


def test_without_numba_it_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "numba", None)
    monkeypatch.delitem(sys.modules, "deltawire.options.compiled")
    with pytest.raises(UsageError, match=r"pip install '\.\[numba\]'"):
        import deltawire.options.compiled  # noqa: F401

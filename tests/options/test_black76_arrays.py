"""Whole chains at once are the scalar formulas, option by option, and Deribit's own messages."""

from itertools import product
from typing import Any

import numpy as np
import pytest

from deltawire.options import black76
from deltawire.options.black76_arrays import ChainValues, Floats, evaluate_chain, prices
from tests.options.test_black76 import HALF, ROWS, terms
from tests.support.effort import THOROUGH

OPTIONS = 20_000 if THOROUGH else 2_000
SHARED = ("delta", "gamma", "vega", "theta", "rho")
HIGHER = ("vanna", "volga", "charm")


def random_options(deviations: float, seed: int = 7) -> tuple[Any, Any, Any, Any, Any]:
    """(call, forward, strike, years, vol): strikes up to that many deviations away."""
    chance = np.random.default_rng(seed)
    years = np.exp(chance.uniform(np.log(3e-4), np.log(2.0), OPTIONS))
    vol = chance.uniform(0.1, 3.0, OPTIONS)
    forward = np.exp(chance.uniform(np.log(0.5), np.log(200_000), OPTIONS))
    strike = forward * np.exp(chance.uniform(-deviations, deviations, OPTIONS) * vol * np.sqrt(years))
    return chance.random(OPTIONS) < 0.5, forward, strike, years, vol


def scalar(options: tuple[Any, ...]) -> ChainValues:
    rows = []
    for call, forward, strike, years, vol in zip(*options, strict=True):
        higher = black76.higher_greeks(forward, strike, years, vol)
        adjusted = black76.premium_adjusted_delta(call, forward, strike, years, vol)
        value = black76.evaluate(call, forward, strike, years, vol)
        rows.append((*value, higher.vanna, higher.volga, higher.charm, adjusted))
    return ChainValues(*np.array(rows).T)


def assert_close(found: Floats, expected: Floats, scale: Any, name: str) -> None:
    """Within 1e-13 of itself, or of the rounding of the terms that it is a difference of."""
    errors = np.abs(found - expected)
    assert np.isfinite(found).all(), name
    assert (errors <= 1e-13 * np.abs(expected) + 1e-15 * scale).all(), (name, errors.max())


@pytest.mark.parametrize("deviations", [1.0, 8.0])
def test_a_chain_equals_the_scalar_to_1e13(deviations: float) -> None:
    options = random_options(deviations)
    _, forward, strike, years, vol = options
    found, expected = evaluate_chain(*options[:3], years=years, vol=vol), scalar(options)
    scales = {
        "value": forward,
        "theta": forward,
        "delta": 1.0,
        "rho": strike * years / 100,
        "premium_adjusted_delta": strike / forward,
        "gamma": 0.0,
        "vega": 0.0,
        # d1 and d2 are differences themselves: at the zero of d2 (or d1) the relative error has no bound
        "vanna": 1 / vol,
        "volga": forward * np.sqrt(years) / vol,
        "charm": 1 / years,
    }
    for name in ChainValues._fields:
        assert_close(getattr(found, name), getattr(expected, name), scales[name], name)


def test_values_far_out_of_the_money_keep_their_digits() -> None:
    options = random_options(30.0)
    call, forward, strike, years, vol = options
    outside = np.where(strike >= forward, call, ~call)
    found = prices(*options[:3], years=years, vol=vol)[outside]
    expected = scalar(options).value[outside]
    deep = (expected > 1e-290) & (expected < 1e-6 * forward[outside])
    assert deep.sum() > 200
    # the difference of two close values of erfcx: its relative error is some h/s roundings, 30 / 0.002 of them
    assert np.max(np.abs(found[deep] / expected[deep] - 1)) < 1e-11


@pytest.mark.parametrize("name", SHARED)
def test_greeks_of_the_recorded_messages_are_within_their_rounding(name: str) -> None:
    calls, forwards, strikes, years = (np.array(each) for each in zip(*map(terms, ROWS), strict=True))
    vols = np.array([row["mark_iv"] for row in ROWS])
    corners = [
        getattr(
            evaluate_chain(
                calls, forwards + 0.005 * up, strikes, years=years, vol=(vols + 0.005 * wide) / 100
            ),
            name,
        )
        for up, wide in product((-1, 0, 1), repeat=2)
    ]
    shown = np.array([row["greeks"][name] for row in ROWS])
    assert len(shown) == len(ROWS) == 10
    assert (np.min(corners, axis=0) - HALF <= shown).all()
    assert (shown <= np.max(corners, axis=0) + HALF).all()


def test_the_premium_adjusted_delta_is_the_coin_hedge() -> None:
    """∂(V/F)/∂F · F, the coin that an inverse option gains per move of the forward."""
    call, forward, strike, years, vol = random_options(2.0)
    step = 1e-5 * forward
    up, down = (
        prices(call, forward + way * step, strike, years=years, vol=vol) / (forward + way * step)
        for way in (1, -1)
    )
    found = evaluate_chain(call, forward, strike, years=years, vol=vol)
    np.testing.assert_allclose(
        found.premium_adjusted_delta, (up - down) / (2 * step) * forward, rtol=1e-3, atol=1e-5
    )
    np.testing.assert_allclose(
        found.premium_adjusted_delta, found.delta - found.value / forward, rtol=1e-9, atol=1e-12
    )


def test_spent_options_are_worth_their_intrinsic_value_and_unknown_ones_nothing_known() -> None:
    found = evaluate_chain(
        [True, False, True, True, True], 100.0, [90.0, 90.0, 110.0, 90.0, 100.0],
        years=[0.0, 0.0, 0.5, 0.1, 0.1], vol=[0.5, 0.5, 0.0, np.nan, 0.5],
    )  # fmt: skip
    assert found.value[:3].tolist() == [10.0, 0.0, 0.0]
    assert found.delta[:3].tolist() == [1.0, 0.0, 0.0]
    assert (
        found.premium_adjusted_delta[0] == black76.premium_adjusted_delta(True, 100.0, 90.0, 0.0, 0.5) == 0.9
    )
    assert not any(getattr(found, name)[:3].any() for name in ("gamma", "vega", "theta", *HIGHER))
    assert np.isnan(found.value[3])
    assert found.value[4] == pytest.approx(black76.price(True, 100.0, 100.0, 0.1, 0.5), rel=1e-13)


def test_numbers_are_broadcast_against_arrays() -> None:
    strikes = np.array([90.0, 100.0, 110.0])
    found = evaluate_chain(True, 100.0, strikes, years=0.25, vol=0.5)
    for at, strike in enumerate(strikes):
        assert found.gamma[at] == pytest.approx(
            black76.evaluate(True, 100.0, strike, 0.25, 0.5).gamma, rel=1e-13
        )

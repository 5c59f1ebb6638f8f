"""Fitted surfaces: close to the quotes, and without arbitrage whatever the quotes are."""

from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deltawire.errors import SurfaceError
from deltawire.options.black76_arrays import evaluate_chain, prices
from deltawire.options.essvi import FittedSurface, SmileSlice, density_factor, grid_breaches, total_variance
from deltawire.options.skew import forward_vols, skew, strike_of_delta, term_structure
from deltawire.options.surface import Surface
from deltawire.options.surface_fit import ExpiryQuotes, expiry_quotes, fit_slice, fit_surface
from tests.support.effort import examples

TRUTH = Surface(near=0.36, far=0.42, reversion=4.0, rho=-0.25, eta=1.0)
TIMES = (2 / 365, 9 / 365, 30 / 365, 60 / 365, 0.25, 0.5, 0.75, 1.0)
GRID = np.linspace(-2.5, 2.5, 200)


def quotes(noise: float, seed: int, times: tuple[float, ...] = TIMES, count: int = 40) -> list[ExpiryQuotes]:
    """Quotes around the truth, their mids off by `noise` of half a width in the standard deviation."""
    chance, expiries = np.random.default_rng(seed), []
    for years in times:
        forward = 60_000.0 * (1 + 0.05 * years)
        k = np.linspace(-1.8, 1.5, count) * np.sqrt(years)
        vols = np.array([TRUTH.vol(forward * np.exp(at), forward, years) for at in k])
        half = 0.004 + 0.01 * np.abs(k) / np.sqrt(years)
        mids = vols + noise * half * chance.normal(size=count)
        expiries.append(ExpiryQuotes(years, forward, k, mids - half, mids + half))
    return expiries


def test_a_surface_of_the_family_is_found_exactly() -> None:
    fit = fit_surface(quotes(0.0, 1))
    assert [each.quotes_used for each in fit.slices] == [40] * len(TIMES)
    for each, years in zip(fit.slices, TIMES, strict=True):
        assert each.fit_rms < 1e-3
        assert each.within == 1.0
        assert each.smile.rho == pytest.approx(TRUTH.rho, abs=1e-3)
        assert each.smile.theta == pytest.approx(TRUTH.variance_at_money(years), rel=1e-3)


def test_noise_stays_in_the_errors_and_a_warm_start_gives_the_same_fit_in_fewer_steps() -> None:
    cold = fit_surface(quotes(0.5, 2))
    warm = fit_surface(quotes(0.5, 2), fit_surface(quotes(0.5, 1)))
    assert all(0.1 < each.fit_rms < 0.5 for each in cold.slices)
    for one, other in zip(cold.slices, warm.slices, strict=True):
        assert other.fit_rms == pytest.approx(one.fit_rms, rel=1e-4)
    assert max(each.steps for each in warm.slices) <= 6
    assert grid_breaches(warm.surface, GRID) == []


@settings(max_examples=examples(25))
@given(st.integers(0, 10**6), st.floats(0.0, 40.0), st.integers(4, 15))
def test_no_quotes_make_a_surface_with_arbitrage(seed: int, noise: float, count: int) -> None:
    """Whatever is quoted, crossed expiries and broken smiles included, on 200 strikes by an audit of its own."""
    expiries = quotes(noise, seed, TIMES[::2], count)
    sound = [
        ExpiryQuotes(
            each.years,
            each.forward,
            each.log_strike,
            np.maximum(each.bid_vol, 0.01),
            np.maximum(each.ask_vol, 0.02),
        )
        for each in expiries
    ]
    fit = fit_surface(sound)
    assert fit.surface.calendar == []
    assert grid_breaches(fit.surface, GRID) == []
    for each in fit.slices:  # prices themselves: falling and convex in the strike
        strikes = each.smile.forward * np.linspace(0.2, 3.0, 200)
        calls = prices(True, each.smile.forward, strikes, years=each.smile.years, vol=each.smile.vol(strikes))
        assert np.diff(calls).max() <= 1e-9 * each.smile.forward
        assert np.diff(calls, 2).min() >= -1e-9 * each.smile.forward


def test_a_later_expiry_quoted_below_an_earlier_one_is_held_up_and_the_error_says_so() -> None:
    first, second = quotes(0.0, 1, (0.25, 0.3))
    low = ExpiryQuotes(0.3, second.forward, second.log_strike, 0.6 * second.bid_vol, 0.6 * second.ask_vol)
    fit = fit_surface([low, first])
    assert fit.surface.calendar == []
    assert fit.slices[0].fit_rms < 0.01
    assert fit.slices[1].fit_rms > 5
    assert fit.slices[1].within == 0.0


def test_derivatives_are_those_of_finite_differences() -> None:
    parameters = np.array([0.05, 0.25, 0.4])
    _, found = total_variance(GRID, *parameters)
    for number in range(3):
        step = np.zeros(3)
        step[number] = 1e-6
        ends = [total_variance(GRID, *(parameters + way * step))[0] for way in (1, -1)]
        np.testing.assert_allclose(found[:, number], (ends[0] - ends[1]) / 2e-6, rtol=1e-5, atol=1e-8)


def test_the_audit_sees_butterflies_and_calendars() -> None:
    steep = SmileSlice(0.1, 100.0, 0.04, 0.25, 0.25)
    earlier = SmileSlice(0.05, 100.0, 0.05, 0.2, 0.3)
    broken = FittedSurface((earlier, steep))
    assert {what for _, _, what in grid_breaches(broken, GRID)} == {"calendar"}
    assert {what for _, what in broken.calendar} == {"theta falls", "left wing falls", "psi/theta rises"}
    assert (density_factor(steep, GRID) >= 0.0).all()
    msgspec.structs.force_setattr(steep, "right", 2.0)
    assert {what for _, _, what in grid_breaches(FittedSurface((steep,)), GRID)} == {"butterfly"}
    strikes = 100.0 * np.linspace(0.5, 2.0, 200)
    calls = prices(True, 100.0, strikes, years=0.1, vol=steep.vol(strikes))
    assert np.diff(calls, 2).min() < -1e-6, "prices say the same"


@pytest.mark.parametrize(
    "parameters", [(0.0, 0.1, 0.1), (0.04, 0.0, 0.1), (0.04, 0.1, -0.1), (9.0, 4.1, 0.1), (0.01, 0.3, 0.3)]
)
def test_a_smile_with_a_butterfly_is_refused(parameters: tuple[float, float, float]) -> None:
    with pytest.raises(SurfaceError):
        SmileSlice(0.1, 100.0, *parameters)


def test_quotes_become_volatilities_of_the_option_out_of_the_money() -> None:
    forward, years = 60_000.0, 0.1
    strikes = np.array([40_000.0, 50_000.0, 60_000.0, 70_000.0, 80_000.0])
    sides: dict[str, Any] = {}
    for name, call in (("call", True), ("put", False)):
        for side, vol in (("bid", 0.58), ("ask", 0.62)):
            sides[f"{name}_{side}"] = prices(call, forward, strikes, years=years, vol=vol)
    sides["put_bid"][0] = np.nan  # one-sided
    sides["call_bid"][1] = np.nan  # in the money: not needed
    sides["call_ask"][4] = sides["call_bid"][4] * 0.9  # crossed
    found = expiry_quotes(strikes, **sides, forward=forward, years=years)
    np.testing.assert_allclose(np.exp(found.log_strike) * forward, strikes[1:4])
    np.testing.assert_allclose(found.bid_vol, 0.58, rtol=1e-9)
    np.testing.assert_allclose(found.ask_vol, 0.62, rtol=1e-9)


def test_an_expiry_of_few_quotes_is_skipped_and_named() -> None:
    first, second = quotes(0.0, 1, (0.1, 0.2))
    few = ExpiryQuotes(0.2, second.forward, second.log_strike[:3], second.bid_vol[:3], second.ask_vol[:3])
    fit = fit_surface([first, few])
    assert fit.skipped == (0.2,)
    assert len(fit.slices) == 1


def test_skew_and_butterfly_are_read_where_the_deltas_are() -> None:
    smile = fit_slice(quotes(0.0, 1, (0.25,))[0]).smile
    reading = skew(smile)
    for call, strike, vol in (
        (True, reading.call_strike, reading.call_vol),
        (False, reading.put_strike, reading.put_vol),
    ):
        delta = evaluate_chain(call, smile.forward, strike, years=0.25, vol=vol).delta[0]
        assert abs(delta) == pytest.approx(0.25, abs=1e-9)
    assert reading.skew < 0.0 < reading.butterfly
    assert reading.at_money == pytest.approx(np.sqrt(smile.theta / 0.25))
    assert strike_of_delta(smile, True, 0.1) > reading.call_strike


def test_the_term_structure_has_the_variance_between_expiries() -> None:
    surface = fit_surface(quotes(0.0, 1)).surface
    for years, vol in zip(TIMES, term_structure(surface, TIMES), strict=True):
        assert vol**2 * years == pytest.approx(TRUTH.variance_at_money(years), rel=1e-3)
    before, middle, after = term_structure(surface, [0.001, 0.375, 3.0])
    assert before == pytest.approx(term_structure(surface, [TIMES[0]])[0])
    assert after == pytest.approx(term_structure(surface, [1.0])[0])
    start, end, vol = forward_vols(surface)[4]
    assert (start, end) == (0.25, 0.5)
    at = term_structure(surface, [0.25])[0] ** 2 * 0.25
    assert middle**2 * 0.375 == pytest.approx(at + vol**2 * 0.125)

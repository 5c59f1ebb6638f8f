"""The surface allows no arbitrage, whatever its parameters."""

from itertools import pairwise
from math import exp, log, sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deltawire.errors import SurfaceError
from deltawire.options.black76 import price
from deltawire.options.surface import Surface, admissible

surfaces = st.builds(
    admissible,
    near=st.floats(0.01, 4.0),
    far=st.floats(0.01, 4.0),
    reversion=st.floats(0.05, 50.0),
    rho=st.floats(-0.95, 0.95),
    eta=st.floats(0.05, 5.0),
    gamma=st.floats(0.05, 0.5),
)
TYPICAL = Surface(near=0.36, far=0.42, reversion=4.0, rho=-0.15, eta=1.0)


@given(surfaces, st.floats(0.001, 2.0), st.floats(-4.0, 4.0))
def test_no_butterfly_arbitrage(surface: Surface, years: float, deviations: float) -> None:
    """Gatheral-Jacquier's g(k) ≥ 0, with derivatives by finite differences."""
    scale = sqrt(surface.variance_at_money(years))
    k, h = deviations * scale, 1e-3 * scale
    below, w, above = (surface.variance(exp(k + step), 1.0, years) for step in (-h, 0.0, h))
    first, second = (above - below) / (2 * h), (above - 2 * w + below) / (h * h)
    g = (1 - k * first / (2 * w)) ** 2 - first * first / 4 * (1 / w + 0.25) + second / 2
    assert g > -1e-4


@given(surfaces, st.floats(0.001, 2.0), st.floats(0.001, 2.0), st.floats(-2.0, 2.0))
def test_no_calendar_arbitrage(surface: Surface, one: float, other: float, k: float) -> None:
    near, far = sorted((one, other))
    variances = [surface.variance(exp(k), 1.0, years) for years in (near, far)]
    assert variances[0] <= variances[1] * (1 + 1e-12)


@given(surfaces, st.floats(0.01, 2.0))
def test_call_prices_fall_and_bend_upwards_over_the_strikes(surface: Surface, years: float) -> None:
    strikes = [50.0 + 2.5 * step for step in range(60)]
    calls = [price(True, 100.0, k, years, surface.vol(k, 100.0, years)) for k in strikes]
    steps = [after - before for before, after in pairwise(calls)]
    assert all(-2.5 - 1e-9 <= step <= 1e-9 for step in steps)
    assert all(before <= after + 1e-9 for before, after in pairwise(steps))


@given(surfaces, st.floats(0.001, 2.0))
def test_at_the_money_the_variance_is_that_of_the_curve(surface: Surface, years: float) -> None:
    expected = surface.variance_at_money(years)
    assert surface.variance(100.0, 100.0, years) == pytest.approx(expected, rel=1e-12)
    assert surface.vol(100.0, 100.0, years) == pytest.approx(sqrt(expected / years), rel=1e-12)


def test_the_curve_goes_from_the_near_to_the_far_variance() -> None:
    assert TYPICAL.vol(100.0, 100.0, 1e-6) == pytest.approx(0.6, rel=1e-4)
    assert TYPICAL.vol(100.0, 100.0, 500.0) == pytest.approx(sqrt(0.42), rel=1e-3)


def test_a_negative_correlation_lifts_the_puts() -> None:
    low, high = (TYPICAL.vol(100.0 * exp(way * 0.2), 100.0, 0.1) for way in (-1, 1))
    middle = TYPICAL.vol(100.0, 100.0, 0.1)
    assert low > high > middle


def test_an_expired_surface_has_no_volatility() -> None:
    assert TYPICAL.vol(110.0, 100.0, 0.0) == TYPICAL.variance(110.0, 100.0, 0.0) == 0.0


@pytest.mark.parametrize(
    ("change", "bound"),
    [
        ({"near": 0.0}, "near > 0"),
        ({"far": -1.0}, "far > 0"),
        ({"reversion": 0.0}, "reversion > 0"),
        ({"rho": -1.0}, "|rho| < 1"),
        ({"eta": 0.0}, "eta > 0"),
        ({"gamma": 0.6}, "0 < gamma <= 1/2"),
        ({"eta": 1.9, "rho": 0.5}, "eta (1 + |rho|) <= 2"),
        ({"near": float("nan")}, "near > 0"),
    ],
)
def test_parameters_that_would_allow_arbitrage_are_refused(change: dict[str, float], bound: str) -> None:
    parameters = {"near": 0.4, "far": 0.4, "reversion": 1.0, "rho": 0.0, "eta": 1.0} | change
    with pytest.raises(SurfaceError) as caught:
        Surface(**parameters)
    assert caught.value.broken == [bound]


def test_admissible_moves_each_parameter_no_further_than_its_bound() -> None:
    assert admissible(0.4, 0.5, 2.0, -0.2, 1.0) == Surface(0.4, 0.5, 2.0, -0.2, 1.0)
    moved = admissible(-1.0, 0.5, 2.0, -3.0, 9.0, 0.7)
    assert (moved.near, moved.far, moved.rho, moved.gamma) == (1e-6, 0.5, -0.999, 0.5)
    assert log(moved.eta) == pytest.approx(log(1.999 / 1.999))

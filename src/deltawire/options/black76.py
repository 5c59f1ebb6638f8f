"""Black-76 without interest: values in quote currency, greeks with Deribit's conventions.

F is the forward of the option's own expiry, K the strike, T years (ACT/365), σ a fraction per √year.
Formulas: Black 1976; conventions of Deribit checked against its own messages (`tests/options/greeks.json`):
delta not premium adjusted, vega per volatility point, theta per day and never more than the time value left,
rho of Black-Scholes per percent. An inverse option's price in coin is V/F.
"""

from math import erfc, exp, log, pi, sqrt
from typing import NamedTuple

from deltawire.options.normalised import DEEP, ROOT_HALF, normalised

YEAR_NS = 365 * 86_400 * 1_000_000_000
_DENSITY = 1 / sqrt(2 * pi)


class Valuation(NamedTuple):
    """One option: `value` in quote currency per unit of base, greeks in Deribit's units."""

    value: float
    delta: float
    gamma: float
    vega: float
    theta: float
    rho: float


class HigherGreeks(NamedTuple):
    """Derivatives per unit of σ and per year of calendar time."""

    vanna: float
    volga: float
    charm: float
    speed: float
    zomma: float
    color: float


def years_between(now_ns: int, expiry_ns: int) -> float:
    """ACT/365, to the nanosecond; 0.0 once expired."""
    return max(0, expiry_ns - now_ns) / YEAR_NS


def intrinsic(call: bool, forward: float, strike: float) -> float:
    """The value of the option if exercised now."""
    return max(forward - strike if call else strike - forward, 0.0)


def price(call: bool, forward: float, strike: float, years: float, vol: float) -> float:
    """The value in quote currency: c(F N(c d1) − K N(c d2)); the intrinsic value without time or volatility.

    Computed on the out-of-the-money side and carried over by parity, so that time value is not lost.
    """
    deviation = vol * sqrt(years)
    if deviation <= 0.0:
        return intrinsic(call, forward, strike)
    d1 = log(forward / strike) / deviation + 0.5 * deviation
    d2 = d1 - deviation
    if (-d1 if strike >= forward else d2) >= DEEP:
        outer = _deep_value(forward, strike, deviation)
    elif strike >= forward:
        outer = 0.5 * (forward * erfc(-d1 * ROOT_HALF) - strike * erfc(-d2 * ROOT_HALF))
    else:
        outer = 0.5 * (strike * erfc(d2 * ROOT_HALF) - forward * erfc(d1 * ROOT_HALF))
    return intrinsic(call, forward, strike) + max(outer, 0.0)


def evaluate(call: bool, forward: float, strike: float, years: float, vol: float) -> Valuation:
    """Compute value and greeks together."""
    return evaluate_pair(forward, strike, years, vol)[0 if call else 1]


def evaluate_pair(forward: float, strike: float, years: float, vol: float) -> tuple[Valuation, Valuation]:
    """The call and the put of one strike: they share everything except intrinsic value, delta and rho."""
    root = sqrt(years)
    deviation = vol * root
    if deviation <= 0.0:
        return _exercised(True, forward, strike), _exercised(False, forward, strike)
    d1 = log(forward / strike) / deviation + 0.5 * deviation
    d2 = d1 - deviation
    above, below = 0.5 * erfc(-d1 * ROOT_HALF), 0.5 * erfc(-d2 * ROOT_HALF)
    above_put, below_put = erfc(d1 * ROOT_HALF), erfc(d2 * ROOT_HALF)
    density = _DENSITY * exp(-0.5 * d1 * d1)
    if (-d1 if strike >= forward else d2) >= DEEP:
        extrinsic = _deep_value(forward, strike, deviation)
    elif strike >= forward:
        extrinsic = forward * above - strike * below
    else:
        extrinsic = 0.5 * (strike * below_put - forward * above_put)
    extrinsic = max(extrinsic, 0.0)
    vega = forward * density * root
    gamma, theta = density / (forward * deviation), -min(vega * vol / (2 * years) / 365, extrinsic)
    call_value, put_value = intrinsic(True, forward, strike), intrinsic(False, forward, strike)
    return (
        Valuation(call_value + extrinsic, above, gamma, vega / 100, theta, below * strike * years / 100),
        Valuation(
            put_value + extrinsic, -0.5 * above_put, gamma, vega / 100, theta,
            -0.5 * below_put * strike * years / 100,
        ),
    )  # fmt: skip


def higher_greeks(forward: float, strike: float, years: float, vol: float) -> HigherGreeks:
    """The second order and mixed derivatives, the same for call and put at zero interest."""
    root = sqrt(years)
    deviation = vol * root
    if deviation <= 0.0:
        return HigherGreeks(0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
    d1 = log(forward / strike) / deviation + 0.5 * deviation
    d2 = d1 - deviation
    density = _DENSITY * exp(-0.5 * d1 * d1)
    gamma = density / (forward * deviation)
    return HigherGreeks(
        vanna=-density * d2 / vol,
        volga=forward * density * root * d1 * d2 / vol,
        charm=density * d2 / (2 * years),
        speed=-gamma / forward * (d1 / deviation + 1),
        zomma=gamma * (d1 * d2 - 1) / vol,
        color=gamma * (1 - d1 * d2) / (2 * years),
    )


def premium_adjusted_delta(call: bool, forward: float, strike: float, years: float, vol: float) -> float:
    """The hedge in coin of an inverse option whose premium is paid in coin: Δ − V/F = c (K/F) N(c d2).

    Source: Alexander and Imeraj 2021, arXiv 2107.12041; Deribit's "net transaction delta" at the mark price.
    """
    deviation = vol * sqrt(years)
    if deviation <= 0.0:
        return (float(forward > strike) if call else -float(forward < strike)) * strike / forward
    d2 = log(forward / strike) / deviation - 0.5 * deviation
    sign = 1.0 if call else -1.0
    return sign * strike / forward * 0.5 * erfc(-sign * d2 * ROOT_HALF)


def _deep_value(forward: float, strike: float, deviation: float) -> float:
    """The value far out of the money, where the difference of the two terms would lose digits."""
    return sqrt(forward * strike) * normalised(-abs(log(forward / strike)), deviation)


def _exercised(call: bool, forward: float, strike: float) -> Valuation:
    delta = float(forward > strike) if call else -float(forward < strike)
    return Valuation(intrinsic(call, forward, strike), delta, 0.0, 0.0, 0.0, 0.0)

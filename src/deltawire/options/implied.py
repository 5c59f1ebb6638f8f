"""Implied volatility: Black-76 inverted on the out-of-the-money side, by Halley's method within a bracket.

Normalised as Jäckel does ("Let's be rational", Wilmott 2015): x = −|ln(F/K)|, s = σ√T, and β the time value
over √(FK). Below the inflection s = √(2|x|) the equation solved is 1/ln b(s) = 1/ln β, which is nearly straight
there even for prices down to 1e-290; above it b(s) = β, and near its limit the logarithm of what is missing.
"""

from collections.abc import Callable
from math import exp, inf, log, pi, sqrt
from sys import float_info

from deltawire.options.black76 import intrinsic
from deltawire.options.normalised import missing as missing_value
from deltawire.options.normalised import normalised

_ROOT_TWO_PI = sqrt(2 * pi)
_ROUNDS = 64
_NOISE = 4 * float_info.epsilon
"""The part of a price that may be rounding error of itself and of the intrinsic value."""
_NO_BETA = 1e-300
"""A time value that doubles cannot distinguish from zero."""
_Residual = tuple[float, float, float]
"""f = g(b) − g(β), g' and g''/g' of the equation's transformation g at one s."""


def implied_vol(call: bool, price: float, forward: float, strike: float, years: float) -> float | None:
    """The σ at which Black-76 gives this price (quote currency), 0.0 at the intrinsic value.

    None if there is none: below the intrinsic value, at or above the forward (call) or strike (put), after expiry.

    A price within rounding error of such a bound is treated as the bound.
    """
    if not (years > 0.0 and forward > 0.0 and strike > 0.0 and price < inf):
        return None
    least = intrinsic(call, forward, strike)
    extrinsic, noise = price - least, _NOISE * price
    if extrinsic <= (noise if least else 0.0):
        return 0.0 if extrinsic >= -noise else None
    missing = min(forward, strike) - extrinsic
    if missing <= noise:
        return None
    scale = sqrt(forward * strike)
    return _solve(-abs(log(forward / strike)), extrinsic / scale, missing / scale) / sqrt(years)


def implied_band(
    call: bool, price: float, rounding: float, forward: float, strike: float, years: float
) -> tuple[float, float] | None:
    """The range of volatilities of a price that is rounded by up to `rounding` (quote currency).

    Below the intrinsic value the range starts at 0.0, above the upper bound it ends at infinity.
    """
    if not years > 0.0:
        return None
    low = implied_vol(call, price - rounding, forward, strike, years)
    high = implied_vol(call, price + rounding, forward, strike, years)
    if low is None and price - rounding >= intrinsic(call, forward, strike):
        return None
    if high is None and price + rounding < intrinsic(call, forward, strike):
        return None
    return low or 0.0, inf if high is None else high


def _solve(x: float, beta: float, missing: float) -> float:
    """The s with b(x, s) = β; `missing` is e^{x/2} − β, which near the limit would be lost in rounding."""
    if beta < _NO_BETA:
        return 0.0
    bend = sqrt(-2.0 * x)
    at_bend = normalised(x, bend) if x else 0.0
    if beta < at_bend:
        return _converge(_low_residual, x, beta, -x / sqrt(-2.0 * log(beta)), 0.0, bend)
    if beta > 0.5 * (at_bend + exp(0.5 * x)):
        return _converge(_high_residual, x, missing, max(bend, 1.5), bend, inf)
    return _converge(_mid_residual, x, beta, bend or beta * _ROOT_TWO_PI, bend, inf)


def _low_residual(x: float, s: float, beta: float) -> _Residual:
    b = normalised(x, s)
    if b <= 0.0:
        return inf, 1.0, 0.0
    ln = log(b)
    return 1.0 / ln - 1.0 / log(beta), -1.0 / (b * ln * ln), -(1.0 + 2.0 / ln) / b


def _mid_residual(x: float, s: float, beta: float) -> _Residual:
    return normalised(x, s) - beta, 1.0, 0.0


def _high_residual(x: float, s: float, missing: float) -> _Residual:
    left = missing_value(x, s)
    if left <= 0.0:
        return inf, 1.0, 0.0
    return log(missing / left), 1.0 / left, 1.0 / left


def _converge(
    residual: Callable[[float, float, float], _Residual],
    x: float,
    beta: float,
    s: float,
    low: float,
    high: float,
) -> float:
    """Halley's method from s; a step that leaves the bracket is replaced by the midpoint."""
    for _ in range(_ROUNDS):
        error, first, ratio = residual(x, s, beta)
        h = x / s
        slope = exp(-0.5 * (h * h + 0.25 * s * s)) / _ROOT_TWO_PI * first
        newton = -error / slope if slope and error < inf else 0.0
        if newton > 0.0:
            low = s
        elif newton < 0.0:
            high = s
        elif error == 0.0:
            return s
        curve = ratio * slope / first + h * h / s - 0.25 * s
        after = s + newton / max(1.0 + 0.5 * newton * curve, 0.25) if newton else -1.0
        if not low < after < high:
            after = 0.5 * (low + high) if high < inf else 2.0 * s
        if abs(after - s) <= 4e-16 * s:
            return after
        s = after
    return s

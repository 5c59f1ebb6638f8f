"""`black76_arrays.evaluate_chain` and `implied_arrays.implied_vols`, compiled by numba. Needs the extra `numba`.

The same arguments and results in less time: values and greeks to 1e-13, volatilities to the larger of 1e-13 and
5e-15/(σ√T), since a price is a difference of two terms that are equal but for some σ√T. The first call compiles for
some seconds; what is compiled is kept on disk. Servers do not use it: they would publish other last digits than those
without numba.
"""

from math import erfc, exp, floor, inf, log, nan, pi, sqrt
from typing import Any, TypeVar, cast

import numpy as np
from numpy.typing import ArrayLike

from deltawire.errors import UsageError, how_to_install
from deltawire.options.black76_arrays import ChainValues, Floats, aligned
from deltawire.options.normalised import DEEP, ROOT_HALF

try:
    from numba import njit
except ModuleNotFoundError as error:
    raise UsageError(f"options.compiled needs numba: {how_to_install('numba')}") from error

_ROOT_TWO_PI = sqrt(2 * pi)
_NOISE = 4 * float(np.finfo(np.float64).eps)
_NO_BETA = 1e-300
_ROUNDS = 64
_CLOSE = 1e-6
_LOW, _MIDDLE, _HIGH = 0, 1, 2
_SMALL = 0.46875
_ONE_OVER_ROOT_PI = 1 / sqrt(pi)
_NEAR_ABOVE = (
    1.85777706184603153e-1, 3.1611237438705656, 1.13864154151050156e2,
    3.77485237685302021e2, 3.20937758913846947e3,
)  # fmt: skip
_NEAR_BELOW = 1.0, 2.36012909523441209e1, 2.44024637934444173e2, 1.28261652607737228e3, 2.84423683343917062e3
_MIDDLE_ABOVE = (
    2.15311535474403846e-8, 5.64188496988670089e-1, 8.88314979438837594, 6.61191906371416295e1,
    2.98635138197400131e2, 8.81952221241769090e2, 1.71204761263407058e3, 2.05107837782607147e3,
    1.23033935479799725e3,
)  # fmt: skip
_MIDDLE_BELOW = (
    1.0, 1.57449261107098347e1, 1.17693950891312499e2, 5.37181101862009858e2, 1.62138957456669019e3,
    3.29079923573345963e3, 4.36261909014324716e3, 3.43936767414372164e3, 1.23033935480374942e3,
)  # fmt: skip
_FAR_ABOVE = (
    1.63153871373020978e-2, 3.05326634961232344e-1, 3.60344899949804439e-1, 1.25781726111229246e-1,
    1.60837851487422766e-2, 6.58749161529837803e-4,
)  # fmt: skip
_FAR_BELOW = (
    1.0, 2.56852019228982242, 1.87295284992346725, 5.27905102951428412e-1,
    6.05183413124413191e-2, 2.33520497626869185e-3,
)  # fmt: skip
"""Coefficients by Cody, of the highest power first."""
F = TypeVar("F")


def _compiled(function: F) -> F:
    return cast(F, njit(cache=True, error_model="numpy")(function))


def implied_vols(
    call: ArrayLike, price: ArrayLike, forward: ArrayLike, *, strike: ArrayLike, years: ArrayLike
) -> Floats:
    """The σ at which Black-76 gives each price, as `implied_arrays.implied_vols`."""
    arrays = aligned(call, price, forward, strike, years)
    calls, prices, forwards, strikes, times = map(np.ravel, arrays)
    vols = np.empty(calls.size)
    _imply(calls, prices, forwards, strikes, times, vols)
    return vols.reshape(arrays[0].shape)


def evaluate_chain(
    call: ArrayLike, forward: ArrayLike, strike: ArrayLike, *, years: ArrayLike, vol: ArrayLike
) -> ChainValues:
    """Value and greeks of each option, as `black76_arrays.evaluate_chain`."""
    arrays = aligned(call, forward, strike, years, vol)
    calls, forwards, strikes, times, vols = map(np.ravel, arrays)
    figures = np.empty((len(ChainValues._fields), calls.size))
    _evaluate(calls, forwards, strikes, times, vols, figures)
    return ChainValues(*(row.reshape(arrays[0].shape) for row in figures))


@_compiled
def _imply(call: Any, price: Any, forward: Any, strike: Any, years: Any, vols: Any) -> None:
    for at in range(price.size):
        vols[at] = _implied(call[at], price[at], forward[at], strike[at], years[at])


@_compiled
def _implied(call: bool, price: float, forward: float, strike: float, years: float) -> float:
    if not (years > 0.0 and forward > 0.0 and strike > 0.0 and price < inf):
        return nan
    least = max(forward - strike if call else strike - forward, 0.0)
    extrinsic, noise = price - least, _NOISE * price
    gap = min(forward, strike) - extrinsic
    scale = sqrt(forward * strike)
    beta = extrinsic / scale
    if extrinsic <= (noise if least > 0.0 else 0.0):
        return 0.0 if extrinsic >= -noise else nan
    if beta < _NO_BETA:
        return 0.0
    if not gap > noise:
        return nan
    return _solve(-abs(log(forward / strike)), beta, gap / scale) / sqrt(years)


@_compiled
def _solve(x: float, beta: float, missing: float) -> float:
    """The s with b(x, s) = β, in the three regions of `implied_arrays`."""
    bend, most = sqrt(-2.0 * x), exp(0.5 * x)
    at_bend = 0.5 * most * (1.0 - _erfcx(bend * ROOT_HALF))
    if beta < at_bend:
        target = log(beta)
        return _converge(_LOW, x, target, -x / sqrt(-2.0 * target), 0.0, bend)
    if beta > 0.5 * (at_bend + most):
        return _converge(_HIGH, x, log(missing), max(bend, 1.5), bend, inf)
    return _converge(_MIDDLE, x, beta, bend if bend > 0.0 else beta * _ROOT_TWO_PI, bend, inf)


@_compiled
def _converge(region: int, x: float, target: float, s: float, low: float, high: float) -> float:
    """Halley's method within a bracket; a step that leaves it is replaced by the midpoint."""
    for _ in range(_ROUNDS):
        newton, curve = _step(region, x, s, target)
        if newton > 0.0:
            low = s
        elif newton < 0.0:
            high = s
        after = s + newton / max(1.0 + 0.5 * newton * curve, 0.25)
        if not low <= after <= high:
            after = 0.5 * (low + min(high, 1e300)) if high < inf else 2.0 * s
        near = abs(after - s) <= _CLOSE * s
        s = after
        if near:
            break
    return s


@_compiled
def _step(region: int, x: float, s: float, target: float) -> tuple[float, float]:
    """Newton's step of the region's equation at s, and f''/f' there."""
    h, t = -x / s, 0.5 * s
    squares, curve = 0.5 * (h * h + t * t), h * h / s - 0.25 * s
    if region == _HIGH:
        total = _erfcx((t - h) * ROOT_HALF) + _erfcx((h + t) * ROOT_HALF)
        rate = 2.0 / (_ROOT_TWO_PI * total)
        return (log(0.5 * total) - squares - target) / rate, curve + rate
    difference = _erfcx((h - t) * ROOT_HALF) - _erfcx((h + t) * ROOT_HALF)
    if region == _MIDDLE:
        slope = exp(-squares)
        return (target - 0.5 * slope * difference) * _ROOT_TWO_PI / slope, curve
    log_b = log(0.5 * difference) - squares
    rate = 2.0 / (_ROOT_TWO_PI * difference)
    return log_b * (1.0 - log_b / target) / rate, curve - rate * (1.0 + 2.0 / log_b)


@_compiled
def _evaluate(call: Any, forward: Any, strike: Any, years: Any, vol: Any, figures: Any) -> None:
    for at in range(forward.size):
        if vol[at] * sqrt(years[at]) <= 0.0:
            _exercised(call[at], forward[at], strike[at], figures[:, at])
        else:
            _option(call[at], forward[at], strike[at], years[at], vol[at], figures[:, at])


@_compiled
def _option(call: bool, forward: float, strike: float, years: float, vol: float, figures: Any) -> None:
    root = sqrt(years)
    deviation = vol * root
    d1 = log(forward / strike) / deviation + 0.5 * deviation
    d2 = d1 - deviation
    outer = 1.0 if strike >= forward else -1.0
    inside, exercise = 0.5 * erfc(outer * d1 * -ROOT_HALF), 0.5 * erfc(outer * d2 * -ROOT_HALF)
    if (-d1 if outer > 0.0 else d2) >= DEEP:
        h, t = abs(log(forward / strike)) / deviation, 0.5 * deviation
        scale = 0.5 * sqrt(forward * strike) * exp(-0.5 * (h * h + t * t))
        extrinsic = scale * (_erfcx((h - t) * ROOT_HALF) - _erfcx((h + t) * ROOT_HALF))
    else:
        extrinsic = outer * (forward * inside - strike * exercise)
    if extrinsic < 0.0:  # a NaN remains one
        extrinsic = 0.0
    side = 1.0 if call else -1.0
    out = side == outer
    density = exp(-0.5 * d1 * d1) / _ROOT_TWO_PI
    vega = forward * density * root
    reach = side * (exercise if out else 1.0 - exercise)
    decay = vega * vol / (2 * years) / 365
    figures[0] = extrinsic if out else abs(forward - strike) + extrinsic
    figures[1] = side * (inside if out else 1.0 - inside)
    figures[2] = density / (forward * deviation)
    figures[3] = vega * 0.01
    figures[4] = -(extrinsic if extrinsic < decay else decay)
    figures[5] = reach * strike * years * 0.01
    figures[6] = -density * d2 / vol
    figures[7] = vega * d1 * d2 / vol
    figures[8] = density * d2 / (2 * years)
    figures[9] = reach * (strike / forward)


@_compiled
def _exercised(call: bool, forward: float, strike: float, figures: Any) -> None:
    side = 1.0 if call else -1.0
    payoff = max(side * (forward - strike), 0.0)
    figures[:] = 0.0
    figures[0] = payoff
    if payoff > 0.0:
        figures[1], figures[9] = side, side * strike / forward


@_compiled
def _erfcx(z: float) -> float:
    """exp(z²) erfc(z). Source: Cody 1969, Rational Chebyshev approximations for the error function."""
    if z < -_SMALL:
        return 2.0 * _exp_square(z) - _erfcx_positive(-z)
    if z < _SMALL:
        y = z * z
        return exp(y) * (1.0 - z * _polynomial(_NEAR_ABOVE, y) / _polynomial(_NEAR_BELOW, y))
    return _erfcx_positive(z)


@_compiled
def _erfcx_positive(z: float) -> float:
    if z <= 4.0:
        return _polynomial(_MIDDLE_ABOVE, z) / _polynomial(_MIDDLE_BELOW, z)
    y = 1.0 / (z * z)
    return (_ONE_OVER_ROOT_PI - y * _polynomial(_FAR_ABOVE, y) / _polynomial(_FAR_BELOW, y)) / z


@_compiled
def _polynomial(coefficients: Any, z: float) -> float:
    """By Horner's rule."""
    value = 0.0
    for each in coefficients:
        value = value * z + each
    return value


@_compiled
def _exp_square(z: float) -> float:
    """exp(z²), with z² in two parts so that its rounding is not multiplied."""
    whole = floor(z * 16.0) / 16.0
    return exp(whole * whole) * exp((z - whole) * (z + whole))

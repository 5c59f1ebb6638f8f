"""Implied volatility of whole chains: the equations of `implied`, solved for all options at once.

Needs the extra `analytics`.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from deltawire.options.black76_arrays import Flags, Floats, aligned
from deltawire.options.error_functions import erfcx, erfcx_pair
from deltawire.options.normalised import ROOT_HALF

_ROOT_TWO_PI = float(np.sqrt(2 * np.pi))
_NOISE = 4 * float(np.finfo(np.float64).eps)
_NO_BETA = 1e-300
_ROUNDS = 64
_CLOSE = 1e-6
"""A step this small relative to s is the last one: Halley's error is its cube."""
_Step = tuple[Floats, Floats]
"""Newton's step of an equation at s, and f''/f' there."""
_Equation = Callable[[Floats, Floats, Floats], _Step]


def implied_vols(
    call: ArrayLike, price: ArrayLike, forward: ArrayLike, *, strike: ArrayLike, years: ArrayLike
) -> Floats:
    """The σ at which Black-76 gives each price (quote currency); 0.0 at the intrinsic value, NaN if there is none.

    An in-the-money price holds its time value in its last digits only: `smile_vols` uses the other option.
    """
    return _implied_vols(*aligned(call, price, forward, strike, years))


def smile_vols(
    strike: ArrayLike, call_price: ArrayLike, put_price: ArrayLike, *, forward: ArrayLike, years: ArrayLike
) -> Floats:
    """σ by strike from the option out of the money: the put below the forward, the call from it upwards.

    Where that one has no price (NaN) the other's is used. Prices are in quote currency.
    """
    _, strikes, calls, puts, forwards = aligned(True, strike, call_price, put_price, forward)
    high = strikes >= forwards
    outer = np.where(high, calls, puts)
    absent = np.isnan(outer)
    chosen = np.where(absent, np.where(high, puts, calls), outer)
    return implied_vols(high ^ absent, chosen, forwards, strike=strikes, years=years)


def _implied_vols(call: Flags, price: Floats, forward: Floats, strike: Floats, years: Floats) -> Floats:
    with np.errstate(invalid="ignore", divide="ignore", over="ignore", under="ignore"):
        least = np.maximum(np.where(call, forward - strike, strike - forward), 0.0)
        extrinsic, noise = price - least, _NOISE * price
        gap = np.minimum(forward, strike) - extrinsic
        sound = (years > 0.0) & (forward > 0.0) & (strike > 0.0) & (price < np.inf)
        floor = np.where(least > 0.0, noise, 0.0)
        scale = np.sqrt(forward * strike)
        beta = extrinsic / scale
        at_floor = sound & (extrinsic <= floor) & (extrinsic >= -noise)
        at_floor |= sound & (extrinsic > floor) & (beta < _NO_BETA)
        solvable = sound & (extrinsic > floor) & (gap > noise) & ~at_floor
        vols: Floats = np.where(at_floor, 0.0, np.nan)
        if solvable.all():
            solved: Floats = _solve(-np.abs(np.log(forward / strike)), beta, gap / scale) / np.sqrt(years)
            return solved
        at = np.flatnonzero(solvable)
        if len(at):
            x = -np.abs(np.log(forward[at] / strike[at]))
            vols[at] = _solve(x, beta[at], (gap / scale)[at]) / np.sqrt(years[at])
    return vols


def _solve(x: Floats, beta: Floats, missing: Floats) -> Floats:
    """The s with b(x, s) = β; `missing` is e^{x/2} − β, which near the limit would be lost in rounding."""
    bend, most = np.sqrt(-2.0 * x), np.exp(0.5 * x)
    at_bend = 0.5 * most * (1.0 - erfcx(bend * ROOT_HALF))
    low, high = beta < at_bend, beta > 0.5 * (at_bend + most)
    result = np.empty_like(x)
    if (at := np.flatnonzero(low)).size:
        target = np.log(beta[at])
        start = -x[at] / np.sqrt(-2.0 * target)
        result[at] = _converge(_low_step, x[at], target, start=start, low=np.zeros(at.size), high=bend[at])
    if (at := np.flatnonzero(high)).size:
        target, start = np.log(missing[at]), np.maximum(bend[at], 1.5)
        result[at] = _converge(
            _high_step, x[at], target, start=start, low=bend[at], high=np.full(at.size, np.inf)
        )
    if (at := np.flatnonzero(~(low | high))).size:
        start = np.where(bend[at] > 0.0, bend[at], beta[at] * _ROOT_TWO_PI)
        result[at] = _converge(
            _middle_step, x[at], beta[at], start=start, low=bend[at], high=np.full(at.size, np.inf)
        )
    return result


def _low_step(x: Floats, s: Floats, log_beta: Floats) -> _Step:
    """Of 1/ln b(s) = 1/ln β."""
    h, t = -x / s, 0.5 * s
    near, far = erfcx_pair((h - t) * ROOT_HALF, (h + t) * ROOT_HALF)
    difference = near - far
    log_b = np.log(0.5 * difference) - 0.5 * (h * h + t * t)
    rate = 2.0 / (_ROOT_TWO_PI * difference)  # b'/b
    return log_b * (1.0 - log_b / log_beta) / rate, h * h / s - 0.25 * s - rate * (1.0 + 2.0 / log_b)


def _middle_step(x: Floats, s: Floats, beta: Floats) -> _Step:
    """Of b(s) = β."""
    h, t = -x / s, 0.5 * s
    slope = np.exp(-0.5 * (h * h + t * t))
    near, far = erfcx_pair((h - t) * ROOT_HALF, (h + t) * ROOT_HALF)
    b = 0.5 * slope * (near - far)
    return (beta - b) * _ROOT_TWO_PI / slope, h * h / s - 0.25 * s


def _high_step(x: Floats, s: Floats, log_missing: Floats) -> _Step:
    """Of ln(e^{x/2} − b(s)) = ln(e^{x/2} − β)."""
    h, t = -x / s, 0.5 * s
    near, far = erfcx_pair((t - h) * ROOT_HALF, (h + t) * ROOT_HALF)
    total = near + far
    log_left = np.log(0.5 * total) - 0.5 * (h * h + t * t)
    rate = 2.0 / (_ROOT_TWO_PI * total)  # b' over what is missing
    return (log_left - log_missing) / rate, h * h / s - 0.25 * s + rate


def _converge(
    step: _Equation, x: Floats, target: Floats, *, start: Floats, low: Floats, high: Floats
) -> Floats:
    """Halley's method within a bracket; a step that leaves it is replaced by the midpoint.

    Options that have converged leave the computation.
    """
    result, s, at = start.copy(), start, np.arange(x.size)
    for _ in range(_ROUNDS):
        newton, curve = step(x, s, target)
        low, high = np.where(newton > 0.0, s, low), np.where(newton < 0.0, s, high)
        after = s + newton / np.maximum(1.0 + 0.5 * newton * curve, 0.25)
        astray = ~((low <= after) & (after <= high))
        if astray.any():
            middle = np.where(high < np.inf, 0.5 * (low + np.minimum(high, 1e300)), 2.0 * s)
            after = np.where(astray, middle, after)
        moving = ~(np.abs(after - s) <= _CLOSE * s)
        result[at] = after
        if not moving.any():
            break
        at = at[moving]
        x, s, target, low, high = (each[moving] for each in (x, after, target, low, high))
    return result

"""Black-76 on arrays: whole chains at once, with the conventions and formulas of `black76`.

Every argument is an array or a number; they are broadcast against each other. Needs the extra `analytics`.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from deltawire.options.error_functions import erfc, erfcx_pair
from deltawire.options.normalised import DEEP, ROOT_HALF

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
_DENSITY = 1 / np.sqrt(2 * np.pi)


class ChainValues(NamedTuple):
    """One array per figure, in the units of `black76.Valuation` and `black76.HigherGreeks`."""

    value: Floats
    """In quote currency; over the forward it is an inverse option's price in coin."""
    delta: Floats
    """Black's: not premium adjusted."""
    gamma: Floats
    vega: Floats
    """Per volatility point."""
    theta: Floats
    """Per day, and never more than the time value left."""
    rho: Floats
    """Black-Scholes, per percent."""
    vanna: Floats
    """∂Δ/∂σ = −φ(d1) d2/σ."""
    volga: Floats
    """∂²V/∂σ² = F φ(d1) √T d1 d2/σ."""
    charm: Floats
    """∂Δ/∂t = φ(d1) d2/(2T), per year of calendar time."""
    premium_adjusted_delta: Floats
    """Δ − V/F = c (K/F) N(c d2): the hedge in coin if the premium is paid in coin."""


def evaluate_chain(
    call: ArrayLike, forward: ArrayLike, strike: ArrayLike, *, years: ArrayLike, vol: ArrayLike
) -> ChainValues:
    """Value and greeks of each option; without time or volatility those of an exercised one, NaN where σ is.

    Source: Black 1976. The value is computed on the out-of-the-money side and carried over by parity.
    """
    calls, forwards, strikes, times, vols = aligned(call, forward, strike, years, vol)
    spent = vols * np.sqrt(times) <= 0.0
    if not spent.any():
        return _evaluate(calls, forwards, strikes, times, vols)
    values = _evaluate(calls, forwards, strikes, np.where(spent, 1.0, times), np.where(spent, 1.0, vols))
    return _exercised(values, spent, calls, forwards, strikes)


def prices(
    call: ArrayLike, forward: ArrayLike, strike: ArrayLike, *, years: ArrayLike, vol: ArrayLike
) -> Floats:
    """The values alone, in quote currency."""
    return evaluate_chain(call, forward, strike, years=years, vol=vol).value


def aligned(*arguments: ArrayLike) -> list[Any]:
    """The first as booleans and the others as floats, all of one shape of at least one dimension."""
    call, *numbers = np.broadcast_arrays(*(np.atleast_1d(each) for each in arguments))
    return [call.astype(bool), *(each.astype(np.float64) for each in numbers)]


def _evaluate(call: Flags, forward: Floats, strike: Floats, years: Floats, vol: Floats) -> ChainValues:
    root = np.sqrt(years)
    deviation = vol * root
    d1 = np.log(forward / strike) / deviation + 0.5 * deviation
    d2 = d1 - deviation
    outer = np.where(strike >= forward, 1.0, -1.0)  # +1: the call is the one out of the money
    inside, exercise = 0.5 * erfc(outer * d1 * -ROOT_HALF), 0.5 * erfc(outer * d2 * -ROOT_HALF)
    extrinsic = outer * (forward * inside - strike * exercise)
    deep = np.where(outer > 0.0, -d1, d2) >= DEEP
    if deep.any():
        extrinsic[deep] = _deep_values(forward[deep], strike[deep], deviation[deep])
    extrinsic = np.maximum(extrinsic, 0.0)
    side = np.where(call, 1.0, -1.0)
    out = side == outer
    density = _DENSITY * np.exp(-0.5 * d1 * d1)
    vega = forward * density * root
    reach = side * np.where(out, exercise, 1.0 - exercise)  # c N(c d2)
    twist = density * d2
    return ChainValues(
        value=np.where(out, extrinsic, np.abs(forward - strike) + extrinsic),
        delta=side * np.where(out, inside, 1.0 - inside),
        gamma=density / (forward * deviation),
        vega=vega * 0.01,
        theta=-np.minimum(vega * vol / (2 * years) / 365, extrinsic),
        rho=reach * strike * years * 0.01,
        vanna=-twist / vol,
        volga=vega * d1 * d2 / vol,
        charm=twist / (2 * years),
        premium_adjusted_delta=reach * (strike / forward),
    )


def _deep_values(forward: Floats, strike: Floats, deviation: Floats) -> Floats:
    """√(FK) b(x, s) by the scaled error function (`normalised`)."""
    h, t = np.abs(np.log(forward / strike)) / deviation, 0.5 * deviation
    scale = 0.5 * np.sqrt(forward * strike) * np.exp(-0.5 * (h * h + t * t))
    near, far = erfcx_pair((h - t) * ROOT_HALF, (h + t) * ROOT_HALF)
    return scale * (near - far)


def _exercised(
    values: ChainValues, spent: Flags, call: Flags, forward: Floats, strike: Floats
) -> ChainValues:
    """The same values with those of options that have no time or volatility left in place."""
    side = np.where(call, 1.0, -1.0)
    payoff = np.maximum(side * (forward - strike), 0.0)
    delta = np.where(payoff > 0.0, side, 0.0)
    ends = {"value": payoff, "delta": delta, "premium_adjusted_delta": delta * strike / forward}
    return ChainValues(
        *(
            np.where(spent, ends.get(name, 0.0), figures)
            for name, figures in zip(ChainValues._fields, values, strict=True)
        )
    )

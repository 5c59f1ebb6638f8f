"""Figures of a fitted surface: skew and butterfly at a delta, and the term structure. Needs the extra `analytics`."""

from collections.abc import Sequence
from itertools import pairwise
from math import exp, sqrt
from statistics import NormalDist

import msgspec

from deltawire.options.essvi import FittedSurface, SmileSlice

_ROUNDS = 100
_NORMAL = NormalDist()


class SkewReading(msgspec.Struct, frozen=True):
    """One expiry. Volatilities are fractions per √year; strikes are those at which Black's delta is ±`delta`."""

    years: float
    forward: float
    delta: float
    at_money: float
    call_vol: float
    put_vol: float
    call_strike: float
    put_strike: float

    @property
    def skew(self) -> float:
        """The risk reversal σ(call) − σ(put): positive if calls are dearer."""
        return self.call_vol - self.put_vol

    @property
    def butterfly(self) -> float:
        """(σ(call) + σ(put))/2 − σ(at the money)."""
        return 0.5 * (self.call_vol + self.put_vol) - self.at_money


def strike_of_delta(smile: SmileSlice, call: bool, delta: float) -> float:
    """The strike at which the option's Black delta on the smile's volatility is `delta`, a put's taken as positive."""
    d1 = _NORMAL.inv_cdf(delta if call else 1.0 - delta)
    low, high = -20.0 * sqrt(smile.theta) - 1.0, 20.0 * sqrt(smile.theta) + 1.0
    for _ in range(_ROUNDS):  # d1 falls with k on a smile whose wings have slopes below 2
        k = 0.5 * (low + high)
        deviation = sqrt(float(smile.variance(k)[0]))
        if -k / deviation + 0.5 * deviation > d1:
            low = k
        else:
            high = k
        if high - low <= 1e-14 * max(1.0, abs(k)):
            break
    return smile.forward * exp(0.5 * (low + high))


def skew(smile: SmileSlice, delta: float = 0.25) -> SkewReading:
    """Skew and butterfly of an expiry at this delta."""
    strikes = [strike_of_delta(smile, call, delta) for call in (True, False)]
    call_vol, put_vol, at_money = (float(vol) for vol in smile.vol([*strikes, smile.forward]))
    return SkewReading(smile.years, smile.forward, delta, at_money, call_vol, put_vol, *strikes)


def term_structure(surface: FittedSurface, years: Sequence[float]) -> list[float]:
    """σ at the money at these times: total variance is linear between expiries, and σ constant outside of them."""
    nodes = [(smile.years, smile.theta) for smile in surface.slices]
    return [sqrt(_variance(nodes, at) / at) for at in years]


def forward_vols(surface: FittedSurface) -> list[tuple[float, float, float]]:
    """(from, to, σ) between neighbouring expiries: √((θ₂ − θ₁)/(T₂ − T₁))."""
    found = []
    for earlier, later in pairwise(surface.slices):
        between = (later.theta - earlier.theta) / (later.years - earlier.years)
        found.append((earlier.years, later.years, sqrt(max(0.0, between))))
    return found


def _variance(nodes: list[tuple[float, float]], at: float) -> float:
    first, last = nodes[0], nodes[-1]
    if at <= first[0]:
        return first[1] * at / first[0]
    if at >= last[0]:
        return last[1] * at / last[0]
    for (start, low), (end, high) in pairwise(nodes):
        if at <= end:
            return low + (high - low) * (at - start) / (end - start)
    return last[1]

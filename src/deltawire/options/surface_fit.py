"""A surface fitted to two-sided quotes, expiry by expiry, within the conditions against arbitrage.

Each slice minimises Σ ((σ(K) − mid)/width)², width the bid–ask width in volatility, by Levenberg and Marquardt's
method on (θ, A, B) of `essvi`; a step is drawn back to where the conditions hold. The last fit of an expiry is the
start of its next one. Needs the extra `analytics`.
"""

from collections.abc import Sequence
from math import sqrt

import msgspec
import numpy as np
from numpy.typing import ArrayLike

from deltawire.options.black76_arrays import Floats
from deltawire.options.essvi import FittedSurface, SmileSlice, total_variance
from deltawire.options.implied_arrays import smile_vols

LEAST_QUOTES = 4
LEAST_WIDTH = 1e-4
"""Of a quote in volatility: one hundredth of a point."""
_ROUNDS = 60
_Parameters = tuple[float, float, float]


class ExpiryQuotes(msgspec.Struct, frozen=True):
    """Volatilities of the two-sided quotes of one expiry, out of the money, by k = ln(K/F)."""

    years: float
    forward: float
    log_strike: Floats
    bid_vol: Floats
    ask_vol: Floats

    @property
    def mid_vol(self) -> Floats:
        """The middle of each quote."""
        return 0.5 * (self.bid_vol + self.ask_vol)

    @property
    def width(self) -> Floats:
        """Bid–ask width of each quote in volatility, at least `LEAST_WIDTH`."""
        return np.maximum(self.ask_vol - self.bid_vol, LEAST_WIDTH)


class SliceFit(msgspec.Struct, frozen=True):
    """One expiry's fit. `fit_rms` is in bid–ask widths, `within` the share of quotes whose width holds the smile."""

    smile: SmileSlice
    fit_rms: float
    within: float
    quotes_used: int
    steps: int


class SurfaceFit(msgspec.Struct, frozen=True):
    """All fits by rising expiry, and the expiries (years) that had fewer than four two-sided quotes."""

    slices: tuple[SliceFit, ...]
    skipped: tuple[float, ...]

    @property
    def surface(self) -> FittedSurface:
        """The smiles."""
        return FittedSurface(tuple(each.smile for each in self.slices))


def expiry_quotes(
    strike: ArrayLike,
    call_bid: ArrayLike,
    call_ask: ArrayLike,
    *,
    put_bid: ArrayLike,
    put_ask: ArrayLike,
    forward: float,
    years: float,
) -> ExpiryQuotes:
    """The quotes of an expiry as volatilities, from prices in quote currency by strike (NaN: no quote).

    Only the option out of the money counts, and only if both its sides imply a volatility and do not cross.
    """
    strikes = np.asarray(strike, dtype=np.float64)
    high = strikes >= forward
    nothing = np.full(strikes.shape, np.nan)
    vols = [
        smile_vols(
            strikes, np.where(high, call, nothing), np.where(high, nothing, put), forward=forward, years=years
        )
        for call, put in ((call_bid, put_bid), (call_ask, put_ask))
    ]
    sound = (vols[0] > 0.0) & (vols[1] >= vols[0])
    k = np.log(strikes[sound] / forward)
    order = np.argsort(k)
    return ExpiryQuotes(years, forward, k[order], vols[0][sound][order], vols[1][sound][order])


def fit_surface(expiries: Sequence[ExpiryQuotes], warm: SurfaceFit | None = None) -> SurfaceFit:
    """Fit all expiries from the nearest on; `warm` is the last fit of the same expiries, whose ends are the starts."""
    starts = {} if warm is None else {each.smile.years: each.smile for each in warm.slices}
    fits: list[SliceFit] = []
    skipped = []
    for quotes in sorted(expiries, key=lambda each: each.years):
        if len(quotes.log_strike) < LEAST_QUOTES:
            skipped.append(quotes.years)
            continue
        earlier = fits[-1].smile if fits else None
        near = min(starts, key=lambda years: abs(years - quotes.years), default=None)
        fits.append(fit_slice(quotes, earlier, None if near is None else starts[near]))
    return SurfaceFit(tuple(fits), tuple(skipped))


def fit_slice(
    quotes: ExpiryQuotes, earlier: SmileSlice | None = None, warm: SmileSlice | None = None
) -> SliceFit:
    """Fit one expiry that comes after `earlier`, from `warm` or from several starts; the best is taken."""
    bounds = _Bounds(earlier)
    if warm is not None:
        starts = [(warm.theta, warm.right, warm.left)]
    else:
        at_money = float(np.interp(0.0, quotes.log_strike, quotes.mid_vol)) ** 2 * quotes.years
        scale = sqrt(at_money)
        starts = [
            (at_money, psi * (1 + rho) * scale, psi * (1 - rho) * scale)
            for psi in (0.3, 0.9)
            for rho in (-0.4, 0.3)
        ]
    cost, parameters, steps = min(
        (_descend(quotes, bounds, bounds.project(start)) for start in starts), key=lambda each: each[0]
    )
    smile = SmileSlice(quotes.years, quotes.forward, *parameters)
    misses = np.abs(np.sqrt(smile.variance(quotes.log_strike) / quotes.years) - quotes.mid_vol) / quotes.width
    count = len(quotes.log_strike)
    return SliceFit(smile, sqrt(cost / count), float(np.mean(misses <= 0.5)), count, steps)


class _Bounds:
    """What the conditions leave to (θ, A, B) after an earlier expiry."""

    def __init__(self, earlier: SmileSlice | None) -> None:
        self.least = (1e-10, 1e-8, 1e-8) if earlier is None else (earlier.theta, earlier.right, earlier.left)
        self._most_ratio = float("inf") if earlier is None else earlier.psi / earlier.theta

    def project(self, parameters: _Parameters) -> _Parameters:
        """The nearest parameters on the way from the least ones that hold all conditions."""
        theta, right, left = (max(value, least) for value, least in zip(parameters, self.least, strict=True))
        _, low_right, low_left = self.least
        if self._holds(theta, right, left):
            return theta, right, left
        share, low, high = 0.0, 0.0, 1.0
        for _ in range(40):
            share = 0.5 * (low + high)
            held = self._holds(
                theta, low_right + share * (right - low_right), low_left + share * (left - low_left)
            )
            low, high = (share, high) if held else (low, share)
        return theta, low_right + low * (right - low_right), low_left + low * (left - low_left)

    def _holds(self, theta: float, right: float, left: float) -> bool:
        psi, steepest = 0.5 * (right + left), max(right, left)
        return steepest <= 4.0 and psi * steepest <= 4.0 * theta and psi <= self._most_ratio * theta


def _residuals(quotes: ExpiryQuotes, parameters: _Parameters) -> tuple[Floats, Floats]:
    """(σ − mid)/width of each quote, and its derivatives."""
    variance, gradient = total_variance(quotes.log_strike, *parameters)
    vol = np.sqrt(np.maximum(variance, 1e-300) / quotes.years)
    width = quotes.width
    return (vol - quotes.mid_vol) / width, gradient / (2 * vol * quotes.years * width)[:, None]


def _descend(quotes: ExpiryQuotes, bounds: _Bounds, start: _Parameters) -> tuple[float, _Parameters, int]:
    """(Σ of squares, parameters, steps): Levenberg–Marquardt with the parameters at a bound held where they push on."""
    parameters, damping = start, 1e-3
    errors, slopes = _residuals(quotes, parameters)
    cost = float(errors @ errors)
    for step in range(1, _ROUNDS + 1):
        gradient, curvature = slopes.T @ errors, slopes.T @ slopes
        free = np.array(
            [
                value > least * (1 + 1e-9) or pull < 0.0
                for value, least, pull in zip(parameters, bounds.least, gradient, strict=True)
            ]
        )
        if not free.any():
            return cost, parameters, step
        inner = curvature[np.ix_(free, free)]
        move = np.zeros(3)
        move[free] = -np.linalg.solve(inner + damping * np.diag(np.diag(inner) + 1e-300), gradient[free])
        proposed = bounds.project(tuple(np.array(parameters) + move))
        new_errors, new_slopes = _residuals(quotes, proposed)
        new_cost = float(new_errors @ new_errors)
        if new_cost < cost:
            small = cost - new_cost <= 1e-9 * cost
            parameters, errors, slopes, cost = proposed, new_errors, new_slopes, new_cost
            damping = max(damping * 0.1, 1e-12)
            if small:
                return cost, parameters, step
        else:
            damping *= 10.0
            if damping > 1e8 or abs(new_cost - cost) <= 1e-12 * cost:
                return cost, parameters, step
    return cost, parameters, _ROUNDS

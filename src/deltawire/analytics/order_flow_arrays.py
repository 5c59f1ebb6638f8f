"""Order flow of recorded books on arrays, multi-level and integrated. Needs the extra `analytics`.

Arrays have one row per book and one column per level, the best first: `bid_price[n, m]` and so on. NaN marks a level
that is not known; flows that would use one are NaN.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


def level_flows(
    bid_price: ArrayLike, bid_size: ArrayLike, *, ask_price: ArrayLike, ask_size: ArrayLike
) -> Floats:
    """e_n at each level, one row per book after the first (`order_flow` has the formula)."""
    sides = [np.asarray(each, dtype=np.float64) for each in (bid_price, bid_size, ask_price, ask_size)]
    bid, bid_quantity, ask, ask_quantity = (each[:, None] if each.ndim == 1 else each for each in sides)
    flows: Floats = (
        (bid[1:] >= bid[:-1]) * bid_quantity[1:]
        - (bid[1:] <= bid[:-1]) * bid_quantity[:-1]
        - (ask[1:] <= ask[:-1]) * ask_quantity[1:]
        + (ask[1:] >= ask[:-1]) * ask_quantity[:-1]
    )
    unknown = np.isnan(bid) | np.isnan(ask) | np.isnan(bid_quantity) | np.isnan(ask_quantity)
    flows[unknown[1:] | unknown[:-1]] = np.nan
    return flows


def window_sums(flows: ArrayLike, bounds: ArrayLike) -> Floats:
    """The sum of the rows from each bound to the next: flow per interval, one row each."""
    rows = np.asarray(flows, dtype=np.float64)
    edges = np.asarray(bounds, dtype=np.int64)
    totals = np.concatenate([np.zeros((1, *rows.shape[1:])), np.cumsum(rows, axis=0)])
    sums: Floats = totals[edges[1:]] - totals[edges[:-1]]
    return sums


def normalised_flows(flows: Floats, bid_size: Floats, ask_size: Floats) -> Floats:
    """Flows over the mean size of a level and side, Q = (1/M) Σ_m mean((q_b + q_a)/2).

    Source: Cont, Cucuringu and Zhang 2023 (arXiv 2112.13213, equation 3).
    """
    scale = np.nanmean(0.5 * (bid_size + ask_size))
    return flows / scale


class IntegratedFlow(NamedTuple):
    """The first principal component of flows by level: `weights` sum to 1 in absolute value."""

    weights: Floats
    explained: float
    """The share of the variance, 0 to 1."""

    def of(self, flows: Floats) -> Floats:
        """The integrated flow of each row."""
        integrated: Floats = flows @ self.weights
        return integrated


def fit_integrated(flows: ArrayLike) -> IntegratedFlow:
    """Weights w₁/‖w₁‖₁ of the first component of these rows (equation 4 there); fit on training rows only."""
    rows = np.asarray(flows, dtype=np.float64)
    rows = rows[np.isfinite(rows).all(axis=1)]
    variances, components = np.linalg.eigh(np.atleast_2d(np.cov(rows, rowvar=False)))
    first = components[:, -1]
    first = first * (1.0 if first.sum() >= 0.0 else -1.0)
    return IntegratedFlow(first / np.abs(first).sum(), float(variances[-1] / variances.sum()))


class Regression(NamedTuple):
    """y = intercept + slope·x by least squares."""

    intercept: float
    slope: Floats
    r_squared: float
    intervals: int


def regress(moves: ArrayLike, flows: ArrayLike) -> Regression:
    """Price changes of intervals on their flows (one column or more): a fit of the same interval, not a forecast."""
    y, x = np.asarray(moves, dtype=np.float64), np.asarray(flows, dtype=np.float64)
    x = x[:, None] if x.ndim == 1 else x
    sound = np.isfinite(y) & np.isfinite(x).all(axis=1)
    y, x = y[sound], x[sound]
    design = np.column_stack([np.ones(len(y)), x])
    solution: Floats = np.asarray(np.linalg.lstsq(design, y, rcond=None)[0], dtype=np.float64)
    left = y - design @ solution
    total = float(((y - y.mean()) ** 2).sum())
    explained = 1.0 - float((left**2).sum()) / total if total > 0.0 else 0.0
    return Regression(float(solution[0]), solution[1:], explained, len(y))

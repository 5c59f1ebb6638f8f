"""The forward of an expiry: its future's price if one is listed, else the synthetic one of put-call parity.

Parity of values in quote currency: C − P = F − K, so F = K + C − P. Prices in coin (inverse options) are values over
the forward, (c − p) F = F − K, so F = K / (1 − (c − p)). Bought at the asks and sold at the bids, each strike bounds
the forward from both sides. Needs the extra `analytics`.
"""

from typing import Literal

import msgspec
import numpy as np
from numpy.typing import ArrayLike

from deltawire.options.black76_arrays import Floats


class Forward(msgspec.Struct, frozen=True):
    """A forward price in quote currency with the range in which it can be traded."""

    price: float
    low: float
    """What a synthetic or listed sale brings at best."""
    high: float
    """What a purchase costs at least; below `low` if the quotes allow an arbitrage between strikes."""
    source: Literal["future", "parity"]
    strikes: int = 0
    """How many strikes of two-sided quotes it is made of; 0 for a future."""


def forward_of_expiry(
    future_bid: float | None, future_ask: float | None, synthetic: Forward | None
) -> Forward | None:
    """The mid of the listed future if it is quoted on both sides, else the synthetic forward, if there is one."""
    if future_bid is not None and future_ask is not None and 0.0 < future_bid <= future_ask:
        return Forward(0.5 * (future_bid + future_ask), future_bid, future_ask, "future")
    return synthetic


def synthetic_forward(
    strike: ArrayLike,
    call_bid: ArrayLike,
    call_ask: ArrayLike,
    *,
    put_bid: ArrayLike,
    put_ask: ArrayLike,
    in_coin: bool = False,
) -> Forward | None:
    """The forward that the quotes of an expiry imply: the median of the strikes' mids, weighted by 1/width.

    Arrays by strike, NaN where there is no quote; None without a strike that has all four.
    """
    strikes = np.asarray(strike, dtype=np.float64)
    quotes = [np.asarray(each, dtype=np.float64) for each in (call_bid, call_ask, put_bid, put_ask)]
    low = _implied(strikes, quotes[0] - quotes[3], in_coin)
    high = _implied(strikes, quotes[1] - quotes[2], in_coin)
    sound = np.isfinite(low) & np.isfinite(high) & (low > 0.0) & (high >= low)
    if not sound.any():
        return None
    low, high = low[sound], high[sound]
    mids, widths = 0.5 * (low + high), np.maximum(high - low, 1e-12 * high)
    return Forward(_weighted_median(mids, 1.0 / widths), low.max(), high.min(), "parity", int(sound.sum()))


def _implied(strike: Floats, difference: Floats, in_coin: bool) -> Floats:
    if not in_coin:
        return strike + difference
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(difference < 1.0, strike / (1.0 - difference), np.nan)


def _weighted_median(figures: Floats, weights: Floats) -> float:
    """The figure below and above which lies half of the weight; the middle of two if it lies between them."""
    order = np.argsort(figures, kind="stable")
    ranked, share = figures[order], np.cumsum(weights[order])
    half = 0.5 * share[-1]
    at = int(np.searchsorted(share, half * (1 - 1e-12)))
    if abs(share[at] - half) <= 1e-12 * half and at + 1 < ranked.size:
        return float(0.5 * (ranked[at] + ranked[at + 1]))
    return float(ranked[at])

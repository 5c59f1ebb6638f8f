"""Figures of a chain's open interest: put/call ratios, max pain and gamma exposure. Needs the extra `analytics`.

Gamma exposure is Σ sᵢ Γᵢ(S) OIᵢ mᵢ S² · 0.01: the quote currency of underlying that hedgers of these positions trade
per move of 1 %. The sign sᵢ says who holds the option: it is an assumption, so it has a name here, or it comes from
signed trades, and then states how much of the open interest these account for. A positive net damps moves, a negative
one amplifies them; neither has a direction.
"""

from collections.abc import Mapping

import msgspec
import numpy as np
from numpy.typing import ArrayLike

from deltawire.options.black76_arrays import Floats, evaluate_chain

CONVENTIONS: Mapping[str, tuple[float, float]] = {
    "dealers_long_calls_short_puts": (1.0, -1.0),
    "dealers_short_calls_long_puts": (-1.0, 1.0),
    "dealers_short_all": (-1.0, -1.0),
    "dealers_long_all": (1.0, 1.0),
}
"""Signs of dealers' positions in calls and puts. The first is usual for equity indices; none is true in general."""


class PutCallRatios(msgspec.Struct, frozen=True):
    """Puts over calls by three measures; None where there are no calls."""

    by_open_interest: float | None
    by_volume: float | None
    by_premium: float | None


class MaxPain(msgspec.Struct, frozen=True):
    """The listed strike at which holders are paid least at expiry, that payout, and the time of the open interest."""

    strike: float
    payout: float
    open_interest_ns: int


class OpenOptions(msgspec.Struct, frozen=True):
    """Options with open interest (contracts of `multiplier` units each); forwards move with the spot in proportion."""

    call: ArrayLike
    strike: ArrayLike
    forward: ArrayLike
    years: ArrayLike
    vol: ArrayLike
    open_interest: ArrayLike
    multiplier: float = 1.0


class FlowPosition(msgspec.Struct, frozen=True):
    """Net positions of customers (takers) since listing, by option; `coverage` in percent of the open interest."""

    net: Floats
    coverage: float


class GammaExposure(msgspec.Struct, frozen=True):
    """Per move of 1 %, in quote currency, at `spot`.

    `gross` by strike assumes nothing. `net` is by convention's name. `zero` is the spot nearest to the present one at
    which each net changes sign, None if it does not in the range searched; `zero_span` holds all of these.
    `from_flow` is the net that signed trades imply, with their coverage.
    """

    spot: float
    strikes: Floats
    gross: Floats
    net: dict[str, float]
    zero: dict[str, float | None]
    zero_span: tuple[float, float] | None
    from_flow: float | None = None
    flow_coverage: float | None = None


def put_call_ratios(
    call: ArrayLike, open_interest: ArrayLike, volume: ArrayLike, *, premium: ArrayLike
) -> PutCallRatios:
    """Ratios of a chain; `premium` is what was paid in the same period, in one currency."""
    calls = np.asarray(call, dtype=bool)

    def ratio(amounts: ArrayLike) -> float | None:
        figures = np.asarray(amounts, dtype=np.float64)
        of_calls = float(figures[calls].sum())
        return float(figures[~calls].sum()) / of_calls if of_calls > 0.0 else None

    return PutCallRatios(ratio(open_interest), ratio(volume), ratio(premium))


def max_pain(
    call: ArrayLike, strike: ArrayLike, open_interest: ArrayLike, *, open_interest_ns: int
) -> MaxPain | None:
    """Max pain of one expiry; the lowest of equal strikes, None without open interest."""
    calls, strikes = np.asarray(call, dtype=bool), np.asarray(strike, dtype=np.float64)
    held = np.asarray(open_interest, dtype=np.float64)
    if not held.sum() > 0.0:
        return None
    ends = np.unique(strikes)
    sign = np.where(calls, 1.0, -1.0)
    payouts = (np.maximum(sign * (ends[:, None] - strikes), 0.0) * held).sum(axis=1)
    least = int(np.argmin(payouts))
    return MaxPain(float(ends[least]), float(payouts[least]), open_interest_ns)


def positions_from_flow(signed_volume: ArrayLike, open_interest: ArrayLike) -> FlowPosition:
    """Customers' net positions from Σ taker side × size since listing, bounded by the open interest.

    Whole only if the tape is. What exceeds the open interest was closed by somebody, and is cut.
    """
    held = np.asarray(open_interest, dtype=np.float64)
    net = np.clip(np.asarray(signed_volume, dtype=np.float64), -held, held)
    total = float(held.sum())
    return FlowPosition(net, 100.0 * float(np.abs(net).sum()) / total if total > 0.0 else 0.0)


def gamma_exposure(
    options: OpenOptions,
    spot: float,
    *,
    flow: FlowPosition | None = None,
    search: float = 0.3,
    points: int = 121,
) -> GammaExposure:
    """Gross, net by each convention, and the levels at which they are zero within ±`search` of the spot."""
    calls, strikes = np.asarray(options.call, dtype=bool), np.asarray(options.strike, dtype=np.float64)
    held = np.broadcast_to(np.asarray(options.open_interest, dtype=np.float64), strikes.shape)
    per_contract = dollar_gamma(options, spot, 1.0)
    each = per_contract * held
    unique, places = np.unique(strikes, return_inverse=True)
    moves = np.linspace(1.0 - search, 1.0 + search, points)
    curve = np.array([dollar_gamma(options, spot, move) * held for move in moves])
    net, zero = {}, {}
    for name, (of_calls, of_puts) in CONVENTIONS.items():
        sign = np.where(calls, of_calls, of_puts)
        net[name] = float((sign * each).sum())
        zero[name] = _nearest_zero(moves * spot, curve @ sign, spot)
    found = [level for level in zero.values() if level is not None]
    return GammaExposure(
        spot,
        unique,
        np.asarray(np.bincount(places, weights=each), dtype=np.float64),
        net,
        zero,
        (min(found), max(found)) if found else None,
        None if flow is None else -float((per_contract * flow.net).sum()),
        None if flow is None else flow.coverage,
    )


def dollar_gamma(options: OpenOptions, spot: float, move: float) -> Floats:
    """Γ m S² · 0.01 of one contract each, with the spot and all forwards multiplied by `move`."""
    forward = np.asarray(options.forward, dtype=np.float64) * move
    gamma = evaluate_chain(options.call, forward, options.strike, years=options.years, vol=options.vol).gamma
    figures: Floats = gamma * options.multiplier * (spot * move) ** 2 * 0.01
    return figures


def _nearest_zero(spots: Floats, net: Floats, spot: float) -> float | None:
    crossings = np.flatnonzero(net[:-1] * net[1:] < 0.0)
    if not crossings.size:
        return None
    share = net[crossings] / (net[crossings] - net[crossings + 1])
    levels = spots[crossings] + share * (spots[crossings + 1] - spots[crossings])
    return float(levels[np.argmin(np.abs(levels - spot))])

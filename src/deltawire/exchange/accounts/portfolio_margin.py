"""Portfolio margin: the worst of many moves of price and volatility over all positions of one index.

Structure: Deribit support 25944756247837. The standard table has nine price moves from −R to +R, each with volatility
down, unchanged and up; the extended table has large moves with volatility up, damped.
"""

from collections.abc import Iterable, Sequence
from itertools import groupby
from math import expm1, pow

import msgspec

from deltawire.exchange.accounts.margin_tables import PortfolioRates
from deltawire.options.black76 import price

_SHOCKS = (-1, 0, 1)


class Holding(msgspec.Struct, frozen=True, kw_only=True):
    """A position: `coins` long (inverse future: dollars over mark), priced from `forward`.

    `years` to expiry (0.0 for a perpetual). Options also have strike, side, `vol`, and their delta per coin.
    """

    coins: float
    forward: float
    inverse: bool
    years: float = 0.0
    strike: float | None = None
    call: bool = True
    vol: float = 0.0
    delta: float = 1.0


class Matrix(msgspec.Struct, frozen=True):
    """The risk matrix of one index, in settlement currency; worst cases are losses above zero."""

    standard: list[float]
    """27 results: moves ascending, in each volatility down, same, up."""
    extended: list[float]
    worst_case: float
    worst_index: int
    """Index in `standard`, or beyond its end in `extended`; among equals the middle one."""
    best_case: float
    delta_shock: float
    roll_shock: float
    correlation_contingency: float
    margin: float


class PortfolioMargin(msgspec.Struct, frozen=True):
    """Margins of one currency."""

    initial: float
    maintenance: float


def price_moves(rates: PortfolioRates) -> list[float]:
    """−R … +R in equal steps."""
    count = rates.buckets
    return [rates.price_range * step / count for step in range(-count, count + 1)]


def shocked_vol(rates: PortfolioRates, vol: float, years: float, way: int) -> float:
    """σ after a shock up (+1), none (0), or down (−1); near expiries are shocked more."""
    if not way:
        return vol
    days = max(years * 365.0, 1.0)
    power = rates.short_vega_power if days < 30.0 else rates.long_vega_power
    scale = pow(30.0 / days, power)
    if way > 0:
        return max(vol * (1.0 + rates.volatility_up * scale), rates.min_volatility_up)
    return max(vol * (1.0 - rates.volatility_down * scale), 0.0)


def risk_matrix(rates: PortfolioRates, holdings: Sequence[Holding], index: float) -> Matrix:
    """The matrix of these positions; `index` converts dollars to coin for inverse ones."""
    standard = [
        sum(_result(rates, holding, move, way) for holding in holdings)
        for move in price_moves(rates)
        for way in _SHOCKS
    ]
    coin = all(holding.inverse for holding in holdings)
    dollars = index if coin else 1.0
    extended = [
        _damped(rates, move, sum(_extended(rates, holding, move) for holding in holdings), dollars)
        for move in rates.extended_moves
    ]
    worst_index = _worst([*standard, *extended])
    worst_case = max(0.0, -[*standard, *extended][worst_index])
    delta_shock = _delta_shock(rates, holdings, index, coin)
    roll_shock = _roll_shock(rates, holdings, index, coin)
    return Matrix(
        standard,
        extended,
        worst_case,
        worst_index,
        max(0.0, *standard),
        delta_shock,
        roll_shock,
        0.0,
        worst_case + delta_shock + roll_shock,
    )


def portfolio_margin(
    rates: PortfolioRates, matrix_margin: float, *, spot: float = 0.0, mmp: float = 0.0, orders: float = 0.0
) -> PortfolioMargin:
    """Initial margin adds spot, market maker protection and open orders; maintenance is a share of the matrix."""
    return PortfolioMargin(matrix_margin + spot + mmp + orders, rates.maintenance * matrix_margin)


def offset_gain(rates: PortfolioRates, matrix: Matrix) -> float:
    """The part of this index's best case that may cover another index's losses."""
    return rates.pnl_offset * matrix.best_case


def _result(rates: PortfolioRates, holding: Holding, move: float, way: int) -> float:
    """Profit or loss of a holding at a move of price and volatility."""
    if holding.strike is None:
        gain = 1.0 - 1.0 / (1.0 + move) if holding.inverse else holding.forward * move
        return holding.coins * gain
    forward = holding.forward * (1.0 + move)
    vol = shocked_vol(rates, holding.vol, holding.years, way)
    before = price(holding.call, holding.forward, holding.strike, holding.years, holding.vol)
    after = price(holding.call, forward, holding.strike, holding.years, vol)
    if holding.inverse:
        return holding.coins * (after / forward - before / holding.forward)
    return holding.coins * (after - before)


def _extended(rates: PortfolioRates, holding: Holding, move: float) -> float:
    """Futures are valued at the end of the standard range, options are scaled back to it."""
    edge = max(-rates.price_range, min(move, rates.price_range))
    if holding.strike is None:
        return _result(rates, holding, edge, 1)
    scale = rates.extended_factor * rates.price_range / abs(move)
    if holding.inverse:
        scale *= (1.0 + move) / (1.0 + edge)
    return _result(rates, holding, move, 1) * scale


def _damped(rates: PortfolioRates, move: float, result: float, dollars: float) -> float:
    """A loss far out is reduced by a fixed amount per range beyond the first."""
    if result >= 0.0:
        return result
    beyond = max(abs(move) / rates.price_range, 1.0) - 1.0
    return result + min(-result, beyond * rates.extended_dampener / dollars)


def _worst(results: Sequence[float]) -> int:
    """The index of the minimum; if the volatility makes no difference, that of the unchanged one."""
    least = min(results)
    first = results.index(least)
    middle = first - first % 3 + 1
    return middle if middle < len(results) and results[middle] == least else first


def _deltas(holdings: Iterable[Holding]) -> list[tuple[float, float]]:
    """(years, net delta in coins) of each expiry."""
    ordered = sorted(holdings, key=lambda holding: holding.years)
    return [
        (years, sum(holding.coins * holding.delta for holding in group))
        for years, group in groupby(ordered, key=lambda holding: holding.years)
    ]


def _delta_shock(rates: PortfolioRates, holdings: Iterable[Holding], index: float, coin: bool) -> float:
    """The delta beyond the threshold costs `max_delta_shock` of itself."""
    total = abs(sum(delta for _, delta in _deltas(holdings)))
    beyond = max(0.0, total - rates.delta_threshold / index)
    return rates.max_delta_shock * beyond * (1.0 if coin else index)


def _roll_shock(rates: PortfolioRates, holdings: Iterable[Holding], index: float, coin: bool) -> float:
    """Expiries may move separately: the delta of each one counts, whatever the others have."""
    loss = sum(
        abs(delta) * max(rates.min_annualised_move, expm1(rates.annualised_move_risk * years))
        for years, delta in _deltas(holdings)
    )
    return loss * (1.0 if coin else index)

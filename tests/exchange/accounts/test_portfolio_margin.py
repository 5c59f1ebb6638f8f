"""Portfolio margin against two recorded results of the exchange, to 1e-9, and its own structure."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deltawire.exchange.accounts.margin_tables import MarginTable
from deltawire.exchange.accounts.portfolio_margin import (
    Holding,
    offset_gain,
    portfolio_margin,
    price_moves,
    risk_matrix,
    shocked_vol,
)

BTC, ETH = (MarginTable().coin(base).portfolio for base in ("BTC", "ETH"))


def future(coins: float, years: float = 0.0, forward: float = 60_000.0, inverse: bool = True) -> Holding:
    return Holding(coins=coins, forward=forward, inverse=inverse, years=years)


def option(coins: float, strike: float = 60_000.0, call: bool = True, inverse: bool = True) -> Holding:
    return Holding(
        coins=coins,
        forward=60_000.0,
        inverse=inverse,
        years=0.1,
        strike=strike,
        call=call,
        vol=0.6,
        delta=0.5 if call else -0.5,
    )


def test_a_perpetual_and_a_future_as_the_documentation_has_them() -> None:
    matrix = risk_matrix(BTC, [future(0.314538364), future(-0.001187534, 0.05)], 65_000.0)
    assert matrix.worst_case == pytest.approx(0.05968587238, abs=1e-9)
    assert matrix.roll_shock == pytest.approx(0.00315725898, abs=1e-9)
    assert matrix.margin == pytest.approx(0.06284313098, abs=1e-9)
    margin = portfolio_margin(BTC, matrix.margin, mmp=0.06, orders=0.000018212)
    assert margin.initial == pytest.approx(0.122861343, abs=1e-9)
    assert margin.maintenance == pytest.approx(0.050274504784, abs=1e-9)


def test_a_short_perpetual_as_it_was_recorded() -> None:
    matrix = risk_matrix(ETH, [future(-0.999487053, forward=2_000.0)], 2_000.0)
    assert matrix.worst_case == pytest.approx(0.15246412673, abs=1e-9)
    assert (matrix.worst_index, len(matrix.standard)) == (25, 27)
    assert matrix.roll_shock == pytest.approx(0.004997435265, abs=1e-9)
    assert matrix.best_case == pytest.approx(0.2193996, abs=1e-7)
    assert offset_gain(ETH, matrix) == pytest.approx(0.1316398, abs=1e-7)
    margin = portfolio_margin(ETH, matrix.margin)
    assert margin.initial == pytest.approx(0.157461562, abs=1e-9)
    assert margin.maintenance == pytest.approx(0.125969249812, abs=1e-9)


def test_moves_go_from_minus_to_plus_the_range() -> None:
    moves = price_moves(BTC)
    assert moves == pytest.approx([-0.16, -0.12, -0.08, -0.04, 0.0, 0.04, 0.08, 0.12, 0.16])


def test_near_expiries_are_shocked_more() -> None:
    up = [shocked_vol(BTC, 0.8, days / 365, 1) for days in (0.1, 1, 7, 30, 90)]
    assert up == sorted(up, reverse=True)
    assert up[0] == up[1] == pytest.approx(0.8 * (1 + 0.5 * 30**0.3))
    assert shocked_vol(BTC, 0.8, 30 / 365, 1) == pytest.approx(1.2)
    assert shocked_vol(BTC, 0.8, 30 / 365, -1) == pytest.approx(0.6)
    assert shocked_vol(BTC, 0.8, 30 / 365, 0) == 0.8
    assert shocked_vol(BTC, 0.1, 0.5, 1) == 0.5


def test_without_positions_nothing_is_at_risk() -> None:
    matrix = risk_matrix(BTC, [], 60_000.0)
    assert (matrix.worst_case, matrix.margin, matrix.best_case) == (0.0, 0.0, 0.0)


def test_a_hedged_option_needs_less_than_a_naked_one() -> None:
    naked = risk_matrix(BTC, [option(-10.0)], 60_000.0)
    hedged = risk_matrix(BTC, [option(-10.0), future(5.0)], 60_000.0)
    spread = risk_matrix(BTC, [option(-10.0), option(10.0, 66_000.0)], 60_000.0)
    assert hedged.worst_case < naked.worst_case
    assert spread.worst_case < naked.worst_case


def test_a_long_option_loses_no_more_than_it_is_worth() -> None:
    matrix = risk_matrix(BTC, [option(1.0)], 60_000.0)
    value = 0.0756  # Black-76: 60000 at the money, σ 0.6, a tenth of a year, over 60000
    assert 0.0 < matrix.worst_case < value + 0.001


def test_short_calls_are_worst_far_above_the_standard_range() -> None:
    matrix = risk_matrix(BTC, [option(-1_000.0, 120_000.0)], 60_000.0)
    assert matrix.worst_index >= len(matrix.standard)
    assert matrix.worst_case == pytest.approx(-min(matrix.extended))


def test_a_huge_delta_pays_for_the_market_it_would_move() -> None:
    small, large = (risk_matrix(BTC, [future(coins)], 60_000.0) for coins in (300.0, 1_000.0))
    assert small.delta_shock == 0.0
    assert large.delta_shock == pytest.approx(0.1 * (1_000.0 - 20_000_000 / 60_000))


def test_offsetting_expiries_still_pay_for_their_roll() -> None:
    matrix = risk_matrix(BTC, [future(10.0), future(-10.0, 1.0)], 60_000.0)
    assert matrix.worst_case == pytest.approx(0.0, abs=1e-12)
    assert matrix.roll_shock == pytest.approx(10 * 0.01 + 10 * (2.718281828459045**0.075 - 1))


def test_linear_margins_are_in_dollars() -> None:
    matrix = risk_matrix(BTC, [future(1.0, inverse=False)], 60_000.0)
    assert matrix.worst_case == pytest.approx(0.16 * 60_000)
    assert matrix.roll_shock == pytest.approx(0.01 * 60_000)


@given(st.floats(0.1, 100.0), st.floats(1.1, 5.0), st.sampled_from([-1.0, 1.0]))
def test_margin_grows_with_the_position(coins: float, factor: float, sign: float) -> None:
    one = risk_matrix(BTC, [future(sign * coins)], 60_000.0)
    more = risk_matrix(BTC, [future(sign * coins * factor)], 60_000.0)
    assert more.margin > one.margin > 0.0

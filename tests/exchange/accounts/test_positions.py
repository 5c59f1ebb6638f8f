"""Positions in whole units: nothing is lost by rounding."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deltawire.exchange.accounts.positions import Position, average_price, share
from deltawire.exchange.instruments.contracts import UNITS, worth_at_ticks
from tests.support.contracts import CALL, LINEAR, PERPETUAL

TRADES = st.lists(
    st.tuples(st.integers(-1000, 1000).filter(bool), st.integers(1, 2_000_000)), min_size=1, max_size=20
)


def traded(instrument: object, trades: list[tuple[int, int]]) -> Position:
    position = Position(True)
    for lots, ticks in trades:
        position.trade(lots, worth_at_ticks(instrument, ticks, lots))  # type: ignore[arg-type]
    return position


def test_closing_half_realises_half() -> None:
    position = traded(LINEAR, [(20_000, 60_000), (-10_000, 63_000)])
    assert (position.lots, position.realised) == (10_000, 3_000 * UNITS)
    assert average_price(LINEAR, position.lots, position.basis) == 60_000.0


def test_a_long_that_sells_more_than_it_has_is_short_from_the_last_price() -> None:
    position = traded(LINEAR, [(10_000, 60_000), (-30_000, 63_000)])
    assert (position.lots, position.realised) == (-20_000, 3_000 * UNITS)
    assert average_price(LINEAR, position.lots, position.cost) == 63_000.0


def test_an_inverse_long_averages_in_coin() -> None:
    position = traded(PERPETUAL, [(60_000, 600_000), (60_000, 300_000)])
    assert average_price(PERPETUAL, position.lots, position.basis) == pytest.approx(40_000.0)
    closed = traded(PERPETUAL, [(60_000, 600_000), (-60_000, 750_000)])
    assert (closed.lots, closed.cost, closed.realised) == (0, 0, UNITS // 5)


def test_an_options_average_is_its_premium() -> None:
    assert average_price(CALL, 10, worth_at_ticks(CALL, 450, 10)) == pytest.approx(0.045)
    assert average_price(CALL, 0, 0) == 0.0


@pytest.mark.parametrize("instrument", [PERPETUAL, LINEAR, CALL], ids=lambda instrument: instrument.name)
@given(trades=TRADES)
def test_cost_less_profit_is_exactly_what_was_paid(instrument: object, trades: list[tuple[int, int]]) -> None:
    position = traded(instrument, trades)
    paid = sum(worth_at_ticks(instrument, ticks, lots) for lots, ticks in trades)  # type: ignore[arg-type]
    assert position.cost - position.realised == paid
    assert position.lots == sum(lots for lots, _ in trades)
    if not position.lots:
        assert position.cost == position.basis == 0


@given(TRADES, st.integers(1, 2_000_000))
def test_a_settlement_moves_profit_and_makes_none(trades: list[tuple[int, int]], ticks: int) -> None:
    position = traded(PERPETUAL, trades)
    worth = worth_at_ticks(PERPETUAL, ticks, position.lots)
    before = position.unsettled
    gain = position.settle(worth)
    assert gain + position.unsettled == before
    assert (position.cost, position.realised) == (worth, 0)
    assert position.settle(worth) == 0


def test_funding_is_counted_in_the_profit() -> None:
    position = Position(True, lots=10)
    position.charge(7, 100)
    position.charge(-3, 120)
    assert (position.realised, position.funding, position.reading) == (-4, -4, 120)


@given(st.integers(-(10**20), 10**20), st.integers(0, 10**9), st.integers(1, 10**9))
def test_a_share_is_the_nearest_integer_and_symmetric(amount: int, part: int, whole: int) -> None:
    rounded = share(amount, part, whole)
    assert abs(rounded * whole - amount * part) * 2 <= whole
    assert share(-amount, part, whole) == -rounded


def test_only_margined_positions_hold_money() -> None:
    position = Position(False)
    position.trade(10, 500)
    assert position.unsettled == 0

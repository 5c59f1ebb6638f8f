"""What positions are worth, in whole units."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deltawire.exchange.instruments.contracts import UNITS, notional, payoff, worth_at, worth_at_ticks
from deltawire.model.instruments import Instrument
from tests.support.contracts import CALL, LINEAR, LINEAR_CALL, PERPETUAL, PUT

KINDS = st.sampled_from([PERPETUAL, LINEAR, CALL, LINEAR_CALL])
TICKS = st.integers(1, 2_000_000)
LOTS = st.integers(-(10**8), 10**8)


def test_a_long_inverse_future_gains_coin_when_the_price_rises() -> None:
    lots = 60_000  # dollars
    bought, now = worth_at_ticks(PERPETUAL, 600_000, lots), worth_at_ticks(PERPETUAL, 800_000, lots)
    assert bought == -1 * UNITS
    assert now - bought == UNITS // 4


def test_a_linear_future_is_worth_size_times_price() -> None:
    assert worth_at_ticks(LINEAR, 60_000, 25_000) == 150_000 * UNITS
    assert worth_at(LINEAR, 60_000.5, 10_000) == round(60_000.5 * UNITS)


def test_an_option_is_worth_its_premium() -> None:
    assert worth_at_ticks(CALL, 450, 15) == round(0.045 * 1.5 * UNITS)


@given(KINDS, TICKS, LOTS)
def test_the_two_sides_of_a_trade_cancel(instrument: Instrument, ticks: int, lots: int) -> None:
    assert worth_at_ticks(instrument, ticks, lots) == -worth_at_ticks(instrument, ticks, -lots)
    price = instrument.price(ticks)
    assert worth_at(instrument, price, lots) == -worth_at(instrument, price, -lots)


@given(KINDS, TICKS, LOTS)
def test_a_worth_is_the_nearest_integer(instrument: Instrument, ticks: int, lots: int) -> None:
    price = Fraction(ticks) * Fraction(10) ** instrument.price_exponent
    size = Fraction(lots) * Fraction(10) ** instrument.size_exponent
    exact = -size / price if instrument is PERPETUAL else size * price
    assert abs(worth_at_ticks(instrument, ticks, lots) - exact * UNITS) <= Fraction(1, 2)


def test_payoffs_are_in_settlement_currency() -> None:
    assert payoff(CALL, 75_000.0) == pytest.approx(15_000 / 75_000)
    assert payoff(PUT, 48_000.0) == pytest.approx(12_000 / 48_000)
    assert payoff(LINEAR_CALL, 75_000.0) == 15_000.0
    assert payoff(CALL, 60_000.0) == payoff(PUT, 60_000.0) == 0.0


def test_notionals_count_an_options_underlying() -> None:
    assert notional(PERPETUAL, 60_000.0, -120_000) == 2.0
    assert notional(LINEAR, 60_000.0, 20_000) == 120_000.0
    assert notional(CALL, 60_000.0, -15) == 1.5
    assert notional(LINEAR_CALL, 60_000.0, 150) == 90_000.0

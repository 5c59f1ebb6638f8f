"""Fees by the table, in whole units."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deltawire.exchange.instruments.contracts import UNITS
from deltawire.exchange.instruments.fees import FeeTable, delivery_fee, liquidation_fee, trade_fee
from deltawire.exchange.orders.orders import Role
from deltawire.model.instruments import Instrument
from tests.support.contracts import CALL, LINEAR, LINEAR_CALL, PERPETUAL, QUARTERLY, WEEKLY, WEEKLY_CALL

TABLE = FeeTable()
INDEX = 60_000.0


@pytest.mark.parametrize(
    ("instrument", "price", "lots", "role", "expected"),
    [
        (PERPETUAL, 60_000.0, 60_000, "taker", 0.0005),
        (PERPETUAL, 60_000.0, -60_000, "taker", 0.0005),
        (PERPETUAL, 60_000.0, 60_000, "maker", 0.0),
        (WEEKLY, 60_000.0, 60_000, "maker", -0.0001),
        (LINEAR, 60_000.0, 10_000, "taker", 30.0),
        (CALL, 0.05, 10, "taker", 0.0003),
        (CALL, 0.05, 10, "maker", 0.0003),
        (CALL, 0.001, 10, "taker", 0.000125),
        (LINEAR_CALL, 3_000.0, 100, "taker", 30.0),
        (LINEAR_CALL, 3_000.0, 100, "maker", 6.0),
        (LINEAR_CALL, 100.0, 100, "taker", 12.5),
    ],
)
def test_trade_fees(instrument: Instrument, price: float, lots: int, role: Role, expected: float) -> None:
    assert trade_fee(TABLE, instrument, price, INDEX, lots, role) == round(expected * UNITS)


@pytest.mark.parametrize(
    ("instrument", "price", "lots", "expected"),
    [
        (QUARTERLY, 60_000.0, 60_000, 0.00025),
        (WEEKLY, 60_000.0, 60_000, 0.0),
        (CALL, 0.2, 10, 0.00015),
        (CALL, 0.001, 10, 0.000125),
        (CALL, 0.0, 10, 0.0),
        (WEEKLY_CALL, 0.2, 10, 0.0),
        (LINEAR_CALL, 15_000.0, 100, 9.0),
    ],
)
def test_delivery_fees(instrument: Instrument, price: float, lots: int, expected: float) -> None:
    assert delivery_fee(TABLE, instrument, price, 60_000.0, lots) == round(expected * UNITS)


def test_liquidation_fees_depend_on_the_coin() -> None:
    assert liquidation_fee(TABLE, PERPETUAL, 60_000.0, INDEX, 60_000) == round(0.0075 * UNITS)
    assert liquidation_fee(TABLE, CALL, 0.01, INDEX, -10) == round(0.0019 * UNITS)


@given(st.integers(1, 10**7), st.floats(1_000, 200_000))
def test_rounding_favours_the_house(lots: int, price: float) -> None:
    exact = round(lots / price * UNITS)
    assert 0 <= trade_fee(TABLE, PERPETUAL, price, INDEX, lots, "taker") - exact * 500 / 1e6 < 1
    assert 0 <= trade_fee(TABLE, WEEKLY, price, INDEX, lots, "maker") + exact * 100 / 1e6 < 1

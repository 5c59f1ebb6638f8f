"""Ids as everybody sees them."""

import msgspec
import pytest

from deltawire.dialect.order_params import parse_order_id
from deltawire.exchange.orders.orders import format_id
from tests.support.contracts import LINEAR, LISTED, PERPETUAL


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("BTC-PERPETUAL", "349278"),
        ("ETH-PERPETUAL", "ETH-349278"),
        ("BTC_USDC-PERPETUAL", "USDC-349278"),
        ("ETH_USDC-PERPETUAL", "USDC-349278"),
    ],
)
def test_an_id_has_its_settlement_currency_before_it_unless_that_is_bitcoin(name: str, text: str) -> None:
    assert format_id(349278, LISTED[name]) == text
    assert parse_order_id(text) == 349278


def test_a_linear_instrument_may_settle_in_bitcoin_too() -> None:
    assert format_id(7, msgspec.structs.replace(LINEAR, settlement="BTC")) == format_id(7, PERPETUAL) == "7"

"""Orders and money as values."""

from decimal import Decimal
from typing import Any

import pytest

from deltawire.session.account_items import to_order

SENT = {
    "instrument_name": "BTC-COMBO",
    "order_id": "BTC-1",
    "order_state": "open",
    "order_type": "limit",
    "direction": "buy",
    "price": 0.0,
    "amount": 2.0,
    "time_in_force": "good_til_cancelled",
    "creation_timestamp": 1,
    "last_update_timestamp": 1,
}


@pytest.mark.parametrize(
    ("filled", "average"),
    [
        ({}, None),
        ({"filled_amount": 0.0, "average_price": 0.0}, None),
        ({"filled_amount": 1.0, "average_price": 0.5}, Decimal("0.5")),
        ({"filled_amount": 1.0, "average_price": 0.0}, Decimal(0)),
    ],
)
def test_an_order_has_an_average_price_as_soon_as_it_is_filled(
    filled: dict[str, Any], average: Decimal | None
) -> None:
    assert to_order(SENT | filled).average_price == average


def test_an_order_says_at_which_price_it_was_filled_and_not_its_limit_alone() -> None:
    order = to_order(
        SENT | {"order_state": "filled", "price": 63_020.5, "filled_amount": 2.0, "average_price": 63_978.0}
    )
    assert "@ 63020.5, filled 2 at 63978," in repr(order)

"""Lists that have no pages are bounded all the same, and what costs much to compute costs more credits."""

from typing import Any

import pytest

from deltawire.access.rate_limits import RateLimits, TokenBucket
from deltawire.exchange.limits.open_orders import OpenOrders
from deltawire.session.private import orders, subaccounts, trades
from tests.support.contracts import PERPETUAL
from tests.support.trading import OWNER, Client, Exchange

NAME = PERPETUAL.name


@pytest.fixture
def owner(exchange: Exchange) -> Client:
    return exchange.client(OWNER)


def cancelled(client: Client, **terms: Any) -> str:
    order_id: str = client.buy(10, 50_000.0, **terms)["order"]["order_id"]
    client.result("private/cancel", order_id=order_id)
    return order_id


def test_by_label_come_all_open_orders_and_the_last_that_ended(
    alice: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(orders, "MOST_LISTED", 2)
    ended = [cancelled(alice, label="x") for _ in range(3)]
    other = cancelled(alice, label="y")
    live = [alice.buy(10, 50_000.0, label="x")["order"]["order_id"] for _ in range(3)]
    found = alice.result("private/get_order_state_by_label", currency="BTC", label="x")
    assert [order["order_id"] for order in found] == ended[1:] + live
    unnamed = cancelled(alice)
    found = alice.result("private/get_order_state_by_label", currency="BTC")
    assert [order["order_id"] for order in found] == [unnamed]
    assert other not in {order["order_id"] for order in found}


def test_trades_of_an_order_are_the_last_or_with_asc_the_first(
    alice: Client, bob: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trades, "MOST_LISTED", 2)
    order_id = alice.buy(40, 60_000.0)["order"]["order_id"]
    for _ in range(4):
        bob.sell(10)
    numbers = [
        [trade["trade_seq"] for trade in alice.result("private/get_user_trades_by_order", **asked)]
        for asked in ({"order_id": order_id}, {"order_id": order_id, "sorting": "asc"})
    ]
    first, second = numbers[1]
    assert numbers[0] == [first + 3, first + 2]
    assert second == first + 1


def test_open_orders_of_an_account_are_all_told_because_no_more_can_be_opened() -> None:
    exchange = Exchange(open_orders=OpenOrders(per_account=5, per_instrument=5))
    alice = exchange.client()
    placed = [alice.buy(10, 50_000.0 + number)["order"]["order_id"] for number in range(5)]
    error = alice.error("private/buy", instrument_name=NAME, amount=10, price=50_000)
    assert (error["code"], error["message"]) == (10013, "pme_max_total_open_orders 5")
    for method, params in (
        ("get_open_orders", {}),
        ("get_open_orders_by_currency", {"currency": "BTC"}),
        ("get_open_orders_by_instrument", {"instrument_name": NAME}),
        ("get_open_orders_by_label", {"currency": "BTC"}),
    ):
        found = alice.result(f"private/{method}", **params)
        assert [order["order_id"] for order in found] == placed


def test_open_orders_of_all_accounts_of_an_owner_are_told_up_to_a_number(
    owner: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subaccounts, "MOST_ORDERS", 2)
    asked = {"currency": "BTC", "with_open_orders": True}
    for _ in range(2):
        owner.buy(10, 50_000.0)
    found = owner.result("private/get_subaccounts_details", **asked)
    assert len(found[0]["open_orders"]) == 2
    owner.buy(10, 50_000.0)
    error = owner.error("private/get_subaccounts_details", **asked)
    assert (error["code"], error["data"]["param"]) == (11030, "with_open_orders")
    assert "private/get_open_orders" in error["data"]["reason"]
    assert len(owner.result("private/get_subaccounts_details", currency="BTC")) == 1


def test_a_simulation_costs_what_is_refilled_in_a_second() -> None:
    for name in ("simulate_portfolio", "pme/simulate"):
        bucket, method = TokenBucket(RateLimits()), f"private/{name}"
        assert [bucket.pay_for(spelt, 0) for spelt in [method, f"/{method}"] * 3] == [True] * 5 + [False]
        assert bucket.pay_for(method, 999_999_999) is False
        assert bucket.pay_for(method, 1_000_000_000) is True
        assert bucket.pay_for("private/get_positions", 1_000_000_000) is False

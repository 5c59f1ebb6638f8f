"""Trades and ended orders, page by page."""

from typing import Any

import pytest

from tests.support.trading import Client, Exchange

NAME = "BTC-PERPETUAL"
TRADES = 7


@pytest.fixture
def traded(exchange: Exchange, alice: Client, bob: Client) -> list[dict[str, Any]]:
    """Alice's trades, oldest first, each a second after the last."""
    found = []
    for number in range(TRADES):
        bob.sell(10 + 10 * number, 60_000.0)
        found += alice.buy(10 + 10 * number)["trades"]
        exchange.passes(1.0)
    return found


@pytest.mark.parametrize("count", [1, 2, 3, 7, 50])
@pytest.mark.parametrize(
    ("method", "about"),
    [
        ("private/get_user_trades_by_instrument", {"instrument_name": NAME}),
        ("private/get_user_trades_by_currency", {"currency": "BTC"}),
        ("public/get_last_trades_by_instrument", {"instrument_name": NAME}),
        ("public/get_last_trades_by_currency", {"currency": "BTC"}),
    ],
)
def test_trades_are_read_once_each_from_the_earliest_on(
    alice: Client, traded: list[dict[str, Any]], method: str, about: dict[str, Any], count: int
) -> None:
    for bound, of in (("start_id", "trade_id"), ("start_timestamp", "timestamp")):
        found: list[dict[str, Any]] = []
        start, more = traded[0][of], True
        while more:
            page = alice.result(method, count=count, **about, **{bound: start})
            found, more = found + page["trades"], page["has_more"]
            start = int(found[-1][of]) + 1
        assert [each["trade_id"] for each in found] == [each["trade_id"] for each in traded]
    latest = alice.result(method, count=count, **about)["trades"]
    assert [each["trade_id"] for each in latest] == [each["trade_id"] for each in traded[::-1][:count]]


@pytest.mark.parametrize("count", [1, 3, 50])
@pytest.mark.parametrize(
    ("method", "about"),
    [
        ("private/get_order_history_by_instrument", {"instrument_name": NAME}),
        ("private/get_order_history_by_currency", {"currency": "BTC"}),
    ],
)
def test_ended_orders_are_read_once_each_though_others_end_meanwhile(
    alice: Client, traded: list[dict[str, Any]], method: str, about: dict[str, Any], count: int
) -> None:
    found: list[dict[str, Any]] = []
    token: str | None = None
    while token is not None or not found:
        page = alice.result(
            method, count=count, include_unfilled=True, with_continuation=True, **about, continuation=token
        )
        found, token = found + page["orders"], page["continuation"]
        alice.result("private/cancel", order_id=alice.buy(10, 50_000.0)["order"]["order_id"])
    assert [each["order_id"] for each in found] == [each["order_id"] for each in traded[::-1]]


def test_without_a_token_the_history_is_a_list(alice: Client, traded: list[dict[str, Any]]) -> None:
    answer = alice.result("private/get_order_history_by_currency", currency="BTC", count=2, offset=1)
    assert [each["order_id"] for each in answer] == [each["order_id"] for each in traded[::-1][1:3]]
    error = alice.error("private/get_order_history_by_currency", currency="BTC", continuation="none")
    assert (error["code"], error["data"]["param"]) == (-32602, "continuation")

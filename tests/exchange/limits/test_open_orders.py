"""An account has so many orders open, and no more; what cannot rest, and what ends, makes room."""

from typing import Any

import pytest

from deltawire.exchange.limits.open_orders import OpenOrders
from tests.support.trading import Client, Exchange

CALL = "BTC-28JUN24-60000-C"
FEW = OpenOrders(per_account=6, per_instrument=4)


@pytest.fixture
def exchange() -> Exchange:
    return Exchange(FEW)


@pytest.fixture
def alice(exchange: Exchange) -> Client:
    return exchange.client()


def open_orders(alice: Client) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = alice.result("private/get_open_orders")
    return found


def place(alice: Client, count: int, instrument: str = "BTC-PERPETUAL", **more: Any) -> None:
    for number in range(count):
        alice.buy(10, 50_000.0 + number * 10, instrument_name=instrument, **more)


def error(alice: Client, **more: Any) -> tuple[int, str]:
    asked = {"instrument_name": "BTC-PERPETUAL", "amount": 10, "price": 50_000.0} | more
    answer = alice.error("private/buy", **asked)
    return answer["code"], answer["message"]


def options(exchange: Exchange) -> list[str]:
    books = exchange.service.exchange.matching.books.values()
    return [book.instrument.name for book in books if book.instrument.kind == "option"]


def test_an_instrument_has_its_own_bound(exchange: Exchange, alice: Client) -> None:
    place(alice, 4)
    journalled = exchange.journalled()
    assert error(alice) == (10014, "pme_max_future_open_orders 4")
    assert exchange.journalled() == journalled
    assert len(open_orders(alice)) == 4


def test_what_ends_makes_room(alice: Client) -> None:
    place(alice, 4)
    alice.result("private/cancel", order_id=open_orders(alice)[0]["order_id"])
    place(alice, 1)
    assert error(alice)[0] == 10014


def test_an_account_has_a_bound_over_all_instruments(exchange: Exchange, alice: Client) -> None:
    place(alice, 4)
    name = options(exchange)[0]
    for price in (0.001, 0.0015):
        alice.buy(0.1, price, instrument_name=name)
    assert error(alice, instrument_name=name, amount=0.1, price=0.002) == (
        10013,
        "pme_max_total_open_orders 6",
    )


def test_linked_orders_count(alice: Client) -> None:
    place(alice, 2)
    pair = [
        {"direction": "sell", "type": "limit", "price": 90_000.0},
        {"direction": "sell", "type": "stop_market", "trigger": "last_price", "trigger_price": 40_000.0},
    ]
    more = {"linked_order_type": "one_triggers_one_cancels_other", "otoco_config": pair}
    assert error(alice, **more)[0] == 10014


def test_orders_that_cannot_rest_are_taken_at_the_bound(alice: Client) -> None:
    place(alice, 4)
    alice.buy(10, 50_000.0, time_in_force="immediate_or_cancel")
    assert len(open_orders(alice)) == 4


def test_a_new_price_is_no_new_order(alice: Client) -> None:
    place(alice, 4)
    first = open_orders(alice)[0]
    alice.result("private/edit", order_id=first["order_id"], amount=10, price=49_000.0)
    assert len(open_orders(alice)) == 4


def test_quotes_that_stand_are_no_new_orders(exchange: Exchange, alice: Client) -> None:
    alice.result("private/enable_cancel_on_disconnect")
    alice.result(
        "private/set_mmp_config",
        index_name="btc_usd",
        mmp_group="g",
        interval=5,
        frozen_time=0,
        quantity_limit=9,
    )

    def quote(price: float, *names: str) -> Any:
        sides = {"bid": {"amount": 10, "price": price}, "ask": {"amount": 10, "price": price + 20_000}}
        quotes = [{"instrument_name": name, "quote_set_id": "s"} | sides for name in names]
        return alice.answer("private/mass_quote", mmp_group="g", quotes=quotes, quote_id="q")

    place(alice, 2)
    assert "result" in quote(50_000.0, "BTC-PERPETUAL")
    assert "result" in quote(50_010.0, "BTC-PERPETUAL")
    place_more = alice.answer("private/buy", instrument_name="BTC-PERPETUAL", amount=10, price=50_000.0)
    assert place_more["error"]["code"] == 10014

"""Market-maker protection, mass quotes, cancel-on-disconnect, self-trading."""

import pytest

from deltawire.session.effects import Durable
from tests.support.trading import TRADER, Client, Exchange

NAME, FUTURE = "BTC-PERPETUAL", "BTC-29MAR24"
GROUP = {"index_name": "btc_usd", "mmp_group": "g"}


def quote(client: Client, bid: float, ask: float, **more: object) -> dict[str, object]:
    sides = {"bid": {"amount": 100, "price": bid}, "ask": {"amount": 100, "price": ask}}
    asked = {"mmp_group": "g", "quotes": [{"instrument_name": NAME, **sides}], "detailed": True} | more
    found: dict[str, object] = client.result("private/mass_quote", **asked)
    return found


def test_protection_is_set_told_and_removed(alice: Client) -> None:
    (config,) = alice.result(
        "private/set_mmp_config", **GROUP, interval=10, frozen_time=0, quantity_limit=0.001
    )
    assert (config["interval"], config["quantity_limit"]) == (10, 0.001)
    assert alice.result("private/get_mmp_config", index_name="btc_usd") == [config]
    assert alice.result("private/set_mmp_config", **GROUP, interval=0, frozen_time=0) == []


def test_a_mass_quote_needs_protection_and_cancel_on_disconnect(alice: Client) -> None:
    asked = {"mmp_group": "g", "quotes": [{"instrument_name": NAME, "bid": {"amount": 100, "price": 59_000}}]}
    assert alice.error("private/mass_quote", **asked)["code"] == 13042
    alice.result("private/enable_cancel_on_disconnect")
    assert alice.error("private/mass_quote", **asked)["code"] == 13040


def test_quotes_rest_and_go_when_protection_strikes(alice: Client, bob: Client) -> None:
    alice.result("private/enable_cancel_on_disconnect")
    alice.result("private/set_mmp_config", **GROUP, interval=10, frozen_time=0, quantity_limit=0.001)
    placed = quote(alice, 59_990.0, 60_010.0)
    assert len(placed["orders"]) == 2  # type: ignore[arg-type]
    bob.buy(100)
    assert alice.result("private/get_open_orders") == []
    assert alice.result("private/get_mmp_status") == [
        {"index_name": "btc_usd", "mmp_group": "g", "frozen_until": 0}
    ]
    assert alice.result("private/reset_mmp", **GROUP) == "ok"
    assert alice.result("private/get_mmp_status") == []


def test_orders_go_with_their_connection_only_where_that_was_asked_for(exchange: Exchange) -> None:
    careful, careless = exchange.client(), exchange.client()
    careful.result("private/enable_cancel_on_disconnect")
    assert careful.result("private/get_cancel_on_disconnect") == {"scope": "connection", "enabled": True}
    careful.buy(100, 59_000.0, label="goes")
    careless.buy(100, 59_000.0, label="stays")
    careful.session.closed()
    careless.session.closed()
    observer = exchange.client()
    assert [order["label"] for order in observer.result("private/get_open_orders")] == ["stays"]


def test_an_account_wide_setting_holds_for_connections_to_come(exchange: Exchange, alice: Client) -> None:
    alice.result("private/enable_cancel_on_disconnect", scope="account")
    later = exchange.client()
    later.buy(100, 59_000.0)
    later.session.closed()
    assert alice.result("private/get_open_orders") == []


def test_logging_out_is_no_disconnection(exchange: Exchange, alice: Client) -> None:
    alice.result("private/enable_cancel_on_disconnect")
    alice.buy(100, 59_000.0)
    alice.effects("private/logout")
    alice.session.closed()
    assert len(exchange.client().result("private/get_open_orders")) == 1


def test_signing_in_again_is_no_disconnection(exchange: Exchange, alice: Client) -> None:
    alice.result("private/enable_cancel_on_disconnect")
    alice.buy(100, 59_000.0)
    alice.result(
        "public/auth",
        grant_type="client_credentials",
        client_id=TRADER.client_id,
        client_secret=TRADER.secret,
    )
    assert len(exchange.client().result("private/get_open_orders")) == 1


def test_self_trading_is_refused_or_cancels_the_maker(alice: Client) -> None:
    assert alice.result("private/get_self_trading_config")["mode"] == "reject_taker"
    alice.sell(100, 60_000.0, label="maker")
    alice.result("private/set_self_trading_config", mode="cancel_maker")
    answer = alice.buy(100, 60_000.0)
    assert (answer["order"]["order_state"], answer["trades"]) == ("open", [])
    assert alice.result("private/get_order_state_by_label", currency="BTC", label="maker")[0]["reason"] == (
        "self_trade"
    )


def test_every_private_answer_waits_for_the_disk(exchange: Exchange, alice: Client) -> None:
    first, *_ = alice.effects("private/buy", instrument_name=NAME, amount=100, price=59_000.0)
    assert first == Durable(exchange.service.ticket(), alice.session.identity, 2)
    first, *_ = alice.effects("private/get_open_orders")
    assert isinstance(first, Durable)
    assert not any(isinstance(each, Durable) for each in alice.effects("public/test"))


def test_nothing_is_told_before_the_disk_has_it(exchange: Exchange, alice: Client, bob: Client) -> None:
    alice.result("private/subscribe", channels=[f"user.orders.{NAME}.raw"])
    bob.result("public/subscribe", channels=[f"book.{NAME}.raw"])
    bob.inbox.take()
    exchange.disk.slow = True
    alice.buy(100, 59_000.0)
    ticket, told = exchange.service.ticket(), list[str]()
    assert exchange.service.when_durable(ticket, lambda: told.append("answer"))
    assert (alice.inbox.take(), bob.inbox.take(), told) == ([], [], [])
    exchange.disk.sync()
    assert told == ["answer"]
    assert not exchange.service.when_durable(ticket, lambda: told.append("again"))
    assert (len(alice.inbox.take()), len(bob.inbox.take())) == (1, 1)


@pytest.mark.parametrize(
    ("params", "left"),
    [
        ({"cancel_type": "quote_set_id", "quote_set_id": "one"}, 2),
        ({"cancel_type": "quote_set_id", "quote_set_id": "none"}, 4),
        ({"cancel_type": "instrument", "instrument_name": FUTURE}, 2),
        ({"cancel_type": "instrument_kind", "kind": "option"}, 4),
        ({"cancel_type": "currency_pair", "currency_pair": "BTC_USD"}, 0),
        ({"cancel_type": "currency", "currency": "BTC", "instrument_name": NAME}, 2),
        ({}, 0),
    ],
)
def test_quotes_are_cancelled_by_what_cancel_type_names(
    alice: Client, params: dict[str, str], left: int
) -> None:
    alice.result("private/enable_cancel_on_disconnect")
    alice.result("private/set_mmp_config", **GROUP, interval=10, frozen_time=0, quantity_limit=10)
    sides = {"bid": {"amount": 100, "price": 59_000}, "ask": {"amount": 100, "price": 61_000}}
    quotes = [
        {"instrument_name": name, "quote_set_id": set_id, **sides}
        for name, set_id in ((NAME, "one"), (FUTURE, "two"))
    ]
    assert alice.result("private/mass_quote", mmp_group="g", quotes=quotes)["success_count"] == 4
    alice.buy(100, 50_000.0, label="no quote")
    assert alice.result("private/cancel_quotes", **params) == 4 - left
    assert len(alice.result("private/get_open_orders")) == left + 1


@pytest.mark.parametrize(
    ("cancel_type", "param"),
    [
        ("instrument", "instrument_name"),
        ("instrument_kind", "kind"),
        ("currency", "currency"),
        ("currency_pair", "currency_pair"),
        ("quote_set_id", "quote_set_id"),
        ("delta", "cancel_type"),
    ],
)
def test_no_more_quotes_are_cancelled_than_were_named(alice: Client, cancel_type: str, param: str) -> None:
    error = alice.error("private/cancel_quotes", cancel_type=cancel_type)
    assert (error["code"], error["data"]["param"]) == (-32602, param)
    assert alice.error("private/cancel_quotes", max_delta=0.5)["code"] == -32602
    assert alice.error("private/cancel_quotes", currency_pair="no_pair")["data"]["param"] == "currency_pair"


@pytest.mark.parametrize(
    ("method", "params", "param"),
    [
        ("cancel_all", {}, "freeze_quotes"),
        ("cancel_all_by_instrument", {"instrument_name": NAME}, "freeze_quotes"),
        ("cancel_all_by_currency", {"currency": "BTC"}, "freeze_quotes"),
        ("cancel_all_by_currency_pair", {"currency_pair": "btc_usd"}, "freeze_quotes"),
        ("cancel_all_by_kind_or_type", {}, "freeze_quotes"),
        ("cancel_quotes", {}, "freeze_quotes"),
        ("set_self_trading_config", {"mode": "cancel_maker"}, "extended_to_subaccounts"),
        ("set_self_trading_config", {"mode": "cancel_maker"}, "block_rfq_self_match_prevention"),
        ("set_mmp_config", GROUP | {"interval": 10, "frozen_time": 0}, "block_rfq"),
    ],
)
def test_what_is_not_done_is_refused_and_not_ignored(
    exchange: Exchange, alice: Client, method: str, params: dict[str, object], param: str
) -> None:
    alice.buy(100, 50_000.0)
    before = exchange.journalled()
    error = alice.error(f"private/{method}", **params, **{param: True})
    assert (error["code"], error["data"]["param"]) == (10033, param)
    assert exchange.journalled() == before
    assert len(alice.result("private/get_open_orders")) == 1
    alice.result(f"private/{method}", **params, **{param: False})


def test_quotes_that_come_too_late_are_not_placed(exchange: Exchange, alice: Client) -> None:
    alice.result("private/enable_cancel_on_disconnect")
    alice.result("private/set_mmp_config", **GROUP, interval=10, frozen_time=0, quantity_limit=10)
    now_ms = exchange.now() // 1_000_000
    asked = {"mmp_group": "g", "quotes": [{"instrument_name": NAME, "bid": {"amount": 100, "price": 59_000}}]}
    error = alice.error("private/mass_quote", valid_until=now_ms - 1, **asked)
    assert (error["code"], error["message"]) == (13888, "timed_out")
    assert alice.result("private/get_open_orders") == []
    assert alice.result("private/mass_quote", valid_until=now_ms + 60_000, **asked)["success_count"] == 1

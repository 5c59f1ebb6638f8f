"""`currency` means what an instrument settles in, in every method and channel that takes one."""

from typing import Any

import pytest

from tests.support.contracts import CALL, LINEAR, LINEAR_CALL, PERPETUAL, PUT, QUARTERLY, WEEKLY_CALL
from tests.support.trading import Client, Exchange

IN_BTC = {each.name for each in (PERPETUAL, QUARTERLY, CALL, PUT, WEEKLY_CALL)}
IN_USDC = {LINEAR.name, LINEAR_CALL.name}
BY_CURRENCY: list[tuple[str, dict[str, Any]]] = [
    ("public/get_instruments", {}),
    ("public/get_book_summary_by_currency", {}),
    ("public/get_expirations", {}),
    ("public/get_last_trades_by_currency", {}),
    ("public/get_last_trades_by_currency_and_time", {"start_timestamp": 0, "end_timestamp": 1}),
    ("private/get_positions", {}),
    ("private/get_account_summary", {}),
    ("private/get_open_orders_by_currency", {}),
    ("private/get_open_orders_by_label", {"label": "a"}),
    ("private/get_order_state_by_label", {"label": "a"}),
    ("private/get_order_history_by_currency", {}),
    ("private/get_user_trades_by_currency", {}),
    ("private/get_user_trades_by_currency_and_time", {"start_timestamp": 0, "end_timestamp": 1}),
    ("private/cancel_all_by_currency", {}),
    ("private/cancel_all_by_kind_or_type", {}),
    ("private/cancel_by_label", {"label": "a"}),
    ("private/cancel_quotes", {"cancel_type": "currency"}),
]


@pytest.fixture
def rich(exchange: Exchange) -> Exchange:
    """Both have dollars, too."""
    for account in (1, 2):
        exchange.harness.deposit(account, 1_000_000.0, "USDC")
    return exchange


@pytest.fixture
def alice(rich: Exchange) -> Client:
    return rich.client()


def names(found: list[dict[str, Any]]) -> set[str]:
    return {each["instrument_name"] for each in found}


@pytest.mark.parametrize(("method", "params"), BY_CURRENCY)
@pytest.mark.parametrize("currency", ["DOGE", "", "BTC_USDC", "ÜÑ"])
def test_a_currency_that_nobody_knows_is_named(
    alice: Client, method: str, params: dict[str, Any], currency: str
) -> None:
    error = alice.error(method, currency=currency, **params)
    assert (error["code"], error["data"]["param"]) == (-32602, "currency")


@pytest.mark.parametrize(("method", "params"), BY_CURRENCY)
@pytest.mark.parametrize("currency", ["BTC", "usdc", "USDT", "EURR", "SOL"])
def test_a_documented_currency_is_known_also_where_nothing_settles_in_it(
    alice: Client, method: str, params: dict[str, Any], currency: str
) -> None:
    assert "result" in alice.answer(method, currency=currency, **params)


@pytest.mark.parametrize(
    ("currency", "found"), [("BTC", IN_BTC), ("USDC", IN_USDC), ("any", IN_BTC | IN_USDC)]
)
@pytest.mark.parametrize("method", ["get_instruments", "get_book_summary_by_currency"])
def test_instruments_are_those_that_settle_in_it(
    alice: Client, method: str, currency: str, found: set[str]
) -> None:
    assert names(alice.result(f"public/{method}", currency=currency)) == found
    options = {each for each in found if each.endswith(("-C", "-P"))}
    assert names(alice.result(f"public/{method}", currency=currency, kind="option")) == options


@pytest.mark.parametrize(
    ("currency", "left"), [("BTC", ["b"]), ("USDC", ["a"]), ("ETH", ["a", "b"]), ("any", [])]
)
@pytest.mark.parametrize("method", ["cancel_all_by_currency", "cancel_all_by_kind_or_type"])
def test_a_mass_cancel_ends_what_settles_in_it(
    alice: Client, method: str, currency: str, left: list[str]
) -> None:
    alice.buy(100, 59_000.0, label="a")
    alice.buy(0.1, 59_000.0, label="b", instrument_name=LINEAR.name)
    named = alice.result("private/get_open_orders_by_currency", currency=currency)
    assert {order["label"] for order in named} == {"a", "b"} - set(left)
    assert alice.result(f"private/{method}", currency=currency) == 2 - len(left)
    assert [order["label"] for order in alice.result("private/get_open_orders")] == left


@pytest.mark.parametrize(("pair", "left"), [("btc_usd", ["b"]), ("BTC_USDC", ["a"])])
def test_a_mass_cancel_by_pair_ends_what_is_priced_by_that_index(
    alice: Client, pair: str, left: list[str]
) -> None:
    alice.buy(100, 59_000.0, label="a")
    alice.buy(0.1, 59_000.0, label="b", instrument_name=LINEAR.name)
    assert alice.result("private/cancel_all_by_currency_pair", currency_pair=pair, kind="option") == 0
    assert alice.result("private/cancel_all_by_currency_pair", currency_pair=pair) == 1
    assert [order["label"] for order in alice.result("private/get_open_orders")] == left


def test_a_pair_that_nobody_knows_is_named(alice: Client) -> None:
    error = alice.error("private/cancel_all_by_currency_pair", currency_pair="btc_doge")
    assert (error["code"], error["data"]["param"]) == (-32602, "currency_pair")


def test_trades_and_positions_are_those_that_settle_in_it(rich: Exchange, alice: Client, bob: Client) -> None:
    for name, amount in ((PERPETUAL.name, 100), (LINEAR.name, 0.1)):
        bob.sell(amount, 60_000.0, instrument_name=name)
        alice.buy(amount, instrument_name=name)
    for currency, name in (("BTC", PERPETUAL.name), ("USDC", LINEAR.name)):
        assert names(alice.result("private/get_positions", currency=currency)) == {name}
        for method in ("private/get_user_trades_by_currency", "public/get_last_trades_by_currency"):
            assert names(alice.result(method, currency=currency)["trades"]) == {name}
        assert names(alice.result("private/get_order_history_by_currency", currency=currency)) == {name}


def test_channels_of_a_kind_and_currency_tell_of_what_settles_in_it(
    rich: Exchange, alice: Client, bob: Client
) -> None:
    families = ("trades.future.{}.raw", "user.trades.future.{}.raw", "user.orders.any.{}.100ms")
    coin, dollar = ([name.format(currency) for name in families] for currency in ("BTC", "USDC"))
    assert len(alice.result("private/subscribe", channels=coin + dollar)) == 6
    bob.sell(0.1, 60_000.0, instrument_name=LINEAR.name)
    alice.buy(0.1, instrument_name=LINEAR.name)
    rich.passes(1.0)
    channels = {note["params"]["channel"] for note in alice.inbox.take()}
    assert channels == set(dollar)


def test_an_account_has_nothing_in_a_documented_currency_that_it_never_had(alice: Client) -> None:
    summary = alice.result("private/get_account_summary", currency="USDT")
    assert (summary["currency"], summary["equity"]) == ("USDT", 0.0)
    assert alice.error("private/get_account_summary", currency="any")["data"]["param"] == "currency"

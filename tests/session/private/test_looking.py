"""Cancelling, and asking for orders, trades, positions and money."""

from typing import Any

import msgspec
import pytest

from deltawire.access.rate_limits import RateLimits, TokenBuckets
from tests.support.contracts import CALL, WEEKLY_CALL
from tests.support.conversations import Conversation
from tests.support.credentials import ALICE, secret_login
from tests.support.trading import READER, Client, Exchange

NAME = "BTC-PERPETUAL"
FUTURE = "BTC-29MAR24"


def test_a_cancelled_order_says_why_it_ended(alice: Client) -> None:
    order_id = alice.buy(100, 59_000.0)["order"]["order_id"]
    answer = alice.result("private/cancel", order_id=order_id)
    assert (answer["order_state"], answer["cancel_reason"]) == ("cancelled", "user_request")
    assert alice.error("private/cancel", order_id=order_id)["code"] == 11044
    assert alice.result("private/get_order_state", order_id=order_id) == answer


def test_an_order_that_is_filled_cannot_be_cancelled(alice: Client, bob: Client) -> None:
    bob.sell(100, 60_000.0)
    order_id = alice.buy(100)["order"]["order_id"]
    assert alice.error("private/cancel", order_id=order_id)["code"] == 11008


@pytest.mark.parametrize(
    ("method", "params", "left"),
    [
        ("cancel_all", {}, []),
        ("cancel_all_by_instrument", {"instrument_name": NAME}, ["b"]),
        ("cancel_all_by_instrument", {"instrument_name": NAME, "type": "stop"}, ["a", "b"]),
        ("cancel_all_by_currency", {"currency": "BTC"}, []),
        ("cancel_all_by_currency", {"currency": "ETH"}, ["a", "b", "c"]),
        ("cancel_all_by_currency", {"currency": "BTC", "kind": "option"}, ["a", "b", "c"]),
        ("cancel_all_by_kind_or_type", {"currency": "any", "kind": "future", "type": "limit"}, ["c"]),
        ("cancel_all_by_kind_or_type", {"currency": ["ETH", "BTC"]}, []),
        ("cancel_by_label", {"label": "b"}, ["a", "c"]),
        ("cancel_quotes", {"cancel_type": "all"}, ["a", "b", "c"]),
    ],
)
def test_a_mass_cancel_ends_what_it_names(
    alice: Client, bob: Client, method: str, params: dict[str, object], left: list[str]
) -> None:
    alice.buy(100, 59_000.0, label="a")
    alice.buy(100, 59_000.0, label="b", instrument_name=FUTURE)
    alice.sell(100, type="stop_market", trigger="index_price", trigger_price=58_000.0, label="c")
    bob.buy(100, 58_000.0)
    assert alice.result(f"private/{method}", **params) == 3 - len(left)
    assert [order["label"] for order in alice.result("private/get_open_orders")] == left
    assert len(bob.result("private/get_open_orders")) == 1


def test_a_detailed_mass_cancel_lists_the_orders_by_instrument(alice: Client) -> None:
    order_id = alice.buy(100, 59_000.0)["order"]["order_id"]
    (found,) = alice.result("private/cancel_all", detailed=True)
    assert found["instrument_name"] == NAME
    assert [order["order_id"] for order in found["result"]] == [order_id]


def test_a_mass_cancel_of_nothing_costs_the_journal_nothing(exchange: Exchange, alice: Client) -> None:
    before = exchange.journalled()
    assert alice.result("private/cancel_all") == 0
    assert exchange.journalled() == before


def test_open_orders_are_found_by_instrument_currency_label_and_type(alice: Client) -> None:
    alice.buy(100, 59_000.0, label="a")
    alice.sell(100, type="stop_market", trigger="index_price", trigger_price=58_000.0, label="c")

    def labels(method: str, **params: object) -> list[str]:
        return [order["label"] for order in alice.result(f"private/get_open_orders{method}", **params)]

    assert labels("_by_instrument", instrument_name=NAME) == ["a", "c"]
    assert labels("_by_instrument", instrument_name=NAME, type="limit") == ["a"]
    assert labels("_by_instrument", instrument_name=NAME, type="trigger_all") == ["c"]
    assert labels("_by_currency", currency="BTC", kind="future") == ["a", "c"]
    assert labels("_by_currency", currency="USDC") == []
    assert labels("_by_label", currency="BTC", label="c") == ["c"]


def test_history_shows_what_traded_and_on_demand_what_did_not(alice: Client, bob: Client) -> None:
    bob.sell(100, 60_000.0)
    filled = alice.buy(100)["order"]["order_id"]
    unfilled = alice.buy(100, 50_000.0)["order"]["order_id"]
    alice.result("private/cancel", order_id=unfilled)

    def ids(**more: object) -> list[str]:
        method = "private/get_order_history_by_instrument"
        return [order["order_id"] for order in alice.result(method, instrument_name=NAME, **more)]

    assert ids() == [filled]
    assert ids(include_unfilled=True) == [unfilled, filled]
    assert ids(include_unfilled=True, offset=1, count=1) == [filled]
    assert alice.error("private/get_order_history_by_currency", currency="BTC", count=0)["code"] == -32602


def test_a_request_without_an_answer_is_resolved_by_label(alice: Client) -> None:
    alice.buy(100, 59_000.0, label="lost")
    (order,) = alice.result("private/get_order_state_by_label", currency="BTC", label="lost")
    assert order["order_state"] == "open"
    assert alice.result("private/get_order_state_by_label", currency="BTC", label="never") == []


def test_own_trades_are_newest_first_and_pages_say_if_there_are_more(alice: Client, bob: Client) -> None:
    for price in (60_000.0, 60_010.0, 60_005.0):
        bob.sell(100, price)
        alice.buy(100)

    def prices(method: str, **params: object) -> tuple[list[float], bool]:
        answer = alice.result(f"private/get_user_trades_by_{method}", **params)
        return [trade["price"] for trade in answer["trades"]], answer["has_more"]

    assert prices("instrument", instrument_name=NAME) == ([60_005.0, 60_010.0, 60_000.0], False)
    assert prices("instrument", instrument_name=NAME, count=2) == ([60_005.0, 60_010.0], True)
    assert prices("currency", currency="BTC", sorting="asc", count=1) == ([60_000.0], True)
    assert prices("currency", currency="ETH") == ([], False)
    assert prices("instrument_and_time", instrument_name=NAME, start_timestamp=0, end_timestamp=1) == (
        [],
        False,
    )
    order_id = alice.result("private/get_user_trades_by_currency", currency="BTC")["trades"][0]["order_id"]
    (trade,) = alice.result("private/get_user_trades_by_order", order_id=order_id)
    assert trade["tick_direction"] == 2


def test_an_options_trade_says_its_volatility_and_underlying_everywhere(
    exchange: Exchange, alice: Client, bob: Client
) -> None:
    name, channels = CALL.name, [f"user.trades.{CALL.name}.raw", f"user.changes.{CALL.name}.raw"]
    ticker = alice.result("public/ticker", instrument_name=name)
    assert alice.result("private/subscribe", channels=channels) == channels
    price = round(ticker["mark_price"] / 0.0005) * 0.0005
    bob.result("private/sell", instrument_name=name, amount=1.0, price=price)
    (answered,) = alice.result("private/buy", instrument_name=name, amount=1.0, price=price)["trades"]
    assert answered["iv"] == pytest.approx(ticker["mark_iv"], abs=0.5)
    assert answered["underlying_price"] == ticker["underlying_price"]
    assert "liquidation" not in answered
    exchange.passes(60.0, 70_000.0)  # what is told later is still as it was at the trade
    (asked,) = alice.result("private/get_user_trades_by_instrument", instrument_name=name)["trades"]
    (sold,) = bob.result("private/get_user_trades_by_currency", currency="BTC", kind="option")["trades"]
    (public,) = alice.result("public/get_last_trades_by_instrument", instrument_name=name)["trades"]
    pushed = [each for note in alice.inbox.take() for each in _trades(note["params"]["data"])]
    assert asked == answered
    for trade in (sold, public, *pushed):
        assert trade["iv"] == answered["iv"]
    for trade in (sold, *pushed):
        assert trade["underlying_price"] == answered["underlying_price"]
    assert len(pushed) == 2
    assert "underlying_price" not in public


def test_a_trade_from_before_its_underlying_was_told_leaves_it_out(
    exchange: Exchange, alice: Client, bob: Client
) -> None:
    book = exchange.service.exchange.matching.books[CALL.name]
    book.reference = msgspec.structs.replace(book.reference, underlying=None)
    bob.result("private/sell", instrument_name=CALL.name, amount=1.0, price=0.05)
    (trade,) = alice.result("private/buy", instrument_name=CALL.name, amount=1.0, price=0.05)["trades"]
    assert not {"iv", "underlying_price"} & trade.keys()


def _trades(data: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = data["trades"] if isinstance(data, dict) else data
    return found


def test_a_futures_trade_has_no_volatility(alice: Client, bob: Client) -> None:
    bob.sell(100, 60_000.0)
    (trade,) = alice.buy(100)["trades"]
    assert not {"iv", "underlying_price", "liquidation"} & trade.keys()


def test_trades_of_a_liquidation_say_whose_it_was(exchange: Exchange, alice: Client, bob: Client) -> None:
    exchange.harness.deposit(2, 1_000.0)
    bob.sell(4_000_000, 60_000.0)
    alice.buy(4_000_000)
    bob.buy(10_000_000, 50_000.0)
    for _ in range(20):
        exchange.passes(1.0, 51_000.0)
    mine, theirs = (
        client.result("private/get_user_trades_by_instrument", instrument_name=NAME, count=100)["trades"]
        for client in (alice, bob)
    )
    assert (mine[0]["liquidity"], mine[0]["liquidation"]) == ("T", "T")
    assert (theirs[0]["liquidity"], theirs[0]["liquidation"]) == ("M", "T")
    assert "liquidation" not in mine[-1]
    public = alice.result("public/get_last_trades_by_instrument", instrument_name=NAME)["trades"]
    assert public[0]["liquidation"] == "T"


def test_a_position_says_size_price_and_profit(exchange: Exchange, alice: Client, bob: Client) -> None:
    bob.sell(6_000, 60_000.0)
    alice.buy(6_000)
    exchange.passes(60.0, 61_000.0)
    (position,) = alice.result("private/get_positions", currency="BTC", kind="future")
    assert (position["direction"], position["size"]) == ("buy", 6_000.0)
    assert position["average_price"] == pytest.approx(60_000.0, abs=0.5)
    profit = 6_000 / 60_000 - 6_000 / position["mark_price"]
    assert position["floating_profit_loss"] == pytest.approx(profit, abs=2e-8)
    assert position["delta"] == pytest.approx(6_000 / position["mark_price"], abs=1e-6)
    assert bob.result("private/get_positions")[0]["direction"] == "sell"
    assert alice.result("private/get_positions", currency="ETH") == []


def test_the_summary_agrees_with_the_ledger(exchange: Exchange, alice: Client, bob: Client) -> None:
    bob.sell(6_000, 60_000.0)
    alice.buy(6_000)
    summary = alice.result("private/get_account_summary", currency="BTC", extended=True)
    assert summary["balance"] == exchange.harness.balance(1)
    assert summary["equity"] == exchange.harness.equity(1)
    assert summary["initial_margin"] == exchange.harness.initial(1)
    assert summary["available_funds"] == exchange.harness.available(1)
    assert summary["username"] == "alice"
    assert exchange.harness.balanced()
    summaries = alice.result("private/get_account_summaries")["summaries"]
    assert [each["currency"] for each in summaries] == ["BTC", "ETH", "USDC"]
    assert alice.error("private/get_account_summary", currency="XYZ")["code"] == -32602


def test_margins_say_what_an_order_would_need(alice: Client) -> None:
    answer = alice.result("private/get_margins", instrument_name=NAME, amount=6_000, price=60_000.0)
    assert answer["buy"] == answer["sell"] == pytest.approx(0.1 * 0.02, rel=0.01)
    assert answer["min_price"] < 60_000 < answer["max_price"]


def test_looking_never_changes_the_exchange(exchange: Exchange, alice: Client) -> None:
    before = exchange.journalled()
    for method in (
        "get_open_orders",
        "get_positions",
        "get_account_summaries",
        "get_mmp_config",
        "get_self_trading_config",
    ):
        alice.result(f"private/{method}")
    assert exchange.journalled() == before


def test_an_account_chooses_its_margin_model_if_it_can_bear_it(
    exchange: Exchange, alice: Client, bob: Client
) -> None:
    assert bob.result("private/get_account_summary", currency="BTC")["margin_model"] == "segregated_sm"
    alice.sell(60_000, 60_000.0)
    bob.buy(60_000)
    answer = bob.result("private/change_margin_model", margin_model="segregated_pm")
    (bitcoin,) = [each for each in answer if each["currency"] == "BTC"]
    assert bitcoin["new_state"]["initial_margin_rate"] > bitcoin["old_state"]["initial_margin_rate"] > 0
    summary = bob.result("private/get_account_summary", currency="BTC")
    assert (summary["margin_model"], summary["portfolio_margining_enabled"]) == ("segregated_pm", True)
    alice.sell(6_000_000, 60_000.0)
    assert bob.result("private/change_margin_model", margin_model="segregated_sm")
    bob.buy(6_000_000)
    before = exchange.journalled()
    assert bob.error("private/change_margin_model", margin_model="segregated_pm")["code"] == 10009
    assert bob.error("private/change_margin_model", margin_model="cross_pm")["code"] == -32602
    assert exchange.journalled() == before
    reader = exchange.client(READER)
    assert reader.error("private/change_margin_model", margin_model="segregated_sm")["code"] == 13021


def test_quotes_are_not_cancelled_by_what_is_not_understood(alice: Client) -> None:
    assert alice.error("private/cancel_quotes", cancel_type="delta")["code"] == -32602


def test_requests_per_second_are_what_the_server_grants(exchange: Exchange) -> None:
    access = exchange.access
    client = Conversation(
        exchange.market, access, trading=exchange.service, buckets=TokenBuckets(RateLimits(request=1_000))
    )
    client.result("public/auth", **secret_login(ALICE))
    limits = client.result("private/get_account_summary", currency="BTC")["limits"]
    assert limits["matching_engine"] == limits["non_matching_engine"] == {"rate": 10.0, "burst": 50.0}


def test_where_requests_cost_nothing_there_are_no_limits(alice: Client) -> None:
    assert "limits" not in alice.result("private/get_account_summary", currency="BTC")


def test_an_instrument_that_has_ended_has_no_position(exchange: Exchange, alice: Client) -> None:
    exchange.passes((WEEKLY_CALL.expiration_ns - exchange.harness.now) / 1e9 + 1)
    error = alice.error("private/get_position", instrument_name=WEEKLY_CALL.name)
    assert (error["code"], error["data"]["param"]) == (10012, "instrument_name")


def test_keys_have_numbers_that_last_and_the_first_is_the_default(exchange: Exchange, alice: Client) -> None:
    keys = alice.result("private/list_api_keys")
    assert [(key["client_id"], key["default"]) for key in keys] == [
        ("alice-id", True),
        ("reader-id", False),
        ("owner-id", False),
    ]
    assert len({key["id"] for key in keys}) == 3
    exchange.access.replace([READER])
    (left,) = exchange.client(READER).result("private/list_api_keys")
    assert left["id"] == keys[1]["id"]

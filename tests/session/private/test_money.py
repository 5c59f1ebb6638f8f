"""What moved an account's money: the log, settlements, deliveries, deposits."""

from typing import Any

import pytest

from tests.support.contracts import CALL, PERPETUAL, WEEKLY_CALL
from tests.support.trading import OWNER, Client, Exchange

NAME = PERPETUAL.name
DAY_S = 86_400.0
EVER = {"start_timestamp": 0, "end_timestamp": 10**13}


@pytest.fixture
def alice(exchange: Exchange) -> Client:
    return exchange.client(OWNER)


@pytest.fixture
def settled(exchange: Exchange, alice: Client, bob: Client) -> Exchange:
    """Alice has bought a future and an option of Bob, and a day has passed."""
    bob.sell(1000, 60_000.0)
    alice.buy(1000)
    bob.sell(1, 0.03, instrument_name=WEEKLY_CALL.name)
    alice.buy(1, instrument_name=WEEKLY_CALL.name)
    exchange.passes(DAY_S, 61_000.0)
    return exchange


def logs(client: Client, **more: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client.result(
        "private/get_transaction_log", **{"currency": "BTC", **EVER, **more}
    )["logs"]
    return found


def test_the_log_adds_up_to_the_balance(settled: Exchange, alice: Client) -> None:
    entries = logs(alice)
    assert [each["type"] for each in entries] == ["settlement", "trade", "trade", "deposit"]
    assert [each["user_seq"] for each in entries] == [4, 3, 2, 1]
    assert sum(each["change"] for each in entries) == pytest.approx(entries[0]["balance"])
    assert entries[0]["balance"] == alice.result("private/get_account_summary", currency="BTC")["balance"]
    settlement, option, future, _ = entries
    assert (future["side"], future["amount"], future["position"], future["cashflow"]) == (
        "open buy", 1000.0, 1000.0, 0.0,
    )  # fmt: skip
    assert future["change"] == pytest.approx(-future["commission"])
    assert option["cashflow"] == pytest.approx(-0.03)
    assert option["change"] == pytest.approx(-0.03 - option["commission"])
    assert settlement["change"] == pytest.approx(1000 / 60_000 - 1000 / 61_000, abs=1e-4)


@pytest.mark.parametrize(
    ("query", "types"),
    [
        ("trade", ["trade", "trade"]),
        ("buy taker", ["trade", "trade"]),
        ("maker", []),
        ("deposit|settlement", ["settlement", "deposit"]),
        ("close", []),
    ],
)
def test_the_log_is_searched_by_words(settled: Exchange, alice: Client, query: str, types: list[str]) -> None:
    assert [each["type"] for each in logs(alice, query=query)] == types


@pytest.mark.parametrize("count", [1, 2, 3, 50])
def test_the_log_is_read_once_page_by_page(settled: Exchange, alice: Client, count: int) -> None:
    found: list[Any] = []
    token: int | None = None
    while token is not None or not found:
        page = alice.result(
            "private/get_transaction_log", currency="any", count=count, continuation=token, **EVER
        )
        found, token = found + page["logs"], page["continuation"]
    assert found == logs(alice)
    assert logs(alice, end_timestamp=1) == []


def test_settlements_are_the_accounts_own_and_everybodys(
    settled: Exchange, alice: Client, bob: Client
) -> None:
    for method, about in (("currency", {"currency": "BTC"}), ("instrument", {"instrument_name": NAME})):
        (mine,) = alice.result(f"private/get_settlement_history_by_{method}", **about)["settlements"]
        (his,) = bob.result(f"private/get_settlement_history_by_{method}", **about)["settlements"]
        (all_,) = alice.result(f"public/get_last_settlements_by_{method}", **about)["settlements"]
        assert (mine["type"], mine["position"], his["position"]) == ("settlement", 1000.0, -1000.0)
        assert mine["session_profit_loss"] == pytest.approx(-his["session_profit_loss"])
        assert all_["position"] == 1000.0
        assert all_["session_profit_loss"] == pytest.approx(mine["session_profit_loss"])
        assert all_["index_price"] == 61_000.0
    nothing = alice.result("public/get_last_settlements_by_currency", currency="BTC", type="delivery")
    assert nothing == {"settlements": [], "continuation": ""}
    assert alice.result("public/get_last_settlements_by_currency", currency="ETH")["settlements"] == []


def test_an_index_has_a_delivery_price_each_day(settled: Exchange, alice: Client) -> None:
    settled.passes(DAY_S, 62_000.0)
    answer = alice.result("public/get_delivery_prices", index_name="btc_usd")
    assert answer["records_total"] == 2
    assert [each["date"] for each in answer["data"]] == ["2024-02-22", "2024-02-21"]
    assert answer["data"][0]["delivery_price"] == pytest.approx(62_000.0, rel=0.02)
    later = alice.result("public/get_delivery_prices", index_name="btc_usd", offset=1, count=1)
    assert later["data"] == answer["data"][1:]
    assert alice.error("public/get_delivery_prices", index_name="no")["data"]["param"] == "index_name"


def test_an_expired_option_is_a_delivery(settled: Exchange, alice: Client) -> None:
    settled.passes((WEEKLY_CALL.expiration_ns - settled.harness.now) / 1e9 + 1, 70_000.0)
    (found,) = alice.result("private/get_settlement_history_by_currency", currency="BTC", type="delivery")[
        "settlements"
    ]
    assert (found["instrument_name"], found["position"]) == (WEEKLY_CALL.name, 1.0)
    assert found["profit_loss"] > 0.0
    (entry,) = logs(alice, query="delivery")
    assert entry["balance"] == pytest.approx(entry["change"] + logs(alice)[-1]["balance"], abs=1.0)
    public = alice.result("public/get_last_settlements_by_instrument", instrument_name=WEEKLY_CALL.name)
    assert [each["type"] for each in public["settlements"]] == ["delivery"]


def test_the_operators_deposits_are_listed(exchange: Exchange, alice: Client) -> None:
    exchange.harness.deposit(1, 2.5)
    exchange.harness.deposit(1, 100.0, "USDC")
    answer = alice.result("private/get_deposits", currency="BTC")
    assert (answer["count"], [each["amount"] for each in answer["data"]]) == (2, [2.5, 10.0])
    assert {each["state"] for each in answer["data"]} == {"completed"}
    assert {(each["source_address"], each["clearance_state"]) for each in answer["data"]} == {
        ("operator", "success")
    }
    assert all(each["transaction_id"] for each in answer["data"])
    assert (
        alice.result("private/get_deposits", currency="BTC", offset=1, count=1)["data"] == answer["data"][1:]
    )
    for method in ("get_withdrawals", "get_transfers"):
        assert alice.result(f"private/{method}", currency="BTC") == {"count": 0, "data": []}


def test_waiting_and_ended_triggers_are_told_page_by_page(exchange: Exchange, alice: Client) -> None:
    stop = {"type": "stop_market", "trigger": "index_price", "trigger_price": 58_000.0}
    waiting = alice.sell(100, **stop)["order"]["order_id"]
    ended = alice.sell(100, **stop)["order"]["order_id"]
    exchange.passes(1.0)
    alice.result("private/cancel", order_id=ended)
    alice.buy(10, 50_000.0)
    page = alice.result("private/get_trigger_order_history", currency="BTC", count=1)
    assert [each["order_id"] for each in page["entries"]] == [ended]
    assert page["entries"][0]["request"] == "trigger:cancel"
    rest = alice.result(
        "private/get_trigger_order_history", currency="BTC", continuation=page["continuation"]
    )
    assert [(each["order_id"], each["order_state"]) for each in rest["entries"]] == [(waiting, "untriggered")]
    assert "continuation" not in rest


def test_the_margin_of_orders_is_that_of_each_alone(alice: Client, bob: Client) -> None:
    first = alice.buy(1000, 59_000.0)["order"]["order_id"]
    stop = alice.sell(100, type="stop_market", trigger="index_price", trigger_price=58_000.0)["order"][
        "order_id"
    ]
    his = bob.buy(10, 50_000.0)["order"]["order_id"]
    answer = alice.result("private/get_order_margin_by_ids", ids=[first, his, stop, first])
    assert [each["order_id"] for each in answer] == [first, stop]
    asked = alice.result("private/get_margins", instrument_name=NAME, amount=1000, price=59_000.0)
    assert (answer[0]["initial_margin"], answer[0]["initial_margin_currency"]) == (asked["buy"], "BTC")
    assert answer[1]["initial_margin"] == 0.0
    assert alice.error("private/get_order_margin_by_ids", ids=["x"])["code"] == 10025


def test_a_simulated_portfolio_changes_nothing(exchange: Exchange, alice: Client, bob: Client) -> None:
    bob.sell(1000, 60_000.0)
    alice.buy(1000)
    before = alice.result("private/get_account_summary", currency="BTC")
    same = alice.result("private/simulate_portfolio", currency="BTC")
    assert {
        name: same[name] for name in ("equity", "initial_margin", "maintenance_margin", "delta_total")
    } == {name: before[name] for name in ("equity", "initial_margin", "maintenance_margin", "delta_total")}
    doubled = alice.result(
        "private/simulate_portfolio", currency="BTC", simulated_positions={NAME: 1000, CALL.name: -1}
    )
    assert doubled["initial_margin"] > 2 * before["initial_margin"]
    flat = alice.result("private/simulate_portfolio", currency="BTC", add_positions=False)
    assert (flat["initial_margin"], flat["delta_total"]) == (0.0, 0.0)
    as_text = alice.result(
        "private/simulate_portfolio", currency="BTC", simulated_positions=f'{{"{NAME}": 1000}}'
    )
    assert as_text["delta_total"] == pytest.approx(2 * before["delta_total"], rel=1e-3)
    refused = alice.error("private/simulate_portfolio", currency="BTC", simulated_positions="[")
    assert refused["data"]["param"] == "simulated_positions"
    assert alice.result("private/get_account_summary", currency="BTC") == before


def test_no_currency_is_locked_while_nothing_is_liquidated(alice: Client) -> None:
    answer = alice.result("private/get_user_locks")
    assert [(each["currency"], each["enabled"], each["locked"]) for each in answer] == [
        ("BTC", False, False),
        ("ETH", False, False),
        ("USDC", False, False),
    ]


def test_a_long_query_is_refused(alice: Client) -> None:
    """It was parsed again for every entry."""
    asked = {"currency": "BTC", "start_timestamp": 0, "end_timestamp": 10**13}
    error = alice.error("private/get_transaction_log", query="a|" * 10_000, **asked)
    assert (error["code"], error["data"]["param"]) == (-32602, "query")
    assert alice.result("private/get_transaction_log", query="deposit" + "|a" * 96, **asked)["logs"]

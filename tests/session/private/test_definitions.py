"""What happens too seldom for a running exchange: liquidations, triggers and expiries, held against the definitions."""

from typing import Any

from deltawire.dialect.grammar import parse_channel
from tests.gateway.test_definitions import documented
from tests.support.contracts import PERPETUAL, WEEKLY_CALL
from tests.support.definitions import TABLE, differences
from tests.support.trading import Client, Exchange

OWN = ["user.orders.any.any.raw", "user.trades.any.any.raw", "user.changes.any.any.raw", "user.lock"]
STATES = "instrument.state.any.any"
NAME = PERPETUAL.name


def heard(client: Client) -> dict[str, list[Any]]:
    """By family of channels, what differs from no definition but as documented."""
    found: dict[str, list[Any]] = {}
    for message in client.inbox.take():
        family = parsed(message["params"]["channel"])
        data = message["params"]["data"]
        found.setdefault(family, []).append(data)
        unexplained = set(differences(data, TABLE["channels"][family], family)) - documented().keys()
        assert not unexplained, unexplained
    return found


def parsed(channel: str) -> str:
    key = parse_channel(channel)
    assert key is not None
    return key.family


def test_a_liquidation_is_told_as_defined(exchange: Exchange, alice: Client, bob: Client) -> None:
    alice.result("private/subscribe", channels=OWN)
    exchange.harness.deposit(2, 1_000.0)
    bob.sell(4_000_000, 60_000.0)
    alice.buy(4_000_000)
    bob.buy(10_000_000, 50_000.0)
    for _ in range(20):
        exchange.passes(1.0, 51_000.0)
    notes = heard(alice)
    assert notes["user_lock"][0] == {"locked": True, "currency": "BTC"}
    assert notes["user_trades"][-1][0]["order_type"] == "liquidation"
    assert any(order["is_liquidation"] for order in notes["user_orders"])


def test_an_order_that_its_trigger_has_brought_is_told_as_defined(
    exchange: Exchange, alice: Client, bob: Client
) -> None:
    alice.result("private/subscribe", channels=OWN)
    stop = {"type": "stop_limit", "trigger": "last_price", "trigger_price": 60_500.0}
    alice.buy(100, 60_600.0, **stop)
    bob.sell(200, 60_500.0)
    bob_client = exchange.client()
    bob_client.buy(100, 60_500.0)
    states = {order["order_state"] for order in heard(alice)["user_orders"]}
    assert {"untriggered", "triggered"} <= states


def test_what_expires_is_told_as_defined_and_what_does_not_has_a_settlement_price(
    exchange: Exchange, alice: Client, bob: Client
) -> None:
    assert "settlement_price" not in alice.result("public/ticker", instrument_name=NAME)
    alice.result("public/subscribe", channels=[STATES])
    exchange.passes((WEEKLY_CALL.expiration_ns - exchange.harness.now) / 1e9 + 1)
    exchange.passes(1.0)
    notes = heard(alice)["instrument_state"]
    assert {"instrument_name": WEEKLY_CALL.name, "state": "closed"}.items() <= notes[-1].items()
    ticker = alice.result("public/ticker", instrument_name=NAME)
    assert ticker["settlement_price"] == ticker["mark_price"]

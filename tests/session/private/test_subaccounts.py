"""Sub-accounts: opened, named, paid, traded on and given positions; and back the same after a replay."""

from typing import Any, get_args

import pytest

from deltawire.exchange.accounts.account_records import AccountRecord
from deltawire.exchange.accounts.accounts import Accounts
from deltawire.exchange.codec import Codec
from tests.support.contracts import CALL, PERPETUAL
from tests.support.credentials import secret_login
from tests.support.exchange_harness import ExchangeHarness, refusal
from tests.support.trading import OWNER, Client, Exchange

NAME = PERPETUAL.name


@pytest.fixture
def alice(exchange: Exchange) -> Client:
    return exchange.client(OWNER)


@pytest.fixture
def sub(alice: Client) -> dict[str, Any]:
    found: dict[str, Any] = alice.result("private/create_subaccount")
    return found


def acting_as(exchange: Exchange, number: int) -> dict[str, Any]:
    """The tokens of a session of Alice's that has been exchanged for an account's."""
    client = exchange.stranger()
    session = client.result("public/auth", **secret_login(OWNER, scope="session:main"))
    return client.result(  # type: ignore[no-any-return]
        "public/exchange_token", refresh_token=session["refresh_token"], subject_id=number
    )


def balance(client: Client, **more: Any) -> float:
    found: float = client.result("private/get_account_summary", currency="BTC", **more)["balance"]
    return found


def test_a_sub_account_is_listed_with_its_owner(alice: Client, bob: Client, sub: dict[str, Any]) -> None:
    assert (sub["username"], sub["type"]) == ("alice_1", "subaccount")
    family = alice.result("private/get_subaccounts", with_portfolio=True)
    assert [(each["username"], each["type"]) for each in family] == [
        ("alice", "main"),
        ("alice_1", "subaccount"),
    ]
    assert [each["portfolio"]["btc"]["balance"] for each in family] == [10.0, 0.0]
    assert len(bob.result("private/get_subaccounts")) == 1
    assert alice.result("private/create_subaccount")["username"] == "alice_2"


def test_a_sub_account_has_another_name_if_it_is_free(alice: Client, sub: dict[str, Any]) -> None:
    assert alice.result("private/change_subaccount_name", sid=sub["id"], name="hedge") == "ok"
    assert alice.result("private/get_subaccounts")[1]["username"] == "hedge"
    for sid, name, param in ((sub["id"], "bob", "name"), (sub["id"], "", "name"), (7, "x", "sid")):
        assert alice.error("private/change_subaccount_name", sid=sid, name=name)["data"]["param"] == param


def test_money_goes_to_a_sub_account_and_back_and_is_none_more(
    exchange: Exchange, alice: Client, sub: dict[str, Any]
) -> None:
    paid = alice.result(
        "private/submit_transfer_to_subaccount", currency="BTC", amount=2.5, destination=sub["id"]
    )
    assert (paid["amount"], paid["direction"], paid["other_side"]) == (2.5, "payment", "alice_1")
    back = {"currency": "BTC", "amount": "0.5", "source": sub["id"], "destination": 1}
    alice.result("private/submit_transfer_between_subaccounts", **back)
    assert (balance(alice), exchange.harness.balance(sub["id"])) == (8.0, 2.0)
    answer = alice.result("private/get_transfers", currency="BTC")
    assert [(each["direction"], each["amount"]) for each in answer["data"]] == [
        ("income", 0.5),
        ("payment", 2.5),
    ]
    assert exchange.harness.balanced()


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"amount": 11}, 10009),
        ({"amount": 0}, 10021),
        ({"amount": -1}, 10021),
        ({"amount": 0.000000001}, 10021),
        ({"currency": "ETH"}, 10009),
        ({"destination": 2}, 13020),
        ({"destination": 1}, 13020),
        ({"source": 2}, 13020),
    ],
)
def test_a_transfer_that_cannot_be_changes_nothing(
    exchange: Exchange, alice: Client, sub: dict[str, Any], changes: dict[str, Any], code: int
) -> None:
    before = exchange.journalled()
    asked = {"currency": "BTC", "amount": 1, "destination": sub["id"]} | changes
    assert alice.error("private/submit_transfer_between_subaccounts", **asked)["code"] == code
    assert (balance(alice), exchange.journalled()) == (10.0, before)


def test_an_exchanged_token_acts_for_the_sub_account_alone(
    exchange: Exchange, alice: Client, bob: Client, sub: dict[str, Any]
) -> None:
    alice.result("private/submit_transfer_to_subaccount", currency="BTC", amount=1, destination=sub["id"])
    token = acting_as(exchange, sub["id"])["access_token"]
    client = exchange.stranger()
    bob.sell(100, 60_000.0)
    order = client.result("private/buy", instrument_name=NAME, amount=100, type="market", access_token=token)[
        "order"
    ]
    assert order["order_state"] == "filled"
    assert client.result("private/get_positions", access_token=token)[0]["size"] == 100.0
    assert alice.result("private/get_positions") == []
    assert alice.error("private/get_order_state", order_id=order["order_id"])["code"] == 10004
    (details,) = [
        each
        for each in alice.result("private/get_subaccounts_details", currency="BTC", with_open_orders=True)
        if each["uid"] == sub["id"]
    ]
    assert (details["positions"][0]["size"], details["open_orders"]) == (100.0, [])


def test_a_token_is_exchanged_within_a_family_alone(
    exchange: Exchange, alice: Client, sub: dict[str, Any]
) -> None:
    tokens = acting_as(exchange, sub["id"])
    stranger = exchange.stranger()
    for subject in (2, 999, 1_000_000):
        error = stranger.error(
            "public/exchange_token", refresh_token=tokens["refresh_token"], subject_id=subject
        )
        assert (error["code"], error["data"]["param"]) == (-32602, "subject_id")
    again = stranger.result("public/exchange_token", refresh_token=tokens["refresh_token"], subject_id=1)
    assert balance(stranger, access_token=again["access_token"]) == 10.0
    assert stranger.error("public/exchange_token", refresh_token="none", subject_id=1)["code"] == 13004
    bound = exchange.stranger().result("public/auth", **secret_login(OWNER))
    error = stranger.error(
        "public/exchange_token", refresh_token=bound["refresh_token"], subject_id=sub["id"]
    )
    assert error["code"] == 13009
    assert stranger.error("private/create_subaccount", access_token=tokens["access_token"])["code"] == 13021


def test_positions_move_at_a_price_without_fees(
    exchange: Exchange, alice: Client, bob: Client, sub: dict[str, Any]
) -> None:
    alice.result("private/submit_transfer_to_subaccount", currency="BTC", amount=5, destination=sub["id"])
    bob.sell(1000, 60_000.0)
    alice.buy(1000)
    bob.sell(1, 0.03, instrument_name=CALL.name)
    alice.buy(1, instrument_name=CALL.name)
    before = exchange.harness.equity(1) + exchange.harness.equity(sub["id"])
    answer = alice.result(
        "private/move_positions",
        source_uid=1,
        target_uid=sub["id"],
        trades=[
            {"instrument_name": NAME, "amount": 400, "price": 60_500.0},
            {"instrument_name": CALL.name, "amount": 1},
        ],
    )["trades"]
    assert [(each["direction"], each["amount"]) for each in answer] == [("buy", 400.0), ("buy", 1.0)]
    held = alice.result("private/get_subaccounts_details", currency="BTC")
    sizes = [{each["instrument_name"]: each["size"] for each in one["positions"]} for one in held]
    assert sizes == [{NAME: 600.0}, {NAME: 400.0, CALL.name: 1.0}]
    assert exchange.harness.equity(1) + exchange.harness.equity(sub["id"]) == pytest.approx(before, abs=1e-7)
    assert exchange.harness.balanced()
    words = {
        entry["type"]
        for entry in alice.result(
            "private/get_transaction_log", currency="BTC", start_timestamp=0, end_timestamp=10**13
        )["logs"]
    }
    assert "position_move" in words


@pytest.mark.parametrize(
    ("target", "amount", "code"), [(None, 1010, 10021), (None, 1000, 10009), (2, 10, 13020), (1, 10, 13020)]
)
def test_a_move_that_cannot_be_changes_nothing(
    exchange: Exchange,
    alice: Client,
    bob: Client,
    sub: dict[str, Any],
    target: int | None,
    amount: int,
    code: int,
) -> None:
    bob.sell(1000, 60_000.0)
    alice.buy(1000)
    before = exchange.journalled(), exchange.harness.accounts.freeze()
    error = alice.error(
        "private/move_positions",
        source_uid=1,
        target_uid=target or sub["id"],
        trades=[{"instrument_name": NAME, "amount": amount}],
    )
    assert error["code"] == code
    assert exchange.journalled() == before[0]
    assert exchange.harness.accounts.ledger.accounts[1].positions[NAME].lots == 1000
    assert exchange.harness.balanced()


def test_a_replay_of_the_records_leads_to_the_same_accounts(
    exchange: Exchange, alice: Client, bob: Client, sub: dict[str, Any]
) -> None:
    alice.result("private/submit_transfer_to_subaccount", currency="BTC", amount=5, destination=sub["id"])
    bob.sell(1000, 60_000.0)
    alice.buy(1000)
    moved = {"source_uid": 1, "target_uid": sub["id"], "trades": [{"instrument_name": NAME, "amount": 400}]}
    alice.result("private/move_positions", **moved)
    codec = Codec(*get_args(AccountRecord))
    records = [codec.decode(payload) for payload in exchange.disk.payloads]
    assert {type(record).__name__ for record in records} >= {"OpenSubaccount", "Transfer", "MovePositions"}
    replayed = ExchangeHarness()
    for account in (1, 2):
        replayed.deposit(account, 10.0)
    for record in records:
        assert not refusal(replayed.exchange.submit(record))
    assert replayed.accounts.freeze() == exchange.harness.accounts.freeze()
    restored = Accounts()
    restored.thaw(replayed.accounts.freeze())
    assert restored.freeze() == replayed.accounts.freeze()
    assert [each.name for each in restored.ledger.subaccounts(1)] == ["alice_1"]

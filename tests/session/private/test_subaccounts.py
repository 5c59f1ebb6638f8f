"""Sub-accounts: opened, named, paid, traded on and given positions; and back the same after a replay."""

from typing import Any, get_args

import pytest

from deltawire.exchange.accounts import subaccounts
from deltawire.exchange.accounts.account_log import AccountLog
from deltawire.exchange.accounts.account_records import AccountRecord, OpenSubaccount
from deltawire.exchange.accounts.accounts import Accounts
from deltawire.exchange.codec import Codec
from deltawire.model.instruments import Instrument
from tests.support.contracts import CALL, PERPETUAL
from tests.support.credentials import secret_login
from tests.support.definitions import TABLE
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
    for sid, name, param, reason in (
        (sub["id"], "bob", "name", "taken"),
        (7, "x", "sid", "no such sub-account of this account"),
    ):
        error = alice.error("private/change_subaccount_name", sid=sid, name=name)
        assert error["data"] == {"param": param, "reason": reason}


@pytest.mark.parametrize("name", ["", " ", "hedge ", "\u3000hedge", "a\u202eb", "a\x00b", "x" * 81])
def test_a_name_that_cannot_be_seen_is_refused_with_the_rule(
    alice: Client, sub: dict[str, Any], name: str
) -> None:
    error = alice.error("private/change_subaccount_name", sid=sub["id"], name=name)
    assert error["data"]["reason"].startswith("1 to 80 characters")
    assert alice.result("private/get_subaccounts")[1]["username"] == sub["username"]


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


@pytest.mark.parametrize(
    ("moved", "code", "data"),
    [
        (
            [{"instrument_name": NAME, "amount": 1}],
            10027,
            {"param": "amount", "reason": "a multiple of 10"},
        ),
        ([], -32602, {"param": "trades", "reason": "at least one"}),
    ],
)
def test_part_of_a_contract_is_not_moved(
    exchange: Exchange,
    alice: Client,
    bob: Client,
    sub: dict[str, Any],
    moved: list[dict[str, Any]],
    code: int,
    data: dict[str, str],
) -> None:
    """What was left of it could never be closed: no order has such an amount."""
    alice.result("private/submit_transfer_to_subaccount", currency="BTC", amount=1, destination=sub["id"])
    bob.sell(1000, 60_000.0)
    alice.buy(1000)
    before = exchange.journalled()
    asked = {"source_uid": 1, "target_uid": sub["id"], "trades": moved}
    error = alice.error("private/move_positions", **asked)
    assert (error["code"], error["data"]) == (code, data)
    assert exchange.journalled() == before
    ten = {"instrument_name": NAME, "amount": 10}
    error = alice.error("private/move_positions", **asked | {"target_uid": 1, "trades": [ten]})
    assert (error["code"], error["data"]["param"]) == (13020, "target_uid")
    assert alice.result("private/move_positions", **asked | {"trades": [ten]})["trades"]


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


def test_a_token_acts_for_its_sub_account_whatever_names_there_are(
    exchange: Exchange, alice: Client, bob: Client, sub: dict[str, Any]
) -> None:
    """Names change hands; a token does not."""
    alice.result("private/submit_transfer_to_subaccount", currency="BTC", amount=1, destination=sub["id"])
    token = acting_as(exchange, sub["id"])["access_token"]
    client = exchange.stranger()
    assert alice.result("private/change_subaccount_name", sid=sub["id"], name="hedge") == "ok"
    assert balance(client, access_token=token) == 1.0
    exchange.harness.deposit(3, 7.0)
    exchange.service.enrol("hedge", 3)  # the operator adds an account of this name
    exchange.service.enrol("alice_1", 4)
    found = client.result("private/get_account_summary", currency="BTC", extended=True, access_token=token)
    assert (found["id"], found["balance"], found["type"]) == (sub["id"], 1.0, "subaccount")
    assert exchange.service.account("hedge") == 3
    assert alice.result("private/create_subaccount")["username"] == "alice_2"


def test_a_name_is_not_taken_from_who_may_open_under_it(
    alice: Client, bob: Client, sub: dict[str, Any]
) -> None:
    for name in ("bob_1", "bob_2", "bob", "alice_1"):
        error = alice.error("private/change_subaccount_name", sid=sub["id"], name=name)
        assert (error["code"], error["data"]["param"]) == (-32602, "name")
    assert alice.result("private/change_subaccount_name", sid=sub["id"], name="alice_7") == "ok"
    assert bob.error("private/change_subaccount_name", sid=sub["id"], name="x")["code"] == 13020


def test_a_disabled_login_ends_sessions_until_it_is_enabled(
    exchange: Exchange, alice: Client, bob: Client, sub: dict[str, Any]
) -> None:
    tokens = acting_as(exchange, sub["id"])
    client, toggled = exchange.stranger(), "private/toggle_subaccount_login"
    assert balance(client, access_token=tokens["access_token"]) == 0.0
    assert bob.error(toggled, sid=sub["id"], state="disable")["code"] == 13020
    assert alice.error(toggled, sid=1, state="disable")["code"] == 13020
    assert alice.result(toggled, sid=sub["id"], state="disable") == "ok"
    asked = {"currency": "BTC", "access_token": tokens["access_token"]}
    assert client.error("private/get_account_summary", **asked)["code"] == 13009
    session = client.result("public/auth", **secret_login(OWNER, scope="session:main"))
    exchanged = {"refresh_token": session["refresh_token"], "subject_id": sub["id"]}
    assert "login is disabled" in client.error("public/exchange_token", **exchanged)["data"]["reason"]
    assert [each["login_enabled"] for each in alice.result("private/get_subaccounts")] == [False, False]
    assert alice.result(toggled, sid=sub["id"], state="enable") == "ok"
    token = client.result("public/exchange_token", **exchanged)["access_token"]
    assert balance(client, access_token=token) == 0.0


def test_a_sub_account_is_removed_when_it_is_empty_and_its_number_stays_its_own(
    exchange: Exchange, alice: Client, bob: Client, sub: dict[str, Any]
) -> None:
    number, removed = sub["id"], "private/remove_subaccount"
    alice.result("private/submit_transfer_to_subaccount", currency="BTC", amount=1, destination=number)
    assert alice.error(removed, subaccount_id=number)["code"] == 11030
    for wrong in (1, 2, 999):
        assert alice.error(removed, subaccount_id=wrong)["code"] == 13020
    assert bob.error(removed, subaccount_id=number)["code"] == 13020
    token = acting_as(exchange, number)["access_token"]
    client = exchange.stranger()
    stop = {"type": "stop_market", "trigger": "mark_price", "trigger_price": 70_000.0, "reduce_only": True}
    client.result("private/buy", instrument_name=NAME, amount=10, access_token=token, **stop)
    back = {"currency": "BTC", "amount": 1, "source": number, "destination": 1}
    alice.result("private/submit_transfer_between_subaccounts", **back)
    assert "orders" in alice.error(removed, subaccount_id=number)["data"]["reason"]
    client.result("private/cancel_all", access_token=token)
    assert alice.result(removed, subaccount_id=number) == "ok"
    error = client.error("private/get_account_summary", currency="BTC", access_token=token)
    assert error["code"] == 13009
    assert [each["id"] for each in alice.result("private/get_subaccounts")] == [1]
    again = {"currency": "BTC", "amount": 1, "destination": number}
    assert alice.error("private/submit_transfer_to_subaccount", **again)["code"] == 13020
    assert alice.result("private/create_subaccount")["id"] == number + 1
    assert exchange.harness.balanced()
    exchange.passes(60.0, 61_000.0)
    assert balance(alice) == 10.0


def test_sub_accounts_are_bounded_over_all_time(
    exchange: Exchange, alice: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subaccounts, "MOST_EVER", 3)
    for _ in range(3):
        number = alice.result("private/create_subaccount")["id"]
        alice.result("private/remove_subaccount", subaccount_id=number)
    before = exchange.harness.accounts.freeze()
    assert alice.error("private/create_subaccount")["code"] == 11030
    assert exchange.harness.accounts.freeze() == before


def test_a_removal_is_replayed(exchange: Exchange, alice: Client, sub: dict[str, Any]) -> None:
    alice.result("private/toggle_subaccount_login", sid=sub["id"], state="disable")
    other = alice.result("private/create_subaccount")["id"]
    alice.result("private/remove_subaccount", subaccount_id=other)
    codec = Codec(*get_args(AccountRecord))
    replayed = ExchangeHarness()
    for account in (1, 2):
        replayed.deposit(account, 10.0)
    for payload in exchange.disk.payloads:
        assert not refusal(replayed.exchange.submit(codec.decode(payload)))
    assert replayed.accounts.freeze() == exchange.harness.accounts.freeze()
    restored = Accounts()
    restored.thaw(replayed.accounts.freeze())
    assert (restored.ledger.last_sub, restored.ledger.accounts[sub["id"]].login) == (other, False)


OF_SUBACCOUNT: list[tuple[str, dict[str, Any]]] = [
    ("get_account_summaries", {"extended": True}),
    ("get_account_summary", {"currency": "BTC", "extended": True}),
    ("get_positions", {"currency": "BTC"}),
    ("get_transaction_log", {"currency": "BTC", "start_timestamp": 0, "end_timestamp": 10**13}),
    ("get_user_trades_by_currency", {"currency": "BTC"}),
    ("get_user_trades_by_currency_and_time", {"currency": "BTC", "end_timestamp": 10**13}),
    ("get_user_trades_by_instrument", {"instrument_name": NAME}),
    ("get_user_trades_by_instrument_and_time", {"instrument_name": NAME, "end_timestamp": 10**13}),
    ("get_user_trades_by_order", {"order_id": ""}),
]


@pytest.mark.parametrize(("name", "params"), OF_SUBACCOUNT)
def test_a_method_that_takes_a_sub_account_tells_what_that_one_is_told(
    exchange: Exchange, alice: Client, bob: Client, sub: dict[str, Any], name: str, params: dict[str, Any]
) -> None:
    number = sub["id"]
    alice.result("private/submit_transfer_to_subaccount", currency="BTC", amount=1, destination=number)
    token = acting_as(exchange, number)["access_token"]
    client = exchange.stranger()
    bob.sell(100, 60_000.0)
    order = {"instrument_name": NAME, "amount": 100, "type": "market", "access_token": token}
    order_id = client.result("private/buy", **order)["order"]["order_id"]
    if "order_id" in params:
        params = {"order_id": order_id}
    own = client.result(f"private/{name}", access_token=token, **params)
    asked = alice.result(f"private/{name}", subaccount_id=number, **params)
    assert asked == own
    assert asked != alice.result(f"private/{name}", **params)
    assert alice.result(f"private/{name}", subaccount_id=1, **params) != own
    for wrong in (2, 0, -1, 999_999):
        error = alice.error(f"private/{name}", subaccount_id=wrong, **params)
        assert (error["code"], error["data"]["param"]) == (13020, "subaccount_id")
    assert bob.error(f"private/{name}", subaccount_id=number, **params)["code"] == 13020
    assert client.error(f"private/{name}", subaccount_id=1, access_token=token, **params)["code"] == 13020


def test_every_method_that_documents_a_sub_account_takes_it() -> None:
    documented = {
        name for name, entry in TABLE["methods"].items() if "subaccount_id?" in entry.get("params", {})
    }
    assert documented == {f"private/{name}" for name, _ in OF_SUBACCOUNT}


@pytest.mark.parametrize("price", [5e-324, 1e-300, 0.01, 6_000_001, 1e18, 2**63, 10**30, 1e300, 1.7e308])
@pytest.mark.parametrize("instrument", [PERPETUAL, CALL])
@pytest.mark.parametrize("sign", [1, -1])
def test_a_move_at_an_absurd_price_is_refused_and_harms_nobody(
    exchange: Exchange,
    alice: Client,
    sub: dict[str, Any],
    price: float,
    instrument: Instrument,
    sign: int,
) -> None:
    """One of 5e-324 overflowed in the middle of the record, after which the exchange refused everything."""
    alice.result("private/submit_transfer_to_subaccount", currency="BTC", amount=4, destination=sub["id"])
    amount, at = (1000.0, 60_000.0) if instrument is PERPETUAL else (1.0, 0.03)
    exchange.harness.order(2, instrument, -sign * amount, at)
    exchange.harness.order(1, instrument, sign * amount, at)
    moved = {"instrument_name": instrument.name, "amount": amount, "price": price}
    asked = {"source_uid": 1, "target_uid": sub["id"], "trades": [moved]}
    if instrument is CALL and price == 0.01:
        assert alice.result("private/move_positions", **asked)["trades"]
        return
    before = exchange.journalled()
    error = alice.error("private/move_positions", **asked)
    assert (error["code"], error["data"]["param"]) == (10023, "price")
    assert exchange.journalled() == before
    assert exchange.harness.balanced()
    assert alice.result("private/move_positions", **asked | {"trades": [moved | {"price": at}]})["trades"]


def test_the_margin_model_of_a_sub_account_is_changed_by_its_owner(
    exchange: Exchange, alice: Client, bob: Client, sub: dict[str, Any]
) -> None:
    changed, asked = "private/change_margin_model", {"margin_model": "segregated_pm", "user_id": sub["id"]}
    alice.result(changed, **asked)
    models = [each["margin_model"] for each in alice.result("private/get_subaccounts")]
    assert models == ["segregated_sm", "segregated_pm"]
    error = alice.error(changed, **asked | {"user_id": 2})
    assert (error["code"], error["data"]["param"]) == (13020, "user_id")


def test_an_account_with_the_longest_name_has_sub_accounts(exchange: Exchange) -> None:
    exchange.harness.deposit(7, 1.0)
    exchange.service.enrol("n" * 64, 7)
    opened = exchange.service.submit(OpenSubaccount(at_ns=exchange.now(), account=7, name="n" * 64 + "_1000"))
    assert not refusal(opened)


def test_a_transfer_is_made_once_under_a_nonce_also_after_a_replay(
    exchange: Exchange, alice: Client, sub: dict[str, Any]
) -> None:
    pay, asked = "private/submit_transfer_between_subaccounts", {"currency": "BTC", "destination": sub["id"]}
    first = alice.result(pay, amount=1, nonce="n-000001", **asked)
    before = exchange.journalled()
    assert first["nonce"] == "n-000001"
    for amount in (1, 2, 1000):
        assert alice.result(pay, amount=amount, nonce="n-000001", **asked) == first
    assert (exchange.journalled(), balance(alice)) == (before, 9.0)
    assert alice.result(pay, amount=1, nonce="n-000002", **asked)["id"] != first["id"]
    assert "nonce" not in alice.result(pay, amount=1, **asked)
    back = {"currency": "BTC", "destination": 1, "source": sub["id"], "nonce": "n-000001"}
    assert alice.result(pay, amount=1, **back)["direction"] == "payment"
    assert balance(alice) == 8.0
    for nonce in ("short", "x" * 129, 12345678):
        assert alice.error(pay, amount=1, nonce=nonce, **asked)["data"]["param"] == "nonce"
    transfers = alice.result("private/get_transfers", currency="BTC")["data"]
    assert [each.get("nonce") for each in transfers] == ["n-000001", None, "n-000002", "n-000001"]
    log = AccountLog(before=1_000_000, kept=100)
    log.thaw(exchange.service._history.log.freeze())
    assert [entry.nonce for entry in log.entries(1) if entry.nonce] == ["n-000001", "n-000002", "n-000001"]

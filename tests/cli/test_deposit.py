"""`deltawire account deposit`: every deposit is made once, whatever is killed when."""

import base64
import json
import random
import re
import signal
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from deltawire.exchange.accounts.account_records import Deposit
from deltawire.exchange.accounts.accounts import Accounts
from deltawire.exchange.orders.codes import Rejection
from deltawire.store.accounts import AccountEntry, AccountStore, LaterDeposit
from deltawire.store.keys import KeyStore
from tests.support.commands import Command, run
from tests.support.effort import examples
from tests.support.waiting import HANG_S, wait_until

Capture = pytest.CaptureFixture[str]
ROUNDS = examples(3)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of its own for every test."""
    monkeypatch.setenv("DELTAWIRE_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def balance(server: Command, currency: str = "BTC") -> float | None:
    """What the running server says the account has; None while it does not know the account."""
    (key,) = KeyStore().read()
    login = base64.b64encode(f"{key.client_id}:{key.secret}".encode()).decode()
    url = f"{server.base}/api/v2/private/get_account_summary?currency={currency}"  # type: ignore[attr-defined]
    request = urllib.request.Request(url, headers={"Authorization": f"Basic {login}"})
    try:
        with urllib.request.urlopen(request, timeout=HANG_S) as answer:
            found: float = json.load(answer)["result"]["balance"]
            return found
    except urllib.error.HTTPError as error:
        with error:
            return None


def until_balance(server: Command, wanted: float, currency: str = "BTC") -> None:
    """Wait for a balance; more than that is an error at once."""

    def come() -> bool:
        funds = balance(server, currency)
        assert funds is None or funds <= wanted, "deposited twice"
        return funds == wanted

    wait_until(come)


def serving(folder: Path) -> Command:
    """A server that serves; its address is `base`."""
    server = Command("serve", "--port", 0, DELTAWIRE_HOME=str(folder))
    try:
        match = re.search(r"http://[^/]*", server.out.until("HTTP"))
    except EOFError:
        raise AssertionError(server.err.rest()) from None
    assert match is not None
    server.base = match[0]  # type: ignore[attr-defined]
    return server


def test_a_running_server_makes_a_deposit_and_a_stopped_one_when_it_starts(
    capsys: Capture, folder: Path
) -> None:
    run(capsys, "account", "add", "bot", "--deposit", "BTC=10")
    run(capsys, "account", "deposit", "bot", "BTC=1")  # before any server has ever run
    with serving(folder) as server:
        until_balance(server, 11)
        outcome = run(capsys, "account", "deposit", "bot", "BTC=0.5", "usdc=100")
        assert (
            outcome.out
            == "bot: deposited 0.5 BTC, 11.5 BTC in total\nbot: deposited 100 USDC, 100 USDC in total\n"
        )
        until_balance(server, 11.5)
        until_balance(server, 100, "USDC")
        server.signal(signal.SIGTERM)
        assert server.end() == 0
    run(capsys, "account", "deposit", "bot", "BTC=0.25", "--json")
    for _ in range(2):
        with serving(folder) as server:
            until_balance(server, 11.75)
            until_balance(server, 100, "USDC")


def test_no_deposit_is_lost_or_doubled_when_the_server_is_killed(capsys: Capture, folder: Path) -> None:
    run(capsys, "account", "add", "bot", "--deposit", "BTC=1")
    chance, total = random.Random(5), 1
    for _ in range(ROUNDS):
        with serving(folder) as server:
            until_balance(server, total)
            for _ in range(3):
                run(capsys, "account", "deposit", "bot", "BTC=1")
                total += 1
            time.sleep(chance.uniform(0, 0.1))  # before, while, or after it is taken: none may matter
            server.signal(signal.SIGKILL)
            server.end()
    with serving(folder) as server:
        until_balance(server, total)
    shown = json.loads(run(capsys, "account", "list", "--json").out)
    assert shown == [{"account": "bot", "deposits": {"BTC": str(total)}}]


def test_a_numbered_deposit_is_taken_once_and_in_order() -> None:
    accounts = Accounts()

    def deposit(number: int, units: int = 5) -> Any:
        return accounts.received(Deposit(at_ns=1, account=1, currency="BTC", units=units, number=number))

    assert deposit(0) is None
    assert isinstance(deposit(2), Rejection)
    assert deposit(1) is None
    assert isinstance(deposit(1), Rejection)
    assert deposit(2) is None
    assert isinstance(deposit(3, units=-5), Rejection)
    assert accounts.ledger.accounts[1].deposits == 2
    assert accounts.ledger.accounts[1].wallets["BTC"].balance == 15
    accounts.thaw(accounts.freeze())
    assert isinstance(deposit(2), Rejection)
    assert deposit(3) is None
    assert accounts.imbalance("BTC") == 0


def test_the_list_shows_all_that_was_deposited(capsys: Capture) -> None:
    run(capsys, "account", "add", "bot", "--deposit", "BTC=1.5")
    run(capsys, "account", "deposit", "bot", "BTC=1", "ETH=2")
    assert "2.5 BTC, 2 ETH" in run(capsys, "account", "list").out
    assert AccountStore().read() == [
        AccountEntry(
            "bot", 1, {"BTC": 150_000_000}, (LaterDeposit("BTC", 10**8), LaterDeposit("ETH", 2 * 10**8))
        )
    ]


@pytest.mark.parametrize(
    "amount",
    ["BTC", "BTC=", "BTC=0", "BTC=-1", "BTC=x", "BTC=nan", "BTC=0.000000001", "DOGE=1", "BTC=1000000000"],
)
def test_an_amount_that_is_none_is_refused(capsys: Capture, amount: str) -> None:
    run(capsys, "account", "add", "bot")
    outcome = run(capsys, "account", "deposit", "bot", "ETH=1", amount)
    assert (outcome.code, outcome.out, outcome.err.count("\n")) == (2, "", 1)
    assert amount in outcome.err
    assert AccountStore().read()[0].later == ()


def test_a_coin_is_named_once(capsys: Capture) -> None:
    run(capsys, "account", "add", "bot")
    outcome = run(capsys, "account", "deposit", "bot", "BTC=1", "btc=1")
    assert (outcome.code, "given twice" in outcome.err) == (2, True)


def test_all_accounts_together_hold_what_the_exchange_can_count(capsys: Capture) -> None:
    run(capsys, "account", "add", "one", "--deposit", "BTC=600000000")
    for command in (
        ("add", "two", "--deposit", "BTC=400000000"),
        ("deposit", "one", "BTC=400000000"),
    ):
        outcome = run(capsys, "account", *command)
        assert (outcome.code, "too much BTC" in outcome.err) == (2, True)
    assert [each.total() for each in AccountStore().read()] == [{"BTC": 6 * 10**16}]


@pytest.mark.parametrize(
    "command", [("account", "deposit", "bto", "BTC=1"), ("keys", "add", "--account", "bto")]
)
def test_an_account_that_is_not_there_is_an_error_that_says_which_are(
    capsys: Capture, command: tuple[str, ...]
) -> None:
    outcome = run(capsys, *command)
    assert (outcome.code, outcome.out) == (2, "")
    assert (
        outcome.err
        == "deltawire: no account 'bto'; there are no accounts; to create it: deltawire account add bto\n"
    )
    run(capsys, "account", "add", "bot")
    run(capsys, "account", "add", "other")
    keys = KeyStore().read()
    outcome = run(capsys, *command)
    assert outcome.code == 2
    assert "no account 'bto'; accounts are bot, other; to create it: deltawire account add bto" in outcome.err
    assert KeyStore().read() == keys


def test_a_key_for_an_account_that_is_there_acts_for_it(capsys: Capture) -> None:
    run(capsys, "account", "add", "bot")
    assert run(capsys, "keys", "add", "second", "--account", "bot").code == 0
    assert [key.account for key in KeyStore().read()] == ["bot", "bot"]


def test_a_key_that_may_trade_on_nothing_says_so(capsys: Capture) -> None:
    reads = run(capsys, "keys", "add", "feed")
    assert (reads.code, "no account" in reads.err) == (0, False)
    trades = run(capsys, "keys", "add", "bot", "--scope", "account:read trade:read_write")
    assert (trades.code, "the account main does not exist" in trades.err) == (0, True)
    run(capsys, "account", "add", "main")
    trades = run(capsys, "keys", "add", "bot2", "--scope", "account:read trade:read_write")
    assert "no account" not in trades.err

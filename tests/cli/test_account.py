"""`deltawire account`: who trades on the built-in exchange."""

import json
from pathlib import Path

import pytest

from deltawire.store.accounts import FIRST, AccountStore
from deltawire.store.keys import KeyStore
from tests.support.commands import run

Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of its own for every test."""
    monkeypatch.setenv("DELTAWIRE_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def test_an_account_comes_with_a_key_that_may_do_everything(capsys: Capture) -> None:
    outcome = run(capsys, "account", "add", "bot", "--deposit", "BTC=10", "--deposit", "usdc=2.5", "--json")
    assert outcome.code == 0
    shown = json.loads(outcome.out)
    (key,) = KeyStore().read()
    assert (key.client_id, key.secret, key.account) == (shown["client_id"], shown["client_secret"], "bot")
    assert "trade:read_write" in key.rights
    (entry,) = AccountStore().read()
    assert (entry.name, entry.number) == ("bot", FIRST)
    assert entry.deposits == {"BTC": 1_000_000_000, "USDC": 250_000_000}


def test_without_json_the_secret_is_shown_once_in_words(capsys: Capture) -> None:
    outcome = run(capsys, "account", "add", "bot")
    (key,) = KeyStore().read()
    assert key.secret in outcome.out
    assert "not shown again" in outcome.err


def test_a_coin_is_deposited_once(capsys: Capture) -> None:
    outcome = run(capsys, "account", "add", "bot", "--deposit", "BTC=1", "--deposit", "btc=2")
    assert (outcome.code, outcome.out, outcome.err.count("\n")) == (2, "", 1)
    assert "give the total once, BTC=AMOUNT" in outcome.err
    assert AccountStore().read() == []
    assert KeyStore().read() == []


def test_names_are_given_once_and_numbers_never_again(capsys: Capture) -> None:
    run(capsys, "account", "add", "one")
    run(capsys, "account", "add", "two")
    outcome = run(capsys, "account", "add", "one")
    assert (outcome.code, "account 'one' already exists" in outcome.err) == (2, True)
    assert [entry.number for entry in AccountStore().read()] == [FIRST, FIRST + 1]
    assert len(KeyStore().read()) == 2


@pytest.mark.parametrize(
    "deposit",
    ["BTC", "BTC=", "BTC=0", "BTC=-1", "BTC=x", "BTC=0.000000001", "DOGE=1", "BTC=1e5", "BTC=9999999999"],
)
def test_a_deposit_that_is_none_makes_no_account(capsys: Capture, deposit: str) -> None:
    outcome = run(capsys, "account", "add", "bot", "--deposit", deposit)
    assert outcome.code == 2
    assert deposit in outcome.err
    assert (AccountStore().read(), KeyStore().read()) == ([], [])


@pytest.mark.parametrize("name", ["", "a b", "x" * 65, "../x"])
def test_a_name_that_is_none_is_refused(capsys: Capture, name: str) -> None:
    assert run(capsys, "account", "add", name).code == 2
    assert AccountStore().read() == []


def test_accounts_are_listed_with_what_they_began_with(capsys: Capture) -> None:
    assert "no accounts" in run(capsys, "account", "list").out
    run(capsys, "account", "add", "bot", "--deposit", "BTC=1.5")
    assert "1.5 BTC" in run(capsys, "account", "list").out
    rows = json.loads(run(capsys, "account", "list", "--json").out)
    assert rows == [{"account": "bot", "deposits": {"BTC": "1.5"}}]


def test_a_damaged_file_is_named(capsys: Capture, folder: Path) -> None:
    run(capsys, "account", "add", "bot")
    (folder / "accounts.json").write_bytes(b"[{")
    outcome = run(capsys, "account", "list")
    assert (outcome.code, "accounts.json is damaged" in outcome.err) == (2, True)


@pytest.mark.parametrize(("first", "second"), [("bot", "bot_1"), ("bot_22", "bot"), ("a_1", "a_1_2")])
def test_names_of_sub_accounts_are_reserved_for_their_owner(capsys: Capture, first: str, second: str) -> None:
    assert run(capsys, "account", "add", first).code == 0
    before = AccountStore().path.read_bytes(), KeyStore().path.read_bytes()
    outcome = run(capsys, "account", "add", second)
    assert (outcome.code, outcome.out, outcome.err.count("\n")) == (2, "", 1)
    assert "sub-account" in outcome.err
    assert "choose another name" in outcome.err
    assert (AccountStore().path.read_bytes(), KeyStore().path.read_bytes()) == before
    for name in (f"{first}_", f"{first}_hedge", "other_1"):
        assert run(capsys, "account", "add", name).code == 0


def test_a_number_of_a_sub_account_is_refused_in_the_file(capsys: Capture, folder: Path) -> None:
    run(capsys, "account", "add", "bot")
    AccountStore().path.write_text(json.dumps([{"name": "bot", "number": 500_000, "deposits": {}}]))
    outcome = run(capsys, "account", "list")
    assert (outcome.code, "accounts.json is damaged" in outcome.err) == (2, True)

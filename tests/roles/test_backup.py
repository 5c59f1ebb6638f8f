"""A backup of a running exchange is restored with the same accounts; a damaged one is refused."""

import base64
import json
import subprocess
import sys
import urllib.request
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from deltawire.errors import UsageError
from deltawire.roles.backup import back_up, restore
from tests.support.served_exchange import Account, ServedExchange, serving_exchange
from tests.support.waiting import HANG_S


def private(exchange: ServedExchange, account: Account, method: str, **params: object) -> Any:
    """The result of a private method, over GET."""
    login = base64.b64encode(f"{account.client_id}:{account.client_secret}".encode()).decode()
    request = urllib.request.Request(
        f"{exchange.served.http}/api/v2/private/{method}?{urlencode(params)}",
        headers={"Authorization": f"Basic {login}"},
    )
    with urllib.request.urlopen(request, timeout=HANG_S) as answer:
        return json.load(answer)["result"]


def state(exchange: ServedExchange, account: Account) -> dict[str, Any]:
    """What no move of the market changes."""
    summary = private(exchange, account, "get_account_summary", currency="BTC")
    orders = private(exchange, account, "get_open_orders_by_currency", currency="BTC")
    positions = private(exchange, account, "get_positions", currency="BTC")
    return {
        "balance": summary["balance"],
        "orders": [(order["order_id"], order["price"], order["amount"]) for order in orders],
        "positions": [(each["instrument_name"], each["size"], each["average_price"]) for each in positions],
        "trades": private(exchange, account, "get_user_trades_by_currency", currency="BTC")["trades"],
    }


def test_a_backup_of_a_running_exchange_has_the_same_accounts(tmp_path: Path) -> None:
    folders = tmp_path / "home", tmp_path / "restored"
    folders[0].mkdir(mode=0o700)
    with serving_exchange(folders[0]) as exchange:
        alice = exchange.add_account("alice", "BTC=10")
        instrument = {"instrument_name": "BTC-PERPETUAL"}
        private(exchange, alice, "buy", **instrument, amount=1000, type="market")
        private(exchange, alice, "buy", **instrument, amount=500, price=exchange.price(0.9))
        before = state(exchange, alice)
        backup = tmp_path / "home.tar.zst"
        command = [sys.executable, "-m", "deltawire", "backup", str(backup)]
        subprocess.run(command, check=True, env={"DELTAWIRE_HOME": str(folders[0])}, timeout=HANG_S)
        private(exchange, alice, "cancel_all")
    assert before["positions"]
    assert len(before["orders"]) == 1
    assert backup.stat().st_mode & 0o777 == 0o600
    assert restore(backup, folders[1]).sequence > 0
    with serving_exchange(folders[1]) as exchange:
        assert state(exchange, alice) == before


def test_a_damaged_backup_restores_nothing(tmp_path: Path) -> None:
    home, backup = tmp_path / "home", tmp_path / "home.tar.zst"
    home.mkdir(mode=0o700)
    (home / "accounts.json").write_bytes(b"[]")
    (home / "accounts.json").chmod(0o600)
    back_up(home, backup)
    content = backup.read_bytes()
    restored = 0
    for place in range(0, len(content), 7):
        backup.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
        folder = tmp_path / f"restored-{place}"
        with suppress(UsageError):  # where only padding is damaged, there is nothing to refuse
            restore(backup, folder)
            assert (folder / "accounts.json").read_bytes() == b"[]"
            restored += 1
            continue
        assert not folder.exists()
    assert restored < len(content) / 7 / 4


def test_neither_a_backup_nor_a_home_is_overwritten(tmp_path: Path) -> None:
    home, backup = tmp_path / "home", tmp_path / "home.tar.zst"
    home.mkdir(mode=0o700)
    with pytest.raises(UsageError, match="no state"):
        back_up(home, backup)
    (home / "accounts.json").write_bytes(b"[]")
    (home / "accounts.json").chmod(0o600)
    back_up(home, backup)
    with pytest.raises(UsageError, match="exists"):
        back_up(home, backup)
    with pytest.raises(UsageError, match="not empty"):
        restore(backup, home)

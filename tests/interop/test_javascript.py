"""Unmodified clients for JavaScript, each in a process of its own, on the exchange."""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.support.served_exchange import Account, ServedExchange
from tests.support.waiting import HANG_S

CLIENTS = Path(__file__).parent / "js"
NOTIFICATIONS = 300

pytestmark = pytest.mark.skipif(
    shutil.which("node") is None or not (CLIENTS / "node_modules").exists(),
    reason="needs node, and the packages that `make interop` installs",
)


def seen_by(client: str, *options: str, **environment: str) -> Any:
    """What a client has seen: the one line of JSON that it prints in the end."""
    command = ["node", *options, client]
    values = os.environ | {"NOTIFICATIONS": str(NOTIFICATIONS)} | environment
    done = subprocess.run(
        command, cwd=CLIENTS, env=values, capture_output=True, text=True, timeout=HANG_S, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip(), done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def keys_of(account: Account) -> dict[str, str]:
    """How a client is told its key."""
    return {"CLIENT_ID": account.client_id, "CLIENT_SECRET": account.client_secret}


def test_ccxt_reads_the_market_trades_and_reads_its_account(
    exchange: ServedExchange, account: Account
) -> None:
    seen = seen_by(
        "ccxt_client.mjs",
        HTTP=exchange.served.http,
        WEBSOCKET=exchange.served.websocket,
        **keys_of(account),
    )
    assert seen == {
        "books": NOTIFICATIONS,
        "crossed": 0,
        "trade": "BTC/USD:BTC",
        "order": ["open", 200, "canceled", "closed"],
        "watched": "BTC/USD:BTC",
        "position": ["long", 100],
        "balance": True,
    }


@pytest.mark.parametrize("authenticated", [False, True], ids=["public", "authenticated"])
def test_tardis_keeps_a_book_that_is_never_crossed(
    exchange: ServedExchange, account: Account, *, authenticated: bool
) -> None:
    keys = {
        "DERIBIT_API_CLIENT_ID": account.client_id,
        "DERIBIT_API_CLIENT_SECRET": account.client_secret,
    }
    environment = {"WSS_URL_DERIBIT": exchange.served.websocket} | (keys if authenticated else {})
    assert seen_by("tardis_client.mjs", **environment) == {"snapshots": 1, "crossed": 0, "kinds": True}


def test_ccxws_gets_a_snapshot_and_updates_in_sequence(exchange: ServedExchange) -> None:
    seen = seen_by("ccxws_client.mjs", WEBSOCKET=exchange.served.websocket)
    assert seen == {"snapshots": 1, "broken": 0}


def test_deribit_v2_ws_follows_a_book_and_trades(
    secure_exchange: ServedExchange, secure_account: Account
) -> None:
    seen = seen_by(
        "deribit_v2_ws_client.cjs",
        "--require",
        "./redirect.cjs",
        ADDRESS=secure_exchange.host,
        NODE_EXTRA_CA_CERTS=str(secure_exchange.certificate),
        **keys_of(secure_account),
    )
    assert seen == {"broken": 0, "order": ["open", 200, "cancelled"], "position": 0, "equity": True}

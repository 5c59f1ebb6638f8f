"""Whoever attacks a running exchange, its accounts or its other clients: the real command, memory measured."""

import json
import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from deltawire.store.accounts import AccountStore
from deltawire.store.keys import KeyStore
from tests.support.commands import Command
from tests.support.credentials import ALICE, READER, changed, secret_login
from tests.support.frames import client_frame
from tests.support.gateway_server import RawClient
from tests.support.waiting import wait_until

NAME = "BTC-PERPETUAL"
MIB = 1024 * 1024
MAY_GROW = 64 * MIB
BOB = changed(ALICE, client_id="bob-id", name="", account="bob", secret="s3cret-of-bob")
CONFIG = "[credits]\nrefill = 1000000000\npool = 1000000000\nsubscription_pool = 1000000000\n"


class Trader:
    """A raw connection that has signed in."""

    def __init__(self, port: int, key: Any = ALICE) -> None:
        self.client = RawClient(port)
        assert " 101 " in self.client.handshake()
        assert "result" in self.client.answer("public/auth", **secret_login(key))

    def result(self, method: str, **params: Any) -> Any:
        """The result of a method."""
        answer = self.client.answer(f"private/{method}", **params)
        assert "error" not in answer, answer
        return answer["result"]

    def error(self, method: str, **params: Any) -> Any:
        """The error of a method."""
        return self.client.answer(f"private/{method}", **params)["error"]

    def rests(self, **more: Any) -> dict[str, Any]:
        """A bid that nobody takes."""
        order = {"instrument_name": NAME, "amount": 100, "price": 1000.0, "type": "limit"}
        mark = self.client.answer("public/ticker", instrument_name=NAME)["result"]["mark_price"]
        found: dict[str, Any] = self.result("buy", **order | {"price": round(mark * 0.97)} | more)["order"]
        return found

    def open_orders(self) -> dict[str, str]:
        """Labels by order id."""
        orders = self.result("get_open_orders_by_instrument", instrument_name=NAME)
        return {each["order_id"]: each["label"] for each in orders}

    def __enter__(self) -> "Trader":
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.client.close()


@contextmanager
def exchange(home: Path) -> Iterator[tuple[Command, int]]:
    """`deltawire serve` with nothing given; yields it and its port once the perpetual is traded."""
    config = home / "config.toml"
    if not config.exists():
        config.write_text(CONFIG)
        for name in ("alice", "bob"):
            AccountStore(home).add(name, {"BTC": 10 * 10**8})
        for key in (ALICE, READER, BOB):
            KeyStore(home).add(key)
    with Command("serve", "--port", 0, "--config", config, DELTAWIRE_HOME=str(home)) as server:
        match = re.search(r":(\d+)/ws/api", server.out.until("WebSocket"))
        assert match is not None
        port = int(match[1])
        wait_until(lambda: has_begun(port))
        yield server, port


def has_begun(port: int) -> bool:
    """Whether the perpetual has a mark and alice her account."""
    with Trader(port) as alice:
        ticker = alice.client.answer("public/ticker", instrument_name=NAME).get("result", {})
        return bool(ticker.get("mark_price")) and "result" in alice.client.answer("private/get_open_orders")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def running(home: Path) -> Iterator[tuple[Command, int]]:
    with exchange(home) as found:
        yield found


@pytest.fixture
def port(running: tuple[Command, int]) -> Iterator[int]:
    """Where it is; a test leaves no order, and has cost no memory to speak of."""
    server, port = running
    before = server.peak_memory()
    yield port
    for key in (ALICE, BOB):
        with Trader(port, key) as trader:
            trader.result("cancel_all")
    assert server.peak_memory() - before < MAY_GROW


def test_a_reader_sends_no_order_and_nobody_touches_anothers(port: int) -> None:
    with Trader(port) as alice, Trader(port, READER) as reader, Trader(port, BOB) as bob:
        order_id = alice.rests()["order_id"]
        order = {"instrument_name": NAME, "amount": 100, "price": 1000.0}
        assert reader.error("buy", **order)["code"] == 13021
        assert reader.error("cancel", order_id=order_id)["code"] == 13021
        assert bob.error("cancel", order_id=order_id)["code"] == 10004
        assert bob.error("edit", order_id=order_id, amount=50, price=1.0)["code"] == 10004
        assert bob.error("get_order_state", order_id=order_id)["code"] == 10004
        assert list(alice.open_orders()) == [order_id]


@pytest.mark.parametrize(
    "number",
    ["-0", "-0.0", "NaN", "Infinity", "1e400", "1000.123", "9223372036854775808", '"ten"', "null", "1e-9"],
)
@pytest.mark.parametrize("field", ["price", "amount"])
def test_a_number_that_is_none_is_no_order(port: int, field: str, number: str) -> None:
    with Trader(port) as alice:
        before = alice.open_orders()
        params = {"instrument_name": NAME, "amount": 100, "price": 1000.0, "type": "limit", field: "HERE"}
        request = {"jsonrpc": "2.0", "id": 7, "method": "private/buy", "params": params}
        alice.client.send(client_frame(json.dumps(request).replace('"HERE"', number).encode()))
        assert alice.client.message()["error"]["code"] != 0
        assert alice.open_orders() == before


def test_a_flood_of_refused_orders_costs_nothing(port: int) -> None:
    with Trader(port) as alice:
        for number in range(2_000):
            order = {"instrument_name": NAME, "amount": 2**63 + number, "price": 1000.0, "label": "x" * 64}
            assert "code" in alice.error("buy", **order)
        assert not alice.open_orders()


def test_answers_of_who_has_gone_reach_no_other(port: int) -> None:
    with Trader(port, BOB) as bob:
        for number in range(100):
            alice = Trader(port)
            order = {"instrument_name": NAME, "amount": 10, "price": 1000.0, "label": f"a{number}"}
            alice.client.request("private/buy", f"alice-{number}", **order)
            alice.client.reset()
            bob.client.request("private/get_open_orders", f"bob-{number}")
            answer = bob.client.message()
            assert (answer["id"], answer["result"]) == (f"bob-{number}", [])


def test_cancel_on_disconnect_strikes_once_for_a_connection_that_breaks(port: int) -> None:
    with Trader(port) as watching:
        watching.client.answer("private/subscribe", channels=[f"user.orders.{NAME}.raw"])
        leaving = Trader(port)
        leaving.result("enable_cancel_on_disconnect", scope="connection")
        order_id = leaving.rests(label="goes with it")["order_id"]
        stays = watching.rests(label="stays")["order_id"]
        leaving.client.reset()
        states = []
        while "cancelled" not in states:
            note = watching.client.message()
            data = note.get("params", {}).get("data", {})
            if data.get("order_id") == order_id:
                states.append(data["order_state"])
        assert states[-1] == "cancelled"
        assert list(watching.open_orders()) == [stays]
        watching.client.request("public/test", "mark")
        while (note := watching.client.message()).get("id") != "mark":
            assert note.get("params", {}).get("data", {}).get("order_id") != order_id, "struck twice"


def test_a_unique_label_is_one_order_even_after_a_crash(tmp_path: Path) -> None:
    ids = set()
    with exchange(tmp_path) as (server, port):
        with Trader(port) as alice:
            ids |= {alice.rests(label="once", unique_label=True)["order_id"] for _ in range(3)}
        server.signal(signal.SIGKILL)
        server.end()
    with exchange(tmp_path) as (_, port), Trader(port) as alice:
        assert list(alice.open_orders()) == list(ids)
        ids.add(alice.rests(label="once", unique_label=True)["order_id"])
        assert alice.open_orders() == dict.fromkeys(ids, "once")
    assert len(ids) == 1


def test_nothing_acknowledged_is_lost_by_a_stop_under_load(tmp_path: Path) -> None:
    with exchange(tmp_path) as (server, port), Trader(port) as alice:
        mark = alice.client.answer("public/ticker", instrument_name=NAME)["result"]["mark_price"]
        order = {"instrument_name": NAME, "amount": 10, "price": round(mark * 0.97)}
        acknowledged = {alice.result("buy", **order, label="first")["order"]["label"]}
        for number in range(200):
            alice.client.request("private/buy", number, **order, label=f"order-{number}")
            if number == 100:
                server.signal(signal.SIGTERM)
        while (frame := alice.client.frame()).opcode == 1:
            message = json.loads(frame.payload)
            if "order" in message.get("result", {}):
                acknowledged.add(message["result"]["order"]["label"])
        assert frame.close_code == 1001
        alice.client.close()
        assert server.end() == 0
    with exchange(tmp_path) as (_, port), Trader(port) as alice:
        assert acknowledged <= set(alice.open_orders().values())

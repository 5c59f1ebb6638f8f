"""What one client could do to the exchange and to the others, over real sockets, ws and wss: bounded or refused.

Each test fails on version 0.1.0. Most run the real command; bounds are counts, bytes and the order of answers.
"""

import json
import os
import re
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from deltawire.gateway.websocket import MOST_HELD
from deltawire.store.certificates import self_signed
from deltawire.store.keys import KeyStore
from deltawire.wire.deflate import deflated
from tests.support.commands import Command
from tests.support.credentials import ALICE, secret_login
from tests.support.effort import THOROUGH
from tests.support.frames import TEXT, client_frame, request_frame
from tests.support.gateway_server import GatewayServer, RawClient, Way, open_socket
from tests.support.rights_server import (
    NAME,
    TRADER,
    RightsServer,
    TlsClient,
    furnish,
    request,
    rights_server,
    started,
)
from tests.support.trading import Exchange
from tests.support.waiting import HANG_S, wait_until

MIB = 1024 * 1024
DAY_MS = 24 * 3600 * 1000
PER_INSTRUMENT, PER_ACCOUNT = 500, 2_000
"""Orders that may be open, where nothing is configured."""
SNAPSHOT_EVERY = 50_000 if THOROUGH else 20_000
"""Records between two snapshots; the suite asks for more of them than a server makes."""
TIMED_OUT = 13888


@pytest.fixture(scope="module", params=["ws", "wss"])
def scheme(request: pytest.FixtureRequest) -> str:
    return str(request.param)


once = pytest.mark.parametrize("scheme", ["ws", "wss"] if THOROUGH else ["wss"])
"""How a journal is read at the start has nothing to do with the scheme."""


@pytest.fixture(scope="module")
def server(scheme: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RightsServer]:
    with rights_server(tmp_path_factory.mktemp(scheme), secure=scheme == "wss") as server:
        yield server


@pytest.fixture
def trader(server: RightsServer) -> Iterator[TlsClient]:
    """Signed in; no order is left."""
    with server.signed_in(TRADER) as client:
        yield client
    with server.signed_in(TRADER) as client:
        assert "result" in client.answer("private/cancel_all")


@contextmanager
def costs_at_most(size: int, server: RightsServer) -> Iterator[None]:
    """The server's process never holds so many bytes more than at the beginning."""
    server.command.forget_peak()
    before = server.command.peak_memory()
    yield
    grown = server.command.peak_memory() - before
    print(f"{grown / MIB:.1f} MiB")
    assert grown < size


def order(price: float, number: int = 1, name: str = NAME, **more: Any) -> bytes:
    return request_frame("private/buy", number, instrument_name=name, amount=10, price=price, **more)


def place(client: TlsClient, price: float, count: int, name: str = NAME, **more: Any) -> list[dict[str, Any]]:
    """The answers to so many orders, sent at once."""
    client.send(b"".join(order(price, number, name, **more) for number in range(count)))
    return [client.message() for _ in range(count)]


def fails_with(answers: list[dict[str, Any]], *codes: int | None) -> None:
    assert [answer.get("error", {}).get("code") for answer in answers] == list(codes)


# Answers that wait for the disk.


@pytest.fixture(scope="module")
def exchange() -> Exchange:
    """Its disk is as slow as a test wants it."""
    exchange = Exchange()
    bot = exchange.client()
    for _ in range(300):
        bot.buy(10, 50_000.0, label="x" * 60)
    return exchange


@pytest.fixture(scope="module")
def slow_disk(
    way: Way, exchange: Exchange, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[GatewayServer]:
    store = KeyStore(tmp_path_factory.mktemp("home"))
    store.add(ALICE)
    with GatewayServer(way=way, keys=store, trading=exchange.service) as server:
        server.go_live()
        yield server


def test_answers_that_wait_for_the_disk_are_bounded_and_others_are_answered_meanwhile(
    slow_disk: GatewayServer, exchange: Exchange
) -> None:
    """Lists of open orders behind one order were all made at once, and held, and nobody else was heard meanwhile."""
    server, asked = slow_disk, range(2, 14)
    with open_socket(server) as hog, open_socket(server) as other:
        assert "result" in hog.answer("public/auth", **secret_login(ALICE))
        one = len(json.dumps(hog.answer("private/get_open_orders"), separators=(",", ":")))
        server.ask(lambda: setattr(exchange.disk, "slow", True))
        listing = (request_frame("private/get_open_orders", number) for number in asked)
        hog.send(order(50_000.0, time_in_force="immediate_or_cancel") + b"".join(listing))
        gateway = server.app.gateway
        server.wait_until(lambda: sum(map(gateway.held, gateway.connections)) >= MOST_HELD)
        for _ in range(20):
            assert "result" in other.answer("public/test")
        held = server.ask(lambda: sum(map(gateway.held, gateway.connections)))
        assert held <= MOST_HELD + one + 10_000 < 4 * one
        server.ask(lambda: setattr(exchange.disk, "slow", False))
        server.ask(exchange.disk.sync)
        answers = [hog.message() for _ in (1, *asked)]
        assert [answer["id"] for answer in answers] == [1, *asked]
        assert {len(answer["result"]) for answer in answers[1:]} == {300}


# Requests that are under way.


def test_requests_under_way_from_afar_are_bounded(scheme: str, tmp_path: Path) -> None:
    """`--latency` kept whatever a client sent: 1.3 GiB from one of them."""
    furnish(tmp_path)
    long = client_frame(request("public/test", text="x" * 30_000), TEXT)
    with started(tmp_path, "--latency", "2000", secure=scheme == "wss") as server:
        wait_until(lambda: is_ready(server))
        with server.socket() as client:
            with costs_at_most(30 * MIB, server):
                client._socket.settimeout(0.5)  # of a server that reads no more, for now
                sent = 0
                while sent < 4_000 and took(client, long):
                    sent += 1
            client._socket.settimeout(HANG_S)
            assert sent
            for _ in range(min(sent, 30)):  # what it took is answered all the same
                assert "result" in client.message()


def is_ready(server: RightsServer) -> bool:
    with server.raw() as client:
        client.send(b"GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n")
        return client.head().startswith("HTTP/1.1 200 ")


def took(client: RawClient, data: bytes) -> bool:
    """Whether the server still reads."""
    try:
        client.send(data)
    except TimeoutError:
        return False
    return True


# Orders within orders.


def nested(depth: int) -> list[dict[str, Any]]:
    """An `otoco_config` within an `otoco_config`, and so on."""
    found: list[dict[str, Any]] = []
    for _ in range(depth):
        found = [{"direction": "sell", "type": "limit", "price": 90_000.0, "otoco_config": found}]
    return found


@pytest.mark.parametrize("method", ["private/buy", "private/sell"])
def test_orders_within_orders_are_refused_without_a_line_in_the_log(
    scheme: str, tmp_path: Path, method: str
) -> None:
    """Nested 400 deep they were an internal error with 200 KB of log."""
    furnish(tmp_path)
    with started(tmp_path, secure=scheme == "wss") as server:
        wait_until(server.has_begun)
        with server.signed_in(TRADER) as client:
            for depth, code in ((400, -32700), (40, -32700), (10, -32602), (1, -32602)):
                params = nested_order(depth, access_token=client.tokens["access_token"])
                assert codes(server, client, method, params) == [code, code]
                if depth < 100:  # what fits the head of a request
                    assert server.get(f"/api/v2/{method}?{query(params)}")[1]["error"]["code"] == -32602
            assert client.answer("private/get_open_orders")["result"] == []
        server.command.signal(signal.SIGTERM)
        log = server.command.err.rest()
    assert "Traceback" not in log
    assert max(map(len, log.splitlines()), default=0) < 300


def nested_order(depth: int, **more: Any) -> dict[str, Any]:
    """An order with an `otoco_config` within an `otoco_config`, and so on."""
    config: list[dict[str, Any]] = [{"direction": "sell", "type": "limit", "price": 90_000.0}]
    for _ in range(depth):
        config = [{"direction": "sell", "price": 90_000.0, "otoco_config": config}]
    linked = {"linked_order_type": "one_triggers_one_cancels_other", "otoco_config": config}
    return {"instrument_name": NAME, "amount": 10, "price": 50_000.0} | linked | more


def codes(server: RightsServer, client: TlsClient, method: str, params: dict[str, Any]) -> list[int]:
    """The errors over WebSocket and POST."""
    client.request(method, **params)
    return [client.message()["error"]["code"], server.error(method, **params)["code"]]


def query(params: dict[str, Any]) -> str:
    """Parameters of a GET: texts as they are, all else as JSON."""
    return "&".join(
        f"{name}={quote(value if isinstance(value, str) else json.dumps(value))}"
        for name, value in params.items()
    )


# How many orders.


def test_an_instrument_and_an_account_have_so_many_open_orders(
    server: RightsServer, trader: TlsClient
) -> None:
    """There were 21,003 orders on a hundredth of a bitcoin."""
    price = server.price() // 100 * 100  # a price of every future
    fails_with(place(trader, price, PER_INSTRUMENT + 1), *[None] * PER_INSTRUMENT, 10014)
    listed = trader.answer("public/get_instruments", currency="BTC", kind="future")["result"]
    others = [each["instrument_name"] for each in listed if each["instrument_name"] != NAME]
    left = PER_ACCOUNT // PER_INSTRUMENT - 1
    assert len(others) > left
    for name in others[:left]:
        fails_with(place(trader, price, PER_INSTRUMENT, name), *[None] * PER_INSTRUMENT)
    fails_with(place(trader, price, 2, others[left]), 10013, 10013)
    assert len(trader.answer("private/get_open_orders")["result"]) == PER_ACCOUNT


# Compressed messages.


def test_compressed_messages_that_hold_a_thousand_times_their_size_cost_little(
    scheme: str, tmp_path: Path
) -> None:
    """280 bytes that hold 256 KiB each: a packet of them was unpacked as a whole, for 103 MiB."""
    bomb = client_frame(deflated(b" " * 262_000), rsv=4)
    furnish(tmp_path)
    with started(tmp_path, secure=scheme == "wss") as server:
        wait_until(lambda: is_ready(server))
        with server.socket(**{"Sec-WebSocket-Extensions": "permessage-deflate"}) as client:
            with costs_at_most(24 * MIB, server):
                client.send(bomb * 800)
                for _ in range(800):
                    assert client.message()["error"]["code"] in (-32600, -32700)
            assert "result" in client.answer("public/test")


# Starts of the server.


@once
def test_runs_that_are_killed_add_up_to_a_snapshot(scheme: str, tmp_path: Path) -> None:
    """Runs that each ended within 50,000 records left none: after six of them a start took 13 s."""
    home, before = tmp_path / "home", tmp_path / "before"
    home.mkdir(mode=0o700)
    before.mkdir()
    (before / "sitecustomize.py").write_text(
        f"import deltawire.roles.exchange\ndeltawire.roles.exchange.SNAPSHOT_EVERY = {SNAPSHOT_EVERY}\n"
    )
    path = os.pathsep.join([str(before), os.environ.get("PYTHONPATH", "")])
    furnish(home)
    taken = runs = 0
    while runs < 2 or not list((home / "journal").glob("snapshot-*")):
        assert taken < 3 * SNAPSHOT_EVERY // 2, "no snapshot"
        with started(home, secure=scheme == "wss", PYTHONPATH=path) as server:
            wait_until(server.has_begun)
            taken += edits(server, SNAPSHOT_EVERY // 4)
            server.command.signal(signal.SIGKILL)
            server.command.end()
        runs += 1
    with started(home, secure=scheme == "wss", PYTHONPATH=path) as server:
        replayed = int(re.findall(r"records=(\d+)", server.command.err.until("journal replayed"))[0])
        wait_until(server.has_begun)
        with server.signed_in(TRADER) as client:
            (found,) = client.answer("private/get_open_orders")["result"]
    assert replayed < SNAPSHOT_EVERY
    assert found["label"] == "edited"


def edits(server: RightsServer, count: int) -> int:
    """Give the journal so many records at least, of one order."""
    prices = [server.price(), server.price() - 100]
    with server.signed_in(TRADER) as client:
        orders = client.answer("private/get_open_orders")["result"]
        if not orders:
            orders = [place(client, prices[0], 1, label="edited")[0]["result"]["order"]]
        order_id, batch = orders[0]["order_id"], 500
        for _ in range(count // batch):
            client.send(
                b"".join(
                    request_frame("private/edit", n, order_id=order_id, amount=10, price=prices[n % 2])
                    for n in range(batch)
                )
            )
            for _ in range(batch):
                assert "result" in client.message()
    return count


THREE_DAYS_AHEAD = """
import time
from tests.support.waiting import HANG_S, wait_until
real = time.time_ns
time.time_ns = lambda: real() + 3 * 24 * 3600 * 10**9
time.time = lambda: time.time_ns() / 1e9
"""
"""What Python runs before it runs anything else, in a file `sitecustomize.py`."""


@once
def test_a_start_with_a_clock_three_days_ahead_is_told_afterwards_and_can_be_undone(
    scheme: str, tmp_path: Path
) -> None:
    """The exchange stayed three days ahead without a word, and refused what was valid until tomorrow."""
    home, clock = tmp_path / "home", tmp_path / "clock"
    home.mkdir(mode=0o700)
    clock.mkdir()
    (clock / "sitecustomize.py").write_text(THREE_DAYS_AHEAD)
    furnish(home)
    self_signed(home, "127.0.0.1")  # by the right clock: clients have that
    secure, path = scheme == "wss", os.pathsep.join([str(clock), os.environ.get("PYTHONPATH", "")])
    with started(home, secure=secure, PYTHONPATH=path) as server:
        wait_until(server.has_begun)
    with started(home, secure=secure) as server:
        message = server.command.err.until("ahead of this machine's clock")
        ahead_s = int(re.findall(r"ahead_s=(\d+)", message)[0])
        assert 2.9 * 86_400 < ahead_s < 3.1 * 86_400
        assert str(home / "journal") in message
        wait_until(server.has_begun)
        tomorrow = round(time.time() * 1000) + DAY_MS
        with server.signed_in(TRADER) as client:
            fails_with(valid_until(server, client, tomorrow, tomorrow + ahead_s * 1000), TIMED_OUT, None)
    (home / "journal").rename(home / "journal-of-another-time")
    with started(home, secure=secure) as server:
        wait_until(server.has_begun)
        with server.signed_in(TRADER) as client:
            fails_with(valid_until(server, client, tomorrow), None)
        server.command.signal(signal.SIGTERM)
        assert "ahead of" not in server.command.err.rest()


def valid_until(server: RightsServer, client: TlsClient, *times_ms: int) -> list[dict[str, Any]]:
    """The answers to an order that is valid until each of these times."""
    wanted = {"instrument_name": NAME, "amount": 10, "price": server.price()}
    return [client.answer("private/buy", **wanted, valid_until=each) for each in times_ms]


def journal_file(home: Path) -> Path:
    return next((home / "journal").glob("segment-*"))


def journal_folder(home: Path) -> Path:
    return home / "journal"


@once
@pytest.mark.parametrize(("opened", "mode"), [(journal_file, 0o644), (journal_folder, 0o777)])
def test_a_journal_that_others_may_open_keeps_the_server_from_listening(
    furnished: Path, scheme: str, opened: Callable[[Path], Path], mode: int
) -> None:
    """Files of mode 0644 and folders of mode 0777 were taken as they were."""
    opened(furnished).chmod(mode)
    does_not_listen(furnished, *(["--self-signed"] if scheme == "wss" else []))


def test_a_private_key_that_others_may_open_keeps_the_server_from_listening(tmp_path: Path) -> None:
    """It was taken as it was."""
    pem = self_signed(tmp_path, "127.0.0.1")
    pem.chmod(0o644)
    does_not_listen(tmp_path, "--certificate", pem)


def does_not_listen(home: Path, *options: object) -> None:
    """The server ends instead, and says what to do."""
    with Command("serve", "--port", 0, *options, DELTAWIRE_HOME=str(home)) as command:
        with pytest.raises(EOFError):
            command.out.until("WebSocket")
        assert command.end() != 0
        log = command.err.rest()
    assert "chmod" in log
    assert "Traceback" not in log


@once
def test_a_file_that_is_not_the_journals_is_named_and_the_server_starts(furnished: Path, scheme: str) -> None:
    """It was a traceback."""
    (furnished / "journal" / "segment-of-somebody.log").write_bytes(b"")
    (furnished / "journal" / "segment-of-somebody.log").chmod(0o600)
    with started(furnished, secure=scheme == "wss") as server:
        assert "segment-of-somebody.log" in server.command.err.until("not a file of the journal")
        with server.socket() as client:
            assert "result" in client.answer("public/test")


@pytest.fixture
def furnished(scheme: str, tmp_path: Path) -> Path:
    """A home whose exchange has run."""
    furnish(tmp_path)
    with started(tmp_path, secure=scheme == "wss") as server:
        wait_until(server.has_begun)
    return tmp_path

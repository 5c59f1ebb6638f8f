"""Orders that cannot be, over real sockets: Deribit's code, and nothing of them in the journal."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from deltawire.store.keys import KeyStore
from tests.gateway.test_access import basic
from tests.support.contracts import WEEKLY_CALL
from tests.support.credentials import ALICE, secret_login
from tests.support.frames import TEXT, client_frame
from tests.support.gateway_server import GatewayServer, RawClient, open_socket
from tests.support.trading import TRADER, Exchange

NAME = "BTC-PERPETUAL"
NO_NUMBER = {-32700, -32600, -32602}
"""JSON has none of them: no JSON, no request, or over GET a parameter that is no number."""
BAD: list[tuple[dict[str, str], set[int]]] = [
    ({"price": "59000.3"}, {10043}),
    ({"price": "-0"}, {10023}),
    ({"price": "-0.0"}, {10023}),
    ({"price": "NaN"}, NO_NUMBER | {10023}),
    ({"price": "1e400"}, NO_NUMBER | {10023}),
    ({"price": "Infinity"}, NO_NUMBER | {10023}),
    ({"price": str(1 << 63)}, {10023, 10043}),
    ({"amount": str(1 << 63)}, {10021}),
    ({"amount": "1e400"}, NO_NUMBER | {10021}),
    ({"amount": "NaN"}, NO_NUMBER | {10021}),
    ({"amount": "-0"}, {10021}),
    ({"amount": "15"}, {10027}),
    ({"amount": "5"}, {10002}),
    ({"amount": "100000000"}, {10009}),
    ({"instrument_name": "BTC-NEVER"}, {10020}),
    ({"instrument_name": WEEKLY_CALL.name, "amount": "1", "price": "0.01"}, {10012}),
]
"""What is wrong; numbers as JSON text."""


@pytest.fixture(scope="module")
def exchange() -> Exchange:
    """The weekly option has expired."""
    found = Exchange()
    found.harness.prices(later_s=(WEEKLY_CALL.expiration_ns - found.harness.now) / 1e9 - 1)
    found.harness.prices(later_s=2)
    return found


@pytest.fixture(scope="module")
def server(exchange: Exchange, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayServer]:
    store = KeyStore(Path(tmp_path_factory.mktemp("home")))
    store.add(ALICE)
    store.add(TRADER)
    with GatewayServer(keys=store, trading=exchange.service) as server:
        yield server


@pytest.fixture(scope="module")
def alice(server: GatewayServer) -> Iterator[RawClient]:
    """Her connection has its number, which is a record too."""
    with open_socket(server) as client:
        client.answer("public/auth", **secret_login(ALICE))
        client.answer("private/enable_cancel_on_disconnect")
        yield client


def written(params: dict[str, str]) -> str:
    """JSON text of an order's parameters, numbers as they are given."""
    asked = {"instrument_name": NAME, "amount": "100", "price": "59000"} | params
    members = [f'"{name}":{text}' for name, text in asked.items() if name != "instrument_name"]
    return f'{{"instrument_name":{json.dumps(asked["instrument_name"])},{",".join(members)}}}'


def envelope(params: str) -> bytes:
    return f'{{"jsonrpc":"2.0","id":1,"method":"private/buy","params":{params}}}'.encode()


@pytest.mark.parametrize(("params", "codes"), BAD)
def test_a_bad_order_has_its_code_and_never_reaches_the_journal(
    exchange: Exchange, server: GatewayServer, alice: RawClient, params: dict[str, str], codes: set[int]
) -> None:
    before = server.ask(exchange.journalled)
    alice.send(client_frame(envelope(written(params)), TEXT))
    assert alice.message()["error"]["code"] in codes
    headers = {"Authorization": basic(ALICE), "Content-Type": "application/json"}
    status, answer = server.get("/api/v2/private/buy", body=envelope(written(params)), **headers)
    assert (status, answer["error"]["code"] in codes) == (400, True), answer
    asked = {"instrument_name": NAME, "amount": "100", "price": "59000"} | params
    query = "&".join(f"{name}={quote(text)}" for name, text in asked.items())
    status, answer = server.get(f"/api/v2/private/buy?{query}", Authorization=basic(ALICE))
    assert (status, answer["error"]["code"] in codes) == (400, True), answer
    assert server.ask(exchange.journalled) == before


def test_the_same_order_without_a_fault_is_taken_and_journalled(
    exchange: Exchange, server: GatewayServer, alice: RawClient
) -> None:
    before = server.ask(exchange.journalled)
    alice.send(client_frame(envelope(written({})), TEXT))
    assert alice.message()["result"]["order"]["order_state"] == "open"
    assert server.ask(exchange.journalled) == before + 1


def test_anothers_order_is_not_found_and_stays(
    exchange: Exchange, server: GatewayServer, alice: RawClient
) -> None:
    order: dict[str, Any] = {"instrument_name": NAME, "amount": 100, "price": 58_000}
    with open_socket(server) as bob:
        bob.answer("public/auth", **secret_login(TRADER))
        order_id = bob.answer("private/buy", **order)["result"]["order"]["order_id"]
        before = server.ask(exchange.journalled)
        for method in ("cancel", "edit", "get_order_state"):
            answer = alice.answer(f"private/{method}", order_id=order_id, amount=10, price=1.0)
            assert answer["error"]["code"] == 10004
        assert server.ask(exchange.journalled) == before
        assert bob.answer("private/get_order_state", order_id=order_id)["result"]["order_state"] == "open"

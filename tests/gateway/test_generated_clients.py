"""What clients send that were generated from the dialect's documents, over real sockets."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from deltawire.store.keys import KeyStore
from tests.support.contracts import CALL
from tests.support.credentials import ALICE, secret_login
from tests.support.gateway_server import GatewayServer, RawClient, Way, open_socket
from tests.support.trading import TRADER, Exchange

NOBODY = ["Bearer", "Bearer ", "bearer"]


@pytest.fixture(scope="module")
def exchange() -> Exchange:
    return Exchange()


@pytest.fixture(scope="module")
def server(exchange: Exchange, way: Way, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayServer]:
    store = KeyStore(Path(tmp_path_factory.mktemp("home")))
    store.add(ALICE)
    store.add(TRADER)
    with GatewayServer(keys=store, trading=exchange.service, way=way) as server:
        server.go_live()
        yield server


def posted(server: GatewayServer, path: str, method: str, **headers: str) -> Any:
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": {}}).encode()
    return server.get(path, body, **headers)[1]


def test_a_method_may_have_a_slash_before_it(server: GatewayServer) -> None:
    with open_socket(server) as client:
        assert "version" in client.answer("/public/test")["result"]
        assert client.answer("/private/get_positions")["error"]["code"] == 13009
        client.answer("/public/auth", **secret_login(ALICE))
        assert "result" in client.answer("/private/get_positions")
    assert "version" in posted(server, "/api/v2", "/public/test")["result"]
    assert "version" in server.get("/api/v2//public/test")[1]["result"]
    assert server.get("/api/v2//private/get_positions")[1]["error"]["code"] == 13009


def test_a_test_request_is_answered_by_the_method_as_its_text_names_it(server: GatewayServer) -> None:
    with open_socket(server) as client:
        assert client.answer("/public/set_heartbeat", interval=10)["result"] == "ok"
        assert "version" in client.answer("/public/test")["result"]


@pytest.mark.parametrize("method", ["", "/", "public/no_such_method", "//public/test", "test"])
def test_an_unknown_method_is_an_error_and_the_connection_stays(server: GatewayServer, method: str) -> None:
    with open_socket(server) as client:
        assert client.answer(method)["error"]["code"] == -32601
        assert "version" in client.answer("public/test")["result"]
    assert posted(server, "/api/v2", method)["error"]["code"] == -32601


@pytest.mark.parametrize("header", NOBODY)
def test_an_empty_bearer_is_nobody(server: GatewayServer, header: str) -> None:
    named = {"Authorization": header}
    assert "version" in server.get("/api/v2/public/test", **named)[1]["result"]
    assert "version" in posted(server, "/api/v2", "public/test", **named)["result"]
    assert server.get("/api/v2/private/get_positions", **named)[1]["error"]["code"] == 13009
    assert posted(server, "/api/v2", "private/get_positions", **named)["error"]["code"] == 13009


def test_a_bearer_that_names_no_token_is_refused(server: GatewayServer) -> None:
    answer = server.get("/api/v2/public/test", Authorization="Bearer nonsense")[1]
    assert answer["error"]["code"] == 13009


@pytest.mark.parametrize("header", NOBODY)
def test_a_handshake_with_an_empty_bearer_is_nobodys(server: GatewayServer, header: str) -> None:
    with RawClient(server.port) as client:
        assert client.handshake(headers={"Authorization": header}).startswith("HTTP/1.1 101 ")
        assert client.answer("private/get_positions")["error"]["code"] == 13009


@pytest.mark.parametrize("price", [59_000, 1.23, -1, "0", None])
def test_a_market_order_ignores_its_price(server: GatewayServer, exchange: Exchange, price: Any) -> None:
    with open_socket(server) as client, open_socket(server) as other:
        client.answer("public/auth", **secret_login(ALICE))
        other.answer("public/auth", **secret_login(TRADER))
        order = {"instrument_name": "BTC-PERPETUAL", "amount": 10}
        assert "result" in other.answer("private/sell", price=60_000, **order)
        answer = client.answer("private/buy", type="market", price=price, **order)["result"]
        assert (answer["order"]["order_state"], answer["order"]["average_price"]) == ("filled", 60_000)


def test_advanced_prices_are_for_options_alone(server: GatewayServer) -> None:
    with open_socket(server) as client:
        client.answer("public/auth", **secret_login(ALICE))
        order = {"instrument_name": "BTC-PERPETUAL", "amount": 10, "price": 59_000}
        error = client.answer("private/buy", advanced="usd", **order)["error"]
        assert (error["code"], error["data"]["param"]) == (10031, "advanced")
        assert "result" in client.answer("private/buy", advanced=None, **order)
        option = {"instrument_name": CALL.name, "amount": 1, "price": 0.01, "advanced": "usd"}
        assert client.answer("private/buy", **option)["error"]["code"] == 10033

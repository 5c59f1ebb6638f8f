"""The dialect over HTTP, on the port of the WebSocket."""

import json
import re
import time
from typing import Any
from urllib.parse import urlencode

import pytest

from deltawire.gateway.gateway import Limits
from tests.support.gateway_server import STEPPED, GatewayServer, RawClient, Way, open_socket
from tests.support.market_events import make_trade

INSTRUMENT = {"instrument_name": "BTC-PERPETUAL"}


@pytest.fixture(scope="module")
def traded(running: GatewayServer) -> GatewayServer:
    """The running server, with three trades and nothing more to come."""
    instrument = running.book.instrument
    running.feed([make_trade(instrument, 1000 + number, 10, sequence=7 + number) for number in range(3)])
    state = running.app.market.find("BTC-PERPETUAL")
    assert state is not None
    running.wait_until(lambda: len(state.tape) == 3)
    return running


def timeless(answer: dict[str, Any]) -> dict[str, Any]:
    """An answer without its times, which must be there, and its id."""
    assert answer["usDiff"] == answer.pop("usOut") - answer.pop("usIn") >= answer.pop("usDiff") - 1
    assert answer.pop("testnet") is False
    answer.pop("id", None)
    return answer


@pytest.mark.parametrize(
    ("method", "params", "status"),
    [
        ("public/test", {}, 200),
        ("public/get_instruments", {}, 200),
        ("public/get_instruments", {"currency": "BTC", "kind": "future", "expired": False}, 200),
        ("public/get_order_book", INSTRUMENT | {"depth": 1}, 200),
        ("public/ticker", INSTRUMENT, 200),
        ("public/get_last_trades_by_instrument", INSTRUMENT | {"count": 2, "start_seq": 8}, 200),
        ("public/get_book_summary_by_currency", {"currency": "btc"}, 200),
        ("public/get_definitions", {"instrument_names": ["BTC-PERPETUAL", "none"]}, 200),
        ("public/ticker", {}, 400),
        ("public/ticker", {"instrument_name": "ÜÑ & ?=%"}, 400),
        ("public/get_order_book", INSTRUMENT | {"depth": 0}, 400),
        ("public/no_such_method", {}, 400),
        ("private/buy", {"amount": 1}, 400),
    ],
)
def test_get_post_and_websocket_give_the_same_answer(
    traded: GatewayServer, method: str, params: dict[str, Any], status: int
) -> None:
    query = urlencode(
        {
            name: json.dumps(value) if isinstance(value, bool | list) else value
            for name, value in params.items()
        }
    )
    body = json.dumps({"jsonrpc": "2.0", "id": "x", "method": method, "params": params}).encode()
    get_status, get = traded.get(f"/api/v2/{method}?{query}")
    post_status, post = traded.get("/api/v2", body)
    named_status, named = traded.get(f"/api/v2/{method}", body.replace(b'"method"', b'"no_method"'))
    with open_socket(traded) as client:
        client.request(method, "x", **params)
        websocket = client.message()
    assert [get_status, post_status, named_status] == [status] * 3
    assert post["id"] == named["id"] == websocket["id"] == "x"
    assert "id" not in get
    answers = [timeless(answer) for answer in (get, post, named, websocket)]
    assert answers == [answers[0]] * 4
    assert ("error" in get) == (status == 400)


def test_the_method_in_the_body_goes_before_that_in_the_path(traded: GatewayServer) -> None:
    body = b'{"id":1,"method":"public/test","params":{}}'
    assert "version" in traded.get("/api/v2/public/get_instruments", body)[1]["result"]
    assert traded.get("/api/v2", b'{"id":1,"params":{}}')[1]["error"]["code"] == -32600
    assert traded.get("/api/v2/public/test", b'{"id":1,"method":7}')[1]["error"]["code"] == -32600


@pytest.mark.parametrize("method", ["public/subscribe", "public/set_heartbeat", "public/unsubscribe_all"])
def test_what_needs_a_websocket_says_so(traded: GatewayServer, method: str) -> None:
    body = json.dumps({"id": 1, "method": method, "params": {"channels": ["quote.BTC-PERPETUAL"]}}).encode()
    for status, answer in (traded.get(f"/api/v2/{method}?channels=x"), traded.get("/api/v2", body)):
        assert (status, answer["error"]["code"]) == (400, 10030)


@pytest.mark.parametrize(
    ("query", "param"),
    [
        ("count=many", "count"),
        ("count=", "count"),
        ("count=1.5", "count"),
        ("start_seq=9" + "9" * 5_000, "start_seq"),
    ],
)
def test_a_query_value_of_the_wrong_kind_is_named(traded: GatewayServer, query: str, param: str) -> None:
    status, answer = traded.get(
        f"/api/v2/public/get_last_trades_by_instrument?instrument_name=BTC-PERPETUAL&{query}"
    )
    assert (status, answer["error"]["code"], answer["error"]["data"]["param"]) == (400, -32602, param)


def test_a_repeated_query_parameter_is_a_list_and_refused_where_one_value_is_expected(
    traded: GatewayServer,
) -> None:
    asked = urlencode({"instrument_names": ["BTC-PERPETUAL", "BTC-PERPETUAL"]}, doseq=True)
    assert len(traded.get(f"/api/v2/public/get_definitions?{asked}")[1]["result"]["instruments"]) == 1
    name = "instrument_name=BTC-PERPETUAL"
    status, answer = traded.get(f"/api/v2/public/get_order_book?{name}&{name}")
    assert (status, answer["error"]["code"]) == (400, -32602)
    assert answer["error"]["data"] == {"param": "instrument_name", "reason": "Expected `str`, got `array`"}


@pytest.mark.parametrize("names", ["BTC-PERPETUAL", "[", "[" * 20_000, "[1e400]", "[[]]", "[1]", '{"0":"x"}'])
def test_a_query_value_that_is_no_list_of_texts_is_named(traded: GatewayServer, names: str) -> None:
    query = urlencode({"instrument_names": names})
    status, answer = traded.get(f"/api/v2/public/get_definitions?{query}")
    assert (status, answer["error"]["code"]) == (400, -32602)
    assert answer["error"]["data"]["param"].startswith("instrument_names")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", -32700),
        (b"{", -32700),
        (b"\xff", -32700),
        (b"[]", -32600),
        (b'{"id":1,"method":"public/test","params":[]}', -32600),
        (b'{"id":1,"method":"public/test"}'.ljust(32_769), -32600),
        (b"x" * 5_000_000, -32600),
    ],
)
def test_a_body_that_is_no_request_is_answered_in_the_dialect(
    traded: GatewayServer, body: bytes, code: int
) -> None:
    connection = traded.http_connection()
    try:
        connection.request("POST", "/api/v2", body)
        answer = connection.getresponse()
        decoded = json.load(answer)
    except BrokenPipeError:  # the server need not read all of it
        answer = connection.response_class(connection.sock)
        answer.begin()
        decoded = json.load(answer)
    finally:
        connection.close()
    assert (answer.status, decoded["error"]["code"]) == (400, code)
    if len(body) > 32_768:
        assert decoded["error"]["message"] == "request entity too large"


@pytest.mark.parametrize(("size", "status"), [(60_000, 200), (70_000, 431)])
@pytest.mark.parametrize("pieces", [1, 7])
def test_a_head_has_one_limit_however_it_comes(
    traded: GatewayServer, size: int, status: int, pieces: int
) -> None:
    head = f"GET /api/v2/public/test HTTP/1.1\r\nHost: x\r\nX-Long: {'x' * size}\r\n\r\n".encode()
    step = -(-len(head) // pieces)
    with RawClient(traded.port) as client:
        for start in range(0, len(head), step):
            client.send(head[start : start + step])
            time.sleep(0.02 if pieces > 1 else 0)
        assert client.head().startswith(f"HTTP/1.1 {status} ")


def test_a_chunked_body_is_read(traded: GatewayServer) -> None:
    connection = traded.http_connection()
    connection.request(
        "POST", "/api/v2", iter([b'{"id":5,', b'"method":"public/test"}']), encode_chunked=True
    )
    answer = connection.getresponse()
    assert json.load(answer)["id"] == 5
    connection.close()


def test_a_chunked_body_without_end_is_cut_off(traded: GatewayServer) -> None:
    with RawClient(traded.port) as client:
        client.send(b"POST /api/v2 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
        client.flood(b"4000\r\n" + b"x" * 0x4000 + b"\r\n", 10)
        assert client.head().startswith("HTTP/1.1 400 ")


@pytest.mark.parametrize("coding", ["Content-Length: 5040000", "Transfer-Encoding: chunked"])
@pytest.mark.parametrize(
    ("asked", "status", "says"),
    [
        ("POST /api/v2", 400, b"request entity too large"),
        ("POST /nothing", 404, b"Not Found"),
        ("PUT /api/v2/public/test", 405, b"Method Not Allowed"),
    ],
)
def test_an_answer_before_the_end_of_its_request_is_not_cut_off(
    traded: GatewayServer, asked: str, status: int, says: bytes, coding: str
) -> None:
    """Closing at once would reset the connection, and a client that writes on would never read the answer."""
    piece = b"x" * 40_000 if "Length" in coding else b"9c40\r\n" + b"x" * 40_000 + b"\r\n"
    with RawClient(traded.port) as client:
        client.send(f"{asked} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{coding}\r\n\r\n".encode() + piece)
        assert client.head().startswith(f"HTTP/1.1 {status} ")
        assert client.flood(piece, 125)
        assert says in client.rest()


@pytest.mark.parametrize("way", STEPPED, ids=str)
def test_who_goes_on_for_ever_behind_an_answer_is_cut_off(way: Way) -> None:
    head = b"POST /api/v2 HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 99999999999\r\n\r\n"
    limits = Limits()
    with GatewayServer(limits, way=way) as server, RawClient(server.port) as client:
        client.send(head + b"x" * 40_000)
        assert client.head().startswith("HTTP/1.1 400 ")
        assert client.flood(b"x" * 40_000)
        server.pass_s(limits.request_timeout + 1)
        while client.flood(b"x" * 40_000):
            pass


def test_requests_on_one_connection_are_answered_in_their_order(traded: GatewayServer) -> None:
    with RawClient(traded.port) as client:
        for path in ("public/test", "public/get_time", "public/nothing"):
            client.send(f"GET /api/v2/{path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        client.send(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        text = client.rest().decode()
    assert re.findall(r"HTTP/1\.1 (\d+)", text) == ["200", "200", "400", "200"]
    assert text.index('"version"') < text.index("Method not found") < text.index("WebSocket")


def test_the_front_page_says_where_everything_is(traded: GatewayServer) -> None:
    with RawClient(traded.port) as client:
        client.send(b"GET / HTTP/1.1\r\nHost: example.org:99\r\nConnection: close\r\n\r\n")
        text = client.rest().decode()
    assert f"ws{'s' * traded.way.secure}://example.org:99/ws/api/v2" in text
    assert f"http{'s' * traded.way.secure}://example.org:99/docs" in text
    assert "server:" not in text.lower().partition("\r\n\r\n")[0]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nothing", 404),
        ("GET", "/api/v2", 405),
        ("PUT", "/api/v2/public/test", 405),
        ("GET", "/api/v3/public/test", 404),
        ("GET", "/api/v2/a/b/c", 400),
    ],
)
def test_other_paths_and_methods_are_not_there(
    traded: GatewayServer, method: str, path: str, status: int
) -> None:
    connection = traded.http_connection()
    connection.request(method, path)
    assert connection.getresponse().status == status
    connection.close()

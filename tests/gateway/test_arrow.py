"""`GET /trades.arrow`: what flowsurface reads."""

import json
from typing import Any

import pyarrow as pa
import pytest

from tests.support.gateway_server import GatewayServer
from tests.support.market_events import make_trade

TRADES = 9


@pytest.fixture(scope="module")
def traded(running: GatewayServer) -> GatewayServer:
    instrument = running.book.instrument
    running.feed([make_trade(instrument, 1000 + n, 10 + n, sequence=7 + n) for n in range(TRADES)])
    running.wait_until(lambda: len(tape(running)) == TRADES)
    return running


def tape(server: GatewayServer) -> list[Any]:
    state = server.app.market.find("BTC-PERPETUAL")
    return [] if state is None else [entry.trade for entry in state.tape]


def get(server: GatewayServer, query: str) -> tuple[int, str | None, bytes]:
    connection = server.http_connection()
    connection.request("GET", f"/trades.arrow?{query}")
    response = connection.getresponse()
    found = response.status, response.getheader("content-type"), response.read()
    connection.close()
    return found


def rows(body: bytes) -> list[tuple[Any, ...]]:
    table = pa.ipc.open_stream(body).read_all()
    assert table.schema == pa.schema(
        [("ts", pa.int64()), ("price", pa.float64()), ("qty", pa.float64()), ("is_sell", pa.bool_())]
    )
    return [tuple(row.values()) for row in table.to_pylist()]


def expected(trades: list[Any]) -> list[tuple[Any, ...]]:
    return [(t.venue_ns // 1_000_000, t.price_float, t.size_float, t.side == "sell") for t in trades]


@pytest.mark.parametrize(
    "named",
    [
        "venue=deribit&market=inverse&symbol=BTC-PERPETUAL",
        "venue=deribit&market=inverse%20perps&symbol=btc-perpetual",
        "symbol=BTC-PERPETUAL",
    ],
)
def test_trades_come_as_an_arrow_stream(traded: GatewayServer, named: str) -> None:
    status, kind, body = get(traded, named)
    assert (status, kind) == (200, "application/vnd.apache.arrow.stream")
    assert rows(body) == expected(tape(traded))


def test_a_span_and_a_limit(traded: GatewayServer) -> None:
    trades = tape(traded)
    begin, end = (trades[place].venue_ns // 1_000_000 for place in (2, 6))
    inside = [t for t in trades if begin <= t.venue_ns // 1_000_000 <= end]
    _, _, body = get(traded, f"symbol=BTC-PERPETUAL&from={begin}&to={end}&limit=3")
    assert rows(body) == expected(inside[:3])
    _, _, body = get(traded, "symbol=BTC-PERPETUAL&from=9000000000000000")
    assert rows(body) == []


@pytest.mark.parametrize(
    ("query", "param"),
    [
        ("", "symbol"),
        ("symbol=NO", "symbol"),
        ("symbol=BTC-PERPETUAL&venue=okx", "symbol"),
        ("symbol=BTC-PERPETUAL&market=linear", "symbol"),
        ("symbol=BTC-PERPETUAL&market=moon", "market"),
        ("symbol=BTC-PERPETUAL&from=soon", "from"),
        ("symbol=BTC-PERPETUAL&limit=-1", "limit"),
        ("symbol=BTC-PERPETUAL&to=" + "9" * 5_000, "to"),
    ],
)
def test_what_is_wrong_is_named(traded: GatewayServer, query: str, param: str) -> None:
    status, kind, body = get(traded, query)
    error = json.loads(body)["error"]
    assert (status, kind, error["data"]["param"]) == (400, "application/json", param)

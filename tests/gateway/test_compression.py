"""permessage-deflate on real sockets, as unmodified clients negotiate it."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory
from websockets.sync.client import ClientConnection, connect

from deltawire.gateway.gateway import Limits
from deltawire.session.client import BookMirror
from deltawire.session.effects import EnableMac
from deltawire.wire.mac import MacNote, RunningMac
from tests.support.gateway_server import GatewayServer, Way
from tests.support.waiting import HANG_S

BOOK = "book.BTC-PERPETUAL.raw"


@pytest.fixture
def server(way: Way) -> Iterator[GatewayServer]:
    with GatewayServer(way=way) as running:
        running.go_live()
        yield running


def ask(connection: ClientConnection, method: str, **params: Any) -> Any:
    connection.send(json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}))
    return json.loads(connection.recv(HANG_S))


def agreed(connection: ClientConnection) -> str:
    assert connection.response is not None
    return connection.response.headers.get("Sec-WebSocket-Extensions", "")


@pytest.mark.parametrize("bits", [None, 15, 12, 11, 9])
def test_a_book_is_followed_whatever_window_the_client_can_unpack(
    server: GatewayServer, bits: int | None
) -> None:
    offer = ClientPerMessageDeflateFactory(server_max_window_bits=bits)
    with connect(server.url, compression=None, extensions=[offer]) as connection:
        assert "server_no_context_takeover" in agreed(connection)
        assert ask(connection, "public/subscribe", channels=[BOOK])["result"] == [BOOK]
        mirror = BookMirror()
        mirror.apply(json.loads(connection.recv(HANG_S))["params"]["data"])
        for _ in range(20):
            server.change()
            mirror.apply(json.loads(connection.recv(HANG_S))["params"]["data"])
        assert (mirror.bids, mirror.asks) == server.book.prices()


def test_who_is_behind_gets_its_merged_change_compressed_too(server: GatewayServer) -> None:
    with connect(server.url) as connection:
        ask(connection, "public/subscribe", channels=[BOOK])
        mirror = BookMirror()
        mirror.apply(json.loads(connection.recv(HANG_S))["params"]["data"])

        def slow_for_a_while() -> None:
            (each,) = server.app.gateway.connections
            each.pause_writing()  # type: ignore[attr-defined]
            server.app.hub.publish([server.book.change(bids={1000: 500})])
            server.app.hub.publish([server.book.change(bids={1000: 501})])
            server.app.hub.flush()
            each.resume_writing()  # type: ignore[attr-defined]

        server.ask(slow_for_a_while)
        note = json.loads(connection.recv(HANG_S))["params"]
        mirror.apply(note["data"])
        assert note["conflated"] == 2
        assert (mirror.bids, mirror.asks) == server.book.prices()


def test_a_bomb_is_refused_at_the_limit_and_the_server_goes_on(server: GatewayServer) -> None:
    with connect(server.url) as connection:
        connection.send(" " * 50_000_000)
        with pytest.raises(Exception, match="1009"):
            connection.recv(HANG_S)
    with connect(server.url) as connection:
        assert ask(connection, "public/test")["result"]


def test_it_can_be_turned_off() -> None:
    with GatewayServer(Limits(compress=False)) as server, connect(server.url) as connection:
        assert agreed(connection) == ""
        assert ask(connection, "public/test")["result"]


def test_what_is_attested_is_not_compressed(server: GatewayServer) -> None:
    with connect(server.url) as connection:
        ask(connection, "public/subscribe", channels=[BOOK])
        connection.recv(HANG_S)

        def enable() -> None:
            (each,) = server.app.gateway.connections
            server.app.gateway.execute(each, [EnableMac(b"key")])

        server.ask(enable)
        mac = RunningMac(b"key")
        for seq in range(1, 6):
            server.change()
            note = str(connection.recv(HANG_S))
            assert json.loads(note)["params"]["seq"] == 2 + seq
            mac.add_message(note.encode())
            told = json.loads(connection.recv(HANG_S))["params"]
            assert mac.proves(MacNote(told["from"], told["to"], told["mac"]))

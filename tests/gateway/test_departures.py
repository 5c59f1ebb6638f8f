"""Clients that close while data is on its way to them: nobody else may notice."""

from collections.abc import Callable

import pytest

from deltawire.fanout.hub import Hub
from deltawire.gateway.gateway import Gateway
from deltawire.gateway.websocket import WebSocketConnection
from deltawire.market.market import Market
from deltawire.model.events import Listing
from deltawire.model.instruments import Instrument
from tests.support.frames import CLOSE, client_frame, request_frame
from tests.support.transports import MemoryTransport, StillClock

HANDSHAKE = (
    b"GET /ws/api/v2 HTTP/1.1\r\nHost: here\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)


CLOSING = client_frame((1000).to_bytes(2, "big"), CLOSE)
REQUEST = request_frame("public/subscribe", channels=["instrument.state.any.any"])


@pytest.fixture
def hub() -> Hub:
    return Hub(Market(home="venue"), "epoch")


@pytest.fixture
def connect(hub: Hub) -> Callable[[], tuple[WebSocketConnection, MemoryTransport]]:
    gateway = Gateway(hub.market, hub, StillClock(1), version="1")

    def connected() -> tuple[WebSocketConnection, MemoryTransport]:
        connection, transport = WebSocketConnection(gateway, set()), MemoryTransport()
        connection.connection_made(transport)
        connection.data_received(HANDSHAKE)
        return connection, transport

    return connected


def list_instrument(hub: Hub, name: str) -> None:
    hub.publish(
        [
            Listing(
                Instrument(
                    venue="venue",
                    name=name,
                    kind="spot",
                    base="A",
                    quote="B",
                    settlement="B",
                    price_exponent=0,
                    size_exponent=0,
                ),
                seen_ns=1,
            )
        ]
    )


def test_client_that_closes_gets_what_was_held_for_it_and_others_go_on(
    hub: Hub, connect: Callable[[], tuple[WebSocketConnection, MemoryTransport]]
) -> None:
    (leaving, left), (staying, stayed) = connect(), connect()
    for connection in (leaving, staying):
        connection.data_received(REQUEST)
    list_instrument(hub, "FIRST")
    leaving.data_received(CLOSING)
    leaving.connection_lost(None)
    list_instrument(hub, "SECOND")
    hub.flush()
    assert left.ended
    assert b"FIRST" in left.sent
    assert b"SECOND" not in left.sent
    assert stayed.sent.index(b"FIRST") < stayed.sent.index(b"SECOND")


def test_request_right_before_a_close_joins_nothing(
    hub: Hub, connect: Callable[[], tuple[WebSocketConnection, MemoryTransport]]
) -> None:
    connection, transport = connect()
    connection.data_received(REQUEST + CLOSING)
    list_instrument(hub, "FIRST")
    hub.flush()
    assert transport.ended
    assert b"FIRST" not in transport.sent

"""Clients that close while data is on its way to them: nobody else may notice."""

import asyncio
import json
import os
from collections.abc import Callable

import pytest

from deltawire.fanout.hub import Hub
from deltawire.gateway.gateway import Gateway
from deltawire.gateway.websocket import WebSocketConnection
from deltawire.market.market import Market
from deltawire.model.events import Listing
from deltawire.model.instruments import Instrument

HANDSHAKE = (
    b"GET /ws/api/v2 HTTP/1.1\r\nHost: here\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)
SUBSCRIBE = {"id": 1, "method": "public/subscribe", "params": {"channels": ["instrument.state.any.any"]}}


class Transport(asyncio.Transport):
    """Keeps what is written, and as uvloop's does, refuses whatever comes after the end."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.ended = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if self.ended:
            raise RuntimeError("Cannot call write() after write_eof()")
        self.written += bytes(data)

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        self.ended = True

    def close(self) -> None:
        self.ended = True

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        pass

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        pass


class Clock:
    """Time stands still."""

    def now(self) -> int:
        return 1


def masked(opcode: int, payload: bytes) -> bytes:
    """A client's frame."""
    mask = os.urandom(4)
    head = bytes([0x80 | opcode]) + (
        bytes([0x80 | len(payload)]) if len(payload) < 126 else b"\xfe" + len(payload).to_bytes(2, "big")
    )
    return head + mask + bytes(byte ^ mask[at % 4] for at, byte in enumerate(payload))


CLOSE = masked(0x8, (1000).to_bytes(2, "big"))
REQUEST = masked(0x1, json.dumps(SUBSCRIBE).encode())


@pytest.fixture
def hub() -> Hub:
    return Hub(Market(home="venue"), "epoch")


@pytest.fixture
def connect(hub: Hub) -> Callable[[], tuple[WebSocketConnection, Transport]]:
    gateway = Gateway(hub.market, hub, Clock(), "1")

    def connected() -> tuple[WebSocketConnection, Transport]:
        connection, transport = WebSocketConnection(gateway, set()), Transport()
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
    hub: Hub, connect: Callable[[], tuple[WebSocketConnection, Transport]]
) -> None:
    (leaving, left), (staying, stayed) = connect(), connect()
    for connection in (leaving, staying):
        connection.data_received(REQUEST)
    list_instrument(hub, "FIRST")
    leaving.data_received(CLOSE)
    leaving.connection_lost(None)
    list_instrument(hub, "SECOND")
    hub.flush()
    assert left.ended
    assert b"FIRST" in left.written
    assert b"SECOND" not in left.written
    assert stayed.written.index(b"FIRST") < stayed.written.index(b"SECOND")


def test_request_right_before_a_close_joins_nothing(
    hub: Hub, connect: Callable[[], tuple[WebSocketConnection, Transport]]
) -> None:
    connection, transport = connect()
    connection.data_received(REQUEST + CLOSE)
    list_instrument(hub, "FIRST")
    hub.flush()
    assert transport.ended
    assert b"FIRST" not in transport.written

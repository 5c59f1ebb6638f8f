"""What leaves a connection, over real sockets: all of it, in order, on whichever way it goes."""

import asyncio
import json
import socket
import ssl
from collections.abc import Callable
from typing import Any, cast

import pytest
import uvloop

from deltawire.fanout.hub import Hub
from deltawire.gateway.gateway import Gateway
from deltawire.gateway.outgoing import DirectSink, make_sink, make_write
from deltawire.gateway.websocket import WebSocketConnection
from deltawire.market.market import Market
from deltawire.model.events import Index
from deltawire.roles.gateway import WallClock
from tests.support.waiting import HANG_S, until

CHANNEL = "deribit_price_index.btc_usd"
CLOSE_FRAME = b"\x88\x82\0\0\0\0\x03\xe8"


class SteppedServer:
    """A gateway whose connections are made one by one."""

    def __init__(self) -> None:
        market = Market(home="deribit")
        self.hub = Hub(market, "e", make_write=make_write)
        self._gateway = Gateway(market, self.hub, WallClock(), version="0")
        self._open: set[WebSocketConnection] = set()
        self._price = 0

    def publish(self, count: int = 1) -> None:
        """Index prices: as many notifications."""
        for _ in range(count):
            self._price += 1
            self.hub.publish([Index("deribit", "btc_usd", float(self._price), 0, 0)])

    async def connect(self, **options: int) -> "tuple[WebSocketConnection, SteppedClient]":
        """A client that has subscribed, and the server's side of it."""
        with socket.create_server(("127.0.0.1", 0)) as listening:
            for name, value in options.items():
                listening.setsockopt(socket.SOL_SOCKET, getattr(socket, name), value)
            theirs = socket.create_connection(listening.getsockname())
            ours, _ = listening.accept()
        ours.setblocking(False)
        loop = asyncio.get_running_loop()
        _, connection = await loop.connect_accepted_socket(
            lambda: WebSocketConnection(self._gateway, self._open), ours
        )
        client = SteppedClient(theirs)
        await client.subscribe()
        return connection, client

    async def emptied(self) -> None:
        """Every connection has been lost."""
        await until(lambda: not self._open)


class SteppedClient:
    """Reads frames, when told to."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        sock.setblocking(False)
        self._got = b""

    async def subscribe(self) -> None:
        """Upgrade, then subscribe; returns when the server has answered."""
        self.send(
            b"GET /ws/api/v2 HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        )
        while b"\r\n\r\n" not in self._got:
            await self._read()
        self._got = self._got.partition(b"\r\n\r\n")[2]
        ask = {"id": 1, "method": "public/subscribe", "params": {"channels": [CHANNEL]}}
        body = json.dumps(ask).encode()
        self.send(b"\x81" + bytes([0x80 | len(body)]) + bytes(4) + body)
        assert json.loads((await self.frame())[1])["result"] == [CHANNEL]

    def send(self, data: bytes) -> None:
        """Send bytes."""
        self._sock.sendall(data)

    async def frame(self) -> tuple[int, bytes]:
        """The next frame: opcode and payload."""
        while True:
            if len(self._got) >= 4:
                size, head = self._got[1], 2
                if size == 126:
                    size, head = int.from_bytes(self._got[2:4], "big"), 4
                if len(self._got) >= head + size:
                    opcode, payload = self._got[0] & 15, self._got[head : head + size]
                    self._got = self._got[head + size :]
                    return opcode, payload
            await self._read()

    async def sequence(self) -> int:
        """The `seq` of the next frame, a notification."""
        opcode, payload = await self.frame()
        assert opcode == 1
        return int(json.loads(payload)["params"]["seq"])

    async def _read(self) -> None:
        more = await asyncio.wait_for(asyncio.get_running_loop().sock_recv(self._sock, 1 << 16), HANG_S)
        assert more, "the server hung up"
        self._got += more

    def close(self) -> None:
        """Hang up."""
        self._sock.close()


@pytest.fixture(params=[asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def run(request: pytest.FixtureRequest) -> Callable[[Any], None]:
    """Runs a coroutine on a loop of each kind."""

    def run_on(work: Any) -> None:
        with asyncio.Runner(loop_factory=request.param) as runner:
            runner.run(asyncio.wait_for(work, HANG_S))

    return run_on


def test_a_peer_that_does_not_read_gets_what_was_sent_and_then_the_newest(run: Callable[[Any], None]) -> None:
    async def work() -> None:
        server = SteppedServer()
        connection, client = await server.connect(SO_RCVBUF=4096)
        sent = 0
        while connection.subscriber.outbox is None:
            server.publish(50)
            server.hub.flush()
            sent += 50
        assert connection.unsent
        server.publish(50)
        server.hub.flush()
        assert [await client.sequence() for _ in range(sent)] == list(range(1, sent + 1))
        opcode, payload = await client.frame()
        note = json.loads(payload)["params"]
        assert (opcode, note["seq"], note["conflated"]) == (1, sent + 50, 50)
        assert not connection.unsent
        assert isinstance(connection.subscriber.sink, DirectSink)
        server.publish()
        server.hub.flush()
        assert await client.sequence() == sent + 51
        client.close()
        await server.emptied()

    run(work())


def test_what_a_tick_produced_reaches_all_though_one_of_them_closes(run: Callable[[Any], None]) -> None:
    async def work() -> None:
        server = SteppedServer()
        leaving, client = await server.connect()
        _, other = await server.connect()
        server.publish()
        client.send(CLOSE_FRAME)
        await until(lambda: not leaving.subscriber.channels)
        server.publish()
        server.hub.flush()
        assert await client.sequence() == 1
        assert await client.frame() == (8, b"\x03\xe8")
        assert [await other.sequence(), await other.sequence()] == [1, 2]
        client.close()
        other.close()
        await server.emptied()

    run(work())


def test_a_peer_that_does_not_read_costs_the_others_in_its_group_nothing(run: Callable[[Any], None]) -> None:
    async def work() -> None:
        server = SteppedServer()
        _, first = await server.connect()
        slow, sleeper = await server.connect(SO_RCVBUF=4096)
        _, last = await server.connect()
        sent = 0
        while slow.subscriber.outbox is None:
            server.publish(20)
            server.hub.flush()
            assert [await first.sequence() for _ in range(20)] == list(range(sent + 1, sent + 21))
            assert [await last.sequence() for _ in range(20)] == list(range(sent + 1, sent + 21))
            sent += 20
        server.publish()
        server.hub.flush()
        assert await first.sequence() == await last.sequence() == sent + 1
        assert [await sleeper.sequence() for _ in range(sent + 1)] == list(range(1, sent + 2))
        for client in (first, sleeper, last):
            client.close()
        await server.emptied()

    run(work())


def test_a_peer_that_has_hung_up_costs_the_others_nothing(run: Callable[[Any], None]) -> None:
    async def work() -> None:
        server = SteppedServer()
        _, first = await server.connect()
        _, other = await server.connect()
        first.close()
        for seq in range(1, 60):
            server.publish()
            server.hub.flush()
            assert await other.sequence() == seq
        other.close()
        await server.emptied()

    run(work())


def test_a_lost_connection_gives_its_descriptor_back(run: Callable[[Any], None]) -> None:
    async def work() -> None:
        server = SteppedServer()
        connection, client = await server.connect()
        sink = cast(DirectSink, connection.subscriber.sink)
        client.close()
        await server.emptied()
        assert sink.fileno() == -1
        server.publish()
        server.hub.flush()

    run(work())


def test_a_sink_that_nobody_holds_leaves_the_socket_open() -> None:
    class PlainTransport:
        def get_extra_info(self, name: str) -> Any:
            return ours if name == "socket" else None

    ours, theirs = socket.socketpair()
    with ours, theirs:
        make_sink(cast(asyncio.Transport, PlainTransport())).write(b"one")
        ours.send(b" two")
        assert theirs.recv(64) == b"one two"


def test_an_encrypted_connection_goes_through_its_transport() -> None:
    class TlsTransport:
        def get_extra_info(self, name: str) -> Any:
            return ssl.create_default_context() if name == "sslcontext" else None

    transport = cast(asyncio.Transport, TlsTransport())
    assert make_sink(transport) is transport

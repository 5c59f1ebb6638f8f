"""A client that goes from gateway to gateway, and holds all that it is told to its chain."""

import asyncio
from collections.abc import Sequence
from ssl import create_default_context
from time import monotonic
from typing import Any

from websockets.asyncio.client import ClientConnection
from websockets.asyncio.client import connect as ws_connect
from websockets.exceptions import WebSocketException
from websockets.typing import Subprotocol

from deltawire.session.client import Answer, BookMirror, ClientSession, Notification
from deltawire.wire.protobuf import SUBPROTOCOL
from tests.support.bus.cluster import RoleProcess
from tests.support.waiting import HANG_S

BOOK, TRADES = "book.BTC-PERPETUAL.raw", "trades.BTC-PERPETUAL.raw"
STATUS = "status.BTC-PERPETUAL"
AWAY_S = 1.5
CHANNELS = (BOOK, TRADES, STATUS)


class Wanderer:
    """Reads three channels of one instrument; `visit` one gateway after the other."""

    def __init__(self) -> None:
        self.mirror = BookMirror()
        self.trades: list[int] = []
        """The number of each trade, as the exchange counts them."""
        self.states: list[tuple[str, str]] = []
        """State and reason of the book, whenever these changed."""
        self.gaps: list[str] = []
        """Channels that could not be continued; each began again with an image."""
        self.unexcused: list[str] = []
        """Those of a client that had been away for a moment only: servers keep the last 1,000 changes of a book."""
        self.notes = 0
        self.epochs: set[str] = set()
        self._session = ClientSession()
        self._read_s = monotonic()

    async def visit(self, gateway: RoleProcess, notes: int = 30, *, binary: bool = False) -> None:
        """Connect, resume, and read so many notifications."""
        async with asyncio.timeout(HANG_S), self.connected(gateway, binary=binary) as client:
            await self.resume(client)
            await self.read(client, notes)

    def connected(self, gateway: RoleProcess, *, binary: bool = False) -> ws_connect:
        """A connection; what it receives counts only when it is read here."""
        tls = None if gateway.cafile is None else create_default_context(cafile=gateway.cafile)
        protocols = [Subprotocol(SUBPROTOCOL)] if binary else None
        url = f"{gateway.url}/ws/api/v2"
        return ws_connect(
            url,
            ssl=tls,
            subprotocols=protocols,
            max_size=None,
            max_queue=None,
            close_timeout=0.1,
        )

    async def resume(self, client: ClientConnection) -> None:
        """Go on where it was."""
        positions = self._session.reconnected()
        params = {"channels": list(CHANNELS), "resume": positions}
        _, request = self._session.call("public/subscribe", params)
        await client.send(request, text=True)
        answer = self._session.received(await client.recv())
        assert isinstance(answer, Answer)
        assert answer.error is None
        assert {*answer.recovered} == {*positions}
        lost = [name for name, recovered in answer.recovered.items() if not recovered]
        self.gaps += lost
        if monotonic() - self._read_s < AWAY_S:
            self.unexcused += lost
        if TRADES in lost:
            self.trades.clear()

    async def read(self, client: ClientConnection, notes: int) -> None:
        """Read so many notifications."""
        until = self.notes + notes
        while self.notes < until:
            frame = await client.recv()
            heard = self._session.received if isinstance(frame, str) else self._session.received_binary
            note = heard(frame)  # type: ignore[operator]
            if isinstance(note, Notification):
                self.take(note)

    def take(self, note: Notification) -> None:
        """A notification; the session has compared its predecessor."""
        self.notes += 1
        self._read_s = monotonic()
        self.epochs.add(note.epoch)
        if note.channel == BOOK:
            self.mirror.apply(note.data)
            state = self.mirror.state, self.mirror.reason
            if not self.states or self.states[-1] != state:
                self.states.append(state)
        elif note.channel == TRADES:
            self.trades += [trade["trade_seq"] for trade in note.data]

    def assert_whole(self) -> None:
        """Nothing was missed, and nothing came twice."""
        assert self.unexcused == []
        self.assert_told()

    def assert_told(self) -> None:
        """Nothing came twice, and of what was missed it was told."""
        assert len(self.epochs) == 1
        if self.trades:
            assert self.trades == list(range(self.trades[0], self.trades[0] + len(self.trades)))


async def read_until(wanderer: Wanderer, client: ClientConnection, happened: Any) -> None:
    """Read on until something is so."""
    async with asyncio.timeout(HANG_S):
        while not happened():
            await wanderer.read(client, 1)


async def follow(wanderer: Wanderer, gateways: Sequence[RoleProcess], stop: asyncio.Event) -> None:
    """Read until stopped, at whichever gateway answers; what ends a connection is no error."""
    number = 0
    while not stop.is_set():
        try:
            async with wanderer.connected(gateways[number % len(gateways)]) as client:
                await wanderer.resume(client)
                while not stop.is_set():
                    await wanderer.read(client, 1)
        except (WebSocketException, OSError):
            number += 1
            await asyncio.sleep(0.05)

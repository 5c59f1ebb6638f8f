"""A plain WebSocket client of tests that keeps every frame."""

import asyncio
import ssl
from types import TracebackType
from typing import Any, Self

import msgspec
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from deltawire.testing.venue_server import VenueServer
from tests.support.waiting import until


class PlainClient:
    """Connects to a path of a venue's server, and collects what comes."""

    def __init__(
        self, server: VenueServer, path: str, *requests: object, tls: ssl.SSLContext | None = None
    ) -> None:
        self.frames: list[str] = []
        self.ended: ConnectionClosed | None = None
        self._server, self._path, self._requests, self._tls = server, path, requests, tls

    async def __aenter__(self) -> Self:
        self.socket = await connect(
            self._server.base + self._path,
            compression=None,
            ping_interval=None,
            ssl=self._tls,
            close_timeout=0.1,
        )
        self._reading = asyncio.create_task(self._read())
        for request in self._requests:
            await self.ask(request)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._reading.cancel()
        self.socket.transport.abort()
        await asyncio.gather(self._reading, return_exceptions=True)

    async def ask(self, request: object) -> None:
        """Send a request (text as it is), and wait until the server has it."""
        had = self._server.tally.counts["messages"]
        await self.socket.send(request if isinstance(request, str) else msgspec.json.encode(request).decode())
        await until(lambda: self._server.tally.counts["messages"] > had)

    async def caught_up(self) -> list[Any]:
        """All frames of the server to its only client have come; those that are JSON, decoded."""
        await until(lambda: len(self.frames) >= self._server.tally.counts["frames"])
        return self.decoded()

    def decoded(self) -> list[Any]:
        """The frames that are JSON."""
        return [msgspec.json.decode(frame) for frame in self.frames if frame[:1] == "{" and _whole(frame)]

    async def closed(self) -> ConnectionClosed:
        """How the connection has ended."""
        await until(lambda: self.ended)
        assert self.ended is not None
        return self.ended

    async def _read(self) -> None:
        try:
            while True:
                self.frames.append(str(await self.socket.recv()))
        except ConnectionClosed as ended:
            self.ended = ended


def _whole(frame: str) -> bool:
    try:
        msgspec.json.decode(frame)
    except msgspec.DecodeError:
        return False
    return True

"""A venue's state machine on a real socket, without any healing: what the venue says is all that it gets."""

import asyncio
from types import TracebackType
from typing import Self

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from deltawire.model.events import Event
from deltawire.ports import Fetch, Output, Send, Venue, Wants
from deltawire.testing.venue_server import VenueServer
from tests.support.http_client import get


class VenueClient:
    """One connection of a state machine to a server; all that it yields is in `events`."""

    def __init__(self, venue: Venue, server: VenueServer, path: str, wants: Wants) -> None:
        self.events: list[Event] = []
        self.frames: list[bytes] = []
        self._venue, self._server, self._path, self._wants = venue, server, path, wants
        self._asks: asyncio.Queue[Send | Fetch] = asyncio.Queue()
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        socket = await connect(self._server.base + self._path, max_size=None, compression=None)
        self._socket = socket
        self._took(self._venue.opened(self._wants, self._server.now()))
        self._tasks = [asyncio.create_task(self._read(socket)), asyncio.create_task(self._ask(socket))]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._socket.close()

    async def _read(self, socket: ClientConnection) -> None:
        try:
            async for frame in socket:
                assert isinstance(frame, str)
                self.frames.append(frame.encode())
                self._took(self._venue.received(frame.encode(), self._server.now()))
        except ConnectionClosed:
            pass
        self._took(self._venue.closed(self._server.now()))

    async def _ask(self, socket: ClientConnection) -> None:
        while True:
            ask = await self._asks.get()
            if isinstance(ask, Send):
                await socket.send(ask.frame)
            else:
                _, body, _ = await get(self._server.redirect(ask.url))
                self._took(self._venue.fetched(ask.tag, body, self._server.now()))

    def _took(self, outputs: list[Output]) -> None:
        for output in outputs:
            if isinstance(output, Send | Fetch):
                self._asks.put_nowait(output)
            elif isinstance(output, Event):
                self.events.append(output)

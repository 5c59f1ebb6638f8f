"""A venue's state machine on real sockets, without any healing: what the venue says is all that it gets."""

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
    """A state machine whose streams come on one connection per path; all that it yields is in `events`."""

    def __init__(self, venue: Venue, server: VenueServer, wants: Wants) -> None:
        self.events: list[Event] = []
        self.frames: list[bytes] = []
        self._venue, self._server, self._wants = venue, server, wants
        self._asks: asyncio.Queue[Send | Fetch] = asyncio.Queue()
        self._asking = 0
        self._sockets: list[ClientConnection] = []
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        venue, streams = self._venue, self._venue.streams(self._wants)
        for path in dict.fromkeys(stream.path for stream in streams):
            address = self._server.redirect(venue.limits.endpoints[path][0])
            socket = await connect(address, max_size=None, compression=None)
            self._sockets.append(socket)
            self._tasks.append(asyncio.create_task(self._read(socket)))
            if len(self._sockets) == 1:
                self._took([*venue.lists(self._wants), *venue.connected(self._server.now())])
                self._tasks.append(asyncio.create_task(self._ask(socket)))
            for request in venue.subscribe([stream for stream in streams if stream.path == path]):
                await socket.send(request.frame)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for socket in self._sockets:
            await socket.close()

    def tick(self) -> None:
        """Let the machine do what is due by the venue's time."""
        now = self._server.now()
        while (deadline := self._venue.deadline()) is not None and deadline <= now:
            self._took(self._venue.tick(now))

    def idle(self) -> bool:
        """Whether everything that the machine asked for has been done."""
        return not self._asking

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
        """Do what the machine asks for; what it sends goes to the first connection."""
        while True:
            ask = await self._asks.get()
            if isinstance(ask, Send):
                await socket.send(ask.frame)
            else:
                _, body, _ = await get(self._server.redirect(ask.url))
                self._took(self._venue.fetched(ask.tag, body, self._server.now()))
            self._asking -= 1

    def _took(self, outputs: list[Output]) -> None:
        for output in outputs:
            if isinstance(output, Send | Fetch):
                self._asking += 1
                self._asks.put_nowait(output)
            elif isinstance(output, Event):
                self.events.append(output)

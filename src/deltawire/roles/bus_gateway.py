"""A gateway of a bus: serves what others publish there, the same at every gateway; holds nothing of its own."""

import asyncio
import contextlib
import socket
import ssl
import time
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any

import msgspec
import structlog

from deltawire.bus.nats.connection import Address, Connection, connect
from deltawire.bus.nats.retained import Images
from deltawire.errors import BusError
from deltawire.ports import Batch
from deltawire.roles.bus_market import BusMarket, Joined, join, reporter
from deltawire.roles.draining import Draining
from deltawire.roles.gateway import App, serve

log = structlog.get_logger("deltawire")
LOOK_S = 0.05
BACKLOG = 1024
MOST_WAITING = 100_000
"""Batches; a gateway that is further behind begins again at the newest image."""
MakeApp = Callable[[BusMarket], App]


class BusSettings(msgspec.Struct, frozen=True):
    """How a gateway uses a bus: after how many seconds without a message of a venue its books are stale."""

    address: Address
    stale_after_s: float = 2.0


class BusFeed:
    """Passes what the bus tells on to a server, and tells its books stale while the bus is silent."""

    def __init__(self, app: App, market: BusMarket, stale_after_s: float) -> None:
        self._app = app
        self._market = market
        self._stale_after_s = stale_after_s
        self._queue: deque[Batch] = deque()
        self._news = asyncio.Event()
        self._withheld: set[str] = set()
        self._silent: set[str] = set()
        self._why = f"nothing from the bus for {stale_after_s:g} s"
        for venue in {state.instrument.venue for state in app.market}:
            self._withhold(venue)  # what is known may be old: the next message tells
        market.pass_to(self._on_batch)

    def _on_batch(self, batch: Batch) -> None:
        if len(self._queue) >= MOST_WAITING:
            raise BusError("behind", f"{len(self._queue):,} batches wait to be served")
        self._queue.append(batch)
        self._news.set()

    async def run(self) -> None:
        """Serve what comes, in order; never returns."""
        while True:
            await self._news.wait()
            self._news.clear()
            while self._queue:
                self._release(self._queue[0])
                await self._app.publish(self._queue[0])
                self._queue.popleft()

    async def drained(self) -> None:
        """Wait until everything that has come is served."""
        while self._queue:  # noqa: ASYNC110
            await asyncio.sleep(LOOK_S)

    def _release(self, batch: Batch) -> None:
        if batch.venue in self._withheld:
            self._withheld.discard(batch.venue)
            self._app.hub.release(batch.venue)
            self._app.gateway.release(batch.venue)
            if batch.venue in self._silent:
                self._silent.discard(batch.venue)
                log.info("the bus tells of it again", venue=batch.venue)

    async def watch(self) -> None:
        """Withhold the books of venues of which nothing comes; never returns."""
        while True:
            await asyncio.sleep(LOOK_S)
            now_s = time.monotonic()
            for venue, heard_s in list(self._market.heard_s.items()):
                if venue not in self._silent and now_s - heard_s > self._stale_after_s:
                    self._silent.add(venue)
                    self._withhold(venue)
                    log.warning("its books are stale", venue=venue, reason=self._why)

    def _withhold(self, venue: str) -> None:
        self._withheld.add(venue)
        self._app.hub.withhold(venue, self._why)
        self._app.gateway.withhold(venue, f"{venue}: {self._why}")


class BusGateway:
    """Serves clients on a socket, and begins anew whenever the bus does."""

    def __init__(
        self,
        settings: BusSettings,
        make_app: MakeApp,
        sock: socket.socket,
        *,
        tls: ssl.SSLContext | None = None,
        draining: Draining | None = None,
        serving: Callable[[], None] = lambda: None,
    ) -> None:
        """`sock` is bound; it listens, and `serving` is called, when the first client can be answered."""
        self._settings = settings
        self._make_app = make_app
        self._sock = sock
        self._tls = tls
        self._draining = draining or Draining()
        self._serving: Callable[[], None] | None = serving

    async def run(self, stop: asyncio.Event) -> None:
        """Serve until `stop`."""
        connection = await connect(self._settings.address, report=reporter())
        images = Images(connection)
        refusing = asyncio.create_task(self._refuse_at_the_end(stop))
        try:
            await images.make()
            joined: Joined | None = await _unless(stop, join(connection, images))
            while joined is not None and self._sock.fileno() >= 0:
                joined = await self._serve(connection, images, joined, stop)
        finally:
            refusing.cancel()
            await connection.close()

    async def _refuse_at_the_end(self, stop: asyncio.Event) -> None:
        """Whoever comes while connections are closed is refused, and does not wait in the socket's queue."""
        ending = [asyncio.create_task(event.wait()) for event in (stop, self._draining.requested)]
        try:
            await asyncio.wait(ending, return_when=asyncio.FIRST_COMPLETED)
            self._sock.close()
            if self._serving is not None:  # nobody is served yet
                stop.set()
        finally:
            for task in ending:
                task.cancel()

    async def _serve(
        self, connection: Connection, images: Images, joined: Joined, stop: asyncio.Event
    ) -> Joined | None:
        """Serve from there on; returns where to begin again, None at the end."""
        market = BusMarket(connection, joined)
        if joined.market is None:
            log.info("nothing on the bus is known yet; waiting for its first publisher", bus=connection.url)
        following = asyncio.create_task(market.follower.run())
        caught_up = asyncio.create_task(market.caught_up())
        stopping = asyncio.create_task(stop.wait())
        try:
            await asyncio.wait({following, caught_up, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if stop.is_set() or self._sock.fileno() < 0:
                return None
            if following.done():
                return await self._next(following, market, connection, images)
            return await self._serve_clients(market, following, connection, images, stop)
        finally:
            for task in (following, caught_up, stopping):
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError, BusError):
                    await task

    async def _serve_clients(
        self,
        market: BusMarket,
        following: "asyncio.Task[None]",
        connection: Connection,
        images: Images,
        stop: asyncio.Event,
    ) -> Joined | None:
        ended = asyncio.Event()
        app = self._make_app(market)
        feed = BusFeed(app, market, self._settings.stale_after_s)
        watching = asyncio.create_task(feed.watch())
        feeding = asyncio.create_task(feed.run())
        serving = asyncio.create_task(serve(app, self._sock.dup(), ended, self._tls, draining=self._draining))
        stopping = asyncio.create_task(stop.wait())
        if self._serving is not None:
            self._sock.listen(BACKLOG)
            self._serving()
            self._serving = None
        following_next: Joined | None = None
        try:
            tasks = {following, feeding, serving, stopping}
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            if feeding.done():
                feeding.result()
            if following.done() and not stop.is_set() and not serving.done():
                await feed.drained()
                # until there is another market, the old one is served as stale
                looking = asyncio.create_task(self._next(following, market, connection, images))
                await asyncio.wait({looking, serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
                following_next = looking.result() if looking.done() else None
                looking.cancel()
            return following_next
        finally:
            ended.set()
            watching.cancel()
            feeding.cancel()
            stopping.cancel()
            await serving

    async def _next(
        self, following: "asyncio.Task[None]", market: BusMarket, connection: Connection, images: Images
    ) -> Joined:
        """Where to go on after following has ended."""
        error = following.exception()
        if not isinstance(error, BusError):
            assert error is not None
            raise error
        log.warning("begins anew; clients are told to reconnect", reason=str(error))
        if error.kind == "epoch":
            return market.left_at()
        return await join(connection, images)


async def _unless(stop: asyncio.Event, joining: Coroutine[Any, Any, Joined]) -> Joined | None:
    """What is joined; None if `stop` comes first."""
    task = asyncio.create_task(joining)
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait({task, stopping}, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if not task.done():
        task.cancel()
        return None
    return task.result()

"""Publishes on a bus what a server has: every batch of its sources, and the time between them."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

import structlog

from deltawire.bus.memory import TOPIC, MemoryBroker
from deltawire.bus.nats.connection import Address, Connection, connect
from deltawire.bus.nats.publishing import Outlet
from deltawire.errors import BusError
from deltawire.model.events import Derived, Event
from deltawire.ports import Batch
from deltawire.roles.bus_market import reporter

MOST_WAITING = 200_000
"""Batches that the bus has not taken; beyond it the server stops, and begins anew when it is started again."""
log = structlog.get_logger("deltawire")


class Publishing:
    """Passes batches on to the bus, in their order. `failed` is called once, with the reason why that ends."""

    def __init__(self, connection: Connection, failed: Callable[[Exception], None]) -> None:
        self.outlets: dict[str, Outlet] = {}
        self.published = 0
        """Batches that were acknowledged."""
        self._connection = connection
        self._failed: Callable[[Exception], None] | None = failed

    async def begin(self, venue: str, epoch: str, at_ns: int) -> None:
        """Take over the topic of a venue."""
        topic = f"{TOPIC}.{venue}"
        outlet = self.outlets[venue] = Outlet(self._connection, topic)
        await outlet.begin(epoch)
        await outlet.put(Batch(venue, at_ns, []), 0)

    def put(self, batch: Batch) -> None:
        """Publish a batch behind those before."""
        outlet = self.outlets.get(batch.venue)
        if self._failed is None or outlet is None:
            return
        if outlet.waiting >= MOST_WAITING:
            self._fail(BusError("absent", f"the bus has not taken the last {outlet.waiting:,} batches"))
            return
        if any(
            isinstance(event, Derived) for event in batch.events
        ):  # gateways compute what they are asked for
            events: list[Event] = [event for event in batch.events if not isinstance(event, Derived)]
            batch = Batch(batch.venue, batch.at_ns, events)
        outlet.put(batch, outlet.number + outlet.waiting).add_done_callback(self._done)

    def _done(self, done: "asyncio.Future[int]") -> None:
        if done.cancelled():
            return
        error = done.exception()
        if error is None:
            self.published += 1
        elif isinstance(error, Exception):
            self._fail(error)

    def _fail(self, error: Exception) -> None:
        failed, self._failed = self._failed, None
        if failed is not None:
            failed(error)

    async def drained(self) -> None:
        """Wait until the bus has everything, or publishing has failed."""
        while self._failed is not None and any(outlet.waiting for outlet in self.outlets.values()):  # noqa: ASYNC110
            await asyncio.sleep(0.005)

    def close(self) -> None:
        """Publish nothing more."""
        self._failed = None
        for outlet in self.outlets.values():
            outlet.close()


async def silent(connection: Connection, venue: str, stop: asyncio.Event) -> bool:
    """Wait until nobody publishes a venue any more; returns False if `stop` comes first.

    A topic without any message is free at once; one with some when none has come for a while. What decides in the end
    is the fence: of two that begin at once, one is told.
    """
    topic, told = f"{TOPIC}.{venue}", False
    message = await connection.last(topic)
    while message is not None and not stop.is_set():
        sequence = message.seq
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), SILENT_S)
        message = await connection.last(topic)
        if message is None or message.seq == sequence:
            break
        if not told:
            told = True
            log.info("standing by: another process publishes this venue", venue=venue, bus=connection.url)
    return not stop.is_set()


SILENT_S = 3.0
"""A venue of which nothing came for this long has no publisher; the time between two messages is 0.02 s."""
DRAINED_WITHIN_S = 2.0


@asynccontextmanager
async def publishing(
    broker: MemoryBroker,
    address: Address,
    *,
    venues: Sequence[tuple[str, int]],
    epoch: str,
    stop: asyncio.Event,
) -> AsyncIterator[Publishing]:
    """Publish what passes a broker; `venues` are those of its sources with their times, the home venue first.

    While somebody else publishes one of them, wait: whoever runs in a pair stands by until the other has gone. If
    somebody else publishes one of them from now on, `stop` is set and the error raised at the end.
    """
    errors: list[Exception] = []

    def failed(error: Exception) -> None:
        errors.append(error)
        log.error("cannot publish on the bus any more; the server stops", error=str(error))
        stop.set()

    connection = await connect(address, report=reporter())
    try:
        await connection.make_stream()
        publisher = Publishing(connection, failed)
        for venue, at_ns in venues:
            if not await silent(connection, venue, stop):
                break
            await publisher.begin(venue, epoch, at_ns)
        if not stop.is_set():
            names = [venue for venue, _ in venues]
            log.info("publishing on the bus", bus=connection.url, venues=names, epoch=epoch)
        end = broker.subscribe(f"{TOPIC}.*", publisher.put)
        try:
            yield publisher
        finally:
            end()
            try:
                await asyncio.wait_for(publisher.drained(), DRAINED_WITHIN_S)
            except TimeoutError:
                log.warning("the bus has not taken the last batches")
            publisher.close()
    finally:
        await connection.close()
    if errors:
        raise errors[0]

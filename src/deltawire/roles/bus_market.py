"""The market as a bus tells it: from the newest image, or from the beginning, and then message by message."""

import asyncio
import time
from collections.abc import Callable

import msgspec
import structlog

from deltawire.bus.frames import Frame
from deltawire.bus.images import restored
from deltawire.bus.memory import TOPIC
from deltawire.bus.nats.connection import Connection
from deltawire.bus.nats.following import Follower, Place
from deltawire.bus.nats.retained import Images, Manifest
from deltawire.errors import BusError
from deltawire.market.market import Market
from deltawire.ports import Batch

log = structlog.get_logger("deltawire")
WAIT_S = 0.25
LOOK_S = 0.005
LISTED_WITHIN_S = 10.0


class Joined(msgspec.Struct, frozen=True):
    """A market behind one message of the stream; `market` is None before the first publisher has begun."""

    market: Market | None
    epoch: str
    sequence: int
    places: dict[str, Place]
    created: str


async def join(connection: Connection, images: Images) -> Joined:
    """Where a reader begins who was not there; waits until there is such a place."""
    told = False
    while True:
        info = await connection.make_stream()
        created, state = str(info.created), info.state
        try:
            found = await images.read()
            if found is not None and _fits(found[0], created, state.first_seq, state.last_seq):
                manifest, data = found
                return Joined(
                    restored(data), manifest.epoch, manifest.sequence, dict(manifest.places), created
                )
        except BusError as error:
            log.warning("cannot use the image of the market", error=str(error))
        if not state.messages or state.first_seq <= 1:
            return Joined(None, "", 0 if state.messages else state.last_seq, {}, created)
        if not told:
            told = True
            log.warning(
                "the bus has no image of its market, and not its beginning any more; waiting for one",
                advice="run deltawire keeper",
            )
        await asyncio.sleep(WAIT_S)


def _fits(manifest: Manifest, created: str, first: int, last: int) -> bool:
    """Whether the stream goes on where an image ends."""
    return manifest.created == created and first - 1 <= manifest.sequence <= last


class BusMarket:
    """Follows a bus, and applies what comes to a market, or passes it to whoever has that market.

    `epoch` is that of the publisher who was the first of all, or who was the last to begin anew with a venue that was
    known already; the same at every reader.
    """

    def __init__(self, connection: Connection, joined: Joined) -> None:
        self.market = joined.market
        self.epoch = joined.epoch
        self.created = joined.created
        self.heard_s = {topic.removeprefix(f"{TOPIC}."): time.monotonic() for topic in joined.places}
        """By venue: when something came of it last."""
        self.strange = 0
        """Batches that name another venue than their topic."""
        self.follower = Follower(
            connection,
            self._on_frame,
            after=joined.sequence,
            places=joined.places,
            created=joined.created,
        )
        self._connection = connection
        self._listener: Callable[[Batch], None] | None = None
        self._awaited: set[str] = set()
        """Instruments that were known of a venue before it began anew."""

    async def caught_up(self) -> None:
        """Wait until there is a market, and everything stored so far is in it.

        Of a venue that begins anew clients will ask for what they had: its instruments are awaited, for a while.
        """
        info = await self._connection.info()
        last = 0 if info is None else info.state.last_seq
        while self.market is None or self.follower.sequence < last:  # noqa: ASYNC110
            await asyncio.sleep(LOOK_S)
        until_s = time.monotonic() + LISTED_WITHIN_S
        while not self._awaited <= self.market.names() and time.monotonic() < until_s:  # noqa: ASYNC110
            await asyncio.sleep(LOOK_S)

    def pass_to(self, listener: Callable[[Batch], None]) -> None:
        """From now on pass batches on instead of applying them; a new epoch ends following."""
        self._listener = listener

    def left_at(self) -> Joined:
        """Where following has ended; what a publisher began anew is forgotten if that was why."""
        return Joined(self.market, self.epoch, self.follower.sequence, self.follower.places(), self.created)

    def _on_frame(self, topic: str, sequence: int, frame: Frame) -> None:
        venue = topic.removeprefix(f"{TOPIC}.")
        if frame.begins:
            self._begin(venue, sequence, frame)
        self.heard_s[venue] = time.monotonic()
        for batch in frame.batches:
            if batch.venue != venue:
                self.strange += 1
            elif self._listener is not None:
                self._listener(batch)
            elif self.market is not None:
                apply(self.market, batch)

    def _begin(self, venue: str, sequence: int, frame: Frame) -> None:
        if self.market is None:
            self.market, self.epoch = Market(venue), frame.epoch
        elif self.market.knows(venue):
            if self._listener is not None:
                raise BusError("epoch", f"{venue} begins anew")
            self._awaited |= {
                state.name
                for state in self.market
                if state.instrument.venue == venue and state.instrument.active
            }
            self.market.forget(venue)
            if len(self.market) or self.market.index_names():  # counts of all venues together go on
                self.epoch = f"{frame.epoch}.{sequence:x}"
            else:  # the same as its publisher has itself
                self.market, self.epoch = Market(self.market.home), frame.epoch


def apply(market: Market, batch: Batch) -> None:
    """Apply a batch as a hub does that has no channels."""
    market.advance(batch.venue, batch.at_ns)
    if batch.events:
        market.begin_moment()
        for event in batch.events:
            market.apply(event)


def reporter() -> Callable[[str], None]:
    """Logs troubles of a connection, each once in a while."""
    last: dict[str, float] = {}

    def report(text: str) -> None:
        if time.monotonic() - last.get(text, -60.0) > 10.0:
            last[text] = time.monotonic()
            log.warning("bus", trouble=text)

    return report

"""Recordings that are replayed by a server in this process, over a real socket."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import msgspec

from deltawire.market.market import Market
from deltawire.ports import Batch, Wants
from deltawire.recording import Recording
from deltawire.recording.event_log import EventLogWriter
from deltawire.recording.manifest import NAME
from deltawire.roles.gateway import WallClock
from deltawire.sources.recorded import batches_at
from deltawire.sources.replay import Played, ReplaySource
from deltawire.testing.recordings import START_NS, STEP_NS, make_recording, write_log
from deltawire.venues import make_venue
from tests.support.gateway_server import GatewayServer
from tests.support.serving import Served
from tests.support.waiting import LOOK_EVERY_S

STEPS = 800
FIRST_MS, LAST_MS = START_NS // 1_000_000, (START_NS + STEPS * STEP_NS) // 1_000_000
VENUE = "deribit"


class SteppedReplay(ReplaySource):
    """A recording, once, as fast as it goes, that stands still where it is told to.

    Before `pause_ns` of recorded time it waits for `resume`. With `held` its connection never ends: at the last record
    recorded time stands still.
    """

    def __init__(self, path: Path, venue: str, *, pause_ns: int | None = None, held: bool = False) -> None:
        super().__init__([Played(Recording(path), make_venue(venue))], WallClock(), speed=None)
        self._pause_ns = pause_ns
        self._held = held
        self._may_go_on = asyncio.Event()
        self.played = False
        """Whether the last record has been."""

    def resume(self) -> None:
        """Called in the server's loop."""
        self._may_go_on.set()

    async def events(self, wants: Wants) -> AsyncIterator[Batch]:
        """See `Source`."""
        async for batch in super().events(wants):
            if self._pause_ns is not None and batch.at_ns >= self._pause_ns:
                await self._may_go_on.wait()
            yield batch
        self.played = True
        if self._held:
            await asyncio.Event().wait()


class PacedReplay(ReplaySource):
    """A recording, again and again, no faster than its readers: nothing is ever merged for a slow one."""

    def __init__(self, path: Path, venue: str) -> None:
        super().__init__([Played(Recording(path), make_venue(venue))], WallClock(), speed=None, loop=True)
        self.server: GatewayServer | None = None
        """Whose clients they are."""

    async def events(self, wants: Wants) -> AsyncIterator[Batch]:
        """See `Source`."""
        async for batch in super().events(wants):
            while not self._all_read():  # noqa: ASYNC110 (nobody tells)
                await asyncio.sleep(LOOK_EVERY_S)
            yield batch

    def _all_read(self) -> bool:
        connections = self.server.app.gateway.connections if self.server else ()
        return bool(connections) and not any(each.unsent for each in connections)


@contextmanager
def paced(path: Path, venue: str) -> Iterator[Served]:
    """A server of such a replay, in a thread of this process; it stands still while nobody is connected."""
    source = PacedReplay(path, venue)
    with GatewayServer(sources=(source,)) as server:
        source.server = server
        yield Served(server.url, f"http://127.0.0.1:{server.port}")


def store_events(folder: Path) -> Path:
    """Half a minute of Deribit's perpetual, a future and an option, with a gap after twelve seconds."""
    log = write_log(make_recording(5, steps=STEPS, losses=[300]), folder / "tape.log")
    store = folder / "store"
    store.mkdir()
    writer = EventLogWriter(store, VENUE, unit_bytes=50_000)
    for batch in batches_at(log, VENUE):
        writer.add(batch)
    stored = writer.finish({})
    (store / NAME).write_bytes(msgspec.json.encode({"events": [stored]}))
    return store


@cache
def best_at(folder: Path, at_ms: int, name: str = "BTC-PERPETUAL") -> tuple[float, float, float, float]:
    """`InstrumentState.best` after every event before a time, from the recording itself."""
    market = Market(VENUE)
    for batch in batches_at(folder / "tape.log", VENUE):
        if batch.at_ns >= at_ms * 1_000_000:
            break
        market.advance(batch.venue, batch.at_ns)
        market.begin_moment()
        for event in batch.events:
            market.apply(event)
    state = market.find(name)
    assert state is not None
    return state.best()

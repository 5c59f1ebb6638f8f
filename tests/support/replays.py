"""Recordings that are replayed by a server in this process, over a real socket."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

from deltawire.ports import Batch, Wants
from deltawire.recording import Recording
from deltawire.roles.gateway import WallClock
from deltawire.sources.replay import Played, ReplaySource
from deltawire.venues import make_venue
from tests.support.gateway_server import GatewayServer
from tests.support.serving import Served
from tests.support.waiting import LOOK_EVERY_S


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

"""Recordings that are replayed by a server in this process, over a real socket."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

from deltawire.app import WallClock
from deltawire.ports import Batch, Wants
from deltawire.sources.recordings import Recording
from deltawire.sources.replay import ReplaySource
from deltawire.venues import make_venue


def replay(path: Path, venue: str) -> ReplaySource:
    """A recording, once, as fast as it goes."""
    return ReplaySource(Recording(path), make_venue(venue), WallClock(), speed=None)


class HeldReplay(ReplaySource):
    """One whose connection never ends: at the last record recorded time stands still."""

    async def events(self, wants: Wants) -> AsyncIterator[Batch]:
        """See `Source`."""
        async for batch in super().events(wants):
            yield batch
        await asyncio.Event().wait()


def held_replay(path: Path, venue: str) -> HeldReplay:
    """The same as `replay`, except that its books stay as the last record leaves them."""
    return HeldReplay(Recording(path), make_venue(venue), WallClock(), speed=None)

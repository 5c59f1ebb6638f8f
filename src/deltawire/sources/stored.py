"""The stored events of a venue as a source that can be paused: for one reader, at a time of its own."""

import asyncio
import contextlib
import math
from collections.abc import AsyncIterator, Iterator

from deltawire.ports import Batch, Clock, Wants
from deltawire.sources.replay import ReplayClock

BATCH = 64
"""Batches that are late between turns of other tasks."""


class StoredSource:
    """Serves batches at their recorded times, at a speed that may change; 0 pauses."""

    def __init__(self, venue: str, batches: Iterator[Batch], wall: Clock, *, speed: float) -> None:
        """The first of the `batches` is the state from which the others go on."""
        self.venue = venue
        self._batches = batches
        self._clock = ReplayClock(wall, speed)
        self._changed = asyncio.Event()

    def begin(self) -> Batch | None:
        """The state before the first event; None if nothing is stored."""
        first = next(self._batches, None)
        if first is not None:
            self._clock.start(first.at_ns)
        return first

    def now(self) -> int:
        """Recorded time in nanoseconds."""
        return self._clock.now()

    def set_speed(self, speed: float) -> None:
        """Go on at another speed from now on."""
        self._clock.set_speed(speed)
        self._changed.set()

    async def events(self, wants: Wants) -> AsyncIterator[Batch]:
        """Yield what follows the state; `wants` is ignored, because all that was stored is told."""
        for played, batch in enumerate(self._batches):
            if played % BATCH == 0:
                await asyncio.sleep(0)
            await self._until(batch.at_ns)
            self._clock.reach(batch.at_ns)
            if batch.events:
                yield batch

    async def _until(self, at_ns: int) -> None:
        """Wait for a recorded time, however often the speed changes until then."""
        while (wait_s := self._clock.wait_s(at_ns)) > 0:
            self._changed.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), None if wait_s == math.inf else wait_s)

"""Applies batches of events to a hub in slices of time, so that intervals that end together delay no request."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from time import perf_counter_ns

from deltawire.analytics.derivations import Derivations
from deltawire.fanout.hub import Hub
from deltawire.model.events import Event
from deltawire.ports import Batch

TURN_NS = 3_000_000
"""How long channels publish at the end of their interval before others have a turn."""
ENDED_TOGETHER = 10
"""Channels that publish before the clock is read again."""


class PacedHub:
    """Applies batches in their order; a batch waits until all channels have published that its time concerns.

    What is published, and in which order, does not depend on where a slice ends.
    """

    def __init__(self, hub: Hub, applied: Callable[[Batch], None]) -> None:
        """`applied` is called after each batch."""
        self._hub = hub
        self._applied = applied
        self._waiting: deque[Batch] = deque()
        self._begun = False
        self._idle = asyncio.Event()
        self._idle.set()

    def apply(self, batch: Batch) -> None:
        """Apply a batch, now if that takes at most a slice and nothing waits."""
        self._waiting.append(batch)
        if self._idle.is_set():
            self._run()

    async def advance(self, venue: str, at_ns: int) -> None:
        """Wait until everything is applied, and the channels have published whose interval ends before this time.

        A batch of this time is then applied at once, so that nobody joins between its making and its publication.
        """
        await self.idle()
        self._hub.set_time(venue, at_ns)
        ends_ns = perf_counter_ns() + TURN_NS
        while self._hub.end_intervals(ENDED_TOGETHER):
            if perf_counter_ns() >= ends_ns:
                self._idle.clear()
                self._hub.flush()
                await asyncio.sleep(0)
                ends_ns = perf_counter_ns() + TURN_NS
        if not self._idle.is_set():
            self._run()

    async def idle(self) -> None:
        """Wait until everything that has come is applied."""
        await self._idle.wait()

    def _run(self) -> None:
        ends_ns = perf_counter_ns() + TURN_NS
        while self._waiting:
            batch = self._waiting[0]
            if not self._begun:
                self._hub.set_time(batch.venue, batch.at_ns)
                self._begun = True
            while self._hub.end_intervals(ENDED_TOGETHER):
                if perf_counter_ns() >= ends_ns:
                    self._later()
                    return
            self._waiting.popleft()
            self._begun = False
            if batch.events:
                self._hub.publish(batch.events)
            self._applied(batch)
            if self._waiting and perf_counter_ns() >= ends_ns:
                self._later()
                return
        self._idle.set()

    def _later(self) -> None:
        self._idle.clear()
        self._hub.flush()
        asyncio.get_running_loop().call_soon(self._run)


async def extended(derivations: Derivations, events: Sequence[Event]) -> list[Event]:
    """The events of a moment with what is derived from them; others have turns meanwhile."""
    extension = derivations.extend(events)
    ends_ns = perf_counter_ns() + TURN_NS
    while extension.step():
        if perf_counter_ns() >= ends_ns:
            await asyncio.sleep(0)
            ends_ns = perf_counter_ns() + TURN_NS
    return extension.found

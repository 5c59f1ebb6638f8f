"""The built-in exchange as a source: its clock drives prices and flow, its public events are a stream like any."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from itertools import islice
from typing import Protocol

from deltawire.model.events import Event
from deltawire.ports import Batch, Clock, Wants
from deltawire.sources.floor import Floor
from deltawire.sources.tickers import tickers

STEP_S = 0.02
MOST_TURNS = 25
"""Of the flow in a step, so that orders come in between, and a market that runs too fast holds up nothing else."""
AT_ONCE = 60
"""How many tickers are told at a time, so that orders do not wait for all of them."""


class Flow(Protocol):
    """Whoever makes the market live: prices, makers, takers."""

    def step(self, now: int) -> bool:
        """Submit some of what is due by now; whether there may be more."""


class SimulatedClock:
    """The exchange's time: it begins where it stopped, and runs at a speed."""

    def __init__(self, wall: Clock, *, start_ns: int = 0, speed: float = 1.0) -> None:
        self._wall = wall
        self._speed = speed
        self._wall_start = wall.now()
        self._start = max(start_ns, self._wall_start)

    def now(self) -> int:
        """Nanoseconds."""
        return self._start + int((self._wall.now() - self._wall_start) * self._speed)

    def wall(self) -> int:
        """See `Clock`."""
        return self._wall.wall()


class SimulatedSource:
    """Serves the exchange's public events as a `Source`; orders come in over its `floor`."""

    def __init__(self, floor: Floor, flow: Flow, look: Callable[[], None]) -> None:
        """`look` takes up accounts that are new."""
        self.floor = floor
        self.venue = floor.venue
        self._flow = flow
        self._look = look
        self._events: list[Event] = []
        self._at_ns = 0
        self._news = asyncio.Event()
        floor.public = self._told

    def now(self) -> int:
        """The exchange's time."""
        return self.floor.now()

    async def events(self, wants: Wants) -> AsyncIterator[Batch]:
        """Every book as it stands, then what becomes durable; `JournalError` when nothing does any more."""
        self.floor.abandoned()
        yield Batch(self.venue, self.now(), list(self.floor.exchange.images()))
        stepping = asyncio.create_task(self._step())
        try:
            while True:
                await self._news.wait()
                self._news.clear()
                if self.floor.error is not None:
                    raise self.floor.error
                if stepping.done():
                    stepping.result()
                events, self._events = self._events, []
                if events:
                    yield Batch(self.venue, self._at_ns, events)
        finally:
            stepping.cancel()

    def _told(self, events: list[Event], at_ns: int) -> None:
        self._events += events
        self._at_ns = max(self._at_ns, at_ns)
        self._news.set()

    async def _step(self) -> None:
        """Let time pass; a failure of the flow ends the source, loudly."""
        priced_ns = 0
        telling: Iterator[Event] = iter(())
        try:
            while True:
                now = self.now()
                self._look()
                for _ in range(MOST_TURNS):
                    if not self._flow.step(now):
                        break
                    await asyncio.sleep(0)
                if priced_ns != (priced_ns := self.floor.accounts.pricing.now_ns):
                    self.floor.publish(list(telling), now)
                    telling = tickers(self.floor.exchange, self.floor.accounts)
                if told := list(islice(telling, AT_ONCE)):
                    self.floor.publish(told, now)
                await asyncio.sleep(STEP_S)
        finally:
            self._news.set()

"""A live source against a simulated venue on a real socket; each book is compared with the venue's own."""

import asyncio
import ssl
import time
from collections import Counter
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Any, Self

from deltawire.model.events import BookDelta, BookImage, Event, Fault, Status
from deltawire.ports import Batch, Tap, Wants
from deltawire.sources.live.source import LiveSettings, LiveSource
from deltawire.testing.replica import Replica
from deltawire.testing.venue_server import Fault as VenueFault
from deltawire.testing.venue_server import Market, VenueServer
from tests.support.venue_books import in_units
from tests.support.waiting import until

NUMBERED = ("binance_coinm", "binance_spot", "binance_usdm", "deribit", "okx")
"""Venues whose ids are the market's own."""
SHOWN = {"kraken": 100, "hyperliquid": 5}
"""Levels of a side where a book shows few of them."""


class PushedClock:
    """The machine's time, which a test can push ahead."""

    def __init__(self) -> None:
        self._ahead_ns = time.time_ns() - time.monotonic_ns()

    def now(self) -> int:
        """Nanoseconds since 1970."""
        return time.monotonic_ns() + self._ahead_ns

    def wall(self) -> int:
        """The same."""
        return self.now()

    def pass_s(self, seconds: float) -> None:
        """So many seconds are over."""
        self._ahead_ns += int(seconds * 1e9)


class LiveHarness:
    """A context manager: a venue, a source that is connected to it, and what the source has told.

    The venue's time runs `speed` times as fast as real time. `backoff` is the chance that the source is given, so by
    default it reconnects at once.
    """

    def __init__(
        self,
        venue: str,
        *,
        faults: Iterable[VenueFault] = (),
        speed: float | None = 4.0,
        instruments: tuple[str, ...] = ("*", "xyz:*"),
        second_connection: bool = False,
        backoff: float = 0.0,
        compared_depth: int | None = None,
        trusting: ssl.SSLContext | None = None,
        tap: Tap | None = None,
        **server: Any,
    ) -> None:
        self.server = VenueServer(venue, speed=speed, faults=faults, **server)
        self.market: Market = self.server.market
        self.clock = PushedClock()
        self.events: list[Event] = []
        self.batches: list[Batch] = []
        self.replica = Replica()
        self.compared: Counter[str] = Counter()
        self.live: set[str] = set()
        self.error: BaseException | None = None
        self._instruments, self._second, self._backoff = instruments, second_connection, backoff
        self._depth, self._trusting, self._tap = compared_depth, trusting, tap
        self._task: asyncio.Task[None] | None = None
        self.source: LiveSource

    async def __aenter__(self) -> Self:
        await self.server.start()
        settings = LiveSettings(
            self.server.venue,
            self._instruments,
            endpoints=(self.server.base,),
            second_connection=self._second,
        )
        self.source = LiveSource(
            settings, self.clock, chance=lambda: self._backoff, tls=self._trusting, tap=self._tap
        )
        self._task = asyncio.create_task(self._follow())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._task is not None
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        await self.server.stop()
        if self.error is not None and error is None:
            raise self.error

    @property
    def names(self) -> set[str]:
        """The instruments of the market."""
        return {*self.market.walks}

    def all_live(self) -> bool:
        """Whether every book of the market is live."""
        return self.names <= self.live

    def stale(self, name: str | None = None) -> list[Status]:
        """Every time that a book became stale."""
        return [
            event
            for event in self.events
            if isinstance(event, Status) and event.state == "stale" and name in (None, event.instrument.name)
        ]

    def faults(self) -> list[str]:
        """What the source complained of."""
        return [event.reason for event in self.events if isinstance(event, Fault)]

    async def until(self, happened: Callable[[], object]) -> None:
        """Wait for something; an error of the source ends the wait."""
        await until(lambda: self.error is not None or happened())
        if self.error is not None:
            raise self.error

    async def until_live(self) -> None:
        """Wait until every book is live."""
        await self.until(self.all_live)

    async def until_compared(self, more: int = 5) -> None:
        """Wait until so many further books of each instrument were compared."""
        before = self.compared.copy()
        await self.until(lambda: all(self.compared[name] >= before[name] + more for name in self.names))

    async def _follow(self) -> None:
        try:
            last_ns = 0
            async for batch in self.source.events(Wants()):
                assert batch.at_ns >= last_ns, "time goes back"
                last_ns = batch.at_ns
                self.batches.append(batch)
                for event in batch.events:
                    self._take(event)
        except BaseException as error:
            if not isinstance(error, asyncio.CancelledError):
                self.error = error
            raise

    def _take(self, event: Event) -> None:
        self.events.append(event)
        self.replica.take(event)
        if isinstance(event, Status):
            change = self.live.add if event.state == "live" else self.live.discard
            change(event.instrument.name)
        elif isinstance(event, BookDelta | BookImage):
            self._compare(event)

    def _compare(self, event: BookDelta | BookImage) -> None:
        """The book as a subscriber has it, with the venue's own at this id, or at this time."""
        venue, name = self.server.venue, event.instrument.name
        walk = self.market.walks.get(name)
        if walk is None or venue == "kraken_futures":  # whose messages change one level each
            self.compared[name] += 1
            return
        if venue in NUMBERED:
            try:
                expected = self.market.book(name, event.venue_sequence)
            except KeyError:
                return  # too old to be looked up
        else:
            expected = self.market.book_at(name, event.venue_ns)[1]
        shown = SHOWN.get(venue, 10_000)
        shown = min(shown, self._depth or shown)
        assert in_units(self.replica, event, walk.contract).cut(shown) == expected.cut(shown), (name, event)
        self.compared[name] += 1

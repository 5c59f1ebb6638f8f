"""The built-in exchange as a source: its clock drives prices and order flow, its public events are the stream."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from itertools import islice
from typing import Protocol

import structlog

from deltawire.exchange.accounts.accounts import Accounts
from deltawire.exchange.exchange import Exchange
from deltawire.exchange.instruments.calendar import SECOND_NS
from deltawire.exchange.matching.books import OrderBook
from deltawire.exchange.pricing.tickers import indices, ticker
from deltawire.model.events import Event
from deltawire.ports import Batch, Clock, Wants
from deltawire.sources.exchange_service import ExchangeService

log = structlog.get_logger("deltawire")
STEP_S = 0.02
LEAD_NS = SECOND_NS
"""How far time may run ahead of the market: a process that is stopped for an hour does not skip the hour."""
BEHIND_S = 5.0
"""How long the market must lag before it is logged."""
MOST_TURNS = 25
"""Steps of the flow per turn, so that orders are handled in between and a fast market delays nothing else."""
AT_ONCE = 25
"""Tickers per turn, so that orders do not wait for all of them."""
TOGETHER = 30
"""Events that are published in one turn, if no moment has more."""


class Flow(Protocol):
    """The simulated market: prices, makers, takers."""

    def step(self, now: int) -> int:
        """Submit records that are due by now.

        Returns the time reached, which is earlier if there was too much for one call.
        """


class SimulatedClock:
    """The exchange's time: it starts where it stopped, and runs at a speed, but never far ahead of the market.

    An order with a time far ahead of the market would stop its time, and so its prices, until the market gets there.
    """

    def __init__(self, wall: Clock, *, start_ns: int = 0, speed: float = 1.0) -> None:
        self._wall = wall
        self._speed = speed
        self._wall_start = wall.now()
        self._start = max(start_ns, self._wall_start)
        self._last = self._reached_ns = self._start
        self._behind_since: int | None = None

    def due(self) -> int:
        """The time according to the speed, in nanoseconds."""
        return self._start + int((self._wall.now() - self._wall_start) * self._speed)

    def now(self) -> int:
        """The present time: according to the speed, unless the market lags."""
        behind = self._behind_since is not None
        now = self._reached_ns if behind else min(self.due(), self._reached_ns + LEAD_NS)
        self._last = max(self._last, now)
        return self._last

    def reached(self, at_ns: int, due_ns: int) -> None:
        """The market has reached this time, of what was due."""
        self._reached_ns = at_ns
        if at_ns >= due_ns:
            self._behind_since = None
        elif self._behind_since is None:
            self._behind_since = self._wall.now()

    def behind_s(self) -> float:
        """How long the market has lagged."""
        return 0.0 if self._behind_since is None else (self._wall.now() - self._behind_since) / SECOND_NS

    def wall(self) -> int:
        return self._wall.wall()


class PublicEvents:
    """Events that the exchange has released and its source has not taken yet."""

    def __init__(self) -> None:
        self.arrived = asyncio.Event()
        self._moments: deque[tuple[list[Event], int]] = deque()
        self._at_ns = 0

    def put(self, events: list[Event], at_ns: int) -> None:
        """Add events of one moment; an empty list wakes the source."""
        if events:
            self._moments.append((events, at_ns))
        self.arrived.set()

    def take(self) -> tuple[list[Event], int]:
        """Remove and return the events of the oldest moments, about `TOGETHER`, and the time of the newest of them."""
        events: list[Event] = []
        while self._moments and (not events or len(events) + len(self._moments[0][0]) <= TOGETHER):
            moment, at_ns = self._moments.popleft()
            events += moment
            self._at_ns = max(self._at_ns, at_ns)
        if not self._moments:
            self.arrived.clear()
        return events, self._at_ns


class SimulatedSource:
    """Serves the exchange's public events as a `Source`; orders enter through its `service`."""

    def __init__(
        self,
        service: ExchangeService,
        public: PublicEvents,
        flow: Flow,
        *,
        poll: Callable[[], None],
        clock: SimulatedClock,
    ) -> None:
        """`public` gets the events that the service releases; `poll` submits new accounts."""
        self.service = service
        self.venue = service.venue
        self._public = public
        self._flow = flow
        self._poll = poll
        self._clock = clock

    def now(self) -> int:
        """The exchange's time."""
        return self.service.now()

    async def events(self, wants: Wants) -> AsyncIterator[Batch]:
        """Every book and its past, then what becomes durable; `JournalError` when nothing does any more."""
        known: list[Event] = [*self.service.exchange.images(), *self.service.market_past.events()]
        self.service.publish(known, self.now())
        self.service.abandoned()
        stepping = asyncio.create_task(self._step())
        try:
            while True:
                await self._public.arrived.wait()
                events, at_ns = self._public.take()
                if self.service.error is not None:
                    raise self.service.error
                if stepping.done():
                    stepping.result()
                if events:
                    yield Batch(self.venue, at_ns, events)
                    await asyncio.sleep(0)
        finally:
            stepping.cancel()

    async def _step(self) -> None:
        """Let time pass; a failure of the flow ends the source with its exception."""
        priced_ns = 0
        remaining: Iterator[Event] = iter(())
        warned = False
        try:
            while True:
                due = self._clock.due()
                self._poll()
                for _ in range(MOST_TURNS):
                    if self._advance(due) >= due:
                        break
                    await asyncio.sleep(0)
                if not warned and self._clock.behind_s() > BEHIND_S:
                    warned = True
                    log.warning(
                        "the market cannot keep up with --speed; time runs as fast as the market can be computed"
                    )
                now = self.now()
                events = list(islice(remaining, AT_ONCE))
                if not events and priced_ns != (priced_ns := self.service.accounts.pricing.now_ns):
                    remaining = tickers(self.service.exchange, self.service.accounts)
                    events = list(islice(remaining, AT_ONCE))
                if events:
                    self.service.publish(events, now)
                await asyncio.sleep(0 if self._clock.behind_s() else STEP_S)
        finally:
            self._public.arrived.set()

    def _advance(self, due: int) -> int:
        reached = self._flow.step(due)
        self._clock.reached(reached, due)
        return reached


def tickers(exchange: Exchange, accounts: Accounts) -> Iterator[Event]:
    """What every index and every open instrument stands at, as of the moment when it is asked for; futures first."""
    pricing, interest = accounts.pricing, open_interest(accounts)
    yield from indices(pricing)
    for name, instrument in sorted(pricing.instruments.items(), key=lambda pair: pair[1].kind != "future"):
        book = exchange.matching.books.get(name)
        if book is not None and name in pricing.marks:
            lots = interest.get(name, 0)
            yield ticker(pricing, instrument, book.reference, instrument.size(lots), _best(book))


def open_interest(accounts: Accounts) -> dict[str, int]:
    """Long lots by instrument; as many are short."""
    lots: dict[str, int] = {}
    for account in accounts.ledger.accounts.values():
        for name, position in account.positions.items():
            if position.lots > 0:
                lots[name] = lots.get(name, 0) + position.lots
    return lots


def _best(book: OrderBook) -> tuple[float, float]:
    """Bid and ask, 0.0 if there is none."""
    bid, ask = book.bids.best(), book.asks.best()
    price = book.instrument.price
    return 0.0 if bid is None else price(bid), 0.0 if ask is None else price(ask)

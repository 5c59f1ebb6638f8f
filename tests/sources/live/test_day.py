"""A day at a venue, in virtual time: it closes connections, drifts out of images, renames, expires and lists.

At every book event the levels within the known range are the venue's own; nothing beyond it is said to be known; what
a book missed it says; and audits find what they should: nothing. Who is subscribed to all books through a hub has each
as an unbroken chain whose checksums fit. `make day` lets 24 hours pass, `make test` minutes.
"""

import asyncio
import os
from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest

from deltawire.fanout.hub import Hub
from deltawire.market.market import Market as MarketState
from deltawire.model.events import Audit, BookDelta, BookImage, Event, Fault, Status
from deltawire.ports import Batch, Wants
from deltawire.session.client import BookMirror
from deltawire.sources.live.source import LiveSettings, LiveSource
from deltawire.testing.replica import Replica
from deltawire.testing.simulators import SERVED
from deltawire.testing.simulators.market import Contract, PlainBook
from deltawire.testing.venue_server import Fault as VenueFault
from deltawire.testing.venue_server import Market, VenueServer
from tests.sources.live.virtual_time import LoopClock, VirtualLoop, run_virtually
from tests.support.subscribers import joined
from tests.support.venue_books import ONE_LEVEL, in_units, of_event

HOURS = float(os.environ.get("DELTAWIRE_DAY_HOURS", "0.2"))
VENUES = os.environ.get("DELTAWIRE_DAY_VENUES", "binance_usdm,okx,deribit,bybit_linear").split(",")
HOUR_S = 3600.0
DRIFT = 12.5 * 24 / min(24.0, max(HOURS, 0.2))
"""Basis points per hour: 300 in the time that passes."""
DEPTHS = {"binance_usdm": 1_200}
DEPTH = 500
"""Levels of a side: more than an image of a thousand shows, or a stream of four hundred."""


class Day:
    """Follows a source for a while, and holds each event to the venue's book."""

    def __init__(self, server: VenueServer) -> None:
        self.server = server
        self.replica = Replica()
        self.compared: Counter[str] = Counter()
        self.states: dict[str, str] = {}
        self.stale: Counter[str] = Counter()
        self.ranged: Counter[str] = Counter()
        self.audited = self.unequal = 0
        self.faults: Counter[str] = Counter()
        self.most = 0
        """Levels a side that are compared; 0: all."""

    def take(self, event: Event) -> None:
        """Check one event."""
        self.replica.take(event)
        if isinstance(event, Status):
            self.states[event.instrument.name] = event.state
            if event.state == "stale":
                self.stale[event.reason] += 1
        elif isinstance(event, Audit):
            self.audited += event.compared
            self.unequal += event.unequal
        elif isinstance(event, Fault):
            self.faults[event.reason.partition(":")[0][:40]] += 1
        elif isinstance(event, BookDelta | BookImage):
            self._compare(event)

    def _compare(self, event: BookDelta | BookImage) -> None:
        name = event.instrument.name
        walk = self.server.market.walks.get(name)
        if walk is None:
            return  # it has ended, or has another name
        theirs = of_event(self.server.market, event)
        held = self.replica.books[name]
        mine = in_units(self.replica, event, walk.contract)
        self.ranged[name] += bool(event.known)
        low, high = held.known.bids, held.known.asks
        unit = _unit(event, walk.contract)
        mine, theirs = (_within(book, low, high, unit) for book in (mine, theirs))
        for most in filter(None, (event.known.levels, self.most)):
            mine, theirs = mine.cut(most), theirs.cut(most)
        if event.instrument.venue not in ONE_LEVEL:
            assert mine == theirs, (name, event)
        self.compared[name] += 1


def _unit(event: BookDelta | BookImage, contract: Contract) -> float:
    return 10.0 ** (event.instrument.price_exponent - contract.price_exponent)


def _within(book: PlainBook, low: int | None, high: int | None, unit: float) -> PlainBook:
    """The levels between two prices of the event, in the units of the contract."""
    bids, asks = book.bids, book.asks
    if low is not None:
        lowest = round(low * unit)
        bids = {price: size for price, size in bids.items() if price >= lowest}
    if high is not None:
        highest = round(high * unit)
        asks = {price: size for price, size in asks.items() if price <= highest}
    return PlainBook(bids, asks)


class Downstream:
    """A subscriber of all books, behind a hub that the source feeds."""

    def __init__(self, venue: str) -> None:
        self._hub = Hub(MarketState(venue), "epoch")
        self._inbox = joined(self._hub, "book.*.raw")
        self._seqs: dict[str, int] = {}
        self.mirrors: dict[str, BookMirror] = {}
        self.notes = 0

    def take(self, batch: Batch) -> None:
        """What a batch gives; `FeedError` if a chain breaks or a checksum does not fit."""
        self._hub.advance(batch.venue, batch.at_ns)
        self._hub.publish(batch.events)
        self._hub.flush()
        for message in self._inbox.take():
            note = message["params"]
            name = note["channel"]
            if "prev_seq" in note:
                assert note["prev_seq"] == self._seqs[name], name
            self._seqs[name] = note["seq"]
            self.mirrors.setdefault(name, BookMirror()).apply(note["data"])
            self.notes += 1

    def states(self) -> dict[str, str]:
        """The state of each book."""
        return {name.split(".", 1)[1].removesuffix(".raw"): m.state for name, m in self.mirrors.items()}


def daily(contracts: Sequence[Contract]) -> tuple[str, str, str]:
    """The contract that expires, its name a day later, and the one that gets another name."""
    expiring = next(contract.name for contract in contracts if "27" in contract.name)
    renamed = [contract.name for contract in contracts if contract.name != expiring][-1]
    return expiring, expiring.replace("27", "28"), renamed


def happenings(contracts: Sequence[Contract]) -> list[VenueFault]:
    """What befalls the venue, spread over the time; at an expiry the contract of the next day is listed."""
    expiring, next_day, last = daily(contracts)
    hours = HOURS
    return [
        VenueFault("expire", after=hours * HOUR_S * 0.33, name=expiring),
        VenueFault("list", after=hours * HOUR_S * 0.33, name=next_day),
        VenueFault("cut", after=hours * HOUR_S * 0.11, every=hours * HOUR_S * 0.23),
        VenueFault("close", after=hours * HOUR_S * 0.17, every=hours * HOUR_S * 0.31),
        VenueFault("notice", after=hours * HOUR_S * 0.41),
        VenueFault("drop", after=hours * HOUR_S * 0.2, lasts=hours * HOUR_S * 0.3, share=0.001),
        VenueFault("half-open", after=hours * HOUR_S * 0.63),
        VenueFault("error", after=hours * HOUR_S * 0.7, lasts=30),
        VenueFault("rename", after=hours * HOUR_S * 0.47, name=last, to=f"{last}X"),
    ]


async def passes(venue: str, told: dict[str, Any]) -> None:
    """The time at one venue."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualLoop)
    contracts = SERVED[venue]().contracts[:3]
    market = Market(contracts, 7, depth=DEPTHS.get(venue, DEPTH), moves_per_s=0.5, drift=DRIFT, kept=256)
    server = VenueServer(venue, market=market, speed=1.0, step_s=0.5, faults=happenings(contracts))
    async with server:
        settings = LiveSettings(venue, ("*",), endpoints=(server.base,))
        source = LiveSource(settings, LoopClock(loop, market.now_ns), chance=lambda: 0.5)
        day, downstream = Day(server), Downstream(venue)

        async def follow() -> None:
            async for batch in source.events(Wants()):
                downstream.take(batch)
                for event in batch.events:
                    day.take(event)

        following = asyncio.create_task(follow())
        failing = asyncio.create_task(server.failed())
        done, _ = await asyncio.wait(
            [following, failing], timeout=HOURS * HOUR_S, return_when=asyncio.FIRST_COMPLETED
        )
        for task in done:
            task.result()
        for _ in range(300):  # what was hurt last heals
            if set(market.walks) <= {name for name, state in day.states.items() if state == "live"}:
                break
            await asyncio.wait([following], timeout=1)
        following.cancel()
        failing.cancel()
        await asyncio.gather(following, failing, return_exceptions=True)
        told.update(
            day=day,
            downstream=downstream,
            names=daily(contracts),
            live={name: day.states.get(name) for name in market.walks},
            struck=Counter(struck.kind for struck in server.faults.struck),
        )


@pytest.mark.parametrize("venue", VENUES)
def test_a_day_at_a_venue_never_shows_a_wrong_level_as_known(venue: str) -> None:
    told: dict[str, Any] = {}
    took_s = run_virtually(passes(venue, told), 60 + 600 * HOURS)
    day: Day = told["day"]
    print(
        f"{venue}: {HOURS:g} h in {took_s:.0f} s; books compared {sum(day.compared.values())}, with an edge"
        f" {sum(day.ranged.values())}; stale {dict(day.stale)}; audited levels {day.audited}, unequal {day.unequal};"
        f" struck {dict(told['struck'])}; faults {dict(day.faults)}"
    )
    assert set(told["live"].values()) == {"live"}, told["live"]
    assert sum(day.compared.values()) > HOURS * HOUR_S / 3, day.compared
    assert {"cut", "close", "rename", "expire", "list"} <= set(told["struck"])
    for (
        reason,
        count,
    ) in day.faults.items():  # a stream whose instrument has ended is not asked for again and again
        assert count <= 6 or ("@" not in reason and not reason.startswith("refused")), (reason, count)
    assert day.stale["gap"] <= told["struck"]["drop"], "a book has missed what the venue has sent"
    expired, next_day, renamed = told["names"]
    assert day.compared[next_day] > 0
    downstream: Downstream = told["downstream"]
    assert downstream.notes > sum(day.compared.values()) / 2
    assert {name: downstream.states()[name] for name in told["live"]} == told["live"]
    assert {downstream.states()[expired], downstream.states()[renamed]} == {"stale"}
    assert day.unequal <= day.audited / 1000

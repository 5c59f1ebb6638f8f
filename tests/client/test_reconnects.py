"""However often its connections break, a client ends with the server's book, and is told of every gap and no other.

`make reconnects` has 1,000 of them, and a client that reads nothing for a minute.
"""

import asyncio
import os
import random
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest

import deltawire
from deltawire.client import Gap, Item, Outage, Recovered, Subscription
from deltawire.session.notification_queue import MOST_BYTES
from tests.client.test_subscription import BOOK, TRADES, RebuiltBook, cut, read_until
from tests.support.gateway_server import GatewayServer, Way, certificate
from tests.support.market_events import make_trade
from tests.support.waiting import HANG_S

RECONNECTS = int(os.environ.get("DELTAWIRE_RECONNECTS", "12"))
UNREAD_S = float(os.environ.get("DELTAWIRE_UNREAD_S", "0.5"))
WITHIN_S = HANG_S + RECONNECTS


class Twins:
    """Two servers of the same market: one that is lost at one of them cannot be resumed at the other."""

    def __init__(self, servers: tuple[GatewayServer, GatewayServer]) -> None:
        self.servers = servers
        self.book = servers[0].book
        self.trades = 0

    def change(self, times: int, *, trades: bool = True) -> None:
        """The market changes: the book, and now and then a trade."""
        for _ in range(times):
            events = [self.book.change(bids={1000: 10 + self.book.sequence})]
            if trades and self.book.sequence % 5 == 0:
                self.trades += 1
                events.append(make_trade(self.book.instrument, 1000, 10, trade_id=str(self.trades)))  # type: ignore[arg-type]
            for server in self.servers:
                server.feed([*events])

    def cut(self) -> None:
        """Every connection breaks."""
        for server in self.servers:
            cut(server)


@pytest.fixture
def twins(way: Way) -> Iterator[Twins]:
    with GatewayServer(way=way, epoch="one") as one, GatewayServer(way=way, epoch="two") as two:
        first = one.book.image({1000: 10, 999: 20}, {1001: 30})
        for server in (one, two):
            server.feed([*first])
            server.wait_until(lambda server=server: len(server.app.market) > 0)  # type: ignore[misc]
        yield Twins((one, two))


@asynccontextmanager
async def subscribed(twins: Twins, **more: int) -> AsyncIterator[Subscription]:
    """The first server twice, then the other: so some connections go on where they were, and some cannot."""
    one, two = twins.servers
    cafile = certificate() if one.way.secure else None
    async with deltawire.open([one.url, one.url, two.url], cafile=cafile) as dw:
        yield await dw.subscribe(BOOK, TRADES, **more)  # type: ignore[arg-type]


async def test_gaps_are_told_exactly_where_they_are(twins: Twins, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("deltawire.client.subscription.FIRST_WAIT_S", 0.01)
    seeded, rebuilt = random.Random(19), RebuiltBook()
    connected, gaps, recovered = "one", 0, 0
    async with asyncio.timeout(WITHIN_S), subscribed(twins) as sub:
        await read_until(sub, rebuilt, 1)
        for _ in range(RECONNECTS):
            await asyncio.to_thread(twins.change, seeded.randint(0, 4))
            await read_until(sub, rebuilt, twins.book.sequence - seeded.randint(0, 3))
            await asyncio.to_thread(twins.cut)
            await asyncio.to_thread(twins.change, seeded.randint(1, 4))
            told: list[Item] = []
            while rebuilt.sequence < twins.book.sequence or not _is_back(told):
                told.append(await anext(sub))
                rebuilt.take(told[-1])
            now = sub._session.positions()[BOOK].epoch
            lost = [item.channel for item in told if isinstance(item, Gap)]
            assert lost == ([] if now == connected else [BOOK, TRADES]), (connected, now)
            gaps += now != connected
            recovered += now == connected
            connected = now
            assert sub.book(BOOK).verified, "the server's checksum is that of this book"
            assert rebuilt.sides == (twins.book.bids, twins.book.asks)
    assert rebuilt.outages == RECONNECTS
    assert min(gaps, recovered) >= RECONNECTS // 4


def _is_back(told: list[Item]) -> bool:
    """Whether a connection was lost and what it had is accounted for."""
    found = {type(item) for item in told}
    return Outage in found and bool(found & {Recovered, Gap})


async def test_a_client_that_reads_nothing_stays_within_its_bound_and_catches_up(twins: Twins) -> None:
    most, rebuilt = 200, RebuiltBook()
    async with asyncio.timeout(WITHIN_S + 10 * UNREAD_S), subscribed(twins, queue=most) as sub:
        until, largest = time.monotonic() + UNREAD_S, 0
        while time.monotonic() < until or twins.book.sequence < 2 * most:
            await asyncio.to_thread(
                twins.change, 20, trades=twins.trades < most // 4
            )  # they are never merged
            largest = max(largest, sub.unread)
            assert sub._queue._bytes <= MOST_BYTES
        await read_until(sub, rebuilt, twins.book.sequence)
    assert largest <= most
    assert rebuilt.sides == (twins.book.bids, twins.book.asks)
    assert (rebuilt.outages, rebuilt.gaps) == (0, [])

"""Faults of a venue as clients of the hub see them: an unmodified ccxt and our own client have each book exactly.

ccxt applies what it is told and never forgets a level by itself. Whatever befalls the venue, each of its books is one
that the live source had under that time stamp, which the fault table compares with the venue's own.
"""

import asyncio
from collections import Counter, defaultdict, deque
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from typing import Any

import pytest

from deltawire.client import Client, connect
from deltawire.model.events import BookDelta, BookImage, Event
from deltawire.roles.gateway import App, listen, serve
from deltawire.session.client import BookMirror
from deltawire.testing.replica import ReplicaBook
from tests.sources.live.fault_rows import ROWS, BatchReader, WatchedSource, strike
from tests.sources.live.virtual_time import run_virtually
from tests.support.ccxt_client import both_sides, ccxt_deribit
from tests.support.effort import THOROUGH
from tests.support.serving import Served

VENUES = {
    "binance_usdm": "images by REST",
    "okx": "images by the stream, a chain of ids",
    "kraken": "images by the stream, checksums",
    "deribit": "JSON-RPC",
    "coinbase": "one number for all books of a connection",
    "hyperliquid": "every message an image",
}
"""One venue of each kind of transport."""
KINDS = ("drop", "reorder", "corrupt", "delay", "silence", "half-open", "close", "cut", "stale", "rename")
TABLE = [(venue, kind) for venue in VENUES for kind in KINDS]
SAMPLE = [("binance_usdm", "drop"), ("okx", "cut")]
KEPT = 1_000
Sides = tuple[list[tuple[float, float]], list[tuple[float, float]]]


class Past:
    """The books that a source has had, by instrument and time stamp in milliseconds."""

    def __init__(self) -> None:
        self._states: defaultdict[str, deque[tuple[int, Sides]]] = defaultdict(lambda: deque(maxlen=KEPT))

    def take(self, event: Event, held: Mapping[str, ReplicaBook]) -> None:
        """An event, and the books behind it."""
        if isinstance(event, BookDelta | BookImage):
            instrument, inside = event.instrument, held[event.instrument.name].inside
            sides = [
                [
                    (float(instrument.price(price)), float(instrument.size(size)))
                    for price, size in inside.levels(side)
                ]
                for side in ("bids", "asks")
            ]
            self._states[instrument.name].append((event.venue_ns // 1_000_000, (sides[0], sides[1])))

    def at(self, name: str, timestamp: int) -> list[Sides]:
        """Every book of this time stamp."""
        return [sides for at_ms, sides in self._states[name] if at_ms == timestamp]


class ServedHub(BatchReader):
    """A gateway over the source, with two clients that follow all books."""

    def __init__(self, source: WatchedSource) -> None:
        super().__init__(source)
        self.past = Past()
        source.then(self.past.take)
        self.compared: Counter[tuple[str, str]] = Counter()
        self._names: set[str] = set()
        self._sock = listen("127.0.0.1", 0)
        self._stop = asyncio.Event()
        self._following: set[asyncio.Task[None]] = set()
        self._open = AsyncExitStack()

    async def feed(self) -> None:
        """Serve until cancelled."""
        try:
            await serve(App([self.source], clock=self.source.clock), self._sock, self._stop)
        finally:
            self._sock.close()

    async def join(self) -> None:
        """Connect the clients, and follow every book."""
        host, port = self._sock.getsockname()
        served = Served(f"ws://{host}:{port}/ws/api/v2", f"http://{host}:{port}")
        client = await self._open.enter_async_context(connect(served.websocket))
        ccxt = await self._open.enter_async_context(ccxt_deribit(served))
        await ccxt.load_markets()
        names = self.source.wanted
        self._names |= {*names}
        work = [self._ours(client, names), *(self._theirs(ccxt, name) for name in names)]
        self._following = {asyncio.create_task(each) for each in work}
        await self._told_more()

    async def _told_more(self) -> None:
        """Every live book was compared at both clients since now."""
        before = self.compared.copy()
        due = {(who, name) for who in ("ccxt", "ours") for name in self.source.books.live & self._names}
        while any(self.compared[each] <= before[each] for each in due):
            for task in self._following:
                if task.done():
                    task.result()
            await asyncio.sleep(0.1)

    async def _ours(self, client: Client, names: Sequence[str]) -> None:
        mirrors = {f"book.{name}.raw": BookMirror() for name in names}
        await client.subscribe(*mirrors)
        async for note in client:
            mirror = mirrors[note.channel]
            mirror.apply(note.data)
            sides = mirror.best(len(mirror.bids) + len(mirror.asks))
            self._compare("ours", note.data["instrument_name"], mirror.timestamp, sides)

    async def _theirs(self, ccxt: Any, name: str) -> None:
        symbol = ccxt.markets_by_id[name][0]["symbol"]
        while True:
            book = await ccxt.watch_order_book(symbol)
            self._compare("ccxt", name, book["nonce"], both_sides(book))

    def _compare(self, who: str, name: str, timestamp: int, sides: Sides) -> None:
        assert sides in self.past.at(name, timestamp), (who, name, timestamp, self.past.at(name, timestamp))
        self.compared[who, name] += 1

    async def check(self) -> None:
        """Both clients have every book that is live."""
        try:
            await asyncio.wait_for(self._told_more(), 10)
        finally:
            for task in self._following:
                task.cancel()
            await asyncio.gather(*self._following, return_exceptions=True)
            await self._open.aclose()


@pytest.mark.parametrize(("venue", "kind"), TABLE if THOROUGH else SAMPLE)
def test_what_befalls_a_venue_never_shows_a_client_a_wrong_book(venue: str, kind: str) -> None:
    run_virtually(strike(venue, ROWS[kind], ServedHub), 300)

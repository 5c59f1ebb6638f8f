"""The rows of the fault table: what each fault is at a venue, within what time its book is stale, and live again."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from typing import NamedTuple

from deltawire.model.events import BookDelta, BookImage, Event, Status
from deltawire.ports import Batch, Clock, Venue, Wants
from deltawire.sources.live.source import LISTS_EVERY_S, LiveSettings, LiveSource
from deltawire.testing.replica import ReplicaBook
from deltawire.testing.simulators import SERVED
from deltawire.testing.venue_server import Fault as VenueFault
from deltawire.testing.venue_server import Market, VenueServer
from deltawire.testing.venue_server.faults import EVER
from deltawire.venues import REGISTRY, make_venue
from deltawire.venues.live.ledger import GRACE_S
from tests.sources.live.test_day import Day
from tests.sources.live.virtual_time import LoopClock, VirtualLoop

VENUES = sorted(REGISTRY)
MOVES_PER_S = 2.0
SOON_S = 4.0
"""The next change of a book has come."""
HEALED_S = 25.0
"""An image was requested, has arrived and was verified."""
FIRST_S = 30.0
"""What a granted stream may take for its first message."""
STOPPED_S = 5.0 + 15.0
"""A ticker has contradicted a book that said nothing for five seconds: its best prices have moved meanwhile."""
DOUBTED_S = 15.0 + 25.0
"""A book that paused unusually long was compared with an image, whose id the stream has not reached."""
MUTE_S = 150.0
"""Longer than any book may be live without a word."""
REFUSED_S = 60.0
"""Others that were asked for with a refused one have been asked for again."""
LISTED_S = 1.1 * LISTS_EVERY_S + 5.0
UNPROVEN = {"kraken": 10}
"""Venues whose checksums cover so many levels a side: what is lost, repeated or late below them need not show."""
OLDEST_S = 65.0
"""No book is live for so long while its market moves and nothing is heard, unless the venue promises less."""
WHOLE_IMAGES = {name for name in VENUES if SERVED[name]().images_only}
FETCHED = sorted(name for name in VENUES if SERVED[name]().fetched_images)
ANNOUNCING = {
    "bybit_inverse",
    "bybit_linear",
    "bybit_option",
    "bybit_spot",
    "coinbase",
    "deribit",
    "kraken",
    "okx",
}


class StruckBook(NamedTuple):
    """One venue, and one of its instruments."""

    venue: Venue
    victim: str
    book: str
    """The stream of its book."""
    promised_s: float
    """The longest pause of that stream; 0 if none is promised."""

    @property
    def name(self) -> str:
        return self.venue.name

    @property
    def silence_s(self) -> float:
        """Without any frame for so long the connection is given up."""
        return self.venue.silence_ns / 1e9 + 2.0

    @property
    def patience_s(self) -> float:
        """Without a message of the book, while its best prices move, for so long it is silent."""
        promised_s = 2 * self.promised_s + GRACE_S + 1.0 if self.promised_s else STOPPED_S
        return min(promised_s, STOPPED_S)


class Row(NamedTuple):
    """A fault; within how many seconds the victim is stale (0: it need not be), and live again after that."""

    faults: Callable[[StruckBook], list[VenueFault]]
    stale_s: Callable[[StruckBook], float]
    live_s: Callable[[StruckBook], float] = lambda case: HEALED_S
    others: bool = False
    """Whether other books may become stale as well."""
    gone: bool = False
    """Whether the victim does not come back."""


def _lost(case: StruckBook) -> float:
    return 0.0 if case.name in WHOLE_IMAGES or case.name in UNPROVEN else 2 * SOON_S


def _pause(case: StruckBook) -> float:
    return case.patience_s + 20.0


def _cut(*faults: VenueFault) -> list[VenueFault]:
    """These, and every connection ends."""
    return [*faults, VenueFault("cut", after=0.5, times=1)]


ROWS: dict[str, Row] = {
    "drop": Row(lambda case: [VenueFault("drop", stream=case.book, times=1)], _lost),
    "duplicate": Row(lambda case: [VenueFault("duplicate", stream=case.book, times=3)], lambda case: 0.0),
    "reorder": Row(lambda case: [VenueFault("reorder", stream=case.book, times=1)], _lost),
    "corrupt": Row(lambda case: [VenueFault("corrupt", stream=case.book, times=1)], _lost),
    "delay": Row(
        lambda case: [VenueFault("delay", stream=case.book, lasts=6, share=0.3, by=1.5)],
        lambda case: 0.0,
        lambda case: 8 + HEALED_S,
    ),
    "silence": Row(
        lambda case: [VenueFault("silence", stream=case.book, lasts=_pause(case))],
        lambda case: case.patience_s,
        lambda case: 20.0 + case.patience_s + HEALED_S,
    ),
    "mute": Row(
        lambda case: _cut(VenueFault("mute", stream=case.book, lasts=MUTE_S)),
        lambda case: 2.0,
        lambda case: FIRST_S + 2 * HEALED_S,
        others=True,
    ),
    "half-open": Row(
        lambda case: [VenueFault("half-open", times=1)],
        lambda case: case.silence_s + SOON_S,
        lambda case: case.silence_s + HEALED_S,
        others=True,
    ),
    "close": Row(lambda case: [VenueFault("close", times=1)], lambda case: 2.0, others=True),
    "cut": Row(lambda case: [VenueFault("cut", times=1)], lambda case: 2.0, others=True),
    "notice": Row(lambda case: [VenueFault("notice", times=1)], lambda case: 0.0),
    "refuse": Row(
        lambda case: _cut(VenueFault("refuse", lasts=20)),
        lambda case: 2.0,
        lambda case: 20 + 60 + HEALED_S,
        others=True,
    ),
    "reject": Row(
        lambda case: _cut(VenueFault("reject", stream=case.book)),
        lambda case: 2.0,
        lambda case: REFUSED_S,
        others=True,
        gone=True,
    ),
    "slow": Row(
        lambda case: _cut(VenueFault("slow", lasts=20, by=5)),
        lambda case: 2.0,
        lambda case: 20 + HEALED_S,
        others=True,
    ),
    "stale": Row(
        lambda case: _cut(VenueFault("stale", lasts=20, by=30)),
        lambda case: 2.0,
        lambda case: 20 + 2 * HEALED_S,
        others=True,
    ),
    "error": Row(
        lambda case: _cut(VenueFault("error", lasts=10, retry=2)),
        lambda case: 2.0,
        lambda case: 10 + 2 * HEALED_S,
        others=True,
    ),
    "rename": Row(
        lambda case: [VenueFault("rename", name=case.victim, to=f"{case.victim}X")],
        lambda case: LISTED_S,
        lambda case: LISTED_S,
        gone=True,
    ),
    "expire": Row(lambda case: [VenueFault("expire", name=case.victim)], lambda case: LISTED_S, gone=True),
    "list": Row(
        lambda case: [VenueFault("list", name=f"{case.victim}X")], lambda case: 0.0, lambda case: LISTED_S
    ),
    "maintenance": Row(
        lambda case: [VenueFault("maintenance", after=2, lasts=20)] if case.name in ANNOUNCING else [],
        lambda case: 4.0 if case.name in ANNOUNCING else 0.0,
        lambda case: 20 + HEALED_S,
        others=True,
    ),
}


def case_of(name: str, victim: str) -> StruckBook:
    venue = make_venue(name)
    streams = venue.streams(Wants((victim,), frozenset({"book"})))
    (book,) = [stream for stream in streams if stream.topic == "book"]
    pattern = "".join(
        "?" if sign in "./" else sign for sign in book.name
    )  # Hyperliquid's have no name of its own
    return StruckBook(venue, victim, pattern, book.cadence_s)


class Follower(Day):
    """Compares every book, and remembers which are live, when each became stale, and when it was heard last."""

    def __init__(self, server: VenueServer, patience_s: float) -> None:
        super().__init__(server)
        self.patience_s = patience_s
        self.live: set[str] = set()
        self.stale_at: dict[str, float] = {}
        self.heard_at: dict[str, float] = {}

    def oldest_s(self) -> float:
        """For how long a live book has said nothing while its market moved."""
        now = asyncio.get_running_loop().time()
        return max(
            (now - self.heard_at[name] for name in self.live & {*self.server.market.walks}), default=0.0
        )

    def _compare(self, event: BookDelta | BookImage) -> None:
        self.heard_at[event.instrument.name] = asyncio.get_running_loop().time()
        if event.instrument.venue in UNPROVEN:
            self.most = UNPROVEN[event.instrument.venue]
        super()._compare(event)

    def take(self, event: Event) -> None:
        super().take(event)
        if isinstance(event, Status):
            if event.state == "live":
                self.live.add(event.instrument.name)
            else:
                self.live.discard(event.instrument.name)
            if event.state == "stale":
                self.stale_at.setdefault(event.instrument.name, asyncio.get_running_loop().time())


async def until(books: Follower, happened: Callable[[], bool], seconds: float) -> bool:
    """Whether it happens within so many virtual seconds; meanwhile no book is live that has stopped."""
    loop = asyncio.get_running_loop()
    until_s = loop.time() + seconds
    while not happened():
        if loop.time() >= until_s:
            return False
        assert books.oldest_s() <= books.patience_s, (books.heard_at, loop.time())
        await asyncio.sleep(0.1)
    return True


class WatchedSource(LiveSource):
    """A live source whose events the follower takes before anybody else."""

    def __init__(self, settings: LiveSettings, clock: Clock, books: Follower) -> None:
        super().__init__(settings, clock, chance=lambda: 0.5)
        self.books = books
        self._next: Callable[[Event, Mapping[str, ReplicaBook]], None] = lambda event, held: None

    def then(self, take: Callable[[Event, Mapping[str, ReplicaBook]], None]) -> None:
        """Who is told each event next, with the books behind it."""
        self._next = take

    async def events(self, wants: Wants) -> AsyncIterator[Batch]:
        """See `Source`."""
        async for batch in super().events(wants):
            for event in batch.events:
                self.books.take(event)
                self._next(event, self.books.replica.books)
            yield batch


class BatchReader:
    """Whoever takes the batches of a source; this one does nothing with them."""

    def __init__(self, source: WatchedSource) -> None:
        self.source = source

    async def feed(self) -> None:
        """Take batches until cancelled."""
        async for _ in self.source.events(Wants()):
            pass

    async def join(self) -> None:
        """All books are live now."""

    async def check(self) -> None:
        """All has healed."""


ALL_SILENT = Row(
    lambda case: [VenueFault("silence", stream=case.victim, lasts=2 * DOUBTED_S)],
    lambda case: DOUBTED_S,
    lambda case: 2 * DOUBTED_S + HEALED_S,
)
"""Every stream of one instrument stops, where images are fetched: no ticker tells."""


async def strike(
    name: str, row: Row, make_reader: Callable[[WatchedSource], BatchReader] = BatchReader
) -> None:
    """One fault at one venue, from the first live book until it has healed."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualLoop)
    contracts = SERVED[name]().contracts[:2]
    case = case_of(name, contracts[0].name)
    market = Market(contracts, 7, moves_per_s=MOVES_PER_S)
    async with VenueServer(name, market=market, speed=1.0, step_s=0.25) as server:
        settings = LiveSettings(name, ("*", "xyz:*"), endpoints=(server.base,))
        books = Follower(server, max(OLDEST_S, case.patience_s))
        reader = make_reader(WatchedSource(settings, LoopClock(loop, market.now_ns), books))
        feeding = asyncio.create_task(reader.feed())
        try:
            assert await until(books, lambda: feeding.done() or {*market.walks} <= books.live, 60), books.live
            await reader.join()
            await asyncio.sleep(5)
            await struck(case, row, server, books)
            await reader.check()
        finally:
            if feeding.done():
                feeding.result()
            feeding.cancel()
            await asyncio.gather(feeding, return_exceptions=True)


async def struck(case: StruckBook, row: Row, server: VenueServer, books: Follower) -> None:
    loop, market, victim = asyncio.get_running_loop(), server.market, case.victim
    books.stale_at.clear()
    began_s = loop.time()
    for fault in row.faults(case):
        server.inject(fault)
    stale_s = row.stale_s(case)
    if stale_s:
        assert await until(books, lambda: victim in books.stale_at, stale_s), (
            f"not stale within {stale_s:g} s"
        )
    await asyncio.sleep(SOON_S)
    if not row.others and case.name != "coinbase":  # where one number counts the messages of all books
        assert {*books.stale_at} <= {victim}
    wanted = lambda: {*market.walks} - ({victim} if row.gone else set())  # noqa: E731
    lasts_s = max((fault.lasts + fault.by for fault in row.faults(case) if fault.lasts < EVER), default=0.0)
    await asyncio.sleep(max(0.0, began_s + lasts_s - loop.time()))
    assert await until(books, lambda: wanted() <= books.live, row.live_s(case)), (
        f"{wanted() - books.live} not live {loop.time() - began_s:.0f} s after it began"
    )
    if row.gone:
        assert victim not in books.live
    books.compared.clear()
    await asyncio.sleep(15)
    assert wanted() <= books.live
    assert {*books.compared} >= wanted(), "nothing was compared afterwards"
    assert not server.tally.violations

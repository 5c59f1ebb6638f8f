"""One program over a gateway, a live venue, a recording of it and the simulation: the same items of the same market."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from functools import partial
from pathlib import Path

import pytest

import deltawire
from deltawire.client import Item
from deltawire.client.connection import Connection
from deltawire.errors import FeedError, SubscriptionRefused, UsageError
from deltawire.gateway.server import make_server
from deltawire.model.events import BookDelta, BookImage, Status, Trade
from deltawire.ports import Wants
from deltawire.recording.recorder import Recorder
from deltawire.roles.gateway import App, WallClock, listen
from deltawire.roles.in_process import InProcess
from deltawire.roles.live import parse_live
from deltawire.session.channel_book import ChannelBook
from deltawire.sources.live.source import LiveSource, open_live
from deltawire.testing.venue_server import VenueServer
from tests.support.waiting import HANG_S, until

ENOUGH_TRADES, ENOUGH_BOOKS = 8, 20


class Heard:
    """What the program heard: trades by their ids, and the books of each of the venue's milliseconds."""

    def __init__(self) -> None:
        self.trades: dict[str, tuple[object, ...]] = {}
        self.books: dict[int, set[tuple[object, ...]]] = {}
        self.kinds: list[type] = []

    @property
    def enough(self) -> bool:
        return len(self.trades) >= ENOUGH_TRADES and len(self.books) >= ENOUGH_BOOKS


async def program(where: str, name: str, heard: Heard, stop: asyncio.Event) -> None:
    """The user's program, the same for every address: it follows one instrument until it is told to stop."""
    async with deltawire.open(where) as dw:
        await follow(dw, name, heard, stop)


async def follow(dw: Connection, name: str, heard: Heard, stop: asyncio.Event) -> None:
    """What the program does once it is connected."""
    sub = await dw.subscribe(f"book.{name}.raw", f"trades.{name}.raw", queue=100_000)
    book = sub.book(f"book.{name}.raw")
    async for item in sub:
        take(item, book, heard)
        if stop.is_set():
            return


def take(item: Item, book: ChannelBook, heard: Heard) -> None:
    heard.kinds.append(type(item))
    if isinstance(item, Trade):
        heard.trades[item.trade_id] = (item.instrument.name, item.price, item.size, item.side, item.venue_ns)
    elif isinstance(item, BookImage | BookDelta) and book.state == "live":
        bids, asks = (tuple((each.price, each.size) for each in side) for side in book.top(1000))
        heard.books.setdefault(item.venue_ns, set()).add((item.instrument.name, bids, asks))
    elif isinstance(item, Status):
        assert item.state != "stale" or item.reason == "closed", item


def equal(one: Heard, other: Heard) -> None:
    """What both have heard is the same, and they have heard of the same.

    Of the books within one millisecond, one may have heard fewer, where changes are told together.
    """
    trades, times = one.trades.keys() & other.trades.keys(), one.books.keys() & other.books.keys()
    assert len(trades) > min(len(one.trades), len(other.trades)) // 2
    assert len(times) > min(len(one.books), len(other.books)) // 2
    assert {key: one.trades[key] for key in trades} == {key: other.trades[key] for key in trades}
    for at_ns in times:
        mine, theirs = one.books[at_ns], other.books[at_ns]
        assert mine <= theirs or theirs <= mine, at_ns
    for heard in (one, other):  # a trade may come before the book's first image
        assert [kind for kind in heard.kinds if kind is not Trade][:2] == [Status, BookImage]
    assert {*one.kinds} == {*other.kinds}


@contextlib.asynccontextmanager
async def served(app: App) -> AsyncIterator[str]:
    """A gateway of an app whose sources somebody else runs."""
    server = make_server(app.gateway, None)
    with listen("127.0.0.1", 0) as sock:
        serving = asyncio.create_task(server.serve(sockets=[sock]))
        try:
            yield f"127.0.0.1:{sock.getsockname()[1]}"
        finally:
            app.gateway.drain()
            server.refuse()
            server.should_exit = True
            await serving


async def drain(source: LiveSource) -> None:
    async for _ in source.events(Wants()):
        pass


def flowing(source: LiveSource) -> bool:
    """Whether every connection is up and every subscription that is to give something soon has."""
    lanes = source.status().lanes
    return bool(lanes) and all(lane.sockets and lane.streams.get("flowing", 0) > 0 for lane in lanes)


async def heard_by_all(
    name: str, places: list[str], recorded: tuple[str, Path], opened: Sequence[Connection] = ()
) -> list[Heard]:
    """Run the program at several places at once, record one of them, and run it over the recording."""
    stop, found = asyncio.Event(), [Heard() for _ in (*places, *opened)]
    recorder = Recorder(recorded[1])
    source = open_live(parse_live(recorded[0]), WallClock(), tap=recorder)
    recording = asyncio.create_task(drain(source))
    await until(lambda: flowing(source))
    work = [partial(program, place) for place in places] + [partial(follow, dw) for dw in opened]
    running = [asyncio.create_task(run(name, each, stop)) for run, each in zip(work, found, strict=True)]
    try:
        await until(lambda: all(each.enough for each in found) or any(task.done() for task in running))
        stop.set()
        async with asyncio.timeout(HANG_S):
            await asyncio.gather(*running)
    finally:
        recording.cancel()
        await asyncio.gather(recording, return_exceptions=True)
        recorder.close()
    found.append(Heard())
    async with asyncio.timeout(HANG_S):
        await program(f"replay:{recorded[1]}", name, found[-1], asyncio.Event())
    return found


@pytest.mark.parametrize(("venue", "name"), [("okx", "BTC-USDT-SWAP"), ("binance_usdm", "BTCUSDT")])
async def test_gateway_live_and_replay_give_equal_items(venue: str, name: str, tmp_path: Path) -> None:
    async with VenueServer(venue, speed=4.0) as server:
        live = f"{venue}:{name}?endpoint={server.base}"
        app = App([open_live(parse_live(live), WallClock())])
        target = InProcess(app)
        await target.start()
        try:
            async with served(app) as address:
                await until(lambda: app.market.find(name))
                first, *others = await heard_by_all(name, [live, address], (live, tmp_path))
        finally:
            await target.close()
    for other in others:
        equal(first, other)


async def test_the_simulation_a_gateway_of_it_a_live_connection_to_it_and_a_replay_give_equal_items(
    tmp_path: Path,
) -> None:
    """The built-in exchange stands for Deribit, whose dialect it speaks: one market, four addresses."""
    name = "BTC-PERPETUAL"
    async with deltawire.open("sim:seed=7&speed=4") as simulation, served(simulation._target._app) as address:
        live = f"deribit:{name}?endpoint=ws://{address}"
        heard = await heard_by_all(name, [live, address], (live, tmp_path), [simulation])
    first, *others = heard
    for other in others:
        equal(first, other)


@pytest.mark.parametrize(
    ("where", "why"),
    [
        ("binance:", "binance has several markets: binance_coinm:, binance_options:, binance_spot:, binance_usdm:"),
        ("okx:?endpiont=x", "no option endpiont; there is endpoint"),
        ("okx:?endpoint", "options are name=value"),
        ("okx:?endpoint=127.0.0.1:80", "an endpoint is ws://HOST:PORT"),
    ],
)  # fmt: skip
def test_a_venue_that_cannot_be_opened_says_why_at_once(where: str, why: str) -> None:
    with pytest.raises(UsageError, match=why):
        deltawire.open(where)


async def test_what_a_venue_does_not_have_is_said() -> None:
    async with VenueServer("okx") as server:
        with pytest.raises(FeedError, match=r"okx: none of \d+ instruments fits NOPE-\*; there are "):
            async with deltawire.open(f"okx:NOPE-*?endpoint={server.base}"):
                pass
        async with deltawire.open(f"okx:BTC-*?endpoint={server.base}") as dw:
            with pytest.raises(SubscriptionRefused, match="ETH-USDT"):
                await dw.subscribe("book.ETH-USDT.raw")
            book = dw.book("BTC-USDT")
            await book.next()
            assert book.state == "live"
    with pytest.raises(FeedError, match="is there a network"):
        async with deltawire.open(f"okx:?endpoint={server.base}", retry_for=0.3):
            pass


async def test_who_opens_a_venue_again_and_again_stays_within_what_it_allows() -> None:
    """The fourth within a second was refused, and waited a minute."""
    async with VenueServer("okx") as server:
        for _ in range(5):
            async with deltawire.open(f"okx:BTC-*?endpoint={server.base}") as dw:
                await dw.book("BTC-USDT").next()
        assert not server.tally.violations

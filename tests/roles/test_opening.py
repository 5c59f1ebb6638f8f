"""One program over a server, a recording and the built-in exchange: the same items."""

import asyncio
from collections import Counter
from pathlib import Path

import pytest

import deltawire
from deltawire.client import Item
from deltawire.errors import FeedError, SubscriptionRefused, UsageError
from deltawire.model.events import BookDelta, BookImage, Event, Status, Trade
from deltawire.sources.tabular import replay
from deltawire.testing.recordings import make_recording, write_log
from tests.client.test_subscription import RebuiltBook
from tests.support.gateway_server import GatewayServer
from tests.support.replays import SteppedReplay
from tests.support.waiting import HANG_S

SOON = HANG_S
NAME = "BTC-PERPETUAL"
CHANNELS = (f"book.{NAME}.raw", f"trades.{NAME}.raw")


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A connection to Deribit that loses a frame on the way."""
    return write_log(
        make_recording(7, steps=1500, losses=(700,)), tmp_path_factory.mktemp("log") / "deribit.ws.1.1"
    )


async def items(where: str, *channels: str, **more: float) -> list[Item]:
    """Everything, to the end of the recording."""
    async with asyncio.timeout(SOON), deltawire.open(where) as dw:
        sub = await dw.subscribe(*channels, **more)  # type: ignore[arg-type]
        return [item async for item in sub]


def comparable(events: list[Item] | list[Event]) -> list[object]:
    """What does not depend on who heard it, and when."""
    found: list[object] = []
    for event in events:
        match event:
            case BookImage():
                found.append((event.instrument, event.sequence, event.bids, event.asks, event.venue_ns))
            case BookDelta():
                changes = event.bid_changes, event.ask_changes
                found.append((event.instrument, event.sequence, event.covers, changes, event.venue_ns))
            case Trade():
                numbers = event.price, event.size, event.side
                found.append((event.instrument, event.trade_id, numbers, event.venue_ns))
            case Status() if event.state != "syncing":
                found.append((event.instrument, event.state, event.reason))
    return found


def expected(recording: Path) -> list[object]:
    """What the recording's verified events say of one instrument."""
    events = [event for event in replay(recording, "deribit") if of(event) == NAME]
    return comparable([one for one in events if isinstance(one, BookImage | BookDelta | Trade | Status)])


def of(event: Event) -> str:
    return getattr(getattr(event, "instrument", None), "name", "")


async def test_a_recording_opened_gives_the_events_that_replay_gives(recording: Path) -> None:
    events = comparable(await items(f"replay:{recording}?venue=deribit", *CHANNELS))
    ended = events.pop()
    assert ended[1:] == ("stale", "closed")  # type: ignore[index]
    assert events == expected(recording)
    states = [each[1:] for each in events if len(each) == 3]  # type: ignore[arg-type,index]
    assert states == [("live", ""), ("stale", "gap"), ("live", "")]


@pytest.mark.parametrize("binary", [True, False])
async def test_a_server_of_the_recording_gives_the_same(recording: Path, binary: bool) -> None:
    source = SteppedReplay(recording, "deribit", pause_ns=0)
    wanted = expected(recording)
    with GatewayServer(sources=[source]) as server:
        async with asyncio.timeout(SOON), deltawire.open(server.url, binary=binary) as dw:
            sub = await dw.subscribe("book.*.raw", "trades.*.raw", queue=100_000)
            server.ask(source.resume)
            found: list[Item] = []
            async for item in sub:
                if of(item) == NAME:  # type: ignore[arg-type]
                    found.append(item)
                ended = isinstance(item, Status) and item.reason == "closed"
                if ended and of(item) == NAME:  # type: ignore[arg-type]
                    break
    assert _unordered(comparable(found)[:-1]) == _unordered(wanted)


def _unordered(events: list[object]) -> list[object]:
    """Books and trades each in their order: nothing is promised across channels."""
    return [one for one in events if len(one) == 5 or len(one) == 3] + [  # type: ignore[arg-type]
        one
        for one in events
        if len(one) == 4  # type: ignore[arg-type]
    ]


async def test_a_recording_waits_for_its_reader_and_then_ends(recording: Path) -> None:
    async with asyncio.timeout(SOON), deltawire.open(f"replay:{recording}?venue=deribit&speed=0") as dw:
        sub = await dw.subscribe(*CHANNELS, queue=70, on_full="raise")
        await asyncio.sleep(0.2)
        assert sub.unread == 0  # it has not begun
        rebuilt, count = RebuiltBook(), 0
        async for item in sub:
            if isinstance(item, Trade | BookImage | BookDelta):
                rebuilt.take(item)
                count += 1
                if count % 500 == 0:
                    await asyncio.sleep(0.05)
        book = sub.book(CHANNELS[0])
        bids, asks = book.top(10_000)
        assert {level.price_ticks: level.size_lots for level in bids} == rebuilt.sides[0]
        assert {level.price_ticks: level.size_lots for level in asks} == rebuilt.sides[1]
        assert (book.state, book.reason) == ("stale", "closed")
        assert [item async for item in sub] == []
        with pytest.raises(FeedError, match="played to its end"):
            await dw.subscribe(CHANNELS[0])


async def test_a_recording_begins_where_it_is_told_to(recording: Path) -> None:
    whole = await items(f"replay:{recording}?venue=deribit", *CHANNELS)
    trades = [item for item in whole if isinstance(item, Trade)]
    middle = trades[len(trades) // 2]
    part = await items(f"replay:{recording}?venue=deribit&from={middle.venue_ns // 1000}", *CHANNELS)
    assert isinstance(part[1], BookImage)
    later = [item.trade_id for item in part if isinstance(item, Trade)]
    assert later == [trade.trade_id for trade in trades][-len(later) :]
    assert abs(len(later) - len(trades) / 2) < len(trades) / 4


async def test_live_books_of_a_recording_go_on_as_they_are_awaited(recording: Path) -> None:
    async with asyncio.timeout(SOON), deltawire.open(f"replay:{recording}?venue=deribit") as dw:
        book = dw.book(NAME)
        await book.next()
        first = book.top(1)
        await asyncio.sleep(0.1)
        assert book.top(1) == first
        seen = Counter[str]()

        async def watch() -> None:
            while True:
                await book.next()
                seen[book.state] += 1

        with pytest.raises(FeedError, match="nothing more comes"):
            await watch()
        assert seen["live"] > 100


async def test_what_is_not_in_a_recording_is_said_with_what_is(recording: Path) -> None:
    async with deltawire.open(f"replay:{recording}?venue=deribit") as dw:
        with pytest.raises(
            UsageError, match="no instrument BTC-PERPETUAI in the recording; did you mean BTC-PERP"
        ):
            await dw.subscribe("book.BTC-PERPETUAI.raw")


async def test_the_exchange_is_opened_in_this_process() -> None:
    async with asyncio.timeout(SOON), deltawire.open("sim:seed=7") as dw:
        sub = await dw.subscribe(*CHANNELS)
        rebuilt = RebuiltBook()
        async for item in sub:
            rebuilt.take(item)
            if rebuilt.trades and rebuilt.sequence > 100:
                break
        bids, _ = sub.book(CHANNELS[0]).top(1)
        assert bids[0].price > 1000
        assert (await dw.call("public/get_instrument", instrument_name=NAME))["kind"] == "future"
        with pytest.raises(SubscriptionRefused):
            await dw.subscribe("nonsense")


@pytest.mark.parametrize(
    ("where", "why"),
    [
        ("replay:x.gz", r"replay:x.gz\?venue="),
        ("replay:/no/such.gz?venue=okx", "no such file"),
        ("replay:x.gz?venue=nobody", "unknown venue|no such file"),
        ("replay:x.gz?venue=okx&spede=3", "no option spede"),
        ("sim:seed=x", "seed is a number"),
        ("sim:sede=1", "no option sede"),
        ("sim:seed", "name=value"),
    ],
)
def test_what_cannot_be_opened_says_why_at_once(where: str, why: str) -> None:
    with pytest.raises(UsageError, match=why):
        deltawire.open(where)

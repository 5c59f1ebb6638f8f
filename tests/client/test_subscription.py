"""A subscription gives every event once and in order, whatever happens to its connections, and says what is lost."""

import asyncio
import contextlib
import os
import random
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

import deltawire
from deltawire.client import Connection, Gap, Item, Outage, Recovered, Subscription
from deltawire.errors import FeedError, SubscriptionRefused
from deltawire.model.events import BookDelta, BookImage, Changes, Levels, Status, Trade
from deltawire.model.instruments import Instrument
from tests.support.gateway_server import GatewayServer, Way, certificate
from tests.support.market_events import make_instrument, make_trade
from tests.support.waiting import HANG_S

BOOK, TRADES = "book.BTC-PERPETUAL.raw", "trades.BTC-PERPETUAL.raw"
SOON = HANG_S


@pytest.fixture
def server() -> Iterator[GatewayServer]:
    with GatewayServer() as running:
        running.go_live()
        yield running


@pytest.fixture
def reached(way: Way) -> Iterator[GatewayServer]:
    """The same, reached over each way there is."""
    with GatewayServer(way=way) as running:
        running.go_live()
        yield running


def opened(server: GatewayServer, *, binary: bool = True) -> Connection:
    """The server's front door."""
    return deltawire.open(server.url, binary=binary, cafile=certificate() if server.way.secure else None)


class RebuiltBook:
    """A book made of events alone; strict. `gaps` are the channels of which something was lost."""

    def __init__(self) -> None:
        self.sides: tuple[dict[int, int], dict[int, int]] = ({}, {})
        self.instrument: Instrument | None = None
        self.sequence = 0
        self.state = ""
        self.trades: list[str] = []
        self.outages = self.recovered = 0
        self.gaps: list[str] = []

    def take(self, item: Item) -> None:
        """One more item."""
        match item:
            case BookImage():
                for side, levels in zip(self.sides, (item.bids, item.asks), strict=True):
                    _become(side, levels)
                self.sequence, self.instrument = item.sequence, item.instrument
            case BookDelta():
                assert item.sequence - item.covers == self.sequence, item
                assert item.instrument == self.instrument
                for side, changes in zip(self.sides, (item.bids, item.asks), strict=True):
                    _follow(side, changes)
                self.sequence = item.sequence
            case Status():
                self.state = item.state
            case Trade():
                self.trades.append(item.trade_id)
            case Outage():
                self.outages += 1
            case Recovered():
                self.recovered += 1
            case Gap():
                self.gaps.append(item.channel)
                if item.channel == BOOK:
                    self.sequence, self.state = 0, ""
            case _:
                raise AssertionError(item)


def _become(side: dict[int, int], levels: Levels) -> None:
    side.clear()
    side.update(zip(levels.prices, levels.sizes, strict=True))


def _follow(side: dict[int, int], changes: Changes) -> None:
    for price, size, previous in zip(changes.prices, changes.sizes, changes.previous, strict=True):
        assert side.pop(price, 0) == previous
        if size:
            side[price] = size


def cut(server: GatewayServer) -> None:
    """Every connection breaks without a word."""

    def abort() -> None:
        for connection in list(server.app.gateway.connections):
            connection._transport.abort()  # type: ignore[attr-defined]

    server.ask(abort)


async def read_until(items: AsyncIterator[Item], rebuilt: RebuiltBook, sequence: int) -> None:
    """Read on until the book has come so far."""
    async with asyncio.timeout(SOON):
        while rebuilt.sequence < sequence:
            rebuilt.take(await anext(items))


@pytest.mark.parametrize("binary", [True, False], ids=["protobuf", "json"])
async def test_events_go_on_across_any_number_of_broken_connections(
    reached: GatewayServer, binary: bool
) -> None:
    seeded, rebuilt = random.Random(7), RebuiltBook()
    trades = 0
    async with opened(reached, binary=binary) as dw:
        sub = await dw.subscribe(BOOK, TRADES)
        assert sub.granted == [BOOK, TRADES]
        for _ in range(25):
            changes = seeded.randint(1, 8)
            await asyncio.to_thread(reached.change, changes)
            for _ in range(seeded.randint(0, 3)):
                trades += 1
                trade = make_trade(reached.book.instrument, 1000 + trades, 10, trade_id=str(trades))
                await asyncio.to_thread(reached.feed, [trade])
            await read_until(sub, rebuilt, reached.book.sequence - seeded.randint(0, changes))
            await asyncio.to_thread(cut, reached)
        await asyncio.to_thread(reached.change)
        await read_until(sub, rebuilt, reached.book.sequence)
        assert (rebuilt.gaps, rebuilt.outages) == ([], rebuilt.recovered)
        assert rebuilt.outages > 10
        assert rebuilt.sides == (reached.book.bids, reached.book.asks)
        assert rebuilt.trades == [str(number + 1) for number in range(trades)]
        assert rebuilt.instrument == reached.book.instrument


async def test_a_cancelled_wait_loses_nothing_wherever_it_was(reached: GatewayServer) -> None:
    seeded, rebuilt, trades = random.Random(11), RebuiltBook(), 0
    async with opened(reached) as dw:
        sub = await dw.subscribe(BOOK, TRADES)

        async def until(sequence: int) -> None:
            while rebuilt.sequence < sequence or len(rebuilt.trades) < trades:
                reading = asyncio.ensure_future(anext(sub))
                for _ in range(seeded.randint(0, 30)):
                    await asyncio.sleep(seeded.choice([0, 0, 0, 0.002, 0.05]))
                    if reading.done():
                        break
                reading.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    rebuilt.take(await reading)

        for number in range(30):
            await asyncio.to_thread(reached.change, seeded.randint(1, 4))
            trades += 1
            trade = make_trade(reached.book.instrument, 1000 + trades, 10, trade_id=str(trades))
            await asyncio.to_thread(reached.feed, [trade])
            if number % 3 == 0:
                await asyncio.to_thread(cut, reached)
            async with asyncio.timeout(SOON):
                await until(reached.book.sequence)
        assert rebuilt.gaps == []
        assert rebuilt.sides == (reached.book.bids, reached.book.asks)
        assert rebuilt.trades == [str(number + 1) for number in range(trades)]


async def test_a_server_that_begins_anew_is_a_gap_and_then_an_image() -> None:
    rebuilt = RebuiltBook()
    with GatewayServer() as first:
        first.go_live()
        async with opened(first) as dw:
            sub = await dw.subscribe(BOOK)
            await read_until(sub, rebuilt, 1)
            first.stop()
            assert await asyncio.to_thread(first.joined)
            with GatewayServer(port=first.port, epoch="another") as second:
                second.go_live()
                second.change(3)
                rebuilt.sequence = 0
                await read_until(sub, rebuilt, second.book.sequence)
                assert rebuilt.gaps == [BOOK]
                assert rebuilt.sides == (second.book.bids, second.book.asks)


async def test_of_two_addresses_the_other_one_goes_on() -> None:
    with GatewayServer() as first, GatewayServer(epoch="other") as second:
        for one in (first, second):
            one.go_live()
        second.change(4)
        rebuilt = RebuiltBook()
        async with deltawire.open([first.url, second.url]) as dw:
            sub = await dw.subscribe(BOOK)
            await read_until(sub, rebuilt, 1)
            assert rebuilt.sequence == first.book.sequence
            first.stop()
            await read_until(sub, rebuilt, second.book.sequence)
            assert rebuilt.sides == (second.book.bids, second.book.asks)
            assert (rebuilt.outages, rebuilt.gaps) == (1, [BOOK])
            assert (await dw.call("public/test"))["version"]


async def test_what_a_server_has_no_more_is_told_and_the_rest_goes_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It is refused several times before it is given up, each time after a wait twice as long."""
    monkeypatch.setattr("deltawire.client.subscription.FIRST_WAIT_S", 0.01)
    monkeypatch.setattr("deltawire.client.subscription.LONGEST_WAIT_S", 0.05)
    with GatewayServer() as first, GatewayServer(epoch="other") as second:
        for one in (first, second):
            one.go_live()
        gone = make_instrument("GONE")
        first.feed([make_trade(gone, 1000, 10, trade_id="1")])
        async with deltawire.open([first.url, second.url]) as dw:
            sub = await dw.subscribe(BOOK, "trades.*.raw")
            async with asyncio.timeout(SOON):
                while "trades.GONE.raw" not in sub.granted:
                    with contextlib.suppress(SubscriptionRefused):
                        await sub.add("trades.GONE.raw")
            rebuilt = RebuiltBook()
            await read_until(sub, rebuilt, 1)
            first.stop()
            async with asyncio.timeout(2 * SOON):
                while "trades.GONE.raw" in sub.granted or not rebuilt.sequence:
                    rebuilt.take(await anext(sub))
            assert sub.granted == [BOOK, "trades.*.raw"]
            assert {"trades.GONE.raw", BOOK} <= {*rebuilt.gaps}
            second.change(3)
            await read_until(sub, rebuilt, second.book.sequence)
            assert rebuilt.sides == (second.book.bids, second.book.asks)


async def test_a_connection_is_opened_without_a_block_in_a_cell_of_a_notebook(server: GatewayServer) -> None:
    dw = await opened(server)
    sub = await dw.subscribe(BOOK)
    await read_until(sub, RebuiltBook(), 1)
    await dw.close()
    assert [item async for item in sub] == []


async def test_the_first_address_need_not_be_there() -> None:
    with GatewayServer() as server:
        server.go_live()
        async with deltawire.open(f"127.0.0.1:1, {server.url}") as dw:
            sub = await dw.subscribe(BOOK)
            await read_until(sub, RebuiltBook(), 1)


async def test_nobody_there_is_an_error_once_it_was_tried() -> None:
    with pytest.raises(FeedError, match=r"cannot connect to ws://127.0.0.1:1/.*tried for 0.3 s"):
        async with deltawire.open("127.0.0.1:1", retry_for=0.3):
            pass


async def test_what_is_refused_is_raised_and_the_rest_is_not_held(server: GatewayServer) -> None:
    async with opened(server) as dw:
        with pytest.raises(SubscriptionRefused, match=r"book\.NO-SUCH\.raw") as refused:
            await dw.subscribe(BOOK, "book.NO-SUCH.raw")
        assert refused.value.refused == ("book.NO-SUCH.raw",)
        sub = await dw.subscribe(BOOK)
        with pytest.raises(SubscriptionRefused):
            await sub.add(TRADES, "nonsense")
        assert sub.granted == [BOOK]


async def test_channels_come_and_go_while_it_is_read(server: GatewayServer) -> None:
    async with opened(server) as dw:
        sub = await dw.subscribe(BOOK)
        await sub.add("trades.*.raw")
        server.feed([make_trade(server.book.instrument, 1000, 10, trade_id="1")])
        rebuilt = RebuiltBook()
        async with asyncio.timeout(SOON):
            while not rebuilt.trades:
                rebuilt.take(await anext(sub))
        await sub.remove("trades.*.raw", BOOK)
        assert sub.granted == []
        server.feed([make_trade(server.book.instrument, 1000, 10, trade_id="2")])
        server.change(2)
        await sub.add(BOOK)
        again = RebuiltBook()
        await read_until(sub, again, server.book.sequence)
        assert again.trades == []
        assert again.sides == (server.book.bids, server.book.asks)
        cut(server)
        server.feed([make_trade(server.book.instrument, 1000, 10, trade_id="3")])
        server.change(1)
        await read_until(sub, again, server.book.sequence)
        assert (again.trades, again.gaps) == ([], [])


async def test_patterns_take_in_what_is_listed_later(server: GatewayServer) -> None:
    async with opened(server) as dw:
        sub = await dw.subscribe("trades.*.raw")
        odd = make_instrument("A.B:C/ü", price_exponent=-7, size_exponent=-3)
        server.feed([make_trade(odd, 12_345_678, 1_500, trade_id="1")])
        server.feed([make_trade(odd, 12_345_678, 1_500, trade_id="2")])
        async with asyncio.timeout(SOON):
            trade = await anext(sub)
        assert isinstance(trade, Trade)
        assert (trade.instrument, str(trade.price), str(trade.size)) == (odd, "1.2345678", "1.500")


async def test_a_slow_reader_is_conflated_and_ends_right(server: GatewayServer) -> None:
    async with opened(server) as dw:
        sub = await dw.subscribe(BOOK, queue=20)
        await asyncio.to_thread(server.change, 300)
        async with asyncio.timeout(SOON):
            while _received(sub) < server.book.sequence:
                assert sub.unread <= 20
                await asyncio.sleep(0.005)
        rebuilt = RebuiltBook()
        await read_until(sub, rebuilt, server.book.sequence)
        assert rebuilt.sides == (server.book.bids, server.book.asks)
        assert (rebuilt.outages, rebuilt.gaps) == (0, [])


async def test_a_slow_reader_who_wants_no_merging_gets_what_fits_and_an_error(server: GatewayServer) -> None:
    async with opened(server) as dw:
        sub = await dw.subscribe(BOOK, queue=20, on_full="raise")
        await asyncio.to_thread(server.change, 100)
        rebuilt = RebuiltBook()
        async with asyncio.timeout(SOON):
            while sub.connected:  # noqa: ASYNC110 (it is about the client's insides)
                await asyncio.sleep(0.005)
            with pytest.raises(FeedError, match="the queue is full"):
                await read_until(sub, rebuilt, server.book.sequence)
        assert 15 < rebuilt.sequence < 30


def _received(sub: Subscription) -> int:
    """The number of the book's last change that has come here, read or not."""
    position = sub._session.positions().get(BOOK)
    image = 1
    return image + (position.seq if position else -1)


async def test_a_book_that_contradicts_itself_is_lost_and_begins_anew(server: GatewayServer) -> None:
    async with opened(server) as dw:
        sub = await dw.subscribe(BOOK)
        rebuilt = RebuiltBook()
        await read_until(sub, rebuilt, 1)
        sub.book(BOOK)._ladder.bids.apply([999], [21])  # as a fault in the memory of this program would
        server.change(2)
        found: list[Item] = []
        async with asyncio.timeout(SOON):
            while not any(isinstance(item, BookImage) for item in found):
                found.append(await anext(sub))
        assert [type(item) for item in found] == [Outage, Gap, Status, BookImage]
        assert "checksum" in found[0].reason  # type: ignore[union-attr]
        server.change(1)
        for item in found[2:]:
            rebuilt.take(item)
        await read_until(sub, rebuilt, server.book.sequence)
        assert rebuilt.sides == (server.book.bids, server.book.asks)


async def test_raw_notifications_are_there_for_who_wants_them(server: GatewayServer) -> None:
    async with opened(server, binary=False) as dw:
        sub = await dw.subscribe(BOOK)
        server.change(1)
        notes = [note async for note, _ in _first(sub.notifications(), 2)]
        assert [note.data["type"] for note in notes] == ["snapshot", "change"]  # type: ignore[union-attr]


async def _first(items: AsyncIterator[Item], count: int) -> AsyncIterator[tuple[Item, int]]:
    async with asyncio.timeout(SOON):
        for number in range(count):
            yield await anext(items), number


# Live books.


async def test_a_live_book_shows_the_ladder_and_when_it_is_not_one(server: GatewayServer) -> None:
    async with opened(server) as dw:
        book = dw.book("BTC-PERPETUAL")
        assert dw.book("BTC-PERPETUAL") is book
        assert (book.state, book.top(), book.mid, book.age) == ("syncing", ([], []), None, None)
        await book.next(SOON)
        bids, asks = book.top(1)
        assert (str(bids[0].price), str(asks[0].price), str(book.spread)) == ("100.0", "100.1", "0.1")
        assert book.verified
        assert book.complete_to == (None, None), "the built-in exchange's books are known to their ends"
        assert "live" in repr(book)
        assert "100.0 | 100.1" in repr(book)
        assert book.vwap("buy", 30) == pytest.approx(100.1)
        assert book.vwap("buy", 31) is None
        assert book.vwap("sell", 20) == pytest.approx(20 / (10 / 100.0 + 10 / 99.9))
        server.feed([server.book.stale("gap")])
        async with asyncio.timeout(SOON):
            while book.state == "live":
                await book.next()
        assert (book.state, book.reason, book.top(), book.vwap("buy", 1)) == ("stale", "gap", ([], []), None)
        assert len(book.top(stale=True)[0]) == 2
        server.feed(server.book.image({1000: 5}, {1002: 5}))
        async with asyncio.timeout(SOON):
            while book.state != "live":
                await book.next()
        assert str(book.spread) == "0.2"


async def test_a_live_book_is_lost_with_its_connection_and_comes_back() -> None:
    with GatewayServer() as first:
        first.go_live()
        async with opened(first) as dw:
            book = dw.book("BTC-PERPETUAL")
            await book.next(SOON)
            first.stop()
            async with asyncio.timeout(SOON):
                while book.state == "live":
                    await book.next()
            assert (book.state, book.reason, book.top()) == ("stale", "lost", ([], []))
            with GatewayServer(port=first.port, epoch="another") as second:
                second.go_live()
                async with asyncio.timeout(SOON):
                    while book.state != "live":
                        await book.next()


async def test_a_book_that_there_is_not_is_an_error_of_its_own(server: GatewayServer) -> None:
    async with opened(server) as dw:
        with pytest.raises(SubscriptionRefused, match="NO-SUCH"):
            await dw.book("NO-SUCH").next(SOON)
        await dw.book("BTC-PERPETUAL").next(SOON)


# The end.


@pytest.fixture
def patient_closing(monkeypatch: pytest.MonkeyPatch) -> None:
    """What waits for a closing handshake that does not come waits for ever."""
    monkeypatch.setattr("deltawire.client.client.CLOSE_WITHIN_S", 10 * HANG_S)


@pytest.mark.usefixtures("patient_closing")
async def test_everything_ends_at_the_end_of_the_block(reached: GatewayServer) -> None:
    started = len(asyncio.all_tasks())
    async with opened(reached) as dw:
        subs = [await dw.subscribe(BOOK) for _ in range(5)]
        waiting = [asyncio.ensure_future(_drain(sub)) for sub in subs]
        await dw.book("BTC-PERPETUAL").next(SOON)
    await asyncio.wait_for(asyncio.gather(*waiting), SOON)
    assert len(asyncio.all_tasks()) == started
    assert [item async for item in subs[0]] == []
    with pytest.raises(FeedError, match="closed"):
        await dw.subscribe(BOOK)
    reached.wait_for_connections(0)


async def _drain(sub: Subscription) -> int:
    return len([item async for item in sub])


@pytest.mark.usefixtures("patient_closing")
async def test_a_cancelled_block_ends_while_it_waits_for_a_server_that_is_gone() -> None:
    with GatewayServer() as server:
        server.go_live()

        async def watch() -> None:
            async with opened(server) as dw:
                sub = await dw.subscribe(BOOK)
                async for item in sub:
                    if isinstance(item, Outage):
                        lost.set()

        lost = asyncio.Event()
        watching = asyncio.create_task(watch())
        await asyncio.to_thread(server.wait_for_connections, 2)
        server.stop()
        await asyncio.wait_for(lost.wait(), SOON)
        watching.cancel()
        await asyncio.wait([watching], timeout=SOON)
        assert watching.cancelled()


PROGRAM = """
import asyncio, sys
import deltawire

async def main():
    async with deltawire.open(sys.argv[1]) as dw:
        async for item in await dw.subscribe("book.BTC-PERPETUAL.raw"):
            print(type(item).__name__, flush=True)

asyncio.run(main())
"""


def test_ctrl_c_ends_a_program_at_once() -> None:
    with GatewayServer() as server:
        server.go_live()
        with subprocess.Popen(
            [sys.executable, "-c", PROGRAM, server.url],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "Status\n"
            process.send_signal(signal.SIGINT)
            _, errors = process.communicate(timeout=SOON)
        assert process.returncode == -signal.SIGINT or "KeyboardInterrupt" in errors
        assert "was never retrieved" not in errors
        assert "Unclosed" not in errors


async def test_a_server_that_is_killed_and_started_again_goes_on(tmp_path: Path) -> None:
    """A real process, killed without a word twice; the same program reads on."""
    environment = os.environ | {"DELTAWIRE_HOME": str(tmp_path / "home")}
    port, rebuilt = 0, RebuiltBook()

    def start() -> "subprocess.Popen[str]":
        command = [sys.executable, "-m", "deltawire", "serve", "--port", str(port)]
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment
        )
        assert process.stdout is not None
        for line in process.stdout:
            if "WebSocket" in line:
                break
        urls.append(line.split()[-1])
        return process

    urls: list[str] = []
    process = await asyncio.to_thread(start)
    port = int(urls[0].split(":")[2].split("/")[0])
    try:
        async with deltawire.open(urls[0], retry_for=SOON) as dw:
            async with asyncio.timeout(SOON):
                while not await dw.call(  # noqa: ASYNC110 (nothing tells)
                    "public/get_instruments", currency="BTC", kind="future"
                ):
                    await asyncio.sleep(0.05)
            sub = await dw.subscribe(BOOK)
            for _ in range(2):
                count = 0
                async with asyncio.timeout(2 * SOON):
                    while count < 200:
                        item = await anext(sub)
                        rebuilt.take(item)
                        count += isinstance(item, BookDelta)
                process.kill()
                process.communicate()
                process = await asyncio.to_thread(start)
            async with asyncio.timeout(2 * SOON):
                while len(rebuilt.gaps) < 2 or rebuilt.state != "live" or not rebuilt.sequence:
                    rebuilt.take(await anext(sub))
            book = sub.book(BOOK)
            bids, asks = book.top(1000)
            assert book.verified
            assert {level.price_ticks: level.size_lots for level in bids} == rebuilt.sides[0]
            assert {level.price_ticks: level.size_lots for level in asks} == rebuilt.sides[1]
    finally:
        process.kill()
        process.communicate()

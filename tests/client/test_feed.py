"""A feed outlives its connections: every notification once and in order, and what is lost is said."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator

import pytest
from websockets.asyncio.server import ServerConnection

from deltawire.client import Feed, Gap, Outage
from deltawire.client.feed import Item
from deltawire.client.subscription import LONGEST_WAIT_S
from deltawire.dialect.grammar import ResumePosition
from deltawire.errors import FeedError
from deltawire.session.client import BookMirror, Notification
from tests.support.dialect_server import answer, next_request, notify, scripted_server
from tests.support.gateway_server import GatewayServer, Way
from tests.support.market_events import make_trade
from tests.support.waiting import HANG_S, until

BOOK, TRADES = "book.BTC-PERPETUAL.raw", "trades.BTC-PERPETUAL.raw"


@pytest.fixture
def server(way: Way) -> Iterator[GatewayServer]:
    with GatewayServer(way=way) as running:
        running.go_live()
        yield running


async def take(items: AsyncIterator[Item], count: int) -> list[Item]:
    """The next of a feed."""
    async with asyncio.timeout(HANG_S):
        return [await anext(items) for _ in range(count)]


def cut(server: GatewayServer) -> None:
    """Every connection breaks without a word."""

    def abort() -> None:
        for connection in list(server.app.gateway.connections):
            connection._transport.abort()  # type: ignore[attr-defined]

    server.ask(abort)
    server.wait_for_connections(0)


@pytest.mark.parametrize("binary", [False, True])
async def test_what_was_missed_comes_after_the_outage_in_order(server: GatewayServer, binary: bool) -> None:
    items = aiter(Feed(server.url, BOOK, binary=binary))
    server.change(2)
    (image,) = await take(items, 1)
    assert isinstance(image, Notification)
    mirror = BookMirror()
    mirror.apply(image.data)
    for _ in range(5):
        cut(server)
        server.change(3)
        notes = await take(items, 1)
        while not isinstance(notes[-1], Outage):
            notes += await take(items, 1)
        notes = notes[:-1] + await take(items, 3 - len(notes[:-1]))
        for note in notes:
            assert isinstance(note, Notification)
            mirror.apply(note.data)
        assert (mirror.bids, mirror.asks) == server.book.prices()


async def test_a_lost_past_is_a_gap_and_then_an_image() -> None:
    with GatewayServer() as first:
        first.go_live()
        items = aiter(Feed(first.url, BOOK))
        await take(items, 1)
        first.stop()
        assert await asyncio.to_thread(first.joined)
        with GatewayServer(port=first.port, epoch="another") as second:
            second.go_live()
            notes = await take(items, 1)
            while isinstance(notes[-1], Outage):
                notes += await take(items, 1)
            assert notes[-1] == Gap(BOOK, ResumePosition("test", 2))
            (image,) = await take(items, 1)
            assert isinstance(image, Notification)
            assert (image.epoch, image.data["type"]) == ("another", "snapshot")


async def test_a_trade_is_not_lost_though_none_had_come_before_the_outage(server: GatewayServer) -> None:
    async with Feed(server.url, TRADES) as feed:
        waiting = asyncio.create_task(take(aiter(feed), 2))
        await until(feed._subscription.ready.is_set)
        await asyncio.to_thread(cut, server)
        await asyncio.to_thread(server.feed, [make_trade(server.book.instrument, 1000, 10, trade_id="1")])
        outage, note = await waiting
    assert isinstance(outage, Outage)
    assert isinstance(note, Notification)
    assert [trade["trade_id"] for trade in note.data] == ["1"]


async def test_attempts_are_ever_further_apart_and_never_at_regular_times() -> None:
    connections = 0

    async def script(connection: ServerConnection) -> None:
        nonlocal connections
        connections += 1
        request = await next_request(connection)
        if connections == 1:
            await answer(connection, request, ["a"])
        connection.transport.abort()

    async with scripted_server(script) as url:
        items = aiter(Feed(url, "a"))
        waits = [item.wait_s for item in await take(items, 4) if isinstance(item, Outage)]
    assert len(waits) == 4
    for number, wait in enumerate(waits):
        middle = min(LONGEST_WAIT_S, 0.25 * 2**number)
        assert middle / 2 <= wait <= middle * 1.5
    assert len(set(waits)) == 4


async def test_a_first_attempt_that_fails_ends_the_feed(server: GatewayServer) -> None:
    with pytest.raises(FeedError, match="NO-SUCH"):
        await take(aiter(Feed(server.url, "book.NO-SUCH.raw")), 1)
    server.stop()
    assert server.joined()
    with pytest.raises(FeedError, match="cannot connect"):
        await take(aiter(Feed(server.url, BOOK)), 1)


async def test_only_channels_the_server_lost_are_gaps() -> None:
    async def script(connection: ServerConnection) -> None:
        request = await next_request(connection)
        resume = request["params"]["resume"]
        recovered = {"a": True, "b": False} if resume else {}
        reply = {"jsonrpc": "2.0", "id": request["id"], "result": ["a", "b"], "recovered": recovered}
        await connection.send(json.dumps(reply))
        if resume:
            assert resume == {"a": {"epoch": "e", "seq": 2}, "b": {"epoch": "e", "seq": 5}}
            await notify(connection, "a", 3, epoch="e", seq=3, prev_seq=2)
            await notify(connection, "b", 9, epoch="e", seq=9)
            await connection.wait_closed()
        for channel, seq in (("a", 1), ("a", 2), ("b", 5)):
            await notify(connection, channel, seq, epoch="e", seq=seq, prev_seq=seq - 1)
        connection.transport.close()

    async with scripted_server(script) as url:
        notes = await take(aiter(Feed(url, "a", "b")), 7)
    assert [item.data for item in notes if isinstance(item, Notification)] == [1, 2, 5, 3, 9]
    assert isinstance(notes[3], Outage)
    assert notes[4] == Gap("b", ResumePosition("e", 5))


# Leaving.


async def test_the_end_of_the_block_closes_the_connection(server: GatewayServer) -> None:
    async with Feed(server.url, BOOK) as feed:
        items = aiter(feed)  # held: an iteration that is left ends by itself
        (item,) = await take(items, 1)
        assert isinstance(item, Notification)
        await asyncio.to_thread(server.wait_for_connections, 1)
    await asyncio.to_thread(server.wait_for_connections, 0)


async def test_a_block_that_fails_closes_the_connection_too(server: GatewayServer) -> None:
    async def failing() -> None:
        async with Feed(server.url, BOOK) as feed:
            async for _ in feed:
                raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await failing()
    await asyncio.to_thread(server.wait_for_connections, 0)


async def test_an_iteration_elsewhere_ends_when_the_feed_is_closed(server: GatewayServer) -> None:
    async with Feed(server.url, TRADES) as feed:
        waiting = asyncio.create_task(take(aiter(feed), 1))
        await asyncio.to_thread(server.wait_for_connections, 1)
    with pytest.raises(FeedError, match="closed"):
        await waiting
    await asyncio.to_thread(server.wait_for_connections, 0)
    with pytest.raises(FeedError, match="the feed is closed"):
        await take(aiter(feed), 1)


async def test_closing_does_not_wait_for_the_next_attempt() -> None:
    async with Feed("127.0.0.1:9", BOOK) as feed:
        feed._subscription.ready.set()  # as after long attempts
        feed._subscription._wait_s = 100 * HANG_S
        items = aiter(feed)
        (outage,) = await take(items, 1)
        assert isinstance(outage, Outage)
        waiting = asyncio.create_task(take(items, 1))
        await asyncio.sleep(0)
        await feed.close()
        with pytest.raises(FeedError, match="the feed is closed"):
            await waiting


async def test_an_iteration_left_without_a_block_closes_its_connection_too(server: GatewayServer) -> None:
    async for _ in Feed(server.url, BOOK):
        break
    await asyncio.to_thread(server.wait_for_connections, 0)

"""A client that does not read, over real sockets: bounded, and in the end right."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from deltawire.client import Client, Feed, Outage, connect
from deltawire.errors import FeedError
from deltawire.session.client import BookMirror, Notification
from tests.support.gateway_server import GatewayServer
from tests.support.market_events import make_trade
from tests.support.serving import connected, serving
from tests.support.waiting import HANG_S, until

BOOK, TRADES = "book.BTC-PERPETUAL.raw", "trades.BTC-PERPETUAL.raw"
QUEUE = 50


@pytest.fixture
def server() -> Iterator[GatewayServer]:
    with GatewayServer() as running:
        running.go_live()
        yield running


def came_to(client: Client, channel: str) -> int:
    """The last `seq` that was received of a channel, read or not."""
    return client._session._last_seq.get(channel, ("", 0))[1]


@pytest.mark.parametrize("binary", [False, True])
async def test_a_client_that_reads_nothing_is_bounded_and_catches_up_with_the_exchange(
    tmp_path: Path, binary: bool
) -> None:
    with serving(environment={"DELTAWIRE_HOME": str(tmp_path / "home")}) as served:
        async with connected(served, "BTC-PERPETUAL"):
            pass
        async with connect(served.websocket, binary=binary, queue=QUEUE) as client:
            channels = [BOOK, "book.ETH-PERPETUAL.raw", "ticker.BTC-PERPETUAL.100ms"]
            await client.subscribe(*channels)
            await until(lambda: came_to(client, BOOK))
            first, most = came_to(client, BOOK), 0
            while came_to(client, BOOK) < first + 10 * QUEUE:
                most = max(most, client.unread)
                await asyncio.sleep(0.005)
            assert 0 < most <= QUEUE

            mirror, conflated = BookMirror(), 0
            asked = await client.call("public/get_order_book", instrument_name="BTC-PERPETUAL", depth=20)
            async with asyncio.timeout(HANG_S):
                async for note in client:
                    if note.channel == BOOK:
                        mirror.apply(note.data)  # held to the server's checksum, each time
                        conflated = max(conflated, note.conflated)
                        if mirror.change_id is not None and mirror.change_id >= asked["change_id"]:
                            asked = await client.call(
                                "public/get_order_book", instrument_name="BTC-PERPETUAL", depth=20
                            )
                            if mirror.change_id == asked["change_id"]:
                                break
            assert conflated > QUEUE
            bids, asks = mirror.best(20)
            assert [list(level) for level in bids] == asked["bids"]
            assert [list(level) for level in asks] == asked["asks"]


async def test_calls_are_answered_beside_a_queue_that_is_full(server: GatewayServer) -> None:
    """The answer stands behind what nobody reads; a client that stopped reading would wait for ever."""
    async with connect(server.url, queue=QUEUE) as client:
        await client.subscribe(BOOK)
        mirror = BookMirror()
        for _ in range(10):
            await asyncio.to_thread(server.change, 2 * QUEUE)
            assert (await client.call("public/test"))["version"]
            assert client.unread <= QUEUE
            mirror.apply((await anext(client)).data)
        async with asyncio.timeout(HANG_S):
            while (mirror.bids, mirror.asks) != server.book.prices():
                mirror.apply((await anext(client)).data)
        assert client.unread == 0


async def test_a_feed_whose_queue_is_full_of_trades_loses_none(server: GatewayServer) -> None:
    async with Feed(server.url, TRADES, queue=QUEUE) as feed:
        items = aiter(feed)
        server_has = 0

        def trade(count: int) -> None:
            nonlocal server_has
            for _ in range(count):
                server_has += 1
                server.feed([make_trade(server.book.instrument, 1000, 1, trade_id=str(server_has))])

        first = asyncio.ensure_future(anext(items))
        await until(lambda: feed._subscription.ready.is_set())
        await asyncio.to_thread(trade, 1)
        async with asyncio.timeout(HANG_S):
            notes = [await first]
        await asyncio.to_thread(trade, 3 * QUEUE)
        client = feed._subscription._client
        assert client is not None
        await until(lambda: client._error is not None)
        assert client.unread == QUEUE + 1
        outages = []
        async with asyncio.timeout(HANG_S):
            while len(notes) < 1 + 3 * QUEUE:
                item = await anext(items)
                (outages if isinstance(item, Outage) else notes).append(item)  # type: ignore[arg-type]
        assert "the queue is full" in outages[0].reason
        trade_ids = [
            entry["trade_id"] for note in notes if isinstance(note, Notification) for entry in note.data
        ]
        assert trade_ids == [str(number) for number in range(1, server_has + 1)]


async def test_who_asks_for_an_error_gets_what_waits_and_then_the_error(server: GatewayServer) -> None:
    async with connect(server.url, queue=QUEUE, on_full="raise") as client:
        await client.subscribe(BOOK)
        await asyncio.to_thread(server.change, 3 * QUEUE)
        await until(lambda: client._error is not None)
        mirror = BookMirror()
        while client.unread:
            mirror.apply((await anext(client)).data)
        with pytest.raises(FeedError, match=r'the queue is full: 51 .*on_full="conflate"'):
            await anext(client)
        assert mirror.change_id is not None


async def test_a_feed_that_asks_for_an_error_ends_with_it(server: GatewayServer) -> None:
    async with Feed(server.url, BOOK, queue=QUEUE, on_full="raise") as feed:
        items = aiter(feed)
        async with asyncio.timeout(HANG_S):
            await anext(items)
            await asyncio.to_thread(server.change, 3 * QUEUE)
            await until(lambda: not feed._subscription.connected)
            for _ in range(QUEUE + 1):
                assert isinstance(await anext(items), Notification)
            with pytest.raises(FeedError, match="the queue is full"):
                await anext(items)


@pytest.mark.parametrize("bounds", [{"queue": 0}, {"on_full": "drop"}])
async def test_bounds_that_are_none_are_refused_at_once(bounds: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"queue|on_full"):
        Feed("127.0.0.1:1", BOOK, **bounds)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"queue|on_full"):
        async with connect("127.0.0.1:1", **bounds):  # type: ignore[arg-type]
            pass

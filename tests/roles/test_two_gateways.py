"""Two gateways behind one broker, over real sockets: a client that moves between them has everything once."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import Random

import pytest

from deltawire.bus.memory import MemoryBroker
from deltawire.client import connect
from deltawire.roles.gateway import App, listen, serve
from deltawire.session.client import BookMirror, ClientSession, Notification
from tests.support.gateway_server import HandFedSource
from tests.support.market_events import VENUE
from tests.support.random_markets import RandomMarket
from tests.support.waiting import HANG_S

RAW, TRADES = "book.BTC-PERPETUAL.raw", "trades.any.any.raw"
HOPS = 40


@asynccontextmanager
async def two_gateways(source: HandFedSource) -> AsyncIterator[tuple[list[App], list[str]]]:
    """Both servers, and their addresses; only the first has the source."""
    broker, stop = MemoryBroker(), asyncio.Event()
    apps = [
        App([source], epoch="epoch", broker=broker),
        App([], epoch="epoch", broker=broker, home=VENUE),
    ]
    socks = [listen("127.0.0.1", 0) for _ in apps]
    async with asyncio.TaskGroup() as group:
        for app, sock in zip(apps, socks, strict=True):
            group.create_task(serve(app, sock, stop))
        try:
            yield apps, [f"127.0.0.1:{sock.getsockname()[1]}" for sock in socks]
        finally:
            stop.set()


async def fed(app: App, source: HandFedSource, market: RandomMarket, moments: int) -> None:
    """So many moments have reached a server."""
    for _, events in market.moments(moments) if market.book.sequence == 0 else market.more(moments):
        source.feed(events)
    source.feed([market.mark()])
    async with asyncio.timeout(HANG_S):
        while (index := app.market.index("fed")) is None or index.price != market.marks:  # noqa: ASYNC110
            await asyncio.sleep(0.001)


def first_trade(trades: list[str]) -> int:
    """How many trades there were before these."""
    return int(trades[0]) - 1 if trades else 0


@pytest.mark.parametrize("binary", [False, True])
async def test_a_client_that_moves_between_two_gateways_has_everything_once(*, binary: bool) -> None:
    random, market, source = Random(1), RandomMarket(1), HandFedSource()
    session, mirror, trades = ClientSession(), BookMirror(), list[str]()
    async with two_gateways(source) as (apps, urls):
        await fed(apps[1], source, market, 3)
        for hop in range(HOPS):
            async with connect(random.choice(urls), session, binary=binary) as client:
                resume = session.reconnected()
                answer = await client.answer("public/subscribe", channels=[RAW, TRADES], resume=resume)
                assert answer.recovered == dict.fromkeys(resume, True), hop
                await fed(apps[1], source, market, random.randint(0, 8))
                await client.call("public/test")
                while client.unread:
                    note = await anext(aiter(client))
                    assert isinstance(note, Notification)
                    if note.channel == RAW:
                        mirror.apply(note.data)
                    else:
                        trades += [trade["trade_id"] for trade in note.data]
            await fed(apps[1], source, market, random.randint(0, 3))
        async with connect(urls[1], session, binary=binary) as client:
            await client.answer("public/subscribe", channels=[RAW, TRADES], resume=session.reconnected())
            while mirror.change_id != market.book.sequence or len(trades) < market.traded - first_trade(
                trades
            ):
                note = await anext(aiter(client))
                if note.channel == RAW:
                    mirror.apply(note.data)
                else:
                    trades += [trade["trade_id"] for trade in note.data]
    assert (mirror.bids, mirror.asks) == market.book.prices()
    assert len(trades) > HOPS
    first = int(trades[0])
    assert trades == [str(number) for number in range(first, first + len(trades))]

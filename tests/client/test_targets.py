"""Several addresses: one that does not answer costs nothing, whatever else goes wrong at the others."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

import deltawire
from deltawire.client.subscription import MOST_REFUSALS
from deltawire.client.targets import Servers
from deltawire.errors import FeedError, SubscriptionRefused
from deltawire.session.client import ClientSession
from deltawire.session.notification_queue import NotificationQueue
from tests.support.gateway_server import GatewayServer
from tests.support.market_events import make_instrument, make_trade
from tests.support.waiting import HANG_S

BOOK, GONE = "book.BTC-PERPETUAL.raw", "trades.GONE.raw"


class DeafServer:
    """Accepts connections, counts them, and hangs up."""

    def __init__(self) -> None:
        self.dials = 0
        self.url = ""

    def accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.dials += 1
        writer.close()


@contextlib.asynccontextmanager
async def deaf_server() -> AsyncIterator[DeafServer]:
    deaf = DeafServer()
    server = await asyncio.start_server(deaf.accepted, "127.0.0.1", 0)
    deaf.url = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server:
        yield deaf


async def test_an_address_that_does_not_answer_is_passed_over_while_another_does() -> None:
    with GatewayServer() as server:
        async with deaf_server() as deaf:
            target = Servers([deaf.url, server.url])
            for _ in range(5):
                client = await target.connect(ClientSession(), NotificationQueue())
                await client.close()
                target.failed()
            assert deaf.dials == 1


async def test_where_none_answers_all_are_tried_each_time_and_named() -> None:
    async with deaf_server() as one, deaf_server() as other:
        target = Servers([one.url, other.url])
        for dials in (1, 2):
            with pytest.raises(FeedError, match=rf"{one.url}.*; .*{other.url}") as failed:
                await target.connect(ClientSession(), NotificationQueue())
            assert failed.value.retry
            assert (one.dials, other.dials) == (dials, dials)


async def test_a_refused_channel_is_not_asked_for_at_an_address_that_does_not_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It is asked for as often as it would be with one address, and no outage is a failed dial."""
    monkeypatch.setattr("deltawire.client.subscription.FIRST_WAIT_S", 0.01)
    monkeypatch.setattr("deltawire.client.subscription.LONGEST_WAIT_S", 0.05)
    with GatewayServer() as first, GatewayServer(epoch="other") as second:
        for one in (first, second):
            one.go_live()
        first.feed([make_trade(make_instrument("GONE"), 1000, 10, trade_id="1")])
        async with deaf_server() as deaf, deltawire.open([first.url, deaf.url, second.url]) as dw:
            sub = await dw.subscribe(BOOK)
            async with asyncio.timeout(HANG_S):
                while GONE not in sub.granted:
                    with contextlib.suppress(SubscriptionRefused):
                        await sub.add(GONE)
            first.stop()
            outages = []
            async with asyncio.timeout(2 * HANG_S):
                while GONE in sub.granted:
                    item = await anext(sub)
                    if isinstance(item, deltawire.Outage):
                        outages.append(item.reason)
            assert sub.granted == [BOOK]
            assert deaf.dials == 1
            assert not [reason for reason in outages if "cannot connect" in reason]
            assert len(outages) == MOST_REFUSALS

"""A client that moves between two hubs: it ends on the right book, with no gap, and has everything once."""

import json
from random import Random
from typing import Any

import pytest

from deltawire.dialect.grammar import ResumePosition, parse_channel
from deltawire.fanout.channels.quotes import TickerChannel
from deltawire.fanout.hub import Hub
from deltawire.market.market import Market
from deltawire.session.client import BookMirror, ClientSession, Notification
from tests.support.market_events import VENUE
from tests.support.random_markets import Moment, RandomMarket
from tests.support.subscribers import Inbox

BOOKS = [f"book.BTC-PERPETUAL.{interval}" for interval in ("raw", "100ms", "agg2")]
TRADES = [
    "trades.BTC-PERPETUAL.raw",
    "trades.BTC-PERPETUAL.100ms",
    "trades.any.any.raw",
    "trades.any.any.100ms",
]
OTHERS = [
    "ticker.BTC-PERPETUAL.100ms",
    "incremental_ticker.BTC-PERPETUAL",
    "quote.BTC-PERPETUAL",
    "book.BTC-PERPETUAL.none.10.100ms",
    "chart.trades.BTC-PERPETUAL.1",
    "instrument.state.any.any",
]
HOPS = 500


class Hopper:
    """A strict client, its books, its trades, and the connection that it has now."""

    def __init__(self) -> None:
        self.session = ClientSession()
        self.mirrors = {name: BookMirror() for name in BOOKS}
        self.trades: dict[str, list[str]] = {name: [] for name in TRADES}
        self.inbox = Inbox()
        self.unrecovered: list[str] = []

    def move(self, hub: Hub, positions: dict[str, ResumePosition]) -> None:
        """Another connection."""
        self.inbox = Inbox()
        keys = [parse_channel(name) for name in (*BOOKS, *TRADES, *OTHERS)]
        recovered = hub.join(self.inbox.subscriber, [key for key in keys if key is not None], positions)
        lost = [name for name, whole in recovered.items() if not whole]
        self.unrecovered += lost
        self.mirrors |= {name: BookMirror() for name in lost if name in BOOKS}

    def read(self) -> None:
        """Take in everything that has come."""
        for message in self.inbox.take():
            note = self.session.received(json.dumps(message))
            if isinstance(note, Notification):
                self._take(note.channel, note.data)

    def _take(self, name: str, data: Any) -> None:
        if name in BOOKS:
            assert data["type"] == "change" or self.mirrors[name].change_id is None, "an image comes once"
            self.mirrors[name].apply(data)
        elif name in TRADES:
            self.trades[name] += [trade["trade_id"] for trade in data]


@pytest.mark.parametrize("seed", range(3))
def test_a_client_that_hops_500_times_ends_on_the_right_book_and_has_each_trade_once(seed: int) -> None:
    random, market, client = Random(seed), RandomMarket(seed), Hopper()
    hubs = [Hub(Market(VENUE), "epoch"), Hub(Market(VENUE), "epoch")]
    here, hops, swept = 0, 0, 0
    moments = market.moments(100_000)

    def feed() -> None:
        now_ns, events = next(moments)
        for hub in hubs:
            hub.advance(VENUE, now_ns)
            hub.publish(events)
            hub.flush()

    feed()
    client.move(hubs[here], {})
    while hops < HOPS:
        for _ in range(random.randint(0, 6)):
            feed()
        client.read()
        hubs[here].gone(client.inbox.subscriber)
        for _ in range(random.randint(0, 3)):
            feed()
        here, hops = random.choice([0, 1]), hops + 1
        client.move(hubs[here], client.session.reconnected())
        if random.random() < 0.3:
            swept += 100 * 10**9
            hubs[1 - here].directory.sweep(swept)
            hubs[1 - here].directory.sweep(swept + 99 * 10**9)
    for hub in hubs:
        hub.advance(VENUE, market.now_ns + 10**10)
        hub.flush()
    client.read()
    assert client.unrecovered == []
    for mirror in client.mirrors.values():
        assert (mirror.bids, mirror.asks) == market.book.prices()
    assert client.trades["trades.any.any.raw"] == [str(number + 1) for number in range(market.traded)]
    assert client.trades["trades.any.any.100ms"] == client.trades["trades.any.any.raw"]
    assert client.trades["trades.BTC-PERPETUAL.100ms"] == client.trades["trades.BTC-PERPETUAL.raw"] != []


@pytest.mark.parametrize("seed", range(10))
def test_a_client_from_a_hub_that_is_ahead_is_told_of_the_gap_and_begins_where_the_other_stands(
    seed: int,
) -> None:
    random, market, client = Random(seed), RandomMarket(seed), Hopper()
    ahead, behind = Hub(Market(VENUE), "epoch"), Hub(Market(VENUE), "epoch")
    moments = list(market.moments(60))
    apart = random.randint(1, 20)

    def feed(hub: Hub, some: list[Moment]) -> None:
        for now_ns, events in some:
            hub.advance(VENUE, now_ns)
            hub.publish(events)
            hub.flush()

    feed(ahead, moments[:20])
    client.move(ahead, {})
    feed(ahead, moments[20:40])
    feed(behind, moments[: 40 - apart])
    client.read()
    positions = client.session.reconnected()
    client.move(behind, positions)
    for name, channel in {name: behind.directory.get(name) for name in positions}.items():
        assert channel is not None
        waits = channel.key.id in client.inbox.subscriber.waiting
        stands = channel.mark()[0] if waits and isinstance(channel, TickerChannel) else channel.seq
        assert (name in client.unrecovered) == (positions[name].seq > stands), name
    traded = behind.market.trades
    client.trades["trades.any.any.raw"].clear()
    feed(behind, moments[40 - apart :])
    behind.advance(VENUE, market.now_ns + 10**10)
    behind.flush()
    client.read()
    for mirror in client.mirrors.values():
        assert (mirror.bids, mirror.asks) == market.book.prices()
    if "trades.any.any.raw" in client.unrecovered:
        since = [str(number) for number in range(traded + 1, market.traded + 1)]
        assert client.trades["trades.any.any.raw"] == since

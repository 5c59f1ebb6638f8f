"""Whatever is published, joined, dropped and resumed: a client sees every seq once, or is told that it cannot."""

from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from deltawire.dialect.grammar import ResumePosition, parse_channel
from deltawire.fanout.history import RetentionPolicy
from deltawire.fanout.hub import MOST_RESUMED_BYTES, Hub
from deltawire.market.market import Market
from deltawire.session.client import BookMirror
from tests.support.effort import examples
from tests.support.hub_harness import live_hub_harness
from tests.support.market_events import MS_NS, START_NS, VENUE, ScriptedBook, make_trade
from tests.support.subscribers import Inbox, joined

RAW, MS100 = "book.BTC-PERPETUAL.raw", "book.BTC-PERPETUAL.100ms"
TRADES = "trades.BTC-PERPETUAL.100ms"
CHANNELS = [RAW, MS100, TRADES, "quote.BTC-PERPETUAL"]


def resume(hub: Hub, inbox: Inbox, positions: dict[str, ResumePosition]) -> dict[str, bool]:
    """Join channels as a session does for a request with `resume`; which of them are recovered."""
    keys = [parse_channel(name) for name in positions]
    return hub.join(inbox.subscriber, [key for key in keys if key is not None], positions)


def test_who_comes_back_gets_all_it_missed_in_order_and_then_what_follows() -> None:
    harness = live_hub_harness()
    first = harness.joined(RAW)
    for size in (11, 12, 13, 14):
        harness.publish(harness.book.change(bids={1000: size}))
    notes = first.notes(RAW)
    back = Inbox()
    assert resume(harness.hub, back, {RAW: ResumePosition("epoch", 4)}) == {RAW: True}
    harness.publish(harness.book.change(bids={1000: 15}))
    assert back.notes(RAW) == [*notes[3:], *first.notes(RAW)]


def test_who_comes_back_amid_a_tick_gets_what_is_about_to_be_flushed_once() -> None:
    harness = live_hub_harness()
    first = harness.joined(RAW)
    harness.hub.publish([harness.book.change(bids={1000: 11})])
    back = Inbox()
    resume(harness.hub, back, {RAW: ResumePosition("epoch", 2)})
    harness.hub.publish([harness.book.change(bids={1000: 12})])
    harness.hub.flush()
    assert [note["seq"] for note in back.notes(RAW)] == [3, 4]
    assert [note["seq"] for note in first.notes(RAW)] == [2, 3, 4]


def test_who_missed_nothing_gets_no_image() -> None:
    harness = live_hub_harness()
    harness.joined(RAW)
    harness.publish(harness.book.change(bids={1000: 11}))
    back = Inbox()
    assert resume(harness.hub, back, {RAW: ResumePosition("epoch", 3)}) == {RAW: True}
    assert back.take() == []


@pytest.mark.parametrize(
    "position",
    [
        ResumePosition("other", 2),
        ResumePosition("epoch", 9),
        ResumePosition("epoch", 1),
        ResumePosition("epoch", -1),
    ],
)
def test_a_position_that_was_never_reached_here_gets_an_image(position: ResumePosition) -> None:
    harness = live_hub_harness()
    harness.joined(RAW)
    harness.publish(harness.book.change(bids={1000: 11}))
    back = Inbox()
    assert resume(harness.hub, back, {RAW: position}) == {RAW: False}
    assert [(note["seq"], note["data"]["type"]) for note in back.notes(RAW)] == [(3, "snapshot")]


def test_a_lone_subscriber_comes_back_to_what_happened_while_it_was_away() -> None:
    harness = live_hub_harness()
    alone = harness.joined(RAW)
    harness.hub.gone(alone.subscriber)
    harness.publish(harness.book.change(bids={1000: 11}))
    back = Inbox()
    assert resume(harness.hub, back, {RAW: ResumePosition("epoch", 2)}) == {RAW: True}
    assert [note["data"]["change_id"] for note in back.notes(RAW)] == [2]


def test_who_comes_back_to_a_channel_that_has_ended_gets_what_it_missed_made_again() -> None:
    harness = live_hub_harness()
    alone = harness.joined(RAW)
    harness.hub.gone(alone.subscriber)
    harness.end_idle_channels()
    harness.publish(harness.book.change(bids={1000: 11}))
    harness.joined(RAW)
    back = Inbox()
    assert resume(harness.hub, back, {RAW: ResumePosition("epoch", 2)}) == {RAW: True}
    (note,) = back.notes(RAW)
    assert (note["prev_seq"], note["seq"], note["data"]["bids"]) == (2, 3, [["change", 100.0, 11.0]])


def test_who_comes_back_to_a_book_gone_stale_is_told_so_and_waits_for_no_image() -> None:
    harness = live_hub_harness()
    harness.joined(RAW)
    harness.publish(harness.book.stale())
    back = Inbox()
    assert resume(harness.hub, back, {RAW: ResumePosition("epoch", 2)}) == {RAW: True}
    assert [note["data"]["status"]["state"] for note in back.notes(RAW)] == ["stale"]
    harness.publish(*harness.book.image({1000: 5}, {1001: 5}))
    assert [(note["seq"], note["data"]["type"]) for note in back.notes(RAW)] == [(5, "change")]


def test_what_one_request_may_have_of_the_past_is_limited_and_the_rest_is_not_recovered() -> None:
    harness = live_hub_harness(retention=RetentionPolicy(notifications=10**6, bytes=2 * MOST_RESUMED_BYTES))
    names = [RAW, "quote.BTC-PERPETUAL", "ticker.BTC-PERPETUAL.raw"]
    first = harness.joined(*names)
    while sum(map(len, first.writes)) < 2.2 * MOST_RESUMED_BYTES:
        harness.publish(*(harness.book.change(bids={1000: 11 + harness.book.sequence}) for _ in range(100)))
    notes: dict[str, list[Any]] = {name: [] for name in names}
    for message in first.take():
        notes[message["params"]["channel"]].append(message["params"])
    assert [len(each) > 2 for each in notes.values()] == [True] * 3
    whole = {name: ResumePosition("epoch", notes[name][0]["seq"]) for name in names}
    back = Inbox()
    found = resume(harness.hub, back, whole)
    assert False in found.values()
    assert True in found.values()
    came = back.take()
    for name in names:
        missed = [each["params"] for each in came if each["params"]["channel"] == name]
        assert missed == (notes[name][1:] if found[name] else missed[:1])


def test_a_position_of_a_channel_that_is_not_there_yet_is_not_recovered() -> None:
    harness = live_hub_harness()
    pattern, back = parse_channel("book.*.raw"), Inbox()
    assert pattern is not None
    positions = {RAW: ResumePosition("epoch", 2), "book.ETH-PERPETUAL.raw": ResumePosition("epoch", 0)}
    harness.joined(RAW)
    assert harness.hub.join(back.subscriber, [pattern], positions) == {
        RAW: True,
        "book.ETH-PERPETUAL.raw": False,
    }


def test_nothing_is_said_of_a_channel_that_the_member_is_on_already() -> None:
    harness = live_hub_harness()
    pattern, inbox = parse_channel("book.*.raw"), harness.joined(RAW)
    assert pattern is not None
    assert harness.hub.join(inbox.subscriber, [pattern], {RAW: ResumePosition("epoch", 0)}) == {}


@dataclass
class ResumingClient:
    """Someone whose connection breaks now and then, with what it has of each channel."""

    inbox: Inbox | None = None
    positions: dict[str, ResumePosition] = field(default_factory=dict)
    mirrors: dict[str, BookMirror] = field(default_factory=dict)
    trades: list[int] = field(default_factory=list)
    recovered: dict[str, bool] = field(default_factory=dict)


class Reconnections(RuleBasedStateMachine):
    """A venue, a hub that keeps little, and clients that come and go."""

    def __init__(self) -> None:
        super().__init__()
        self.hub = Hub(
            Market(VENUE),
            "model",
            retention=RetentionPolicy(notifications=6, bytes=1900, idle_s=1, most_idle=2),
        )
        self.book = ScriptedBook()
        self.published: dict[tuple[str, str, int, int], Any] = {}
        self.known: dict[int, Any] = {}
        self.clients: list[ResumingClient] = []
        self.traded = 0
        self.live = True
        self.now, self.swept = START_NS, 0
        self.hub.advance(VENUE, self.now)
        self.publish(self.book.image({99: 1, 98: 2}, {101: 1, 102: 2}))

    def publish(self, events: list[Any]) -> None:
        self.known[self.book.sequence] = self.book.prices()
        self.hub.publish(events)

    @precondition(lambda self: self.live)
    @rule(price=st.integers(95, 99), size=st.integers(1, 9))
    def book_changes(self, price: int, size: int) -> None:
        if self.book.bids.get(price) != size:
            self.publish([self.book.change(bids={price: size})])

    @rule()
    def trade_happens(self) -> None:
        self.traded += 1
        self.publish([make_trade(self.book.instrument, 100, 1, self.now, trade_id=str(self.traded))])

    @precondition(lambda self: self.live)
    @rule()
    def book_turns_stale(self) -> None:
        self.live = False
        self.publish([self.book.stale()])

    @precondition(lambda self: not self.live)
    @rule(size=st.integers(1, 9))
    def book_resynchronises(self, size: int) -> None:
        self.live = True
        events = self.book.image({99: size, 97: 10}, {101: 3})
        self.publish(events)

    @rule(milliseconds=st.sampled_from([1, 60, 100, 250]))
    def time_passes(self, milliseconds: int) -> None:
        self.now += milliseconds * MS_NS
        self.hub.advance(VENUE, self.now)

    @rule()
    def tick_ends(self) -> None:
        self.hub.flush()

    @rule(seconds=st.sampled_from([0.1, 2]))
    def idle_channels_are_swept(self, seconds: float) -> None:
        self.swept += int(seconds * 1e9) + 1
        self.hub.directory.sweep(self.swept)

    @precondition(lambda self: len(self.clients) < 3)
    @rule(channels=st.lists(st.sampled_from(CHANNELS), min_size=1, unique=True))
    def client_connects(self, channels: list[str]) -> None:
        client = ResumingClient(joined(self.hub, *channels), dict.fromkeys(channels, ResumePosition("", 0)))
        client.recovered = dict.fromkeys(channels, False)
        client.mirrors = {channel: BookMirror() for channel in channels}
        self.clients.append(client)

    @precondition(lambda self: any(client.inbox for client in self.clients))
    @rule(data=st.data(), read=st.integers(0, 20))
    def connection_breaks_with_something_unread(self, data: Any, read: int) -> None:
        client = data.draw(st.sampled_from([client for client in self.clients if client.inbox]))
        assert client.inbox is not None
        self.hub.gone(client.inbox.subscriber)
        self.read(client, client.inbox.take()[:read])
        client.inbox = None

    @precondition(lambda self: any(not client.inbox for client in self.clients))
    @rule(data=st.data())
    def client_comes_back(self, data: Any) -> None:
        client = data.draw(st.sampled_from([client for client in self.clients if not client.inbox]))
        client.inbox = Inbox()
        client.recovered = resume(self.hub, client.inbox, client.positions)

    def read(self, client: ResumingClient, messages: list[Any]) -> None:
        for message in messages:
            note = message["params"]
            name, epoch, seq, data = note["channel"], note["epoch"], note["seq"], note.get("data")
            last = client.positions[name]
            if message["method"] == "joined":
                assert not client.recovered[name]
                client.recovered[name], client.positions[name] = True, ResumePosition(epoch, seq)
                client.trades.clear()
                continue
            if client.recovered[name]:
                assert (epoch, note["prev_seq"]) == (last.epoch, last.seq), "everything once, in order"
                place = name, epoch, note["prev_seq"], seq
                assert self.published.setdefault(place, data) == data, "all get the same"
            else:
                assert data["type"] == "snapshot" if "book" in name else True
                client.trades.clear()
            client.recovered[name] = True
            client.positions[name] = ResumePosition(epoch, seq)
            self.take(client, name, data)

    def take(self, client: ResumingClient, name: str, data: Any) -> None:
        if "book" in name:
            mirror = client.mirrors[name]
            mirror.apply(data)
            assert (mirror.bids, mirror.asks) == self.known[mirror.change_id or 0]
        elif name == TRADES:
            client.trades += [int(trade["trade_id"]) for trade in data]
            first = client.trades[0]
            assert client.trades == list(range(first, first + len(client.trades))), "every trade once"

    @invariant()
    def connected_clients_see_every_seq_once(self) -> None:
        for client in self.clients:
            if client.inbox is not None and len(client.inbox.writes) > 3:
                self.read(client, client.inbox.take())

    def teardown(self) -> None:
        for client in self.clients:
            if client.inbox is None:
                client.inbox = Inbox()
                client.recovered = resume(self.hub, client.inbox, client.positions)
        self.time_passes(1000)
        self.tick_ends()
        for client in self.clients:
            assert client.inbox is not None
            self.read(client, client.inbox.take())
            if self.live:
                for name in {RAW, MS100} & client.positions.keys():
                    assert (client.mirrors[name].bids, client.mirrors[name].asks) == self.book.prices()
            if TRADES in client.positions and client.trades:
                assert client.trades[-1] == self.traded, "nothing is missing at the end"


TestReconnections = Reconnections.TestCase
TestReconnections.settings = settings(max_examples=examples(60), stateful_step_count=40)

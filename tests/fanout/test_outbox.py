"""Readers who fall behind, at any time and any number of times: their books are right, and nothing else is lost."""

import json
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from deltawire.fanout.hub import Hub
from deltawire.market.market import Market
from deltawire.session.client import BookMirror, ClientSession, Notification
from deltawire.wire.frames import text_frame
from tests.support.effort import examples
from tests.support.frames import messages_in
from tests.support.hub_harness import live_hub_harness
from tests.support.market_events import MS_NS, START_NS, VENUE, ScriptedBook, make_trade
from tests.support.subscribers import Inbox, join

RAW, MS100, GROUPED = (f"book.BTC-PERPETUAL.{rest}" for rest in ("raw", "100ms", "none.10.100ms"))
TRADES, QUOTE = "trades.BTC-PERPETUAL.raw", "quote.BTC-PERPETUAL"
CHANNELS = [RAW, MS100, GROUPED, TRADES, QUOTE]


class SlowReader(Inbox):
    """A member whose connection can be full: then only what catches it up comes through."""

    def __init__(self, hub: Hub) -> None:
        super().__init__()
        self.hub = hub
        self.session = ClientSession()
        self.mirrors: dict[str, BookMirror] = {}
        self.trades: list[int] = []
        self.newest: dict[str, Any] = {}
        self.overflowed = False

    def fall_behind(self, most_bytes: int = 1 << 20) -> None:
        """The socket takes no more."""
        if self.subscriber.outbox is None:
            self.hub.fall_behind(self.subscriber, most_bytes, self.overflow)

    def overflow(self) -> None:
        """Too much is queued."""
        self.overflowed = True

    def catch_up(self, budget: int, rounds: int) -> None:
        """The socket takes some."""
        for _ in range(rounds):
            if self.subscriber.outbox is None:
                return
            data = self.hub.catch_up(self.subscriber, budget)
            if data:
                self.writes.append(data)
            else:
                self.hub.caught_up(self.subscriber, self)

    def read(self, known: dict[int, Any]) -> None:
        """Take everything in, as strictly as the client does."""
        data, self.writes = b"".join(self.writes), []
        for message in messages_in(data):
            if channel := message.get("left"):
                self.session.forget(channel)
                self.mirrors.pop(channel, None)
                continue
            note = self.session.received(json.dumps(message))
            if isinstance(note, Notification):
                self.newest[note.channel] = note.data
                if note.channel in (RAW, MS100):
                    mirror = self.mirrors.setdefault(note.channel, BookMirror())
                    mirror.apply(note.data)
                    assert (mirror.bids, mirror.asks) == known[mirror.change_id or 0]
                elif note.channel == TRADES:
                    self.trades += [int(trade["trade_id"]) for trade in note.data]


class SlowReaders(RuleBasedStateMachine):
    """A venue, a hub, and readers who come, fall behind and catch up."""

    def __init__(self) -> None:
        super().__init__()
        self.hub = Hub(Market(VENUE), "model")
        self.book = ScriptedBook()
        self.known: dict[int, Any] = {}
        self.readers: list[SlowReader] = []
        self.traded = 0
        self.live = True
        self.now = START_NS
        self.hub.advance(VENUE, self.now)
        self.publish(self.book.image({99: 1, 98: 2}, {101: 1, 102: 2}))

    def publish(self, events: list[Any]) -> None:
        self.known[self.book.sequence] = self.book.prices()
        self.hub.publish(events)

    @precondition(lambda self: self.live)
    @rule(price=st.integers(95, 99), size=st.integers(0, 9))
    def book_changes(self, price: int, size: int) -> None:
        factor = 10 ** (-1 - self.book.instrument.price_exponent)
        if self.book.bids.get(price * factor, 0) != size:
            self.publish([self.book.change(bids={price * factor: size})])

    @rule()
    def trade_happens(self) -> None:
        self.traded += 1
        self.publish([make_trade(self.book.instrument, 100, 1, self.now, trade_id=str(self.traded))])

    @precondition(lambda self: self.live)
    @rule()
    def book_turns_stale(self) -> None:
        self.live = False
        self.publish([self.book.stale(), self.book.syncing()])

    @precondition(lambda self: not self.live)
    @rule(size=st.integers(1, 9))
    def book_resynchronises(self, size: int) -> None:
        self.live = True
        factor = 10 ** (-1 - self.book.instrument.price_exponent)
        events = self.book.image({99 * factor: size, 97 * factor: 10}, {101 * factor: 3})
        self.publish(events)

    @precondition(lambda self: self.book.instrument.price_exponent > -3)
    @rule()
    def instrument_becomes_finer(self) -> None:
        self.hub.publish([self.book.refine()])

    @rule(milliseconds=st.sampled_from([1, 60, 100, 250]))
    def time_passes(self, milliseconds: int) -> None:
        self.now += milliseconds * MS_NS
        self.book.now_ns = self.now
        self.hub.advance(VENUE, self.now)

    @rule()
    def tick_ends(self) -> None:
        self.hub.flush()

    @precondition(lambda self: len(self.readers) < 3)
    @rule(channels=st.lists(st.sampled_from(CHANNELS), min_size=1, unique=True), slow=st.booleans())
    def reader_comes(self, channels: list[str], slow: bool) -> None:
        reader = SlowReader(self.hub)
        self.readers.append(reader)
        if slow:
            reader.fall_behind()
        join(self.hub, reader, *channels)

    @precondition(lambda self: self.readers)
    @rule(data=st.data(), channel=st.sampled_from(CHANNELS))
    def reader_joins_or_leaves(self, data: Any, channel: str) -> None:
        reader = data.draw(st.sampled_from(self.readers))
        if channel not in reader.subscriber.channels | reader.subscriber.waiting:
            join(self.hub, reader, channel)
            return
        self.hub.leave(reader.subscriber, [channel])
        answer = text_frame(json.dumps({"left": channel}).encode())
        reader.subscriber.sink.write(answer)  # behind what is queued, as the answer to an unsubscription is

    @precondition(lambda self: self.readers)
    @rule(data=st.data())
    def reader_falls_behind(self, data: Any) -> None:
        data.draw(st.sampled_from(self.readers)).fall_behind()

    @precondition(lambda self: self.readers)
    @rule(data=st.data(), budget=st.sampled_from([1, 400, 1 << 16]), rounds=st.integers(1, 4))
    def reader_catches_up(self, data: Any, budget: int, rounds: int) -> None:
        data.draw(st.sampled_from(self.readers)).catch_up(budget, rounds)

    @precondition(lambda self: self.readers)
    @rule(data=st.data())
    def reader_is_gone(self, data: Any) -> None:
        reader = data.draw(st.sampled_from(self.readers))
        self.readers.remove(reader)
        self.hub.gone(reader.subscriber)

    def teardown(self) -> None:
        self.time_passes(1000)
        for reader in self.readers:
            reader.catch_up(1 << 16, 1000)
            assert reader.subscriber.outbox is None
        self.hub.flush()
        for reader in self.readers:
            reader.read(self.known)
            for mirror in reader.mirrors.values():
                assert (mirror.bids, mirror.asks) == self.book.prices()
                assert mirror.state == ("live" if self.live else "stale")
            assert reader.trades == sorted(set(reader.trades)), "every trade once"
        for channel in self.hub.directory._channels.values():
            assert not getattr(channel, "_checkpoints", None), "nothing is kept for those who have everything"


TestSlowReaders = SlowReaders.TestCase
TestSlowReaders.settings = settings(max_examples=examples(60), stateful_step_count=40)


def test_equally_slow_readers_share_the_bytes_of_one_merged_change() -> None:
    harness = live_hub_harness()
    readers = [SlowReader(harness.hub) for _ in range(3)]
    for reader in readers:
        join(harness.hub, reader, RAW)
        reader.take()
        reader.fall_behind()
    for size in range(20, 30):
        harness.publish(harness.book.change(bids={1000: size}, asks={1001: size}))
    frames = [harness.hub.catch_up(reader.subscriber) for reader in readers]
    assert frames[0] is frames[1] is frames[2]
    (note,) = [message["params"] for message in messages_in(frames[0])]
    assert (note["prev_seq"], note["seq"], note["conflated"]) == (2, 12, 10)
    assert note["data"]["bids"] == [["change", 100.0, 29.0]]


def test_a_single_change_missed_comes_as_it_was_published() -> None:
    harness = live_hub_harness()
    quick, slow = SlowReader(harness.hub), SlowReader(harness.hub)
    for reader in (quick, slow):
        join(harness.hub, reader, RAW)
        reader.take()
    slow.fall_behind()
    harness.publish(harness.book.change(bids={1000: 20}))
    assert [harness.hub.catch_up(slow.subscriber)] == quick.writes


def test_trades_are_all_there_and_a_quote_is_the_newest() -> None:
    harness = live_hub_harness()
    reader = SlowReader(harness.hub)
    join(harness.hub, reader, TRADES, QUOTE)
    reader.take()
    reader.fall_behind()
    for number in range(1, 6):
        harness.publish(
            make_trade(harness.instrument, 1000, 1, trade_id=str(number)),
            harness.book.change(bids={1000: 20 + number}),
        )
    reader.catch_up(1 << 16, 10)
    notes = [message["params"] for message in reader.take()]
    assert [note["data"][0]["trade_id"] for note in notes if note["channel"] == TRADES] == list("12345")
    (quote,) = [note for note in notes if note["channel"] == QUOTE]
    assert (quote["conflated"], quote["data"]["best_bid_amount"]) == (5, 25.0)


def test_more_queued_than_allowed_is_told_once_and_nothing_more_is_kept() -> None:
    harness = live_hub_harness()
    reader = SlowReader(harness.hub)
    join(harness.hub, reader, TRADES)
    calls: list[int] = []
    harness.hub.fall_behind(reader.subscriber, 1000, lambda: calls.append(1))
    for number in range(100):
        harness.publish(make_trade(harness.instrument, 1000, 1, trade_id=str(number)))
    assert calls == [1]
    assert reader.subscriber.outbox is not None
    assert reader.subscriber.outbox.bytes < 2000


def test_what_is_queued_has_an_age_until_it_is_taken() -> None:
    harness = live_hub_harness()
    reader = SlowReader(harness.hub)
    join(harness.hub, reader, TRADES)
    reader.fall_behind()
    outbox = reader.subscriber.outbox
    assert outbox is not None
    assert outbox.age(1) == 0
    harness.publish(make_trade(harness.instrument, 1000, 1))
    assert [outbox.age(now) for now in (2, 5, 9)] == [0, 3, 7]
    reader.catch_up(1, 1)
    assert outbox.age(10) == 0

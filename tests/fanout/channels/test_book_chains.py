"""Whatever happens to a book, whoever joins and leaves: every strict mirror is the book, at every change id."""

from dataclasses import dataclass, field
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from deltawire.fanout.hub import Hub
from deltawire.market.market import Market
from deltawire.session.client import BookMirror
from tests.support.effort import examples
from tests.support.market_events import MS_NS, START_NS, VENUE, ScriptedBook
from tests.support.subscribers import Inbox, join

CHANNELS = ["book.BTC-PERPETUAL.raw", "book.BTC-PERPETUAL.100ms", "book.BTC-PERPETUAL.agg2"]

bid_sides = st.dictionaries(st.integers(80, 99), st.integers(1, 5), max_size=6)
ask_sides = st.dictionaries(st.integers(101, 120), st.integers(1, 5), max_size=6)
bid_changes = st.dictionaries(st.integers(80, 99), st.integers(0, 5), max_size=4)
ask_changes = st.dictionaries(st.integers(101, 120), st.integers(0, 5), max_size=4)
changes = st.lists(st.tuples(bid_changes, ask_changes), min_size=1, max_size=3)
some_channels = st.lists(st.sampled_from(CHANNELS), min_size=1, unique=True)


@dataclass
class ChainFollower:
    """A member, and a mirror and the last seq of each channel it is on."""

    inbox: Inbox = field(default_factory=Inbox)
    mirrors: dict[str, BookMirror] = field(default_factory=dict)
    seqs: dict[str, int | None] = field(default_factory=dict)


class BookChains(RuleBasedStateMachine):
    """A venue, a hub and any number of followers."""

    def __init__(self) -> None:
        super().__init__()
        self.hub = Hub(Market(VENUE), "model")
        self.book = ScriptedBook()
        self.live = False
        self.known: dict[int, tuple[dict[float, float], dict[float, float]]] = {}
        self.published: dict[tuple[str, int], Any] = {}
        self.followers: list[ChainFollower] = []
        self.now = START_NS
        self.hub.advance(VENUE, self.now)

    @initialize(bids=bid_sides, asks=ask_sides)
    def book_begins(self, bids: dict[int, int], asks: dict[int, int]) -> None:
        self.hub.publish([self.book.syncing()])
        self.publish(self.book.image(bids, asks), live=True)

    def publish(self, events: list[Any], *, live: bool) -> None:
        self.live = live
        self.hub.publish(events)

    def note(self) -> None:
        self.known[self.book.sequence] = self.book.prices()

    # What a venue does.

    @precondition(lambda self: self.live)
    @rule(steps=changes)
    def book_changes(self, steps: list[tuple[dict[int, int], dict[int, int]]]) -> None:
        self.publish(self.really_changed(steps), live=True)

    def really_changed(self, steps: list[tuple[dict[int, int], dict[int, int]]]) -> list[Any]:
        """The deltas of the steps that change something; a venue's machine tells no others."""
        events = []
        for bids, asks in steps:
            delta = self.book.change(self.in_ticks(bids), self.in_ticks(asks))
            if delta.bids or delta.asks:
                events.append(delta)
                self.note()
            else:
                self.book.sequence -= 1
        return events

    @precondition(lambda self: self.live)
    @rule(reason=st.sampled_from(["gap", "closed", "silent"]))
    def book_turns_stale(self, reason: Any) -> None:
        self.publish([self.book.stale(reason), self.book.syncing(reason)], live=False)

    @precondition(lambda self: not self.live)
    @rule(bids=bid_sides, asks=ask_sides, after=st.lists(st.tuples(bid_changes, ask_changes), max_size=2))
    def book_resynchronises(self, bids: Any, asks: Any, after: Any) -> None:
        events = self.book.image(self.in_ticks(bids), self.in_ticks(asks))
        self.note()
        self.publish(events + self.really_changed(after), live=True)

    @precondition(lambda self: not self.live)
    @rule()
    def book_is_live_again_unchanged(self) -> None:
        self.publish([self.book.live()], live=True)

    @precondition(lambda self: self.book.instrument.price_exponent > -3)
    @rule()
    def instrument_becomes_finer(self) -> None:
        self.hub.publish([self.book.refine()])

    def in_ticks(self, levels: dict[int, int]) -> dict[int, int]:
        """Levels at the exponent that the instrument began with, at the one it has now."""
        factor = 10 ** (-1 - self.book.instrument.price_exponent)
        return {price * factor: size * factor for price, size in levels.items()}

    @rule(milliseconds=st.sampled_from([1, 40, 100, 350, 1000, 2500]))
    def time_passes(self, milliseconds: int) -> None:
        self.now += milliseconds * MS_NS
        self.book.now_ns = self.now
        self.hub.advance(VENUE, self.now)

    @rule()
    def tick_ends(self) -> None:
        self.hub.flush()

    # What clients do.

    @rule(channels=some_channels)
    def member_joins(self, channels: list[str]) -> None:
        self.note()
        follower = ChainFollower()
        self.followers.append(follower)
        self.subscribe(follower, channels)

    @precondition(lambda self: self.followers)
    @rule(data=st.data(), channels=some_channels)
    def member_joins_more(self, data: Any, channels: list[str]) -> None:
        follower = data.draw(st.sampled_from(self.followers))
        self.subscribe(follower, [channel for channel in channels if channel not in follower.mirrors])

    def subscribe(self, follower: ChainFollower, channels: list[str]) -> None:
        for channel in channels:
            follower.mirrors[channel], follower.seqs[channel] = BookMirror(), None
        join(self.hub, follower.inbox, *channels)

    @precondition(lambda self: self.followers)
    @rule(data=st.data(), channels=some_channels)
    def member_leaves(self, data: Any, channels: list[str]) -> None:
        follower = data.draw(st.sampled_from(self.followers))
        self.hub.leave(follower.inbox.subscriber, [name for name in channels if name in follower.mirrors])
        self.read(follower)
        for channel in channels:
            follower.mirrors.pop(channel, None)

    @precondition(lambda self: self.followers)
    @rule(data=st.data())
    def member_is_gone(self, data: Any) -> None:
        follower = data.draw(st.sampled_from(self.followers))
        self.followers.remove(follower)
        self.hub.gone(follower.inbox.subscriber)
        self.read(follower)

    # What must hold.

    def read(self, follower: ChainFollower) -> None:
        for message in follower.inbox.take():
            note = message["params"]
            channel, data = note["channel"], note["data"]
            mirror, last = follower.mirrors[channel], follower.seqs[channel]
            empty = not (data["bids"] or data["asks"])
            assert (data["type"] == "snapshot") == (last is None or empty), "one image, before anything else"
            assert note.get("prev_seq") == last or (empty and last is not None)
            follower.seqs[channel] = note["seq"]
            mirror.apply(data)
            assert (mirror.bids, mirror.asks) == self.known[mirror.change_id or 0]
            if last is not None:
                assert self.published.setdefault((channel, note["seq"]), data) == data, "all get the same"

    @invariant()
    def every_mirror_is_the_book(self) -> None:
        self.note()
        for follower in self.followers:
            self.read(follower)

    def teardown(self) -> None:
        self.time_passes(2500)
        self.tick_ends()
        self.every_mirror_is_the_book()
        for follower in self.followers:
            for mirror in follower.mirrors.values():
                if mirror.change_id is None:
                    assert not self.live, "only while the book is stale does anyone wait"
                    continue
                assert (mirror.bids, mirror.asks) == self.book.prices()
                assert mirror.state == ("live" if self.live else "stale")


TestBookChains = BookChains.TestCase
TestBookChains.settings = settings(max_examples=examples(60), stateful_step_count=40)

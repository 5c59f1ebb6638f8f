"""A channel: what it says of events, in its own sequence, and its image for those who join late."""

from typing import Any, Protocol

import msgspec

from deltawire.dialect.families import INTERVALS_NS
from deltawire.dialect.grammar import ChannelKey, ResumePosition
from deltawire.fanout.channel_encoding import ChannelEncoding
from deltawire.fanout.history import HistoryPool
from deltawire.fanout.subscribers import Backlog, Encoding, Subscriber, SubscriberGroups
from deltawire.market.market import Market
from deltawire.market.state import InstrumentState
from deltawire.model.events import Event
from deltawire.ports import AccountStates, Clock
from deltawire.wire.notifications import Stamps


class Timers(Protocol):
    """Calls `due` at the next multiple of an interval, in the time of a venue."""

    def wake(self, channel: "Channel", venue: str, interval_ns: int) -> None:
        """Ask for one call of `channel.due()`; asking again before it comes changes nothing."""

    def settle(self, channel: "Channel") -> None:
        """Ask for one call of `channel.settle()` when the events at hand are all told."""

    def forget(self, channel: "Channel") -> None:
        """Of a channel that has ended nothing is asked any more."""


class Opening(msgspec.Struct, frozen=True):
    """What a hub gives every channel that it opens."""

    epoch: str
    number: int
    pool: HistoryPool
    clock: Clock | None
    states: AccountStates | None


class Channel:
    """Base of all channels.

    `waits` says that a subscriber without an image gets nothing: it is admitted when there is one. `merges` says that
    one notification may stand for several: who has fallen behind gets `catch_up`.
    """

    waits = False
    merges = False

    def __init__(
        self, key: ChannelKey, market: Market, groups: SubscriberGroups, timers: Timers, opening: Opening
    ) -> None:
        self.key = key
        self.market = market
        self.timers = timers
        self.epoch = opening.epoch
        self.seq = 0
        self.waiting: dict[Subscriber, None] = {}
        self.behind: dict[Backlog, None] = {}
        """Of those who have fallen behind, the ones who are owed nothing of this channel yet."""
        self.lanes: dict[Encoding, ChannelEncoding] = {}
        self._opening = opening
        self._groups = groups
        self._newest: Any = None
        self.heard: Event | None = None
        """The newest event, where stamps were asked for."""

    @property
    def active(self) -> bool:
        """Whether anyone would get what is published."""
        return any(self._groups.listens(lane.address) for lane in self.lanes.values())

    def lane(self, encoding: Encoding) -> ChannelEncoding:
        """The channel in one encoding; its past begins when it is first asked for."""
        lane = self.lanes.get(encoding)
        if lane is None:
            lane = self.lanes[encoding] = ChannelEncoding(
                self.key, self.epoch, self._opening.number, encoding, self._opening.pool
            )
        return lane

    def tell(self, event: Event, state: InstrumentState | None) -> None:
        """An event that this channel may be about has been taken in by the market."""

    def due(self) -> None:
        """The interval asked for is over."""

    def settle(self) -> None:
        """The events at hand are all told."""

    def opened(self) -> None:
        """The first subscriber is about to join: start from the market as it is."""

    def ended(self) -> None:
        """The channel is of no more use."""

    def must_wait(self) -> bool:
        """Whether a subscriber that joins now is not admitted yet, but with an image that is still to come."""
        return self.waits and self.image() is None

    def awaited(self) -> None:
        """A subscriber has begun to wait."""

    def image(self) -> Any:
        """Data for a subscriber that joins now, None when there is none."""
        return None

    def image_frame(self, encoding: Encoding) -> bytes | None:
        """The image as a frame, in the channel's sequence as it stands."""
        data = self.image()
        return None if data is None else self.lane(encoding).image(self.seq, data)

    def publish(self, data: Any) -> None:
        """Tell everyone on the channel."""
        self.seq += 1
        self._newest = data if self.merges else None
        stamps = self._stamps() if self.key.stamps else None
        for lane in self.lanes.values():
            self._groups.publish(lane.address, lane.add(self.seq, data, stamps), merges=self.merges)
        if self.behind:
            behind, self.behind = self.behind, {}
            for outbox in behind:
                outbox.published(self)

    def _stamps(self) -> Stamps:
        """Of the newest event that was told."""
        event, clock = self.heard, self._opening.clock
        sent_ns = 0 if clock is None else clock.now()
        return Stamps(getattr(event, "venue_ns", 0), getattr(event, "seen_ns", 0), sent_ns)

    def missed(self, encoding: Encoding, position: ResumePosition) -> list[bytes] | None:
        """Every frame published since a position; None when they are not all here, or it is none of this channel."""
        lane = self.lanes.get(encoding)
        if position.epoch != self.epoch or lane is None:
            return None
        return lane.history.last(self.seq - position.seq)

    # Those who have fallen behind.

    def hold(self) -> int:
        """A reader is left behind here; returns where that is."""
        return self.seq

    def release(self, seq: int) -> None:
        """A reader that was left behind there has got what it missed, or is gone."""

    def catch_up(self, encoding: Encoding, seq: int) -> bytes:
        """One frame for all that was published since `seq`, which somebody holds."""
        lane = self.lane(encoding)
        if self.seq == seq + 1 and (one := lane.history.last(1)):
            return one[0]
        return lane.merged(seq, self.seq, self.since)

    def since(self, seq: int) -> Any:
        """One notification's data for all since then: the newest replaces those before."""
        return self._newest

    def admit(self) -> None:
        """There is an image now: let in those who waited for it."""
        if not self.waiting or self.image() is None:
            return
        waiting, self.waiting = self.waiting, {}
        for subscriber in waiting:
            address = self.lane(subscriber.encoding).address
            subscriber.waiting.discard(address)
            self._groups.move(subscriber, subscriber.channels | {address})
        for subscriber in waiting:
            opened = self.lane(subscriber.encoding).opened
            if subscriber.outbox is None:
                subscriber.sink.write(opened + (self.image_frame(subscriber.encoding) or b""))
                continue
            if opened:
                subscriber.outbox.write(opened)
            if self.merges:
                subscriber.outbox.owe(self, image=True)
            else:
                subscriber.outbox.write(self.image_frame(subscriber.encoding) or b"")


class InstrumentChannel(Channel):
    """A channel about one instrument, at an interval."""

    def __init__(
        self, key: ChannelKey, market: Market, groups: SubscriberGroups, timers: Timers, opening: Opening
    ) -> None:
        super().__init__(key, market, groups, timers, opening)
        state = market.find(key.instrument)
        assert state is not None, "a channel is made only for a known instrument"
        self.state = state
        self.interval_ns = max(INTERVALS_NS.get(key.interval, 0), key.pace_ns)

    def soon(self) -> None:
        """Publish at the next end of the interval, or, without one, once the events at hand are told."""
        if self.interval_ns:
            self.timers.wake(self, self.state.instrument.venue, self.interval_ns)
        else:
            self.timers.settle(self)

    def settle(self) -> None:
        """Without an interval, the end of the events at hand is when we are due."""
        self.due()

"""A channel: what it says of events, at positions that follow from them, and its image for those who join late."""

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

Recovered = list[tuple[int, Any]]
"""Notifications made again from what is known of the past: `seq` and data of each."""
Missed = list[bytes] | int | None
"""What somebody has missed: the frames; or the position that it waits at; None where it is not all known."""


class Timers(Protocol):
    """Calls `interval_ended` at the next multiple of an interval, in the time of a venue."""

    def wake(self, channel: "Channel", venue: str, interval_ns: int) -> None:
        """Ask for one call of `channel.interval_ended()`; asking again before it comes changes nothing."""

    def after_moment(self, channel: "Channel") -> None:
        """Ask for one call of `channel.moment_ended()` when all channels have the events at hand."""

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

    `seq` is the position: the number of the newest event told. It follows from events alone, so that a channel that
    opens late stands where it would have stood. `waits` says that a subscriber without an image gets nothing: it is
    admitted when there is one. `merges` says that one notification may stand for several: who has fallen behind gets
    `catch_up`.
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
        self.number = opening.number
        self.seq = 0
        self.count = 0
        """How many notifications have been published."""
        self.waiting: dict[Subscriber, int | None] = {}
        """Who is to be admitted, and from which position it goes on; None: with an image."""
        self.behind: dict[Backlog, None] = {}
        """Of those who have fallen behind, the ones who are owed nothing of this channel yet."""
        self.encodings: dict[Encoding, ChannelEncoding] = {}
        self._opening = opening
        self._groups = groups
        self._newest: Any = None
        self.newest_event: Event | None = None
        """Where stamps were asked for."""

    @property
    def active(self) -> bool:
        """Whether anyone would get what is published."""
        return any(self._groups.listens(encoded.address) for encoded in self.encodings.values())

    def encoded(self, encoding: Encoding) -> ChannelEncoding:
        """The channel in one encoding; its past begins when it is first asked for."""
        encoded = self.encodings.get(encoding)
        if encoded is None:
            encoded = self.encodings[encoding] = ChannelEncoding(
                self.key, self.epoch, self._opening.number, encoding, self._opening.pool
            )
        return encoded

    def on_event(self, event: Event, state: InstrumentState | None) -> None:
        """An event that this channel may be about has been taken in by the market."""

    def interval_ended(self) -> None:
        """The interval asked for is over."""

    def moment_ended(self) -> None:
        """All channels have the events at hand."""

    def opened(self) -> None:
        """The first subscriber is about to join: begin where the events so far have led."""

    def ended(self) -> None:
        """The channel is of no more use."""

    def keep_stamps(self, event: Event) -> None:
        """Take the stamps of the next notification from this event, if subscribers asked for stamps."""
        if self.key.stamps:
            self.newest_event = event

    def wait(self, subscriber: Subscriber, position: int | None) -> None:
        """Admit a subscriber later: from this position on, or with an image (None)."""
        self.waiting[subscriber] = position

    def must_wait(self) -> bool:
        """Whether a subscriber that joins now is not admitted yet, but with an image that is still to come."""
        return self.waits and self.image() is None

    def awaited(self) -> None:
        """A subscriber has begun to wait."""

    def image(self) -> Any:
        """Data for a subscriber that joins now, None when there is none."""
        return None

    def image_frame(self, encoding: Encoding) -> bytes | None:
        """The image as a frame, at the channel's position."""
        data = self.image()
        return None if data is None else self.encoded(encoding).image(self.seq, data)

    def first_frame(self, subscriber: Subscriber) -> bytes:
        """The image, or where there is none, for those who want to know it, the position."""
        image = self.image_frame(subscriber.encoding)
        if image is not None:
            return image
        return self.encoded(subscriber.encoding).joined(self.seq) if subscriber.resumes else b""

    def publish(self, seq: int, data: Any) -> None:
        """Tell everyone on the channel; `seq` is the number of the newest event told, and higher than the last."""
        prev_seq, self.seq = self.seq, seq
        self.count += 1
        self._newest = data if self.merges else None
        stamps = self._stamps() if self.key.stamps else None
        for encoded in self.encodings.values():
            frame = encoded.add(seq, prev_seq, data, stamps)
            self._groups.publish(encoded.address, frame, merges=self.merges)
        if self.behind:
            behind, self.behind = self.behind, {}
            for outbox in behind:
                outbox.published(self)

    def _stamps(self) -> Stamps:
        """Of the newest event that was told."""
        event, clock = self.newest_event, self._opening.clock
        sent_ns = 0 if clock is None else clock.now()
        return Stamps(getattr(event, "venue_ns", 0), getattr(event, "seen_ns", 0), sent_ns)

    # Those who come back.

    def missed(self, encoding: Encoding, position: ResumePosition) -> Missed:
        """All that was published since a position, as it was, or where that is not kept, made again from the past."""
        if position.epoch != self.epoch or not 0 <= position.seq <= self.seq:
            return None
        if position.seq == self.seq:
            return []
        encoded = self.encoded(encoding)
        frames = encoded.history.since(position.seq)
        if frames is not None:
            return frames
        recovered = self.recovered(position.seq)
        if recovered is None:
            return None
        made, prev_seq = [], position.seq
        for seq, data in recovered:
            made.append(encoded.frame(seq, prev_seq, data))
            prev_seq = seq
        return made

    def recovered(self, seq: int) -> Recovered | None:
        """What leads from an earlier position to this one; None where too little is known of the past."""
        data = self.image() if self.merges else None
        return None if data is None else [(self.seq, data)]

    # Those who have fallen behind.

    def hold(self) -> int:
        """A reader is left behind here; returns where that is."""
        return self.seq

    def notify(self, outbox: Backlog) -> None:
        """Call `outbox.published` at the next notification, once."""
        self.behind[outbox] = None

    def release(self, seq: int) -> None:
        """A reader that was left behind there has got what it missed, or is gone."""

    def catch_up(self, encoding: Encoding, seq: int, conflated: int) -> bytes:
        """One frame for the `conflated` notifications published since `seq`, which somebody holds."""
        encoded = self.encoded(encoding)
        if conflated == 1 and (one := encoded.history.since(seq)):
            return one[0]
        return encoded.merged(seq, self.seq, conflated, self.since)

    def since(self, seq: int) -> Any:
        """One notification's data for all since then: the newest replaces those before."""
        return self._newest

    # Those who wait.

    def admit(self) -> None:
        """If there is an image now, let in those who waited for it, and those who waited to go on."""
        if not self.waiting or not self.admits():
            return
        waiting, self.waiting = self.waiting, {}
        for subscriber in waiting:
            address = self.encoded(subscriber.encoding).address
            subscriber.waiting.discard(address)
            self._groups.move(subscriber, subscriber.channels | {address})
        for subscriber, position in waiting.items():
            self._welcome(subscriber, position)

    def admits(self) -> bool:
        """Whether who waits need not wait any more."""
        return self.image() is not None

    def _welcome(self, subscriber: Subscriber, position: int | None) -> None:
        """What comes first for somebody who has waited."""
        opened = self.encoded(subscriber.encoding).opened
        missed = None
        if position is not None:
            missed = self.missed(subscriber.encoding, ResumePosition(self.epoch, position))
        outbox = subscriber.outbox
        if outbox is not None and self.merges and missed is None:
            if opened:
                outbox.write(opened)
            outbox.owe(self, image=True)
            return
        frames = missed if isinstance(missed, list) else [self.first_frame(subscriber)]
        if data := opened + b"".join(frames):
            subscriber.sink.write(data)
        if outbox is not None and self.merges:
            outbox.owe(self)


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
        """Publish at the next end of the interval, or, without one, once all have the events at hand."""
        if self.interval_ns:
            self.timers.wake(self, self.state.instrument.venue, self.interval_ns)
        else:
            self.timers.after_moment(self)

    def in_interval(self, at_ns: int) -> bool:
        """Whether a time lies in the interval at hand, which is told when it ends."""
        now = self.market.time(self.state)
        return bool(self.interval_ns) and at_ns // self.interval_ns == now // self.interval_ns

    def moment_ended(self) -> None:
        """Without an interval, this is the end of it."""
        self.interval_ended()

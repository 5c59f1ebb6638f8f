"""A channel: what it publishes of events, at positions that follow from them, and its image for those who join late."""

from typing import Any, Protocol

import msgspec

from deltawire.analytics.derivations import Derivations
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
"""Notifications made again from past events: `seq` and data of each."""
Missed = list[bytes] | int | None
"""Missed frames; or the position at which the subscriber waits; None if they cannot be recovered."""


class Timers(Protocol):
    """Calls `interval_ended` at the next multiple of an interval, in the time of a venue."""

    def wake(self, channel: "Channel", venue: str, interval_ns: int) -> None:
        """Request one call of `channel.interval_ended()`; further requests before it have no effect."""

    def after_moment(self, channel: "Channel") -> None:
        """Request one call of `channel.moment_ended()` after all channels have the current events."""

    def forget(self, channel: "Channel") -> None:
        """Drop the requests of a channel that has ended."""


class Opening(msgspec.Struct, frozen=True):
    """What a hub passes to every channel that it opens."""

    epoch: str
    number: int
    pool: HistoryPool
    clock: Clock | None
    states: AccountStates | None
    derivations: Derivations


class Channel:
    """Base of all channels.

    `seq` is the position: the number of the newest published event. It follows from events alone, so a channel that
    opens late has the position it would have had anyway. With `waits`, a subscriber is admitted when there is an image.
    With `merges`, one notification may replace several: a subscriber that has fallen behind gets `catch_up`.
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
        """Number of notifications published."""
        self.waiting: dict[Subscriber, int | None] = {}
        """Subscribers to admit later, and the position from which each continues; None: with an image."""
        self.behind: dict[Backlog, None] = {}
        """Outboxes of subscribers that are behind, to notify at the next notification."""
        self.encodings: dict[Encoding, ChannelEncoding] = {}
        self._opening = opening
        self._groups = groups
        self._newest: Any = None
        self.newest_event: Event | None = None
        """The source of stamps, if subscribers asked for them."""

    @property
    def active(self) -> bool:
        """Whether the channel has subscribers."""
        return any(self._groups.listens(encoded.address) for encoded in self.encodings.values())

    def encoded(self, encoding: Encoding) -> ChannelEncoding:
        """The channel in one encoding; its history begins at the first call."""
        encoded = self.encodings.get(encoding)
        if encoded is None:
            encoded = self.encodings[encoding] = ChannelEncoding(
                self.key, self.epoch, self._opening.number, encoding, self._opening.pool
            )
        return encoded

    def on_event(self, event: Event, state: InstrumentState | None) -> None:
        """The market has applied an event that may concern this channel."""

    def interval_ended(self) -> None:
        """The requested interval has ended."""

    def moment_ended(self) -> None:
        """All channels have the current events."""

    def opened(self) -> None:
        """The first subscriber is about to join: set the position and state from the events so far."""

    def ended(self) -> None:
        """The channel ends: release its resources."""

    def keep_stamps(self, event: Event) -> None:
        """Take the stamps of the next notification from this event, if subscribers asked for stamps."""
        if self.key.stamps:
            self.newest_event = event

    def wait(self, subscriber: Subscriber, position: int | None) -> None:
        """Admit a subscriber later: from this position on, or with an image (None)."""
        self.waiting[subscriber] = position

    def must_wait(self) -> bool:
        """Whether a subscriber that joins now must wait for an image."""
        return self.waits and self.image() is None

    def awaited(self) -> None:
        """A subscriber has begun to wait for an image."""

    def image(self) -> Any:
        """Data for a subscriber that joins now; None if there is no image."""
        return None

    def image_frame(self, encoding: Encoding) -> bytes | None:
        """The image as a frame, at the channel's position; None if there is no image."""
        data = self.image()
        return None if data is None else self.encoded(encoding).image(self.seq, data)

    def first_frame(self, subscriber: Subscriber) -> bytes:
        """The image; without one, the position, for subscribers that asked for positions."""
        image = self.image_frame(subscriber.encoding)
        if image is not None:
            return image
        return self.encoded(subscriber.encoding).joined(self.seq) if subscriber.resumes else b""

    def publish(self, seq: int, data: Any) -> None:
        """Send to all subscribers; `seq` is the number of the newest event included, greater than the last one."""
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

    def restate(self) -> None:
        """Tell all subscribers, at the same position, what the channel shows now without an event.

        The source of its events has fallen silent, or is heard again.
        """
        data, follows = self.restatement()
        if data is not None:
            for encoded in self.encodings.values():
                frame = encoded.frame(self.seq, self.seq if follows else None, data)
                self._groups.publish(encoded.address, frame)

    def restatement(self) -> tuple[Any, bool]:
        """What `restate` tells, and whether it follows what was told before; an image does not."""
        return self.image(), False

    def _stamps(self) -> Stamps:
        """The stamps of the newest event, in nanoseconds since 1970; 0 where unknown."""
        event, clock = self.newest_event, self._opening.clock
        sent_ns = 0 if clock is None else clock.now()
        return Stamps(getattr(event, "venue_ns", 0), getattr(event, "seen_ns", 0), sent_ns)

    # Subscribers that resume.

    def missed(self, encoding: Encoding, position: ResumePosition) -> Missed:
        """Everything published since a position: the frames kept, or notifications made again from past events."""
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
        """Notifications that lead from an earlier position to this one; None if the past is not kept that far."""
        data = self.image() if self.merges else None
        return None if data is None else [(self.seq, data)]

    # Subscribers that have fallen behind.

    def hold(self) -> int:
        """A reader falls behind here; returns the position."""
        return self.seq

    def notify(self, outbox: Backlog) -> None:
        """Call `outbox.published` at the next notification, once."""
        self.behind[outbox] = None

    def release(self, seq: int) -> None:
        """A reader that fell behind there has caught up or left."""

    def catch_up(self, encoding: Encoding, seq: int, conflated: int) -> bytes:
        """One frame in place of the `conflated` notifications published since `seq`, a position passed to `hold`."""
        encoded = self.encoded(encoding)
        if conflated == 1 and (one := encoded.history.since(seq)):
            return one[0]
        return encoded.merged(seq, self.seq, conflated, self.since)

    def since(self, seq: int) -> Any:
        """The data of one notification for everything since then; here the newest, which replaces earlier ones."""
        return self._newest

    # Subscribers that wait.

    def admit(self) -> None:
        """If `admits`, admit the subscribers that wait, for an image or to continue from a position."""
        if not self.waiting or not self.admits():
            return
        waiting, self.waiting = self.waiting, {}
        for subscriber in waiting:
            address = self.encoded(subscriber.encoding).address
            subscriber.wait_no_more((address,))
            self._groups.change(subscriber, joined=(address,))
        for subscriber, position in waiting.items():
            self._welcome(subscriber, position)

    def admits(self) -> bool:
        """Whether waiting subscribers can be admitted."""
        return self.image() is not None

    def _welcome(self, subscriber: Subscriber, position: int | None) -> None:
        """Send the first frames to a subscriber that has waited."""
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
        """Publish when the current interval ends or, without an interval, after the current events."""
        if self.interval_ns:
            self.timers.wake(self, self.state.instrument.venue, self.interval_ns)
        else:
            self.timers.after_moment(self)

    def in_interval(self, at_ns: int) -> bool:
        """Whether a time (nanoseconds since 1970) lies in the current interval, which is published when it ends."""
        now = self.market.time(self.state)
        return bool(self.interval_ns) and at_ns // self.interval_ns == now // self.interval_ns

    def moment_ended(self) -> None:
        """Without an interval, publish after each moment."""
        self.interval_ended()

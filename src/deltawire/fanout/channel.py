"""A channel: what it says of events, in its own sequence, and its image for those who join late."""

from typing import Any, Protocol

from deltawire.fanout.roster import Member, Roster
from deltawire.market.market import Market
from deltawire.market.state import InstrumentState
from deltawire.model.events import Event
from deltawire.session.channels import ChannelKey
from deltawire.wire.frames import text_frame
from deltawire.wire.notifications import Envelope, format_data

INTERVALS_NS = {"raw": 0, "100ms": 100_000_000, "agg2": 1_000_000_000}
"""Pace of each interval token; Deribit documents agg2 only as slower than 100ms."""


class Timers(Protocol):
    """Calls `due` at the next multiple of an interval, in the time of a venue."""

    def wake(self, channel: "Channel", venue: str, interval_ns: int) -> None:
        """Ask for one call of `channel.due()`; asking again before it comes changes nothing."""

    def settle(self, channel: "Channel") -> None:
        """Ask for one call of `channel.settle()` when the events at hand are all told."""


class Channel:
    """Base of all channels.

    `waits` says that a member without an image gets nothing: it is admitted when there is one.
    """

    waits = False

    def __init__(self, key: ChannelKey, market: Market, roster: Roster, timers: Timers, epoch: str) -> None:
        self.key = key
        self.name = key.id
        self.market = market
        self.timers = timers
        self.seq = 0
        self.waiting: dict[Member, None] = {}
        self._roster = roster
        self._envelope = Envelope(key.name, epoch)

    @property
    def active(self) -> bool:
        """Whether anyone would get what is published."""
        return self._roster.listens(self.name)

    def tell(self, event: Event, state: InstrumentState | None) -> None:
        """An event that this channel may be about has been taken in by the market."""

    def due(self) -> None:
        """The interval asked for is over."""

    def settle(self) -> None:
        """The events at hand are all told."""

    def opened(self) -> None:
        """The first member is about to join: start from the market as it is."""

    def image(self) -> Any:
        """Data for a member that joins now, None when there is none."""
        return None

    def image_frame(self) -> bytes | None:
        """The image as a frame, in the channel's sequence as it stands."""
        data = self.image()
        return None if data is None else self._frame(data)

    def publish(self, data: Any) -> None:
        """Tell everyone on the channel."""
        self.seq += 1
        self._roster.publish(self.name, self._frame(data))

    def admit(self) -> None:
        """There is an image now: let in those who waited for it."""
        frame = self.image_frame() if self.waiting else None
        if frame is None:
            return
        waiting, self.waiting = self.waiting, {}
        for member in waiting:
            member.waiting.discard(self.name)
            self._roster.move(member, member.channels | {self.name})
        for member in waiting:
            member.sink.write(frame)

    def _frame(self, data: Any) -> bytes:
        return text_frame(self._envelope.wrap(self.seq, format_data(data)))


class InstrumentChannel(Channel):
    """A channel about one instrument, at an interval."""

    def __init__(self, key: ChannelKey, market: Market, roster: Roster, timers: Timers, epoch: str) -> None:
        super().__init__(key, market, roster, timers, epoch)
        state = market.find(key.instrument)
        assert state is not None, "a channel is made only for a known instrument"
        self.state = state
        self.interval_ns = INTERVALS_NS.get(key.interval, 0)

    def soon(self) -> None:
        """Publish at the next end of the interval, or, without one, once the events at hand are told."""
        if self.interval_ns:
            self.timers.wake(self, self.state.instrument.venue, self.interval_ns)
        else:
            self.timers.settle(self)

    def settle(self) -> None:
        """Without an interval, the end of the events at hand is when we are due."""
        self.due()

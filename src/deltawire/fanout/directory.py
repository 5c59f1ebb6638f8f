"""The open channels, by id and by the subject of their events."""

from collections.abc import Hashable, Iterable
from itertools import islice
from zlib import crc32

from deltawire.analytics.derivations import Derivations
from deltawire.dialect.families import FAMILIES
from deltawire.dialect.grammar import ChannelKey
from deltawire.fanout.channel import Channel, Opening, Timers
from deltawire.fanout.channel_encoding import ENCODED
from deltawire.fanout.channels import analytics, books, indices, private, quotes, trades, venues
from deltawire.fanout.channels.private import PrivateChannel
from deltawire.fanout.history import HistoryPool, RetentionPolicy
from deltawire.fanout.subscribers import SubscriberGroups
from deltawire.market.market import Market
from deltawire.model.account_events import AccountId
from deltawire.ports import AccountStates, Clock

_CLASSES = {
    name: kind
    for file in (analytics, books, indices, private, quotes, trades, venues)
    for name, kind in vars(file).items()
}
CHANNELS: dict[str, type[Channel]] = {name: _CLASSES[row.channel] for name, row in FAMILIES.items()}
"""By family: its class, named in its row of `dialect.families`."""

SECOND_NS = 1_000_000_000
PLATFORM = "platform_state"
"""The family that tells what the home venue says of itself."""
ENDED_PER_OPENED = 2
"""Channels ended, of more idle ones than may be, when another opens: so they become no more by opening others."""
ENDED_AT_ONCE = 200
"""Channels ended in one turn, so that a client that leaves thousands delays nobody."""
_Listeners = dict[Hashable, dict[Channel, None]]


class Directory:
    """Opens channels and ends them.

    A channel stays open for a while after its last subscriber has left, for clients that resume (`sweep`). A private
    channel counts its own notifications, so private channels opened after one has ended have another epoch.
    """

    def __init__(
        self,
        market: Market,
        epoch: str,
        groups: SubscriberGroups,
        *,
        timers: Timers,
        retention: RetentionPolicy | None = None,
        clock: Clock | None = None,
        states: AccountStates | None = None,
        derivations: Derivations | None = None,
    ) -> None:
        self.of_instrument: _Listeners = {}
        self.of_index: _Listeners = {}
        self.of_kind: _Listeners = {}
        self.of_account: _Listeners = {}
        self.of_figures: _Listeners = {}
        self.of_venue: _Listeners = {}
        self._market = market
        self._epoch = epoch
        self._groups = groups
        self._timers = timers
        self._retention = retention or RetentionPolicy()
        self._pool = HistoryPool(self._retention)
        self._clock = clock
        self._states = states
        self._derivations = derivations or Derivations()
        self._numbers: set[int] = set()
        self._ended = 0
        self._channels: dict[str, Channel] = {}
        self._idle: dict[Channel, int] = {}

    def get(self, id_: str) -> Channel | None:
        """A channel by its id, if it is open."""
        return self._channels.get(id_)

    def at(self, address: str) -> Channel:
        """The open channel of an address."""
        return self._channels[address.partition(ENCODED)[0]]

    def listened(self) -> int:
        """Number of channels with subscribers, waiting ones included."""
        return len(self._channels) - len(self._idle)

    def open(self, key: ChannelKey) -> Channel:
        """The channel of a key, opened if necessary; it is no longer idle."""
        channel = self._channels.get(key.id)
        if channel is None:
            opening = Opening(
                self._epoch_of(key),
                self._number(key),
                self._pool,
                self._clock,
                self._states,
                self._derivations,
            )
            channel = CHANNELS[key.family](key, self._market, self._groups, self._timers, opening)
            self._channels[key.id] = channel
            channel.opened()
            listeners, of = self._listeners(key)
            listeners.setdefault(of, {})[channel] = None
            self._end_excess(ENDED_PER_OPENED)
        self._idle.pop(channel, None)
        return channel

    def left(self, channel: Channel) -> None:
        """A subscriber has left a channel; after the last one the channel is idle."""
        if channel.active or channel.waiting:
            return
        self._idle[channel] = 0

    def sweep(self, now: int) -> bool:
        """End channels that have been idle for too long, and the oldest of too many; `now` is of a monotonic clock.

        At most `ENDED_AT_ONCE` per call; returns whether there are more.
        """
        since = now - int(self._retention.idle_s * SECOND_NS)
        self._idle = {channel: idle_ns or now for channel, idle_ns in self._idle.items()}
        ended = [channel for channel, idle_ns in self._idle.items() if idle_ns <= since]
        for channel in ended[:ENDED_AT_ONCE]:
            self._end(channel)
        self._end_excess(ENDED_AT_ONCE - len(ended))
        return len(ended) > ENDED_AT_ONCE or len(self._idle) > self._retention.most_idle

    def _end_excess(self, count: int) -> None:
        """End the oldest of more idle channels than may be, up to `count`."""
        excess = len(self._idle) - self._retention.most_idle
        for channel in list(islice(self._idle, max(0, min(count, excess)))):
            self._end(channel)

    def private_channels(self, account: AccountId) -> Iterable[PrivateChannel]:
        """An account's private channels."""
        for channel in self.of_account.get(account, ()):
            assert isinstance(channel, PrivateChannel), "only these listen to accounts"
            yield channel

    def _end(self, channel: Channel) -> None:
        del self._idle[channel]
        del self._channels[channel.key.id]
        self._numbers.discard(channel.number)
        if channel.key.account:
            self._ended += 1
        listeners, of = self._listeners(channel.key)
        channels = listeners[of]
        del channels[channel]
        if not channels:
            del listeners[of]
        self._timers.forget(channel)
        channel.ended()
        for encoded in channel.encodings.values():
            encoded.history.close()

    def _epoch_of(self, key: ChannelKey) -> str:
        """The epoch of a channel: that of its publishers, with a suffix if private channels have ended."""
        return f"{self._epoch}.{self._ended}" if key.account and self._ended else self._epoch

    def _number(self, key: ChannelKey) -> int:
        """The channel's number in binary frames: the CRC32 of its id, or the next free number after it."""
        number = crc32(key.id.encode())
        while not number or number in self._numbers:
            number = (number + 1) & 0xFFFFFFFF
        self._numbers.add(number)
        return number

    def _listeners(self, key: ChannelKey) -> tuple[_Listeners, Hashable]:
        """The table and key of a channel's events: an account, figures, a venue, an instrument, an index, or a kind."""
        if key.account:
            return self.of_account, key.account
        if FAMILIES[key.family].derived:
            return self.of_figures, key.name
        if key.venue or key.family == PLATFORM:
            return self.of_venue, key.venue or self._market.home
        if key.instrument:
            return self.of_instrument, key.instrument
        return (self.of_index, key.index) if key.index else (self.of_kind, (key.kind, key.currency))

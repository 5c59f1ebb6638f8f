"""The hub: events come in, every channel they concern says its part, groups get the bytes."""

from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from itertools import islice

from deltawire.dialect.grammar import ChannelKey, ResumePosition, fitting
from deltawire.fanout.channel import Channel, Missed
from deltawire.fanout.channel_encoding import ENCODED, address_of
from deltawire.fanout.directory import Directory
from deltawire.fanout.history import RetentionPolicy
from deltawire.fanout.outbox import Outbox
from deltawire.fanout.patterns import Patterns
from deltawire.fanout.scheduler import Scheduler
from deltawire.fanout.subscribers import (
    Backlog,
    Encoding,
    MakeWrite,
    Sink,
    Subscriber,
    SubscriberGroups,
    write_to_each,
)
from deltawire.market.market import Market
from deltawire.model.account_events import AccountEvent, AccountId
from deltawire.model.events import Event, Index, Listing, Ticker, Trade, VolatilityIndex
from deltawire.ports import AccountStates, Clock

CHUNK_BYTES = 64 * 1024
"""About how much is written to one subscriber at once."""
MOST_RESUMED_BYTES = 2 * 1024 * 1024
"""Missed notifications that one request may ask for; beyond it channels are not recovered."""
NOTHING: Mapping[str, None] = {}


class Hub:
    """Who gets what.

    The order of calls is the whole contract: `advance` before the events of a moment, `publish` with them,
    `flush` when the tick is over. With the same calls in the same order the same bytes come out.
    """

    def __init__(
        self,
        market: Market,
        epoch: str,
        retention: RetentionPolicy | None = None,
        clock: Clock | None = None,
        make_write: MakeWrite = write_to_each,
        states: AccountStates | None = None,
    ) -> None:
        """`states` publishes what private channels say of accounts, where there are any."""
        self.market = market
        self.epoch = epoch
        self._groups = SubscriberGroups(make_write)
        self.traffic = self._groups.traffic
        self._scheduler = Scheduler(market.now_ns)
        self.directory = Directory(market, epoch, self._groups, self._scheduler, retention, clock, states)
        self._patterns = Patterns()

    # Members.

    def join(
        self,
        subscriber: Subscriber,
        keys: Iterable[ChannelKey],
        resume: Mapping[str, ResumePosition] | None = None,
    ) -> dict[str, bool]:
        """Subscribe a subscriber; it gets what it missed since its position, else the image, then everything after.

        Returns which of the channels that are joined now and have a position are recovered; of the others the image
        comes. Who has ever given positions (if none) is told where it has joined a channel that has no image, to be
        able to come back.
        """
        plain = self.expand(subscriber, keys)
        missed = self.missed(subscriber, plain, resume or {})
        self.join_plain(subscriber, plain, missed, resumes=resume is not None)
        return {name: frames is not None for name, frames in missed.items()}

    def expand(self, subscriber: Subscriber, keys: Iterable[ChannelKey]) -> list[ChannelKey]:
        """Remember a subscriber's patterns; returns the channels to join, those that patterns stand for included."""
        asked = list(keys)
        plain = {key.id: key for key in asked if not (key.pattern or self._is_on(subscriber, key))}
        for pattern in asked:
            if pattern.pattern:
                self._patterns.add(subscriber, pattern)
                self._imply(subscriber, pattern.id, fitting(pattern, self.market.names()), plain)
        for key in asked:
            if not key.pattern:
                self._patterns.named(subscriber, key.id)
        return list(plain.values())

    def missed(
        self, subscriber: Subscriber, keys: Iterable[ChannelKey], positions: Mapping[str, ResumePosition]
    ) -> dict[str, Missed]:
        """What a subscriber has missed of the channels that it joins now, by name; None where not all is there.

        This decides which are recovered: `join_plain` sends what is found here, and must be called before anything
        else is published. Channels that the subscriber is on already are left out.
        """
        if not positions:
            return {}
        by_name = {key.name: key for key in keys if not self._is_on(subscriber, key)}
        others = self._joined_names(subscriber) if positions.keys() - by_name.keys() else set()
        missed: dict[str, Missed] = {}
        left = MOST_RESUMED_BYTES
        for name, position in positions.items():
            if name in others:
                continue
            frames = self._missed(subscriber, by_name[name], position) if name in by_name else None
            size = sum(map(len, frames)) if isinstance(frames, list) else 0
            missed[name] = frames if size <= left else None
            left -= size if size <= left else 0
        return missed

    def _missed(self, subscriber: Subscriber, key: ChannelKey, position: ResumePosition) -> Missed:
        """A public channel that is not open yet is opened: its past is that of the events."""
        channel = self.directory.get(key.id)
        if channel is None and not key.account:
            channel = self.directory.open(key)
            self.directory.left(channel)
        return None if channel is None else channel.missed(subscriber.encoding, position)

    def _joined_names(self, subscriber: Subscriber) -> set[str]:
        return {
            self.directory.at(address).key.name for address in (*subscriber.channels, *subscriber.waiting)
        }

    def join_plain(
        self,
        subscriber: Subscriber,
        keys: Sequence[ChannelKey],
        missed: Mapping[str, Missed] = NOTHING,
        *,
        resumes: bool = False,
    ) -> None:
        """The same as `join`, of channels without patterns among them, with what was `missed` of them."""
        subscriber.resumes = subscriber.resumes or resumes
        self._join(subscriber, [key for key in keys if not self._is_on(subscriber, key)], missed)

    def _imply(
        self,
        subscriber: Subscriber,
        pattern_id: str,
        keys: Iterable[ChannelKey],
        joining: dict[str, ChannelKey],
    ) -> None:
        """A pattern stands for these channels; those that the subscriber is not on yet are added to `joining`."""
        for key in keys:
            joined = self._is_on(subscriber, key)
            self._patterns.imply(subscriber, pattern_id, key.id, joined=joined)
            if not joined:
                joining[key.id] = key

    def _is_on(self, subscriber: Subscriber, key: ChannelKey) -> bool:
        address = address_of(key.id, subscriber.encoding)
        return address in subscriber.channels or address in subscriber.waiting

    def _join(self, subscriber: Subscriber, keys: list[ChannelKey], missed: Mapping[str, Missed]) -> None:
        joined: list[tuple[Channel, list[bytes] | None]] = []
        awaited: list[Channel] = []
        for key in keys:
            channel = self.directory.open(key)
            found = missed.get(key.name)
            if isinstance(found, list) or (found is None and not channel.must_wait()):
                joined.append((channel, found))
                continue
            channel.wait(subscriber, found)
            subscriber.waiting.add(channel.encoded(subscriber.encoding).address)
            awaited.append(channel)
        if joined:
            addresses = [channel.encoded(subscriber.encoding).address for channel, _ in joined]
            self._groups.move(subscriber, subscriber.channels.union(addresses))
            self._catch_up_joined(subscriber, joined)
        for channel in awaited:
            channel.awaited()

    def _catch_up_joined(
        self, subscriber: Subscriber, joined: list[tuple[Channel, list[bytes] | None]]
    ) -> None:
        """What comes first on channels just joined; a peer that cannot take it all now gets the rest later."""
        first: list[bytes] = []
        size = 0
        for channel, missed in joined:
            if subscriber.outbox is not None:
                self._owe_joined(subscriber, subscriber.outbox, channel, missed)
                continue
            frames = [channel.encoded(subscriber.encoding).opened]
            frames += missed if missed is not None else [channel.first_frame(subscriber)]
            first += frames
            size += sum(map(len, frames))
            if size > CHUNK_BYTES:
                subscriber.sink.write(b"".join(first))
                first, size = [], 0
        if data := b"".join(first):
            subscriber.sink.write(data)

    def _owe_joined(
        self, subscriber: Subscriber, outbox: Backlog, channel: Channel, missed: list[bytes] | None
    ) -> None:
        if opened := channel.encoded(subscriber.encoding).opened:
            outbox.write(opened)
        if missed is None and channel.merges:
            outbox.owe(channel, image=True)
            return
        for frame in missed if missed is not None else [channel.first_frame(subscriber)]:
            if frame:
                outbox.write(frame)
        if channel.merges:
            outbox.owe(channel)

    def recode(self, subscriber: Subscriber, encoding: Encoding) -> None:
        """A subscriber that is not behind gets what follows in another encoding."""
        joined = [self.directory.at(address) for address in subscriber.channels]
        waited = [self.directory.at(address) for address in subscriber.waiting]
        subscriber.encoding = encoding
        self._groups.move(subscriber, [channel.encoded(encoding).address for channel in joined])
        subscriber.waiting = {channel.encoded(encoding).address for channel in waited}
        if opened := b"".join(channel.encoded(encoding).opened for channel in joined):
            subscriber.sink.write(opened)

    def redirect(self, subscriber: Subscriber, sink: Sink) -> None:
        """A subscriber that is not behind has another sink from now on."""
        subscriber.sink = sink
        self._groups.rebind(subscriber)

    # Members that fall behind.

    def fall_behind(self, subscriber: Subscriber, most_bytes: int, full: Callable[[], None]) -> None:
        """A subscriber's peer has stopped reading: from now on it is owed what can be merged.

        What its group holds is written first; its sink must still take that. `full` is called when more than
        `most_bytes` of what cannot be merged have gathered.
        """
        self._groups.flush_group_of(subscriber)
        outbox = subscriber.sink = subscriber.outbox = Outbox(subscriber.encoding, most_bytes, full)
        for address in subscriber.channels:
            channel = self.directory.at(address)
            if channel.merges:
                outbox.owe(channel)
        self._groups.rebind(subscriber)

    def catch_up(self, subscriber: Subscriber, budget: int = CHUNK_BYTES) -> bytes:
        """The next bytes for a subscriber that is behind, about so many; none when it has everything."""
        self._groups.flush_group_of(subscriber)
        outbox = subscriber.outbox
        if not isinstance(outbox, Outbox):
            return b""
        frames, without = outbox.take(budget)
        for channel in without:
            address = channel.encoded(subscriber.encoding).address
            self._groups.move(subscriber, subscriber.channels - {address})
            channel.wait(subscriber, None)
            subscriber.waiting.add(address)
        return b"".join(frames)

    def caught_up(self, subscriber: Subscriber, sink: Sink) -> int:
        """A subscriber that has everything is behind no more; returns how many notifications others stood for."""
        outbox, subscriber.outbox, subscriber.sink = subscriber.outbox, None, sink
        merged = 0
        if isinstance(outbox, Outbox):
            merged = outbox.merged
            outbox.close()
        self._groups.rebind(subscriber)
        return merged

    def leave(self, subscriber: Subscriber, ids: Iterable[str]) -> None:
        """Unsubscribe a subscriber from channels it has joined, by their ids."""
        self.leave_plain(subscriber, self.expand_left(subscriber, ids))

    def expand_left(self, subscriber: Subscriber, ids: Iterable[str]) -> list[str]:
        """Forget a subscriber's patterns; returns the channels to leave: those that nothing else of it wants."""
        left: dict[str, None] = {}
        for id_ in ids:
            if self.directory.get(id_) is None:
                left |= dict.fromkeys(self._patterns.remove(subscriber, id_))
            elif not self._patterns.left(subscriber, id_):
                left[id_] = None
        return list(left)

    def leave_plain(self, subscriber: Subscriber, ids: Iterable[str]) -> None:
        """The same as `leave`, of channels without patterns among them."""
        self._leave(subscriber, {address_of(id_, subscriber.encoding) for id_ in ids})

    def gone(self, subscriber: Subscriber) -> None:
        """A subscriber's connection is over."""
        self._patterns.gone(subscriber)
        self._leave(subscriber, subscriber.channels | subscriber.waiting)
        if isinstance(subscriber.outbox, Outbox):
            subscriber.outbox.close()

    def _leave(self, subscriber: Subscriber, addresses: Set[str]) -> None:
        self._groups.move(subscriber, subscriber.channels - addresses)
        subscriber.waiting -= addresses
        for address in addresses:
            channel = self.directory.get(address.partition(ENCODED)[0])
            if channel is not None:
                channel.waiting.pop(subscriber, None)
                if isinstance(subscriber.outbox, Outbox):
                    subscriber.outbox.forget(channel)
                self.directory.left(channel)

    # Events.

    def advance(self, venue: str, now: int) -> None:
        """A venue's time has come to `now`; channels whose interval is over publish."""
        self.market.advance(venue, now)
        self._scheduler.advance(venue)

    def publish(self, events: Iterable[Event]) -> None:
        """Take in the events of one moment and tell them."""
        known = len(self.market)
        self.market.begin_moment()
        for event in events:
            state = self.market.apply(event)
            if state is not None:
                for channel in self.directory.of_instrument.get(state.name, ()):
                    channel.keep_stamps(event)
                    channel.on_event(event, state)
            if self.directory.of_index and isinstance(event, Index | Ticker | VolatilityIndex):
                for channel in self.directory.of_index.get(self._index_name(event), ()):
                    channel.on_event(event, state)
            if self.directory.of_kind and state is not None and isinstance(event, Trade | Listing):
                for key in state.fitting:
                    for channel in self.directory.of_kind.get(key, ()):
                        channel.on_event(event, state)
        if len(self.market) != known:
            names = list(islice(self.market.names(), known, None))
            for subscriber, keys in self._patterns.newcomers(names):
                self._join_newcomers(subscriber, keys)
        self._scheduler.end_moment()

    def _join_newcomers(self, subscriber: Subscriber, keys: list[tuple[str, ChannelKey]]) -> None:
        """A subscriber's patterns stand for new channels, too; it is given up when they become too many for it."""
        joining: dict[str, ChannelKey] = {}
        for pattern_id, key in keys:
            self._imply(subscriber, pattern_id, (key,), joining)
        if len(subscriber.channels) + len(subscriber.waiting) + len(joining) > subscriber.most_channels:
            subscriber.crowded()
        else:
            self._join(subscriber, list(joining.values()), NOTHING)

    def has_listeners(self, account: AccountId) -> bool:
        """Whether anyone is on an account's private channels, or may come back to them."""
        return account in self.directory.of_account

    def publish_private(self, account: AccountId, events: Iterable[AccountEvent]) -> None:
        """Tell an account's private channels what one moment brought."""
        channels = list(self.directory.private_channels(account))
        for event in events:
            for channel in channels:
                channel.on_account_event(event)
        self._scheduler.end_moment()

    def flush(self) -> None:
        """Write what has been published."""
        self._groups.flush()

    def _index_name(self, event: Index | Ticker | VolatilityIndex) -> str:
        """The public name of the index that an event may be about."""
        if not isinstance(event, Ticker):
            return self.market.public_name(event.venue, event.name)
        return self.market.state(event.instrument).index

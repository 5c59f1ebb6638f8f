"""The hub: applies events to the market, lets the channels they concern publish, and writes the bytes to groups."""

from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from itertools import islice

from deltawire.analytics.derivations import Derivations
from deltawire.dialect.families import FAMILIES
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
from deltawire.market.state import InstrumentState
from deltawire.model.account_events import AccountEvent, AccountId
from deltawire.model.events import (
    Derived,
    Event,
    Index,
    Listing,
    Ticker,
    Trade,
    VenueStatus,
    VolatilityIndex,
)
from deltawire.ports import AccountStates, Clock

CHUNK_BYTES = 64 * 1024
"""About how much is written to one subscriber at once."""
ALL_AT_ONCE = 1 << 30
MOST_RESUMED_BYTES = 2 * 1024 * 1024
"""Missed notifications that one request may ask for; beyond it channels are not recovered."""
NOTHING: Mapping[str, None] = {}
OF_INDICES = (Index, Ticker, VolatilityIndex)


class Hub:
    """Connects the market, the channels and the subscribers.

    Call `advance` before the events of a moment, `publish` with them, and `flush` at the end of the tick. The same
    calls in the same order produce the same bytes.
    """

    def __init__(
        self,
        market: Market,
        epoch: str,
        *,
        retention: RetentionPolicy | None = None,
        clock: Clock | None = None,
        make_write: MakeWrite = write_to_each,
        states: AccountStates | None = None,
        derivations: Derivations | None = None,
    ) -> None:
        """`states` publishes the states of accounts for private channels; None without an exchange.

        `derivations` are those of whoever publishes the events: channels of analytics say there what is wanted.
        """
        self.market = market
        self.epoch = epoch
        self._groups = SubscriberGroups(make_write)
        self.traffic = self._groups.traffic
        self._scheduler = Scheduler(market.now_ns)
        self.directory = Directory(
            market,
            epoch,
            self._groups,
            timers=self._scheduler,
            retention=retention,
            clock=clock,
            states=states,
            derivations=derivations,
        )
        self._patterns = Patterns()

    # Subscribers.

    def join(
        self,
        subscriber: Subscriber,
        keys: Iterable[ChannelKey],
        resume: Mapping[str, ResumePosition] | None = None,
    ) -> dict[str, bool]:
        """Subscribe to channels: first the notifications missed since a position, or an image, then all later ones.

        Returns, by name, whether each newly joined channel with a position was recovered; the others begin with an
        image. A subscriber that passes `resume` (even empty) also gets the position of channels without an image.
        """
        plain = self.expand(subscriber, keys)
        missed = self.missed(subscriber, plain, resume or {})
        self.join_plain(subscriber, plain, missed, resumes=resume is not None)
        return {name: frames is not None for name, frames in missed.items()}

    def expand(self, subscriber: Subscriber, keys: Iterable[ChannelKey]) -> list[ChannelKey]:
        """Add a subscriber's patterns; returns the channels to join, including those that match the patterns."""
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
        """What a subscriber missed of the channels that it joins now, by name; None if it cannot be recovered.

        `join_plain` sends this result and must be called before anything else is published. Channels that the
        subscriber is already on are left out.
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

    def is_ahead(self, keys: Iterable[ChannelKey], positions: Mapping[str, ResumePosition]) -> bool:
        """Whether a position is one that its public channel has not come to yet; figures are of this hub alone."""
        for key in keys:
            position = positions.get(key.name)
            if position is None or position.epoch != self.epoch or key.account or key.pattern:
                continue
            if FAMILIES[key.family].derived:
                continue
            channel = self.directory.open(key)
            self.directory.left(channel)
            if channel.seq < position.seq:
                return True
        return False

    def _missed(self, subscriber: Subscriber, key: ChannelKey, position: ResumePosition) -> Missed:
        """Open a public channel if necessary: its past follows from the events."""
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
        """Like `join`, but without patterns, and with the result of `missed`."""
        subscriber.resumes = subscriber.resumes or resumes
        self._join(subscriber, [key for key in keys if not self._is_on(subscriber, key)], missed)

    def _imply(
        self,
        subscriber: Subscriber,
        pattern_id: str,
        keys: Iterable[ChannelKey],
        joining: dict[str, ChannelKey],
    ) -> None:
        """Note that a pattern matches these channels; add those that the subscriber is not on yet to `joining`."""
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
            subscriber.wait(channel.encoded(subscriber.encoding).address)
            awaited.append(channel)
        if joined:
            addresses = [channel.encoded(subscriber.encoding).address for channel, _ in joined]
            self._groups.change(subscriber, joined=addresses)
            self._catch_up_joined(subscriber, joined)
        for channel in awaited:
            channel.awaited()

    def _catch_up_joined(
        self, subscriber: Subscriber, joined: list[tuple[Channel, list[bytes] | None]]
    ) -> None:
        """Send the first frames of channels just joined; for a subscriber that is behind, queue them."""
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
        """Switch a subscriber that is not behind to another encoding."""
        joined = [self.directory.at(address) for address in subscriber.channels]
        waited = [self.directory.at(address) for address in subscriber.waiting]
        subscriber.encoding = encoding
        self._groups.move(subscriber, [channel.encoded(encoding).address for channel in joined])
        subscriber.waiting = {channel.encoded(encoding).address for channel in waited} or subscriber.waiting
        if opened := b"".join(channel.encoded(encoding).opened for channel in joined):
            subscriber.sink.write(opened)

    def redirect(self, subscriber: Subscriber, sink: Sink) -> None:
        """Replace the sink of a subscriber that is not behind."""
        subscriber.sink = sink
        self._groups.rebind(subscriber)

    # Subscribers that fall behind.

    def fall_behind(self, subscriber: Subscriber, most_bytes: int, full: Callable[[], None]) -> None:
        """A subscriber's peer has stopped reading: from now on its notifications are queued, or merged if they can be.

        The frames that its group holds are written to its sink first. `full` is called when more than `most_bytes`
        that cannot be merged are queued.
        """
        self._groups.flush_group_of(subscriber)
        outbox = subscriber.sink = subscriber.outbox = Outbox(subscriber.encoding, most_bytes, full)
        for address in subscriber.channels:
            channel = self.directory.at(address)
            if channel.merges:
                outbox.owe(channel)
        self._groups.rebind(subscriber)

    def catch_up(self, subscriber: Subscriber, budget: int = CHUNK_BYTES) -> bytes:
        """The next bytes, about `budget`, for a subscriber that is behind; empty when it is up to date."""
        self._groups.flush_group_of(subscriber)
        outbox = subscriber.outbox
        if not isinstance(outbox, Outbox):
            return b""
        frames, without = outbox.take(budget)
        for channel in without:
            address = channel.encoded(subscriber.encoding).address
            self._groups.change(subscriber, left={address})
            channel.wait(subscriber, None)
            subscriber.wait(address)
        return b"".join(frames)

    def caught_up(self, subscriber: Subscriber, sink: Sink) -> int:
        """A subscriber is up to date; returns the number of notifications that were merged into others."""
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
        """Remove a subscriber's patterns; returns the channels to leave: those that no other pattern or name covers."""
        left: dict[str, None] = {}
        for id_ in ids:
            if self.directory.get(id_) is None:
                left |= dict.fromkeys(self._patterns.remove(subscriber, id_))
            elif not self._patterns.left(subscriber, id_):
                left[id_] = None
        return list(left)

    def leave_plain(self, subscriber: Subscriber, ids: Iterable[str]) -> None:
        """Like `leave`, but without patterns."""
        self._leave(subscriber, {address_of(id_, subscriber.encoding) for id_ in ids})

    def gone(self, subscriber: Subscriber) -> None:
        """Remove a subscriber whose connection has closed."""
        self._patterns.gone(subscriber)
        self._leave(subscriber, subscriber.channels | subscriber.waiting)
        if isinstance(subscriber.outbox, Outbox):
            subscriber.outbox.close()

    def _leave(self, subscriber: Subscriber, addresses: Set[str]) -> None:
        self._groups.change(subscriber, left=addresses)
        subscriber.wait_no_more(addresses)
        for address in addresses:
            channel = self.directory.get(address.partition(ENCODED)[0])
            if channel is not None:
                channel.waiting.pop(subscriber, None)
                if isinstance(subscriber.outbox, Outbox):
                    subscriber.outbox.forget(channel)
                self.directory.left(channel)

    # Events.

    def advance(self, venue: str, now: int) -> None:
        """Set a venue's time, in nanoseconds since 1970; channels whose interval has ended publish."""
        self.set_time(venue, now)
        while self.end_intervals(ALL_AT_ONCE):
            pass

    def set_time(self, venue: str, now: int) -> None:
        """Like `advance`, in parts: `end_intervals` must follow until it returns False, before anything else."""
        self.market.advance(venue, now)
        self._scheduler.begin(venue)

    def end_intervals(self, count: int) -> bool:
        """Let so many channels publish whose interval has ended; returns whether there are more."""
        return self._scheduler.end_intervals(count)

    def publish(self, events: Iterable[Event]) -> None:
        """Apply the events of one moment and let the channels publish them."""
        known = len(self.market)
        self.market.begin_moment()
        for event in events:
            state = self.market.apply(event)
            if state is not None:
                for channel in self.directory.of_instrument.get(state.name, ()):
                    channel.keep_stamps(event)
                    channel.on_event(event, state)
            elif isinstance(event, Derived):
                for channel in self.directory.of_figures.get(event.channel, ()):
                    channel.keep_stamps(event)
                    channel.on_event(event, None)
            elif isinstance(event, VenueStatus):
                for channel in self.directory.of_venue.get(event.venue, ()):
                    channel.keep_stamps(event)
                    channel.on_event(event, None)
            if self.directory.of_index and isinstance(event, OF_INDICES):
                for channel in self.directory.of_index.get(self._index_name(event), ()):
                    channel.on_event(event, state)
            if (
                self.directory.of_kind
                and state is not None
                and (state.events == 1 or isinstance(event, (Trade, Listing)))
            ):
                for key in state.fitting:
                    for channel in self.directory.of_kind.get(key, ()):
                        channel.on_event(event, state)
        if len(self.market) != known:
            names = list(islice(self.market.names(), known, None))
            for subscriber, keys in self._patterns.newcomers(names):
                self._join_newcomers(subscriber, keys)
        self._scheduler.end_moment()

    def _join_newcomers(self, subscriber: Subscriber, keys: list[tuple[str, ChannelKey]]) -> None:
        """Join newly listed channels that match a subscriber's patterns; call `crowded` if they exceed its limit."""
        joining: dict[str, ChannelKey] = {}
        for pattern_id, key in keys:
            self._imply(subscriber, pattern_id, (key,), joining)
        if len(subscriber.channels) + len(subscriber.waiting) + len(joining) > subscriber.most_channels:
            subscriber.crowded()
        else:
            self._join(subscriber, list(joining.values()), NOTHING)

    def withhold(self, venue: str, detail: str) -> None:
        """Events of a venue do not come any more: its books are told stale, at the positions where they are.

        No event of it may come before `release`.
        """
        for state in self.market:
            if state.instrument.venue == venue and state.live:
                state.withhold(detail, self.market.time(state))
                self._restate(state)
        self.flush()

    def release(self, venue: str) -> None:
        """Events of a venue come again, and nothing is missing: its books are told to be what they were."""
        for state in self.market:
            if state.instrument.venue == venue and state.withheld is not None:
                state.release()
                self._restate(state)
        self.flush()

    def _restate(self, state: InstrumentState) -> None:
        for channel in list(self.directory.of_instrument.get(state.name, ())):
            channel.restate()
            channel.admit()

    def has_listeners(self, account: AccountId) -> bool:
        """Whether an account has open private channels; a channel stays open for a while after its last subscriber."""
        return account in self.directory.of_account

    def publish_private(self, account: AccountId, events: Iterable[AccountEvent]) -> None:
        """Pass the events of one moment to an account's private channels."""
        channels = list(self.directory.private_channels(account))
        for event in events:
            for channel in channels:
                channel.on_account_event(event)
        self._scheduler.end_moment()

    def flush(self) -> None:
        """Write everything published so far."""
        self._groups.flush()

    def _index_name(self, event: Index | Ticker | VolatilityIndex) -> str:
        """The public name of the index that an event concerns; empty if it concerns none."""
        if not isinstance(event, Ticker):
            return self.market.public_name(event.venue, event.name)
        return self.market.state(event.instrument).index

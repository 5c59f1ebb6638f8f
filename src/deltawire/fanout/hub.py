"""The hub: events come in, every channel they concern says its part, groups get the bytes."""

from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from itertools import islice

from deltawire.fanout.channel import Channel
from deltawire.fanout.directory import Directory
from deltawire.fanout.history import Keeps
from deltawire.fanout.lane import ENCODED, address_of
from deltawire.fanout.outbox import Outbox
from deltawire.fanout.patterns import Patterns
from deltawire.fanout.roster import Debt, Encoding, MakeWrite, Member, Roster, Sink, write_to_each
from deltawire.fanout.turns import Turns
from deltawire.market.market import Market
from deltawire.model.account_events import AccountEvent, AccountId
from deltawire.model.events import Event, Index, Listing, Ticker, Trade
from deltawire.ports import AccountStates, Clock
from deltawire.session.channels import ChannelKey, Position, fitting

CHUNK_BYTES = 64 * 1024
"""About how much is written to one member at once."""
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
        keeps: Keeps | None = None,
        clock: Clock | None = None,
        make_write: MakeWrite = write_to_each,
        states: AccountStates | None = None,
    ) -> None:
        """`states` publishes what private channels say of accounts, where there are any."""
        self.market = market
        self.epoch = epoch
        self._roster = Roster(make_write)
        self.traffic = self._roster.traffic
        self._turns = Turns(market.now_ns)
        self.directory = Directory(market, epoch, self._roster, self._turns, keeps, clock, states)
        self._patterns = Patterns()

    # Members.

    def join(
        self, member: Member, keys: Iterable[ChannelKey], resume: Mapping[str, Position] | None = None
    ) -> dict[str, bool]:
        """Subscribe a member; it gets what it missed since its position, else the image, then everything after.

        Returns which of the channels that are joined now and have a position are recovered; of the others the image
        comes. Who has ever given positions (if none) is told where it has joined a channel that has no image, to be
        able to come back.
        """
        plain = self.expand(member, keys)
        missed = self.missed(member, plain, resume or {})
        self.join_plain(member, plain, missed, resumes=resume is not None)
        return {name: frames is not None for name, frames in missed.items()}

    def expand(self, member: Member, keys: Iterable[ChannelKey]) -> list[ChannelKey]:
        """Remember a member's patterns; returns the channels to join, those that patterns stand for included."""
        asked = list(keys)
        plain = {key.id: key for key in asked if not (key.pattern or self._is_on(member, key))}
        for pattern in asked:
            if pattern.pattern:
                self._patterns.add(member, pattern)
                self._imply(member, pattern.id, fitting(pattern, self.market.names()), plain)
        for key in asked:
            if not key.pattern:
                self._patterns.named(member, key.id)
        return list(plain.values())

    def missed(
        self, member: Member, keys: Iterable[ChannelKey], positions: Mapping[str, Position]
    ) -> dict[str, list[bytes] | None]:
        """What a member has missed of the channels that it joins now, by name; None where not all is there any more.

        This decides which are recovered: `join_plain` sends what is found here, and must be called before anything
        else is published. Channels that the member is on already are left out.
        """
        if not positions:
            return {}
        by_name = {key.name: key for key in keys if not self._is_on(member, key)}
        others = self._joined_names(member) if positions.keys() - by_name.keys() else set()
        missed: dict[str, list[bytes] | None] = {}
        left = MOST_RESUMED_BYTES
        for name, position in positions.items():
            if name in others:
                continue
            frames = self._missed(member, by_name[name], position) if name in by_name else None
            size = 0 if frames is None else sum(map(len, frames))
            missed[name] = frames if size <= left else None
            left -= size if size <= left else 0
        return missed

    def _missed(self, member: Member, key: ChannelKey, position: Position) -> list[bytes] | None:
        channel = self.directory.get(key.id)
        return None if channel is None else channel.missed(member.encoding, position)

    def _joined_names(self, member: Member) -> set[str]:
        return {self.directory.at(address).key.name for address in (*member.channels, *member.waiting)}

    def join_plain(
        self,
        member: Member,
        keys: Sequence[ChannelKey],
        missed: Mapping[str, list[bytes] | None] = NOTHING,
        *,
        resumes: bool = False,
    ) -> None:
        """The same as `join`, of channels without patterns among them, with what was `missed` of them."""
        member.resumes = member.resumes or resumes
        self._join(member, [key for key in keys if not self._is_on(member, key)], missed)

    def _imply(
        self, member: Member, pattern_id: str, keys: Iterable[ChannelKey], joining: dict[str, ChannelKey]
    ) -> None:
        """A pattern stands for these channels; those that the member is not on yet are added to `joining`."""
        for key in keys:
            joined = self._is_on(member, key)
            self._patterns.imply(member, pattern_id, key.id, joined=joined)
            if not joined:
                joining[key.id] = key

    def _is_on(self, member: Member, key: ChannelKey) -> bool:
        address = address_of(key.id, member.encoding)
        return address in member.channels or address in member.waiting

    def _join(self, member: Member, keys: list[ChannelKey], missed: Mapping[str, list[bytes] | None]) -> None:
        joined: list[tuple[Channel, list[bytes] | None]] = []
        awaited: list[Channel] = []
        for key in keys:
            channel = self.directory.open(key)
            lane = channel.lane(member.encoding)
            frames = missed.get(key.name)
            if frames is None and channel.must_wait():
                channel.waiting[member] = None
                member.waiting.add(lane.address)
                awaited.append(channel)
            else:
                joined.append((channel, frames))
        if joined:
            addresses = [channel.lane(member.encoding).address for channel, _ in joined]
            self._roster.move(member, member.channels.union(addresses))
            self._catch_up_joined(member, joined)
        for channel in awaited:
            channel.awaited()

    def _catch_up_joined(self, member: Member, joined: list[tuple[Channel, list[bytes] | None]]) -> None:
        """What comes first on channels just joined; a peer that cannot take it all now gets the rest later."""
        first: list[bytes] = []
        size = 0
        for channel, missed in joined:
            if member.outbox is not None:
                self._owe_joined(member, member.outbox, channel, missed)
                continue
            frames = [channel.lane(member.encoding).opened]
            frames += missed if missed is not None else self._first(member, channel)
            first += frames
            size += sum(map(len, frames))
            if size > CHUNK_BYTES:
                member.sink.write(b"".join(first))
                first, size = [], 0
        if data := b"".join(first):
            member.sink.write(data)

    def _owe_joined(self, member: Member, outbox: Debt, channel: Channel, missed: list[bytes] | None) -> None:
        if opened := channel.lane(member.encoding).opened:
            outbox.write(opened)
        if missed is None and channel.merges:
            outbox.owe(channel, image=True)
            return
        for frame in missed if missed is not None else self._first(member, channel):
            outbox.write(frame)
        if channel.merges:
            outbox.owe(channel)

    def _first(self, member: Member, channel: Channel) -> list[bytes]:
        """The image, or where there is none, for those who want to know it, the position."""
        image = channel.image_frame(member.encoding)
        if image is not None:
            return [image]
        return [channel.lane(member.encoding).joined(channel.seq)] if member.resumes else []

    def recode(self, member: Member, encoding: Encoding) -> None:
        """A member that is not behind gets what follows in another encoding."""
        joined = [self.directory.at(address) for address in member.channels]
        waited = [self.directory.at(address) for address in member.waiting]
        member.encoding = encoding
        self._roster.move(member, [channel.lane(encoding).address for channel in joined])
        member.waiting = {channel.lane(encoding).address for channel in waited}
        if opened := b"".join(channel.lane(encoding).opened for channel in joined):
            member.sink.write(opened)

    def redirect(self, member: Member, sink: Sink) -> None:
        """A member that is not behind has another sink from now on."""
        member.sink = sink
        self._roster.rebind(member)

    # Members that fall behind.

    def lag(self, member: Member, most_bytes: int, full: Callable[[], None]) -> None:
        """A member's peer has stopped reading: from now on it is owed what can be merged.

        What its group holds is written first; its sink must still take that. `full` is called when more than
        `most_bytes` of what cannot be merged have gathered.
        """
        self._roster.settle(member)
        outbox = member.sink = member.outbox = Outbox(member.encoding, most_bytes, full)
        for address in member.channels:
            channel = self.directory.at(address)
            if channel.merges:
                outbox.owe(channel)
        self._roster.rebind(member)

    def catch_up(self, member: Member, budget: int = CHUNK_BYTES) -> bytes:
        """The next bytes for a member that is behind, about so many; none when it has everything."""
        self._roster.settle(member)
        outbox = member.outbox
        if not isinstance(outbox, Outbox):
            return b""
        frames, without = outbox.take(budget)
        for channel in without:
            address = channel.lane(member.encoding).address
            self._roster.move(member, member.channels - {address})
            channel.waiting[member] = None
            member.waiting.add(address)
        return b"".join(frames)

    def keep_up(self, member: Member, sink: Sink) -> int:
        """A member that has everything is behind no more; returns how many notifications others stood for."""
        outbox, member.outbox, member.sink = member.outbox, None, sink
        merged = 0
        if isinstance(outbox, Outbox):
            merged = outbox.merged
            outbox.close()
        self._roster.rebind(member)
        return merged

    def leave(self, member: Member, ids: Iterable[str]) -> None:
        """Unsubscribe a member from channels it has joined, by their ids."""
        left: set[str] = set()
        for id_ in ids:
            channel = self.directory.get(id_)
            if channel is None:
                left |= self._patterns.remove(member, id_)
            elif not self._patterns.left(member, id_):
                left.add(id_)
        self._leave(member, {address_of(id_, member.encoding) for id_ in left})

    def gone(self, member: Member) -> None:
        """A member's connection is over."""
        self._patterns.gone(member)
        self._leave(member, member.channels | member.waiting)
        if isinstance(member.outbox, Outbox):
            member.outbox.close()

    def _leave(self, member: Member, addresses: Set[str]) -> None:
        self._roster.move(member, member.channels - addresses)
        member.waiting -= addresses
        for address in addresses:
            channel = self.directory.get(address.partition(ENCODED)[0])
            if channel is not None:
                channel.waiting.pop(member, None)
                if isinstance(member.outbox, Outbox):
                    member.outbox.forget(channel)
                self.directory.left(channel)

    # Events.

    def advance(self, venue: str, now: int) -> None:
        """A venue's time has come to `now`; channels whose interval is over publish."""
        self.market.now_ns[venue] = now
        self._turns.advance(venue, now)

    def publish(self, events: Iterable[Event]) -> None:
        """Take in the events of one moment and tell them."""
        known = len(self.market)
        for event in events:
            state = self.market.apply(event)
            if state is not None:
                for channel in self.directory.of_instrument.get(state.name, ()):
                    if channel.key.stamps:
                        channel.heard = event
                    channel.tell(event, state)
            if self.directory.of_index and isinstance(event, Index | Ticker):
                for channel in self.directory.of_index.get(self._index_name(event), ()):
                    channel.tell(event, state)
            if self.directory.of_kind and state is not None and isinstance(event, Trade | Listing):
                for key in state.fitting:
                    for channel in self.directory.of_kind.get(key, ()):
                        channel.tell(event, state)
        if len(self.market) != known:
            names = list(islice(self.market.names(), known, None))
            for member, keys in self._patterns.newcomers(names):
                self._join_newcomers(member, keys)
        self._turns.settle_all()

    def _join_newcomers(self, member: Member, keys: list[tuple[str, ChannelKey]]) -> None:
        """A member's patterns stand for new channels, too; it is given up when they become too many for it."""
        joining: dict[str, ChannelKey] = {}
        for pattern_id, key in keys:
            self._imply(member, pattern_id, (key,), joining)
        if len(member.channels) + len(member.waiting) + len(joining) > member.most_channels:
            member.crowded()
        else:
            self._join(member, list(joining.values()), NOTHING)

    def hears(self, account: AccountId) -> bool:
        """Whether anyone listens to an account's private channels, or may come back to them."""
        return account in self.directory.of_account

    def publish_own(self, account: AccountId, events: Iterable[AccountEvent]) -> None:
        """Tell an account's own channels what one moment brought."""
        channels = list(self.directory.own(account))
        for event in events:
            for channel in channels:
                channel.hear(event)
        self._turns.settle_all()

    def flush(self) -> None:
        """Write what has been published."""
        self._roster.flush()

    def _index_name(self, event: Index | Ticker) -> str:
        """The public name of the index that an event may be about."""
        if isinstance(event, Index):
            return self.market.public_name(event.venue, event.name)
        return self.market.public_name(event.instrument.venue, event.instrument.index_name)

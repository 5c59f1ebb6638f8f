"""The hub: events come in, every channel they concern says its part, groups get the bytes."""

from collections.abc import Callable, Hashable, Iterable, Mapping, Set
from itertools import islice

from deltawire.exchange.orders import AccountId
from deltawire.fanout.books import BookChannel, GroupedBookChannel
from deltawire.fanout.channel import Channel, Opening
from deltawire.fanout.history import Keeps
from deltawire.fanout.lane import ENCODED, address_of
from deltawire.fanout.outbox import Outbox
from deltawire.fanout.own import (
    LockChannel,
    MmpTriggerChannel,
    News,
    OwnChangesChannel,
    OwnChannel,
    OwnOrdersChannel,
    OwnTradesChannel,
    PortfolioChannel,
    SilentChannel,
)
from deltawire.fanout.patterns import Patterns
from deltawire.fanout.quotes import (
    IncrementalTickerChannel,
    IndexChannel,
    InstrumentStateChannel,
    MarkPricesChannel,
    PerpetualChannel,
    QuoteChannel,
    StatusChannel,
    TickerChannel,
)
from deltawire.fanout.roster import Debt, Encoding, MakeWrite, Member, Roster, Sink, write_to_each
from deltawire.fanout.tape import CandlesChannel, KindTradesChannel, TradesChannel
from deltawire.market.market import Market
from deltawire.model.events import Event, Index, Listing, Ticker, Trade
from deltawire.ports import Clock
from deltawire.session.channels import ChannelKey, Position
from deltawire.session.private.trading import Trading

FAMILIES: dict[str, type[Channel]] = {
    "book": BookChannel,
    "grouped_book": GroupedBookChannel,
    "trades": TradesChannel,
    "kind_trades": KindTradesChannel,
    "ticker": TickerChannel,
    "incremental_ticker": IncrementalTickerChannel,
    "quote": QuoteChannel,
    "perpetual": PerpetualChannel,
    "index": IndexChannel,
    "candles": CandlesChannel,
    "mark_prices": MarkPricesChannel,
    "instrument_state": InstrumentStateChannel,
    "status": StatusChannel,
    "user_orders": OwnOrdersChannel,
    "user_trades": OwnTradesChannel,
    "user_changes": OwnChangesChannel,
    "user_portfolio": PortfolioChannel,
    "user_mmp_trigger": MmpTriggerChannel,
    "user_lock": LockChannel,
    "user_access_log": SilentChannel,
}


SECOND_NS = 1_000_000_000
CHUNK_BYTES = 64 * 1024
"""About how much is written to one member at once."""
_Listeners = dict[Hashable, dict[Channel, None]]


class Hub:
    """Who gets what.

    The order of calls is the whole contract: `advance` before the events of a moment, `publish` with them,
    `flush` when the tick is over. With the same calls in the same order the same bytes come out.

    A channel that its last member left goes on for a while, for those who come back (`sweep`). When it ends, what
    follows is unknown to it, so every channel opened after that has another epoch.
    """

    def __init__(
        self,
        market: Market,
        epoch: str,
        keeps: Keeps | None = None,
        clock: Clock | None = None,
        make_write: MakeWrite = write_to_each,
    ) -> None:
        self.market = market
        self._clock = clock
        self.epoch = epoch
        self._keeps = keeps or Keeps()
        self._opened = self._ended = 0
        self._idle: dict[Channel, int] = {}
        self._roster = Roster(make_write)
        self.traffic = self._roster.traffic
        self._patterns = Patterns()
        self._channels: dict[str, Channel] = {}
        self._of_instrument: _Listeners = {}
        self._of_index: _Listeners = {}
        self._of_kind: _Listeners = {}
        self._of_account: _Listeners = {}
        self.trading: Trading | None = None
        """Whose private channels these are, if any."""
        self._due: dict[tuple[str, int], dict[Channel, None]] = {}
        self._turn: dict[tuple[str, int], int] = {}
        self._unsettled: dict[Channel, None] = {}

    # Members.

    def join(
        self, member: Member, keys: Iterable[ChannelKey], resume: Mapping[str, Position] | None = None
    ) -> None:
        """Subscribe a member; it gets what it missed since its position, else the image, then everything after.

        Of a position that a channel does not recover nothing is made: the image comes instead. Who has ever given
        positions (if none) is told where it has joined a channel that has no image, to be able to come back.
        """
        member.resumes = member.resumes or resume is not None
        asked = list(keys)
        plain = {key.id: key for key in asked if not (key.pattern or self._is_on(member, key))}
        for key in asked:
            if key.pattern:
                self._patterns.add(member, key)
                fitting = self._patterns.fitting(key, [state.name for state in self.market])
                implied = self._imply(member, [each for each in fitting if each.id not in plain])
                plain |= {each.id: each for each in implied}
        for key in asked:
            self._patterns.asked(member, key.id)
        self._join(member, list(plain.values()), resume or {})

    def _imply(self, member: Member, keys: Iterable[ChannelKey]) -> list[ChannelKey]:
        """Of a pattern's channels those that the member is not on yet."""
        fresh = [key for key in keys if not self._is_on(member, key)]
        for key in fresh:
            self._patterns.implied(member, key.id)
        return fresh

    def _is_on(self, member: Member, key: ChannelKey) -> bool:
        address = address_of(key.id, member.encoding)
        return address in member.channels or address in member.waiting

    def _join(self, member: Member, keys: list[ChannelKey], resume: Mapping[str, Position]) -> None:
        joined: list[tuple[Channel, list[bytes] | None]] = []
        for key in keys:
            channel = self._open(key)
            lane = channel.lane(member.encoding)
            position = resume.get(key.name)
            missed = None if position is None else channel.missed(member.encoding, position)
            if missed is None and channel.waits and channel.image() is None:
                channel.waiting[member] = None
                member.waiting.add(lane.address)
            else:
                joined.append((channel, missed))
        if joined:
            addresses = [channel.lane(member.encoding).address for channel, _ in joined]
            self._roster.move(member, member.channels.union(addresses))
            self._catch_up_joined(member, joined)

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
        joined = [self._at(address) for address in member.channels]
        waited = [self._at(address) for address in member.waiting]
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
            channel = self._at(address)
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

    def past(self, encoding: Encoding) -> "Past":
        """What is still there of each channel in an encoding."""
        return Past(self._channels, encoding)

    def leave(self, member: Member, ids: Iterable[str]) -> None:
        """Unsubscribe a member from channels it has joined, by their ids."""
        left: set[str] = set()
        for id_ in ids:
            channel = self._channels.get(id_)
            if channel is None:
                left |= self._patterns.remove(member, id_)
            elif not self._patterns.left(member, channel.key):
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
            channel = self._channels.get(address.partition(ENCODED)[0])
            if channel is not None:
                channel.waiting.pop(member, None)
                if isinstance(member.outbox, Outbox):
                    member.outbox.forget(channel)
                self._idle_if_left(channel)

    def _at(self, address: str) -> Channel:
        return self._channels[address.partition(ENCODED)[0]]

    def listened(self) -> int:
        """How many channels have members, or someone who waits for their image."""
        return len(self._channels) - len(self._idle)

    def sweep(self, now: int) -> None:
        """End the channels that nobody has come back to; `now` is nanoseconds of any steady clock."""
        for channel, since in list(self._idle.items()):
            if not since:
                self._idle[channel] = now
            elif now - since >= self._keeps.idle_s * SECOND_NS:
                self._end(channel)

    # Events.

    def advance(self, venue: str, now: int) -> None:
        """A venue's time has come to `now`; channels whose interval is over publish."""
        self.market.now_ns[venue] = now
        for (of, interval_ns), channels in self._due.items():
            turn = now // interval_ns
            if of != venue or turn == self._turn.get((of, interval_ns)):
                continue
            self._turn[of, interval_ns] = turn
            due = list(channels)
            channels.clear()
            for channel in due:
                channel.due()

    def publish(self, events: Iterable[Event]) -> None:
        """Take in the events of one moment and tell them."""
        known = len(self.market)
        for event in events:
            state = self.market.apply(event)
            if state is not None:
                for channel in self._of_instrument.get(state.name, ()):
                    if channel.key.stamps:
                        channel.heard = event
                    channel.tell(event, state)
            if self._of_index and isinstance(event, Index | Ticker):
                for channel in self._of_index.get(self._index_name(event), ()):
                    channel.tell(event, state)
            if self._of_kind and state is not None and isinstance(event, Trade | Listing):
                for key in state.fitting:
                    for channel in self._of_kind.get(key, ()):
                        channel.tell(event, state)
        if len(self.market) != known:
            names = [state.name for state in islice(self.market, known, None)]
            for member, keys in self._patterns.newcomers(names):
                self._join(member, self._imply(member, keys), {})
        self._settle()

    def hears(self, account: AccountId) -> bool:
        """Whether anyone listens to an account's private channels, or may come back to them."""
        return account in self._of_account

    def publish_own(self, account: AccountId, news: Iterable[News]) -> None:
        """Tell an account's own channels what one moment brought."""
        channels = self._of_account.get(account, ())
        for each in news:
            for channel in channels:
                assert isinstance(channel, OwnChannel), "only these listen to accounts"
                channel.hear(each)
        self._settle()

    def _settle(self) -> None:
        while self._unsettled:
            settling, self._unsettled = self._unsettled, {}
            for channel in settling:
                channel.settle()

    def flush(self) -> None:
        """Write what has been published."""
        self._roster.flush()

    # What channels ask for.

    def wake(self, channel: Channel, venue: str, interval_ns: int) -> None:
        """See `Timers`."""
        key = (venue, interval_ns)
        if key not in self._due:
            self._due[key] = {}
            self._turn[key] = self.market.now_ns.get(venue, 0) // interval_ns
        self._due[key][channel] = None

    def settle(self, channel: Channel) -> None:
        """See `Timers`."""
        self._unsettled[channel] = None

    def _open(self, key: ChannelKey) -> Channel:
        channel = self._channels.get(key.id)
        if channel is None:
            self._opened += 1
            epoch = f"{self.epoch}.{self._ended}" if self._ended else self.epoch
            channel = FAMILIES[key.family](
                key, self.market, self._roster, self, Opening(epoch, self._opened, self._keeps, self._clock)
            )
            self._channels[key.id] = channel
            if isinstance(channel, OwnChannel):
                assert self.trading is not None, "only an exchange has accounts"
                channel.trading = self.trading
            channel.opened()
            listeners, of = self._listeners(key)
            listeners.setdefault(of, {})[channel] = None
        self._idle.pop(channel, None)
        return channel

    def _listeners(self, key: ChannelKey) -> tuple[_Listeners, Hashable]:
        """By what a channel's events are found: an account, an instrument, an index, or a kind and a currency."""
        if key.account:
            return self._of_account, key.account
        if key.instrument:
            return self._of_instrument, key.instrument
        return (self._of_index, key.index) if key.index else (self._of_kind, (key.kind, key.currency))

    def _index_name(self, event: Index | Ticker) -> str:
        """The public name of the index that an event may be about."""
        if isinstance(event, Index):
            return self.market.public_name(event.venue, event.name)
        return self.market.public_name(event.instrument.venue, event.instrument.index_name)

    def _idle_if_left(self, channel: Channel) -> None:
        if channel.active or channel.waiting:
            return
        self._idle[channel] = 0
        if len(self._idle) > self._keeps.most_idle:
            self._end(next(iter(self._idle)))

    def _end(self, channel: Channel) -> None:
        del self._idle[channel]
        del self._channels[channel.key.id]
        self._ended += 1
        listeners, of = self._listeners(channel.key)
        heard = listeners[of]
        del heard[channel]
        if not heard:
            del listeners[of]
        self._unsettled.pop(channel, None)
        for channels in self._due.values():
            channels.pop(channel, None)


class Past:
    """See `deltawire.ports.Retained`."""

    def __init__(self, channels: Mapping[str, Channel], encoding: Encoding) -> None:
        self._channels = channels
        self._encoding = encoding

    def missed_bytes(self, channel: str, epoch: str, seq: int) -> int | None:
        """See `Retained`."""
        found = self._channels.get(channel)
        missed = None if found is None else found.missed(self._encoding, Position(epoch, seq))
        return None if missed is None else sum(map(len, missed))

"""The hub: events come in, every channel they concern says its part, groups get the bytes."""

from collections.abc import Hashable, Iterable

from deltawire.exchange.orders import AccountId
from deltawire.fanout.books import BookChannel, GroupedBookChannel
from deltawire.fanout.channel import Channel
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
from deltawire.fanout.roster import Member, Roster
from deltawire.fanout.tape import CandlesChannel, KindTradesChannel, TradesChannel
from deltawire.market.market import Market
from deltawire.model.events import Event, Index, Listing, Ticker, Trade
from deltawire.session.channels import ChannelKey
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


_Listeners = dict[Hashable, dict[Channel, None]]


class Hub:
    """Who gets what.

    The order of calls is the whole contract: `advance` before the events of a moment, `publish` with them,
    `flush` when the tick is over. With the same calls in the same order the same bytes come out.
    """

    def __init__(self, market: Market, epoch: str) -> None:
        self.market = market
        self.epoch = epoch
        self._roster = Roster()
        self.traffic = self._roster.traffic
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

    def join(self, member: Member, keys: Iterable[ChannelKey]) -> None:
        """Subscribe a member; it gets each channel's image, then everything after it."""
        ready: list[str] = []
        images: list[bytes] = []
        for key in keys:
            channel = self._open(key)
            image = channel.image_frame()
            if image is None and channel.waits:
                channel.waiting[member] = None
                member.waiting.add(key.id)
                continue
            ready.append(key.id)
            if image is not None:
                images.append(image)
        if ready:
            self._roster.move(member, member.channels.union(ready))
        if images:
            member.sink.write(b"".join(images))

    def leave(self, member: Member, names: Iterable[str]) -> None:
        """Unsubscribe a member from channels it has joined."""
        left = set(names)
        self._roster.move(member, member.channels - left)
        member.waiting -= left
        for name in left:
            channel = self._channels.get(name)
            if channel is not None:
                channel.waiting.pop(member, None)
                self._close_if_idle(channel)

    def gone(self, member: Member) -> None:
        """A member's connection is over."""
        self.leave(member, member.channels | member.waiting)

    def rebind(self, member: Member) -> None:
        """A member has another sink now."""
        self._roster.rebind(member)

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
        for event in events:
            state = self.market.apply(event)
            if state is not None:
                for channel in self._of_instrument.get(state.name, ()):
                    channel.tell(event, state)
            if self._of_index and isinstance(event, Index | Ticker):
                for channel in self._of_index.get(self._index_name(event), ()):
                    channel.tell(event, state)
            if self._of_kind and state is not None and isinstance(event, Trade | Listing):
                for key in state.fitting:
                    for channel in self._of_kind.get(key, ()):
                        channel.tell(event, state)
        self._settle()

    def hears(self, account: AccountId) -> bool:
        """Whether anyone listens to an account's private channels."""
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
            make = FAMILIES[key.family]
            channel = self._channels[key.id] = make(key, self.market, self._roster, self, self.epoch)
            if isinstance(channel, OwnChannel):
                assert self.trading is not None, "only an exchange has accounts"
                channel.trading = self.trading
        if not (channel.active or channel.waiting):
            channel.opened()
            listeners, of = self._listeners(key)
            listeners.setdefault(of, {})[channel] = None
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

    def _close_if_idle(self, channel: Channel) -> None:
        if channel.active or channel.waiting:
            return
        key = channel.key
        listeners, of = self._listeners(key)
        heard = listeners.get(of, {})
        heard.pop(channel, None)
        if not heard:
            listeners.pop(of, None)
        self._unsettled.pop(channel, None)
        for channels in self._due.values():
            channels.pop(channel, None)
        if not channel.seq:  # one that has told nothing has no sequence to keep, and may never have any
            del self._channels[channel.name]

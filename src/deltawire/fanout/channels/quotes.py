"""Channels of single values: tickers, quotes, funding, option marks, listings, status."""

from typing import Any

from deltawire.dialect.families import INTERVALS_NS
from deltawire.dialect.grammar import ResumePosition
from deltawire.dialect.market_objects import (
    MS_NS,
    health_object,
    mark_price_object,
    perpetual_object,
    quote_object,
    status_object,
    ticker_object,
)
from deltawire.fanout.channel import Channel, InstrumentChannel, Missed, Recovered
from deltawire.fanout.subscribers import Encoding
from deltawire.market.market import ActiveChange
from deltawire.market.state import InstrumentState, Mark
from deltawire.model.events import Audit, Event, Listing, Status, Ticker

_SECOND_NS = INTERVALS_NS["agg2"]
_UNTIMED = ("timestamp",)


class _LatestChannel(InstrumentChannel):
    """Publishes an object when an event has changed it; its position is the number of that event (`mark`).

    A channel with an interval that opens after such an event, but within the interval, begins when that is over:
    until then it is not known what it told last.
    """

    merges = True

    def mark(self) -> Mark:
        """The newest event that changed the object."""
        return self.state.ticker_mark

    def opened(self) -> None:
        """Whatever is there counts as told: members get it as their image."""
        seq, at_ns, _ = self.mark()
        self._unsettled = bool(seq) and self.in_interval(at_ns)
        if self._unsettled:
            self.soon()
        else:
            self._begin(seq)

    def on_event(self, event: Event, state: InstrumentState | None) -> None:
        """Publish if it has changed the object."""
        if self.mark()[0] != self.seq:
            self.soon()

    def interval_ended(self) -> None:
        """Publish the object as it is now."""
        seq = self.mark()[0]
        if self._unsettled:
            self._unsettled = False
            self._begin(seq)
            self.admit()
        elif seq != self.seq:
            data = self.current()
            if data is not None:
                self.publish(seq, self.tellable(data))

    def _begin(self, seq: int) -> None:
        """All until there counts as told."""
        self.seq = seq

    def must_wait(self) -> bool:
        """Until it is known where the channel stands."""
        return self._unsettled

    def admits(self) -> bool:
        """From then on."""
        return not self._unsettled

    def missed(self, encoding: Encoding, position: ResumePosition) -> Missed:
        """While it is not known where the channel stands, who comes back waits."""
        if not self._unsettled:
            return super().missed(encoding, position)
        here = position.epoch == self.epoch and 0 <= position.seq <= self.mark()[0]
        return position.seq if here else None

    def current(self) -> dict[str, Any] | None:
        """The object now, None while there is nothing to say."""
        raise NotImplementedError

    def tellable(self, now: dict[str, Any]) -> dict[str, Any]:
        """What to publish of a new object."""
        return now

    def image(self) -> Any:
        """The object now."""
        return self.current()


class TickerChannel(_LatestChannel):
    """`ticker.X.{interval}`."""

    def current(self) -> dict[str, Any] | None:
        """The ticker, once anything is known."""
        state = self.state
        return ticker_object(state, self.market, state.ticker_mark) if state.known else None


class IncrementalTickerChannel(TickerChannel):
    """`incremental_ticker.X`: a snapshot, then only the members that changed, nested ones too.

    A member that is no more is null. Nobody may miss one, so these are never merged.
    """

    merges = False

    def _begin(self, seq: int) -> None:
        """The ticker counts as told."""
        super()._begin(seq)
        self._told = self.current()

    def tellable(self, now: dict[str, Any]) -> dict[str, Any]:
        """What has changed since it was last told, or everything the first time."""
        before, self._told = self._told, now
        if before is None:
            return {"type": "snapshot"} | now
        gone = dict.fromkeys(name for name in before if name not in now)
        head = {"type": "change", "timestamp": now["timestamp"], "instrument_name": now["instrument_name"]}
        return head | changed(before, now) | gone

    def image(self) -> Any:
        """Everything as it was last told, which is what the next change counts from."""
        return None if self._unsettled or self._told is None else {"type": "snapshot"} | self._told

    def recovered(self, seq: int) -> Recovered | None:
        """Everything: a snapshot replaces all before it."""
        image = self.image()
        return None if image is None else [(self.seq, image)]


class QuoteChannel(_LatestChannel):
    """`quote.X`: best prices and amounts."""

    def mark(self) -> Mark:
        """The newest event that changed the quote."""
        return self.state.quote_mark

    def current(self) -> dict[str, Any] | None:
        """The quote, once there is one."""
        return quote_object(self.state) if self.state.known else None


class PerpetualChannel(_LatestChannel):
    """`perpetual.X.{interval}`: funding interest and index."""

    def mark(self) -> Mark:
        """The newest event that changed the funding."""
        return self.state.funding_mark

    def current(self) -> dict[str, Any] | None:
        """The funding, once the venue has told any."""
        return perpetual_object(self.state) if "current_funding" in self.state.ticker else None


class StatusChannel(InstrumentChannel):
    """`status.X`: the book's state whenever it changes; its position is how often it has."""

    merges = True

    def opened(self) -> None:
        """The state as it is counts as told."""
        self.seq = self.state.statuses

    def on_event(self, event: Event, state: InstrumentState | None) -> None:
        """A status."""
        if isinstance(event, Status):
            self.publish(self.state.statuses, self.image())

    def moment_ended(self) -> None:
        """Nothing is held back."""

    def image(self) -> Any:
        """The state now."""
        return status_object(self.state, self.market.time(self.state))


class HealthChannel(InstrumentChannel):
    """`book.X.health`: whenever the book's state changes or it is audited; its position is how often that was."""

    merges = True

    def opened(self) -> None:
        """All that has happened counts as told."""
        self.seq = self.state.statuses + self.state.health.audits

    def on_event(self, event: Event, state: InstrumentState | None) -> None:
        """A status or an audit; the book's own change, if any, is of the same moment."""
        if isinstance(event, Status | Audit):
            self.timers.after_moment(self)

    def moment_ended(self) -> None:
        """Publish what has happened in this moment."""
        seq = self.state.statuses + self.state.health.audits
        if seq != self.seq:
            self.publish(seq, self.image())

    def image(self) -> Any:
        """The health now."""
        return health_object(self.state, self.market.time(self.state))


class MarkPricesChannel(Channel):
    """`markprice.options.{index}`: the marks and IVs of all options on an index, once a second if changed.

    Its position is how many tickers of options on the index there have been.
    """

    def opened(self) -> None:
        """What is known goes out as the image; what has changed within the second at hand is told at its end."""
        self._changed: dict[str, InstrumentState] = {}
        venue = ""
        options = [state for state in self.market if self._ours(state)]
        for state in options:
            venue = state.instrument.venue
            if state.ticker_at_ns // _SECOND_NS == self.market.time(state) // _SECOND_NS:
                self._changed[state.name] = state
        index = self.market.find_index(self.key.index)
        self.seq = 0 if index is None else index.option_tickers.at_second(self.market.now_ns.get(venue, 0))
        if self._changed:
            self.timers.wake(self, venue, _SECOND_NS)

    def on_event(self, event: Event, state: InstrumentState | None) -> None:
        """A ticker of an option on this index."""
        if isinstance(event, Ticker) and state is not None and self._ours(state):
            self._changed[state.name] = state
            self.timers.wake(self, state.instrument.venue, _SECOND_NS)

    def interval_ended(self) -> None:
        """Publish the options that changed."""
        states, self._changed = self._changed, {}
        index = self.market.find_index(self.key.index)
        if states and index is not None:
            ordered = sorted(states.values(), key=lambda state: state.number)
            self.publish(index.option_tickers.number, [mark_price_object(state) for state in ordered])

    def image(self) -> Any:
        """All options with a mark."""
        return [mark_price_object(state) for state in self.market if self._ours(state)] or None

    def recovered(self, seq: int) -> Recovered | None:
        """All of them."""
        image = self.image()
        return None if image is None else [(self.seq, image)]

    def _ours(self, state: InstrumentState) -> bool:
        return (
            state.index == self.key.index
            and state.instrument.kind == "option"
            and "mark_price" in state.ticker
        )


class InstrumentStateChannel(Channel):
    """`instrument.state.{kind}.{currency}`: instruments as they are listed and close.

    Its position is the number of the newest such change among those of all instruments.
    """

    def opened(self) -> None:
        """The instruments that are there count as told."""
        self.seq = max((state.active_change for state in self.market if self._ours(state)), default=0)

    def on_event(self, event: Event, state: InstrumentState | None) -> None:
        """A listing; one that only defines an instrument anew is no news."""
        if isinstance(event, Listing) and state is not None and state.active_change > self.seq:
            self.publish(*_told_change(self.market.active_changes[-1]))

    def recovered(self, seq: int) -> Recovered | None:
        """Every change since."""
        changes = self.market.active_changes
        if changes and changes[0][0] > seq + 1:
            return None
        return [_told_change(change) for change in changes if change[0] > seq and self._ours(change[1])]

    def _ours(self, state: InstrumentState) -> bool:
        return state.fits(self.key.kind, self.key.currency)


class SilentChannel(Channel):
    """Accepted, because clients ask for it, though what it is about does not happen here."""


def _told_change(change: ActiveChange) -> tuple[int, dict[str, Any]]:
    number, state, active, seen_ns = change
    told = "created" if active else "closed"
    return number, {"timestamp": seen_ns // MS_NS, "instrument_name": state.name, "state": told}


def changed(before: dict[str, Any], now: dict[str, Any]) -> dict[str, Any]:
    """The members of `now` that differ from `before`, objects compared member by member; null is one gone there."""
    found: dict[str, Any] = {}
    for name, value in now.items():
        if name in _UNTIMED or before.get(name) == value:
            continue
        inner = before.get(name)
        found[name] = value
        if isinstance(inner, dict) and isinstance(value, dict):
            found[name] = changed(inner, value) | dict.fromkeys(inner.keys() - value.keys())
    return found

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
from deltawire.model.events import Audit, Event, Status, Ticker

_SECOND_NS = INTERVALS_NS["agg2"]
_UNTIMED = ("timestamp",)


class _LatestChannel(InstrumentChannel):
    """Publishes an object when an event has changed it; its position is the number of that event (`mark`).

    If the object has changed in the current interval when the channel opens, the channel begins at the interval's
    end: before that, the position that it would have published last is unknown (`_unsettled`).
    """

    merges = True

    def mark(self) -> Mark:
        """The newest event that changed the object."""
        return self.state.ticker_mark

    def opened(self) -> None:
        """The present object counts as published: subscribers get it as their image."""
        seq, at_ns, _ = self.mark()
        self._unsettled = bool(seq) and self.in_interval(at_ns)
        if self._unsettled:
            self.soon()
        else:
            self._begin(seq)

    def on_event(self, event: Event, state: InstrumentState | None) -> None:
        """Publish if the event has changed the object."""
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
                self.publish(seq, self.changes_to_publish(data))

    def _begin(self, seq: int) -> None:
        """Everything up to this event counts as published."""
        self.seq = seq

    def must_wait(self) -> bool:
        """Whether the channel's position is still unknown."""
        return self._unsettled

    def admits(self) -> bool:
        """Whether the channel's position is known."""
        return not self._unsettled

    def missed(self, encoding: Encoding, position: ResumePosition) -> Missed:
        """See `Channel`; while the channel's position is unknown, a subscriber that resumes waits."""
        if not self._unsettled:
            return super().missed(encoding, position)
        here = position.epoch == self.epoch and 0 <= position.seq <= self.mark()[0]
        return position.seq if here else None

    def current(self) -> dict[str, Any] | None:
        """The present object; None if there is no data yet."""
        raise NotImplementedError

    def changes_to_publish(self, now: dict[str, Any]) -> dict[str, Any]:
        """The data to publish for a new object."""
        return now

    def image(self) -> Any:
        """The present object."""
        return self.current()


class TickerChannel(_LatestChannel):
    """`ticker.X.{interval}`."""

    def current(self) -> dict[str, Any] | None:
        """The ticker; None before the first data."""
        state = self.state
        return ticker_object(state, self.market, state.ticker_mark) if state.known else None


class IncrementalTickerChannel(TickerChannel):
    """`incremental_ticker.X`: a snapshot, then only the members that changed, nested ones too.

    A removed member is null. Each notification counts from the one before, so they are never merged.
    """

    merges = False

    def _begin(self, seq: int) -> None:
        """The present ticker counts as published."""
        super()._begin(seq)
        self._published = self.current()

    def changes_to_publish(self, now: dict[str, Any]) -> dict[str, Any]:
        """The changes since the last notification; everything the first time."""
        before, self._published = self._published, now
        if before is None:
            return {"type": "snapshot"} | now
        gone = dict.fromkeys(name for name in before if name not in now)
        head = {"type": "change", "timestamp": now["timestamp"], "instrument_name": now["instrument_name"]}
        return head | changed(before, now) | gone

    def image(self) -> Any:
        """The ticker as last published, which the next change counts from."""
        return None if self._unsettled or self._published is None else {"type": "snapshot"} | self._published

    def recovered(self, seq: int) -> Recovered | None:
        """A snapshot, which replaces everything before it."""
        image = self.image()
        return None if image is None else [(self.seq, image)]


class QuoteChannel(_LatestChannel):
    """`quote.X`: best prices and amounts."""

    def mark(self) -> Mark:
        """The newest event that changed the quote."""
        return self.state.quote_mark

    def current(self) -> dict[str, Any] | None:
        """The quote; None before the first data."""
        return quote_object(self.state) if self.state.known else None


class PerpetualChannel(_LatestChannel):
    """`perpetual.X.{interval}`: funding interest and index."""

    def mark(self) -> Mark:
        """The newest event that changed the funding."""
        return self.state.funding_mark

    def current(self) -> dict[str, Any] | None:
        """The funding; None before the venue has stated any."""
        return perpetual_object(self.state) if "current_funding" in self.state.ticker else None


class StatusChannel(InstrumentChannel):
    """`status.X`: the book's state whenever it changes; its position is the number of changes."""

    merges = True

    def opened(self) -> None:
        """The present state counts as published."""
        self.seq = self.state.statuses

    def on_event(self, event: Event, state: InstrumentState | None) -> None:
        """Publish a status."""
        if isinstance(event, Status):
            self.publish(self.state.statuses, self.image())

    def moment_ended(self) -> None:
        """Nothing is delayed."""

    def image(self) -> Any:
        """The present state."""
        return status_object(self.state, self.market.time(self.state))


class HealthChannel(InstrumentChannel):
    """`book.X.health`: whenever the book's state changes or it is audited; its position is how often that was."""

    merges = True

    def opened(self) -> None:
        """All that has happened counts as published."""
        self.seq = self.state.statuses + self.state.health.audits

    def on_event(self, event: Event, state: InstrumentState | None) -> None:
        """A status or an audit; the book's own change, if any, is of the same moment."""
        if isinstance(event, (Status, Audit)):
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

    Its position is the number of tickers so far of options on the index.
    """

    def opened(self) -> None:
        """The present marks are the image; what has changed in the current second is published at its end."""
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
        """Note a ticker of an option on this index."""
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
        """All options with a mark."""
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
        """The present instruments count as published."""
        self.seq = max((state.active_change for state in self.market if self._ours(state)), default=0)

    def on_event(self, event: Event, state: InstrumentState | None) -> None:
        """Publish that an instrument became known, by a definition or by data alone, or that its state changed."""
        if state is not None and state.active_change > self.seq:
            self.publish(*_change_data(self.market.active_changes[-1]))

    def recovered(self, seq: int) -> Recovered | None:
        """Every change since; None if they are not all kept."""
        changes = self.market.active_changes
        if changes and changes[0][0] > seq + 1:
            return None
        return [_change_data(change) for change in changes if change[0] > seq and self._ours(change[1])]

    def _ours(self, state: InstrumentState) -> bool:
        return state.fits(self.key.kind, self.key.currency)


class SilentChannel(Channel):
    """A channel that clients ask for and that has no events here; never publishes."""


def _change_data(change: ActiveChange) -> tuple[int, dict[str, Any]]:
    number, state, active, seen_ns = change
    named = "created" if active else "closed"
    return number, {"timestamp": seen_ns // MS_NS, "instrument_name": state.name, "state": named}


def changed(before: dict[str, Any], now: dict[str, Any]) -> dict[str, Any]:
    """The members of `now` that differ from `before`, recursively; members removed from an object are null."""
    found: dict[str, Any] = {}
    for name, value in now.items():
        if name in _UNTIMED or before.get(name) == value:
            continue
        inner = before.get(name)
        found[name] = value
        if isinstance(inner, dict) and isinstance(value, dict):
            found[name] = changed(inner, value) | dict.fromkeys(inner.keys() - value.keys())
    return found

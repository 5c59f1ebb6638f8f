"""Channels of single values: tickers, quotes, funding, option marks, listings, status."""

from typing import Any

from deltawire.dialect.families import INTERVALS_NS
from deltawire.dialect.market_objects import (
    MS_NS,
    mark_price_object,
    perpetual_object,
    quote_object,
    status_object,
    ticker_object,
)
from deltawire.fanout.channel import Channel, InstrumentChannel
from deltawire.market.state import InstrumentState
from deltawire.model.events import Event, Listing, Status, Ticker

_UNTIMED = ("timestamp",)


class _LatestChannel(InstrumentChannel):
    """Publishes an object whenever it differs from the one published last, time stamps apart."""

    merges = True

    def opened(self) -> None:
        """Whatever is there counts as told: members get it as their image."""
        self._last = self._comparable(self.current())

    def tell(self, event: Event, state: InstrumentState | None) -> None:
        """Anything about the instrument may have changed the object."""
        self.soon()

    def due(self) -> None:
        """Publish if it has."""
        data = self.current()
        told = self._comparable(data)
        if data is not None and told != self._last:
            self._last = told
            self.publish(self.tellable(data))

    def current(self) -> dict[str, Any] | None:
        """The object now, None while there is nothing to say."""
        raise NotImplementedError

    def tellable(self, now: dict[str, Any]) -> dict[str, Any]:
        """What to publish of a new object."""
        return now

    def image(self) -> Any:
        """The object now."""
        return self.current()

    @staticmethod
    def _comparable(data: dict[str, Any] | None) -> dict[str, Any] | None:
        if data is None:
            return None
        found = {name: value for name, value in data.items() if name not in _UNTIMED}
        if "status" in found and isinstance(found["status"], dict):
            found["status"] = tuple(found["status"].get(name) for name in ("state", "reason", "detail"))
        return found


class TickerChannel(_LatestChannel):
    """`ticker.X.{interval}`."""

    def current(self) -> dict[str, Any] | None:
        """The ticker, once anything is known."""
        return ticker_object(self.state, self.market) if known(self.state) else None


class IncrementalTickerChannel(TickerChannel):
    """`incremental_ticker.X`: a snapshot, then only the members that changed, nested ones too.

    A member that is no more is null. Nobody may miss one, so these are never merged.
    """

    merges = False

    def opened(self) -> None:
        """Whatever is there counts as told."""
        super().opened()
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
        return None if self._told is None else {"type": "snapshot"} | self._told


class QuoteChannel(_LatestChannel):
    """`quote.X`: best prices and amounts."""

    def current(self) -> dict[str, Any] | None:
        """The quote, once there is one."""
        return quote_object(self.state) if known(self.state) else None


class PerpetualChannel(_LatestChannel):
    """`perpetual.X.{interval}`: funding interest and index."""

    def current(self) -> dict[str, Any] | None:
        """The funding, once the venue has told any."""
        return perpetual_object(self.state) if "current_funding" in self.state.ticker else None


class StatusChannel(InstrumentChannel):
    """`status.X`: the book's state whenever it changes."""

    merges = True

    def tell(self, event: Event, state: InstrumentState | None) -> None:
        """A status."""
        if isinstance(event, Status):
            self.publish(status_object(self.state, self.market))

    def settle(self) -> None:
        """Nothing is held back."""

    def image(self) -> Any:
        """The state now."""
        return status_object(self.state, self.market)


class MarkPricesChannel(Channel):
    """`markprice.options.{index}`: the marks and IVs of all options on an index, once a second if changed."""

    def opened(self) -> None:
        """Changes from now on; what is known goes out as the image."""
        self._changed: dict[str, InstrumentState] = {}

    def tell(self, event: Event, state: InstrumentState | None) -> None:
        """A ticker of an option on this index."""
        if isinstance(event, Ticker) and state is not None and self._ours(state):
            self._changed[state.name] = state
            self.timers.wake(self, state.instrument.venue, INTERVALS_NS[self.key.interval])

    def due(self) -> None:
        """Publish the options that changed."""
        changed_states, self._changed = self._changed, {}
        if changed_states:
            self.publish([mark_price_object(state) for state in changed_states.values()])

    def image(self) -> Any:
        """All options with a mark."""
        return [mark_price_object(state) for state in self.market if self._ours(state)] or None

    def _ours(self, state: InstrumentState) -> bool:
        instrument = state.instrument
        return (
            instrument.kind == "option"
            and self.market.public_name(instrument.venue, instrument.index_name) == self.key.index
            and "mark_price" in state.ticker
        )


class InstrumentStateChannel(Channel):
    """`instrument.state.{kind}.{currency}`: instruments as they are listed and close."""

    def opened(self) -> None:
        """The instruments that are there count as told."""
        self._active = {state.name: state.instrument.active for state in self.market}

    def tell(self, event: Event, state: InstrumentState | None) -> None:
        """A listing; one that only defines an instrument anew is no news."""
        if not isinstance(event, Listing) or state is None:
            return
        active = event.instrument.active
        if self._active.get(state.name) is active:
            return
        self._active[state.name] = active
        self.publish(
            {
                "timestamp": event.seen_ns // MS_NS,
                "instrument_name": state.name,
                "state": "created" if active else "closed",
            }
        )


class SilentChannel(Channel):
    """Accepted, because clients ask for it, though what it is about does not happen here."""


def known(state: InstrumentState) -> bool:
    """Whether there is anything to say of an instrument."""
    return state.imaged or bool(state.ticker) or bool(state.tape)


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

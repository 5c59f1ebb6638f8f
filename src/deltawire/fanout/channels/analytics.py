"""Channels of analytics: they publish what derivations find, which their opening starts and their end stops."""

from collections.abc import Iterable, Iterator
from typing import Any

from deltawire.analytics.derivations import Wanted
from deltawire.dialect.families import EVERY_NS
from deltawire.fanout.channel import Channel
from deltawire.market.state import InstrumentState
from deltawire.model.events import BookImage, Derived, Event, Status, Ticker

MS_NS = 1_000_000


class _DerivedChannel(Channel):
    """Publishes the figures of its name; its position is their number."""

    merges = True

    def opened(self) -> None:
        """Figures that somebody else reads already are the image; those from before an interruption are not."""
        derivations = self._opening.derivations
        if not derivations.want(self.wanted(), self.beginning()):
            self.market.derived.pop(self.key.name, None)
        elif (known := self.market.derived.get(self.key.name)) is not None:
            self.seq = known.sequence

    def ended(self) -> None:
        """Nobody reads them here any more."""
        self._opening.derivations.drop(self.key.name)
        self.market.derived.pop(self.key.name, None)

    def wanted(self) -> Wanted:
        """What is to be computed."""
        raise NotImplementedError

    def beginning(self) -> Iterable[Event]:
        """The present, as events that a derivation can begin with."""
        raise NotImplementedError

    def on_event(self, event: Event, state: InstrumentState | None) -> None:
        """Publish new figures."""
        if isinstance(event, Derived):
            self.publish(event.sequence, event.data)

    def image(self) -> Any:
        """The newest figures; None before the first."""
        known = self.market.derived.get(self.key.name)
        return None if known is None else known.data


class InstrumentFiguresChannel(_DerivedChannel):
    """`imbalance.X.1s` and all others about one instrument."""

    def wanted(self) -> Wanted:
        """Of the instrument, and of the one that it is compared with."""
        key, instrument = self.key, self._state(self.key.instrument).instrument
        return Wanted(
            key.name,
            key.family,
            instrument.venue,
            instrument.name,
            key.instrument,
            EVERY_NS[key.every],
            alert=key.alert,
            threshold=float(key.threshold or 0.0),
            other=self._state(key.other).instrument.key if key.other else "",
            other_label=key.other,
        )

    def beginning(self) -> Iterable[Event]:
        """The book of each, the state of it, and its ticker."""
        for name in filter(None, (self.key.instrument, self.key.other)):
            yield from known_events(self._state(name))

    def _state(self, name: str) -> InstrumentState:
        state = self.market.find(name)
        assert state is not None, "a channel is made only for known instruments"
        return state


class OptionFiguresChannel(_DerivedChannel):
    """`chain.BTC.25DEC26.1s` and all others about the options on an underlying."""

    def wanted(self) -> Wanted:
        """Of the underlying."""
        key, (venue, coin) = self.key, self._subject()
        return Wanted(
            key.name, key.family, venue, coin, key.underlying, EVERY_NS[key.every], expiry=key.expiry
        )

    def beginning(self) -> Iterable[Event]:
        """What is known of every option and future on it."""
        venue, coin = self._subject()
        for state in self.market:
            if state.instrument.venue == venue and state.instrument.base == coin.upper():
                yield from known_events(state)

    def _subject(self) -> tuple[str, str]:
        venue, _, coin = self.key.underlying.rpartition(":")
        return venue or self.market.home, coin


def known_events(state: InstrumentState) -> Iterator[Event]:
    """What is known of an instrument, as the events that would say it."""
    if state.imaged:
        levels = state.ladder.bids.levels(), state.ladder.asks.levels()
        at_ns = state.book_ns
        yield BookImage(state.instrument, state.sequence, *levels, at_ns, at_ns, 0, state.known_range)
    if state.status is not None:
        yield Status(state.instrument, state.status, state.reason, state.status_ns, state.detail)
    if state.ticker:
        yield Ticker(
            instrument=state.instrument, venue_ns=state.ticker_ns, seen_ns=state.ticker_ns, **state.ticker
        )

"""Channels about an index: price, last day, what it is made of, its volatility, and what would be paid by it."""

from typing import Any

from deltawire.dialect.families import INTERVALS_NS
from deltawire.dialect.market_objects import MS_NS
from deltawire.fanout.channel import Channel
from deltawire.market.indices import Count, IndexState
from deltawire.market.state import InstrumentState
from deltawire.model.events import Event, Index

SECOND_NS = INTERVALS_NS["agg2"]
UNKNOWN = IndexState()
AVERAGED_S = 1800
"""So long before an expiry the price is the mean of what the index was since, and an estimate."""


class _OfIndex(Channel):
    """A channel about an index."""

    merges = True
    _index = UNKNOWN

    @property
    def index(self) -> IndexState:
        """What is known of it."""
        if self._index is UNKNOWN:
            self._index = self.market.find_index(self.key.index) or UNKNOWN
        return self._index


class IndexChannel(_OfIndex):
    """`deribit_price_index.{index}`: an index price whenever it changes; its position is how often it has."""

    def opened(self) -> None:
        """What is known goes out as the image."""
        self.seq = self.index.prices.number

    def on_event(self, event: Event, state: InstrumentState | None) -> None:
        """An index, or a ticker that states one."""
        known = self._index if self._index is not UNKNOWN else self.index
        number = known.prices.number
        if number != self.seq:
            self.publish(number, self._data(known.told))

    def image(self) -> Any:
        """The index now."""
        return self._data(self.index.told)

    def _data(self, index: Index | None) -> dict[str, Any] | None:
        if index is None:
            return None
        stamp = (index.venue_ns or index.seen_ns) // MS_NS
        return {"timestamp": stamp, "index_name": self.key.index, "price": index.price}


class _EverySecondChannel(_OfIndex):
    """Publishes what events have changed once a second of the venue's time; its position is their number."""

    def opened(self) -> None:
        """What is known goes out as the image; what the second at hand has brought is told at its end."""
        venue = self.market.venue_of(self.key.index)
        now = self.market.now_ns.get(venue, 0)
        self.seq = self.events().at_second(now)
        if self.seq != self.events().number:
            self.timers.wake(self, venue, SECOND_NS)

    def events(self) -> Count:
        """The events that change it."""
        raise NotImplementedError

    def on_event(self, event: Event, state: InstrumentState | None) -> None:
        """An event that has changed it is told at the end of the second."""
        if self.events().number != self.seq:
            self.timers.wake(self, self.market.venue_of(self.key.index), SECOND_NS)

    def interval_ended(self) -> None:
        """Publish what is new."""
        number, data = self.events().number, self.image()
        if data is not None and number != self.seq:
            self.publish(number, data)


class IndexStatisticsChannel(_EverySecondChannel):
    """`deribit_price_statistics.{index}`: the last 24 hours, as far as this server has seen them."""

    def events(self) -> Count:
        """Changes of the price."""
        return self.index.prices

    def image(self) -> Any:
        """The day now; no market here is ever declared highly volatile."""
        if self.index.newest is None:
            return None
        low, high, change = self.index.day.range()
        return {
            "index_name": self.key.index,
            "low24h": low,
            "high24h": high,
            "change24h": round(change, 8),
            "high_volatility": False,
        }


class ExpirationPriceChannel(_EverySecondChannel):
    """`estimated_expiration_price.{index}`: what would be paid, and the seconds to the next expiry."""

    def events(self) -> Count:
        """Estimates of instruments that have not expired."""
        return self.index.estimates

    def image(self) -> Any:
        """The estimate of the instrument that expires next; None where nothing does, or the venue gives none.

        As of the end of the second that brought the newest event.
        """
        now = self.index.estimates.second_ends_ns
        states = [state for state in self.market if self._expires(state, now)]
        if not states:
            return None
        first = min(states, key=lambda state: state.instrument.expiration_ns)
        left_ns = first.instrument.expiration_ns - now
        seconds = max(0, -(-left_ns // SECOND_NS))
        price = first.ticker["estimated_delivery_price"]
        return {"seconds": seconds, "price": price, "is_estimated": seconds <= AVERAGED_S}

    def _expires(self, state: InstrumentState, now: int) -> bool:
        instrument = state.instrument
        return (
            state.index == self.key.index
            and instrument.expires_after(now)
            and state.ticker.get("estimated_delivery_price") is not None
        )


class VolatilityIndexChannel(_EverySecondChannel):
    """`deribit_volatility_index.{index}`: the volatility index, where the venue makes one."""

    def events(self) -> Count:
        """Its values."""
        return self.index.volatilities

    def image(self) -> Any:
        """The newest value."""
        newest = self.index.volatility
        if newest is None:
            return None
        stamp = (newest.venue_ns or newest.seen_ns) // MS_NS
        return {"timestamp": stamp, "volatility": newest.value, "index_name": self.key.index}


class PriceRankingChannel(_EverySecondChannel):
    """`deribit_price_ranking.{index}`: the sources of an index, where the venue says what they are."""

    def events(self) -> Count:
        """Prices that state what they are made of."""
        return self.index.rankings

    def image(self) -> Any:
        """The sources of the newest price that states them."""
        index = self.index.ranked
        if index is None:
            return None
        stamp = (index.venue_ns or index.seen_ns) // MS_NS
        return [
            {
                "identifier": each.identifier,
                "enabled": each.enabled,
                "weight": round(100 * each.weight, 4),
                "price": round(each.price, 4),
                "original_price": each.original_price,
                "timestamp": stamp,
            }
            for each in index.constituents
        ]

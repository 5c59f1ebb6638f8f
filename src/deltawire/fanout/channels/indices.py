"""Channels of an index: price, statistics, constituents, volatility, and estimated delivery price."""

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
"""Seconds before an expiry in which the delivery price, the mean of the index since then, is an estimate."""


class _OfIndex(Channel):
    """Base of the channels of an index."""

    merges = True
    _index = UNKNOWN

    @property
    def index(self) -> IndexState:
        """The state of the index; `UNKNOWN` before its first event."""
        if self._index is UNKNOWN:
            self._index = self.market.find_index(self.key.index) or UNKNOWN
        return self._index


class IndexChannel(_OfIndex):
    """`deribit_price_index.{index}`: an index price whenever it changes; its position is the number of changes."""

    def opened(self) -> None:
        """The present price counts as published."""
        self.seq = self.index.prices.number

    def on_event(self, event: Event, state: InstrumentState | None) -> None:
        """Publish the price if an index, or a ticker that states it, has changed it."""
        known = self._index if self._index is not UNKNOWN else self.index
        number = known.prices.number
        if number != self.seq:
            self.publish(number, self._data(known.changed))

    def image(self) -> Any:
        """The present price; None before the first."""
        return self._data(self.index.changed)

    def _data(self, index: Index | None) -> dict[str, Any] | None:
        if index is None:
            return None
        stamp = (index.venue_ns or index.seen_ns) // MS_NS
        return {"timestamp": stamp, "index_name": self.key.index, "price": index.price}


class _EverySecondChannel(_OfIndex):
    """Publishes at most once a second of the venue's time; its position is the number of `events`."""

    def opened(self) -> None:
        """The present data is the image; the events of the current second are published at its end."""
        venue = self.market.venue_of(self.key.index)
        now = self.market.now_ns.get(venue, 0)
        self.seq = self.events().at_second(now)
        if self.seq != self.events().number:
            self.timers.wake(self, venue, SECOND_NS)

    def events(self) -> Count:
        """The count of the events that change the data."""
        raise NotImplementedError

    def on_event(self, event: Event, state: InstrumentState | None) -> None:
        """Publish at the end of the second if there was an event."""
        if self.events().number != self.seq:
            self.timers.wake(self, self.market.venue_of(self.key.index), SECOND_NS)

    def interval_ended(self) -> None:
        """Publish if there were events since the last notification."""
        number, data = self.events().number, self.image()
        if data is not None and number != self.seq:
            self.publish(number, data)


class IndexStatisticsChannel(_EverySecondChannel):
    """`deribit_price_statistics.{index}`: the last 24 hours, from the prices that this server has seen."""

    def events(self) -> Count:
        """The count of price changes."""
        return self.index.prices

    def image(self) -> Any:
        """Low, high and change of 24 hours; `high_volatility` is always false."""
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
    """`estimated_expiration_price.{index}`: the delivery price, and the seconds to the next expiry."""

    def events(self) -> Count:
        """The count of estimates of instruments that have not expired."""
        return self.index.estimates

    def image(self) -> Any:
        """The estimate of the instrument that expires next; None if none does, or the venue states none.

        Calculated for the end of the second of the newest event.
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
    """`deribit_volatility_index.{index}`: the volatility index, if the venue has one."""

    def events(self) -> Count:
        """The count of its values."""
        return self.index.volatilities

    def image(self) -> Any:
        """The newest value; None before the first."""
        newest = self.index.volatility
        if newest is None:
            return None
        stamp = (newest.venue_ns or newest.seen_ns) // MS_NS
        return {"timestamp": stamp, "volatility": newest.value, "index_name": self.key.index}


class PriceRankingChannel(_EverySecondChannel):
    """`deribit_price_ranking.{index}`: the constituents of an index, if the venue states them."""

    def events(self) -> Count:
        """The count of prices with constituents."""
        return self.index.rankings

    def image(self) -> Any:
        """The constituents of the newest price that states them, weights in percent; None before the first."""
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

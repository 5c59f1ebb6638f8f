"""Channels about an index: price, last day, what it is made of, its volatility, and what would be paid by it."""

from typing import Any

from deltawire.dialect.families import INTERVALS_NS
from deltawire.dialect.market_objects import MS_NS
from deltawire.fanout.channel import Channel
from deltawire.market.state import InstrumentState
from deltawire.model.events import Event, Index, Ticker

SECOND_NS = 1_000_000_000
AVERAGED_S = 1800
"""So long before an expiry the price is the mean of what the index was since, and an estimate."""


class IndexChannel(Channel):
    """`deribit_price_index.{index}`: an index price whenever it changes."""

    merges = True

    def opened(self) -> None:
        """What is known goes out as the image."""
        self._last = self.market.index(self.key.index)

    def tell(self, event: Event, state: InstrumentState | None) -> None:
        """An index, or a ticker that states one."""
        if not isinstance(event, Index | Ticker):
            return
        now, before = self.market.index(self.key.index), self._last
        if now is not None and (before is None or now.price != before.price):
            self._last = now
            self.publish(self.image())

    def image(self) -> Any:
        """The index now."""
        index = self.market.index(self.key.index)
        if index is None:
            return None
        stamp = (index.venue_ns or index.seen_ns) // MS_NS
        return {"timestamp": stamp, "index_name": self.key.index, "price": index.price}


class _EverySecondChannel(Channel):
    """Publishes an object that differs from the last, once an interval of the venue's time."""

    merges = True

    def opened(self) -> None:
        """What is known goes out as the image."""
        self._last = self.image()

    def tell(self, event: Event, state: InstrumentState | None) -> None:
        """An index, or a ticker on it."""
        if isinstance(event, Index):
            self.timers.wake(self, event.venue, INTERVALS_NS[self.key.interval])
        elif isinstance(event, Ticker):
            self.timers.wake(self, event.instrument.venue, INTERVALS_NS[self.key.interval])

    def due(self) -> None:
        """Publish what is new."""
        now = self.image()
        if now is not None and now != self._last:
            self._last = now
            self.publish(now)


class IndexStatisticsChannel(_EverySecondChannel):
    """`deribit_price_statistics.{index}`: the last 24 hours, as far as this server has seen them."""

    def image(self) -> Any:
        """The day now; no market here is ever declared highly volatile."""
        day = self.market.index_days.get(self.key.index)
        if day is None:
            return None
        low, high, change = day.range()
        return {
            "index_name": self.key.index,
            "low24h": low,
            "high24h": high,
            "change24h": round(change, 8),
            "high_volatility": False,
        }


class ExpirationPriceChannel(_EverySecondChannel):
    """`estimated_expiration_price.{index}`: what would be paid, and the seconds to the next expiry."""

    def image(self) -> Any:
        """The estimate of the instrument that expires next; None where nothing does, or the venue gives none."""
        states = [state for state in self.market if self._expires(state)]
        if not states:
            return None
        first = min(states, key=lambda state: state.instrument.expiration_ns)
        left_ns = first.instrument.expiration_ns - self.market.time(first)
        seconds = max(0, -(-left_ns // SECOND_NS))
        price = first.ticker["estimated_delivery_price"]
        return {"seconds": seconds, "price": price, "is_estimated": seconds <= AVERAGED_S}

    def _expires(self, state: InstrumentState) -> bool:
        instrument = state.instrument
        return (
            instrument.active
            and not instrument.perpetual
            and instrument.expiration_ns > self.market.time(state)
            and state.ticker.get("estimated_delivery_price") is not None
            and self.market.public_name(instrument.venue, instrument.index_name) == self.key.index
        )


class VolatilityIndexChannel(_EverySecondChannel):
    """`deribit_volatility_index.{index}`: the volatility index, where the venue makes one."""

    def image(self) -> Any:
        """It now."""
        found = self.market.volatility.get(self.key.index)
        if found is None:
            return None
        stamp = (found.venue_ns or found.seen_ns) // MS_NS
        return {"timestamp": stamp, "volatility": found.value, "index_name": self.key.index}


class PriceRankingChannel(_EverySecondChannel):
    """`deribit_price_ranking.{index}`: the sources of an index, where the venue says what they are."""

    def image(self) -> Any:
        """They now."""
        index = self.market.index(self.key.index)
        if index is None or not index.constituents:
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

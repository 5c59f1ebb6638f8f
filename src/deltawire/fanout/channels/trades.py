"""Trade channels and candles."""

from typing import Any

from deltawire.analytics.candles import MINUTE_NS
from deltawire.dialect.families import INTERVALS_NS, RESOLUTIONS
from deltawire.dialect.grammar import ChannelKey
from deltawire.dialect.market_objects import MS_NS, trade_object
from deltawire.fanout.channel import Channel, InstrumentChannel, Opening, Timers
from deltawire.fanout.subscribers import SubscriberGroups
from deltawire.market.market import Market
from deltawire.market.state import InstrumentState
from deltawire.model.events import Candle, Event, Trade


class TradesChannel(InstrumentChannel):
    """`trades.X.{interval}`: arrays of trades, each trade once."""

    def opened(self) -> None:
        """Trades from now on."""
        self._held: list[dict[str, Any]] = []

    def tell(self, event: Event, state: InstrumentState | None) -> None:
        """A trade."""
        if isinstance(event, Trade):
            self._held.append(trade_object(self.state.tape[-1], self.state.name))
            self.soon()

    def due(self) -> None:
        """Publish the trades held."""
        if self._held:
            held, self._held = self._held, []
            self.publish(held)


class KindTradesChannel(Channel):
    """`trades.{kind}.{currency}.{interval}`: the trades of every instrument that fits."""

    def __init__(
        self, key: ChannelKey, market: Market, groups: SubscriberGroups, timers: Timers, opening: Opening
    ) -> None:
        super().__init__(key, market, groups, timers, opening)
        self._interval_ns = INTERVALS_NS[key.interval]

    def opened(self) -> None:
        """Trades from now on."""
        self._held: list[dict[str, Any]] = []

    def tell(self, event: Event, state: InstrumentState | None) -> None:
        """A trade of an instrument that fits."""
        if not isinstance(event, Trade) or state is None:
            return
        self._held.append(trade_object(state.tape[-1], state.name))
        if self._interval_ns:
            self.timers.wake(self, state.instrument.venue, self._interval_ns)
        else:
            self.timers.settle(self)

    def due(self) -> None:
        """Publish the trades held."""
        if self._held:
            held, self._held = self._held, []
            self.publish(held)

    def settle(self) -> None:
        """Without an interval, the end of the events at hand is when we are due."""
        self.due()


class CandlesChannel(InstrumentChannel):
    """`chart.trades.X.{resolution}`: the candle at hand whenever it changed, at most ten times a second."""

    def __init__(
        self, key: ChannelKey, market: Market, groups: SubscriberGroups, timers: Timers, opening: Opening
    ) -> None:
        super().__init__(key, market, groups, timers, opening)
        self._minutes = RESOLUTIONS[key.resolution]

    def opened(self) -> None:
        """Candles from the one at hand on."""
        candle = self.state.candles.last(self._minutes)
        self._last_open_ns = 0 if candle is None else candle.open_ns

    def tell(self, event: Event, state: InstrumentState | None) -> None:
        """A trade."""
        if isinstance(event, Trade):
            self.soon()

    def due(self) -> None:
        """Publish the candle at hand, and before it one that has ended since."""
        candle = self.state.candles.last(self._minutes)
        if candle is None:
            return
        first = self._last_open_ns or candle.open_ns
        for one in self.state.candles.between(first, candle.open_ns + MINUTE_NS, self._minutes):
            self.publish(candle_object(one))
        self._last_open_ns = candle.open_ns

    def image(self) -> Any:
        """The candle at hand."""
        candle = self.state.candles.last(self._minutes)
        return None if candle is None else candle_object(candle)


def candle_object(candle: Candle) -> dict[str, Any]:
    """Data of `chart.trades`; `tick` is the bucket's start in milliseconds."""
    return {
        "tick": candle.open_ns // MS_NS,
        "open": candle.open,
        "high": candle.high,
        "low": candle.low,
        "close": candle.close,
        "volume": candle.volume,
        "cost": candle.cost,
    }

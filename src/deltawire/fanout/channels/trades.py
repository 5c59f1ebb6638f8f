"""Trade channels and candles."""

from typing import Any

from deltawire.analytics.candles import MINUTE_NS
from deltawire.dialect.families import INTERVALS_NS, RESOLUTIONS
from deltawire.dialect.grammar import ChannelKey
from deltawire.dialect.market_objects import MS_NS, trade_object
from deltawire.fanout.channel import Channel, InstrumentChannel, Opening, Recovered, Timers
from deltawire.fanout.subscribers import SubscriberGroups
from deltawire.market.images import TapeEntry
from deltawire.market.market import ALL, Market
from deltawire.market.state import InstrumentState
from deltawire.model.events import Candle, Event, Trade


class TradesChannel(InstrumentChannel):
    """`trades.X.{interval}`: arrays of trades, each trade once; its position is the number of the newest."""

    def opened(self) -> None:
        """Begin with the trades of the current interval."""
        state = self.state
        entries = [entry for entry in state.tape if self.in_interval(entry.at_ns)]
        self._held = [trade_object(entry, state.name) for entry in entries]
        self.seq = state.candles.count - len(entries)
        if entries:
            self.soon()

    def on_event(self, event: Event, state: InstrumentState | None) -> None:
        """Hold a trade until the interval ends."""
        if isinstance(event, Trade):
            self._held.append(trade_object(self.state.tape[-1], self.state.name))
            self.soon()

    def interval_ended(self) -> None:
        """Publish the trades held."""
        if self._held:
            held, self._held = self._held, []
            self.publish(self.state.candles.count, held)

    def recovered(self, seq: int) -> Recovered | None:
        """The trades since; None if the tape no longer has them all."""
        tape, name = self.state.tape, self.state.name
        if not tape or tape[0].position > seq + 1:
            return None
        return [(self.seq, [trade_object(one, name) for one in tape if seq < one.position <= self.seq])]


class KindTradesChannel(Channel):
    """`trades.{kind}.{currency}.{interval}`: the trades of every matching instrument.

    Its position is the number of the newest trade among those of all instruments; its intervals are those of the
    newest time of all venues.
    """

    def __init__(
        self, key: ChannelKey, market: Market, groups: SubscriberGroups, timers: Timers, opening: Opening
    ) -> None:
        super().__init__(key, market, groups, timers, opening)
        self._interval_ns = INTERVALS_NS[key.interval]

    def opened(self) -> None:
        """Begin with the trades of the current interval."""
        entries = self._since(0)
        now, interval_ns = self.market.now_ns.get(ALL, 0), self._interval_ns
        held = [
            (entry, name)
            for entry, name in entries
            if interval_ns and entry.market_ns // interval_ns == now // interval_ns
        ]
        published = entries[: len(entries) - len(held)]
        self.seq = published[-1][0].place if published else 0
        self._held = [trade_object(entry, name) for entry, name in held]
        self._newest_place = held[-1][0].place if held else self.seq
        if held:
            self.timers.wake(self, ALL, interval_ns)

    def on_event(self, event: Event, state: InstrumentState | None) -> None:
        """Hold a trade of a matching instrument."""
        if not isinstance(event, Trade) or state is None:
            return
        entry = state.tape[-1]
        self._held.append(trade_object(entry, state.name))
        self._newest_place = entry.place
        if self._interval_ns:
            self.timers.wake(self, ALL, self._interval_ns)
        else:
            self.timers.after_moment(self)

    def interval_ended(self) -> None:
        """Publish the trades held."""
        if self._held:
            held, self._held = self._held, []
            self.publish(self._newest_place, held)

    def moment_ended(self) -> None:
        """Without an interval, publish after each moment."""
        self.interval_ended()

    def recovered(self, seq: int) -> Recovered | None:
        """The trades since; None if the tapes no longer have them all."""
        for state in self._states():
            tape = state.tape
            if len(tape) == tape.maxlen and tape[0].place > seq:
                return None
        entries = [(entry, name) for entry, name in self._since(seq) if entry.place <= self.seq]
        return [(self.seq, [trade_object(entry, name) for entry, name in entries])]

    def _since(self, place: int) -> list[tuple[TapeEntry, str]]:
        """The matching trades after this number, in order."""
        entries = [
            (entry, state.name) for state in self._states() for entry in state.tape if entry.place > place
        ]
        return sorted(entries, key=lambda pair: pair[0].place)

    def _states(self) -> list[InstrumentState]:
        return [state for state in self.market if state.tape and state.fits(self.key.kind, self.key.currency)]


class CandlesChannel(InstrumentChannel):
    """`chart.trades.X.{resolution}`: the current candle whenever it changed, at most ten times a second.

    Its position is the number of the newest trade included.
    """

    def __init__(
        self, key: ChannelKey, market: Market, groups: SubscriberGroups, timers: Timers, opening: Opening
    ) -> None:
        super().__init__(key, market, groups, timers, opening)
        self._minutes = RESOLUTIONS[key.resolution]
        self.interval_ns = INTERVALS_NS["100ms"]

    def opened(self) -> None:
        """Begin with the current candle."""
        held = sum(self.in_interval(entry.at_ns) for entry in self.state.tape)
        self.seq = self.state.candles.count - held
        if held:
            self.soon()

    def on_event(self, event: Event, state: InstrumentState | None) -> None:
        """Hold a trade until the interval ends."""
        if isinstance(event, Trade):
            self.soon()

    def interval_ended(self) -> None:
        """Publish the candles that trades have changed, the current one last."""
        for seq, data in self._candles(self.seq, self.state.candles.count):
            self.publish(seq, data)

    def recovered(self, seq: int) -> Recovered | None:
        """The candles that trades since have changed; None if there are none."""
        return self._candles(seq, self.seq) or None

    def _candles(self, after: int, until: int) -> list[tuple[int, dict[str, Any]]]:
        """Every candle with trades after `after` and up to `until`, with the number of its newest trade."""
        series, minutes = self.state.candles, self._minutes
        newest = series.last(minutes)
        if newest is None or until <= after:
            return []
        first_ns = series.opened_at(after + 1, minutes)
        candles = series.between(first_ns, newest.open_ns + MINUTE_NS, minutes)
        counted = [(min(until, series.count_until(one.open_ns, minutes)), one) for one in candles]
        return [(seq, candle_object(one)) for seq, one in counted if seq > after]

    def image(self) -> Any:
        """The current candle; None before the first trade."""
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

"""Rows of candles, made of trades."""

from collections.abc import Iterable
from dataclasses import dataclass

from deltawire.model.events import Event, Trade
from deltawire.model.instruments import Instrument
from deltawire.tables.values import Row


@dataclass(slots=True)
class _Bar:
    instrument: Instrument
    open: int
    high: int
    low: int
    close: int
    volume: int

    def rescaled(self, instrument: Instrument) -> "_Bar":
        """The same in finer ticks and lots."""
        price, size = instrument.factors_from(self.instrument)
        return _Bar(
            instrument,
            open=self.open * price,
            high=self.high * price,
            low=self.low * price,
            close=self.close * price,
            volume=self.volume * size,
        )


class BarRows:
    """Rows of `ohlcv-…`, at the end: a trade may come later than one of a later interval.

    An interval is one of the venue's time, or where it states none of the time of receiving; one without trades has
    no row.
    """

    def __init__(self, interval_ns: int) -> None:
        self._interval_ns = interval_ns
        self._bars: dict[tuple[int, str], _Bar] = {}

    def take(self, event: Event) -> Iterable[Row]:
        """See `RowMaker`."""
        if isinstance(event, Trade):
            self._add(event)
        return ()

    def finish(self) -> Iterable[Row]:
        """See `RowMaker`."""
        bars, self._bars = self._bars, {}
        for (start_ns, _), bar in sorted(bars.items(), key=lambda item: item[0]):
            where = (start_ns, bar.instrument.venue, bar.instrument.name)
            yield Row(bar.instrument, (*where, bar.open, bar.high, bar.low, bar.close, bar.volume))

    def _add(self, trade: Trade) -> None:
        at_ns = trade.venue_ns or trade.seen_ns
        place = at_ns - at_ns % self._interval_ns, trade.instrument.key
        price, bar = trade.price_ticks, self._bars.get(place)
        if bar is None:
            self._bars[place] = _Bar(trade.instrument, price, price, price, price, trade.size_lots)
            return
        if bar.instrument is not trade.instrument and bar.instrument != trade.instrument:
            bar = self._bars[place] = bar.rescaled(trade.instrument)
        bar.high, bar.low, bar.close = max(bar.high, price), min(bar.low, price), price
        bar.volume += trade.size_lots

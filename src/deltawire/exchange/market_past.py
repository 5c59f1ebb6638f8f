"""The market's own past, so that it survives a restart: trades, candles, funding, marks, indices, volumes.

Made from outputs and prices, record by record, with the classes of the market that clients see: the same records
give the same past.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import msgspec

from deltawire.analytics.candles import KEPT_MINUTES, CandleSeries
from deltawire.exchange.instruments.calendar import SECOND_NS
from deltawire.exchange.instruments.catalogue import VENUE
from deltawire.exchange.pricing.pricing import Pricing
from deltawire.exchange.pricing.tickers import volatilities
from deltawire.market.funding import FundingSeries
from deltawire.market.levels import LevelHistory
from deltawire.market.packed import PackedChunks, PackedRows
from deltawire.market.state import MARKS, TRADES_KEPT
from deltawire.market.volumes import VolumeHistory, VolumeRows
from deltawire.model.events import Bars, Candle, FundedHour, Past, Trade, VenuePast, VolatilityIndex
from deltawire.model.instruments import Instrument

MARK_NS = 300 * SECOND_NS
VOLATILITY_NS = SECOND_NS
"""How often a volatility index is computed."""


class _FrozenInstrument(msgspec.Struct, frozen=True):
    candles: PackedChunks
    trades: PackedChunks
    funded: tuple[FundedHour, ...]
    marks: Bars


class _Frozen(msgspec.Struct, frozen=True):
    instruments: dict[str, _FrozenInstrument]
    indices: dict[str, Bars]
    volatility: dict[str, Bars]
    volumes: VolumeRows


class _InstrumentPast:
    """One instrument's."""

    def __init__(self) -> None:
        self.candles, self.trades = PackedRows(KEPT_MINUTES), PackedRows(TRADES_KEPT)
        self.funding, self.marks = FundingSeries(), LevelHistory(MARKS)
        self._minute = CandleSeries(1)

    def traded(self, trade: Trade) -> None:
        """Count a trade."""
        self.trades.add(msgspec.structs.astuple(trade)[1:])
        if self.candles.last and self._minute.minute is None:
            self._minute.restore([_candle(trade.instrument, self.candles.last)])
        self._minute.add(trade)
        candle = self._minute.minute
        assert candle is not None, "a trade makes a candle"
        row = msgspec.structs.astuple(candle)[1:]
        if self.candles.last and self.candles.last[0] == row[0]:
            self.candles.replace(row)
        else:
            self.candles.add(row)

    def event(self, instrument: Instrument, now: int) -> Past:
        """All of it, as the market takes it over."""
        return Past(
            instrument,
            now,
            tuple(Trade(instrument, *row) for row in self.trades.rows()[-TRADES_KEPT:]),
            tuple(_candle(instrument, row) for row in self.candles.rows()),
            self.funding.rows(),
            self.marks.rows(),
        )

    def freeze(self) -> _FrozenInstrument:
        """For `thaw`."""
        rows = self.funding.rows()
        return _FrozenInstrument(self.candles.freeze(), self.trades.freeze(), rows, self.marks.rows())

    def thaw(self, frozen: _FrozenInstrument) -> None:
        """Become what was frozen."""
        self.candles.thaw(frozen.candles)
        self.trades.thaw(frozen.trades)
        self.funding.restore(frozen.funded)
        self.marks.restore(frozen.marks)


class MarketPast:
    """Of an exchange with these prices. What is no longer listed is forgotten."""

    def __init__(self, pricing: Callable[[], Pricing]) -> None:
        self._pricing = pricing
        self._instruments: dict[str, _InstrumentPast] = {}
        self._indices: dict[str, LevelHistory] = {}
        self._volatility: dict[str, LevelHistory] = {}
        self._volumes = VolumeHistory()
        self._priced_ns = 0

    def apply(self, outputs: Iterable[Any]) -> list[VolatilityIndex]:
        """What came of one record; gives the volatility indices that it leads to.

        Clients are told these and no others, so that a candle is the same before and after a restart.
        """
        for output in outputs:
            if isinstance(output, Trade):
                self._of(output.instrument.name).traded(output)
                self._volumes.traded(output)
        pricing = self._pricing()
        if pricing.now_ns > self._priced_ns:
            before, self._priced_ns = self._priced_ns, pricing.now_ns
            return self._priced(pricing, before)
        return []

    def events(self) -> Iterator[Past | VenuePast]:
        """All of it, as the market takes it over."""
        pricing = self._pricing()
        for name, past in self._instruments.items():
            if name in pricing.instruments:
                yield past.event(pricing.instruments[name], pricing.now_ns)
        indices, volatility = _rows(self._indices), _rows(self._volatility)
        yield VenuePast(VENUE, pricing.now_ns, indices, volatility, self._volumes.rows())

    def freeze(self) -> bytes:
        """For `thaw`."""
        instruments = {name: past.freeze() for name, past in self._instruments.items()}
        frozen = _Frozen(instruments, _rows(self._indices), _rows(self._volatility), self._volumes.rows())
        return msgspec.msgpack.encode(frozen)

    def thaw(self, frozen: bytes) -> None:
        """Become what was frozen; called behind the exchange's own thaw."""
        found = msgspec.msgpack.decode(frozen, type=_Frozen)
        for name, each in found.instruments.items():
            self._of(name).thaw(each)
        for histories, rows in ((self._indices, found.indices), (self._volatility, found.volatility)):
            for name, bars in rows.items():
                histories.setdefault(name, LevelHistory()).restore(bars)
        self._volumes.restore(found.volumes)
        self._priced_ns = self._pricing().now_ns

    def _priced(self, pricing: Pricing, before_ns: int) -> list[VolatilityIndex]:
        now = pricing.now_ns
        looked: list[VolatilityIndex] = []
        for name, price in pricing.index.items():
            self._indices.setdefault(name, LevelHistory()).seen(now, round(price, 2))
        for name, meter in pricing.funding.items():
            index = pricing.index.get(meter.instrument.index_name)
            shown = None if index is None else round(index, 2)
            self._of(name).funding.seen(now, round(meter.rate, 8), shown)
        if now // VOLATILITY_NS > before_ns // VOLATILITY_NS:
            looked = list(volatilities(pricing))
        for each in looked:
            self._volatility.setdefault(each.name, LevelHistory()).seen(now, each.value)
        if now // MARK_NS > before_ns // MARK_NS:
            self._marked(pricing)
        return looked

    def _marked(self, pricing: Pricing) -> None:
        for name in [name for name in self._instruments if name not in pricing.instruments]:
            del self._instruments[name]
        for name, mark in pricing.marks.items():
            places = 6 if name in pricing.options else 2
            self._of(name).marks.seen(pricing.now_ns, round(mark, places))

    def _of(self, name: str) -> _InstrumentPast:
        found = self._instruments.get(name)
        if found is None:
            found = self._instruments[name] = _InstrumentPast()
        return found


def _candle(instrument: Instrument, row: tuple[Any, ...]) -> Candle:
    return Candle(instrument, *row)


def _rows(histories: dict[str, LevelHistory]) -> dict[str, Bars]:
    return {name: history.rows() for name, history in histories.items()}

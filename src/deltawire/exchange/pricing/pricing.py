"""Index, mark prices, volatilities and greeks of everything listed, updated by one record at a time."""

from collections.abc import Iterable
from typing import NamedTuple

import msgspec

from deltawire.exchange.instruments.calendar import next_settlement
from deltawire.exchange.ports import Record
from deltawire.exchange.pricing.delivery import DeliveryAverage
from deltawire.exchange.pricing.funding import FundingMeter
from deltawire.exchange.pricing.index import index_price
from deltawire.exchange.pricing.mark import FUTURE_LIMIT, PERPETUAL_LIMIT, BasisAverage, ForwardCurve
from deltawire.model.expiries import format_day
from deltawire.model.instruments import Instrument
from deltawire.options.black76 import Valuation, evaluate_pair, years_between
from deltawire.options.surface import Surface


class Prices(Record, frozen=True, tag=True, kw_only=True):
    """Prices from outside at this moment; the only input of prices.

    `constituents`: the sources' prices by index name; `fair`: futures' fair prices by instrument, from their books;
    `surfaces`: volatilities by index name. What is missing stays unchanged.
    """

    constituents: dict[str, tuple[float, ...]] = msgspec.field(default_factory=dict)
    fair: dict[str, float] = msgspec.field(default_factory=dict)
    surfaces: dict[str, Surface] = msgspec.field(default_factory=dict)


class OptionMark(NamedTuple):
    """An option's mark: σ as a fraction, its forward, and value and greeks in dollars."""

    vol: float
    underlying: float
    underlying_index: str
    value: Valuation


class _Expiry:
    """Marks of one expiry; the call and the put of a strike are computed together."""

    __slots__ = ("_forward", "_marked", "_smile", "_source", "_years")

    def __init__(self, forward: float, source: str, years: float, surface: Surface) -> None:
        self._forward, self._source, self._years = forward, source, years
        self._smile = surface.at(years)
        self._marked: dict[float, tuple[OptionMark, OptionMark]] = {}

    def pair(self, strike: float) -> tuple[OptionMark, OptionMark]:
        """The call's mark and the put's."""
        pair = self._marked.get(strike)
        if pair is None:
            forward, source = self._forward, self._source
            vol = self._smile.vol(strike, forward)
            call, put = evaluate_pair(forward, strike, self._years, vol)
            pair = OptionMark(vol, forward, source, call), OptionMark(vol, forward, source, put)
            self._marked[strike] = pair
        return pair


class Pricing(msgspec.Struct):
    """Prices by instrument and index name; for a future in dollars, for an inverse option in coin."""

    now_ns: int = 0
    instruments: dict[str, Instrument] = msgspec.field(default_factory=dict)
    index: dict[str, float] = msgspec.field(default_factory=dict)
    surfaces: dict[str, Surface] = msgspec.field(default_factory=dict)
    marks: dict[str, float] = msgspec.field(default_factory=dict)
    options: dict[str, OptionMark] = msgspec.field(default_factory=dict)
    funding: dict[str, FundingMeter] = msgspec.field(default_factory=dict)
    deliveries: dict[str, DeliveryAverage] = msgspec.field(default_factory=dict)
    basis: dict[str, BasisAverage] = msgspec.field(default_factory=dict)
    constituents: dict[str, tuple[float, ...]] = msgspec.field(default_factory=dict)
    delivered: dict[str, tuple[tuple[int, float], ...]] = msgspec.field(default_factory=dict)
    """By index the times of its settlements, and the prices that were paid by it."""
    settled: dict[str, float] = msgspec.field(default_factory=dict)
    """Marks at the last settlement."""

    def list(self, instrument: Instrument) -> None:
        """Price this instrument from now on."""
        self.instruments[instrument.name] = instrument
        if instrument.kind == "future":
            limit = PERPETUAL_LIMIT if instrument.perpetual else FUTURE_LIMIT
            self.basis[instrument.name] = BasisAverage(limit)
        if instrument.perpetual:
            self.funding[instrument.name] = FundingMeter(instrument)

    def delivered_at(self, index: str, at_ns: int, price: float) -> None:
        """An index's price was paid at a settlement."""
        self.delivered[index] = (*self.delivered.get(index, ()), (at_ns, price))

    def settled_at_mark(self, name: str) -> None:
        """An instrument was settled at its present mark price."""
        self.settled[name] = self.marks[name]

    def delist(self, name: str) -> None:
        """Remove an instrument that has been delivered."""
        for table in (self.instruments, self.marks, self.options, self.funding, self.basis, self.settled):
            table.pop(name, None)

    def priced(self, prices: Prices) -> None:
        """Apply a record."""
        self.indexed(prices)
        self.marked(prices)

    def indexed(self, prices: Prices) -> None:
        """First half: indices and surfaces. Instruments listed after it get their mark in the second half."""
        self.now_ns = prices.at_ns
        for name, constituents in prices.constituents.items():
            self.constituents[name] = constituents
            price = index_price(constituents)
            if price is not None:
                self._indexed(name, price)
        self.surfaces |= prices.surfaces

    def marked(self, prices: Prices) -> None:
        """Second half: futures, then the options priced from them."""
        for name in self.basis:
            self._mark_future(self.instruments[name], prices.fair.get(name))
        self._mark_options(i for i in self.instruments.values() if i.kind == "option")

    def delivery_price(self, index_name: str) -> float | None:
        """The settlement price of what expires now; starts the average of the next settlement."""
        average = self.deliveries.pop(index_name, None)
        return average.delivery_price() if average else self.index.get(index_name)

    def estimated_delivery(self, index_name: str) -> float | None:
        """The mean of the window so far; before it, the index."""
        average = self.deliveries.get(index_name)
        return average.average if average else self.index.get(index_name)

    def _indexed(self, name: str, price: float) -> None:
        self.index[name] = price
        average = self.deliveries.get(name)
        if average is None:
            average = self.deliveries[name] = DeliveryAverage(next_settlement(self.now_ns))
        average.seen(self.now_ns, price)

    def _mark_future(self, future: Instrument, fair: float | None) -> None:
        index = self.index.get(future.index_name)
        if index is None:
            return
        basis = self.basis[future.name]
        basis.seen(self.now_ns, fair, index)
        mark = basis.mark(index)
        self.marks[future.name] = self._blended(future, mark)
        if future.perpetual:
            self.funding[future.name].seen(self.now_ns, mark, index)

    def _blended(self, instrument: Instrument, forward: float) -> float:
        """In the half hour before its expiry, a contract's price moves gradually to the average."""
        average = self.deliveries.get(instrument.index_name)
        if average is None or average.at_ns != instrument.expiration_ns:
            return forward
        return average.blended(forward)

    def _mark_options(self, options: Iterable[Instrument]) -> None:
        expiries: dict[tuple[str, int], _Expiry] = {}
        curves: dict[str, ForwardCurve] = {}
        for option in options:
            index_name, name = option.index_name, option.name
            surface = self.surfaces.get(index_name)
            if surface is None or index_name not in self.index:
                continue
            key = index_name, option.expiration_ns
            expiry = expiries.get(key)
            if expiry is None:
                years = years_between(self.now_ns, option.expiration_ns)
                expiry = expiries[key] = _Expiry(*self._forward(option, curves), years, surface)
            pair = expiry.pair(option.strike or 0.0)
            mark = pair[0] if option.option_type == "call" else pair[1]
            self.options[name] = mark
            value = mark.value.value
            self.marks[name] = value / mark.underlying if option.inverse else value

    def _forward(self, option: Instrument, curves: dict[str, ForwardCurve]) -> tuple[float, str]:
        """The forward of an option's expiry and its name: the future's mark, or an interpolation."""
        series = option.base if option.inverse else f"{option.base}_{option.quote}"
        name = f"{series}-{format_day(option.expiration_ns)}"
        if name in self.marks:
            return self.marks[name], name
        curve = curves.get(option.index_name)
        if curve is None:
            curve = curves[option.index_name] = self._curve(option.index_name)
        forward = curve.forward(years_between(self.now_ns, option.expiration_ns))
        return self._blended(option, forward), f"SYN.{name}"

    def _curve(self, index_name: str) -> ForwardCurve:
        futures = (
            (years_between(self.now_ns, future.expiration_ns), self.marks[name])
            for name in self.basis
            if (future := self.instruments[name]).index_name == index_name
            and not future.perpetual
            and name in self.marks
        )
        return ForwardCurve(self.index[index_name], futures)


class PriceBand(msgspec.Struct, frozen=True):
    """The maximum distance of orders from the mark: a share of a future's price, and of an option's plus a constant."""

    perpetual: float = 0.015
    future: float = 0.03
    option: float = 0.5
    option_coin: float = 0.02
    """Added for options, in coin; for linear options times the index."""


def price_band(band: PriceBand, instrument: Instrument, mark: float, index: float) -> tuple[float, float]:
    """The lowest and highest price that an order may have."""
    if instrument.kind == "option":
        width = band.option * mark + band.option_coin * (1.0 if instrument.inverse else index)
    else:
        width = mark * (band.perpetual if instrument.perpetual else band.future)
    return max(mark - width, 0.0), mark + width

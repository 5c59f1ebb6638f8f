"""The profit, value and margins of one instrument for one account, and their sums by currency.

Money is in whole units and margins are rounded up, so that sums do not depend on the order of the summands. The part
of an instrument is an `InstrumentMargin`; a change updates one and the sums. Under portfolio margin they have no
margins: the risk matrix of the whole currency has.
"""

from collections.abc import Iterable
from math import ceil
from typing import NamedTuple

from deltawire.exchange.accounts.ledger import Account, OpenOrder
from deltawire.exchange.accounts.margin_tables import MarginTable, OptionRates
from deltawire.exchange.accounts.positions import Position
from deltawire.exchange.accounts.standard_margin import Requirement, short_option_margin
from deltawire.exchange.instruments.contracts import UNITS, worth_at
from deltawire.exchange.instruments.fees import FeeTable, trade_fee
from deltawire.exchange.pricing.pricing import Pricing
from deltawire.model.instruments import Instrument
from deltawire.model.numbers import unit


class InstrumentMargin(NamedTuple):
    """The part of one instrument in an account."""

    upl: int = 0
    """A future's unrealised profit, including funding due."""
    rpl: int = 0
    options_value: int = 0
    initial: int = 0
    """Including open orders."""
    maintenance: int = 0
    position_initial: int = 0
    """Without open orders."""

    @property
    def held(self) -> bool:
        """Whether there is more than open orders."""
        return bool(self.maintenance or self.upl or self.rpl)

    def reserving(self, initial: int) -> "InstrumentMargin":
        """A copy with another initial margin."""
        upl, rpl, value, _, maintenance, held = self
        return InstrumentMargin(upl, rpl, value, initial, maintenance, held)


def worst_lots(lots: int, buys: int, sells: int) -> int:
    """The largest position, long or short, that open orders of this many lots could make of one of `lots`."""
    return max(abs(lots + buys), abs(lots - sells))


class Exposure:
    """An account's open orders in one instrument, without reduce-only ones."""

    __slots__ = ("bought", "buy_lots", "buy_ticks", "sell_lots", "sell_ticks")

    def __init__(
        self, *, buy_lots: int = 0, buy_ticks: int = 0, sell_lots: int = 0, sell_ticks: int = 0
    ) -> None:
        self.bought: int | None = None
        """Margin of the buy orders, valid until they change, if prices do not affect it."""
        self.buy_lots, self.sell_lots = buy_lots, sell_lots
        self.buy_ticks, self.sell_ticks = buy_ticks, sell_ticks
        """Σ price × lots."""

    def add(self, order: OpenOrder, way: int = 1) -> None:
        """Add an open order, or with way −1 remove it."""
        if order.reduce_only:
            return
        if order.sign > 0:
            self.bought = None
            self.buy_lots += way * order.lots
            self.buy_ticks += way * order.lots * order.price_ticks
        else:
            self.sell_lots += way * order.lots
            self.sell_ticks += way * order.lots * order.price_ticks


NO_EXPOSURE = Exposure()
NO_LINE = InstrumentMargin()


class CurrencyMargin:
    """The sums over an account's instruments in one currency."""

    __slots__ = ("initial", "lines", "maintenance", "options_value", "position_initial", "rpl", "upl")

    def __init__(self) -> None:
        self.lines: dict[str, InstrumentMargin] = {}
        self.upl = self.rpl = self.options_value = 0
        self.initial = self.maintenance = self.position_initial = 0

    def put(self, name: str, line: InstrumentMargin) -> None:
        """Replace the margin of an instrument; an empty one is dropped."""
        old = self.lines.get(name, NO_LINE)
        if line == NO_LINE:
            self.lines.pop(name, None)
        else:
            self.lines[name] = line
        self.upl += line.upl - old.upl
        self.rpl += line.rpl - old.rpl
        self.options_value += line.options_value - old.options_value
        self.initial += line.initial - old.initial
        self.maintenance += line.maintenance - old.maintenance
        self.position_initial += line.position_initial - old.position_initial


class Margining:
    """Computes margins from present prices and the tables."""

    def __init__(self, pricing: Pricing, table: MarginTable, fees: FeeTable) -> None:
        self.pricing = pricing
        self.table = table
        self.fees = fees
        self._terms: dict[str, tuple[int, float, float, float]] = {}
        self._option_rates: dict[str, OptionRates] = {}

    def line(
        self, account: Account, instrument: Instrument, exposure: Exposure, fallback: float | None = None
    ) -> InstrumentMargin:
        """The account's margin in an instrument; `fallback` is the price if the instrument has no mark yet.

        A mark of zero is a mark: an option far out of the money has it shortly before it expires.
        """
        position = account.positions.get(instrument.name)
        mark = self.pricing.marks.get(instrument.name, fallback)
        if mark is None:
            return NO_LINE
        standard = account.model == "segregated_sm"
        lots = position.lots if position else 0
        if instrument.kind == "option":
            value = worth_at(instrument, mark, lots) if lots else 0
            if not standard:
                return InstrumentMargin(options_value=value)
            return self._option_line(instrument, lots, value, mark, exposure)
        upl = self._profit(instrument, position, mark) if position else 0
        rpl = position.realised if position else 0
        if not standard:
            return InstrumentMargin(upl, rpl)
        return self._future_line(instrument, lots, upl, rpl, mark, exposure)

    def index(self, instrument: Instrument, fallback: float = 0.0) -> float:
        """The index of an instrument; before there is one, a substitute."""
        return self.pricing.index.get(instrument.index_name, fallback)

    def short_option(self, instrument: Instrument, mark: float) -> Requirement:
        """The margins of one unit of a short option, in settlement currency."""
        priced = self.pricing.options.get(instrument.name)
        strike = instrument.strike or 0.0
        underlying = priced.underlying if priced else self.index(instrument, strike)
        scale = 1.0 if instrument.inverse else self.index(instrument, underlying)
        rates = self._option_rates.get(instrument.base)
        if rates is None:
            rates = self._option_rates[instrument.base] = self.table.coin(instrument.base).option
        return short_option_margin(rates, instrument.option_type == "call", strike, underlying, mark, scale)

    def _profit(self, instrument: Instrument, position: Position, mark: float) -> int:
        profit = worth_at(instrument, mark, position.lots) - position.cost
        meter = self.pricing.funding.get(instrument.name)
        if meter is None or meter.reading == position.reading:
            return profit
        return profit - meter.due(position.lots, position.reading)

    def future_initial(self, instrument: Instrument, lots: int, mark: float) -> int:
        """The initial margin of a future's position, in whole units."""
        return self._future_units(instrument, lots, mark)[0] if lots else 0

    def _future_line(
        self, instrument: Instrument, lots: int, upl: int, rpl: int, mark: float, exposure: Exposure
    ) -> InstrumentMargin:
        held = abs(lots)
        worst = worst_lots(lots, exposure.buy_lots, exposure.sell_lots)
        initial, maintenance = self._future_units(instrument, held, mark) if held else (0, 0)
        whole = initial if worst == held else self.future_initial(instrument, worst, mark)
        return InstrumentMargin(upl, rpl, 0, whole, maintenance, initial)

    def _future_units(self, instrument: Instrument, lots: int, mark: float) -> tuple[int, int]:
        """`future_margin` in whole units, with constants looked up once."""
        terms = self._terms.get(instrument.name)
        if terms is None:
            rates = self.table.coin(instrument.base).future
            per_one = unit(instrument.size_exponent)
            terms = self._terms[instrument.name] = (per_one, rates.initial, rates.maintenance, rates.slope)
        per_one, initial, maintenance, slope = terms
        size = lots / per_one
        coins, price = (size / mark if mark else 0.0, 1.0) if instrument.inverse else (size, mark)
        grown = slope * coins
        return (
            ceil((initial + grown) * coins * price * UNITS - 1e-6),
            ceil((maintenance + grown) * coins * price * UNITS - 1e-6),
        )

    def _option_line(
        self, instrument: Instrument, lots: int, value: int, mark: float, exposure: Exposure
    ) -> InstrumentMargin:
        short = -lots if lots < 0 else 0
        written = exposure.sell_lots - (lots if lots > 0 else 0)
        initial = maintenance = reserved = 0
        if short or written > 0:
            each = self.short_option(instrument, mark)
            if short:
                initial = to_units(each.initial * instrument.size(short))
                maintenance = to_units(each.maintenance * instrument.size(short))
            if written > 0:
                reserved = self._written(instrument, each.initial, written, exposure)
        if exposure.buy_lots:
            reserved += self._bought(instrument, exposure)
        return InstrumentMargin(0, 0, value, initial + reserved, maintenance, initial)

    def _written(self, instrument: Instrument, initial: float, lots: int, exposure: Exposure) -> int:
        """Margin of sell orders beyond the long position: the option's margin less the premium received."""
        premium = exposure.sell_ticks / exposure.sell_lots / unit(instrument.price_exponent)
        return to_units(max(initial - premium, 0.0) * instrument.size(lots))

    def _bought(self, instrument: Instrument, exposure: Exposure) -> int:
        """Funds for buy orders: their premium and the taker's fee, which in coin does not depend on the index."""
        if exposure.bought is not None:
            return exposure.bought
        price = exposure.buy_ticks / exposure.buy_lots / unit(instrument.price_exponent)
        premium = to_units(price * instrument.size(exposure.buy_lots))
        index = self.index(instrument, instrument.strike or 0.0)
        cost = premium + trade_fee(self.fees, instrument, price, index, exposure.buy_lots, "taker")
        if instrument.inverse:
            exposure.bought = cost
        return cost


def to_units(amount: float) -> int:
    """Round a margin up; a millionth of a unit is the rounding error of doubles."""
    return ceil(amount * UNITS - 1e-6)


def exposures(orders: Iterable[OpenOrder]) -> dict[str, Exposure]:
    """Sum open orders by instrument."""
    by_instrument: dict[str, Exposure] = {}
    for order in orders:
        by_instrument.setdefault(order.instrument, Exposure()).add(order)
    return by_instrument

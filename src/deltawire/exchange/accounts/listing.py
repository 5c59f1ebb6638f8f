"""Instructions of accounts to books: list instruments by calendar, set index, mark price and price band."""

from collections.abc import Iterator
from math import ceil, floor

from deltawire.exchange.accounts.account_records import AccountNotice
from deltawire.exchange.accounts.margin_tables import MarginTable, max_leverage
from deltawire.exchange.instruments.calendar import SECOND_NS
from deltawire.exchange.instruments.catalogue import SERIES, wanted
from deltawire.exchange.instruments.fees import FeeTable
from deltawire.exchange.ports import OpenBook, Reference, RiskInstruction
from deltawire.exchange.pricing.pricing import PriceBand, Pricing, price_band
from deltawire.model.instruments import Instrument, tick_on
from deltawire.model.numbers import unit

Outbox = list[AccountNotice | RiskInstruction]
_HOUR_NS = 3600 * SECOND_NS


class Listings:
    """Checks the calendar every hour, and prices whenever they change."""

    def __init__(self, pricing: Pricing, fees: FeeTable, band: PriceBand, margins: MarginTable) -> None:
        self._pricing = pricing
        self._leverages = {series.base: max_leverage(margins, series.base) for series in SERIES}
        self._fees = fees
        self._band = band
        self.hour = 0
        self._published: dict[str, Reference] = {}

    def due(self, outbox: Outbox) -> Iterator[Instrument]:
        """List the instruments that are due; adds instructions for their books."""
        pricing = self._pricing
        hour = pricing.now_ns // _HOUR_NS
        if hour == self.hour or not pricing.index:
            return
        self.hour = hour
        for instrument in wanted(pricing.now_ns, pricing.index, self._fees, self._leverages):
            if instrument.name not in pricing.instruments and instrument.index_name in pricing.index:
                outbox.append(OpenBook(instrument))
                yield instrument

    def references(self, outbox: Outbox) -> None:
        """Send index, mark price and band to each book if they have changed."""
        pricing, published = self._pricing, self._published
        for name, instrument in pricing.instruments.items():
            mark = pricing.marks.get(name)
            index = pricing.index.get(instrument.index_name)
            if mark is None or index is None:
                continue
            reference = self._reference(instrument, mark, index)
            if published.get(name) != reference:
                published[name] = reference
                outbox.append(reference)

    @staticmethod
    def currencies() -> set[str]:
        """The currencies that accounts may hold."""
        return {series.base if series.inverse else series.quote for series in SERIES}

    def _reference(self, instrument: Instrument, mark: float, index: float) -> Reference:
        per_one = unit(instrument.price_exponent)
        low, high = price_band(self._band, instrument, mark, index)
        low, high = low * per_one, high * per_one
        grid = instrument.grid
        least, most = tick_on(grid, ceil(low)), tick_on(grid, floor(high))
        option = self._pricing.options.get(instrument.name)
        return Reference(
            instrument.name,
            round(index * per_one),
            round(mark * per_one),
            max(ceil(low / least) * least, least),
            max(floor(high / most), 1) * most,
            option.value.delta if option else 1.0,
            option.value.vega if option else 0.0,
            round(option.underlying, 2) if option else None,
        )

"""Accounts under portfolio margin: their positions as holdings of the risk matrices, one matrix per index."""

from deltawire.exchange.accounts.ledger import Account
from deltawire.exchange.accounts.margin_tables import MarginTable, PortfolioRates
from deltawire.exchange.accounts.margining import Exposure, to_units
from deltawire.exchange.accounts.portfolio_margin import Holding, Matrix, portfolio_margin, risk_matrix
from deltawire.exchange.pricing.pricing import Pricing
from deltawire.model.instruments import Instrument
from deltawire.options.black76 import years_between

Lots = dict[str, int]


class Portfolios:
    """Risk matrices at present prices."""

    def __init__(self, pricing: Pricing, table: MarginTable) -> None:
        self.pricing = pricing
        self.table = table

    def margins(
        self, account: Account, currency: str, exposures: dict[str, Exposure]
    ) -> tuple[int, int, int]:
        """(initial, maintenance, initial without open orders) of one currency, in whole units.

        Open orders need the growth of the matrix if all buys, or all sells, were filled, whichever is worse.
        """
        held = {name: position.lots for name, position in account.positions.items() if position.lots}
        sides = [held]
        for lots in ("buy_lots", "sell_lots"):
            way = 1 if lots == "buy_lots" else -1
            filled = dict(held)
            for name, exposure in exposures.items():
                if getattr(exposure, lots):
                    filled[name] = filled.get(name, 0) + way * getattr(exposure, lots)
            sides.append(filled if filled != held else held)
        initial = maintenance = own = 0
        for index_name in self._indices(sides, currency):
            needs = [self._margin(side, index_name) for side in sides]
            matrix = needs[0]
            margin = portfolio_margin(self._rates(index_name), matrix, orders=max(0.0, *needs) - matrix)
            initial += to_units(margin.initial)
            maintenance += to_units(margin.maintenance)
            own += to_units(matrix)
        return initial, maintenance, own

    def matrix(self, lots: Lots, index_name: str) -> Matrix:
        """The risk matrix of these positions on one index."""
        holdings = [
            holding
            for name, size in lots.items()
            if (instrument := self.pricing.instruments.get(name)) is not None
            and instrument.index_name == index_name
            and (holding := self.holding(instrument, size)) is not None
        ]
        return risk_matrix(self._rates(index_name), holdings, self.pricing.index.get(index_name, 1.0))

    def holding(self, instrument: Instrument, lots: int) -> Holding | None:
        """A position as the matrix needs it; None before it has a mark price."""
        mark = self.pricing.marks.get(instrument.name)
        size = instrument.size(lots)
        if mark is None or not size:
            return None
        years = 0.0 if instrument.perpetual else years_between(self.pricing.now_ns, instrument.expiration_ns)
        if instrument.kind == "future":
            coins = size / mark if instrument.inverse else size
            return Holding(coins=coins, forward=mark, inverse=instrument.inverse, years=years)
        priced = self.pricing.options[instrument.name]
        return Holding(
            coins=size,
            forward=priced.underlying,
            inverse=instrument.inverse,
            years=years,
            strike=instrument.strike,
            call=instrument.option_type == "call",
            vol=priced.vol,
            delta=priced.value.delta - (mark if instrument.inverse else 0.0),
        )

    def _margin(self, lots: Lots, index_name: str) -> float:
        return self.matrix(lots, index_name).margin

    def _rates(self, index_name: str) -> PortfolioRates:
        return self.table.coin(index_name.partition("_")[0].upper()).portfolio

    def _indices(self, sides: list[Lots], currency: str) -> list[str]:
        names = {name for side in sides for name in side}
        instruments = self.pricing.instruments
        return sorted(
            {
                instruments[name].index_name
                for name in names
                if name in instruments and instruments[name].settlement == currency
            }
        )

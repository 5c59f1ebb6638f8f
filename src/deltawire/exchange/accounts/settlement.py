"""Settlement at 08:00 UTC.

What expires is delivered at the mean of the index, the profit of other futures becomes balance.
"""

from deltawire.exchange.accounts.account_records import AccountNotice, Delivered, Settled
from deltawire.exchange.accounts.ledger import Account, Ledger
from deltawire.exchange.accounts.margin_state import MarginState
from deltawire.exchange.accounts.positions import Position
from deltawire.exchange.instruments.calendar import next_settlement
from deltawire.exchange.instruments.contracts import payoff, worth_at
from deltawire.exchange.instruments.fees import FeeTable, delivery_fee
from deltawire.exchange.ports import CloseBook, RiskInstruction
from deltawire.exchange.pricing.pricing import Pricing
from deltawire.model.instruments import Instrument

Outbox = list[AccountNotice | RiskInstruction]


class Settlement:
    """Settles once when 08:00 UTC has passed."""

    def __init__(
        self,
        ledger: Ledger,
        pricing: Pricing,
        fees: FeeTable,
        *,
        standings: MarginState,
        settle_ns: int = 0,
    ) -> None:
        """`settle_ns` is the time of the next settlement; 0: the first 08:00 UTC after the first price."""
        self._ledger = ledger
        self._pricing = pricing
        self._fees = fees
        self._standings = standings
        self.settle_ns = settle_ns

    def due(self, outbox: Outbox) -> None:
        """Settle if it is time."""
        now = self._pricing.now_ns
        if self.settle_ns and now >= self.settle_ns:
            self._settle(outbox)
        if now >= self.settle_ns:
            self.settle_ns = next_settlement(now)

    def settle_position(self, account: Account, instrument: Instrument, position: Position) -> int:
        """Add a future's profit at its mark to the balance; returns the units moved."""
        self.charge_funding(position, instrument)
        worth = worth_at(instrument, self._pricing.marks[instrument.name], position.lots)
        gain = position.settle(worth)
        account.wallet(instrument.settlement).balance += gain
        if not position.lots:
            del account.positions[instrument.name]
        return gain

    def charge_funding(self, position: Position, instrument: Instrument) -> None:
        """Charge the funding of a perpetual's position since the last charge, from or to the common pot."""
        meter = self._pricing.funding.get(instrument.name)
        if meter is not None and meter.reading != position.reading:
            due = meter.due(position.lots, position.reading)
            position.charge(due, meter.reading)
            self._ledger.house(instrument.settlement).rounding += due

    def _settle(self, outbox: Outbox) -> None:
        pricing = self._pricing
        prices = {name: pricing.delivery_price(name) for name in list(pricing.deliveries)}
        for name, delivered in prices.items():
            if delivered is not None:
                pricing.delivered_at(name, self.settle_ns, delivered)
        for instrument in list(pricing.instruments.values()):
            price = prices.get(instrument.index_name)
            if instrument.expiration_ns <= pricing.now_ns and price is not None:
                self._expire(instrument, price, outbox)
            elif instrument.name in pricing.marks:
                pricing.settled_at_mark(instrument.name)
                if instrument.kind == "future":
                    self._settle_future(instrument, outbox)

    def _settle_future(self, instrument: Instrument, outbox: Outbox) -> None:
        mark = self._pricing.marks[instrument.name]
        for account in self._ledger.accounts.values():
            position = account.positions.get(instrument.name)
            if position is not None:
                self.charge_funding(position, instrument)
                lots, funding = position.lots, position.funding
                units = self.settle_position(account, instrument, position)
                outbox.append(
                    Settled(
                        account.id,
                        instrument.name,
                        instrument.settlement,
                        units,
                        mark,
                        self._pricing.now_ns,
                        account.wallet(instrument.settlement).balance,
                        lots,
                        funding,
                        self._pricing.index.get(instrument.index_name),
                    )
                )

    def _expire(self, instrument: Instrument, price: float, outbox: Outbox) -> None:
        outbox.append(CloseBook(instrument.name, "settlement"))
        for account in self._ledger.accounts.values():
            position = account.positions.pop(instrument.name, None)
            if position is not None:
                outbox.append(self._deliver(account, instrument, position, price))
            self._standings.dropped(account, instrument)
        self._pricing.delist(instrument.name)

    def _deliver(
        self, account: Account, instrument: Instrument, position: Position, price: float
    ) -> Delivered:
        wallet, currency = account.wallet(instrument.settlement), instrument.settlement
        value = payoff(instrument, price) if instrument.kind == "option" else price
        worth = worth_at(instrument, value, position.lots)
        self._ledger.round(wallet, currency, worth)
        wallet.balance += position.unsettled
        fee = delivery_fee(self._fees, instrument, value, price, position.lots)
        self._ledger.charge(wallet, currency, fee)
        return Delivered(
            account.id,
            instrument.name,
            currency,
            position.lots,
            worth + position.unsettled,
            fee,
            price,
            self._pricing.now_ns,
            wallet.balance,
            position.funding,
        )

"""Accounts: money, positions, margin. Implements the `RiskCheck` that matching calls."""

from collections.abc import Sequence

import msgspec

from deltawire.exchange.accounts.account_records import (
    AccountNotice,
    BalanceChanged,
    Charged,
    Deposit,
    SetMarginModel,
    Withdraw,
)
from deltawire.exchange.accounts.ledger import Account, Ledger, OpenOrder
from deltawire.exchange.accounts.liquidation import Liquidation
from deltawire.exchange.accounts.listing import Listings
from deltawire.exchange.accounts.margin_state import MarginState
from deltawire.exchange.accounts.margin_tables import MarginTable
from deltawire.exchange.accounts.margining import Margining
from deltawire.exchange.accounts.portfolios import Portfolios
from deltawire.exchange.accounts.positions import Position
from deltawire.exchange.accounts.settlement import Settlement
from deltawire.exchange.accounts.subaccounts import Subaccounts
from deltawire.exchange.instruments.contracts import worth_at_ticks
from deltawire.exchange.instruments.fees import FeeTable, liquidation_fee, trade_fee
from deltawire.exchange.orders.codes import Code, Rejection
from deltawire.exchange.orders.orders import AccountId, Fill, Order
from deltawire.exchange.ports import AccountEvent, Record, RiskInstruction
from deltawire.exchange.pricing.pricing import PriceBand, Prices, Pricing
from deltawire.model.instruments import Instrument

FUNDS = Rejection(Code.NOT_ENOUGH_FUNDS)
MOST = 1 << 62
"""Limit of all deposits of one currency, so that every amount fits into 64 bits."""
UNKNOWN = Rejection(Code.INVALID_OR_UNSUPPORTED_INSTRUMENT, param="instrument_name")
LOCKED = Rejection(Code.ACCOUNT_LOCKED, reason="liquidation")


class _State(msgspec.Struct):
    """The content of a snapshot; everything else is computed from it."""

    ledger: Ledger
    pricing: Pricing
    settle_ns: int
    listed_hour: int


class Accounts:
    """Every account, with margin, settlement and liquidation by the incoming records."""

    def __init__(
        self,
        *,
        margins: MarginTable | None = None,
        fees: FeeTable | None = None,
        band: PriceBand | None = None,
        listing: bool = True,
    ) -> None:
        self.margins = margins or MarginTable()
        self.fees = fees or FeeTable()
        self.band = band or PriceBand()
        self._lists = listing
        self._began(Ledger(), Pricing())

    def check(self, order: Order, instrument: Instrument, replaces: Order | None) -> Rejection | None:
        """Whether the funds of the account cover what the order adds to the initial margin."""
        if instrument.name not in self.pricing.instruments:
            return UNKNOWN
        account = self.ledger.accounts.get(order.account)
        if account is None:
            return FUNDS
        wallet = account.wallets.get(instrument.settlement)
        if wallet is None:
            return FUNDS
        if wallet.liquidating:
            return LOCKED
        if order.terms.reduce_only:
            return None
        old = account.orders.get(replaces.id) if replaces else None
        return None if self.standings.has_funds_for(account, instrument, _open(order), old) else FUNDS

    def rested(self, order: Order) -> None:
        """Record the open part of an order."""
        account = self.ledger.account(order.account)
        old = account.orders.pop(order.id, None)
        new = None
        if order.leaves_lots:
            new = account.orders[order.id] = _open(order)
        if old != new:
            self.standings.reserved(account, order.terms.instrument, old, new)

    def filled(self, fill: Fill) -> None:
        """Move the worth of a fill between its owner and the counterparty, whose fill follows; charge fees."""
        account = self.ledger.account(fill.account)
        instrument = self.instrument(fill.instrument)
        wallet = account.wallet(instrument.settlement)
        position = account.positions.get(instrument.name)
        if position is None:
            position = account.positions[instrument.name] = Position(instrument.kind == "future")
        self.settlement.charge_funding(position, instrument)
        lots = fill.size_lots if fill.side == "buy" else -fill.size_lots
        worth = worth_at_ticks(instrument, fill.price_ticks, lots)
        price = instrument.price(fill.price_ticks)
        index = self.margining.index(instrument, price)
        worth_usd = round(worth * index) if instrument.inverse else worth
        profit = position.trade(lots, worth, 0 if position.margined else worth_usd)
        if not position.margined:
            wallet.balance -= worth
        fee = trade_fee(self.fees, instrument, price, index, lots, fill.role)
        self.ledger.charge(wallet, instrument.settlement, fee)
        if fill.terms.liquidation:
            forced = liquidation_fee(self.fees, instrument, price, index, lots)
            self.ledger.insure(wallet, instrument.settlement, forced)
            fee += forced
        self._forget(account, position, instrument)
        self.standings.refresh(account, instrument)
        self.outbox.append(
            Charged(
                fill.account,
                fill.trade_id,
                fill.order_id,
                instrument.name,
                instrument.settlement,
                fee,
                profit,
                profit if position.margined else -worth,
                wallet.balance,
                position.lots,
            )
        )
        self.liquidation.suspect(account, instrument.settlement)

    def position(self, account: AccountId, instrument: str) -> int:
        """Lots, negative when short."""
        held = self.ledger.accounts.get(account)
        position = held.positions.get(instrument) if held else None
        return position.lots if position else 0

    def received(self, record: Record) -> Rejection | None:
        """Prices, deposits and withdrawals, changes of the margin model."""
        match record:
            case Prices():
                self._priced(record)
                return None
            case Deposit():
                return self._deposit(record)
            case Withdraw():
                return self._withdraw(record)
            case SetMarginModel():
                return self._set_model(record)
        return self.subaccounts.received(record, self.outbox)

    def outcome(self) -> Sequence[AccountEvent | RiskInstruction]:
        """The results of the calls so far, liquidations last."""
        self.liquidation.examine(self.outbox)
        if not self.outbox:
            return ()
        outputs, self.outbox[:] = list(self.outbox), []
        return outputs

    def freeze(self) -> bytes:
        """Ledger and prices."""
        state = _State(self.ledger, self.pricing, self.settlement.settle_ns, self.listings.hour)
        return msgspec.msgpack.encode(state)

    def thaw(self, state: bytes) -> None:
        """Restore ledger and prices; sums and margins are computed again, with equal results."""
        frozen = msgspec.msgpack.decode(state, type=_State)
        self._began(frozen.ledger, frozen.pricing, frozen.settle_ns)
        self.listings.hour = frozen.listed_hour
        self.standings.refresh_all()

    def imbalance(self, currency: str) -> int:
        """The sum of all money, which is zero."""
        return self.ledger.imbalance(currency, self.settlement_of)

    def instrument(self, name: str) -> Instrument:
        """A listed instrument."""
        return self.pricing.instruments[name]

    def list(self, instrument: Instrument) -> None:
        """List an instrument."""
        self.pricing.list(instrument)
        self.settlement_of[instrument.name] = instrument.settlement

    def beside(self, ledger: Ledger) -> "Accounts":
        """Others at the same prices and tables."""
        found = Accounts(margins=self.margins, fees=self.fees, band=self.band, listing=False)
        found._began(ledger, self.pricing, self.settlement.settle_ns)
        found.standings.refresh_all()
        return found

    def _began(self, ledger: Ledger, pricing: Pricing, settle_ns: int = 0) -> None:
        self.ledger, self.pricing = ledger, pricing
        self.outbox: list[AccountNotice | RiskInstruction] = []
        self.settlement_of = {name: instrument.settlement for name, instrument in pricing.instruments.items()}
        self.margining = Margining(pricing, self.margins, self.fees)
        self.portfolios = Portfolios(pricing, self.margins)
        self.standings = MarginState(ledger, pricing, self.margining, self.portfolios)
        self.settlement = Settlement(
            ledger, pricing, self.fees, standings=self.standings, settle_ns=settle_ns
        )
        self.liquidation = Liquidation(ledger, pricing, self.standings, self.band)
        self.listings = Listings(pricing, self.fees, self.band, self.margins)
        self.subaccounts = Subaccounts(ledger, pricing, self.standings, self.settlement)

    def _priced(self, prices: Prices) -> None:
        self.pricing.indexed(prices)
        if self._lists:
            for instrument in self.listings.due(self.outbox):
                self.list(instrument)
        self.pricing.marked(prices)
        self.settlement.due(self.outbox)
        self.standings.refresh_all()
        self.listings.references(self.outbox)
        self.liquidation.round()

    def _deposit(self, record: Deposit) -> Rejection | None:
        if record.currency not in self.listings.currencies():
            return Rejection(Code.INVALID_PARAMS, reason="unknown currency", param="currency")
        house = self.ledger.houses.get(record.currency)
        if not 0 < record.units <= MOST - (house.deposits if house else 0):
            return Rejection(Code.INVALID_AMOUNT, param="units")
        if record.number:
            taken = self.ledger.accounts.get(record.account)
            if record.number != (taken.deposits if taken else 0) + 1:
                return Rejection(Code.INVALID_PARAMS, reason="not the next deposit", param="number")
            self.ledger.account(record.account).deposits = record.number
        self._pay(record.account, record.currency, record.units, record.at_ns)
        return None

    def _withdraw(self, record: Withdraw) -> Rejection | None:
        account = self.ledger.accounts.get(record.account)
        wallet = account.wallets.get(record.currency) if account else None
        if record.units <= 0:
            return Rejection(Code.INVALID_AMOUNT, param="units")
        if account is None or wallet is None or record.units > self.standings.free(account, record.currency):
            return FUNDS
        if wallet.liquidating:
            return LOCKED
        self._pay(record.account, record.currency, -record.units, record.at_ns)
        return None

    def _pay(self, account: AccountId, currency: str, units: int, at_ns: int) -> None:
        self.ledger.deposit(account, currency, units)
        balance = self.ledger.account(account).wallet(currency).balance
        self.outbox.append(BalanceChanged(account, currency, units, at_ns, balance))

    def _set_model(self, record: SetMarginModel) -> Rejection | None:
        account = self.ledger.accounts.get(record.account)
        if account is None:
            return Rejection(Code.NOT_FOUND, param="account")
        before, account.model = account.model, record.model
        self.standings.refresh_account(account)
        if all(self.standings.available(account, currency) >= 0 for currency in account.wallets):
            return None
        account.model = before
        self.standings.refresh_account(account)
        return FUNDS

    def _forget(self, account: Account, position: Position, instrument: Instrument) -> None:
        """A closed option position is removed; a future's profit waits for its settlement."""
        if not position.lots and not position.margined:
            del account.positions[instrument.name]


def _open(order: Order) -> OpenOrder:
    return OpenOrder(
        order.terms.instrument, order.sign, order.leaves_lots, order.price_ticks, order.terms.reduce_only
    )

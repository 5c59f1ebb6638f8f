"""Accounts that belong to another: opened, named, and paid and given positions by their owner."""

import msgspec

from deltawire.exchange.accounts.account_records import (
    AccountNotice,
    BalanceChanged,
    CloseSubaccount,
    Move,
    MovePositions,
    OpenSubaccount,
    PositionMoved,
    RenameSubaccount,
    SetSubaccountLogin,
    SubaccountOpened,
    Transfer,
)
from deltawire.exchange.accounts.ledger import Account, House, Ledger
from deltawire.exchange.accounts.margin_state import MarginState
from deltawire.exchange.accounts.names import is_name
from deltawire.exchange.accounts.positions import Position
from deltawire.exchange.accounts.settlement import Settlement
from deltawire.exchange.instruments.contracts import worth_at
from deltawire.exchange.orders.codes import Code, Rejection
from deltawire.exchange.orders.orders import AccountId
from deltawire.exchange.ports import Record, RiskInstruction
from deltawire.exchange.pricing.pricing import Pricing
from deltawire.model.instruments import Instrument
from deltawire.model.numbers import parse_decimal

FIRST = 500_000
"""The first number of a sub-account; the operator's accounts are numbered from 1 on."""
MOST = 20
"""Sub-accounts of one account (docs.deribit.com)."""
MOST_EVER = 1_000
"""Of one account, those that have been closed included."""
Outbox = list[AccountNotice | RiskInstruction]
TAKEN = Rejection(Code.INVALID_PARAMS, reason="taken", param="name")
UNKNOWN = Rejection(Code.NOT_FOUND, reason="no such sub-account of this account", param="sid")
NOT_EMPTY = Rejection(
    Code.OTHER_REJECT,
    reason="it has money, positions or orders: cancel, close and transfer them first",
    param="subaccount_id",
)
FARTHEST = 100
"""Prices of moved positions are at most so many times the index: far out, and within what integers hold."""
FUNDS = Rejection(Code.NOT_ENOUGH_FUNDS)
LOCKED = Rejection(Code.ACCOUNT_LOCKED, reason="liquidation")


class Subaccounts:
    """Acts on the records about them."""

    def __init__(
        self, ledger: Ledger, pricing: Pricing, standings: MarginState, settlement: Settlement
    ) -> None:
        self._ledger = ledger
        self._pricing = pricing
        self._standings = standings
        self._settlement = settlement

    def received(self, record: Record, outbox: Outbox) -> Rejection | None:
        """Act on a record, or refuse it without having changed anything."""
        match record:
            case OpenSubaccount():
                return self._open(record, outbox)
            case RenameSubaccount():
                return self._rename(record)
            case SetSubaccountLogin():
                return self._set_login(record)
            case CloseSubaccount():
                return self._close(record)
            case Transfer():
                return self._transfer(record, outbox)
            case MovePositions():
                return self._move(record, outbox)
        return Rejection(Code.NOT_IMPLEMENTED, reason=type(record).__name__)

    def owner(self, number: AccountId) -> AccountId:
        """The main account of an account, which may be itself."""
        account = self._ledger.accounts.get(number)
        return number if account is None or not account.main else account.main

    def _open(self, record: OpenSubaccount, outbox: Outbox) -> Rejection | None:
        if self.owner(record.account) != record.account:
            return Rejection(Code.FORBIDDEN, reason="a sub-account has none itself")
        if len(self._ledger.subaccounts(record.account)) >= MOST:
            return Rejection(Code.OTHER_REJECT, reason=f"at most {MOST} sub-accounts")
        owner = self._ledger.accounts.get(record.account)
        if owner is not None and owner.opened >= MOST_EVER:
            return Rejection(
                Code.OTHER_REJECT, reason=f"at most {MOST_EVER} sub-accounts, closed ones included"
            )
        if not self._is_free(record.name):
            return TAKEN
        account = self._ledger.open_subaccount(record.account, record.name, FIRST)
        self._ledger.account(record.account).opened += 1
        outbox.append(SubaccountOpened(record.account, account.id, record.name))
        return None

    def _rename(self, record: RenameSubaccount) -> Rejection | None:
        sub = self._ledger.accounts.get(record.sub)
        if sub is None or sub.main != record.account:
            return UNKNOWN
        if not self._is_free(record.name):
            return TAKEN
        sub.name = record.name
        return None

    def _set_login(self, record: SetSubaccountLogin) -> Rejection | None:
        sub = self._ledger.accounts.get(record.sub)
        if sub is None or sub.main != record.account:
            return UNKNOWN
        sub.login = record.enabled
        return None

    def _close(self, record: CloseSubaccount) -> Rejection | None:
        sub = self._ledger.accounts.get(record.sub)
        if sub is None or sub.main != record.account:
            return Rejection(Code.NOT_FOUND, param="subaccount_id")
        held = any(position.lots or position.unsettled for position in sub.positions.values())
        if held or sub.orders or any(wallet.balance or wallet.liquidating for wallet in sub.wallets.values()):
            return NOT_EMPTY
        self._ledger.close(record.sub)
        self._standings.forget(record.sub)
        return None

    def _is_free(self, name: str) -> bool:
        taken = any(each.name == name for each in self._ledger.accounts.values())
        return is_name(name) and not taken

    def _transfer(self, record: Transfer, outbox: Outbox) -> Rejection | None:
        if (rejection := self._kin(record.account, record.to)) is not None:
            return rejection
        source = self._ledger.account(record.account)
        wallet = source.wallets.get(record.currency)
        if record.units <= 0:
            return Rejection(Code.INVALID_AMOUNT, param="amount")
        if wallet is None or record.units > self._standings.free(source, record.currency):
            return FUNDS
        if wallet.liquidating:
            return LOCKED
        for number, units, other in (
            (record.account, -record.units, record.to),
            (record.to, record.units, record.account),
        ):
            self._ledger.deposit(number, record.currency, units)
            balance = self._ledger.account(number).wallet(record.currency).balance
            outbox.append(
                BalanceChanged(number, record.currency, units, record.at_ns, balance, other, record.nonce)
            )
        return None

    def _kin(self, one: AccountId, other: AccountId) -> Rejection | None:
        """Why two accounts are not two of one owner."""
        if one == other or self.owner(one) != self.owner(other):
            return Rejection(Code.NOT_FOUND, reason="no such account of this owner", param="destination")
        return None

    def _move(self, record: MovePositions, outbox: Outbox) -> Rejection | None:
        if (rejection := self._kin(record.account, record.to)) is not None:
            return rejection
        source, target = self._ledger.account(record.account), self._ledger.account(record.to)
        names = [move.instrument for move in record.moves]
        if not names or len(set(names)) != len(names):
            reason = "each instrument once" if names else "at least one"
            return Rejection(Code.INVALID_PARAMS, reason=reason, param="trades")
        for move in record.moves:
            if (rejection := self._movable(source, move)) is not None:
                return rejection
        before = [(each, _copy(each)) for each in (source, target)]
        houses = msgspec.msgpack.encode(self._ledger.houses)
        moved = [(move, self._hand_over(source, target, move)) for move in record.moves]
        for account in (source, target):
            self._standings.refresh_account(account)
        settled = {self._pricing.instruments[name].settlement for name in names}
        if any(self._standings.available(each, coin) < 0 for each in (source, target) for coin in settled):
            self._undo(before, houses)
            return FUNDS
        for move, lots in moved:
            self._tell(source, -lots, move, record.at_ns, target.id, outbox)
            self._tell(target, lots, move, record.at_ns, source.id, outbox)
        return None

    def _movable(self, source: Account, move: Move) -> Rejection | None:
        instrument = self._pricing.instruments.get(move.instrument)
        position = source.positions.get(move.instrument)
        if instrument is None or move.instrument not in self._pricing.marks:
            return Rejection(Code.INVALID_OR_UNSUPPORTED_INSTRUMENT, param="instrument_name")
        if position is None or not 0 < move.lots <= abs(position.lots):
            return Rejection(Code.INVALID_AMOUNT, reason="more than the position", param="amount")
        if move.lots % parse_decimal(instrument.min_trade_size or "1", instrument.size_exponent):
            return Rejection(
                Code.NON_INTEGER_CONTRACT_AMOUNT,
                reason=f"a multiple of {instrument.min_trade_size}",
                param="amount",
            )
        if source.wallet(instrument.settlement).liquidating:
            return LOCKED
        least, most = instrument.price(1), FARTHEST * self._usual(instrument)
        within = least <= move.price <= most
        return (
            None if within else Rejection(Code.INVALID_PRICE, reason=f"from {least} to {most}", param="price")
        )

    def _usual(self, instrument: Instrument) -> float:
        """What prices of an instrument are held against: its index; options on a coin are priced in that coin."""
        if instrument.kind == "option" and instrument.inverse:
            return 1.0
        return self._pricing.index.get(instrument.index_name, 0.0)

    def _hand_over(self, source: Account, target: Account, move: Move) -> int:
        """Do it; what the target has got, in lots."""
        instrument = self._pricing.instruments[move.instrument]
        lots = move.lots if source.positions[move.instrument].lots > 0 else -move.lots
        worth = worth_at(instrument, move.price, lots)
        self._trade(source, instrument, -lots, -worth)
        self._trade(target, instrument, lots, worth)
        return lots

    def _trade(self, account: Account, instrument: Instrument, lots: int, worth: int) -> None:
        position = account.positions.get(instrument.name)
        if position is None:
            position = account.positions[instrument.name] = Position(instrument.kind == "future")
        self._settlement.charge_funding(position, instrument)
        position.trade(lots, worth)
        if not position.margined:
            account.wallet(instrument.settlement).balance -= worth
            if not position.lots:
                del account.positions[instrument.name]
        account.wallet(instrument.settlement)

    def _undo(self, before: list[tuple[Account, Account]], houses: bytes) -> None:
        self._ledger.houses = msgspec.msgpack.decode(houses, type=dict[str, House])
        for account, copied in before:
            account.wallets, account.positions = copied.wallets, copied.positions
            self._standings.refresh_account(account)

    def _tell(
        self, account: Account, lots: int, move: Move, at_ns: int, other: AccountId, outbox: Outbox
    ) -> None:
        settlement = self._pricing.instruments[move.instrument].settlement
        position = account.positions.get(move.instrument)
        balance = account.wallet(settlement).balance
        held = position.lots if position else 0
        outbox.append(
            PositionMoved(
                account.id, move.instrument, settlement, lots, move.price, at_ns, balance, held, other
            )
        )


def _copy(account: Account) -> Account:
    return msgspec.msgpack.decode(msgspec.msgpack.encode(account), type=Account)

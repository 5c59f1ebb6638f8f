"""Histories of accounts: their last trades and ended orders."""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import msgspec

from deltawire.exchange.accounts.account_log import AccountLog
from deltawire.exchange.accounts.account_records import Charged
from deltawire.exchange.instruments.contracts import UNITS
from deltawire.exchange.orders.orders import AccountId, Fill, Order, OrderChanged, OrderId

AGENTS_FROM = 1_000_000
"""The first account number of the exchange's own agents; clients have lower numbers."""
KEPT = 10_000
"""Number of trades and of ended orders kept per account."""


class Execution(msgspec.Struct, frozen=True, gc=False):
    """One side of a trade with its cost; `fee` is in `fee_currency`, below zero a rebate.

    `direction` is 0 up, 1 level after up, 2 down, 3 level after down.
    """

    fill: Fill
    direction: int
    fee: float = 0.0
    fee_currency: str = ""
    profit_loss: float | None = None


class _Past:
    """The history of one account; `orders` are oldest first, and also stored by id."""

    def __init__(self, trades: Iterable[Execution], orders: Iterable[Order], kept: int) -> None:
        self.trades = deque(trades, kept)
        self.orders: deque[Order] = deque()
        self.by_id: dict[OrderId, Order] = {}
        self._kept = kept
        for order in orders:
            self.ended(order)

    def ended(self, order: Order) -> None:
        """Add an ended order; the oldest one is dropped if there are too many."""
        self.orders.append(order)
        self.by_id[order.id] = order
        if len(self.orders) > self._kept:
            del self.by_id[self.orders.popleft().id]


class _Tape(msgspec.Struct):
    trade_id: int = 0
    price_ticks: int = 0
    direction: int = 0


class _Frozen(msgspec.Struct, frozen=True):
    pasts: list[tuple[AccountId, list[Execution], list[Order]]]
    tapes: list[tuple[str, _Tape]]
    log: bytes = b""


class AccountHistory:
    """The history of accounts with numbers below `before`; the exchange's own agents have none."""

    def __init__(self, before: AccountId = AGENTS_FROM, kept: int = KEPT) -> None:
        self._before = before
        self._kept = kept
        self._pasts: dict[AccountId, _Past] = {}
        self._tapes: dict[str, _Tape] = {}
        self.log = AccountLog(before, kept)

    def apply(self, outputs: Sequence[Any]) -> list[Execution]:
        """Add the results of one record (fees follow the fills); returns the trades that were added."""
        self.log.apply(outputs)
        charges = {
            (charge.trade_id, charge.order_id): charge for charge in outputs if isinstance(charge, Charged)
        }
        trades: list[Execution] = []
        for output in outputs:
            if isinstance(output, Fill):
                trade = self._filled(output, charges.get((output.trade_id, output.order_id)))
                if trade is not None:
                    trades.append(trade)
            elif isinstance(output, OrderChanged):
                self._ended(output.order)
        return trades

    def freeze(self) -> bytes:
        """The whole history, for a snapshot."""
        pasts = [(account, list(past.trades), list(past.orders)) for account, past in self._pasts.items()]
        return msgspec.msgpack.encode(_Frozen(pasts, list(self._tapes.items()), self.log.freeze()))

    def thaw(self, frozen: bytes) -> None:
        """Restore a frozen history."""
        saved = msgspec.msgpack.decode(frozen, type=_Frozen)
        self._tapes = dict(saved.tapes)
        if saved.log:
            self.log.thaw(saved.log)
        for account, trades, orders in saved.pasts:
            self._pasts[account] = _Past(trades, orders, self._kept)

    def trades(self, account: AccountId) -> Iterator[Execution]:
        """The trades of an account, newest first."""
        past = self._pasts.get(account)
        return reversed(past.trades) if past else iter(())

    def orders(self, account: AccountId) -> Iterator[Order]:
        """The ended orders of an account, newest first."""
        past = self._pasts.get(account)
        return reversed(past.orders) if past else iter(())

    def order(self, account: AccountId, order_id: OrderId) -> Order | None:
        """An ended order; orders of other accounts are not found."""
        past = self._pasts.get(account)
        return past.by_id.get(order_id) if past else None

    def _filled(self, fill: Fill, charged: Charged | None) -> Execution | None:
        tape = self._tapes.get(fill.instrument)
        if tape is None:
            tape = self._tapes[fill.instrument] = _Tape(fill.trade_id, fill.price_ticks)
        elif tape.trade_id != fill.trade_id:
            tape.direction = _direction(fill.price_ticks, tape)
            tape.trade_id, tape.price_ticks = fill.trade_id, fill.price_ticks
        past = self._past(fill.account)
        if past is None:
            return None
        trade = _own(fill, tape.direction, charged)
        past.trades.append(trade)
        return trade

    def _ended(self, order: Order) -> None:
        past = None if order.leaves_lots else self._past(order.account)
        if past is not None:
            past.ended(order)

    def _past(self, account: AccountId) -> _Past | None:
        if account >= self._before:
            return None
        past = self._pasts.get(account)
        if past is None:
            past = self._pasts[account] = _Past((), (), self._kept)
        return past


def _own(fill: Fill, direction: int, charged: Charged | None) -> Execution:
    if charged is None:
        return Execution(fill, direction)
    return Execution(fill, direction, charged.fee / UNITS, charged.currency, charged.profit / UNITS)


def _direction(price_ticks: int, before: _Tape) -> int:
    if price_ticks == before.price_ticks:
        return before.direction | 1
    return 0 if price_ticks > before.price_ticks else 2

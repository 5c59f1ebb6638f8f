"""The account events of one record, as values taken when the record was executed.

They are converted to the dialect's objects when somebody listens, which may be never, and after the record is on
disk.
"""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from deltawire.dialect.account_objects import account_summary_object, position_object
from deltawire.dialect.order_objects import order_object, user_trade_object
from deltawire.exchange.accounts.account_records import LiquidationBegan, LiquidationEnded
from deltawire.exchange.accounts.history import Execution
from deltawire.exchange.accounts.summaries import CurrencySummary, PositionSummary
from deltawire.exchange.orders.orders import Order
from deltawire.exchange.orders.records import Protected
from deltawire.model.account_events import (
    AccountEvent,
    AccountLock,
    AccountState,
    AccountTrade,
    OrderUpdate,
    ProtectionTriggered,
)
from deltawire.model.instruments import Instrument

MakeEvent = Callable[[], AccountEvent]


class LazyEvents:
    """The events of one account and one record; they can be iterated any number of times."""

    __slots__ = ("_makes",)

    def __init__(self, *makes: MakeEvent) -> None:
        self._makes = list(makes)

    def add(self, make: MakeEvent) -> None:
        """Add an event; the arguments of `make` must not change any more."""
        self._makes.append(make)

    def __iter__(self) -> Iterator[AccountEvent]:
        return (make() for make in self._makes)


def order_update(order: Order, instrument: Instrument) -> MakeEvent:
    """An order after the record."""
    return partial(_order_update, order, instrument)


def account_trade(trade: Execution, instrument: Instrument, position: PositionSummary | None) -> MakeEvent:
    """A trade, and the position after the record."""
    return partial(_account_trade, trade, instrument, position)


def account_state(currency: str, summaries: tuple[CurrencySummary, ...]) -> MakeEvent:
    """Balance and margin at present; `currency` is theirs, or `any`."""
    return partial(_account_state, currency, summaries)


def notice(output: Any) -> MakeEvent | None:
    """Another event for an account; None if an output is none."""
    match output:
        case Protected():
            return partial(ProtectionTriggered, output.index_name, output.group, output.frozen_until_ns)
        case LiquidationBegan() | LiquidationEnded():
            return partial(AccountLock, isinstance(output, LiquidationBegan), output.currency)
    return None


def _order_update(order: Order, instrument: Instrument) -> OrderUpdate:
    return OrderUpdate(instrument, order_object(order, instrument))


def _account_trade(
    trade: Execution, instrument: Instrument, position: PositionSummary | None
) -> AccountTrade:
    held = None if position is None else position_object(position)
    return AccountTrade(instrument, user_trade_object(trade, instrument), held)


def _account_state(currency: str, summaries: tuple[CurrencySummary, ...]) -> AccountState:
    return AccountState(currency, tuple(map(account_summary_object, summaries)))

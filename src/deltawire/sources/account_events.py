"""The account events of one record: values of the moment when the record has acted.

They are put into the dialect's words when somebody listens, which may be never, and is after the disk has the record.
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
        """The next event; what `make` needs must not change any more."""
        self._makes.append(make)

    def __iter__(self) -> Iterator[AccountEvent]:
        return (make() for make in self._makes)


def order_update(order: Order, instrument: Instrument) -> MakeEvent:
    """An order as it stands after the record."""
    return partial(_order_update, order, instrument)


def account_trade(trade: Execution, instrument: Instrument, position: PositionSummary | None) -> MakeEvent:
    """A trade, and the position after the record."""
    return partial(_account_trade, trade, instrument, position)


def account_state(currency: str, summaries: tuple[CurrencySummary, ...]) -> MakeEvent:
    """Money and margin as they stand; `currency` is theirs, or `any`."""
    return partial(_account_state, currency, summaries)


def notice(output: Any) -> MakeEvent | None:
    """What else an account is told; None where an output is none of that."""
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

"""The state shared by all parts of matching, and the results of the current record so far."""

from collections import deque
from typing import Any

from deltawire.exchange.matching.books import OrderBook
from deltawire.exchange.orders.orders import (
    AccountId,
    Order,
    OrderChanged,
    OrderId,
    OrderState,
    Reason,
    SelfTrading,
)
from deltawire.exchange.ports import Output, RiskCheck

_copy = Order.__copy__  # type: ignore[attr-defined]
DAY_NS = 86_400 * 1_000_000_000
SETTLEMENT_NS = 8 * 3_600 * 1_000_000_000
"""A trading day ends at 08:00 UTC."""


def day_end(now: int) -> int:
    """The next 08:00 UTC after this time."""
    return ((now - SETTLEMENT_NS) // DAY_NS + 1) * DAY_NS + SETTLEMENT_NS


class MatchingState:
    """Books, orders and settings, and the outputs of the current record."""

    __slots__ = (
        "books",
        "by_account",
        "changed",
        "days",
        "needs_trigger_check",
        "next_order_id",
        "next_trade_id",
        "now",
        "orders",
        "outputs",
        "pending",
        "reducing",
        "risk",
        "self_trading",
        "traded",
    )

    def __init__(self, risk: RiskCheck) -> None:
        self.risk = risk
        self.books: dict[str, OrderBook] = {}
        self.orders: dict[OrderId, Order] = {}
        """The open orders."""
        self.by_account: dict[AccountId, dict[OrderId, Order]] = {}
        """The open orders of each account; an account without any may still have an empty entry."""
        self.reducing: dict[tuple[AccountId, str], dict[OrderId, Order]] = {}
        """Reduce-only orders in the book, which shrink with the position."""
        self.self_trading: dict[AccountId, SelfTrading] = {}
        self.next_order_id = self.next_trade_id = 1
        self.now = 0
        self.outputs: list[Output | Any] = []
        self.changed: dict[OrderId, Order] = {}
        self.traded: dict[str, OrderBook] = {}
        """Books whose changes are not published yet."""
        self.days: deque[tuple[int, OrderId]] = deque()
        """End times of orders that are good for the day, soonest first."""
        self.needs_trigger_check = False
        """Whether triggers must be checked, because there was a trade or an order was activated."""
        self.pending: deque[Order] = deque()
        """Activated orders that are still to be matched."""

    def enter(self, order: Order) -> None:
        """Give an order its id and make it an open order."""
        self.next_order_id += 1
        order_id, terms = order.id, order.terms
        self.orders[order_id] = self.changed[order_id] = order
        orders = self.by_account.get(order.account)
        if orders is None:
            orders = self.by_account[order.account] = {}
        orders[order_id] = order
        if terms.time_in_force == "good_til_day":
            self.days.append((day_end(order.created_ns), order.id))

    def end(self, order: Order, state: OrderState, reason: Reason = "") -> None:
        """End an order and record its reason."""
        order.state = state
        if reason:  # writing a field of an order costs more than comparing it, so only changes are written
            order.reason = reason
        if order.leaves_lots:
            order.leaves_lots = 0
        order.updated_ns = self.now
        order_id = order.id
        del self.orders[order_id]
        del self.by_account[order.account][order_id]
        self.changed[order_id] = order

    def publish(self) -> None:
        """Convert what has changed into events: orders in their present state, then books.

        An open order is copied; one that has ended never changes again.
        """
        outputs, changed, traded = self.outputs, self.changed, self.traded
        for order in changed.values():
            outputs.append(OrderChanged(_copy(order) if order.leaves_lots else order))
        changed.clear()
        for book in traded.values():
            delta = book.delta(self.now)
            if delta is not None:
                outputs.append(delta)
        traded.clear()

    def live(self, account: AccountId) -> list[Order]:
        """An account's open orders, in the order in which they were placed."""
        return list(self.by_account.get(account, {}).values())

    def find(self, account: AccountId, order_id: OrderId) -> Order | None:
        """An open order of this account; orders of other accounts are not found."""
        order = self.orders.get(order_id)
        return order if order is not None and order.account == account else None

"""The agents' access to the exchange: they submit records like clients, and read its books."""

from collections.abc import Callable
from typing import Any, NamedTuple

from deltawire.exchange.exchange import Exchange
from deltawire.exchange.orders.orders import AccountId, OrderChanged, OrderId, Terms, TimeInForce
from deltawire.exchange.orders.records import Cancel, Edit, Place
from deltawire.exchange.ports import Record
from deltawire.model.instruments import Instrument

Submit = Callable[[Record], list[Any]]


class Touch(NamedTuple):
    """Best prices in ticks and sizes in lots; None if a side is empty."""

    bid: int | None
    bid_lots: int
    ask: int | None
    ask_lots: int


class Trader:
    """The account of one agent, with short methods for its orders."""

    def __init__(self, exchange: Exchange, submit: Submit, account: AccountId) -> None:
        self._exchange = exchange
        self._submit = submit
        self.account = account

    def place(
        self,
        now_ns: int,
        instrument: Instrument,
        sign: int,
        lots: int,
        ticks: int,
        time_in_force: TimeInForce = "good_til_cancelled",
        *,
        post_only: bool = False,
    ) -> OrderId | None:
        """Place a limit order; returns its id if it rests, None if it was refused or is done."""
        terms = Terms(
            instrument=instrument.name,
            side="buy" if sign > 0 else "sell",
            size_lots=lots,
            price_ticks=ticks,
            time_in_force=time_in_force,
            post_only=post_only,
            reject_post_only=post_only,
        )
        outputs = self._submit(Place(at_ns=now_ns, account=self.account, terms=terms))
        orders = [
            output.order
            for output in outputs
            if type(output) is OrderChanged and output.order.account == self.account
        ]
        return orders[-1].id if orders and orders[-1].leaves_lots else None

    def cancel(self, now_ns: int, order_id: OrderId) -> None:
        """Cancel an order if it is still open."""
        if order_id in self._exchange.matching.orders:
            self._submit(Cancel(at_ns=now_ns, account=self.account, order_id=order_id))

    def edit(self, now_ns: int, order_id: OrderId, lots: int, ticks: int) -> bool:
        """Set the open size and price of an order; returns False if it has ended or was refused."""
        order = self._exchange.matching.orders.get(order_id)
        if order is None:
            return False
        if (order.leaves_lots, order.price_ticks) == (lots, ticks):
            return True
        record = Edit(
            at_ns=now_ns,
            account=self.account,
            order_id=order_id,
            size_lots=order.filled_lots + lots,
            price_ticks=ticks,
        )
        self._submit(record)
        return order_id in self._exchange.matching.orders

    def leaves(self, order_id: OrderId) -> int:
        """The open size of an order."""
        order = self._exchange.matching.orders.get(order_id)
        return order.leaves_lots if order else 0

    def price(self, order_id: OrderId) -> int | None:
        """The price of an order; None if it has ended."""
        order = self._exchange.matching.orders.get(order_id)
        return order.price_ticks if order else None

    def touch(self, instrument: Instrument) -> Touch:
        """The best prices and sizes of both sides."""
        return touch(self._exchange, instrument)


def touch(exchange: Exchange, instrument: Instrument) -> Touch:
    """The best prices and sizes of a book."""
    book = exchange.matching.books[instrument.name]
    bid, ask = book.bids.best(), book.asks.best()
    return Touch(
        bid,
        0 if bid is None else book.bids.levels[bid].shown_lots,
        ask,
        0 if ask is None else book.asks.levels[ask].shown_lots,
    )

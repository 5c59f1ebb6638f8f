"""One side of a matching book: price levels, each a queue of orders in time priority.

Bids and asks share the code: a *key* is the price times the side's sign, so the best key is the highest.
"""

from bisect import bisect_left, insort
from collections.abc import Iterator

import msgspec

from deltawire.exchange.orders.orders import Order, OrderId
from deltawire.model.events import Changes, Levels

PACKED = 32
"""Fewer removed entries in a queue are not worth repacking it."""
NONE = Changes([], [], [])


class Level(msgspec.Struct, gc=False):
    """The orders at one price in time priority; `shown_lots` is their visible size.

    The queue is a dict, because a plain dict is the fastest ordered set in Python. Removals leave empty entries,
    which a search for the first order must skip, so it is repacked after about √n removals: both then cost about √n
    steps of a nanosecond, which is negligible for a thousand orders.
    """

    price_ticks: int
    orders: dict[OrderId, Order]
    shown_lots: int
    holes: int = 0


class BookSide:
    """The levels of one side, and their visible sizes at the last call of `changes`."""

    __slots__ = ("keys", "levels", "sign", "touched")

    def __init__(self, sign: int) -> None:
        self.sign = sign
        """+1: bids, −1: asks."""
        self.keys: list[int] = []
        """Ascending, so the best is the last."""
        self.levels: dict[int, Level] = {}
        self.touched: dict[int, int] = {}

    def best(self) -> int | None:
        """The best price in ticks, None when the side is empty."""
        return self.sign * self.keys[-1] if self.keys else None

    def reaches(self, price_ticks: int) -> bool:
        """Whether the best price is at least as good as this one, for an order of the other side."""
        return bool(self.keys) and self.keys[-1] >= self.sign * price_ticks

    def add(self, order: Order) -> None:
        """Add an order at the end of its level's queue."""
        price = order.price_ticks
        level = self.levels.get(price)
        if level is None:
            self.levels[price] = Level(price, {order.id: order}, order.shown_lots)
            insort(self.keys, self.sign * price)
            if price not in self.touched:
                self.touched[price] = 0
            return
        if price not in self.touched:
            self.touched[price] = level.shown_lots
        level.shown_lots += order.shown_lots
        level.orders[order.id] = order

    def remove(self, order: Order) -> None:
        """Remove an order."""
        price, shown = order.price_ticks, order.shown_lots
        level = self.levels[price]
        if price not in self.touched:
            self.touched[price] = level.shown_lots
        order.shown_lots = 0
        orders = level.orders
        del orders[order.id]
        if not orders:
            self._drop(price)
            return
        level.shown_lots -= shown
        level.holes = holes = level.holes + 1
        if holes > PACKED and holes * holes > 4 * len(orders):
            level.orders, level.holes = dict(orders), 0

    def show(self, order: Order, lots: int) -> None:
        """Set the visible size of an order, which keeps its position in the queue."""
        price = order.price_ticks
        level = self.levels[price]
        if price not in self.touched:
            self.touched[price] = level.shown_lots
        level.shown_lots += lots - order.shown_lots
        order.shown_lots = lots

    def refresh(self, order: Order, level: Level) -> None:
        """Show the next part of an iceberg, behind all others at its price."""
        order.shown_lots = min(order.terms.display_lots or order.leaves_lots, order.leaves_lots)
        level.shown_lots += order.shown_lots
        level.orders[order.id] = level.orders.pop(order.id)
        level.holes += 1

    def _drop(self, price: int) -> None:
        del self.levels[price]
        keys, key = self.keys, self.sign * price
        if keys[-1] == key:
            keys.pop()
        else:
            del keys[bisect_left(keys, key)]

    def changes(self) -> Changes:
        """The changes of visible sizes since the last call; `NONE` if there are none."""
        touched, levels = self.touched, self.levels
        if len(touched) == 1:
            price, before = touched.popitem()
            level = levels.get(price)
            now = 0 if level is None else level.shown_lots
            return Changes([price], [now], [before]) if now != before else NONE
        prices: list[int] = []
        sizes: list[int] = []
        previous: list[int] = []
        for price, before in touched.items():
            now = levels[price].shown_lots if price in levels else 0
            if now != before:
                prices.append(price)
                sizes.append(now)
                previous.append(before)
        touched.clear()
        return Changes(prices, sizes, previous) if prices else NONE

    def image(self) -> Levels:
        """All levels with their visible sizes, best first."""
        prices = [self.sign * key for key in reversed(self.keys)]
        return Levels(prices, [self.levels[price].shown_lots for price in prices])

    def orders(self) -> Iterator[Order]:
        """All orders, by price, then time."""
        for key in reversed(self.keys):
            yield from self.levels[self.sign * key].orders.values()

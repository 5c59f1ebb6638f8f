"""Orders that wait for one price (index, mark or last) of one instrument, and when they trigger.

A stop buys when the price has risen to its trigger and sells when it has fallen to it; a take does the opposite. A
trailing stop is a stop whose trigger follows the best price at a distance. Of several, the one placed first is
triggered first.
"""

from bisect import bisect_left, insort

from deltawire.exchange.orders.orders import Order, OrderId


def direction(order: Order) -> int:
    """+1: triggers when the price rises to the trigger price, −1: when it falls to it."""
    return -order.sign if order.terms.type.startswith("take") else order.sign


class TriggerBook:
    """Trigger orders sorted by their trigger price, and trailing stops."""

    __slots__ = ("_keys", "_trailing")

    def __init__(self) -> None:
        self._keys: dict[int, list[tuple[int, OrderId]]] = {1: [], -1: []}
        self._trailing: dict[OrderId, Order] = {}

    def __bool__(self) -> bool:
        return bool(self._keys[1] or self._keys[-1] or self._trailing)

    def add(self, order: Order) -> None:
        """Add an order; `trigger_ticks` is set, or None for a trailing stop without a first price."""
        if order.terms.type == "trailing_stop":
            self._trailing[order.id] = order
        if order.trigger_ticks is not None:
            way = direction(order)
            insort(self._keys[way], (way * order.trigger_ticks, order.id))

    def remove(self, order: Order) -> None:
        """Remove an order."""
        self._trailing.pop(order.id, None)
        self._unkey(order)

    def _unkey(self, order: Order) -> None:
        if order.trigger_ticks is not None:
            way = direction(order)
            keys, key = self._keys[way], (way * order.trigger_ticks, order.id)
            del keys[bisect_left(keys, key)]

    def moved(self, price_ticks: int) -> list[OrderId]:
        """Remove and return the orders that trigger at this price, in the order in which they were placed."""
        fired = [order_id for way in (1, -1) for order_id in self._fire(way, way * price_ticks)]
        for order_id in fired:
            self._trailing.pop(order_id, None)
        return sorted(fired)

    def _fire(self, way: int, key: int) -> list[OrderId]:
        keys = self._keys[way]
        count = bisect_left(keys, (key + 1, 0))
        fired = [order_id for _, order_id in keys[:count]]
        del keys[:count]
        return fired

    def trail(self, price_ticks: int) -> list[Order]:
        """Let the trailing stops follow the price; returns those whose trigger price moved."""
        orders = sorted(self._trailing.values(), key=lambda order: order.id)
        return [order for order in orders if self._follow(order, price_ticks)]

    def _follow(self, order: Order, price_ticks: int) -> bool:
        best = order.reference_ticks
        if best is not None and (price_ticks - best) * order.sign >= 0:
            return False
        self._unkey(order)
        order.reference_ticks = price_ticks
        order.trigger_ticks = price_ticks + order.sign * (order.terms.trigger_offset_ticks or 0)
        insort(self._keys[order.sign], (order.sign * order.trigger_ticks, order.id))
        return True

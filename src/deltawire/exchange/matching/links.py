"""Orders that trigger or cancel each other: OTO, OCO, OTOCO.

Deribit: docs.deribit.com, `private/buy`, `linked_order_type` and `trigger_fill_condition`. `first_hit`: any fill
counts as complete; `complete_fill`: only when the order is filled completely; `incremental`: in proportion, rounded
down to the minimum size.
"""

from collections.abc import Callable

import msgspec

from deltawire.exchange.matching.matching_state import MatchingState
from deltawire.exchange.orders.orders import Order, OrderId, Reason


class Links:
    """Reacts to fills and ends of linked orders."""

    __slots__ = ("_cancel", "_matching", "_shrink")

    def __init__(
        self,
        matching: MatchingState,
        cancel: Callable[[Order, Reason], None],
        shrink: Callable[[Order, int, Reason], None],
    ) -> None:
        self._matching, self._cancel, self._shrink = matching, cancel, shrink

    def hit(self, order: Order) -> None:
        """An order was filled, at least partly."""
        condition = order.terms.fill_condition
        if condition == "complete_fill" and order.leaves_lots:
            return
        linked = self._linked(order)
        if order.oco:
            for other in linked:
                self._give_way(other, order)
        elif condition == "incremental" and order.leaves_lots:
            self._release_parts(linked, order)
        else:
            order.linked_ids = ()
            for secondary in linked:
                self._release(secondary)

    def ended(self, order: Order) -> None:
        """An order ended unfilled: cancel the other one of an OCO pair, and orders that wait for it."""
        linked, order.linked_ids = self._linked(order), ()
        for other in linked:
            self._unlink(other, order.id)
            if other.state == "untriggered" and other.primary_id == order.id:
                self._cancel(other, "oto_primary_closed")
            elif order.oco:
                self._cancel(other, "oco_other_closed")
        primary = self._matching.orders.get(order.primary_id)
        if primary is not None:
            self._unlink(primary, order.id)

    def replace(self, old: Order, new: Order) -> None:
        """A trigger order was triggered: link the resulting order in its place."""
        new.linked_ids, new.oco = old.linked_ids, old.oco
        for other in self._linked(old):
            other.linked_ids = tuple(
                new.id if order_id == old.id else order_id for order_id in other.linked_ids
            )
            other.primary_id = new.id if other.primary_id == old.id else other.primary_id
        old.linked_ids = ()

    def _linked(self, order: Order) -> list[Order]:
        orders = self._matching.orders
        return [orders[linked] for linked in order.linked_ids if linked in orders]

    def _unlink(self, order: Order, order_id: OrderId) -> None:
        order.linked_ids = tuple(linked for linked in order.linked_ids if linked != order_id)

    def _give_way(self, other: Order, order: Order) -> None:
        """Reduce the other order of an OCO pair, completely or in proportion to the fill."""
        left = 0
        if order.terms.fill_condition == "incremental" and order.leaves_lots:
            whole = other.terms.size_lots
            left = whole - self._part(other, whole, order) - other.filled_lots
        if left > 0:
            self._shrink(other, left, "oco_other_closed")
            return
        self._unlink(other, order.id)
        self._cancel(other, "oco_other_closed")

    def _part(self, other: Order, whole: int, order: Order) -> int:
        lot = self._matching.books[other.instrument].lot
        return whole * order.filled_lots // (order.size_lots * lot) * lot

    def _release(self, order: Order) -> None:
        """Activate a secondary order; it is matched when the present order is done."""
        order.primary_id, order.state = 0, "open"
        self._matching.changed[order.id] = order
        self._matching.pending.append(order)
        self._matching.needs_trigger_check = True

    def _release_parts(self, secondaries: list[Order], primary: Order) -> None:
        """Activate the filled proportion of each secondary order, as a separate order."""
        parts = [part for order in secondaries if (part := self._part_of(order, primary)) is not None]
        pair = len(parts) == 2
        for part in parts:
            part.oco = pair
            part.linked_ids = tuple(other.id for other in parts if pair and other is not part)

    def _part_of(self, order: Order, primary: Order) -> Order | None:
        whole = order.terms.size_lots
        due = self._part(order, whole, primary) - (whole - order.leaves_lots)
        if due <= 0:
            return None
        matching = self._matching
        part = msgspec.structs.replace(
            order, id=matching.next_order_id, primary_id=0, state="open", size_lots=due, leaves_lots=due,
            terms=msgspec.structs.replace(order.terms, size_lots=due),
            created_ns=matching.now, updated_ns=matching.now,
        )  # fmt: skip
        matching.enter(part)
        matching.pending.append(part)
        matching.needs_trigger_check = True
        order.leaves_lots -= due
        order.size_lots -= due
        matching.changed[order.id] = order
        if not order.leaves_lots:
            matching.end(order, "triggered")
        return part

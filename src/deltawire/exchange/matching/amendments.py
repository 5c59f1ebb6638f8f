"""Edits.

An order keeps its position in the queue only if its size shrinks; a new price or a larger size moves it to the end.
"""

from copy import copy

from msgspec.structs import replace

from deltawire.exchange.matching.acceptance import refuse
from deltawire.exchange.matching.books import OrderBook
from deltawire.exchange.matching.entry import Entry
from deltawire.exchange.matching.matching import Matcher
from deltawire.exchange.matching.matching_state import MatchingState
from deltawire.exchange.orders.codes import Code, Rejection
from deltawire.exchange.orders.orders import Order, Terms
from deltawire.exchange.orders.records import Edit

MISSING = Rejection(Code.ORDER_NOT_FOUND, param="order_id")
"""The account has no such open order; only the history knows whether it has ended."""
EDITABLE = (
    "size_lots",
    "price_ticks",
    "display_lots",
    "trigger_ticks",
    "trigger_offset_ticks",
    "post_only",
    "reject_post_only",
    "reduce_only",
    "valid_until_ns",
)


class Amendments:
    """Edits open orders."""

    __slots__ = ("_entry", "_matcher", "_matching")

    def __init__(self, matching: MatchingState, matcher: Matcher, entry: Entry) -> None:
        self._matching, self._matcher, self._entry = matching, matcher, entry

    def edit(self, record: Edit) -> Rejection | None:
        """Edit an order on a client's request."""
        order = self._named(record)
        if isinstance(order, Rejection):
            return order
        wanted = {name: value for name in EDITABLE if (value := getattr(record, name)) is not None}
        return self.change(order, replace(_standing(order), **wanted))

    def _named(self, record: Edit) -> Order | Rejection:
        order: Order | Rejection | None
        if record.order_id:
            order = self._matching.find(record.account, record.order_id)
            if order is None:
                return MISSING
        else:
            order = self._labelled(record)
        if isinstance(order, Order) and order.terms.liquidation:
            return Rejection(Code.CAN_NOT_EDIT_LIQUIDATION_ORDER)
        return order

    def _labelled(self, record: Edit) -> Order | Rejection:
        live = self._matching.live(record.account)
        orders = [
            order
            for order in live
            if order.terms.label == record.label and order.terms.instrument == record.instrument
        ]
        if not record.label or not orders:
            return Rejection(Code.ORDER_NOT_FOUND, param="label")
        return orders[0] if len(orders) == 1 else Rejection(Code.NON_UNIQUE_ORDER_LABEL, param="label")

    def change(self, order: Order, terms: Terms) -> Rejection | None:
        """Give an order new terms, or return the refusal and leave it unchanged.

        A post-only edit that would take ends it.
        """
        matching = self._matching
        book = matching.books[terms.instrument]
        rejection = refuse(terms, book, matching.now)
        if rejection is not None:
            return rejection
        wanted = copy(order)
        wanted.terms, wanted.size_lots = terms, terms.size_lots
        wanted.leaves_lots = terms.size_lots - order.filled_lots
        wanted.price_ticks = terms.price_ticks or 0
        wanted.trigger_ticks = terms.trigger_ticks
        wanted.replaced, wanted.updated_ns = True, matching.now
        if wanted.leaves_lots <= 0:
            return Rejection(Code.INVALID_AMOUNT, reason="no more than what is filled", param="amount")
        if order.primary_id:
            self._take_over(order, wanted)
            return None
        rejection = self._entry.admit(wanted, book, replaces=order)
        if rejection is None:
            self._replace(order, wanted, book)
        elif rejection.code == Code.POST_ONLY_REJECT:
            self._matcher.cancel(order, "edit_post_only_reject")
        else:
            return rejection
        return None

    def _replace(self, order: Order, wanted: Order, book: OrderBook) -> None:
        if order.state == "untriggered":
            self._matcher.detach(order)
            self._take_over(order, wanted)
            if order.terms.trigger is not None:
                book.waiting[order.terms.trigger].add(order)
        elif _keeps_place(order, wanted):
            self._reduce(order, wanted, book)
        else:
            self._matcher.detach(order)
            self._take_over(order, wanted)
            self._matcher.match(order, book)

    def _reduce(self, order: Order, wanted: Order, book: OrderBook) -> None:
        if order.terms.reduce_only:
            self._matcher.forget(order)
        self._take_over(order, wanted)
        if order.terms.reduce_only:
            self._matcher.note(order)
        if order.shown_lots > order.leaves_lots:
            self._matching.traded[book.instrument.name] = book
            book.side(order.sign).show(order, order.leaves_lots)
        self._matching.risk.rested(order)

    def _take_over(self, order: Order, wanted: Order) -> None:
        order.terms, order.price_ticks = wanted.terms, wanted.price_ticks
        order.size_lots, order.leaves_lots = wanted.size_lots, wanted.leaves_lots
        order.trigger_ticks, order.reference_ticks = wanted.trigger_ticks, wanted.reference_ticks
        order.replaced, order.updated_ns = True, wanted.updated_ns
        self._matching.changed[order.id] = order


def _standing(order: Order) -> Terms:
    """The terms with which an edit starts: the order in its present state."""
    if order.terms.type != "market_limit":
        return replace(order.terms, size_lots=order.size_lots)
    return replace(order.terms, size_lots=order.size_lots, type="limit", price_ticks=order.price_ticks)


def _keeps_place(order: Order, wanted: Order) -> bool:
    return (
        wanted.price_ticks == order.price_ticks
        and wanted.leaves_lots <= order.leaves_lots
        and wanted.terms.display_lots == order.terms.display_lots
    )

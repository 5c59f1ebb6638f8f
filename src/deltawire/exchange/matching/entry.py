"""Order entry: orders are accepted or refused, matched or left waiting, and activated later."""

from msgspec.structs import replace

from deltawire.exchange.matching.acceptance import fires_at_once, outside, refuse
from deltawire.exchange.matching.books import OrderBook
from deltawire.exchange.matching.matching import Matcher
from deltawire.exchange.matching.matching_state import MatchingState
from deltawire.exchange.matching.trigger_book import direction
from deltawire.exchange.orders.codes import Code, Rejection
from deltawire.exchange.orders.orders import AccountId, Order, Reason, Terms
from deltawire.exchange.orders.records import Place

UNKNOWN = Rejection(Code.INVALID_OR_UNSUPPORTED_INSTRUMENT, param="instrument_name")
ENDINGS: dict[Code, Reason] = {
    Code.NOT_ENOUGH_FUNDS: "not_enough_funds",
    Code.POST_ONLY_REJECT: "post_only",
    Code.OTHER_REJECT: "reduce_only",
}
"""The reason of an order that was refused when it was activated."""


class Entry:
    """Places orders."""

    __slots__ = ("_matcher", "_matching")

    def __init__(self, matching: MatchingState, matcher: Matcher) -> None:
        self._matching, self._matcher = matching, matcher

    def make(self, account: AccountId, terms: Terms, connection: int = 0) -> Order:
        """Create an order with an id that is not open yet."""
        matching = self._matching
        size, now = terms.size_lots, matching.now
        return Order(
            matching.next_order_id, account, terms, 1 if terms.side == "buy" else -1, terms.price_ticks or 0,
            size, size, 0, now, now, trigger_ticks=terms.trigger_ticks, connection=connection,
        )  # fmt: skip

    def place(self, request: Place, *, quote: bool = False) -> Rejection | None:
        """Place an order with its linked orders, or refuse all without changes."""
        matching, terms = self._matching, request.terms
        book = matching.books.get(terms.instrument)
        if book is None:
            return UNKNOWN
        rejection = refuse(terms, book, matching.now)
        if rejection is not None:
            return rejection
        order = self.make(request.account, terms, request.connection)
        if quote:
            order.quote = True
        rejection = self.admit(order, book)
        if rejection is not None:
            return rejection
        if terms.others:
            return self._place_linked(order, book)
        matching.enter(order)
        if terms.trigger is None:
            self._matcher.match(order, book)
        else:
            self._begin(order, book)
        return None

    def _begin(self, order: Order, book: OrderBook) -> None:
        trigger = order.terms.trigger
        if trigger is None:
            self._matcher.match(order, book)
        else:
            order.state = "untriggered"
            book.waiting[trigger].add(order)

    def admit(self, order: Order, book: OrderBook, replaces: Order | None = None) -> Rejection | None:
        """Set the price and size that the order may have, or return the refusal; changes nothing else."""
        terms = order.terms
        if terms.trigger is not None:
            return self._admit_trigger(order, book)
        if terms.mmp and (rejection := self._unprotected(order, book)):
            return rejection
        rejection = None
        if terms.type != "limit":
            rejection = self._price(order, book)
        elif terms.post_only or book.banded:
            rejection = self._fit(order, book)
        if rejection is None and terms.reduce_only:
            rejection = self._reduce(order, book)
        if rejection is None and not terms.liquidation:
            rejection = self._matching.risk.check(order, book.instrument, replaces)
        return rejection

    def _fit(self, order: Order, book: OrderBook) -> Rejection | None:
        """Check a limit price against the band, and move a post-only price behind the best one."""
        rejection = outside(order, book)
        if rejection is not None or not order.terms.post_only:
            return rejection
        opposite = book.side(-order.sign)
        if not opposite.reaches(order.price_ticks):
            return None
        if order.terms.reject_post_only:
            return Rejection(Code.POST_ONLY_REJECT)
        best = opposite.best()
        order.price_ticks = book.behind(best, order.sign) if best is not None else order.price_ticks
        return None if order.price_ticks > 0 else Rejection(Code.POST_ONLY_REJECT)

    def _price(self, order: Order, book: OrderBook) -> Rejection | None:
        """Set the price of a market order to the end of the band, of a market limit order to the best price."""
        worst = book.worst(order.sign)
        if order.terms.type == "market":
            order.price_ticks = worst
            return None
        best = book.side(-order.sign).best()
        if best is None or order.sign * (best - worst) > 0:
            return Rejection(Code.OTHER_REJECT, reason="no_liquidity")
        order.price_ticks = best
        return None

    def _reduce(self, order: Order, book: OrderBook) -> Rejection | None:
        position = self._matching.risk.position(order.account, book.instrument.name)
        allowed = -order.sign * position
        if allowed <= 0:
            return Rejection(Code.OTHER_REJECT, reason="reduce_only")
        if order.leaves_lots > allowed:
            order.size_lots -= order.leaves_lots - allowed
            order.leaves_lots = allowed
        return None

    def _unprotected(self, order: Order, book: OrderBook) -> Rejection | None:
        protection = self._matcher.protection
        guard = protection.guards.get(protection.key(order, book.instrument))
        if guard is None:
            return Rejection(Code.MMP_REQUIRED)
        if guard.frozen(self._matching.now):
            return Rejection(Code.QUOTES_FROZEN if order.quote else Code.MMP_TRIGGER)
        return None

    def _admit_trigger(self, order: Order, book: OrderBook) -> Rejection | None:
        terms = order.terms
        now_ticks = None if terms.trigger is None else book.price_of(terms.trigger)
        if now_ticks is None:
            return None
        if terms.type == "trailing_stop":
            order.reference_ticks = now_ticks
            order.trigger_ticks = now_ticks + order.sign * (terms.trigger_offset_ticks or 0)
            return None if order.trigger_ticks > 0 else Rejection(Code.INVALID_TRIGGER_PRICE)
        return fires_at_once(order, direction(order), now_ticks)

    def _place_linked(self, first: Order, book: OrderBook) -> Rejection | None:
        """Place an order with secondary orders, or an OCO pair."""
        matching, terms = self._matching, first.terms
        for wanted in terms.others:
            if rejection := refuse(wanted, book, matching.now):
                return rejection
        others = [self.make(first.account, wanted, first.connection) for wanted in terms.others]
        pair = terms.linked == "one_cancels_other"
        if pair and (rejection := self.admit(others[0], book)):
            return rejection
        for offset, other in enumerate(others, 1):
            other.id = first.id + offset
        first.linked_ids = tuple(other.id for other in others)
        first.oco = pair
        for other in others:
            other.oco = pair or len(others) == 2
            other.linked_ids = (first.id,) if pair else tuple(o.id for o in others if o is not other)
            other.terms = _with_condition(other.terms, terms)
            other.primary_id, other.state = (0, other.state) if pair else (first.id, "untriggered")
        for order in (first, *others):
            matching.enter(order)
        self._begin(first, book)
        if pair:
            self.activate(others[0])
        return None

    def activate(self, order: Order) -> None:
        """Place or refuse an order that waited for another order or for a price."""
        if not order.leaves_lots:
            return
        book = self._matching.books[order.instrument]
        rejection = Rejection(Code.BOOK_CLOSED) if not book.open else self.admit(order, book)
        self._matching.changed[order.id] = order
        if rejection is None:
            self._begin(order, book)
            return
        self._matching.end(order, "rejected", ENDINGS.get(rejection.code, "risk_mitigation"))
        if order.linked_ids:
            self._matcher.links.ended(order)

    def trigger(self, trigger_order: Order) -> None:
        """The trigger price was reached: end the trigger order and place the resulting order."""
        matching, terms = self._matching, trigger_order.terms
        order = self.make(trigger_order.account, _triggered(terms), trigger_order.connection)
        order.size_lots = order.leaves_lots = trigger_order.leaves_lots
        order.trigger_order_id = trigger_order.id
        matching.end(trigger_order, "triggered")
        self._matcher.links.replace(trigger_order, order)
        matching.enter(order)
        matching.pending.append(order)
        matching.needs_trigger_check = True


def _with_condition(terms: Terms, primary: Terms) -> Terms:
    """The other order of an OCO pair has the condition that was given with the first one."""
    return replace(terms, fill_condition=primary.fill_condition)


def _triggered(terms: Terms) -> Terms:
    """The terms of the order that results from a trigger order."""
    kind = "limit" if terms.type in ("stop_limit", "take_limit") else "market"
    return replace(terms, type=kind, trigger=None, trigger_ticks=None, trigger_offset_ticks=None)

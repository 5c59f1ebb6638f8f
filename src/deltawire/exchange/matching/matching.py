"""Price-time matching of one order against a book, and everything that ends or shrinks an order.

The consequences of a fill come before the next fill: linked orders and protected quotes are cancelled, reduce-only
orders shrink to the position. Orders that it activates wait until the present one is done.
"""

from deltawire.exchange.matching.books import OrderBook
from deltawire.exchange.matching.fill_probe import fillable
from deltawire.exchange.matching.levels import BookSide, Level
from deltawire.exchange.matching.links import Links
from deltawire.exchange.matching.matching_state import MatchingState
from deltawire.exchange.matching.protection import Protection
from deltawire.exchange.orders.orders import Fill, Order, Reason, format_id
from deltawire.model.events import Trade

AT_ONCE = frozenset({"immediate_or_cancel", "fill_or_kill"})


class Matcher:
    """Fills, rests, cancels and shrinks open orders."""

    __slots__ = ("_matching", "links", "protection")

    def __init__(self, matching: MatchingState) -> None:
        self._matching = matching
        self.links = Links(matching, self.cancel, self.shrink)
        self.protection = Protection(matching, self.cancel)

    def match(self, order: Order, book: OrderBook) -> None:
        """Match an order up to its price; the rest stays in the book or ends, by its time in force."""
        matching, terms = self._matching, order.terms
        matching.traded[terms.instrument] = book
        opposite = book.asks if order.sign > 0 else book.bids
        keys = opposite.keys
        if keys and keys[-1] >= opposite.sign * order.price_ticks:
            reason = self._match(order, book, opposite)
            if not order.leaves_lots:
                return
            if reason:
                self.cancel(order, reason)
                return
        if terms.time_in_force in AT_ONCE:
            self.cancel(order, terms.time_in_force)  # type: ignore[arg-type]
        elif terms.type == "market":
            self.cancel(order, "no_liquidity")
        else:
            self.rest(order, book)

    def rest(self, order: Order, book: OrderBook) -> None:
        """Put an order into the book, behind all others at its price."""
        matching, terms = self._matching, order.terms
        display = terms.display_lots
        order.shown_lots = order.leaves_lots if display is None else min(display, order.leaves_lots)
        (book.bids if order.sign > 0 else book.asks).add(order)
        if terms.reduce_only:
            self.note(order)
        matching.risk.rested(order)

    def note(self, order: Order) -> None:
        """Register a reduce-only order in the book, which shrinks with the position from now on."""
        self._matching.reducing.setdefault((order.account, order.terms.instrument), {})[order.id] = order

    def _match(self, taker: Order, book: OrderBook, opposite: BookSide) -> Reason:
        """Trade until price or size is exhausted; returns the reason if it must stop before."""
        keys, limit = opposite.keys, opposite.sign * taker.price_ticks
        killed = taker.terms.time_in_force == "fill_or_kill"
        if killed and fillable(self._matching, self.protection, taker, book) < taker.leaves_lots:
            return "fill_or_kill"
        while taker.leaves_lots and keys and keys[-1] >= limit:
            level = opposite.levels[opposite.sign * keys[-1]]
            maker = next(iter(level.orders.values()))
            if maker.account != taker.account:
                self._fill(taker, maker, book, opposite, level)
            elif self._matching.self_trading.get(taker.account) == "cancel_maker":
                self.cancel(maker, "self_trade")
            else:
                return "self_trade"
        return ""

    def _fill(self, taker: Order, maker: Order, book: OrderBook, opposite: BookSide, level: Level) -> None:
        matching, price = self._matching, level.price_ticks
        lots = maker.shown_lots if maker.shown_lots < taker.leaves_lots else taker.leaves_lots
        cost = price * lots
        for order in (maker, taker):
            order.leaves_lots -= lots
            order.filled_lots += lots
            order.cost += cost
        if maker.leaves_lots:
            opposite.show(maker, maker.shown_lots - lots)
            if not maker.shown_lots:
                opposite.refresh(maker, level)
            maker.updated_ns = matching.now
            matching.changed[maker.id] = maker
        else:
            opposite.remove(maker)
            if maker.terms.reduce_only:
                self.forget(maker)
            matching.end(maker, "filled")
        if taker.leaves_lots:
            taker.updated_ns = matching.now
        else:
            matching.end(taker, "filled")
        self._report(taker, maker, book, price, lots)
        if maker.linked_ids:
            self.links.hit(maker)
        if taker.linked_ids:
            self.links.hit(taker)
        if maker.terms.mmp:
            self.protection.hit(maker, book, price, lots)
        if matching.reducing:
            self._trim(maker.account, book)
            self._trim(taker.account, book)

    def _report(self, taker: Order, maker: Order, book: OrderBook, price: int, lots: int) -> None:
        """Report one trade to accounts, to both owners and to the public."""
        matching, reference, instrument = self._matching, book.reference, book.instrument
        now, name, risk = matching.now, instrument.name, matching.risk
        offered, wanted = maker.terms, taker.terms
        trade_id = matching.next_trade_id
        matching.next_trade_id = trade_id + 1
        matching.needs_trigger_check = True
        book.trade_seq = trade_seq = book.trade_seq + 1
        book.last_ticks = price
        mark, index, underlying = reference.mark_ticks, reference.index_ticks, reference.underlying
        iv = None if underlying is None else book.iv(price, now)
        liquidation = ("M" if offered.liquidation else "") + ("T" if wanted.liquidation else "")
        made = Fill(
            trade_id, trade_seq, name, maker.account, maker.id, offered.side, price, lots, "maker",
            offered, maker.state, now, mark, index, liquidation, underlying, iv,
        )  # fmt: skip
        taken = Fill(
            trade_id, trade_seq, name, taker.account, taker.id, wanted.side, price, lots, "taker",
            wanted, taker.state, now, mark, index, liquidation, underlying, iv,
        )  # fmt: skip
        risk.filled(made)
        risk.filled(taken)
        risk.rested(maker)
        trade = Trade(
            instrument, format_id(trade_id, instrument), price, lots, wanted.side, now, now, trade_seq,
            book.mark_price, book.index_price, iv, liquidation,
        )  # fmt: skip
        matching.outputs += (made, taken, trade)

    def _trim(self, account: int, book: OrderBook) -> None:
        """Shrink each reduce-only order to the size that the position allows, or end it."""
        orders = self._matching.reducing.get((account, book.instrument.name))
        if orders is None:
            return
        position = self._matching.risk.position(account, book.instrument.name)
        for order in sorted(orders.values(), key=lambda order: order.id):
            if order.leaves_lots > (allowed := max(0, -order.sign * position)):
                self.shrink(order, allowed, "reduce_only")

    def shrink(self, order: Order, leaves_lots: int, reason: Reason) -> None:
        """Limit the open size of an order; it keeps its position in the queue, or ends at zero."""
        if leaves_lots >= order.leaves_lots:
            return
        if leaves_lots <= 0:
            self.cancel(order, reason)
            return
        order.size_lots -= order.leaves_lots - leaves_lots
        order.leaves_lots = leaves_lots
        order.updated_ns = self._matching.now
        self._matching.changed[order.id] = order
        if order.shown_lots:
            book = self._matching.books[order.instrument]
            self._matching.traded[order.instrument] = book
            book.side(order.sign).show(order, min(order.shown_lots, leaves_lots))
            self._matching.risk.rested(order)

    def cancel(self, order: Order, reason: Reason) -> None:
        """End an order in any state; linked orders are informed."""
        rested = order.shown_lots > 0
        self.detach(order)
        self._matching.end(order, "cancelled", reason)
        if rested:
            self._matching.risk.rested(order)
        if order.linked_ids or order.primary_id:
            self.links.ended(order)

    def detach(self, order: Order) -> None:
        """Remove an order from the book, or from the waiting orders."""
        matching, terms = self._matching, order.terms
        book = matching.books[terms.instrument]
        if order.shown_lots:
            matching.traded[terms.instrument] = book
            (book.bids if order.sign > 0 else book.asks).remove(order)
            if terms.reduce_only:
                self.forget(order)
        elif order.state == "untriggered" and terms.trigger and not order.primary_id:
            book.waiting[terms.trigger].remove(order)

    def forget(self, order: Order) -> None:
        """Unregister a reduce-only order that is no longer in the book."""
        key = (order.account, order.terms.instrument)
        reducing = self._matching.reducing[key]
        del reducing[order.id]
        if not reducing:
            del self._matching.reducing[key]

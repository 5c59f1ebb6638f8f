"""Executes the instructions of accounts and the calendar, and checks trigger orders against prices."""

from collections.abc import Callable
from typing import Any

from msgspec.structs import replace

from deltawire.exchange.matching.books import OrderBook
from deltawire.exchange.matching.entry import Entry
from deltawire.exchange.matching.matching import Matcher
from deltawire.exchange.matching.matching_state import MatchingState
from deltawire.exchange.orders.orders import Reason, Trigger
from deltawire.exchange.orders.records import Place
from deltawire.exchange.ports import CancelAll, CloseBook, Liquidate, OpenBook, Reference
from deltawire.model.events import Listing, Status


class RiskInstructions:
    """Executes risk instructions."""

    __slots__ = ("_entry", "_known", "_matcher", "_matching")

    def __init__(self, matching: MatchingState, matcher: Matcher, entry: Entry) -> None:
        self._matching, self._matcher, self._entry = matching, matcher, entry
        self._known: dict[type, Callable[[Any], None]] = {
            Reference: self._refer,
            OpenBook: self._open,
            CloseBook: self._close,
            Liquidate: self._liquidate,
            CancelAll: self._cancel_all,
        }

    def execute(self, demand: object) -> bool:
        """Execute an instruction; returns False for other objects."""
        meet = self._known.get(type(demand))
        if meet is None:
            return False
        meet(demand)
        return True

    def watch(self) -> None:
        """Check waiting orders against new last prices."""
        for book in self._matching.traded.values():
            last = book.last_ticks
            if last != book.last_published and last is not None:
                book.last_published = last
                self._moved(book, "last_price", last)

    def _moved(self, book: OrderBook, trigger: Trigger, ticks: int) -> None:
        waiting, matching = book.waiting[trigger], self._matching
        if not waiting:
            return
        for order in waiting.trail(ticks):
            matching.changed[order.id] = order
        for order_id in waiting.moved(ticks):
            self._entry.trigger(matching.orders[order_id])

    def _refer(self, reference: Reference) -> None:
        book = self._matching.books[reference.instrument]
        book.refer(reference)
        if reference.index_ticks is not None:
            self._moved(book, "index_price", reference.index_ticks)
        if reference.mark_ticks is not None:
            self._moved(book, "mark_price", reference.mark_ticks)

    def _open(self, demand: OpenBook) -> None:
        matching, instrument = self._matching, demand.instrument
        book = matching.books.get(instrument.name)
        if book is None:
            book = matching.books[instrument.name] = OrderBook(instrument)
            matching.outputs += book.opened(matching.now)
            return
        book.define(instrument)
        book.open = True
        matching.outputs += Listing(instrument, matching.now), Status(instrument, "live", "", matching.now)

    def _close(self, demand: CloseBook) -> None:
        matching = self._matching
        book = matching.books[demand.instrument]
        book.open = False
        if demand.reason:
            self._clear(book, demand.reason)
            book.instrument = replace(book.instrument, active=False)
            matching.outputs.append(Listing(book.instrument, matching.now))
        why = "expired" if demand.reason else "halted"
        matching.outputs.append(Status(book.instrument, "stale", "closed", matching.now, why))

    def _clear(self, book: OrderBook, reason: Reason) -> None:
        """End all orders of a book; the delta that empties the book precedes the event that closes it."""
        matching = self._matching
        for order in list(matching.orders.values()):
            if order.instrument == book.instrument.name and order.leaves_lots:
                self._matcher.cancel(order, reason)
        delta = book.delta(matching.now)
        if delta is not None:
            matching.outputs.append(delta)

    def _liquidate(self, demand: Liquidate) -> None:
        self._entry.place(Place(at_ns=self._matching.now, account=demand.account, terms=demand.terms))

    def _cancel_all(self, demand: CancelAll) -> None:
        for order in self._matching.live(demand.account):
            if demand.instrument in (None, order.instrument) and order.leaves_lots:
                self._matcher.cancel(order, demand.reason)

"""The sequencer: records go in one at a time, events come out; the same records give the same events.

A record that is refused changes nothing and never reaches the journal; one that is accepted is handed to the
journal before `submit` returns, and whoever holds the journal lets nobody see the events before it is on disk.
"""

from collections.abc import Callable, Sequence
from typing import Any

from msgspec.structs import replace

from deltawire.exchange.books import OrderBook
from deltawire.exchange.changes import Changes
from deltawire.exchange.codes import Code, Rejection
from deltawire.exchange.connections import Connections
from deltawire.exchange.desk import REMEMBERED, Desk
from deltawire.exchange.entry import UNKNOWN, Entry
from deltawire.exchange.filters import fits
from deltawire.exchange.matching import Matcher
from deltawire.exchange.orders import AccountId, Order, OrderId, Reason, Terms
from deltawire.exchange.ports import (
    AccountEvent,
    CancelAll,
    CloseBook,
    Demand,
    Liquidate,
    OpenBook,
    Output,
    PublicEvent,
    Record,
    Reference,
    RiskCheck,
)
from deltawire.exchange.quoting import Quoting
from deltawire.exchange.records import (
    Cancel,
    CancelMany,
    ClosePosition,
    Connected,
    Disconnected,
    Edit,
    Instruct,
    MassQuote,
    Place,
    ResetProtection,
    SetCancelOnDisconnect,
    SetProtection,
    SetSelfTrading,
    Tick,
)
from deltawire.model.events import Listing, Status
from deltawire.model.instruments import Instrument

Handler = Callable[[Any], Rejection | None]
ALWAYS = 1 << 63


def _unlogged(record: Record) -> None:
    """The journal of an exchange that keeps none."""


class Exchange:
    """All books and the accounts behind them, as one state machine."""

    def __init__(
        self,
        risk: RiskCheck,
        journal: Callable[[Record], None] = _unlogged,
        *,
        remembered: int = REMEMBERED,
    ) -> None:
        self.desk = desk = Desk(risk, remembered)
        self.failure: Exception | None = None
        """What went wrong in the middle of a record: the state is not to be trusted, a restart is needed."""
        self.journal = journal
        self.matcher = Matcher(desk)
        self.entry = Entry(desk, self.matcher)
        self.changes = Changes(desk, self.matcher, self.entry)
        self.quoting = Quoting(desk, self.matcher, self.entry, self.changes)
        self.connections = Connections(desk, self.matcher)
        self._handlers: dict[type, Handler] = {
            Place: self.entry.place,
            Cancel: self._cancel,
            Edit: self.changes.edit,
            Tick: self._tick,
            CancelMany: self._cancel_many,
            ClosePosition: self._close_position,
            MassQuote: self._mass_quote,
            SetProtection: self.matcher.protection.configure,
            ResetProtection: self._reset_protection,
            SetSelfTrading: self._set_self_trading,
            Connected: self.connections.connected,
            Disconnected: self.connections.disconnected,
            SetCancelOnDisconnect: self.connections.configured,
            Instruct: self._instruct,
        }
        self._demands: dict[type, Callable[[Any], None]] = {
            Reference: self._refer,
            OpenBook: self._open,
            CloseBook: self._close,
            Liquidate: self._liquidate,
            CancelAll: self._cancel_all,
        }

    def submit(self, record: Record) -> list[Output | Any]:
        """Act on one record; what came of it, or the one `Rejection`.

        Time never falls: a record stamped earlier than the last counts as of the last one's time. After an
        exception (a defect, or a journal that cannot be written) every record is refused: what is in memory may
        not be what a replay would give.
        """
        if self.failure is not None:
            return [Rejection(Code.SYSTEM_MAINTENANCE, reason=str(self.failure))]
        try:
            return self._act(record)
        except Exception as error:
            self.failure = error
            raise

    def _act(self, record: Record) -> list[Output | Any]:
        desk = self.desk
        before = desk.now
        if desk.days and record.at_ns >= desk.days[0][0] and type(record) is not Tick:
            return self._act(Tick(at_ns=record.at_ns)) + self._act(record)
        if record.at_ns > before:
            desk.now = record.at_ns
        outputs = desk.outputs = []
        handler = self._handlers.get(type(record)) or desk.risk.received
        rejection = handler(record)
        if rejection is not None:
            desk.now = before
            return [rejection]
        came = desk.risk.outcome()
        if came or desk.stirred:
            self._settle(came)
        desk.publish()
        self.journal(record)
        return outputs

    def images(self) -> list[PublicEvent]:
        """What a late listener needs: every listed instrument and its book as it is shown."""
        now = self.desk.now
        return [event for book in self.desk.books.values() for event in book.opened(now)]

    def order(self, account: AccountId, order_id: OrderId) -> Order | None:
        """An account's order, alive or ended not long ago."""
        return self.desk.find(account, order_id)

    def labelled(self, account: AccountId, label: str) -> list[Order]:
        """An account's orders with this label: how to learn what became of a request without an answer."""
        return self.desk.labelled(account, label)

    def _settle(self, came: Sequence[AccountEvent | Demand]) -> None:
        """Do what the record has set in motion, and `came` of it, until nothing moves any more."""
        desk = self.desk
        while came or desk.stirred:
            desk.stirred = False
            self._watch()
            while desk.pending:
                self.entry.wake(desk.pending.popleft())
                self._watch()
            for each in came:
                demand = self._demands.get(type(each))
                if demand is None:
                    desk.outputs.append(each)
                else:
                    demand(each)
            came = desk.risk.outcome()

    def _watch(self) -> None:
        """Show new last prices to the orders that wait for them."""
        for book in self.desk.traded.values():
            last = book.last_ticks
            if last != book.last_told and last is not None:
                book.last_told = last
                self._moved(book, "last_price", last)

    def _moved(self, book: OrderBook, trigger: Any, ticks: int) -> None:
        waiting, desk = book.waiting[trigger], self.desk
        if not waiting:
            return
        for order in waiting.trail(ticks):
            desk.changed[order.id] = order
        for order_id in waiting.moved(ticks):
            self.entry.fire(desk.orders[order_id])

    def _cancel(self, record: Cancel) -> Rejection | None:
        order = self.desk.orders.get(record.order_id)
        if order is None or order.account != record.account:
            return self.changes.missing(record.account, record.order_id)
        if order.terms.liquidation:
            return Rejection(Code.CAN_NOT_CANCEL_LIQUIDATION_ORDER)
        self.matcher.cancel(order, "user_request")
        return None

    def _cancel_many(self, record: CancelMany) -> None:
        books = self.desk.books
        for order in self.desk.live(record.account):
            fitting = fits(record, order, books[order.instrument].instrument)
            if fitting and order.leaves_lots and not order.terms.liquidation:
                self.matcher.cancel(order, "user_request")

    def _close_position(self, record: ClosePosition) -> Rejection | None:
        if record.instrument not in self.desk.books:
            return UNKNOWN
        position = self.desk.risk.position(record.account, record.instrument)
        if not position:
            return Rejection(Code.ALREADY_CLOSED)
        terms = Terms(
            instrument=record.instrument, side="sell" if position > 0 else "buy", size_lots=abs(position),
            type=record.type, price_ticks=record.price_ticks, reduce_only=True,
        )  # fmt: skip
        return self.entry.place(
            Place(at_ns=record.at_ns, account=record.account, terms=terms, connection=record.connection)
        )

    def _mass_quote(self, record: MassQuote) -> Rejection | None:
        if not self.connections.settings.get((record.account, record.connection)):
            return Rejection(Code.COD_NOT_ENABLED)
        return self.quoting.quote(record)

    def _reset_protection(self, record: ResetProtection) -> Rejection | None:
        known = self.matcher.protection.reset((record.account, record.index_name, record.group))
        return None if known else Rejection(Code.NOT_FOUND, param="mmp_group")

    def _set_self_trading(self, record: SetSelfTrading) -> None:
        self.desk.self_trading[record.account] = record.mode

    def _tick(self, record: Tick) -> None:
        desk = self.desk
        while desk.days and desk.days[0][0] <= desk.now:
            order = desk.orders.get(desk.days.popleft()[1])
            if order is not None:
                self.matcher.cancel(order, "expired")

    def _instruct(self, record: Instruct) -> Rejection | None:
        demand = record.demand
        name = getattr(demand, "instrument", None)
        if isinstance(name, str) and name not in self.desk.books:
            return UNKNOWN
        self._do(demand)
        return None

    def _do(self, demand: Demand) -> None:
        self._demands[type(demand)](demand)

    def _refer(self, reference: Reference) -> None:
        book = self.desk.books[reference.instrument]
        book.refer(reference)
        if reference.index_ticks is not None:
            self._moved(book, "index_price", reference.index_ticks)
        if reference.mark_ticks is not None:
            self._moved(book, "mark_price", reference.mark_ticks)

    def _open(self, demand: OpenBook) -> None:
        desk, instrument = self.desk, demand.instrument
        book = desk.books.get(instrument.name)
        if book is None:
            book = desk.books[instrument.name] = OrderBook(instrument)
            desk.outputs += book.opened(desk.now)
            return
        book.define(instrument)
        book.open = True
        desk.outputs += [
            Listing(instrument, desk.now),
            Status(instrument, "live", "", desk.now),
        ]

    def _close(self, demand: CloseBook) -> None:
        desk = self.desk
        book = desk.books[demand.instrument]
        book.open = False
        desk.outputs.append(Status(book.instrument, "stale", "closed", desk.now))
        if demand.reason:
            book.instrument = replace(book.instrument, active=False)
            desk.outputs.append(Listing(book.instrument, desk.now))
            self._clear(book.instrument, demand.reason)

    def _clear(self, instrument: Instrument, reason: Reason) -> None:
        for order in list(self.desk.orders.values()):
            if order.instrument == instrument.name and order.leaves_lots:
                self.matcher.cancel(order, reason)

    def _liquidate(self, demand: Liquidate) -> None:
        self.entry.place(Place(at_ns=self.desk.now, account=demand.account, terms=demand.terms))

    def _cancel_all(self, demand: CancelAll) -> None:
        for order in self.desk.live(demand.account):
            if demand.instrument in (None, order.instrument) and order.leaves_lots:
                self.matcher.cancel(order, demand.reason)

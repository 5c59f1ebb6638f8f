"""The sequencer: records go in one at a time, events come out; the same records give the same events.

A record that is refused changes nothing and never reaches the journal; one that is accepted is handed to the
journal before `submit` returns, and whoever holds the journal lets nobody see the events before it is on disk.
"""

from collections.abc import Callable, Sequence
from typing import Any

from deltawire.exchange.changes import MISSING, Changes
from deltawire.exchange.codes import Code, Rejection
from deltawire.exchange.connections import Connections
from deltawire.exchange.demands import Demands
from deltawire.exchange.desk import Desk
from deltawire.exchange.entry import UNKNOWN, Entry
from deltawire.exchange.filters import fits
from deltawire.exchange.matching import Matcher
from deltawire.exchange.orders import Terms
from deltawire.exchange.ports import (
    AccountEvent,
    Demand,
    Output,
    PublicEvent,
    Record,
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

Handler = Callable[[Any], Rejection | None]


class Exchange:
    """All books and the accounts behind them, as one state machine."""

    def __init__(self, risk: RiskCheck, journal: Callable[[Record], None] | None = None) -> None:
        self.desk = desk = Desk(risk)
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
        self.demands = Demands(desk, self.matcher, self.entry)

    def submit(self, record: Record) -> list[Output | Any]:
        """Act on one record; what came of it, or the one `Rejection`.

        Time never falls: a record stamped earlier than the last counts as of the last one's time. After an
        exception (a defect, or a journal that cannot be written) every record is refused: what is in memory may
        not be what a replay would give.
        """
        if self.failure is not None:
            return [Rejection(Code.SYSTEM_MAINTENANCE, reason=str(self.failure))]
        desk, kind, at_ns = self.desk, type(record), record.at_ns
        if desk.days and at_ns >= desk.days[0][0] and kind is not Tick:
            return self.submit(Tick(at_ns=at_ns)) + self.submit(record)
        try:
            before = desk.now
            if at_ns > before:
                desk.now = at_ns
            outputs = desk.outputs = []
            rejection = (self._handlers.get(kind) or desk.risk.received)(record)
            if rejection is not None:
                desk.now = before
                return [rejection]
            came = desk.risk.outcome()
            if came or desk.stirred:
                self._settle(came)
            desk.publish()
            if self.journal is not None:
                self.journal(record)
            return outputs
        except Exception as error:
            self.failure = error
            raise

    def images(self) -> list[PublicEvent]:
        """What a late listener needs: every instrument that has not expired, and its book as it is shown."""
        now = self.desk.now
        return [
            event for book in self.desk.books.values() if book.instrument.active for event in book.opened(now)
        ]

    def _settle(self, came: Sequence[AccountEvent | Demand]) -> None:
        """Do what the record has set in motion, and `came` of it, until nothing moves any more."""
        desk = self.desk
        while came or desk.stirred:
            desk.stirred = False
            self.demands.watch()
            while desk.pending:
                self.entry.wake(desk.pending.popleft())
                self.demands.watch()
            for each in came:
                if not self.demands.met(each):
                    desk.outputs.append(each)
            came = desk.risk.outcome()

    def _cancel(self, record: Cancel) -> Rejection | None:
        order = self.desk.find(record.account, record.order_id)
        if order is None:
            return MISSING
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
        self.demands.met(demand)
        return None

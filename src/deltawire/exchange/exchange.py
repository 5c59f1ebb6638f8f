"""The sequencer: records go in one at a time, events come out; the same records give the same events.

A refused record changes nothing and is not journalled. An accepted one is passed to the journal before `submit`
returns; the owner of the journal releases the events when it is on disk.
"""

from collections.abc import Callable, Sequence
from typing import Any

from deltawire.exchange.matching.amendments import MISSING, Amendments
from deltawire.exchange.matching.connections import Connections
from deltawire.exchange.matching.entry import UNKNOWN, Entry
from deltawire.exchange.matching.matching import Matcher
from deltawire.exchange.matching.matching_state import MatchingState
from deltawire.exchange.matching.quoting import Quoting
from deltawire.exchange.matching.risk_instructions import RiskInstructions
from deltawire.exchange.orders.codes import Code, Rejection
from deltawire.exchange.orders.orders import Terms
from deltawire.exchange.orders.records import (
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
from deltawire.exchange.ports import (
    AccountEvent,
    Output,
    PublicEvent,
    Record,
    RiskCheck,
    RiskInstruction,
)

Handler = Callable[[Any], Rejection | None]


class Exchange:
    """All books and the accounts behind them, as one state machine."""

    def __init__(self, risk: RiskCheck, journal: Callable[[Record], None] | None = None) -> None:
        self.matching = matching = MatchingState(risk)
        self.failure: Exception | None = None
        """An error in the middle of a record: the state is not reliable, and a restart is needed."""
        self._journal = journal
        self.matcher = Matcher(matching)
        self.entry = Entry(matching, self.matcher)
        self.amendments = Amendments(matching, self.matcher, self.entry)
        self.quoting = Quoting(matching, self.matcher, self.entry, self.amendments)
        self.connections = Connections(matching, self.matcher)
        self._handlers: dict[type, Handler] = {
            Place: self.entry.place,
            Cancel: self._cancel,
            Edit: self.amendments.edit,
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
        self.risk_instructions = RiskInstructions(matching, self.matcher, self.entry)

    def submit(self, record: Record, *, replayed: bool = False) -> list[Output | Any]:
        """Execute one record; returns its results or the one `Rejection`. `replayed`: it is in the journal already.

        Time never decreases: a record with an earlier time than the last has the last one's time. After an exception
        (a defect, or a journal that cannot be written) every record is refused: the state in memory may differ from
        that of a replay.
        """
        if self.failure is not None:
            return [Rejection(Code.SYSTEM_MAINTENANCE, reason=str(self.failure))]
        matching, kind, at_ns = self.matching, type(record), record.at_ns
        if matching.days and at_ns >= matching.days[0][0] and kind is not Tick:
            return self.submit(Tick(at_ns=at_ns), replayed=replayed) + self.submit(record, replayed=replayed)
        try:
            before = matching.now
            if at_ns > before:
                matching.now = at_ns
            outputs = matching.outputs = []
            rejection = (self._handlers.get(kind) or matching.risk.received)(record)
            if rejection is not None:
                matching.now = before
                return [rejection]
            following = matching.risk.outcome()
            if following or matching.needs_trigger_check:
                self._settle(following)
            matching.publish()
            if self._journal is not None and not replayed:
                self._journal(record)
            return outputs
        except Exception as error:
            self.failure = error
            raise

    def images(self) -> list[PublicEvent]:
        """The events for a late listener: every instrument that has not expired, with its visible book."""
        now = self.matching.now
        return [
            event
            for book in self.matching.books.values()
            if book.instrument.active
            for event in book.opened(now)
        ]

    def _settle(self, following: Sequence[AccountEvent | RiskInstruction]) -> None:
        """Execute the instructions that follow from a record, and those that follow from them, until there are none."""
        matching = self.matching
        while following or matching.needs_trigger_check:
            matching.needs_trigger_check = False
            self.risk_instructions.watch()
            while matching.pending:
                self.entry.activate(matching.pending.popleft())
                self.risk_instructions.watch()
            for event in following:
                if not self.risk_instructions.execute(event):
                    matching.outputs.append(event)
            following = matching.risk.outcome()

    def _cancel(self, record: Cancel) -> Rejection | None:
        order = self.matching.find(record.account, record.order_id)
        if order is None:
            return MISSING
        if order.terms.liquidation:
            return Rejection(Code.CAN_NOT_CANCEL_LIQUIDATION_ORDER)
        self.matcher.cancel(order, "user_request")
        return None

    def _cancel_many(self, record: CancelMany) -> None:
        books = self.matching.books
        for order in self.matching.live(record.account):
            fitting = record.fits(order, books[order.instrument].instrument)
            if fitting and order.leaves_lots and not order.terms.liquidation:
                self.matcher.cancel(order, "user_request")

    def _close_position(self, record: ClosePosition) -> Rejection | None:
        if record.instrument not in self.matching.books:
            return UNKNOWN
        position = self.matching.risk.position(record.account, record.instrument)
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
        reset = self.matcher.protection.reset((record.account, record.index_name, record.group))
        return None if reset else Rejection(Code.NOT_FOUND, param="mmp_group")

    def _set_self_trading(self, record: SetSelfTrading) -> None:
        self.matching.self_trading[record.account] = record.mode

    def _tick(self, record: Tick) -> None:
        matching = self.matching
        while matching.days and matching.days[0][0] <= matching.now:
            order = matching.orders.get(matching.days.popleft()[1])
            if order is not None:
                self.matcher.cancel(order, "expired")

    def _instruct(self, record: Instruct) -> Rejection | None:
        demand = record.demand
        name = getattr(demand, "instrument", None)
        if isinstance(name, str) and name not in self.matching.books:
            return UNKNOWN
        self.risk_instructions.execute(demand)
        return None

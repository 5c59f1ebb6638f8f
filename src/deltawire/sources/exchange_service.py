"""The exchange as sessions see it: one sequencer for all records; nothing is released before it is on disk."""

from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, Protocol, get_args

from msgspec.structs import replace

from deltawire.errors import JournalError
from deltawire.exchange.accounts.account_log import LogEntry, SettlementEntry
from deltawire.exchange.accounts.account_records import CloseSubaccount, OpenSubaccount
from deltawire.exchange.accounts.accounts import Accounts
from deltawire.exchange.accounts.history import AGENTS_FROM, AccountHistory, Execution
from deltawire.exchange.accounts.ledger import Account
from deltawire.exchange.accounts.listing import Listings
from deltawire.exchange.accounts.summaries import (
    CurrencySummary,
    PositionSummary,
    account_summary,
    margins,
    position_summary,
)
from deltawire.exchange.accounts.what_if import what_if
from deltawire.exchange.codec import Codec
from deltawire.exchange.exchange import Exchange
from deltawire.exchange.instruments.catalogue import VENUE
from deltawire.exchange.limits.open_orders import OpenOrders
from deltawire.exchange.market_past import MarketPast
from deltawire.exchange.orders.codes import Code, Rejection
from deltawire.exchange.orders.orders import AccountId, Fill, Order, OrderChanged, OrderId
from deltawire.exchange.orders.records import (
    Connected,
    Disconnected,
    SetCancelOnDisconnect,
    SetProtection,
)
from deltawire.exchange.ports import PublicEvent, Record
from deltawire.exchange.pricing.pricing import Prices
from deltawire.model.events import Event
from deltawire.model.instruments import Instrument
from deltawire.ports import AccountBroker, Clock
from deltawire.sources.account_events import (
    LazyEvents,
    MakeEvent,
    account_state,
    account_trade,
    notice,
    order_update,
)

PUBLIC = get_args(PublicEvent)
SUB = "#"
"""How logins of sub-accounts begin, before their number; no account of the operator has it in its name."""
NOBODY = 0
"""An account without wallets, for names that do not exist, so that a query does not create one."""
UNWRITTEN = Rejection(Code.SYSTEM_MAINTENANCE, reason="the journal cannot be written")
PublicListener = Callable[[list[Event], int], None]
ALL_CURRENCIES = "any"


class Commit(Protocol):
    """Makes records durable; their results are held until they are."""

    def append(self, payload: bytes) -> None:
        """Add an accepted record."""

    def then(self, release: Callable[[JournalError | None], None]) -> None:
        """Call back when everything added so far is durable, or never will be."""


class ExchangeService:
    """Implements `Trading` and `AccountStates` over an exchange whose journal has been replayed.

    The exchange passes every accepted record to `journal`.
    """

    venue = VENUE

    def __init__(
        self,
        exchange: Exchange,
        accounts: Accounts,
        history: AccountHistory,
        *,
        codec: Codec,
        commit: Commit,
        clock: Clock,
        first_connection: int,
        public: PublicListener,
        account_events: AccountBroker,
        open_orders: OpenOrders | None = None,
        maintained_at: Callable[[int], bool] | None = None,
        market_past: MarketPast | None = None,
    ) -> None:
        """`first_connection` is higher than the number of any earlier connection.

        `public` is called with durable public events and their time; `account_events` delivers the durable events of
        accounts with a name. `maintained_at` says whether the exchange is under maintenance at one of its times.
        """
        self.exchange = exchange
        self.accounts = accounts
        self.account_events = account_events
        self.error: JournalError | None = None
        self._public = public
        self._maintained_at = maintained_at
        self._open_orders = open_orders or OpenOrders()
        self._names: dict[str, AccountId] = {}
        self._operators: dict[AccountId, str] = {}
        self._named: set[AccountId] = set()
        self._watched: dict[AccountId, Counter[str]] = {}
        self._followed: set[AccountId] = set()
        self._history = history
        self.market_past = market_past or MarketPast(lambda: accounts.pricing)
        self._codec = codec
        self._commit = commit
        self._clock = clock
        self._connection = first_connection
        self._ticket = 0
        self._durable = 0
        self._waiting: deque[tuple[int, Callable[[], None]]] = deque()
        self._name_subaccounts()

    # Input.

    def submit(self, record: Record) -> list[Any]:
        if self.error is not None:
            return [UNWRITTEN]
        if (rejection := self._refuse(record)) is not None:
            return [rejection]
        try:
            outputs = self.exchange.submit(record)
        except JournalError as error:
            self._fail(error)
            return [UNWRITTEN]
        trades = self._history.apply(outputs)
        volatility = self.market_past.apply(outputs)
        if isinstance(record, (OpenSubaccount, CloseSubaccount)):
            self._name_subaccounts()
        events = [*(output for output in outputs if isinstance(output, PUBLIC)), *volatility]
        account_events = self._news(outputs, trades) if self._named else {}
        if isinstance(record, Prices):
            self._add_states(account_events)
        self._commit.then(partial(self._release, self._ticket, events, account_events, record.at_ns))
        return outputs

    def journal(self, record: Record) -> None:
        """The exchange has accepted a record: make it durable."""
        self._commit.append(self._codec.encode(record))
        self._ticket += 1

    def _refuse(self, record: Record) -> Rejection | None:
        """The refusal of a record beyond a limit; agents limit their orders themselves."""
        if getattr(record, "account", AGENTS_FROM) >= AGENTS_FROM:
            return None
        return self._open_orders.refuse(record, self.exchange)

    def publish(self, events: list[Event], at_ns: int) -> None:
        """Release events that depend on the records so far, such as tickers."""
        self._commit.then(partial(self._release, self._ticket, events, {}, at_ns))

    def enrol(self, name: str, account: AccountId) -> None:
        """Set the name of an operator's account, which gets events from now on."""
        self._names[name], self._operators[account] = account, name
        self._named.add(account)

    def _name_subaccounts(self) -> None:
        """Sub-accounts are named by the journal, not by the operator, and get events as well."""
        subs = {number for number, each in self.accounts.ledger.accounts.items() if each.main}
        self._named = {*self._operators, *subs}

    def _sub(self, account: AccountId) -> Account | None:
        held = self.accounts.ledger.accounts.get(account)
        return held if held is not None and held.main else None

    def connected(self, account: AccountId) -> int:
        self._connection += 1
        self.submit(Connected(at_ns=self.now(), account=account, connection=self._connection))
        return self._connection

    def disconnected(self, account: AccountId, connection: int, *, on_purpose: bool) -> None:
        now, where = self.now(), {"account": account, "connection": connection}
        if on_purpose and self.cancels_on_disconnect(account, connection):
            self.submit(SetCancelOnDisconnect(at_ns=now, enabled=False, **where))
        self.submit(Disconnected(at_ns=now, **where))

    def abandoned(self) -> None:
        """After a restart: the connections that were open before have ended."""
        for account, connection in list(self.exchange.connections.settings):
            self.submit(Disconnected(at_ns=self.now(), account=account, connection=connection))

    # Requests for the state of an account.

    def watch(self, account: AccountId, currency: str) -> None:
        self._watched.setdefault(account, Counter())[currency] += 1

    def unwatch(self, account: AccountId, currency: str) -> None:
        watched = self._watched[account]
        watched[currency] -= 1
        if not watched[currency]:
            del watched[currency]
        if not watched:
            del self._watched[account]

    def announce(self, account: AccountId, currency: str) -> None:
        account_events = {account: LazyEvents(self._state(account, currency))}
        self._commit.then(partial(self._release, self._ticket, [], account_events, self.now()))

    def _state(self, account: AccountId, currency: str) -> MakeEvent:
        """Computed now, released when it is durable."""
        currencies = self.currencies() if currency == ALL_CURRENCIES else (currency,)
        return account_state(currency, tuple(self.summary(account, name) for name in currencies))

    def _add_states(self, account_events: dict[AccountId, LazyEvents]) -> None:
        for account, currencies in self._watched.items():
            events = account_events.setdefault(account, LazyEvents())
            for currency in currencies:
                events.add(self._state(account, currency))

    def follow_positions(self, account: AccountId) -> None:
        if account not in self._followed:
            self._followed.add(account)
            self._ticket += 1
            self._commit.then(partial(self._release, self._ticket, [], {}, self.now()))

    # Queries.

    def now(self) -> int:
        """See `Trading`; never behind what was submitted."""
        return max(self._clock.now(), self.exchange.matching.now)

    def maintained(self) -> bool:
        return self._maintained_at is not None and self._maintained_at(self.now())

    def account(self, login: str) -> AccountId | None:
        if not login.startswith(SUB):
            return self._names.get(login)
        digits = login.removeprefix(SUB)
        sub = self._sub(int(digits)) if digits.isdecimal() else None
        return sub.id if sub is not None and sub.login else None

    def login(self, account: AccountId) -> str:
        return self._operators.get(account, "") if self._sub(account) is None else f"{SUB}{account}"

    def login_enabled(self, account: AccountId) -> bool:
        sub = self._sub(account)
        return sub is not None and sub.login

    def named(self, name: str) -> AccountId | None:
        accounts = self.accounts.ledger.accounts.values()
        return self._names.get(name) or next(
            (sub.id for sub in accounts if sub.main and sub.name == name), None
        )

    def instrument(self, name: str) -> Instrument | None:
        book = self.exchange.matching.books.get(name)
        return None if book is None else book.instrument

    def ticket(self) -> int:
        return self._ticket

    def when_durable(self, ticket: int, then: Callable[[], None]) -> bool:
        """Call `then` once the journal is on disk up to the ticket; False when it already is."""
        if ticket <= self._durable:
            return False
        self._waiting.append((ticket, then))
        return True

    def next_order_id(self) -> OrderId:
        return self.exchange.matching.next_order_id

    def open_orders(self, account: AccountId) -> list[Order]:
        return self.exchange.matching.live(account)

    def order(self, account: AccountId, order_id: OrderId) -> Order | None:
        return self.exchange.matching.find(account, order_id) or self._history.order(account, order_id)

    def ended_orders(self, account: AccountId) -> Iterable[Order]:
        return self._history.orders(account)

    def trades(self, account: AccountId) -> Iterable[Execution]:
        return self._history.trades(account)

    def positions(self, account: AccountId) -> list[PositionSummary]:
        held = self.accounts.ledger.accounts.get(account)
        names = [name for name, position in held.positions.items() if position.lots] if held else []
        return [position_summary(self.accounts, account, name) for name in names]

    def position(self, account: AccountId, instrument: Instrument) -> PositionSummary | None:
        if instrument.name not in self.accounts.pricing.instruments:
            return None
        return position_summary(self.accounts, account, instrument.name)

    def summary(self, account: AccountId, currency: str) -> CurrencySummary:
        held = self.accounts.ledger.accounts.get(account)
        if held is None or currency in held.wallets:
            return account_summary(self.accounts, NOBODY if held is None else account, currency)
        return replace(account_summary(self.accounts, NOBODY, currency), margin_model=held.model)

    def currencies(self) -> tuple[str, ...]:
        return tuple(sorted(Listings.currencies()))

    def account_name(self, account: AccountId) -> str:
        sub = self._sub(account)
        return self._operators.get(account, "") if sub is None else sub.name

    def owner(self, account: AccountId) -> AccountId:
        return self.accounts.subaccounts.owner(account)

    def subaccounts(self, account: AccountId) -> list[AccountId]:
        return [each.id for each in self.accounts.ledger.subaccounts(account)]

    def log(self, account: AccountId) -> Iterable[LogEntry]:
        return self._history.log.entries(account)

    def settlements(self) -> Iterable[SettlementEntry]:
        return self._history.log.settlements()

    def deliveries(self, index_name: str) -> tuple[tuple[int, float], ...]:
        return self.accounts.pricing.delivered.get(index_name, ())

    def liquidating(self, account: AccountId, currency: str) -> bool:
        held = self.accounts.ledger.accounts.get(account)
        return held is not None and currency in held.wallets and held.wallets[currency].liquidating

    def mark(self, instrument: str) -> float | None:
        return self.accounts.pricing.marks.get(instrument)

    def simulate(
        self, account: AccountId, currency: str, lots: Mapping[str, int], *, add: bool
    ) -> CurrencySummary:
        return what_if(self.accounts, account, currency, lots, add=add)

    def margins(
        self, account: AccountId, instrument: Instrument, lots: int, ticks: int
    ) -> tuple[float, float]:
        return margins(self.accounts, instrument, lots, instrument.price(ticks))

    def protections(self, account: AccountId) -> list[tuple[SetProtection, int]]:
        guards = self.exchange.matcher.protection.guards
        return [
            (guard.config, guard.frozen_until_ns)
            for (owner, _, _), guard in guards.items()
            if owner == account and guard.config is not None
        ]

    def cancels_on_disconnect(self, account: AccountId, connection: int) -> bool:
        connections = self.exchange.connections
        if not connection:
            return account in connections.accounts
        return connections.settings.get((account, connection), False)

    def self_trading(self, account: AccountId) -> str:
        return self.exchange.matching.self_trading.get(account, "reject_taker")

    # Output.

    def _fail(self, error: JournalError) -> None:
        """Nothing is acknowledged any more; the source ends with the error."""
        self.error = self.error or error
        self._public([], self.exchange.matching.now)

    def _news(self, outputs: list[Any], trades: list[Execution]) -> dict[AccountId, LazyEvents]:
        """The events of accounts with a name, in order."""
        account_events: dict[AccountId, LazyEvents] = {}
        executions = {(trade.fill.trade_id, trade.fill.order_id): trade for trade in trades}
        positions: dict[tuple[AccountId, str], PositionSummary | None] = {}
        for output in outputs:
            changed = isinstance(output, OrderChanged)
            account = output.order.account if changed else getattr(output, "account", None)
            if account not in self._named:
                continue
            make: MakeEvent | None
            if changed:
                make = order_update(
                    output.order, self.exchange.matching.books[output.order.instrument].instrument
                )
            elif isinstance(output, Fill):
                make = self._trade(executions[output.trade_id, output.order_id], positions)
            else:
                make = notice(output)
            if make is not None:
                account_events.setdefault(account, LazyEvents()).add(make)
        return account_events

    def _trade(
        self, trade: Execution, positions: dict[tuple[AccountId, str], PositionSummary | None]
    ) -> MakeEvent:
        """A trade with the position after the record, which is computed once for all trades of the record."""
        account, name = key = trade.fill.account, trade.fill.instrument
        if key not in positions:
            followed = account in self._followed and self.accounts.position(account, name)
            positions[key] = position_summary(self.accounts, account, name) if followed else None
        return account_trade(trade, self.exchange.matching.books[name].instrument, positions[key])

    def _release(
        self,
        ticket: int,
        events: list[Event],
        account_events: dict[AccountId, LazyEvents],
        at_ns: int,
        error: JournalError | None,
    ) -> None:
        """Release what depends on records up to this ticket: answers first, then private, then public events."""
        if error is not None:
            self._fail(error)
            return
        self._durable = max(self._durable, ticket)
        while self._waiting and self._waiting[0][0] <= self._durable:
            self._waiting.popleft()[1]()
        for account, batch in account_events.items():
            self.account_events.publish(account, batch)
        if events:
            self._public(events, at_ns)

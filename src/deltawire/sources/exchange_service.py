"""The exchange as sessions see it: one sequencer for everybody's records, and nothing is told before it is on disk."""

from collections import deque
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, Protocol, get_args

from deltawire.errors import JournalError
from deltawire.exchange.accounts.account_records import LiquidationBegan, LiquidationEnded
from deltawire.exchange.accounts.accounts import Accounts
from deltawire.exchange.accounts.history import AGENTS_FROM, AccountHistory, OwnTrade
from deltawire.exchange.accounts.listing import Listings
from deltawire.exchange.accounts.summaries import account_summary, margins, position_summary
from deltawire.exchange.codec import Codec
from deltawire.exchange.exchange import Exchange
from deltawire.exchange.instruments.catalogue import VENUE
from deltawire.exchange.limits.open_orders import OpenOrders
from deltawire.exchange.orders.codes import Code, Rejection
from deltawire.exchange.orders.orders import AccountId, Fill, Order, OrderChanged, OrderId
from deltawire.exchange.orders.records import (
    Connected,
    Disconnected,
    Protected,
    SetCancelOnDisconnect,
    SetProtection,
)
from deltawire.exchange.ports import PublicEvent, Record
from deltawire.exchange.pricing.pricing import Prices
from deltawire.fanout.private import PortfolioMoved, PrivateEvent
from deltawire.model.events import Event
from deltawire.model.instruments import Instrument
from deltawire.ports import Clock

PUBLIC = get_args(PublicEvent)
NOBODY = 0
"""An account without wallets: asking for one that is not there would open it."""
UNWRITTEN = Rejection(Code.SYSTEM_MAINTENANCE, reason="the journal cannot be written")
OwnListener = Callable[[AccountId, list[PrivateEvent]], None]


class Commit(Protocol):
    """Makes records last; what they brought about is held until they do."""

    def append(self, payload: bytes) -> None:
        """A record was accepted."""

    def then(self, release: Callable[[JournalError | None], None]) -> None:
        """Call back once all that was appended so far is durable, or never will be."""


class ExchangeService:
    """Implements `Trading` over an exchange whose journal has been replayed."""

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
        open_orders: OpenOrders | None = None,
    ) -> None:
        """`first_connection` is higher than the number of any connection before."""
        self.exchange = exchange
        self.accounts = accounts
        self.names: dict[str, AccountId] = {}
        self._open_orders = open_orders or OpenOrders()
        self.error: JournalError | None = None
        self.public: Callable[[list[Event], int], None] = _nobody
        """Told public events that are durable, and their time."""
        self.own: OwnListener = _nobody
        """Told what is durable of accounts that have a name."""
        self.maintained: Callable[[], bool] = _never
        """Whether nobody is served now."""
        self._history = history
        self._codec = codec
        self._commit = commit
        self._clock = clock
        self._connection = first_connection
        self._ticket = 0
        self._durable = 0
        self._waiting: deque[tuple[int, Callable[[], None]]] = deque()
        exchange.journal = self._journal

    # What goes in.

    def submit(self, record: Record) -> list[Any]:
        """See `Trading`."""
        if self.error is not None:
            return [UNWRITTEN]
        if (rejection := self._refuse(record)) is not None:
            return [rejection]
        try:
            outputs = self.exchange.submit(record)
        except JournalError as error:
            self._fail(error)
            return [UNWRITTEN]
        self._history.took(outputs)
        events = [each for each in outputs if isinstance(each, PUBLIC)]
        news = self._news(outputs)
        if isinstance(record, Prices):
            for account in self.names.values():
                news.setdefault(account, []).append(PortfolioMoved())
        self._commit.then(partial(self._release, self._ticket, events, news, record.at_ns))
        return outputs

    def _refuse(self, record: Record) -> Rejection | None:
        """Agents bound their orders themselves."""
        if getattr(record, "account", AGENTS_FROM) >= AGENTS_FROM:
            return None
        return self._open_orders.refuse(record, self.exchange)

    def publish(self, events: list[Event], at_ns: int) -> None:
        """Events that rest on the records so far, such as tickers."""
        self._commit.then(partial(self._release, self._ticket, events, {}, at_ns))

    def connected(self, account: AccountId) -> int:
        """See `Trading`."""
        self._connection += 1
        self.submit(Connected(at_ns=self.now(), account=account, connection=self._connection))
        return self._connection

    def disconnected(self, account: AccountId, connection: int, *, on_purpose: bool) -> None:
        """See `Trading`."""
        now, where = self.now(), {"account": account, "connection": connection}
        if on_purpose and self.cancels_on_disconnect(account, connection):
            self.submit(SetCancelOnDisconnect(at_ns=now, enabled=False, **where))
        self.submit(Disconnected(at_ns=now, **where))

    def abandoned(self) -> None:
        """After a restart: the connections that were open then are gone."""
        for account, connection in list(self.exchange.connections.settings):
            self.submit(Disconnected(at_ns=self.now(), account=account, connection=connection))

    # What is known.

    def now(self) -> int:
        """See `Trading`; never behind what was submitted."""
        return max(self._clock.now(), self.exchange.matching.now)

    def account(self, name: str) -> AccountId | None:
        """See `Trading`."""
        return self.names.get(name)

    def instrument(self, name: str) -> Instrument | None:
        """See `Trading`."""
        book = self.exchange.matching.books.get(name)
        return None if book is None else book.instrument

    def ticket(self) -> int:
        """See `Trading`."""
        return self._ticket

    def when_durable(self, ticket: int, then: Callable[[], None]) -> bool:
        """Call `then` once the journal is on disk up to the ticket; False when it already is."""
        if ticket <= self._durable:
            return False
        self._waiting.append((ticket, then))
        return True

    def next_order_id(self) -> OrderId:
        """See `Trading`."""
        return self.exchange.matching.next_order_id

    def open_orders(self, account: AccountId) -> list[Order]:
        """See `Trading`."""
        return self.exchange.matching.live(account)

    def order(self, account: AccountId, order_id: OrderId) -> Order | None:
        """See `Trading`."""
        return self.exchange.matching.find(account, order_id) or self._history.order(account, order_id)

    def ended_orders(self, account: AccountId) -> Iterable[Order]:
        """See `Trading`."""
        return self._history.orders(account)

    def trades(self, account: AccountId) -> Iterable[OwnTrade]:
        """See `Trading`."""
        return self._history.trades(account)

    def positions(self, account: AccountId) -> list[dict[str, Any]]:
        """See `Trading`."""
        held = self.accounts.ledger.accounts.get(account)
        names = [name for name, position in held.positions.items() if position.lots] if held else []
        return [position_summary(self.accounts, account, name) for name in names]

    def summary(self, account: AccountId, currency: str) -> dict[str, Any]:
        """See `Trading`."""
        held = self.accounts.ledger.accounts.get(account)
        return account_summary(
            self.accounts, account if held and currency in held.wallets else NOBODY, currency
        )

    def currencies(self) -> tuple[str, ...]:
        """See `Trading`."""
        return tuple(sorted(Listings.currencies()))

    def margins(
        self, account: AccountId, instrument: Instrument, lots: int, ticks: int
    ) -> tuple[float, float]:
        """See `Trading`."""
        found = margins(self.accounts, instrument, lots, instrument.price(ticks))
        return found["buy"], found["sell"]

    def protections(self, account: AccountId) -> list[tuple[SetProtection, int]]:
        """See `Trading`."""
        guards = self.exchange.matcher.protection.guards
        return [
            (guard.config, guard.frozen_until_ns)
            for (owner, _, _), guard in guards.items()
            if owner == account and guard.config is not None
        ]

    def cancels_on_disconnect(self, account: AccountId, connection: int) -> bool:
        """See `Trading`."""
        connections = self.exchange.connections
        if not connection:
            return account in connections.accounts
        return connections.settings.get((account, connection), False)

    def self_trading(self, account: AccountId) -> str:
        """See `Trading`."""
        return self.exchange.matching.self_trading.get(account, "reject_taker")

    # What comes out.

    def _fail(self, error: JournalError) -> None:
        """Nothing is acknowledged any more; the source ends with the error."""
        self.error = self.error or error
        self.public([], self.exchange.matching.now)

    def _journal(self, record: Record) -> None:
        self._commit.append(self._codec.encode(record))
        self._ticket += 1

    def _news(self, outputs: list[Any]) -> dict[AccountId, list[PrivateEvent]]:
        """What accounts with a name are told, in its order."""
        if not self.names:
            return {}
        watched = set(self.names.values())
        news: dict[AccountId, list[PrivateEvent]] = {}
        for each in outputs:
            account = each.order.account if isinstance(each, OrderChanged) else getattr(each, "account", None)
            if account not in watched:
                continue
            if isinstance(each, OrderChanged):
                news.setdefault(account, []).append(each.order)
            elif isinstance(each, Fill):
                trade = self._history.trade(account, each.trade_id, each.order_id)
                news.setdefault(account, []).extend([trade] if trade else [])
            elif isinstance(each, Protected | LiquidationBegan | LiquidationEnded):
                news.setdefault(account, []).append(each)
            else:
                news.setdefault(account, []).append(PortfolioMoved())
        return news

    def _release(
        self,
        ticket: int,
        events: list[Event],
        news: dict[AccountId, list[PrivateEvent]],
        at_ns: int,
        error: JournalError | None,
    ) -> None:
        """What rests on records up to this ticket may be told: answers first, then private news, then public."""
        if error is not None:
            self._fail(error)
            return
        self._durable = max(self._durable, ticket)
        while self._waiting and self._waiting[0][0] <= self._durable:
            self._waiting.popleft()[1]()
        for account, told in news.items():
            self.own(account, told)
        if events:
            self.public(events, at_ns)


def _nobody(*_: Any) -> None:
    """Nobody listens yet."""


def _never() -> bool:
    return False

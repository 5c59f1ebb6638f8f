"""The interface of an exchange to sessions."""

from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from deltawire.exchange.accounts.account_log import LogEntry, SettlementEntry
from deltawire.exchange.accounts.history import Execution
from deltawire.exchange.accounts.summaries import CurrencySummary, PositionSummary
from deltawire.exchange.orders.orders import AccountId, Order, OrderId
from deltawire.exchange.orders.records import SetProtection
from deltawire.exchange.ports import Record
from deltawire.model.instruments import Instrument


class Trading(Protocol):
    """An exchange as sessions see it. Reads include everything submitted, on disk or not.

    Answers must wait until the journal is on disk up to `ticket`, with the effect `Durable`.
    """

    venue: str

    def now(self) -> int:
        """The exchange's time in nanoseconds."""

    def maintained(self) -> bool:
        """Whether the exchange is under maintenance and refuses requests."""

    def account(self, login: str) -> AccountId | None:
        """The account of a login, as keys and tokens have it; None as well if nobody may log in to it."""

    def login(self, account: AccountId) -> str:
        """The login of an account, empty if it does not exist.

        That of an operator's account is its name; that of a sub-account is made of its number, so no renaming and no
        account of the operator's changes what a token acts for.
        """

    def login_enabled(self, account: AccountId) -> bool:
        """Whether sessions may act for a sub-account."""

    def named(self, name: str) -> AccountId | None:
        """An account that has this name, the operator's or a sub-account."""

    def instrument(self, name: str) -> Instrument | None:
        """An instrument that is or was listed."""

    def submit(self, record: Record) -> list[Any]:
        """Submit a record to the sequencer; if it is refused, the refusal is the last output."""

    def ticket(self) -> int:
        """The number of the last submitted record, on which an answer made now depends."""

    def next_order_id(self) -> OrderId:
        """Orders placed from now on have this id or a higher one."""

    def follow_positions(self, account: AccountId) -> None:
        """From now on trades of the account carry its positions; `ticket` includes all trades without them."""

    def open_orders(self, account: AccountId) -> list[Order]:
        """An account's open orders, oldest first."""

    def order(self, account: AccountId, order_id: OrderId) -> Order | None:
        """An order of the account, open or ended recently."""

    def ended_orders(self, account: AccountId) -> Iterable[Order]:
        """Orders that have ended, newest first."""

    def trades(self, account: AccountId) -> Iterable[Execution]:
        """The account's trades, newest first."""

    def positions(self, account: AccountId) -> list[PositionSummary]:
        """Positions, flat ones left out."""

    def position(self, account: AccountId, instrument: Instrument) -> PositionSummary | None:
        """One position, flat or not; None when the instrument has ended."""

    def summary(self, account: AccountId, currency: str) -> CurrencySummary:
        """Money and margin of one currency."""

    def currencies(self) -> tuple[str, ...]:
        """The currencies of accounts."""

    def account_name(self, account: AccountId) -> str:
        """The name of an account; empty when it has none."""

    def owner(self, account: AccountId) -> AccountId:
        """The main account of an account, which may be itself."""

    def subaccounts(self, account: AccountId) -> list[AccountId]:
        """The sub-accounts of an account, in the order of their opening."""

    def log(self, account: AccountId) -> Iterable[LogEntry]:
        """What changed the account's balances, newest first."""

    def settlements(self) -> Iterable[SettlementEntry]:
        """Settlements and deliveries of instruments over all accounts, newest first."""

    def deliveries(self, index_name: str) -> tuple[tuple[int, float], ...]:
        """The times at which an index has settled, and the prices, oldest first."""

    def liquidating(self, account: AccountId, currency: str) -> bool:
        """Whether a liquidation has locked an account's currency."""

    def mark(self, instrument: str) -> float | None:
        """The mark price of an instrument."""

    def simulate(
        self, account: AccountId, currency: str, lots: Mapping[str, int], *, add: bool
    ) -> CurrencySummary:
        """The summary with these positions beside (`add`) or instead of those held."""

    def margins(
        self, account: AccountId, instrument: Instrument, lots: int, ticks: int
    ) -> tuple[float, float]:
        """The initial margin that an order to buy and one to sell would add."""

    def protections(self, account: AccountId) -> list[tuple[SetProtection, int]]:
        """Market maker protections with the end of their freeze (0: none, below 0: until reset)."""

    def cancels_on_disconnect(self, account: AccountId, connection: int) -> bool:
        """The setting of a connection, or with 0 of the account."""

    def self_trading(self, account: AccountId) -> str:
        """How trades of the account with itself are prevented."""

    def connected(self, account: AccountId) -> int:
        """A connection acts for the account from now on; returns its number."""

    def disconnected(self, account: AccountId, connection: int, *, on_purpose: bool) -> None:
        """The connection has ended; unless that was intended, its orders are cancelled if so configured."""

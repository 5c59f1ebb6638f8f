"""An exchange with sessions on it, in memory: all is real but the disk, which answers at once, or when told."""

from collections.abc import Callable, Iterable
from typing import Any, get_args

from deltawire.access.access import Access
from deltawire.access.keys import Key
from deltawire.access.scopes import EVERYTHING
from deltawire.bus.memory import MemoryAccountBroker
from deltawire.errors import JournalError
from deltawire.exchange.accounts.account_records import AccountRecord
from deltawire.exchange.accounts.history import AccountHistory
from deltawire.exchange.codec import Codec
from deltawire.exchange.limits.open_orders import OpenOrders
from deltawire.exchange.ports import Record
from deltawire.fanout.hub import Hub
from deltawire.market.market import Market
from deltawire.model.account_events import AccountEvent
from deltawire.model.events import Event
from deltawire.session.effects import Join, Leave
from deltawire.sources.exchange_service import ExchangeService
from deltawire.sources.simulated import tickers
from tests.support.conversations import Conversation
from tests.support.credentials import ALICE, BOB, READER, SECRET, access_of, changed, secret_login
from tests.support.exchange_harness import ExchangeHarness
from tests.support.subscribers import Inbox

TRADER = changed(BOB, client_id="bobs-hmac", kind="hmac", secret="s3cret-of-bob")
OWNER = changed(ALICE, client_id="owner-id", name="owner", secret="s3cret-of-owner", rights=EVERYTHING)
"""A key of Alice's that may do everything."""
NUMBERS = {"alice": 1, "bob": 2}
Public = Callable[[list[Event], int], None]


class Disk:
    """Takes records; acknowledges at once unless `slow`, then when told to `sync`."""

    def __init__(self) -> None:
        self.payloads: list[bytes] = []
        self.slow = False
        self._held: list[Callable[[JournalError | None], None]] = []

    def append(self, payload: bytes) -> None:
        """See `Commit`."""
        self.payloads.append(payload)

    def then(self, release: Callable[[JournalError | None], None]) -> None:
        """See `Commit`."""
        self._held.append(release)
        if not self.slow:
            self.sync()

    def sync(self, error: JournalError | None = None) -> None:
        """What was appended is on disk now, or never will be."""
        held, self._held = self._held, []
        for release in held:
            release(error)


class Exchange:
    """Alice and Bob with ten bitcoins each, on listed instruments at an index of 60,000."""

    def __init__(self, open_orders: OpenOrders | None = None, public: Public | None = None) -> None:
        """Public events go to `public` as well."""
        journals: list[Callable[[Record], None]] = []

        def accepted(record: Record) -> None:
            for journal in journals:  # none, while the instruments are listed
                journal(record)

        self.harness = ExchangeHarness(journal=accepted)
        self.disk = Disk()
        self.maintained = False
        self.market = Market("deltawire")
        self._also = public
        broker = MemoryAccountBroker()
        broker.subscribe(self._own)
        self.service = ExchangeService(
            self.harness.exchange,
            self.harness.accounts,
            AccountHistory(),
            codec=Codec(*get_args(AccountRecord)),
            commit=self.disk,
            clock=self,
            first_connection=100,
            public=self._public,
            account_events=broker,
            open_orders=open_orders,
            maintained_at=lambda now: self.maintained,
        )
        journals.append(self.service.journal)
        self.hub = Hub(self.market, "epoch", states=self.service)
        engine = self.harness.exchange
        self.harness.exchange = self.service  # type: ignore[assignment]  # what the harness does goes through the service
        self.hub.publish(engine.images())
        for name, number in NUMBERS.items():
            self.harness.deposit(number, 10.0)
            self.service.enrol(name, number)
        self.disk.payloads.clear()
        self.access: Access = access_of(ALICE, READER, TRADER, OWNER)
        self.tick()

    def now(self) -> int:
        """See `Clock`."""
        return self.harness.now

    def wall(self) -> int:
        """See `Clock`."""
        return self.harness.now

    def _public(self, events: list[Event], at_ns: int) -> None:
        self.hub.advance("deltawire", at_ns)
        self.hub.publish(events)
        self.hub.flush()
        if self._also is not None:
            self._also(events, at_ns)

    def _own(self, account: int, events: Iterable[AccountEvent]) -> None:
        if self.hub.has_listeners(account):
            self.hub.publish_private(account, events)
            self.hub.flush()

    def tick(self) -> None:
        """Tell everybody's tickers."""
        self._public(list(tickers(self.service.exchange, self.harness.accounts)), self.harness.now)

    def passes(self, seconds: float, index: float | None = None) -> None:
        """Time passes; intervals that are over publish."""
        self.harness.prices(index, later_s=seconds)
        self.tick()

    def stranger(self) -> "Client":
        """A connection that has not signed in."""
        return Client(self)

    def client(self, key: Key = ALICE) -> "Client":
        """A connection that has signed in."""
        client = Client(self)
        client.result("public/auth", **secret_login(key))
        return client

    def journalled(self) -> int:
        """How many records went to the journal."""
        return len(self.disk.payloads)


class Client(Conversation):
    """One connection: a session, and behind it a member of the hub."""

    def __init__(self, exchange: Exchange) -> None:
        super().__init__(exchange.market, exchange.access, trading=exchange.service, address="127.0.0.1")
        self.inbox = Inbox()
        self._hub = exchange.hub

    def effects(self, method: str, **params: Any) -> list[Any]:
        """What a request leads to; subscriptions are carried out."""
        outputs = super().effects(method, **params)
        for effect in outputs:
            if isinstance(effect, Join):
                self._hub.join(self.inbox.subscriber, effect.keys, effect.resume)
            elif isinstance(effect, Leave):
                self._hub.leave(self.inbox.subscriber, effect.ids)
        return outputs

    def buy(self, amount: float, price: float | None = None, **more: Any) -> dict[str, Any]:
        """The result of an order to buy bitcoin's perpetual; a market order without a price."""
        return self._order("private/buy", amount, price, **more)

    def sell(self, amount: float, price: float | None = None, **more: Any) -> dict[str, Any]:
        """The same to sell."""
        return self._order("private/sell", amount, price, **more)

    def _order(self, method: str, amount: float, price: float | None, **more: Any) -> dict[str, Any]:
        terms: dict[str, Any] = {"type": "market"} if price is None else {"price": price}
        asked = {"instrument_name": "BTC-PERPETUAL", "amount": amount} | terms | more
        found: dict[str, Any] = self.result(method, **asked)
        return found


__all__ = ["ALICE", "OWNER", "READER", "SECRET", "TRADER", "Client", "Exchange", "changed"]

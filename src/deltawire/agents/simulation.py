"""The simulated market: exchange, accounts and agents in virtual time. The same seed gives the same market."""

from collections.abc import Iterator
from math import exp
from typing import Any

from deltawire.agents.flow import FutureFlow, Tempo
from deltawire.agents.latent_market import LatentMarket
from deltawire.agents.options import NEVER_NS, OptionFlow
from deltawire.agents.trader import Submit, Trader, touch
from deltawire.exchange.accounts.account_records import Deposit
from deltawire.exchange.accounts.accounts import Accounts
from deltawire.exchange.accounts.history import AGENTS_FROM
from deltawire.exchange.exchange import Exchange
from deltawire.exchange.instruments.calendar import SECOND_NS
from deltawire.exchange.instruments.contracts import UNITS
from deltawire.exchange.orders.orders import AccountId
from deltawire.exchange.ports import Record
from deltawire.exchange.pricing.pricing import Prices
from deltawire.model.instruments import Instrument
from deltawire.model.random_stream import Streams
from deltawire.options.black76 import years_between

PRICES = {"BTC": 64_000.0, "ETH": 3_100.0}
VOLS = {"BTC": 0.60, "ETH": 0.72}
CARRY = 0.06
"""The premium of dated futures, per year."""
PERPETUAL, DATED = Tempo(), Tempo(noise=3.0, takers=0.3, reviews=4.0, moves=1.0, queue=15_000.0)
FUNDS = {"BTC": 1_000_000, "ETH": 10_000_000, "USDC": 300_000_000}
"""The funds of each agent; the total in smallest units must fit into 64 bits."""


class Simulation:
    """Agents act on the exchange in the order of their times; prices come every second."""

    def __init__(
        self,
        streams: Streams,
        now_ns: int,
        *,
        exchange: Exchange | None = None,
        accounts: Accounts | None = None,
        submit: Submit | None = None,
        only: frozenset[str] | None = None,
    ) -> None:
        """`only`: names of the futures that get order flow; None: all, and the options, too.

        An exchange that has prices continues from them; `submit` is called for the agents' records.
        """
        self.accounts = accounts or Accounts()
        self.exchange = exchange or Exchange(self.accounts)
        self.now_ns = now_ns
        self._hand_in = submit or self.exchange.submit
        self._streams = streams
        self._only = only
        self._latent_market = LatentMarket(streams, self._starting_prices(), VOLS)
        self._flows: dict[str, FutureFlow] = {}
        self._options = OptionFlow(self._matching(AGENTS_FROM), self._matching(AGENTS_FROM + 1), streams)
        self._funded = False
        self._collected: list[Any] = []
        self._next_account = AGENTS_FROM + 2
        self._prices_ns = now_ns

    def advance(self, until_ns: int) -> Iterator[tuple[int, list[Any]]]:
        """Advance to that time; yields (time, results) of every moment that changed something."""
        while True:
            flow = min(self._flows.values(), key=lambda flow: flow.due_ns, default=None)
            due = min(self._prices_ns, self._options.due_ns, flow.due_ns if flow else NEVER_NS)
            if due > until_ns:
                return
            self.now_ns = due
            if due == self._prices_ns:
                self._tick()
            elif due == self._options.due_ns:
                self._options.act(due, self.accounts.pricing)
            elif flow:
                flow.act()
            if self._collected:
                outputs, self._collected = self._collected, []
                yield due, outputs

    def _starting_prices(self) -> dict[str, float]:
        index = self.accounts.pricing.index
        return {coin: index.get(f"{coin}_usd".lower(), price) for coin, price in PRICES.items()}

    def _tick(self) -> None:
        """A second has passed: submit prices, then let the agents that depend on them act."""
        self._prices_ns += SECOND_NS
        known = set(self.accounts.pricing.instruments)
        self._submit(self._latent_market.prices(self.now_ns, self._fair()))
        if not known.issuperset(self.accounts.pricing.instruments):
            self._submit(Prices(at_ns=self.now_ns, fair=self._fair()))
        self._open_flows()
        if self._only is None:
            self._options.begin(self.now_ns, self.accounts.pricing)

    def _fair(self) -> dict[str, float]:
        """The mid prices of the futures' books, or the prices of the latent market if there are none yet."""
        prices = {}
        for name, instrument in self.accounts.pricing.instruments.items():
            if instrument.kind != "future" or name not in self.exchange.matching.books:
                continue
            best = touch(self.exchange, instrument)
            if best.bid is not None and best.ask is not None:
                prices[name] = instrument.price(best.bid + best.ask) / 2
            else:
                prices[name] = self._latent_market.coins[instrument.base].price * exp(self._carry(instrument))
        return prices

    def _carry(self, instrument: Instrument) -> float:
        """The premium of a dated future over the index, as a logarithm."""
        return 0.0 if instrument.perpetual else CARRY * years_between(self.now_ns, instrument.expiration_ns)

    def _open_flows(self) -> None:
        """Create agents for listed futures, and remove those of expired ones."""
        listed = self.accounts.pricing.instruments
        for name in [name for name in self._flows if name not in listed]:
            del self._flows[name]
        for name, instrument in list(listed.items()):
            wanted = instrument.kind == "future" and (self._only is None or name in self._only)
            if wanted and name not in self._flows:
                self._flows[name] = self._flow(instrument)
                self._flows[name].begin(self.now_ns)

    def _flow(self, instrument: Instrument) -> FutureFlow:
        accounts = [self._matching(self._next_account + place) for place in range(3)]
        self._next_account += 3
        for matching in accounts:
            self._fund(matching.account, instrument.settlement)
        if not self._funded:
            self._funded = True
            for account in (AGENTS_FROM, AGENTS_FROM + 1):
                for currency in FUNDS:
                    self._fund(account, currency)
        return FutureFlow(
            instrument,
            self._latent_market.coins[instrument.base],
            (accounts[0], accounts[1], accounts[2]),
            streams=self._streams,
            tempo=PERPETUAL if instrument.perpetual else DATED,
            carry=self._carry(instrument),
        )

    def _fund(self, account: AccountId, currency: str) -> None:
        held = self.accounts.ledger.accounts.get(account)
        if held is None or currency not in held.wallets:  # otherwise it was funded before a restart
            units = FUNDS[currency] * UNITS
            self._submit(Deposit(at_ns=self.now_ns, account=account, currency=currency, units=units))

    def _matching(self, account: AccountId) -> Trader:
        return Trader(self.exchange, self._submit, account)

    def _submit(self, record: Record) -> list[Any]:
        outputs = self._hand_in(record)
        self._collected += outputs
        return outputs

"""An exchange with real accounts, prices and a few listed instruments, and the short words its tests use."""

from collections.abc import Callable
from typing import Any

from deltawire.exchange.accounts.account_records import Deposit
from deltawire.exchange.accounts.accounts import Accounts
from deltawire.exchange.accounts.margin_tables import MarginTable
from deltawire.exchange.exchange import Exchange
from deltawire.exchange.instruments.calendar import SECOND_NS
from deltawire.exchange.instruments.contracts import UNITS
from deltawire.exchange.instruments.fees import FeeTable
from deltawire.exchange.orders.codes import Rejection
from deltawire.exchange.orders.orders import Fill, Terms
from deltawire.exchange.orders.records import Instruct, Place
from deltawire.exchange.ports import OpenBook, Record
from deltawire.exchange.pricing.pricing import PriceBand, Prices
from deltawire.model.instruments import Instrument
from deltawire.options.surface import Surface
from tests.support.contracts import CALL, LINEAR, LINEAR_CALL, NOW, PERPETUAL, PUT, QUARTERLY, WEEKLY_CALL

SURFACE = Surface(near=0.36, far=0.36, reversion=4.0, rho=-0.1, eta=1.0)
LISTED = (PERPETUAL, QUARTERLY, LINEAR, CALL, PUT, WEEKLY_CALL, LINEAR_CALL)
CURRENCIES = ("BTC", "ETH", "USDC")
WIDE = PriceBand(perpetual=0.9, future=0.9, option=10.0, option_coin=1.0)


class ExchangeHarness:
    """Accounts behind books. Prices are dollars, options' prices coins; amounts as clients write them."""

    def __init__(
        self,
        index: float = 60_000.0,
        *,
        fees: FeeTable | None = None,
        margins: MarginTable | None = None,
        band: PriceBand = WIDE,
        instruments: tuple[Instrument, ...] = LISTED,
        journal: Callable[[Record], None] | None = None,
    ) -> None:
        """Without a `journal` accepted records gather in `records`."""
        self.accounts = Accounts(fees=fees, margins=margins, band=band, listing=False)
        self.records: list[Record] = []
        self.exchange = Exchange(self.accounts, journal or self.records.append)
        self.now = NOW
        self.index = index
        self.outputs: list[Any] = []
        for instrument in instruments:
            self.accounts.list(instrument)
            self.do(Instruct, demand=OpenBook(instrument))
        self.prices(index)

    def do(self, kind: type[Record], **fields: Any) -> list[Any]:
        self.outputs = self.exchange.submit(kind(at_ns=self.now, **fields))
        return self.outputs

    def prices(self, index: float | None = None, *, later_s: float = 1.0, **fair: float) -> list[Any]:
        """Time passes, and the index is this; futures trade at the index unless `fair` says otherwise."""
        self.index = index or self.index
        self.now += int(later_s * SECOND_NS)
        named = {name.replace("_", "-").replace("--", "_"): price for name, price in fair.items()}
        return self.do(
            Prices,
            constituents={"btc_usd": (self.index,) * 3, "btc_usdc": (self.index,) * 3},
            fair={PERPETUAL.name: self.index, QUARTERLY.name: self.index, LINEAR.name: self.index} | named,
            surfaces={"btc_usd": SURFACE, "btc_usdc": SURFACE},
        )

    def deposit(self, account: int, amount: float, currency: str = "BTC") -> None:
        outputs = self.do(Deposit, account=account, currency=currency, units=round(amount * UNITS))
        assert not refusal(outputs), outputs

    def order(
        self, account: int, instrument: Instrument, amount: float, price: float | None = None, **terms: Any
    ) -> list[Any]:
        """Buy (sell when negative); a market order without a price."""
        return self.do(
            Place,
            account=account,
            terms=Terms(
                instrument=instrument.name,
                side="buy" if amount > 0 else "sell",
                size_lots=round(abs(amount) * 10**-instrument.size_exponent),
                price_ticks=None if price is None else round(price * 10**-instrument.price_exponent),
                type="market" if price is None else "limit",
                **terms,
            ),
        )

    def trade(self, buyer: int, seller: int, instrument: Instrument, amount: float, price: float) -> None:
        """Two accounts trade; the buyer takes."""
        assert not refusal(self.order(seller, instrument, -amount, price)), self.outputs
        assert not refusal(self.order(buyer, instrument, amount, price)), self.outputs
        assert any(isinstance(each, Fill) for each in self.outputs)

    def balance(self, account: int, currency: str = "BTC") -> float:
        return self.accounts.ledger.account(account).wallet(currency).balance / UNITS

    def equity(self, account: int, currency: str = "BTC") -> float:
        holder = self.accounts.ledger.account(account)
        return self.accounts.standings.equity(holder, currency) / UNITS

    def initial(self, account: int, currency: str = "BTC") -> float:
        holder = self.accounts.ledger.account(account)
        return self.accounts.standings.initial(holder, currency) / UNITS

    def maintenance(self, account: int, currency: str = "BTC") -> float:
        holder = self.accounts.ledger.account(account)
        return self.accounts.standings.maintenance(holder, currency) / UNITS

    def available(self, account: int, currency: str = "BTC") -> float:
        holder = self.accounts.ledger.account(account)
        return self.accounts.standings.available(holder, currency) / UNITS

    def balanced(self) -> bool:
        """Whether everybody's money sums to zero, in each currency."""
        return not any(self.accounts.imbalance(currency) for currency in CURRENCIES)


def refusal(outputs: list[Any]) -> Rejection | None:
    """The rejection among outputs, if there is one."""
    return next((each for each in outputs if isinstance(each, Rejection)), None)

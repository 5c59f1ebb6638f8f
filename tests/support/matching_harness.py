"""An exchange with one book, and the short words that tests of it use."""

from collections.abc import Iterable
from typing import Any, TypeVar

from deltawire.exchange.accounts.no_risk_check import NoRiskCheck
from deltawire.exchange.exchange import Exchange
from deltawire.exchange.orders.codes import Rejection
from deltawire.exchange.orders.orders import Fill, Order, OrderChanged, Terms
from deltawire.exchange.orders.records import Cancel, Edit, Instruct, Place
from deltawire.exchange.ports import OpenBook, Record, Reference, RiskCheck
from deltawire.model.instruments import Instrument

NAME = "BTC-PERPETUAL"
PERPETUAL = Instrument(
    venue="deltawire", name=NAME, kind="future", base="BTC", quote="USD", settlement="BTC",
    price_exponent=-1, size_exponent=0, tick_size="0.5", min_trade_size="10", size_unit="quote",
    contract_size=10.0, inverse=True, index_name="btc_usd",
)  # fmt: skip
SIMPLE = Instrument(
    venue="deltawire", name="SIMPLE", kind="future", base="BTC", quote="USDC", settlement="USDC",
    price_exponent=0, size_exponent=0, index_name="btc_usdc",
)  # fmt: skip
"""A tick of one, a lot of one."""
Kind = TypeVar("Kind")


def of(kind: type[Kind], outputs: Iterable[Any]) -> list[Kind]:
    """The outputs of one kind."""
    return [each for each in outputs if isinstance(each, kind)]


class MatchingHarness:
    """An exchange with the perpetual's book open; each call is a nanosecond later than the one before."""

    def __init__(self, risk: RiskCheck | None = None, instrument: Instrument = PERPETUAL) -> None:
        self.journalled: list[Record] = []
        self.exchange = Exchange(risk or NoRiskCheck(), self.journalled.append)
        self.instrument = instrument
        self.now = 1_000_000_000_000_000_000
        self.outputs: list[Any] = []
        self.ended: dict[int, Order] = {}
        self.do(Instruct, demand=OpenBook(instrument))

    def do(self, kind: type[Record], /, **fields: Any) -> list[Any]:
        """Submit a record and keep what came of it."""
        self.now += 1
        self.outputs = self.exchange.submit(kind(at_ns=self.now, **fields))
        changed = (each.order for each in of(OrderChanged, self.outputs))
        ended = {order.id: order for order in changed if not order.resting}
        assert not self.ended.keys() & ended.keys(), "an order ends once"
        self.ended |= ended
        return self.outputs

    def place(self, account: int, side: str, size: int, price: int | None = None, **terms: Any) -> Order:
        """Place an order and return it as it stands afterwards."""
        order_id = self.exchange.matching.next_order_id
        outputs = self.do(Place, account=account, terms=self.terms(side, size, price, **terms))
        assert not of(Rejection, outputs), outputs
        return self.order(order_id)

    def terms(self, side: str, size: int, price: int | None = None, **terms: Any) -> Terms:
        name = terms.pop("instrument", self.instrument.name)
        return Terms(instrument=name, side=side, size_lots=size, price_ticks=price, **terms)  # type: ignore[arg-type]

    def refused(
        self, account: int, side: str, size: int, price: int | None = None, **terms: Any
    ) -> Rejection:
        """Place an order that must be refused."""
        return self.rejected(Place, account=account, terms=self.terms(side, size, price, **terms))

    def rejected(self, kind: type[Record], /, **fields: Any) -> Rejection:
        """Submit a record that must be refused without a trace."""
        known = len(self.journalled)
        (rejection,) = self.do(kind, **fields)
        assert isinstance(rejection, Rejection)
        assert len(self.journalled) == known, "a refused record was journalled"
        return rejection

    def edit(self, order: Order, **changes: Any) -> Order:
        assert not of(Rejection, self.do(Edit, account=order.account, order_id=order.id, **changes)), (
            self.outputs
        )
        return self.order(order.id)

    def cancel(self, order: Order) -> Order:
        self.do(Cancel, account=order.account, order_id=order.id)
        return self.order(order.id)

    def refer(self, **reference: Any) -> list[Any]:
        """Set index, mark or band."""
        return self.do(Instruct, demand=Reference(self.instrument.name, **reference))

    def order(self, order: int | Order) -> Order:
        """An order as it stands now."""
        order_id = order if isinstance(order, int) else order.id
        return self.exchange.matching.orders.get(order_id) or self.ended[order_id]

    def fills(self) -> list[tuple[int, int, int, str]]:
        """(account, price, size, role) of each fill of the last record."""
        return [(f.account, f.price_ticks, f.size_lots, f.role) for f in of(Fill, self.outputs)]

    def changed(self) -> dict[int, tuple[str, str]]:
        """(state, reason) of each order that the last record changed."""
        return {e.order.id: (e.order.state, e.order.reason) for e in of(OrderChanged, self.outputs)}

    def book(self) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
        """Bids and asks as shown: (price, size), best first."""
        book = self.exchange.matching.books[self.instrument.name]
        bids, asks = book.bids.image(), book.asks.image()
        return list(zip(bids.prices, bids.sizes, strict=True)), list(
            zip(asks.prices, asks.sizes, strict=True)
        )

"""Streams of orders that every contestant of the matching benchmark gets alike.

Half of the steps add an order, 44 % cancel one, 6 % take from the other side. Buyers and sellers are different
accounts, so that nobody meets himself. Only living orders are cancelled and only as much is taken as there is:
lightmatchingengine raises AssertionError at the one, and rests a market order at price zero at the other.
"""

import random
from collections.abc import Callable

import msgspec

from deltawire.exchange.accounts.no_risk_check import NoRiskCheck
from deltawire.exchange.exchange import Exchange
from deltawire.exchange.orders.orders import Terms
from deltawire.exchange.orders.records import Cancel, Instruct, Place
from deltawire.exchange.ports import OpenBook, Record
from deltawire.model.events import Side
from deltawire.model.instruments import Instrument

NAME = "BTC-PERPETUAL"
INSTRUMENT = Instrument(
    venue="deltawire", name=NAME, kind="future", base="BTC", quote="USD", settlement="BTC", price_exponent=-1,
    size_exponent=0, tick_size="0.1", min_trade_size="10", size_unit="quote", contract_size=10.0, inverse=True,
    index_name="btc_usd",
)  # fmt: skip
MIDDLE = 100_000
CANCELS, TAKERS = 0.44, 0.06
Add = tuple[int, int, int]
"""Sign, price in ticks, size; price 0 takes."""


class Orders(msgspec.Struct):
    """A stream: each step is an add, or the number of the add to cancel (the first is 1)."""

    name: str
    warm: list[Add]
    steps: list[Add | int]
    owners: list[int] = []
    """Whose order the add of each number is; the first is nobody's, since numbers begin with 1."""

    def __post_init__(self) -> None:
        adds = (add for add in (*self.warm, *self.steps) if type(add) is not int)
        self.owners = [0, *(account(number, add[0]) for number, add in enumerate(adds, 1))]


def opened(journal: Callable[[Record], None] | None = None) -> Exchange:
    """An exchange with the book open and no margin."""
    exchange = Exchange(NoRiskCheck(), journal)
    exchange.submit(Instruct(at_ns=1, demand=OpenBook(INSTRUMENT)), replayed=True)
    return exchange


def account(number: int, sign: int) -> int:
    """Whose order the add of this number is."""
    return number % 50 * 2 + (sign > 0)


def terms(add: Add) -> Terms:
    """An add as our terms."""
    sign, price, size = add
    side: Side = "buy" if sign > 0 else "sell"
    if price:
        return Terms(instrument=NAME, side=side, size_lots=size, price_ticks=price)
    return Terms(instrument=NAME, side=side, size_lots=size, type="market")


class Mixer:
    """Draws the steps, with an exchange at hand that knows which orders live."""

    def __init__(self, resting: int, prices: int, seed: int) -> None:
        self._chance = random.Random(seed)
        self._exchange, self._living, self._number = opened(), list[int](), 0
        self._prices = prices
        self.warm = [self._add(self._passive()) for _ in range(resting)]
        self._resting = resting

    def step(self) -> Add | int:
        """One more; the number of living orders wanders around where it began."""
        draw = self._chance.random()
        if draw < CANCELS:
            return self._cancel() if len(self._exchange.matching.orders) > self._resting // 2 else self.step()
        add = self._passive() if draw < 1 - TAKERS else self._taker()
        return self._add(add) if self._covered(add) else self.step()

    def _passive(self) -> Add:
        sign = self._chance.choice((1, -1))
        away = min(int(self._chance.expovariate(3 / self._prices)), self._prices - 1)
        return sign, MIDDLE - sign * (1 + away), 10 * self._chance.randint(1, 20)

    def _taker(self) -> Add:
        return self._chance.choice((1, -1)), 0, 10 * self._chance.randint(1, 60)

    def _covered(self, add: Add) -> bool:
        if add[1]:
            return True
        levels = self._exchange.matching.books[NAME].side(-add[0]).levels.values()
        return sum(level.shown_lots for level in levels) >= add[2]

    def _add(self, add: Add) -> Add:
        self._number += 1
        self._exchange.submit(Place(at_ns=1, account=account(self._number, add[0]), terms=terms(add)))
        if add[1]:
            self._living.append(self._number)
        return add

    def _cancel(self) -> int:
        living, orders = self._living, self._exchange.matching.orders
        while True:
            at = self._chance.randrange(len(living))
            living[at], living[-1] = living[-1], living[at]
            number = living.pop()
            if number in orders:
                self._exchange.submit(Cancel(at_ns=1, account=orders[number].account, order_id=number))
                return number


def stream(name: str, *, resting: int, prices: int, count: int, seed: int = 1) -> Orders:
    """So many orders over so many prices on either side, then so many steps."""
    mixer = Mixer(resting, prices, seed)
    return Orders(name, mixer.warm, [mixer.step() for _ in range(count)])

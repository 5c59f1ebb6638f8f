"""The market behind the simulators.

Plain dicts, moved by a seeded random stream. Kept simple so that it is evidently correct.
"""

from decimal import Decimal
from random import Random
from typing import Literal

import msgspec

SideName = Literal["bids", "asks"]
REACH = 1.6
"""How far from the best price changes occur: exponent of a power law, in price steps."""


class Contract(msgspec.Struct, frozen=True):
    """A contract: `start` is the first mid price in ticks, `step` the number of ticks between neighbouring prices."""

    name: str
    price_exponent: int
    size_exponent: int
    start: int
    step: int = 1
    lot: int = 1
    expiry_ms: int = 1_924_588_800_000
    """When it ends, if its name says that it does: 27 December 2030, 08:00 UTC."""

    def price(self, ticks: int) -> str:
        """Ticks as fixed-point text: 6183760 at exponent -2 is "61837.60"."""
        return f"{Decimal(ticks).scaleb(self.price_exponent):f}"

    def size(self, lots: int) -> str:
        """Lots as fixed-point text."""
        return f"{Decimal(lots).scaleb(self.size_exponent):f}"


class MarketTrade(msgspec.Struct, frozen=True):
    """A trade in ticks and lots; `bought` says whether the aggressor did."""

    price: int
    size: int
    bought: bool


class MarketStep(msgspec.Struct, frozen=True):
    """What has changed in a book since the id `previous`: new sizes by price, 0 for removed."""

    previous: int
    bids: dict[int, int]
    asks: dict[int, int]


class PlainBook(msgspec.Struct):
    """A book as two dicts of lots by ticks."""

    bids: dict[int, int]
    asks: dict[int, int]

    def copy(self) -> "PlainBook":
        """A copy with the same levels."""
        return PlainBook(dict(self.bids), dict(self.asks))

    def levels(self, side: SideName, depth: int | None = None) -> list[tuple[int, int]]:
        """Prices and sizes of one side, best first."""
        sizes: dict[int, int] = getattr(self, side)
        return [(price, sizes[price]) for price in sorted(sizes, reverse=side == "bids")[:depth]]

    def follow(self, bids: dict[int, int], asks: dict[int, int]) -> None:
        """Set the sizes of these levels, 0 removes one."""
        for side, news in ((self.bids, bids), (self.asks, asks)):
            for price, size in news.items():
                if size:
                    side[price] = size
                else:
                    del side[price]

    def cut(self, depth: int) -> "PlainBook":
        """The best `depth` levels of each side."""
        return PlainBook(dict(self.levels("bids", depth)), dict(self.levels("asks", depth)))


def changes(before: dict[int, int], after: dict[int, int]) -> dict[int, int]:
    """The new size of every level that differs, 0 if it was removed."""
    changed = {price for price, _ in before.items() ^ after.items()}
    prices = [price for price in before if price in changed]
    prices += [price for price in after if price in changed and price not in before]
    return {price: after.get(price, 0) for price in prices}


class Walk:
    """The book of one contract, moved by its own random stream, with an id that rises with every move."""

    def __init__(self, contract: Contract, seed: int, depth: int) -> None:
        self.contract = contract
        self.random = Random(f"{seed} {contract.name}")
        self.id = self.random.randrange(10**9, 10**10)
        self.first_id = 0
        self.trades = 0
        self.last_trade = MarketTrade(0, 0, bought=False)
        self.touched: tuple[dict[int, int], dict[int, int]] = ({}, {})
        """Prices of bids, and of asks, at which a move has changed something, with the sizes before."""
        self.last_step = MarketStep(0, {}, {})
        self.steps = self.levels = 0
        """Published changes of the book, and of its levels, where one market serves several connections."""
        self.lean = 0.5
        """Share of buyers among those who take a best level: the market rises with it."""
        self._depth = depth
        below = contract.start // contract.step * contract.step
        self.book = PlainBook({}, {})
        for i in range(depth):
            self.book.bids[below - i * contract.step] = self.size()
            self.book.asks[below + (i + 1) * contract.step] = self.size()

    def move(self) -> None:
        """Change one or several levels; the book never crosses and never becomes empty."""
        before = self.book.copy()
        self._bid, self._ask = max(self.book.bids), min(self.book.asks)
        while self.book == before:
            if self.random.random() < 0.15:
                self._trade_through()
            for _ in range(self.random.randint(1, 5)):
                self._change_level()
        self.id += self.random.randint(1, 4)
        self.first_id = self.first_id or self.id

    def trade(self) -> None:
        """Trade at the best price of one side; the book stays as it is."""
        self.trades += 1
        bought = self.trades % 3 != 0
        price = min(self.book.asks) if bought else max(self.book.bids)
        self.last_trade = MarketTrade(price, self.trades % 7 + 1, bought=bought)

    def stepped(self, previous: int, bids: dict[int, int], asks: dict[int, int]) -> None:
        """What has changed since the id `previous` is published to everybody."""
        self.last_step = MarketStep(previous, bids, asks)
        self.steps += 1
        self.levels += len(bids) + len(asks)

    def traded(self, trade: MarketTrade, number: int) -> None:
        """The newest trade is this one."""
        self.last_trade, self.trades = trade, number

    def lean_to(self, share: float) -> None:
        """Let so many of those who take a best level buy."""
        self.lean = share

    def renamed(self, contract: Contract) -> None:
        """The contract has another name, or finer numbers."""
        self.contract = contract

    def hold(self, book: PlainBook) -> None:
        """The book is another one."""
        self.book = book

    def renumbered(self, first: int, number: int) -> None:
        """The ids of what has changed are these."""
        self.first_id, self.id = first, number

    def extend(self, depth: int) -> None:
        """Add levels beyond the last ones of a side that is shorter."""
        step = self.contract.step
        while len(self.book.bids) < depth and min(self.book.bids) > step:
            self._put(self.book.bids, min(self.book.bids) - step, self.size())
        while len(self.book.asks) < depth:
            self._put(self.book.asks, max(self.book.asks) + step, self.size())

    def publish(self) -> int:
        """The id of the first move since the last call; marks all moves as published."""
        first, self.first_id = self.first_id, 0
        return first

    def _trade_through(self) -> None:
        """Take the best levels of a side, and let the other side follow."""
        bought = self.random.random() < self.lean
        taken, other = (self.book.asks, self.book.bids) if bought else (self.book.bids, self.book.asks)
        for _ in range(self.random.randint(1, 3)):
            price = self._ask if bought else self._bid
            if len(taken) > self._depth // 2:
                self._put(taken, price, 0)
                self._put(other, price, self.size())

    def _change_level(self) -> None:
        side = self.book.bids if self.random.random() < 0.5 else self.book.asks
        price = self._price(side)
        if side.get(price) and self.random.random() < 0.4 and len(side) > self._depth // 2:
            self._put(side, price, 0)
        else:
            self._put(side, price, self.size())
        if len(side) > 2 * self._depth:
            self._put(side, min(side) if side is self.book.bids else max(side), 0)

    def _put(self, side: dict[int, int], price: int, size: int) -> None:
        """Set the size of a level, 0 removes it; `move` knows the best prices without searching for them."""
        is_bids = side is self.book.bids
        self.touched[not is_bids].setdefault(price, side.get(price, 0))
        if size:
            side[price] = size
            if is_bids:
                self._bid = max(self._bid, price)
            else:
                self._ask = min(self._ask, price)
            return
        del side[price]
        if is_bids and price == self._bid:
            self._bid = max(side)
        elif not is_bids and price == self._ask:
            self._ask = min(side)

    def _price(self, side: dict[int, int]) -> int:
        """A price near the best one, at most one step inside the other side's best."""
        step, bid, ask = self.contract.step, self._bid, self._ask
        distance = min(2 * self._depth, int(self.random.paretovariate(1 / REACH)))
        if side is self.book.bids:
            return max(step, ask - distance * step)
        return bid + distance * step

    def size(self) -> int:
        """The size of a new level."""
        return int(self.random.lognormvariate(6, 2) + 1) * self.contract.lot

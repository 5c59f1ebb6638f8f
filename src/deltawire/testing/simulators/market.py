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


class PlainBook(msgspec.Struct):
    """A book as two dicts of lots by ticks."""

    bids: dict[int, int]
    asks: dict[int, int]

    def copy(self) -> "PlainBook":
        """A copy with the same levels."""
        return PlainBook(dict(self.bids), dict(self.asks))

    def levels(self, side: SideName, depth: int | None = None) -> list[tuple[int, int]]:
        """Prices and sizes of one side, best first."""
        return sorted(getattr(self, side).items(), reverse=side == "bids")[:depth]

    def cut(self, depth: int) -> "PlainBook":
        """The best `depth` levels of each side."""
        return PlainBook(dict(self.levels("bids", depth)), dict(self.levels("asks", depth)))


def changes(before: dict[int, int], after: dict[int, int]) -> dict[int, int]:
    """The new size of every level that differs, 0 if it was removed."""
    return {
        price: after.get(price, 0)
        for price in [*before, *(price for price in after if price not in before)]
        if before.get(price, 0) != after.get(price, 0)
    }


class Walk:
    """The book of one contract, moved by its own random stream, with an id that rises with every move."""

    def __init__(self, contract: Contract, seed: int, depth: int) -> None:
        self.contract = contract
        self.random = Random(f"{seed} {contract.name}")
        self.id = self.random.randrange(10**9, 10**10)
        self.first_id = 0
        self.trades = 0
        self.last_trade = MarketTrade(0, 0, bought=False)
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

    def publish(self) -> int:
        """The id of the first move since the last call; marks all moves as published."""
        first, self.first_id = self.first_id, 0
        return first

    def _trade_through(self) -> None:
        """Take the best levels of a side, and let the other side follow."""
        bought = self.random.random() < self.lean
        taken, other = (self.book.asks, self.book.bids) if bought else (self.book.bids, self.book.asks)
        for _ in range(self.random.randint(1, 3)):
            price = min(taken) if bought else max(taken)
            if len(taken) > self._depth // 2:
                del taken[price]
                other[price] = self.size()

    def _change_level(self) -> None:
        side = self.book.bids if self.random.random() < 0.5 else self.book.asks
        price = self._price(side)
        if side.get(price) and self.random.random() < 0.4 and len(side) > self._depth // 2:
            del side[price]
        else:
            side[price] = self.size()
        if len(side) > 2 * self._depth:
            del side[min(side) if side is self.book.bids else max(side)]

    def _price(self, side: dict[int, int]) -> int:
        """A price near the best one, at most one step inside the other side's best."""
        step, bid, ask = self.contract.step, max(self.book.bids), min(self.book.asks)
        distance = min(2 * self._depth, int(self.random.paretovariate(1 / REACH)))
        if side is self.book.bids:
            return max(step, ask - distance * step)
        return bid + distance * step

    def size(self) -> int:
        """The size of a new level."""
        return int(self.random.lognormvariate(6, 2) + 1) * self.contract.lot

"""An obviously correct order book: a plain list, searched from end to end for every single step.

It knows what `deltawire.exchange` promises about limit, market and market-limit orders, time in force, post-only,
reduce-only, icebergs, self-trading, edits and cancels, and nothing else. Fill-or-kill is tried on a copy.
"""

from copy import deepcopy
from dataclasses import dataclass, field


@dataclass
class NaiveOrder:
    id: int
    account: int
    sign: int
    price: int
    leaves: int
    display: int | None
    reduce_only: bool
    post_only: bool = False
    turn: int = 0
    shown: int = 0
    filled: int = 0


@dataclass
class NaiveBook:
    """`fills` are (maker order, taker order, price, size) of everything so far."""

    cancel_maker: set[int] = field(default_factory=set)
    resting: list[NaiveOrder] = field(default_factory=list)
    fills: list[tuple[int, int, int, int]] = field(default_factory=list)
    positions: dict[int, int] = field(default_factory=dict)
    turn: int = 0

    def next_turn(self) -> int:
        self.turn += 1
        return self.turn

    def side(self, sign: int) -> list[NaiveOrder]:
        mine = [order for order in self.resting if order.sign == sign]
        return sorted(mine, key=lambda order: (-sign * order.price, order.turn))

    def best(self, sign: int) -> int | None:
        orders = self.side(sign)
        return orders[0].price if orders else None

    def reducible(self, account: int, sign: int) -> int:
        return max(0, -sign * self.positions.get(account, 0))

    def match(self, taker: NaiveOrder) -> bool:
        """Trade; whether it met its own account and had to stop."""
        while taker.leaves:
            makers = self.side(-taker.sign)
            if not makers or taker.sign * (makers[0].price - taker.price) > 0:
                return False
            maker = makers[0]
            if maker.account == taker.account:
                if taker.account not in self.cancel_maker:
                    return True
                self.resting.remove(maker)
                continue
            self.trade(maker, taker)
        return False

    def trade(self, maker: NaiveOrder, taker: NaiveOrder) -> None:
        lots = min(maker.shown, taker.leaves)
        self.fills.append((maker.id, taker.id, maker.price, lots))
        for order in (maker, taker):
            order.leaves -= lots
            order.filled += lots
            self.positions[order.account] = self.positions.get(order.account, 0) + order.sign * lots
        maker.shown -= lots
        if maker.leaves and not maker.shown:
            maker.shown = min(maker.display or maker.leaves, maker.leaves)
            maker.turn = self.next_turn()
        for order in self.resting:
            if order.reduce_only and order.account in (maker.account, taker.account):
                order.leaves = min(order.leaves, self.reducible(order.account, order.sign))
                order.shown = min(order.shown, order.leaves)
        self.resting = [order for order in self.resting if order.leaves]

    def fit(self, order: NaiveOrder) -> bool:
        """Move a post-only price behind the other side, cut a reduce-only size; False when nothing is left."""
        best = self.best(-order.sign)
        if order.post_only and best is not None and order.sign * (order.price - best) >= 0:
            order.price = best - order.sign
        if order.reduce_only:
            order.leaves = min(order.leaves, self.reducible(order.account, order.sign))
        return order.price >= 0 and order.leaves > 0

    def place(self, order: NaiveOrder, kind: str, time_in_force: str) -> bool:
        """Place an order; False when it is refused."""
        best = self.best(-order.sign)
        if kind == "market":
            order.price = 10**9 if order.sign > 0 else 0
        elif kind == "market_limit":
            if best is None:
                return False
            order.price = best
        if not self.fit(order):
            return False
        if time_in_force == "fill_or_kill" and not self.would_fill(order):
            return True
        stopped = self.match(order)
        if order.leaves and not stopped and time_in_force == "good_til_cancelled" and kind != "market":
            self.rest(order)
        return True

    def would_fill(self, order: NaiveOrder) -> bool:
        book, taker = deepcopy((self, order))
        book.match(taker)
        return not taker.leaves

    def rest(self, order: NaiveOrder) -> None:
        order.shown = min(order.display or order.leaves, order.leaves)
        order.turn = self.next_turn()
        self.resting.append(order)

    def find(self, order_id: int) -> NaiveOrder | None:
        return next((order for order in self.resting if order.id == order_id), None)

    def cancel(self, order_id: int) -> None:
        self.resting = [order for order in self.resting if order.id != order_id]

    def edit(self, order: NaiveOrder, price: int, leaves: int) -> None:
        before = order.price, order.leaves
        order.price, order.leaves = price, leaves
        self.fit(order)
        if order.price == before[0] and order.leaves <= before[1]:
            order.shown = min(order.shown, order.leaves)
            return
        self.resting.remove(order)
        if not self.match(order) and order.leaves:
            self.rest(order)

    def image(self, sign: int) -> list[tuple[int, int]]:
        shown: dict[int, int] = {}
        for order in self.side(sign):
            shown[order.price] = shown.get(order.price, 0) + order.shown
        return list(shown.items())

"""Computes how much an order would fill, without changes; used for fill-or-kill."""

from collections import deque
from copy import deepcopy

from deltawire.exchange.matching.books import OrderBook
from deltawire.exchange.matching.matching_state import MatchingState
from deltawire.exchange.matching.protection import Guard, GuardKey, Protection
from deltawire.exchange.orders.orders import AccountId, Order


class _Probe:
    """Simulates the matching loop on copies of the few numbers that it changes.

    Where it is not exact it returns too little: of linked orders it counts only the one that is hit first.
    """

    def __init__(
        self, matching: MatchingState, protection: Protection, taker: Order, book: OrderBook
    ) -> None:
        self._matching, self._protection, self._taker, self._book = matching, protection, taker, book
        self._guards: dict[GuardKey, Guard] = {}
        self._positions: dict[AccountId, int] = {}
        self._gone: set[int] = set()
        self.left = taker.leaves_lots
        self.stopped = False

    def level(self, orders: list[Order]) -> None:
        """Fill from the orders of one level until it is empty, or the taker is filled or stopped."""
        queue = deque((order, order.leaves_lots, order.shown_lots) for order in orders)
        while queue and self.left and not self.stopped:
            maker, leaves, shown = queue.popleft()
            if maker.id in self._gone or (maker.terms.mmp and self._guard(maker).frozen(self._matching.now)):
                continue
            if maker.account == self._taker.account:
                self.stopped = self._matching.self_trading.get(maker.account) != "cancel_maker"
                continue
            if maker.terms.reduce_only:
                leaves = min(leaves, max(0, -maker.sign * self._position(maker.account)))
            lots = min(shown, leaves, self.left)
            self.left -= lots
            self._positions[maker.account] = self._position(maker.account) + maker.sign * lots
            if leaves > lots == shown:
                queue.append((maker, leaves - lots, min(maker.terms.display_lots or leaves, leaves - lots)))
            if maker.oco:
                self._gone.update(maker.linked_ids)
            if maker.terms.mmp:
                self._guard(maker).count(self._matching.now, maker, self._book, maker.price_ticks, lots)

    def _guard(self, maker: Order) -> Guard:
        """The maker's guard after the fills so far."""
        key = self._protection.key(maker, self._book.instrument)
        if key not in self._guards:
            self._guards[key] = deepcopy(self._protection.guards.get(key) or Guard())
        return self._guards[key]

    def _position(self, account: AccountId) -> int:
        if account not in self._positions:
            self._positions[account] = self._matching.risk.position(account, self._book.instrument.name)
        return self._positions[account]


def fillable(matching: MatchingState, protection: Protection, taker: Order, book: OrderBook) -> int:
    """The number of lots that the taker would get now within its price."""
    opposite = book.side(-taker.sign)
    probe = _Probe(matching, protection, taker, book)
    for key in reversed(opposite.keys):
        if key < opposite.sign * taker.price_ticks or not probe.left or probe.stopped:
            break
        probe.level(list(opposite.levels[opposite.sign * key].orders.values()))
    return taker.leaves_lots - probe.left

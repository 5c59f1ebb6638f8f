"""Market maker protection: limits on what a group of orders may trade within an interval before it is cancelled.

Deribit: docs.deribit.com, `private/set_mmp_config`. Quantity counts in base coin, delta and vega net.
"""

from collections.abc import Callable

import msgspec

from deltawire.exchange.matching.books import OrderBook
from deltawire.exchange.matching.matching_state import MatchingState
from deltawire.exchange.orders.orders import AccountId, Order, Reason
from deltawire.exchange.orders.records import Protected, SetProtection
from deltawire.model.instruments import Instrument

GuardKey = tuple[AccountId, str, str]
"""Account, index name, group."""


class Exposure(msgspec.Struct, frozen=True):
    """The exposure that one fill added."""

    at_ns: int
    quantity: float
    delta: float
    vega: float


class Guard(msgspec.Struct):
    """The limits of one group, its trades within the interval, and the end of its freeze (−1: until reset)."""

    config: SetProtection | None = None
    recent: list[Exposure] = []
    frozen_until_ns: int = 0

    def frozen(self, now: int) -> bool:
        """Whether its orders are refused now."""
        return self.frozen_until_ns < 0 or now < self.frozen_until_ns

    def count(self, now: int, order: Order, book: OrderBook, price_ticks: int, lots: int) -> bool:
        """Add a fill; returns whether a limit was exceeded and the group is frozen."""
        config, instrument = self.config, book.instrument
        if config is None:
            return False
        coins = instrument.amounts(instrument.price(price_ticks), lots)[0]
        signed = order.sign * coins
        reference = book.reference
        self.recent.append(Exposure(now, coins, signed * reference.delta, signed * reference.vega))
        self.recent = [fill for fill in self.recent if fill.at_ns > now - config.interval_ns]
        if not self._past(config):
            return False
        self.recent.clear()
        self.frozen_until_ns = now + config.frozen_ns if config.frozen_ns else -1
        return True

    def _past(self, config: SetProtection) -> bool:
        recent = self.recent
        limits = (
            (config.quantity_limit, sum(fill.quantity for fill in recent)),
            (config.delta_limit, abs(sum(fill.delta for fill in recent))),
            (config.vega_limit, abs(sum(fill.vega for fill in recent))),
            (config.trade_count_limit, len(recent)),
        )
        return any(limit is not None and traded >= limit for limit, traded in limits)


class Protection:
    """All guards."""

    __slots__ = ("_cancel", "_matching", "guards")

    def __init__(self, matching: MatchingState, cancel: Callable[[Order, Reason], None]) -> None:
        self._matching, self._cancel = matching, cancel
        self.guards: dict[GuardKey, Guard] = {}

    def key(self, order: Order, instrument: Instrument) -> GuardKey:
        """The guard that applies to this order."""
        return order.account, instrument.index_name, order.terms.mmp_group

    def configure(self, record: SetProtection) -> None:
        """Set or remove the limits of a group; its counts are reset, a freeze stays."""
        key = (record.account, record.index_name, record.group)
        guard = self.guards.get(key)
        if not record.interval_ns:
            self.guards.pop(key, None)
            return
        self.guards[key] = Guard(record, frozen_until_ns=guard.frozen_until_ns if guard else 0)

    def reset(self, key: GuardKey) -> bool:
        """End a freeze; returns False if there is no such group."""
        guard = self.guards.get(key)
        if guard is None:
            return False
        guard.frozen_until_ns = 0
        guard.recent.clear()
        return True

    def hit(self, order: Order, book: OrderBook, price_ticks: int, lots: int) -> None:
        """A protected order was filled as maker: count the fill, and cancel the group if a limit was exceeded."""
        key = self.key(order, book.instrument)
        guard = self.guards.get(key)
        matching = self._matching
        if guard is None or not guard.count(matching.now, order, book, price_ticks, lots):
            return
        for other in matching.live(order.account):
            protected = other.leaves_lots and other.terms.mmp
            if protected and self.key(other, matching.books[other.instrument].instrument) == key:
                self._cancel(other, "mmp_trigger")
        matching.outputs.append(Protected(*key, max(0, guard.frozen_until_ns)))

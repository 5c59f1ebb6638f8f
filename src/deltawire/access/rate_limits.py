"""Costs of requests: buckets of credits that are refilled over time (docs.deribit.com, Rate Limits)."""

import msgspec

SECOND_NS = 1_000_000_000
MOST_WALLETS = 100_000
SUBSCRIPTIONS = ("subscribe", "unsubscribe", "unsubscribe_all")
SIMULATIONS = ("simulate_portfolio", "pme/simulate")


class RateLimits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Credits per second, the maximum of the bucket, and costs.

    For requests these are Deribit's numbers. Deribit allows ten subscriptions at once, then 3.3 per second (3,000 of
    30,000); clients that subscribe channel by channel, as ccxt does, would exceed that.
    """

    refill: int = 10_000
    pool: int = 50_000
    request: int = 500
    subscription_pool: int = 250_000
    subscription: int = 500
    """Cost of a `subscribe` or `unsubscribe` with any number of channels."""
    simulation: int = 10_000
    """Cost of `simulate_portfolio`, which Deribit allows once per second as well."""


class _Balance:
    __slots__ = ("_at_ns", "_credits", "_most", "_refill")

    def __init__(self, most: int, refill: int) -> None:
        self._most, self._refill = most, refill
        self._credits, self._at_ns = float(most), 0

    def pay(self, cost: int, now: int) -> bool:
        """Take credits.

        Returns False, without taking any, if there are too few. A clock that jumps back refills nothing.
        """
        self._credits = min(self._most, self._credits + max(0, now - self._at_ns) * self._refill / SECOND_NS)
        self._at_ns = now
        if cost > self._credits:
            return False
        self._credits -= cost
        return True


class TokenBucket:
    """The buckets of one account, address or connection."""

    __slots__ = ("_limits", "_requests", "_subscriptions")

    def __init__(self, limits: RateLimits) -> None:
        self._limits = limits
        self._requests = _Balance(limits.pool, limits.refill)
        self._subscriptions = _Balance(limits.subscription_pool, limits.refill)

    def pay_for(self, method: str, now: int) -> bool:
        """Charge a request; returns False if there are too few credits."""
        name = method.lstrip("/").partition("/")[2]
        if name in SUBSCRIPTIONS:
            return self._subscriptions.pay(self._limits.subscription, now)
        return self._requests.pay(
            self._limits.simulation if name in SIMULATIONS else self._limits.request, now
        )


class TokenBuckets:
    """Buckets by owner. The oldest one is dropped if there are too many: it is full again by then."""

    def __init__(self, limits: RateLimits) -> None:
        self.limits = limits
        self._buckets: dict[str, TokenBucket] = {}

    def of(self, owner: str) -> TokenBucket:
        """The bucket that all connections of an owner share."""
        bucket = self._buckets.get(owner)
        if bucket is None:
            while len(self._buckets) >= MOST_WALLETS:
                del self._buckets[next(iter(self._buckets))]
            bucket = self._buckets[owner] = TokenBucket(self.limits)
        return bucket

    def make(self) -> TokenBucket:
        """A bucket for a single connection."""
        return TokenBucket(self.limits)

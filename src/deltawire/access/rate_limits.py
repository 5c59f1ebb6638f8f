"""What requests cost: buckets of credits that refill with time (docs.deribit.com, Rate Limits)."""

import msgspec

SECOND_NS = 1_000_000_000
MOST_WALLETS = 100_000


class RateLimits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Credits per second, the most that gather, and what things cost.

    For requests these are Deribit's own numbers. Deribit lets subscribe ten times at once, then 3.3 times a second
    (3,000 of 30,000); clients that subscribe channel by channel, as ccxt does, would be cut off by that.
    """

    refill: int = 10_000
    pool: int = 50_000
    request: int = 500
    subscription_pool: int = 250_000
    subscription: int = 500
    """A `subscribe` or `unsubscribe`, of whatever number of channels."""


class _Balance:
    __slots__ = ("_at_ns", "_credits", "_most", "_refill")

    def __init__(self, most: int, refill: int) -> None:
        self._most, self._refill = most, refill
        self._credits, self._at_ns = float(most), 0

    def pay(self, cost: int, now: int) -> bool:
        """Take credits; False, and none taken, when there are too few. A clock that jumps back refills nothing."""
        self._credits = min(self._most, self._credits + max(0, now - self._at_ns) * self._refill / SECOND_NS)
        self._at_ns = now
        if cost > self._credits:
            return False
        self._credits -= cost
        return True


class TokenBucket:
    """The buckets of one account, one address or one connection."""

    __slots__ = ("_limits", "_requests", "_subscriptions")

    def __init__(self, limits: RateLimits) -> None:
        self._limits = limits
        self._requests = _Balance(limits.pool, limits.refill)
        self._subscriptions = _Balance(limits.subscription_pool, limits.refill)

    def pay_for(self, method: str, now: int) -> bool:
        """Pay for a request, whatever it is; False when it cannot be paid."""
        if method.partition("/")[2] in ("subscribe", "unsubscribe", "unsubscribe_all"):
            return self._subscriptions.pay(self._limits.subscription, now)
        return self._requests.pay(self._limits.request, now)


class TokenBuckets:
    """TokenBuckets by owner. The one made first is forgotten when there are too many: it is full again by then."""

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
        """A bucket of one connection's own."""
        return TokenBucket(self.limits)

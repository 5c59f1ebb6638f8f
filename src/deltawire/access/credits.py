"""What requests cost: buckets of credits that refill with time (docs.deribit.com, Rate Limits)."""

import msgspec

SECOND_NS = 1_000_000_000
MOST_WALLETS = 100_000


class Tariff(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Credits per second, the most that gather, and what things cost. Deribit's own numbers."""

    refill: int = 10_000
    pool: int = 50_000
    request: int = 500
    subscription_pool: int = 30_000
    subscription: int = 3_000
    """A `subscribe` or `unsubscribe`, of whatever number of channels."""


class _Bucket:
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


class Wallet:
    """The buckets of one account, one address or one connection."""

    __slots__ = ("_requests", "_subscriptions", "_tariff")

    def __init__(self, tariff: Tariff) -> None:
        self._tariff = tariff
        self._requests = _Bucket(tariff.pool, tariff.refill)
        self._subscriptions = _Bucket(tariff.subscription_pool, tariff.refill)

    def pay_for(self, method: str, now: int) -> bool:
        """Pay for a request, whatever it is; False when it cannot be paid."""
        if method.partition("/")[2] in ("subscribe", "unsubscribe", "unsubscribe_all"):
            return self._subscriptions.pay(self._tariff.subscription, now)
        return self._requests.pay(self._tariff.request, now)


class Wallets:
    """Wallets by owner. The one made first is forgotten when there are too many: it is full again by then."""

    def __init__(self, tariff: Tariff) -> None:
        self._tariff = tariff
        self._wallets: dict[str, Wallet] = {}

    def of(self, owner: str) -> Wallet:
        """The wallet that all connections of an owner share."""
        wallet = self._wallets.get(owner)
        if wallet is None:
            while len(self._wallets) >= MOST_WALLETS:
                del self._wallets[next(iter(self._wallets))]
            wallet = self._wallets[owner] = Wallet(self._tariff)
        return wallet

    def make(self) -> Wallet:
        """A wallet of one connection's own."""
        return Wallet(self._tariff)

"""Budgets: at most so much within any interval, for connects, messages and REST weight."""

from collections import deque

from deltawire.model.limits import Rate

SECOND_NS = 1_000_000_000
SHARE = 0.9
"""Of what the venue allows: messages that are sent evenly may arrive closer together."""


class Allowance:
    """A limit that holds in every interval, wherever the venue begins to count.

    A bucket that refills would allow twice the amount within one of the venue's fixed minutes. `wait_ns` says how long
    something must wait; `take` records that it is done.
    """

    def __init__(self, rate: Rate, *, share: float = SHARE) -> None:
        self.rate = rate
        self._most = max(1, int(rate.amount * share))
        self._per_ns = int(rate.seconds * SECOND_NS)
        self._taken: deque[tuple[int, int]] = deque()
        self._used = 0
        self._blocked_until = 0

    def used(self, now: int) -> int:
        """What was taken within the interval that ends now."""
        while self._taken and self._taken[0][0] <= now - self._per_ns:
            self._used -= self._taken.popleft()[1]
        return self._used

    def wait_ns(self, cost: int, now: int) -> int:
        """How long until this much may be taken; more than the whole amount counts as the whole."""
        blocked_ns = max(0, self._blocked_until - now)
        excess = self.used(now) + min(cost, self._most) - self._most
        for taken_ns, taken in self._taken:
            if excess <= 0:
                break
            excess -= taken
            blocked_ns = max(blocked_ns, taken_ns + self._per_ns - now)
        return blocked_ns

    def take(self, cost: int, now: int) -> None:
        """Record that this much is used now."""
        self._taken.append((now, cost))
        self._used += cost

    def observe(self, used: int, now: int) -> None:
        """The venue states what is used of its interval; somebody else at this address may use it too."""
        if (more := used - self.used(now)) > 0:
            self.take(more, now)

    def block(self, until_ns: int) -> None:
        """Nothing is allowed until then: the venue has said so."""
        self._blocked_until = max(self._blocked_until, until_ns)

    def blocked(self, now: int) -> bool:
        """Whether the venue has forbidden everything for now."""
        return now < self._blocked_until


class Allowances:
    """The budgets of one address, shared by everything that counts against the same pool of a venue."""

    def __init__(self) -> None:
        self._pools: dict[tuple[str, str], Allowance] = {}

    def of(self, pool: str, kind: str, rate: Rate | None) -> Allowance | None:
        """The budget of a pool for `connects`, `messages` or `weight`; None if the venue states no limit."""
        if rate is None:
            return None
        return self._pools.setdefault((pool, kind), Allowance(rate))

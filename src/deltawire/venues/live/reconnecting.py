"""When to connect again, and where: backoff with full jitter, failover between endpoints, planned reconnects."""

from collections.abc import Callable, Sequence

SECOND_NS = 1_000_000_000
FIRST_S, LONGEST_S = 0.25, 30.0
STABLE_S = 60.0
"""A connection that lasted so long begins the count of failures anew."""
LEAD_S = 3600.0
"""A connection is replaced up to so long before the venue closes it."""


class Reconnecting:
    """The attempts of one connection. `chance` returns a random number from 0 to 1."""

    def __init__(
        self, endpoints: Sequence[str], chance: Callable[[], float], *, lifetime_s: float = 0.0
    ) -> None:
        self._endpoints = endpoints
        self._chance = chance
        self._lifetime_s = lifetime_s
        self._at = 0
        self._failures = 0

    @property
    def endpoint(self) -> str:
        """Where to connect."""
        return self._endpoints[self._at % len(self._endpoints)]

    def ended(self, lasted_s: float) -> None:
        """A connection has ended, or could not be opened (0): the next attempt goes to the next endpoint."""
        if lasted_s >= STABLE_S:
            self._failures = self._at = 0
            return
        self._failures += 1
        self._at += 1

    def wait_s(self, retry_after_s: float = 0.0) -> float:
        """Before the next attempt: anything up to twice as long after each failure, and what the venue has said."""
        longest_s = min(LONGEST_S, FIRST_S * 2.0 ** min(self._failures, 32)) if self._failures else FIRST_S
        return retry_after_s + self._chance() * longest_s

    def replace_after_s(self) -> float | None:
        """The age at which a connection is to be replaced; None if the venue closes none by age."""
        if not self._lifetime_s:
            return None
        lead_s = min(LEAD_S, self._lifetime_s / 10)
        return self._lifetime_s - lead_s * (0.5 + 0.5 * self._chance())

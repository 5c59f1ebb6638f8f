"""Delays after failed logins: after a few failures an address must wait, each time twice as long."""

from collections import OrderedDict

import msgspec

SECOND_NS = 1_000_000_000


class BackoffPolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The number of failures without delay, and the first and the longest delay in seconds."""

    free: int = 5
    first_s: float = 1.0
    longest_s: float = 300.0
    addresses: int = 10_000
    """The number of addresses remembered; beyond it, the one that failed longest ago is forgotten."""


class Backoff:
    """Failed logins by address."""

    def __init__(self, policy: BackoffPolicy) -> None:
        self._policy = policy
        self._failures: OrderedDict[str, tuple[int, int]] = OrderedDict()

    def wait_ns(self, address: str, now: int) -> int:
        """How long this address must wait before its next attempt."""
        return max(0, self._failures.get(address, (0, 0))[1] - now)

    def failed(self, address: str, now: int) -> None:
        """Record a failed login."""
        count = self._failures.pop(address, (0, 0))[0] + 1
        beyond = count - self._policy.free
        wait_s = (
            min(self._policy.longest_s, self._policy.first_s * 2.0 ** min(beyond, 64)) if beyond >= 0 else 0.0
        )
        self._failures[address] = (count, now + int(wait_s * SECOND_NS))
        while len(self._failures) > self._policy.addresses:
            self._failures.popitem(last=False)

    def succeeded(self, address: str) -> None:
        """Forget the failures of an address after a successful login."""
        self._failures.pop(address, None)

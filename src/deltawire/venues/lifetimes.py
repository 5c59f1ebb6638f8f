"""Ends of the instruments of one connection: by expiry, by the venue's message, or by absence from its list."""

from collections.abc import Set
from heapq import heappop, heappush

import msgspec

from deltawire.model.expiries import FOREVER_NS, UNKNOWN_NS
from deltawire.model.instruments import Instrument


class End(msgspec.Struct, frozen=True):
    """When an instrument ended, and why."""

    at_ns: int
    why: str


class Lifetimes:
    """The instruments that have ended, and the next expiry."""

    def __init__(self) -> None:
        self._ends: dict[str, End] = {}
        self._expiries: list[tuple[int, str]] = []
        """A heap; an instrument that was redefined may be in it twice."""
        self._lists: dict[str, frozenset[str]] = {}
        self._began_ns = 0

    def watch(self, instrument: Instrument) -> None:
        """Wait for the expiry of an instrument, if it has a known one."""
        if UNKNOWN_NS < instrument.expiration_ns < FOREVER_NS:
            heappush(self._expiries, (instrument.expiration_ns, instrument.name))

    def next_expiry(self) -> int | None:
        """The time of the next expiry."""
        return self._expiries[0][0] if self._expiries else None

    def due(self, now: int) -> list[str]:
        """The instruments that have expired since the last call."""
        expired: dict[str, None] = {}
        while self._expiries and self._expiries[0][0] <= now:
            expired[heappop(self._expiries)[1]] = None
        return list(expired)

    def why(self, symbol: str) -> str:
        """Why an instrument has ended; empty if it has not."""
        end = self._ends.get(symbol)
        return end.why if end else ""

    def end(self, symbol: str, at_ns: int, why: str) -> bool:
        """Record the end of an instrument; returns whether it is new."""
        if symbol in self._ends:
            return False
        self._ends[symbol] = End(at_ns, why)
        return True

    def revive(self, symbol: str) -> bool:
        """The venue lists an instrument again; returns whether it had ended."""
        return self._ends.pop(symbol, None) is not None

    def begin(self, now: int) -> list[str]:
        """A connection was opened; if time has gone back (a recording starts again), revive what had ended later.

        Returns the names of these instruments.
        """
        rewound, self._began_ns = now <= self._began_ns, now
        if not rewound:
            return []
        self._lists.clear()
        revived = [symbol for symbol, end in self._ends.items() if end.at_ns > now]
        for symbol in revived:
            del self._ends[symbol]
        return revived

    def missing(self, tag: str, names: Set[str]) -> list[str]:
        """A complete list has arrived: the names that are in the previous one under the same tag and not in this one.

        An empty list is taken for a failed answer: nothing follows from it.
        """
        if not names:
            return []
        before = self._lists.get(tag, frozenset())
        self._lists[tag] = frozenset(names)
        return sorted(before - names)

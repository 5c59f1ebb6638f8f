"""When the instruments of one connection end: by their expiry, by their venue's word, by missing from its list."""

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
    """Which instruments have ended, and which expires next."""

    def __init__(self) -> None:
        self._ends: dict[str, End] = {}
        self._expiries: list[tuple[int, str]] = []
        """A heap; an instrument that was redefined may be in it twice."""
        self._lists: dict[str, frozenset[str]] = {}
        self._began_ns = 0

    def watch(self, instrument: Instrument) -> None:
        """Its expiry, if it is known and there is one, is awaited."""
        if UNKNOWN_NS < instrument.expiration_ns < FOREVER_NS:
            heappush(self._expiries, (instrument.expiration_ns, instrument.name))

    def next_expiry(self) -> int | None:
        """When `due` has something next."""
        return self._expiries[0][0] if self._expiries else None

    def due(self, now: int) -> list[str]:
        """The instruments whose awaited expiry has come, each told once."""
        expired: dict[str, None] = {}
        while self._expiries and self._expiries[0][0] <= now:
            expired[heappop(self._expiries)[1]] = None
        return list(expired)

    def why(self, symbol: str) -> str:
        """Why an instrument has ended; empty while it has not."""
        end = self._ends.get(symbol)
        return end.why if end else ""

    def end(self, symbol: str, at_ns: int, why: str) -> bool:
        """An instrument has ended; whether that is news."""
        if symbol in self._ends:
            return False
        self._ends[symbol] = End(at_ns, why)
        return True

    def revive(self, symbol: str) -> bool:
        """The venue lists an instrument anew; whether it had ended."""
        return self._ends.pop(symbol, None) is not None

    def begin(self, now: int) -> list[str]:
        """A connection has been opened; where time has gone back (a recording begins again), what had ended later.

        Those have not ended yet. Returns their names.
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
        """A whole list has come: the names that the one before under the same tag had, and this has not.

        An empty list is an answer that failed: nothing follows from it.
        """
        if not names:
            return []
        before = self._lists.get(tag, frozenset())
        self._lists[tag] = frozenset(names)
        return sorted(before - names)

"""Which trades have been told: an execution counts once, whichever streams tell of it, and however often."""

from bisect import bisect_left, bisect_right
from typing import NamedTuple

LONGEST = 20
"""Digits of a trade's number."""
KEPT = 256
"""Ranges of trade numbers remembered per instrument; what is older than all of them is not known any more."""


class Trades(NamedTuple):
    """One trade, or an aggregate of some: the numbers of the first and the last, and the venue's time."""

    first: int
    last: int
    at_ns: int


def one_trade(trade_id: str, at_ns: int) -> Trades | None:
    """The trade with this id, the last digits of which are its number; None where it has no number."""
    digits = trade_id.rpartition("-")[2]
    if not (digits.isascii() and digits.isdecimal() and len(digits) <= LONGEST):
        return None
    return Trades(int(digits), int(digits), at_ns)


class SeenTrades:
    """The trade numbers of one instrument that have been told, as ranges.

    Most venues number an instrument's trades one by one, so they are a few ranges however many there are. A range may
    be one aggregate (Binance `aggTrade`: first to last trade).

    A trade that is told again has the number and the time that it had. A known number with a time behind all that was
    told is another trade: the venue has begun to count anew.
    """

    __slots__ = ("_firsts", "_lasts", "_latest_ns")

    def __init__(self) -> None:
        self._firsts: list[int] = []
        self._lasts: list[int] = []
        self._latest_ns = 0

    def __contains__(self, trades: Trades) -> bool:
        """Whether some of these trades have been told.

        Of an aggregate of which a part was told the rest comes one by one.
        """
        return trades.at_ns <= self._latest_ns and self._known(trades)

    def note(self, trades: Trades) -> None:
        """From now on these have been told."""
        if self._known(trades):
            self._firsts.clear()
            self._lasts.clear()
        first, last = trades.first, trades.last
        begin, end = bisect_left(self._lasts, first - 1), bisect_right(self._firsts, last + 1)
        self._latest_ns = max(self._latest_ns, trades.at_ns)
        self._firsts[begin:end] = [min([first, *self._firsts[begin:end]])]
        self._lasts[begin:end] = [max([last, *self._lasts[begin:end]])]
        if len(self._firsts) > KEPT:
            del self._firsts[0], self._lasts[0]

    def _known(self, trades: Trades) -> bool:
        """Whether the ranges have some of these numbers."""
        at = bisect_left(self._lasts, trades.first)
        return at < len(self._lasts) and self._firsts[at] <= trades.last

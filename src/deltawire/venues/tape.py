"""Identifies trades that were already received.

A trade counts once, on however many streams and however often it arrives.
"""

from bisect import bisect_left, bisect_right
from typing import NamedTuple

LONGEST = 20
"""Maximum number of digits of a trade id."""
KEPT = 256
"""Ranges of trade ids remembered per instrument; older ones are forgotten."""


class Trades(NamedTuple):
    """One trade, or an aggregate: the first and the last id, and the venue's time."""

    first: int
    last: int
    at_ns: int


def one_trade(trade_id: str, at_ns: int) -> Trades | None:
    """The trade with this id, whose last digits are its number; None if it has no number."""
    digits = trade_id.rpartition("-")[2]
    if not (digits.isascii() and digits.isdecimal() and len(digits) <= LONGEST):
        return None
    return Trades(int(digits), int(digits), at_ns)


class SeenTrades:
    """The trade numbers of one instrument that were received, as ranges.

    Most venues number an instrument's trades consecutively, so there are few ranges however many trades there are. A
    range may be one aggregate (Binance `aggTrade`: first to last trade).

    A trade that arrives again has the same number and time. A known number with a time after all received ones is
    another trade: the venue has restarted its numbering.
    """

    __slots__ = ("_firsts", "_lasts", "_latest_ns")

    def __init__(self) -> None:
        self._firsts: list[int] = []
        self._lasts: list[int] = []
        self._latest_ns = 0

    def __contains__(self, trades: Trades) -> bool:
        """Whether some of these trades were received.

        If a part of an aggregate was received, the rest arrives one by one.
        """
        return trades.at_ns <= self._latest_ns and self._known(trades)

    def note(self, trades: Trades) -> None:
        """Record these trades as received."""
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
        """Whether the ranges contain some of these numbers."""
        at = bisect_left(self._lasts, trades.first)
        return at < len(self._lasts) and self._firsts[at] <= trades.last

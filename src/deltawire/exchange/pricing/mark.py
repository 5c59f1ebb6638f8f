"""The mark of a future: the index plus the mean distance of its market from it over half a minute."""

from math import exp

import msgspec

from deltawire.exchange.instruments.calendar import SECOND_NS

AVERAGE_NS = 30 * SECOND_NS
PERPETUAL_LIMIT = 0.005
FUTURE_LIMIT = 0.25


class BasisAverage(msgspec.Struct):
    """An exponential mean over time, of a future's fair price less its index as a share of the index.

    Time constant 30 s; `limit` bounds what the market may say, so that no single print moves the mark far.
    """

    limit: float
    basis: float = 0.0
    last_ns: int | None = None
    told: float = 0.0
    """What the market last said."""

    def seen(self, now_ns: int, fair: float | None, index: float) -> None:
        """The market's fair price is now this; None: nobody says, the last word stands."""
        if self.last_ns is not None:
            weight = 1.0 - exp((self.last_ns - now_ns) / AVERAGE_NS)
            self.basis += weight * (self.told - self.basis)
        if fair is not None:
            self.told = min(max(fair / index - 1.0, -self.limit), self.limit)
            if self.last_ns is None:
                self.basis = self.told
            self.last_ns = now_ns
        elif self.last_ns is not None:
            self.last_ns = now_ns

    def mark(self, index: float) -> float:
        """The mark price at this index."""
        return index * (1.0 + self.basis)

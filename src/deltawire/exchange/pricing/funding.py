"""Funding of perpetuals: continuous payments from longs to shorts while the perpetual is above its index.

premium p = (mark − index)

index; rate per 8 h = max(0.025 %, p) + min(−0.025 %, p), limited. Source: Deribit support article 31424939178397 (the
damper of 0.025 %).
"""

import msgspec

from deltawire.exchange.instruments.calendar import SECOND_NS
from deltawire.exchange.instruments.contracts import UNITS
from deltawire.model.instruments import Instrument

DAMPER = 0.00025
LIMIT = 0.005
PERIOD_NS = 8 * 3600 * SECOND_NS
SCALE = 10**9
"""Scale of the accrual: smallest units per lot, times this, as an integer."""
_MINUTE_NS = 60 * SECOND_NS


def funding_rate(mark: float, index: float) -> float:
    """The rate per 8 hours, a fraction."""
    premium = (mark - index) / index
    rate = max(DAMPER, premium) + min(-DAMPER, premium)
    return min(max(rate, -LIMIT), LIMIT)


def interest_value(instrument: Instrument, reading: int) -> float:
    """A reading as what one unit of size has paid since listing, in the settlement currency."""
    return reading / SCALE / UNITS / instrument.size(1)


class FundingMeter(msgspec.Struct):
    """The funding that one lot long has paid since listing; a position pays the difference between two readings."""

    instrument: Instrument
    reading: int = 0
    rate: float = 0.0
    """The present rate per 8 hours."""
    last_ns: int | None = None
    minutes: list[tuple[int, float]] = msgspec.field(default_factory=list)
    """The rate at the start of each of the last 480 minutes."""

    def seen(self, now_ns: int, mark: float, index: float) -> None:
        """Update mark and index; the time since the last call is charged at the rate before."""
        if self.last_ns is not None and self.rate:
            paid = self.rate * (now_ns - self.last_ns) / PERIOD_NS
            size = self.instrument.size(1) * UNITS * SCALE
            self.reading += round(paid * (size / index if self.instrument.inverse else size * index))
        self.last_ns = now_ns
        self.rate = funding_rate(mark, index)
        minute = now_ns // _MINUTE_NS
        if not self.minutes or self.minutes[-1][0] != minute:
            self.minutes.append((minute, self.rate))
        while self.minutes[0][0] <= minute - PERIOD_NS // _MINUTE_NS:
            self.minutes.pop(0)

    @property
    def funding_8h(self) -> float:
        """The mean rate of the last 8 hours, by minutes."""
        return sum(rate for _, rate in self.minutes) / len(self.minutes) if self.minutes else 0.0

    def due(self, lots: int, reading: int) -> int:
        """The funding that `lots` must pay since an earlier reading, in smallest units; below zero it is received."""
        owed = abs(lots) * (self.reading - reading)
        whole, rest = divmod(abs(owed), SCALE)
        units = whole + (2 * rest > SCALE or (2 * rest == SCALE and whole & 1))
        return units if (owed >= 0) == (lots >= 0) else -units

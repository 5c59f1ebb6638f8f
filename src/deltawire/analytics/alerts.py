"""Alerts: a book has become thin or wide beyond a threshold, and is so no more."""

from collections.abc import Sequence

from deltawire.analytics.book_metrics import DepthMetric, DepthReading, DepthSettings
from deltawire.analytics.channel_data import notional
from deltawire.analytics.figures import AlertData
from deltawire.model.events import Event, Status

MS_NS = 1_000_000
BAND_BP = 10.0
BACK = 0.1
"""How far beyond the threshold, as a share of it, the value must come back: it does not flap at the threshold."""


class AlertMetric:
    """One threshold of one book, looked at when an interval ends; told when it is crossed, either way.

    While the book is not live nothing is watched; the first interval after it says again where the value stands.
    """

    def __init__(self, key: str, label: str, interval_ns: int, *, what: str, at: float) -> None:
        """`what` is `thin` (`at` a notional in quote currency) or `wide` (`at` basis points)."""
        self._label, self._thin, self._at = label, what == "thin", at
        self._depth = DepthMetric(key, interval_ns, DepthSettings(bands_bp=(BAND_BP,), notionals=()))
        self._raised: bool | None = None

    def update(self, event: Event) -> Sequence[AlertData]:
        """A crossing, if there is one."""
        readings = self._depth.update(event)
        found = [data for reading in readings if (data := self._look(reading)) is not None]
        if isinstance(event, Status) and event.state != "live":
            self._raised = None
        return found

    def _look(self, reading: DepthReading) -> AlertData | None:
        value, certain = self._value(reading)
        beyond = value < self._at if self._thin else value > self._at
        back = value > self._at * (1 + BACK) if self._thin else value < self._at * (1 - BACK)
        if beyond and certain and self._raised is not True:
            self._raised = True
        elif (self._raised is None and not beyond) or (self._raised and back):
            self._raised = False
        else:
            return None
        return AlertData(
            reading.venue_ns // MS_NS,
            self._label,
            "live",
            alert="raised" if self._raised else "cleared",
            value=value,
            threshold=self._at,
        )

    def _value(self, reading: DepthReading) -> tuple[float, bool]:
        """The figure that is compared, and whether it is more than a lower bound."""
        if not self._thin:
            return reading.spread_bp, True
        in_quote = reading.instrument.sized_in_quote
        sides = [(notional(depth, in_quote), depth.known) for depth in reading.bands[BAND_BP]]
        return min(sides)

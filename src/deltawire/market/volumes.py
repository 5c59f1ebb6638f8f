"""Traded volumes by currency and hour."""

from collections import deque

from deltawire.model.events import Trade

HOUR_NS = 3600 * 1_000_000_000
HOURS_KEPT = 30 * 24
KINDS = ("futures", "calls", "puts", "spot")

VolumeRows = dict[str, list[tuple[int, tuple[float, float, float, float]]]]
"""By currency: the number of each hour, and its volumes in the order of `KINDS`."""


class VolumeHistory:
    """Volumes by currency: coins of what settles in its coin, else what was paid in the currency.

    Trades in contracts of unknown size are left out.
    """

    def __init__(self) -> None:
        self._hours: dict[str, deque[tuple[int, tuple[float, float, float, float]]]] = {}

    def traded(self, trade: Trade) -> None:
        """Count a trade."""
        instrument = trade.instrument
        kind = _kind(instrument.kind, instrument.option_type)
        if kind is None or not instrument.measurable or not instrument.currencies:
            return
        coins, cost = instrument.amounts(instrument.price(trade.price_ticks), trade.size_lots)
        currency = instrument.currencies[0]
        amount = coins if currency == instrument.base else cost
        hour = (trade.venue_ns or trade.seen_ns) // HOUR_NS
        hours = self._hours.setdefault(currency, deque(maxlen=HOURS_KEPT))
        if not hours or hour > hours[-1][0]:
            hours.append((hour, (0.0, 0.0, 0.0, 0.0)))
        number, volumes = hours[-1]
        futures, calls, puts, spot = (
            volume + amount * (each == kind) for each, volume in zip(KINDS, volumes, strict=True)
        )
        hours[-1] = (number, (futures, calls, puts, spot))

    def currencies(self) -> list[str]:
        """The currencies that were traded."""
        return list(self._hours)

    def since(self, currency: str, now_ns: int, hours: int) -> dict[str, float]:
        """Volumes by kind of the last `hours` hours, including the current one."""
        first = now_ns // HOUR_NS - hours
        rows = [volumes for hour, volumes in self._hours.get(currency, ()) if hour > first]
        return {kind: round(sum(row[place] for row in rows), 8) for place, kind in enumerate(KINDS)}

    def rows(self) -> VolumeRows:
        """All volumes, for `restore`."""
        return {currency: list(hours) for currency, hours in self._hours.items()}

    def restore(self, rows: VolumeRows) -> None:
        """Replace the volumes by the result of `rows`."""
        self._hours = {currency: deque(hours, HOURS_KEPT) for currency, hours in rows.items()}


def _kind(kind: str, option_type: str | None) -> str | None:
    if kind == "option":
        return {"call": "calls", "put": "puts"}.get(option_type or "")
    return {"future": "futures", "spot": "spot"}.get(kind)

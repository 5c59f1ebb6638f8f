"""Candles from trades: one-minute buckets, and longer ones made of them."""

from collections.abc import Iterable, Sequence
from math import fsum

from deltawire.model.events import Candle, Trade

MINUTE_NS = 60 * 1_000_000_000
DAY_MINUTES = 1440
KEPT_MINUTES = 5 * DAY_MINUTES


class CandleSeries:
    """The last minutes of one instrument's trades, oldest first; minutes without a trade have no bucket."""

    def __init__(self, kept: int = KEPT_MINUTES) -> None:
        self.count = 0
        """How many trades there have been."""
        self._kept = kept
        self._buckets: list[Candle] = []
        self._counts: list[int] = []
        """How many there had been at the end of each bucket."""

    def add(self, trade: Trade) -> None:
        """Add a trade; one older than the current minute counts into it, because its own was published already."""
        instrument = trade.instrument
        price = instrument.price(trade.price_ticks)
        volume, cost = instrument.amounts(price, trade.size_lots) if instrument.measurable else (None, None)
        open_ns = trade.venue_ns // MINUTE_NS * MINUTE_NS
        self.count += 1
        last = self._buckets[-1] if self._buckets else None
        if last is None or open_ns > last.open_ns:
            self._buckets.append(Candle(instrument, open_ns, 1, price, price, price, price, volume, cost))
            self._counts.append(self.count)
            del self._buckets[: -self._kept], self._counts[: -self._kept]
            return
        self._counts[-1] = self.count
        self._buckets[-1] = Candle(
            instrument,
            last.open_ns,
            1,
            last.open,
            max(last.high, price),
            min(last.low, price),
            price,
            _sum(last.volume, volume),
            _sum(last.cost, cost),
        )

    @property
    def minute(self) -> Candle | None:
        """The newest minute, its amounts not rounded."""
        return self._buckets[-1] if self._buckets else None

    def restore(self, candles: Iterable[Candle], trades: Sequence[Trade] = ()) -> None:
        """Continue after these minutes; `trades` are the newest of their trades, and the first of them counts as 1."""
        self._buckets = list(candles)[-self._kept :]
        self._counts.clear()
        self.count = 0
        for bucket in self._buckets:
            while self.count < len(trades) and trades[self.count].venue_ns < bucket.open_ns + MINUTE_NS:
                self.count += 1
            self._counts.append(self.count)
        self.count = len(trades)
        if self._counts:
            self._counts[-1] = self.count

    def freeze(self) -> tuple[int, list[Candle], list[int]]:
        """The number of trades, the minutes, and the number at the end of each, for `thaw`."""
        return self.count, list(self._buckets), list(self._counts)

    def thaw(self, count: int, buckets: Iterable[Candle], counts: Iterable[int]) -> None:
        """Take over the result of `freeze`."""
        self.count = count
        self._buckets, self._counts = list(buckets), list(counts)

    def last(self, minutes: int) -> Candle | None:
        """The current bucket of this length, or None before the first trade."""
        if not self._buckets:
            return None
        start = _floor(self._buckets[-1].open_ns, minutes)
        recent: list[Candle] = []
        for bucket in reversed(self._buckets):
            if bucket.open_ns < start:
                break
            recent.append(bucket)
        return joined(recent[::-1], start, minutes)

    def count_until(self, open_ns: int, minutes: int) -> int:
        """How many trades there had been at the end of the bucket of this length that begins then."""
        for bucket, count in zip(reversed(self._buckets), reversed(self._counts), strict=True):
            if bucket.open_ns < open_ns + minutes * MINUTE_NS:
                return count
        return 0

    def opened_at(self, number: int, minutes: int) -> int:
        """The start of the bucket of this length that trade `number` counts into; the oldest kept at least."""
        open_ns = 0
        for bucket, count in zip(reversed(self._buckets), reversed(self._counts), strict=True):
            if count < number:
                return open_ns
            open_ns = _floor(bucket.open_ns, minutes)
        return open_ns

    def between(self, start_ns: int, end_ns: int, minutes: int) -> list[Candle]:
        """Buckets of this length that begin within start…end, oldest first."""
        groups: dict[int, list[Candle]] = {}
        first = _floor(start_ns, minutes)
        for bucket in self._buckets:
            start = _floor(bucket.open_ns, minutes)
            if first <= start <= end_ns:
                groups.setdefault(start, []).append(bucket)
        return [joined(buckets, start, minutes) for start, buckets in groups.items()]


def _floor(open_ns: int, minutes: int) -> int:
    return open_ns // (minutes * MINUTE_NS) * (minutes * MINUTE_NS)


def joined(buckets: Iterable[Candle], open_ns: int, minutes: int) -> Candle:
    """One bucket of several in their order."""
    parts = list(buckets)
    return Candle(
        parts[0].instrument,
        open_ns,
        minutes,
        parts[0].open,
        max(part.high for part in parts),
        min(part.low for part in parts),
        parts[-1].close,
        total(part.volume for part in parts),
        total(part.cost for part in parts),
    )


def total(amounts: Iterable[float | None]) -> float | None:
    """The sum of the amounts; unknown if one of them is."""
    stated = list(amounts)
    return None if None in stated else round(fsum(amount for amount in stated if amount is not None), 8)


def _sum(one: float | None, other: float | None) -> float | None:
    return None if one is None or other is None else one + other

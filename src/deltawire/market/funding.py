"""The funding that a perpetual's longs paid per hour, from the rates in its tickers."""

from collections.abc import Iterable, Iterator

from msgspec.structs import replace

from deltawire.market.images import FundingImage
from deltawire.model.events import FundedHour

HOUR_NS = 3600 * 1_000_000_000
PERIOD_HOURS = 8
"""The hours that a stated rate covers."""
HOURS_KEPT = 31 * 24


class FundingSeries:
    """Funding by hour. A rate is valid until the next one; time before the first is not counted."""

    def __init__(self) -> None:
        self._hours: list[FundedHour] = []
        self._last_ns = 0
        self._rate = 0.0

    def seen(self, at_ns: int, rate: float, index_price: float | None) -> None:
        """Set the rate, a fraction per eight hours, from `at_ns` on; times not after the last are ignored."""
        if self._last_ns and at_ns <= self._last_ns:
            return
        self._pay_until(at_ns)
        self._last_ns, self._rate = at_ns, rate
        hour = self._hour(at_ns)
        hour.rate = rate
        if index_price is not None:
            hour.index_price = index_price

    def restore(self, hours: Iterable[FundedHour]) -> None:
        """Continue after these hours, at the rate of the last."""
        self._hours = [replace(hour) for hour in hours][-HOURS_KEPT:]
        if self._hours:
            self._last_ns, self._rate = self._hours[-1].until_ns, self._hours[-1].rate

    def rows(self) -> tuple[FundedHour, ...]:
        """All hours, for `restore`."""
        return tuple(replace(hour) for hour in self._hours)

    def freeze(self) -> FundingImage:
        """The whole series, for `thaw`."""
        return FundingImage([replace(hour) for hour in self._hours], self._last_ns, self._rate)

    def thaw(self, image: FundingImage) -> None:
        """Take over the result of `freeze`."""
        self._hours = [replace(hour) for hour in image.hours]
        self._last_ns, self._rate = image.last_ns, image.rate

    def between(self, start_ns: int, end_ns: int) -> float:
        """The interest between two times, a fraction; hours that lie partly inside count in proportion."""
        interest = 0.0
        for hour in self._hours:
            inside = min(hour.until_ns, end_ns) - max(hour.from_ns, start_ns)
            if inside > 0:
                interest += hour.interest * inside / (hour.until_ns - hour.from_ns)
        return interest

    def hours(self, start_ns: int, end_ns: int) -> Iterator[tuple[FundedHour, FundedHour, float]]:
        """(hour, hour before, interest of eight hours) for every complete hour that ends within the two times."""
        before = None
        for hour in self._hours:
            whole = hour.ends_ns <= self._last_ns
            if before is not None and whole and start_ns <= hour.ends_ns <= end_ns:
                yield hour, before, self.between(hour.ends_ns - PERIOD_HOURS * HOUR_NS, hour.ends_ns)
            before = hour

    def _pay_until(self, at_ns: int) -> None:
        paid_ns = self._last_ns or at_ns
        while paid_ns < at_ns:
            hour = self._hour(paid_ns)
            until_ns = min(at_ns, hour.ends_ns)
            hour.interest += self._rate * (until_ns - paid_ns) / (PERIOD_HOURS * HOUR_NS)
            hour.until_ns = paid_ns = until_ns

    def _hour(self, at_ns: int) -> FundedHour:
        """The record of the hour that contains a time, appended if necessary."""
        ends_ns = (at_ns // HOUR_NS + 1) * HOUR_NS
        if not self._hours or self._hours[-1].ends_ns != ends_ns:
            index_price = self._hours[-1].index_price if self._hours else None
            self._hours.append(FundedHour(ends_ns, at_ns, at_ns, index_price=index_price))
            del self._hours[:-HOURS_KEPT]
        return self._hours[-1]

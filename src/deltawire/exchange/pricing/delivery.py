"""The delivery price: the index's mean over the last half hour, 450 samples four seconds apart."""

import msgspec

from deltawire.exchange.instruments.calendar import SECOND_NS

SAMPLE_NS = 4 * SECOND_NS
WINDOW_NS = 30 * 60 * SECOND_NS
SAMPLES = WINDOW_NS // SAMPLE_NS


class DeliveryAverage(msgspec.Struct):
    """The samples of one index before one settlement; a sample is the index as it stood at that moment."""

    at_ns: int
    count: int = 0
    total: float = 0.0
    last: float | None = None

    def seen(self, now_ns: int, price: float) -> None:
        """The index is now `price`: what was due before is sampled at the price before."""
        before = price if self.last is None else self.last
        self._sample(now_ns - 1, before)
        self._sample(now_ns, price)
        self.last = price

    @property
    def started(self) -> bool:
        """Whether the window has begun."""
        return self.count > 0

    @property
    def elapsed(self) -> float:
        """The share of the window that has been sampled, 0.0 to 1.0."""
        return self.count / SAMPLES

    @property
    def average(self) -> float | None:
        """The mean of the samples so far; before the window the index, None before any price."""
        return self.total / self.count if self.count else self.last

    def delivery_price(self) -> float | None:
        """The mean of all samples, those still due at the last price; None when no price was ever seen."""
        if self.last is None:
            return None
        return (self.total + self.last * (SAMPLES - self.count)) / SAMPLES

    def blended(self, forward: float) -> float:
        """What a contract that expires then should be priced off: ever less forward and ever more average."""
        average = self.average
        return forward if average is None else (1 - self.elapsed) * forward + self.elapsed * average

    def _sample(self, until_ns: int, price: float) -> None:
        due = min(SAMPLES, max(0, (until_ns - self.at_ns + WINDOW_NS) // SAMPLE_NS))
        if due > self.count:
            self.total += price * (due - self.count)
            self.count = due

"""The delivery price: the index's mean over the last half hour, 450 samples four seconds apart."""

import msgspec

from deltawire.exchange.instruments.calendar import SECOND_NS

SAMPLE_NS = 4 * SECOND_NS
WINDOW_NS = 30 * 60 * SECOND_NS
SAMPLES = WINDOW_NS // SAMPLE_NS


class DeliveryAverage(msgspec.Struct):
    """The samples of one index before one settlement; a sample is the index at that moment."""

    at_ns: int
    count: int = 0
    total: float = 0.0
    last: float | None = None

    def seen(self, now_ns: int, price: float) -> None:
        """The index is now `price`: samples that were due before have the price before."""
        before = price if self.last is None else self.last
        self._sample(now_ns - 1, before)
        self._sample(now_ns, price)
        self.last = price

    @property
    def started(self) -> bool:
        """Whether the window has started."""
        return self.count > 0

    @property
    def elapsed(self) -> float:
        """The sampled share of the window, 0.0 to 1.0."""
        return self.count / SAMPLES

    @property
    def average(self) -> float | None:
        """The mean of the samples so far; before the window the index, None before any price."""
        return self.total / self.count if self.count else self.last

    def delivery_price(self) -> float | None:
        """The mean of all samples, missing ones at the last price; None without any price."""
        if self.last is None:
            return None
        return (self.total + self.last * (SAMPLES - self.count)) / SAMPLES

    def blended(self, forward: float) -> float:
        """The price of a contract that expires then: a mix of forward and average that moves to the average."""
        average = self.average
        return forward if average is None else (1 - self.elapsed) * forward + self.elapsed * average

    def _sample(self, until_ns: int, price: float) -> None:
        due = min(SAMPLES, max(0, (until_ns - self.at_ns + WINDOW_NS) // SAMPLE_NS))
        if due > self.count:
            self.total += price * (due - self.count)
            self.count = due

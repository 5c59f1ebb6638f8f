"""The delivery price: the index's mean over the last half hour, 450 samples four seconds apart."""

from deltawire.exchange.calendar import SECOND_NS

SAMPLE_NS = 4 * SECOND_NS
WINDOW_NS = 30 * 60 * SECOND_NS
SAMPLES = WINDOW_NS // SAMPLE_NS


class DeliveryAverage:
    """The samples of one index before one settlement; a sample is the index as it stood at that moment."""

    def __init__(self, at_ns: int) -> None:
        self.at_ns = at_ns
        self._start_ns = at_ns - WINDOW_NS
        self._count = 0
        self._sum = 0.0
        self._last: float | None = None

    def seen(self, now_ns: int, price: float) -> None:
        """The index is now `price`: what was due before is sampled at the price before."""
        before = price if self._last is None else self._last
        self._sample(now_ns - 1, before)
        self._sample(now_ns, price)
        self._last = price

    @property
    def started(self) -> bool:
        """Whether the window has begun."""
        return self._count > 0

    @property
    def elapsed(self) -> float:
        """The share of the window that has been sampled, 0.0 to 1.0."""
        return self._count / SAMPLES

    @property
    def average(self) -> float | None:
        """The mean of the samples so far; before the window the index, None before any price."""
        return self._sum / self._count if self._count else self._last

    def delivery_price(self) -> float | None:
        """The mean of all samples, those still due at the last price; None when no price was ever seen."""
        if self._last is None:
            return None
        return (self._sum + self._last * (SAMPLES - self._count)) / SAMPLES

    def blended(self, forward: float) -> float:
        """What a contract that expires then should be priced off: ever less forward and ever more average."""
        average = self.average
        return forward if average is None else (1 - self.elapsed) * forward + self.elapsed * average

    def _sample(self, until_ns: int, price: float) -> None:
        due = min(SAMPLES, max(0, (until_ns - self._start_ns) // SAMPLE_NS))
        if due > self._count:
            self._sum += price * (due - self._count)
            self._count = due

"""Flow of trades: signed imbalance, VPIN, and Kyle's λ. A trade's sign is +1 if its aggressor buys, −1 if it sells."""

from collections import deque
from math import fsum
from operator import add, sub
from typing import NamedTuple

import msgspec

from deltawire.analytics.known_book import Measured


class TradeImbalance:
    """Σ s v / Σ v over the last `window` trades, from −1 to +1; None until there are that many."""

    def __init__(self, window: int) -> None:
        self._trades: deque[float] = deque(maxlen=window)
        self._window = window

    def update(self, size: float, buy: bool) -> float | None:
        """The imbalance including this trade."""
        self._trades.append(size if buy else -size)
        if len(self._trades) < self._window:
            return None
        total = sum(map(abs, self._trades))
        return sum(self._trades) / total if total else None


class Vpin:
    """Σ |V_b − V_s| / (n V) over the last n buckets of equal volume V, from 0 to 1; None until n are full.

    Source: Easley, López de Prado and O'Hara 2012, equation 8, with the aggressor's side in place of bulk
    classification. A trade is split at the edge of a bucket, which is full within a rounding error. Andersen and
    Bondarenko 2014 find that the figure predicts nothing that volume and volatility do not.
    """

    def __init__(self, bucket: float, buckets: int) -> None:
        self.bucket = bucket
        self._full: deque[float] = deque(maxlen=buckets)
        self._buckets = buckets
        self._bought = self._sold = 0.0

    def update(self, size: float, buy: bool) -> float | None:
        """The figure after this trade."""
        self.add(size, buy)
        return self.measured.value if len(self._full) == self._buckets else None

    def add(self, size: float, buy: bool) -> None:
        """Count a trade without computing the figure."""
        left, bucket, full = size, self.bucket, self._full
        while left > 0.0:
            part = min(left, bucket - self._bought - self._sold)
            if buy:
                self._bought += part
            else:
                self._sold += part
            left -= part
            if self._bought + self._sold >= bucket * (1 - 1e-12):
                full.append(abs(self._bought - self._sold))
                self._bought = self._sold = 0.0

    @property
    def measured(self) -> Measured:
        """The figure over the buckets that are full so far, at most n: the band is in buckets."""
        count = len(self._full)
        value = sum(self._full) / (count * self.bucket) if count else None
        return Measured(value, count, count == self._buckets)

    def reset(self) -> None:
        """Forget all buckets, because trades have been missed."""
        self._full.clear()
        self._bought = self._sold = 0.0


class MeasuredVpin(NamedTuple):
    """VPIN, the buckets it was computed on, those requested, whether these are the same, and the volume of one."""

    value: float | None
    band: int
    buckets: int
    known: bool
    bucket: float | None


class LearnedVpin:
    """VPIN whose bucket is the mean volume of `trades_per_bucket` trades, learned from the first `learned` trades.

    These are counted, too, so they fill the first buckets. The bucket does not change afterwards.
    """

    def __init__(self, buckets: int = 50, trades_per_bucket: int = 50, learned: int = 500) -> None:
        self._buckets, self._trades_per_bucket, self._learned = buckets, trades_per_bucket, learned
        self._first: list[tuple[float, bool]] = []
        self._live: Vpin | None = None

    def add(self, size: float, buy: bool) -> None:
        """Count a trade."""
        if self._live is not None:
            self._live.add(size, buy)
            return
        self._first.append((size, buy))
        volume = sum(each for each, _ in self._first) if len(self._first) >= self._learned else 0.0
        if volume > 0.0:
            self._live = Vpin(volume * self._trades_per_bucket / len(self._first), self._buckets)
            for each in self._first:
                self._live.add(*each)
            self._first.clear()

    @property
    def measured(self) -> MeasuredVpin:
        """The figure over the buckets that are full so far; None while the bucket is being learned."""
        if self._live is None:
            return MeasuredVpin(None, 0, self._buckets, False, None)
        value, band, known = self._live.measured
        return MeasuredVpin(value, int(band), self._buckets, known, self._live.bucket)

    def reset(self) -> None:
        """Trades have been missed: no bucket goes on, and learning begins again if it has not ended."""
        self._first.clear()
        if self._live is not None:
            self._live.reset()


class Impact(msgspec.Struct, frozen=True, gc=False):
    """λ of ΔM = α + λ Σ s v + ε by least squares, in price per unit of size; R² and how many pairs it is made of."""

    slope: float
    r_squared: float
    count: int


class MeasuredImpact(NamedTuple):
    """An impact, the pairs it was computed on, those of a whole window, and whether these are the same."""

    impact: Impact | None
    band: int
    window: int
    known: bool


class KylesLambda:
    """The price impact of signed volume over the last `window` pairs (Kyle 1985), from trades and mids beside them."""

    def __init__(self, window: int) -> None:
        self._pairs = ImpactPairs(window)
        self._mid: float | None = None

    def update(self, size: float, buy: bool, mid: float) -> Impact | None:
        """The impact including this trade, whose mid is compared with that of the trade before; None until full."""
        before, self._mid = self._mid, mid
        if before is not None:
            self._pairs.add(size if buy else -size, mid - before)
        return self._pairs.impact if self.full else None

    @property
    def full(self) -> bool:
        """Whether the window is full."""
        return self._pairs.full


class ImpactPairs:
    """(Σ s v, ΔM) of the last `window` intervals or trades, and the line through them; a pair costs the same always."""

    def __init__(self, window: int) -> None:
        self._pairs: deque[tuple[float, float]] = deque(maxlen=window)
        self._window = window
        self._sums: tuple[float, ...] = (0.0,) * 5
        self._exact_for = window
        """Pairs until the sums are computed anew, so that rounding errors do not accumulate."""

    def add(self, flow: float, move: float) -> None:
        """Count a pair."""
        pairs = self._pairs
        if len(pairs) == self._window:
            self._sums = tuple(map(sub, self._sums, _products(*pairs[0])))
        pairs.append((flow, move))
        self._sums = tuple(map(add, self._sums, _products(flow, move)))
        self._exact_for -= 1
        if not self._exact_for:
            self._exact_for = self._window
            self._sums = tuple(map(fsum, zip(*map(_products, *zip(*pairs, strict=True)), strict=True)))

    @property
    def measured(self) -> MeasuredImpact:
        """The line through what there is."""
        return MeasuredImpact(self.impact, len(self._pairs), self._window, self.full)

    @property
    def full(self) -> bool:
        """Whether there are as many pairs as the window holds."""
        return len(self._pairs) == self._window

    @property
    def impact(self) -> Impact | None:
        """Least squares of the moves on the flows; None below two pairs, or if the flow does not vary."""
        count = len(self._pairs)
        if count < 2:
            return None
        flow, move, flow_squared, move_squared, shared = self._sums
        flow_squared -= flow * flow / count
        move_squared -= move * move / count
        shared -= flow * move / count
        if flow_squared <= 1e-12 * self._sums[2]:
            return None
        slope = shared / flow_squared
        varies = move_squared > 1e-12 * self._sums[3]
        return Impact(slope, min(1.0, slope * shared / move_squared) if varies else 0.0, count)


def _products(flow: float, move: float) -> tuple[float, float, float, float, float]:
    return flow, move, flow * flow, move * move, flow * move

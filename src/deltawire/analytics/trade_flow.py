"""Flow of trades: signed imbalance, VPIN, and Kyle's λ. A trade's sign is +1 if its aggressor buys, −1 if it sells."""

from collections import deque

import msgspec


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
        self._bucket = bucket
        self._full: deque[float] = deque(maxlen=buckets)
        self._buckets = buckets
        self._bought = self._sold = 0.0

    def update(self, size: float, buy: bool) -> float | None:
        """The figure after this trade."""
        left = size
        while left > 0.0:
            part = min(left, self._bucket - self._bought - self._sold)
            if buy:
                self._bought += part
            else:
                self._sold += part
            left -= part
            if self._bought + self._sold >= self._bucket * (1 - 1e-12):
                self._full.append(abs(self._bought - self._sold))
                self._bought = self._sold = 0.0
        if len(self._full) < self._buckets:
            return None
        return sum(self._full) / (self._buckets * self._bucket)


class Impact(msgspec.Struct, frozen=True, gc=False):
    """λ of ΔM = α + λ Σ s v + ε by least squares, in price per unit of size; R² and how many pairs it is made of."""

    slope: float
    r_squared: float
    count: int


class KylesLambda:
    """The price impact of signed volume over the last `window` pairs (Kyle 1985), from trades and mids beside them."""

    def __init__(self, window: int) -> None:
        self._pairs: deque[tuple[float, float]] = deque(maxlen=window)
        self._window = window
        self._mid: float | None = None

    def update(self, size: float, buy: bool, mid: float) -> Impact | None:
        """The impact including this trade, whose mid is compared with that of the trade before; None until full."""
        if self._mid is not None:
            self._pairs.append((size if buy else -size, mid - self._mid))
        self._mid = mid
        return impact(self._pairs) if len(self._pairs) == self._window else None


def impact(pairs: deque[tuple[float, float]]) -> Impact | None:
    """Least squares of the second on the first; None if the first does not vary."""
    count = len(pairs)
    mean_flow, mean_move = sum(q for q, _ in pairs) / count, sum(move for _, move in pairs) / count
    flow_squared = sum((q - mean_flow) ** 2 for q, _ in pairs)
    move_squared = sum((move - mean_move) ** 2 for _, move in pairs)
    shared = sum((q - mean_flow) * (move - mean_move) for q, move in pairs)
    if flow_squared <= 0.0:
        return None
    slope = shared / flow_squared
    return Impact(slope, slope * shared / move_squared if move_squared > 0.0 else 0.0, count)

"""Order-book imbalance: how much more is bid than offered, from −1 (only asks) to +1 (only bids).

Of one book at one time; flow over time is in `order_flow`. All read known levels only (`known_book`). A book without
two sides, or crossed, has no imbalance: None.
"""

from bisect import bisect_right
from math import exp, inf, log
from operator import mul

from deltawire.analytics.known_book import BookSide, KnownBook, Measured

LOG_RATIO_BOUND = 5.0


def queue_imbalance(book: KnownBook) -> float | None:
    """(q_b − q_a)/(q_b + q_a) of the best levels. Source: Gould and Bonart 2016, arXiv 1512.03492."""
    return _balance(book.bids.sizes[0], book.asks.sizes[0]) if book.two_sided else None


def bid_share(book: KnownBook) -> float | None:
    """q_b/(q_b + q_a) of the best levels, from 0 to 1: the other convention for the queue imbalance."""
    imbalance = queue_imbalance(book)
    return None if imbalance is None else 0.5 * (1.0 + imbalance)


def log_ratio(book: KnownBook) -> float | None:
    """ln(q_b/q_a) of the best levels, within ±5: linear in the log-odds of the next move."""
    if not book.two_sided:
        return None
    ratio = log(book.bids.sizes[0] / book.asks.sizes[0])
    return max(-LOG_RATIO_BOUND, min(LOG_RATIO_BOUND, ratio))


def level_imbalance(book: KnownBook, levels: int) -> Measured:
    """(Σ q_b − Σ q_a)/(Σ q_b + Σ q_a) over the best `levels` of each side; the band is in levels."""
    known = book.bids.knows_levels(levels) and book.asks.knows_levels(levels)
    band = levels if known else min(_limit(book.bids, levels), _limit(book.asks, levels))
    if not book.two_sided or not band:
        return Measured(None, band, False)
    return Measured(_balance(sum(book.bids.sizes[:band]), sum(book.asks.sizes[:band])), band, known)


def whole_imbalance(book: KnownBook) -> Measured:
    """The same over every level of a whole book; of a book with an edge over the widest band known on both sides."""
    return band_imbalance(book, inf)


def band_imbalance(book: KnownBook, band_bp: float) -> Measured:
    """The same over all levels within `band_bp` basis points of the mid: comparable between tick sizes."""
    mid = book.mid
    if mid is None:
        return Measured(None, 0.0, False)
    reach, bids, asks = book.reach_of(mid), book.bids, book.asks
    band = min(band_bp, reach)
    sums = sum(bids.sizes[: _within(bids, mid, band)]), sum(asks.sizes[: _within(asks, mid, band)])
    return Measured(_balance(*sums), band, band_bp <= reach)


class _SideWeights:
    """Σ w q of one side; the weights are kept until a price, the mid or the band changes: most updates change sizes."""

    def __init__(self, decay_bp: float) -> None:
        self._decay_bp = decay_bp
        self._of: tuple[float, float, tuple[float, ...]] = 0.0, 0.0, ()
        self._weights: list[float] = []

    def sum(self, side: BookSide, mid: float, band: float) -> float:
        """The sum within the band."""
        of = mid, band, side.prices
        if of != self._of:
            self._of, rate = of, -1e4 / (mid * self._decay_bp)
            within = side.prices[: _within(side, mid, band)]
            self._weights = [exp(abs(price - mid) * rate) for price in within]
        total: float = sum(map(mul, self._weights, side.sizes))
        return total


class WeightedImbalance:
    """Σ w q_b against Σ w q_a of a book at each of its updates: w = exp(−d/`decay_bp`), within the band.

    d is the distance from the mid in basis points: weights follow prices, not level numbers, so that an empty level
    changes nothing.
    """

    def __init__(self, decay_bp: float, band_bp: float) -> None:
        self._band_bp = band_bp
        self._bids, self._asks = _SideWeights(decay_bp), _SideWeights(decay_bp)

    def update(self, book: KnownBook) -> Measured:
        """The imbalance of this book."""
        mid = book.mid
        if mid is None:
            return Measured(None, 0.0, False)
        reach, band_bp = book.reach_of(mid), self._band_bp
        band = min(band_bp, reach)
        bid, ask = self._bids.sum(book.bids, mid, band), self._asks.sum(book.asks, mid, band)
        return Measured(_balance(bid, ask), band, band_bp <= reach)


def weighted_imbalance(book: KnownBook, decay_bp: float, band_bp: float) -> Measured:
    """Σ w q_b against Σ w q_a within the band, as `WeightedImbalance`."""
    return WeightedImbalance(decay_bp, band_bp).update(book)


def micro_price(book: KnownBook) -> float | None:
    """(P_a q_b + P_b q_a)/(q_b + q_a): the mid weighted by the opposite queues (Stoikov 2018, §2: weighted mid)."""
    if not book.two_sided:
        return None
    bid, ask = book.bids.sizes[0], book.asks.sizes[0]
    return (book.asks.prices[0] * bid + book.bids.prices[0] * ask) / (bid + ask)


def _limit(side: BookSide, levels: int) -> int:
    return levels if side.edge is None else min(levels, len(side.prices))


def _balance(bid: float, ask: float) -> float | None:
    total = bid + ask
    return (bid - ask) / total if total > 0.0 else None


def _within(side: BookSide, mid: float, band_bp: float) -> int:
    """How many of the best levels lie within the band."""
    prices = side.prices
    if not prices or abs(prices[-1] - mid) / mid * 1e4 <= band_bp:
        return len(prices)
    return bisect_right(prices, band_bp, key=lambda price: abs(price - mid) / mid * 1e4)

"""Order-book imbalance: how much more is bid than offered, from −1 (only asks) to +1 (only bids).

Of one book at one time; flow over time is in `order_flow`. All read known levels only (`known_book`). A book without
two sides, or crossed, has no imbalance: None.
"""

from collections.abc import Callable
from math import exp, inf, log

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
    return _weighted(book, band_bp, lambda _: 1.0)


def weighted_imbalance(book: KnownBook, decay_bp: float, band_bp: float) -> Measured:
    """Σ w q_b against Σ w q_a, w = exp(−d/`decay_bp`), d the distance from the mid in basis points, within the band.

    Weights follow prices, not level numbers, so that an empty level changes nothing.
    """
    return _weighted(book, band_bp, lambda distance: exp(-distance / decay_bp))


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


def _weighted(book: KnownBook, band_bp: float, weight: Callable[[float], float]) -> Measured:
    mid = book.mid
    if mid is None:
        return Measured(None, 0.0, False)
    reach = book.reach_bp
    band = min(band_bp, reach)
    sums = [0.0, 0.0]
    for number, side in enumerate((book.bids, book.asks)):
        for price, size in zip(side.prices, side.sizes, strict=True):
            distance = abs(price - mid) / mid * 1e4
            if distance > band:
                break
            sums[number] += weight(distance) * size
    return Measured(_balance(*sums), band, band_bp <= reach)

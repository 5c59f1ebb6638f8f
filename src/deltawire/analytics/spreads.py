"""What trading costs, in basis points of the mid: quoted, effective and realised spreads and the impact between.

effective = 2 s (p − M_t)/M_t, realised = 2 s (p − M_{t+h})/M_t, impact = 2 s (M_{t+h} − M_t)/M_t, with s = +1 if the
aggressor buys: effective = realised + impact. Source: Huang and Stoll 1996.
"""

from collections import deque

import msgspec

from deltawire.analytics.known_book import KnownBook


class RealisedSpread(msgspec.Struct, frozen=True, gc=False):
    """Of one trade, once the mid after the horizon is known; all in basis points."""

    effective_bp: float
    realised_bp: float
    impact_bp: float


def quoted_bp(book: KnownBook) -> float | None:
    """(P_a − P_b)/M in basis points; None without a mid."""
    mid = book.mid
    return None if mid is None else (book.asks.prices[0] - book.bids.prices[0]) / mid * 1e4


def effective_bp(price: float, buy: bool, mid: float) -> float:
    """Twice the distance of a trade from the mid before it, positive if the aggressor paid."""
    return 2 * (price - mid) * (1 if buy else -1) / mid * 1e4


class RealisedSpreads:
    """Spreads of trades `horizon` trades later."""

    def __init__(self, horizon: int) -> None:
        self._waiting: deque[tuple[float, float, float]] = deque()
        self._horizon = horizon

    def update(self, price: float, buy: bool, mid: float) -> RealisedSpread | None:
        """The spreads of the trade that lies `horizon` before this one; None until there is one."""
        self._waiting.append((price, 1.0 if buy else -1.0, mid))
        if len(self._waiting) <= self._horizon:
            return None
        paid, sign, then = self._waiting.popleft()
        scale = 2 * sign / then * 1e4
        return RealisedSpread(scale * (paid - then), scale * (paid - mid), scale * (mid - then))

"""Order-book depth: what rests near the mid, and what an order of a given size would pay.

All read known levels only (`known_book`). Sums over a part of the requested band are lower bounds, and say so by
`known`; a price for an amount that the known levels do not hold is the price of what they hold.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from itertools import accumulate
from math import inf
from operator import mul, neg, sub, truediv
from typing import Literal

import msgspec

from deltawire.analytics.known_book import BookSide, KnownBook, Measured

Order = Literal["buy", "sell"]


class Depth(msgspec.Struct, frozen=True, gc=False):
    """Sums of one side within a band: `size` in the instrument's unit, `notional` = Σ price × size, levels counted.

    `known` is whether every level of the band is; the sums are lower bounds otherwise.
    """

    size: float
    notional: float
    levels: int
    known: bool


class Execution(msgspec.Struct, frozen=True, gc=False):
    """What a market order would get: the average price, the notional filled, and whether that is certain.

    `known` is False if the order would go beyond the known levels; then `vwap` is that of the part within. A whole
    side that does not hold the amount is known: `filled` says how much there is.
    """

    vwap: float | None
    filled: float
    known: bool
    slip_bp: float | None = None
    """How much worse than the mid the average is, in basis points."""


def depth_within(book: KnownBook, side: Literal["bids", "asks"], band_bp: float) -> Depth:
    """What rests within `band_bp` basis points of the mid."""
    return depths_within(book, side, (band_bp,))[0]


def depths_within(book: KnownBook, side: Literal["bids", "asks"], bands_bp: Sequence[float]) -> list[Depth]:
    """What rests within each of these bands; faster than one by one."""
    mid, levels = book.mid, book.bids if side == "bids" else book.asks
    if mid is None:
        return [Depth(0.0, 0.0, 0, False) for _ in bands_bp]
    prices, edge = levels.prices, levels.edge
    reach = inf if edge is None else abs(edge - mid)
    last = abs(prices[-1] - mid)
    depths: list[Depth] = []
    for band_bp in bands_bp:
        limit = band_bp / 1e4 * mid
        count = len(prices)
        if last > limit:
            count = bisect_right(prices, limit, key=lambda price: abs(price - mid))
        known = reach >= limit
        if depths and depths[-1].levels == count:
            before = depths[-1]
            depths.append(Depth(before.size, before.notional, count, known))
        else:
            depths.append(_sums(levels, count, known))
    return depths


def depth_of_levels(book: KnownBook, side: Literal["bids", "asks"], count: int) -> Depth:
    """What rests in the best `count` levels."""
    levels = _side(book, side)
    return _sums(levels, count, levels.knows_levels(count))


def depth_ratio(book: KnownBook, band_bp: float) -> Measured:
    """Size of bids over size of asks within the band, on the widest band known on both sides; None without asks."""
    reach = book.reach_bp
    band = min(band_bp, reach)
    bids, asks = (depth_within(book, side, band).size for side in ("bids", "asks"))
    return Measured(bids / asks if asks else None, band, book.two_sided and band_bp <= reach)


def execution(book: KnownBook, order: Order, notional: float, *, inverse: bool = False) -> Execution:
    """The average price of a market order for `notional`.

    Sizes are base coin and notional is in quote currency; sizes and notional of inverse contracts are both in quote
    currency, and their average price is harmonic, Σ usd / Σ (usd/p).
    """
    side = book.asks if order == "buy" else book.bids
    left, base = notional, 0.0
    for price, size in zip(side.prices, side.sizes, strict=True):
        taken = min(left, size if inverse else price * size)
        base += taken / price
        left -= taken
        if left <= notional * 1e-15:
            left = 0.0
            break
    filled, mid = notional - left, book.mid
    vwap = filled / base if base else None
    slip = None if vwap is None or mid is None else 1e4 * (vwap / mid - 1) * (1 if order == "buy" else -1)
    return Execution(vwap, filled, not left or side.edge is None, slip)


def executions(
    book: KnownBook, order: Order, notionals: Sequence[float], *, inverse: bool = False
) -> list[Execution]:
    """The same for several notionals: faster than one by one if these take much of the side."""
    side, mid = book.asks if order == "buy" else book.bids, book.mid
    prices = side.prices
    amounts = side.sizes if inverse else tuple(map(mul, prices, side.sizes))
    bases = [0.0, *accumulate(map(truediv, amounts, prices))]
    found = []
    for notional in notionals:
        left_before = [*accumulate(amounts, sub, initial=notional)]
        left, base = left_before[-1], bases[-1]
        tiny = notional * 1e-15
        if prices and left <= tiny:
            level = bisect_left(left_before, -tiny, 1, key=neg) - 1
            base = bases[level] + min(left_before[level], amounts[level]) / prices[level]
            left = 0.0
        filled = notional - left
        vwap = filled / base if base else None
        slip = None if vwap is None or mid is None else 1e4 * (vwap / mid - 1) * (1 if order == "buy" else -1)
        found.append(Execution(vwap, filled, not left or side.edge is None, slip))
    return found


def size_within(book: KnownBook, order: Order, slip_bp: float) -> Depth:
    """How much can be traded before the price of the last unit is worse than the mid by `slip_bp`."""
    return depth_within(book, "asks" if order == "buy" else "bids", slip_bp)


class _SideSlope:
    """Slope of cumulative size on distance from the mid, by least squares with an intercept; None below two levels.

    What follows from the prices is kept until these or the mid change: most updates change sizes alone.
    """

    def __init__(self) -> None:
        self._mid = 0.0
        self._prices: tuple[float, ...] = ()
        self._sizes: tuple[float, ...] = ()
        self._centred: list[float] = []
        self._spread = 0.0
        self._slope: float | None = None

    def update(self, mid: float, prices: tuple[float, ...], sizes: tuple[float, ...]) -> float | None:
        """The slope of these levels."""
        if mid != self._mid or prices != self._prices:
            self._mid, self._prices = mid, prices
            distances = [abs(price - mid) for price in prices]
            mean = sum(distances) / len(prices) if prices else 0.0
            self._centred = centred = [distance - mean for distance in distances]
            self._spread = sum(map(mul, centred, centred))
        elif sizes == self._sizes:
            return self._slope
        self._sizes = sizes
        spread = self._spread
        self._slope = slope = sum(map(mul, self._centred, accumulate(sizes))) / spread if spread else None
        return slope


class DepthSlope:
    """The mean of both sides' slopes over their best `levels`, of a book at each of its updates."""

    def __init__(self, levels: int) -> None:
        self._levels = levels
        self._bids, self._asks = _SideSlope(), _SideSlope()

    def update(self, book: KnownBook) -> Measured:
        """The slope of this book; the band is in levels."""
        levels, bids, asks = self._levels, book.bids, book.asks
        known = bids.knows_levels(levels) and asks.knows_levels(levels)
        band = levels if known else min(len(bids.prices), len(asks.prices), levels)
        mid = book.mid
        if mid is None:
            return Measured(None, band, False)
        bid = self._bids.update(mid, bids.prices[:band], bids.sizes[:band])
        ask = self._asks.update(mid, asks.prices[:band], asks.sizes[:band])
        return Measured(None if bid is None or ask is None else 0.5 * (bid + ask), band, known)


def depth_slope(book: KnownBook, levels: int) -> Measured:
    """The mean of both sides' slopes over their best `levels`; the band is in levels."""
    return DepthSlope(levels).update(book)


def _side(book: KnownBook, side: Literal["bids", "asks"]) -> BookSide:
    return book.bids if side == "bids" else book.asks


def _sums(levels: BookSide, count: int, known: bool) -> Depth:
    prices, sizes = levels.prices[:count], levels.sizes[:count]
    notional = sum(map(mul, prices, sizes))
    return Depth(sum(sizes), notional, len(prices), known)

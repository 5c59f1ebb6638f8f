"""The index: the mean of its constituents' prices, each limited to a distance from their median.

Deribit's rule (support article "Deribit indices"): each price is moved to within 0.5 % of the median, and all have
the same weight.
"""

from collections.abc import Iterable
from statistics import fmean, median

from deltawire.model.events import Constituent

CLAMP = 0.005


def index_price(prices: Iterable[float], clamp: float = CLAMP) -> float | None:
    """The index of these prices; prices that are not positive and finite are ignored. None without any."""
    usable = [price for price in prices if 0.0 < price < float("inf")]
    if not usable:
        return None
    middle = median(usable)
    return fmean(_clamped(price, middle, clamp) for price in usable)


def ranking(prices: Iterable[tuple[str, float]], clamp: float = CLAMP) -> list[Constituent]:
    """Every source with its contribution, for `deribit_price_ranking`."""
    named = list(prices)
    valid = [price for _, price in named if 0.0 < price < float("inf")]
    if not valid:
        return [Constituent(name, 0.0, 0.0, 0.0, False) for name, _ in named]
    middle, weight = median(valid), 1 / len(valid)
    return [
        Constituent(name, price, _clamped(price, middle, clamp), weight, True)
        if 0.0 < price < float("inf")
        else Constituent(name, 0.0, 0.0, 0.0, False)
        for name, price in named
    ]


def _clamped(price: float, middle: float, clamp: float) -> float:
    return min(max(price, middle * (1 - clamp)), middle * (1 + clamp))

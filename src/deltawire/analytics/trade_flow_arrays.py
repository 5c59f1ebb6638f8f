"""Flow of recorded trades on arrays. Needs the extra `analytics`.

`size` and `buy` have one entry per trade in their order; `buy` is whether its aggressor buys. Kyle's λ is the slope of
`order_flow_arrays.regress` on the sums of `signed` per interval.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


def signed(size: ArrayLike, buy: ArrayLike) -> Floats:
    """s v of each trade: its size, negative if the aggressor sells."""
    volume: Floats = np.where(np.asarray(buy, dtype=np.bool_), 1.0, -1.0) * np.asarray(size, dtype=np.float64)
    return volume


def bucket_imbalances(size: ArrayLike, buy: ArrayLike, bucket: float) -> Floats:
    """|V_b − V_s| of each full bucket of this volume; a trade is split at the edge of a bucket.

    The signed volume up to an edge is linear between the trades around it.
    """
    volume = np.concatenate([[0.0], np.cumsum(np.asarray(size, dtype=np.float64))])
    flow = np.concatenate([[0.0], np.cumsum(signed(size, buy))])
    edges = bucket * np.arange(np.floor(volume[-1] / bucket * (1 + 1e-12)) + 1)
    imbalances: Floats = np.abs(np.diff(np.interp(edges, volume, flow)))
    return imbalances


def vpin(size: ArrayLike, buy: ArrayLike, *, bucket: float, buckets: int) -> Floats:
    """VPIN at the end of each bucket from number `buckets` on (`trade_flow.Vpin` has the formula)."""
    full = bucket_imbalances(size, buy, bucket)
    if len(full) < buckets:
        return np.empty(0)
    sums: Floats = np.convolve(full, np.ones(buckets), "valid") / (buckets * bucket)
    return sums

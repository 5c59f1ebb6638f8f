"""What channels of analytics publish: the data of their notifications.

Each has a `timestamp` (milliseconds, the end of the interval in the venue's time), its subject, and the `state` of what
it was computed from: figures are there only if that is `live`. Prices and notionals are in quote currency, sizes in
base coin, or in quote currency if the instrument is sized in it. What is null or absent is not known.
"""

from typing import Literal

import msgspec

State = Literal["live", "syncing", "stale", "failed"]
Interval = tuple[float | None, float | None, float | None]
"""A figure and its 95 % interval; null where it is not defined."""


class OfBand(msgspec.Struct, frozen=True):
    """A figure of a band (levels a side, or basis points around the mid): that requested, and that used.

    `known` is whether these are the same; else `used` is the widest known on both sides.
    """

    band: float
    used: float
    value: float | None
    known: bool


class FlowSum(msgspec.Struct, frozen=True):
    """Order-flow imbalance of the last `updates`: at the touch, per level, and over the mean size at the touch."""

    total: float
    levels: list[float | None]
    normalised: float | None
    updates: int
    known: bool


class ImbalanceData(msgspec.Struct, frozen=True, omit_defaults=True):
    """Data of `imbalance.X`: from −1 (only asks) to 1 (only bids). `trades` is Σ s v / Σ v of the interval."""

    timestamp: int
    instrument_name: str
    state: State
    reason: str = ""
    change_id: int | None = None
    mid: float | None = None
    micro_price: float | None = None
    queue: float | None = None
    levels: list[OfBand] = []
    bands: list[OfBand] = []
    weighted: OfBand | None = None
    flow: FlowSum | None = None
    trades: float | None = None
    traded: float | None = None


class SideDepth(msgspec.Struct, frozen=True):
    """What rests on one side within a band; a lower bound unless `known`."""

    size: float
    notional: float
    levels: int
    known: bool


class BandDepth(msgspec.Struct, frozen=True):
    """Both sides within `band` basis points of the mid; `ratio` is bids over asks where both are known."""

    band: float
    bids: SideDepth
    asks: SideDepth
    ratio: float | None


class Fill(msgspec.Struct, frozen=True):
    """The average price of a market order and the notional that it would fill; not certain unless `known`."""

    vwap: float | None
    filled: float
    known: bool
    slip_bp: float | None


class NotionalFills(msgspec.Struct, frozen=True):
    """Both ways of a market order of this notional."""

    notional: float
    buy: Fill
    sell: Fill


class SideResilience(msgspec.Struct, frozen=True):
    """Shocks of one side's depth since the derivation began: half of it back after `half_life_ms` (median)."""

    half_life_ms: float | None
    shocks: int
    recovered: int
    ended: int


class DepthData(msgspec.Struct, frozen=True, omit_defaults=True):
    """Data of `depth.X`. Resilience looks at the depth within 10 basis points at the end of each interval."""

    timestamp: int
    instrument_name: str
    state: State
    reason: str = ""
    change_id: int | None = None
    mid: float | None = None
    spread_bp: float | None = None
    bands: list[BandDepth] = []
    prices: list[NotionalFills] = []
    bids: SideResilience | None = None
    asks: SideResilience | None = None


class PricesData(msgspec.Struct, frozen=True, omit_defaults=True):
    """Data of `prices.X`: trades of the interval, and the mid, mark and index at its end.

    `twap` weights each mid by how long it stood, `vwap` trades by size (inverse: Σ usd / Σ usd/p). The basis is
    (mark − index)/index in basis points; funding is as the venue states it, a fraction.
    """

    timestamp: int
    instrument_name: str
    state: State
    reason: str = ""
    mid: float | None = None
    twap: float | None = None
    open: float | None = None
    high: float | None = None
    low: float | None = None
    close: float | None = None
    vwap: float | None = None
    volume: float = 0.0
    trades: int = 0
    mark_price: float | None = None
    index_price: float | None = None
    basis_bp: float | None = None
    current_funding: float | None = None
    funding_8h: float | None = None


class AlertData(msgspec.Struct, frozen=True, omit_defaults=True):
    """Data of `alert.X`: a threshold is crossed (`raised`), or crossed back by a tenth (`cleared`).

    Suspended, without an `alert`, while the `state` is not live. `value` is the spread in basis points, or the notional
    of the thinner side within 10 basis points; a lower bound of it never raises an alert.
    """

    timestamp: int
    instrument_name: str
    state: State
    reason: str = ""
    alert: Literal["raised", "cleared"] | None = None
    value: float | None = None
    threshold: float | None = None

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


class _OfInstrument(msgspec.Struct, frozen=True, omit_defaults=True):
    timestamp: int
    instrument_name: str
    state: State
    reason: str = ""


class _OfUnderlying(msgspec.Struct, frozen=True, omit_defaults=True):
    timestamp: int
    underlying: str
    state: State
    reason: str = ""


class OfBand(msgspec.Struct, frozen=True, gc=False):
    """A figure of a band (levels a side, or basis points around the mid): that requested, and that used.

    `known` is whether these are the same; else `used` is the widest known on both sides.
    """

    band: float
    used: float
    value: float | None
    known: bool


class FlowSum(msgspec.Struct, frozen=True, gc=False):
    """Order-flow imbalance of the last `updates`: at the touch, per level, and over the mean size at the touch.

    Of the `band` best levels requested, the `used` best were known at each of these updates; `known` is whether all.
    """

    total: float
    levels: list[float | None]
    normalised: float | None
    updates: int
    band: int
    used: int
    known: bool


class IntegratedSum(msgspec.Struct, frozen=True, gc=False):
    """The flow of all levels as one figure, in units of the mean size of a level; null before 30 `windows` are known.

    `weights`, which sum to 1 in absolute value, are the first principal component of the newest 200 `windows` of so
    many updates; `explained` is its share of their variance. `band`, `used` and `known` are as in the flow by level.
    """

    value: float | None
    band: int
    used: int
    known: bool
    weights: list[float]
    explained: float | None
    windows: int


class Toxicity(msgspec.Struct, frozen=True, gc=False):
    """VPIN over the newest `used` of `band` buckets; `known` is whether these are all.

    A bucket is the volume of 50 mean trades, learned from the first 500; null before that. It begins again when trades
    have been missed. That it predicts more than volume and volatility do is disputed (Andersen and Bondarenko 2014).
    """

    band: int
    used: int
    value: float | None
    known: bool
    bucket: float | None


class PriceImpact(msgspec.Struct, frozen=True, gc=False):
    """Kyle's λ: the change of the mid per unit of signed volume, of the newest `used` intervals of `band`.

    `known` is whether these are all; `value` is null if nothing was traded in them. `r_squared` is of the same
    intervals: it is no forecast.
    """

    band: int
    used: int
    value: float | None
    known: bool
    r_squared: float | None


class ImbalanceData(_OfInstrument, frozen=True, gc=False):
    """Data of `imbalance.X`: from −1 (only asks) to 1 (only bids). `trades` is Σ s v / Σ v of the interval."""

    change_id: int | None = None
    mid: float | None = None
    micro_price: float | None = None
    queue: float | None = None
    levels: list[OfBand] = []
    bands: list[OfBand] = []
    weighted: OfBand | None = None
    flow: FlowSum | None = None
    integrated_flow: IntegratedSum | None = None
    trades: float | None = None
    traded: float | None = None
    vpin: Toxicity | None = None


class SideDepth(msgspec.Struct, frozen=True, gc=False):
    """What rests on one side within a band; a lower bound unless `known`."""

    size: float
    notional: float
    levels: int
    known: bool


class BandDepth(msgspec.Struct, frozen=True, gc=False):
    """Both sides within `band` basis points of the mid; `ratio` is bids over asks where both are known."""

    band: float
    bids: SideDepth
    asks: SideDepth
    ratio: float | None


class Fill(msgspec.Struct, frozen=True, gc=False):
    """The average price of a market order and the notional that it would fill; not certain unless `known`."""

    vwap: float | None
    filled: float
    known: bool
    slip_bp: float | None


class NotionalFills(msgspec.Struct, frozen=True, gc=False):
    """Both ways of a market order of this notional."""

    notional: float
    buy: Fill
    sell: Fill


class SideResilience(msgspec.Struct, frozen=True, gc=False):
    """Shocks of one side's depth since the derivation began: half of it back after `half_life_ms` (median)."""

    half_life_ms: float | None
    shocks: int
    recovered: int
    ended: int


class DepthData(_OfInstrument, frozen=True, gc=False):
    """Data of `depth.X`. Resilience looks at the depth within 10 basis points at the end of each interval."""

    change_id: int | None = None
    mid: float | None = None
    spread_bp: float | None = None
    bands: list[BandDepth] = []
    prices: list[NotionalFills] = []
    bids: SideResilience | None = None
    asks: SideResilience | None = None
    impact: PriceImpact | None = None


class PricesData(_OfInstrument, frozen=True, gc=False):
    """Data of `prices.X`: trades of the interval, and the mid, mark and index at its end.

    `twap` weights each mid by how long it stood, `vwap` trades by size (inverse: Σ usd / Σ usd/p). The basis is
    (mark − index)/index in basis points; funding is as the venue states it, a fraction.
    """

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


class AlertData(_OfInstrument, frozen=True):
    """Data of `alert.X`: a threshold is crossed (`raised`), or crossed back by a tenth (`cleared`).

    Suspended, without an `alert`, while the `state` is not live. `value` is the spread in basis points, or the notional
    of the thinner side within 10 basis points; a lower bound of it never raises an alert.
    """

    alert: Literal["raised", "cleared"] | None = None
    value: float | None = None
    threshold: float | None = None


class CrossedData(AlertData, frozen=True):
    """Data of `alert.X.crossed.Y`: the bid at one is above the ask at the other by more than the threshold, or not.

    `value` is (bid − ask)/mean of these in basis points, of the better of both ways, which `buy` and `sell` name with
    the best prices there, before fees. Suspended, without an `alert`, while either book is not live.
    """

    buy: str | None = None
    sell: str | None = None
    buy_price: float | None = None
    sell_price: float | None = None


class Prediction(msgspec.Struct, frozen=True):
    """A prediction made at `at_ms`: probabilities of a fall, no move and a rise."""

    number: int
    at_ms: int
    probabilities: tuple[float, float, float]


class MaturedPrediction(msgspec.Struct, frozen=True):
    """A prediction and what happened (−1, 0, 1): with the baselines', enough to compute the score again."""

    number: int
    at_ms: int
    probabilities: dict[str, tuple[float, float, float]]
    outcome: int
    move_bp: float


class PredictorScore(msgspec.Struct, frozen=True):
    """Figures of one predictor with their 95 % intervals; `auc` and `mcc` of predictions whose mid moved."""

    accuracy: Interval
    balanced_accuracy: Interval
    mcc: Interval
    auc: Interval
    brier: Interval
    log_loss: Interval
    information_coefficient: Interval


class CalibrationBin(msgspec.Struct, frozen=True):
    """Predictions whose probability of a rise lies in one bin: how many, the mean stated, and the share that rose."""

    count: int
    stated: float | None
    happened: float | None


class HorizonScore(msgspec.Struct, frozen=True):
    """Of the newest `predictions` that matured; `effective` is how many blocks of them do not overlap.

    `skill_over` is 1 − Brier/Brier of each baseline; `skill` is `none` unless the whole interval over the calibrated
    imbalance is above 0. `worth` is the share of predictions whose expected move exceeds half the spread and `fee_bp`.
    """

    at_ms: int
    predictions: int
    effective: int
    moved: float
    predictors: dict[str, PredictorScore]
    skill_over: dict[str, Interval]
    skill: Literal["positive", "none"]
    calibration: list[CalibrationBin]
    worth: float
    fee_bp: float | None


class HorizonFlow(msgspec.Struct, frozen=True, omit_defaults=True):
    """One horizon: `unavailable` if the book's updates come too rarely for it; no score before enough has matured."""

    horizon_ms: int
    state: Literal["available", "unavailable"]
    made: list[Prediction] = []
    matured: list[MaturedPrediction] = []
    score: HorizonScore | None = None


class FlowData(_OfInstrument, frozen=True):
    """Data of `flow.X`: predictions of the sign of M(t + latency + horizon) − M(t + latency), M the mid.

    `update_ms` is the median time between two updates of the book.
    """

    mid: float | None = None
    latency_ms: int | None = None
    update_ms: float | None = None
    horizons: list[HorizonFlow] = []


class OwnGreeks(msgspec.Struct, frozen=True):
    """Greeks at our volatility, in Deribit's units (`vega` per point, `theta` per day)."""

    delta: float
    gamma: float
    vega: float
    theta: float
    vanna: float
    volga: float
    charm: float


class ChainRow(msgspec.Struct, frozen=True, omit_defaults=True):
    """One option. Volatilities are in percent: ours of bid and ask and of the venue's mark, and the venue's own.

    `greeks` are ours, `venue_delta` is the venue's. `parted` says that the venue's volatility is outside of what its
    own mark, rounded to a tick, can stand for.
    """

    instrument_name: str
    strike: float
    option_type: Literal["call", "put"]
    bid: float | None = None
    ask: float | None = None
    mark: float | None = None
    bid_iv: float | None = None
    ask_iv: float | None = None
    iv: float | None = None
    venue_iv: float | None = None
    iv_difference: float | None = None
    parted: bool = False
    greeks: OwnGreeks | None = None
    venue_delta: float | None = None
    delta_difference: float | None = None


class ForwardData(msgspec.Struct, frozen=True):
    """The forward of an expiry: of the listed future, of put–call parity, or else as the venue states it."""

    price: float
    low: float | None
    high: float | None
    source: Literal["future", "parity", "venue"]


class ChainData(_OfUnderlying, frozen=True):
    """Data of `chain.C.E`: the listed options of an expiry, by strike; `not_live` counts those of a stale book."""

    expiry: str = ""
    years: float | None = None
    forward: ForwardData | None = None
    not_live: int = 0
    options: list[ChainRow] = []


class SliceData(msgspec.Struct, frozen=True):
    """One expiry's smile: total variance of eSSVI; `fit_rms` is in bid–ask widths, volatilities in percent."""

    expiry: str
    years: float
    forward: float
    theta: float
    right: float
    left: float
    at_money_iv: float
    fit_rms: float
    within: float
    quotes_used: int


class SurfaceData(_OfUnderlying, frozen=True):
    """Data of `surface.C`: smiles by expiry; `breaches` of no-arbitrage on a grid of 200 strikes.

    `skipped` are expiries with fewer than four two-sided quotes.
    """

    slices: list[SliceData] = []
    breaches: int = 0
    skipped: list[str] = []


class ExpirySkew(msgspec.Struct, frozen=True):
    """One expiry at a delta of 0.25; volatilities in percent, `skew` = call − put."""

    expiry: str
    years: float
    at_money_iv: float
    call_iv: float
    put_iv: float
    skew: float
    butterfly: float


class SkewData(_OfUnderlying, frozen=True):
    """Data of `skew.C`: by expiry, and the volatility between neighbouring expiries in percent."""

    expiries: list[ExpirySkew] = []
    forward_iv: list[float] = []


class PainData(msgspec.Struct, frozen=True):
    """The strike at which holders of an expiry are paid least; `open_interest_at` is the time of the open interest."""

    expiry: str
    strike: float
    payout: float
    open_interest_at: int


class StrikeGamma(msgspec.Struct, frozen=True):
    """Gross gamma exposure of a strike, in quote currency per move of 1 %."""

    strike: float
    gross: float


class GammaData(_OfUnderlying, frozen=True):
    """Data of `gex.C`. `net` and `zero` are by named convention; `zero_span` holds all of the latter.

    `from_flow` is what the trades imply that were seen since the derivation began; `flow_coverage` is the share of the
    open interest, in percent, that these explain. Ratios are puts over calls.
    """

    spot: float | None = None
    strikes: list[StrikeGamma] = []
    net: dict[str, float] = {}
    zero: dict[str, float | None] = {}
    zero_span: tuple[float, float] | None = None
    from_flow: float | None = None
    flow_coverage: float | None = None
    put_call_open_interest: float | None = None
    put_call_volume: float | None = None
    put_call_premium: float | None = None
    max_pain: list[PainData] = []

"""Readings of book metrics as the data of channels."""

from deltawire.analytics.book_metrics import DepthReading, ImbalanceReading
from deltawire.analytics.depth import Depth, Execution
from deltawire.analytics.figures import (
    BandDepth,
    DepthData,
    Fill,
    FlowSum,
    ImbalanceData,
    IntegratedSum,
    NotionalFills,
    OfBand,
    PriceImpact,
    SideDepth,
    SideResilience,
    Toxicity,
)
from deltawire.analytics.integrated_flow import Integrated
from deltawire.analytics.known_book import Measured
from deltawire.analytics.order_flow import Flow
from deltawire.analytics.resilience import Resilience
from deltawire.analytics.trade_flow import MeasuredImpact, MeasuredVpin

MS_NS = 1_000_000


def imbalance_data(label: str, reading: ImbalanceReading) -> ImbalanceData:
    """Data of `imbalance.X`."""
    bands = [_of_band(band, measured) for band, measured in reading.bands.items()]
    flow, integrated = reading.flow, reading.integrated
    return ImbalanceData(
        reading.venue_ns // MS_NS,
        label,
        "live",
        change_id=reading.sequence,
        mid=reading.mid,
        micro_price=reading.micro_price,
        queue=reading.queue,
        levels=[_of_band(count, measured) for count, measured in reading.levels.items()],
        bands=bands,
        weighted=_of_band(max(reading.bands), reading.weighted),
        flow=None if flow is None else _flow(flow),
        integrated_flow=None
        if integrated is None or flow is None
        else _integrated(integrated, len(flow.levels)),
        trades=reading.trades,
        traded=reading.traded,
        vpin=_toxicity(reading.vpin),
    )


def depth_data(label: str, reading: DepthReading) -> DepthData:
    """Data of `depth.X`."""
    return DepthData(
        reading.venue_ns // MS_NS,
        label,
        "live",
        change_id=reading.sequence,
        mid=reading.mid,
        spread_bp=reading.spread_bp,
        bands=[
            _band_depth(band, bids, asks, reading.instrument.sized_in_quote)
            for band, (bids, asks) in reading.bands.items()
        ],
        prices=[
            NotionalFills(notional, _fill(buy), _fill(sell))
            for notional, (buy, sell) in reading.prices.items()
        ],
        bids=_resilience(reading.resilience[0]),
        asks=_resilience(reading.resilience[1]),
        impact=_impact(reading.impact),
    )


def _of_band(band: float, measured: Measured) -> OfBand:
    return OfBand(float(band), float(measured.band), measured.value, measured.known)


def _flow(flow: Flow) -> FlowSum:
    return FlowSum(
        flow.total,
        [*flow.levels],
        flow.normalised,
        flow.updates,
        len(flow.levels),
        flow.band,
        flow.known,
    )


def _integrated(found: Integrated, band: int) -> IntegratedSum:
    weights = [*found.weights]
    return IntegratedSum(found.value, band, found.band, found.known, weights, found.explained, found.windows)


def _toxicity(found: MeasuredVpin) -> Toxicity:
    return Toxicity(found.buckets, found.band, found.value, found.known, found.bucket)


def _impact(found: MeasuredImpact) -> PriceImpact:
    impact = found.impact
    slope, r_squared = (None, None) if impact is None else (impact.slope, impact.r_squared)
    return PriceImpact(found.window, found.band, slope, found.known, r_squared)


def _band_depth(band: float, bids: Depth, asks: Depth, in_quote: bool) -> BandDepth:
    known = bids.known and asks.known and asks.size > 0.0
    return BandDepth(
        band, _side(bids, in_quote), _side(asks, in_quote), bids.size / asks.size if known else None
    )


def _side(depth: Depth, in_quote: bool) -> SideDepth:
    return SideDepth(float(depth.size), notional(depth, in_quote), depth.levels, depth.known)


def notional(depth: Depth, in_quote: bool) -> float:
    """Quote currency that rests there; sizes of inverse contracts are that already."""
    return float(depth.size if in_quote else depth.notional)


def _fill(execution: Execution) -> Fill:
    return Fill(execution.vwap, execution.filled, execution.known, execution.slip_bp)


def _resilience(found: Resilience) -> SideResilience:
    half = None if found.half_life_ns is None else found.half_life_ns / MS_NS
    return SideResilience(half, found.shocks, found.recovered, found.ended)

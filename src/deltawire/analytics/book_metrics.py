"""Imbalance and depth of one instrument at an interval, as derivations."""

from collections.abc import Sequence
from typing import Literal

import msgspec

from deltawire.analytics.depth import Depth, Execution, Order, depths_within, executions
from deltawire.analytics.derivation import Intervals, OfBook, Reading
from deltawire.analytics.imbalance import (
    WeightedImbalance,
    band_imbalance,
    level_imbalance,
    micro_price,
    queue_imbalance,
)
from deltawire.analytics.integrated_flow import Integrated, IntegratedOrderFlow
from deltawire.analytics.known_book import KnownBook, Measured
from deltawire.analytics.order_flow import Flow
from deltawire.analytics.resilience import Resilience, ResilienceMetric
from deltawire.analytics.spreads import quoted_bp
from deltawire.analytics.trade_flow import ImpactPairs, LearnedVpin, MeasuredImpact, MeasuredVpin
from deltawire.model.events import BookDelta, BookImage, Event, Status, Trade

SIDES: tuple[Literal["bids", "asks"], Literal["bids", "asks"]] = ("bids", "asks")
_ORDERS: tuple[Order, Order] = ("buy", "sell")
_BOOK = frozenset({BookImage, BookDelta, Status})


class ImbalanceSettings(msgspec.Struct, frozen=True):
    """What is computed: level counts, bands in basis points, the decay of weights, and the window of the flow.

    VPIN is of `vpin_buckets`, each as large as `vpin_trades` mean trades.
    """

    levels: tuple[int, ...] = (5, 10)
    bands_bp: tuple[float, ...] = (5.0, 10.0)
    decay_bp: float = 2.0
    flow_levels: int = 5
    flow_updates: int = 100
    vpin_buckets: int = 50
    vpin_trades: int = 50


class ImbalanceReading(Reading, frozen=True, gc=False):
    """Imbalance at the end of an interval; `trades` is Σ s v / Σ v of the interval's trades, None without any."""

    mid: float
    queue: float
    micro_price: float
    levels: dict[int, Measured]
    bands: dict[float, Measured]
    weighted: Measured
    flow: Flow | None
    integrated: Integrated | None
    trades: float | None
    traded: float
    vpin: MeasuredVpin


class ImbalanceMetric(OfBook):
    """Order-book imbalance of one instrument; silent while its book is not live or has no mid."""

    needs = _BOOK | {Trade}

    def __init__(self, key: str, interval_ns: int, settings: ImbalanceSettings | None = None) -> None:
        super().__init__(key)
        self._settings = settings or ImbalanceSettings()
        self._intervals = Intervals(interval_ns)
        self._weighted = WeightedImbalance(self._settings.decay_bp, max(self._settings.bands_bp))
        self._flow = IntegratedOrderFlow(self._settings.flow_levels, self._settings.flow_updates)
        self._vpin = LearnedVpin(self._settings.vpin_buckets, self._settings.vpin_trades)
        self._bought = self._sold = 0.0
        self._uncounted: type | None = None
        """The type of the last event, if the book it led to is not counted yet."""

    def update(self, event: Event) -> Sequence[ImbalanceReading]:
        """At most one reading: of the interval that has ended."""
        kind = type(event)
        if kind not in self.needs or not self._concerns(event):
            return ()
        if self._uncounted is not None:
            self._count(self._uncounted)
        end = self._intervals.ended(getattr(event, "venue_ns", 0))
        readings = () if end is None else self._due(end)
        if isinstance(event, Trade):
            size, buy = traded_size(event), event.side == "buy"
            if buy:
                self._bought += size
            else:
                self._sold += size
            self._vpin.add(size, buy)
        elif isinstance(event, (BookDelta, BookImage, Status)):
            self._follow(event)
            self._uncounted = kind
        return readings

    def _count(self, event_type: type) -> None:
        """Count what an event has made of the book."""
        self._uncounted = None
        book = None if event_type is Status else self._book.view(self._settings.flow_levels)
        if not self._book.live or event_type is BookImage:
            self._flow.reset()
        if not self._book.live:
            self._vpin.reset()
        if book is not None:
            self._flow.add(book)

    def _due(self, end: int) -> Sequence[ImbalanceReading]:
        bought, sold, self._bought, self._sold = self._bought, self._sold, 0.0, 0.0
        most = max(self._settings.bands_bp)
        book = self._book.view_until(lambda part: part.reach_bp >= most, max(128, *self._settings.levels))
        instrument = self._book.instrument
        queue, micro = (None, None) if book is None else (queue_imbalance(book), micro_price(book))
        if book is None or instrument is None or queue is None or micro is None or book.mid is None:
            return ()
        settings, traded = self._settings, bought + sold
        return [
            ImbalanceReading(
                instrument,
                end,
                book.seq,
                book.mid,
                queue,
                micro,
                {count: level_imbalance(book, count) for count in settings.levels},
                {band: band_imbalance(book, band) for band in settings.bands_bp},
                self._weighted.update(book),
                self._flow.flow,
                self._flow.integrated,
                (bought - sold) / traded if traded else None,
                traded,
                self._vpin.measured,
            )
        ]


def traded_size(trade: Trade) -> float:
    """A trade's size in the unit of the book's sizes (`FollowedBook.view`)."""
    return trade.size_float * (trade.instrument.unit_size or 1.0)


class DepthSettings(msgspec.Struct, frozen=True):
    """What is computed: bands in basis points and notionals in quote currency."""

    bands_bp: tuple[float, ...] = (1.0, 5.0, 10.0, 25.0)
    notionals: tuple[float, ...] = (10_000.0, 100_000.0, 1_000_000.0)
    resilience_bp: float = 10.0
    """The band whose depth is watched for shocks, when an interval ends."""
    impact_intervals: int = 300
    """Intervals that Kyle's λ is fitted on."""


class DepthReading(Reading, frozen=True, gc=False):
    """Depth at the end of an interval: per band (bids, asks), per notional (buy, sell); resilience of bids and asks.

    `impact` is Kyle's λ of the newest intervals: the change of the mid on the signed volume.
    """

    mid: float
    spread_bp: float
    bands: dict[float, tuple[Depth, Depth]]
    prices: dict[float, tuple[Execution, Execution]]
    resilience: tuple[Resilience, Resilience]
    impact: MeasuredImpact


class DepthMetric(OfBook):
    """Depth of one book; silent while it is not live, has no mid, or counts contracts of unknown size."""

    needs = _BOOK | {Trade}

    def __init__(self, key: str, interval_ns: int, settings: DepthSettings | None = None) -> None:
        super().__init__(key)
        self._settings = settings or DepthSettings()
        self._intervals = Intervals(interval_ns)
        self._resilience = ResilienceMetric(), ResilienceMetric()
        self._impact = ImpactPairs(self._settings.impact_intervals)
        self._signed = 0.0
        self._mid: float | None = None

    @property
    def due_ns(self) -> int:
        """The book is looked at when an interval ends."""
        return self._intervals.end_ns

    def update(self, event: Event) -> Sequence[DepthReading]:
        """At most one reading: of the interval that has ended."""
        if type(event) not in self.needs or not self._concerns(event):
            return ()
        end = self._intervals.ended(getattr(event, "venue_ns", 0))
        readings = () if end is None else self._due(end)
        if isinstance(event, Trade):
            size = traded_size(event)
            self._signed += size if event.side == "buy" else -size
        elif isinstance(event, (BookImage, BookDelta, Status)):
            self._follow(event)
            if isinstance(event, Status) and event.state != "live":
                self._mid = None
        return readings

    def _due(self, end: int) -> Sequence[DepthReading]:
        instrument, settings = self._book.instrument, self._settings
        if instrument is None or not instrument.measurable:
            return ()
        most, prices = max(settings.bands_bp), _Prices(settings.notionals, instrument.sized_in_quote)
        book = self._book.view_until(lambda part: part.reach_bp >= most and prices.known(part))
        depths = None if book is None else _depths(book, settings)
        resilience = self._resilient(end, depths)
        self._impacted(None if book is None else book.mid)
        if book is None or depths is None or book.mid is None:
            return ()
        return [
            DepthReading(
                instrument,
                end,
                book.seq,
                book.mid,
                quoted_bp(book) or 0.0,
                {band: depths[band] for band in settings.bands_bp},
                prices.of(book),
                resilience,
                self._impact.measured,
            )
        ]

    def _impacted(self, mid: float | None) -> None:
        """Count the interval, if there was a mid at its beginning and at its end."""
        if mid is not None and self._mid is not None:
            self._impact.add(self._signed, mid - self._mid)
        self._mid, self._signed = mid, 0.0

    def _resilient(
        self, end: int, depths: dict[float, tuple[Depth, Depth]] | None
    ) -> tuple[Resilience, Resilience]:
        bids, asks = (None, None) if depths is None else depths[self._settings.resilience_bp]
        return tuple(  # type: ignore[return-value]
            metric.update(end, depth.size if depth is not None and depth.known else None)
            for metric, depth in zip(self._resilience, (bids, asks), strict=True)
        )


Fills = dict[float, tuple[Execution, Execution]]
"""By notional: buying and selling."""


class _Prices:
    """What orders of each of these notionals get, of one book after the other, the newest kept."""

    def __init__(self, notionals: Sequence[float], inverse: bool) -> None:
        self._notionals, self._inverse = notionals, inverse
        self._book: KnownBook | None = None
        self._fills: Fills = {}

    def known(self, book: KnownBook) -> bool:
        """Whether the book holds all of them."""
        return all(each.known for ways in self.of(book).values() for each in ways)

    def of(self, book: KnownBook) -> Fills:
        """The fills of this book."""
        if book is not self._book:
            buys, sells = (
                executions(book, order, self._notionals, inverse=self._inverse) for order in _ORDERS
            )
            self._book, self._fills = (
                book,
                dict(zip(self._notionals, zip(buys, sells, strict=True), strict=True)),
            )
        return self._fills


def _depths(book: KnownBook, settings: DepthSettings) -> dict[float, tuple[Depth, Depth]]:
    """Bids and asks within each band, that of the resilience as well."""
    bands = sorted({*settings.bands_bp, settings.resilience_bp})
    return dict(
        zip(bands, zip(*(depths_within(book, side, bands) for side in SIDES), strict=True), strict=True)
    )

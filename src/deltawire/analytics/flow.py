"""Predictions of a book's next moves with their score beside them, as a derivation. Needs the extra `analytics`."""

from collections import deque
from collections.abc import Sequence
from statistics import median

from deltawire.analytics.block_score import BASELINE, MODEL, score_window
from deltawire.analytics.derivation import FollowedBook, Intervals
from deltawire.analytics.figures import FlowData, HorizonFlow, HorizonScore, MaturedPrediction, Prediction
from deltawire.analytics.imbalance import level_imbalance, micro_price, queue_imbalance
from deltawire.analytics.known_book import KnownBook
from deltawire.analytics.order_flow import OrderFlow
from deltawire.analytics.prediction import Evaluation, Features, Matured, OnlineModel, Outcome, baselines
from deltawire.model.events import BookDelta, BookImage, Event, Status

MS_NS = 1_000_000
HORIZONS_MS = (100, 500, 1000, 5000)
LATENCY_MS = 50
GRID_NS = 100 * MS_NS
"""Between two predictions."""
WINDOW = 1000
"""Matured predictions that the score is of."""
LEAST_BLOCKS, LEAST_BLOCK = 10, 10
SCORED_EVERY = 100
"""Matured predictions between two scores."""
SCORED_AT_ONCE = 1
"""Horizons scored at the end of a short interval, as one takes 20 ms: the one that has waited longest."""
SECOND_NS = 1_000_000_000
LEVELS, UPDATES = 5, 20
__all__ = ["BASELINE", "MODEL", "FlowMetric"]


class _Horizon:
    """One horizon's predictors, and what has matured of them."""

    def __init__(self, horizon_ms: int, window: int | None) -> None:
        self.horizon_ms = horizon_ms
        self._evaluation = Evaluation(
            {MODEL: OnlineModel()} | baselines(),
            horizon_ns=horizon_ms * MS_NS,
            latency_ns=LATENCY_MS * MS_NS,
        )
        overlap = -(-(horizon_ms + LATENCY_MS) * MS_NS // GRID_NS)
        self.block = max(LEAST_BLOCK, overlap)
        self.window: deque[Matured] = deque(maxlen=window)
        self._fresh: list[Matured] = []
        self._made: list[Prediction] = []
        self._unscored = 0
        self._score: HorizonScore | None = None
        self._number = 0

    def mid(self, at_ns: int, mid: float) -> None:
        """A new mid."""
        matured = self._evaluation.mid(at_ns, mid)
        self.window.extend(matured)
        self._fresh += matured
        self._unscored += len(matured)

    def predict(self, at_ns: int, features: Features) -> None:
        """Predict, at a time at or after the last mid."""
        probabilities = self._evaluation.predict(at_ns, features)
        self._made.append(Prediction(self._number, at_ns // MS_NS, probabilities[MODEL]))
        self._number += 1

    def reset(self) -> None:
        """The book is not known any more."""
        self._evaluation.reset()
        self._made.clear()

    def available(self, update_ns: float) -> bool:
        """Whether it is long enough for a book with so much time between its updates."""
        return 2 * update_ns <= self.horizon_ms * MS_NS

    def unscored(self, update_ns: float) -> int:
        """Matured predictions since the last score, if that makes a new one due; otherwise 0."""
        enough = self.available(update_ns) and len(self.window) >= LEAST_BLOCKS * self.block
        return self._unscored if enough and (self._score is None or self._unscored >= SCORED_EVERY) else 0

    def take(self, at_ms: int, update_ns: float, fee_bp: float | None, *, scores: bool) -> HorizonFlow:
        """What has happened since the last call, with a new score if it `scores`."""
        fresh, self._fresh = self._fresh, []
        made, self._made = self._made, []
        if not self.available(update_ns):
            return HorizonFlow(self.horizon_ms, "unavailable")
        if scores:
            self._score = score_window(self.window, block=self.block, at_ms=at_ms, fee_bp=fee_bp)
            self._unscored = 0
        return HorizonFlow(self.horizon_ms, "available", made, [_echo(each) for each in fresh], self._score)


def _echo(each: Matured) -> MaturedPrediction:
    return MaturedPrediction(each.number, each.at_ns // MS_NS, each.probabilities, each.outcome, each.move_bp)


class FlowMetric:
    """Predictions every tenth of a second of the venue's time, while the book is live; nothing is learned of gaps."""

    def __init__(self, key: str, label: str, interval_ns: int, *, window: int | None = WINDOW) -> None:
        """`window` is how many matured predictions are kept for each horizon.

        None keeps all, and none is scored on the way: a score of all so far takes the longer the more there are.
        """
        self._label = label
        self._scores = window is not None
        self._book = FollowedBook(key)
        self._spread = interval_ns <= SECOND_NS
        self._intervals, self._grid = Intervals(interval_ns), Intervals(GRID_NS)
        self._flow = OrderFlow(1, UPDATES)
        self._view: KnownBook | None = None
        self._last_move: Outcome = 0
        self._now_ns = 0
        self._gaps: deque[int] = deque(maxlen=200)
        self.horizons = [_Horizon(each, window) for each in HORIZONS_MS]

    def update(self, event: Event) -> Sequence[FlowData]:
        """At most one: of the interval that has ended."""
        if not isinstance(event, (BookImage, BookDelta, Status)) or event.instrument.key != self._book.key:
            return ()
        now = 0 if isinstance(event, Status) else max(self._now_ns, event.venue_ns)
        at_ns = self._grid.ended(now)
        if at_ns is not None:
            self._predict(at_ns)
        end = self._intervals.ended(now)
        found = () if end is None else self._due(end)
        self._follow(event, now)
        return found

    def _predict(self, at_ns: int) -> None:
        features = None if self._view is None else self._features(self._view)
        if features is not None:
            for horizon in self.horizons:
                horizon.predict(at_ns, features)

    def _features(self, book: KnownBook) -> Features | None:
        queue, micro, mid = queue_imbalance(book), micro_price(book), book.mid
        if queue is None or micro is None or mid is None:
            return None
        flow = self._flow.flow
        normalised = None if flow is None else flow.normalised
        return Features(
            queue,
            micro - mid,
            self._last_move,
            normalised or 0.0,
            level_imbalance(book, LEVELS).value or 0.0,
            (book.asks.prices[0] - book.bids.prices[0]) / mid * 5e3,
        )

    def _follow(self, event: BookImage | BookDelta | Status, now: int) -> None:
        before = None if self._view is None else self._view.mid
        self._book.update(event)
        if not self._book.live or isinstance(event, BookImage):
            self._flow.reset()
        if not self._book.live:
            self._view = None
            for horizon in self.horizons:
                horizon.reset()
            return
        if isinstance(event, Status):
            return
        if self._now_ns and now > self._now_ns:
            self._gaps.append(now - self._now_ns)
        self._now_ns = now
        self._view = view = self._book.view(LEVELS)
        if view is None or view.mid is None:
            return
        self._flow.add(view)
        if before is not None and view.mid != before:
            self._last_move = 1 if view.mid > before else -1
        for horizon in self.horizons:
            horizon.mid(now, view.mid)

    def _due(self, end: int) -> Sequence[FlowData]:
        instrument = self._book.instrument
        if self._view is None or instrument is None:
            return ()
        fee = instrument.taker_commission
        gap = median(self._gaps) if self._gaps else float(GRID_NS)
        at_ms = end // MS_NS
        due = [each for each in self.horizons if self._scores and each.unscored(gap)]
        if self._spread:
            due = sorted(due, key=lambda each: -each.unscored(gap))[:SCORED_AT_ONCE]
        return [
            FlowData(
                at_ms,
                self._label,
                "live",
                mid=self._view.mid,
                latency_ms=LATENCY_MS,
                update_ms=gap / MS_NS,
                horizons=[
                    each.take(at_ms, gap, None if fee is None else 1e4 * fee, scores=each in due)
                    for each in self.horizons
                ],
            )
        ]

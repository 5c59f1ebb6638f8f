"""Predictions over a recording or the built-in exchange, scored: what `deltawire score` prints. Needs `analytics`."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec
import numpy as np

from deltawire.analytics.block_score import score_window
from deltawire.analytics.figures import HorizonScore
from deltawire.analytics.flow import FlowMetric
from deltawire.analytics.prediction import Matured
from deltawire.model.events import BookDelta, Event
from deltawire.sources.recorded import batches_at

SECOND_NS = 1_000_000_000


class ScoredHorizon(msgspec.Struct, frozen=True):
    """All predictions of one horizon that matured, and their score; None if there are too few."""

    horizon_ms: int
    matured: Sequence[Matured]
    score: HorizonScore | None


def recorded_events(path: Path, venue: str) -> Iterable[Event]:
    """The events of a recording."""
    for batch in batches_at(path, venue):
        yield from batch.events


def busiest(events: Iterable[Event]) -> str:
    """The key of the instrument whose book changes most often; empty without a book."""
    counts: dict[str, int] = {}
    for event in events:
        if isinstance(event, BookDelta):
            counts[event.instrument.key] = counts.get(event.instrument.key, 0) + 1
    return max(counts, key=lambda key: counts[key], default="")


def score_events(events: Iterable[Event], key: str) -> list[ScoredHorizon]:
    """Run all predictors over an instrument's events; one score per horizon, of everything that matured."""
    metric = FlowMetric(key, key, SECOND_NS, window=None)
    for event in events:
        metric.update(event)
    return [
        ScoredHorizon(
            each.horizon_ms,
            tuple(each.window),
            score_window(each.window, block=each.block, at_ms=0, fee_bp=None)
            if len(each.window) >= 2 * each.block
            else None,
        )
        for each in metric.horizons
    ]


def skill_by_time(horizon: ScoredHorizon, points: int = 60) -> list[tuple[float, float]]:
    """(seconds, accuracy of the direction among moves) of the model, over equal parts of the recording."""
    rows = [each for each in horizon.matured if each.outcome]
    found = []
    for part in np.array_split(np.arange(len(rows)), min(points, max(1, len(rows) // 20))):
        chosen = [rows[at] for at in part]
        if chosen:
            right = [
                (each.probabilities["model"][2] > each.probabilities["model"][0]) == (each.outcome > 0)
                for each in chosen
            ]
            begin = horizon.matured[0].at_ns
            found.append(((chosen[0].at_ns - begin) / SECOND_NS, sum(right) / len(right)))
    return found

"""The score of a window of predictions, fast enough for a stream. Needs the extra `analytics`.

Like `prediction_score`, with intervals from a bootstrap of whole blocks (Künsch 1989). Every figure is a function of
sums, so each block is summed once, and a resample is a weighted sum of blocks. The AUC is that of 40 bins.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from deltawire.analytics.figures import CalibrationBin, HorizonScore, Interval, PredictorScore
from deltawire.analytics.prediction import Matured
from deltawire.analytics.prediction_score import Floats

ROUNDS = 200
MODEL, BASELINE = "model", "calibrated_imbalance"
_BINS = 40


def score_window(
    window: Sequence[Matured], *, block: int, at_ms: int, fee_bp: float | None, seed: int = 0
) -> HorizonScore:
    """The score of the newest whole blocks of `block` predictions; there must be two."""
    count = len(window) // block * block
    rows = list(window)[len(window) - count :]
    blocks = count // block
    chance = np.random.default_rng(seed)
    drawn = chance.integers(0, blocks, size=(ROUNDS, blocks))
    weights = np.ones((ROUNDS + 1, blocks))  # the first row is the window itself
    weights[1:] = [np.bincount(row, minlength=blocks) for row in drawn]
    outcome = np.array([each.outcome for each in rows])
    move = np.array([each.move_bp for each in rows])
    briers: dict[str, Floats] = {}
    predictors = {}
    for name in rows[0].probabilities:
        stated = np.array([each.probabilities[name] for each in rows])
        sums = weights @ _statistics(stated, outcome, move).reshape(blocks, block, -1).sum(axis=1)
        figures = _figures(sums, weights.sum(axis=1) * block)
        briers[name] = figures["brier"]
        predictors[name] = PredictorScore(**{each: interval(values) for each, values in figures.items()})
    skills = {name: interval(1 - briers[MODEL] / theirs) for name, theirs in briers.items() if name != MODEL}
    low = skills[BASELINE][1]
    model = np.array([each.probabilities[MODEL] for each in rows])
    return HorizonScore(
        at_ms,
        count,
        blocks,
        float(np.mean(outcome != 0)),
        predictors,
        skills,
        "positive" if low is not None and low > 0.0 else "none",
        _calibration(model[:, 2], outcome == 1),
        _worth(
            model, outcome, move, np.array([each.features.half_spread_bp for each in rows]), fee_bp or 0.0
        ),
        fee_bp,
    )


def interval(values: Floats) -> Interval:
    """The first value, with the 95 % interval of the others; None where it is not defined."""
    others = values[1:][np.isfinite(values[1:])]
    value = float(values[0]) if np.isfinite(values[0]) else None
    if not len(others):
        return value, None, None
    low, high = np.quantile(others, [0.025, 0.975])
    return value, float(low), float(high)


def _statistics(stated: Floats, outcome: Any, move: Floats) -> Floats:
    """What is summed, a row per prediction: see `_figures` for the columns."""
    hit, classes = np.argmax(stated, axis=1) - 1 == outcome, outcome[:, None] == np.array([-1, 0, 1])
    lean = stated[:, 2] - stated[:, 0]
    bins = np.eye(_BINS)[np.minimum(((lean + 1) / 2 * _BINS).astype(np.int64), _BINS - 1)]
    chosen = np.maximum(stated[np.arange(len(outcome)), outcome + 1], 1e-12)
    used = (outcome != 0) & (lean != 0)
    sign, side = np.where(used, np.sign(lean), 0.0), np.where(used, outcome, 0.0)
    return np.column_stack(
        [
            hit,
            ((stated - classes) ** 2).sum(axis=1),
            -np.log(chosen),
            classes,
            classes & hit[:, None],
            lean,
            move,
            lean * lean,
            move * move,
            lean * move,
            used,
            sign,
            side,
            sign * side,
            bins * (outcome == 1)[:, None],
            bins * (outcome == -1)[:, None],
        ]
    ).astype(np.float64)


def _figures(sums: Floats, count: Floats) -> dict[str, Floats]:
    with np.errstate(invalid="ignore", divide="ignore"):
        shares = np.where(sums[:, 3:6] > 0, sums[:, 6:9] / sums[:, 3:6], np.nan)
        ups, downs = sums[:, 18 : 18 + _BINS], sums[:, 18 + _BINS :]
        below = np.cumsum(downs, axis=1) - 0.5 * downs
        return {
            "accuracy": sums[:, 0] / count,
            "balanced_accuracy": np.nansum(shares, axis=1) / np.isfinite(shares).sum(axis=1),
            "mcc": _correlation(
                sums[:, 14], (sums[:, 15], sums[:, 16]), (sums[:, 14], sums[:, 14]), sums[:, 17]
            ),
            "auc": (ups * below).sum(axis=1) / (ups.sum(axis=1) * downs.sum(axis=1)),
            "brier": sums[:, 1] / count,
            "log_loss": sums[:, 2] / count,
            "information_coefficient": _correlation(
                count, (sums[:, 9], sums[:, 10]), (sums[:, 11], sums[:, 12]), sums[:, 13]
            ),
        }


def _correlation(
    count: Floats, sums: tuple[Floats, Floats], squares: tuple[Floats, Floats], shared: Floats
) -> Floats:
    spread = [square - each * each / count for each, square in zip(sums, squares, strict=True)]
    found: Floats = (shared - sums[0] * sums[1] / count) / np.sqrt(spread[0] * spread[1])
    return found


def _calibration(stated: Floats, happened: Any, bins: int = 10) -> list[CalibrationBin]:
    at = np.minimum((stated * bins).astype(np.int64), bins - 1)
    return [
        CalibrationBin(
            int(inside.sum()),
            float(stated[inside].mean()) if inside.any() else None,
            float(happened[inside].mean()) if inside.any() else None,
        )
        for inside in (at == number for number in range(bins))
    ]


def _worth(model: Floats, outcome: Any, move: Floats, half_spread: Floats, fee_bp: float) -> float:
    moved = outcome != 0
    size = float(np.abs(move[moved]).mean()) if moved.any() else 0.0
    return float(np.mean(np.abs(model[:, 2] - model[:, 0]) * size > half_spread + fee_bp))

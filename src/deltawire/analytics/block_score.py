"""The score of a window of predictions, fast enough for a stream. Needs the extra `analytics`.

Like `prediction_score`, with intervals from a bootstrap of whole blocks (Künsch 1989). Every figure is a function of
sums, so each block is summed once, and a resample is a weighted sum of blocks. The AUC is that of 40 bins.
"""

from collections.abc import Sequence
from math import isfinite
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
    blocks, names = count // block, [*rows[0].probabilities]
    outcome = np.array([each.outcome for each in rows])
    move = np.array([each.move_bp for each in rows])
    columns = [each for row in rows for each in row.probabilities.values()]
    stated = np.array(columns, dtype=np.float64).reshape(count, len(names), 3).swapaxes(0, 1)
    sums = np.concatenate(
        [
            _statistics(stated, outcome, move).reshape(len(names), blocks, block, -1).sum(axis=2),
            *(_histograms(stated, blocks, outcome == side) for side in (1, -1)),
        ],
        axis=2,
    )
    weights = _weights(blocks, seed)
    # without BLAS, whose threads spin for longer than this takes, and whose digits depend on the machine
    resampled = np.einsum("rb,pbk->prk", weights, sums)
    figures = _figures(resampled, weights.sum(axis=1) * block)
    skills = 1 - figures["brier"][names.index(MODEL)] / figures["brier"]
    found = intervals(np.concatenate([*figures.values(), skills]))
    of_figures = [found[at : at + len(names)] for at in range(0, len(found), len(names))]
    predictors = {
        name: PredictorScore(**{figure: of_figures[number][at] for number, figure in enumerate(figures)})
        for at, name in enumerate(names)
    }
    over = {name: each for name, each in zip(names, of_figures[-1], strict=True) if name != MODEL}
    low, model = over[BASELINE][1], stated[names.index(MODEL)]
    half_spread = np.array([each.features.half_spread_bp for each in rows])
    return HorizonScore(
        at_ms,
        count,
        blocks,
        float(np.mean(outcome != 0)),
        predictors,
        over,
        "positive" if low is not None and low > 0.0 else "none",
        _calibration(model[:, 2], outcome == 1),
        _worth(model, outcome, move, half_spread, fee_bp or 0.0),
        fee_bp,
    )


def intervals(values: Floats) -> list[Interval]:
    """Of each row the first value, with the 95 % interval of the others; None where it is not defined."""
    first, others = values[:, 0], np.where(np.isfinite(values[:, 1:]), values[:, 1:], np.nan)
    ranked, finite = np.sort(others, axis=1), np.isfinite(others).sum(axis=1)
    bounds = []
    for share in (0.025, 0.975):
        place = share * np.maximum(finite - 1, 0)
        below = np.floor(place).astype(np.int64)
        above = np.minimum(below + 1, np.maximum(finite - 1, 0))
        low, high = (np.take_along_axis(ranked, at[:, None], axis=1)[:, 0] for at in (below, above))
        bounds.append(low + (high - low) * (place - below))
    stated = (first, *bounds)
    return [
        tuple(float(each) if isfinite(each) else None for each in row)  # type: ignore[misc]
        for row in zip(*(column.tolist() for column in stated), strict=True)
    ]


def _weights(blocks: int, seed: int) -> Floats:
    """How often each block is in a resample; the first row is the window itself."""
    drawn = np.random.default_rng(seed).integers(0, blocks, size=(ROUNDS, blocks))
    weights = np.ones((ROUNDS + 1, blocks))
    flat = (drawn + blocks * np.arange(ROUNDS)[:, None]).ravel()
    weights[1:] = np.bincount(flat, minlength=ROUNDS * blocks).reshape(ROUNDS, blocks)
    return weights


def _statistics(stated: Floats, outcome: Any, move: Floats) -> Floats:
    """What is summed, a row per prediction: see `_figures` for the columns."""
    hit = np.argmax(stated, axis=2) - 1 == outcome
    classes = np.eye(3)[outcome + 1]
    lean = stated[:, :, 2] - stated[:, :, 0]
    chosen = np.maximum(np.take_along_axis(stated, (outcome + 1)[None, :, None], axis=2)[:, :, 0], 1e-12)
    used = (outcome != 0) & (lean != 0)
    sign, side = np.where(used, np.sign(lean), 0.0), np.where(used, outcome, 0.0)
    found = np.empty((*lean.shape, 18))
    found[:, :, 0] = hit
    found[:, :, 1] = ((stated - classes) ** 2).sum(axis=2)
    found[:, :, 2] = -np.log(chosen)
    found[:, :, 3:6] = classes
    found[:, :, 6:9] = classes * hit[:, :, None]
    columns = (lean, move, lean * lean, move * move, lean * move, used, sign, side, sign * side)
    for number, column in enumerate(columns, start=9):
        found[:, :, number] = column
    return found


def _histograms(stated: Floats, blocks: int, chosen: Any) -> Floats:
    """Of each predictor and block: how many of the chosen predictions lean into each of the bins."""
    predictors, count, _ = stated.shape
    lean = stated[:, :, 2] - stated[:, :, 0]
    bins = np.minimum(((lean + 1) / 2 * _BINS).astype(np.int64), _BINS - 1)
    block = np.arange(count) // (count // blocks)
    place = (np.arange(predictors)[:, None] * blocks + block) * _BINS + bins
    counted = np.bincount(place[:, chosen].ravel(), minlength=predictors * blocks * _BINS)
    return counted.reshape(predictors, blocks, _BINS).astype(np.float64)


def _figures(sums: Floats, count: Floats) -> dict[str, Floats]:
    """Each figure of each predictor (rows) and resample (columns)."""
    at = np.moveaxis(sums, 2, 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        shares = np.where(at[3:6] > 0, at[6:9] / at[3:6], np.nan)
        ups, downs = sums[:, :, 18 : 18 + _BINS], sums[:, :, 18 + _BINS :]
        below = np.cumsum(downs, axis=2) - 0.5 * downs
        return {
            "accuracy": at[0] / count,
            "balanced_accuracy": np.nansum(shares, axis=0) / np.isfinite(shares).sum(axis=0),
            "mcc": _correlation(at[14], (at[15], at[16]), (at[14], at[14]), at[17]),
            "auc": (ups * below).sum(axis=2) / (ups.sum(axis=2) * downs.sum(axis=2)),
            "brier": at[1] / count,
            "log_loss": at[2] / count,
            "information_coefficient": _correlation(count, (at[9], at[10]), (at[11], at[12]), at[13]),
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

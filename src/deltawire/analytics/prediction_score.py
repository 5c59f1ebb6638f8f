"""The score of matured predictions: figures with intervals, and skill over a baseline. Needs the extra `analytics`.

Predictions overlap, so their errors are not independent: intervals are those of a bootstrap of whole blocks (Künsch
1989), and `effective` is how many blocks there are. Skill is 1 − Brier/Brier of the baseline (Murphy 1988).
"""

from collections.abc import Callable
from typing import Literal, NamedTuple

import msgspec
import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


class Estimate(NamedTuple):
    """A figure and its 95 % interval; NaN where it is not defined (no moves, one class)."""

    value: float
    low: float
    high: float


class Calibration(NamedTuple):
    """Per bin of the stated probability of a rise: the mean stated, the share that rose, and the counts."""

    stated: Floats
    happened: Floats
    counts: Floats


class Score(msgspec.Struct, frozen=True):
    """All figures of one predictor; direction figures (`auc`, `mcc`) are of the predictions whose mid moved."""

    predictions: int
    effective: int
    moved: float
    accuracy: Estimate
    balanced_accuracy: Estimate
    mcc: Estimate
    auc: Estimate
    brier: Estimate
    log_loss: Estimate
    information_coefficient: Estimate
    calibration: Calibration


class Skill(msgspec.Struct, frozen=True):
    """Skill over a baseline; `verdict` is "none" unless the whole interval is above 0."""

    over_baseline: Estimate
    verdict: Literal["positive", "none"]


def score(
    probabilities: ArrayLike,
    outcomes: ArrayLike,
    moves: ArrayLike,
    *,
    block: int,
    rounds: int = 200,
    seed: int = 0,
) -> Score:
    """Score rows of (down, flat, up) against outcomes −1, 0, 1 and their moves; `block` ≥ the overlap in rows."""
    stated = np.asarray(probabilities, dtype=np.float64)
    happened, move = np.asarray(outcomes, dtype=np.int64), np.asarray(moves, dtype=np.float64)
    figures: dict[str, Callable[[Floats, NDArray[np.int64], Floats], float]] = {
        "accuracy": lambda p, y, _: float(np.mean(np.argmax(p, axis=1) - 1 == y)),
        "balanced_accuracy": lambda p, y, _: balanced_accuracy(p, y),
        "mcc": lambda p, y, _: direction_mcc(p, y),
        "auc": lambda p, y, _: direction_auc(p, y),
        "brier": lambda p, y, _: float(np.mean(brier(p, y))),
        "log_loss": lambda p, y, _: float(-np.mean(np.log(np.maximum(p[np.arange(len(y)), y + 1], 1e-12)))),
        "information_coefficient": lambda p, _, m: _correlation(p[:, 2] - p[:, 0], m),
    }
    samples = block_samples(len(happened), block, rounds=rounds, seed=seed)
    estimates = {
        name: _estimate(
            figure(stated, happened, move), [figure(stated[at], happened[at], move[at]) for at in samples]
        )
        for name, figure in figures.items()
    }
    return Score(
        predictions=len(happened),
        effective=-(-len(happened) // block),
        moved=float(np.mean(happened != 0)),
        calibration=calibration(stated[:, 2], happened == 1),
        **estimates,
    )


def skill(
    probabilities: ArrayLike,
    baseline: ArrayLike,
    outcomes: ArrayLike,
    *,
    block: int,
    rounds: int = 400,
    seed: int = 0,
) -> Skill:
    """Skill over a baseline that predicted the same rows; both are resampled together."""
    happened = np.asarray(outcomes, dtype=np.int64)
    ours, theirs = (brier(np.asarray(each, dtype=np.float64), happened) for each in (probabilities, baseline))
    samples = block_samples(len(happened), block, rounds=rounds, seed=seed)
    found = _estimate(
        1 - float(ours.mean()) / float(theirs.mean()),
        [1 - ours[at].mean() / theirs[at].mean() for at in samples],
    )
    return Skill(found, "positive" if found.low > 0.0 else "none")


def brier(stated: Floats, happened: NDArray[np.int64]) -> Floats:
    """Σ (p − 1{class})² over the three classes, per prediction; 0 to 2."""
    losses: Floats = ((stated - np.eye(3)[happened + 1]) ** 2).sum(axis=1)
    return losses


def balanced_accuracy(stated: Floats, happened: NDArray[np.int64]) -> float:
    """The mean over the classes that occur of the share predicted right."""
    guess = np.argmax(stated, axis=1) - 1
    return float(np.mean([np.mean(guess[happened == each] == each) for each in np.unique(happened)]))


def direction_auc(stated: Floats, happened: NDArray[np.int64]) -> float:
    """The chance that a rise was given a higher p(up) − p(down) than a fall; ties count half."""
    lean = stated[:, 2] - stated[:, 0]
    ups, downs = lean[happened == 1], np.sort(lean[happened == -1])
    if not len(ups) or not len(downs):
        return float("nan")
    below, upto = np.searchsorted(downs, ups, "left"), np.searchsorted(downs, ups, "right")
    return float(np.mean(below + upto) / (2 * len(downs)))


def direction_mcc(stated: Floats, happened: NDArray[np.int64]) -> float:
    """Matthews' correlation of the predicted and the actual direction, over rows that moved and lean somewhere."""
    lean = np.sign(stated[:, 2] - stated[:, 0])
    used = (happened != 0) & (lean != 0)
    return _correlation(lean[used], happened[used].astype(np.float64))


def calibration(stated: Floats, happened: NDArray[np.bool_], bins: int = 10) -> Calibration:
    """A table of equal bins of the stated probability; NaN in empty ones."""
    at = np.minimum((stated * bins).astype(np.int64), bins - 1)
    count = np.bincount(at, minlength=bins).astype(np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.bincount(at, weights=stated, minlength=bins) / count
        share = np.bincount(at, weights=happened.astype(np.float64), minlength=bins) / count
    return Calibration(mean, share, count)


def block_samples(count: int, block: int, *, rounds: int, seed: int) -> list[NDArray[np.int64]]:
    """Row numbers of resamples made of whole blocks, which wrap around the end; the same for the same seed."""
    chance = np.random.default_rng(seed)
    starts = chance.integers(0, count, size=(rounds, -(-count // block)))
    rows = (starts[:, :, None] + np.arange(block)) % count
    return list(rows.reshape(rounds, -1)[:, :count])


def first_leak(feature: Callable[[Floats], Floats], series: ArrayLike, *, points: int = 50) -> int | None:
    """The first row at which a feature changes when the rows after it are removed: it has looked ahead.

    Catches two-sided smoothers, normalisation over the whole sample and the like; None if it never does.
    """
    rows = np.asarray(series, dtype=np.float64)
    whole = feature(rows)
    for end in np.unique(np.linspace(2, len(rows), points).astype(np.int64)):
        alone = feature(rows[:end])[end - 1]
        if not np.isclose(alone, whole[end - 1], rtol=1e-9, atol=1e-12, equal_nan=True):
            return int(end - 1)
    return None


def _correlation(one: Floats, other: Floats) -> float:
    if len(one) < 2 or one.std() == 0.0 or other.std() == 0.0:
        return float("nan")
    return float(np.corrcoef(one, other)[0, 1])


def _estimate(value: float, resampled: list[float]) -> Estimate:
    figures = np.asarray(resampled, dtype=np.float64)
    figures = figures[np.isfinite(figures)]
    if not len(figures):
        return Estimate(value, float("nan"), float("nan"))
    low, high = np.quantile(figures, [0.025, 0.975])
    return Estimate(value, float(low), float(high))

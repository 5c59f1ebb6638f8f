"""Predictions are judged by matured labels, and what has no skill is found to have none."""

from collections.abc import Callable
from math import atan, pi
from random import Random

import numpy as np
import pytest

from deltawire.analytics.prediction import Evaluation, Features, Matured, Outcome, Probabilities, baselines
from deltawire.analytics.prediction_score import (
    Floats,
    balanced_accuracy,
    block_samples,
    brier,
    direction_auc,
    direction_mcc,
    first_leak,
    score,
    skill,
)

MS_NS = 1_000_000
FLAT = Features(0.0, 0.0, 0)


class NotingPredictor:
    """Predicts nothing in particular, and notes what it learned when."""

    def __init__(self) -> None:
        self.learned: list[tuple[float, Outcome]] = []

    def predict(self, features: Features) -> Probabilities:
        return 0.2, 0.3, 0.5

    def learn(self, features: Features, outcome: Outcome) -> None:
        self.learned.append((features.imbalance, outcome))


def test_a_label_is_learned_when_it_has_matured_and_not_before() -> None:
    recorder = NotingPredictor()
    run = Evaluation({"it": recorder}, horizon_ns=100, latency_ns=10)
    assert run.mid(1000, 50.0) == []
    run.predict(1000, Features(0.5, 0.0, 0))
    assert run.mid(1005, 51.0) == []
    run.predict(1005, Features(0.6, 0.0, 0))
    assert run.mid(1012, 52.0) == run.mid(1110, 53.0) == []
    assert recorder.learned == [], "a mid at the very end could still be followed by another of that time"
    (first,) = run.mid(1111, 40.0)
    assert (first.number, first.at_ns, first.matured_ns) == (0, 1000, 1111)
    assert (first.outcome, first.move_bp) == (1, pytest.approx(1e4 * (53 / 51 - 1)))
    assert first.probabilities == {"it": (0.2, 0.3, 0.5)}
    (second,) = run.mid(1300, 60.0)
    assert second.outcome == -1, "52 at 1015, 40 at 1115"
    assert recorder.learned == [(0.5, 1), (0.6, -1)]


def test_after_a_gap_nothing_open_is_judged() -> None:
    run = Evaluation({"it": NotingPredictor()}, horizon_ns=100)
    run.mid(1000, 50.0)
    run.predict(1000, FLAT)
    run.reset()
    assert run.mid(2000, 51.0) == []


def market(law: Callable[[float], float], seconds: int, seed: int) -> list[Matured]:
    """A mid that moves a tick each 100 ms, up with the probability `law(imbalance)`; all baselines beside it."""
    random, mid, last = Random(seed), 1000.0, 0
    run, matured = Evaluation(baselines(), horizon_ns=100 * MS_NS), []
    for number in range(seconds * 10):
        matured += run.mid(number * 100 * MS_NS, mid)
        imbalance = random.uniform(-1, 1)
        move: Outcome = 1 if random.random() < law(imbalance) else -1
        run.predict(number * 100 * MS_NS, Features(imbalance, imbalance / 10, last))  # type: ignore[arg-type]
        mid, last = mid + move * 0.1, move
    return matured


def columns(matured: list[Matured], name: str) -> tuple[Floats, np.ndarray, Floats]:
    return (
        np.array([each.probabilities[name] for each in matured]),
        np.array([each.outcome for each in matured]),
        np.array([each.move_bp for each in matured]),
    )


def queues_law(imbalance: float) -> float:
    """(2/π) arctan(q_b/q_a): Cont and de Larrard 2012, equation 34, independent queues."""
    return 2 / pi * atan((1 + imbalance) / (1 - imbalance))


KNOWN = market(queues_law, 1_500, 1)[2_000:]
WALK = market(lambda _: 0.5, 1_500, 2)[2_000:]


def test_a_book_with_a_known_law_gives_a_calibrated_baseline_with_skill() -> None:
    stated, happened, moves = columns(KNOWN, "calibrated_imbalance")
    found = score(stated, happened, moves, block=10)
    table = found.calibration
    filled = table.counts > 200
    assert filled.sum() >= 6
    errors = np.abs(table.stated - table.happened)[filled]
    assert (errors < 3 * np.sqrt(0.25 / table.counts[filled]) + 0.02).all()
    law = np.array([queues_law(each.features.imbalance) for each in KNOWN])
    assert np.abs(stated[:, 2] - law).mean() < 0.02
    assert skill(stated, columns(KNOWN, "majority")[0], happened, block=10).verdict == "positive"
    assert found.auc.low > 0.7
    assert found.auc.low < found.auc.value < found.auc.high
    assert found.information_coefficient.low > 0.3


@pytest.mark.parametrize("name", ["persistence", "sign_imbalance", "calibrated_imbalance", "micro_price"])
def test_a_random_walk_gives_no_skill(name: str) -> None:
    stated, happened, moves = columns(WALK, name)
    assert skill(stated, columns(WALK, "majority")[0], happened, block=10).verdict == "none"
    auc = score(stated, happened, moves, block=10).auc
    assert auc.low - 0.01 <= 0.5 <= auc.high + 0.01


def test_shuffled_labels_give_an_auc_of_a_half() -> None:
    stated, happened, moves = columns(KNOWN, "calibrated_imbalance")
    order = np.random.default_rng(1).permutation(len(happened))
    auc = score(stated, happened[order], moves[order], block=10).auc
    assert auc.low <= 0.5 <= auc.high
    assert abs(auc.value - 0.5) < 0.02


def test_two_runs_are_identical() -> None:
    assert market(queues_law, 60, 4) == market(queues_law, 60, 4)
    stated, happened, moves = columns(KNOWN[:1_000], "sign_imbalance")
    one, other = (score(stated, happened, moves, block=20) for _ in range(2))
    assert repr(one) == repr(other)


@pytest.mark.parametrize(
    ("feature", "leaks"),
    [
        (lambda x: np.convolve(x, np.ones(5) / 5, "full")[: len(x)], False),
        (lambda x: np.convolve(x, np.ones(5) / 5, "same"), True),
        (lambda x: (x - x.mean()) / (x.std() + 1e-9), True),
        (lambda x: np.concatenate([[0.0], np.diff(x)]), False),
    ],
    ids=["one-sided mean", "two-sided mean", "normalised by the whole", "difference"],
)
def test_a_feature_that_looks_ahead_is_caught(feature: Callable[[Floats], Floats], leaks: bool) -> None:
    walk = np.random.default_rng(3).normal(size=400).cumsum()
    assert (first_leak(feature, walk) is not None) == leaks


def test_figures_of_a_table_computed_by_hand() -> None:
    stated = np.array([(0.7, 0.2, 0.1), (0.1, 0.2, 0.7), (0.2, 0.2, 0.6), (0.1, 0.8, 0.1), (0.5, 0.2, 0.3)])
    happened = np.array([-1, 1, -1, 0, 1])
    assert brier(stated, happened) == pytest.approx([0.14, 0.14, 1.04, 0.06, 0.78])
    assert balanced_accuracy(stated, happened) == pytest.approx((0.5 + 1.0 + 0.5) / 3)
    assert direction_auc(stated, happened) == pytest.approx(3 / 4)
    assert direction_mcc(stated, happened) == pytest.approx(0.0)
    found = score(stated, happened, [-1.0, 1.0, -2.0, 0.0, 3.0], block=2)
    assert (found.predictions, found.effective, found.moved) == (5, 3, 0.8)
    assert found.accuracy.value == pytest.approx(3 / 5)
    assert found.log_loss.value == pytest.approx(-np.mean(np.log([0.7, 0.7, 0.2, 0.8, 0.3])))
    assert np.isnan(direction_auc(stated[:1], happened[:1]))


def test_blocks_widen_the_interval_of_dependent_rows() -> None:
    """The mean of a slow series: rows taken alone would say that it is known ten times as well."""
    slow = np.repeat(np.random.default_rng(5).normal(size=100), 100)
    widths = [
        float(np.std([slow[at].mean() for at in block_samples(len(slow), block, rounds=200, seed=1)]))
        for block in (1, 100)
    ]
    assert widths[1] / widths[0] == pytest.approx(8.2, rel=0.35)

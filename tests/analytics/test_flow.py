"""The prediction channel: its figures follow from its echoes, it finds what is there, and nothing where nothing is."""

from collections.abc import Iterator
from itertools import pairwise
from math import isclose
from random import Random

import numpy as np
import pytest

from deltawire.analytics.block_score import score_window
from deltawire.analytics.figures import FlowData
from deltawire.analytics.flow import FlowMetric
from deltawire.analytics.prediction import Features, Matured
from deltawire.analytics.prediction_score import brier, direction_auc, direction_mcc
from deltawire.model.events import Event
from tests.support.market_events import MS_NS, START_NS, VENUE, ScriptedBook

KEY = f"{VENUE}:BTC-PERPETUAL"


def market(seed: int, count: int, *, step_ms: int = 50, known: bool = True) -> Iterator[Event]:
    """A book that moves a tick up with a chance given by its imbalance; or by nothing, unless `known`."""
    random, book, bid = Random(seed), ScriptedBook(), 10_000
    sizes = 50, 50
    yield from book.image({bid: 50}, {bid + 1: 50})
    for number in range(1, count):
        book.now_ns = START_NS + number * step_ms * MS_NS
        share = book.bids[bid] / (book.bids[bid] + book.asks[bid + 1])
        moves = 0
        if random.random() < 0.3:
            moves = 1 if random.random() < (share if known else 0.5) else -1
        old, bid = bid, bid + moves
        if random.random() < 0.05:
            sizes = random.choice([(90, 10), (10, 90)])
        bids, asks = ({bid: sizes[0]}, {bid + 1: sizes[1]})
        if moves:
            bids, asks = {old: 0} | bids, {old + 1: 0} | asks
        yield book.change(bids, asks)


def readings(events: Iterator[Event], every_s: int = 1) -> list[FlowData]:
    metric = FlowMetric(KEY, "X", every_s * 10**9)
    return [reading for event in events for reading in metric.update(event)]


def test_skill_is_found_over_the_base_rate_where_there_is_a_law() -> None:
    last = readings(market(1, 3000), every_s=50)[-1].horizons[0]
    assert last.score is not None
    low = last.score.skill_over["majority"][1]
    assert low is not None
    assert low > 0.0
    auc = last.score.predictors["model"].auc[0]
    assert auc is not None
    assert auc > 0.55


def test_a_random_walk_has_no_skill() -> None:
    for horizon in readings(market(2, 3000, known=False), every_s=50)[-1].horizons:
        assert horizon.score is not None
        assert horizon.score.skill == "none"
        low = horizon.score.skill_over["majority"][1]
        assert low is not None
        assert low < 0.0


def test_twice_is_the_same() -> None:
    assert readings(market(3, 800)) == readings(market(3, 800))


def test_horizons_that_the_updates_cannot_carry_are_unavailable() -> None:
    last = readings(market(4, 400, step_ms=500))[-1]
    assert last.update_ms == 500.0
    assert [each.state for each in last.horizons] == ["unavailable", "unavailable", "available", "available"]


def test_the_score_can_be_computed_again_from_the_echoes() -> None:
    found = readings(market(5, 1200))
    echoes, score = [], None
    for reading in found:
        horizon = reading.horizons[1]
        echoes.extend(horizon.matured)
        score = horizon.score
        if score is not None and score.at_ms == reading.timestamp:
            rows = echoes[-score.predictions :]
            stated = np.array([each.probabilities["model"] for each in rows])
            outcome = np.array([each.outcome for each in rows])
            value = score.predictors["model"].brier[0]
            assert value is not None
            assert isclose(value, float(brier(stated, outcome).mean()), rel_tol=1e-12)
    assert score is not None
    assert [each.number for each in echoes] == [*range(len(echoes))]
    made = {each.number: each for reading in found for each in reading.horizons[1].made}
    for each in echoes:
        assert made[each.number].probabilities == each.probabilities["model"]


@pytest.mark.parametrize("seed", range(3))
def test_the_figures_of_a_window_are_those_of_the_library(seed: int) -> None:
    random = np.random.default_rng(seed)
    stated = random.dirichlet((2, 2, 2), size=400)
    outcome = random.integers(-1, 2, size=400)
    features = Features(0.0, 0.0, 0)
    window = [
        Matured(
            n, n, features, {"model": tuple(p), "calibrated_imbalance": (1 / 3,) * 3}, int(y), float(y), n
        )  # type: ignore[arg-type]
        for n, (p, y) in enumerate(zip(stated, outcome, strict=True))
    ]
    found = score_window(window, block=10, at_ms=0, fee_bp=None).predictors["model"]
    assert found.brier[0] == pytest.approx(brier(stated, outcome).mean(), rel=1e-12)
    assert found.mcc[0] == pytest.approx(direction_mcc(stated, outcome), rel=1e-9)
    assert found.auc[0] == pytest.approx(direction_auc(stated, outcome), abs=0.01)
    for value, low, high in (found.accuracy, found.log_loss, found.information_coefficient):
        assert value is not None
        assert low is not None
        assert high is not None
        assert low <= value <= high


def test_shuffled_labels_have_an_area_of_a_half() -> None:
    rows = [each for reading in readings(market(6, 2500)) for each in reading.horizons[0].matured]
    outcomes = [each.outcome for each in rows]
    Random(1).shuffle(outcomes)
    stated = np.array([each.probabilities["model"] for each in rows])
    assert direction_auc(stated, np.array(outcomes)) == pytest.approx(0.5, abs=0.05)


def test_no_interval_renews_more_than_one_score_and_every_horizon_has_its_turn() -> None:
    found = readings(market(4, 3000))
    scored = [{each.horizon_ms: each.score and each.score.at_ms for each in one.horizons} for one in found]
    for before, after in pairwise(scored):
        assert sum(before[horizon] != after[horizon] for horizon in after) <= 1
    renewed = {horizon: len({one[horizon] for one in scored} - {None}) for horizon in scored[-1]}
    assert all(count >= 5 for count in renewed.values()), renewed


def test_a_metric_that_keeps_all_predictions_scores_none_on_the_way() -> None:
    """Else a recording of an hour takes many: each score would be of all so far."""
    whole = FlowMetric(KEY, "X", 10**9, window=None)
    found = [reading for event in market(5, 3000) for reading in whole.update(event)]
    assert {each.score for reading in found for each in reading.horizons} == {None}
    assert len(whole.horizons[0].window) > 1_400
    scored = readings(market(5, 3000))
    assert [[each.matured for each in one.horizons] for one in found] == [
        [each.matured for each in one.horizons] for one in scored
    ]

"""Predictions of the next move of the mid, and the labels that judge them when they have matured.

A prediction made at t is of the sign of M(t + latency + horizon) − M(t + latency), M(x) the last mid stamped at or
before x. The latency is what somebody needs to act on it. A label exists from the first mid stamped after its end: a
predictor learns from it then, and never before.
"""

from bisect import bisect_right
from collections import deque
from collections.abc import Sequence
from math import exp, log, sqrt
from operator import mul
from typing import Literal, Protocol

import msgspec

Outcome = Literal[-1, 0, 1]
Probabilities = tuple[float, float, float]
"""Of down, flat and up; they sum to 1."""
_CALIBRATED = [-1 + 0.1 * at for at in range(1, 20)]
UNKNOWN: Probabilities = (1 / 3, 1 / 3, 1 / 3)


class Features(msgspec.Struct, frozen=True, gc=False):
    """What predictors look at.

    Baselines: queue imbalance, micro-price minus mid, and the sign of the last move of the mid. A model also: order
    flow in units of the size at the touch, the imbalance of several levels. `half_spread_bp` is what crossing costs.
    """

    imbalance: float
    micro_gap: float
    last_move: Outcome
    flow: float = 0.0
    levels: float = 0.0
    half_spread_bp: float = 0.0


class Matured(msgspec.Struct, frozen=True, gc=False):
    """A prediction and what happened: enough for anybody to recompute the score."""

    number: int
    at_ns: int
    features: Features
    probabilities: dict[str, Probabilities]
    """By predictor."""
    outcome: Outcome
    move_bp: float
    matured_ns: int


class Predictor(Protocol):
    """Gives probabilities, and learns from outcomes when they are known."""

    def predict(self, features: Features) -> Probabilities:
        """Of down, flat and up."""
        ...

    def learn(self, features: Features, outcome: Outcome) -> None:
        """A matured outcome of these features."""
        ...


class Frequencies:
    """Probabilities as frequencies of the outcomes so far, each counted from `prior`."""

    def __init__(self, prior: float = 1.0) -> None:
        self._counts = [prior, prior, prior]

    def predict(self) -> Probabilities:
        """Of down, flat and up."""
        down, flat, up = self._counts
        total = down + flat + up
        return down / total, flat / total, up / total

    def learn(self, outcome: Outcome) -> None:
        """Count an outcome."""
        self._counts[outcome + 1] += 1.0


class Majority:
    """The base rate, whatever the features are."""

    def __init__(self) -> None:
        self._all = Frequencies()

    def predict(self, features: Features) -> Probabilities:
        """The frequencies so far."""
        return self._all.predict()

    def learn(self, features: Features, outcome: Outcome) -> None:
        """Count the outcome."""
        self._all.learn(outcome)


class Bins:
    """The base rate within bins of one feature: a calibrated baseline.

    With two bins around 0 it is the sign of the feature. Source of the calibration: the outcomes before, counted.
    """

    def __init__(
        self,
        feature: Literal["imbalance", "micro_gap", "last_move"],
        edges: Sequence[float],
        prior: float = 1.0,
    ) -> None:
        self._feature, self._edges = feature, list(edges)
        self._bins = [Frequencies(prior) for _ in range(len(self._edges) + 1)]

    def predict(self, features: Features) -> Probabilities:
        """The frequencies so far in the feature's bin."""
        return self._bin(features).predict()

    def learn(self, features: Features, outcome: Outcome) -> None:
        """Count the outcome in the feature's bin."""
        self._bin(features).learn(outcome)

    def _bin(self, features: Features) -> Frequencies:
        return self._bins[bisect_right(self._edges, getattr(features, self._feature))]


class OnlineModel:
    """A three-class logit whose prior is the calibrated imbalance: it starts as that baseline.

    log p = log p(baseline) + W x; W starts at 0 and follows the gradient of the log loss, with AdaGrad's rates (Duchi,
    Hazan and Singer 2011) and a ridge that draws it back to 0.
    """

    def __init__(self, rate: float = 0.02, ridge: float = 1e-3) -> None:
        self._prior = Bins("imbalance", _CALIBRATED)
        self._rate, self._ridge = rate, ridge
        self._weights = [[0.0] * 6 for _ in range(3)]
        self._squares = [[1e-6] * 6 for _ in range(3)]

    def predict(self, features: Features) -> Probabilities:
        """Of down, flat and up."""
        return self._predict(self._inputs(features), self._prior.predict(features))

    def learn(self, features: Features, outcome: Outcome) -> None:
        """One step, then the baseline's."""
        inputs = self._inputs(features)
        stated = self._predict(inputs, self._prior.predict(features))
        for number, (weights, squares) in enumerate(zip(self._weights, self._squares, strict=True)):
            error = stated[number] - (1.0 if number == outcome + 1 else 0.0)
            for at, value in enumerate(inputs):
                slope = error * value + self._ridge * weights[at]
                squares[at] += slope * slope
                weights[at] -= self._rate * slope / sqrt(squares[at])
        self._prior.learn(features, outcome)

    def _predict(self, inputs: Sequence[float], prior: Probabilities) -> Probabilities:
        scores = [
            log(share) + sum(map(mul, weights, inputs))
            for share, weights in zip(prior, self._weights, strict=True)
        ]
        most = max(scores)
        down, flat, up = (exp(score - most) for score in scores)
        total = down + flat + up
        return down / total, flat / total, up / total

    @staticmethod
    def _inputs(features: Features) -> tuple[float, ...]:
        flow = max(-3.0, min(3.0, features.flow)) / 3.0
        return (
            features.imbalance,
            flow,
            features.levels,
            float(features.last_move),
            features.imbalance**3,
            1.0,
        )


def baselines() -> dict[str, Predictor]:
    """What stands beside every model: none of them knows more than one figure."""
    return {
        "majority": Majority(),
        "persistence": Bins("last_move", (-0.5, 0.5)),
        "sign_imbalance": Bins("imbalance", (-1e-12, 1e-12)),
        "calibrated_imbalance": Bins("imbalance", _CALIBRATED),
        "micro_price": Bins("micro_gap", (-1e-12, 1e-12)),
    }


class Evaluation:
    """Predictors judged in the order of time: each predicts first, and learns when its label has matured."""

    def __init__(self, predictors: dict[str, Predictor], *, horizon_ns: int, latency_ns: int = 0) -> None:
        self._predictors = predictors
        self._horizon_ns, self._latency_ns = horizon_ns, latency_ns
        self._open: deque[tuple[int, int, Features, dict[str, Probabilities]]] = deque()
        self._mids: deque[tuple[int, float]] = deque()
        self._number = 0

    def mid(self, at_ns: int, mid: float) -> list[Matured]:
        """A new mid; returns the predictions that have matured by it, after the predictors learned from them."""
        matured = []
        while self._open and self._open[0][1] + self._latency_ns + self._horizon_ns < at_ns:
            number, made_ns, features, probabilities = self._open.popleft()
            start = self._mid_at(made_ns + self._latency_ns)
            end = self._mid_at(made_ns + self._latency_ns + self._horizon_ns)
            outcome: Outcome = 1 if end > start else -1 if end < start else 0
            for predictor in self._predictors.values():
                predictor.learn(features, outcome)
            move = 1e4 * (end / start - 1)
            matured.append(Matured(number, made_ns, features, probabilities, outcome, move, at_ns))
        self._mids.append((at_ns, mid))
        self._forget(at_ns)
        return matured

    def predict(self, at_ns: int, features: Features) -> dict[str, Probabilities]:
        """What each predictor says now; there must have been a mid at or before this time."""
        probabilities = {name: each.predict(features) for name, each in self._predictors.items()}
        self._open.append((self._number, at_ns, features, probabilities))
        self._number += 1
        return probabilities

    def reset(self) -> None:
        """After a gap nothing that is open can be judged; what was learned stays."""
        self._open.clear()
        self._mids.clear()

    def _mid_at(self, at_ns: int) -> float:
        return self._mids[bisect_right(self._mids, at_ns, key=lambda each: each[0]) - 1][1]

    def _forget(self, at_ns: int) -> None:
        first = self._open[0][1] + self._latency_ns if self._open else at_ns - 1
        while len(self._mids) > 1 and self._mids[1][0] <= first:
            self._mids.popleft()

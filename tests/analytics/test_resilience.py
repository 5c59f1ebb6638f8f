"""Shocks of depth whose half-life is known."""

from math import exp, log

import pytest

from deltawire.analytics.resilience import Resilience, ResilienceMetric

SECOND_NS = 1_000_000_000


@pytest.mark.parametrize("half_life_s", [0.5, 2.0, 8.0])
def test_the_half_life_of_an_exponential_recovery_is_found(half_life_s: float) -> None:
    metric, step = ResilienceMetric(share=0.4), SECOND_NS // 100
    found = metric.update(0, 100.0)
    for number in range(1, 12_000):
        since = number % 4_000 * step
        depth = 100.0 - 80.0 * exp(-since / SECOND_NS * log(2) / half_life_s) if number >= 4_000 else 100.0
        found = metric.update(number * step, depth)
    assert (found.shocks, found.recovered, found.ended) == (2, 2, 0)
    assert found.half_life_ns == pytest.approx(
        half_life_s * SECOND_NS, rel=0.06, abs=2 * step
    )  # the mean follows a slow recovery


def test_a_shock_without_recovery_is_counted_and_has_no_time() -> None:
    metric = ResilienceMetric(limit_ns=SECOND_NS)
    found = [metric.update(number * SECOND_NS // 2, 100.0 if number < 3 else 20.0) for number in range(10)]
    assert found[3] == Resilience(None, 1, 0, 0)
    assert found[-1] == Resilience(None, 1, 0, 1)


def test_a_shock_during_which_depth_becomes_unknown_has_no_answer() -> None:
    metric = ResilienceMetric()
    depths = [100.0, 100.0, 20.0, None, 100.0, 100.0]
    found = [metric.update(number * SECOND_NS, depth) for number, depth in enumerate(depths)]
    assert found[-1] == Resilience(None, 1, 0, 1)


def test_small_falls_are_no_shocks_and_move_the_mean() -> None:
    metric = ResilienceMetric(share=0.5, tau_ns=SECOND_NS)
    for number in range(20):
        found = metric.update(number * SECOND_NS, 100.0 * 0.8**number)
    assert found.shocks == 0

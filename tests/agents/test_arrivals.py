"""Arrivals cluster, signs persist."""

import pytest

from deltawire.agents.arrivals import Arrivals, Intentions
from deltawire.testing.market import streams
from deltawire.testing.realism import SECOND_NS, autocorrelation


def moments(per_second: float, count: int) -> list[float]:
    stream, at = Arrivals(streams(3)("arrivals"), per_second), 0.0
    found = []
    for _ in range(count):
        at += stream.next()
        found.append(at)
    return found


def test_the_mean_rate_is_the_one_asked_for() -> None:
    times = moments(10.0, 30_000)
    assert len(times) / times[-1] == pytest.approx(10.0, rel=0.1)


def test_arrivals_cluster() -> None:
    times = moments(10.0, 30_000)
    counts: dict[int, int] = {}
    for at in times:
        counts[int(at)] = counts.get(int(at), 0) + 1
    each = [counts.get(second, 0) for second in range(int(times[-1]))]
    mean = sum(each) / len(each)
    assert sum((count - mean) ** 2 for count in each) / len(each) / mean > 2.2
    assert SECOND_NS == 10**9


def test_signs_persist_and_forget_slowly() -> None:
    intentions = Intentions(streams(4)("signs"))
    signs = [float(intentions.sign(0.0)) for _ in range(30_000)]
    memory = [autocorrelation(signs, lag) for lag in (1, 5, 20)]
    assert memory == sorted(memory, reverse=True)
    assert memory[0] > 0.1
    assert 0.0 < memory[2] < 0.14
    assert abs(sum(signs)) / len(signs) < 0.1


def test_those_without_a_metaorder_follow_what_they_believe() -> None:
    intentions = Intentions(streams(5)("signs"))
    assert sum(intentions.sign(1.0) for _ in range(5_000)) > 1_500

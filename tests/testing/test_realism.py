"""The measurements themselves, on tapes whose facts are known."""

from random import Random

import pytest

from deltawire.testing.plots import plot
from deltawire.testing.realism import BANDS, SECOND_NS, Tape, autocorrelation, measure

STEP_NS = SECOND_NS // 10


def tape(*, telling: bool, seconds: int = 400) -> Tape:
    """A mid that moves a tick every half second or so; queues that tell of it, or do not."""
    chance, found = Random(5), Tape("X")
    found.tick = 2
    bid = 100_000
    for n in range(10 * seconds):
        way = chance.choice((-1, 1)) if chance.random() < 0.2 else 0
        tilt = way if telling else chance.choice((-1, 1))
        found.times.append(n * STEP_NS)
        found.touches.append((bid, 100 + 50 * tilt, bid + 2, 100 - 50 * tilt))
        found.orders.append((n * STEP_NS, 1, 10))
        bid += 2 * way
    return found


def facts(found: Tape) -> dict[str, float]:
    return {fact.name: fact.value for fact in measure(found)}


def test_queues_that_tell_of_the_next_move_score_one_and_others_a_half() -> None:
    assert facts(varied(tape(telling=True)))["AUC of imbalance, 0.1 s"] == 1.0
    assert facts(varied(tape(telling=False)))["AUC of imbalance, 0.1 s"] == pytest.approx(0.5, abs=0.06)


def varied(found: Tape) -> Tape:
    chance = Random(6)
    found.orders = [
        (at, chance.choice((-1, 1)), int(10 * chance.paretovariate(1.3))) for at, _, _ in found.orders
    ]
    return found


def test_poisson_arrivals_and_independent_signs_show_as_such() -> None:
    chance, found = Random(7), tape(telling=True)
    at, orders = 0.0, []
    while at < 400:
        at += chance.expovariate(20.0)
        orders.append((int(at * SECOND_NS), chance.choice((-1, 1)), int(10 * chance.paretovariate(1.3))))
    found.orders = orders
    values = facts(found)
    assert values["inter-arrival CV"] == pytest.approx(1.0, abs=0.05)
    assert values["Fano factor, 1 s"] == pytest.approx(1.0, abs=0.25)
    assert values["sign autocorrelation, lag 1"] == pytest.approx(0.0, abs=0.04)
    assert values["order size, Hill tail (top 2 %)"] == pytest.approx(1.3, rel=0.25)
    assert values["market orders per s"] == pytest.approx(20.0, rel=0.1)


def test_a_random_walk_has_the_same_variance_at_every_scale() -> None:
    values = facts(varied(tape(telling=True, seconds=2_000)))
    assert values["variance 10 s / 0.1 s"] == pytest.approx(1.0, abs=0.3)
    assert values["1 s return, autocorrelation"] == pytest.approx(0.0, abs=0.08)
    assert values["share of time at one tick"] == 1.0
    assert values["mid moves per s"] == pytest.approx(2.0, rel=0.1)


def test_autocorrelation_of_what_alternates_is_minus_one() -> None:
    assert autocorrelation([1.0, -1.0] * 500, 1) == pytest.approx(-1.0, abs=0.01)
    assert autocorrelation([1.0] * 10, 1) == 0.0


def test_every_fact_has_a_band_and_the_picture_shows_it() -> None:
    found = varied(tape(telling=True))
    measured = measure(found)
    assert [fact.name for fact in measured] == list(BANDS)
    picture = plot(found, measured)
    assert picture.startswith("<svg")
    assert picture.count("<circle") == len(BANDS)
    assert picture.count("<polyline") == 3

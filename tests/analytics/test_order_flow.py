"""Order-flow imbalance: the paper's cases one by one, level by level, live and on arrays."""

from math import exp, inf

import numpy as np
import pytest

from deltawire.analytics.known_book import KnownBook, known_book
from deltawire.analytics.order_flow import Best, DecayingFlow, OrderFlow, contribution
from deltawire.analytics.order_flow_arrays import (
    fit_integrated,
    level_flows,
    normalised_flows,
    regress,
    window_sums,
)
from tests.analytics.books import random_books

BOOKS = list(random_books(400, 10))


@pytest.mark.parametrize(
    ("after", "flow"),
    [
        ((99.0, 5.0, 101.0, 7.0), 0.0),
        ((99.0, 8.0, 101.0, 7.0), 3.0),
        ((99.0, 2.0, 101.0, 7.0), -3.0),
        ((99.5, 2.0, 101.0, 7.0), 2.0),
        ((98.0, 9.0, 101.0, 7.0), -5.0),
        ((99.0, 5.0, 101.0, 9.0), -2.0),
        ((99.0, 5.0, 101.0, 1.0), 6.0),
        ((99.0, 5.0, 100.0, 3.0), -3.0),
        ((99.0, 5.0, 102.0, 3.0), 7.0),
        ((-inf, 0.0, 101.0, 7.0), -5.0),
        ((99.0, 5.0, inf, 0.0), 7.0),
    ],
)
def test_cases_of_one_update(after: Best, flow: float) -> None:
    assert contribution((99.0, 5.0, 101.0, 7.0), after) == flow


def arrays(books: list[KnownBook], levels: int) -> dict[str, np.ndarray]:
    return {
        f"{name}_{what}": np.array(
            [getattr(getattr(book, f"{name}s"), f"{what}s")[:levels] for book in books]
        )
        for name in ("bid", "ask")
        for what in ("price", "size")
    }


@pytest.mark.parametrize(("levels", "window"), [(1, 1), (1, 20), (5, 20)])
def test_live_flow_is_that_of_arrays(levels: int, window: int) -> None:
    flows = level_flows(**arrays(BOOKS, levels))
    live = OrderFlow(levels, window)
    assert live.update(BOOKS[0]) is None
    for number, book in enumerate(BOOKS[1:], 1):
        found = live.update(book)
        assert found is not None
        expected = flows[max(0, number - window) : number].sum(axis=0)
        assert found.levels == tuple(expected.tolist()), "sizes are whole numbers, so sums are exact"
        assert found.total == found.levels[0]
        assert found.known
        touch = [
            0.5 * (each.bids.sizes[0] + each.asks.sizes[0])
            for each in BOOKS[max(1, number - window + 1) : number + 1]
        ]
        assert found.normalised == pytest.approx(found.total / (sum(touch) / len(touch)))


def test_a_flow_that_is_read_at_times_is_that_read_at_every_update() -> None:
    often, seldom = OrderFlow(5, 20), OrderFlow(5, 20)
    for number, book in enumerate(BOOKS):
        found = often.update(book)
        seldom.add(book)
        if number % 7 == 0:
            assert seldom.flow == found


def test_a_level_that_was_unknown_once_has_no_flow_until_the_window_has_passed() -> None:
    levels = [(99.0, 1.0), (98.0, 2.0)], [(101.0, 1.0), (102.0, 2.0)]
    whole, narrow = known_book(*levels), known_book(*levels, complete_to=(99.0, None))
    live = OrderFlow(levels=2, window=2)
    known = [flow and flow.known for flow in map(live.update, [whole, whole, narrow, whole, whole, whole])]
    assert known == [None, True, False, False, False, True]


def test_after_a_gap_the_next_book_follows_nothing() -> None:
    live = OrderFlow(window=5)
    live.update(BOOKS[0])
    assert live.update(BOOKS[1]) is not None
    live.reset()
    assert live.update(BOOKS[2]) is None
    found = live.update(BOOKS[3])
    assert found is not None
    assert found.updates == 1


def test_decaying_flow_is_the_weighted_sum() -> None:
    live = DecayingFlow(tau_ns=5_000_000)
    values = [live.update(book) for book in BOOKS[:50]]
    flows = level_flows(**arrays(BOOKS[:50], 1))[:, 0]
    expected = sum(flow * exp(-(49 - number) / 5) for number, flow in enumerate(flows, 1))
    assert values[-1] == pytest.approx(expected)


def test_unknown_levels_are_nan_on_arrays() -> None:
    sides = arrays(BOOKS[:20], 3)
    sides["bid_size"][7, 2] = np.nan
    flows = level_flows(**sides)
    assert np.argwhere(np.isnan(flows)).tolist() == [[6, 2], [7, 2]]


def test_sums_per_interval_are_those_of_its_rows() -> None:
    flows = np.arange(12.0).reshape(6, 2)
    assert window_sums(flows, [0, 2, 2, 6]).tolist() == [[2.0, 4.0], [0.0, 0.0], [28.0, 32.0]]


def test_the_integrated_flow_finds_the_common_part_of_the_levels() -> None:
    chance = np.random.default_rng(2)
    common = chance.normal(size=2_000)
    loads = np.array([1.0, 0.8, 0.6, 0.2])
    flows = common[:, None] * loads + 0.05 * chance.normal(size=(2_000, 4))
    found = fit_integrated(flows[:1_000])
    assert np.abs(found.weights).sum() == pytest.approx(1.0)
    np.testing.assert_allclose(found.weights, loads / loads.sum(), atol=0.01)
    assert found.explained > 0.98
    after = flows[1_000:]
    fit = regress(2.0 + 3.0 * common[1_000:], found.of(after))
    assert fit.intercept == pytest.approx(2.0, abs=0.02)
    assert fit.r_squared > 0.99
    assert fit.intervals == 1_000


def test_flows_are_normalised_by_the_mean_size_of_all_levels() -> None:
    sides = arrays(BOOKS, 4)
    flows = level_flows(**sides)
    found = normalised_flows(flows, sides["bid_size"], sides["ask_size"])
    mean = (sides["bid_size"].mean() + sides["ask_size"].mean()) / 2
    np.testing.assert_allclose(found, flows / mean)

"""Integrated order flow in pure Python equals that of arrays, and uses known levels only."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deltawire.analytics.integrated_flow import IntegratedOrderFlow, eigen, first_component
from deltawire.analytics.known_book import KnownBook, known_book
from deltawire.analytics.order_flow import OrderFlow
from deltawire.analytics.order_flow_arrays import fit_integrated, level_flows, normalised_flows
from tests.analytics.books import narrow, random_books
from tests.support.effort import examples


def columns(books: list[KnownBook], levels: int) -> dict[str, np.ndarray]:
    return {
        f"{name}_{what}": np.array(
            [getattr(getattr(book, f"{name}s"), f"{what}s")[:levels] for book in books]
        )
        for name in ("bid", "ask")
        for what in ("price", "size")
    }


def window_flow(books: list[KnownBook], levels: int) -> np.ndarray:
    """Normalised flow of one window, by the functions on arrays; the first book is that before the window."""
    sides = columns(books, levels)
    sums = level_flows(**sides).sum(axis=0)
    found: np.ndarray = normalised_flows(sums, sides["bid_size"][1:], sides["ask_size"][1:])
    return found


@settings(max_examples=examples(15), deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 6), st.sampled_from([5, 8]), st.integers(0, 7))
def test_the_integrated_flow_is_that_of_arrays(seed: int, levels: int, window: int, left: int) -> None:
    count = 40 * window + left + 1
    books = list(random_books(count, 8, seed))
    live = IntegratedOrderFlow(levels, window, rows=35, least=30)
    for book in books:
        live.add(book)
    ends = range(window, count, window)
    rows = np.array([window_flow(books[end - window : end + 1], levels) for end in ends])[-35:]
    fit = fit_integrated(rows)
    now = window_flow(books[-window - 1 :], levels)
    found = live.integrated
    assert found is not None
    assert (found.band, found.known, found.windows) == (levels, True, 35)
    assert found.weights == pytest.approx(fit.weights.tolist(), rel=1e-7, abs=1e-7)
    assert found.explained == pytest.approx(fit.explained, rel=1e-10)
    assert found.value is not None
    assert found.value == pytest.approx(float(fit.of(now[None, :])[0]), rel=1e-6, abs=1e-6)
    assert found.value == pytest.approx(float(np.dot(found.weights, now)), rel=1e-12, abs=1e-12)


@settings(max_examples=examples(60))
@given(st.integers(1, 10), st.integers(0, 10**6))
def test_eigenvalues_and_vectors_are_those_of_a_symmetric_matrix(size: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    rows = random.normal(size=(size + 3, size)) * 10.0 ** random.integers(-6, 7)
    matrix = rows.T @ rows
    values, vectors = eigen(matrix.tolist())
    scale = np.abs(matrix).max()
    np.testing.assert_allclose(sorted(values), np.linalg.eigvalsh(matrix), rtol=1e-11, atol=1e-12 * scale)
    found = np.array(vectors)
    np.testing.assert_allclose(found @ np.diag(values) @ found.T, matrix, rtol=1e-11, atol=1e-12 * scale)
    np.testing.assert_allclose(found.T @ found, np.eye(size), atol=1e-12)


def test_rows_that_do_not_vary_have_no_component() -> None:
    assert first_component([(1.0, 2.0)] * 40) is None
    live = IntegratedOrderFlow(2, 2, least=3)
    book = known_book([(99.0, 1.0), (98.0, 1.0)], [(101.0, 1.0), (102.0, 1.0)])
    for _ in range(20):
        live.add(book)
    found = live.integrated
    assert found is not None
    assert (found.value, found.weights, found.windows) == (None, (), 9)


def test_before_there_are_enough_windows_it_says_how_many_there_are() -> None:
    live = IntegratedOrderFlow(3, 10, least=5)
    counts = []
    for book in random_books(60, 5):
        live.add(book)
        found = live.integrated
        counts.append(None if found is None else (found.windows, found.value is not None))
    assert counts[0] is None
    assert counts[1] == counts[9] == (0, False)
    assert counts[10] == counts[19] == (1, False)
    assert counts[49] == (4, False)
    assert counts[50] == (5, True)


def test_where_fewer_levels_are_known_it_is_that_of_these() -> None:
    """Windows with more levels count for fewer, and not the other way round."""
    books = list(random_books(400, 8))
    live, of_two = IntegratedOrderFlow(4, 10, least=10), IntegratedOrderFlow(2, 10, least=10)
    for number, book in enumerate(books):
        cut = book
        if number >= 300:
            edges = book.bids.prices[1], None
            sides = (zip(side.prices, side.sizes, strict=True) for side in (book.bids, book.asks))
            cut = known_book(*sides, complete_to=edges)
        live.add(cut)
        of_two.add(book)
    found, expected = live.integrated, of_two.integrated
    assert found is not None
    assert expected is not None
    assert (found.band, found.known, expected.known) == (2, False, True)
    assert found.value == pytest.approx(expected.value, rel=1e-9)
    assert found.weights == pytest.approx(expected.weights, rel=1e-9)


def test_after_a_gap_no_window_crosses_it() -> None:
    books = list(random_books(200, 5))
    live, whole = IntegratedOrderFlow(2, 10, least=5), IntegratedOrderFlow(2, 10, least=5)
    for book in books[:95]:
        live.add(book)
    for book in books[:91]:
        whole.add(book)
    live.reset()
    whole.reset()
    assert live.integrated is None
    for book in books[95:]:
        live.add(book)
        whole.add(book)
    assert live.integrated == whole.integrated, "the half window before the gap is forgotten"


def test_levels_beyond_the_known_range_change_no_flow() -> None:
    known: set[int] = set()

    @settings(max_examples=examples(200))
    @given(st.lists(narrow(), min_size=2, max_size=6), st.integers(1, 6))
    def check(books: list[tuple[KnownBook, KnownBook, KnownBook]], levels: int) -> None:
        runs = [OrderFlow(levels, 4) for _ in range(3)]
        for triple in books:
            for run, book in zip(runs, triple, strict=True):
                run.add(book)
        whole, part, beside = (run.flow for run in runs)
        assert whole is not None
        assert part is not None
        assert part == beside
        assert part.levels[: part.band] == pytest.approx(whole.levels[: part.band], abs=1e-9)
        assert part.levels[part.band :] == (None,) * (levels - part.band)
        least = min(_known(book, levels) for _, book, _ in books[-5:])
        assert part.band == least
        if 0 < part.band < levels:
            known.add(part.band)

    check()
    assert len(known) >= 3, "some levels were known and others were not"


def _known(book: KnownBook, levels: int) -> int:
    return min(
        levels if side.edge is None else min(levels, len(side.prices)) for side in (book.bids, book.asks)
    )


def test_sums_of_a_long_run_do_not_drift() -> None:
    """Sizes of very different magnitudes: rounding errors of the large ones must not stay in the window."""
    books = [
        known_book([(99.0, 1e12 if number == 3 else 0.1 * (number % 7 + 1))], [(101.0, 0.3)])
        for number in range(500)
    ]
    live = OrderFlow(1, 5)
    for book in books:
        live.add(book)
    sizes = [book.bids.sizes[0] for book in books[-6:]]
    assert live.flow is not None
    assert live.flow.total == pytest.approx(sum(b - a for a, b in pairwise(sizes)), abs=1e-12)

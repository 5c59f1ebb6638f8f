"""No metric uses a level that is not known, and what is called known is what the whole book says."""

from collections.abc import Callable
from math import inf
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deltawire.analytics import depth, imbalance, order_flow, spreads
from deltawire.analytics.known_book import KnownBook, known_book
from tests.analytics.books import narrow
from tests.support.effort import examples

METRICS: dict[str, Callable[[KnownBook, int, float, float], Any]] = {
    "queue": lambda book, count, band, notional: imbalance.queue_imbalance(book),
    "log ratio": lambda book, count, band, notional: imbalance.log_ratio(book),
    "micro-price": lambda book, count, band, notional: imbalance.micro_price(book),
    "levels": lambda book, count, band, notional: imbalance.level_imbalance(book, count),
    "band": lambda book, count, band, notional: imbalance.band_imbalance(book, band),
    "weighted": lambda book, count, band, notional: imbalance.weighted_imbalance(book, 5.0, band),
    "bids within": lambda book, count, band, notional: depth.depth_within(book, "bids", band),
    "asks within": lambda book, count, band, notional: depth.depth_within(book, "asks", band),
    "bid levels": lambda book, count, band, notional: depth.depth_of_levels(book, "bids", count),
    "ask levels": lambda book, count, band, notional: depth.depth_of_levels(book, "asks", count),
    "ratio": lambda book, count, band, notional: depth.depth_ratio(book, band),
    "slope": lambda book, count, band, notional: depth.depth_slope(book, count),
    "buy": lambda book, count, band, notional: depth.execution(book, "buy", notional),
    "sell": lambda book, count, band, notional: depth.execution(book, "sell", notional),
    "inverse": lambda book, count, band, notional: depth.execution(book, "buy", notional, inverse=True),
    "spread": lambda book, count, band, notional: spreads.quoted_bp(book),
    "level": lambda book, count, band, notional: order_flow.level(book, count - 1),
}


def test_levels_beyond_the_known_range_change_nothing() -> None:
    """And a figure that is called known equals that of the whole book."""
    known: set[str] = set()

    @settings(max_examples=examples(200))
    @given(narrow(), st.integers(1, 8), st.sampled_from([1.0, 20.0, 100.0, 300.0, inf]), st.floats(1.0, 1e6))
    def check(
        books: tuple[KnownBook, KnownBook, KnownBook], count: int, band: float, notional: float
    ) -> None:
        whole, part, beside_others = books
        for name, metric in METRICS.items():
            figure = metric(part, count, band, notional)
            assert metric(beside_others, count, band, notional) == figure, name
            if getattr(figure, "known", figure is not None) and part.two_sided:
                assert figure == metric(whole, count, band, notional), name
                if part.bids.edge is not None or part.asks.edge is not None:
                    known.add(name)

    check()
    assert known == METRICS.keys(), "each was known on some narrow book"


def test_a_narrow_book_shrinks_the_band_on_both_sides_alike() -> None:
    """Bids are known to 10 bp and asks to 100: an imbalance within 50 would miss bids only."""
    bids = [(1000.0 - at / 10, 1.0) for at in range(1, 100)]
    asks = [(1000.0 + at / 10, 1.0) for at in range(1, 100)]
    book = known_book(bids, asks, complete_to=(999.0, 1010.0))
    figure = imbalance.band_imbalance(book, 50.0)
    assert figure.value == 0.0
    assert figure.band == pytest.approx(10.0)
    assert not figure.known
    assert not depth.depth_within(book, "bids", 50.0).known
    assert depth.depth_within(book, "asks", 50.0).known


def test_levels_of_no_size_are_none() -> None:
    book = known_book([(99.0, 0.0), (98.0, 1.0)], [(101.0, 2.0)])
    assert book.bids.prices == (98.0,)
    assert book.mid == 99.5
    assert book.reach_bp == inf


@pytest.mark.parametrize(("bids", "asks"), [([], []), ([(99.0, 1.0)], []), ([(101.0, 1.0)], [(100.0, 1.0)])])
def test_a_book_without_two_sides_has_no_mid(bids: Any, asks: Any) -> None:
    book = known_book(bids, asks)
    assert book.mid is None
    assert book.reach_bp == 0.0

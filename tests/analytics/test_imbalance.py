"""Imbalances against sums written out over every level."""

from math import exp, log

import pytest

from deltawire.analytics import imbalance
from deltawire.analytics.known_book import KnownBook, known_book
from tests.analytics.books import random_books

BOOKS = list(random_books(200, 12))


def balance(bid: float, ask: float) -> float:
    return (bid - ask) / (bid + ask)


def naive_band(book: KnownBook, band: float, decay: float | None) -> float:
    mid = (max(book.bids.prices) + min(book.asks.prices)) / 2
    sums = []
    for side in (book.bids, book.asks):
        total = 0.0
        for price, size in zip(side.prices, side.sizes, strict=True):
            distance = abs(price - mid) / mid * 1e4
            if distance <= band:
                total += size * (1.0 if decay is None else exp(-distance / decay))
        sums.append(total)
    return balance(*sums)


@pytest.mark.parametrize("count", [1, 3, 10])
def test_imbalance_of_levels(count: int) -> None:
    for book in BOOKS:
        found = imbalance.level_imbalance(book, count)
        assert found == (balance(sum(book.bids.sizes[:count]), sum(book.asks.sizes[:count])), count, True)


@pytest.mark.parametrize("band", [2.2, 4.7, 30.0])
@pytest.mark.parametrize("decay", [None, 1.0, 5.0])
def test_imbalance_within_a_band(band: float, decay: float | None) -> None:
    for book in BOOKS:
        if decay is None:
            found = imbalance.band_imbalance(book, band)
        else:
            found = imbalance.weighted_imbalance(book, decay, band)
        assert found.value == pytest.approx(naive_band(book, band, decay), rel=1e-12, abs=1e-15)


def test_a_weighted_imbalance_kept_up_to_date_is_that_of_each_book() -> None:
    live = imbalance.WeightedImbalance(2.0, 4.7)
    for book in BOOKS:
        found = live.update(book)
        assert found == imbalance.weighted_imbalance(book, 2.0, 4.7)
        assert found.value == pytest.approx(naive_band(book, 4.7, 2.0), rel=1e-12, abs=1e-15)


def test_imbalances_of_the_touch_are_one_figure_in_three_scales() -> None:
    for book in BOOKS:
        queue, share, ratio = (
            figure(book) for figure in (imbalance.queue_imbalance, imbalance.bid_share, imbalance.log_ratio)
        )
        bid, ask = book.bids.sizes[0], book.asks.sizes[0]
        assert queue == balance(bid, ask)
        assert share == pytest.approx(bid / (bid + ask))
        assert ratio == pytest.approx(log(bid / ask))
        assert imbalance.micro_price(book) == pytest.approx(
            book.bids.prices[0] + share * (book.asks.prices[0] - book.bids.prices[0])
        )


def test_the_log_ratio_is_bounded() -> None:
    assert imbalance.log_ratio(known_book([(99.0, 1e9)], [(100.0, 1.0)])) == 5.0
    assert imbalance.log_ratio(known_book([(99.0, 1.0)], [(100.0, 1e9)])) == -5.0


@pytest.mark.parametrize("crossed", [known_book([], []), known_book([(2.0, 1.0)], [(2.0, 1.0)])])
def test_empty_and_locked_books_have_none(crossed: KnownBook) -> None:
    assert imbalance.queue_imbalance(crossed) is imbalance.bid_share(crossed) is None
    assert imbalance.micro_price(crossed) is imbalance.log_ratio(crossed) is None
    assert imbalance.level_imbalance(crossed, 1).value is None
    assert imbalance.whole_imbalance(crossed) == (None, 0.0, False)
    assert imbalance.weighted_imbalance(crossed, 1.0, 5.0).value is None


def test_the_whole_book_is_every_level() -> None:
    for book in BOOKS[:20]:
        assert imbalance.whole_imbalance(book).value == balance(sum(book.bids.sizes), sum(book.asks.sizes))

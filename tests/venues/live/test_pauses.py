import pytest

from deltawire.venues.live.pauses import (
    APART_NS,
    LONGER,
    MOST_DOUBTS,
    SECOND_NS,
    STOPPED_NS,
    UNUSUAL_NS,
    Pauses,
)

BOOK = (100.0, 101.0)


@pytest.fixture
def pauses() -> Pauses:
    """Of a book whose last message came at the first second."""
    pauses = Pauses()
    pauses.progressed(1, SECOND_NS)
    return pauses


def test_a_book_without_a_message_whose_best_prices_a_ticker_contradicts_has_stopped(pauses: Pauses) -> None:
    pauses.quoted(100.5, 101.0, SECOND_NS + APART_NS)
    assert not pauses.has_stopped(BOOK, SECOND_NS + STOPPED_NS - 1)
    assert pauses.has_stopped(BOOK, SECOND_NS + STOPPED_NS)
    assert not pauses.has_stopped(BOOK, SECOND_NS + STOPPED_NS + 1), "told twice"


@pytest.mark.parametrize("top", [BOOK, (100.0 + 1e-12, 101.0)])
def test_a_ticker_with_the_same_prices_shows_nothing(pauses: Pauses, top: tuple[float, float]) -> None:
    pauses.quoted(*top, SECOND_NS + APART_NS)
    assert not pauses.has_stopped(BOOK, 100 * SECOND_NS)


def test_a_ticker_of_the_time_of_the_last_message_shows_nothing(pauses: Pauses) -> None:
    pauses.quoted(90.0, 91.0, SECOND_NS + APART_NS - 1)
    assert not pauses.has_stopped(BOOK, 100 * SECOND_NS)


def test_a_side_that_is_empty_for_both_is_the_same(pauses: Pauses) -> None:
    pauses.quoted(0.0, 101.0, SECOND_NS + APART_NS)
    assert not pauses.has_stopped((None, 101.0), 100 * SECOND_NS)
    assert pauses.has_stopped(BOOK, 100 * SECOND_NS)


def test_a_book_that_has_said_nothing_yet_has_not_stopped() -> None:
    pauses = Pauses()
    pauses.quoted(90.0, 91.0, SECOND_NS)
    pauses.progressed(0, SECOND_NS)
    assert not pauses.has_stopped(BOOK, 100 * SECOND_NS)
    assert not pauses.is_unusual(10_000 * SECOND_NS)


def test_a_book_that_was_right_is_doubted_ever_later(pauses: Pauses) -> None:
    now, waits = SECOND_NS, []
    for progress in range(2, 12):
        began = now
        pauses.quoted(90.0, 91.0, now + APART_NS)
        while not pauses.has_stopped(BOOK, now):
            now += SECOND_NS
        waits.append((now - began) // STOPPED_NS)
        pauses.progressed(progress, now)  # an image, with the same best prices
    assert waits == [1, 1, *(2**n for n in range(1, MOST_DOUBTS + 1)), 64, 64]
    pauses.quoted(90.0, 91.0, now + APART_NS)
    now += 64 * STOPPED_NS
    assert pauses.has_stopped((99.0, 101.0), now)
    pauses.quoted(90.0, 91.0, now + APART_NS)
    assert pauses.has_stopped((98.0, 101.0), now + STOPPED_NS), "the image was another, so it had stopped"


def test_a_pause_is_unusual_by_what_is_usual(pauses: Pauses) -> None:
    assert not pauses.is_unusual(SECOND_NS + UNUSUAL_NS - 1)
    assert pauses.is_unusual(SECOND_NS + UNUSUAL_NS)
    long = 30 * SECOND_NS
    pauses.progressed(2, SECOND_NS + long)
    assert not pauses.is_unusual(SECOND_NS + long + LONGER * long - 1)
    assert pauses.is_unusual(SECOND_NS + long + LONGER * long)


def test_an_unusual_pause_is_told_again_when_it_is_twice_as_long(pauses: Pauses) -> None:
    told = [second for second in range(1, 200) if pauses.is_unusual(SECOND_NS + second * SECOND_NS)]
    assert told == [15, 30, 60, 120]


def test_long_pauses_are_forgotten(pauses: Pauses) -> None:
    now = 61 * SECOND_NS
    pauses.progressed(2, now)
    for number in range(1000):
        now += SECOND_NS
        pauses.progressed(3 + number, now)
    assert pauses.is_unusual(now + UNUSUAL_NS)

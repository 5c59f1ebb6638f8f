"""The replica complains of every promise that can be broken, and of nothing else."""

import msgspec
import pytest

from deltawire.model.events import BookDelta, BookImage, Changes, Event, Levels, Status
from deltawire.model.instruments import Instrument
from deltawire.testing.replica import ContractViolationError, Replica
from deltawire.testing.simulators.market import PlainBook

X = Instrument(
    venue="v",
    name="X",
    kind="spot",
    base="X",
    quote="USD",
    settlement="USD",
    price_exponent=0,
    size_exponent=0,
)
NOTHING = Changes([], [], [])
LIVE, STALE = Status(X, "live", "", 1), Status(X, "stale", "gap", 1)
IMAGE = BookImage(X, 1, Levels([10, 9], [1, 2]), Levels([11], [3]), 0, 1, 100)


def delta(sequence: int, bids: Changes = NOTHING, asks: Changes = NOTHING) -> BookDelta:
    return BookDelta(X, sequence, bids, asks, 0, 1, 100 + sequence)


def follow(*events: Event) -> Replica:
    replica = Replica()
    for event in events:
        replica.take(event)
    return replica


def test_it_follows_a_book_through_a_fault() -> None:
    replica = follow(
        LIVE, IMAGE, delta(2, Changes([9], [0], [2])), STALE, LIVE, delta(3, Changes([8], [4], [0]))
    )
    held = replica.books["X"]
    assert (held.state, held.sequence, held.venue_sequence) == ("live", 3, 103)
    assert held.book == PlainBook({10: 1, 8: 4}, {11: 3})


def test_it_counts_in_the_units_of_the_latest_event() -> None:
    finer = msgspec.structs.replace(X, price_exponent=-1, size_exponent=-2)
    change = BookDelta(finer, 2, Changes([95], [50], [0]), NOTHING, 0, 1, 0)
    assert follow(LIVE, IMAGE, change).books["X"].book == PlainBook({100: 100, 90: 200, 95: 50}, {110: 300})


@pytest.mark.parametrize(
    ("events", "complaint"),
    [
        ((IMAGE,), "an image of a book that is not live"),
        ((LIVE, IMAGE, IMAGE), "an image after the first"),
        ((LIVE, msgspec.structs.replace(IMAGE, sequence=2)), "an image after the first"),
        ((LIVE, delta(1)), "a delta before the image"),
        ((LIVE, IMAGE, delta(3)), "a delta after 1"),
        ((LIVE, IMAGE, delta(2), delta(2)), "a delta after 2"),
        ((LIVE, IMAGE, STALE, delta(2)), "a delta of a book that is not live"),
        ((LIVE, IMAGE, delta(2, Changes([9], [5], [3]))), "9 had 2, not 3"),
        ((LIVE, IMAGE, delta(2, Changes([8], [0], [1]))), "8 had 0, not 1"),
        ((LIVE, IMAGE, delta(2, Changes([9], [2], [2]))), "9 changes from 2 to 2"),
        ((LIVE, IMAGE, delta(2, Changes([11], [5], [0]))), "the book is crossed"),
        ((LIVE, msgspec.structs.replace(IMAGE, asks=Levels([10], [1]))), "the book is crossed"),
        ((LIVE, msgspec.structs.replace(IMAGE, bids=Levels([9, 10], [1, 1]))), "levels out of order"),
        ((LIVE, msgspec.structs.replace(IMAGE, bids=Levels([9, 9], [1, 1]))), "a price twice"),
        ((LIVE, msgspec.structs.replace(IMAGE, bids=Levels([9], [0]))), "a level without size"),
    ],
)
def test_it_complains_of_every_broken_promise(events: tuple[Event, ...], complaint: str) -> None:
    with pytest.raises(ContractViolationError, match=complaint):
        follow(*events)

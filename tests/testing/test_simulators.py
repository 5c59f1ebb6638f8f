"""Simulators: the same seed gives the same market, and a market that looks like one."""

import pytest

from deltawire.testing.link import Link
from deltawire.testing.simulators import SIMULATORS
from deltawire.testing.simulators.market import Contract, PlainBook, Walk, changes
from deltawire.venues import REGISTRY, make_venue


def frames(name: str, seed: int) -> list[bytes]:
    link = Link(make_venue(name), SIMULATORS[name](seed))
    link.open()
    return [link.simulator.delta(instrument) for _ in range(20) for instrument in link.simulator.instruments]


def test_every_venue_has_one() -> None:
    assert {*SIMULATORS} == {*REGISTRY}


@pytest.mark.parametrize("name", SIMULATORS)
def test_a_seed_fixes_every_frame(name: str) -> None:
    assert frames(name, 3) == frames(name, 3)
    assert frames(name, 3) != frames(name, 4)


@pytest.mark.parametrize("name", SIMULATORS)
def test_what_is_not_known_is_refused_and_not_an_error(name: str) -> None:
    simulator, machine = SIMULATORS[name](), make_venue(name)
    for ask in machine.opened(simulator.wants().__class__(("NO-SUCH-THING",)), 1):
        if hasattr(ask, "frame"):
            assert all(b'"bids"' not in frame for frame in simulator.answer(ask.frame))


@pytest.mark.parametrize("seed", range(5))
def test_a_walk_keeps_its_book_whole(seed: int) -> None:
    walk = Walk(Contract("X", -1, 0, 10_000, step=5, lot=10), seed, 40)
    for _ in range(500):
        before, number = walk.book.copy(), walk.id
        walk.move()
        assert walk.book != before
        assert walk.id > number
        assert max(walk.book.bids) < min(walk.book.asks)
        for side in (walk.book.bids, walk.book.asks):
            assert 20 <= len(side) <= 81
            assert all(price % 5 == 0 and size > 0 and size % 10 == 0 for price, size in side.items())


def test_changes_are_what_differs() -> None:
    assert changes({1: 5, 2: 6, 3: 7}, {2: 6, 3: 8, 4: 9}) == {1: 0, 3: 8, 4: 9}


def test_the_best_levels_of_a_book_can_be_cut_out() -> None:
    book = PlainBook({1: 5, 2: 6, 3: 7}, {4: 8, 5: 9, 6: 1})
    assert book.cut(2) == PlainBook({3: 7, 2: 6}, {4: 8, 5: 9})
    assert book.levels("bids", 1) == [(3, 7)]

"""Continuity rules, each as its venue documents it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deltawire.book.sequencers import (
    BridgedChain,
    ConnectionCounter,
    Counter,
    OnCountedConnection,
    PreviousIdChain,
    Sequencer,
    Unsequenced,
    UpdateIdRange,
    Verdict,
)

NEXT, OLD, GAP = Verdict.NEXT, Verdict.OLD, Verdict.GAP
Step = tuple[int, int, int, Verdict]


def judged(rule: Sequencer, image: int, steps: list[Step]) -> list[Verdict]:
    """What a rule says of updates (first, last, previous) after an image."""
    rule.reset(image)
    return [rule.check(first, last, previous) for first, last, previous, _ in steps]


def expected(steps: list[Step]) -> list[Verdict]:
    return [verdict for *_, verdict in steps]


@pytest.mark.parametrize(
    ("image", "steps"),
    [
        pytest.param(10, [(0, 15, 10, NEXT), (0, 27, 15, NEXT)], id="ids jump, but name the one before"),
        pytest.param(10, [(0, 20, 15, GAP)], id="an update is missing"),
        pytest.param(10, [(0, 15, 10, NEXT), (0, 15, 10, GAP)], id="a duplicate does not follow itself"),
        pytest.param(10, [(0, 20, 15, GAP), (0, 15, 10, NEXT)], id="a gap moves nothing"),
        pytest.param(10, [(0, 10, 10, NEXT), (0, 12, 10, NEXT)], id="keep-alive: the id repeats"),
        pytest.param(10, [(0, 3, 10, NEXT), (0, 5, 3, NEXT)], id="maintenance: the ids begin anew"),
        pytest.param(10, [(0, 12, 0, GAP)], id="no previous id"),
    ],
)
def test_a_chain_of_previous_ids(image: int, steps: list[Step]) -> None:
    assert judged(PreviousIdChain(), image, steps) == expected(steps)


@pytest.mark.parametrize(
    ("image", "steps"),
    [
        pytest.param(100, [(95, 100, 0, OLD), (101, 105, 0, NEXT)], id="all of it is in the image"),
        pytest.param(100, [(95, 103, 0, NEXT), (104, 104, 0, NEXT)], id="the first brackets the image"),
        pytest.param(100, [(102, 105, 0, GAP)], id="the image is too old"),
        pytest.param(100, [(101, 105, 0, NEXT), (107, 109, 0, GAP)], id="an update is missing"),
        pytest.param(100, [(101, 105, 0, NEXT), (101, 105, 0, OLD)], id="a duplicate is old"),
        pytest.param(100, [(101, 105, 0, NEXT), (103, 108, 0, NEXT)], id="an overlap loses nothing"),
    ],
)
def test_ranges_of_update_ids(image: int, steps: list[Step]) -> None:
    assert judged(UpdateIdRange(), image, steps) == expected(steps)


@pytest.mark.parametrize(
    ("image", "steps"),
    [
        pytest.param(
            100, [(90, 99, 88, OLD), (95, 103, 94, NEXT)], id="the old is dropped, the next bridges"
        ),
        pytest.param(100, [(97, 100, 96, NEXT), (104, 110, 100, NEXT)], id="ends where the image does"),
        pytest.param(100, [(104, 110, 100, NEXT)], id="names the image's id as the one before"),
        pytest.param(100, [(104, 110, 102, GAP)], id="the image is too old"),
        pytest.param(100, [(95, 103, 94, NEXT), (120, 130, 103, NEXT)], id="ranges jump, the chain holds"),
        pytest.param(100, [(95, 103, 94, NEXT), (104, 110, 102, GAP)], id="pu is not the u before"),
        pytest.param(100, [(95, 103, 94, NEXT), (95, 103, 94, OLD)], id="a duplicate is old"),
        pytest.param(100, [(95, 103, 94, NEXT), (104, 99, 103, OLD)], id="older than the book"),
    ],
)
def test_a_chain_that_bridges_to_its_image(image: int, steps: list[Step]) -> None:
    assert judged(BridgedChain(), image, steps) == expected(steps)


@pytest.mark.parametrize(
    "steps",
    [
        pytest.param([(0, 11, 0, NEXT), (0, 12, 0, NEXT)], id="each has the next number"),
        pytest.param([(0, 12, 0, GAP)], id="an update is missing"),
        pytest.param([(0, 10, 0, OLD), (0, 11, 0, NEXT), (0, 11, 0, OLD)], id="told again at once"),
        pytest.param([(0, 11, 0, NEXT), (0, 10, 0, GAP)], id="told again later"),
        pytest.param([(0, 2, 0, GAP)], id="the count began anew, and its image is missing"),
    ],
)
def test_numbers_that_rise_by_one(steps: list[Step]) -> None:
    assert judged(Counter(), 10, steps) == expected(steps)


def test_a_connection_counts_all_its_messages() -> None:
    rule = ConnectionCounter()
    assert [rule.check(number) for number in (7, 8, 8, 7, 9)] == [NEXT, NEXT, OLD, OLD, NEXT]
    assert [rule.check(number) for number in (11, 12, 10)] == [GAP, NEXT, OLD]
    rule.reset()
    assert [rule.check(number) for number in (0, 0, 1)] == [NEXT, OLD, NEXT]


def test_a_connection_that_counts_anew_has_missed_something() -> None:
    rule = ConnectionCounter()
    assert [rule.check(number) for number in (5, 0, 1)] == [NEXT, GAP, NEXT]
    assert [rule.check(number) for number in (1000, 900, 901)] == [GAP, GAP, NEXT]


def test_a_book_on_a_counted_connection_has_the_number_of_its_last_message() -> None:
    rule = OnCountedConnection()
    rule.reset(5)
    assert rule.check(0, 9, 0) is NEXT
    assert (rule.last, rule.numbered, rule.settled) == (9, True, True)


def test_every_image_is_bridged_anew() -> None:
    rule = BridgedChain()
    rule.reset(100)
    assert rule.check(95, 103, 94) is NEXT
    rule.reset(200)
    assert rule.check(195, 203, 150) is NEXT
    assert rule.check(204, 210, 203) is NEXT


def test_nothing_numbered_nothing_judged() -> None:
    rule = Unsequenced()
    rule.reset(7)
    assert rule.check(0, 0, 0) is NEXT
    assert rule.last == 0


gaps = st.lists(st.integers(1, 9), min_size=2, max_size=30)


@given(steps=gaps, data=st.data(), kind=st.sampled_from([PreviousIdChain, UpdateIdRange, BridgedChain]))
def test_whatever_one_update_is_lost_the_next_one_shows_it(
    steps: list[int], data: st.DataObject, kind: type
) -> None:
    rule, updates, last = kind(), [], 1000
    for step in steps:
        updates.append((last + 1, last + step, last))
        last += step
    rule.reset(1000)
    lost = data.draw(st.integers(0, len(updates) - 2))
    for update in updates[:lost]:
        assert rule.check(*update) is NEXT
    assert rule.check(*updates[lost + 1]) is GAP
    assert rule.last == updates[lost][0] - 1, "a gap moves nothing"


@given(steps=gaps, data=st.data(), kind=st.sampled_from([UpdateIdRange, BridgedChain]))
def test_duplicates_are_old_wherever_the_venue_numbers_ranges(
    steps: list[int], data: st.DataObject, kind: type
) -> None:
    rule, last, seen = kind(), 1000, []
    rule.reset(last)
    for step in steps:
        seen.append((last + 1, last + step, last))
        assert rule.check(*seen[-1]) is NEXT
        assert rule.check(*data.draw(st.sampled_from(seen))) is OLD
        last += step

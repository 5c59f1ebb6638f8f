"""Bars of one number: what a bar holds, which past answers, and that all of it comes back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deltawire.market.levels import DAY_S, HOUR_S, MINUTE_S, SECOND_NS, Bar, LevelHistory

START_S = 1_700_000_000 // DAY_S * DAY_S
SEEN = st.lists(st.tuples(st.integers(0, 3 * HOUR_S), st.integers(1, 1000)), min_size=1, max_size=60)


def history(*seen: tuple[float, float]) -> LevelHistory:
    """Values by the seconds after the start."""
    levels = LevelHistory()
    for at_s, value in seen:
        levels.seen(START_S * SECOND_NS + int(at_s * SECOND_NS), value)
    return levels


def test_a_bar_has_the_first_highest_lowest_and_last_value() -> None:
    levels = history((0, 5.0), (10, 9.0), (20, 2.0), (59.9, 6.0), (60, 7.0))
    bars = levels.between(MINUTE_S, START_S, START_S + HOUR_S)
    assert bars == [Bar(START_S, 5.0, 9.0, 2.0, 6.0), Bar(START_S + 60, 7.0, 7.0, 7.0, 7.0)]


def test_a_time_in_which_nothing_was_seen_has_no_bar() -> None:
    bars = history((0, 5.0), (3 * MINUTE_S, 6.0)).between(MINUTE_S, START_S, START_S + HOUR_S)
    assert [bar.start_s - START_S for bar in bars] == [0, 180]


@given(seen=SEEN)
@pytest.mark.parametrize("length_s", [MINUTE_S, 5 * MINUTE_S, HOUR_S, DAY_S])
def test_bars_of_any_length_are_those_of_the_values_within(
    seen: list[tuple[int, int]], length_s: int
) -> None:
    seen.sort(key=lambda pair: pair[0])
    expected: dict[int, list[int]] = {}
    for at_s, value in seen:
        expected.setdefault((START_S + at_s) // length_s * length_s, []).append(value)
    bars = history(*seen).between(length_s, START_S, START_S + DAY_S)
    assert bars == [
        Bar(at_s, values[0], max(values), min(values), values[-1]) for at_s, values in expected.items()
    ]


def test_a_long_past_is_kept_in_coarser_bars() -> None:
    levels = history(*((hour * HOUR_S, float(hour)) for hour in range(24 * 40)))
    assert len(levels.between(HOUR_S, START_S, START_S + 40 * DAY_S)) >= 31 * 24
    assert len(levels.between(DAY_S, START_S, START_S + 40 * DAY_S)) == 40


@given(seen=SEEN)
def test_what_is_restored_is_what_was(seen: list[tuple[int, int]]) -> None:
    before, after = history(*sorted(seen)), LevelHistory()
    after.restore(before.rows())
    assert after.rows() == before.rows()

"""Whoever pages through a list reads every entry once, in order, whatever the count."""

from itertools import pairwise
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deltawire.errors import RequestError
from deltawire.session.paging import Place, Window, continued, id_number, page, parse_id


class Entry(NamedTuple):
    """A trade as pages see it."""

    at_ms: int
    seq: int
    id: int


@st.composite
def tapes(draw: st.DrawFn) -> list[Entry]:
    """Trades in order: times may be the same, numbers rise by one, ids rise."""
    gaps = draw(st.lists(st.tuples(st.integers(0, 3), st.integers(1, 4)), max_size=40))
    tape, at_ms, number = list[Entry](), 1_000, 70
    for seq, (later, further) in enumerate(gaps, 5):
        at_ms, number = at_ms + later, number + further
        tape.append(Entry(at_ms, seq, number))
    return tape


def place(entry: Entry) -> Place:
    return Place(*entry)


def refusal(**bounds: Any) -> str:
    with pytest.raises(RequestError) as caught:
        page([], Window(**bounds), place)
    return caught.value.param


@pytest.mark.parametrize("bound", ["seq", "id"])
@given(tape=tapes(), count=st.integers(1, 50))
def test_pages_by_number_and_by_id_give_every_trade_once_in_order(
    bound: str, tape: list[Entry], count: int
) -> None:
    found, start, more = list[Entry](), 0, True
    while more:
        chosen, more = page(tape, Window(**{f"start_{bound}": start}, count=count), place)
        found += chosen
        start = getattr(chosen[-1], bound) + 1 if chosen else start
    assert found == tape


@given(tape=tapes(), count=st.integers(1, 50))
def test_pages_backwards_give_every_trade_once_newest_first(tape: list[Entry], count: int) -> None:
    found, end, more = list[Entry](), 10_000, True
    while more:
        chosen, more = page(tape, Window(end_seq=end, count=count), place)
        found += chosen
        end = chosen[-1].seq - 1 if chosen else end
    assert found == tape[::-1]


@given(tape=tapes(), count=st.integers(1, 50), start=st.integers(990, 1_100))
def test_with_a_start_the_earliest_come_first(tape: list[Entry], count: int, start: int) -> None:
    chosen, more = page(tape, Window(start_timestamp=start, count=count), place)
    within = [entry for entry in tape if entry.at_ms >= start]
    assert (chosen, more) == (within[:count], len(within) > count)
    assert page(tape, Window(count=count), place)[0] == tape[::-1][:count]


@given(tape=tapes(), count=st.integers(1, 50), start=st.integers(1_000, 1_050))
def test_what_is_sorted_is_so_from_either_end(tape: list[Entry], count: int, start: int) -> None:
    within = [entry for entry in tape if entry.at_ms >= start]
    first = page(tape, Window(start_timestamp=start, sorting="asc", count=count), place)[0]
    last = page(tape, Window(start_timestamp=start, sorting="desc", count=count), place)[0]
    assert (first, last) == (within[:count], within[::-1][:count])


@given(entries=st.lists(st.integers(1, 10**6), unique=True, max_size=40), count=st.integers(1, 50))
def test_tokens_lead_through_a_list_though_it_grows_at_the_front(entries: list[int], count: int) -> None:
    found, token, grown = list[int](), None, list(entries)
    while True:
        chosen, token = continued(grown, token and str(token), count, lambda entry: entry)
        found += chosen
        grown.insert(0, 10**7 + len(grown))
        if token is None:
            break
    assert found == entries
    assert all(before != after for before, after in pairwise(found))


def test_behind_an_entry_that_is_gone_there_is_nothing() -> None:
    assert continued([3, 2, 1], "9", 2, lambda entry: entry) == ([], None)


@pytest.mark.parametrize(
    ("text", "number"), [("7", 7), (7, 7), ("ETH-349278", 349278), ("BTC_USDC-6", 6), (None, None)]
)
def test_the_number_of_an_id_is_read_with_or_without_its_currency(text: Any, number: int | None) -> None:
    assert parse_id(text, "start_id") == number


def test_what_is_no_id_or_no_count_is_named() -> None:
    assert refusal(start_id="x") == "start_id"
    assert refusal(end_id="-1") == "end_id"
    assert refusal(count=0) == refusal(count=1001) == "count"
    assert id_number("a1b2") is None

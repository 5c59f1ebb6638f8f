"""Trades told before, beside a plain set of their numbers."""

from hypothesis import given
from hypothesis import strategies as st

from deltawire.venues.tape import KEPT, SeenTrades, Trades, one_trade

runs = st.tuples(st.integers(0, 60), st.integers(0, 6)).map(lambda run: (run[0], run[0] + run[1]))


@given(st.lists(st.tuples(runs, st.integers(0, 5)), max_size=60))
def test_a_trade_is_told_once(heard: list[tuple[tuple[int, int], int]]) -> None:
    seen, numbers, latest_ns, at_ns = SeenTrades(), set[int](), 0, 1
    for (first, last), step in heard:
        at_ns += step - 1  # now and then a little back
        trades = Trades(first, last, at_ns)
        run = set(range(first, last + 1))
        known = bool(run & numbers) and at_ns <= latest_ns
        assert (trades in seen) == known
        if known:
            continue
        seen.note(trades)
        numbers = run if run & numbers else numbers | run
        latest_ns = max(latest_ns, at_ns)


def test_what_is_kept_is_bounded_and_the_latest() -> None:
    seen = SeenTrades()
    for number in range(0, 10 * KEPT, 2):
        seen.note(Trades(number, number, number))
    late = 10 * KEPT
    assert Trades(late - 2, late - 2, late - 2) in seen
    assert Trades(0, 0, 0) not in seen


def test_numbers_in_a_row_are_one_range() -> None:
    seen = SeenTrades()
    for number in range(1, 100_000):
        seen.note(Trades(number, number, number))
    assert Trades(1, 1, 1) in seen
    assert Trades(100_000, 100_000, 100_000) not in seen


def test_a_venue_that_counts_anew_is_heard() -> None:
    seen = SeenTrades()
    seen.note(Trades(1, 1_000_000, 10))
    again = Trades(5, 5, 11)
    assert again not in seen
    seen.note(again)
    assert again in seen
    assert Trades(6, 6, 11) not in seen


def test_the_number_of_an_id() -> None:
    assert one_trade("ETH-1234", 5) == Trades(1234, 1234, 5)
    assert one_trade("1234", 5) == Trades(1234, 1234, 5)
    assert one_trade("BTC-15-x", 5) is None
    assert one_trade("", 5) is None
    assert one_trade("9" * 5000, 5) is None

from hypothesis import given, settings
from hypothesis import strategies as st

from deltawire.model.limits import Rate
from deltawire.venues.live.allowance import SECOND_NS, Allowance, Allowances
from tests.support.effort import examples


@settings(max_examples=examples(100))
@given(
    st.integers(1, 30),
    st.floats(0.1, 60.0),
    st.lists(st.tuples(st.integers(0, 5 * SECOND_NS), st.integers(1, 20)), max_size=60),
)
def test_no_interval_ever_has_more_than_the_venue_allows(
    amount: int, seconds: float, steps: list[tuple[int, int]]
) -> None:
    allowance = Allowance(Rate(amount, seconds), share=1.0)
    now, taken = 0, []
    for pause_ns, cost in steps:
        cost = min(cost, amount)
        now += pause_ns
        now += allowance.wait_ns(cost, now)
        assert allowance.wait_ns(cost, now) == 0
        allowance.take(cost, now)
        taken.append((now, cost))
    for begin, _ in taken:
        within = [cost for at, cost in taken if begin <= at < begin + int(seconds * SECOND_NS)]
        assert sum(within) <= amount


def test_what_fits_does_not_wait_and_the_rest_waits_no_longer_than_it_must() -> None:
    allowance = Allowance(Rate(10, 1.0), share=1.0)
    for _ in range(10):
        assert allowance.wait_ns(1, 5) == 0
        allowance.take(1, 5)
    assert allowance.wait_ns(1, 5) == SECOND_NS
    assert allowance.wait_ns(1, 5 + SECOND_NS) == 0


def test_what_the_venue_says_is_used_counts() -> None:
    allowance = Allowance(Rate(100, 60.0), share=1.0)
    allowance.take(10, 0)
    allowance.observe(95, 1)
    assert allowance.wait_ns(5, 1) == 0
    assert allowance.wait_ns(6, 1) == 60 * SECOND_NS - 1  # once the first ten are a minute old
    allowance.observe(3, 2)
    assert allowance.used(2) == 95


def test_more_than_everything_waits_until_nothing_is_used() -> None:
    allowance = Allowance(Rate(10, 1.0), share=1.0)
    assert allowance.wait_ns(50, 0) == 0
    allowance.take(1, 0)
    assert allowance.wait_ns(50, 0) == SECOND_NS


def test_a_ban_blocks_everything_until_it_ends() -> None:
    allowance = Allowance(Rate(10, 1.0))
    allowance.block(500)
    assert allowance.blocked(499)
    assert allowance.wait_ns(1, 100) == 400
    assert not allowance.blocked(500)


def test_venues_that_share_a_pool_share_its_budget() -> None:
    allowances = Allowances()
    rate = Rate(2400, 60.0)
    one, two = allowances.of("futures", "weight", rate), allowances.of("futures", "weight", rate)
    assert one is two
    assert allowances.of("spot", "weight", rate) is not one
    assert allowances.of("futures", "connects", None) is None

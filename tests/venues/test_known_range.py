"""Books whose images are cut: no level is published as known that is not, whatever the market does."""

from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from deltawire.ports import Wants
from deltawire.testing.kernels import pure_kernel
from deltawire.testing.replica import Replica, ReplicaBook
from deltawire.venues import make_venue
from tests.support.effort import examples
from tests.support.narrow_books import NAME, Truth, run, steps


def check(replica: ReplicaBook, truth: Truth) -> None:
    """Within the known range the book is the venue's; every level beyond it is one of the venue's."""
    low, high = replica.known.bids, replica.known.asks
    assert replica.inside.bids == {p: s for p, s in truth.bids.items() if low is None or p >= low}
    assert replica.inside.asks == {p: s for p, s in truth.asks.items() if high is None or p <= high}
    assert replica.book.bids.items() <= truth.bids.items()
    assert replica.book.asks.items() <= truth.asks.items()


@settings(max_examples=examples(60))
@given(st.integers(0, 1 << 32))
def test_within_its_range_a_book_is_the_venues_on_both_kernels(seed: int) -> None:
    random = Random(seed)
    truth, replica, compared = Truth(random), Replica(), 0
    compiled = make_venue("binance_usdm")
    with pure_kernel():
        pure = make_venue("binance_usdm")
    for venue in (compiled, pure):
        venue.opened(Wants((NAME,)), 0)
    for now, step in enumerate(steps(truth, random, 60), 1):
        events = run(compiled, step, now)
        with pure_kernel():
            assert run(pure, step, now) == events
        for event in events:
            replica.take(event)
        held = replica.books.get(NAME)
        if held is not None and held.state == "live":
            check(held, truth)
            compared += 1
    assert compared > 30

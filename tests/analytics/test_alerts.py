"""Alerts about two venues: what they say is what a look at both whole books says."""

from collections.abc import Iterator
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from deltawire.analytics.alerts import CrossedMetric, Threshold
from deltawire.analytics.derivation import Intervals
from deltawire.model.events import BookDelta, BookImage, Event, Status
from tests.support.effort import examples
from tests.support.market_events import MS_NS, ScriptedBook, make_instrument

KEYS = "one:BTC", "other:BTC"


def two_books(
    seed: int, count: int
) -> Iterator[tuple[Event, dict[str, tuple[dict[int, int], dict[int, int]] | None]]]:
    """Events of two books that wander apart, and the books after each; None while one is not live."""
    random = Random(seed)
    books = [ScriptedBook(make_instrument("BTC", venue=venue)) for venue in ("one", "other")]
    now: dict[str, tuple[dict[int, int], dict[int, int]] | None] = dict.fromkeys(KEYS)
    middles, live = [10_000, 10_000], [False, False]
    for _ in range(count):
        at = random.randrange(2)
        book, before = books[at], middles[at]
        for each in books:
            each.now_ns += random.randint(1, 60) * MS_NS
        if not live[at] or random.random() < 0.05:
            live[at] = not live[at]
            events = book.image({before - 1: 5}, {before + 1: 5}) if live[at] else [book.stale()]
        else:
            middles[at] += random.randint(-8, 8)
            gone = [price - middles[at] for price in (before - 1, before + 1)]
            bids, asks = {middles[at] - 1: 5}, {middles[at] + 1: 5}
            if gone[0] != -1:
                bids[before - 1] = 0
            if gone[1] != 1:
                asks[before + 1] = 0
            events = [book.change(bids, asks)]
        for event in events:
            is_last = event is events[-1]
            if is_last:
                now[KEYS[at]] = (dict(book.bids), dict(book.asks)) if live[at] else None
            yield event, dict(now)


@settings(max_examples=examples(40))
@given(st.integers(0, 10**6), st.sampled_from([0.0, 2.5, 10.0, 40.0]))
def test_what_is_told_is_what_both_books_say(seed: int, at_bp: float) -> None:
    metric, intervals, threshold = (
        CrossedMetric(KEYS, KEYS, 100 * MS_NS, at_bp=at_bp),
        Intervals(100 * MS_NS),
        Threshold(at_bp),
    )
    now: dict[str, tuple[dict[int, int], dict[int, int]] | None] = dict.fromkeys(KEYS)
    for event, after in two_books(seed, 300):
        found = metric.update(event)
        end = intervals.ended(event.venue_ns) if isinstance(event, BookImage | BookDelta) else None
        one, other = now[KEYS[0]], now[KEYS[1]]
        expected = None
        if end is not None and one is not None and other is not None:
            ways = [(max(one[0]), min(other[1])), (max(other[0]), min(one[1]))]
            value, bid, ask = max(((bid - ask) / (bid + ask) * 2e4, bid, ask) for bid, ask in ways)
            expected = threshold.crossed(value)
        if isinstance(event, Status) and event.state != "live":
            threshold.suspend()
        assert [each.alert for each in found] == (
            [] if expected is None else ["raised" if expected else "cleared"]
        )
        for each in found:
            assert each.value is not None
            assert abs(each.value - value) < 1e-9
            assert (each.sell_price, each.buy_price) == (bid / 10, ask / 10)
            assert {each.buy, each.sell} == {*KEYS}
            assert each.timestamp * MS_NS == end
        now = after


def test_a_threshold_is_told_at_first_when_it_is_crossed_and_when_the_value_is_clearly_back() -> None:
    above, below = Threshold(10.0), Threshold(10.0, below=True)
    assert [above.crossed(value) for value in (5, 10, 11, 10, 9.5, 12, 8.9, 8)] == [
        False, None, True, None, None, None, False, None,
    ]  # fmt: skip
    assert [below.crossed(value) for value in (9, 10.5, 11.5, 9)] == [True, None, False, True]
    below.suspend()
    assert [below.crossed(9, certain=False), below.crossed(9), below.crossed(12, certain=False)] == [
        None, True, False,
    ]  # fmt: skip

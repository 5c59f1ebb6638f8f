"""Depth and pace per subscription: sequences of their own, the best levels exactly, and never faster than asked."""

from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from deltawire.dialect.grammar import parse_channel
from deltawire.session.client import BookMirror
from tests.support.hub_harness import HubHarness, live_hub_harness
from tests.support.market_events import MS_NS, make_trade
from tests.support.subscribers import Inbox

RAW, TRADES = "book.BTC-PERPETUAL.raw", "trades.BTC-PERPETUAL.raw"


def limited(harness: HubHarness, name: str, *, levels: int = 0, pace_ms: int = 0) -> Inbox:
    key = parse_channel(name)
    assert key is not None
    inbox = Inbox()
    limits = {"levels": levels, "pace_ns": pace_ms * MS_NS}
    harness.hub.join(inbox.subscriber, [msgspec.structs.replace(key, **limits)])
    return inbox


sides = st.dictionaries(st.integers(990, 1000), st.integers(0, 5), max_size=5)
asks = st.dictionaries(st.integers(1001, 1011), st.integers(0, 5), max_size=5)


@given(
    st.lists(st.tuples(sides, asks, st.booleans()), max_size=15), st.integers(1, 5), st.sampled_from([0, 50])
)
def test_a_book_of_limited_depth_is_the_top_of_the_book(
    steps: list[tuple[dict[int, int], dict[int, int], bool]], levels: int, pace_ms: int
) -> None:
    harness = live_hub_harness()
    inbox = limited(harness, RAW, levels=levels, pace_ms=pace_ms)
    mirror = BookMirror()
    for bids, asks_, stale in steps:
        if stale:
            harness.publish(harness.book.stale())
            harness.publish(*harness.book.image(harness.book.bids | {1000: 1}, harness.book.asks | {1001: 1}))
        change = harness.book.change(bids, asks_)
        if change.bids or change.asks:
            harness.publish(change)
        else:
            harness.book.sequence -= 1
        harness.advance_ms(50)
        for note in inbox.notes(RAW):
            mirror.apply(note["data"])
        best = [dict(side[:levels]) for side in full(harness)]
        assert [mirror.bids, mirror.asks] == best


def full(harness: HubHarness) -> list[list[tuple[float, float]]]:
    bids, asks_ = harness.book.prices()
    return [sorted(bids.items(), reverse=True), sorted(asks_.items())]


def test_changes_below_the_depth_are_not_told() -> None:
    harness = live_hub_harness()
    inbox = limited(harness, RAW, levels=1)
    inbox.take()
    harness.publish(harness.book.change(bids={999: 21}))
    assert inbox.take() == []
    harness.publish(harness.book.change(bids={1000: 0}))
    (data,) = inbox.data(RAW)
    assert data["bids"] == [["delete", 100.0, 0.0], ["new", 99.9, 21.0]]


def test_a_paced_book_is_told_at_most_so_often_but_its_staleness_at_once() -> None:
    harness = live_hub_harness()
    inbox = limited(harness, RAW, pace_ms=200)
    inbox.take()
    for size in range(50, 60):
        harness.publish(harness.book.change(bids={1000: size}))
        harness.advance_ms(40)
    changes = [data["bids"] for data in inbox.data(RAW)]
    assert changes == [[["change", 100.0, 54.0]], [["change", 100.0, 59.0]]]
    harness.publish(harness.book.stale())
    assert [data["status"]["state"] for data in inbox.data(RAW)] == ["stale"]


def test_paced_trades_are_all_there() -> None:
    harness = live_hub_harness()
    inbox = limited(harness, TRADES, pace_ms=500)
    for number in range(10):
        harness.publish(make_trade(harness.instrument, 1000, 1, trade_id=str(number)))
        harness.advance_ms(100)
    told: list[Any] = inbox.data(TRADES)
    assert [[trade["trade_id"] for trade in data] for data in told] == [list("01234"), list("56789")]


def test_each_depth_and_pace_has_its_own_sequence() -> None:
    harness = live_hub_harness()
    plain, top = limited(harness, RAW), limited(harness, RAW, levels=1)
    for size in (21, 22, 23):
        harness.publish(harness.book.change(bids={999: size}))
    harness.publish(harness.book.change(bids={1000: 5}))
    assert [note["seq"] for note in plain.notes(RAW)] == [2, 3, 4, 5, 6]
    assert [note["seq"] for note in top.notes(RAW)] == [2, 6]

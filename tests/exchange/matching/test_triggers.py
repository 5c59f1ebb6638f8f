"""Orders that wait for a price fire once, when it comes, in the order they were placed."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deltawire.exchange.orders.codes import Code
from deltawire.exchange.orders.orders import OrderChanged
from tests.support.matching_harness import MatchingHarness, of

A, B, C = 1, 2, 3


@pytest.fixture
def harness() -> MatchingHarness:
    harness = MatchingHarness()
    harness.refer(index_ticks=1000, mark_ticks=1000)
    harness.place(B, "sell", 1000, 2000)
    harness.place(B, "buy", 1000, 500)
    return harness


@pytest.mark.parametrize(
    ("kind", "side", "trigger", "price"),
    [
        ("stop_market", "buy", 1100, 1100),
        ("stop_market", "sell", 900, 895),
        ("take_market", "buy", 900, 900),
        ("take_market", "sell", 1100, 1200),
    ],
)
def test_a_stop_follows_the_price_and_a_take_meets_it(
    harness: MatchingHarness, kind: str, side: str, trigger: int, price: int
) -> None:
    order = harness.place(A, side, 10, type=kind, trigger="mark_price", trigger_ticks=trigger)
    assert (order.state, harness.fills()) == ("untriggered", [])
    harness.refer(index_ticks=price)
    assert harness.order(order).state == "untriggered", "the index is not the mark"
    harness.refer(mark_ticks=price)
    assert harness.order(order).state == "triggered"
    (taker,) = [fill for fill in harness.fills() if fill[3] == "taker"]
    assert taker == (A, 2000 if side == "buy" else 500, 10, "taker")


def test_a_stop_limit_becomes_a_limit_order_that_names_it(harness: MatchingHarness) -> None:
    stop = harness.place(A, "buy", 10, 1050, type="stop_limit", trigger="index_price", trigger_ticks=1100)
    outputs = harness.refer(index_ticks=1100)
    before, born = (event.order for event in of(OrderChanged, outputs))
    assert (before.id, before.state) == (stop.id, "triggered")
    assert (born.trigger_order_id, born.state, born.terms.type, born.price_ticks) == (
        stop.id,
        "open",
        "limit",
        1050,
    )
    harness.refer(index_ticks=1050)
    assert harness.refer(index_ticks=1100) == [], "it fired twice"


@pytest.mark.parametrize(
    ("kind", "side", "trigger", "code"),
    [
        ("stop_market", "buy", 1000, Code.TRIGGER_PRICE_TOO_LOW),
        ("stop_market", "sell", 1000, Code.TRIGGER_PRICE_TOO_HIGH),
        ("take_market", "buy", 1000, Code.TRIGGER_PRICE_TOO_HIGH),
        ("take_market", "sell", 1000, Code.TRIGGER_PRICE_TOO_LOW),
    ],
)
def test_a_trigger_that_is_reached_already_is_refused(
    harness: MatchingHarness, kind: str, side: str, trigger: int, code: Code
) -> None:
    refused = harness.refused(A, side, 10, type=kind, trigger="index_price", trigger_ticks=trigger)
    assert refused.code == code


def test_a_trailing_stop_follows_the_best_price_at_its_distance(harness: MatchingHarness) -> None:
    trailing = {"type": "trailing_stop", "trigger": "mark_price", "trigger_offset_ticks": 50}
    stop = harness.place(A, "sell", 10, **trailing)
    assert stop.trigger_ticks == 950
    harness.refer(mark_ticks=1100)
    assert harness.order(stop).trigger_ticks == 1050
    harness.refer(mark_ticks=1060)
    assert (harness.order(stop).trigger_ticks, harness.order(stop).state) == (1050, "untriggered")
    harness.refer(mark_ticks=1050)
    assert harness.order(stop).state == "triggered"


def test_a_trailing_stop_placed_before_any_price_starts_at_the_first(harness: MatchingHarness) -> None:
    trailing = {"type": "trailing_stop", "trigger": "last_price", "trigger_offset_ticks": 50}
    stop = harness.place(A, "buy", 10, **trailing)
    assert stop.trigger_ticks is None
    harness.place(C, "sell", 10, 500)
    assert harness.order(stop).trigger_ticks == 550


def test_those_that_fire_together_go_in_the_order_they_were_placed(harness: MatchingHarness) -> None:
    stop: dict[str, Any] = {"type": "stop_market", "trigger": "mark_price"}
    harness.place(A, "buy", 10, trigger_ticks=1150, **stop)
    harness.place(C, "buy", 20, trigger_ticks=1100, **stop)
    harness.refer(mark_ticks=1200)
    assert [fill[0] for fill in harness.fills() if fill[3] == "taker"] == [A, C]


def test_one_trade_may_set_off_a_chain(harness: MatchingHarness) -> None:
    for price in (1000, 1005, 1010):
        harness.place(B, "sell", 10, price)
    stop: dict[str, Any] = {"type": "stop_market", "trigger": "last_price"}
    first = harness.place(A, "buy", 10, trigger_ticks=1000, **stop)
    second = harness.place(A, "buy", 10, trigger_ticks=1005, **stop)
    harness.place(C, "buy", 10, 1000)
    assert [fill[1] for fill in harness.fills() if fill[3] == "taker"] == [1000, 1005, 1010]
    assert harness.order(first).state == harness.order(second).state == "triggered"


def test_a_cancelled_stop_does_not_fire(harness: MatchingHarness) -> None:
    stop = harness.place(A, "buy", 10, type="stop_market", trigger="mark_price", trigger_ticks=1100)
    assert harness.cancel(stop).state == "cancelled"
    assert harness.refer(mark_ticks=1200) == []


@given(
    prices=st.lists(st.integers(1, 40), min_size=1, max_size=30),
    orders=st.lists(
        st.tuples(st.sampled_from(["stop_market", "take_market"]), st.booleans(), st.integers(1, 40))
    ),
)
def test_every_trigger_order_fires_exactly_once_at_the_first_price_that_reaches_it(
    prices: list[int], orders: list[tuple[str, bool, int]]
) -> None:
    harness = MatchingHarness()
    expected: dict[int, int] = {}
    fired: dict[int, int] = {}
    for kind, buy, trigger in orders:
        side = "buy" if buy else "sell"
        order = harness.place(A, side, 10, type=kind, trigger="mark_price", trigger_ticks=trigger * 5)
        rising = buy is (kind == "stop_market")
        reached = [n for n, price in enumerate(prices) if (price >= trigger if rising else price <= trigger)]
        if reached:
            expected[order.id] = reached[0]
    for step, price in enumerate(prices):
        for event in of(OrderChanged, harness.refer(mark_ticks=price * 5)):
            if event.order.state == "triggered":
                assert event.order.id not in fired
                fired[event.order.id] = step
    assert fired == expected

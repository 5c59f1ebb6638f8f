"""Orders that wait for a price fire once, when it comes, in the order they were placed."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deltawire.exchange.codes import Code
from deltawire.exchange.orders import OrderChanged
from tests.support.exchanges import Floor, of

A, B, C = 1, 2, 3


@pytest.fixture
def floor() -> Floor:
    floor = Floor()
    floor.refer(index_ticks=1000, mark_ticks=1000)
    floor.place(B, "sell", 1000, 2000)
    floor.place(B, "buy", 1000, 500)
    return floor


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
    floor: Floor, kind: str, side: str, trigger: int, price: int
) -> None:
    order = floor.place(A, side, 10, type=kind, trigger="mark_price", trigger_ticks=trigger)
    assert (order.state, floor.fills()) == ("untriggered", [])
    floor.refer(index_ticks=price)
    assert floor.order(order).state == "untriggered", "the index is not the mark"
    floor.refer(mark_ticks=price)
    assert floor.order(order).state == "triggered"
    (taker,) = [fill for fill in floor.fills() if fill[3] == "taker"]
    assert taker == (A, 2000 if side == "buy" else 500, 10, "taker")


def test_a_stop_limit_becomes_a_limit_order_that_names_it(floor: Floor) -> None:
    stop = floor.place(A, "buy", 10, 1050, type="stop_limit", trigger="index_price", trigger_ticks=1100)
    outputs = floor.refer(index_ticks=1100)
    before, born = (event.order for event in of(OrderChanged, outputs))
    assert (before.id, before.state) == (stop.id, "triggered")
    assert (born.trigger_order_id, born.state, born.terms.type, born.price_ticks) == (
        stop.id,
        "open",
        "limit",
        1050,
    )
    floor.refer(index_ticks=1050)
    assert floor.refer(index_ticks=1100) == [], "it fired twice"


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
    floor: Floor, kind: str, side: str, trigger: int, code: Code
) -> None:
    refused = floor.refused(A, side, 10, type=kind, trigger="index_price", trigger_ticks=trigger)
    assert refused.code == code


def test_a_trailing_stop_follows_the_best_price_at_its_distance(floor: Floor) -> None:
    trailing = {"type": "trailing_stop", "trigger": "mark_price", "trigger_offset_ticks": 50}
    stop = floor.place(A, "sell", 10, **trailing)
    assert stop.trigger_ticks == 950
    floor.refer(mark_ticks=1100)
    assert floor.order(stop).trigger_ticks == 1050
    floor.refer(mark_ticks=1060)
    assert (floor.order(stop).trigger_ticks, floor.order(stop).state) == (1050, "untriggered")
    floor.refer(mark_ticks=1050)
    assert floor.order(stop).state == "triggered"


def test_a_trailing_stop_placed_before_any_price_starts_at_the_first(floor: Floor) -> None:
    trailing = {"type": "trailing_stop", "trigger": "last_price", "trigger_offset_ticks": 50}
    stop = floor.place(A, "buy", 10, **trailing)
    assert stop.trigger_ticks is None
    floor.place(C, "sell", 10, 500)
    assert floor.order(stop).trigger_ticks == 550


def test_those_that_fire_together_go_in_the_order_they_were_placed(floor: Floor) -> None:
    stop: dict[str, Any] = {"type": "stop_market", "trigger": "mark_price"}
    floor.place(A, "buy", 10, trigger_ticks=1150, **stop)
    floor.place(C, "buy", 20, trigger_ticks=1100, **stop)
    floor.refer(mark_ticks=1200)
    assert [fill[0] for fill in floor.fills() if fill[3] == "taker"] == [A, C]


def test_one_trade_may_set_off_a_chain(floor: Floor) -> None:
    for price in (1000, 1005, 1010):
        floor.place(B, "sell", 10, price)
    stop: dict[str, Any] = {"type": "stop_market", "trigger": "last_price"}
    first = floor.place(A, "buy", 10, trigger_ticks=1000, **stop)
    second = floor.place(A, "buy", 10, trigger_ticks=1005, **stop)
    floor.place(C, "buy", 10, 1000)
    assert [fill[1] for fill in floor.fills() if fill[3] == "taker"] == [1000, 1005, 1010]
    assert floor.order(first).state == floor.order(second).state == "triggered"


def test_a_cancelled_stop_does_not_fire(floor: Floor) -> None:
    stop = floor.place(A, "buy", 10, type="stop_market", trigger="mark_price", trigger_ticks=1100)
    assert floor.cancel(stop).state == "cancelled"
    assert floor.refer(mark_ticks=1200) == []


@given(
    prices=st.lists(st.integers(1, 40), min_size=1, max_size=30),
    orders=st.lists(
        st.tuples(st.sampled_from(["stop_market", "take_market"]), st.booleans(), st.integers(1, 40))
    ),
)
def test_every_trigger_order_fires_exactly_once_at_the_first_price_that_reaches_it(
    prices: list[int], orders: list[tuple[str, bool, int]]
) -> None:
    floor = Floor()
    expected: dict[int, int] = {}
    fired: dict[int, int] = {}
    for kind, buy, trigger in orders:
        side = "buy" if buy else "sell"
        order = floor.place(A, side, 10, type=kind, trigger="mark_price", trigger_ticks=trigger * 5)
        rising = buy is (kind == "stop_market")
        reached = [n for n, price in enumerate(prices) if (price >= trigger if rising else price <= trigger)]
        if reached:
            expected[order.id] = reached[0]
    for step, price in enumerate(prices):
        for event in of(OrderChanged, floor.refer(mark_ticks=price * 5)):
            if event.order.state == "triggered":
                assert event.order.id not in fired
                fired[event.order.id] = step
    assert fired == expected

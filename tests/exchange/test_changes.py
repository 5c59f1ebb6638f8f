"""Edits keep or lose priority by rule."""

import pytest

from deltawire.exchange.codes import Code
from deltawire.exchange.records import Edit
from tests.support.exchanges import NAME, Floor

A, B, C = 1, 2, 3


@pytest.fixture
def floor() -> Floor:
    return Floor()


def first_to_fill(floor: Floor) -> int:
    floor.place(C, "sell", 10, 1000)
    return floor.fills()[0][0]


def test_a_smaller_size_keeps_the_place_in_the_queue(floor: Floor) -> None:
    order = floor.place(A, "buy", 30, 1000)
    floor.place(B, "buy", 10, 1000)
    edited = floor.edit(order, size_lots=20)
    assert (edited.replaced, edited.leaves_lots) == (True, 20)
    assert floor.book() == ([(1000, 30)], [])
    assert first_to_fill(floor) == A


@pytest.mark.parametrize("change", [{"size_lots": 40}, {"price_ticks": 995}])
def test_a_larger_size_or_another_price_loses_it(floor: Floor, change: dict[str, int]) -> None:
    order = floor.place(A, "buy", 30, 1000)
    floor.place(B, "buy", 10, 1000)
    floor.edit(order, **change)
    assert first_to_fill(floor) == B


def test_what_is_filled_is_part_of_the_size(floor: Floor) -> None:
    order = floor.place(A, "buy", 30, 1000)
    floor.place(B, "sell", 10, 1000)
    assert floor.edit(order, size_lots=20).leaves_lots == 10
    refused = floor.rejected(Edit, account=A, order_id=order.id, size_lots=10)
    assert refused.code == Code.INVALID_AMOUNT


def test_an_edit_into_the_other_side_trades(floor: Floor) -> None:
    floor.place(B, "sell", 10, 1010)
    order = floor.place(A, "buy", 30, 1000)
    edited = floor.edit(order, price_ticks=1010)
    assert floor.fills() == [(B, 1010, 10, "maker"), (A, 1010, 10, "taker")]
    assert (edited.leaves_lots, floor.book()) == (20, ([(1010, 20)], []))


def test_a_post_only_edit_that_would_trade_ends_the_order(floor: Floor) -> None:
    floor.place(B, "sell", 10, 1010)
    order = floor.place(A, "buy", 30, 1000, post_only=True, reject_post_only=True)
    edited = floor.edit(order, price_ticks=1010)
    assert (edited.state, edited.reason) == ("cancelled", "edit_post_only_reject")


def test_a_refused_edit_leaves_the_order_as_it_was(floor: Floor) -> None:
    order = floor.place(A, "buy", 30, 1000)
    assert floor.rejected(Edit, account=A, order_id=order.id, price_ticks=1001).code == Code.PRICE_WRONG_TICK
    assert floor.book() == ([(1000, 30)], [])


def test_a_trigger_order_waits_for_its_new_price(floor: Floor) -> None:
    stop = floor.place(A, "buy", 10, type="stop_market", trigger="mark_price", trigger_ticks=1100)
    floor.edit(stop, trigger_ticks=1200)
    floor.refer(mark_ticks=1150)
    assert floor.order(stop).state == "untriggered"
    floor.refer(mark_ticks=1200)
    assert floor.order(stop).state == "triggered"


def test_a_market_limit_order_is_edited_as_the_limit_order_it_became(floor: Floor) -> None:
    floor.place(B, "sell", 10, 1000)
    order = floor.place(A, "buy", 20, type="market_limit")
    assert floor.edit(order, price_ticks=990).price_ticks == 990


def test_a_label_names_an_order_when_only_one_has_it(floor: Floor) -> None:
    order = floor.place(A, "buy", 10, 1000, label="one")
    by_label = {"account": A, "label": "one", "instrument": NAME}
    floor.do(Edit, price_ticks=995, **by_label)
    assert floor.order(order).price_ticks == 995
    floor.place(A, "buy", 10, 1000, label="one")
    assert floor.rejected(Edit, price_ticks=990, **by_label).code == Code.NON_UNIQUE_ORDER_LABEL
    assert floor.rejected(Edit, price_ticks=990, **(by_label | {"label": "two"})).code == Code.ORDER_NOT_FOUND


def test_an_order_made_reduce_only_shrinks_with_the_position(floor: Floor) -> None:
    floor.place(A, "buy", 20, 1000)
    floor.place(B, "sell", 20, 1000)
    order = floor.place(A, "sell", 40, 1010)
    assert floor.edit(order, reduce_only=True).leaves_lots == 20
    floor.place(A, "sell", 10, 990)
    floor.place(C, "buy", 10, 990)
    assert floor.order(order).leaves_lots == 10

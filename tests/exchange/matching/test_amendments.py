"""Edits keep or lose priority by rule."""

import pytest

from deltawire.exchange.orders.codes import Code
from deltawire.exchange.orders.records import Edit
from tests.support.matching_harness import NAME, MatchingHarness

A, B, C = 1, 2, 3


@pytest.fixture
def harness() -> MatchingHarness:
    return MatchingHarness()


def first_to_fill(harness: MatchingHarness) -> int:
    harness.place(C, "sell", 10, 1000)
    return harness.fills()[0][0]


def test_a_smaller_size_keeps_the_place_in_the_queue(harness: MatchingHarness) -> None:
    order = harness.place(A, "buy", 30, 1000)
    harness.place(B, "buy", 10, 1000)
    edited = harness.edit(order, size_lots=20)
    assert (edited.replaced, edited.leaves_lots) == (True, 20)
    assert harness.book() == ([(1000, 30)], [])
    assert first_to_fill(harness) == A


@pytest.mark.parametrize("change", [{"size_lots": 40}, {"price_ticks": 995}])
def test_a_larger_size_or_another_price_loses_it(harness: MatchingHarness, change: dict[str, int]) -> None:
    order = harness.place(A, "buy", 30, 1000)
    harness.place(B, "buy", 10, 1000)
    harness.edit(order, **change)
    assert first_to_fill(harness) == B


def test_another_display_amount_loses_it(harness: MatchingHarness) -> None:
    order = harness.place(A, "buy", 3000, 1000, display_lots=1000)
    harness.place(B, "buy", 10, 1000)
    harness.edit(order, display_lots=2000)
    assert harness.book() == ([(1000, 2010)], [])
    assert first_to_fill(harness) == B


def test_what_is_filled_is_part_of_the_size(harness: MatchingHarness) -> None:
    order = harness.place(A, "buy", 30, 1000)
    harness.place(B, "sell", 10, 1000)
    assert harness.edit(order, size_lots=20).leaves_lots == 10
    refused = harness.rejected(Edit, account=A, order_id=order.id, size_lots=10)
    assert refused.code == Code.INVALID_AMOUNT


def test_an_edit_into_the_other_side_trades(harness: MatchingHarness) -> None:
    harness.place(B, "sell", 10, 1010)
    order = harness.place(A, "buy", 30, 1000)
    edited = harness.edit(order, price_ticks=1010)
    assert harness.fills() == [(B, 1010, 10, "maker"), (A, 1010, 10, "taker")]
    assert (edited.leaves_lots, harness.book()) == (20, ([(1010, 20)], []))


def test_a_post_only_edit_that_would_trade_ends_the_order(harness: MatchingHarness) -> None:
    harness.place(B, "sell", 10, 1010)
    order = harness.place(A, "buy", 30, 1000, post_only=True, reject_post_only=True)
    edited = harness.edit(order, price_ticks=1010)
    assert (edited.state, edited.reason) == ("cancelled", "edit_post_only_reject")


def test_a_refused_edit_leaves_the_order_as_it_was(harness: MatchingHarness) -> None:
    order = harness.place(A, "buy", 30, 1000)
    assert (
        harness.rejected(Edit, account=A, order_id=order.id, price_ticks=1001).code == Code.PRICE_WRONG_TICK
    )
    assert harness.book() == ([(1000, 30)], [])


def test_a_trigger_order_waits_for_its_new_price(harness: MatchingHarness) -> None:
    stop = harness.place(A, "buy", 10, type="stop_market", trigger="mark_price", trigger_ticks=1100)
    harness.edit(stop, trigger_ticks=1200)
    harness.refer(mark_ticks=1150)
    assert harness.order(stop).state == "untriggered"
    harness.refer(mark_ticks=1200)
    assert harness.order(stop).state == "triggered"


def test_a_market_limit_order_is_edited_as_the_limit_order_it_became(harness: MatchingHarness) -> None:
    harness.place(B, "sell", 10, 1000)
    order = harness.place(A, "buy", 20, type="market_limit")
    assert harness.edit(order, price_ticks=990).price_ticks == 990


def test_a_label_names_an_order_when_only_one_has_it(harness: MatchingHarness) -> None:
    order = harness.place(A, "buy", 10, 1000, label="one")
    by_label = {"account": A, "label": "one", "instrument": NAME}
    harness.do(Edit, price_ticks=995, **by_label)
    assert harness.order(order).price_ticks == 995
    harness.place(A, "buy", 10, 1000, label="one")
    assert harness.rejected(Edit, price_ticks=990, **by_label).code == Code.NON_UNIQUE_ORDER_LABEL
    assert (
        harness.rejected(Edit, price_ticks=990, **(by_label | {"label": "two"})).code == Code.ORDER_NOT_FOUND
    )


def test_an_order_made_reduce_only_shrinks_with_the_position(harness: MatchingHarness) -> None:
    harness.place(A, "buy", 20, 1000)
    harness.place(B, "sell", 20, 1000)
    order = harness.place(A, "sell", 40, 1010)
    assert harness.edit(order, reduce_only=True).leaves_lots == 20
    harness.place(A, "sell", 10, 990)
    harness.place(C, "buy", 10, 990)
    assert harness.order(order).leaves_lots == 10

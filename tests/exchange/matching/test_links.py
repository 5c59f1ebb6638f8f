"""Orders that bring others to life, or take them away."""

from typing import Any

import pytest
from msgspec.structs import replace

from deltawire.exchange.orders.codes import Code
from deltawire.exchange.orders.orders import Order, Terms
from tests.support.matching_harness import MatchingHarness

A, B = 1, 2


@pytest.fixture
def harness() -> MatchingHarness:
    return MatchingHarness()


def linked(
    harness: MatchingHarness, kind: str, first: Terms, *others: Terms, condition: str = "first_hit"
) -> list[Order]:
    """Place a linked order; the orders it consists of, the first one first."""
    fields: dict[str, Any] = {name: getattr(first, name) for name in first.__struct_fields__}
    fields |= {"linked": kind, "others": others, "fill_condition": condition}
    side, size, price = fields.pop("side"), fields.pop("size_lots"), fields.pop("price_ticks")
    placed = harness.place(A, side, size, price, **fields)
    return [placed, *(harness.order(placed.id + n) for n in range(1, len(others) + 1))]


def take_profit(harness: MatchingHarness, size: int = 30) -> Terms:
    return harness.terms("sell", size, 1100)


def stop_loss(harness: MatchingHarness, size: int = 30) -> Terms:
    return harness.terms("sell", size, type="stop_market", trigger="last_price", trigger_ticks=900)


def test_one_triggers_other_at_the_first_fill(harness: MatchingHarness) -> None:
    first, second = linked(
        harness, "one_triggers_other", harness.terms("buy", 30, 1000), take_profit(harness)
    )
    assert (second.state, second.primary_id, first.linked_ids) == ("untriggered", first.id, (second.id,))
    assert harness.book() == ([(1000, 30)], [])
    harness.place(B, "sell", 10, 1000)
    assert (second.state, harness.book()) == ("open", ([(1000, 20)], [(1100, 30)]))


def test_or_only_when_it_is_filled_completely(harness: MatchingHarness) -> None:
    first = harness.terms("buy", 30, 1000)
    _, second = linked(harness, "one_triggers_other", first, take_profit(harness), condition="complete_fill")
    harness.place(B, "sell", 20, 1000)
    assert second.state == "untriggered"
    harness.place(B, "sell", 10, 1000)
    assert second.state == "open"


def test_or_as_much_as_is_filled(harness: MatchingHarness) -> None:
    first = harness.terms("buy", 30, 1000)
    linked(harness, "one_triggers_other", first, take_profit(harness, 60), condition="incremental")
    harness.place(B, "sell", 10, 1000)
    assert harness.book() == ([(1000, 20)], [(1100, 20)])
    harness.place(B, "sell", 20, 1000)
    assert harness.book() == ([], [(1100, 60)])


def test_what_waits_for_an_order_goes_with_it(harness: MatchingHarness) -> None:
    first, second = linked(
        harness, "one_triggers_other", harness.terms("buy", 30, 1000), take_profit(harness)
    )
    harness.cancel(first)
    assert (second.state, second.reason) == ("cancelled", "oto_primary_closed")


def test_one_cancels_other_when_it_is_hit(harness: MatchingHarness) -> None:
    harness.place(B, "buy", 1000, 500)
    profit, loss = linked(harness, "one_cancels_other", take_profit(harness), stop_loss(harness))
    assert loss.state == "untriggered"
    harness.place(B, "buy", 10, 1100)
    assert (loss.state, loss.reason) == ("cancelled", "oco_other_closed")
    assert profit.leaves_lots == 20


def test_a_stop_that_fires_and_fills_cancels_the_profit_order(harness: MatchingHarness) -> None:
    harness.place(B, "buy", 10, 900)
    harness.place(B, "buy", 1000, 500)
    profit, loss = linked(harness, "one_cancels_other", take_profit(harness), stop_loss(harness))
    harness.place(3, "sell", 10, 900)
    assert loss.state == "triggered"
    assert (profit.state, profit.reason) == ("cancelled", "oco_other_closed")


def test_one_sweep_never_takes_both_of_a_pair(harness: MatchingHarness) -> None:
    both = take_profit(harness), harness.terms("sell", 30, 1110)
    profit, second = linked(harness, "one_cancels_other", *both)
    harness.place(B, "buy", 60, 1200)
    assert (profit.state, second.state, second.filled_lots) == ("filled", "cancelled", 0)


def test_a_fill_or_kill_counts_only_one_of_a_pair(harness: MatchingHarness) -> None:
    both = take_profit(harness), harness.terms("sell", 30, 1110)
    profit, _ = linked(harness, "one_cancels_other", *both)
    killed = harness.place(B, "buy", 60, 1200, time_in_force="fill_or_kill")
    assert (killed.reason, profit.state) == ("fill_or_kill", "open")


def test_a_pair_may_give_way_in_proportion(harness: MatchingHarness) -> None:
    both = take_profit(harness, 40), harness.terms("sell", 80, 1110)
    _, second = linked(harness, "one_cancels_other", *both, condition="incremental")
    harness.place(B, "buy", 10, 1100)
    assert (second.leaves_lots, second.state) == (60, "open")
    harness.place(B, "buy", 30, 1100)
    assert (second.state, second.reason) == ("cancelled", "oco_other_closed")


def test_cancelling_one_of_a_pair_cancels_the_other(harness: MatchingHarness) -> None:
    profit, loss = linked(harness, "one_cancels_other", take_profit(harness), stop_loss(harness))
    harness.cancel(loss)
    assert (profit.state, profit.reason) == ("cancelled", "oco_other_closed")


def test_one_triggers_a_pair_of_which_one_cancels_the_other(harness: MatchingHarness) -> None:
    kind = "one_triggers_one_cancels_other"
    first = harness.terms("buy", 30, 1000)
    _, profit, loss = linked(harness, kind, first, take_profit(harness), stop_loss(harness))
    assert profit.state == loss.state == "untriggered"
    harness.place(B, "sell", 30, 1000)
    assert (profit.state, loss.state, harness.book()) == ("open", "untriggered", ([], [(1100, 30)]))
    harness.place(B, "buy", 30, 1100)
    assert (profit.state, loss.state, loss.reason) == ("filled", "cancelled", "oco_other_closed")


def test_each_part_of_a_pair_cancels_its_own_counterpart(harness: MatchingHarness) -> None:
    kind, first = "one_triggers_one_cancels_other", harness.terms("buy", 30, 1000)
    linked(
        harness, kind, first, take_profit(harness), harness.terms("sell", 30, 1200), condition="incremental"
    )
    harness.place(B, "sell", 10, 1000)
    assert harness.book()[1] == [(1100, 10), (1200, 10)]
    harness.place(B, "buy", 10, 1100)
    assert harness.book()[1] == []
    harness.place(B, "sell", 20, 1000)
    assert harness.book()[1] == [(1100, 20), (1200, 20)]


def test_a_primary_order_may_be_a_stop_itself(harness: MatchingHarness) -> None:
    harness.place(B, "sell", 30, 1000)
    stop = harness.terms("buy", 30, type="stop_market", trigger="mark_price", trigger_ticks=1000)
    _, second = linked(harness, "one_triggers_other", stop, take_profit(harness))
    harness.refer(mark_ticks=1000)
    assert (second.state, harness.book()) == ("open", ([], [(1100, 30)]))


def test_a_secondary_order_that_cannot_be_placed_then_is_rejected(harness: MatchingHarness) -> None:
    reduce = replace(harness.terms("buy", 30, 990), reduce_only=True)
    _, second = linked(harness, "one_triggers_other", harness.terms("buy", 30, 1000), reduce)
    harness.place(B, "sell", 30, 1000)
    assert (second.state, second.reason) == ("rejected", "reduce_only")


def test_all_orders_are_refused_when_one_of_them_is_wrong(harness: MatchingHarness) -> None:
    wrong = harness.terms("sell", 30, 1101)
    refused = harness.refused(A, "buy", 30, 1000, linked="one_triggers_other", others=(wrong,))
    assert refused.code == Code.PRICE_WRONG_TICK
    assert not harness.exchange.matching.orders


def test_the_second_of_a_pair_is_judged_after_the_first_has_traded(harness: MatchingHarness) -> None:
    harness.place(A, "buy", 30, 1000)
    harness.place(B, "sell", 30, 1000)
    harness.place(B, "buy", 10, 1050)
    both = harness.terms("sell", 30, 1050), replace(harness.terms("sell", 30, 1110), reduce_only=True)
    _, second = linked(harness, "one_cancels_other", *both, condition="complete_fill")
    assert second.leaves_lots == 20, "the position is smaller now"

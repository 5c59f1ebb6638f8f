"""Price-time matching: who trades with whom, at what price, and what is left."""

import pytest

from deltawire.exchange.accounts.no_risk_check import NoRiskCheck
from deltawire.exchange.orders.codes import Code, Rejection
from deltawire.exchange.orders.orders import Fill
from deltawire.exchange.orders.records import Instruct, SetSelfTrading
from deltawire.exchange.ports import CloseBook
from deltawire.model.events import BookDelta, BookImage, Changes, Levels, Listing, Status, Trade
from tests.support.matching_harness import NAME, PERPETUAL, MatchingHarness, of

A, B, C = 1, 2, 3


@pytest.fixture
def harness() -> MatchingHarness:
    return MatchingHarness()


def test_a_book_begins_with_its_listing_an_empty_image_and_live(harness: MatchingHarness) -> None:
    listing, image, status = harness.outputs
    now = harness.now
    assert listing == Listing(PERPETUAL, now)
    assert image == BookImage(PERPETUAL, 0, Levels([], []), Levels([], []), now, now, 0)
    assert status == Status(PERPETUAL, "live", "", now)


def test_the_best_price_trades_first_and_at_one_price_the_first_come(harness: MatchingHarness) -> None:
    harness.place(A, "sell", 10, 1005)
    harness.place(B, "sell", 10, 1000)
    harness.place(C, "sell", 10, 1000)
    taker = harness.place(4, "buy", 30, 1005)
    assert harness.fills()[::2] == [(B, 1000, 10, "maker"), (C, 1000, 10, "maker"), (A, 1005, 10, "maker")]
    assert (taker.state, taker.cost, taker.leaves_lots) == ("filled", 10 * (1000 + 1000 + 1005), 0)


def test_what_does_not_trade_rests_at_the_limit(harness: MatchingHarness) -> None:
    harness.place(A, "sell", 10, 1000)
    rest = harness.place(B, "buy", 30, 1000)
    assert (rest.state, rest.leaves_lots, rest.filled_lots) == ("open", 20, 10)
    assert harness.book() == ([(1000, 20)], [])


def test_a_trade_is_public_with_the_takers_side_and_a_sequence_of_its_own(harness: MatchingHarness) -> None:
    harness.refer(mark_ticks=1001, index_ticks=999)
    harness.place(A, "buy", 10, 1000)
    harness.place(B, "sell", 10, 1000)
    (trade,) = of(Trade, harness.outputs)
    assert (trade.side, trade.price_ticks, trade.size_lots, trade.sequence) == ("sell", 1000, 10, 1)
    assert (trade.mark_price, trade.index_price) == (100.1, 99.9)


def test_each_record_gives_one_delta_from_the_book_before_to_the_book_after(harness: MatchingHarness) -> None:
    harness.place(A, "sell", 10, 1000)
    (first,) = of(BookDelta, harness.outputs)
    assert (first.sequence, first.asks) == (1, Changes([1000], [10], [0]))
    harness.place(B, "buy", 30, 1000)
    (second,) = of(BookDelta, harness.outputs)
    assert (second.sequence, second.bids, second.asks) == (
        2,
        Changes([1000], [20], [0]),
        Changes([1000], [0], [10]),
    )


def test_what_does_not_show_makes_no_delta(harness: MatchingHarness) -> None:
    harness.place(A, "sell", 10, 1000, time_in_force="immediate_or_cancel")
    assert not of(BookDelta, harness.outputs)


def test_immediate_or_cancel_takes_what_is_there(harness: MatchingHarness) -> None:
    harness.place(A, "sell", 10, 1000)
    taker = harness.place(B, "buy", 30, 1000, time_in_force="immediate_or_cancel")
    assert (taker.state, taker.reason, taker.filled_lots) == ("cancelled", "immediate_or_cancel", 10)
    assert harness.book() == ([], [])


def test_fill_or_kill_takes_all_or_nothing(harness: MatchingHarness) -> None:
    harness.place(A, "sell", 10, 1000)
    harness.place(A, "sell", 10, 1005)
    killed = harness.place(B, "buy", 30, 1005, time_in_force="fill_or_kill")
    assert (killed.state, killed.reason, killed.filled_lots) == ("cancelled", "fill_or_kill", 0)
    assert harness.book() == ([], [(1000, 10), (1005, 10)])
    assert harness.place(B, "buy", 20, 1005, time_in_force="fill_or_kill").state == "filled"


def test_a_market_order_trades_to_the_end_of_the_band_and_no_further(harness: MatchingHarness) -> None:
    harness.refer(min_ticks=900, max_ticks=1005)
    harness.place(A, "sell", 10, 1000)
    harness.place(A, "sell", 10, 1010)
    taker = harness.place(B, "buy", 20, type="market")
    assert (taker.state, taker.reason, taker.filled_lots) == ("cancelled", "no_liquidity", 10)


def test_a_market_limit_order_rests_at_the_price_it_traded_at(harness: MatchingHarness) -> None:
    harness.place(A, "sell", 10, 1000)
    harness.place(A, "sell", 10, 1010)
    taker = harness.place(B, "buy", 20, type="market_limit")
    assert (taker.state, taker.price_ticks, taker.leaves_lots) == ("open", 1000, 10)
    assert harness.book() == ([(1000, 10)], [(1010, 10)])


def test_a_market_limit_order_without_another_side_is_refused(harness: MatchingHarness) -> None:
    assert harness.refused(A, "buy", 10, type="market_limit").code == Code.OTHER_REJECT


def test_post_only_rests_one_tick_behind_the_other_side(harness: MatchingHarness) -> None:
    harness.place(A, "sell", 10, 1000)
    assert harness.place(B, "buy", 10, 1010, post_only=True).price_ticks == 995
    harness.place(C, "sell", 10, 900, post_only=True)
    assert harness.book() == ([(995, 10)], [(1000, 20)])


def test_reject_post_only_refuses_instead(harness: MatchingHarness) -> None:
    harness.place(A, "sell", 10, 1000)
    refused = harness.refused(B, "buy", 10, 1000, post_only=True, reject_post_only=True)
    assert refused.code == Code.POST_ONLY_REJECT


def test_an_iceberg_shows_clips_and_each_goes_to_the_end_of_the_queue(harness: MatchingHarness) -> None:
    iceberg = harness.place(A, "sell", 2500, 1000, display_lots=1000)
    harness.place(B, "sell", 500, 1000)
    assert harness.book() == ([], [(1000, 1500)])
    harness.place(C, "buy", 1200, 1000)
    assert harness.fills()[::2] == [(A, 1000, 1000, "maker"), (B, 1000, 200, "maker")]
    assert harness.book() == ([], [(1000, 1300)])
    assert (iceberg.shown_lots, iceberg.leaves_lots) == (1000, 1500)


def test_an_order_that_meets_its_own_account_is_stopped_there(harness: MatchingHarness) -> None:
    harness.place(B, "sell", 10, 1000)
    harness.place(A, "sell", 10, 1005)
    taker = harness.place(A, "buy", 30, 1005)
    assert (taker.state, taker.reason, taker.filled_lots) == ("cancelled", "self_trade", 10)
    assert harness.book() == ([], [(1005, 10)])


def test_cancel_maker_takes_ones_own_order_out_of_the_way(harness: MatchingHarness) -> None:
    harness.do(SetSelfTrading, account=A, mode="cancel_maker")
    own = harness.place(A, "sell", 10, 1000)
    harness.place(B, "sell", 10, 1005)
    taker = harness.place(A, "buy", 20, 1005)
    assert (harness.order(own).state, harness.order(own).reason) == ("cancelled", "self_trade")
    assert (taker.filled_lots, taker.leaves_lots) == (10, 10)


def test_reduce_only_is_cut_to_the_position(harness: MatchingHarness) -> None:
    harness.place(A, "buy", 30, 1000)
    harness.place(B, "sell", 30, 1000)
    order = harness.place(A, "sell", 100, 1010, reduce_only=True)
    assert (order.size_lots, order.leaves_lots) == (30, 30)
    assert harness.refused(A, "buy", 10, 990, reduce_only=True).reason == "reduce_only"


def test_several_reduce_only_orders_never_turn_the_position_around(harness: MatchingHarness) -> None:
    harness.place(A, "buy", 30, 1000)
    harness.place(B, "sell", 30, 1000)
    first = harness.place(A, "sell", 30, 1010, reduce_only=True)
    second = harness.place(A, "sell", 30, 1015, reduce_only=True)
    harness.place(B, "buy", 20, 1010)
    assert harness.order(second).leaves_lots == 10
    harness.place(B, "buy", 40, 1020)
    assert harness.order(first).state == "filled"
    assert (harness.order(second).state, harness.order(second).reason) == ("cancelled", "reduce_only")
    assert harness.exchange.matching.risk.position(A, NAME) == 0


def test_fill_or_kill_sees_how_reduce_only_orders_and_icebergs_play_together(
    harness: MatchingHarness,
) -> None:
    harness.place(A, "buy", 1500, 900)
    harness.place(B, "sell", 1500, 900)
    harness.place(A, "sell", 2000, 1000, display_lots=1000)
    harness.place(A, "sell", 1500, 1000, reduce_only=True)
    before = harness.book()
    killed = harness.place(C, "buy", 2510, 1000, time_in_force="fill_or_kill")
    assert (killed.state, killed.filled_lots, harness.book()) == ("cancelled", 0, before)
    filled = harness.place(C, "buy", 2500, 1000, time_in_force="fill_or_kill")
    assert (filled.state, harness.book()) == ("filled", ([], []))


def test_a_long_queue_keeps_its_order_whoever_leaves_it(harness: MatchingHarness) -> None:
    orders = [harness.place(A, "sell", 10, 1000) for _ in range(300)]
    gone = set(range(0, 300, 3)) | set(range(40, 90))
    for number in sorted(gone, key=lambda number: number * 7919 % 300):
        harness.cancel(orders[number])
    left = [order.id for number, order in enumerate(orders) if number not in gone]
    filled = []
    for _ in left:
        harness.place(B, "buy", 10, 1000)
        filled.append(of(Fill, harness.outputs)[0].order_id)
    assert filled == left


def test_a_closed_book_takes_no_orders_and_gives_back_those_it_has(harness: MatchingHarness) -> None:
    order = harness.place(A, "buy", 10, 1000)
    harness.do(Instruct, demand=CloseBook(NAME, "settlement"))
    assert harness.changed() == {order.id: ("cancelled", "settlement")}
    assert [each.instrument.active for each in of(Listing, harness.outputs)] == [False]
    told = [type(each) for each in harness.outputs]
    assert told.index(BookDelta) < told.index(Status), "a closed book was changed"
    assert harness.refused(A, "buy", 10, 1000).code == Code.BOOK_CLOSED


def test_after_a_defect_in_the_middle_of_a_record_nothing_is_taken_any_more() -> None:
    class BrokenRiskCheck(NoRiskCheck):
        def filled(self, fill: Fill) -> None:
            raise ZeroDivisionError("a defect")

    harness = MatchingHarness(BrokenRiskCheck())
    harness.place(A, "buy", 10, 1000)
    known = len(harness.journalled)
    with pytest.raises(ZeroDivisionError):
        harness.place(B, "sell", 10, 1000)
    assert len(harness.journalled) == known
    assert harness.refused(C, "buy", 10, 900) == Rejection(Code.SYSTEM_MAINTENANCE, reason="a defect")

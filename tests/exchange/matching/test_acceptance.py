"""Orders that cannot be: each gets Deribit's code, changes nothing and is not journalled."""

from typing import Any

import pytest

from deltawire.exchange.accounts.no_risk_check import NoRiskCheck
from deltawire.exchange.exchange import Exchange
from deltawire.exchange.orders.codes import Code, Rejection
from deltawire.exchange.orders.orders import Order
from deltawire.exchange.orders.records import Cancel, CancelMany, ClosePosition, Edit, Place, ResetProtection
from deltawire.model.instruments import Instrument
from tests.support.matching_harness import NAME, MatchingHarness

A, B = 1, 2
STOP = {"type": "stop_market", "trigger": "last_price"}
CASES: dict[str, tuple[tuple[int, int | None], dict[str, Any], Code]] = {
    "unknown instrument": ((10, 1000), {"instrument": "BTC-NEVER"}, Code.INVALID_OR_UNSUPPORTED_INSTRUMENT),
    "no size": ((0, 1000), {}, Code.INVALID_AMOUNT),
    "negative size": ((-10, 1000), {}, Code.INVALID_AMOUNT),
    "size of 2^63": ((1 << 63, 1000), {}, Code.INVALID_AMOUNT),
    "worth too much": ((10 * (1 << 50), 1000), {}, Code.INVALID_AMOUNT),
    "size below the least": ((5, 1000), {}, Code.QTY_TOO_LOW),
    "size between contracts": ((15, 1000), {}, Code.NON_INTEGER_CONTRACT_AMOUNT),
    "no price": ((10, None), {}, Code.INVALID_PRICE),
    "price zero": ((10, 0), {}, Code.INVALID_PRICE),
    "price beyond all": ((10, 1 << 62), {}, Code.INVALID_PRICE),
    "price between ticks": ((10, 1001), {}, Code.PRICE_WRONG_TICK),
    "market with a price": ((10, 1000), {"type": "market"}, Code.UNSUPPORTED_ARG_COMBINATION),
    "long label": ((10, 1000), {"label": "x" * 65}, Code.INVALID_PARAMS),
    "too late": ((10, 1000), {"valid_until_ns": 1}, Code.TIMED_OUT),
    "reject alone": ((10, 1000), {"reject_post_only": True}, Code.UNSUPPORTED_ARG_COMBINATION),
    "post-only at once": (
        (10, 1000), {"post_only": True, "time_in_force": "fill_or_kill"}, Code.POST_ONLY_NOT_ALLOWED,
    ),
    "post-only market": ((10, None), {"type": "market", "post_only": True}, Code.POST_ONLY_NOT_ALLOWED),
    "iceberg too small": ((5000, 1000), {"display_lots": 990}, Code.INVALID_MAX_SHOW_AMOUNT),
    "iceberg too deep": ((100_010, 1000), {"display_lots": 1000}, Code.INVALID_MAX_SHOW_AMOUNT),
    "iceberg shows more": ((1000, 1000), {"display_lots": 2000}, Code.INVALID_MAX_SHOW_AMOUNT),
    "trigger without type": ((10, 1000), {"trigger": "last_price"}, Code.UNSUPPORTED_ARG_COMBINATION),
    "stop without trigger": ((10, None), {"type": "stop_market"}, Code.INVALID_PARAMS),
    "stop without price": ((10, None), STOP, Code.INVALID_TRIGGER_PRICE),
    "trigger between ticks": ((10, None), {**STOP, "trigger_ticks": 1001}, Code.TRIGGER_PRICE_WRONG_TICK),
    "stop with offset": (
        (10, None), {**STOP, "trigger_ticks": 1000, "trigger_offset_ticks": 5}, Code.UNSUPPORTED_ARG_COMBINATION,
    ),
    "trailing without offset": (
        (10, None), {"type": "trailing_stop", "trigger": "last_price"}, Code.INVALID_TRIGGER_PRICE,
    ),
    "linked to nothing": ((10, 1000), {"linked": "one_cancels_other"}, Code.INVALID_PARAMS),
    "protected without protection": ((10, 1000), {"mmp": True}, Code.MMP_REQUIRED),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_an_order_that_cannot_be_is_refused(case: str) -> None:
    (size, price), terms, code = CASES[case]
    harness = MatchingHarness()
    assert harness.refused(A, "buy", size, price, **terms).code == code
    assert not harness.exchange.matching.orders
    assert harness.exchange.matching.next_order_id == 1


def test_a_limit_beyond_the_band_is_refused_with_its_end() -> None:
    harness = MatchingHarness()
    harness.refer(min_ticks=900, max_ticks=1100)
    assert harness.refused(A, "buy", 10, 1105).error().message == "price_too_high 110"
    assert harness.refused(A, "sell", 10, 895).error().message == "price_too_low 90"
    assert harness.place(A, "sell", 10, 1500).state == "open"


def test_what_accounts_refuse_is_refused() -> None:
    class Poor(NoRiskCheck):
        def check(self, order: Order, instrument: Instrument, replaces: Order | None) -> Rejection | None:
            return Rejection(Code.NOT_ENOUGH_FUNDS) if order.leaves_lots > 100 else None

    harness = MatchingHarness(Poor())
    assert harness.refused(A, "buy", 110, 1000).code == Code.NOT_ENOUGH_FUNDS
    order = harness.place(A, "buy", 100, 1000)
    refused = harness.rejected(Edit, account=A, order_id=order.id, size_lots=110)
    assert (refused.code, harness.order(order).leaves_lots) == (Code.NOT_ENOUGH_FUNDS, 100)


def test_anothers_order_is_not_found_and_none_that_has_ended() -> None:
    harness = MatchingHarness()
    order = harness.place(A, "buy", 10, 1000)
    for kind in (Cancel, Edit):
        assert harness.rejected(kind, account=B, order_id=order.id).code == Code.ORDER_NOT_FOUND
        assert harness.rejected(kind, account=A, order_id=order.id + 1).code == Code.ORDER_NOT_FOUND
    harness.cancel(order)
    assert harness.rejected(Cancel, account=A, order_id=order.id).code == Code.ORDER_NOT_FOUND


def test_there_is_nothing_to_close_and_nothing_to_reset() -> None:
    harness = MatchingHarness()
    closing = {"account": A, "type": "market"}
    assert harness.rejected(ClosePosition, instrument=NAME, **closing).code == Code.ALREADY_CLOSED
    assert (
        harness.rejected(ClosePosition, instrument="X", **closing).code
        == Code.INVALID_OR_UNSUPPORTED_INSTRUMENT
    )
    assert harness.rejected(ResetProtection, account=A, index_name="btc_usd").code == Code.NOT_FOUND


def test_a_refused_record_does_not_move_time() -> None:
    harness = MatchingHarness()
    before = harness.exchange.matching.now
    harness.refused(A, "buy", 0, 1000)
    assert harness.exchange.matching.now == before


def test_time_never_falls() -> None:
    harness = MatchingHarness()
    harness.now -= 1_000_000_000
    assert harness.place(A, "buy", 10, 1000).created_ns == harness.now + 1_000_000_000 - 1


def test_mass_cancels_mean_what_they_name() -> None:
    harness = MatchingHarness()
    first = harness.place(A, "buy", 10, 1000, label="grid")
    second = harness.place(A, "buy", 10, 995)
    stop = harness.place(A, "buy", 10, type="stop_market", trigger="last_price", trigger_ticks=1500)
    other = harness.place(B, "buy", 10, 990)
    for record, expected in (
        ({"kind": "option"}, set()),
        ({"currency": "ETH"}, set()),
        ({"label": "grid"}, {first.id}),
        ({"type": "stop"}, {stop.id}),
        ({"instrument": NAME, "currency": "BTC", "kind": "future"}, {second.id}),
    ):
        harness.do(CancelMany, account=A, **record)
        assert harness.changed().keys() == expected
    assert harness.order(other).state == "open"


def test_coarser_ticks_begin_above_their_step() -> None:
    option = Instrument(
        venue="deltawire", name=NAME, kind="option", base="BTC", quote="BTC", settlement="BTC", price_exponent=-4,
        size_exponent=-1, tick_size="0.0001", tick_size_steps=(("0.005", "0.0005"),), min_trade_size="0.1",
    )  # fmt: skip
    harness = MatchingHarness(instrument=option)
    assert harness.place(A, "buy", 1, 50).state == "open"
    assert harness.refused(A, "buy", 1, 51).code == Code.PRICE_WRONG_TICK
    harness.place(B, "sell", 1, 55)
    assert harness.place(A, "buy", 1, 60, post_only=True).price_ticks == 50


def test_records_that_matching_does_not_know_go_to_accounts() -> None:
    class Strange(Place, frozen=True, tag=True):
        pass

    harness = MatchingHarness()
    exchange = Exchange(NoRiskCheck())
    (refused,) = exchange.submit(Strange(at_ns=1, account=A, terms=harness.terms("buy", 10, 1000)))
    assert refused == Rejection(Code.NOT_IMPLEMENTED, reason="Strange")

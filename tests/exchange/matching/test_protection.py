"""Market makers: mass quotes, and the protection that takes them away."""

from typing import Any

import pytest

from deltawire.exchange.orders.codes import Code
from deltawire.exchange.orders.records import (
    Connected,
    Disconnected,
    MassQuote,
    Place,
    Protected,
    Quote,
    QuoteRefused,
    QuoteSide,
    ResetProtection,
    SetCancelOnDisconnect,
    SetProtection,
)
from tests.support.matching_harness import NAME, MatchingHarness, of

MAKER, B = 1, 2
WIRE = 77


@pytest.fixture
def harness() -> MatchingHarness:
    harness = MatchingHarness()
    harness.refer(mark_ticks=1000)
    harness.do(Connected, account=MAKER, connection=WIRE)
    harness.do(SetCancelOnDisconnect, account=MAKER, connection=WIRE, enabled=True)
    return harness


def protect(harness: MatchingHarness, **limits: Any) -> None:
    fields = {"interval_ns": 1_000_000_000, "frozen_ns": 5_000_000_000} | limits
    harness.do(SetProtection, account=MAKER, index_name="btc_usd", group="g", **fields)


def quote(
    harness: MatchingHarness, bid: QuoteSide | None, ask: QuoteSide | None, name: str = NAME
) -> list[Any]:
    quotes = (Quote(name, bid, ask, "set"),)
    return harness.do(MassQuote, account=MAKER, mmp_group="g", quotes=quotes, quote_id="q", connection=WIRE)


def test_a_quote_is_two_protected_orders(harness: MatchingHarness) -> None:
    protect(harness, quantity_limit=1)
    quote(harness, QuoteSide(10, 990), QuoteSide(20, 1010))
    assert harness.book() == ([(990, 10)], [(1010, 20)])
    for order in harness.exchange.matching.live(MAKER):
        assert (order.quote, order.terms.mmp, order.terms.quote_id, order.terms.quote_set_id) == (
            True, True, "q", "set",
        )  # fmt: skip


def test_a_new_quote_replaces_the_former_and_size_zero_takes_it_away(harness: MatchingHarness) -> None:
    protect(harness, quantity_limit=1)
    quote(harness, QuoteSide(10, 990), QuoteSide(20, 1010))
    quote(harness, QuoteSide(10, 995), None)
    assert harness.book() == ([(995, 10)], [(1010, 20)])
    harness.place(B, "buy", 10, 1010)
    quote(harness, None, QuoteSide(20, 1010))
    assert harness.book() == ([(995, 10)], [(1010, 20)])
    quote(harness, QuoteSide(0), QuoteSide(0))
    assert harness.book() == ([], [])


def test_one_wrong_side_does_not_spoil_the_others(harness: MatchingHarness) -> None:
    protect(harness, quantity_limit=1)
    quote(harness, QuoteSide(10, 990), QuoteSide(20, 1010))
    outputs = quote(harness, QuoteSide(10, 991), QuoteSide(20, 1005))
    assert of(QuoteRefused, outputs) == [
        QuoteRefused(MAKER, NAME, "buy", 10043, "price_wrong_tick", "set"),
    ]
    assert harness.book() == ([], [(1005, 20)])
    outputs = quote(harness, QuoteSide(10, 990), None, name="X")
    assert [each.code for each in of(QuoteRefused, outputs)] == [10020]


def test_mass_quotes_need_protection_a_connection_that_cancels_and_a_sane_number(
    harness: MatchingHarness,
) -> None:
    fields: dict[str, Any] = {"account": MAKER, "mmp_group": "g", "quotes": (), "connection": WIRE}
    assert harness.rejected(MassQuote, **fields).code == Code.MMP_REQUIRED
    assert harness.rejected(MassQuote, **(fields | {"connection": 78})).code == Code.COD_NOT_ENABLED
    many = (Quote(NAME),) * 101
    assert harness.rejected(MassQuote, **(fields | {"quotes": many})).code == Code.TOO_MANY_QUOTES


@pytest.mark.parametrize(
    "limits", [{"quantity_limit": 0.2}, {"delta_limit": 0.2}, {"trade_count_limit": 2}], ids=str
)
def test_protection_strikes_at_its_limit_and_takes_everything_of_the_group(
    harness: MatchingHarness, limits: dict[str, Any]
) -> None:
    protect(harness, **limits)
    quote(harness, QuoteSide(100, 990), QuoteSide(100, 1010))
    plain = harness.place(MAKER, "buy", 10, 900)
    harness.place(B, "buy", 10, 1010)
    harness.place(B, "sell", 10, 990)
    if "delta_limit" in limits:
        assert harness.book()[1] == [(1010, 90)], "what is bought and sold is no delta"
        harness.place(B, "sell", 20, 990)
    assert harness.book() == ([(900, 10)], [])
    assert of(Protected, harness.outputs) == [Protected(MAKER, "btc_usd", "g", harness.now + 5_000_000_000)]
    assert [state for state in harness.changed().values() if state[0] == "cancelled"] == [
        ("cancelled", "mmp_trigger")
    ] * 2
    assert harness.order(plain).state == "open"


def test_protection_strikes_in_the_middle_of_a_sweep(harness: MatchingHarness) -> None:
    protect(harness, trade_count_limit=1)
    quote(harness, None, QuoteSide(10, 1010))
    harness.place(MAKER, "sell", 10, 1015, mmp=True, mmp_group="g")
    killed = harness.place(B, "buy", 20, 1015, time_in_force="fill_or_kill")
    assert killed.reason == "fill_or_kill", "it would not have got the second order"
    taker = harness.place(B, "buy", 20, 1015, time_in_force="immediate_or_cancel")
    assert taker.filled_lots == 10


def test_old_fills_do_not_count(harness: MatchingHarness) -> None:
    protect(harness, trade_count_limit=2)
    quote(harness, None, QuoteSide(100, 1010))
    for _ in range(5):
        harness.place(B, "buy", 10, 1010)
        harness.now += 1_000_000_000
    assert harness.book() == ([], [(1010, 50)])


def test_a_frozen_group_takes_no_quotes_until_time_or_reset(harness: MatchingHarness) -> None:
    protect(harness, trade_count_limit=1)
    quote(harness, None, QuoteSide(10, 1010))
    harness.place(B, "buy", 10, 1010)
    assert [each.code for each in of(QuoteRefused, quote(harness, QuoteSide(10, 990), None))] == [13043]
    order = {"mmp": True, "mmp_group": "g"}
    assert harness.refused(MAKER, "buy", 10, 990, **order).code == Code.MMP_TRIGGER
    harness.do(ResetProtection, account=MAKER, index_name="btc_usd", group="g")
    assert harness.place(MAKER, "buy", 10, 990, **order).state == "open"
    harness.place(B, "sell", 10, 990)
    harness.now += 5_000_000_000
    assert harness.place(MAKER, "buy", 10, 990, **order).state == "open"


def test_a_freeze_without_end_ends_by_reset_alone(harness: MatchingHarness) -> None:
    protect(harness, trade_count_limit=1, frozen_ns=0)
    quote(harness, None, QuoteSide(10, 1010))
    harness.place(B, "buy", 10, 1010)
    assert of(Protected, harness.outputs)[0].frozen_until_ns == 0
    harness.now += 1 << 60
    assert harness.refused(MAKER, "buy", 10, 990, mmp=True, mmp_group="g").code == Code.MMP_TRIGGER


def test_interval_zero_removes_protection(harness: MatchingHarness) -> None:
    protect(harness, quantity_limit=1)
    protect(harness, interval_ns=0)
    assert harness.refused(MAKER, "buy", 10, 990, mmp=True, mmp_group="g").code == Code.MMP_REQUIRED


def test_a_connection_takes_its_own_orders_with_it_once(harness: MatchingHarness) -> None:
    mine = harness.place(MAKER, "buy", 10, 990)
    harness.do(SetCancelOnDisconnect, account=B, enabled=True)
    harness.do(Connected, account=B, connection=5)
    harness.do(Disconnected, account=MAKER, connection=WIRE)
    assert harness.order(mine).state == "open", "it came over another connection"
    assert harness.do(Disconnected, account=MAKER, connection=WIRE) == []


def test_an_accounts_setting_is_what_its_new_connections_start_with(harness: MatchingHarness) -> None:
    harness.do(Connected, account=B, connection=5)
    harness.do(SetCancelOnDisconnect, account=B, enabled=True)
    harness.do(Connected, account=B, connection=6)
    for wire in (5, 6):
        harness.do(Place, account=B, terms=harness.terms("buy", 10, 990), connection=wire)
    first, second = harness.exchange.matching.live(B)
    harness.do(Disconnected, account=B, connection=5)
    assert harness.order(first).state == "open"
    harness.do(Disconnected, account=B, connection=6)
    assert (harness.order(second).state, harness.order(second).reason) == (
        "cancelled",
        "cancel_on_disconnect",
    )


def test_orders_good_for_the_day_end_at_eight(harness: MatchingHarness) -> None:
    order = harness.place(B, "buy", 10, 990, time_in_force="good_til_day")
    harness.now = 1_000_022_400 * 1_000_000_000  # 2001-09-09 08:00 UTC
    later = harness.place(MAKER, "buy", 10, 900)
    assert (harness.order(order).state, harness.order(order).reason) == ("cancelled", "expired")
    assert harness.book() == ([(900, 10)], [])
    assert [type(record).__name__ for record in harness.journalled[-2:]] == ["Tick", "Place"]
    assert later.state == "open"

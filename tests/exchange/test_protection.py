"""Market makers: mass quotes, and the protection that takes them away."""

from typing import Any

import pytest

from deltawire.exchange.codes import Code
from deltawire.exchange.records import (
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
from tests.support.exchanges import NAME, Floor, of

MAKER, B = 1, 2
WIRE = 77


@pytest.fixture
def floor() -> Floor:
    floor = Floor()
    floor.refer(mark_ticks=1000)
    floor.do(Connected, account=MAKER, connection=WIRE)
    floor.do(SetCancelOnDisconnect, account=MAKER, connection=WIRE, enabled=True)
    return floor


def protect(floor: Floor, **limits: Any) -> None:
    fields = {"interval_ns": 1_000_000_000, "frozen_ns": 5_000_000_000} | limits
    floor.do(SetProtection, account=MAKER, index_name="btc_usd", group="g", **fields)


def quote(floor: Floor, bid: QuoteSide | None, ask: QuoteSide | None, name: str = NAME) -> list[Any]:
    quotes = (Quote(name, bid, ask, "set"),)
    return floor.do(MassQuote, account=MAKER, mmp_group="g", quotes=quotes, quote_id="q", connection=WIRE)


def test_a_quote_is_two_protected_orders(floor: Floor) -> None:
    protect(floor, quantity_limit=1)
    quote(floor, QuoteSide(10, 990), QuoteSide(20, 1010))
    assert floor.book() == ([(990, 10)], [(1010, 20)])
    for order in floor.exchange.desk.live(MAKER):
        assert (order.quote, order.terms.mmp, order.terms.quote_id, order.terms.quote_set_id) == (
            True, True, "q", "set",
        )  # fmt: skip


def test_a_new_quote_replaces_the_former_and_size_zero_takes_it_away(floor: Floor) -> None:
    protect(floor, quantity_limit=1)
    quote(floor, QuoteSide(10, 990), QuoteSide(20, 1010))
    quote(floor, QuoteSide(10, 995), None)
    assert floor.book() == ([(995, 10)], [(1010, 20)])
    floor.place(B, "buy", 10, 1010)
    quote(floor, None, QuoteSide(20, 1010))
    assert floor.book() == ([(995, 10)], [(1010, 20)])
    quote(floor, QuoteSide(0), QuoteSide(0))
    assert floor.book() == ([], [])


def test_one_wrong_side_does_not_spoil_the_others(floor: Floor) -> None:
    protect(floor, quantity_limit=1)
    quote(floor, QuoteSide(10, 990), QuoteSide(20, 1010))
    outputs = quote(floor, QuoteSide(10, 991), QuoteSide(20, 1005))
    assert of(QuoteRefused, outputs) == [
        QuoteRefused(MAKER, NAME, "buy", 10043, "price_wrong_tick", "set"),
    ]
    assert floor.book() == ([], [(1005, 20)])
    outputs = quote(floor, QuoteSide(10, 990), None, name="X")
    assert [each.code for each in of(QuoteRefused, outputs)] == [10020]


def test_mass_quotes_need_protection_a_connection_that_cancels_and_a_sane_number(floor: Floor) -> None:
    fields: dict[str, Any] = {"account": MAKER, "mmp_group": "g", "quotes": (), "connection": WIRE}
    assert floor.rejected(MassQuote, **fields).code == Code.MMP_REQUIRED
    assert floor.rejected(MassQuote, **(fields | {"connection": 78})).code == Code.COD_NOT_ENABLED
    many = (Quote(NAME),) * 101
    assert floor.rejected(MassQuote, **(fields | {"quotes": many})).code == Code.TOO_MANY_QUOTES


@pytest.mark.parametrize(
    "limits", [{"quantity_limit": 0.2}, {"delta_limit": 0.2}, {"trade_count_limit": 2}], ids=str
)
def test_protection_strikes_at_its_limit_and_takes_everything_of_the_group(
    floor: Floor, limits: dict[str, Any]
) -> None:
    protect(floor, **limits)
    quote(floor, QuoteSide(100, 990), QuoteSide(100, 1010))
    plain = floor.place(MAKER, "buy", 10, 900)
    floor.place(B, "buy", 10, 1010)
    floor.place(B, "sell", 10, 990)
    if "delta_limit" in limits:
        assert floor.book()[1] == [(1010, 90)], "what is bought and sold is no delta"
        floor.place(B, "sell", 20, 990)
    assert floor.book() == ([(900, 10)], [])
    assert of(Protected, floor.outputs) == [Protected(MAKER, "btc_usd", "g", floor.now + 5_000_000_000)]
    assert [state for state in floor.changed().values() if state[0] == "cancelled"] == [
        ("cancelled", "mmp_trigger")
    ] * 2
    assert floor.order(plain).state == "open"


def test_protection_strikes_in_the_middle_of_a_sweep(floor: Floor) -> None:
    protect(floor, trade_count_limit=1)
    quote(floor, None, QuoteSide(10, 1010))
    floor.place(MAKER, "sell", 10, 1015, mmp=True, mmp_group="g")
    killed = floor.place(B, "buy", 20, 1015, time_in_force="fill_or_kill")
    assert killed.reason == "fill_or_kill", "it would not have got the second order"
    taker = floor.place(B, "buy", 20, 1015, time_in_force="immediate_or_cancel")
    assert taker.filled_lots == 10


def test_old_fills_do_not_count(floor: Floor) -> None:
    protect(floor, trade_count_limit=2)
    quote(floor, None, QuoteSide(100, 1010))
    for _ in range(5):
        floor.place(B, "buy", 10, 1010)
        floor.now += 1_000_000_000
    assert floor.book() == ([], [(1010, 50)])


def test_a_frozen_group_takes_no_quotes_until_time_or_reset(floor: Floor) -> None:
    protect(floor, trade_count_limit=1)
    quote(floor, None, QuoteSide(10, 1010))
    floor.place(B, "buy", 10, 1010)
    assert [each.code for each in of(QuoteRefused, quote(floor, QuoteSide(10, 990), None))] == [13043]
    order = {"mmp": True, "mmp_group": "g"}
    assert floor.refused(MAKER, "buy", 10, 990, **order).code == Code.MMP_TRIGGER
    floor.do(ResetProtection, account=MAKER, index_name="btc_usd", group="g")
    assert floor.place(MAKER, "buy", 10, 990, **order).state == "open"
    floor.place(B, "sell", 10, 990)
    floor.now += 5_000_000_000
    assert floor.place(MAKER, "buy", 10, 990, **order).state == "open"


def test_a_freeze_without_end_ends_by_reset_alone(floor: Floor) -> None:
    protect(floor, trade_count_limit=1, frozen_ns=0)
    quote(floor, None, QuoteSide(10, 1010))
    floor.place(B, "buy", 10, 1010)
    assert of(Protected, floor.outputs)[0].frozen_until_ns == 0
    floor.now += 1 << 60
    assert floor.refused(MAKER, "buy", 10, 990, mmp=True, mmp_group="g").code == Code.MMP_TRIGGER


def test_interval_zero_removes_protection(floor: Floor) -> None:
    protect(floor, quantity_limit=1)
    protect(floor, interval_ns=0)
    assert floor.refused(MAKER, "buy", 10, 990, mmp=True, mmp_group="g").code == Code.MMP_REQUIRED


def test_a_connection_takes_its_own_orders_with_it_once(floor: Floor) -> None:
    mine = floor.place(MAKER, "buy", 10, 990)
    floor.do(SetCancelOnDisconnect, account=B, enabled=True)
    floor.do(Connected, account=B, connection=5)
    floor.do(Disconnected, account=MAKER, connection=WIRE)
    assert floor.order(mine).state == "open", "it came over another connection"
    assert floor.do(Disconnected, account=MAKER, connection=WIRE) == []


def test_an_accounts_setting_is_what_its_new_connections_start_with(floor: Floor) -> None:
    floor.do(Connected, account=B, connection=5)
    floor.do(SetCancelOnDisconnect, account=B, enabled=True)
    floor.do(Connected, account=B, connection=6)
    for wire in (5, 6):
        floor.do(Place, account=B, terms=floor.terms("buy", 10, 990), connection=wire)
    first, second = floor.exchange.desk.live(B)
    floor.do(Disconnected, account=B, connection=5)
    assert floor.order(first).state == "open"
    floor.do(Disconnected, account=B, connection=6)
    assert (floor.order(second).state, floor.order(second).reason) == ("cancelled", "cancel_on_disconnect")


def test_orders_good_for_the_day_end_at_eight(floor: Floor) -> None:
    order = floor.place(B, "buy", 10, 990, time_in_force="good_til_day")
    floor.now = 1_000_022_400 * 1_000_000_000  # 2001-09-09 08:00 UTC
    later = floor.place(MAKER, "buy", 10, 900)
    assert (floor.order(order).state, floor.order(order).reason) == ("cancelled", "expired")
    assert floor.book() == ([(900, 10)], [])
    assert [type(record).__name__ for record in floor.journalled[-2:]] == ["Tick", "Place"]
    assert later.state == "open"

"""Expiries pay what they owe, to the last unit."""

import pytest

from deltawire.exchange.accounts.account_records import Delivered, Settled
from deltawire.exchange.instruments.calendar import SECOND_NS
from deltawire.exchange.instruments.fees import FeeTable
from deltawire.exchange.orders.codes import Code
from deltawire.exchange.orders.orders import OrderChanged
from deltawire.model.events import Listing
from deltawire.model.instruments import Instrument
from tests.exchange.accounts.test_accounts import FREE
from tests.support.contracts import CALL, PERPETUAL, PUT, QUARTERLY, WEEKLY_CALL
from tests.support.exchange_harness import ExchangeHarness, refusal
from tests.support.matching_harness import of

ALICE, BOB = 1, 2


def hall_with(*trades: tuple[Instrument, float, float], fees: FeeTable = FREE) -> ExchangeHarness:
    harness = ExchangeHarness(fees=fees)
    harness.deposit(ALICE, 10.0)
    harness.deposit(BOB, 10.0)
    for instrument, amount, price in trades:
        harness.trade(ALICE, BOB, instrument, amount, price)
    return harness


def expire(harness: ExchangeHarness, index: float) -> list[object]:
    """Let the quarter end at this index."""
    seconds = (QUARTERLY.expiration_ns - harness.now) // SECOND_NS
    harness.prices(index, later_s=seconds - 3_600)
    return harness.prices(index, later_s=3_600.0)


def test_a_call_pays_its_intrinsic_value_in_coin() -> None:
    harness = hall_with((CALL, 2.0, 0.08))
    outputs = expire(harness, 75_000.0)
    assert harness.balance(ALICE) == pytest.approx(10 - 0.16 + 2 * 0.2)
    assert harness.balance(BOB) == pytest.approx(10 + 0.16 - 2 * 0.2)
    delivered = of(Delivered, outputs)
    assert {(each.account, each.lots, each.price) for each in delivered} == {
        (ALICE, 20, 75_000.0),
        (BOB, -20, 75_000.0),
    }
    assert harness.accounts.position(ALICE, CALL.name) == 0
    assert harness.initial(BOB) == 0.0
    assert harness.balanced()


def test_a_worthless_option_ends_without_a_payment() -> None:
    harness = hall_with((PUT, 1.0, 0.05))
    expire(harness, 75_000.0)
    assert harness.balance(ALICE) == pytest.approx(9.95)
    assert harness.equity(BOB) == pytest.approx(10.05)


def test_a_future_is_delivered_at_the_mean_of_the_index() -> None:
    harness = hall_with((QUARTERLY, 60_000, 60_000.0))
    expire(harness, 75_000.0)
    assert harness.balance(ALICE) == pytest.approx(10.2, abs=1e-7)
    assert harness.balance(BOB) == pytest.approx(9.8, abs=1e-7)
    assert harness.balanced()


def test_delivery_costs_its_fee_but_not_for_weeklies() -> None:
    harness = hall_with((WEEKLY_CALL, 1.0, 0.08), fees=FeeTable())
    before = harness.balance(ALICE)
    seconds = (WEEKLY_CALL.expiration_ns - harness.now) // SECOND_NS
    harness.prices(75_000.0, later_s=seconds - 3_600)
    (mine,) = [
        each for each in of(Delivered, harness.prices(75_000.0, later_s=3_600)) if each.account == ALICE
    ]
    assert mine.fee == 0
    assert harness.balance(ALICE) == pytest.approx(before + 0.2)
    harness = hall_with((CALL, 1.0, 0.08), fees=FeeTable())
    assert {each.fee for each in of(Delivered, expire(harness, 75_000.0))} == {15_000}
    assert harness.balanced()


def test_an_expired_book_takes_no_more_orders_and_loses_those_it_had() -> None:
    harness = hall_with()
    harness.order(ALICE, CALL, 1.0, 0.01)
    outputs = expire(harness, 60_000.0)
    (order,) = [each.order for each in of(OrderChanged, outputs)]
    assert (order.state, order.reason) == ("cancelled", "settlement")
    rejection = refusal(harness.order(ALICE, CALL, 1.0, 0.01))
    assert rejection is not None
    assert rejection.code is Code.BOOK_CLOSED
    assert harness.accounts.ledger.account(ALICE).orders == {}
    assert harness.initial(ALICE) == 0.0


def test_who_comes_after_an_expiry_is_not_told_of_what_expired() -> None:
    harness = hall_with()
    assert CALL.name in {each.instrument.name for each in of(Listing, harness.exchange.images())}
    expire(harness, 60_000.0)
    listed = {each.instrument.name for each in harness.exchange.images()}
    assert CALL.name not in listed
    assert PERPETUAL.name in listed


def test_each_day_at_eight_the_profit_of_futures_becomes_balance_once() -> None:
    harness = hall_with((PERPETUAL, 60_000, 60_000.0))
    harness.prices(75_000.0)
    outputs = harness.prices(75_000.0, later_s=86_400.0)
    settled = of(Settled, outputs)
    assert {each.account for each in settled} == {ALICE, BOB}
    assert sum(each.units for each in settled) == 0
    assert of(Settled, harness.prices(75_000.0)) == []
    position = harness.accounts.ledger.account(ALICE).positions[PERPETUAL.name]
    assert position.realised == 0
    assert harness.equity(ALICE) == harness.balance(ALICE)


def test_a_closed_futures_profit_waits_for_the_settlement_too() -> None:
    harness = hall_with((PERPETUAL, 60_000, 60_000.0))
    harness.trade(BOB, ALICE, PERPETUAL, 60_000, 75_000.0)
    assert harness.balance(ALICE) == 10.0
    assert harness.equity(ALICE) == pytest.approx(10.2)
    harness.prices(later_s=86_400.0)
    assert harness.balance(ALICE) == pytest.approx(10.2)
    assert PERPETUAL.name not in harness.accounts.ledger.account(ALICE).positions

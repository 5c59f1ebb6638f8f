"""Liquidation reduces an account until its margin is covered, no further, and no money appears or vanishes."""

from typing import Any

import pytest

from deltawire.exchange.accounts.account_records import (
    LiquidationBegan,
    LiquidationEnded,
    SetMarginModel,
    Withdraw,
)
from deltawire.exchange.instruments.contracts import UNITS
from deltawire.exchange.orders.codes import Code
from deltawire.exchange.orders.orders import Fill, OrderChanged
from deltawire.exchange.pricing.pricing import PriceBand
from tests.exchange.accounts.test_accounts import FREE
from tests.support.contracts import CALL, LINEAR, PERPETUAL
from tests.support.exchange_harness import WIDE, ExchangeHarness, refusal
from tests.support.matching_harness import of

ALICE, BOB, MAKER = 1, 2, 3


def hall_with(amount: float = 1_200_000, deposit: float = 1.0, band: PriceBand = WIDE) -> ExchangeHarness:
    """Alice is long twenty coins on one coin of collateral; Bob is short; a maker bids below."""
    harness = ExchangeHarness(fees=FREE, band=band)
    harness.deposit(ALICE, deposit)
    harness.deposit(BOB, 100.0)
    harness.deposit(MAKER, 1_000.0)
    harness.trade(ALICE, BOB, PERPETUAL, amount, 60_000.0)
    return harness


def rounds(harness: ExchangeHarness, index: float, count: int = 40) -> list[Any]:
    """Prices come and stay; all outputs."""
    found = []
    for _ in range(count):
        found += harness.prices(index)
        assert harness.balanced()
    return found


def size(harness: ExchangeHarness, account: int = ALICE) -> int:
    return harness.accounts.position(account, PERPETUAL.name)


def test_an_account_that_covers_its_maintenance_margin_is_left_alone() -> None:
    harness = hall_with()
    assert of(LiquidationBegan, rounds(harness, 58_500.0, 3)) == []
    assert size(harness) == 1_200_000


def test_positions_are_reduced_until_the_margin_is_covered_and_not_further() -> None:
    harness = hall_with()
    harness.order(MAKER, PERPETUAL, 3_000_000, 57_650.0)
    outputs = rounds(harness, 57_700.0)
    assert [each.account for each in of(LiquidationBegan, outputs)] == [ALICE]
    assert [each.covered for each in of(LiquidationEnded, outputs)] == [0]
    assert 0 < size(harness) < 1_200_000
    assert harness.maintenance(ALICE) <= harness.equity(ALICE)
    last = [fill for fill in of(Fill, outputs) if fill.account == ALICE][-1].size_lots
    without = harness.maintenance(ALICE) * (size(harness) + last) / size(harness)
    assert without > harness.equity(ALICE)


def test_maintenance_only_falls_while_it_lasts() -> None:
    harness = hall_with()
    harness.order(MAKER, PERPETUAL, 3_000_000, 57_900.0)
    harness.prices(57_900.0)
    seen = [harness.maintenance(ALICE)]
    for _ in range(20):
        harness.prices(57_900.0)
        seen.append(harness.maintenance(ALICE))
    assert seen == sorted(seen, reverse=True)


def test_orders_go_first_and_the_account_is_locked() -> None:
    harness = hall_with()
    harness.order(ALICE, PERPETUAL, -10_000, 70_000.0)
    outputs = harness.prices(57_500.0)
    (cancelled,) = [each.order for each in of(OrderChanged, outputs) if each.order.account == ALICE][:1]
    assert (cancelled.state, cancelled.reason) == ("cancelled", "autoliquidation")
    rejection = refusal(harness.order(ALICE, PERPETUAL, 10, 50_000.0))
    assert rejection is not None
    assert rejection.code is Code.ACCOUNT_LOCKED


def test_without_a_bid_within_the_band_nothing_trades() -> None:
    harness = hall_with(band=PriceBand(perpetual=0.015))
    harness.prices(57_500.0)
    harness.order(MAKER, PERPETUAL, 3_000_000, 56_700.0)
    low = harness.exchange.matching.books[PERPETUAL.name].reference.min_ticks
    assert low is not None
    outputs = rounds(harness, 57_500.0, 5)
    fills = [fill for fill in of(Fill, outputs) if fill.account == ALICE]
    assert all(fill.price_ticks >= low for fill in fills)
    harness.order(MAKER, PERPETUAL, 3_000_000, 57_000.0)
    assert [fill for fill in of(Fill, rounds(harness, 57_500.0, 2)) if fill.account == ALICE]


def test_the_fund_takes_the_fee_and_pays_for_the_bankrupt() -> None:
    harness = ExchangeHarness(band=WIDE)
    for account, amount in ((ALICE, 1.0), (BOB, 100.0), (MAKER, 1_000.0)):
        harness.deposit(account, amount)
    harness.accounts.ledger.deposit(0, "BTC", 5 * UNITS)
    harness.accounts.ledger.insure(harness.accounts.ledger.account(0).wallet("BTC"), "BTC", 5 * UNITS)
    harness.trade(ALICE, BOB, PERPETUAL, 1_200_000, 60_000.0)
    harness.order(MAKER, PERPETUAL, 5_000_000, 50_000.0)
    outputs = rounds(harness, 50_000.0)
    (ended,) = of(LiquidationEnded, outputs)
    assert ended.covered > 2 * UNITS
    assert ended.socialised == 0
    assert size(harness) == 0
    assert harness.balance(ALICE) == 0.0
    assert harness.accounts.ledger.house("BTC").insurance > 0


def test_what_the_fund_cannot_cover_the_winners_pay() -> None:
    harness = hall_with()
    harness.order(MAKER, PERPETUAL, 5_000_000, 48_000.0)
    before = harness.equity(BOB)
    outputs = rounds(harness, 48_000.0)
    (ended,) = of(LiquidationEnded, outputs)
    assert ended.socialised > 3 * UNITS
    assert harness.balance(ALICE) == 0.0
    assert harness.equity(BOB) < before + 5.0
    assert harness.accounts.ledger.house("BTC").insurance == 0


def test_futures_go_before_options_and_long_options_last() -> None:
    harness = ExchangeHarness(fees=FREE, band=WIDE)
    harness.deposit(ALICE, 2.0)
    harness.deposit(BOB, 1_000.0)
    harness.trade(BOB, ALICE, CALL, 5.0, 0.08)
    harness.trade(ALICE, BOB, PERPETUAL, 1_200_000, 60_000.0)
    harness.order(BOB, PERPETUAL, 5_000_000, 50_000.0)
    harness.order(BOB, CALL, -20.0, 0.5)
    outputs = rounds(harness, 50_000.0, 30)
    order = [fill.instrument for fill in of(Fill, outputs) if fill.account == ALICE]
    assert order[0] == PERPETUAL.name
    assert CALL.name not in order[: order.count(PERPETUAL.name)]


def test_a_crash_of_one_great_long_ends_with_all_money_accounted_for() -> None:
    harness = ExchangeHarness(band=WIDE)
    for account in range(1, 9):
        harness.deposit(account, 20.0)
        harness.deposit(account, 500_000.0, "USDC")
    for buyer in range(1, 5):
        harness.trade(buyer, buyer + 4, PERPETUAL, 6_000_000 * buyer, 60_000.0)
        harness.trade(buyer, buyer + 4, LINEAR, 30.0, 60_000.0)
    harness.deposit(9, 10_000.0)
    harness.deposit(9, 10_000_000.0, "USDC")
    harness.order(9, PERPETUAL, 90_000_000, 47_000.0)
    harness.order(9, LINEAR, 300.0, 47_000.0)
    outputs = rounds(harness, 48_000.0, 60)
    assert len(of(LiquidationBegan, outputs)) >= 4
    for account in range(1, 5):
        assert harness.equity(account) >= 0.0
        assert harness.equity(account, "USDC") >= 0.0
    lots = sum(harness.accounts.position(account, PERPETUAL.name) for account in range(1, 10))
    assert lots == 0


def test_what_may_not_be_withdrawn_from_a_locked_account() -> None:
    harness = hall_with()
    harness.prices(57_000.0)
    rejection = refusal(harness.do(Withdraw, account=ALICE, currency="BTC", units=1))
    assert rejection is not None


@pytest.mark.parametrize("model", ["segregated_sm", "segregated_pm"])
def test_both_margin_models_are_liquidated(model: str) -> None:
    harness = hall_with(deposit=5.0)
    assert refusal(harness.do(SetMarginModel, account=ALICE, model=model)) is None
    harness.order(MAKER, PERPETUAL, 5_000_000, 48_000.0)
    outputs = rounds(harness, 48_500.0)
    assert of(LiquidationBegan, outputs)
    assert harness.equity(ALICE) >= harness.maintenance(ALICE)

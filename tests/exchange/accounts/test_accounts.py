"""Accounts: what orders need, what fills move, what a day does."""

import pytest

from deltawire.exchange.accounts.account_records import (
    BalanceChanged,
    Charged,
    Deposit,
    SetMarginModel,
    Withdraw,
)
from deltawire.exchange.accounts.ledger import OpenOrder
from deltawire.exchange.accounts.standard_margin import future_margin
from deltawire.exchange.instruments.contracts import UNITS
from deltawire.exchange.instruments.fees import Fee, FeeTable
from deltawire.exchange.orders.codes import Code
from deltawire.exchange.orders.records import Cancel, Tick
from tests.support.contracts import CALL, LINEAR, LINEAR_CALL, PERPETUAL, PUT
from tests.support.exchange_harness import ExchangeHarness, refusal
from tests.support.matching_harness import of

FREE = FeeTable(
    future=Fee(0, 0),
    weekly_future=Fee(0, 0),
    option=Fee(0, 0),
    linear_option=Fee(0, 0),
    future_delivery_ppm=0,
    option_delivery_ppm=0,
)
ALICE, BOB = 1, 2


@pytest.fixture
def harness() -> ExchangeHarness:
    found = ExchangeHarness(fees=FREE)
    for account in (ALICE, BOB):
        found.deposit(account, 10.0)
        found.deposit(account, 100_000.0, "USDC")
    return found


def test_a_deposit_is_balance_equity_and_available(harness: ExchangeHarness) -> None:
    assert harness.balance(ALICE) == harness.equity(ALICE) == harness.available(ALICE) == 10.0
    assert harness.balanced()


def test_a_trade_at_the_mark_without_fees_changes_nobodys_equity(harness: ExchangeHarness) -> None:
    harness.trade(ALICE, BOB, PERPETUAL, 60_000, 60_000.0)
    harness.trade(ALICE, BOB, LINEAR, 1.0, 60_000.0)
    assert [harness.equity(account) for account in (ALICE, BOB)] == [10.0, 10.0]
    assert [harness.equity(account, "USDC") for account in (ALICE, BOB)] == [100_000.0, 100_000.0]
    assert harness.balanced()


def test_futures_profit_is_equity_and_not_balance_until_it_is_settled(harness: ExchangeHarness) -> None:
    harness.trade(ALICE, BOB, PERPETUAL, 60_000, 60_000.0)
    harness.prices(75_000.0)
    assert harness.balance(ALICE) == 10.0
    assert harness.equity(ALICE) == pytest.approx(10.2)
    assert harness.equity(BOB) == pytest.approx(9.8)
    before = harness.equity(ALICE)
    harness.prices(75_000.0, later_s=86_400.0)
    assert harness.balance(ALICE) == harness.equity(ALICE) == pytest.approx(before)
    assert harness.balanced()


def test_buying_an_option_moves_balance_into_options_value(harness: ExchangeHarness) -> None:
    mark = harness.accounts.pricing.marks[CALL.name]
    price = round(mark / 0.0005) * 0.0005
    harness.trade(ALICE, BOB, CALL, 1.0, price)
    assert harness.balance(ALICE) == pytest.approx(10.0 - price, abs=1e-8)
    assert harness.equity(ALICE) == pytest.approx(10.0 - price + mark, abs=1e-8)
    assert harness.initial(ALICE) == harness.maintenance(ALICE) == 0.0
    assert harness.available(ALICE) == harness.balance(ALICE)


def test_a_short_option_needs_its_margin(harness: ExchangeHarness) -> None:
    mark = harness.accounts.pricing.marks[CALL.name]
    harness.trade(ALICE, BOB, CALL, 2.0, 0.08)
    assert harness.maintenance(BOB) == pytest.approx(2 * (0.075 + mark), abs=2e-8)
    assert harness.initial(BOB) == pytest.approx(2 * (0.15 + mark), abs=2e-8)


def test_a_future_needs_more_as_it_grows(harness: ExchangeHarness) -> None:
    harness.trade(ALICE, BOB, PERPETUAL, 600_000, 60_000.0)
    assert harness.initial(ALICE) == pytest.approx(10 * (0.02 + 0.00005 * 10), abs=1e-8)
    assert harness.maintenance(ALICE) == pytest.approx(10 * (0.01 + 0.00005 * 10), abs=1e-8)
    harness.trade(ALICE, BOB, LINEAR, 1.0, 60_000.0)
    assert harness.initial(ALICE, "USDC") == pytest.approx(60_000 * 0.02005)


def test_open_orders_need_the_margin_of_their_worse_side(harness: ExchangeHarness) -> None:
    harness.order(ALICE, PERPETUAL, 60_000, 50_000.0)
    one = harness.initial(ALICE)
    assert one == pytest.approx(0.02005, abs=1e-8)
    assert harness.maintenance(ALICE) == 0.0
    harness.order(ALICE, PERPETUAL, -60_000, 70_000.0)
    assert harness.initial(ALICE) == one
    harness.order(ALICE, PERPETUAL, -60_000, 71_000.0)
    assert harness.initial(ALICE) == pytest.approx(2 * (0.02 + 0.00005 * 2), abs=1e-8)


def test_a_cancelled_order_gives_its_margin_back(harness: ExchangeHarness) -> None:
    harness.order(ALICE, PERPETUAL, 60_000, 50_000.0)
    harness.do(Cancel, account=ALICE, order_id=1)
    assert harness.initial(ALICE) == 0.0
    assert harness.accounts.ledger.account(ALICE).orders == {}


def test_a_resting_option_bid_reserves_its_premium(harness: ExchangeHarness) -> None:
    harness.order(ALICE, CALL, 2.0, 0.01)
    assert harness.available(ALICE) == pytest.approx(10.0 - 0.02)
    harness.order(BOB, LINEAR_CALL, 0.5, 1_000.0)
    assert harness.available(BOB, "USDC") == pytest.approx(100_000 - 500)


def test_a_resting_option_offer_reserves_its_margin_less_its_premium(harness: ExchangeHarness) -> None:
    mark = harness.accounts.pricing.marks[CALL.name]
    harness.order(ALICE, CALL, -1.0, 0.2)
    assert harness.initial(ALICE) == pytest.approx(max(0.15 + mark - 0.2, 0.0), abs=1e-8)
    harness.trade(ALICE, BOB, PUT, 3.0, 0.1)
    before = harness.initial(ALICE)
    harness.order(ALICE, PUT, -3.0, 0.2)
    assert harness.initial(ALICE) == before


def test_an_order_beyond_the_funds_is_refused_and_leaves_no_trace(harness: ExchangeHarness) -> None:
    before = harness.accounts.freeze()
    for instrument, amount, price in (
        (PERPETUAL, 60_000_000, 60_000.0),
        (CALL, 200.0, 0.06),
        (CALL, -200.0, 0.06),
        (LINEAR, 90.0, 60_000.0),
        (LINEAR_CALL, 200.0, 4_000.0),
    ):
        rejection = refusal(harness.order(ALICE, instrument, amount, price))
        assert rejection is not None
        assert rejection.code is Code.NOT_ENOUGH_FUNDS
    assert harness.accounts.freeze() == before


def test_who_has_no_account_has_no_funds(harness: ExchangeHarness) -> None:
    rejection = refusal(harness.order(99, PERPETUAL, 10, 60_000.0))
    assert rejection is not None
    assert rejection.code is Code.NOT_ENOUGH_FUNDS
    assert 99 not in harness.accounts.ledger.accounts


def test_closing_is_allowed_when_opening_is_not(harness: ExchangeHarness) -> None:
    harness.deposit(BOB, 1_000.0)
    harness.trade(ALICE, BOB, PERPETUAL, 13_000_000, 60_000.0)
    assert harness.available(ALICE) < 5
    assert refusal(harness.order(ALICE, PERPETUAL, 20_000_000, 60_000.0)) is not None
    assert refusal(harness.order(ALICE, PERPETUAL, -13_000_000, 60_000.0)) is None
    assert refusal(harness.order(BOB, PERPETUAL, 20_000, 61_000.0, reduce_only=True)) is None


def test_fees_go_from_the_traders_to_the_house() -> None:
    harness = ExchangeHarness()
    harness.deposit(ALICE, 10.0)
    harness.deposit(BOB, 10.0)
    harness.trade(ALICE, BOB, PERPETUAL, 60_000, 60_000.0)
    assert harness.balance(ALICE) == pytest.approx(10 - 0.0005)
    assert harness.balance(BOB) == 10.0
    assert harness.accounts.ledger.house("BTC").fees == 50_000
    charged = of(Charged, harness.outputs)
    assert [(each.account, each.fee, each.currency) for each in charged] == [
        (BOB, 0, "BTC"),
        (ALICE, 50_000, "BTC"),
    ]
    assert harness.balanced()


def test_a_closing_fill_says_its_profit(harness: ExchangeHarness) -> None:
    harness.trade(ALICE, BOB, LINEAR, 1.0, 60_000.0)
    harness.trade(BOB, ALICE, LINEAR, 1.0, 61_000.0)
    profits = {each.account: each.profit for each in of(Charged, harness.outputs)}
    assert profits == {ALICE: 1_000 * UNITS, BOB: -1_000 * UNITS}


def test_longs_pay_funding_to_shorts_while_the_perpetual_stands_high(harness: ExchangeHarness) -> None:
    harness.trade(ALICE, BOB, PERPETUAL, 60_000, 60_000.0)
    fair = {"BTC_PERPETUAL": 60_120.0}
    for _ in range(60):
        harness.prices(60_000.0, later_s=60.0, **fair)
    mark_profit = 1 - 60_000 / harness.accounts.pricing.marks[PERPETUAL.name]
    paid = 10.0 + mark_profit - harness.equity(ALICE)
    assert paid == pytest.approx((0.002 - 0.00025) / 8, rel=0.05)  # the mark takes half a minute to follow
    assert harness.equity(BOB) + harness.equity(ALICE) == pytest.approx(20.0, abs=2e-8)
    harness.trade(BOB, ALICE, PERPETUAL, 60_000, 60_000.0)
    assert harness.equity(ALICE) == pytest.approx(10.0 - paid, abs=1e-7)
    assert harness.balanced()


def test_only_what_no_position_needs_can_be_withdrawn(harness: ExchangeHarness) -> None:
    harness.trade(ALICE, BOB, PERPETUAL, 600_000, 60_000.0)
    harness.prices(66_000.0)
    assert harness.equity(ALICE) > 10.9
    assert refusal(harness.do(Withdraw, account=ALICE, currency="BTC", units=10 * UNITS)) is not None
    assert refusal(harness.do(Withdraw, account=ALICE, currency="BTC", units=0)) is not None
    assert refusal(harness.do(Withdraw, account=77, currency="BTC", units=1)) is not None
    units = harness.accounts.standings.free(harness.accounts.ledger.account(ALICE), "BTC")
    assert units / UNITS == pytest.approx(10.0 - harness.initial(ALICE), abs=1e-7)
    outputs = harness.do(Withdraw, account=ALICE, currency="BTC", units=units)
    assert [each.units for each in of(BalanceChanged, outputs)] == [-units]
    assert harness.available(ALICE) > 0.0
    assert harness.balanced()


def test_portfolio_margin_rewards_a_hedge(harness: ExchangeHarness) -> None:
    harness.trade(ALICE, BOB, CALL, 10.0, 0.08)
    standard = harness.maintenance(BOB)
    assert refusal(harness.do(SetMarginModel, account=BOB, model="segregated_pm")) is None
    naked = harness.maintenance(BOB)
    harness.trade(BOB, ALICE, PERPETUAL, 300_000, 60_000.0)
    hedged = harness.maintenance(BOB)
    assert hedged < naked
    assert hedged < standard
    harness.order(BOB, CALL, -5.0, 0.5)
    assert harness.initial(BOB) > hedged / 0.8
    assert harness.maintenance(BOB) == hedged


def test_a_margin_model_that_the_account_cannot_bear_is_refused(harness: ExchangeHarness) -> None:
    harness.deposit(BOB, 1_000.0)
    harness.trade(ALICE, BOB, PERPETUAL, 12_000_000, 60_000.0)
    rejection = refusal(harness.do(SetMarginModel, account=ALICE, model="segregated_pm"))
    assert rejection is not None
    assert rejection.code is Code.NOT_ENOUGH_FUNDS
    assert harness.accounts.ledger.account(ALICE).model == "segregated_sm"
    assert refusal(harness.do(SetMarginModel, account=99, model="segregated_pm")) is not None


def test_a_snapshot_gives_the_same_accounts(harness: ExchangeHarness) -> None:
    harness.trade(ALICE, BOB, PERPETUAL, 60_000, 60_000.0)
    harness.trade(ALICE, BOB, CALL, 1.0, 0.08)
    harness.order(BOB, LINEAR, 0.5, 59_000.0)
    harness.prices(61_000.0, BTC_PERPETUAL=61_050.0)
    state = harness.accounts.freeze()
    other = ExchangeHarness(fees=FREE, instruments=())
    other.accounts.thaw(state)
    other.now, other.index = harness.now, harness.index
    assert other.accounts.freeze() == state
    for account in (ALICE, BOB):
        for currency in ("BTC", "USDC"):
            assert other.equity(account, currency) == harness.equity(account, currency)
            assert other.initial(account, currency) == harness.initial(account, currency)
            assert other.maintenance(account, currency) == harness.maintenance(account, currency)


def test_records_that_are_not_the_accounts_own_are_refused(harness: ExchangeHarness) -> None:
    found = harness.accounts.received(Tick(at_ns=harness.now))
    assert found is not None
    assert found.code is Code.NOT_IMPLEMENTED


def test_deposits_that_make_no_sense_are_refused(harness: ExchangeHarness) -> None:
    before = harness.accounts.freeze()
    for currency, units in (("BTC", 0), ("BTC", -1), ("BTC", 1 << 62), ("DOGE", 1)):
        assert refusal(harness.do(Deposit, account=ALICE, currency=currency, units=units)) is not None
    assert harness.accounts.freeze() == before


def test_what_an_order_needs_is_what_it_then_takes(harness: ExchangeHarness) -> None:
    account = harness.accounts.ledger.account(ALICE)
    harness.trade(ALICE, BOB, PERPETUAL, 70_000, 60_000.0)
    for instrument, amount, price in (
        (PERPETUAL, 90_000, 59_000.0),
        (PERPETUAL, -300_000, 66_000.0),
        (LINEAR, -0.7, 66_000.0),
        (CALL, -1.5, 0.2),
        (CALL, 2.5, 0.03),
    ):
        currency = instrument.settlement
        lots = round(abs(amount) * 10**-instrument.size_exponent)
        ticks = round(price * 10**-instrument.price_exponent)
        order = OpenOrder(instrument.name, 1 if amount > 0 else -1, lots, ticks, False)
        before = harness.initial(ALICE, currency)
        needed = harness.accounts.standings.more_margin(account, instrument, order, None) / UNITS
        harness.order(ALICE, instrument, amount, price)
        assert harness.initial(ALICE, currency) - before == pytest.approx(needed, abs=1e-8)
    assert harness.initial(ALICE) > 0.0


def test_a_futures_margin_is_the_published_formula_rounded_up(harness: ExchangeHarness) -> None:
    harness.trade(ALICE, BOB, PERPETUAL, 123_450, 60_000.0)
    mark = harness.accounts.pricing.marks[PERPETUAL.name]
    wanted = future_margin(harness.accounts.margins.coin("BTC").future, 123_450 / mark)
    assert harness.initial(ALICE) == pytest.approx(wanted.initial, abs=1.01e-8)
    assert harness.maintenance(ALICE) == pytest.approx(wanted.maintenance, abs=1.01e-8)

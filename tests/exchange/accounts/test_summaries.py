"""Accounts in Deribit's names and meanings."""

from typing import Any

import pytest

from deltawire.dialect.account_objects import account_summary_object, position_object
from deltawire.exchange.accounts import summaries
from deltawire.exchange.accounts.accounts import Accounts
from deltawire.exchange.accounts.summaries import margins
from deltawire.exchange.instruments.calendar import SECOND_NS
from deltawire.exchange.instruments.contracts import UNITS
from deltawire.exchange.pricing.pricing import Pricing
from deltawire.exchange.pricing.tickers import indices, ticker
from tests.exchange.accounts.test_accounts import FREE
from tests.support.contracts import CALL, LINEAR, PERPETUAL, QUARTERLY
from tests.support.exchange_harness import ExchangeHarness

ALICE, BOB = 1, 2


def account_summary(accounts: Accounts, account: int, currency: str) -> dict[str, Any]:
    """In the dialect's names."""
    return account_summary_object(summaries.account_summary(accounts, account, currency))


def position_summary(accounts: Accounts, account: int, name: str) -> dict[str, Any]:
    """In the dialect's names."""
    return position_object(summaries.position_summary(accounts, account, name))


@pytest.fixture
def harness() -> ExchangeHarness:
    found = ExchangeHarness(fees=FREE)
    for account in (ALICE, BOB):
        found.deposit(account, 10.0)
        found.deposit(account, 100_000.0, "USDC")
    return found


def test_equity_is_balance_and_session_profit_and_the_value_of_options(harness: ExchangeHarness) -> None:
    harness.trade(ALICE, BOB, PERPETUAL, 60_000, 60_000.0)
    harness.trade(ALICE, BOB, CALL, 2.0, 0.08)
    harness.trade(BOB, ALICE, PERPETUAL, 20_000, 61_000.0)
    harness.prices(63_000.0)
    for account in (ALICE, BOB):
        summary = account_summary(harness.accounts, account, "BTC")
        parts = ("balance", "futures_session_upl", "futures_session_rpl", "options_value")
        assert summary["equity"] == pytest.approx(sum(summary[part] for part in parts), abs=1e-12)
        assert summary["margin_balance"] == pytest.approx(
            summary["equity"] - summary["options_value"], abs=1e-12
        )
        assert summary["available_funds"] == pytest.approx(
            summary["margin_balance"] - summary["initial_margin"], abs=1e-12
        )
        assert summary["session_upl"] == pytest.approx(
            summary["futures_session_upl"] + summary["options_session_upl"]
        )
    assert account_summary(harness.accounts, ALICE, "BTC")["futures_session_rpl"] > 0.0


def test_delta_counts_the_premium_of_an_option(harness: ExchangeHarness) -> None:
    harness.trade(ALICE, BOB, CALL, 2.0, 0.08)
    harness.trade(ALICE, BOB, PERPETUAL, 60_000, 60_000.0)
    option, mark = harness.accounts.pricing.options[CALL.name], harness.accounts.pricing.marks[CALL.name]
    summary = account_summary(harness.accounts, ALICE, "BTC")
    assert summary["options_delta"] == pytest.approx(2 * option.value.delta)
    assert summary["delta_total"] == pytest.approx(2 * (option.value.delta - mark) + 1.0)
    assert summary["delta_total_map"] == {"btc_usd": summary["delta_total"]}
    assert summary["options_vega"] == pytest.approx(2 * option.value.vega)
    assert summary["options_theta_map"] == {"btc_usd": pytest.approx(2 * option.value.theta)}


def test_half_way_through_the_last_half_hour_half_the_delta_is_left(harness: ExchangeHarness) -> None:
    harness.trade(ALICE, BOB, CALL, 1.0, 0.08)
    left = (QUARTERLY.expiration_ns - harness.now) // SECOND_NS
    harness.prices(90_000.0, later_s=left - 1800)
    before = account_summary(harness.accounts, ALICE, "BTC")["delta_total"]
    harness.prices(90_000.0, later_s=900)
    after = account_summary(harness.accounts, ALICE, "BTC")["delta_total"]
    assert before == pytest.approx(1.0 - 1 / 3, abs=1e-3)
    assert after == pytest.approx(before / 2, abs=1e-3)


def test_an_option_whose_mark_is_zero_before_it_expires_keeps_margin_and_profit(
    harness: ExchangeHarness,
) -> None:
    harness.trade(ALICE, BOB, CALL, 1.0, 0.01)
    left = (QUARTERLY.expiration_ns - harness.now) // SECOND_NS
    harness.prices(20_000.0, later_s=left - 60)
    assert harness.accounts.pricing.marks[CALL.name] == 0.0
    long, short = (position_summary(harness.accounts, account, CALL.name) for account in (ALICE, BOB))
    assert (long["total_profit_loss"], short["total_profit_loss"]) == (-0.01, 0.01)
    assert short["maintenance_margin"] == pytest.approx(0.075)
    assert short["initial_margin"] == pytest.approx(0.1)
    assert account_summary(harness.accounts, BOB, "BTC")["maintenance_margin"] == pytest.approx(0.075)
    _, sell = margins(harness.accounts, CALL, 10, 0.08)
    assert sell == pytest.approx(0.1 - 0.08)


def test_projected_margins_leave_out_what_expires_next(harness: ExchangeHarness) -> None:
    harness.trade(ALICE, BOB, CALL, 1.0, 0.08)
    harness.trade(ALICE, BOB, PERPETUAL, 60_000, 60_000.0)
    left = (QUARTERLY.expiration_ns - harness.now) // SECOND_NS
    harness.prices(later_s=left - 7200)
    summary = account_summary(harness.accounts, BOB, "BTC")
    assert 0.0 < summary["projected_maintenance_margin"] < summary["maintenance_margin"]
    assert summary["projected_delta_total"] == pytest.approx(-1.0)


def test_an_account_without_money_is_all_zero(harness: ExchangeHarness) -> None:
    summary = account_summary(harness.accounts, 99, "ETH")
    assert summary["currency"] == "ETH"
    assert not any(value for value in summary.values() if isinstance(value, float))
    assert 99 not in harness.accounts.ledger.accounts


def test_a_position_says_size_price_profit_and_where_it_ends(harness: ExchangeHarness) -> None:
    harness.trade(ALICE, BOB, PERPETUAL, 600_000, 60_000.0)
    harness.prices(61_000.0)
    summary = position_summary(harness.accounts, ALICE, PERPETUAL.name)
    assert (summary["direction"], summary["size"], summary["leverage"]) == ("buy", 600_000.0, 50)
    assert summary["average_price"] == pytest.approx(60_000.0)
    assert summary["size_currency"] == pytest.approx(600_000 / 61_000)
    assert summary["floating_profit_loss"] == pytest.approx(10 - 600_000 / 61_000, abs=1e-7)
    price = summary["estimated_liquidation_price"]
    assert 30_000 < price < 33_000
    short = position_summary(harness.accounts, BOB, PERPETUAL.name)
    assert short["direction"] == "sell"
    assert "estimated_liquidation_price" not in short


def test_the_liquidation_price_is_where_liquidation_begins(harness: ExchangeHarness) -> None:
    harness.trade(ALICE, BOB, LINEAR, 10.0, 60_000.0)
    price = position_summary(harness.accounts, ALICE, LINEAR.name)["estimated_liquidation_price"]
    wallet = harness.accounts.ledger.account(ALICE).wallet("USDC")
    harness.prices(price * 1.0005)
    assert not wallet.liquidating
    harness.prices(price * 0.9995)
    assert wallet.liquidating


def test_no_position_is_zero(harness: ExchangeHarness) -> None:
    summary = position_summary(harness.accounts, ALICE, CALL.name)
    assert (summary["direction"], summary["size"], summary["delta"], summary["average_price"]) == (
        "zero",
        0,
        0,
        0,
    )


def test_margins_of_an_order_to_come(harness: ExchangeHarness) -> None:
    buy, sell = margins(harness.accounts, PERPETUAL, 60_000, 60_000.0)
    assert buy == sell == pytest.approx(0.02005)
    buy, sell = margins(harness.accounts, CALL, 10, 0.08)
    assert buy == pytest.approx(0.08)
    assert sell > 0.1


def test_tickers_say_marks_volatilities_and_greeks(harness: ExchangeHarness) -> None:
    pricing = harness.accounts.pricing
    stated = ticker(pricing, CALL, best=(0.0, pricing.marks[CALL.name]))
    option = pricing.options[CALL.name]
    assert (stated.mark_iv, stated.bid_iv) == (round(option.vol * 100, 2), 0.0)
    assert stated.ask_iv == pytest.approx(option.vol * 100, abs=0.01)
    assert stated.greeks is not None
    assert stated.greeks.delta == round(option.value.delta, 5)
    perpetual = ticker(pricing, PERPETUAL, harness.exchange.matching.books[PERPETUAL.name].reference, 5.0)
    assert (perpetual.index_price, perpetual.open_interest, perpetual.mark_iv) == (60_000.0, 5.0, None)
    assert perpetual.min_price is not None
    assert perpetual.current_funding == 0.0
    assert {each.name: each.price for each in indices(pricing)} == {
        "btc_usd": 60_000.0,
        "btc_usdc": 60_000.0,
    }
    assert ticker(Pricing(), PERPETUAL).mark_price is None
    assert UNITS == 10**8


def test_sums_of_money_have_no_more_decimals_than_money(harness: ExchangeHarness) -> None:
    harness.trade(1, 2, PERPETUAL, 12_340, 60_000.0)
    harness.trade(2, 1, CALL, 0.7, 0.0435)
    for index in (60_123.4, 59_321.7, 61_999.9):
        harness.prices(index)
        summary = account_summary(harness.accounts, 1, "BTC")
        for name in ("session_upl", "session_rpl", "total_pl", "futures_pl", "equity"):
            assert summary[name] == round(summary[name], 8)
        position = position_summary(harness.accounts, 1, PERPETUAL.name)
        assert position["mark_price"] == round(position["mark_price"], 2)
        assert position["index_price"] == index


def test_an_option_says_what_it_cost_in_dollars_at_the_index_of_each_trade(harness: ExchangeHarness) -> None:
    harness.trade(ALICE, BOB, CALL, 2.0, 0.05)
    harness.prices(66_000.0)
    harness.trade(ALICE, BOB, CALL, 2.0, 0.10)
    harness.trade(BOB, ALICE, CALL, 1.0, 0.10)
    summary = position_summary(harness.accounts, ALICE, CALL.name)
    average = (0.05 * 60_000 + 0.10 * 66_000) / 2
    assert summary["average_price_usd"] == pytest.approx(average)
    worth = summary["mark_price"] * summary["index_price"] * 3
    assert summary["floating_profit_loss_usd"] == pytest.approx(worth - 3 * average, abs=1.0)
    short = position_summary(harness.accounts, BOB, CALL.name)
    assert short["average_price_usd"] == pytest.approx(average)
    assert short["floating_profit_loss_usd"] == pytest.approx(-summary["floating_profit_loss_usd"])


def test_interest_values_say_what_a_position_has_paid(harness: ExchangeHarness) -> None:
    harness.trade(ALICE, BOB, LINEAR, 10.0, 60_000.0)
    for _ in range(3):
        harness.prices(later_s=3600.0, BTC__USDC_PERPETUAL=60_300.0)
    before = position_summary(harness.accounts, ALICE, LINEAR.name)["interest_value"]
    now = ticker(harness.accounts.pricing, LINEAR).interest_value
    assert now is not None
    harness.trade(ALICE, BOB, LINEAR, 0.001, 60_300.0)
    summary = position_summary(harness.accounts, ALICE, LINEAR.name)
    assert summary["interest_value"] == now > before
    assert summary["realized_funding"] == pytest.approx((before - now) * 10.0, abs=1e-6)

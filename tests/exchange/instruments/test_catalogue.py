"""The list of instruments is the calendar's and the strike ladder's, named and sized as Deribit does."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deltawire.exchange.instruments.catalogue import SERIES, strike_text, wanted
from deltawire.exchange.instruments.fees import FeeTable
from deltawire.exchange.instruments.strikes import round_step, strike_step, strikes
from deltawire.model.numbers import parse_decimal
from tests.exchange.instruments.test_calendar import at

NOW = at("2024-02-20T12:00:00")
PRICES = {"btc_usd": 62_345.0, "eth_usd": 3_012.0, "btc_usdc": 62_340.0, "eth_usdc": 3_011.0}
BY_NAME = {instrument.name: instrument for instrument in wanted(NOW, PRICES, FeeTable())}


def test_names_are_unique() -> None:
    assert len(BY_NAME) == len(list(wanted(NOW, PRICES, FeeTable())))


@pytest.mark.parametrize(
    "name",
    [
        "BTC-PERPETUAL",
        "ETH-PERPETUAL",
        "BTC_USDC-PERPETUAL",
        "ETH_USDC-PERPETUAL",
        "BTC-23FEB24",
        "BTC-1MAR24",
        "BTC-28JUN24",
        "ETH-27DEC24",
        "BTC_USDC-29MAR24",
        "BTC-21FEB24-62000-C",
        "BTC-29MAR24-60000-P",
        "ETH-1MAR24-3000-C",
        "ETH_USDC-29MAR24-3000-P",
    ],
)
def test_what_a_trader_looks_for_is_listed(name: str) -> None:
    assert name in BY_NAME


def test_an_inverse_perpetual_is_sized_in_dollars_and_settled_in_coin() -> None:
    instrument = BY_NAME["BTC-PERPETUAL"]
    assert (instrument.size_unit, instrument.inverse, instrument.settlement) == ("quote", True, "BTC")
    assert (instrument.price(1), instrument.size(10), instrument.tick, instrument.contract_size) == (
        0.1,
        10.0,
        5,
        10.0,
    )
    assert instrument.perpetual
    assert (instrument.maker_commission, instrument.taker_commission) == (0.0, 0.0005)
    assert instrument.max_liquidation_commission == 0.0075


def test_a_linear_future_is_sized_in_coin_and_settled_in_dollars() -> None:
    instrument = BY_NAME["BTC_USDC-29MAR24"]
    assert (instrument.size_unit, instrument.inverse, instrument.settlement) == ("base", False, "USDC")
    assert instrument.index_name == "btc_usdc"


def test_options_know_strike_side_expiry_and_steps() -> None:
    instrument = BY_NAME["BTC-29MAR24-60000-P"]
    assert (instrument.strike, instrument.option_type, instrument.priced_in) == (60_000.0, "put", "BTC")
    assert instrument.expiration_ns == at("2024-03-29T08:00:00")
    assert [instrument.tick_at(ticks) for ticks in (1, 50, 51, 1000)] == [1, 1, 5, 5]


def test_weekly_futures_pay_their_makers() -> None:
    assert BY_NAME["BTC-1MAR24"].maker_commission == -0.0001
    assert BY_NAME["BTC-29MAR24"].maker_commission == 0.0


def test_without_an_index_price_there_are_no_options() -> None:
    assert {instrument.kind for instrument in wanted(NOW, {}, FeeTable())} == {"future"}


def test_every_price_step_is_a_multiple_of_its_exponent() -> None:
    for instrument in BY_NAME.values():
        assert instrument.tick >= 1
        assert parse_decimal(instrument.min_trade_size, instrument.size_exponent) == 1 or instrument.inverse
        for price, _ in instrument.tick_size_steps:
            above = parse_decimal(price, instrument.price_exponent)
            assert above % instrument.tick_at(above + 1) == 0


def test_calls_and_puts_come_in_pairs() -> None:
    options = {name for name, found in BY_NAME.items() if found.kind == "option"}
    assert all(f"{name[:-1]}{'P' if name[-1] == 'C' else 'C'}" in options for name in options)


def test_strikes_are_written_without_a_point() -> None:
    assert [strike_text(strike) for strike in (64_000.0, 0.625, 12.5)] == ["64000", "0d625", "12d5"]


@given(st.floats(10.0, 500_000.0), st.floats(0.001, 1.5))
def test_a_ladder_surrounds_the_forward_with_round_strikes(forward: float, years: float) -> None:
    ladder = strikes(forward, years)
    step = strike_step(forward, years)
    assert 8 <= len(ladder) <= 80
    assert ladder == sorted(set(ladder))
    assert ladder[0] > 0.0
    assert sum(strike < forward for strike in ladder) >= 3
    assert sum(strike > forward for strike in ladder) >= 3
    assert all(abs(strike / step - round(strike / step)) < 1e-6 for strike in ladder)
    near = [pair for pair in pairwise(ladder) if pair[0] <= forward <= pair[1]]
    assert all(high - low == pytest.approx(step) for low, high in near)


@pytest.mark.parametrize(
    ("least", "step"), [(1.0, 1.0), (1.01, 2.0), (2.2, 2.5), (312.0, 500.0), (7.0, 10.0)]
)
def test_steps_are_round(least: float, step: float) -> None:
    assert round_step(least) == step


def test_series_cover_both_coins_both_ways() -> None:
    assert [(series.prefix, series.inverse) for series in SERIES] == [
        ("BTC", True),
        ("ETH", True),
        ("BTC_USDC", False),
        ("ETH_USDC", False),
    ]

"""Instrument states as the dialect's objects."""

import pytest

from deltawire.dialect.market_objects import (
    contracts,
    currency_objects,
    instrument_object,
    status_object,
    summary_object,
    ticker_object,
)
from deltawire.market.market import Market
from deltawire.model.instruments import FOREVER_MS, Instrument
from tests.support.market_events import (
    MS_NS,
    SECOND_NS,
    START_NS,
    VENUE,
    ScriptedBook,
    make_instrument,
    make_option,
    make_ticker,
    make_trade,
)


def market_of(*instruments: Instrument) -> Market:
    market = Market(VENUE)
    for instrument in instruments:
        market.state(instrument)
    return market


def test_a_perpetual_as_get_instruments_lists_it() -> None:
    (state,) = market_of(make_instrument(maker_commission=0.0, taker_commission=0.0005))
    assert instrument_object(state) == {
        "instrument_name": "BTC-PERPETUAL",
        "instrument_id": 1,
        "kind": "future",
        "state": "open",
        "is_active": True,
        "base_currency": "BTC",
        "quote_currency": "USD",
        "counter_currency": "USD",
        "settlement_currency": "BTC",
        "settlement_period": "perpetual",
        "tick_size": 0.5,
        "tick_size_steps": [],
        "min_trade_amount": 10.0,
        "contract_size": 10.0,
        "amount_unit": "quote",
        "price_index": "btc_usd",
        "instrument_type": "reversed",
        "maker_commission": 0.0,
        "taker_commission": 0.0005,
        "future_type": "reversed",
        "creation_timestamp": None,
        "expiration_timestamp": 32_503_708_800_000,
        "rfq": False,
        "underlying_type": "crypto",
        "venue": "deribit",
    }


def test_an_inverse_option_is_quoted_in_its_base_coin() -> None:
    (state,) = market_of(make_option())
    data = instrument_object(state)
    assert (data["quote_currency"], data["counter_currency"]) == ("BTC", "USD")
    assert (data["strike"], data["option_type"]) == (40000.0, "call")
    assert data["expiration_timestamp"] == 1_703_836_800_000


def test_a_spot_pair_never_settles() -> None:
    (state,) = market_of(make_instrument("BTC_USDC", kind="spot", quote="USDC", inverse=False, active=False))
    data = instrument_object(state)
    assert not data.keys() & {"settlement_currency", "settlement_period", "strike"}
    assert data["expiration_timestamp"] == FOREVER_MS
    assert (data["state"], data["is_active"], data["instrument_type"]) == ("inactive", False, "linear")


@pytest.mark.parametrize(("active", "told"), [(True, "open"), (False, "closed")])
def test_the_ticker_of_what_has_expired_is_closed(active: bool, told: str) -> None:
    market = market_of(make_option(active=active))
    (state,) = market
    assert ticker_object(state, market)["state"] == told


def test_increments_that_a_venue_stated_by_its_exponents_alone_are_those() -> None:
    (state,) = market_of(
        make_instrument(tick_size="", min_trade_size="", price_exponent=-2, size_exponent=-3)
    )
    data = instrument_object(state)
    assert (data["tick_size"], data["min_trade_amount"]) == (0.01, 0.001)


def test_what_nobody_has_stated_is_null_or_left_out_and_never_a_usual_value() -> None:
    (state,) = market_of(
        Instrument(
            venue=VENUE,
            name="A/B",
            kind="",
            base="",
            quote="",
            settlement="",
            price_exponent=-2,
            size_exponent=-3,
            stated=False,
        )
    )
    data = instrument_object(state)
    stated = {name: value for name, value in data.items() if value is not None}
    assert stated == {
        "instrument_name": "A/B",
        "instrument_id": 1,
        "state": "open",
        "is_active": True,
        "rfq": False,
        "underlying_type": "crypto",
        "venue": VENUE,
    }
    assert data["expiration_timestamp"] is None
    assert not data.keys() & {"maker_commission", "taker_commission", "tick_size_steps"}


def test_currencies_are_every_coin_once() -> None:
    sol = make_instrument("SOL_USDC-PERPETUAL", base="SOL", quote="USDC", settlement="USDC")
    data = currency_objects(market_of(make_instrument(), make_option(), sol))
    assert [each["currency"] for each in data] == ["BTC", "USD", "SOL", "USDC"]
    assert {"currency", "currency_long", "decimals", "withdrawal_fee"} <= data[0].keys()


def test_contracts_of_an_amount() -> None:
    assert contracts(make_instrument(), 250.0) == 25.0
    assert contracts(make_option(), 2.5) == 2.5
    assert contracts(make_instrument(size_unit="contracts", contract_size=0.01), 3.0) == 3.0
    assert contracts(make_instrument(contract_size=0.0), 3.0) is None
    assert contracts(make_instrument(size_unit="contracts", contract_size=0.0), 3.0) == 3.0


def test_a_ticker_names_the_state_of_a_book_only_when_it_is_not_live() -> None:
    market, book = Market(VENUE), ScriptedBook()
    for event in book.image({1000: 1}, {}):
        state = market.apply(event)
    assert "status" not in ticker_object(state, market)
    market.apply(book.stale("crossed"))
    market.advance(VENUE, START_NS + 2 * SECOND_NS)
    assert (
        ticker_object(state, market)["status"]
        == status_object(state, market.time(state))
        == {
            "instrument_name": "BTC-PERPETUAL",
            "state": "stale",
            "reason": "crossed",
            "since": START_NS // MS_NS,
            "age": 2000,
        }
    )


def test_a_summary_has_null_where_there_is_no_price() -> None:
    market, book = Market(VENUE), ScriptedBook()
    for event in book.image({1000: 1}, {}):
        state = market.apply(event)
    summary = summary_object(state, market)
    assert (summary["bid_price"], summary["ask_price"], summary["mid_price"]) == (100.0, None, None)
    assert (summary["volume"], summary["last"], summary["mark_price"]) == (0.0, None, None)
    market.apply(book.change(asks={1002: 1}))
    assert summary_object(state, market)["mid_price"] == pytest.approx(100.1)


def test_a_summary_has_the_price_of_a_combo_that_is_quoted_at_zero() -> None:
    market, book = Market(VENUE), ScriptedBook()
    for event in book.image({0: 1}, {2: 1}):
        state = market.apply(event)
    summary = summary_object(state, market)
    assert (summary["bid_price"], summary["ask_price"], summary["mid_price"]) == (0.0, 0.2, 0.1)


def test_a_summary_of_an_option_has_its_iv_and_of_a_perpetual_its_funding() -> None:
    market = Market(VENUE)
    option = market.apply(
        make_ticker(make_option(), mark_iv=55.5, underlying_price=100.0, current_funding=1.0)
    )
    summary = summary_object(option, market)
    assert (summary["mark_iv"], summary["underlying_price"]) == (55.5, 100.0)
    assert "current_funding" not in summary
    perpetual = market.apply(make_ticker(make_instrument(), current_funding=0.0001, mark_iv=1.0))
    summary = summary_object(perpetual, market)
    assert summary["current_funding"] == 0.0001
    assert "mark_iv" not in summary


def test_a_timestamp_is_that_of_the_newest_word() -> None:
    market, book = Market(VENUE), ScriptedBook()
    for event in book.image({1000: 1}, {}):
        state = market.apply(event)
    market.apply(make_ticker(book.instrument, START_NS + 5 * MS_NS, mark_price=1.0))
    assert ticker_object(state, market)["timestamp"] == START_NS // MS_NS + 5
    market.apply(make_trade(book.instrument, 1000, 1, START_NS + 9 * MS_NS))
    assert ticker_object(state, market)["timestamp"] == START_NS // MS_NS + 9

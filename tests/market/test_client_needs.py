"""What unmodified clients read of our objects without asking whether it is there."""

import msgspec
import pytest

from deltawire.dialect.market_objects import instrument_object, summary_object, ticker_object
from deltawire.market.market import Market
from deltawire.market.state import InstrumentState
from deltawire.model.events import BookImage, Levels, Status, Trade
from deltawire.model.expiries import FOREVER_NS
from deltawire.model.instruments import FOREVER_MS, Instrument

NOW_NS = 1_700_000_000_000_000_000
NOW_MS = NOW_NS // 1_000_000
DAY_NS = 86_400_000_000_000

SPOT = Instrument(
    venue="venue",
    name="BTC-USDT",
    kind="spot",
    base="BTC",
    quote="USDT",
    settlement="USDT",
    price_exponent=-1,
    size_exponent=-5,
    expiration_ns=FOREVER_NS,
)
OPTION = msgspec.structs.replace(
    SPOT,
    name="BTC-6AUG21-40000-C",
    kind="option",
    quote="USD",
    settlement="BTC",
    price_exponent=-4,
    size_exponent=-1,
    inverse=True,
    strike=40_000.0,
    option_type="call",
)
PERPETUAL = msgspec.structs.replace(SPOT, name="BTC-PERPETUAL", kind="future")


@pytest.fixture
def market() -> Market:
    market = Market(home="venue")
    market.advance("venue", NOW_NS)
    return market


def imaged(market: Market, instrument: Instrument, bid: int, ask: int) -> InstrumentState:
    image = BookImage(instrument, 1, Levels([bid], [1]), Levels([ask], [1]), NOW_NS - DAY_NS, NOW_NS, 1)
    market.apply(image)
    market.apply(Status(instrument, "live", "", NOW_NS))
    return market.state(instrument)


def traded(market: Market, instrument: Instrument, price: int, size: int) -> InstrumentState:
    market.apply(Trade(instrument, "1", price, size, "buy", NOW_NS, NOW_NS))
    return market.state(instrument)


def test_spot_instrument_expires_in_the_year_3000(market: Market) -> None:
    # cryptofeed reads `expiration_timestamp` of every instrument
    data = instrument_object(market.state(SPOT))
    assert data["expiration_timestamp"] == FOREVER_MS
    assert "settlement_period" not in data


@pytest.mark.parametrize(
    ("stated", "exponent", "told"),
    [("0.00001", -8, 1e-08), ("10", 0, 10.0), ("0.1", -1, 0.1), ("", -3, 0.001), ("0.0005", -4, 0.0005)],
)
def test_least_amount_is_never_coarser_than_the_amounts(
    market: Market, stated: str, exponent: int, told: float
) -> None:
    # nautilus_trader rounds the sizes of books and trades to it
    instrument = msgspec.structs.replace(SPOT, min_trade_size=stated, size_exponent=exponent)
    assert instrument_object(market.state(instrument))["min_trade_amount"] == told


def test_open_interest_is_a_number_even_where_none_is_stated(market: Market) -> None:
    # cryptofeed makes it a decimal
    state = market.state(PERPETUAL)
    assert ticker_object(state, market)["open_interest"] == 0.0
    assert summary_object(state, market)["open_interest"] == 0.0


def test_ticker_of_an_instrument_never_heard_of_is_as_of_now(market: Market) -> None:
    # ccxt would date it 1970
    assert ticker_object(market.state(SPOT), market)["timestamp"] == NOW_MS


def test_ticker_of_a_quiet_instrument_is_as_of_its_last_news(market: Market) -> None:
    state = imaged(market, SPOT, 1, 2)
    assert ticker_object(state, market)["timestamp"] == (NOW_NS - DAY_NS) // 1_000_000


def test_summary_is_as_of_now(market: Market) -> None:
    assert summary_object(imaged(market, SPOT, 1, 2), market)["creation_timestamp"] == NOW_MS


def test_mid_price_is_half_a_tick_exact(market: Market) -> None:
    state = imaged(market, msgspec.structs.replace(SPOT, price_exponent=-2), 6181260, 6181270)
    assert summary_object(state, market)["mid_price"] == 61812.65


def test_inverse_option_is_quoted_in_its_base_coin(market: Market) -> None:
    state = market.state(OPTION)
    for found in (instrument_object(state), summary_object(state, market)):
        assert (found["base_currency"], found["quote_currency"]) == ("BTC", "BTC")


@pytest.mark.parametrize(
    ("instrument", "dollars"),
    [(SPOT, 15.0), (OPTION, None), (msgspec.structs.replace(SPOT, quote="BTC"), None)],
    ids=["BTC-USDT", "inverse option", "quoted in BTC"],
)
def test_volume_in_dollars_is_told_only_where_prices_are_in_dollars(
    market: Market, instrument: Instrument, dollars: float | None
) -> None:
    state = traded(market, msgspec.structs.replace(instrument, price_exponent=-1, size_exponent=0), 30, 5)
    stats = ticker_object(state, market)["stats"]
    assert (stats["volume"], stats.get("volume_usd")) == (5.0, dollars)

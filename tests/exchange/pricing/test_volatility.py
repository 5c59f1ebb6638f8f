"""What volatility a trade's price is said to stand for; whatever the price, the exchange goes on."""

import pytest

from deltawire.exchange.orders.orders import Fill
from deltawire.exchange.pricing.pricing import PriceBand
from deltawire.exchange.pricing.volatility import implied_percent
from deltawire.model.instruments import Instrument
from deltawire.options.black76 import price, years_between
from tests.support.contracts import CALL, LISTED, NOW, PUT
from tests.support.exchange_harness import ExchangeHarness

LINEAR_PUT = LISTED["BTC_USDC-29MAR24-60000-P"]


@pytest.mark.parametrize("index", [20_000.1, 20_000.7, 20_012.3])
def test_a_put_trades_at_its_strike_which_no_volatility_gives(index: float) -> None:
    harness = ExchangeHarness(index, band=PriceBand(), instruments=(LINEAR_PUT,))
    for account in (1, 2):
        harness.deposit(account, 1e6, "USDC")
    harness.trade(1, 2, LINEAR_PUT, 1.0, 60_000.0)
    fills = [each for each in harness.outputs if isinstance(each, Fill)]
    assert [(fill.iv, fill.underlying) for fill in fills] == [(0.0, index)] * 2


@pytest.mark.parametrize("instrument", [CALL, PUT])
@pytest.mark.parametrize("ticks", [1, 5, 3_000, 9_999, 10_000, 10_001, 2**62])
@pytest.mark.parametrize("before_ns", [-1, 0, 1, 10**9, 86_400 * 10**9])
def test_every_price_at_every_time_has_a_volatility_or_zero(
    instrument: Instrument, ticks: int, before_ns: int
) -> None:
    found = implied_percent(
        instrument, instrument.price(ticks), 61_234.56, instrument.expiration_ns - before_ns
    )
    assert 0.0 <= found < 1e15
    assert found == 0.0 or (before_ns > 0 and ticks <= 10_000)


def test_black_76_gives_the_price_back() -> None:
    forward, years = 61_234.56, years_between(NOW, CALL.expiration_ns)
    coins = price(True, forward, 60_000.0, years, 0.5432) / forward
    assert implied_percent(CALL, coins, forward, NOW) == 54.32

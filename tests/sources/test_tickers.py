"""What the exchange says of its instruments beside their books."""

from deltawire.model.events import Index, Ticker
from deltawire.sources.simulated import open_interest, tickers
from tests.support.trading import TRADER, Exchange


def test_every_listed_instrument_has_a_ticker_and_every_index_a_price() -> None:
    exchange = Exchange()
    values = list(tickers(exchange.service.exchange, exchange.harness.accounts))
    named = {each.instrument.name: each for each in values if isinstance(each, Ticker)}
    assert named.keys() == exchange.harness.accounts.pricing.instruments.keys()
    assert {each.name for each in values if isinstance(each, Index)} == {"btc_usd", "btc_usdc"}
    perpetual, call = named["BTC-PERPETUAL"], named["BTC-29MAR24-60000-C"]
    assert perpetual.index_price == 60_000.0
    assert perpetual.current_funding is not None
    assert (perpetual.greeks, perpetual.mark_iv) == (None, None)
    assert call.greeks is not None
    assert 0.4 < call.greeks.delta < 0.7
    assert call.mark_iv is not None
    assert 50 < call.mark_iv < 70
    assert call.underlying_index == "BTC-29MAR24"


def test_open_interest_counts_each_contract_once() -> None:
    exchange = Exchange()
    exchange.client(TRADER).sell(100, 60_000.0)
    exchange.client().buy(100)
    assert open_interest(exchange.harness.accounts) == {"BTC-PERPETUAL": 100}

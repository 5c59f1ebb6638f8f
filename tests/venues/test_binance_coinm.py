"""What is COIN-M's own: contracts of dollars, settled in coins, and its words for states and names."""

import msgspec
import pytest

from deltawire.model.expiries import FOREVER_NS, UNKNOWN_NS
from deltawire.ports import Fetch, Send, Wants
from deltawire.testing.simulators.binance import BinanceCoinmSimulator
from deltawire.venues.binance_coinm import BinanceCoinm
from tests.venues.sessions import Session, told

PERPETUAL, SMALL, DATED = BinanceCoinmSimulator().instruments
EXPIRY_NS = 1_924_588_800_000_000_000


def test_a_connection_asks_for_its_streams() -> None:
    listing, subscription = BinanceCoinm().opened(Wants((PERPETUAL,)), 1)
    assert listing == Fetch("instruments", "https://dapi.binance.com/dapi/v1/exchangeInfo")
    assert isinstance(subscription, Send)
    assert msgspec.json.decode(subscription.frame)["params"] == [
        "btcusd_perp@depth@100ms",
        "btcusd_perp@bookTicker",
        "btcusd_perp@markPrice@1s",
        "btcusd_perp@forceOrder",
        "btcusd_perp@aggTrade",
    ]


def test_the_list_states_the_size_of_a_contract_and_the_coin_it_is_settled_in() -> None:
    session = Session("binance_coinm")
    session.open()
    large, small, dated = map(session.instrument, session.names)
    assert (large.contract_size, small.contract_size) == (100, 10)
    assert (large.base, large.quote, large.settlement) == ("BTC", "USD", "BTC")
    assert (large.inverse, large.size_unit, large.size_exponent) == (True, "contracts", 0)
    assert large.perpetual
    assert (dated.expiration_ns, dated.settlement_period) == (EXPIRY_NS, "")
    assert large.amounts(50_000, 5) == (0.01, 500)


def test_a_contract_that_is_settling_has_ended() -> None:
    session = Session("binance_coinm")
    session.open()
    session.delta(PERPETUAL)
    body = session.simulator.body("exchangeInfo").replace(b'"TRADING"', b'"SETTLING"', 1)
    assert told(session.fetch(Fetch("instruments", ""), body)) == ["stale closed"]
    assert not session.instrument(PERPETUAL).active


@pytest.mark.parametrize(
    ("symbol", "kind", "coins", "expiration_ns"),
    [
        ("BTCUSD_PERP", "future", ("BTC", "USD", "BTC"), FOREVER_NS),
        ("ETHUSD_301227", "future", ("ETH", "USD", "ETH"), EXPIRY_NS),
        ("ETHUSD_SOON", "future", ("ETH", "USD", "ETH"), UNKNOWN_NS),
        ("ETHUSDT", "", ("", "", ""), UNKNOWN_NS),
        ("HELLO_PERP", "", ("", "", ""), UNKNOWN_NS),
    ],
)
def test_what_a_name_tells(symbol: str, kind: str, coins: tuple[str, str, str], expiration_ns: int) -> None:
    named = BinanceCoinm()._describe(symbol)
    assert (named.kind, (named.base, named.quote, named.settlement)) == (kind, coins)
    assert named.expiration_ns == expiration_ns
    assert named.contract_size == 0, "only the list states it"

"""Instruments that tests of accounts use."""

from deltawire.exchange.instruments.catalogue import wanted
from deltawire.exchange.instruments.fees import FeeTable
from deltawire.model.instruments import Instrument
from tests.exchange.instruments.test_calendar import at

NOW = at("2024-02-20T12:00:00")
PRICES = {"btc_usd": 60_000.0, "eth_usd": 3_000.0, "btc_usdc": 60_000.0, "eth_usdc": 3_000.0}
LISTED: dict[str, Instrument] = {found.name: found for found in wanted(NOW, PRICES, FeeTable())}
PERPETUAL = LISTED["BTC-PERPETUAL"]
WEEKLY = LISTED["BTC-1MAR24"]
QUARTERLY = LISTED["BTC-29MAR24"]
LINEAR = LISTED["BTC_USDC-PERPETUAL"]
CALL = LISTED["BTC-29MAR24-60000-C"]
PUT = LISTED["BTC-29MAR24-60000-P"]
WEEKLY_CALL = LISTED["BTC-1MAR24-60000-C"]
LINEAR_CALL = LISTED["BTC_USDC-29MAR24-60000-C"]

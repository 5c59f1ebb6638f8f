"""Venues simulated on the wire, one class each, and this registry of their names."""

from collections.abc import Callable

from deltawire.testing.simulators.binance import (
    BinanceCoinmSimulator,
    BinanceSpotSimulator,
    BinanceUsdmSimulator,
)
from deltawire.testing.simulators.binance_options import BinanceOptionsSimulator
from deltawire.testing.simulators.bybit import (
    BybitInverseSimulator,
    BybitLinearSimulator,
    BybitOptionSimulator,
    BybitSpotSimulator,
)
from deltawire.testing.simulators.coinbase import CoinbaseSimulator
from deltawire.testing.simulators.deribit import DeribitSimulator
from deltawire.testing.simulators.hyperliquid import HyperliquidSimulator
from deltawire.testing.simulators.kraken import KrakenSimulator
from deltawire.testing.simulators.kraken_futures import KrakenFuturesSimulator
from deltawire.testing.simulators.okx import OkxEverything, OkxSimulator
from deltawire.testing.simulators.simulator import Simulator

__all__ = ["SERVED", "SIMULATORS", "Simulator"]
SIMULATORS: dict[str, Callable[..., Simulator]] = {
    "binance_coinm": BinanceCoinmSimulator,
    "binance_options": BinanceOptionsSimulator,
    "binance_spot": BinanceSpotSimulator,
    "binance_usdm": BinanceUsdmSimulator,
    "bybit_inverse": BybitInverseSimulator,
    "bybit_linear": BybitLinearSimulator,
    "bybit_option": BybitOptionSimulator,
    "bybit_spot": BybitSpotSimulator,
    "coinbase": CoinbaseSimulator,
    "deribit": DeribitSimulator,
    "hyperliquid": HyperliquidSimulator,
    "kraken": KrakenSimulator,
    "kraken_futures": KrakenFuturesSimulator,
    "okx": OkxSimulator,
}

SERVED: dict[str, Callable[..., Simulator]] = {**SIMULATORS, "okx": OkxEverything}
"""What `VenueServer` serves: as above, with all kinds of instruments of a venue."""

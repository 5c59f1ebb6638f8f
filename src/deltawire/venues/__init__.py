"""One file per venue, and the registry of their names."""

from collections.abc import Callable

from deltawire.errors import UsageError
from deltawire.ports import Venue
from deltawire.venues.binance_coinm import BinanceCoinm
from deltawire.venues.binance_options import BinanceOptions
from deltawire.venues.binance_spot import BinanceSpot
from deltawire.venues.binance_usdm import BinanceUsdm
from deltawire.venues.bybit import BybitInverse, BybitLinear, BybitOption, BybitSpot
from deltawire.venues.coinbase import Coinbase
from deltawire.venues.deribit import Deribit
from deltawire.venues.hyperliquid import Hyperliquid
from deltawire.venues.kraken import Kraken
from deltawire.venues.kraken_futures import KrakenFutures
from deltawire.venues.okx import Okx

REGISTRY: dict[str, Callable[[], Venue]] = {
    "binance_coinm": BinanceCoinm,
    "binance_options": BinanceOptions,
    "binance_spot": BinanceSpot,
    "binance_usdm": BinanceUsdm,
    "bybit_inverse": BybitInverse,
    "bybit_linear": BybitLinear,
    "bybit_option": BybitOption,
    "bybit_spot": BybitSpot,
    "coinbase": Coinbase,
    "deribit": Deribit,
    "hyperliquid": Hyperliquid,
    "kraken": Kraken,
    "kraken_futures": KrakenFutures,
    "okx": Okx,
}


def make_venue(name: str) -> Venue:
    """Create a connection state machine for a venue; `UsageError` if the name is not in the registry."""
    try:
        return REGISTRY[name]()
    except KeyError:
        raise UsageError(f"unknown venue {name!r}; known: {', '.join(sorted(REGISTRY))}") from None

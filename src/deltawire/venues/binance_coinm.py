"""Binance COIN-M futures: contracts in dollars, settled in coins. See `deltawire.venues.binance_usdm`.

Facts: developers.binance.com (COIN-M futures); frames are those of USD-M with the pair (`ps`) beside the symbol. Sizes
are numbers of contracts, of 100 USD for BTC and 10 USD for most others, which the list states. Trades come
aggregated: their single stream is not documented.
"""

from collections.abc import Mapping
from typing import ClassVar

import msgspec
from msgspec.structs import replace

from deltawire.model.expiries import FOREVER_NS, parse_yymmdd
from deltawire.model.instruments import Instrument
from deltawire.venues.binance import (
    FUTURES_LIMITS,
    _Symbol,
)
from deltawire.venues.binance_usdm import BinanceUsdm
from deltawire.venues.connection import split_pair

QUOTE = "USD"


class BinanceCoinm(BinanceUsdm):
    """One connection to dstream.binance.com."""

    name = "binance_coinm"
    rest = "https://dapi.binance.com/dapi/v1/"
    depth_stream = "depth@100ms"
    paths: ClassVar[Mapping[str, str]] = {}
    path = ""
    limits = replace(
        FUTURES_LIMITS,
        endpoints={"": ("wss://dstream.binance.com/stream",)},
        rest=("https://dapi.binance.com",),
        source="developers.binance.com, COIN-M futures: WebSocket, general info; notice of 2026-06-30",
    )

    def _describe(self, symbol: str) -> Instrument:
        """BTCUSD_PERP never expires, BTCUSD_260925 does; a name of another form tells nothing."""
        pair, _, end = symbol.partition("_")
        base, quote = split_pair(pair, (QUOTE,))
        known, perpetual = bool(base and end), end == "PERP"
        return Instrument(
            venue=self.name,
            name=symbol,
            kind="future" if known else "",
            base=base if known else "",
            quote=quote if known else "",
            settlement=base if known else "",
            price_exponent=0,
            size_exponent=0,
            size_unit="contracts",
            inverse=True,
            expiration_ns=FOREVER_NS if known and perpetual else parse_yymmdd(end if known else ""),
            settlement_period="perpetual" if known and perpetual else "",
            index_name=pair.lower() if known else "",
            stated=False,
        )

    def _to_instrument(self, stated: _Symbol) -> Instrument:
        return msgspec.structs.replace(super()._to_instrument(stated), contract_size=stated.contractSize)

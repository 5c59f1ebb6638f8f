"""Binance options' wire format: books as those of USD-M, and streams that tell of all options of an underlying."""

from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit

import msgspec

from deltawire.testing.simulators.binance import BinanceUsdmSimulator, kind_of
from deltawire.testing.simulators.market import Contract
from deltawire.testing.simulators.simulator import Change, Happening, Occasion, Stream, best

OF_UNDERLYING: dict[str, Occasion] = {
    "optionTrade": "traded",
    "optionMarkPrice": "second",
    "optionOpenInterest": "second",
}
"""The streams of an underlying, and when they send."""
PUBLIC = ("depth", "bookTicker", "optionTrade", "optionTicker")
OPEN_INTEREST_EVERY_S = 60


class BinanceOptionsSimulator(BinanceUsdmSimulator):
    """Two options on BTC and one on ETH; trades, marks and open interest are streams of an underlying."""

    name = "binance_options"
    contracts = (
        Contract("BTC-301227-60000-P", 0, -2, 3_500, step=5),
        Contract("BTC-301227-100000-C", 0, -2, 1_200, step=5),
        Contract("ETH-301227-3500-C", -1, -2, 2_450, step=1),
    )
    stream = "depth@100ms"
    rest = "/eapi/v1/"
    paths = ("/public", "/market")
    image_weights = ((50, 1), (100, 5), (500, 10), (1000, 20))

    def body(self, url: str) -> bytes:
        """`exchangeInfo` has options only."""
        if not urlsplit(url).path.endswith("exchangeInfo"):
            return super().body(url)
        stated = [self._option(walk.contract) for walk in self.walks.values()] if self.listed else []
        rate = {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": 2400}
        return msgspec.json.encode(
            {"timezone": "UTC", "serverTime": self._ms, "rateLimits": [rate], "optionSymbols": stated}
        )

    def trade(self, name: str) -> bytes:
        """`@optionTrade` of the underlying."""
        price, size, bought, number = self._next_trade(self.walks[name])
        trade = {"e": "trade", "E": self._ms, "T": self._ms, "s": name, "t": number, "p": price, "q": size}
        trade |= {"X": "MARKET", "S": "BUY" if bought else "SELL", "m": not bought}
        return self._push(_underlying(name), "optionTrade", trade)

    def marks(self, underlying: str) -> bytes:
        """`@optionMarkPrice`: all options of the underlying."""
        return self._array(
            underlying,
            "optionMarkPrice",
            [self._mark(name) for name in self.walks if _underlying(name) == underlying],
        )

    def open_interest(self, underlying: str, day: str) -> bytes:
        """`@optionOpenInterest@YYMMDD`."""
        data = [
            {"e": "openInterest", "E": self._ms, "s": name, "o": "29.35", "h": "1816999.7"}
            for name in self.walks
            if _underlying(name) == underlying and name.split("-")[1] == day
        ]
        return self._array(underlying, f"optionOpenInterest@{day}", data)

    def _array(self, underlying: str, stream: str, data: list[dict[str, Any]]) -> bytes:
        envelope = {"stream": f"{underlying.lower()}@{stream}", "data": data}
        return msgspec.json.encode(envelope if self._combined else data)

    def _mark(self, name: str) -> dict[str, Any]:
        bid, bid_size, ask, ask_size = best(self.walks[name])
        price, size = self.walks[name].contract.price, self.walks[name].contract.size
        quote = {"bo": price(bid), "ao": price(ask), "bq": size(bid_size), "aq": size(ask_size)}
        vols = {"b": "-1.0", "a": "0.5534", "vo": "0.5513", "rf": "0.0"}
        greeks = {"d": "-0.37596534", "t": "-51.5", "g": "0.00003161", "v": "82.65324199"}
        head = {"s": name, "mp": price(bid), "E": self._ms, "e": "markPrice", "i": "61912.8", "P": "0.0"}
        return head | quote | vols | {"hl": "9000.0", "ll": "1.0"} | greeks

    def _start(self, key: str) -> None:
        subject, kind = key.partition("@")[0].upper(), kind_of(key)
        if kind not in OF_UNDERLYING:
            super()._start(key)
        elif subject in map(_underlying, self.walks) and self._flows(kind):
            self._follow(key, "", OF_UNDERLYING[kind])

    def _flows(self, kind: str) -> bool:
        return (kind in PUBLIC) is (self._path != "/market")

    def _frames(self, stream: Stream, happening: Happening, change: Change | None) -> Iterable[bytes]:
        underlying, kind = stream.key.partition("@")[0].upper(), kind_of(stream.key)
        if kind == "optionTrade":
            return [self.trade(happening.name)] if _underlying(happening.name) == underlying else []
        if kind == "optionMarkPrice":
            return [self.marks(underlying)]
        if kind == "optionOpenInterest":
            due = self._ms // 1000 % OPEN_INTEREST_EVERY_S == 0
            return [self.open_interest(underlying, stream.key.rpartition("@")[2])] if due else []
        return super()._frames(stream, happening, change)

    def _product(self) -> dict[str, Any]:
        return {}

    def _named(self, name: str) -> dict[str, str]:
        return {"s": name}

    def _option(self, contract: Contract) -> dict[str, Any]:
        base, _, strike, kind = contract.name.split("-")
        tick, step = self._texts(contract, contract.step, contract.lot)
        return {
            "symbol": contract.name,
            "side": "CALL" if kind == "C" else "PUT",
            "strikePrice": strike,
            "expiryDate": contract.expiry_ms,
            "underlying": f"{base}USDT",
            "quoteAsset": "USDT",
            "unit": 1,
            "priceScale": -contract.price_exponent,
            "quantityScale": -contract.size_exponent,
            "status": "TRADING",
            "filters": [
                {"filterType": "PRICE_FILTER", "tickSize": tick},
                {"filterType": "LOT_SIZE", "stepSize": step, "minQty": step},
            ],
        }


def _underlying(name: str) -> str:
    """BTCUSDT of BTC-301227-60000-P."""
    return f"{name.partition('-')[0]}USDT"

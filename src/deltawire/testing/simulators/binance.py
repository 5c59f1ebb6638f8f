"""Binance's wire format: ranges of update ids, images by REST, best prices with the id at which they hold."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

import msgspec

from deltawire.testing.simulators.market import Contract, Walk
from deltawire.testing.simulators.simulator import (
    Change,
    HandshakeError,
    Happening,
    Occasion,
    PublishedBook,
    Simulator,
    Stream,
    best,
    query_of,
)

PRINTED_PLACES = 8
OCCASIONS: dict[str, Occasion] = {
    "depth": "moved",
    "bookTicker": "moved",
    "trade": "traded",
    "aggTrade": "traded",
    "markPrice": "second",
    "forceOrder": "second",
    "ticker": "second",
    "miniTicker": "second",
}
"""When the streams of this name send; those of others never do."""
PUBLIC = ("depth", "bookTicker", "trade", "rpiDepth")
"""The streams of futures under `/public`; all others are under `/market`."""
IMAGE_WEIGHTS = ((100, 5), (500, 25), (1000, 50), (5000, 250))
"""Weight of an image of up to so many levels."""
FORCED_EVERY_MS = 20_000


class BinanceSpotSimulator(Simulator):
    """Three spot pairs; the range of an update starts one above the end of the previous one."""

    name = "binance_spot"
    contracts = (
        Contract("BTCUSDT", -2, -5, 6_183_763),
        Contract("ETHUSDT", -2, -4, 268_540),
        Contract("SHIBUSDT", -8, 0, 1_402),
    )
    fetched_images = True
    stream = "depth@100ms"

    rest = "/api/v3/"
    paths: tuple[str, ...] = ("",)
    """What stands before `/ws` and `/stream`."""
    rates = (("REQUEST_WEIGHT", "MINUTE", 1, 6000), ("RAW_REQUESTS", "MINUTE", 5, 61000))
    image_weights: tuple[tuple[int, int], ...] = IMAGE_WEIGHTS
    _combined = True
    """Whether frames have the envelope of `/stream`."""
    _path = ""

    def connected(self, target: str) -> list[bytes]:
        """Start the streams that the address names: `/ws/<stream>`, or `/stream?streams=a/b`."""
        parts = urlsplit(target)
        self._path, _, rest = parts.path.rpartition("/stream")
        self._combined = parts.path.endswith("/stream")
        if not self._combined:
            self._path, found, rest = parts.path.partition("/ws")
            if not found:
                raise HandshakeError(404, "Not Found")
        if self._path not in self.paths:
            raise HandshakeError(404, "Not Found")
        named = query_of(target).get("streams", "") if self._combined else rest
        for key in filter(None, named.split("/")):
            self._start(key)
        return []

    def addresses(self) -> list[str]:
        """Combined streams of each path, and raw ones."""
        return [f"{path}{kind}" for path in self.paths for kind in ("/stream", "/ws")]

    def replies(self, request: str) -> list[tuple[str, bytes]]:
        """An acknowledgement, also of streams that do not exist; starts and ends streams."""
        try:
            asked = msgspec.json.decode(request)
            method, number, params = asked["method"], asked.get("id"), asked.get("params") or []
        except (msgspec.DecodeError, KeyError, TypeError, AttributeError):
            return [("", _encode({"error": {"code": 3, "msg": "Invalid JSON: expected value"}}))]
        if method == "LIST_SUBSCRIPTIONS":
            return [("", _encode({"result": [*self.streams], "id": number}))]
        if method not in ("SUBSCRIBE", "UNSUBSCRIBE"):
            return [
                (
                    "",
                    _encode(
                        {
                            "error": {"code": 2, "msg": f"Invalid request: unknown variant {method}"},
                            "id": number,
                        }
                    ),
                )
            ]
        if refused := [key for key in params if self.refuses(key)]:
            return [
                ("", _encode({"error": {"code": 2, "msg": f"Invalid request: {refused[0]}"}, "id": number}))
            ]
        for key in params:
            if method == "SUBSCRIBE":
                self._start(key)
            else:
                self._leave(key)
        return [("", _encode({"result": None, "id": number}))]

    def arguments(self, request: str) -> list[str]:
        """The streams of a request."""
        asked = msgspec.json.decode(request)
        return asked.get("params") or [] if asked.get("method") == "SUBSCRIBE" else []

    def too_many(self) -> list[bytes] | None:
        """An error, and nothing is subscribed."""
        return [_encode({"error": {"code": 2, "msg": "Invalid request: too many streams"}})]

    def body(self, url: str) -> bytes:
        """`exchangeInfo`, `depth`, `time` or `ping`."""
        path, asked = urlsplit(url).path, query_of(url)
        if path.endswith("exchangeInfo"):
            stated = [self._stated(walk.contract) for walk in self.walks.values()] if self.listed else []
            rates = [
                {"rateLimitType": kind, "interval": interval, "intervalNum": number, "limit": limit}
                for kind, interval, number, limit in self.rates
            ]
            return _encode(
                {"timezone": "UTC", "serverTime": self._ms, "rateLimits": rates, "symbols": stated}
            )
        if path.endswith(("/time", "/ping")):
            return _encode({"serverTime": self._ms} if path.endswith("/time") else {})
        if not path.endswith("/depth"):
            raise LookupError(f"no such address: {path}")
        name = asked.get("symbol", "")
        if name not in self.walks:
            return _encode({"code": -1121, "msg": "Invalid symbol."})
        return self.image(name, int(asked.get("limit", "5000")))

    def fetched(self, method: str, target: str, body: bytes) -> tuple[int, bytes]:
        """Status 400 with an error's code."""
        status, answer = super().fetched(method, target, body)
        return (400 if answer.startswith(b'{"code"') else status), answer

    def cost(self, target: str) -> tuple[str, int]:
        """The weight of the address in the one pool."""
        path = urlsplit(target).path
        if path.endswith("/depth"):
            limit = int(query_of(target).get("limit", "100"))
            return "weight", next((weight for most, weight in self.image_weights if limit <= most), 250)
        return "weight", 20 if path.endswith("exchangeInfo") else 1

    def stated(self, used: int) -> list[tuple[str, str]]:
        """The weight used within the minute."""
        return [("x-mbx-used-weight-1m", f"{used}"), ("x-mbx-used-weight", f"{used}")]

    def notice(self) -> bytes | None:
        """`serverShutdown`."""
        return _encode({"stream": "!serverShutdown", "data": {"e": "serverShutdown", "E": self._ms}})

    def image(self, name: str, limit: int | None = None) -> bytes:
        """The present book; the next update may be part of it already."""
        walk = self.walks[name]
        bids, asks = (
            [self._texts(walk.contract, *level) for level in walk.book.levels(side, limit)]
            for side in ("bids", "asks")
        )
        return _encode({"lastUpdateId": walk.id, **self._image_times(), "bids": bids, "asks": asks})

    def trade(self, name: str) -> bytes:
        """`@trade`."""
        price, size, bought, number = self._next_trade(self.walks[name])
        price, size = self._printed(price), self._printed(size)
        trade = {"e": "trade", "E": self._ms, "s": name, "t": number, "p": price, "q": size}
        return self._push(name, "trade", trade | {"T": self._ms, "m": not bought, "M": True})

    def aggregate(self, name: str) -> bytes:
        """`@aggTrade` of one trade."""
        price, size, bought, number = self._next_trade(self.walks[name])
        price, size = self._printed(price), self._printed(size)
        trade = {"e": "aggTrade", "E": self._ms, "s": name, "a": number, "p": price, "q": size}
        more = {"f": number, "l": number, "T": self._ms, "m": not bought, **self._product()}
        return self._push(name, "aggTrade", trade | more)

    def ticker(self, name: str) -> bytes:
        """`@bookTicker`."""
        walk = self.walks[name]
        bid, bid_size, ask, ask_size = best(walk)
        (b, bid_text), (a, ask_text) = (
            self._texts(walk.contract, bid, bid_size),
            self._texts(walk.contract, ask, ask_size),
        )
        top = {"u": walk.id, **self._named(name), "b": b, "B": bid_text, "a": a, "A": ask_text}
        return self._push(name, "bookTicker", top | self._event_times("bookTicker") | self._product())

    def _delta(self, walk: Walk, before: PublishedBook, bids: dict[int, int], asks: dict[int, int]) -> bytes:
        depth = {
            "e": "depthUpdate",
            "E": self._ms,
            **self._event_times(""),
            **self._named(walk.contract.name),
            **self._range(walk, before),
            "b": [self._texts(walk.contract, *level) for level in bids.items()],
            "a": [self._texts(walk.contract, *level) for level in asks.items()],
            **self._product(),
        }
        label = self._labels.get(walk.contract.name, "").partition("@")[2] or self.stream
        return self._push(walk.contract.name, label, depth)

    def _frames(self, stream: Stream, happening: Happening, change: Change | None) -> Iterable[bytes]:
        kind = kind_of(stream.key)
        if kind == "depth" or stream.name not in self.walks:
            return super()._frames(stream, happening, change) if stream.name in self.walks else []
        if kind == "bookTicker":
            return [self.ticker(stream.name)]
        if kind in ("trade", "aggTrade"):
            return [self.trade(stream.name) if kind == "trade" else self.aggregate(stream.name)]
        return self._second(stream, kind)

    def _second(self, stream: Stream, kind: str) -> Iterable[bytes]:
        """What a stream sends once a second."""
        if kind not in ("ticker", "miniTicker"):
            return []
        price = self._printed(self.walks[stream.name].contract.price(best(self.walks[stream.name])[0]))
        day = {"c": price, "o": price, "h": price, "l": price, "v": "1000", "q": "1000"}
        event = {"e": "24hrTicker" if kind == "ticker" else "24hrMiniTicker", "E": self._ms, "s": stream.name}
        return [self._push(stream.name, kind, event | day)]

    def _start(self, key: str) -> None:
        """Start a stream, if its instrument exists and its path is this one."""
        name, kind = key.partition("@")[0].upper(), kind_of(key)
        if name not in self.walks or kind not in OCCASIONS or not self._flows(kind):
            return
        self._follow(key, name, OCCASIONS[kind])
        if kind == "depth" and name not in self._published:
            self.subscribe(name)

    def _flows(self, kind: str) -> bool:
        """Whether streams of this kind send anything on this path."""
        return True

    def _named(self, name: str) -> dict[str, str]:
        """The symbol, and its pair where frames have it."""
        return {"s": name}

    def _product(self) -> dict[str, Any]:
        """What futures' frames say at their end."""
        return {}

    def _range(self, walk: Walk, before: PublishedBook) -> dict[str, int]:
        return {"U": before.id + 1, "u": walk.id}

    def _image_times(self) -> dict[str, int]:
        return {}

    def _event_times(self, event: str) -> dict[str, Any]:
        return {}

    def _texts(self, contract: Contract, price: int, size: int) -> tuple[str, str]:
        return self._printed(contract.price(price)), self._printed(contract.size(size))

    def _printed(self, text: str) -> str:
        """A number as spot prints it: with eight decimal places, whatever the increment."""
        return f"{Decimal(text):.{PRINTED_PLACES}f}"

    def _stated(self, contract: Contract) -> dict[str, Any]:
        tick, step = self._texts(contract, contract.step, contract.lot)
        return {
            "symbol": contract.name,
            "status": "TRADING",
            "baseAsset": contract.name.partition("USDT")[0],
            "quoteAsset": "USDT",
            "filters": [
                {"filterType": "PRICE_FILTER", "tickSize": tick},
                {"filterType": "LOT_SIZE", "stepSize": step, "minQty": step},
            ],
        }

    def _push(self, name: str, stream: str, data: dict[str, Any]) -> bytes:
        if not self._combined:
            return _encode(data)
        return _encode({"stream": f"{name.lower()}@{stream}", "data": data})


class BinanceUsdmSimulator(BinanceSpotSimulator):
    """Three USD-M contracts; an update names the end of the previous one, and ranges do not touch."""

    name = "binance_usdm"
    contracts = (
        Contract("BTCUSDT", -1, -3, 618_002),
        Contract("ETHUSDT", -2, -3, 268_540),
        Contract("BTCUSDT_301227", -1, -3, 630_500),
    )
    stream = "depth@0ms"
    rest = "/fapi/v1/"
    paths: tuple[str, ...] = ("", "/public", "/market")
    rates = (("REQUEST_WEIGHT", "MINUTE", 1, 2400), ("ORDERS", "MINUTE", 1, 1200))
    image_weights = ((50, 2), (100, 5), (500, 10), (1000, 20))

    def body(self, url: str) -> bytes:
        """Also `openInterest`, which no stream has."""
        if urlsplit(url).path.endswith("/openInterest"):
            return _encode(
                {"openInterest": "10659.509", "symbol": query_of(url).get("symbol"), "time": self._ms}
            )
        return super().body(url)

    def _flows(self, kind: str) -> bool:
        """Each path has its streams; addresses without one have those of `/public` only, since April 2026."""
        return (kind in PUBLIC) is (self._path != "/market")

    def _second(self, stream: Stream, kind: str) -> Iterable[bytes]:
        walk, name = self.walks[stream.name], stream.name
        price = walk.contract.price(best(walk)[0])
        if kind == "markPrice":
            head: dict[str, Any] = {
                "e": "markPriceUpdate",
                "E": self._ms,
                "s": name,
                "p": price,
                "i": price,
                "P": price,
            }
            rest = {"r": "0.00010000", "T": self._ms // 28_800_000 * 28_800_000 + 28_800_000}
            return [self._push(name, stream.key.partition("@")[2], head | rest | self._product())]
        if kind == "forceOrder":
            if self._ms % FORCED_EVERY_MS:
                return []
            order: dict[str, Any] = {
                "s": name,
                "S": "SELL",
                "o": "LIMIT",
                "f": "IOC",
                "q": walk.contract.size(5),
                "p": price,
            }
            order |= {"ap": price, "X": "FILLED", "l": walk.contract.size(5), "z": "5", "T": self._ms}
            return [self._push(name, kind, {"e": "forceOrder", "E": self._ms, "o": order, **self._product()})]
        return super()._second(stream, kind)

    def _product(self) -> dict[str, Any]:
        """Which futures these are, in frames since June 2026."""
        return {"st": 1}

    def _named(self, name: str) -> dict[str, str]:
        return {"s": name, "ps": name.partition("_")[0]}

    def _range(self, walk: Walk, before: PublishedBook) -> dict[str, int]:
        """The range of ids: other contracts use the same counter, so it starts somewhere after the last one."""
        return {"U": walk.first_id, "u": walk.id, "pu": before.id}

    def _image_times(self) -> dict[str, int]:
        return {"E": self._ms, "T": self._ms}

    def _event_times(self, event: str) -> dict[str, Any]:
        return ({"e": event} if event else {}) | {"T": self._ms, "E": self._ms}

    def _printed(self, text: str) -> str:
        return text

    def _stated(self, contract: Contract) -> dict[str, Any]:
        dated = "_" in contract.name
        return super()._stated(contract) | {
            "contractType": "CURRENT_QUARTER" if dated else "PERPETUAL",
            "deliveryDate": 1_924_588_800_000 if dated else 4_133_404_800_000,
            "onboardDate": 1_569_398_400_000,
            "marginAsset": "USDT",
        }


class BinanceCoinmSimulator(BinanceUsdmSimulator):
    """Three COIN-M contracts: frames name the pair, sizes are whole contracts."""

    name = "binance_coinm"
    contracts = (
        Contract("BTCUSD_PERP", -1, 0, 618_002),
        Contract("ETHUSD_PERP", -2, 0, 268_540),
        Contract("BTCUSD_301227", -1, 0, 630_500),
    )
    stream = "depth@100ms"

    rest = "/dapi/v1/"
    paths = ("",)

    def _flows(self, kind: str) -> bool:
        return True

    def _product(self) -> dict[str, Any]:
        return {}

    def _named(self, name: str) -> dict[str, str]:
        return {"s": name}

    def _event_times(self, event: str) -> dict[str, Any]:
        return super()._event_times(event) | {"st": 2}

    def _stated(self, contract: Contract) -> dict[str, Any]:
        stated = super()._stated(contract)
        pair, _, end = contract.name.partition("_")
        base, state = pair.removesuffix("USD"), stated.pop("status")
        dated = end != "PERP"
        return stated | {
            "pair": pair,
            "contractStatus": state,
            "contractType": "CURRENT_QUARTER" if dated else "PERPETUAL",
            "deliveryDate": 1_924_588_800_000 if dated else 4_133_404_800_000,
            "contractSize": 100 if base == "BTC" else 10,
            "baseAsset": base,
            "quoteAsset": "USD",
            "marginAsset": base,
        }


def _encode(frame: dict[str, Any]) -> bytes:
    return msgspec.json.encode(frame)


def kind_of(key: str) -> str:
    """Of `btcusdt@depth@100ms`: depth."""
    return key.partition("@")[2].partition("@")[0]

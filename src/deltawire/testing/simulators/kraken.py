"""Kraken's v2 wire format.

Bare numbers whose digits matter, a window of the best levels, checksums, no sequence numbers.
"""

from datetime import UTC, datetime
from random import Random
from typing import Any
from zlib import crc32

import msgspec

from deltawire.testing.simulators.market import Contract, PlainBook, SideName, Walk
from deltawire.testing.simulators.simulator import PublishedBook, Simulator, best

CHECKED = 10


class KrakenSimulator(Simulator):
    """Three pairs of Kraken; `subscribed` is the depth that it grants, None for the requested one.

    Levels that leave the window are not deleted; levels that enter it are sent again.
    """

    name = "kraken"
    contracts = (
        Contract("BTC/USD", -1, -8, 630_050),
        Contract("ETH/USD", -2, -8, 241_250),
        Contract("ALGO/USD", -5, -8, 18_930),
    )
    depth = 120

    def __init__(self, seed: int = 1, *, listed: bool = True, subscribed: int | None = None) -> None:
        super().__init__(seed, listed=listed)
        self._subscribed = subscribed
        self._depths: dict[str, int] = {}

    def answer(self, request: str) -> list[bytes]:
        """One acknowledgement per symbol, each before its image."""
        asked = msgspec.json.decode(request)
        method, params = asked["method"], asked["params"]
        subscribes = method == "subscribe"
        if params["channel"] == "instrument":
            return [self._pairs()] if self.listed else []
        frames = []
        for name in params["symbol"]:
            depth = self._subscribed or params.get("depth", 10)
            frames.append(self._ack(method, params["channel"], name, depth))
            if params["channel"] == "book" and subscribes and name in self.walks:
                self._depths[name] = depth
                frames.append(self.image(name))
        return frames

    def image(self, name: str) -> bytes:
        """A `snapshot` of the window."""
        self.subscribe(name)
        walk, window = self.walks[name], self.book(name)
        return self._book(walk, "snapshot", window.levels("bids"), window.levels("asks"))

    def trade(self, name: str) -> bytes:
        """`trade` with one trade."""
        price, size, bought, number = self._next_trade(self.walks[name])
        trade = {
            "symbol": name,
            "side": "buy" if bought else "sell",
            "price": _bare(price),
            "qty": _bare(size),
            "ord_type": "limit",
            "trade_id": number,
            "timestamp": self._time(),
        }
        return _encode({"channel": "trade", "type": "update", "data": [trade]})

    def ticker(self, name: str) -> bytes:
        """`ticker`."""
        walk = self.walks[name]
        bid, bid_size, ask, ask_size = best(walk)
        price, size = walk.contract.price, walk.contract.size
        ticker = {
            "symbol": name,
            "bid": _bare(price(bid)),
            "bid_qty": _bare(size(bid_size)),
            "ask": _bare(price(ask)),
            "ask_qty": _bare(size(ask_size)),
            "last": _bare(price(bid)),
            "volume": 1234.5,
            "vwap": _bare(price(bid)),
            "low": _bare(price(bid)),
            "high": _bare(price(ask)),
            "change": 0.1,
            "change_pct": 0.25,
            "timestamp": self._time(),
        }
        return _encode({"channel": "ticker", "type": "update", "data": [ticker]})

    def heartbeat(self) -> bytes:
        """The frame sent once a second if there is no other."""
        return _encode({"channel": "heartbeat"})

    def body(self, url: str) -> bytes:
        """Always fails: Kraken's books need no REST."""
        raise LookupError(f"nothing is fetched from Kraken: {url}")

    def _window(self, walk: Walk) -> PlainBook:
        return walk.book.cut(self._depths.get(walk.contract.name, 10))

    def _news(self, walk: Walk, now: PlainBook, side: SideName) -> dict[int, int]:
        changed = super()._news(walk, now, side)
        market = getattr(walk.book, side)
        return {price: size for price, size in changed.items() if size or price not in market}

    def _delta(self, walk: Walk, before: PublishedBook, bids: dict[int, int], asks: dict[int, int]) -> bytes:
        """An update with levels in random order, and sometimes one level that changes twice."""
        shuffled = Random(walk.id)
        sides = []
        for side in (bids, asks):
            levels = list(side.items())
            shuffled.shuffle(levels)
            if levels and shuffled.random() < 0.2:
                levels.insert(0, (levels[-1][0], 1))
            sides.append(levels)
        return self._book(walk, "update", *sides)

    def _book(self, walk: Walk, kind: str, bids: list[tuple[int, int]], asks: list[tuple[int, int]]) -> bytes:
        contract = walk.contract
        data = {
            "symbol": contract.name,
            "bids": [self._level(contract, *level) for level in bids],
            "asks": [self._level(contract, *level) for level in asks],
            "checksum": self._checksum(contract, self.book(contract.name)),
            "timestamp": self._time(),
        }
        return _encode({"channel": "book", "type": kind, "data": [data]})

    def _level(self, contract: Contract, price: int, size: int) -> dict[str, msgspec.Raw]:
        return {"price": _bare(contract.price(price)), "qty": _bare(contract.size(size))}

    def _checksum(self, contract: Contract, book: PlainBook) -> int:
        """CRC32 over the digits of the best ten asks, then the best ten bids."""
        texts = [
            text.replace(".", "").lstrip("0")
            for side in (book.levels("asks", CHECKED), book.levels("bids", CHECKED))
            for price, size in side
            for text in (contract.price(price), contract.size(size))
        ]
        return crc32("".join(texts).encode())

    def _ack(self, method: str, channel: str, name: str, depth: int) -> bytes:
        result: dict[str, Any] = {"channel": channel, "symbol": name}
        result |= {"depth": depth} if channel == "book" else {}
        times = {"time_in": self._time(), "time_out": self._time()}
        if name not in self.walks:
            error = {"error": f"Currency pair not supported {name}", "symbol": name, "success": False}
            return _encode({"method": method, **error, **times})
        return _encode({"method": method, "result": result, "success": True, **times})

    def _pairs(self) -> bytes:
        pairs = [
            {
                "symbol": walk.contract.name,
                "base": walk.contract.name.partition("/")[0],
                "quote": walk.contract.name.partition("/")[2],
                "status": "online",
                "price_precision": -walk.contract.price_exponent,
                "price_increment": float(walk.contract.price(walk.contract.step)),
                "qty_precision": -walk.contract.size_exponent,
                "qty_increment": float(walk.contract.size(1)),
                "qty_min": float(walk.contract.size(10_000)),
            }
            for walk in self.walks.values()
        ]
        return _encode({"channel": "instrument", "type": "snapshot", "data": {"assets": [], "pairs": pairs}})

    def _time(self) -> str:
        """RFC 3339 with microseconds."""
        moment = datetime.fromtimestamp(self.now_ns // 10**9, UTC)
        return f"{moment:%Y-%m-%dT%H:%M:%S}.{self.now_ns // 1_000 % 10**6:06d}Z"


def _bare(text: str) -> msgspec.Raw:
    return msgspec.Raw(text.encode())


def _encode(frame: dict[str, Any]) -> bytes:
    return msgspec.json.encode(frame)

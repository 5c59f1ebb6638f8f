"""Kraken's v2 wire format.

Bare numbers whose digits matter, a window of the best levels, checksums, no sequence numbers.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from random import Random
from typing import Any, Unpack
from zlib import crc32

import msgspec

from deltawire.testing.simulators.market import Contract, PlainBook, SideName, Walk
from deltawire.testing.simulators.simulator import (
    Change,
    Happening,
    Maintenance,
    Occasion,
    PublishedBook,
    Setting,
    Simulator,
    Stream,
    best,
)

CHECKED = 10
DEPTHS = (10, 25, 100, 500, 1000)
OCCASIONS: dict[str, Occasion] = {"book": "moved", "trade": "traded", "ticker": "second"}


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
    paths = ("/v2", "/")

    def __init__(
        self,
        seed: int = 1,
        *,
        subscribed: int | None = None,
        **setting: Unpack[Setting],
    ) -> None:
        super().__init__(seed, **setting)
        self._subscribed = subscribed
        self._depths: dict[str, int] = {}

    def connected(self, target: str) -> list[bytes]:
        """`status`, whose connection id is beyond what a double can say."""
        super().connected(target)
        down = any(news.phase == "ongoing" for news in self.maintenance.values())
        return [self._engine("maintenance" if down else "online")]

    def announced(self, news: Maintenance) -> list[tuple[str, bytes]]:
        """`status`, when it begins or ends."""
        states = {"ongoing": "maintenance", "completed": "online"}
        return [("", self._engine(states[news.phase]))] if news.phase in states else []

    def _engine(self, system: str) -> bytes:
        data = {
            "version": "2.0.10",
            "system": system,
            "api_version": "v2",
            "connection_id": 12345678901234567890,
        }
        return _encode({"channel": "status", "type": "update", "data": [data]})

    def replies(self, request: str) -> list[tuple[str, bytes]]:
        """One acknowledgement per symbol, each before its image."""
        asked = msgspec.json.decode(request)
        method, params, number = asked["method"], asked.get("params", {}), asked.get("req_id")
        if method == "ping":
            return [("", _encode(_numbered({"method": "pong"} | self._times(), number)))]
        subscribes, channel = method == "subscribe", params["channel"]
        if channel == "instrument":
            self._follow("instrument", "", "listed")
            return [("instrument", self._pairs())] if self.listed else []
        if channel not in OCCASIONS:
            return [("", self._refused(method, "Channel not supported", "", number))]
        frames = []
        for name in params["symbol"]:
            depth = self._subscribed or params.get("depth", 10)
            key = f"{channel}:{name}"
            frames.append(("", self._ack(method, channel, name, depth, number)))
            if not self._takes(key, name, depth):
                continue
            if not subscribes:
                self._leave(key)
                continue
            self._follow(key, name, OCCASIONS[channel])
            if channel == "book":
                self._depths[name] = depth
                frames.append((key, self.image(name)))
        return frames

    def arguments(self, request: str) -> list[str]:
        """The channel with each symbol."""
        params = msgspec.json.decode(request).get("params", {})
        return [f"{params['channel']}:{name}" for name in params.get("symbol", [])]

    def too_fast(self, request: str) -> list[bytes] | None:
        """An error that does not say which request it is about."""
        return [_encode({"Error": "Exceeded msg rate"})]

    def beat(self) -> bytes | None:
        """A heartbeat, once something is subscribed."""
        return self.heartbeat() if self.streams else None

    def _takes(self, key: str, name: str, depth: int) -> bool:
        return name in self.walks and depth in DEPTHS and not self.refuses(key)

    def _frames(self, stream: Stream, happening: Happening, change: Change | None) -> Iterable[bytes]:
        if stream.on == "listed":
            return [self._pairs("update", happening.name)]
        return super()._frames(stream, happening, change)

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
        """`AssetPairs`, `Assets` or `Time`; books need no REST."""
        what = url.partition("?")[0].rpartition("/")[2]
        contracts = [walk.contract for walk in self.walks.values()] if self.listed else []
        match what:
            case "AssetPairs":
                result: dict[str, Any] = {each.name.replace("/", ""): _listed(each) for each in contracts}
            case "Assets":
                coins = {coin for each in contracts for coin in each.name.split("/")}
                asset = {"aclass": "currency", "decimals": 10, "display_decimals": 5, "status": "enabled"}
                result = {coin: {**asset, "altname": coin} for coin in sorted(coins)}
            case "Time":
                result = {"unixtime": self._ms // 1000}
            case _:
                raise LookupError(f"nothing is fetched from Kraken: {url}")
        return _encode({"error": [], "result": result})

    def _shown(self, walk: Walk) -> int:
        return self._depths.get(walk.contract.name, 10)

    def _window(self, walk: Walk) -> PlainBook:
        return walk.book.cut(self._shown(walk))

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

    def _ack(self, method: str, channel: str, name: str, depth: int, number: int | None) -> bytes:
        result: dict[str, Any] = {"channel": channel, "symbol": name}
        result |= {"depth": depth} if channel == "book" else {}
        if depth not in DEPTHS:
            return self._refused(method, "Subscription depth not supported", name, number)
        if not self._takes(f"{channel}:{name}", name, depth):
            return self._refused(method, f"Currency pair not supported {name}", name, number)
        return _encode(
            _numbered({"method": method, "result": result, "success": True} | self._times(), number)
        )

    def _refused(self, method: str, reason: str, name: str, number: int | None) -> bytes:
        error = {"method": method, "error": reason, "symbol": name, "success": False}
        return _encode(_numbered(error | self._times(), number))

    def _times(self) -> dict[str, str]:
        return {"time_in": self._time(), "time_out": self._time()}

    def _pairs(self, kind: str = "snapshot", only: str = "") -> bytes:
        contracts = [walk.contract for name, walk in self.walks.items() if only in ("", name)]
        pairs = [
            {
                "symbol": contract.name,
                "base": contract.name.partition("/")[0],
                "quote": contract.name.partition("/")[2],
                "status": "online",
                "price_precision": -contract.price_exponent,
                "price_increment": float(contract.price(contract.step)),
                "qty_precision": -contract.size_exponent,
                "qty_increment": float(contract.size(1)),
                "qty_min": float(contract.size(10_000)),
            }
            for contract in contracts
        ]
        if only and only not in self.walks:
            base, _, quote = only.partition("/")
            pairs = [
                {"symbol": only, "base": base, "quote": quote, "status": "delisted", "price_precision": 0}
            ]
            pairs[0] |= {"price_increment": 1, "qty_precision": 0, "qty_increment": 1, "qty_min": 1}
        return _encode({"channel": "instrument", "type": kind, "data": {"assets": [], "pairs": pairs}})

    def _time(self) -> str:
        """RFC 3339 with microseconds."""
        moment = datetime.fromtimestamp(self.now_ns // 10**9, UTC)
        return f"{moment:%Y-%m-%dT%H:%M:%S}.{self.now_ns // 1_000 % 10**6:06d}Z"


def _numbered(frame: dict[str, Any], number: int | None) -> dict[str, Any]:
    return frame if number is None else frame | {"req_id": number}


def _listed(contract: Contract) -> dict[str, Any]:
    """A pair as REST states it."""
    base, _, quote = contract.name.partition("/")
    return {
        "altname": f"{base}{quote}",
        "wsname": contract.name,
        "base": base,
        "quote": quote,
        "pair_decimals": -contract.price_exponent,
        "lot_decimals": -contract.size_exponent,
        "tick_size": contract.price(contract.step),
        "ordermin": contract.size(10_000),
        "status": "online",
    }


def _bare(text: str) -> msgspec.Raw:
    return msgspec.Raw(text.encode())


def _encode(frame: dict[str, Any]) -> bytes:
    return msgspec.json.encode(frame)

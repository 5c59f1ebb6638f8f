"""Kraken Futures' wire format: one level per message, consecutive numbers per product, bare numbers."""

from collections import deque
from collections.abc import Iterable
from typing import Any, Unpack

import msgspec

from deltawire.testing.simulators.market import Contract, SideName, Walk
from deltawire.testing.simulators.simulator import (
    Change,
    Happening,
    Occasion,
    PublishedBook,
    Setting,
    Simulator,
    Stream,
    best,
)

OCCASIONS: dict[str, Occasion] = {
    "book": "moved",
    "trade": "traded",
    "ticker": "second",
    "ticker_lite": "second",
}


class KrakenFuturesSimulator(Simulator):
    """A perpetual and a future that are inverse, and a linear perpetual."""

    name = "kraken_futures"
    paths = ("/ws/v1",)
    _beats = False
    contracts = (
        Contract("PI_XBTUSD", -1, 0, 618_375, step=5),
        Contract("FI_ETHUSD_301227", -2, 0, 241_250, step=5),
        Contract("PF_SOLUSD", -2, -2, 14_523),
    )

    def __init__(
        self,
        seed: int = 1,
        **setting: Unpack[Setting],
    ) -> None:
        super().__init__(seed, **setting)
        self._numbers = {name: walk.id % 10**8 for name, walk in self.walks.items()}
        """`seq` of the last message of each book, where each connection has a market of its own."""
        self._changes: dict[str, deque[tuple[SideName, int, int]]] = {name: deque() for name in self.walks}
        """Changed levels that are not sent yet."""

    def connected(self, target: str) -> list[bytes]:
        """The version."""
        super().connected(target)
        return [_encode({"event": "info", "version": 1})]

    def replies(self, request: str) -> list[tuple[str, bytes]]:
        """One acknowledgement per product, an image for each of the feed `book`; an error for an unknown product."""
        asked = msgspec.json.decode(request)
        event, feed = asked["event"], asked.get("feed", "")
        if event not in ("subscribe", "unsubscribe") or (feed != "heartbeat" and feed not in OCCASIONS):
            return [("", _encode({"event": "error", "message": "Invalid feed" if feed else "Bad request"}))]
        self._beats |= (event, feed) == ("subscribe", "heartbeat")
        if feed == "heartbeat":
            return [("", _encode({"event": f"{event}d", "feed": feed}))]
        known = [name for name in asked["product_ids"] if self._knows(feed, name)]
        frames = [
            ("", _encode({"event": f"{event}d", "feed": feed, "product_ids": [name]})) for name in known
        ]
        if len(known) < len(asked["product_ids"]):
            frames.append(("", _encode({"event": "error", "message": "Invalid product id"})))
        for name in known:
            key = f"{feed}:{name}"
            if event == "unsubscribe":
                self._leave(key)
                continue
            self._follow(key, name, OCCASIONS[feed])
            frames += [(key, self.image(name))] if feed == "book" else []
        return frames

    def arguments(self, request: str) -> list[str]:
        """The feed with each product."""
        asked = msgspec.json.decode(request)
        return [f"{asked['feed']}:{name}" for name in asked.get("product_ids", [])]

    def too_fast(self, request: str) -> list[bytes] | None:
        """Nothing: the request is lost."""
        return []

    def beat(self) -> bytes | None:
        """A heartbeat, if its feed is subscribed."""
        return self.heartbeat() if self._beats else None

    def _knows(self, feed: str, name: str) -> bool:
        return name in self.walks and not self.refuses(f"{feed}:{name}")

    def _frames(self, stream: Stream, happening: Happening, change: Change | None) -> Iterable[bytes]:
        if stream.on != "moved" or change is None:
            return super()._frames(stream, happening, change)
        walk, name = self.walks[stream.name], stream.name
        news: list[tuple[SideName, dict[int, int]]] = [("bids", change.bids), ("asks", change.asks)]
        levels = [(side, price, size) for side, sizes in news for price, size in sizes.items()]
        levels.sort(key=lambda level: level[2] > 0)
        first = self._first_number(walk) + walk.levels - len(levels) + 1
        return [self._one_level(name, first + i, *level) for i, level in enumerate(levels)]

    def _first_number(self, walk: Walk) -> int:
        """The number that counts the changed levels of a market that several connections share."""
        return walk.contract.start % 10**6

    def body(self, url: str) -> bytes:
        """The list of instruments, an index among them."""
        stated = [self._stated(walk.contract) for walk in self.walks.values()] if self.listed else []
        index = {"symbol": "in_xbtusd", "type": "real-time index", "tradeable": False}
        return _encode({"result": "success", "instruments": [*stated, index]})

    def image(self, name: str) -> bytes:
        """A `book_snapshot`."""
        self.subscribe(name)
        self._changes.get(name, deque()).clear()
        walk = self.walks[name]
        return _encode(
            {
                "feed": "book_snapshot",
                "product_id": name,
                "timestamp": self._ms,
                "seq": self._image_number(walk),
                "tickSize": None,
                "bids": [self._level(walk.contract, *level) for level in walk.book.levels("bids")],
                "asks": [self._level(walk.contract, *level) for level in walk.book.levels("asks")],
            }
        )

    def delta(self, name: str) -> bytes:
        """The next changed level; removed ones first, so that the book never crosses."""
        published, changes = self._published[name], self._changes[name]
        while not changes:
            self.walks[name].move()
            levels: list[tuple[SideName, int, int]] = [
                (side, price, size)
                for side in ("bids", "asks")
                for price, size in self._news(self.walks[name], self._window(self.walks[name]), side).items()
            ]
            changes.extend(sorted(levels, key=lambda level: level[2] > 0))
        side, price, size = changes.popleft()
        levels_of_side = getattr(published.book, side)
        if size:
            levels_of_side[price] = size
        else:
            del levels_of_side[price]
        return self._one_level(name, self._next_number(name), side, price, size)

    def _one_level(self, name: str, number: int, side: SideName, price: int, size: int) -> bytes:
        contract = self.walks[name].contract
        order = "buy" if side == "bids" else "sell"
        level = {"side": order, "seq": number, **self._level(contract, price, size)}
        return _encode({"feed": "book", "product_id": name, **level, "timestamp": self._ms})

    def _image_number(self, walk: Walk) -> int:
        if self.shared:
            return self._first_number(walk) + walk.levels
        return self._next_number(walk.contract.name)

    def trade(self, name: str, kind: str = "fill") -> bytes:
        """`trade`."""
        price, size, bought, number = self._next_trade(self.walks[name])
        side = "buy" if bought else "sell"
        named = {"feed": "trade", "product_id": name, "uid": f"9b3f1c7e-{number}", "side": side, "type": kind}
        return _encode({**named, "seq": number, "time": self._ms, "qty": _bare(size), "price": _bare(price)})

    def ticker(self, name: str) -> bytes:
        """`ticker`."""
        walk = self.walks[name]
        bid, bid_size, ask, ask_size = best(walk)
        price, size = walk.contract.price, walk.contract.size
        ticker = {
            "time": self._ms,
            "feed": "ticker",
            "product_id": name,
            "bid": _bare(price(bid)),
            "ask": _bare(price(ask)),
            "bid_size": _bare(size(bid_size)),
            "ask_size": _bare(size(ask_size)),
            "volume": 15_907_386.0,
            "index": _bare(price(bid)),
            "last": _bare(price(bid)),
            "change": -2.4,
            "openInterest": 1_234_567.0,
            "markPrice": _bare(price(bid)),
            "maturityTime": 1_924_617_600_000 if name.startswith("FI") else 0,
        }
        if name.startswith("P"):
            ticker |= {"funding_rate": 1.1e-9, "relative_funding_rate": 0.0000125}
        return _encode(ticker)

    def heartbeat(self) -> bytes:
        """The frame sent if there is no other."""
        return _encode({"feed": "heartbeat", "time": self._ms})

    def _delta(self, walk: Walk, before: PublishedBook, bids: dict[int, int], asks: dict[int, int]) -> bytes:
        raise NotImplementedError("one level a message")

    def _next_number(self, name: str) -> int:
        self._numbers[name] += 1
        return self._numbers[name]

    def _level(self, contract: Contract, price: int, size: int) -> dict[str, msgspec.Raw]:
        """Numbers are printed like doubles, with at least one decimal place."""
        return {"price": _bare(contract.price(price)), "qty": _bare(contract.size(size))}

    def _stated(self, contract: Contract) -> dict[str, Any]:
        inverse = contract.name[1] == "I"
        dated = {"lastTradingTime": "2030-12-27T16:00:00.000Z"} if contract.name.startswith("FI") else {}
        return {
            "symbol": contract.name,
            "type": "futures_inverse" if inverse else "flexible_futures",
            "tickSize": float(contract.price(contract.step)),
            "contractSize": 1,
            "contractValueTradePrecision": -contract.size_exponent,
            "tradeable": True,
            "base": contract.name[3:6].replace("XBT", "BTC"),
            "quote": "USD",
            "openingDate": "2020-01-01T00:00:00.000Z",
            **dated,
        }


def _bare(text: str) -> msgspec.Raw:
    return msgspec.Raw((text if "." in text else f"{text}.0").encode())


def _encode(frame: dict[str, Any]) -> bytes:
    return msgspec.json.encode(frame)

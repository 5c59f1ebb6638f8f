"""Hyperliquid on the wire: every book message is the whole of the best levels, one subscription a message."""

from typing import Any

import msgspec

from deltawire.testing.simulators.market import Contract, PlainBook, Walk
from deltawire.testing.simulators.simulator import PublishedBook, Simulator, best

LEVELS = {True: 5, False: 20}
"""How many levels a side the fast stream tells, and the slow one."""


class HyperliquidSimulator(Simulator):
    """Two perpetuals and one of a builder."""

    name = "hyperliquid"
    images_only = True
    contracts = (
        Contract("BTC", -1, -5, 61_838),
        Contract("ETH", -2, -4, 24_125),
        Contract("xyz:NVDA", -3, -3, 23_032),
    )

    def __init__(self, seed: int = 1, *, listed: bool = True) -> None:
        super().__init__(seed, listed=listed)
        self._fast: dict[str, bool] = {}

    def answer(self, request: str) -> list[bytes]:
        """`pong`, a list, or an acknowledgement, and behind that of a book its image."""
        asked = msgspec.json.decode(request)
        if asked["method"] == "ping":
            return [_encode({"channel": "pong"})]
        if asked["method"] == "post":
            return [self._posted(asked["id"], asked["request"]["payload"].get("dex", ""))]
        subscription = asked["subscription"]
        coin = subscription["coin"]
        if coin not in self.walks:
            return [_encode({"channel": "error", "data": f"Invalid subscription: {coin}"})]
        acknowledged = _push(
            "subscriptionResponse", {"method": asked["method"], "subscription": subscription}
        )
        if (asked["method"], subscription["type"]) != ("subscribe", "l2Book"):
            return [acknowledged]
        self._fast[coin] = subscription.get("fast", False)
        return [acknowledged, self.image(coin)]

    def body(self, url: str) -> bytes:
        """Nothing is fetched: lists come on the connection."""
        raise LookupError(f"nothing is fetched from Hyperliquid: {url}")

    def image(self, name: str) -> bytes:
        """`l2Book`."""
        self.subscribe(name)
        return self._book(name, self.book(name))

    def trade(self, name: str) -> bytes:
        """`trades` with one trade."""
        price, size, bought, number = self._next_trade(self.walks[name])
        trade = {"coin": name, "side": "B" if bought else "A", "px": _short(price), "sz": _short(size)}
        return _push(
            "trades", [trade | {"time": self._ms, "hash": "0x0", "tid": number, "users": ["0x1", "0x2"]}]
        )

    def ticker(self, name: str) -> bytes:
        """`bbo`."""
        walk = self.walks[name]
        bid, bid_size, ask, ask_size = best(walk)
        levels = [self._level(walk, bid, bid_size), self._level(walk, ask, ask_size)]
        return _push("bbo", {"coin": name, "time": self._ms, "bbo": levels})

    def context(self, name: str) -> bytes:
        """`activeAssetCtx`."""
        prices = {"oraclePx": "31022.0", "markPx": "31028.0", "midPx": "31027.5", "prevDayPx": "30893.0"}
        volumes = {"dayNtlVlm": "91810664.2732000202", "dayBaseVlm": "2963.7809", "openInterest": "7823.5816"}
        return _push("activeAssetCtx", {"coin": name, "ctx": {"funding": "0.00000625"} | prices | volumes})

    def _window(self, walk: Walk) -> PlainBook:
        return walk.book.cut(LEVELS[self._fast.get(walk.contract.name, True)])

    def _delta(self, walk: Walk, before: PublishedBook, bids: dict[int, int], asks: dict[int, int]) -> bytes:
        return self._book(walk.contract.name, self.book(walk.contract.name))

    def _book(self, name: str, book: PlainBook) -> bytes:
        walk = self.walks[name]
        levels = [[self._level(walk, *level) for level in book.levels(side)] for side in ("bids", "asks")]
        return _push("l2Book", {"coin": name, "time": self._ms, "levels": levels})

    def _level(self, walk: Walk, price: int, size: int) -> dict[str, Any]:
        return {"px": _short(walk.contract.price(price)), "sz": _short(walk.contract.size(size)), "n": 1}

    def _posted(self, number: int, dex: str) -> bytes:
        names = [name for name in self.walks if name.startswith(f"{dex}:") or (not dex and ":" not in name)]
        universe = [
            {"szDecimals": -self.walks[name].contract.size_exponent, "name": name, "maxLeverage": 20}
            for name in names
            if self.listed
        ]
        payload = {"type": "meta", "data": {"universe": universe}}
        return _push("post", {"id": number, "response": {"type": "info", "payload": payload}})


def _short(text: str) -> str:
    """Numbers have no zeros at their end."""
    return text.rstrip("0").rstrip(".") if "." in text else text


def _push(channel: str, data: object) -> bytes:
    return _encode({"channel": channel, "data": data})


def _encode(frame: dict[str, Any]) -> bytes:
    return msgspec.json.encode(frame)

"""Hyperliquid on the wire: every book message is the whole of the best levels, one subscription a message."""

from collections.abc import Iterable
from typing import Any, Unpack

import msgspec

from deltawire.testing.simulators.market import Contract, PlainBook, Walk
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
    "l2Book": "moved",
    "bbo": "moved",
    "trades": "traded",
    "activeAssetCtx": "second",
}
PACES = {True: 0.5, False: 5.0}
"""Seconds between the images of the fast stream, and of the slow one."""
LEVELS = {True: 5, False: 20}
"""How many levels a side the fast stream tells, and the slow one."""


class HyperliquidSimulator(Simulator):
    """Two perpetuals and one of a builder."""

    name = "hyperliquid"
    images_only = True
    paths = ("/ws",)
    contracts = (
        Contract("BTC", -1, -5, 61_838),
        Contract("ETH", -2, -4, 24_125),
        Contract("xyz:NVDA", -3, -3, 23_032),
    )

    def __init__(
        self,
        seed: int = 1,
        **setting: Unpack[Setting],
    ) -> None:
        super().__init__(seed, **setting)
        self._fast: dict[str, bool] = {}
        self._told_ns: dict[str, int] = {}
        """When each stream of images sent the last one."""

    def replies(self, request: str) -> list[tuple[str, bytes]]:
        """`pong`, a list, or an acknowledgement, and behind that of a book its image."""
        asked = msgspec.json.decode(request)
        if asked["method"] == "ping":
            return [("", _encode({"channel": "pong"}))]
        if asked["method"] == "post":
            return [("", self._posted(asked["id"], asked["request"]["payload"].get("dex", "")))]
        subscription = asked["subscription"]
        kind, coin = subscription["type"], subscription.get("coin", "")
        key = _key(subscription)
        if coin not in self.walks or kind not in OCCASIONS or self.refuses(key):
            return [("", _encode({"channel": "error", "data": f"Invalid subscription: {coin or kind}"}))]
        acknowledged = _push(
            "subscriptionResponse", {"method": asked["method"], "subscription": subscription}
        )
        if asked["method"] != "subscribe":
            self._leave(key)
            return [("", acknowledged)]
        self._follow(key, coin, OCCASIONS[kind])
        if kind != "l2Book":
            return [("", acknowledged)]
        self._fast[coin] = subscription.get("fast", False)
        return [("", acknowledged), (key, self.image(coin))]

    def arguments(self, request: str) -> list[str]:
        """The one stream of a subscription."""
        asked = msgspec.json.decode(request)
        return [_key(asked["subscription"])] if asked["method"] == "subscribe" else []

    def cost(self, target: str) -> tuple[str, int]:
        """Weights of one pool; the payload, which decides, is taken to be a list's."""
        return "weight", 20

    def fetched(self, method: str, target: str, body: bytes) -> tuple[int, bytes]:
        """`POST /info`."""
        try:
            asked = msgspec.json.decode(body)
        except msgspec.DecodeError:
            return 422, b"Failed to deserialize the JSON body into the target type"
        coin = asked.get("coin", "")
        match asked.get("type"):
            case "meta":
                return 200, _encode({"universe": self._universe(asked.get("dex", ""))})
            case "metaAndAssetCtxs":
                universe = self._universe(asked.get("dex", ""))
                return 200, msgspec.json.encode([{"universe": universe}, [_CONTEXT] * len(universe)])
            case "l2Book" if coin in self.walks:
                walk = self.walks[coin]
                book = walk.book.cut(LEVELS[False])
                levels = [
                    [self._level(walk, *each) for each in book.levels(side)] for side in ("bids", "asks")
                ]
                return 200, _encode({"coin": coin, "time": self._ms, "levels": levels})
            case "spotMeta":
                return 200, _encode({"tokens": [], "universe": []})
            case "exchangeStatus":
                return 200, _encode({"specialStatuses": None, "time": self._ms})
            case "perpDexs":
                return 200, msgspec.json.encode([None, {"name": "xyz"}])
        return 422, b"Failed to deserialize the JSON body into the target type"

    def _frames(self, stream: Stream, happening: Happening, change: Change | None) -> Iterable[bytes]:
        """Images at the pace of their stream; a quiet book is sent, too."""
        kind, _, pace = stream.key.partition(":")[0].partition("/")
        name = stream.name
        if name not in self.walks:
            return []
        if kind == "bbo":
            return [self.ticker(name)]
        if kind == "activeAssetCtx":
            return [self.context(name)]
        if kind != "l2Book":
            return [self.trade(name)]
        if self.now_ns - self._told_ns.get(stream.key, 0) < PACES[pace == "fast"] * 10**9:
            return []
        self._told_ns[stream.key] = self.now_ns
        return [self._book(name, self.walks[name].book.cut(LEVELS[pace == "fast"]))]

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
        return _push("activeAssetCtx", {"coin": name, "ctx": _CONTEXT})

    def _shown(self, walk: Walk) -> int:
        return LEVELS[self._fast.get(walk.contract.name, True)]

    def _window(self, walk: Walk) -> PlainBook:
        return walk.book.cut(self._shown(walk))

    def _delta(self, walk: Walk, before: PublishedBook, bids: dict[int, int], asks: dict[int, int]) -> bytes:
        return self._book(walk.contract.name, self.book(walk.contract.name))

    def _book(self, name: str, book: PlainBook) -> bytes:
        walk = self.walks[name]
        levels = [[self._level(walk, *level) for level in book.levels(side)] for side in ("bids", "asks")]
        return _push("l2Book", {"coin": name, "time": self._ms, "levels": levels})

    def _level(self, walk: Walk, price: int, size: int) -> dict[str, Any]:
        return {"px": _short(walk.contract.price(price)), "sz": _short(walk.contract.size(size)), "n": 1}

    def _posted(self, number: int, dex: str) -> bytes:
        payload = {"type": "meta", "data": {"universe": self._universe(dex)}}
        return _push("post", {"id": number, "response": {"type": "info", "payload": payload}})

    def _universe(self, dex: str) -> list[dict[str, Any]]:
        names = [name for name in self.walks if name.startswith(f"{dex}:") or (not dex and ":" not in name)]
        return [
            {"szDecimals": -self.walks[name].contract.size_exponent, "name": name, "maxLeverage": 20}
            for name in names
            if self.listed
        ]


_CONTEXT = {
    "funding": "0.00000625",
    "oraclePx": "31022.0",
    "markPx": "31028.0",
    "midPx": "31027.5",
    "prevDayPx": "30893.0",
    "dayNtlVlm": "91810664.2732000202",
    "dayBaseVlm": "2963.7809",
    "openInterest": "7823.5816",
}


def _key(subscription: dict[str, Any]) -> str:
    """A stream's name: `l2Book/fast:BTC`, `trades:BTC`."""
    pace = "/fast" if subscription.get("fast") else ""
    return f"{subscription['type']}{pace}:{subscription.get('coin', '')}"


def _short(text: str) -> str:
    """Numbers have no zeros at their end."""
    return text.rstrip("0").rstrip(".") if "." in text else text


def _push(channel: str, data: object) -> bytes:
    return _encode({"channel": channel, "data": data})


def _encode(frame: dict[str, Any]) -> bytes:
    return msgspec.json.encode(frame)

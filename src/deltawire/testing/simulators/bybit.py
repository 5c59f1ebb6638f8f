"""Bybit's v5 wire format: texts, consecutive numbers per topic, refusals of whole requests."""

from collections.abc import Iterable
from typing import Any, Unpack

import msgspec

from deltawire.testing.simulators.market import Contract, PlainBook, Walk
from deltawire.testing.simulators.simulator import (
    EVERY_LEVEL,
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

OCCASIONS: dict[str, Occasion] = {
    "orderbook": "moved",
    "publicTrade": "traded",
    "tickers": "second",
    "allLiquidation": "second",
}
STATUS, STATUS_PATH = "system.status", "/v5/public/misc/status"
LIQUIDATED_EVERY_MS = 20_000
TRADE_ID = "7e8ba1e3-4b2c-5d6f-8a9b-{:012d}"


class BybitLinearSimulator(Simulator):
    """A perpetual in USDT, one in USDC, and a future."""

    name = "bybit_linear"
    category = "linear"
    contracts = (
        Contract("BTCUSDT", -1, -3, 830_246),
        Contract("BTCPERP", -1, -3, 619_457),
        Contract("BTC-27DEC30", -1, -3, 634_500, step=5),
    )

    def __init__(
        self,
        seed: int = 1,
        **setting: Unpack[Setting],
    ) -> None:
        super().__init__(seed, **setting)
        self._numbers = {name: walk.id % 10**7 for name, walk in self.walks.items()}
        """`u` of the last message of each book: a change below the levels that are shown has none."""
        self._depths: dict[str, int] = {}
        self._tells_status = False
        """Whether this connection has the path of the venue's state."""

    def connected(self, target: str) -> list[bytes]:
        """Nothing; the path says what can be subscribed to."""
        self._tells_status = target.partition("?")[0] == STATUS_PATH
        return super().connected(target)

    def addresses(self) -> list[str]:
        """The category's address."""
        return [self.paths[0]]

    def announced(self, news: Maintenance) -> list[tuple[str, bytes]]:
        """`system.status`."""
        if STATUS not in self.streams:
            return []
        data = {
            "id": f"4d95b2a0-587f-11f0-bcc9-{news.number:012d}",
            "title": news.title,
            "state": news.phase,
            "begin": f"{news.begin_ms}",
            "end": f"{news.end_ms}",
            "href": "",
            "serviceTypes": [1, 5],
            "product": [1, 2, 3],
            "uidSuffix": [],
            "maintainType": 1,
            "env": 1,
        }
        return [(STATUS, _encode({"topic": STATUS, "ts": self._ms, "data": [data]}))]

    @property
    def paths(self) -> tuple[str, ...]:  # type: ignore[override]
        """The category's address, and that of the venue's state."""
        return (f"/v5/public/{self.category}", STATUS_PATH)

    def replies(self, request: str) -> list[tuple[str, bytes]]:
        """`pong`, or an acknowledgement and the images of book topics; one unknown topic refuses them all."""
        asked = msgspec.json.decode(request)
        if asked["op"] == "ping":
            return [("", self._reply("ping", asked.get("req_id", ""), "pong"))]
        if asked["op"] not in ("subscribe", "unsubscribe"):
            return [("", self._reply(asked["op"], asked.get("req_id", ""), "Invalid op", success=False))]
        unknown = [topic for topic in asked["args"] if not self._knows(topic)]
        if unknown:
            return [("", self._refuse(asked, unknown))]
        return [("", self._acknowledge(asked)), *self._started(asked["op"], asked["args"])]

    def arguments(self, request: str) -> list[str]:
        """The topics of a request."""
        return msgspec.json.decode(request).get("args") or []

    def too_many(self) -> list[bytes] | None:
        """An error; nothing is subscribed."""
        return [self._reply("subscribe", "", "args size too large", success=False)]

    def _started(self, op: str, topics: list[str]) -> list[tuple[str, bytes]]:
        """Start or end topics; the images of books."""
        frames = []
        for topic in topics:
            kind, name = topic.partition(".")[0], topic.rpartition(".")[2]
            if op != "subscribe":
                self._leave(topic)
                continue
            if topic == STATUS:
                self._follow(topic, "", "listed")
                continue
            self._follow(topic, "" if name not in self.walks else name, OCCASIONS[kind])
            if kind == "orderbook" and not topic.startswith("orderbook.1."):
                self._labels[name] = topic
                self._depths[name] = int(topic.split(".")[1])
                frames.append((topic, self.image(name)))
        return frames

    def _frames(self, stream: Stream, happening: Happening, change: Change | None) -> Iterable[bytes]:
        if stream.key == STATUS:
            return []
        if stream.on == "traded" and not stream.name:
            coin = stream.key.partition(".")[2]
            return [self.trade(happening.name)] if self._subject(happening.name) == coin else []
        if stream.key.startswith("orderbook.1."):
            return [self._best_level(stream.name)]
        if stream.key.startswith("allLiquidation"):
            due = self._ms % LIQUIDATED_EVERY_MS == 0 and stream.name in self.walks
            return [self._liquidation(stream.name)] if due else []
        if stream.on == "second" and self.category == "spot" and stream.name in self.walks:
            return [self.day(stream.name)]
        return super()._frames(stream, happening, change)

    def _shown(self, walk: Walk) -> int:
        return self._depths.get(walk.contract.name, EVERY_LEVEL) if self.shared else EVERY_LEVEL

    def _window(self, walk: Walk) -> PlainBook:
        shorter = max(len(walk.book.bids), len(walk.book.asks)) <= self._shown(walk)
        return walk.book.copy() if shorter else walk.book.cut(self._shown(walk))

    def day(self, name: str) -> bytes:
        """`tickers`."""
        return self.ticker(name)

    def _liquidation(self, name: str) -> bytes:
        """`allLiquidation` of one long position."""
        bid, bid_size, _, _ = self._best(name)
        data = [{"T": self._ms, "s": name, "S": "Buy", "v": bid_size, "p": bid}]
        return self._push(f"allLiquidation.{name}", "snapshot", data)

    def _best_level(self, name: str) -> bytes:
        """`orderbook.1`: an image each time."""
        bid, bid_size, ask, ask_size = self._best(name)
        data = {"s": name, "b": [(bid, bid_size)], "a": [(ask, ask_size)], "u": self.walks[name].id, "seq": 1}
        return self._push(f"orderbook.1.{name}", "snapshot", data, cts=self._ms)

    def body(self, url: str) -> bytes:
        """`instruments-info`, in two pages, spot in one."""
        stated = [self._stated(walk.contract) for walk in self.walks.values()] if self.listed else []
        paged = self.listed and self.category != "spot"
        first, rest = (stated[:1], stated[1:]) if paged else (stated, [])
        later = "cursor=" in url
        result = {
            "category": self.category,
            "list": rest if later else first,
            "nextPageCursor": "" if later or not rest else "page%3D2",
        }
        return _encode({"retCode": 0, "retMsg": "OK", "result": result, "time": self._ms})

    def image(self, name: str) -> bytes:
        """A `snapshot`."""
        self.subscribe(name)
        walk = self.walks[name]
        book = self.book(name)
        return self._book(walk, "snapshot", dict(book.levels("bids")), dict(book.levels("asks")))

    def restart(self, name: str) -> bytes:
        """The `snapshot` that restarts the numbering."""
        self._numbers[name] = 0
        return self.image(name)

    def trade(self, name: str) -> bytes:
        """`publicTrade` with one trade."""
        price, size, bought, number = self._next_trade(self.walks[name])
        trade = {"T": self._ms, "s": name, "S": "Buy" if bought else "Sell", "v": size, "p": price}
        more = {"L": "PlusTick", "i": self._trade_id(number), "BT": False, "seq": number}
        return self._push(f"publicTrade.{self._subject(name)}", "snapshot", [trade | more | self._of_trade()])

    def ticker(self, name: str) -> bytes:
        """`tickers`."""
        bid, bid_size, ask, ask_size = self._best(name)
        return self._push(
            f"tickers.{name}",
            "snapshot",
            {
                "symbol": name,
                "lastPrice": bid,
                "markPrice": bid,
                "indexPrice": bid,
                "openInterest": "57118.511",
                "singleOpenInterest": "28559.256",
                "fundingRate": "-0.00007774",
                "nextFundingTime": f"{self._ms + 3_600_000}",
                "price24hPcnt": "-0.01229",
                "volume24h": "44701.1000",
                "bid1Price": bid,
                "bid1Size": bid_size,
                "ask1Price": ask,
                "ask1Size": ask_size,
            },
        )

    def _best(self, name: str) -> tuple[str, str, str, str]:
        walk = self.walks[name]
        bid, bid_size, ask, ask_size = best(walk)
        price, size = walk.contract.price, walk.contract.size
        return price(bid), size(bid_size), price(ask), size(ask_size)

    def _delta(self, walk: Walk, before: PublishedBook, bids: dict[int, int], asks: dict[int, int]) -> bytes:
        return self._book(walk, "delta", bids, asks)

    def _book(self, walk: Walk, kind: str, bids: dict[int, int], asks: dict[int, int]) -> bytes:
        contract = walk.contract
        number = self._numbers.get(contract.name, walk.id % 10**7) + 1
        self._numbers[contract.name] = number
        data = {
            "s": contract.name,
            "b": [self._texts(contract, *level) for level in bids.items()],
            "a": [self._texts(contract, *level) for level in asks.items()],
            "u": number,
            "seq": walk.id,
        }
        topic = self._labels.get(contract.name, f"orderbook.50.{contract.name}")
        return self._push(topic, kind, data, cts=self._ms if self.shared else self._ms - 2)

    def _texts(self, contract: Contract, price: int, size: int) -> tuple[str, str]:
        """A removed level has size 0."""
        return contract.price(price), contract.size(size) if size else "0"

    def _subject(self, name: str) -> str:
        return name

    def _trade_id(self, number: int) -> str:
        return TRADE_ID.format(number)

    def _of_trade(self) -> dict[str, Any]:
        return {}

    def _knows(self, topic: str) -> bool:
        if self._tells_status or topic == STATUS:
            return self._tells_status and topic == STATUS
        kind, _, rest = topic.partition(".")
        subjects = map(self._subject, self.walks) if kind == "publicTrade" else self.walks
        name = rest.rpartition(".")[2] if kind == "orderbook" else rest
        return kind in OCCASIONS and name in {*subjects} and not self.refuses(topic)

    def _acknowledge(self, asked: dict[str, Any]) -> bytes:
        return self._reply(asked["op"], asked.get("req_id", ""), "")

    def _refuse(self, asked: dict[str, Any], unknown: list[str]) -> bytes:
        reason = f"Invalid symbol :[{' '.join(unknown)}]"
        return self._reply(asked["op"], asked.get("req_id", ""), reason, success=False)

    def _reply(self, op: str, number: str, text: str, *, success: bool = True) -> bytes:
        numbered = {"req_id": number} if number else {}
        reply = {"success": success, "ret_msg": text, "conn_id": "d967ikkn0ine3iqmjc30-koqj"}
        return _encode(reply | numbered | {"op": op})

    def _stated(self, contract: Contract) -> dict[str, Any]:
        dated = "-" in contract.name
        return {
            "symbol": contract.name,
            "contractType": "LinearFutures" if dated else "LinearPerpetual",
            "status": "Trading",
            "baseCoin": "BTC",
            "quoteCoin": "USDT" if contract.name.endswith("USDT") else "USDC",
            "settleCoin": "USDT" if contract.name.endswith("USDT") else "USDC",
            "launchTime": "1585526400000",
            "deliveryTime": "1924588800000" if dated else "0",
            **self._filters(contract),
        }

    def _filters(self, contract: Contract) -> dict[str, Any]:
        tick, lot = contract.price(contract.step), contract.size(contract.lot)
        lots = {"minOrderQty": lot, "basePrecision" if self.category == "spot" else "qtyStep": lot}
        return {"priceFilter": {"tickSize": tick}, "lotSizeFilter": lots}

    def _push(self, topic: str, kind: str, data: Any, **more: Any) -> bytes:
        return _encode({"topic": topic, "type": kind, "ts": self._ms, "data": data, **more})


class BybitInverseSimulator(BybitLinearSimulator):
    """Two perpetuals and a future whose sizes are in USD."""

    name = "bybit_inverse"
    category = "inverse"
    contracts = (
        Contract("BTCUSD", -1, 0, 618_915, step=5),
        Contract("ETHUSD", -2, 0, 241_250, step=5),
        Contract("BTCUSDZ30", -1, 0, 628_915, step=5),
    )

    def _stated(self, contract: Contract) -> dict[str, Any]:
        dated = contract.name.endswith("Z30")
        return super()._stated(contract) | {
            "contractType": "InverseFutures" if dated else "InversePerpetual",
            "baseCoin": contract.name[:3],
            "quoteCoin": "USD",
            "settleCoin": contract.name[:3],
            "deliveryTime": "1924588800000" if dated else "0",
        }


class BybitSpotSimulator(BybitLinearSimulator):
    """Three pairs. Frames of spot have the time before the type; `orderbook.1` has the best prices."""

    name = "bybit_spot"
    category = "spot"
    contracts = (
        Contract("BTCUSDT", -1, -6, 771_405),
        Contract("ETHUSDT", -2, -5, 268_540),
        Contract("SOLUSDC", -2, -3, 14_523),
    )

    def ticker(self, name: str) -> bytes:
        """`orderbook.1`."""
        return self._best_level(name)

    def day(self, name: str) -> bytes:
        """`tickers`, which has no best prices."""
        bid, _, ask, _ = self._best(name)
        prices = {"lastPrice": bid, "highPrice24h": ask, "lowPrice24h": bid, "prevPrice24h": bid}
        volumes = {"volume24h": "6780.866843", "turnover24h": "141946527.2", "price24hPcnt": "0.0196"}
        return self._push(f"tickers.{name}", "snapshot", {"symbol": name} | prices | volumes)

    def _trade_id(self, number: int) -> str:
        return f"{2_100_000_000_000_000_000 + number}"

    def _stated(self, contract: Contract) -> dict[str, Any]:
        return {
            "symbol": contract.name,
            "baseCoin": contract.name[:3],
            "quoteCoin": contract.name[3:],
            "status": "Trading",
            **self._filters(contract),
        }

    def _push(self, topic: str, kind: str, data: Any, **more: Any) -> bytes:
        return _encode({"topic": topic, "ts": self._ms, "type": kind, "data": data, **more})


class BybitOptionSimulator(BybitLinearSimulator):
    """Two options in USDC and one in USDT.

    Trades are subscribed by coin, and refused topics do not affect the others.
    """

    name = "bybit_option"
    category = "option"
    contracts = (
        Contract("BTC-27DEC30-60000-P", 0, -2, 3_500, step=5),
        Contract("BTC-27DEC30-100000-C", 0, -2, 1_200, step=5),
        Contract("ETH-27DEC30-3500-C-USDT", -1, -1, 2_450, step=5),
    )

    def replies(self, request: str) -> list[tuple[str, bytes]]:
        """`pong` in its own form, and the refused topics."""
        asked = msgspec.json.decode(request)
        if asked["op"] == "ping":
            return [("", _encode({"args": [f"{self._ms}"], "op": "pong"}))]
        refused = [topic for topic in asked["args"] if not self._knows(topic)]
        accepted = [topic for topic in asked["args"] if topic not in refused]
        return [("", self._outcome(refused, accepted)), *self._started(asked["op"], accepted)]

    def body(self, url: str) -> bytes:
        """One page of one coin's options."""
        coin = url.partition("baseCoin=")[2].partition("&")[0]
        contracts = [walk.contract for walk in self.walks.values()] if self.listed else []
        stated = [self._stated(contract) for contract in contracts if contract.name.startswith(f"{coin}-")]
        result = {"category": "option", "list": stated, "nextPageCursor": ""}
        return _encode({"retCode": 0, "retMsg": "OK", "result": result, "time": self._ms})

    def ticker(self, name: str) -> bytes:
        """`tickers`."""
        bid, bid_size, ask, ask_size = self._best(name)
        quote = {"bidPrice": bid, "bidSize": bid_size, "bidIv": "0.5479"}
        quote |= {"askPrice": ask, "askSize": ask_size, "askIv": "0"}
        prices = {"lastPrice": bid, "markPrice": bid, "indexPrice": "61912.8", "markPriceIv": "0.5513"}
        prices |= {
            "underlyingPrice": "62588.50709846",
            "openInterest": "29.35",
            "predictedDeliveryPrice": "0",
        }
        greeks = {"delta": "-0.37596534", "gamma": "0.00003161", "vega": "82.65324199", "theta": "-51.5"}
        ticker = {"symbol": name} | quote | prices | greeks | {"change24h": "0.02148998"}
        return self._push(f"tickers.{name}", "snapshot", ticker)

    def _subject(self, name: str) -> str:
        return name.partition("-")[0]

    def _of_trade(self) -> dict[str, Any]:
        return {"mP": "3502.07", "iP": "61912.8", "mIv": "0.5513", "iv": "0.5521"}

    def _outcome(self, refused: list[str], accepted: list[str]) -> bytes:
        topics = {"failTopics": refused, "successTopics": accepted}
        return _encode({"success": True, "conn_id": "x", "data": topics, "type": "COMMAND_RESP"})

    def _stated(self, contract: Contract) -> dict[str, Any]:
        base, _, _, kind = contract.name.split("-")[:4]
        coin = "USDT" if contract.name.endswith("USDT") else "USDC"
        return {
            "symbol": contract.name,
            "optionsType": "Call" if kind == "C" else "Put",
            "status": "Trading",
            "baseCoin": base,
            "quoteCoin": coin,
            "settleCoin": coin,
            "launchTime": "1585526400000",
            "deliveryTime": "1924588800000",
            **self._filters(contract),
        }

    def _push(self, topic: str, kind: str, data: Any, **more: Any) -> bytes:
        named = {"id": f"{topic}-{self._ms}", "topic": topic}
        return _encode({**named, "ts": self._ms, "type": kind, "data": data, **more})


def _encode(frame: dict[str, Any]) -> bytes:
    return msgspec.json.encode(frame)

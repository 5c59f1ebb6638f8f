"""Deribit's wire format: JSON-RPC, change ids that name the previous one, exact actions, doubles."""

from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit

import msgspec

from deltawire.testing.simulators.market import Contract, SideName, Walk
from deltawire.testing.simulators.simulator import (
    Change,
    Happening,
    Maintenance,
    Occasion,
    PublishedBook,
    Simulator,
    Stream,
    best,
    query_of,
)

PLATFORM = "platform_state"
OCCASIONS: dict[str, Occasion] = {
    "book": "moved",
    "quote": "moved",
    "trades": "traded",
    "ticker": "second",
    "instrument": "listed",
}


class DeribitSimulator(Simulator):
    """A perpetual, an option and a linear perpetual of Deribit."""

    name = "deribit"
    _heartbeat_s = 0
    _beats = 0
    contracts = (
        Contract("BTC-PERPETUAL", -1, 0, 618_375, step=5, lot=10),
        Contract("BTC-27DEC30-70000-C", -4, -1, 1_450, step=5),
        Contract("SOL_USDC-PERPETUAL", -3, -1, 145_230),
    )

    paths = ("/ws/api/v2",)

    def replies(self, request: str) -> list[tuple[str, bytes]]:
        """A result; after a subscription, also the images of its book channels."""
        try:
            asked = msgspec.json.decode(request)
            method, params = asked["method"], asked.get("params") or {}
        except (msgspec.DecodeError, KeyError, TypeError, AttributeError):
            return [("", self._error(None, -32700, "Parse error"))]
        number, channels = asked.get("id"), [each for each in params.get("channels", []) if self._knows(each)]
        match method.partition("/")[2]:
            case "subscribe":
                return [("", self._result(number, channels)), *self._started(channels)]
            case "unsubscribe":
                for channel in channels:
                    self._leave(channel)
                return [("", self._result(number, channels))]
            case "get_instruments":
                return [("", self._instruments(number, params))]
            case "status":
                return [("", self._status(number))]
            case "set_heartbeat":
                self._heartbeat_s, self._beats = params["interval"], 0
                return [("", self._result(number, "ok"))]
        return [("", self._result(number, {"version": "1.2.26"} if method == "public/test" else "ok"))]

    def arguments(self, request: str) -> list[str]:
        """The channels of a subscription."""
        asked = msgspec.json.decode(request)
        subscribes = asked.get("method", "").endswith("/subscribe")
        return asked["params"]["channels"] if subscribes else []

    def too_fast(self, request: str) -> list[bytes] | None:
        """`too_many_requests`."""
        return [self._error(msgspec.json.decode(request).get("id"), 10028, "too_many_requests")]

    def body(self, url: str) -> bytes:
        """`public/get_instruments`, `public/get_order_book`, or another method without parameters."""
        method, asked = urlsplit(url).path.rpartition("/")[2], query_of(url)
        if method == "get_order_book":
            return self._order_book(asked.get("instrument_name", ""), int(asked.get("depth", "20")))
        if method in ("get_instruments", ""):
            return self._instruments(1, asked)
        return self._result(1, {"version": "1.2.26"} if method == "test" else self._ms)

    def cost(self, target: str) -> tuple[str, int]:
        """Lists of instruments have a pool of their own."""
        return ("instruments" if "get_instruments" in target else "requests"), 1

    def beat(self) -> bytes | None:
        """A heartbeat, every other one with a request for an answer."""
        self._beats += 1
        if not self._heartbeat_s or self._beats % self._heartbeat_s:
            return None
        asks = self._beats // self._heartbeat_s % 2 == 1
        return self.test_request() if asks else _heartbeat("heartbeat")

    def _instruments(self, number: int | None, asked: dict[str, Any]) -> bytes:
        stated = [self._stated(walk.contract) for walk in self.walks.values()] if self.listed else []
        kind, currency = asked.get("kind", "any"), asked.get("currency", "any")
        return self._result(
            number,
            [
                each
                for each in stated
                if kind in ("any", each["kind"])
                and currency in ("any", each["base_currency"], each["quote_currency"])
            ],
        )

    def announced(self, news: Maintenance) -> list[tuple[str, bytes]]:
        """`platform_state` of every index, when it begins or ends."""
        if PLATFORM not in self.streams or news.phase == "scheduled":
            return []
        data = [{"price_index": index, "locked": news.phase == "ongoing"} for index in self._locked(news)]
        return [(PLATFORM, self._notify(PLATFORM, each)) for each in data]

    def _locked(self, news: Maintenance) -> list[str]:
        names = [news.name] if news.name else [*self.walks]
        return sorted({_index_of(name) for name in names})

    def _status(self, number: int | None) -> bytes:
        ongoing = [news for news in self.maintenance.values() if news.phase == "ongoing"]
        locked = sorted({index for news in ongoing for index in self._locked(news)})
        return self._result(number, {"locked": "partial" if locked else "false", "locked_indices": locked})

    def _order_book(self, name: str, depth: int) -> bytes:
        if name not in self.walks:
            return self._error(1, -32602, "Invalid params")
        walk = self.walks[name]
        sides = {
            side: [self._doubles(walk, *level) for level in walk.book.levels(side, depth)]
            for side in ("bids", "asks")
        }
        return self._result(
            1,
            {"timestamp": self._ms, "instrument_name": name, "change_id": walk.id, "state": "open", **sides},
        )

    def image(self, name: str) -> bytes:
        """A `snapshot`."""
        self.subscribe(name)
        walk = self.walks[name]
        return self._notify(
            self._labels.get(name, f"book.{name}.100ms"),
            {
                "type": "snapshot",
                "timestamp": self._ms,
                "instrument_name": name,
                "change_id": walk.id,
                "bids": [["new", *self._doubles(walk, *level)] for level in walk.book.levels("bids")],
                "asks": [["new", *self._doubles(walk, *level)] for level in walk.book.levels("asks")],
            },
        )

    def trade(self, name: str) -> bytes:
        """`trades.X.100ms` with one trade."""
        price, size, bought, number = self._next_trade(self.walks[name])
        trade = {
            "trade_seq": number,
            "trade_id": f"{number}",
            "timestamp": self._ms,
            "tick_direction": 0,
            "price": float(price),
            "mark_price": float(price),
            "instrument_name": name,
            "index_price": 61_837.5,
            "direction": "buy" if bought else "sell",
            "amount": float(size),
        }
        return self._notify(f"trades.{name}.100ms", [trade])

    def ticker(self, name: str) -> bytes:
        """`ticker.X.100ms`."""
        walk = self.walks[name]
        bid, bid_size, ask, ask_size = best(walk)
        bid_price, bid_amount = self._doubles(walk, bid, bid_size)
        ask_price, ask_amount = self._doubles(walk, ask, ask_size)
        ticker = {
            "timestamp": self._ms,
            "instrument_name": name,
            "best_bid_price": bid_price,
            "best_bid_amount": bid_amount,
            "best_ask_price": ask_price,
            "best_ask_amount": ask_amount,
            "state": "open",
            "mark_price": bid_price,
            "last_price": None,
            "index_price": 61_837.5,
            "estimated_delivery_price": 61_837.5,
            "open_interest": 1_000.0,
            "stats": {"high": None, "low": None, "price_change": None, "volume": 12.5},
        }
        if name.endswith("-C"):
            greeks = {"vega": 20.1, "theta": -16.4, "rho": 1.2, "gamma": 0.0002, "delta": 0.4}
            ticker |= {"greeks": greeks, "mark_iv": 61.5, "bid_iv": 60.0, "ask_iv": 63.0}
        return self._notify(f"ticker.{name}.100ms", ticker)

    def test_request(self) -> bytes:
        """A heartbeat that must be answered."""
        return _heartbeat("test_request")

    def _delta(self, walk: Walk, before: PublishedBook, bids: dict[int, int], asks: dict[int, int]) -> bytes:
        name = walk.contract.name
        return self._notify(
            self._labels.get(name, f"book.{name}.100ms"),
            {
                "type": "change",
                "timestamp": self._ms,
                "prev_change_id": before.id,
                "instrument_name": name,
                "change_id": walk.id,
                "bids": self._triples(walk, before, "bids", bids),
                "asks": self._triples(walk, before, "asks", asks),
            },
        )

    def _triples(self, walk: Walk, before: PublishedBook, side: SideName, news: dict[int, int]) -> list[Any]:
        levels = getattr(before.book, side)
        return [
            [
                "delete" if not size else "change" if price in levels else "new",
                *self._doubles(walk, price, size),
            ]
            for price, size in news.items()
        ]

    def _doubles(self, walk: Walk, price: int, size: int) -> tuple[float, float]:
        return float(walk.contract.price(price)), float(walk.contract.size(size))

    def _knows(self, channel: str) -> bool:
        """Whether the channel's instrument exists; others are left out silently, as on Deribit."""
        family, _, rest = channel.partition(".")
        if self.refuses(channel) or (rest.endswith(".raw") and self.shared):  # raw needs a key
            return False
        return (
            family == "instrument"
            or channel == PLATFORM
            or (family in OCCASIONS and rest.partition(".")[0] in self.walks)
        )

    def _started(self, channels: list[str]) -> list[tuple[str, bytes]]:
        frames = []
        for channel in channels:
            if channel == PLATFORM:
                self._follow(channel, "", "listed")
                continue
            family, name = channel.split(".")[:2]
            self._follow(channel, "" if family == "instrument" else name, OCCASIONS[family])
            if family == "book":
                self._labels[name] = channel
                frames.append((channel, self._grouped(channel) if _is_grouped(channel) else self.image(name)))
        return frames

    def _frames(self, stream: Stream, happening: Happening, change: Change | None) -> Iterable[bytes]:
        family = stream.key.partition(".")[0]
        if stream.key == PLATFORM:
            return []
        if family == "book" and _is_grouped(stream.key):
            return [self._grouped(stream.key)]
        if family == "quote":
            return [self._quote(stream.name)]
        if family == "instrument":
            return [self._state(stream.key, happening.name)]
        return super()._frames(stream, happening, change)

    def _grouped(self, channel: str) -> bytes:
        """`book.X.none.10.100ms`: an image each time."""
        _, name, _, depth, _ = channel.split(".")
        walk = self.walks[name]
        sides = {
            side: [self._doubles(walk, *level) for level in walk.book.levels(side, int(depth))]
            for side in ("bids", "asks")
        }
        return self._notify(
            channel, {"timestamp": self._ms, "instrument_name": name, "change_id": walk.id, **sides}
        )

    def _quote(self, name: str) -> bytes:
        walk = self.walks[name]
        bid, bid_size, ask, ask_size = best(walk)
        (bid_price, bid_amount), (ask_price, ask_amount) = (
            self._doubles(walk, bid, bid_size),
            self._doubles(walk, ask, ask_size),
        )
        quote = {"best_bid_price": bid_price, "best_bid_amount": bid_amount}
        quote |= {"best_ask_price": ask_price, "best_ask_amount": ask_amount}
        return self._notify(f"quote.{name}", {"timestamp": self._ms, "instrument_name": name, **quote})

    def _state(self, channel: str, name: str) -> bytes:
        state = "created" if name in self.walks else "terminated"
        return self._notify(channel, {"timestamp": self._ms, "state": state, "instrument_name": name})

    def _stated(self, contract: Contract) -> dict[str, Any]:
        option, linear = contract.name.endswith("-C"), "_" in contract.name
        return {
            "instrument_name": contract.name,
            "kind": "option" if option else "future",
            "base_currency": contract.name.partition("_")[0] if linear else "BTC",
            "quote_currency": "USDC" if linear else "BTC" if option else "USD",
            "counter_currency": "USDC" if linear else "USD",
            "settlement_currency": "USDC" if linear else "BTC",
            "tick_size": float(contract.price(contract.step)),
            "min_trade_amount": float(contract.size(contract.lot)),
            "contract_size": 1.0,
            "settlement_period": "month" if option else "perpetual",
            "instrument_type": "linear" if linear else "reversed",
            "creation_timestamp": 1_534_167_754_000,
            "expiration_timestamp": contract.expiry_ms if option else 32_503_708_800_000,
            "strike": 70_000.0 if option else None,
            "option_type": "call" if option else None,
            "is_active": True,
        }

    def _notify(self, channel: str, data: object) -> bytes:
        params = {"channel": channel, "data": data}
        return _encode({"jsonrpc": "2.0", "method": "subscription", "params": params})

    def _error(self, number: int | None, code: int, message: str) -> bytes:
        error = {"code": code, "message": message}
        return _encode({"jsonrpc": "2.0", "id": number, "error": error, "testnet": False})

    def _result(self, number: int | None, result: object) -> bytes:
        us = self.now_ns // 1_000
        times = {"usIn": us, "usOut": us + 581, "usDiff": 581, "testnet": False}
        return _encode({"jsonrpc": "2.0", "id": number, "result": result, **times})


def _is_grouped(channel: str) -> bool:
    return channel.count(".") == 4


def _index_of(name: str) -> str:
    """The index of an instrument: of coins in USD, unless it names another currency."""
    base, _, quote = name.partition("-")[0].partition("_")
    return f"{base}_{quote or 'usd'}".lower()


def _heartbeat(kind: str) -> bytes:
    return _encode({"jsonrpc": "2.0", "method": "heartbeat", "params": {"type": kind}})


def _encode(frame: dict[str, Any]) -> bytes:
    return msgspec.json.encode(frame)

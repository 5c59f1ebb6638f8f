"""Deribit's wire format: JSON-RPC, change ids that name the previous one, exact actions, doubles."""

from typing import Any

import msgspec

from deltawire.testing.simulators.market import Contract, SideName, Walk
from deltawire.testing.simulators.simulator import PublishedBook, Simulator, best


class DeribitSimulator(Simulator):
    """A perpetual, an option and a linear perpetual of Deribit."""

    name = "deribit"
    contracts = (
        Contract("BTC-PERPETUAL", -1, 0, 618_375, step=5, lot=10),
        Contract("BTC-27DEC30-70000-C", -4, -1, 1_450, step=5),
        Contract("SOL_USDC-PERPETUAL", -3, -1, 145_230),
    )

    def __init__(self, seed: int = 1, *, listed: bool = True) -> None:
        super().__init__(seed, listed=listed)
        self._channels: dict[str, str] = {}

    def answer(self, request: str) -> list[bytes]:
        """A result; after a subscription, also the images of its book channels."""
        asked = msgspec.json.decode(request)
        method = asked["method"]
        channels = [channel for channel in asked["params"].get("channels", []) if self._knows(channel)]
        if method == "public/subscribe":
            return [self._result(asked["id"], channels), *self._images(channels)]
        return [self._result(asked["id"], channels if method == "public/unsubscribe" else "ok")]

    def body(self, url: str) -> bytes:
        """`public/get_instruments`."""
        stated = [self._stated(walk.contract) for walk in self.walks.values()] if self.listed else []
        return self._result(1, stated)

    def image(self, name: str) -> bytes:
        """A `snapshot`."""
        self.subscribe(name)
        walk = self.walks[name]
        return self._notify(
            self._channels.get(name, f"book.{name}.100ms"),
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
        return _encode({"jsonrpc": "2.0", "method": "heartbeat", "params": {"type": "test_request"}})

    def _delta(self, walk: Walk, before: PublishedBook, bids: dict[int, int], asks: dict[int, int]) -> bytes:
        name = walk.contract.name
        return self._notify(
            self._channels[name],
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
        return channel.split(".")[1] in self.walks

    def _images(self, channels: list[str]) -> list[bytes]:
        books = {channel.split(".")[1]: channel for channel in channels if channel.startswith("book.")}
        self._channels |= books
        return [self.image(name) for name in books]

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
            "expiration_timestamp": 1_924_588_800_000 if option else 32_503_708_800_000,
            "strike": 70_000.0 if option else None,
            "option_type": "call" if option else None,
            "is_active": True,
        }

    def _notify(self, channel: str, data: object) -> bytes:
        params = {"channel": channel, "data": data}
        return _encode({"jsonrpc": "2.0", "method": "subscription", "params": params})

    def _result(self, number: int, result: object) -> bytes:
        us = self.now_ns // 1_000
        times = {"usIn": us, "usOut": us + 581, "usDiff": 581, "testnet": False}
        return _encode({"jsonrpc": "2.0", "id": number, "result": result, **times})


def _encode(frame: dict[str, Any]) -> bytes:
    return msgspec.json.encode(frame)

"""Coinbase Advanced Trade's wire format.

One numbering over all messages of a connection, bids and offers in one list.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, Unpack

import msgspec

from deltawire.testing.simulators.market import Contract, SideName, Walk
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

OCCASIONS: dict[str, Occasion] = {
    "level2": "moved",
    "market_trades": "traded",
    "ticker": "second",
    "ticker_batch": "second",
    "heartbeats": "second",
    "status": "listed",
}
SIDES: tuple[tuple[SideName, str], ...] = (("bids", "bid"), ("asks", "offer"))


class CoinbaseSimulator(Simulator):
    """Two pairs and a future. `frame` numbers what it makes, so a frame that is not sent leaves a gap."""

    name = "coinbase"
    counted_together = True
    depth = 12
    contracts = (
        Contract("BTC-USD", -2, -8, 8_327_725),
        Contract("ETH-USD", -2, -8, 266_603),
        Contract("BIT-27DEC30-CDE", 0, 0, 63_450, step=5),
    )

    def __init__(
        self,
        seed: int = 1,
        **setting: Unpack[Setting],
    ) -> None:
        super().__init__(seed, **setting)
        self._number = -1
        self._subscribed: dict[str, list[str]] = {}

    def connect(self) -> None:
        """Another connection, numbered from 0."""
        self._number = -1
        self._subscribed.clear()

    def replies(self, request: str) -> list[tuple[str, bytes]]:
        """The images of `level2`, and then the list of subscriptions; an error for an unknown product."""
        asked = msgspec.json.decode(request)
        channel, names = asked.get("channel", ""), asked.get("product_ids", [])
        if channel not in OCCASIONS:
            return [("", _encode({"type": "error", "message": f"channel {channel} not supported"}))]
        unknown = [name for name in names if name not in self.walks or self.refuses(f"{channel}:{name}")]
        if unknown:
            return [("", _encode({"type": "error", "message": f"product not found: {' '.join(unknown)}"}))]
        subscribes = asked["type"] == "subscribe"
        held = self._subscribed.pop(channel, [])
        kept = [name for name in held if name not in names]
        if subscribes:
            kept += names or ["heartbeats"]
        if kept:
            self._subscribed[channel] = kept
        frames = []
        for name in names or [""]:
            key = f"{channel}:{name}"
            if not subscribes:
                self._leave(key)
                continue
            self._follow(key, name, OCCASIONS[channel])
            frames += [(key, self.image(name))] if channel == "level2" else []
            frames += [(key, self._state(name))] if channel == "status" else []
        return [*frames, ("", self._frame("subscriptions", {"subscriptions": self._subscribed}))]

    def arguments(self, request: str) -> list[str]:
        """The channel with each product."""
        asked = msgspec.json.decode(request)
        return [f"{asked['channel']}:{name}" for name in asked.get("product_ids", [])]

    def too_fast(self, request: str) -> list[bytes] | None:
        """An error."""
        return [_encode({"type": "error", "message": "rate limit exceeded"})]

    def _frames(self, stream: Stream, happening: Happening, change: Change | None) -> Iterable[bytes]:
        if stream.key.startswith("heartbeats"):
            return [self.heartbeat()]
        if stream.key.startswith("status"):
            return []
        return super()._frames(stream, happening, change)

    def body(self, url: str) -> bytes:
        """The list of products."""
        stated = [self._stated(walk.contract) for walk in self.walks.values()] if self.listed else []
        return _encode({"products": stated, "num_products": len(stated)})

    def image(self, name: str) -> bytes:
        """A `snapshot`."""
        self.subscribe(name)
        walk = self.walks[name]
        return self._book(walk, "snapshot", dict(walk.book.levels("bids")), dict(walk.book.levels("asks")))

    def trade(self, name: str) -> bytes:
        """`market_trades` with one trade, whose side is the maker's."""
        price, size, bought, number = self._next_trade(self.walks[name])
        trade = {
            "product_id": name,
            "trade_id": f"{number}",
            "price": price,
            "size": size,
            "time": self._time(),
            "side": "SELL" if bought else "BUY",
        }
        return self._frame("market_trades", {"type": "update", "trades": [trade]})

    def ticker(self, name: str) -> bytes:
        """`ticker`."""
        walk = self.walks[name]
        bid, bid_size, ask, ask_size = best(walk)
        price, size = walk.contract.price, walk.contract.size
        ticker = {
            "type": "ticker",
            "product_id": name,
            "price": price(bid),
            "volume_24_h": "4626.0191046",
            "low_24_h": price(bid),
            "high_24_h": price(ask),
            "price_percent_chg_24_h": "0.45462975445749",
            "best_bid": price(bid),
            "best_bid_quantity": size(bid_size),
            "best_ask": price(ask),
            "best_ask_quantity": size(ask_size),
        }
        return self._frame("ticker", {"type": "update", "tickers": [ticker]})

    def announced(self, news: Maintenance) -> list[tuple[str, bytes]]:
        """`status` of every product that it is about, when it begins or ends."""
        streams = [stream for key, stream in self.streams.items() if key.startswith("status:")]
        told = [each for each in streams if news.name in ("", each.name) and news.phase != "scheduled"]
        return [(stream.key, self._state(stream.name)) for stream in told]

    def _state(self, name: str) -> bytes:
        ongoing = [news for news in self.maintenance.values() if news.phase == "ongoing"]
        down = next((news for news in ongoing if news.name in ("", name)), None)
        state = {"product_type": "SPOT", "id": name, "display_name": name, "min_market_funds": "1"}
        state |= {"status": "offline" if down else "online", "status_message": down.title if down else ""}
        return self._frame("status", {"type": "update", "products": [state]})

    def heartbeat(self) -> bytes:
        """The frame sent every second."""
        time = f"{datetime.fromtimestamp(self.now_ns // 10**9, UTC)} UTC m=+12240.2"
        return self._frame("heartbeats", {"current_time": time, "heartbeat_counter": self._number})

    def _delta(self, walk: Walk, before: PublishedBook, bids: dict[int, int], asks: dict[int, int]) -> bytes:
        return self._book(walk, "update", bids, asks)

    def _book(self, walk: Walk, kind: str, bids: dict[int, int], asks: dict[int, int]) -> bytes:
        contract = walk.contract
        updates = [
            {
                "side": word,
                "event_time": self._time(),
                "price_level": contract.price(price),
                "new_quantity": contract.size(size) if size else "0",
            }
            for (_, word), levels in zip(SIDES, (bids, asks), strict=True)
            for price, size in levels.items()
        ]
        return self._frame("l2_data", {"type": kind, "product_id": contract.name, "updates": updates})

    def _frame(self, channel: str, event: dict[str, Any]) -> bytes:
        self._number += 1
        head = {"channel": channel, "timestamp": self._time("000"), "sequence_num": self._number}
        return _encode(head | {"events": [event]})

    def _time(self, nanoseconds: str = "") -> str:
        moment = datetime.fromtimestamp(self.now_ns // 10**9, UTC)
        return f"{moment:%Y-%m-%dT%H:%M:%S}.{self.now_ns // 1_000 % 10**6:06d}{nanoseconds}Z"

    def _stated(self, contract: Contract) -> dict[str, Any]:
        future = contract.name.endswith("-CDE")
        tick, lot = contract.price(contract.step), contract.size(contract.lot)
        details = {
            "contract_expiry": "2030-12-27T16:00:00Z",
            "contract_size": "0.01",
            "contract_root_unit": "BTC",
            "contract_expiry_type": "EXPIRING",
        }
        return {
            "product_id": contract.name,
            "price_increment": tick,
            "base_increment": lot,
            "quote_increment": tick,
            "base_min_size": lot,
            "base_currency_id": "" if future else contract.name[:3],
            "quote_currency_id": "USD",
            "product_type": "FUTURE" if future else "SPOT",
            "status": "" if future else "online",
            "trading_disabled": False,
            "is_disabled": False,
            "new_at": "2023-01-01T00:00:00Z",
            "future_product_details": details if future else None,
        }


def _encode(frame: dict[str, Any]) -> bytes:
    return msgspec.json.encode(frame)

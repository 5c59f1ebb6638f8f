"""OKX's v5 wire format: decimal texts, with sequence ids as today, or only checksums as until 2022."""

from collections.abc import Iterable
from typing import Any, Unpack
from urllib.parse import urlsplit
from zlib import crc32

import msgspec

from deltawire.testing.simulators.market import Contract, PlainBook, Walk
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
    query_of,
)

CHECKED = 25
SHOWN = 400
"""Levels of a side that the channel `books` has."""
SHORT = {"books5": 5, "bbo-tbt": 1}
"""Channels of a few levels, all of them in each message."""
OCCASIONS: dict[str, Occasion] = {
    **dict.fromkeys(("books", "books-l2-tbt", "books50-l2-tbt", "books5", "bbo-tbt"), "moved"),
    **dict.fromkeys(("trades", "trades-all"), "traded"),
    **dict.fromkeys(("tickers", "mark-price", "funding-rate", "open-interest", "opt-summary"), "second"),
    **dict.fromkeys(("instruments", "status"), "listed"),
}
STATUS = "status:"
INSTRUMENTS, BOOKS, WHOLE_BOOKS = "/public/instruments", "/market/books", "/market/books-full"


class OkxSimulator(Simulator):
    """A spot pair, a swap and a future of OKX.

    `numbered` sends `seqId` and `prevSeqId`, `summed` the checksum, which is 0 otherwise.
    """

    name = "okx"
    contracts: tuple[Contract, ...] = (
        Contract("BTC-USDT", -1, -8, 618_375),
        Contract("BTC-USDT-SWAP", -1, -2, 618_380),
        Contract("ETH-USD-301227", -2, 0, 241_250, step=5),
    )

    paths = ("/ws/v5/public", "/ws/v5/business")

    def __init__(
        self,
        seed: int = 1,
        *,
        numbered: bool = True,
        summed: bool = False,
        **setting: Unpack[Setting],
    ) -> None:
        super().__init__(seed, **setting)
        self._numbered, self._summed = numbered, summed

    def replies(self, request: str) -> list[tuple[str, bytes]]:
        """`pong`, or one acknowledgement per argument, and the images of the book channels."""
        if request == "ping":
            return [("", b"pong")]
        try:
            asked = msgspec.json.decode(request)
            operation, args = asked["op"], asked["args"]
        except (msgspec.DecodeError, KeyError, TypeError):
            return [("", self._error("60012", f"Invalid request: {request[:200]}", {}))]
        if operation not in ("subscribe", "unsubscribe"):
            return [("", self._error("60012", f"Invalid request: {request[:200]}", asked))]
        return [*(("", self._ack(asked, arg)) for arg in args), *self._images(operation, args)]

    def arguments(self, request: str) -> list[str]:
        """The channels of a request, each with what it is asked for."""
        if request == "ping":
            return []
        return [_key(arg) for arg in msgspec.json.decode(request).get("args", [])]

    def too_fast(self, request: str) -> list[bytes] | None:
        """`60014`."""
        return [self._error("60014", "Requests too frequent.", {})]

    def body(self, url: str) -> bytes:
        """`public/instruments` of one type, or the image of one book."""
        path, asked = urlsplit(url).path, query_of(url)
        if path.endswith((BOOKS, WHOLE_BOOKS)):
            return self._fetched_image(asked.get("instId", ""), int(asked.get("sz", "1")))
        if path.endswith("/public/time"):
            return _encode({"code": "0", "data": [{"ts": f"{self._ms}"}], "msg": ""})
        if path.endswith("/system/status"):
            return _encode({"code": "0", "data": [], "msg": ""})
        kind, family = asked.get("instType", ""), asked.get("instFamily", asked.get("uly", ""))
        stated = [self._stated(walk.contract) for walk in self.walks.values()] if self.listed else []
        instruments = [
            instrument
            for instrument in stated
            if instrument["instType"] == kind and instrument["instId"].startswith(family)
        ]
        return _encode({"code": "0", "data": instruments, "msg": ""})

    def cost(self, target: str) -> tuple[str, int]:
        """Each address has its own pool, that of instruments one per type."""
        path = urlsplit(target).path
        kind = query_of(target).get("instType", "")
        return (f"{path} {kind}".strip(), 1)

    def notice(self) -> bytes | None:
        """`64008`, a minute before the end."""
        reason = "The connection will soon be closed for a service upgrade. Please reconnect."
        return _encode({"event": "notice", "code": "64008", "msg": reason, "connId": "a4d3ae55"})

    def announced(self, news: Maintenance) -> list[tuple[str, bytes]]:
        """`status`."""
        if STATUS not in self.streams:
            return []
        data = {
            "title": news.title,
            "state": news.phase,
            "begin": f"{news.begin_ms}",
            "end": f"{news.end_ms}",
            "href": "",
            "preOpenBegin": "",
            "scheDesc": "",
            "serviceType": "5",
            "system": "unified",
            "maintType": "1",
            "env": "1",
            "ts": f"{self._ms}",
        }
        return [(STATUS, _encode({"arg": {"channel": "status"}, "data": [data]}))]

    def renamed(self, old: str, new: str) -> None:
        """Books go on under the new name, other channels fall silent."""
        for stream in [stream for stream in self.streams.values() if stream.name == old]:
            channel = stream.key.partition(":")[0]
            self._leave(stream.key)
            if stream.on == "moved":
                self._follow(f"{channel}:{new}", new, "moved")
        if old in self._published:
            self._published[new] = self._published.pop(old)

    def image(self, name: str) -> bytes:
        """A `snapshot`."""
        self.subscribe(name)
        walk, book = self.walks[name], self.book(name)
        bids, asks = dict(book.levels("bids")), dict(book.levels("asks"))
        return self._books(walk, "snapshot", bids, asks, (-1, walk.id))

    def trade(self, name: str) -> bytes:
        """`trades` with one trade."""
        price, size, bought, number = self._next_trade(self.walks[name])
        side = "buy" if bought else "sell"
        trade = {"instId": name, "tradeId": f"{number}", "px": price, "sz": size, "side": side}
        return self._push("trades", name, trade | {"ts": f"{self._ms}"})

    def ticker(self, name: str) -> bytes:
        """`tickers`."""
        walk = self.walks[name]
        bid, bid_size, ask, ask_size = best(walk)
        price, size = walk.contract.price, walk.contract.size
        ticker = {
            "instType": self._kind(name),
            "instId": name,
            "last": price(bid),
            "lastSz": "",
            "askPx": price(ask),
            "askSz": size(ask_size),
            "bidPx": price(bid),
            "bidSz": size(bid_size),
            "ts": f"{self._ms}",
        }
        return self._push("tickers", name, ticker)

    def keepalive(self, name: str) -> bytes:
        """The message of an unchanged book once a minute: no levels, and the previous id."""
        walk = self.walks[name]
        return self._books(walk, "update", {}, {}, (self._published[name].id,) * 2)

    def renumber(self, name: str) -> bytes:
        """The update after maintenance whose id is below the previous one."""
        self.walks[name].id //= 2
        return self.delta(name)

    def _frames(self, stream: Stream, happening: Happening, change: Change | None) -> Iterable[bytes]:
        channel = stream.key.partition(":")[0]
        if channel in SHORT:
            return [self._short(channel, stream.name)]
        if stream.on == "listed":
            return [self._listing(channel, happening.name)] if channel == "instruments" else []
        if channel == "opt-summary":
            return [self.summary()]
        if channel in _VALUES and stream.name in self.walks:
            return [self._value(channel, stream.name)]
        return super()._frames(stream, happening, change)

    def _shown(self, walk: Walk) -> int:
        return SHOWN

    def _window(self, walk: Walk) -> PlainBook:
        shorter = max(len(walk.book.bids), len(walk.book.asks)) <= SHOWN
        return walk.book.copy() if shorter else walk.book.cut(SHOWN)

    def _delta(self, walk: Walk, before: PublishedBook, bids: dict[int, int], asks: dict[int, int]) -> bytes:
        return self._books(walk, "update", bids, asks, (before.id, walk.id))

    def _books(
        self, walk: Walk, action: str, bids: dict[int, int], asks: dict[int, int], ids: tuple[int, int]
    ) -> bytes:
        contract = walk.contract
        numbers = {"prevSeqId": ids[0], "seqId": ids[1]} if self._numbered else {}
        data = {
            "asks": [[*self._texts(contract, *level), "0", "1"] for level in asks.items()],
            "bids": [[*self._texts(contract, *level), "0", "1"] for level in bids.items()],
            "ts": f"{self._ms}",
            "checksum": self._checksum(contract, self.book(contract.name)) if self._summed else 0,
            **numbers,
        }
        channel = self._labels.get(contract.name, "books").partition(":")[0]
        arg = {"channel": channel, "instId": contract.name}
        return _encode({"arg": arg, "action": action, "data": [data]})

    def _texts(self, contract: Contract, price: int, size: int) -> tuple[str, str]:
        """Prices with trailing zeros, sizes without."""
        text = contract.size(size)
        return contract.price(price), text.rstrip("0").rstrip(".") if "." in text else text

    def _checksum(self, contract: Contract, book: PlainBook) -> int:
        """Signed CRC32 over the best 25 levels of both sides, alternating."""
        bids, asks = book.levels("bids", CHECKED), book.levels("asks", CHECKED)
        parts: list[str] = []
        for i in range(CHECKED):
            for side in (bids, asks):
                parts += self._texts(contract, *side[i]) if i < len(side) else ()
        unsigned = crc32(":".join(parts).encode())
        return unsigned - (1 << 32) if unsigned >> 31 else unsigned

    def _images(self, operation: str, args: list[dict[str, str]]) -> list[tuple[str, bytes]]:
        """Start or end the streams; the images of those that have one."""
        frames = []
        for arg in args:
            key, channel, name = _key(arg), arg.get("channel", ""), arg.get("instId", "")
            if self._fault(arg):
                continue
            if operation == "unsubscribe":
                self._leave(key)
                continue
            self._follow(key, name, OCCASIONS[channel])
            if channel == "status":
                frames += [frame for news in self.maintenance.values() for frame in self.announced(news)]
            if OCCASIONS[channel] == "moved":
                self._labels[name] = key
                image = self._short(channel, name) if channel in SHORT else self.image(name)
                frames.append((key, image))
        return frames

    def _ack(self, asked: dict[str, Any], arg: dict[str, str]) -> bytes:
        numbered = {"id": asked["id"]} if "id" in asked else {}
        if fault := self._fault(arg):
            return self._error("60018", fault, asked)
        return _encode({**numbered, "event": asked["op"], "arg": arg, "connId": "a4d3ae55"})

    def _fault(self, arg: dict[str, str]) -> str:
        """Why an argument is refused; nothing if it is not."""
        channel, name = arg.get("channel", ""), arg.get("instId", "")
        if channel not in OCCASIONS or self.refuses(_key(arg)):
            return f"Wrong URL or channel:{channel},instId:{name} doesn't exist."
        if channel in ("instruments", "opt-summary", "status") or name in self.walks:
            return ""
        return f"Wrong URL or instId:{name} doesn't exist."

    def _error(self, code: str, reason: str, asked: dict[str, Any]) -> bytes:
        numbered = {"id": asked["id"]} if "id" in asked else {}
        return _encode({**numbered, "event": "error", "code": code, "msg": reason, "connId": "a4d3ae55"})

    def _short(self, channel: str, name: str) -> bytes:
        """A channel of a few levels."""
        walk = self.walks[name]
        sides = {
            side: [
                [*self._texts(walk.contract, *level), "0", "1"]
                for level in walk.book.levels(side, SHORT[channel])
            ]
            for side in ("asks", "bids")
        }
        return self._push(channel, name, {**sides, "ts": f"{self._ms}", "seqId": walk.id})

    def _fetched_image(self, name: str, depth: int) -> bytes:
        if name not in self.walks:
            return _encode({"code": "51001", "data": [], "msg": "Instrument ID doesn't exist."})
        walk = self.walks[name]
        sides = {
            side: [[*self._texts(walk.contract, *level), "0", "1"] for level in walk.book.levels(side, depth)]
            for side in ("asks", "bids")
        }
        return _encode({"code": "0", "msg": "", "data": [{**sides, "ts": f"{self._ms}", "seqId": walk.id}]})

    def _listing(self, channel: str, name: str) -> bytes:
        """An instrument that has begun, or has ended."""
        walk = self.walks.get(name)
        stated = {"instId": name, "instType": self._kind(name), "state": "expired", "tickSz": "", "lotSz": ""}
        data = [stated if walk is None else self._stated(walk.contract)]
        return _encode({"arg": {"channel": channel, "instType": self._kind(name)}, "data": data})

    def _value(self, channel: str, name: str) -> bytes:
        """One number of an instrument."""
        member, text = _VALUES[channel]
        price = self.walks[name].contract.price(best(self.walks[name])[0])
        data = {"instType": self._kind(name), "instId": name, member: text or price, "ts": f"{self._ms}"}
        return self._push(channel, name, data)

    def summary(self) -> bytes:
        """`opt-summary`: the family's options in one message."""
        greeks = {"delta": "-0.4", "gamma": "1.2", "vega": "0.001", "theta": "-0.0003"}
        greeks |= {"deltaBS": "-0.38", "gammaBS": "0.00001", "vegaBS": "82.6", "thetaBS": "-51.5"}
        vols = {"markVol": "0.5513", "bidVol": "0", "askVol": "0.5534", "realVol": "", "volLv": "0.5"}
        data = [
            {"instType": "OPTION", "instId": name, "uly": "BTC-USD", **greeks, **vols, "fwdPx": "62588.5"}
            | {"ts": f"{self._ms}"}
            for name in self.walks
            if self._kind(name) == "OPTION"
        ]
        return _encode({"arg": {"channel": "opt-summary", "instFamily": "BTC-USD"}, "data": data})

    def _kind(self, name: str) -> str:
        parts = name.split("-")
        return {2: "SPOT", 5: "OPTION"}.get(len(parts), "SWAP" if parts[-1] == "SWAP" else "FUTURES")

    def _stated(self, contract: Contract) -> dict[str, str]:
        kind = self._kind(contract.name)
        base, quote, *rest = contract.name.split("-")
        stated = {
            "instType": kind,
            "instId": contract.name,
            "baseCcy": base if kind == "SPOT" else "",
            "quoteCcy": quote if kind == "SPOT" else "",
            "settleCcy": "" if kind == "SPOT" else base if quote == "USD" else quote,
            "tickSz": contract.price(contract.step),
            "lotSz": contract.size(contract.lot),
            "minSz": contract.size(contract.lot),
            "ctVal": "" if kind == "SPOT" else "0.01",
            "ctMult": "" if kind == "SPOT" else "1",
            "ctType": "" if kind in ("SPOT", "OPTION") else "inverse" if quote == "USD" else "linear",
            "listTime": "1606129458000",
            "expTime": f"{contract.expiry_ms}" if kind in ("FUTURES", "OPTION") else "",
            "state": "live",
        }
        if kind == "SPOT":
            return stated
        stated |= {"instFamily": f"{base}-{quote}", "uly": f"{base}-{quote}"}
        return stated | ({"optType": rest[2], "stk": rest[1]} if kind == "OPTION" else {})

    def _push(self, channel: str, name: str, data: dict[str, Any]) -> bytes:
        return _encode({"arg": {"channel": channel, "instId": name}, "data": [data]})


class OkxOptionSimulator(OkxSimulator):
    """Two options of one family, priced in coins, and the swap."""

    contracts = (
        Contract("BTC-USD-301227-60000-P", -4, 0, 1_450, step=5),
        Contract("BTC-USD-301227-70000-C", -4, 0, 2_950, step=5),
        Contract("BTC-USD-SWAP", -1, 0, 618_380),
    )


class OkxEverything(OkxSimulator):
    """All kinds of instruments."""

    contracts = (*OkxSimulator.contracts, *OkxOptionSimulator.contracts)


_VALUES = {
    "mark-price": ("markPx", ""),
    "funding-rate": ("fundingRate", "0.0001"),
    "open-interest": ("oi", "104229"),
}
"""The member of each channel of one number, and its text; "" for the price."""


def _key(arg: dict[str, str]) -> str:
    """A stream's name: its channel, and what it is of."""
    subject = next((arg[name] for name in ("instId", "instFamily", "instType") if name in arg), "")
    return f"{arg.get('channel', '')}:{subject}"


def _encode(frame: dict[str, Any]) -> bytes:
    return msgspec.json.encode(frame)

"""Witnesses: each follows a venue's frames by the letter of its documentation, naively, apart from the code tested.

A witness keeps every book as decimals, checks whatever the venue lets a client check, and says of each frame
which instrument it proves damaged. So it is the oracle for two questions: what should the book be, and at
which message must a client notice that it is not.
"""

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any
from zlib import crc32

from sortedcontainers import SortedDict

from deltawire.model.instruments import Instrument
from deltawire.testing.simulators.market import PlainBook


class Followed:
    """One instrument's book: (price text, size text) by price."""

    def __init__(self) -> None:
        self.bids: SortedDict = SortedDict()
        self.asks: SortedDict = SortedDict()
        self.live = False
        self.id = 0
        self.bridged = False
        self.held: list[dict[str, Any]] = []
        self.tops: dict[int, dict[str, Any]] = {}

    def clear(self) -> None:
        self.bids.clear()
        self.asks.clear()

    def set(self, side: SortedDict, price: str, size: str) -> None:
        if Decimal(size):
            side[Decimal(price)] = (price, size)
        else:
            side.pop(Decimal(price), None)

    def crossed(self) -> bool:
        return bool(self.bids and self.asks and self.bids.keys()[-1] >= self.asks.keys()[0])

    def best(self, side: SortedDict, count: int) -> list[tuple[str, str]]:
        return list(side.values()[-count:])[::-1] if side is self.bids else list(side.values()[:count])

    def plain(self, instrument: Instrument) -> PlainBook:
        """The book in an instrument's ticks and lots."""
        return PlainBook(*(_plain(side, instrument) for side in (self.bids, self.asks)))


def _plain(side: SortedDict, instrument: Instrument) -> dict[int, int]:
    return {
        _exact(price, instrument.price_exponent): _exact(Decimal(size), instrument.size_exponent)
        for price, (_, size) in side.items()
    }


def size_at(side: SortedDict, price: int, instrument: Instrument) -> int:
    """The lots at a price in ticks, 0 if there is no such level."""
    _, size = side.get(Decimal(price).scaleb(instrument.price_exponent), ("", "0"))
    return _exact(Decimal(size), instrument.size_exponent)


def _exact(value: Decimal, exponent: int) -> int:
    scaled = value.scaleb(-exponent)
    assert scaled == int(scaled), f"{value} has more than {-exponent} places"
    return int(scaled)


class ReferenceBook:
    """`take` returns the instrument that a frame proves damaged, or None; this one looks away."""

    def __init__(self) -> None:
        self.books: dict[str, Followed] = {}

    def take(self, frame: bytes) -> str | None:
        return None

    def take_body(self, url: str, body: bytes) -> str | None:
        return None

    def book(self, name: str) -> Followed:
        if name not in self.books:
            self.books[name] = Followed()
        return self.books[name]


_DECODER = json.JSONDecoder(parse_float=str, parse_int=str)


def _parse(frame: bytes) -> Any:
    return _DECODER.decode(frame.decode())


class DeribitWitness(ReferenceBook):
    def take(self, frame: bytes) -> str | None:
        params = _parse(frame).get("params", {})
        if not params.get("channel", "").startswith("book."):
            return None
        data = params["data"]
        name = data["instrument_name"]
        book = self.book(name)
        if "prev_change_id" not in data:
            book.clear()
            book.live = True
        elif not book.live:
            return None
        elif data["prev_change_id"] != book.id:
            book.live = False
            return name
        book.id = data["change_id"]
        for side, triples in ((book.bids, data["bids"]), (book.asks, data["asks"])):
            for action, price, size in triples:
                there = Decimal(price) in side
                if (action == "new") == there:
                    book.live = False
                    return name
                book.set(side, price, "0" if action == "delete" else size)
        book.live = not book.crossed()
        return None if book.live else name


class OkxWitness(ReferenceBook):
    def take(self, frame: bytes) -> str | None:
        if frame == b"pong":
            return None
        message = _parse(frame)
        if "data" not in message or message["arg"]["channel"] != "books":
            return None
        name = message["arg"]["instId"]
        book, data = self.book(name), message["data"][0]
        if message["action"] == "snapshot":
            book.clear()
            book.live = True
        elif not book.live:
            return None
        elif data.get("prevSeqId", "absent") != book.id:
            book.live = False
            return name
        book.id = data.get("seqId", "absent")
        for side, rows in ((book.bids, data["bids"]), (book.asks, data["asks"])):
            for price, size, _, _ in rows:
                book.set(side, price, size)
        stated = int(data["checksum"])
        book.live = not book.crossed() and (not stated or okx_checksum(book) == stated % (1 << 32))
        return None if book.live else name


def okx_checksum(book: Followed) -> int:
    bids, asks = book.best(book.bids, 25), book.best(book.asks, 25)
    in_turns = [":".join(side[i]) for i in range(25) for side in (bids, asks) if i < len(side)]
    return crc32(":".join(in_turns).encode())


class KrakenWitness(ReferenceBook):
    def __init__(self) -> None:
        super().__init__()
        self.depths: dict[str, int] = {}

    def take(self, frame: bytes) -> str | None:
        message = _parse(frame)
        if message.get("method") == "subscribe" and message["result"]["channel"] == "book":
            self.depths[message["result"]["symbol"]] = int(message["result"]["depth"])
        elif message.get("method") == "unsubscribe":
            self.book(message["result"]["symbol"]).live = False
        if message.get("channel") != "book":
            return None
        data = message["data"][0]
        name = data["symbol"]
        book = self.book(name)
        if message["type"] == "snapshot":
            book.clear()
            book.live = True
        elif not book.live:
            return None
        for side, levels in ((book.bids, data["bids"]), (book.asks, data["asks"])):
            for level in levels:
                book.set(side, level["price"], level["qty"])
            while len(side) > self.depths[name]:
                side.popitem(0 if side is book.bids else -1)
        book.live = not book.crossed() and kraken_checksum(book) == int(data["checksum"])
        return None if book.live else name


def kraken_checksum(book: Followed) -> int:
    levels = book.best(book.asks, 10) + book.best(book.bids, 10)
    return crc32("".join(text.replace(".", "").lstrip("0") for level in levels for text in level).encode())


class BinanceWitness(ReferenceBook):
    """The documented procedure, step by step: buffer, image, drop the old, bridge, chain."""

    def take(self, frame: bytes) -> str | None:
        message = _parse(frame)
        if "lastUpdateId" in message:
            (name,) = self.books
            return self._take_image(name, message)
        kind = message.get("stream", "").partition("@")[2].partition("@")[0]
        if kind not in ("depth", "bookTicker"):
            return None
        data = message["data"]
        name = data["s"]
        return self._take_top(name, data) if kind == "bookTicker" else self._take_delta(name, data)

    def take_body(self, url: str, body: bytes) -> str | None:
        if "/depth" not in url:
            return None
        return self._take_image(url.partition("symbol=")[2].partition("&")[0], _parse(body))

    def _follows(self, book: Followed, data: dict[str, Any]) -> bool | None:
        """None: the update is older than the book."""
        raise NotImplementedError

    def _take_image(self, name: str, image: dict[str, Any]) -> str | None:
        book = self.book(name)
        if book.live:
            return None
        if int(image["lastUpdateId"]) < book.id:
            return None
        reached = book.id
        book.id, book.bridged = int(image["lastUpdateId"]), False
        follow = [follows for data in book.held if (follows := self._follows(book, data)) is not None]
        if follow and not follow[0]:
            book.id = reached
            return None
        book.clear()
        book.live = True
        for side, levels in ((book.bids, image["bids"]), (book.asks, image["asks"])):
            for price, size in levels:
                book.set(side, price, size)
        held, book.held = book.held, []
        damaged = None
        for data in held:
            damaged = self._take_delta(name, data) or damaged
        return damaged

    def _take_delta(self, name: str, data: dict[str, Any]) -> str | None:
        book = self.book(name)
        if not book.live:
            book.held.append(data)
            return None
        follows = self._follows(book, data)
        if follows is None:
            return None
        if not follows:
            book.live = False
            book.held = [data]
            return name
        for side, levels in ((book.bids, data["b"]), (book.asks, data["a"])):
            for price, size in levels:
                book.set(side, price, size)
        book.id, book.bridged = int(data["u"]), True
        top = book.tops.pop(book.id, None)
        book.live = not book.crossed() and (top is None or self._agrees(book, top))
        return None if book.live else name

    def _take_top(self, name: str, data: dict[str, Any]) -> str | None:
        book = self.book(name)
        stated_id = int(data["u"])
        if not book.live or stated_id > book.id:
            book.tops[stated_id] = data
        elif stated_id == book.id:
            book.live = self._agrees(book, data)
            return None if book.live else name
        return None

    def _agrees(self, book: Followed, top: dict[str, Any]) -> bool:
        stated = [(Decimal(top["b"]), Decimal(top["B"])), (Decimal(top["a"]), Decimal(top["A"]))]
        found = [book.best(book.bids, 1), book.best(book.asks, 1)]
        return stated == [
            (Decimal(side[0][0]), Decimal(side[0][1])) if side else (Decimal(0), Decimal(0)) for side in found
        ]


class BinanceSpotWitness(BinanceWitness):
    def _follows(self, book: Followed, data: dict[str, Any]) -> bool | None:
        return None if int(data["u"]) <= book.id else int(data["U"]) <= book.id + 1


class BinanceUsdmWitness(BinanceWitness):
    def _follows(self, book: Followed, data: dict[str, Any]) -> bool | None:
        if book.bridged:
            return None if int(data["u"]) <= book.id else int(data["pu"]) == book.id
        if int(data["u"]) < book.id:
            return None
        return int(data["U"]) <= book.id or int(data["pu"]) == book.id


class BybitWitness(ReferenceBook):
    def take(self, frame: bytes) -> str | None:
        message = _parse(frame)
        topic = message.get("topic", "")
        if not topic.startswith("orderbook.") or topic.startswith("orderbook.1."):
            return None
        data = message["data"]
        name = data["s"]
        book = self.book(name)
        if message["type"] == "snapshot":
            book.clear()
            book.live = True
        elif not book.live or int(data["u"]) == book.id:
            return None
        elif int(data["u"]) != book.id + 1:
            book.live = False
            return name
        book.id = int(data["u"])
        for side, levels in ((book.bids, data["b"]), (book.asks, data["a"])):
            for price, size in levels:
                book.set(side, price, size)
        book.live = not book.crossed()
        return None if book.live else name


class CoinbaseWitness(ReferenceBook):
    """One number over all messages: where one is missing every book is suspect."""

    def __init__(self) -> None:
        super().__init__()
        self.number: int | None = None

    def take(self, frame: bytes) -> str | None:
        message = _parse(frame)
        if "sequence_num" not in message:
            return None
        number, last = int(message["sequence_num"]), self.number
        if last is not None and number and number <= last:
            return None
        self.number, suspect = number, []
        if last is not None and number != last + 1:
            suspect = [name for name, book in self.books.items() if book.live]
            for name in suspect:
                self.books[name].live = False
        for event in message["events"] if message["channel"] == "l2_data" else []:
            self._take_event(event)
        return suspect[0] if suspect else None

    def _take_event(self, event: dict[str, Any]) -> None:
        book = self.book(event["product_id"])
        if event["type"] == "snapshot":
            book.clear()
            book.live = True
        for update in event["updates"] if book.live else []:
            side = book.bids if update["side"] == "bid" else book.asks
            book.set(side, update["price_level"], update["new_quantity"])


class HyperliquidWitness(ReferenceBook):
    """Each message is the book."""

    def take(self, frame: bytes) -> str | None:
        message = _parse(frame)
        if message.get("channel") != "l2Book":
            return None
        book = self.book(message["data"]["coin"])
        book.clear()
        for side, levels in zip((book.bids, book.asks), message["data"]["levels"], strict=True):
            for level in levels:
                book.set(side, level["px"], level["sz"])
        book.live = not book.crossed()
        return None if book.live else message["data"]["coin"]


class KrakenFuturesWitness(ReferenceBook):
    def take(self, frame: bytes) -> str | None:
        message = _parse(frame)
        if message.get("event") == "unsubscribed" and message["feed"] == "book":
            self.book(message["product_ids"][0]).live = False
        if message.get("feed") not in ("book", "book_snapshot") or "event" in message:
            return None
        name = message["product_id"]
        book, number = self.book(name), int(message["seq"])
        if message["feed"] == "book_snapshot":
            book.clear()
            book.live = True
            for side, levels in ((book.bids, message["bids"]), (book.asks, message["asks"])):
                for level in levels:
                    book.set(side, level["price"], level["qty"])
        elif not book.live or number == book.id:
            return None
        elif number != book.id + 1:
            book.live = False
            return name
        else:
            side = book.bids if message["side"] == "buy" else book.asks
            book.set(side, message["price"], message["qty"])
        book.id = number
        book.live = not book.crossed()
        return None if book.live else name


WITNESSES: dict[str, Callable[[], ReferenceBook]] = {
    "binance_coinm": BinanceUsdmWitness,
    "binance_options": BinanceUsdmWitness,
    "binance_spot": BinanceSpotWitness,
    "binance_usdm": BinanceUsdmWitness,
    "bybit_inverse": BybitWitness,
    "bybit_linear": BybitWitness,
    "bybit_option": BybitWitness,
    "bybit_spot": BybitWitness,
    "coinbase": CoinbaseWitness,
    "deribit": DeribitWitness,
    "kraken": KrakenWitness,
    "hyperliquid": HyperliquidWitness,
    "kraken_futures": KrakenFuturesWitness,
    "okx": OkxWitness,
}

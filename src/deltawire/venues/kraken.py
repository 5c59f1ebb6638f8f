"""Kraken spot, WebSocket v2.

Facts: docs.kraken.com (spot WebSocket v2: book, checksum), confirmed on recordings of 2026-08. Continuity: no
sequence numbers; every message carries a CRC32 over the best ten levels and so verifies itself. After each message
both sides are truncated to the subscribed depth, because the venue does not send those removals. Each subscription
starts with an image.
"""

from collections.abc import Sequence

import msgspec

from deltawire.book.book import Book, BookUpdate
from deltawire.book.checksums import KrakenChecksum
from deltawire.book.columns import NumberObjects, number_text
from deltawire.book.fast_path import FastPath, Members, members
from deltawire.book.kernel import Image
from deltawire.book.sequencers import Unsequenced
from deltawire.errors import MalformedError
from deltawire.model.events import Event, Side, Stats, Ticker, VenueState
from deltawire.model.expiries import FOREVER_NS
from deltawire.model.instruments import Instrument
from deltawire.model.limits import Limits, Rate
from deltawire.model.numbers import double_text
from deltawire.ports import Ask, Output, Send, Stream, Wants
from deltawire.venues.connection import (
    BAD_FRAME,
    SECOND_NS,
    Id,
    VenueConnection,
    acknowledged,
    by_channel,
    portions,
    refused,
    rfc3339,
)
from deltawire.venues.tape import Trades

ENDED = ("delisted", "maintenance", "work_in_progress")
"""States of a pair without a market; in any other state orders can at least be cancelled, and the book is valid."""
DEPTH = 100
"""The subscribed depth; in a recording, its own subscriptions state it."""
CHANNELS = {"book": "book", "trades": "trade", "ticker": "ticker"}
GIVES = {"ticker": "best_bid_price"}
LIST = Stream("instrument", "list")
SYSTEMS: dict[str, VenueState] = {
    "online": "up",
    "maintenance": "down",
    "cancel_only": "limited",
    "post_only": "limited",
}
"""What the state of the trading engine means for the market."""
SYMBOLS_PER_FRAME = 100
DEPTHS = (10, 25, 100, 500, 1000)
"""The depths that can be subscribed to."""


class _Result(msgspec.Struct):
    channel: str = ""
    symbol: str = ""
    depth: int = 0


class _Frame(msgspec.Struct):
    channel: str = ""
    type: str = ""
    data: msgspec.Raw = msgspec.Raw(b"[]")
    method: str = ""
    result: _Result | None = None
    success: bool = True
    error: str = ""
    symbol: str = ""


class _Book(msgspec.Struct):
    symbol: str
    bids: msgspec.Raw
    asks: msgspec.Raw
    checksum: int
    timestamp: str = ""


class _Engine(msgspec.Struct):
    system: str = ""


class _Named(msgspec.Struct):
    """The symbol of a book message that cannot be read otherwise."""

    symbol: str


class _Trade(msgspec.Struct):
    symbol: str
    side: Side
    price: msgspec.Raw
    qty: msgspec.Raw
    trade_id: Id
    timestamp: str


class _Ticker(msgspec.Struct):
    symbol: str
    bid: float
    bid_qty: float
    ask: float
    ask_qty: float
    last: float
    volume: float
    high: float
    low: float
    change_pct: float
    timestamp: str = ""


class _Pair(msgspec.Struct):
    symbol: str
    base: str
    quote: str
    price_precision: int
    qty_precision: int
    price_increment: float
    qty_min: float
    status: str = "online"


class _Pairs(msgspec.Struct):
    pairs: list[msgspec.Raw]


def _message(kind: str) -> Members:
    """A book message, with or without a time."""
    data = members(
        _Book, symbol='"$symbol"', bids="$bids", asks="$asks", checksum="$checksum", timestamp='"$time"?'
    )
    return members(_Frame, channel='"book"', type=f'"{kind}"', data=[data])


class Kraken(VenueConnection):
    """One connection to Kraken's public v2 endpoint."""

    name = "kraken"
    silence_ns = 5 * SECOND_NS
    limits = Limits(
        endpoints={"": ("wss://ws.kraken.com/v2",)},
        connects=Rate(150, 600.0),
        messages=Rate(20, 1.0),
        books=200,
        streams_per_request=SYMBOLS_PER_FRAME,
        status="channel `status`, sent unasked at the beginning of every connection",
        cannot_show="a wrong level below the best ten: checksums cover these only",
        source="docs.kraken.com: spot WebSocket v2, rate limits; nautilus_trader Kraken adapter",
    )
    fast_path = FastPath(
        form="number_objects",
        rule="none",
        checksum="digits",
        updates=(_message("update"),),
        images=(_message("snapshot"),),
    )

    _frame = msgspec.json.Decoder(_Frame).decode
    _books = msgspec.json.Decoder(list[_Book]).decode
    _trades = msgspec.json.Decoder(list[_Trade]).decode
    _tickers = msgspec.json.Decoder(list[_Ticker]).decode
    _engines = msgspec.json.Decoder(list[_Engine]).decode
    _named = msgspec.json.Decoder(list[_Named]).decode
    _pairs = msgspec.json.Decoder(_Pairs).decode
    _pair = msgspec.json.Decoder(_Pair).decode

    def __init__(self) -> None:
        super().__init__()
        self._asked: set[str] = set()
        """Streams that are requested and not answered yet."""
        self._depths: dict[str, int] = {}
        """Depths from this connection's acknowledgements; the depth of other books is taken from their images."""
        self._channels = {
            "book": self._on_books,
            "trade": self._on_trades,
            "ticker": self._on_tickers,
            "instrument": self._on_instruments,
            "status": self._on_engines,
        }

    def tag(self, url: str) -> str | None:
        """None: nothing is fetched from Kraken."""
        return None

    def closed(self, now: int) -> list[Output]:
        """Forget the depths: the next connection states its own."""
        self._depths.clear()
        self._asked.clear()
        return super().closed(now)

    def streams(self, wants: Wants) -> list[Stream]:
        streams = [
            Stream(f"{CHANNELS[topic]}:{name}", topic, name, gives=GIVES.get(topic, ""))
            for topic in sorted(wants.topics)
            for name in wants.instruments
        ]
        return [LIST, *streams] if wants.instruments else []

    def subscribe(self, streams: Sequence[Stream]) -> list[Send]:
        self._asked.update(stream.name for stream in streams)
        return _calls("subscribe", streams)

    def unsubscribe(self, streams: Sequence[Stream]) -> list[Send]:
        return _calls("unsubscribe", streams)

    def _read(self, frame: bytes, now: int) -> list[Output]:
        message = self._frame(frame)
        handle = self._channels.get(message.channel)
        if handle:
            return handle(message, now)
        if message.channel == "heartbeat":
            return []
        if message.channel:
            return self._not_read(message.channel)
        if message.method:
            return self._on_reply(message, now)
        raise MalformedError("neither channel nor method")

    def _on_reply(self, message: _Frame, now: int) -> list[Output]:
        if not message.success:
            complaint = self._complaint(f"{message.method} {message.symbol}: {message.error}", now)
            if message.method != "subscribe" or not message.symbol:
                return [complaint]
            return [*refused(self._named_by(message.symbol), message.error), complaint]
        result = message.result
        if result is None or not result.channel:
            return []
        if result.channel != "book":
            return self._on_granted(result) if message.method == "subscribe" else []
        if message.method == "subscribe" and result.depth > 0:
            self._depths[result.symbol] = result.depth
        if message.method == "subscribe":
            return self._on_granted(result)
        book = self.books.get(result.symbol)
        if message.method == "unsubscribe" and book is not None and book.state == "live":
            return [*book.fault("closed", now, "unsubscribed")]
        return []

    def _on_granted(self, result: _Result) -> list[Output]:
        name = f"{result.channel}:{result.symbol}" if result.symbol else result.channel
        if name not in self._asked:
            return []
        self._asked.discard(name)
        return acknowledged([name])

    def _named_by(self, symbol: str) -> list[str]:
        """The streams of a symbol that are not answered yet: a refusal does not name the channel."""
        names = sorted(name for name in self._asked if name.partition(":")[2] == symbol)
        self._asked.difference_update(names)
        return names

    def _on_engines(self, message: _Frame, now: int) -> list[Output]:
        """The trading engine; the state of the market in any state that we do not know is unknown too."""
        outputs: list[Output] = []
        for engine in self._engines(message.data):
            state = SYSTEMS.get(engine.system, "notice")
            outputs += self._state_venue(self._status(state, now, engine.system), now)
        return outputs

    def _on_books(self, message: _Frame, now: int) -> list[Output]:
        self._parsed_books += 1
        try:
            books = self._books(message.data)
        except BAD_FRAME as error:
            lost = [self._lost(named.symbol, "", error, now) for named in self._named(message.data)]
            return [output for outputs in lost for output in outputs]
        results: list[Output] = []
        for data in books:
            results += self._on_book(message.type, data, now)
        return results

    def _on_book(self, kind: str, data: _Book, now: int) -> list[Output]:
        try:
            update = BookUpdate(
                bytes(data.bids), bytes(data.asks), checksum=data.checksum, venue_ns=rfc3339(data.timestamp)
            )
            if kind not in ("snapshot", "update"):
                raise MalformedError(f"book type {kind[:20]!r}")
        except BAD_FRAME as error:
            return self._lost(data.symbol, "", error, now)
        book = self._book(data.symbol)
        if kind == "update":
            return self._delta(book, update, now)
        book.limit(self._depths.get(data.symbol) or _shown_depth(update))
        return self._image(data.symbol, update, now)

    def _expect(self, symbol: str, label: str) -> tuple[Instrument, int] | None:
        depth = self._depths.get(symbol)
        expected = super()._expect(symbol, label) if depth else None
        return (expected[0], depth) if expected and depth else None

    def _opened(self, image: Image, now: int) -> list[Output]:
        self._book(image.symbol).limit(self._depths[image.symbol])
        return super()._opened(image, now)

    def _on_trades(self, message: _Frame, now: int) -> list[Output]:
        return self._each(self._trades(message.data), self._on_trade, now)

    def _on_trade(self, data: _Trade, now: int) -> list[Event]:
        venue_ns = rfc3339(data.timestamp)
        texts = number_text(data.price), number_text(data.qty)
        return self._trade(
            data.symbol,
            texts,
            str(data.trade_id),
            data.side,
            (venue_ns, now),
            trades=Trades(data.trade_id, data.trade_id, venue_ns),
        )

    def _on_tickers(self, message: _Frame, now: int) -> list[Output]:
        return self._each(self._tickers(message.data), self._on_ticker, now)

    def _on_ticker(self, data: _Ticker, now: int) -> list[Output]:
        return [
            Ticker(
                instrument=self._instrument(data.symbol),
                venue_ns=rfc3339(data.timestamp),
                seen_ns=now,
                best_bid_price=data.bid,
                best_bid_size=data.bid_qty,
                best_ask_price=data.ask,
                best_ask_size=data.ask_qty,
                last_price=data.last,
                stats=Stats(data.high, data.low, data.volume, None, data.change_pct),
            )
        ]

    def _on_instruments(self, message: _Frame, now: int) -> list[Output]:
        pairs = self._pairs(message.data).pairs
        if message.type == "snapshot":
            return self._whole_list("instrument", pairs, self._on_pair, now)
        return self._each(pairs, self._on_pair, now)

    def _on_pair(self, raw: msgspec.Raw, now: int) -> list[Output]:
        pair = self._pair(raw)
        self._mention(pair.symbol)
        return self._learn(_to_instrument(pair), now, pair.status)

    def _answer(self, tag: str, body: bytes, now: int) -> list[Output]:
        return [self._complaint(f"{tag}: nothing was asked", now)]

    def _make_book(self, instrument: Instrument) -> Book:
        return Book(
            instrument,
            NumberObjects(instrument.price_exponent, instrument.size_exponent),
            Unsequenced(),
            checksum=KrakenChecksum(),
            depth=self._depths.get(instrument.name, DEPTH),
        )

    def _describe(self, symbol: str) -> Instrument:
        base, _, quote = symbol.partition("/")
        return Instrument(
            venue=self.name,
            name=symbol,
            kind="spot",
            base=base if quote else "",
            quote=quote,
            settlement=quote,
            price_exponent=0,
            size_exponent=0,
            contract_size=1.0,
            expiration_ns=FOREVER_NS,
            index_name=f"{base}_{quote}".lower() if quote else "",
            stated=False,
        )

    def _ask_image(self, book: Book) -> list[Ask]:
        symbol = book.instrument.name
        params = {
            "channel": "book",
            "symbol": [symbol],
            "depth": self._depths.get(symbol) or book.depth or DEPTH,
        }
        return [_call("unsubscribe", params), _call("subscribe", params)]


def _shown_depth(update: BookUpdate) -> int:
    """The depth that the length of an image shows: the smallest valid depth that holds it."""
    longest = max(side.count(b'"price"') for side in (update.bids, update.asks))
    return next((depth for depth in DEPTHS if longest <= depth), DEPTHS[-1])


def _calls(method: str, streams: Sequence[Stream]) -> list[Send]:
    sends = []
    for channel, symbols in by_channel(streams).items():
        if channel == LIST.name:
            sends.append(_call(method, {"channel": channel}))
            continue
        depth = {"depth": DEPTH} if channel == "book" else {}
        for some in portions(symbols, SYMBOLS_PER_FRAME):
            params = {"channel": channel, "symbol": [*some], **depth}
            sends.append(_call(method, params))
    return sends


def _call(method: str, params: dict[str, object]) -> Send:
    return Send(msgspec.json.encode({"method": method, "params": params}).decode())


def _to_instrument(pair: _Pair) -> Instrument:
    return Instrument(
        venue=Kraken.name,
        name=pair.symbol,
        kind="spot",
        base=pair.base,
        quote=pair.quote,
        settlement=pair.quote,
        price_exponent=-pair.price_precision,
        size_exponent=-pair.qty_precision,
        tick_size=double_text(pair.price_increment),
        min_trade_size=double_text(pair.qty_min),
        contract_size=1.0,
        expiration_ns=FOREVER_NS,
        index_name=f"{pair.base}_{pair.quote}".lower(),
        active=pair.status not in ENDED,
    )

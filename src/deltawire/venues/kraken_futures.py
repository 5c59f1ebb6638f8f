"""Kraken Futures, WebSocket v1: perpetuals and futures, inverse and linear.

Facts: docs.kraken.com (Futures WebSocket: book, trade, ticker), confirmed on a recording of 2021-04-17. Continuity:
`book_snapshot` has the product's `seq`, each `book` message changes one level and has the next; after a gap,
unsubscribe and subscribe that one product. A quantity of 0 removes the level. Times are milliseconds. There is no
checksum. The feed `heartbeat` is subscribed, so that a quiet market is not taken for silence; the venue also requires
a WebSocket ping every 60 s. `trade_snapshot` has trades from before the subscription and is not read.
"""

import re
from collections.abc import Sequence
from typing import Annotated, Literal
from urllib.parse import urlsplit

import msgspec

from deltawire.book.book import Book, BookUpdate
from deltawire.book.columns import NumberObjects, number_text
from deltawire.book.fast_path import FastPath, members
from deltawire.book.sequencers import Counter
from deltawire.errors import MalformedError
from deltawire.model.events import Event, Liquidation, Side, Stats, Ticker
from deltawire.model.expiries import FOREVER_NS, UNKNOWN_NS
from deltawire.model.instruments import Instrument
from deltawire.model.limits import Limits, Rate
from deltawire.model.numbers import double_text, exponent_of, format_decimal
from deltawire.ports import Ask, Fetch, Output, Send, Stream, Wants
from deltawire.venues.connection import (
    BAD_FRAME,
    SECOND_NS,
    Id,
    Ms,
    VenueConnection,
    acknowledged,
    by_channel,
    portions,
    rfc3339,
    split_pair,
    to_ns,
)
from deltawire.venues.tape import Trades

LIST = "https://futures.kraken.com/derivatives/api/v3/instruments"
PRODUCTS_PER_FRAME = 100
GIVES = {"ticker": "mark_price"}
FEEDS = {"book": "book", "trades": "trade", "ticker": "ticker"}
QUOTES = ("USDT", "USDC", "USD", "EUR", "GBP", "XBT", "ETH")
"""Possible ends of the pair in a product's name."""
COINS = {"XBT": "BTC"}
"""Coins whose names differ between products and lists."""
Places = Annotated[int, msgspec.Meta(ge=-18, le=18)]
"""Decimal places of sizes; negative for powers of ten."""
LIQUIDATED = "T"
"""In a trade of type `liquidation`, the position of the taker is closed."""


class _Frame(msgspec.Struct):
    event: str = ""
    feed: str = ""
    product_id: str = ""
    product_ids: list[str] = []
    message: str = ""


class _Image(msgspec.Struct):
    product_id: str
    seq: Id
    timestamp: Ms
    bids: msgspec.Raw
    asks: msgspec.Raw


class _Change(msgspec.Struct):
    product_id: str
    seq: Id
    timestamp: Ms
    side: Side
    price: msgspec.Raw
    qty: msgspec.Raw


class _Trade(msgspec.Struct):
    product_id: str
    uid: str
    side: Side
    seq: Id
    time: Ms
    price: msgspec.Raw
    qty: msgspec.Raw
    type: str = "fill"


class _Ticker(msgspec.Struct):
    """A message of `ticker` or `ticker_lite`; the relative funding rate is the fraction, per hour."""

    product_id: str
    time: Ms = 0
    bid: float | None = None
    ask: float | None = None
    bid_size: float | None = None
    ask_size: float | None = None
    last: float | None = None
    index: float | None = None
    mark_price: float | None = msgspec.field(default=None, name="markPrice")
    open_interest: float | None = msgspec.field(default=None, name="openInterest")
    relative_funding_rate: float | None = None
    high: float | None = None
    low: float | None = None
    volume: float | None = None
    change: float | None = None
    maturity_time: Ms = msgspec.field(default=0, name="maturityTime")


class _Instrument(msgspec.Struct, rename="camel"):
    symbol: str
    tradeable: bool
    type: str = ""
    tick_size: float | None = None
    contract_size: float = 0.0
    contract_value_trade_precision: Places | None = None
    base: str = ""
    quote: str = ""
    opening_date: str = ""
    last_trading_time: str = ""


class _Instruments(msgspec.Struct):
    result: str
    instruments: list[msgspec.Raw] = []
    error: str = ""


_SNAPSHOT = members(
    _Frame,
    _Image,
    feed='"book_snapshot"',
    product_id='"$symbol"',
    seq="$last",
    timestamp="$venue_ms",
    bids="$bids",
    asks="$asks",
)


class KrakenFutures(VenueConnection):
    """One connection to futures.kraken.com/ws/v1."""

    name = "kraken_futures"
    silence_ns = 30 * SECOND_NS
    limits = Limits(
        endpoints={"": ("wss://futures.kraken.com/ws/v1",)},
        rest=("https://futures.kraken.com",),
        connections=100,
        messages=Rate(90, 1.0),
        books=200,
        streams_per_request=PRODUCTS_PER_FRAME,
        ping="frame",
        ping_s=30.0,
        cannot_show="a wrong size anywhere in a book: there are no checksums",
        source="docs.kraken.com: Futures WebSocket, rate limits (100 per second; we keep 90)",
    )
    fast_path = FastPath(form="number_objects", rule="counter", updates=(), images=(_SNAPSHOT,))

    _frame = msgspec.json.Decoder(_Frame).decode
    _image_data = msgspec.json.Decoder(_Image).decode
    _change_data = msgspec.json.Decoder(_Change).decode
    _trade_data = msgspec.json.Decoder(_Trade).decode
    _ticker_data = msgspec.json.Decoder(_Ticker).decode
    _instruments = msgspec.json.Decoder(_Instruments).decode
    _instrument_data = msgspec.json.Decoder(_Instrument).decode

    def __init__(self) -> None:
        super().__init__()
        self._feeds = {
            "book": self._on_change,
            "book_snapshot": self._on_image,
            "trade": self._on_trade,
            "ticker": self._on_ticker,
            "ticker_lite": self._on_ticker,
            "heartbeat": self._on_heartbeat,
        }

    def tag(self, url: str) -> str | None:
        """The list of instruments."""
        return "instruments" if urlsplit(url).path.endswith("/api/v3/instruments") else None

    def streams(self, wants: Wants) -> list[Stream]:
        return [
            Stream(f"{FEEDS[topic]}:{name}", topic, name, gives=GIVES.get(topic, ""))
            for topic in sorted(wants.topics)
            for name in wants.instruments
        ]

    def lists(self, wants: Wants) -> list[Fetch]:
        return [Fetch("instruments", LIST)]

    def greeting(self) -> list[Send]:
        return [Send('{"event":"subscribe","feed":"heartbeat"}')]

    def subscribe(self, streams: Sequence[Stream]) -> list[Send]:
        return _requests("subscribe", streams)

    def unsubscribe(self, streams: Sequence[Stream]) -> list[Send]:
        return _requests("unsubscribe", streams)

    def _read(self, frame: bytes, now: int) -> list[Output]:
        message = self._frame(frame)
        if message.event:
            return self._on_event(message, now)
        if not message.feed:
            raise MalformedError("neither feed nor event")
        handle = self._feeds.get(message.feed)
        return handle(frame, message.product_id, now) if handle else self._not_read(message.feed)

    def _on_event(self, message: _Frame, now: int) -> list[Output]:
        if message.event == "unsubscribed" and message.feed == "book":
            books = [self.books[name] for name in message.product_ids if name in self.books]
            events = [book.fault("closed", now, "unsubscribed") for book in books if book.state == "live"]
            return [event for of_one in events for event in of_one]
        if message.event == "subscribed":
            return acknowledged(f"{message.feed}:{name}" for name in message.product_ids)
        if message.event in ("unsubscribed", "info"):
            return []
        return [self._complaint(f"{message.event} {message.feed} {message.message}", now)]

    def _on_heartbeat(self, frame: bytes, symbol: str, now: int) -> list[Output]:
        return []

    def _on_image(self, frame: bytes, symbol: str, now: int) -> list[Output]:
        try:
            data = self._image_data(frame)
        except BAD_FRAME as error:
            return self._lost(symbol, "", error, now)
        self._parsed_books += 1
        update = BookUpdate(bytes(data.bids), bytes(data.asks), last=data.seq, venue_ns=to_ns(data.timestamp))
        return self._image(symbol, update, now)

    def _on_change(self, frame: bytes, symbol: str, now: int) -> list[Output]:
        try:
            data = self._change_data(frame)
        except BAD_FRAME as error:
            return self._lost(symbol, "", error, now)
        self._parsed_books += 1
        level = b'[{"price":%b,"qty":%b}]' % (data.price, data.qty)
        bids, asks = (level, b"[]") if data.side == "buy" else (b"[]", level)
        update = BookUpdate(bids, asks, last=data.seq, venue_ns=to_ns(data.timestamp))
        return self._delta(self._book(symbol), update, now)

    def _on_trade(self, frame: bytes, symbol: str, now: int) -> list[Output]:
        data = self._trade_data(frame)
        times = to_ns(data.time), now
        texts = number_text(data.price), number_text(data.qty)
        forced = data.type == "liquidation"
        events: list[Event] = self._trade(
            symbol,
            texts,
            data.uid,
            data.side,
            times,
            trades=Trades(data.seq, data.seq, times[0]),
            sequence=data.seq,
            liquidation=LIQUIDATED if forced else "",
        )
        if forced and events:
            _, instrument, ticks, lots = self._measure(symbol, texts, now)
            events.append(Liquidation(instrument, ticks, lots, data.side, *times))
        return [*events]

    def _on_ticker(self, frame: bytes, symbol: str, now: int) -> list[Output]:
        data = self._ticker_data(frame)
        known = self._instrument(symbol)
        matures_ns = to_ns(data.maturity_time)
        if matures_ns and known.expiration_ns == UNKNOWN_NS:
            dated = msgspec.structs.replace(known, expiration_ns=matures_ns)
            self._lifetimes.watch(dated)
            listed = self._redefine(known, dated, now)
        else:
            listed = []
        return [
            *listed,
            Ticker(
                instrument=self._instrument(symbol),
                venue_ns=to_ns(data.time),
                seen_ns=now,
                best_bid_price=data.bid,
                best_bid_size=data.bid_size,
                best_ask_price=data.ask,
                best_ask_size=data.ask_size,
                last_price=data.last,
                mark_price=data.mark_price,
                index_price=data.index,
                open_interest=data.open_interest,
                current_funding=data.relative_funding_rate,
                stats=_day(known, data),
            ),
        ]

    def _answer(self, tag: str, body: bytes, now: int) -> list[Output]:
        answer = self._instruments(body)
        if answer.result != "success":
            return [self._complaint(f"{tag}: {answer.error or answer.result}", now)]
        return self._whole_list(tag, answer.instruments, self._on_instrument, now)

    def _on_instrument(self, raw: msgspec.Raw, now: int) -> list[Output]:
        """Indices are in the list, too, and are not instruments: they have no price increment."""
        stated = self._instrument_data(raw)
        self._mention(stated.symbol.upper())
        if stated.tick_size is None or not stated.type:
            return []
        return self._learn(_to_instrument(stated, stated.tick_size), now, "not tradeable")

    def _make_book(self, instrument: Instrument) -> Book:
        reader = NumberObjects(instrument.price_exponent, instrument.size_exponent)
        return Book(instrument, reader, Counter())

    def _describe(self, symbol: str) -> Instrument:
        return describe(symbol)

    def _ask_image(self, book: Book) -> list[Ask]:
        names = (book.instrument.name,)
        return [_request("unsubscribe", "book", names), _request("subscribe", "book", names)]


def _requests(event: str, streams: Sequence[Stream]) -> list[Send]:
    return [
        _request(event, feed, some)
        for feed, names in by_channel(streams).items()
        for some in portions(names, PRODUCTS_PER_FRAME)
    ]


def _request(event: str, feed: str, names: Sequence[str]) -> Send:
    return Send(msgspec.json.encode({"event": event, "feed": feed, "product_ids": list(names)}).decode())


def _day(instrument: Instrument, data: _Ticker) -> Stats:
    """The last 24 hours; contracts of inverse products are dollars."""
    in_usd = instrument.inverse and instrument.quote == "USD"
    return Stats(
        data.high,
        data.low,
        None if in_usd or not instrument.kind else data.volume,
        data.volume if in_usd else None,
        data.change,
    )


_NAME = re.compile(r"(?P<kind>[PF][IF])_(?P<pair>[A-Z0-9]+)(?P<dated>_\d{6})?", re.ASCII)


def describe(symbol: str) -> Instrument:
    """The facts in the venue's names: PI_XBTUSD (perpetual, inverse), FI_XBTUSD_210625, PF_XBTUSD (linear), FF_….

    A name has a day but no hour, which is London's; the ticker's `maturityTime` has both. Names of another form say
    nothing.
    """
    named = _NAME.fullmatch(symbol)
    base, quote = split_pair(named["pair"], QUOTES) if named else ("", "")
    fits = named is not None and bool(base) and (named["kind"][0] == "F") == bool(named["dated"])
    if named is None or not fits:
        return Instrument(
            venue=KrakenFutures.name,
            name=symbol,
            kind="",
            base="",
            quote="",
            settlement="",
            price_exponent=0,
            size_exponent=0,
            stated=False,
        )
    base, inverse = COINS.get(base, base), named["kind"][1] == "I"
    perpetual = not named["dated"]
    return Instrument(
        venue=KrakenFutures.name,
        name=symbol,
        kind="future",
        base=base,
        quote=quote,
        settlement=base if inverse else quote,
        price_exponent=0,
        size_exponent=0,
        size_unit="quote" if inverse else "base",
        contract_size=1.0,
        inverse=inverse,
        expiration_ns=FOREVER_NS if perpetual else UNKNOWN_NS,
        settlement_period="perpetual" if perpetual else "",
        index_name=f"{base}_{quote}".lower(),
        stated=False,
    )


_KINDS: dict[str, Literal["inverse", "linear"]] = {
    "futures_inverse": "inverse",
    "flexible_futures": "linear",
    "futures_vanilla": "linear",
}


def _to_instrument(stated: _Instrument, tick_size: float) -> Instrument:
    named = describe(stated.symbol.upper())
    precision = stated.contract_value_trade_precision
    inverse = _KINDS.get(stated.type) == "inverse"
    least = "" if precision is None else _power_of_ten(-precision)
    return msgspec.structs.replace(
        named,
        base=stated.base or named.base,
        quote=stated.quote or named.quote,
        settlement=named.settlement if not stated.base else stated.base if inverse else stated.quote,
        price_exponent=exponent_of(tick_size),
        size_exponent=min(0, -precision) if precision is not None else 0,
        tick_size=double_text(tick_size),
        min_trade_size=least or ("1" if inverse else ""),
        contract_size=stated.contract_size,
        expiration_ns=rfc3339(stated.last_trading_time) or named.expiration_ns,
        creation_ns=rfc3339(stated.opening_date),
        active=stated.tradeable,
        stated=True,
    )


def _power_of_ten(exponent: int) -> str:
    return format_decimal(1, exponent) if exponent <= 0 else str(10**exponent)

"""Coinbase Advanced Trade: spot and futures.

Facts: docs.cdp.coinbase.com (Advanced Trade WebSocket), confirmed on a recording of 2026-09-30. Continuity:
`sequence_num` numbers all messages of the connection, whatever their channel, so after a gap every book of the
connection may be wrong; each is subscribed again on the same connection, which brings an image. Books have no number
of their own and no checksum; an update may remove a level that does not exist. Sides of a book are called `bid` and
`offer`. The side of a trade is the maker's. A channel without messages is closed after 60 to 90 s, unless
`heartbeats` are subscribed, too.
"""

from collections import deque
from collections.abc import Iterable, Sequence
from typing import Literal
from urllib.parse import urlsplit

import msgspec

from deltawire.book.book import UNPROVEN, Book, BookUpdate
from deltawire.book.columns import TextPairs
from deltawire.book.sequencers import ConnectionCounter, OnCountedConnection, Verdict
from deltawire.errors import MalformedError
from deltawire.model.events import Event, Side, Stats, Ticker, VenueState
from deltawire.model.expiries import FOREVER_NS, UNKNOWN_NS
from deltawire.model.instruments import Instrument
from deltawire.model.limits import Limits, Rate
from deltawire.model.numbers import exponent_of
from deltawire.ports import Ask, Fetch, Output, Send, Stream, Wants
from deltawire.venues.connection import (
    BAD_FRAME,
    SECOND_NS,
    Id,
    VenueConnection,
    acknowledged,
    by_channel,
    optional_float,
    portions,
    refused,
    rfc3339,
    to_float,
)
from deltawire.venues.tape import one_trade

PRODUCTS = "/api/v3/brokerage/market/products"
LIST = f"https://api.coinbase.com{PRODUCTS}"
PRODUCTS_PER_FRAME = 100
GIVES = {"ticker": "last_price"}
CHANNELS = {"book": "level2", "trades": "market_trades", "ticker": "ticker"}
STATUS, ONLINE = "status", "online"
TAKER: dict[str, Side] = {"BUY": "sell", "SELL": "buy"}
"""The aggressor's side by the maker's."""


class _Frame(msgspec.Struct):
    channel: str = ""
    timestamp: str = ""
    sequence_num: Id | None = None
    events: list[msgspec.Raw] = []
    type: str = ""
    message: str = ""


class _State(msgspec.Struct):
    id: str
    status: str = ""
    status_message: str = ""


class _States(msgspec.Struct):
    products: list[_State] = []


class _Level(msgspec.Struct):
    side: Literal["bid", "offer"]
    price_level: str
    new_quantity: str


class _Book(msgspec.Struct):
    type: Literal["snapshot", "update"]
    product_id: str
    updates: list[_Level]


class _Named(msgspec.Struct):
    """The product of a book event that cannot be read otherwise."""

    product_id: str


class _Trade(msgspec.Struct):
    product_id: str
    trade_id: str
    price: str
    size: str
    time: str
    side: Literal["BUY", "SELL"]


class _Trades(msgspec.Struct):
    trades: list[_Trade]


class _Ticker(msgspec.Struct):
    product_id: str
    price: str = ""
    volume_24_h: str = ""
    low_24_h: str = ""
    high_24_h: str = ""
    price_percent_chg_24_h: str = ""
    best_bid: str = ""
    best_bid_quantity: str = ""
    best_ask: str = ""
    best_ask_quantity: str = ""


class _Tickers(msgspec.Struct):
    tickers: list[_Ticker]


class _Subscriptions(msgspec.Struct):
    subscriptions: dict[str, list[str]]


class _Future(msgspec.Struct):
    contract_expiry: str = ""
    contract_size: str = ""
    contract_root_unit: str = ""
    contract_expiry_type: str = ""


class _Product(msgspec.Struct):
    product_id: str
    base_increment: str
    price_increment: str
    quote_increment: str = ""
    base_min_size: str = ""
    base_currency_id: str = ""
    quote_currency_id: str = ""
    product_type: str = ""
    status: str = ""
    trading_disabled: bool = False
    is_disabled: bool = False
    new_at: str | None = None
    future_product_details: _Future | None = None


class _Products(msgspec.Struct):
    products: list[msgspec.Raw] | None = None
    error: str = ""
    message: str = ""


class Coinbase(VenueConnection):
    """One connection to advanced-trade-ws.coinbase.com."""

    name = "coinbase"
    silence_ns = 10 * SECOND_NS
    limits = Limits(
        endpoints={"": ("wss://advanced-trade-ws.coinbase.com",)},
        rest=("https://api.coinbase.com",),
        connects=Rate(8, 1.0),
        messages=Rate(8, 1.0),
        books=50,
        streams_per_request=PRODUCTS_PER_FRAME,
        weight=Rate(10, 1.0),
        max_message_size=128 * 1024 * 1024,
        status="channel `status`: products that are not online",
        cannot_show="a wrong size anywhere in a book: there are no checksums",
        source="docs.cdp.coinbase.com: Advanced Trade WebSocket, rate limits; ccxt issue 23597",
    )

    _frame = msgspec.json.Decoder(_Frame).decode
    _book_data = msgspec.json.Decoder(_Book).decode
    _named = msgspec.json.Decoder(_Named).decode
    _trade_data = msgspec.json.Decoder(_Trades).decode
    _ticker_data = msgspec.json.Decoder(_Tickers).decode
    _granted = msgspec.json.Decoder(_Subscriptions).decode
    _states = msgspec.json.Decoder(_States).decode
    _products = msgspec.json.Decoder(_Products).decode
    _product = msgspec.json.Decoder(_Product).decode

    def __init__(self) -> None:
        super().__init__()
        self._counter = ConnectionCounter()
        self._asked: set[str] = set()
        """Streams that are requested and not answered yet."""
        self._requests: deque[tuple[str, ...]] = deque()
        """The streams of each request that is not answered yet, none of those that end some; answers come in order."""
        self._subscribed: frozenset[str] = frozenset()
        """The products whose books are subscribed, according to the venue's last message."""
        self._channels = {
            "l2_data": self._on_book,
            "market_trades": self._on_trades,
            "ticker": self._on_tickers,
            "ticker_batch": self._on_tickers,
            "subscriptions": self._on_subscriptions,
            "heartbeats": self._on_heartbeat,
            STATUS: self._on_states,
        }

    def tag(self, url: str) -> str | None:
        """The list of products, or one product."""
        path = urlsplit(url).path
        if path.endswith(PRODUCTS):
            return "instruments"
        head, _, symbol = path.rpartition("/")
        return f"instruments:{symbol}" if head.endswith(PRODUCTS) else None

    def connected(self, now: int) -> list[Output]:
        """Each connection has its own numbering."""
        self._counter.reset()
        self._subscribed = frozenset()
        self._asked.clear()
        self._requests.clear()
        return super().connected(now)

    def streams(self, wants: Wants) -> list[Stream]:
        return [
            Stream(f"{CHANNELS[topic]}:{name}", topic, name, gives=GIVES.get(topic, ""))
            for topic in sorted(wants.topics)
            for name in wants.instruments
        ] + [Stream(f"{STATUS}:{name}", "status", name) for name in wants.instruments if wants.topics]

    def lists(self, wants: Wants) -> list[Fetch]:
        return [Fetch("instruments", LIST)]

    def greeting(self) -> list[Send]:
        self._requests.append(())
        return [_request("subscribe", "heartbeats")]

    def subscribe(self, streams: Sequence[Stream]) -> list[Send]:
        self._asked.update(stream.name for stream in streams)
        sends = []
        for channel, names in by_channel(streams).items():
            for some in portions(names, PRODUCTS_PER_FRAME):
                self._requests.append(tuple(f"{channel}:{name}" for name in some))
                sends.append(_request("subscribe", channel, some))
        return sends

    def unsubscribe(self, streams: Sequence[Stream]) -> list[Send]:
        sends = _requests("unsubscribe", streams)
        self._requests.extend(() for _ in sends)
        return sends

    def _read(self, frame: bytes, now: int) -> list[Output]:
        message = self._frame(frame)
        if message.type == "error":
            return [*self._on_refusal(message.message), self._complaint(message.message, now)]
        if not message.channel or message.sequence_num is None:
            raise MalformedError("no channel, or no number")
        last = self._counter.last
        verdict = self._counter.check(message.sequence_num)
        if verdict is Verdict.OLD:
            return self._not_read(f"{message.channel}, out of order")
        outputs = (
            []
            if verdict is Verdict.NEXT
            else self._gap(f"{message.sequence_num} does not follow {last}", now)
        )
        handle = self._channels.get(message.channel)
        if handle is None:
            return [*outputs, *self._not_read(message.channel)]
        if message.channel == "l2_data":
            self._parsed_books += 1
        for event in message.events:
            try:
                outputs += handle(event, message, now)
            except BAD_FRAME as error:
                outputs.append(self._fault(error, now))
        return outputs

    def _on_refusal(self, text: str) -> list[Output]:
        """An error does not say which request it answers, so the oldest.

        One for several streams is repeated in halves, because one of them may be the cause. A single stream is refused
        if the error names its product; else it is asked for again when no answer has come.
        """
        names = self._requests.popleft() if self._requests else ()
        if len(names) > 1:
            half = len(names) // 2
            streams = [Stream(name, "ticker") for name in names]
            return [*self.subscribe(streams[:half]), *self.subscribe(streams[half:])]
        denied = [name for name in names if name.partition(":")[2] in text]
        self._asked.difference_update(denied)
        return refused(denied, text)

    def _gap(self, detail: str, now: int) -> list[Output]:
        """A message of the connection is missing: it may have concerned any of its books."""
        books = [book for book in self.books.values() if book.state == "live" or book.reason in UNPROVEN]
        events: list[Output] = []
        for book in books:
            book.counts.gaps += 1
            events += book.fault("gap", now, detail)
        asks = self._ask_images(books)
        for book in books:
            events += self._awaited(book, now)
        return [*events, *asks]

    def _on_book(self, event: msgspec.Raw, message: _Frame, now: int) -> list[Output]:
        try:
            data = self._book_data(event)
            venue_ns = rfc3339(message.timestamp)
        except BAD_FRAME as error:
            return self._lost(self._named(event).product_id, "", error, now)
        update = BookUpdate(
            _levels(data.updates, "bid"),
            _levels(data.updates, "offer"),
            last=message.sequence_num or 0,
            venue_ns=venue_ns,
        )
        if data.type == "snapshot":
            return self._image(data.product_id, update, now)
        return self._delta(self._book(data.product_id), update, now)

    def _on_trades(self, event: msgspec.Raw, message: _Frame, now: int) -> list[Output]:
        """The latest trade first; after a subscription, those before it."""
        return self._each(reversed(self._trade_data(event).trades), self._on_trade, now)

    def _on_trade(self, data: _Trade, now: int) -> list[Event]:
        venue_ns = rfc3339(data.time)
        return self._trade(
            data.product_id,
            (data.price, data.size),
            data.trade_id,
            TAKER[data.side],
            (venue_ns, now),
            trades=one_trade(data.trade_id, venue_ns),
        )

    def _on_tickers(self, event: msgspec.Raw, message: _Frame, now: int) -> list[Output]:
        venue_ns = rfc3339(message.timestamp)
        return [self._ticker(data, venue_ns, now) for data in self._ticker_data(event).tickers]

    def _ticker(self, data: _Ticker, venue_ns: int, now: int) -> Ticker:
        return Ticker(
            instrument=self._instrument(data.product_id),
            venue_ns=venue_ns,
            seen_ns=now,
            best_bid_price=optional_float(data.best_bid),
            best_bid_size=optional_float(data.best_bid_quantity),
            best_ask_price=optional_float(data.best_ask),
            best_ask_size=optional_float(data.best_ask_quantity),
            last_price=optional_float(data.price),
            stats=Stats(
                high=optional_float(data.high_24_h),
                low=optional_float(data.low_24_h),
                volume=optional_float(data.volume_24_h),
                price_change=optional_float(data.price_percent_chg_24_h),
            ),
        )

    def _on_heartbeat(self, event: msgspec.Raw, message: _Frame, now: int) -> list[Output]:
        return []

    def _on_states(self, event: msgspec.Raw, message: _Frame, now: int) -> list[Output]:
        """Products that are not online are down; that one is online is news only if it was not."""
        outputs: list[Output] = []
        for data in self._states(event).products:
            if not data.status or (data.status == ONLINE and data.id not in self._outages.subjects()):
                continue
            state: VenueState = "up" if data.status == ONLINE else "down"
            text = " ".join(filter(None, (data.status, data.status_message)))
            outputs += self._state_venue(self._status(state, now, text, subject=data.id), now)
        return outputs

    def _on_subscriptions(self, event: msgspec.Raw, message: _Frame, now: int) -> list[Output]:
        """The present subscriptions; a book that is no longer subscribed is closed."""
        if self._requests:
            self._requests.popleft()
        granted = self._granted(event).subscriptions
        subscribed = frozenset(granted.get("level2", []))
        gone, self._subscribed = self._subscribed - subscribed, subscribed
        names = {f"{channel}:{symbol}" for channel, symbols in granted.items() for symbol in symbols}
        fresh, self._asked = sorted(names & self._asked), self._asked - names
        outputs = acknowledged(fresh)
        for symbol in sorted(gone):
            book = self.books.get(symbol)
            if book is not None and book.state == "live":
                outputs += book.fault("closed", now, "unsubscribed")
        return outputs

    def _answer(self, tag: str, body: bytes, now: int) -> list[Output]:
        answer = self._products(body)
        if answer.products is not None:
            return self._whole_list(tag, answer.products, self._on_product, now)
        if answer.error:
            return [self._complaint(f"{tag}: {answer.error} {answer.message}", now)]
        return self._on_product(msgspec.Raw(body), now)

    def _on_product(self, raw: msgspec.Raw, now: int) -> list[Output]:
        stated = self._product(raw)
        self._mention(stated.product_id)
        return self._learn(_to_instrument(stated), now, stated.status or "disabled")

    def _make_book(self, instrument: Instrument) -> Book:
        reader = TextPairs(instrument.price_exponent, instrument.size_exponent)
        return Book(instrument, reader, OnCountedConnection())

    def _describe(self, symbol: str) -> Instrument:
        return describe(symbol)

    def _ask_image(self, book: Book) -> list[Ask]:
        return self._ask_images([book])

    def _ask_images(self, books: Iterable[Book]) -> list[Ask]:
        names = [book.instrument.name for book in books]
        if not names:
            return []
        self._requests.extend([(), tuple(f"level2:{name}" for name in names)])
        return [_request("unsubscribe", "level2", names), _request("subscribe", "level2", names)]


def _requests(kind: str, streams: Sequence[Stream]) -> list[Send]:
    return [
        _request(kind, channel, some)
        for channel, names in by_channel(streams).items()
        for some in portions(names, PRODUCTS_PER_FRAME)
    ]


def _request(kind: str, channel: str, names: Sequence[str] = ()) -> Send:
    products = {"product_ids": list(names)} if names else {}
    return Send(msgspec.json.encode({"type": kind, **products, "channel": channel}).decode())


def _levels(levels: list[_Level], side: str) -> bytes:
    """The levels of one side, as arrays of pairs."""
    return msgspec.json.encode(
        [(level.price_level, level.new_quantity) for level in levels if level.side == side]
    )


def describe(symbol: str) -> Instrument:
    """The facts in a product's name: BTC-USD is a pair; for futures (BIT-26DEC25-CDE) only the list states more."""
    base, _, quote = symbol.partition("-")
    pair = bool(base and quote) and base.isalnum() and quote.isalnum()
    return Instrument(
        venue=Coinbase.name,
        name=symbol,
        kind="spot" if pair else "",
        base=base if pair else "",
        quote=quote if pair else "",
        settlement=quote if pair else "",
        price_exponent=0,
        size_exponent=0,
        contract_size=1.0 if pair else 0.0,
        expiration_ns=FOREVER_NS if pair else UNKNOWN_NS,
        index_name=f"{base}_{quote}".lower() if pair else "",
        stated=False,
    )


def _to_instrument(stated: _Product) -> Instrument:
    named = describe(stated.product_id)
    common = {
        "price_exponent": exponent_of(stated.price_increment),
        "size_exponent": exponent_of(stated.base_increment),
        "tick_size": stated.price_increment,
        "min_trade_size": stated.base_min_size,
        "creation_ns": rfc3339(stated.new_at or ""),
        "active": stated.status in ("", "online") and not (stated.trading_disabled or stated.is_disabled),
        "stated": True,
    }
    future = stated.future_product_details
    if stated.product_type != "FUTURE" or future is None:
        return msgspec.structs.replace(
            named,
            base=stated.base_currency_id or named.base,
            quote=stated.quote_currency_id or named.quote,
            settlement=stated.quote_currency_id or named.settlement,
            **common,
        )
    perpetual = future.contract_expiry_type == "PERPETUAL"
    base, quote = future.contract_root_unit, stated.quote_currency_id
    return msgspec.structs.replace(
        named,
        kind="future",
        base=base,
        quote=quote,
        settlement=quote,
        size_unit="contracts",
        contract_size=to_float(future.contract_size) if future.contract_size else 0.0,
        expiration_ns=FOREVER_NS if perpetual else rfc3339(future.contract_expiry),
        settlement_period="perpetual" if perpetual else "",
        index_name=f"{base}_{quote}".lower() if base and quote else "",
        **common,
    )

"""The common part of Binance's streams: the diff stream, the image by REST, the best-price stream.

Facts: binance/binance-spot-api-docs (web-socket-streams.md, "How to manage a local order book correctly") and the
USD-M futures documentation, confirmed on recordings of 2024-08-08. Binance sends no checksum, but its `bookTicker`
states the best prices at an update id: if that is the id of the book, the two must agree.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar
from urllib.parse import parse_qs, urlsplit

import msgspec
from msgspec.structs import replace

from deltawire.book.book import Book, BookUpdate
from deltawire.book.columns import TextPairs
from deltawire.book.fast_path import Members, members
from deltawire.book.refinement import exponents_of
from deltawire.book.sequencers import Sequencer
from deltawire.errors import MalformedError, PrecisionError
from deltawire.model.events import BookDelta, Side, Ticker
from deltawire.model.expiries import FOREVER_NS
from deltawire.model.instruments import Instrument
from deltawire.model.known_range import least_limit
from deltawire.model.limits import Cost, Limits, Rate
from deltawire.model.numbers import exponent_of, parse_decimal
from deltawire.ports import Ask, Fetch, FrameIds, Output, Reconnect, Send, Stream, Wants
from deltawire.venues.channels import Rank
from deltawire.venues.connection import (
    BAD_FRAME,
    Id,
    Ms,
    Requests,
    VenueConnection,
    acknowledged,
    portions,
    refused,
    split_pair,
    to_float,
    to_ns,
)
from deltawire.venues.tape import Trades

LIMITS = (5, 10, 20, 50, 100, 500, 1000, 5000)
"""The limits at which images by REST can be requested: spot and futures together."""
QUOTES = ("USDT", "USDC", "FDUSD", "TUSD", "BUSD", "EUR", "TRY", "BTC", "ETH", "BNB")
ENDED = ("BREAK", "HALT", "END_OF_DAY", "DELIVERING", "DELIVERED", "SETTLING", "CLOSE")
"""States of a symbol that is not traded, and not about to be."""
TOPS_KEPT = 512
STREAMS_PER_REQUEST = 100
FUTURES_COSTS = (
    Cost("/depth", 20, ((50, 2), (100, 5), (500, 10), (1000, 20))),
    Cost("/exchangeInfo", 1),
)
SPOT_COSTS = (
    Cost("/depth", 250, ((100, 5), (500, 25), (1000, 50), (5000, 250))),
    Cost("/exchangeInfo", 20),
)
STREAM_LIMITS = Limits(
    endpoints={},
    streams_per_request=STREAMS_PER_REQUEST,
    connects=Rate(300, 300.0),
    used_weight_header="x-mbx-used-weight-1m",
    lifetime_s=86_400.0,
    joins=True,
    status="event `serverShutdown`, before it closes a connection",
    cannot_show="a wrong size below the best price: there are no checksums, only the best prices at an id",
)
"""What all of its venues have in common."""
FUTURES_LIMITS = replace(
    STREAM_LIMITS,
    pool="futures",
    messages=Rate(10, 1.0),
    streams=200,
    weight=Rate(2400, 60.0),
    costs=FUTURES_COSTS,
    ping="frame",
    ping_s=20.0,
)
SHUTDOWN = "serverShutdown"
"""The event before the venue closes a connection."""
CADENCES_S = {"markPrice@1s": 1.0}
GIVES = {"markPrice@1s": "mark_price", "bookTicker": "best_bid_price"}
SLOWEST_MS = 1000
"""The interval of streams that state none."""
_PARTIAL = re.compile(r"depth(\d{1,2})(@\d{1,4}ms)?", re.ASCII)
"""Streams of the best levels."""
_PACE = re.compile(r"@(\d{1,4})ms$", re.ASCII)
EVENTS = {"depthUpdate": "depth", "markPriceUpdate": "markPrice"}
"""Names of streams by the names of their events, if they differ."""
NO_TOP = (-1, -1, -1, -1)
"""Best prices finer than the book's exponents: they always differ from the book's."""


class _Message(msgspec.Struct):
    """A combined-stream frame, or a bare REST body inside a recording."""

    stream: str = ""
    data: msgspec.Raw = msgspec.Raw(b"null")
    last_update_id: Id | None = msgspec.field(default=None, name="lastUpdateId")
    code: int | None = None
    msg: str = ""
    error: "_Error | None" = None
    id: int | str | None = None
    e: str = ""
    """The event of a raw stream's frame, which has no envelope."""
    s: str = ""
    u: Id | None = None
    result: msgspec.Raw = msgspec.Raw(b"")


class _Error(msgspec.Struct):
    code: int
    msg: str = ""


class _Depth(msgspec.Struct):
    s: str
    E: Ms
    U: Id
    u: Id
    b: msgspec.Raw
    a: msgspec.Raw
    pu: Id = 0
    T: Ms = 0


class _Named(msgspec.Struct):
    s: str


class _Image(msgspec.Struct):
    lastUpdateId: Id  # noqa: N815 (the venue's spelling)
    bids: msgspec.Raw
    asks: msgspec.Raw
    T: Ms = 0


class _Top(msgspec.Struct):
    u: Id
    s: str
    b: str
    B: str
    a: str
    A: str
    T: Ms = 0


class _Trade(msgspec.Struct):
    s: str
    p: str
    q: str
    T: Ms
    m: bool
    t: Id = 0
    a: Id = 0
    f: Id | None = None
    l: Id | None = None  # noqa: E741 (the venue's spelling)

    def trades(self) -> Trades | None:
        """A trade, or those in an aggregate; None if it does not state them."""
        if self.t:
            return Trades(self.t, self.t, to_ns(self.T))
        if self.f is None or self.l is None or self.l < self.f:
            return None
        return Trades(self.f, self.l, to_ns(self.T))


class _Filter(msgspec.Struct):
    filterType: str  # noqa: N815
    tickSize: str = ""  # noqa: N815
    stepSize: str = ""  # noqa: N815
    minQty: str = ""  # noqa: N815


class _Symbol(msgspec.Struct):
    symbol: str
    baseAsset: str  # noqa: N815
    quoteAsset: str  # noqa: N815
    filters: list[_Filter]
    status: str = "TRADING"
    contractType: str = ""  # noqa: N815
    deliveryDate: Ms = 0  # noqa: N815
    onboardDate: Ms = 0  # noqa: N815
    marginAsset: str = ""  # noqa: N815
    contractStatus: str = ""  # noqa: N815
    """COIN-M's word for `status`."""
    contractSize: float = 0.0  # noqa: N815

    @property
    def state(self) -> str:
        """Whether it is traded, in the venue's word."""
        return self.contractStatus or self.status


class _ExchangeInfo(msgspec.Struct):
    symbols: list[msgspec.Raw]


class _Numbers(msgspec.Struct):
    """The ids of an update, whatever else is in it."""

    e: str = ""
    s: str = ""
    U: Id = 0
    u: Id = 0
    pu: Id = 0


_numbers = msgspec.json.Decoder(_Numbers).decode
_decode_levels = msgspec.json.Decoder(list[tuple[str, str]]).decode


def _refuse_partial(raw_bids: msgspec.Raw, raw_asks: msgspec.Raw) -> None:
    """Raise `MalformedError` for a message that looks like a partial book.

    5, 10 or 20 bids, as many asks, none removed.

    On a stream without a name such a message cannot be distinguished from an update or a complete image. An update
    that looks like this by chance is not used and leaves a gap: no book rather than a wrong one.
    """
    bids, asks = _decode_levels(raw_bids), _decode_levels(raw_asks)
    if len(bids) == len(asks) and len(bids) in (5, 10, 20) and all(float(size) for _, size in (*bids, *asks)):
        raise MalformedError("on a stream without a name these may be the best levels alone")


def _image_update(data: _Image) -> BookUpdate:
    return BookUpdate(bytes(data.bids), bytes(data.asks), last=data.lastUpdateId, venue_ns=to_ns(data.T))


def _cut(update: BookUpdate) -> BookUpdate:
    """An image by REST, with the limit at which it was cut.

    The answer does not repeat the limit of its request, and in a recording nothing may state it: it is at least the
    least limit that holds both sides.
    """
    counts = update.bids.count(b"[") - 1, update.asks.count(b"[") - 1
    return msgspec.structs.replace(update, limit=least_limit(counts, LIMITS))


def diff_frames(*, bare: bool = True, **fields: str) -> tuple[Members, ...]:
    """Frames of the diff stream, in the envelope of combined streams and `bare`.

    `more` is what differs between markets.
    """
    data = {
        "e": '"depthUpdate"',
        "s": '"$symbol"',
        "U": "$first",
        "u": "$last",
        "b": "$bids",
        "a": "$asks",
        **fields,
    }
    combined = members(_Message, stream='"$label"', data=members(_Depth, **data))
    return (combined, members(_Message, _Depth, **data)) if bare else (combined,)


class BinanceConnection(VenueConnection):
    """One combined-stream connection; the files for spot and futures define the rest."""

    rest = ""
    depth_stream = ""
    trade_stream = "trade"
    paths: ClassVar[Mapping[str, str]] = {}
    """The paths of streams that are not on the path `public`, by the first word of their names."""
    path = ""
    """The path of all others."""
    image_limit = 1000
    pads_decimals = True
    partial_as_update = False
    """Whether streams of partial books have the form of updates."""
    sequencer: Callable[[], Sequencer]
    """Makes the continuity rule of one book."""

    _message = msgspec.json.Decoder(_Message).decode
    _depth = msgspec.json.Decoder(_Depth).decode
    _named = msgspec.json.Decoder(_Named).decode
    _image_data = msgspec.json.Decoder(_Image).decode
    _top = msgspec.json.Decoder(_Top).decode
    _trade_data = msgspec.json.Decoder(_Trade).decode
    _exchange_info = msgspec.json.Decoder(_ExchangeInfo).decode
    _symbol = msgspec.json.Decoder(_Symbol).decode

    def __init__(self) -> None:
        super().__init__()
        self._tops: dict[str, dict[int, _Top]] = {}
        self._requests = Requests()
        self._stream = ""
        """The stream of the present frame, from its envelope."""
        self._streams = {
            "depth": self._on_depth,
            "bookTicker": self._on_top,
            "trade": self._on_trade,
            "aggTrade": self._on_trade,
        }

    def tag(self, url: str) -> str | None:
        """The tag of a depth or exchangeInfo address; a request for some symbols only is a separate list."""
        parts = urlsplit(url)
        if parts.path.endswith("/exchangeInfo"):
            return f"instruments:{parts.query}" if parts.query else "instruments"
        if parts.path.endswith("/depth"):
            return f"book:{parse_qs(parts.query).get('symbol', [''])[0].upper()}"
        return None

    def closed(self, now: int) -> list[Output]:
        """Drop the best prices of the closed connection."""
        self._tops.clear()
        self._requests.clear()
        return super().closed(now)

    def streams(self, wants: Wants) -> list[Stream]:
        kinds = {
            "book": (self.depth_stream,),
            "trades": (self.trade_stream,),
            "ticker": ("bookTicker", *self._more_streams()),
        }
        return [
            Stream(
                f"{name.lower()}@{kind}",
                topic,
                name,
                self.paths.get(kind.partition("@")[0], self.path),
                CADENCES_S.get(kind, 0.0),
                GIVES.get(kind, ""),
            )
            for topic in sorted(wants.topics)
            for kind in kinds[topic]
            for name in wants.instruments
        ]

    def lists(self, wants: Wants) -> list[Fetch]:
        return [Fetch("instruments", f"{self.rest}exchangeInfo")]

    def subscribe(self, streams: Sequence[Stream]) -> list[Send]:
        return self._operations("SUBSCRIBE", streams)

    def unsubscribe(self, streams: Sequence[Stream]) -> list[Send]:
        return self._operations("UNSUBSCRIBE", streams)

    def _operations(self, method: str, streams: Sequence[Stream]) -> list[Send]:
        names = [stream.name for stream in streams]
        return [self._request(method, some) for some in portions(names, STREAMS_PER_REQUEST)]

    def _request(self, method: str, names: Sequence[str]) -> Send:
        number = self._requests.number(names if method == "SUBSCRIBE" else ())
        return Send(msgspec.json.encode({"method": method, "params": names, "id": number}).decode())

    def identity(self, frame: bytes) -> FrameIds | None:
        message = self._message(frame)
        data = _numbers(message.data if message.stream else frame)
        if data.e != "depthUpdate" or not data.u:
            return None
        return FrameIds(data.s, data.pu or data.U - 1, data.u)

    def _more_streams(self) -> tuple[str, ...]:
        return ()

    def _read(self, frame: bytes, now: int) -> list[Output]:
        message = self._message(frame)
        self._stream = message.stream
        if message.stream:
            kind = self._channel("", message.stream)
            if _PARTIAL.fullmatch(kind):
                return self._on_partial(message.stream, message.data, now)
            handle = self._streams.get(kind.partition("@")[0])
            if handle is None and message.stream == f"!{SHUTDOWN}":
                return self._on_shutdown(now)
            return handle(message.data, now) if handle else self._not_read(kind)
        if message.error is not None:
            return self._on_refusal(message.error.code, message.error.msg, message.id, now)
        if message.e == SHUTDOWN:
            return self._on_shutdown(now)
        if message.s:
            return self._read_raw(message, frame, now)
        if message.last_update_id is not None:
            data = self._image_data(frame)
            if not self.partial_as_update:
                _refuse_partial(data.bids, data.asks)
            return self._image(self._sole_waiting(), _cut(_image_update(data)), now)
        if message.code is not None:
            return self._on_refusal(message.code, message.msg, message.id, now)
        if message.result:
            return acknowledged(self._requests.take(message.id))
        return self._not_read(message.e or "no stream")

    def _on_shutdown(self, now: int) -> list[Output]:
        """The venue is about to close this connection."""
        return [self._status("notice", now, SHUTDOWN), Reconnect(SHUTDOWN, planned=True)]

    def _on_refusal(self, code: int, text: str, number: int | str | None, now: int) -> list[Output]:
        """A request for several streams is repeated in halves, because one of them may be the cause."""
        names = self._requests.take(number)
        complaint = self._complaint(f"{code} {text}", now)
        if len(names) > 1:
            half = len(names) // 2
            return [complaint, *(self._request("SUBSCRIBE", some) for some in (names[:half], names[half:]))]
        return [*refused(names, f"{code} {text}"), complaint]

    def _read_raw(self, message: _Message, frame: bytes, now: int) -> list[Output]:
        """A frame of `/ws/<stream>`, which is the data of an envelope; spot's best prices name no event."""
        event = message.e or ("bookTicker" if message.u is not None else "")
        handle = self._streams.get(EVENTS.get(event, event))
        return handle(msgspec.Raw(frame), now) if handle else self._not_read(event)

    def _sole_waiting(self) -> str:
        """The only book that waits for an image: a recording may contain a REST image that names no symbol.

        Of a single book that does not wait, it is an image to compare it with.
        """
        waiting = [symbol for symbol, book in self.books.items() if book.state != "live"]
        if not waiting and len(self.books) == 1:
            return next(iter(self.books))
        if len(waiting) != 1:
            raise MalformedError(f"an image without a symbol, and {len(waiting)} books wait for one")
        return waiting[0]

    def _on_depth(self, raw: msgspec.Raw, now: int) -> list[Output]:
        try:
            data = self._depth(raw)
            if not self._stream and self.partial_as_update:
                _refuse_partial(data.b, data.a)
        except BAD_FRAME as error:
            return self._lost(self._named(raw).s, self._stream, error, now)
        channel = self._channel(data.s, self._stream)
        partial = self._is_partial(data.s)
        if not self._book_channels.choose(data.s, channel, opens=self._may_switch(data.s)):
            return self._beside(data.s, channel)
        self._parsed_books += 1
        book = self._follow(data.s, self._stream)
        update = BookUpdate(
            bytes(data.b), bytes(data.a), data.U, data.u, data.pu, venue_ns=to_ns(data.T or data.E)
        )
        ended = book.fault("gap", now, f"{channel} begins with an image") if partial else []
        outputs = [*ended, *self._delta(book, update, now)]
        tops = self._tops.get(data.s)
        if tops and book.state == "live" and (top := tops.pop(book.venue_sequence, None)):
            outputs += self._check_top(book, top, now)
        return outputs

    def _compare(self, events: list[BookDelta], now: int) -> list[Output]:
        """Compare the best prices that the venue states at the update's id with the book."""
        track = self._router.recent
        tops = self._tops.get(track.symbol) if track and self._tops else None
        if track and tops and (top := tops.pop(track.last, None)):
            return [*events, *self._check_top(self.books[track.symbol], top, now)]
        return events  # type: ignore[return-value]

    def _may_switch(self, symbol: str) -> bool:
        """Whether updates of a finer stream may start: only an image starts them, so not while others are live."""
        book = self.books.get(symbol)
        return book is None or book.state != "live" or self._is_partial(symbol)

    def _is_partial(self, symbol: str) -> bool:
        """Whether the book is built from partial images so far."""
        return bool(_PARTIAL.fullmatch(self._book_channels.of(symbol) or ""))

    def _on_partial(self, stream: str, raw: msgspec.Raw, now: int) -> list[Output]:
        """A partial book, complete in each message; futures name its levels like those of updates."""
        symbol, channel = stream.partition("@")[0].upper(), self._channel("", stream)
        if self.partial_as_update:
            data = self._depth(raw)
            update = BookUpdate(bytes(data.b), bytes(data.a), last=data.u, venue_ns=to_ns(data.T or data.E))
        else:
            update = _image_update(self._image_data(raw))
        if not self._book_channels.choose(symbol, channel, opens=self._book_channels.of(symbol) is None):
            return self._beside(symbol, channel)
        self._parsed_books += 1
        return self._whole(self._follow(symbol, stream), update, now)

    def _channel(self, symbol: str, label: str) -> str:
        return label.partition("@")[2]

    def _levels_of(self, channel: str) -> int:
        partial = _PARTIAL.fullmatch(channel)
        return int(partial[1]) if partial else 0

    def _rank(self, channel: str) -> Rank:
        """Updates before partial books, and of these the deepest; a stream without a name is last."""
        partial = _PARTIAL.fullmatch(channel)
        pace = _PACE.search(channel)
        pace_ms = int(pace[1]) if pace else SLOWEST_MS if channel else SLOWEST_MS + 1
        return (1, -int(partial[1]), pace_ms) if partial else (0, 0, pace_ms)

    def _on_top(self, raw: msgspec.Raw, now: int) -> list[Output]:
        data = self._top(raw)
        ticker = self._top_ticker(data, now)  # raises if it is malformed, before anything is recorded
        book = self.books.get(data.s)
        outputs = self._note_top(book, data, now) if book is not None else []
        return [*outputs, ticker]

    def _note_top(self, book: Book, data: _Top, now: int) -> list[Output]:
        """Compare the book with the venue's best prices, now or when it reaches their update id."""
        if book.state == "live" and data.u <= book.venue_sequence:
            return self._check_top(book, data, now) if data.u == book.venue_sequence else []
        self._router.took = self._compare
        tops = self._tops.setdefault(data.s, {})
        tops[data.u] = data
        if len(tops) > TOPS_KEPT:
            del tops[next(iter(tops))]
        return []

    def _check_top(self, book: Book, top: _Top, now: int) -> list[Output]:
        price_exponent, size_exponent = exponents_of(book.instrument)
        try:
            stated = (
                parse_decimal(top.b, price_exponent),
                parse_decimal(top.B, size_exponent),
                parse_decimal(top.a, price_exponent),
                parse_decimal(top.A, size_exponent),
            )
        except PrecisionError:
            try:
                self._finer(book.instrument, [(top.b, top.B), (top.a, top.A)])
            except PrecisionError as error:
                return [self._fault(error, now)]  # odd: shows nothing about the book
            stated = NO_TOP
        return self._settled(book, book.confirm_top(stated, now), now)

    def _top_ticker(self, data: _Top, now: int) -> Ticker:
        return Ticker(
            instrument=self._instrument(data.s),
            venue_ns=to_ns(data.T),
            seen_ns=now,
            best_bid_price=to_float(data.b),
            best_bid_size=to_float(data.B),
            best_ask_price=to_float(data.a),
            best_ask_size=to_float(data.A),
        )

    def _on_trade(self, raw: msgspec.Raw, now: int) -> list[Output]:
        data = self._trade_data(raw)
        times = to_ns(data.T), now
        if data.p == "0":
            return []  # futures: a non-market fill (insurance fund, ADL) has no price
        trade_id = str(data.t or data.a)
        side: Side = "sell" if data.m else "buy"
        trades = data.trades()
        return [*self._trade(data.s, (data.p, data.q), trade_id, side, times, trades=trades)]

    def _answer(self, tag: str, body: bytes, now: int) -> list[Output]:
        kind, _, symbol = tag.partition(":")
        if kind == "book":  # an answer may arrive after its connection has ended
            if self._router.heard_ns is None:
                return []
            return self._image(symbol, _cut(_image_update(self._image_data(body))), now)
        return self._whole_list(tag, self._exchange_info(body).symbols, self._on_symbol, now)

    def _on_symbol(self, raw: msgspec.Raw, now: int) -> list[Output]:
        stated = self._symbol(raw)
        self._mention(stated.symbol)
        if stated.state in ENDED:
            return self._end(stated.symbol, stated.state.lower(), now)
        return self._learn(self._to_instrument(stated), now) if stated.state == "TRADING" else []

    def _to_instrument(self, stated: _Symbol) -> Instrument:
        filters = {each_filter.filterType: each_filter for each_filter in stated.filters}
        try:
            price, lot = filters["PRICE_FILTER"], filters["LOT_SIZE"]
        except KeyError as error:
            raise MalformedError(f"{stated.symbol} has no {error.args[0]}") from error
        return msgspec.structs.replace(
            self._describe(stated.symbol),
            base=stated.baseAsset,
            quote=stated.quoteAsset,
            settlement=stated.marginAsset or stated.quoteAsset,
            price_exponent=exponent_of(price.tickSize),
            size_exponent=exponent_of(lot.stepSize),
            tick_size=price.tickSize,
            min_trade_size=lot.minQty,
            creation_ns=to_ns(stated.onboardDate),
            stated=True,
        )

    def _make_book(self, instrument: Instrument) -> Book:
        reader = TextPairs(instrument.price_exponent, instrument.size_exponent)
        book = Book(instrument, reader, self.sequencer(), holds=True)
        book.label = f"{instrument.name.lower()}@{self.depth_stream}"
        return book

    def _describe(self, symbol: str) -> Instrument:
        base, quote = split_pair(symbol.partition("_")[0], QUOTES)
        return Instrument(
            venue=self.name,
            name=symbol,
            kind="spot",
            base=base,
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
        return [Fetch(f"book:{symbol}", self.image_url(symbol))]

    def image_url(self, symbol: str) -> str:
        return f"{self.rest}depth?symbol={symbol}&limit={self.image_limit}"

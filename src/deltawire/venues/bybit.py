"""Bybit v5: spot, linear, inverse and option, one connection for each category.

Facts: bybit-exchange.github.io/docs (v5, websocket/public), confirmed on recordings of 2026-09. Continuity: a
`snapshot` at any time is the book, each `delta` has the next `u`; `u` 1 is the snapshot after a restart of the
service. After a gap, unsubscribe and subscribe that one topic. `orderbook.1` has only images of the best level and is
used as best prices, not as a book. `orderbook.full` (images by REST) and `orderbook.rpi` are not read.
"""

import re
from collections.abc import Sequence
from typing import ClassVar, Literal
from urllib.parse import parse_qs, unquote, urlsplit

import msgspec

from deltawire.book.book import Book, BookUpdate
from deltawire.book.columns import TextPairs
from deltawire.book.fast_path import FastPath, Members, members
from deltawire.book.sequencers import Counter
from deltawire.errors import MalformedError
from deltawire.model.events import Event, Greeks, Liquidation, Side, Stats, Ticker, VenueState
from deltawire.model.expiries import FOREVER_NS, UNKNOWN_NS, parse_day
from deltawire.model.instruments import Instrument, Kind
from deltawire.model.limits import Limits, Rate
from deltawire.model.numbers import exponent_of
from deltawire.ports import Ask, Fetch, Output, Send, Stream, Wants
from deltawire.venues.channels import Rank
from deltawire.venues.connection import (
    BAD_FRAME,
    SECOND_NS,
    Id,
    Ms,
    VenueConnection,
    acknowledged,
    ms,
    optional_float,
    optional_ms,
    percent,
    portions,
    refused,
    split_pair,
    to_ns,
)
from deltawire.venues.tape import one_trade

REST = "https://api.bybit.com/v5/market/instruments-info"
ARGS_PER_FRAME = 10
"""Maximum number of topics in a request of spot; the other categories allow more."""
BEST = "1"
"""The depth at which all messages are images of the best level."""
BEST_CADENCE_S = 3.0
GIVES = {"tickers": "last_price"}
OPTION_COINS = ("BTC", "ETH", "SOL")
"""The list of options is requested by coin; the coins of the requested instruments are added."""
STATUS = "status"
"""The path of the connection that says how the venue is."""
PHASES: dict[str, VenueState] = {
    "scheduled": "scheduled",
    "ongoing": "down",
    "completed": "up",
    "canceled": "up",
}
"""What the state of a maintenance means for the market."""
MARKET_SERVICES = (1, 5)
"""Types of services without which there is no market: trading as a whole, and market data."""
PRODUCTS = {"linear": 1, "inverse": 1, "spot": 2, "option": 3}
PRODUCTION = 1
ENDED = ("Delivering", "Closed")
"""States of an instrument that is not traded."""
QUOTES = ("USDT", "USDC", "USDE", "USD1", "EUR", "BRL", "PLN", "TRY", "BTC", "ETH", "SOL", "DAI")
"""Possible ends of pairs' names."""
LONG_LIQUIDATED: dict[str, Side] = {"Buy": "sell", "Sell": "buy"}
"""`S` of a liquidation is the side of the position; the order that closes it has the other side."""
SIDES: dict[str, Side] = {"Buy": "buy", "Sell": "sell"}


class _Topics(msgspec.Struct, rename="camel"):
    fail_topics: list[str] = []
    success_topics: list[str] = []


class _Frame(msgspec.Struct):
    topic: str = ""
    type: str = ""
    ts: Ms = 0
    cts: Ms = 0
    data: msgspec.Raw = msgspec.Raw(b"[]")
    op: str = ""
    success: bool = True
    ret_msg: str = ""
    req_id: str = ""


class _Book(msgspec.Struct):
    s: str
    b: msgspec.Raw
    a: msgspec.Raw
    u: Id


class _Trade(msgspec.Struct):
    s: str
    i: str
    T: Ms
    S: Literal["Buy", "Sell"]
    p: str
    v: str
    seq: Id = 0
    iv: str = ""


class _Liquidation(msgspec.Struct):
    s: str
    T: Ms
    S: Literal["Buy", "Sell"]
    p: str
    v: str


class _Ticker(msgspec.Struct, rename="camel"):
    """A ticker of any category; members missing in a `delta` have not changed."""

    symbol: str
    last_price: str = ""
    mark_price: str = ""
    index_price: str = ""
    high_price24h: str = msgspec.field(default="", name="highPrice24h")
    low_price24h: str = msgspec.field(default="", name="lowPrice24h")
    price24h_pcnt: str = ""
    change24h: str = ""
    volume24h: str = ""
    turnover24h: str = ""
    open_interest: str = ""
    single_open_interest: str = ""
    funding_rate: str = ""
    bid1_price: str = ""
    bid1_size: str = ""
    ask1_price: str = ""
    ask1_size: str = ""
    bid_price: str = ""
    bid_size: str = ""
    bid_iv: str = ""
    ask_price: str = ""
    ask_size: str = ""
    ask_iv: str = ""
    mark_price_iv: str = ""
    underlying_price: str = ""
    predicted_delivery_price: str = ""
    delta: str = ""
    gamma: str = ""
    vega: str = ""
    theta: str = ""


class _Maintenance(msgspec.Struct, rename="camel"):
    id: str
    title: str = ""
    state: str = ""
    begin: str = ""
    end: str = ""
    service_types: list[int] = []
    product: list[int] = []
    env: int | str = PRODUCTION


class _PriceFilter(msgspec.Struct, rename="camel"):
    tick_size: str


class _LotSizeFilter(msgspec.Struct, rename="camel"):
    qty_step: str = ""
    base_precision: str = ""
    min_order_qty: str = ""


class _Instrument(msgspec.Struct, rename="camel"):
    symbol: str
    status: str
    base_coin: str
    quote_coin: str
    price_filter: _PriceFilter
    lot_size_filter: _LotSizeFilter
    settle_coin: str = ""
    contract_type: str = ""
    options_type: Literal["", "Call", "Put"] = ""
    launch_time: str = "0"
    delivery_time: str = "0"


class _Page(msgspec.Struct, rename="camel"):
    list: list[msgspec.Raw]
    next_page_cursor: str = ""


class _Answer(msgspec.Struct, rename="camel"):
    ret_code: int
    ret_msg: str = ""
    result: msgspec.Raw = msgspec.Raw(b"{}")


def _message(kind: str, *, engine_time: bool) -> Members:
    """A book message, with the matching engine's time or, before 2024, without."""
    times = {"ts": "$any_ms", "cts": "$venue_ms"} if engine_time else {"ts": "$venue_ms"}
    data = members(_Book, s='"$symbol"', b="$bids", a="$asks", u="$last")
    return members(_Frame, topic='"orderbook.$label"', type=f'"{kind}"', data=data, **times)


def _limits(category: str, books: int) -> Limits:
    return Limits(
        endpoints={
            "": (f"wss://stream.bybit.com/v5/public/{category}",),
            STATUS: ("wss://stream.bybit.com/v5/public/misc/status",),
        },
        rest=("https://api.bybit.com", "https://api.bytick.com"),
        pool="v5",
        connections=1000,
        connects=Rate(500, 300.0),
        books=books,
        streams=2000 if category == "option" else 0,
        arguments_bytes=21_000,
        streams_per_request=ARGS_PER_FRAME,
        weight=Rate(600, 5.0),
        ping="message",
        ping_s=20.0,
        status="topic `system.status`: maintenance of trading or market data",
        cannot_show="a wrong size anywhere in a book: there are no checksums",
        source="bybit-exchange.github.io/docs v5: ws/connect, rate-limit",
    )


class BybitConnection(VenueConnection):
    """One connection to the public endpoint of one category."""

    silence_ns = 30 * SECOND_NS
    ping_ns = 20 * SECOND_NS
    ping = Send('{"op":"ping"}')
    fast_path = FastPath(
        form="text_pairs",
        rule="counter",
        updates=tuple(_message("delta", engine_time=either) for either in (True, False)),
        images=tuple(_message("snapshot", engine_time=either) for either in (True, False)),
    )
    category: ClassVar[str]
    book_depth = "200"
    """The depth of subscribed books, which are sent every 100 ms."""
    ticker_topics: tuple[str, ...] = ("tickers", "allLiquidation")

    _frame = msgspec.json.Decoder(_Frame).decode
    _topic_lists = msgspec.json.Decoder(_Topics).decode
    _book_data = msgspec.json.Decoder(_Book).decode
    _trade_data = msgspec.json.Decoder(list[_Trade]).decode
    _liquidation_data = msgspec.json.Decoder(list[_Liquidation]).decode
    _ticker_data = msgspec.json.Decoder(_Ticker).decode
    _best_levels = msgspec.json.Decoder(list[tuple[str, str]]).decode
    _maintenances = msgspec.json.Decoder(list[_Maintenance]).decode
    _listed = msgspec.json.Decoder(_Answer).decode
    _page = msgspec.json.Decoder(_Page).decode
    _instrument_data = msgspec.json.Decoder(_Instrument).decode

    def __init__(self) -> None:
        super().__init__()
        self._topics = {
            "orderbook": self._on_book,
            "publicTrade": self._on_trades,
            "tickers": self._on_ticker,
            "allLiquidation": self._on_liquidations,
            "system": self._on_maintenances,
        }
        self._stats: dict[str, Stats] = {}
        self._requests: dict[str, list[str]] = {}
        """The topics of requests that are not answered yet."""
        self._asked = 0
        self._pages: dict[str, list[msgspec.Raw]] = {}
        """The pages received of each list that is not complete."""

    def tag(self, url: str) -> str | None:
        """The tag of this category's instruments-info addresses.

        One body per requested coin and symbol, and per page.
        """
        parts = urlsplit(url)
        asked = {name: values[0] for name, values in parse_qs(parts.query).items()}
        if not parts.path.endswith("/market/instruments-info") or asked.get("category") != self.category:
            return None
        chosen = [asked.get(name, "") for name in ("baseCoin", "symbol", "status")]
        return _page_tag(":".join(["instruments", *filter(None, chosen)]), asked.get("cursor", ""))

    def closed(self, now: int) -> list[Output]:
        """Drop open requests; the next tickers start with a complete one."""
        self._stats.clear()
        self._requests.clear()
        self._pages.clear()
        return super().closed(now)

    def streams(self, wants: Wants) -> list[Stream]:
        topics = {
            "book": (f"orderbook.{self.book_depth}",),
            "trades": ("publicTrade",),
            "ticker": self.ticker_topics,
        }
        streams = []
        for wanted in sorted(wants.topics):
            for topic in topics[wanted]:
                for name in wants.instruments:
                    subject = self._subject(topic, name)
                    instrument = name if subject == name else ""
                    best = topic == f"orderbook.{BEST}"
                    cadence_s, gives = (
                        (BEST_CADENCE_S, "best_bid_price") if best else (0.0, GIVES.get(topic, ""))
                    )
                    streams.append(
                        Stream(f"{topic}.{subject}", wanted, instrument, cadence_s=cadence_s, gives=gives)
                    )
        status = [Stream("system.status", "status", path=STATUS)] if streams else []
        return [*dict.fromkeys(streams), *status]

    def lists(self, wants: Wants) -> list[Fetch]:
        return [Fetch("instruments", self._list_url())]

    def subscribe(self, streams: Sequence[Stream]) -> list[Send]:
        return self._operations("subscribe", streams)

    def unsubscribe(self, streams: Sequence[Stream]) -> list[Send]:
        return self._operations("unsubscribe", streams)

    def _operations(self, op: str, streams: Sequence[Stream]) -> list[Send]:
        names = [stream.name for stream in streams]
        return [self._request(op, [*some]) for some in portions(names, ARGS_PER_FRAME)]

    def _subject(self, topic: str, name: str) -> str:
        """What a topic of this instrument names: the instrument, or in some categories its coin."""
        return name

    def _list_url(self, **more: str) -> str:
        asked = {"category": self.category, "limit": "1000", **more}
        return f"{REST}?{'&'.join(f'{name}={value}' for name, value in asked.items())}"

    def _request(self, op: str, args: list[str]) -> Send:
        self._asked += 1
        number = str(self._asked)
        if op == "subscribe":
            self._requests[number] = args
        return Send(msgspec.json.encode({"req_id": number, "op": op, "args": args}).decode())

    def _read(self, frame: bytes, now: int) -> list[Output]:
        message = self._frame(frame)
        kind, _, rest = message.topic.partition(".")
        if message.topic:
            handle = self._topics.get(kind)
            return handle(message, rest, now) if handle else self._not_read(kind)
        if message.type == "COMMAND_RESP":
            return self._on_topics(self._topic_lists(message.data), now)
        if message.op:
            return self._on_reply(message, now)
        raise MalformedError("neither topic nor op")

    def _on_reply(self, message: _Frame, now: int) -> list[Output]:
        """An answer.

        If a request for several topics is refused, each is requested separately, because one may be the cause.
        """
        args = self._requests.pop(message.req_id, [])
        if message.success:
            return acknowledged(args)
        complaint = self._complaint(f"{message.op}: {message.ret_msg}", now)
        if len(args) > 1:
            return [complaint, *(self._request("subscribe", [arg]) for arg in args)]
        return [*refused(args, message.ret_msg), complaint]

    def _on_topics(self, topics: _Topics, now: int) -> list[Output]:
        """An answer that lists the topics that were granted and those that failed, and names no request."""
        failed, granted = topics.fail_topics, topics.success_topics
        told = {*failed, *granted}
        self._requests = {
            number: asked for number, asked in self._requests.items() if not told.issuperset(asked)
        }
        outputs = acknowledged(granted)
        if failed:
            reason = f"refused: {', '.join(failed)}"
            outputs += [*refused(failed, reason), self._complaint(reason, now)]
        return outputs

    def _on_book(self, message: _Frame, label: str, now: int) -> list[Output]:
        channel, _, symbol = label.partition(".")
        if not channel.isdecimal():
            return self._not_read(f"orderbook.{channel}")
        if channel == BEST:
            return self._on_best(message, now)
        try:
            data = self._book_data(message.data)
            if message.type not in ("snapshot", "delta") or data.s != symbol:
                raise MalformedError(f"a {message.type[:20]!r} of {data.s[:40]!r} on orderbook.{label[:40]}")
        except BAD_FRAME as error:
            return self._lost(symbol, message.topic, error, now)
        opens = message.type == "snapshot"
        if not self._book_channels.choose(symbol, channel, opens=opens):
            return self._beside(symbol, channel)
        self._parsed_books += 1
        update = BookUpdate(
            bytes(data.b), bytes(data.a), last=data.u, venue_ns=to_ns(message.cts or message.ts)
        )
        book = self._follow(symbol, message.topic)
        return self._image(symbol, update, now) if opens else self._delta(book, update, now)

    def _expect(self, symbol: str, label: str) -> tuple[Instrument, int] | None:
        channel, _, named = label.removeprefix("orderbook.").partition(".")
        fitting = channel.isdecimal() and channel != BEST and named == symbol
        return super()._expect(symbol, label) if fitting else None

    def _channel(self, symbol: str, label: str) -> str:
        return label.removeprefix("orderbook.").partition(".")[0]

    def _levels_of(self, channel: str) -> int:
        return int(channel[:9]) if channel.isdecimal() else 0

    def _rank(self, channel: str) -> Rank:
        """The deepest is the finest."""
        return (-int(channel[:9]),)

    def _on_best(self, message: _Frame, now: int) -> list[Output]:
        """An image of the best level, repeated every 3 s while it does not change."""
        data = self._book_data(message.data)
        bid, ask = (next(iter(self._best_levels(side)), ("0", "0")) for side in (data.b, data.a))
        return [
            Ticker(
                instrument=self._instrument(data.s),
                venue_ns=to_ns(message.cts or message.ts),
                seen_ns=now,
                best_bid_price=optional_float(bid[0]),
                best_bid_size=optional_float(bid[1]),
                best_ask_price=optional_float(ask[0]),
                best_ask_size=optional_float(ask[1]),
            )
        ]

    def _on_trades(self, message: _Frame, subject: str, now: int) -> list[Output]:
        return self._each(self._trade_data(message.data), self._on_trade, now)

    def _on_trade(self, data: _Trade, now: int) -> list[Event]:
        venue_ns = to_ns(data.T)
        return self._trade(
            data.s,
            (data.p, data.v),
            data.i,
            SIDES[data.S],
            (venue_ns, now),
            trades=one_trade(data.i, venue_ns) if data.i.isdecimal() else None,
            iv=percent(data.iv),
        )

    def _on_maintenances(self, message: _Frame, subject: str, now: int) -> list[Output]:
        def read(data: _Maintenance, now: int) -> list[Output]:
            return self._on_maintenance(data, to_ns(message.ts), now)

        return self._each(self._maintenances(message.data), read, now)

    def _on_maintenance(self, data: _Maintenance, venue_ns: int, now: int) -> list[Output]:
        """A maintenance of this category; one of other services than the market's restricts only orders."""
        if str(data.env) != str(PRODUCTION) or (data.product and PRODUCTS[self.category] not in data.product):
            return []
        state = PHASES.get(data.state, "notice")
        if state == "down" and not any(kind in MARKET_SERVICES for kind in data.service_types):
            state = "limited"
        times = {"begin_ns": optional_ms(data.begin), "end_ns": optional_ms(data.end), "venue_ns": venue_ns}
        return self._state_venue(self._status(state, now, data.title, id=data.id[:64], **times), now)

    def _on_liquidations(self, message: _Frame, subject: str, now: int) -> list[Output]:
        return self._each(self._liquidation_data(message.data), self._on_liquidation, now)

    def _on_liquidation(self, data: _Liquidation, now: int) -> list[Event]:
        listed, instrument, ticks, lots = self._measure(data.s, (data.p, data.v), now)
        side = LONG_LIQUIDATED[data.S]
        return [*listed, Liquidation(instrument, ticks, lots, side, to_ns(data.T), now)]

    def _on_ticker(self, message: _Frame, subject: str, now: int) -> list[Output]:
        data = self._ticker_data(message.data)
        instrument = self._instrument(data.symbol)
        return [
            Ticker(
                instrument=instrument,
                venue_ns=to_ns(message.ts),
                seen_ns=now,
                best_bid_price=optional_float(data.bid1_price or data.bid_price),
                best_bid_size=optional_float(data.bid1_size or data.bid_size),
                best_ask_price=optional_float(data.ask1_price or data.ask_price),
                best_ask_size=optional_float(data.ask1_size or data.ask_size),
                last_price=optional_float(data.last_price),
                mark_price=optional_float(data.mark_price),
                index_price=optional_float(data.index_price),
                estimated_delivery_price=_stated(data.predicted_delivery_price),
                open_interest=optional_float(data.single_open_interest or data.open_interest),
                current_funding=optional_float(data.funding_rate),
                underlying_price=optional_float(data.underlying_price),
                mark_iv=_stated(data.mark_price_iv, percents=True),
                bid_iv=_stated(data.bid_iv, percents=True),
                ask_iv=_stated(data.ask_iv, percents=True),
                greeks=_greeks(data),
                stats=self._day(instrument, data, whole=message.type == "snapshot"),
            )
        ]

    def _day(self, instrument: Instrument, data: _Ticker, *, whole: bool) -> Stats | None:
        """The last 24 hours, of which a `delta` has only the changes; None if there are none."""
        base, usd = data.volume24h, ""
        if instrument.inverse:
            base, usd = data.turnover24h, data.volume24h
        stated = {
            "high": optional_float(data.high_price24h),
            "low": optional_float(data.low_price24h),
            "volume": optional_float(base),
            "volume_usd": optional_float(usd),
            "price_change": percent(data.price24h_pcnt or data.change24h),
        }
        news = {name: value for name, value in stated.items() if value is not None}
        if not news:
            return None
        known = Stats() if whole else self._stats.get(data.symbol, Stats())
        stats = self._stats[data.symbol] = msgspec.structs.replace(known, **news)
        return stats

    def _answer(self, tag: str, body: bytes, now: int) -> list[Output]:
        answer = self._listed(body)
        if answer.ret_code:
            return [self._complaint(f"{tag}: {answer.ret_code} {answer.ret_msg}", now)]
        page = self._page(answer.result)
        whole, _, cursor = tag.partition("#")
        before = self._pages.pop(whole, None) if cursor else []
        if before is not None and not page.next_page_cursor:
            return self._whole_list(whole, [*before, *page.list], self._on_instrument, now)
        if before is None:  # the list is not complete yet
            return self._each(page.list, self._on_instrument, now)
        self._pages[whole] = [*before, *page.list]
        coin = whole.partition(":")[2]
        more = {"baseCoin": coin} if coin else {}
        url = self._list_url(**more, cursor=page.next_page_cursor)
        return [
            *self._each(page.list, self._on_instrument, now),
            Fetch(_page_tag(whole, page.next_page_cursor), url),
        ]

    def _on_instrument(self, raw: msgspec.Raw, now: int) -> list[Output]:
        stated = self._instrument_data(raw)
        self._mention(stated.symbol)
        if stated.status in ENDED:
            return self._end(stated.symbol, stated.status.lower(), now)
        return self._learn(self._to_instrument(stated), now)

    def _to_instrument(self, stated: _Instrument) -> Instrument:
        named = self._describe(stated.symbol)
        lots = stated.lot_size_filter
        tick_size, step = stated.price_filter.tick_size, lots.qty_step or lots.base_precision
        delivery_ns = ms(stated.delivery_time or "0")
        perpetual = "Perpetual" in stated.contract_type
        return msgspec.structs.replace(
            named,
            kind=_KINDS[self.category],
            base=stated.base_coin,
            quote=stated.quote_coin,
            settlement=stated.settle_coin or stated.quote_coin,
            price_exponent=exponent_of(tick_size),
            size_exponent=exponent_of(step),
            tick_size=tick_size,
            min_trade_size=lots.min_order_qty,
            size_unit="quote" if self.category == "inverse" else "base",
            contract_size=1.0,
            inverse=self.category == "inverse",
            expiration_ns=FOREVER_NS
            if perpetual or self.category == "spot"
            else delivery_ns or named.expiration_ns,
            creation_ns=ms(stated.launch_time or "0"),
            option_type=_OPTION_TYPES[stated.options_type] or named.option_type,
            settlement_period="perpetual" if perpetual else "",
            index_name=f"{stated.base_coin}_{stated.quote_coin}".lower(),
            stated=True,
        )

    def _make_book(self, instrument: Instrument) -> Book:
        reader = TextPairs(instrument.price_exponent, instrument.size_exponent)
        return Book(instrument, reader, Counter())

    def _describe(self, symbol: str) -> Instrument:
        return describe(self.name, self.category, symbol)

    def _ask_image(self, book: Book) -> list[Ask]:
        args = [book.label or f"orderbook.{self.book_depth}.{book.instrument.name}"]
        return [self._request("unsubscribe", args), self._request("subscribe", args)]


class BybitSpot(BybitConnection):
    """One connection to v5/public/spot; its tickers have no best prices, so `orderbook.1` is used."""

    name = "bybit_spot"
    limits = _limits("spot", 100)
    category = "spot"
    ticker_topics = ("tickers", "orderbook.1")


class BybitLinear(BybitConnection):
    """One connection to v5/public/linear: perpetuals and futures settled in USDT and USDC."""

    name = "bybit_linear"
    limits = _limits("linear", 100)
    category = "linear"


class BybitInverse(BybitConnection):
    """One connection to v5/public/inverse: perpetuals and futures settled in coins; sizes are in USD."""

    name = "bybit_inverse"
    limits = _limits("inverse", 100)
    category = "inverse"


class BybitOption(BybitConnection):
    """One connection to v5/public/option: books by symbol, 25 or 100 deep, trades by coin."""

    name = "bybit_option"
    limits = _limits("option", 200)
    category = "option"
    book_depth = "100"
    ticker_topics = ("tickers",)

    def _subject(self, topic: str, name: str) -> str:
        return name.partition("-")[0] if topic == "publicTrade" else name

    def lists(self, wants: Wants) -> list[Fetch]:
        named = [name.partition("-")[0] for name in wants.instruments]
        coins = dict.fromkeys([*OPTION_COINS, *filter(str.isalnum, named)])
        return [Fetch(f"instruments:{coin}", self._list_url(baseCoin=coin)) for coin in coins]


def _page_tag(tag: str, cursor: str) -> str:
    return f"{tag}#{unquote(cursor)}" if cursor else tag


def _stated(text: str, *, percents: bool = False) -> float | None:
    """A number; 0 means that there is none."""
    return (percent(text) if percents else optional_float(text)) or None


def _greeks(data: _Ticker) -> Greeks | None:
    delta, gamma, vega, theta = map(optional_float, (data.delta, data.gamma, data.vega, data.theta))
    if delta is None or gamma is None or vega is None or theta is None:
        return None
    return Greeks(delta, gamma, vega, theta)


_KINDS: dict[str, Kind] = {"spot": "spot", "linear": "future", "inverse": "future", "option": "option"}
_OPTION_TYPES: dict[str, Literal["call", "put"] | None] = {"": None, "Call": "call", "Put": "put"}
_DATED = re.compile(
    r"(?P<base>[A-Z0-9]+?)(?P<quote>USDT|USDC)?-(?P<day>\d{1,2}[A-Z]{3}\d\d)"
    r"(-(?P<strike>\d{1,12}(\.\d{1,12})?)-(?P<type>[CP])(-(?P<settle>USDT|USDC))?)?",
    re.ASCII,
)
_INVERSE = re.compile(r"(?P<base>[A-Z0-9]+)USD(?P<quarter>[HMUZ]\d\d)?", re.ASCII)


def describe(venue: str, category: str, symbol: str) -> Instrument:
    """The facts in Bybit's names.

    BTCUSDT, BTCPERP, BTC-26DEC25, BTCUSDT-26DEC25, BTCUSD, BTCUSDH26, BTC-27JUN25-100000-C-USDT.

    A quarter (H, M, U, Z) is not a day. Names of another form say nothing.
    """
    unknown = Instrument(
        venue=venue,
        name=symbol,
        kind="",
        base="",
        quote="",
        settlement="",
        price_exponent=0,
        size_exponent=0,
        stated=False,
    )
    if dated := _DATED.fullmatch(symbol):
        quote = dated["settle"] or dated["quote"] or "USDC"
        option = dated["strike"] is not None
        return msgspec.structs.replace(
            unknown,
            kind="option" if option else "future",
            **_coins(dated["base"], quote, quote),
            expiration_ns=parse_day(dated["day"]),
            strike=float(dated["strike"]) if option else None,
            option_type=None if not option else "call" if dated["type"] == "C" else "put",
        )
    if category == "inverse":
        named = _INVERSE.fullmatch(symbol)
        if named is None:
            return unknown
        return msgspec.structs.replace(
            unknown,
            kind="future",
            **_coins(named["base"], "USD", named["base"]),
            size_unit="quote",
            inverse=True,
            **_ends(perpetual=not named["quarter"]),
        )
    perp = category == "linear" and symbol.endswith("PERP")
    base, quote = (symbol.removesuffix("PERP"), "USDC") if perp else split_pair(symbol, QUOTES)
    if not base or category == "option":
        return unknown
    known = msgspec.structs.replace(unknown, kind=_KINDS[category], **_coins(base, quote, quote))
    if category == "spot":
        return msgspec.structs.replace(known, expiration_ns=FOREVER_NS)
    return msgspec.structs.replace(known, **_ends(perpetual=True))


def _coins(base: str, quote: str, settlement: str) -> dict[str, str | float]:
    return {
        "base": base,
        "quote": quote,
        "settlement": settlement,
        "contract_size": 1.0,
        "index_name": f"{base}_{quote}".lower(),
    }


def _ends(*, perpetual: bool) -> dict[str, str | int]:
    if perpetual:
        return {"expiration_ns": FOREVER_NS, "settlement_period": "perpetual"}
    return {"expiration_ns": UNKNOWN_NS}

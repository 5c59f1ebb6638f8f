"""Hyperliquid: perpetuals, those of builders (`xyz:NVDA`), and spot.

Facts: hyperliquid.gitbook.io (WebSocket, subscriptions, post requests), confirmed on frames of 2026-10. Continuity:
none is needed, every `l2Book` message is a whole image, without a number; an older one than the book's is ignored.
There are two streams of one name: without a flag 20 levels a side every 5 s, with `fast` 5 levels every 0.5 s. They are
two coverages of the market and never one book: the fast one is subscribed to and is the book; where a recording's
acknowledgements show both, the 20 levels are beside it. A book whose stream stops while the connection speaks is stale.
Levels that are merged (`nSigFigs`) are no book. Lists of instruments come by a post request on the connection itself.
"""

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Literal
from urllib.parse import urlsplit

import msgspec

from deltawire.book.book import Book, BookUpdate
from deltawire.book.columns import TextPairs
from deltawire.book.sequencers import Unsequenced
from deltawire.errors import MalformedError
from deltawire.model.events import Event, Side, Stats, Ticker
from deltawire.model.expiries import FOREVER_NS, UNKNOWN_NS
from deltawire.model.instruments import Instrument, Kind
from deltawire.model.limits import Limits, Rate
from deltawire.ports import Ask, Output, Send, Stream, Wants
from deltawire.venues.channels import Rank
from deltawire.venues.connection import (
    BAD_FRAME,
    SECOND_NS,
    Id,
    Ms,
    VenueConnection,
    acknowledged,
    optional_float,
    refused,
    to_ns,
)
from deltawire.venues.tape import Trades

FAST_LEVELS, SLOW_LEVELS = 5, 20
"""Levels a side of the fast stream, and of the slow one."""
FAST, SLOW = "l2Book.fast", "l2Book"
STREAMS: dict[str, Mapping[str, object]] = {
    FAST: {"type": "l2Book", "fast": True},
    SLOW: {"type": "l2Book"},
    "trades": {"type": "trades"},
    "bbo": {"type": "bbo"},
    "activeAssetCtx": {"type": "activeAssetCtx"},
}
CHANNELS = {"book": (FAST,), "trades": ("trades",), "ticker": ("bbo", "activeAssetCtx")}
CADENCES_S = {FAST: 0.5, SLOW: 5.0}
GIVES = {"bbo": "best_bid_price", "activeAssetCtx": "mark_price"}
META = "meta"
_NAMED_IN_ERROR = re.compile(r"\{.*\}")
STOPPED_NS = 45 * SECOND_NS
"""A book without a message for so long is stale, though the connection speaks: nine images of the slow stream."""
WATCH_NS = 5 * SECOND_NS
SIGNIFICANT = 5
"""Digits of a price; whole numbers may have more."""
PERPETUAL_PLACES = 6
"""Of a perpetual, places of prices and sizes together."""
SIDES: dict[str, Side] = {"B": "buy", "A": "sell"}


class _Frame(msgspec.Struct):
    channel: str
    data: msgspec.Raw = msgspec.Raw(b"null")


class _Level(msgspec.Struct):
    px: str
    sz: str


class _Book(msgspec.Struct):
    coin: str
    time: Ms
    levels: tuple[list[_Level], list[_Level]]


class _Named(msgspec.Struct):
    """What is left of a book message that cannot be read: whose it is."""

    coin: str


class _Trade(msgspec.Struct):
    coin: str
    side: Literal["A", "B"]
    px: str
    sz: str
    time: Ms
    tid: Id


class _Best(msgspec.Struct):
    coin: str
    time: Ms
    bbo: tuple[_Level | None, _Level | None]


class _Context(msgspec.Struct, rename="camel"):
    funding: str = ""
    open_interest: str = ""
    oracle_px: str = ""
    mark_px: str | None = None
    day_ntl_vlm: str = ""
    day_base_vlm: str = ""


class _AssetContext(msgspec.Struct):
    coin: str
    ctx: _Context


class _Subscription(msgspec.Struct, rename="camel"):
    type: str = ""
    coin: str = ""
    fast: bool | None = None
    n_sig_figs: int | None = None


class _Reply(msgspec.Struct):
    method: str
    subscription: _Subscription


class _Payload(msgspec.Struct):
    type: str = ""
    data: msgspec.Raw = msgspec.Raw(b"null")


class _Response(msgspec.Struct):
    type: str
    payload: msgspec.Raw = msgspec.Raw(b"null")


class _Post(msgspec.Struct):
    response: _Response


class _Asset(msgspec.Struct, rename="camel"):
    name: str
    sz_decimals: int
    is_delisted: bool = False


class _Meta(msgspec.Struct):
    universe: list[msgspec.Raw]


class Hyperliquid(VenueConnection):
    """One connection to api.hyperliquid.xyz/ws."""

    name = "hyperliquid"
    silence_ns = 30 * SECOND_NS
    ping = Send('{"method":"ping"}')
    ping_ns = 20 * SECOND_NS
    limits = Limits(
        endpoints={"": ("wss://api.hyperliquid.xyz/ws",)},
        rest=("https://api.hyperliquid.xyz",),
        connections=10,
        connects=Rate(30, 60.0),
        messages_of_address=Rate(2000, 60.0),
        streams=250,
        streams_of_address=1000,
        streams_per_request=1,
        weight=Rate(1200, 60.0),
        ping="message",
        ping_s=20.0,
        lists_when_asked=True,
        instruments="perpetuals; those of a builder if a pattern names it (`xyz:*`). Spot is read from recordings only",
        cannot_show="levels beyond the best five, and whether an image is of this moment: they have no number",
        source="hyperliquid.gitbook.io: WebSocket, rate limits; announcement of 2026-06-11",
    )

    _frame = msgspec.json.Decoder(_Frame).decode
    _book_data = msgspec.json.Decoder(_Book).decode
    _named = msgspec.json.Decoder(_Named).decode
    _trade_data = msgspec.json.Decoder(list[_Trade]).decode
    _best = msgspec.json.Decoder(_Best).decode
    _asset_context = msgspec.json.Decoder(_AssetContext).decode
    _subscription = msgspec.json.Decoder(_Subscription).decode
    _reply = msgspec.json.Decoder(_Reply).decode
    _post = msgspec.json.Decoder(_Post).decode
    _payload = msgspec.json.Decoder(_Payload).decode
    _text = msgspec.json.Decoder(str).decode
    _meta = msgspec.json.Decoder(_Meta).decode
    _first = msgspec.json.Decoder(list[msgspec.Raw]).decode
    _asset = msgspec.json.Decoder(_Asset).decode

    def __init__(self) -> None:
        super().__init__()
        self._channels = {
            "l2Book": self._on_book,
            "trades": self._on_trades,
            "bbo": self._on_best,
            "activeAssetCtx": self._on_context,
            "activeSpotAssetCtx": self._on_context,
            "subscriptionResponse": self._on_reply,
            "post": self._on_post,
            "error": self._on_error,
            "pong": self._on_pong,
        }
        self._asked: set[str] = set()
        """Streams that are requested and not answered yet."""
        self._streams: dict[str, set[str]] = {}
        """The book streams of each coin that have been acknowledged."""
        self._merged: set[str] = set()
        """Coins whose levels come merged."""
        self._heard: dict[str, int] = {}
        """When a book's last message came."""
        self._times: dict[str, int] = {}
        """The venue's time of the book as it stands."""
        self._watched_ns = 0

    def tag(self, url: str) -> str | None:
        """Bodies of `info` requests; which one it is shows in the body."""
        return "info" if urlsplit(url).path == "/info" else None

    def connected(self, now: int) -> list[Output]:
        self._watched_ns = now
        return super().connected(now)

    def closed(self, now: int) -> list[Output]:
        """The next connection has its own streams."""
        self._asked.clear()
        self._streams.clear()
        self._merged.clear()
        self._heard.clear()
        return super().closed(now)

    def rewound(self) -> None:
        """Times begin again."""
        self._times.clear()
        super().rewound()

    def deadline(self) -> int | None:
        """See `Venue.deadline`; and while books come, when to look whether one has stopped."""
        due_ns = super().deadline()
        if due_ns is None or not self._heard or self._router.heard_ns is None:
            return due_ns
        return min(due_ns, self._watched_ns + WATCH_NS)

    def tick(self, now: int) -> list[Output]:
        outputs = super().tick(now)
        if self._router.heard_ns is None or now < self._watched_ns + WATCH_NS:
            return outputs
        self._watched_ns = now
        for symbol in [symbol for symbol, heard_ns in self._heard.items() if now >= heard_ns + STOPPED_NS]:
            del self._heard[symbol]
            book = self.books[symbol]
            if book.state == "live":
                outputs += book.fault("silent", now, "its stream has stopped")
                outputs += [*self._ask_image(book), *self._awaited(book, now)]
        return outputs

    def streams(self, wants: Wants) -> list[Stream]:
        dexes = dict.fromkeys(["", *(_dex(name) for name in wants.instruments)])
        return [
            *(Stream(f"{META}:{dex}", "list") for dex in dexes),
            *(
                Stream(
                    f"{channel}:{name}",
                    topic,
                    name,
                    cadence_s=CADENCES_S.get(channel, 0.0),
                    gives=GIVES.get(channel, ""),
                )
                for topic in sorted(wants.topics)
                for channel in CHANNELS[topic]
                for name in wants.instruments
            ),
        ]

    def subscribe(self, streams: Sequence[Stream]) -> list[Send]:
        """Lists are answers, not streams: they are requested."""
        self._asked.update(stream.name for stream in streams if stream.topic != "list")
        lists = [stream for stream in streams if stream.topic == "list"]
        posts = [_post(number, stream.name.partition(":")[2]) for number, stream in enumerate(lists, 1)]
        return [*posts, *_requests("subscribe", streams)]

    def unsubscribe(self, streams: Sequence[Stream]) -> list[Send]:
        return _requests("unsubscribe", streams)

    def _read(self, frame: bytes, now: int) -> list[Output]:
        message = self._frame(frame)
        handle = self._channels.get(message.channel)
        return handle(message.data, now) if handle else self._not_read(message.channel)

    def _on_pong(self, raw: msgspec.Raw, now: int) -> list[Output]:
        return []

    def _on_error(self, raw: msgspec.Raw, now: int) -> list[Output]:
        text = self._text(raw)
        return [*self._refusal(text), self._complaint(text, now)]

    def _refusal(self, text: str) -> list[Output]:
        """An error quotes the subscription that it is about."""
        quoted = _NAMED_IN_ERROR.search(text)
        if quoted is None:
            return []
        try:
            named = self._subscription(quoted[0])
        except msgspec.MsgspecError:
            return []
        kind = named.type if named.type != "l2Book" else FAST if named.fast else SLOW
        names = [f"{kind}:{named.coin}"] if f"{kind}:{named.coin}" in self._asked else []
        self._asked.difference_update(names)
        return refused(names, text)

    def _granted(self, name: str) -> list[Output]:
        if name not in self._asked:
            return []
        self._asked.discard(name)
        return acknowledged([name])

    def _on_reply(self, raw: msgspec.Raw, now: int) -> list[Output]:
        reply = self._reply(raw)
        subscription = reply.subscription
        coin = subscription.coin
        if subscription.type != "l2Book":
            return self._granted(f"{subscription.type}:{coin}")
        if subscription.n_sig_figs is not None:
            (self._merged.add if reply.method == "subscribe" else self._merged.discard)(coin)
            return []
        stream = FAST if subscription.fast else SLOW
        streams = self._streams.setdefault(coin, set())
        if reply.method == "subscribe":
            streams.add(stream)
            return self._granted(f"{stream}:{coin}")
        streams.discard(stream)
        book = self.books.get(coin)
        if streams or book is None or book.state != "live":
            return []
        self._heard.pop(coin, None)
        return [*book.fault("closed", now, "unsubscribed")]

    def _on_book(self, raw: msgspec.Raw, now: int) -> list[Output]:
        try:
            data = self._book_data(raw)
        except BAD_FRAME as error:
            coin = self._named(raw).coin
            return self._lost(coin, self._book_channels.of(coin) or "", error, now)
        coin = data.coin
        if coin in self._merged:
            return self._not_read("l2Book, levels merged")
        channel = self._stream(data)
        if not self._book_channels.choose(coin, channel, opens=True):
            return self._beside(coin, channel)
        self._parsed_books += 1
        book = self._follow(coin, channel)
        self._heard[coin] = now
        if book.state == "live" and data.time < self._times.get(coin, 0):
            book.counts.old += 1
            return []
        self._times[coin] = data.time
        bids, asks = data.levels
        return self._whole(book, BookUpdate(_pairs(bids), _pairs(asks), venue_ns=to_ns(data.time)), now)

    def _stream(self, data: _Book) -> str:
        """The stream of an image: the one that was acknowledged; of two, the slow one where it has more levels."""
        streams = self._streams.get(data.coin, ())
        if len(streams) == 1:
            return next(iter(streams))
        if not streams:
            return self._book_channels.of(data.coin) or SLOW
        return SLOW if max(map(len, data.levels)) > FAST_LEVELS else FAST

    def _levels_of(self, channel: str) -> int:
        return FAST_LEVELS if channel == FAST else SLOW_LEVELS

    def _rank(self, channel: str) -> Rank:
        return (0 if channel == FAST else 1,)

    def _on_trades(self, raw: msgspec.Raw, now: int) -> list[Output]:
        return self._each(self._trade_data(raw), self._on_trade, now)

    def _on_trade(self, data: _Trade, now: int) -> list[Event]:
        venue_ns = to_ns(data.time)
        return self._trade(
            data.coin,
            (data.px, data.sz),
            str(data.tid),
            SIDES[data.side],
            (venue_ns, now),
            trades=Trades(data.tid, data.tid, venue_ns),
        )

    def _on_best(self, raw: msgspec.Raw, now: int) -> list[Output]:
        data = self._best(raw)
        bid, ask = data.bbo
        return [
            Ticker(
                instrument=self._instrument(data.coin),
                venue_ns=to_ns(data.time),
                seen_ns=now,
                best_bid_price=optional_float(bid.px) if bid else 0.0,
                best_bid_size=optional_float(bid.sz) if bid else 0.0,
                best_ask_price=optional_float(ask.px) if ask else 0.0,
                best_ask_size=optional_float(ask.sz) if ask else 0.0,
            )
        ]

    def _on_context(self, raw: msgspec.Raw, now: int) -> list[Output]:
        """The funding rate is that of one hour; the oracle's price is the index."""
        data = self._asset_context(raw)
        context = data.ctx
        return [
            Ticker(
                instrument=self._instrument(data.coin),
                venue_ns=0,
                seen_ns=now,
                mark_price=optional_float(context.mark_px or ""),
                index_price=optional_float(context.oracle_px),
                open_interest=optional_float(context.open_interest),
                current_funding=optional_float(context.funding),
                stats=Stats(
                    volume=optional_float(context.day_base_vlm),
                    volume_usd=optional_float(context.day_ntl_vlm),
                ),
            )
        ]

    def _on_post(self, raw: msgspec.Raw, now: int) -> list[Output]:
        response = self._post(raw).response
        if response.type == "error":
            return [self._complaint(f"post: {self._text(response.payload)}", now)]
        payload = self._payload(response.payload)
        return self._on_meta(payload.data, now) if payload.type == "meta" else self._not_read(payload.type)

    def _answer(self, tag: str, body: bytes, now: int) -> list[Output]:
        """The body of `meta`, or of `metaAndAssetCtxs`, of which the contexts come by the stream."""
        if body.lstrip()[:1] != b"[":
            return self._on_meta(msgspec.Raw(body), now)
        parts = self._first(body)
        if not parts:
            raise MalformedError("an empty answer")
        return self._on_meta(parts[0], now)

    def _on_meta(self, raw: msgspec.Raw, now: int) -> list[Output]:
        """All perpetuals of the venue, or of one builder."""
        universe = self._meta(raw).universe
        dex = _dex(self._asset(universe[0]).name) if universe else ""
        return self._whole_list(f"instruments:{dex}", universe, self._on_asset, now)

    def _on_asset(self, raw: msgspec.Raw, now: int) -> list[Output]:
        stated = self._asset(raw)
        self._mention(stated.name)
        return self._learn(_to_instrument(stated), now, "delisted")

    def _make_book(self, instrument: Instrument) -> Book:
        reader = TextPairs(instrument.price_exponent, instrument.size_exponent)
        return Book(instrument, reader, Unsequenced())

    def _describe(self, symbol: str) -> Instrument:
        return describe(symbol)

    def _ask_image(self, book: Book) -> list[Ask]:
        """The next message of the stream; where that has stopped, it is begun anew."""
        stream = {"type": "l2Book", "fast": book.label != SLOW, "coin": book.instrument.name}
        return [_request("unsubscribe", stream), _request("subscribe", stream)]


def _requests(method: str, streams: Sequence[Stream]) -> list[Send]:
    sends = []
    for stream in streams:
        channel, _, coin = stream.name.partition(":")
        if stream.topic != "list":
            sends.append(_request(method, {**STREAMS[channel], "coin": coin}))
    return sends


def _request(method: str, subscription: dict[str, object]) -> Send:
    return Send(msgspec.json.encode({"method": method, "subscription": subscription}).decode())


def _post(number: int, dex: str) -> Send:
    payload = {"type": "meta", "dex": dex} if dex else {"type": "meta"}
    request = {"type": "info", "payload": payload}
    return Send(msgspec.json.encode({"method": "post", "id": number, "request": request}).decode())


def _dex(name: str) -> str:
    """The builder in a name, empty where it is the venue's own."""
    return name.partition(":")[0] if ":" in name else ""


def _pairs(levels: list[_Level]) -> bytes:
    return msgspec.json.encode([(level.px, level.sz) for level in levels])


def describe(symbol: str) -> Instrument:
    """What a name tells: BTC is a perpetual, xyz:NVDA one of a builder, PURR/USDC a pair, @107 a pair of unknown coins.

    Perpetuals are priced in dollars and settled in USDC.
    """
    base, slash, quote = symbol.partition("/")
    if symbol.startswith("@"):
        kind: Kind = ""
    elif slash:
        kind = "spot" if base and quote else ""
    else:
        kind, base, quote = "future", symbol.rpartition(":")[2], "USD"
    known = bool(kind)
    return Instrument(
        venue=Hyperliquid.name,
        name=symbol,
        kind=kind,
        base=base if known else "",
        quote=quote if known else "",
        settlement=("USDC" if kind == "future" else quote) if known else "",
        price_exponent=0,
        size_exponent=0,
        contract_size=1.0 if known else 0.0,
        expiration_ns=FOREVER_NS if known else UNKNOWN_NS,
        settlement_period="perpetual" if kind == "future" else "",
        index_name=f"{base}_{quote}".lower() if known else "",
        stated=False,
    )


def _to_instrument(stated: _Asset) -> Instrument:
    """Prices have five significant digits, and no more than six places less those of sizes."""
    if not 0 <= stated.sz_decimals <= PERPETUAL_PLACES:
        raise MalformedError(f"{stated.name[:40]}: sizes of {stated.sz_decimals} places")
    places = PERPETUAL_PLACES - stated.sz_decimals
    return msgspec.structs.replace(
        describe(stated.name),
        price_exponent=-places,
        size_exponent=-stated.sz_decimals,
        tick_size=_power_of_ten(-places),
        tick_size_steps=tuple(
            (_power_of_ten(power), _power_of_ten(power - SIGNIFICANT + 1))
            for power in range(SIGNIFICANT - places, SIGNIFICANT)
        ),
        min_trade_size=_power_of_ten(-stated.sz_decimals),
        active=not stated.is_delisted,
        stated=True,
    )


def _power_of_ten(power: int) -> str:
    return f"{Decimal(1).scaleb(power):f}"

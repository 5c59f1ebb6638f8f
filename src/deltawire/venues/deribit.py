"""Deribit: futures, perpetuals, options (JSON-RPC 2.0 over WebSocket).

Facts: docs.deribit.com (AsyncAPI and OpenAPI specs), confirmed on a recording of 2021-07-22. Continuity: the
`prev_change_id` chain; after a gap, unsubscribe and subscribe that one book channel. There is no checksum, but the
actions new/change/delete are exact, so one that does not fit the levels shows a damaged book.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Literal
from urllib.parse import parse_qs, urlsplit

import msgspec

from deltawire.book.book import Book, BookUpdate
from deltawire.book.columns import ActionRows
from deltawire.book.fast_path import FastPath, Members, members
from deltawire.book.sequencers import PreviousIdChain
from deltawire.errors import MalformedError
from deltawire.model.events import Event, Greeks, Index, Side, Stats, Ticker, VenueState
from deltawire.model.expiries import FOREVER_NS, UNKNOWN_NS, is_day, parse_day
from deltawire.model.instruments import FOREVER_MS, Instrument, Kind
from deltawire.model.limits import Limits, Rate
from deltawire.model.numbers import double_text, exponent_of
from deltawire.ports import Ask, Fetch, FrameIds, Output, Send, Stream, Wants
from deltawire.venues.channels import Rank
from deltawire.venues.connection import (
    BAD_FRAME,
    SECOND_NS,
    Id,
    Ms,
    Requests,
    VenueConnection,
    acknowledged,
    portions,
    refused,
    to_ns,
)
from deltawire.venues.tape import one_trade

REST = "https://www.deribit.com/api/v2/public/"
CHANNELS_PER_FRAME = 500
HEARTBEAT_SECONDS = 10
GIVES = {"ticker": "best_bid_price"}
STATES = "instrument.state.any.any"
PLATFORM = "platform_state"
STATUS_ID = 1_000_000_000
"""The number of the request that asks what is locked already: in no recording has any other answer this number."""
NOT_GRANTED = "not granted"
LOCKS: dict[bool, tuple[VenueState, str]] = {True: ("down", "locked"), False: ("up", "unlocked")}
PACES = ("raw", "100ms", "agg2")
"""The last part of book channels' names, the finest first."""
_GROUPED = re.compile(r"(?P<group>none|\d+)\.(?P<depth>\d{1,3})\.\w+", re.ASCII)
"""The end of grouped channels' names: each message is an image of the best levels, merged by `group`."""


class _Params(msgspec.Struct):
    channel: str = ""
    data: msgspec.Raw = msgspec.Raw(b"null")
    type: str = ""


class _RpcError(msgspec.Struct):
    code: int
    message: str


class _Frame(msgspec.Struct):
    method: str = ""
    params: _Params | None = None
    error: _RpcError | None = None
    id: int | None = None
    result: msgspec.Raw = msgspec.Raw(b"")


class _Book(msgspec.Struct):
    timestamp: Ms
    instrument_name: str
    change_id: Id
    bids: msgspec.Raw
    asks: msgspec.Raw
    prev_change_id: Id | None = None
    type: Literal["snapshot", "change", ""] = ""
    """Absent in grouped channels, and in old recordings."""


class _Named(msgspec.Struct):
    instrument_name: str


class _Trade(msgspec.Struct):
    trade_id: str
    trade_seq: Id
    timestamp: Ms
    instrument_name: str
    direction: Side
    price: float
    amount: float
    mark_price: float | None = None
    index_price: float | None = None
    iv: float | None = None
    liquidation: str = ""


class _Ticker(msgspec.Struct):
    timestamp: Ms
    instrument_name: str
    best_bid_price: float | None = None
    best_bid_amount: float | None = None
    best_ask_price: float | None = None
    best_ask_amount: float | None = None
    last_price: float | None = None
    mark_price: float | None = None
    index_price: float | str | None = None
    settlement_price: float | None = None
    estimated_delivery_price: float | str | None = None
    min_price: float | None = None
    max_price: float | None = None
    open_interest: float | None = None
    current_funding: float | None = None
    funding_8h: float | None = None
    interest_value: float | None = None
    interest_rate: float | None = None
    underlying_price: float | None = None
    underlying_index: str | None = None
    mark_iv: float | None = None
    bid_iv: float | None = None
    ask_iv: float | None = None
    greeks: Greeks | None = None
    stats: Stats | None = None
    state: str | None = None


class _Index(msgspec.Struct):
    timestamp: Ms
    price: float
    index_name: str


class _State(msgspec.Struct):
    instrument_name: str
    state: Literal["created", "started", "settled", "closed", "terminated"]


class _PlatformState(msgspec.Struct):
    price_index: str
    locked: bool


class _Locks(msgspec.Struct):
    locked: str = "false"
    locked_indices: list[str] = []


class _Step(msgspec.Struct):
    above_price: float
    tick_size: float


_Expiry = Annotated[int, msgspec.Meta(ge=0, le=FOREVER_MS)]


class _Instrument(msgspec.Struct):
    instrument_name: str
    kind: Kind
    base_currency: str
    quote_currency: str
    tick_size: float
    min_trade_amount: float
    contract_size: float = 0.0
    settlement_currency: str = ""
    counter_currency: str = ""
    settlement_period: str = ""
    instrument_type: str = ""
    price_index: str = ""
    creation_timestamp: Ms = 0
    expiration_timestamp: _Expiry | None = None
    strike: float | None = None
    option_type: Literal["call", "put"] | None = None
    maker_commission: float | None = None
    taker_commission: float | None = None
    max_leverage: float | None = None
    max_liquidation_commission: float | None = None
    is_active: bool = True
    tick_size_steps: list[_Step] = []


class _Instruments(msgspec.Struct):
    result: list[msgspec.Raw]


_EXPIRING = ("index_price", "estimated_delivery_price")
"""Members of a ticker that are `expired` when there is no such price any more."""
_TICKER_FIELDS = [
    name for name in _Ticker.__struct_fields__ if name not in ("timestamp", "instrument_name", *_EXPIRING)
]
_RENAMED = {"best_bid_amount": "best_bid_size", "best_ask_amount": "best_ask_size"}


def _notification(**fields: str) -> Members:
    """A notification of the book channel; `more` is what differs between images and changes."""
    data = members(
        _Book,
        timestamp="$venue_ms",
        instrument_name='"$symbol"',
        change_id="$last",
        bids="$bids",
        asks="$asks",
        **fields,
    )
    return members(
        _Frame, method='"subscription"', params=members(_Params, channel='"book.$label"', data=data)
    )


class Deribit(VenueConnection):
    """One Deribit connection."""

    name = "deribit"
    silence_ns = 3 * HEARTBEAT_SECONDS * SECOND_NS
    limits = Limits(
        endpoints={"": ("wss://streams.deribit.com/ws/api/v2", "wss://www.deribit.com/ws/api/v2")},
        rest=("https://www.deribit.com",),
        connections=32,
        messages=Rate(10, 3.0),
        streams=500,
        streams_per_request=CHANNELS_PER_FRAME,
        request_bytes=32 * 1024,
        weight=Rate(50, 50.0),
        ping="message",
        ping_s=HEARTBEAT_SECONDS,
        joins=True,
        status="channel `platform_state`: the index whose markets are locked",
        cannot_show="a wrong size that no action contradicts: there are no checksums",
        source="docs.deribit.com: Connection management, Rate limits; tardis-dev/tardis-node src/realtimefeeds",
    )
    fast_path = FastPath(
        form="action_rows",
        rule="previous_id",
        updates=(_notification(type='"change"', prev_change_id="$previous"),),
        images=(_notification(type='"snapshot"'),),
    )

    _frame = msgspec.json.Decoder(_Frame).decode
    _book_data = msgspec.json.Decoder(_Book).decode
    _named = msgspec.json.Decoder(_Named).decode
    _trade_data = msgspec.json.Decoder(list[_Trade]).decode
    _ticker_data = msgspec.json.Decoder(_Ticker).decode
    _index_data = msgspec.json.Decoder(_Index).decode
    _state_data = msgspec.json.Decoder(_State).decode
    _lock_data = msgspec.json.Decoder(_Locks).decode
    _platform_data = msgspec.json.Decoder(_PlatformState).decode
    _instruments = msgspec.json.Decoder(_Instruments).decode
    _instrument_data = msgspec.json.Decoder(_Instrument).decode

    def __init__(self) -> None:
        super().__init__()
        self._topics = {
            "book": self._on_book,
            "trades": self._on_trades,
            "ticker": self._on_ticker,
            "incremental_ticker": self._on_ticker,
            "deribit_price_index": self._on_index,
            "instrument": self._on_state,
            PLATFORM: self._on_platform_state,
        }
        self._requests = Requests()

    def closed(self, now: int) -> list[Output]:
        self._requests.clear()
        return super().closed(now)

    def tag(self, url: str) -> str | None:
        """The tag of a get_instruments address; one body per currency, kind, and whether expired."""
        parts = urlsplit(url)
        if not parts.path.endswith("/public/get_instruments"):
            return None
        asked = {name: values[0] for name, values in parse_qs(parts.query).items()}
        chosen = [asked.get("currency", "any"), asked.get("kind", ""), asked.get("expired", "")]
        return ":".join(["instruments", *(part for part in chosen if part not in ("", "false"))])

    def streams(self, wants: Wants) -> list[Stream]:
        streams = [
            Stream(f"{topic}.{name}.100ms", topic, name, gives=GIVES.get(topic, ""))
            for topic in sorted(wants.topics)
            for name in wants.instruments
        ]
        return [*streams, Stream(STATES, "list"), Stream(PLATFORM, "status")] if streams else []

    def lists(self, wants: Wants) -> list[Fetch]:
        return [Fetch("instruments:any", f"{REST}get_instruments?currency=any&expired=false")]

    def greeting(self) -> list[Send]:
        heartbeat = self._call("public/set_heartbeat", {"interval": HEARTBEAT_SECONDS})
        return [heartbeat, _request(STATUS_ID, "public/status", {})]

    def subscribe(self, streams: Sequence[Stream]) -> list[Send]:
        return self._calls("public/subscribe", streams)

    def unsubscribe(self, streams: Sequence[Stream]) -> list[Send]:
        return self._calls("public/unsubscribe", streams)

    def _calls(self, method: str, streams: Sequence[Stream]) -> list[Send]:
        sends = []
        for some in portions([stream.name for stream in streams], CHANNELS_PER_FRAME):
            asked = some if method == "public/subscribe" else ()
            sends.append(self._call(method, {"channels": some}, asked))
        return sends

    def identity(self, frame: bytes) -> FrameIds | None:
        params = self._frame(frame).params
        if params is None or not params.channel.startswith("book."):
            return None
        data = self._book_data(params.data)
        image = data.prev_change_id is None
        return FrameIds(data.instrument_name, data.prev_change_id or 0, data.change_id, image)

    def _read(self, frame: bytes, now: int) -> list[Output]:
        message = self._frame(frame)
        if message.method == "subscription" and message.params is not None:
            topic = message.params.channel.partition(".")[0]
            handle = self._topics.get(topic)
            return handle(message.params, now) if handle else self._not_read(topic)
        if message.method == "heartbeat" and message.params is not None:
            return [self._call("public/test", {})] if message.params.type == "test_request" else []
        names = self._requests.take(message.id)
        if message.error is not None:
            reason = f"{message.error.code} {message.error.message}"
            return [*refused(names, reason), self._complaint(reason, now)]
        if message.id == STATUS_ID:
            return self._on_locked(self._lock_data(message.result), now)
        return self._on_granted(names, message.result, now) if names else []

    def _on_granted(self, names: Sequence[str], result: msgspec.Raw, now: int) -> list[Output]:
        """The answer lists what is granted; what is missing was refused without a word."""
        granted = set(_names(result))
        denied = [name for name in names if name not in granted]
        outputs = acknowledged(name for name in names if name in granted)
        if denied:
            outputs += [
                *refused(denied, NOT_GRANTED),
                self._complaint(f"{NOT_GRANTED}: {', '.join(denied)}", now),
            ]
        return outputs

    def _on_book(self, params: _Params, now: int) -> list[Output]:
        try:
            data = self._book_data(params.data)
            if data.type and (data.prev_change_id is None) == (data.type == "change"):
                raise MalformedError(f"a {data.type or 'message'} that follows {data.prev_change_id}")
        except BAD_FRAME as error:
            return self._lost(self._named(params.data).instrument_name, params.channel, error, now)
        name = data.instrument_name
        channel = self._channel(name, params.channel)
        grouped = _GROUPED.fullmatch(channel)
        if grouped and grouped["group"] != "none":
            return self._not_read("book, levels merged")
        if not self._book_channels.choose(name, channel, opens=data.prev_change_id is None):
            return self._beside(name, channel)
        self._parsed_books += 1
        update = BookUpdate(
            _rows(data.bids) if grouped else bytes(data.bids),
            _rows(data.asks) if grouped else bytes(data.asks),
            last=data.change_id,
            previous=data.prev_change_id or 0,
            venue_ns=to_ns(data.timestamp),
        )
        book = self._follow(name, params.channel)
        if grouped:
            return self._whole(book, update, now)
        if data.prev_change_id is None:
            return self._image(name, update, now)
        return self._delta(book, update, now)

    def _channel(self, symbol: str, label: str) -> str:
        return label.removeprefix("book.").removeprefix(f"{symbol}.")

    def _levels_of(self, channel: str) -> int:
        grouped = _GROUPED.fullmatch(channel)
        return int(grouped["depth"]) if grouped else 0

    def _rank(self, channel: str) -> Rank:
        """Complete books before partial ones, and of these the deepest."""
        grouped = _GROUPED.fullmatch(channel)
        pace = channel.rpartition(".")[2]
        place = PACES.index(pace) if pace in PACES else len(PACES)
        return (1, -int(grouped["depth"]), place) if grouped else (0, 0, place)

    def _on_trades(self, params: _Params, now: int) -> list[Output]:
        return self._each(self._trade_data(params.data), self._on_trade, now)

    def _on_trade(self, data: _Trade, now: int) -> list[Event]:
        venue_ns = to_ns(data.timestamp)
        return self._trade(
            data.instrument_name,
            (double_text(data.price), double_text(data.amount)),
            data.trade_id,
            data.direction,
            (venue_ns, now),
            trades=one_trade(data.trade_id, venue_ns),
            sequence=data.trade_seq,
            mark_price=data.mark_price,
            index_price=data.index_price,
            iv=data.iv,
            liquidation=data.liquidation,
        )

    def _on_ticker(self, params: _Params, now: int) -> list[Output]:
        data = self._ticker_data(params.data)
        prices = {name: getattr(data, name) for name in _EXPIRING}
        fields = {_RENAMED.get(name, name): getattr(data, name) for name in _TICKER_FIELDS}
        return [
            Ticker(
                instrument=self._instrument(data.instrument_name),
                venue_ns=to_ns(data.timestamp),
                seen_ns=now,
                **{name: None if isinstance(price, str) else price for name, price in prices.items()},
                **fields,
            )
        ]

    def _on_index(self, params: _Params, now: int) -> list[Output]:
        data = self._index_data(params.data)
        return [Index(self.name, data.index_name, data.price, to_ns(data.timestamp), now)]

    def _on_state(self, params: _Params, now: int) -> list[Output]:
        """`instrument.state.{kind}.{currency}`; a perpetual is settled every day and continues."""
        data = self._state_data(params.data)
        if data.state in ("created", "started"):
            return self._revive(data.instrument_name, now)
        if data.state == "settled" and self._instrument(data.instrument_name).perpetual:
            return []
        return self._end(data.instrument_name, data.state, now)

    def _on_platform_state(self, params: _Params, now: int) -> list[Output]:
        """The markets of an index are locked, or not any more."""
        if params.channel != PLATFORM:
            return self._not_read(params.channel)
        data = self._platform_data(params.data)
        return self._on_lock(data.price_index, data.locked, now)

    def _on_lock(self, index: str, locked: bool, now: int) -> list[Output]:
        state, text = LOCKS[locked]
        return self._state_venue(self._status(state, now, text, subject=index), now)

    def _on_locked(self, data: _Locks, now: int) -> list[Output]:
        """What is locked when the connection begins; what was locked before and is not named is so no more."""
        locked = {""} if data.locked == "true" else {*data.locked_indices}
        outputs: list[Output] = []
        for index in sorted(locked | self._outages.subjects()):
            outputs += self._on_lock(index, index in locked, now)
        return outputs

    def _answer(self, tag: str, body: bytes, now: int) -> list[Output]:
        return self._whole_list(tag, self._instruments(body).result, self._on_instrument, now)

    def _on_instrument(self, raw: msgspec.Raw, now: int) -> list[Output]:
        stated = self._instrument_data(raw)
        self._mention(stated.instrument_name)
        return self._learn(_to_instrument(stated), now)

    def _make_book(self, instrument: Instrument) -> Book:
        reader = ActionRows(instrument.price_exponent, instrument.size_exponent)
        return Book(instrument, reader, PreviousIdChain())

    def _describe(self, symbol: str) -> Instrument:
        return describe(symbol)

    def _ask_image(self, book: Book) -> list[Ask]:
        name = book.instrument.name
        params = {"channels": [f"book.{name}.{self._book_channels.of(name) or '100ms'}"]}
        return [self._call("public/unsubscribe", params), self._call("public/subscribe", params)]

    def _call(self, method: str, params: Mapping[str, object], names: Sequence[str] = ()) -> Send:
        return _request(self._requests.number(names), method, params)


def _request(number: int, method: str, params: Mapping[str, object]) -> Send:
    request = {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
    return Send(msgspec.json.encode(request).decode())


_COMBO = re.compile(r"[A-Z]+\d*", re.ASCII)
_STRIKE = re.compile(r"\d{1,12}(d\d{1,12})?", re.ASCII)
_names = msgspec.json.Decoder(list[str]).decode
_pairs = msgspec.json.Decoder(list[tuple[msgspec.Raw, msgspec.Raw]]).decode


def _rows(pairs: msgspec.Raw) -> bytes:
    """Levels of a grouped channel, [price, amount], in the form of the others."""
    return b"[" + b",".join(b'["new",%b,%b]' % (price, amount) for price, amount in _pairs(pairs)) + b"]"


def describe(symbol: str) -> Instrument:
    """The facts in Deribit's names: BTC-PERPETUAL, BTC-25DEC26, BTC-27DEC24-100000-C, SOL_USDC-PERPETUAL, BTC_USDC.

    And combos: BTC-FS-25DEC26_PERP (two futures), BTC-CS-27MAR26-100000_110000 (options). Names of another form say
    nothing.
    """
    head, *rest = symbol.split("-")
    base, _, quote = head.partition("_")
    kind = _kind(quote, rest) if base.isalnum() else ""
    if not kind:
        return Instrument(
            venue=Deribit.name,
            name=symbol,
            kind="",
            base="",
            quote="",
            settlement="",
            price_exponent=0,
            size_exponent=0,
            stated=False,
        )
    expiration_ns = _expiration(kind, rest)
    return Instrument(
        venue=Deribit.name,
        name=symbol,
        kind=kind,
        base=base,
        quote=quote or "USD",
        settlement=quote or base,
        price_exponent=0,
        size_exponent=0,
        size_unit=_size_unit(kind, inverse=not quote),
        inverse=not quote,
        expiration_ns=expiration_ns,
        strike=_strike(rest[1]) if kind == "option" else None,
        option_type=None if kind != "option" else "call" if rest[2] == "C" else "put",
        settlement_period="perpetual" if kind == "future" and expiration_ns == FOREVER_NS else "",
        index_name=f"{base}_{quote or 'USD'}".lower(),
        stated=False,
    )


def _kind(quote: str, rest: list[str]) -> Kind:
    """The kind that the parts of a name after its coins state."""
    match rest:
        case []:
            return "spot" if quote else ""
        case ["PERPETUAL"]:
            return "future"
        case [day] if is_day(day):
            return "future"
        case [day, _, "C" | "P"] if is_day(day):
            return "option"
        case [code, legs, *_] if _COMBO.fullmatch(code) and all(map(_is_leg, legs.split("_"))):
            return "future_combo" if code == "FS" else "option_combo"
    return ""


def _is_leg(text: str) -> bool:
    return text == "PERP" or is_day(text)


def _expiration(kind: Kind, rest: list[str]) -> int:
    """The expiry; a combo expires with the first of its legs, without which it cannot be traded."""
    if kind == "spot" or rest == ["PERPETUAL"]:
        return FOREVER_NS
    if not kind.endswith("combo"):
        return parse_day(rest[0])
    days = [parse_day(leg) for leg in rest[1].split("_") if leg != "PERP"]
    return min(days, default=UNKNOWN_NS)


def _size_unit(kind: Kind, *, inverse: bool) -> Literal["base", "quote"]:
    """Amounts are in dollars for futures settled in coins, else in coins."""
    return "quote" if inverse and kind in ("future", "future_combo") else "base"


def _strike(text: str) -> float | None:
    return float(text.replace("d", ".")) if _STRIKE.fullmatch(text) else None


def _to_instrument(stated: _Instrument) -> Instrument:
    guessed = describe(stated.instrument_name)
    linear = stated.instrument_type == "linear" or bool(guessed.quote != "USD")
    price_exponent = exponent_of(stated.tick_size)
    size_exponent = exponent_of(stated.min_trade_amount)
    return Instrument(
        venue=Deribit.name,
        name=stated.instrument_name,
        kind=stated.kind,
        base=stated.base_currency,
        quote=stated.counter_currency or guessed.quote,
        settlement=stated.settlement_currency or (guessed.settlement if linear else stated.base_currency),
        price_exponent=price_exponent,
        size_exponent=size_exponent,
        tick_size=double_text(stated.tick_size),
        tick_size_steps=tuple(
            (double_text(step.above_price), double_text(step.tick_size)) for step in stated.tick_size_steps
        ),
        min_trade_size=double_text(stated.min_trade_amount),
        size_unit=_size_unit(stated.kind, inverse=not linear),
        contract_size=stated.contract_size,
        inverse=not linear,
        expiration_ns=guessed.expiration_ns
        if stated.expiration_timestamp is None
        else min(to_ns(stated.expiration_timestamp), FOREVER_NS),
        creation_ns=to_ns(stated.creation_timestamp),
        strike=stated.strike,
        option_type=stated.option_type,
        settlement_period=stated.settlement_period or guessed.settlement_period,
        index_name=stated.price_index or guessed.index_name,
        maker_commission=stated.maker_commission,
        taker_commission=stated.taker_commission,
        max_leverage=stated.max_leverage,
        max_liquidation_commission=stated.max_liquidation_commission,
        active=stated.is_active,
    )

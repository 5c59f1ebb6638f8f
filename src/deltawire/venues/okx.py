"""OKX v5: spot, perpetual swaps, futures, options.

Facts: OKX API v5 guide; confirmed on a recording of 2022-05-13 (checksums, no sequence ids yet). Continuity:
`prevSeqId` equals the last `seqId`; after a gap, unsubscribe and subscribe that one channel. Until June 2026 each
message also carried a CRC32 over the best 25 levels; the field remains, always 0, which means absent. A message with
neither verifies nothing and is treated as a gap.
"""

import re
from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from typing import Any, Literal
from urllib.parse import parse_qs, urlsplit

import msgspec

from deltawire.book.book import Book, BookUpdate
from deltawire.book.checksums import OkxChecksum
from deltawire.book.columns import TextRows
from deltawire.book.fast_path import FastPath, Members, members
from deltawire.book.sequencers import PreviousIdChain
from deltawire.errors import MalformedError
from deltawire.model.events import Event, Greeks, Side, Ticker, VenueState
from deltawire.model.expiries import FOREVER_NS, parse_yymmdd
from deltawire.model.instruments import Instrument, Kind
from deltawire.model.limits import Limits, Rate
from deltawire.model.numbers import exponent_of
from deltawire.ports import Ask, Fetch, FrameIds, Output, Reconnect, Send, Stream, Wants
from deltawire.venues.channels import Rank
from deltawire.venues.connection import (
    BAD_FRAME,
    MS_NS,
    SECOND_NS,
    Id,
    VenueConnection,
    acknowledged,
    ms,
    optional_float,
    optional_ms,
    percent,
    portions,
    refused,
)
from deltawire.venues.tape import one_trade

REST = "https://www.okx.com/api/v5/public/"
PING_NS = 25 * SECOND_NS
ARGS_PER_FRAME = 100
CHANNELS = {
    "book": ("books",),
    "trades": ("trades",),
    "ticker": ("tickers", "mark-price", "funding-rate", "open-interest"),
}
CADENCES_S = {"books": 60.0, "mark-price": 10.0, "funding-rate": 90.0, "open-interest": 10.0}
"""A book that does not change is repeated without levels every 60 s; marks every 10 s, funding every 30 to 90 s."""
GIVES = {
    "tickers": "last_price",
    "mark-price": "mark_price",
    "funding-rate": "current_funding",
    "open-interest": "open_interest",
}
KEYS = {"opt-summary": "instFamily", "instruments": "instType"}
"""What the argument of a channel is called, if not `instId`."""
STATUS = Stream("status:", "status")
BOOK_CHANNELS = ("books-l2-tbt", "books", "books50-l2-tbt", "books5")
"""The finest first: 400 levels every 10 ms, every 100 ms, 50 levels every 10 ms, and images of 5 every 100 ms."""
LEVELS = {"books-l2-tbt": 400, "books": 400, "books50-l2-tbt": 50, "books5": 5}
"""How many levels a side each of them keeps up to date."""
WHOLE = "books5"
"""The one of these channels that sends only images."""
ACTIONS = ("snapshot", "update")
UNSEQUENCED = 0
"""Replaces an absent sequence id."""

InstType = Literal["SPOT", "SWAP", "FUTURES", "OPTION"]
LISTED: tuple[InstType, ...] = ("SPOT", "SWAP", "FUTURES")
PERPETUAL_RULES = ("xperp", "pre_market")
"""Types of futures whose rules are those of perpetuals."""
OPTION_FAMILIES = ("BTC-USD", "ETH-USD")
"""Families that have had options for years."""
LATEST_EXPIRY_MS = 4_102_444_800_000
"""An expiry in 2100 or later means none."""
PHASES: dict[str, VenueState] = {
    "scheduled": "scheduled",
    "ongoing": "down",
    "pre_open": "limited",
    "completed": "up",
    "canceled": "up",
}
"""What the state of a maintenance means for the market."""
MARKET_SERVICES = ("0", "5")
"""Types of services without which there is no market data: the WebSocket, and trading as a whole."""
PRODUCTION = "1"
ENDED = ("expired", "suspend")
"""States of an instrument that is not traded."""


class _Arg(msgspec.Struct):
    channel: str = ""
    instId: str = ""  # noqa: N815 (the venue's spelling)
    instFamily: str = ""  # noqa: N815
    instType: str = ""  # noqa: N815

    @property
    def stream(self) -> str:
        """The name of the stream."""
        return f"{self.channel}:{self.instId or self.instFamily or self.instType}"


class _Chain(msgspec.Struct, rename="camel"):
    seq_id: Id = UNSEQUENCED
    prev_seq_id: Id = UNSEQUENCED


class _Frame(msgspec.Struct):
    arg: _Arg | None = None
    action: str = ""
    data: msgspec.Raw = msgspec.Raw(b"[]")
    event: str = ""
    code: str = ""
    msg: str = ""


class _Book(msgspec.Struct, rename="camel"):
    bids: msgspec.Raw
    asks: msgspec.Raw
    ts: str
    checksum: int = 0
    seq_id: Id = UNSEQUENCED
    prev_seq_id: Id = UNSEQUENCED


class _Trade(msgspec.Struct, rename="camel"):
    inst_id: str
    trade_id: str
    px: str
    sz: str
    side: Side
    ts: str


class _Ticker(msgspec.Struct, rename="camel"):
    """The members of tickers, mark-price, funding-rate and open-interest; each channel has some of them."""

    inst_id: str
    ts: str = "0"
    last: str = ""
    bid_px: str = ""
    bid_sz: str = ""
    ask_px: str = ""
    ask_sz: str = ""
    mark_px: str = ""
    funding_rate: str = ""
    oi: str = ""


_SAID = {
    "last_price": "last",
    "best_bid_price": "bid_px",
    "best_bid_size": "bid_sz",
    "best_ask_price": "ask_px",
    "best_ask_size": "ask_sz",
    "mark_price": "mark_px",
    "current_funding": "funding_rate",
    "open_interest": "oi",
}
"""The source of each member of a ticker."""


class _Summary(msgspec.Struct, rename="camel"):
    """`opt-summary`: of the two sets of greeks, those of Black and Scholes, in dollars (the others are in coins)."""

    inst_id: str
    ts: str = "0"
    delta_bs: str = msgspec.field(default="", name="deltaBS")
    gamma_bs: str = msgspec.field(default="", name="gammaBS")
    vega_bs: str = msgspec.field(default="", name="vegaBS")
    theta_bs: str = msgspec.field(default="", name="thetaBS")
    mark_vol: str = ""
    bid_vol: str = ""
    ask_vol: str = ""
    fwd_px: str = ""


class _Instrument(msgspec.Struct, rename="camel"):
    inst_id: str
    inst_type: InstType
    tick_sz: str
    lot_sz: str
    min_sz: str = ""
    base_ccy: str = ""
    quote_ccy: str = ""
    settle_ccy: str = ""
    uly: str = ""
    inst_family: str = ""
    ct_val: str = ""
    ct_mult: str = ""
    ct_type: str = ""
    opt_type: str = ""
    stk: str = ""
    list_time: str = ""
    exp_time: str = ""
    rule_type: str = ""
    state: str = "live"


class _Maintenance(msgspec.Struct, rename="camel"):
    title: str
    state: str
    begin: str = ""
    end: str = ""
    service_type: str = ""
    env: str = PRODUCTION
    ts: str = ""


class _Instruments(msgspec.Struct):
    data: list[msgspec.Raw]


def _message(action: str) -> Members:
    """A book message, with or without sequence ids."""
    data = members(
        _Book,
        bids="$bids",
        asks="$asks",
        ts='"$venue_ms"',
        checksum="$checksum?",
        seqId="$last?",
        prevSeqId="$previous?",
    )
    arg = members(_Arg, channel='"$label"', instId='"$symbol"')
    return members(_Frame, arg=arg, action=f'"{action}"', data=[data])


class Okx(VenueConnection):
    """One connection to OKX's public endpoint."""

    name = "okx"
    silence_ns = 30 * SECOND_NS
    ping = Send("ping")
    ping_ns = PING_NS
    limits = Limits(
        endpoints={"": ("wss://ws.okx.com:8443/ws/v5/public", "wss://wsaws.okx.com:8443/ws/v5/public")},
        rest=("https://www.okx.com", "https://openapi.okx.com"),
        connects=Rate(3, 1.0),
        messages=Rate(480, 3600.0),
        books=30,
        arguments_bytes=64 * 1024,
        streams_per_request=ARGS_PER_FRAME,
        weight=Rate(20, 2.0),
        ping="message",
        ping_s=25.0,
        joins=True,
        status="channel `status`: maintenance of the WebSocket or of trading",
        cannot_show="a wrong price deep in a book: there are no checksums since 2026-06-23",
        source="OKX API guide v5: Connect, Subscribe, Rate limits; change log 2026-06-11, 2026-06-23",
    )
    fast_path = FastPath(
        form="text_rows",
        rule="previous_id",
        checksum="texts",
        updates=(_message("update"),),
        images=(_message("snapshot"),),
    )

    _frame = msgspec.json.Decoder(_Frame).decode
    _chains = msgspec.json.Decoder(list[_Chain]).decode
    _books = msgspec.json.Decoder(list[_Book]).decode
    _trades = msgspec.json.Decoder(list[_Trade]).decode
    _tickers = msgspec.json.Decoder(list[_Ticker]).decode
    _maintenances = msgspec.json.Decoder(list[_Maintenance]).decode
    _summaries = msgspec.json.Decoder(list[_Summary]).decode
    _instruments = msgspec.json.Decoder(_Instruments).decode
    _instrument_data = msgspec.json.Decoder(_Instrument).decode

    def __init__(self) -> None:
        super().__init__()
        self._channels = {
            **dict.fromkeys(BOOK_CHANNELS, self._on_books),
            "trades": self._on_trades,
            "trades-all": self._on_trades,
            "tickers": self._on_tickers,
            "mark-price": self._on_tickers,
            "funding-rate": self._on_tickers,
            "open-interest": self._on_tickers,
            "opt-summary": self._on_summaries,
            "instruments": self._on_instruments,
            "status": self._on_maintenances,
        }

    def tag(self, url: str) -> str | None:
        """The tag of a public/instruments address; one body per instrument type, and per family if one is named."""
        parts = urlsplit(url)
        if not parts.path.endswith("/public/instruments"):
            return None
        asked = {name: values[0] for name, values in parse_qs(parts.query).items()}
        chosen = [asked.get(name, "") for name in ("uly", "instFamily", "instId")]
        return ":".join(["instruments", asked.get("instType", ""), *filter(None, chosen)])

    def streams(self, wants: Wants) -> list[Stream]:
        streams = [
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
            if _is_told(channel, _kind(name.split("-")[2:]), name)
        ]
        families = _option_families(wants.instruments)
        if "ticker" in wants.topics:
            streams += [Stream(f"opt-summary:{family}", "ticker") for family in families]
        if not streams:
            return []
        kinds = (*LISTED, "OPTION") if families else LISTED
        return [*streams, *(Stream(f"instruments:{kind}", "list") for kind in kinds), STATUS]

    def lists(self, wants: Wants) -> list[Fetch]:
        return [
            *(Fetch(f"instruments:{kind}", f"{REST}instruments?instType={kind}") for kind in LISTED),
            *(
                Fetch(
                    f"instruments:OPTION:{family}", f"{REST}instruments?instType=OPTION&instFamily={family}"
                )
                for family in _option_families(wants.instruments)
            ),
        ]

    def subscribe(self, streams: Sequence[Stream]) -> list[Send]:
        return _operations("subscribe", streams)

    def unsubscribe(self, streams: Sequence[Stream]) -> list[Send]:
        return _operations("unsubscribe", streams)

    def identity(self, frame: bytes) -> FrameIds | None:
        """A keep-alive repeats the id that it follows."""
        message = self._frame(frame)
        if message.arg is None or message.arg.channel not in BOOK_CHANNELS or not message.action:
            return None
        chains = self._chains(message.data)
        if len(chains) != 1 or chains[0].seq_id == UNSEQUENCED:
            return None
        (chain,) = chains
        return FrameIds(message.arg.instId, chain.prev_seq_id, chain.seq_id, message.action == "snapshot")

    def _read(self, frame: bytes, now: int) -> list[Output]:
        if frame == b"pong":
            return []
        message = self._frame(frame)
        if message.event:
            return self._on_event(message, now)
        if message.arg is None:
            raise MalformedError("neither arg nor event")
        channel = message.arg.channel
        handle = self._channels.get(channel)
        return handle(message, message.arg.instId, now) if handle else self._not_read(channel)

    def _expect(self, symbol: str, label: str) -> tuple[Instrument, int] | None:
        return super()._expect(symbol, label) if label in BOOK_CHANNELS and label != WHOLE else None

    def _on_event(self, message: _Frame, now: int) -> list[Output]:
        if message.event == "error":
            return [*self._refusals(message), self._complaint(f"error {message.code} {message.msg}", now)]
        if message.event == "notice":
            why = f"notice {message.code} {message.msg}"
            return [self._status("notice", now, why), Reconnect(why, planned=True)]
        if message.event == "channel-conn-count-error":
            return [self._complaint(f"{message.event} {message.code} {message.msg}", now)]
        if message.event == "subscribe" and message.arg:
            return acknowledged([message.arg.stream])
        symbol, channel = (message.arg.instId, message.arg.channel) if message.arg else ("", "")
        book = self.books.get(symbol) if channel == self._book_channels.of(symbol) else None
        if message.event == "unsubscribe" and book is not None and book.state == "live":
            return [*book.fault("closed", now, "unsubscribed")]
        return []

    def _refusals(self, message: _Frame) -> list[Output]:
        """An error names the channel and the instrument in its text, or has the argument."""
        named = _REFUSED.search(message.msg)
        if message.arg:
            return refused([message.arg.stream], f"{message.code} {message.msg}")
        if named is None:
            return []
        channels = (
            [named["channel"]] if named["channel"] else [one for each in CHANNELS.values() for one in each]
        )
        return refused(
            [f"{channel}:{named['name']}" for channel in channels], f"{message.code} {message.msg}"
        )

    def _on_books(self, message: _Frame, symbol: str, now: int) -> list[Output]:
        channel = message.arg.channel if message.arg else ""
        try:
            if message.action not in ACTIONS and channel != WHOLE:
                raise MalformedError(f"action {message.action[:20]!r}")
            updates = [_to_update(data) for data in self._books(message.data)]
        except BAD_FRAME as error:
            return self._lost(symbol, channel, error, now)
        if not self._book_channels.choose(symbol, channel, opens=message.action != "update"):
            return self._beside(symbol, channel)
        self._parsed_books += 1
        outputs: list[Output] = []
        for update in updates:
            book = self._follow(symbol, channel)
            if channel == WHOLE:
                outputs += self._whole(book, update, now)
            elif message.action == "snapshot":
                outputs += self._image(symbol, update, now)
            else:
                outputs += self._on_update(book, update, now)
        return outputs

    def _levels_of(self, channel: str) -> int:
        return LEVELS.get(channel, 0)

    def _rank(self, channel: str) -> Rank:
        return (BOOK_CHANNELS.index(channel),)

    def _on_update(self, book: Book, update: BookUpdate, now: int) -> list[Output]:
        if update.last == UNSEQUENCED and update.checksum is None and book.state == "live":
            book.counts.gaps += 1
            return self._settled(book, book.fault("gap", now, "neither sequence id nor checksum"), now)
        return self._delta(book, update, now)

    def _on_trades(self, message: _Frame, symbol: str, now: int) -> list[Output]:
        return self._each(self._trades(message.data), self._on_trade, now)

    def _on_trade(self, data: _Trade, now: int) -> list[Event]:
        venue_ns = ms(data.ts)
        return self._trade(
            data.inst_id,
            (data.px, data.sz),
            data.trade_id,
            data.side,
            (venue_ns, now),
            trades=one_trade(data.trade_id, venue_ns),
        )

    def _on_tickers(self, message: _Frame, symbol: str, now: int) -> list[Output]:
        return self._each(self._tickers(message.data), self._on_ticker, now)

    def _on_ticker(self, data: _Ticker, now: int) -> list[Output]:
        stated: dict[str, Any] = {
            field: optional_float(getattr(data, member)) for field, member in _SAID.items()
        }
        if not any(value is not None for value in stated.values()):
            raise MalformedError(f"{data.inst_id[:40]}: a ticker that says nothing")
        return [
            Ticker(instrument=self._instrument(data.inst_id), venue_ns=ms(data.ts), seen_ns=now, **stated)
        ]

    def _on_summaries(self, message: _Frame, symbol: str, now: int) -> list[Output]:
        """The options of a whole family."""
        return self._each(self._summaries(message.data), self._on_summary, now)

    def _on_summary(self, data: _Summary, now: int) -> list[Output]:
        return [
            Ticker(
                instrument=self._instrument(data.inst_id),
                venue_ns=ms(data.ts),
                seen_ns=now,
                greeks=_greeks(data),
                mark_iv=percent(data.mark_vol) or None,
                bid_iv=percent(data.bid_vol) or None,
                ask_iv=percent(data.ask_vol) or None,
                underlying_price=optional_float(data.fwd_px) or None,
            )
        ]

    def _answer(self, tag: str, body: bytes, now: int) -> list[Output]:
        return self._whole_list(tag, self._instruments(body).data, self._on_instrument, now)

    def _on_instruments(self, message: _Frame, symbol: str, now: int) -> list[Output]:
        """The `instruments` channel: definitions that have changed."""
        return self._each(msgspec.json.decode(message.data, type=list[msgspec.Raw]), self._on_instrument, now)

    def _on_instrument(self, raw: msgspec.Raw, now: int) -> list[Output]:
        stated = self._instrument_data(raw)
        self._mention(stated.inst_id)
        if stated.state in ENDED:
            return self._end(stated.inst_id, stated.state, now)
        return self._learn(_to_instrument(stated), now) if stated.state == "live" and stated.tick_sz else []

    def _on_maintenances(self, message: _Frame, symbol: str, now: int) -> list[Output]:
        return self._each(self._maintenances(message.data), self._on_maintenance, now)

    def _on_maintenance(self, data: _Maintenance, now: int) -> list[Output]:
        """A maintenance of other services than the market's, and one that we do not know, restricts only orders."""
        if data.env != PRODUCTION:
            return []
        state = PHASES.get(data.state, "notice")
        if state == "down" and data.service_type not in MARKET_SERVICES:
            state = "limited"
        times = {
            "begin_ns": optional_ms(data.begin),
            "end_ns": optional_ms(data.end),
            "venue_ns": optional_ms(data.ts),
        }
        id_ = f"{data.title[:40]} {data.service_type[:4]}"
        return self._state_venue(self._status(state, now, data.title, id=id_, **times), now)

    def _make_book(self, instrument: Instrument) -> Book:
        reader = TextRows(instrument.price_exponent, instrument.size_exponent)
        return Book(instrument, reader, PreviousIdChain(), checksum=OkxChecksum())

    def _describe(self, symbol: str) -> Instrument:
        return describe(symbol)

    def _ask_image(self, book: Book) -> list[Ask]:
        name = book.instrument.name
        args = [{"channel": self._book_channels.of(name) or "books", "instId": name}]
        return [_operation("unsubscribe", args), _operation("subscribe", args)]


def _is_told(channel: str, kind: Kind, name: str) -> bool:
    """Whether a channel has anything of an instrument: funding only of swaps, marks and open interest of no pair."""
    if channel == "funding-rate":
        return name.endswith("-SWAP")
    return channel in ("books", "trades", "tickers") or kind != "spot"


def _option_families(names: tuple[str, ...]) -> list[str]:
    """What the lists and summaries of options are asked for by: `BTC-USD` of BTC-USD-241013-70000-P.

    Of patterns: `BTC-*` may be any of BTC's, `*` of all.
    """
    found: dict[str, None] = {}
    for name in names:
        coin, separator, _ = name.partition("-")
        parts = name.split("-")
        if _COINS.fullmatch(coin) is None:
            fitting = [family for family in OPTION_FAMILIES if fnmatchcase(family.partition("-")[0], coin)]
            found |= dict.fromkeys(fitting)
        elif "*" in name and separator:
            found[f"{coin}-USD"] = None
        elif _kind(parts[2:]) == "option":
            found["-".join(parts[:2])] = None
    return list(found)


def _greeks(data: _Summary) -> Greeks | None:
    delta, gamma, vega, theta = map(
        optional_float, (data.delta_bs, data.gamma_bs, data.vega_bs, data.theta_bs)
    )
    if delta is None or gamma is None or vega is None or theta is None:
        return None
    return Greeks(delta, gamma, vega, theta)


def _to_update(data: _Book) -> BookUpdate:
    return BookUpdate(
        bytes(data.bids),
        bytes(data.asks),
        last=data.seq_id,
        previous=data.prev_seq_id,
        checksum=data.checksum & 0xFFFFFFFF if data.checksum else None,
        venue_ns=ms(data.ts),
    )


_REFUSED = re.compile(r"(channel:\s?(?P<channel>[\w-]+),\s?)?inst(Id|Family):\s?(?P<name>[^\s,']+)", re.ASCII)


def _operations(op: str, streams: Iterable[Stream]) -> list[Send]:
    args = []
    for stream in streams:
        channel, _, subject = stream.name.partition(":")
        args.append({"channel": channel} | ({KEYS.get(channel, "instId"): subject} if subject else {}))
    return [_operation(op, [*some]) for some in portions(args, ARGS_PER_FRAME)]


def _operation(op: str, args: list[dict[str, str]]) -> Send:
    return Send(msgspec.json.encode({"op": op, "args": args}).decode())


_COINS = re.compile(r"[A-Z0-9]+(_[A-Z0-9]+)?", re.ASCII | re.IGNORECASE)
_DAY = re.compile(r"\d{6}", re.ASCII)
_STRIKE = re.compile(r"\d{1,12}(\.\d{1,12})?", re.ASCII)


def describe(symbol: str) -> Instrument:
    """The facts in OKX's names: BTC-USDT, BTC-USD-SWAP, BTC-USD-260925, BTC-USD-241013-70000-P.

    Names of another form say nothing.
    """
    base, _, rest = symbol.partition("-")
    quote, *parts = rest.split("-")
    kind = _kind(parts) if _COINS.fullmatch(base) and _COINS.fullmatch(quote) else ""
    inverse = kind not in ("", "spot") and quote == "USD"
    perpetual = parts == ["SWAP"]
    return Instrument(
        venue=Okx.name,
        name=symbol,
        kind=kind,
        base=base if kind else "",
        quote=quote if kind else "",
        settlement="" if not kind else base if inverse else quote,
        price_exponent=0,
        size_exponent=0,
        size_unit="base" if kind == "spot" else "contracts",
        contract_size=1.0 if kind == "spot" else 0.0,
        inverse=inverse,
        expiration_ns=FOREVER_NS if perpetual or kind == "spot" else parse_yymmdd(parts[0]) if kind else 0,
        strike=float(parts[1]) if kind == "option" and _STRIKE.fullmatch(parts[1]) else None,
        option_type=None if kind != "option" else "call" if parts[2] == "C" else "put",
        settlement_period="perpetual" if perpetual else "",
        index_name=f"{base}_{quote}".lower() if kind else "",
        stated=False,
    )


def _kind(parts: list[str]) -> Kind:
    """The kind that the parts of a name after its coins state."""
    match parts:
        case []:
            return "spot"
        case ["SWAP"]:
            return "future"
        case [day] if _DAY.fullmatch(day):
            return "future"
        case [day, _, "C" | "P"] if _DAY.fullmatch(day):
            return "option"
    return ""


KINDS: dict[InstType, Kind] = {"SPOT": "spot", "SWAP": "future", "FUTURES": "future", "OPTION": "option"}


def _to_instrument(stated: _Instrument) -> Instrument:
    guessed = describe(stated.inst_id)
    kind = KINDS[stated.inst_type]
    expiration_ns = _expiration(stated, guessed)
    perpetual = kind == "future" and expiration_ns == FOREVER_NS
    family = stated.inst_family or stated.uly
    return msgspec.structs.replace(
        guessed,
        kind=kind,
        base=stated.base_ccy or guessed.base or family.partition("-")[0],
        quote=stated.quote_ccy or guessed.quote or family.partition("-")[2],
        settlement=stated.settle_ccy or guessed.settlement,
        price_exponent=exponent_of(stated.tick_sz),
        size_exponent=exponent_of(stated.lot_sz),
        tick_size=stated.tick_sz,
        min_trade_size=stated.min_sz or stated.lot_sz,
        size_unit="base" if kind == "spot" else "contracts",
        contract_size=1.0 if kind == "spot" else _contract_size(stated),
        inverse=stated.ct_type == "inverse" or (kind == "option" and guessed.inverse),
        expiration_ns=expiration_ns,
        creation_ns=ms(stated.list_time) if stated.list_time else 0,
        strike=optional_float(stated.stk) if stated.stk else guessed.strike,
        option_type=_OPTION_TYPES.get(stated.opt_type, guessed.option_type),
        settlement_period="perpetual" if perpetual else "",
        index_name=guessed.index_name or stated.uly.replace("-", "_").lower(),
        stated=True,
    )


_OPTION_TYPES: dict[str, Literal["call", "put"]] = {"C": "call", "P": "put"}


def _expiration(stated: _Instrument, guessed: Instrument) -> int:
    """Swaps never expire (their `expTime` is a delisting), nor do futures with the rules of perpetuals."""
    if stated.inst_type in ("SPOT", "SWAP") or stated.rule_type in PERPETUAL_RULES:
        return FOREVER_NS
    if not stated.exp_time:
        return guessed.expiration_ns
    expiration_ns = ms(stated.exp_time)
    return FOREVER_NS if expiration_ns >= LATEST_EXPIRY_MS * MS_NS else expiration_ns


def _contract_size(stated: _Instrument) -> float:
    """Value times multiplier; 0.0 (unknown) if the value is not stated."""
    return (optional_float(stated.ct_val) or 0.0) * (optional_float(stated.ct_mult) or 1.0)

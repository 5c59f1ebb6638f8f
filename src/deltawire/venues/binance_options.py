"""Binance options: European, settled in USDT. See `deltawire.venues.binance_usdm`.

Facts: developers.binance.com (options: WebSocket market streams, of the form in force since December 2025), as kept in
codetodamoon/binance_deribit_derive_docs of 2026-03-26. Books are those of USD-M. Trades, marks and open interest are
streams of an underlying: one subscription tells them of all its options.

The image by REST comes from a cache that may be 25 to 30 s behind the stream (measured 2026-04-19, unicorn-binance-
local-depth-cache PR 98), so updates are kept while it is fetched again, no more often than every 5 s. A quiet option
may have no update for hours: then the image alone is its book.
"""

import re
from collections.abc import Mapping
from typing import ClassVar

import msgspec
from msgspec.structs import replace

from deltawire.errors import MalformedError
from deltawire.model.events import Greeks, Ticker
from deltawire.model.expiries import parse_yymmdd
from deltawire.model.instruments import Instrument
from deltawire.model.limits import Cost, Rate
from deltawire.model.numbers import exponent_of
from deltawire.ports import Output, Stream, Wants
from deltawire.venues.binance import STREAM_LIMITS, _Filter
from deltawire.venues.binance_usdm import BinanceUsdm
from deltawire.venues.connection import SECOND_NS, Ms, optional_float, percent, to_ns

QUOTE = "USDT"
COSTS = (Cost("/depth", 20, ((50, 1), (100, 5), (500, 10), (1000, 20))), Cost("/exchangeInfo", 1))
NO_VOLATILITY = "-1.0"
"""In place of a volatility that does not exist."""
TRADED = ("TRADING", "")
_NAME = re.compile(r"([A-Z0-9]{1,20})-(\d{6})-(\d{1,12}(?:\.\d{1,12})?)-([CP])", re.ASCII)


class _Option(msgspec.Struct):
    """An entry of `optionSymbols`."""

    symbol: str
    filters: list[_Filter]
    quoteAsset: str = QUOTE  # noqa: N815 (the venue's spelling)
    unit: float = 1.0
    expiryDate: Ms = 0  # noqa: N815
    status: str = ""


class _Options(msgspec.Struct):
    optionSymbols: list[msgspec.Raw]  # noqa: N815


class _OptionMark(msgspec.Struct):
    """`mp` mark, `i` index, `vo`, `b`, `a` volatilities of mark, bid and ask, `hl`, `ll` limits of prices."""

    s: str
    E: Ms
    mp: str = ""
    i: str = ""
    vo: str = ""
    b: str = ""
    a: str = ""
    rf: str = ""
    hl: str = ""
    ll: str = ""
    P: str = ""
    d: str = ""
    g: str = ""
    v: str = ""
    t: str = ""


class _OpenInterest(msgspec.Struct):
    s: str
    E: Ms
    o: str


class BinanceOptions(BinanceUsdm):
    """One connection to fstream.binance.com, for options."""

    name = "binance_options"
    rest = "https://eapi.binance.com/eapi/v1/"
    depth_stream = "depth@100ms"
    trade_stream = "optionTrade"
    paths: ClassVar[Mapping[str, str]] = {"optionMarkPrice": "market", "optionOpenInterest": "market"}
    retry_ns = 5 * SECOND_NS
    limits = replace(
        STREAM_LIMITS,
        endpoints={
            "public": ("wss://fstream.binance.com/public/stream",),
            "market": ("wss://fstream.binance.com/market/stream",),
        },
        rest=("https://eapi.binance.com",),
        messages=Rate(10, 1.0),
        streams=200,
        weight=Rate(2400, 60.0),
        costs=COSTS,
        source="developers.binance.com, options: WebSocket market streams; exchangeInfo",
    )

    _options = msgspec.json.Decoder(_Options).decode
    _option = msgspec.json.Decoder(_Option).decode
    _option_marks = msgspec.json.Decoder(list[_OptionMark]).decode
    _open_interests = msgspec.json.Decoder(list[_OpenInterest]).decode

    def __init__(self) -> None:
        super().__init__()
        self._streams |= {
            "optionTrade": self._on_trade,
            "optionMarkPrice": self._on_option_marks,
            "optionOpenInterest": self._on_open_interests,
        }

    def streams(self, wants: Wants) -> list[Stream]:
        """Books and best prices by symbol; of each underlying its trades and marks, and open interest by expiry."""
        names = wants.instruments
        found: list[Stream] = []
        if "book" in wants.topics:
            found += [
                Stream(f"{name.lower()}@{self.depth_stream}", "book", name, self.path) for name in names
            ]
        if "ticker" in wants.topics:
            found += [
                Stream(f"{name.lower()}@bookTicker", "ticker", name, self.path, gives="best_bid_price")
                for name in names
            ]
            found += [
                Stream(f"{under}@optionMarkPrice", "ticker", path="market") for under in _underlyings(names)
            ]
            found += [
                Stream(f"{under}@optionOpenInterest@{day}", "ticker", path="market")
                for under, day in _expiries(names)
            ]
        if "trades" in wants.topics:
            found += [
                Stream(f"{under}@{self.trade_stream}", "trades", "", self.path)
                for under in _underlyings(names)
            ]
        return found

    def _answer(self, tag: str, body: bytes, now: int) -> list[Output]:
        if tag.startswith("book:"):
            return super()._answer(tag, body, now)
        return self._whole_list(tag, self._options(body).optionSymbols, self._on_option, now)

    def _on_option(self, raw: msgspec.Raw, now: int) -> list[Output]:
        stated = self._option(raw)
        self._mention(stated.symbol)
        if stated.status not in TRADED:
            return self._end(stated.symbol, stated.status.lower(), now)
        return self._learn(self._stated_option(stated), now)

    def _stated_option(self, stated: _Option) -> Instrument:
        filters = {each.filterType: each for each in stated.filters}
        try:
            price, lot = filters["PRICE_FILTER"], filters["LOT_SIZE"]
        except KeyError as error:
            raise MalformedError(f"{stated.symbol} has no {error.args[0]}") from error
        named = self._describe(stated.symbol)
        return msgspec.structs.replace(
            named,
            quote=stated.quoteAsset,
            settlement=stated.quoteAsset,
            price_exponent=exponent_of(price.tickSize),
            size_exponent=exponent_of(lot.stepSize),
            tick_size=price.tickSize,
            min_trade_size=lot.minQty,
            contract_size=stated.unit,
            expiration_ns=to_ns(stated.expiryDate) or named.expiration_ns,
            stated=True,
        )

    def _describe(self, symbol: str) -> Instrument:
        """BTC-251123-126000-C; names of another form say nothing."""
        match = _NAME.fullmatch(symbol)
        base, day, strike, kind = match.groups() if match else ("", "", "", "")
        return Instrument(
            venue=self.name,
            name=symbol,
            kind="option" if match else "",
            base=base,
            quote=QUOTE if match else "",
            settlement=QUOTE if match else "",
            price_exponent=0,
            size_exponent=0,
            size_unit="contracts",
            expiration_ns=parse_yymmdd(day),
            strike=float(strike) if match else None,
            option_type=None if match is None else "call" if kind == "C" else "put",
            index_name=f"{base}_{QUOTE}".lower() if match else "",
            stated=False,
        )

    def _on_option_marks(self, raw: msgspec.Raw, now: int) -> list[Output]:
        return self._each(self._option_marks(raw), self._on_option_mark, now)

    def _on_option_mark(self, data: _OptionMark, now: int) -> list[Output]:
        return [
            Ticker(
                instrument=self._instrument(data.s),
                venue_ns=to_ns(data.E),
                seen_ns=now,
                mark_price=optional_float(data.mp),
                index_price=optional_float(data.i),
                mark_iv=_volatility(data.vo),
                bid_iv=_volatility(data.b),
                ask_iv=_volatility(data.a),
                interest_rate=optional_float(data.rf),
                max_price=optional_float(data.hl),
                min_price=optional_float(data.ll),
                greeks=_greeks(data),
            )
        ]

    def _on_open_interests(self, raw: msgspec.Raw, now: int) -> list[Output]:
        return self._each(self._open_interests(raw), self._on_open_interest, now)

    def _on_open_interest(self, data: _OpenInterest, now: int) -> list[Output]:
        return [
            Ticker(
                instrument=self._instrument(data.s),
                venue_ns=to_ns(data.E),
                seen_ns=now,
                open_interest=optional_float(data.o),
            )
        ]


def _underlyings(names: tuple[str, ...]) -> list[str]:
    """`btcusdt` of BTC-251123-126000-C, each once."""
    return list(dict.fromkeys(f"{name.partition('-')[0]}{QUOTE}".lower() for name in names))


def _expiries(names: tuple[str, ...]) -> list[tuple[str, str]]:
    """Underlying and day of each name that has both, each pair once."""
    matches = [_NAME.fullmatch(name) for name in names]
    return list(dict.fromkeys((f"{match[1]}{QUOTE}".lower(), match[2]) for match in matches if match))


def _volatility(text: str) -> float | None:
    """A volatility in percent; None if the venue states that there is none."""
    return None if text in (NO_VOLATILITY, "") else percent(text)


def _greeks(data: _OptionMark) -> Greeks | None:
    delta, gamma, vega, theta = map(optional_float, (data.d, data.g, data.v, data.t))
    if delta is None or gamma is None or vega is None or theta is None:
        return None
    return Greeks(delta, gamma, vega, theta)

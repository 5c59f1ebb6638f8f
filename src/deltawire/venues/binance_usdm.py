"""Binance USD-M futures. See `deltawire.venues.binance`; continuity is the `pu` chain."""

from collections.abc import Mapping
from typing import ClassVar, Literal

import msgspec
from msgspec.structs import replace

from deltawire.book.fast_path import FastPath
from deltawire.book.sequencers import BridgedChain
from deltawire.model.events import Liquidation, Side, Ticker
from deltawire.model.expiries import FOREVER_NS, parse_yymmdd
from deltawire.model.instruments import Instrument
from deltawire.ports import Output
from deltawire.venues.binance import (
    FUTURES_LIMITS,
    BinanceConnection,
    _Symbol,
    diff_frames,
)
from deltawire.venues.connection import Ms, optional_float, to_ns

NEVER_MS = 4_133_404_800_000
"""The delivery date of contracts that are never delivered: 25 December 2100."""


class _Mark(msgspec.Struct):
    s: str
    E: Ms
    p: str
    i: str = ""
    r: str = ""


class _Order(msgspec.Struct):
    s: str
    S: Literal["BUY", "SELL"]
    q: str
    p: str
    T: Ms


class _Force(msgspec.Struct):
    o: _Order


class BinanceUsdm(BinanceConnection):
    """One connection to fstream.binance.com."""

    name = "binance_usdm"
    trade_stream = "aggTrade"
    paths: ClassVar[Mapping[str, str]] = {"aggTrade": "market", "markPrice": "market", "forceOrder": "market"}
    path = "public"
    partial_as_update = True
    limits = replace(
        FUTURES_LIMITS,
        endpoints={
            "public": ("wss://fstream.binance.com/public/stream",),
            "market": ("wss://fstream.binance.com/market/stream",),
        },
        rest=("https://fapi.binance.com",),
        source="developers.binance.com, USD-M futures: WebSocket, change notice of 2026-03-06; general info",
    )
    rest = "https://fapi.binance.com/fapi/v1/"
    sequencer = BridgedChain
    depth_stream = "depth@0ms"
    fast_path = FastPath(
        form="text_pairs",
        rule="bridged",
        updates=diff_frames(bare=False, E="$any_ms", T="$venue_ms", pu="$previous"),
    )

    _mark = msgspec.json.Decoder(_Mark).decode
    _force = msgspec.json.Decoder(_Force).decode

    def __init__(self) -> None:
        super().__init__()
        self._streams |= {"markPrice": self._on_mark, "forceOrder": self._on_force}

    def _more_streams(self) -> tuple[str, ...]:
        return ("markPrice@1s", "forceOrder")

    def _describe(self, symbol: str) -> Instrument:
        """BTCUSDT never expires, BTCUSDT_260925 does; any other text after an underscore says nothing."""
        _, dated, day = symbol.partition("_")
        return msgspec.structs.replace(
            super()._describe(symbol),
            kind="future",
            expiration_ns=parse_yymmdd(day) if dated else FOREVER_NS,
            settlement_period="" if dated else "perpetual",
        )

    def _to_instrument(self, stated: _Symbol) -> Instrument:
        instrument = super()._to_instrument(stated)
        expiration_ns = _expiration(stated, instrument)
        return msgspec.structs.replace(
            instrument,
            expiration_ns=expiration_ns,
            settlement_period="perpetual" if expiration_ns == FOREVER_NS else "",
        )

    def _on_mark(self, raw: msgspec.Raw, now: int) -> list[Output]:
        data = self._mark(raw)
        return [
            Ticker(
                instrument=self._instrument(data.s),
                venue_ns=to_ns(data.E),
                seen_ns=now,
                mark_price=optional_float(data.p),
                index_price=optional_float(data.i),
                current_funding=optional_float(data.r),
            )
        ]

    def _on_force(self, raw: msgspec.Raw, now: int) -> list[Output]:
        order = self._force(raw).o
        side: Side = "sell" if order.S == "SELL" else "buy"
        listed, instrument, ticks, lots = self._measure(order.s, (order.p, order.q), now)
        return [*listed, Liquidation(instrument, ticks, lots, side, to_ns(order.T), now)]


def _expiration(stated: _Symbol, named: Instrument) -> int:
    """PERPETUAL, TRADIFI_PERPETUAL and similar contract types never expire."""
    if "PERPETUAL" in stated.contractType or stated.deliveryDate >= NEVER_MS:
        return FOREVER_NS
    return to_ns(stated.deliveryDate) or named.expiration_ns

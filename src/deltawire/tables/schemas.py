"""The columns of each table, named as Databento names them (databento-dbn 0.72) where it has such a column.

What differs, and why:

* `venue` and `symbol` (the venue's own name) stand in place of `publisher_id` and `instrument_id`.
* Prices are ticks and sizes are lots, integers of 64 bits, to be read with the exponents of the row's instrument. A
  size there is 32 bits wide, which crypto sizes do not fit.
* There is no `ts_in_delta`, and no order count (`bid_ct_00`): venues state neither.
* `book`, `ticker` and the members of `status` are of our own.
"""

from typing import Literal

import msgspec

Kind = Literal["time", "price", "size", "float", "int", "flags", "text"]
"""Of a column: `time` is nanoseconds since 1970 (0: unknown), `price` is ticks and `size` lots."""
SchemaName = Literal[
    "trades",
    "tbbo",
    "mbp-1",
    "mbp-10",
    "bbo-1s",
    "bbo-1m",
    "ohlcv-1s",
    "ohlcv-1m",
    "ohlcv-1h",
    "ohlcv-1d",
    "book",
    "ticker",
    "status",
    "definition",
]

F_LAST, F_TOB, F_SNAPSHOT, F_MBP, F_BAD_TS_RECV, F_MAYBE_BAD_BOOK = 128, 64, 32, 16, 8, 4
"""Of `flags`: the last row of an event; only best levels; a row of an image; levels, not orders; the time of receiving
is unknown; the book is stale, or not known so far from its best prices."""
DEPTH = 10
"""Levels a side of `mbp-10`."""


class Column(msgspec.Struct, frozen=True):
    """A column; each of its values may be None, which says unknown."""

    name: str
    kind: Kind


class Schema(msgspec.Struct, frozen=True):
    """A table's columns in order. `levels` is how many of each side it has."""

    name: str
    columns: tuple[Column, ...]
    levels: int = 0

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the columns."""
        return tuple(column.name for column in self.columns)


def _columns(**kinds: Kind) -> tuple[Column, ...]:
    return tuple(Column(name, kind) for name, kind in kinds.items())


def _levels(depth: int) -> tuple[Column, ...]:
    names: list[tuple[str, Kind]] = [("px", "price"), ("sz", "size")]
    return tuple(
        Column(f"{side}_{name}_{level:02}", kind)
        for level in range(depth)
        for name, kind in names
        for side in ("bid", "ask")
    )


_WHERE = _columns(ts_event="time", ts_recv="time", venue="text", symbol="text")
_WHAT = _columns(action="text", side="text", depth="int", price="price", size="size", flags="flags")
_SEQUENCE = _columns(sequence="int")
_TRADE = _WHERE + _WHAT + _SEQUENCE
_BBO = _WHERE + _columns(side="text", price="price", size="size", flags="flags") + _SEQUENCE
_OHLCV = _columns(
    ts_event="time",
    venue="text",
    symbol="text",
    open="price",
    high="price",
    low="price",
    close="price",
    volume="size",
)
TICKER_NUMBERS = (
    "best_bid_price",
    "best_bid_size",
    "best_ask_price",
    "best_ask_size",
    "last_price",
    "mark_price",
    "index_price",
    "settlement_price",
    "open_interest",
    "current_funding",
    "funding_8h",
    "underlying_price",
    "mark_iv",
    "bid_iv",
    "ask_iv",
)
"""The members of `Ticker` that are columns."""
GREEKS = "delta", "gamma", "vega", "theta", "rho"
_DEFINITION = _columns(
    ts_recv="time",
    venue="text",
    raw_symbol="text",
    instrument_class="text",
    currency="text",
    underlying="text",
    settl_currency="text",
    strike_price="float",
    activation="time",
    expiration="time",
    min_price_increment="price",
    min_trade_size="float",
    contract_multiplier="float",
    size_unit="text",
    inverse="int",
    active="int",
    price_exponent="int",
    size_exponent="int",
)

SCHEMAS: dict[str, Schema] = {
    schema.name: schema
    for schema in (
        Schema("trades", _TRADE + _columns(trade_id="text", liquidation="text")),
        Schema("tbbo", _TRADE + _levels(1), 1),
        Schema("mbp-1", _TRADE + _levels(1), 1),
        Schema("mbp-10", _TRADE + _levels(DEPTH), DEPTH),
        *(Schema(f"bbo-{interval}", _BBO + _levels(1), 1) for interval in ("1s", "1m")),
        *(Schema(f"ohlcv-{interval}", _OHLCV) for interval in ("1s", "1m", "1h", "1d")),
        Schema(
            "book",
            _WHERE
            + _columns(action="text", side="text", price="price", size="size", flags="flags")
            + _SEQUENCE,
        ),
        Schema(
            "ticker",
            _WHERE + tuple(Column(name, "float") for name in (*TICKER_NUMBERS, *GREEKS)),
        ),
        Schema("status", _WHERE + _columns(state="text", reason="text", detail="text")),
        Schema("definition", _DEFINITION),
    )
}
"""Every schema, by its name."""
INTERVALS_NS = {"1s": 10**9, "1m": 60 * 10**9, "1h": 3_600 * 10**9, "1d": 86_400 * 10**9}

"""Market events: facts, in the past tense, each about one instrument (or one index, or one connection).

Every event has `seen_ns`, the receiver's clock when the frame arrived, and where the venue stamps its frames
`venue_ns`; both nanoseconds since 1970, 0 when unknown. Levels travel as columns of integers: `prices` in
ticks, `sizes` in lots, one entry per level.
"""

from typing import Literal

import msgspec

from deltawire.model.instruments import Instrument

Side = Literal["buy", "sell"]
BookState = Literal["syncing", "live", "stale"]
StaleReason = Literal["", "gap", "checksum", "crossed", "mismatch", "malformed", "silent", "lost", "closed"]


class Levels(msgspec.Struct, frozen=True, gc=False):
    """One side of a book, best price first; the two columns are equally long."""

    prices: list[int]
    sizes: list[int]


class Changes(msgspec.Struct, frozen=True, gc=False):
    """The changes of one side, level by level: the new size (0: removed) and the size before (0: new)."""

    prices: list[int]
    sizes: list[int]
    previous: list[int]

    def __bool__(self) -> bool:
        return bool(self.prices)


class BookImage(msgspec.Struct, frozen=True, gc=False):
    """A complete verified book; the first event of a book, and never a later one within an epoch."""

    instrument: Instrument
    sequence: int
    bids: Levels
    asks: Levels
    venue_ns: int
    seen_ns: int
    venue_sequence: int


class BookDelta(msgspec.Struct, frozen=True, gc=False):
    """The changes from the book at `sequence` - 1 to the book at `sequence`, verified before publication.

    `venue_sequence` is the venue's own id of the resulting book, 0 if it has none.
    """

    instrument: Instrument
    sequence: int
    bids: Changes
    asks: Changes
    venue_ns: int
    seen_ns: int
    venue_sequence: int


class Status(msgspec.Struct, frozen=True, gc=False):
    """The state of a book has changed. Its prices are valid only while it is `live`.

    `detail` says more about the reason; for `closed`: `expired`, `delisted`, `source ended`, the venue's own word.
    """

    instrument: Instrument
    state: BookState
    reason: StaleReason
    seen_ns: int
    detail: str = ""


class Trade(msgspec.Struct, frozen=True, gc=False):
    """One execution; `side` is the aggressor's."""

    instrument: Instrument
    trade_id: str
    price_ticks: int
    size_lots: int
    side: Side
    venue_ns: int
    seen_ns: int
    sequence: int = 0
    mark_price: float | None = None
    index_price: float | None = None
    iv: float | None = None
    liquidation: str = ""


class Greeks(msgspec.Struct, frozen=True, gc=False):
    """An option's greeks as stated by the venue (Deribit: vega per IV point, theta per day)."""

    delta: float
    gamma: float
    vega: float
    theta: float
    rho: float | None = None


class Stats(msgspec.Struct, frozen=True, gc=False):
    """The last 24 hours: prices, price change in percent, volume in base coin, in USD and in what prices are in."""

    high: float | None = None
    low: float | None = None
    volume: float | None = None
    volume_usd: float | None = None
    price_change: float | None = None
    volume_notional: float | None = None


class Ticker(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """A venue's data of an instrument other than its book; None: not in this message.

    Prices are in the instrument's quote unit, IVs in percent (120.7 is 120.7 %), funding as a fraction,
    `best_*_price` is 0.0 if the venue states that there is none.
    """

    instrument: Instrument
    venue_ns: int
    seen_ns: int
    best_bid_price: float | None = None
    best_bid_size: float | None = None
    best_ask_price: float | None = None
    best_ask_size: float | None = None
    last_price: float | None = None
    mark_price: float | None = None
    index_price: float | None = None
    settlement_price: float | None = None
    estimated_delivery_price: float | None = None
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


class Constituent(msgspec.Struct, frozen=True, gc=False):
    """One source of an index: its price as seen, and as it counts. `price` 0.0 and disabled: it has none."""

    identifier: str
    original_price: float
    price: float
    weight: float
    enabled: bool


class Index(msgspec.Struct, frozen=True, gc=False):
    """An index price, under the venue's name of the index (`btc_usd`)."""

    venue: str
    name: str
    price: float
    venue_ns: int
    seen_ns: int
    constituents: tuple[Constituent, ...] = ()
    """What it is made of, where the venue says so."""


class VolatilityIndex(msgspec.Struct, frozen=True, gc=False):
    """The volatility that options expect of an index over the next 30 days, in percent a year."""

    venue: str
    name: str
    """Of the index (`btc_usd`)."""
    value: float
    venue_ns: int
    seen_ns: int


class Candle(msgspec.Struct, frozen=True, gc=False):
    """Trades of one minute or more; `volume` in base coin, `cost` in quote, `open_ns` is the start.

    `volume` and `cost` are None if the trades are in contracts of unknown size.
    """

    instrument: Instrument
    open_ns: int
    minutes: int
    open: float
    high: float
    low: float
    close: float
    volume: float | None
    cost: float | None


class Liquidation(msgspec.Struct, frozen=True, gc=False):
    """An order that a venue sent to close an account's position."""

    instrument: Instrument
    price_ticks: int
    size_lots: int
    side: Side
    venue_ns: int
    seen_ns: int


class Listing(msgspec.Struct, frozen=True, gc=False):
    """An instrument became known, or its definition changed."""

    instrument: Instrument
    seen_ns: int


class FundedHour(msgspec.Struct):
    """An hour, or the part of it that was seen: its interest, a fraction, and the index at its end."""

    ends_ns: int
    from_ns: int
    until_ns: int
    interest: float = 0.0
    index_price: float | None = None
    rate: float = 0.0
    """Per eight hours, as last stated in it."""


Bars = dict[int, list[tuple[int, float, float, float, float]]]
"""Bars by their length in seconds: start (seconds since 1970), first, highest, lowest and last value."""


class Past(msgspec.Struct, frozen=True, gc=False):
    """What a source knows of an instrument from before it began; comes before any trade and ticker of it.

    `funded` are the hours of a perpetual's funding, `marks` bars of its mark price, by their length in seconds.
    """

    instrument: Instrument
    seen_ns: int
    trades: tuple[Trade, ...] = ()
    candles: tuple[Candle, ...] = ()
    funded: tuple[FundedHour, ...] = ()
    marks: Bars = {}


class VenuePast(msgspec.Struct, frozen=True, gc=False):
    """What a source knows from before it began that is no instrument's: bars of indices and of their volatility.

    `volumes`: by currency, hour by hour, volumes of futures, calls, puts and spot.
    """

    venue: str
    seen_ns: int
    indices: dict[str, Bars] = {}
    volatility: dict[str, Bars] = {}
    volumes: dict[str, list[tuple[int, tuple[float, float, float, float]]]] = {}


class Fault(msgspec.Struct, frozen=True, gc=False):
    """Something sent by a venue could not be used; `instrument` names the book that became stale, if any."""

    venue: str
    seen_ns: int
    reason: str
    instrument: str = ""


Event = (
    BookImage
    | BookDelta
    | Status
    | Trade
    | Ticker
    | Index
    | VolatilityIndex
    | Candle
    | Liquidation
    | Listing
    | Past
    | VenuePast
    | Fault
)

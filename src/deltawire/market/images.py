"""The whole state of a market between two events, as values: who starts from it is where it was.

Made by `Market.freeze`, taken over by `Market.thaw`.
"""

import msgspec

from deltawire.market.standing import StandingImage
from deltawire.model.events import (
    Audit,
    BookDelta,
    BookImage,
    BookState,
    Candle,
    FundedHour,
    Index,
    Levels,
    StaleReason,
    Status,
    Ticker,
    Trade,
    VolatilityIndex,
)
from deltawire.model.instruments import Instrument
from deltawire.model.known_range import KnownRange

Bars = tuple[
    dict[int, list[tuple[int, float, float, float, float]]], tuple[int, int, float, float, float, float]
]
"""A history of values: its bars, and the newest second."""
Counted = tuple[int, int, int]
MarkImage = tuple[int, int, int]
LogEntry = tuple[int, int, int, BookImage | BookDelta | Status]


class TapeEntry(msgspec.Struct, frozen=True):
    """A trade on the tape; `direction` is 0 up, 1 level after up, 2 down, 3 level after down.

    `number` is the venue's own where it numbers trades without holes, else counted here from 1. `position` counts the
    instrument's trades, `place` those of all instruments; `at_ns` is the venue's time when it came, `market_ns` the
    newest time of all venues.
    """

    trade: Trade
    direction: int
    number: int
    position: int
    place: int
    at_ns: int
    market_ns: int


class CandlesImage(msgspec.Struct, frozen=True):
    """A series of candles."""

    count: int
    buckets: list[Candle]
    counts: list[int]


class FundingImage(msgspec.Struct, frozen=True):
    """A series of funding."""

    hours: list[FundedHour]
    last_ns: int
    rate: float


class HealthImage(msgspec.Struct, frozen=True):
    """What has happened to a book."""

    outages: dict[str, int]
    resyncs: int
    unbroken_ns: int
    audits: int
    audited: int
    unequal: int
    last_audit: Audit | None


class BookStateImage(msgspec.Struct, frozen=True):
    """A book with its log."""

    bids: Levels
    asks: Levels
    known_range: KnownRange
    sequence: int
    book_ns: int
    number: int
    published: int
    refined: int
    ranged: int
    log: list[LogEntry]
    status: BookState | None
    reason: StaleReason
    detail: str
    status_ns: int
    statuses: int


class InstrumentImage(msgspec.Struct, frozen=True):
    """One instrument; `whole` is its book with the levels beyond the known range."""

    instrument: Instrument
    name: str
    number: int
    index: str
    events: int
    quote_mark: MarkImage
    ticker_mark: MarkImage
    funding_mark: MarkImage
    published_active: bool | None
    active_change: int
    ticker: Ticker
    ticker_ns: int
    ticker_at_ns: int
    tape: list[TapeEntry]
    candles: CandlesImage
    funding: FundingImage
    marks: Bars
    health: HealthImage
    book: BookStateImage
    whole: BookStateImage | None
    whole_marks: tuple[MarkImage, MarkImage]


class IndexImage(msgspec.Struct, frozen=True):
    """One index."""

    newest: Index | None
    changed: Index | None
    stated: bool
    minutes: list[tuple[int, float, float, float]]
    last: float
    prices: Counted
    estimates: Counted
    option_tickers: Counted
    volatility: VolatilityIndex | None
    volatilities: Counted
    ranked: Index | None
    rankings: Counted


class MarketImage(msgspec.Struct, frozen=True):
    """A market. `order` names the log of each event that the logs hold, oldest first: twice the place of its
    instrument, and one more for the whole book."""

    home: str
    now_ns: dict[str, int]
    trades: int
    numbered: int
    moment: int
    active: int
    active_changes: list[tuple[int, str, bool, int]]
    instruments: list[InstrumentImage]
    indices: dict[str, IndexImage]
    index_past: dict[str, Bars]
    volatility_past: dict[str, Bars]
    volumes: dict[str, list[tuple[int, tuple[float, float, float, float]]]]
    standings: dict[str, StandingImage]
    lock_changes: list[tuple[int, str, bool]]
    order: list[int]

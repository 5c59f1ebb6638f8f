"""Types of the data of public channels, for the document and for validation; see also `notifications`.

Prices are in the quote unit, amounts in the venue's size unit, times in milliseconds, IVs in percent unless stated.
"""

from typing import Literal

import msgspec

from deltawire.model.instruments import Instrument

Number = float | None
"""None if unknown."""


class Stats(msgspec.Struct, omit_defaults=True):
    """The last 24 hours: prices null without a trade; volumes in base coin, in USD, in what prices are in."""

    high: Number
    low: Number
    volume: Number
    price_change: Number
    volume_usd: Number = None
    volume_notional: Number = None


class Greeks(msgspec.Struct):
    """An option's greeks, as the venue computes them."""

    delta: Number = None
    gamma: Number = None
    vega: Number = None
    theta: Number = None
    rho: Number = None


class Status(msgspec.Struct, omit_defaults=True):
    """The state of a book, its reason, and since when; `detail` says more about the reason."""

    instrument_name: str
    state: Literal["syncing", "live", "stale"]
    reason: str
    since: int
    age: int
    detail: str = ""


class LastAudit(msgspec.Struct):
    """The newest comparison of a book with an image of its venue at the same id (`change_id` is the venue's)."""

    timestamp: int
    change_id: int
    compared: int
    equal_share: float
    missing: int
    extra: int
    different: int


class Health(msgspec.Struct, omit_defaults=True):
    """The state of a book and what has happened to it since the source began.

    `unbroken_since` is since when it has been live without a break, null while it is not. `coverage_bp` is how far the
    bids and the asks are known from the middle, in basis points: null to the end of the side, below 0 where the market
    has left what is known. `complete_to` are the prices. `audited` levels were compared by all audits.
    """

    instrument_name: str
    timestamp: int
    state: Literal["syncing", "live", "stale"]
    reason: str
    since: int
    age: int
    unbroken_since: int | None
    gaps: int
    outages: dict[str, int]
    resyncs: int
    audits: int
    audited: int
    unequal: int
    complete_to: tuple[Number, Number]
    coverage_bp: tuple[Number, Number] | None
    last_audit: LastAudit | None = None


class Ticker(msgspec.Struct, omit_defaults=True):
    """All data of an instrument except its depth. Funding for perpetuals; IVs, greeks and underlying for options."""

    timestamp: int
    instrument_name: str
    state: str
    best_bid_price: float
    best_bid_amount: float
    best_ask_price: float
    best_ask_amount: float
    last_price: Number
    stats: Stats
    min_price: Number
    max_price: Number
    mark_price: Number
    index_price: Number
    estimated_delivery_price: Number
    open_interest: Number
    settlement_price: Number = None
    current_funding: Number = None
    funding_8h: Number = None
    interest_value: Number = None
    mark_iv: Number = None
    bid_iv: Number = None
    ask_iv: Number = None
    underlying_price: Number = None
    underlying_index: str | None = None
    interest_rate: Number = None
    greeks: Greeks | None = None
    status: Status | None = None


class IncrementalTicker(msgspec.Struct, omit_defaults=True):
    """A ticker (`snapshot`), then only the members that changed; null if one is unknown now."""

    type: Literal["snapshot", "change"]
    timestamp: int
    instrument_name: str


class Quote(msgspec.Struct, omit_defaults=True):
    """Best prices and amounts, 0.0 if there are none; `status` while the book is not live."""

    timestamp: int
    instrument_name: str
    best_bid_price: float
    best_bid_amount: float
    best_ask_price: float
    best_ask_amount: float
    status: str | None = None


class Trade(msgspec.Struct, omit_defaults=True):
    """One trade; `direction` is the aggressor's."""

    trade_seq: int
    trade_id: str
    timestamp: int
    instrument_name: str
    direction: Literal["buy", "sell"]
    price: float
    amount: float
    tick_direction: Literal[0, 1, 2, 3]
    mark_price: Number
    index_price: Number
    contracts: Number = None
    iv: Number = None
    liquidation: str = ""


class Perpetual(msgspec.Struct):
    """Funding rate and index of a perpetual."""

    timestamp: int
    interest: Number
    index_price: Number


class IndexPrice(msgspec.Struct):
    """An index price."""

    timestamp: int
    index_name: str
    price: float


class IndexStatistics(msgspec.Struct):
    """An index over the last 24 hours; `change24h` is in its unit."""

    index_name: str
    low24h: float
    high24h: float
    change24h: float
    high_volatility: bool


class VolatilityIndex(msgspec.Struct):
    """What options expect of an index over the next 30 days, in percent a year."""

    timestamp: int
    volatility: float
    index_name: str


class RankedPrice(msgspec.Struct):
    """One source of an index: its price as seen, and as it counts."""

    identifier: str
    enabled: bool
    weight: float
    price: float
    original_price: float
    timestamp: int


class ExpirationPrice(msgspec.Struct):
    """The settlement price of the next expiry; within the last half hour, the mean so far."""

    seconds: int
    price: float
    is_estimated: bool


class Candle(msgspec.Struct):
    """The current candle; `tick` is its start."""

    tick: int
    open: float
    high: float
    low: float
    close: float
    volume: Number
    cost: Number


class MarkPrice(msgspec.Struct):
    """An option's mark price; the IV is a fraction."""

    timestamp: int
    instrument_name: str
    mark_price: Number
    iv: Number


class InstrumentState(msgspec.Struct):
    """An instrument was listed or has ended."""

    timestamp: int
    instrument_name: str
    state: Literal["created", "started", "settled", "closed", "terminated"]


class VenueAnnouncement(msgspec.Struct):
    """The newest word of a venue about one announcement.

    `subject` is the index, family or instrument that it is about, empty for all of the venue. `begin` and `end` are as
    announced, null where they are not.
    """

    subject: str
    id: str
    state: Literal["up", "limited", "down", "scheduled", "notice"]
    text: str
    begin: int | None
    end: int | None
    timestamp: int


class VenueStatus(msgspec.Struct):
    """How a venue says it is: the worst that holds for any part of it, why, and all announcements, newest first."""

    venue: str
    timestamp: int
    state: Literal["up", "limited", "down", "scheduled"]
    reason: str
    announcements: list[VenueAnnouncement]


class PlatformState(msgspec.Struct):
    """The markets of an index are locked, or not any more."""

    price_index: str
    locked: bool


class Definitions(msgspec.Struct):
    """What the server says of its instruments: the home venue, all venues, and instruments by their public names."""

    home: str
    venues: list[str]
    instruments: dict[str, Instrument] = {}

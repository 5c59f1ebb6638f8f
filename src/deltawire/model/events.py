"""Market events: facts, in the past tense, each about one instrument (or one index, or one connection).

Every event has `seen_ns`, the receiver's clock when the frame arrived, and where the venue stamps its frames
`venue_ns`; both nanoseconds since 1970, 0 when unknown. Levels travel as columns of integers: `prices` in
ticks, `sizes` in lots, one entry per level. What is read level by level (`BookImage.bid_levels`) and every trade has
`price` and `size` as exact decimals, and `price_float` and `size_float` as the nearest doubles.
"""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Literal

import msgspec

from deltawire.model.instruments import Instrument
from deltawire.model.known_range import WHOLE, KnownRange
from deltawire.model.numbers import to_decimal

Side = Literal["buy", "sell"]
BookState = Literal["syncing", "live", "stale"]
StaleReason = Literal[
    "", "gap", "checksum", "crossed", "mismatch", "malformed", "silent", "lost", "closed", "maintenance"
]
VenueState = Literal["up", "limited", "down", "scheduled", "notice"]
"""`limited`: data flows, but orders are restricted; `scheduled`: will be down; `notice`: anything else that is told."""


class Level(msgspec.Struct, frozen=True, gc=False):
    """One price of a book and the size there."""

    instrument: Instrument
    price_ticks: int
    size_lots: int

    @property
    def price(self) -> Decimal:
        """The price, exactly."""
        return to_decimal(self.price_ticks, self.instrument.price_exponent)

    @property
    def size(self) -> Decimal:
        """The size, exactly."""
        return to_decimal(self.size_lots, self.instrument.size_exponent)

    @property
    def price_float(self) -> float:
        """The double nearest to the price."""
        return self.instrument.price(self.price_ticks)

    @property
    def size_float(self) -> float:
        """The double nearest to the size."""
        return self.instrument.size(self.size_lots)

    def __repr__(self) -> str:
        return f"{self.size:f} @ {self.price:f}"


class LevelChange(Level, frozen=True, gc=False):
    """What happened at one price: `size` is the size now, 0 where the level is gone."""

    previous_lots: int

    @property
    def previous(self) -> Decimal:
        """The size before, 0 where there was none."""
        return to_decimal(self.previous_lots, self.instrument.size_exponent)

    @property
    def action(self) -> Literal["new", "change", "delete"]:
        """What that is called."""
        return "new" if not self.previous_lots else "change" if self.size_lots else "delete"

    def __repr__(self) -> str:
        return f"{self.action} {self.previous:f} → {self.size:f} @ {self.price:f}"


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


def to_levels(levels: Levels, instrument: Instrument) -> list[Level]:
    """A side, level by level."""
    columns = zip(levels.prices, levels.sizes, strict=True)
    return [Level(instrument, price, size) for price, size in columns]


def to_changes(changes: Changes, instrument: Instrument) -> list[LevelChange]:
    """What happened to a side, level by level."""
    columns = zip(changes.prices, changes.sizes, changes.previous, strict=True)
    return [LevelChange(instrument, price, size, before) for price, size, before in columns]


def _time(at_ns: int) -> str:
    """The time of day, UTC, to the millisecond."""
    at = datetime.fromtimestamp(at_ns // 1_000_000_000, UTC)
    return f"{at:%H:%M:%S}.{at_ns // 1_000_000 % 1000:03}"


class BookImage(msgspec.Struct, frozen=True, gc=False):
    """A verified book, as far as it is known; the first event of a book, and never a later one within an epoch."""

    instrument: Instrument
    sequence: int
    bids: Levels
    asks: Levels
    venue_ns: int
    seen_ns: int
    venue_sequence: int
    known: KnownRange = WHOLE

    @property
    def bid_levels(self) -> list[Level]:
        """The bids, best first."""
        return to_levels(self.bids, self.instrument)

    @property
    def ask_levels(self) -> list[Level]:
        """The asks, best first."""
        return to_levels(self.asks, self.instrument)

    def __repr__(self) -> str:
        best = " | ".join(repr(side[0]) if side else "none" for side in (self.bid_levels, self.ask_levels))
        levels = f"{len(self.bids.prices)} bids, {len(self.asks.prices)} asks"
        return f"BookImage({self.instrument.key} #{self.sequence} {_time(self.venue_ns)} {best}; {levels})"


class BestLevels(msgspec.Struct, frozen=True, gc=False):
    """The best levels of a book, of `group` price increments each (`none`: as they are); replaces the one before."""

    instrument: Instrument
    sequence: int
    bids: Levels
    asks: Levels
    venue_ns: int
    seen_ns: int
    group: str = "none"

    @property
    def bid_levels(self) -> list[Level]:
        """The bids, best first."""
        return to_levels(self.bids, self.instrument)

    @property
    def ask_levels(self) -> list[Level]:
        """The asks, best first."""
        return to_levels(self.asks, self.instrument)

    def __repr__(self) -> str:
        sides = f"{self.bid_levels} | {self.ask_levels}"
        return f"BestLevels({self.instrument.key} #{self.sequence} {_time(self.venue_ns)} {sides})"


class BeyondChanges(msgspec.Struct, frozen=True, gc=False):
    """Changes of levels outside a book's known range, which say nothing of the levels between them.

    A level that becomes known is deleted here and new in the book.
    """

    bids: Changes
    asks: Changes


class BookDelta(msgspec.Struct, frozen=True, gc=False):
    """What turns the book at `sequence` - `covers` into the book at `sequence`; verified before it exists.

    A venue's book changes one number at a time; a channel at an interval, or one that was merged, by several.

    `venue_sequence` is the venue's own id of the resulting book, 0 if it has none. The book has only levels within
    the range that is `known` from now on. Changes `beyond` it are apart; if there are no others, `covers` is 0.
    """

    instrument: Instrument
    sequence: int
    bids: Changes
    asks: Changes
    venue_ns: int
    seen_ns: int
    venue_sequence: int
    covers: int = 1
    known: KnownRange = WHOLE
    beyond: BeyondChanges | None = None

    @property
    def bid_changes(self) -> list[LevelChange]:
        """What happened to the bids."""
        return to_changes(self.bids, self.instrument)

    @property
    def ask_changes(self) -> list[LevelChange]:
        """What happened to the asks."""
        return to_changes(self.asks, self.instrument)

    def __repr__(self) -> str:
        changes = f"bids {self.bid_changes}, asks {self.ask_changes}"
        return f"BookDelta({self.instrument.key} #{self.sequence} {_time(self.venue_ns)} {changes})"


class Status(msgspec.Struct, frozen=True, gc=False):
    """The state of a book has changed. Its prices are valid only while it is `live`.

    `detail` says more about the reason; for `closed`: `expired`, `delisted`, `source ended`, the venue's own word.
    """

    instrument: Instrument
    state: BookState
    reason: StaleReason
    seen_ns: int
    detail: str = ""

    def __repr__(self) -> str:
        why = ": ".join(filter(None, (self.reason, self.detail)))
        return f"Status({self.instrument.key} {self.state}{f' ({why})' if why else ''})"


class Audit(msgspec.Struct, frozen=True, gc=False):
    """A book was compared with an image of its venue at the same id, as far as both are known.

    `compared` levels were in one of them or in both; of these `missing` were not in the book, `extra` not in the
    image, and the size of `different` ones differed. Levels that were changing at this very id do not count.
    """

    instrument: Instrument
    seen_ns: int
    venue_sequence: int
    compared: int
    missing: int = 0
    extra: int = 0
    different: int = 0

    @property
    def unequal(self) -> int:
        """The number of levels that were not the same in both."""
        return self.missing + self.extra + self.different

    @property
    def equal_share(self) -> float:
        """The share of levels that were the same in both; 1 if there were none."""
        return 1 - self.unequal / self.compared if self.compared else 1.0

    def __repr__(self) -> str:
        return f"Audit({self.instrument.key} @{self.venue_sequence} {self.equal_share:.2%} of {self.compared} equal)"


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

    @property
    def price(self) -> Decimal:
        """The price, exactly."""
        return to_decimal(self.price_ticks, self.instrument.price_exponent)

    @property
    def size(self) -> Decimal:
        """The size, exactly."""
        return to_decimal(self.size_lots, self.instrument.size_exponent)

    @property
    def price_float(self) -> float:
        """The double nearest to the price."""
        return self.instrument.price(self.price_ticks)

    @property
    def size_float(self) -> float:
        """The double nearest to the size."""
        return self.instrument.size(self.size_lots)

    def __repr__(self) -> str:
        what = f"{self.side} {self.size:f} @ {self.price:f}"
        return f"Trade({self.instrument.key} {_time(self.venue_ns)} {what}, id {self.trade_id})"


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

    def __repr__(self) -> str:
        names = self.__struct_fields__[3:]
        stated = [f"{name} {value}" for name in names if (value := getattr(self, name)) is not None]
        return f"Ticker({self.instrument.key} {_time(self.venue_ns)} {', '.join(stated)})"


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


class VenueStatus(msgspec.Struct, frozen=True, gc=False):
    """A venue says whether it works, or announces when it will not.

    While it is `down`, its books are stale. `subject` is the index, family or instrument that this is about, empty for
    all of the venue; `id` distinguishes announcements about the same. `begin_ns` and `end_ns` are as announced, 0 where
    they are not.
    """

    venue: str
    state: VenueState
    seen_ns: int
    text: str = ""
    begin_ns: int = 0
    end_ns: int = 0
    subject: str = ""
    id: str = ""
    venue_ns: int = 0

    @property
    def key(self) -> tuple[str, str]:
        """Of which announcement this is news."""
        return self.subject, self.id

    def repeats(self, before: "VenueStatus | None") -> bool:
        """Whether it says what was said before."""
        return before is not None and self == msgspec.structs.replace(
            before, seen_ns=self.seen_ns, venue_ns=self.venue_ns
        )

    def __repr__(self) -> str:
        what = " ".join(filter(None, (self.subject, self.state)))
        return f"VenueStatus({self.venue} {what}{f': {self.text}' if self.text else ''})"


class Derived(msgspec.Struct, frozen=True, gc=False):
    """Figures that a derivation has computed from other events, as the data of one channel.

    `sequence` numbers those of a channel within an epoch: the end of their interval in milliseconds where that is
    more than the last number. `channel` is its public name.
    """

    venue: str
    channel: str
    sequence: int
    venue_ns: int
    seen_ns: int
    data: msgspec.Struct


Event = (
    BookImage
    | BookDelta
    | BestLevels
    | Status
    | Audit
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
    | Derived
    | VenueStatus
)

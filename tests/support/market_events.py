"""Instruments and market events made by hand, and a book that tells its own changes exactly."""

from collections.abc import Mapping
from typing import Any

import msgspec

from deltawire.model.events import (
    BookDelta,
    BookImage,
    Changes,
    Constituent,
    Event,
    Index,
    Levels,
    Listing,
    StaleReason,
    Status,
    Ticker,
    Trade,
)
from deltawire.model.expiries import FOREVER_NS
from deltawire.model.instruments import Instrument

VENUE = "deribit"
START_NS = 1_700_000_000_000_000_000
"""2023-11-14 22:13:20 UTC: a multiple of 10 seconds, so intervals begin here."""
MS_NS = 1_000_000
SECOND_NS = 1_000_000_000


def make_instrument(name: str = "BTC-PERPETUAL", **changes: Any) -> Instrument:
    """A perpetual that trades at half dollars in lots of ten dollars, unless told otherwise."""
    known: dict[str, Any] = {
        "venue": VENUE,
        "name": name,
        "kind": "future",
        "base": "BTC",
        "quote": "USD",
        "settlement": "BTC",
        "price_exponent": -1,
        "size_exponent": 0,
        "tick_size": "0.5",
        "min_trade_size": "10",
        "size_unit": "quote",
        "contract_size": 10.0,
        "inverse": True,
        "index_name": "btc_usd",
        "expiration_ns": FOREVER_NS,
        "settlement_period": "perpetual",
        "maker_commission": 0.0,
        "taker_commission": 0.0,
    }
    return Instrument(**(known | changes))


def make_option(name: str = "BTC-29DEC23-40000-C", **changes: Any) -> Instrument:
    """A call on BTC, quoted in BTC."""
    known: dict[str, Any] = {
        "kind": "option",
        "price_exponent": -4,
        "size_exponent": -1,
        "tick_size": "0.0005",
        "min_trade_size": "0.1",
        "size_unit": "base",
        "contract_size": 1.0,
        "expiration_ns": 1_703_836_800_000_000_000,
        "strike": 40000.0,
        "option_type": "call",
        "settlement_period": "month",
    }
    return make_instrument(name, **(known | changes))


def make_trade(
    instrument: Instrument, price_ticks: int, size_lots: int, at_ns: int = START_NS, **more: Any
) -> Trade:
    """A trade; a buy with its time for an id unless told otherwise."""
    known: dict[str, Any] = {"trade_id": f"T{at_ns}", "side": "buy", "venue_ns": at_ns, "seen_ns": at_ns}
    return Trade(instrument, price_ticks=price_ticks, size_lots=size_lots, **(known | more))


def make_ticker(instrument: Instrument, at_ns: int = START_NS, **fields: Any) -> Ticker:
    """What the venue says beside the book."""
    return Ticker(instrument=instrument, venue_ns=at_ns, seen_ns=at_ns, **fields)


def make_constituent(price: float) -> Constituent:
    """A source of an index that counts."""
    return Constituent("venue", price, price, 1.0, enabled=True)


def make_index(
    price: float,
    name: str = "btc_usd",
    at_ns: int = START_NS,
    venue: str = VENUE,
    constituents: tuple[Constituent, ...] = (),
) -> Index:
    """An index price."""
    return Index(venue, name, price, at_ns, at_ns, constituents)


def make_listing(instrument: Instrument, at_ns: int = START_NS) -> Listing:
    """An instrument became known."""
    return Listing(instrument, at_ns)


class ScriptedBook:
    """A reference book: what happens to it comes back as the verified events that a venue's machine would give."""

    def __init__(self, instrument: Instrument | None = None) -> None:
        self.instrument = instrument or make_instrument()
        self.bids: dict[int, int] = {}
        self.asks: dict[int, int] = {}
        self.sequence = 0
        self.now_ns = START_NS

    def image(self, bids: Mapping[int, int], asks: Mapping[int, int]) -> list[Event]:
        """The first book, or after `stale` the one that replaces what was known."""
        if self.sequence:
            gone_bids = dict.fromkeys(self.bids.keys() - bids.keys(), 0)
            gone_asks = dict.fromkeys(self.asks.keys() - asks.keys(), 0)
            return [self.live(), self.change(gone_bids | dict(bids), gone_asks | dict(asks))]
        self.bids, self.asks, self.sequence = dict(bids), dict(asks), 1
        levels = (
            Levels(prices := sorted(bids, reverse=True), [bids[price] for price in prices]),
            Levels(prices := sorted(asks), [asks[price] for price in prices]),
        )
        return [self.live(), BookImage(self.instrument, 1, *levels, self.now_ns, self.now_ns, 1)]

    def change(
        self, bids: Mapping[int, int] | None = None, asks: Mapping[int, int] | None = None
    ) -> BookDelta:
        """Set sizes by price; 0 removes."""
        self.sequence += 1
        return BookDelta(
            self.instrument,
            self.sequence,
            _set(self.bids, bids or {}),
            _set(self.asks, asks or {}),
            self.now_ns,
            self.now_ns,
            self.sequence,
        )

    def refine(self) -> Listing:
        """The instrument turns out to have one decimal more, in prices and in sizes."""
        known = self.instrument
        self.instrument = msgspec.structs.replace(
            known, price_exponent=known.price_exponent - 1, size_exponent=known.size_exponent - 1
        )
        for side in (self.bids, self.asks):
            finer = {price * 10: size * 10 for price, size in side.items()}
            side.clear()
            side.update(finer)
        return Listing(self.instrument, self.now_ns)

    def live(self) -> Status:
        """The book stands for the market."""
        return Status(self.instrument, "live", "", self.now_ns)

    def stale(self, reason: StaleReason = "gap") -> Status:
        """The book no longer stands for the market."""
        return Status(self.instrument, "stale", reason, self.now_ns)

    def syncing(self, reason: StaleReason = "gap") -> Status:
        """An image is on its way."""
        return Status(self.instrument, "syncing", reason, self.now_ns)

    def prices(self) -> tuple[dict[float, float], dict[float, float]]:
        """Both sides as sizes by price, the way a client sees them."""
        price, size = self.instrument.price, self.instrument.size
        bids, asks = (
            {price(ticks): size(lots) for ticks, lots in side.items()} for side in (self.bids, self.asks)
        )
        return bids, asks


def _set(side: dict[int, int], sizes: Mapping[int, int]) -> Changes:
    really = {price: size for price, size in sizes.items() if size != side.get(price, 0)}
    previous = [side.get(price, 0) for price in really]
    for price, size in really.items():
        if size:
            side[price] = size
        else:
            del side[price]
    return Changes(list(really), list(really.values()), previous)

"""The book of one instrument, with all that matching knows of the instrument."""

from typing import Literal

from deltawire.exchange.matching.levels import NONE, BookSide
from deltawire.exchange.matching.trigger_book import TriggerBook
from deltawire.exchange.orders.orders import Trigger
from deltawire.exchange.ports import PublicEvent, Reference
from deltawire.exchange.pricing.volatility import implied_percent
from deltawire.model.events import BookDelta, BookImage, Listing, Status
from deltawire.model.instruments import Instrument, tick_on
from deltawire.model.numbers import parse_decimal

State = Literal["open", "closed", "settled"]
HIGHEST = 1 << 62
"""Above every price: the limit of a market buy without a price band."""


class OrderBook:
    """Both sides, the reference prices, the trigger orders, and the public sequence."""

    __slots__ = (
        "asks",
        "banded",
        "bids",
        "grid",
        "index_price",
        "instrument",
        "last_published",
        "last_ticks",
        "lot",
        "mark_price",
        "only_tick",
        "open",
        "reference",
        "sequence",
        "trade_seq",
        "waiting",
    )

    def __init__(self, instrument: Instrument) -> None:
        self.bids, self.asks = BookSide(1), BookSide(-1)
        self.waiting: dict[Trigger, TriggerBook] = {
            "index_price": TriggerBook(),
            "mark_price": TriggerBook(),
            "last_price": TriggerBook(),
        }
        self.sequence = self.trade_seq = 0
        self.last_ticks: int | None = None
        self.last_published: int | None = None
        """The last price that was checked against triggers."""
        self.open = True
        self.define(instrument)
        self.refer(Reference(instrument.name))

    def define(self, instrument: Instrument) -> None:
        """Set the increments of the instrument."""
        self.instrument = instrument
        self.lot = parse_decimal(instrument.min_trade_size or "1", instrument.size_exponent)
        self.grid = instrument.grid
        self.only_tick = instrument.tick if len(self.grid) == 1 else 0
        """The increment at every price; 0 if it depends on the price."""

    def refer(self, reference: Reference) -> None:
        """Set index, mark and price band."""
        self.reference = reference
        self.banded = reference.min_ticks is not None or reference.max_ticks is not None
        price = self.instrument.price
        self.mark_price = None if reference.mark_ticks is None else price(reference.mark_ticks)
        self.index_price = None if reference.index_ticks is None else price(reference.index_ticks)

    def iv(self, price_ticks: int, now: int) -> float | None:
        """The implied volatility of a price in percent; None if it is not an option, or without an underlying price."""
        underlying = self.reference.underlying
        if underlying is None:
            return None
        return implied_percent(self.instrument, self.instrument.price(price_ticks), underlying, now)

    def side(self, sign: int) -> BookSide:
        """Bids for +1, asks for -1."""
        return self.bids if sign > 0 else self.asks

    def tick(self, price_ticks: int) -> int:
        """The increment at a price."""
        return tick_on(self.grid, price_ticks)

    def behind(self, price_ticks: int, sign: int) -> int:
        """The next price that does not reach this one: lower for a buyer, higher for a seller."""
        if sign < 0:
            return price_ticks + self.tick(price_ticks + 1)
        return price_ticks - self.tick(price_ticks)

    def price_of(self, trigger: Trigger) -> int | None:
        """The present price of a trigger's kind."""
        if trigger == "last_price":
            return self.last_ticks
        reference = self.reference
        return reference.mark_ticks if trigger == "mark_price" else reference.index_ticks

    def worst(self, sign: int) -> int:
        """The worst price at which a market order may trade: the end of the band."""
        end = self.reference.max_ticks if sign > 0 else self.reference.min_ticks
        if end is None:
            return HIGHEST if sign > 0 else 0
        return end

    def opened(self, now: int) -> list[PublicEvent]:
        """The first events of a book; also sent to late listeners."""
        status = Status(self.instrument, "live", "", now)
        if not self.open:
            why = "halted" if self.instrument.active else "expired"
            status = Status(self.instrument, "stale", "closed", now, why)
        return [Listing(self.instrument, now), *self.image(now), status]

    def image(self, now: int) -> list[PublicEvent]:
        """The complete visible book at its current sequence."""
        return [
            BookImage(
                self.instrument, self.sequence, self.bids.image(), self.asks.image(), now, now, self.sequence
            )
        ]

    def delta(self, now: int) -> BookDelta | None:
        """The changes since the last delta, as the next one; None if nothing visible has changed."""
        bids = self.bids.changes() if self.bids.touched else NONE
        asks = self.asks.changes() if self.asks.touched else NONE
        if bids is NONE and asks is NONE:
            return None
        self.sequence = sequence = self.sequence + 1
        return BookDelta(self.instrument, sequence, bids, asks, now, now, sequence)

"""One instrument as the events left it."""

from collections import deque
from collections.abc import Iterator
from itertools import product
from typing import Any

import msgspec

from deltawire.analytics.candles import CandleSeries, total
from deltawire.book.checksums import OwnChecksum
from deltawire.book.ladder import Ladder
from deltawire.market.funding import FundingSeries
from deltawire.market.levels import LevelHistory
from deltawire.model.events import (
    BookDelta,
    BookImage,
    BookState,
    Past,
    StaleReason,
    Stats,
    Status,
    Ticker,
    Trade,
)
from deltawire.model.instruments import Instrument

TRADES_KEPT = 1000
MARKS = {300: 288}
"""Bars of mark prices: five minutes long, a day of them."""


class TapeEntry(msgspec.Struct, frozen=True):
    """A trade on the tape; `direction` is 0 up, 1 level after up, 2 down, 3 level after down.

    `number` is the venue's own where it numbers trades without holes, else counted here from 1.
    """

    trade: Trade
    direction: int
    number: int


def _direction(trade: Trade, before: TapeEntry | None) -> int:
    if before is None:
        return 0
    price = trade.instrument.price(trade.price_ticks)
    last = before.trade.instrument.price(before.trade.price_ticks)
    if price == last:
        return before.direction | 1
    return 0 if price > last else 2


class InstrumentState:
    """Everything known of one instrument. `name` is its public name, `number` its id in the dialect."""

    def __init__(self, instrument: Instrument, name: str, number: int) -> None:
        self.instrument = instrument
        self.name = name
        self.number = number
        self.ladder = Ladder()
        self.sequence = 0
        self.book_ns = 0
        self.status: BookState | None = None
        self.reason: StaleReason = ""
        self.detail = ""
        self.status_ns = 0
        self.ticker: dict[str, Any] = {}
        self.ticker_ns = 0
        self.tape: deque[TapeEntry] = deque(maxlen=TRADES_KEPT)
        self.candles = CandleSeries()
        self.funding = FundingSeries()
        self.marks = LevelHistory(MARKS)
        self._day = (-1, Stats())
        self._checksum = OwnChecksum()

    @property
    def live(self) -> bool:
        """Whether the book stands for the market."""
        return self.status == "live"

    @property
    def imaged(self) -> bool:
        """Whether there has been a book at all."""
        return self.sequence > 0

    @property
    def last_price(self) -> float | None:
        """The last trade's price, or what the venue's ticker says it is."""
        if self.tape:
            last = self.tape[-1].trade
            return last.instrument.price(last.price_ticks)
        price: float | None = self.ticker.get("last_price")
        return price

    @property
    def fitting(self) -> Iterator[tuple[str, str]]:
        """Every kind and currency that choose this instrument, each pair once.

        `any` is every one; `combo` is both kinds of combos; currencies are those of `Instrument.currencies`.
        """
        instrument = self.instrument
        return product(("any", *instrument.kinds), ("any", *instrument.currencies))

    def fits(self, kind: str, currency: str) -> bool:
        """Whether a kind and a currency (in capitals, or `any`) choose this instrument."""
        return (kind, currency) in self.fitting

    def define(self, instrument: Instrument) -> None:
        """The instrument's definition changed; its exponents may have become finer."""
        factors = instrument.factors_from(self.instrument)
        self.instrument = instrument
        if factors != (1, 1):
            self.ladder.rescale(*factors)

    def imaged_by(self, image: BookImage) -> None:
        """Take over a whole book."""
        self.ladder.bids.become(image.bids)
        self.ladder.asks.become(image.asks)
        self.sequence, self.book_ns = image.sequence, image.venue_ns or image.seen_ns

    def changed_by(self, delta: BookDelta) -> None:
        """Apply a verified delta."""
        self.ladder.bids.follow(delta.bids)
        self.ladder.asks.follow(delta.asks)
        self.sequence, self.book_ns = delta.sequence, delta.venue_ns or delta.seen_ns

    def told(self, status: Status) -> None:
        """Take over the book's state."""
        self.status, self.reason, self.status_ns = status.state, status.reason, status.seen_ns
        self.detail = status.detail

    def traded(self, trade: Trade) -> None:
        """Count a trade."""
        before = self.tape[-1] if self.tape else None
        number = trade.sequence or (before.number + 1 if before else 1)
        self.tape.append(TapeEntry(trade, _direction(trade, before), number))
        self.candles.add(trade)

    def restored(self, past: Past) -> None:
        """Take over what was before the source began."""
        self.tape.clear()
        for trade in past.trades:
            before = self.tape[-1] if self.tape else None
            self.tape.append(TapeEntry(trade, _direction(trade, before), trade.sequence))
        self.candles.restore(past.candles)
        self.funding.restore(past.funded)
        self.marks.restore(past.marks)

    def ticked(self, ticker: Ticker) -> None:
        """Merge what the venue says; what it leaves out stays as it was."""
        self.ticker_ns = ticker.venue_ns or ticker.seen_ns
        for name in _TICKER_FIELDS:
            value = getattr(ticker, name)
            if value is not None:
                self.ticker[name] = value
        if ticker.mark_price is not None:
            self.marks.seen(self.ticker_ns, ticker.mark_price)
        if ticker.current_funding is not None:
            self.funding.seen(self.ticker_ns, ticker.current_funding, ticker.index_price)

    def checksum(self) -> int:
        """CRC32 over the best ten levels of the book as it is."""
        return self._checksum.of(self.ladder)

    def best(self) -> tuple[float, float, float, float]:
        """Best bid price and size, best ask price and size; 0.0 where there is none or the book is not live.

        Where no book is kept, the venue's own ticker answers, until its instrument or its source has ended.
        """
        if not (self.instrument.active and self.reason != "closed"):
            return 0.0, 0.0, 0.0, 0.0
        if not self.imaged:
            names = ("best_bid_price", "best_bid_size", "best_ask_price", "best_ask_size")
            bid, bid_size, ask, ask_size = (self.ticker.get(name, 0.0) for name in names)
            return bid, bid_size, ask, ask_size
        if not self.live:
            return 0.0, 0.0, 0.0, 0.0
        instrument = self.instrument
        found: list[float] = []
        for side in (self.ladder.bids, self.ladder.asks):
            ticks = side.best()
            found += (
                (0.0, 0.0) if ticks is None else (instrument.price(ticks), instrument.size(side.size(ticks)))
            )
        return found[0], found[1], found[2], found[3]

    def stats(self, now: int) -> Stats:
        """The last 24 hours: the venue's own figures, or what our candles give (made anew each second)."""
        stated: Stats | None = self.ticker.get("stats")
        if stated is not None:
            return stated
        second = now // _SECOND_NS
        if self._day[0] != second:
            self._day = second, self._day_stats(now)
        return self._day[1]

    def _day_stats(self, now: int) -> Stats:
        day = self.candles.between(now - _DAY_NS, now, 1)
        in_dollars = "USD" in self.instrument.priced_in
        if not day:
            none = 0.0 if self.instrument.measurable else None
            return Stats(volume=none, volume_usd=none if in_dollars else None, volume_notional=none)
        first, last = day[0].open, day[-1].close
        cost = total(candle.cost for candle in day)
        return Stats(
            high=max(candle.high for candle in day),
            low=min(candle.low for candle in day),
            volume=total(candle.volume for candle in day),
            volume_usd=cost if in_dollars else None,
            price_change=round((last / first - 1) * 100, 4) if first else None,
            volume_notional=cost,
        )


_SECOND_NS = 1_000_000_000
_DAY_NS = 24 * 3600 * 1_000_000_000
_TICKER_FIELDS = [
    name for name in Ticker.__struct_fields__ if name not in ("instrument", "venue_ns", "seen_ns")
]

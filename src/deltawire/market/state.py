"""One instrument as the events left it."""

from collections import deque
from collections.abc import Iterator
from itertools import product
from typing import Any

from deltawire.analytics.candles import MINUTE_NS, CandleSeries, joined, total
from deltawire.book.checksums import OwnChecksum
from deltawire.book.ladder import Ladder
from deltawire.market.book_log import BookEntry, BookLog
from deltawire.market.funding import FundingSeries
from deltawire.market.health import BookHealth
from deltawire.market.images import BookStateImage, CandlesImage, InstrumentImage, TapeEntry
from deltawire.market.levels import LevelHistory
from deltawire.model.events import (
    BookDelta,
    BookImage,
    BookState,
    Candle,
    Past,
    StaleReason,
    Stats,
    Status,
    Ticker,
    Trade,
)
from deltawire.model.instruments import Instrument
from deltawire.model.known_range import WHOLE, CompleteTo, KnownRange

TRADES_KEPT = 1000
MARKS = {300: 288}
"""Bars of mark prices: five minutes long, a day of them."""
Mark = tuple[int, int, int]
"""The newest event that changed something: its number among all of its instrument, the venue's time when it came, and
the newest stamp of what had come by then."""


def _direction(trade: Trade, before: TapeEntry | None) -> int:
    if before is None:
        return 0
    price = trade.instrument.price(trade.price_ticks)
    last = before.trade.instrument.price(before.trade.price_ticks)
    if price == last:
        return before.direction | 1
    return 0 if price > last else 2


class InstrumentState:
    """Everything known of one instrument. `name` is its public name, `number` its id in the dialect.

    Its events are counted by kind, so that the position of every channel follows from them: `book_number` counts
    images, deltas, statuses and refinements, and `book_published` is that of the newest published one; `statuses`
    counts statuses, `candles.count` trades. `quote_mark`, `ticker_mark` and `funding_mark` name the newest event that
    changed these.

    The ladder has the levels within `known_range`. `whole` is the same book with those beyond it as well, under numbers
    of its own; None while there cannot be any (see `market.whole`).
    """

    __slots__ = (
        "_checksum",
        "_day_before",
        "active_change",
        "book_log",
        "book_ns",
        "book_number",
        "book_published",
        "candles",
        "detail",
        "events",
        "funding",
        "funding_mark",
        "health",
        "index",
        "instrument",
        "known_range",
        "ladder",
        "marks",
        "name",
        "number",
        "published_active",
        "quote_mark",
        "ranged",
        "reason",
        "refined",
        "sequence",
        "status",
        "status_ns",
        "statuses",
        "tape",
        "ticker",
        "ticker_at_ns",
        "ticker_mark",
        "ticker_ns",
        "whole",
        "withheld",
    )

    def __init__(self, instrument: Instrument, name: str, number: int, index: str = "") -> None:
        self.instrument = instrument
        self.name = name
        self.number = number
        self.index = index
        """The public name of its index; empty where it has none."""
        self.events = 0
        self.book_number = self.book_published = self.refined = self.ranged = 0
        self.book_log = BookLog()
        self.statuses = 0
        self.quote_mark: Mark = (0, 0, 0)
        self.ticker_mark: Mark = (0, 0, 0)
        self.funding_mark: Mark = (0, 0, 0)
        self.ticker_at_ns = 0
        """The venue's time when the newest ticker came."""
        self.published_active: bool | None = None
        """Whether it was active when it was last listed or closed."""
        self.active_change = 0
        """The number of that change among those of all instruments."""
        self.ladder = Ladder()
        self.known_range = WHOLE
        self.whole: InstrumentState | None = None
        self.withheld: tuple[BookState, StaleReason, str, int] | None = None
        """Its status by its events, while its book is withheld; None while it is not."""
        self.health = BookHealth()
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
        self._day_before: tuple[tuple[int, int], list[Candle]] = ((-1, 0), [])
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
    def complete_to(self) -> CompleteTo:
        """The lowest bid and the highest ask up to which every level is known; None: to the end of the side."""
        return self.known_range.complete_to(self.ladder.bids, self.ladder.asks)

    @property
    def last_price(self) -> float | None:
        """The last trade's price, or what the venue's ticker states."""
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

    @property
    def known(self) -> bool:
        """Whether there is anything to say of it."""
        return self.sequence > 0 or bool(self.ticker) or bool(self.tape)

    def define(self, instrument: Instrument, index: str = "", now: int = 0) -> None:
        """The instrument's definition changed; its exponents may have become finer. `now` is the venue's time."""
        factors = instrument.factors_from(self.instrument)
        self.instrument, self.index = instrument, index
        if factors != (1, 1):
            self.ladder.rescale(*factors)
            self.known_range = self.known_range.rescaled(factors[0])
            self.book_number = self.refined = self.book_number + 1
        if self.known:
            self.ticker_mark = self.quote_mark = self._mark(now)

    def listed(self, active: bool | None, change: int) -> None:
        """The venue lists it as active or not; `change` is the number of the last change of that."""
        self.published_active, self.active_change = active, change

    def imaged_by(self, image: BookImage, now: int = 0, moment: int = 0) -> BookEntry:
        """Take over a whole book."""
        self.ladder.bids.become(image.bids)
        self.ladder.asks.become(image.asks)
        self.sequence, self.book_ns = image.sequence, image.venue_ns or image.seen_ns
        self.ticker_mark = self.quote_mark = self._mark(now)
        self._range(image.known)
        return self._tell((self.book_number + 1, now, moment, image))

    def changed_by(self, delta: BookDelta, now: int = 0, moment: int = 0) -> BookEntry | None:
        """Apply a verified delta; returns what its channels publish: nothing beyond its range."""
        if delta.known is not self.known_range:
            self._range(delta.known)
        if not delta.covers:
            self.book_number += 1
            return None
        another_best = self.ladder.bids.follow(delta.bids)
        another_best = self.ladder.asks.follow(delta.asks) or another_best
        self.sequence, self.book_ns = delta.sequence, delta.venue_ns or delta.seen_ns
        if another_best:
            self.ticker_mark = self.quote_mark = self._mark(now)
        self.book_number = self.book_published = number = self.book_number + 1
        return number, now, moment, delta

    def apply_status(self, status: Status, now: int = 0, moment: int = 0) -> BookEntry | None:
        """Take over the book's state; returns what channels of the book publish of it.

        News are that the book has become good or bad; that an image is on its way changes neither.
        """
        self.status, self.reason, self.status_ns = status.state, status.reason, status.seen_ns
        self.detail = status.detail
        self.statuses += 1
        self.health.apply_status(status)
        if self.known:
            self.ticker_mark = self.quote_mark = self._mark(now)
        if self.imaged and status.state != "syncing":
            return self._tell((self.book_number + 1, now, moment, status))
        self.book_number += 1
        return None

    def withhold(self, detail: str, now: int) -> None:
        """Its events do not come any more: a live book is stale until `release`, whatever its last status."""
        if self.withheld is None and self.live:
            self.withheld = "live", self.reason, self.detail, self.status_ns
            self.status, self.reason, self.detail, self.status_ns = "stale", "lost", detail, now
            if self.whole is not None:
                self.whole.withhold(detail, now)

    def release(self) -> None:
        """Its events come again, and the first of them follows the last."""
        if self.withheld is not None:
            (self.status, self.reason, self.detail, self.status_ns), self.withheld = self.withheld, None
            if self.whole is not None:
                self.whole.release()

    def traded(self, trade: Trade, place: int = 0, now: int = 0, market_ns: int = 0) -> None:
        """Count a trade, which is number `place` of all instruments."""
        before = self.tape[-1] if self.tape else None
        number = trade.sequence or (before.number + 1 if before else 1)
        direction = _direction(trade, before)
        self.candles.add(trade)
        self.tape.append(TapeEntry(trade, direction, number, self.candles.count, place, now, market_ns))
        self.ticker_mark = self._mark(now)

    def restored(self, past: Past, before: int = 0) -> None:
        """Take over what was before the source began; `before` counts the trades of all instruments so far."""
        self.tape.clear()
        for number, trade in enumerate(past.trades, 1):
            last = self.tape[-1] if self.tape else None
            direction = _direction(trade, last)
            self.tape.append(TapeEntry(trade, direction, trade.sequence, number, before + number, 0, 0))
        self.candles.restore(past.candles, past.trades)
        self.funding.restore(past.funded)
        self.marks.restore(past.marks)

    def ticked(self, ticker: Ticker, now: int = 0) -> None:
        """Merge what the venue states; what it leaves out stays as it was."""
        self.ticker_ns = ticker.venue_ns or ticker.seen_ns
        self.ticker_at_ns = now
        known, news = self.ticker, False
        for name in _TICKER_FIELDS:
            value = getattr(ticker, name)
            if value is not None:
                news = news or known.get(name) != value
                known[name] = value
        if news:
            self.ticker_mark = mark = self._mark(now)
            if "current_funding" in known:
                self.funding_mark = mark
            if not self.imaged or self._beyond_best():
                self.quote_mark = mark
        if ticker.mark_price is not None:
            self.marks.seen(self.ticker_ns, ticker.mark_price)
        if ticker.current_funding is not None:
            self.funding.seen(self.ticker_ns, ticker.current_funding, ticker.index_price)

    def part(self) -> None:
        """From now on the book has a part beyond its known range, which `whole` has as well."""
        self.whole = InstrumentState(self.instrument, self.name, self.number, self.index)
        self.whole.take_book(self)

    def take_book(self, other: "InstrumentState") -> None:
        """Take over the book of another state of this instrument."""
        self.ladder = Ladder(other.ladder.bids.copy(), other.ladder.asks.copy())
        self.sequence, self.book_ns, self.known_range = other.sequence, other.book_ns, other.known_range
        self.status, self.reason, self.detail = other.status, other.reason, other.detail
        self.status_ns, self.statuses = other.status_ns, other.statuses
        self.book_number, self.book_published = other.book_number, other.book_published
        self.refined, self.ranged = other.refined, other.ranged
        self.book_log.entries.extend(other.book_log.entries)

    def _range(self, known: KnownRange) -> None:
        if known != self.known_range:
            self.ranged = self.book_number + 1
        self.known_range = known

    def _tell(self, entry: BookEntry) -> BookEntry:
        self.book_number = self.book_published = entry[0]
        return entry

    def _mark(self, now: int) -> Mark:
        """The event at hand has changed something."""
        traded_ns = self.tape[-1].trade.venue_ns if self.tape else 0
        return self.events, now, max(self.book_ns, self.ticker_ns, traded_ns)

    def freeze(self) -> InstrumentImage:
        """The state as a value, for `thaw`."""
        ticker = Ticker(instrument=self.instrument, venue_ns=0, seen_ns=0, **self.ticker)
        whole = self.whole
        return InstrumentImage(
            instrument=self.instrument,
            name=self.name,
            number=self.number,
            index=self.index,
            events=self.events,
            quote_mark=self.quote_mark,
            ticker_mark=self.ticker_mark,
            funding_mark=self.funding_mark,
            published_active=self.published_active,
            active_change=self.active_change,
            ticker=ticker,
            ticker_ns=self.ticker_ns,
            ticker_at_ns=self.ticker_at_ns,
            tape=list(self.tape),
            candles=CandlesImage(*self.candles.freeze()),
            funding=self.funding.freeze(),
            marks=self.marks.freeze(),
            health=self.health.freeze(),
            book=self._freeze_book(),
            whole=None if whole is None else whole._freeze_book(),
            whole_marks=((0, 0, 0), (0, 0, 0)) if whole is None else (whole.quote_mark, whole.ticker_mark),
        )

    def thaw(self, image: InstrumentImage) -> None:
        """Take over the result of `freeze`, in a new state."""
        self.events = image.events
        self.quote_mark, self.ticker_mark = image.quote_mark, image.ticker_mark
        self.funding_mark = image.funding_mark
        self.listed(image.published_active, image.active_change)
        self.ticker_ns, self.ticker_at_ns = image.ticker_ns, image.ticker_at_ns
        stated = ((name, getattr(image.ticker, name)) for name in _TICKER_FIELDS)
        self.ticker = {name: value for name, value in stated if value is not None}
        self.tape.extend(image.tape)
        self.candles.thaw(image.candles.count, image.candles.buckets, image.candles.counts)
        self.funding.thaw(image.funding)
        self.marks.thaw(image.marks)
        self.health.thaw(image.health)
        self._thaw_book(image.book)
        if image.whole is not None:
            self.part()
            assert self.whole is not None
            self.whole.thaw_whole(image.whole, *image.whole_marks)

    def thaw_whole(self, image: BookStateImage, quote_mark: Mark, ticker_mark: Mark) -> None:
        """Take over a book with the levels beyond the known range."""
        self.quote_mark, self.ticker_mark = quote_mark, ticker_mark
        self._thaw_book(image)

    def _freeze_book(self) -> BookStateImage:
        ladder = self.ladder
        return BookStateImage(
            bids=ladder.bids.levels(),
            asks=ladder.asks.levels(),
            known_range=self.known_range,
            sequence=self.sequence,
            book_ns=self.book_ns,
            number=self.book_number,
            published=self.book_published,
            refined=self.refined,
            ranged=self.ranged,
            log=list(self.book_log.entries),
            status=self.status,
            reason=self.reason,
            detail=self.detail,
            status_ns=self.status_ns,
            statuses=self.statuses,
        )

    def _thaw_book(self, image: BookStateImage) -> None:
        self.ladder.bids.become(image.bids)
        self.ladder.asks.become(image.asks)
        self.known_range, self.sequence, self.book_ns = image.known_range, image.sequence, image.book_ns
        self.book_number, self.book_published = image.number, image.published
        self.refined, self.ranged = image.refined, image.ranged
        self.book_log.entries.clear()
        self.book_log.entries.extend(image.log)
        self.status, self.reason, self.detail = image.status, image.reason, image.detail
        self.status_ns, self.statuses = image.status_ns, image.statuses

    def checksum(self) -> int:
        """CRC32 over the best ten levels of the book as it is."""
        return self._checksum.of(self.ladder)

    def best(self) -> tuple[float, float, float, float]:
        """Best bid price and size, best ask price and size; 0.0 where there is none or the book is not live.

        Where no book is kept, or the market has left its known range, the venue's own ticker answers, until its
        instrument or its source has ended.
        """
        if not (self.instrument.active and self.reason != "closed"):
            return 0.0, 0.0, 0.0, 0.0
        if not self.imaged:
            return self._stated_best()
        if not self.live:
            return 0.0, 0.0, 0.0, 0.0
        if self._beyond_best():
            return self._stated_best()
        instrument = self.instrument
        found: list[float] = []
        for side in (self.ladder.bids, self.ladder.asks):
            ticks = side.best()
            found += (
                (0.0, 0.0) if ticks is None else (instrument.price(ticks), instrument.size(side.size(ticks)))
            )
        return found[0], found[1], found[2], found[3]

    def _beyond_best(self) -> bool:
        """Whether the market has left the known range, so that the best price of a side is not known for certain."""
        known, ladder = self.known_range, self.ladder
        return (known.bids is not None and not len(ladder.bids)) or (
            known.asks is not None and not len(ladder.asks)
        )

    def _stated_best(self) -> tuple[float, float, float, float]:
        names = ("best_bid_price", "best_bid_size", "best_ask_price", "best_ask_size")
        bid, bid_size, ask, ask_size = (self.ticker.get(name, 0.0) for name in names)
        return bid, bid_size, ask, ask_size

    def stats(self, now: int) -> Stats:
        """The last 24 hours: the venue's own figures, or what our candles give."""
        stated: Stats | None = self.ticker.get("stats")
        return self._day_stats(now) if stated is None else stated

    def _day(self, now: int) -> list[Candle]:
        """The last 24 hours; the minutes before the newest are joined once a minute."""
        newest = self.candles.last(1)
        if newest is None:
            return []
        place = (now - _DAY_NS) // MINUTE_NS, newest.open_ns
        if self._day_before[0] != place:
            before = self.candles.between(now - _DAY_NS, newest.open_ns - 1, 1)
            self._day_before = place, [joined(before, before[0].open_ns, len(before))] if before else []
        within = (now - _DAY_NS) // MINUTE_NS * MINUTE_NS <= newest.open_ns <= now
        return [*self._day_before[1], newest] if within else self._day_before[1]

    def _day_stats(self, now: int) -> Stats:
        day = self._day(now)
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


_DAY_NS = 24 * 3600 * 1_000_000_000
_TICKER_FIELDS = [
    name for name in Ticker.__struct_fields__ if name not in ("instrument", "venue_ns", "seen_ns")
]

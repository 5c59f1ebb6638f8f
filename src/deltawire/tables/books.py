"""Rows of books. A row that should not be relied on has `F_MAYBE_BAD_BOOK`."""

from collections.abc import Iterable, Iterator

import msgspec

from deltawire.book.known import levels_within
from deltawire.book.ladder import Ladder
from deltawire.errors import UsageError
from deltawire.model.events import BestLevels, BookDelta, BookImage, Changes, Event, Levels, Status, Trade
from deltawire.model.instruments import Instrument
from deltawire.model.known_range import WHOLE
from deltawire.tables.schemas import (
    F_BAD_TS_RECV,
    F_LAST,
    F_MAYBE_BAD_BOOK,
    F_MBP,
    F_SNAPSHOT,
)
from deltawire.tables.trades import trade_values
from deltawire.tables.values import SIDES, Row, Value, Values

Image = BookImage | BestLevels
BookEvent = BookImage | BestLevels | BookDelta | Status


class TrackedBook:
    """One instrument's book as events have made it; `UsageError` where one does not follow the one before."""

    def __init__(self, instrument: Instrument) -> None:
        self.instrument = instrument
        self.ladder = Ladder()
        self.sequence = 0
        self.live = True
        """False while its prices may be wrong."""
        self.venue_ns = 0
        self.began = False
        self.known = WHOLE
        """Which levels are known to be without a gap."""

    def take(self, event: BookEvent) -> None:
        """Take over what an event says."""
        if isinstance(event, Status):
            self.live = event.state == "live"
            return
        if isinstance(event, BookDelta):
            self._follow(event)
        else:
            self.instrument, self.began = event.instrument, True
            self.ladder.bids.become(event.bids)
            self.ladder.asks.become(event.asks)
        self.known = WHOLE if isinstance(event, BestLevels) else event.known
        self.sequence, self.venue_ns = event.sequence, event.venue_ns

    def refine(self, instrument: Instrument) -> None:
        """Express it in ticks and lots as fine as an instrument's, or finer where they are so already."""
        if instrument is self.instrument:
            return
        finer = msgspec.structs.replace(
            instrument,
            price_exponent=min(instrument.price_exponent, self.instrument.price_exponent),
            size_exponent=min(instrument.size_exponent, self.instrument.size_exponent),
        )
        factors = finer.factors_from(self.instrument)
        if factors != (1, 1):
            self.ladder.rescale(*factors)
            self.known = self.known.rescaled(factors[0])
        self.instrument = finer

    def _follow(self, delta: BookDelta) -> None:
        if not self.began or delta.sequence - delta.covers != self.sequence:
            raise UsageError(
                f"{delta.instrument.key}: change {delta.sequence - delta.covers} does not follow {self.sequence}; a"
                " table of books is of one channel of each book, from an image on"
            )
        self.refine(delta.instrument)
        if self.instrument.factors_from(delta.instrument) != (1, 1):
            raise UsageError(f"{delta.instrument.key}: a change in coarser units than the book before")
        self.ladder.bids.follow(delta.bids)
        self.ladder.asks.follow(delta.asks)

    def in_units(self, trade: Trade) -> Trade:
        """A trade in the book's ticks and lots, which become as fine as they must."""
        self.refine(trade.instrument)
        price, size = self.instrument.factors_from(trade.instrument)
        return msgspec.structs.replace(
            trade,
            instrument=self.instrument,
            price_ticks=trade.price_ticks * price,
            size_lots=trade.size_lots * size,
        )

    @property
    def doubt(self) -> int:
        """The flag of a row that should not be relied on, or none.

        Nor should one of a book of which not even the best levels are known.
        """
        return 0 if self.live and self.began and self._has_best() else F_MAYBE_BAD_BOOK

    def _has_best(self) -> bool:
        """Whether the best levels are known: a side that ends somewhere has a level before its end."""
        bids, asks = self._sides(1)
        known = self.known
        return bool(bids.prices or known.bids is None) and bool(asks.prices or known.asks is None)

    def beyond(self, side: str, price: int) -> int:
        """The flag of a level beyond the known range, or none."""
        edge = self.known.bids if side == "B" else self.known.asks
        if edge is None:
            return 0
        return F_MAYBE_BAD_BOOK if (price < edge if side == "B" else price > edge) else 0

    def _sides(self, depth: int) -> tuple[Levels, Levels]:
        """The best levels as far as they are known."""
        ladder, known = self.ladder, self.known
        bids = levels_within(ladder.bids, known.bids, depth, bid=True)
        return bids, levels_within(ladder.asks, known.asks, depth, bid=False)

    def levels(self, depth: int) -> Values:
        """The best levels, as the columns `bid_px_00`, `ask_px_00`, `bid_sz_00` …, as far as they are known."""
        bids, asks = self._sides(depth)
        columns = [_padded(each, depth) for each in (bids.prices, asks.prices, bids.sizes, asks.sizes)]
        return tuple(value for level in zip(*columns, strict=True) for value in level)


class TrackedBooks:
    """All books that events tell of."""

    def __init__(self) -> None:
        self._books: dict[str, TrackedBook] = {}

    def take(self, event: Event) -> TrackedBook | None:
        """Take over an event; the book that it is about, if it is about one."""
        if not isinstance(event, (BookImage, BestLevels, BookDelta, Status)):
            return None
        book = self._books.get(event.instrument.key)
        if book is None:
            book = self._books[event.instrument.key] = TrackedBook(event.instrument)
        book.take(event)
        return book

    def of(self, instrument: Instrument) -> TrackedBook:
        """The book of an instrument, empty where nothing is known of it."""
        book = self._books.get(instrument.key)
        return TrackedBook(instrument) if book is None else book

    def __iter__(self) -> Iterator[TrackedBook]:
        return iter(self._books.values())


class TobRows:
    """Rows of `mbp-1` and `mbp-10`: one after every event that changes these levels, or whether they are good.

    Where just one of the levels has changed the row says which (`action` A, M or C, `side`, `depth`, `price`,
    `size`); of an image `action` is R, else N.
    """

    def __init__(self, depth: int) -> None:
        self._depth = depth
        self._books = TrackedBooks()
        self._told: dict[str, tuple[int, Values]] = {}

    def take(self, event: Event) -> Iterable[Row]:
        """See `RowMaker`."""
        book = self._books.take(event)
        if book is None or not book.began or _comes_before(event):
            return ()
        levels, key = book.levels(self._depth), book.instrument.key
        news = book.doubt, levels
        if self._told.get(key) == news and not isinstance(event, BookImage):
            return ()
        self._told[key] = news
        flags = F_LAST | F_MBP | book.doubt
        if isinstance(event, BookImage):
            flags |= F_SNAPSHOT
        what = _only_change(event, book, self._depth) if isinstance(event, BookDelta) else None
        if what is None:
            what = ("N" if isinstance(event, (BookDelta, Status)) else "R", "N", 0, None, 0)
        return (Row(book.instrument, (*_where(event, book), *what, *_end(event, book, flags), *levels)),)

    def finish(self) -> Iterable[Row]:
        """See `RowMaker`."""
        return ()


class LevelRows:
    """Rows of `book`: one per level of an image or change; the last of an event has `F_LAST`.

    An image begins with a row of action R, which has no level and clears the book. A book that is live no more has a
    row of action N with `F_MAYBE_BAD_BOOK`, and is so until the next row without it; what follows changes the book
    before. Levels beyond the known range have that flag as well, whatever the state of the book.
    """

    def __init__(self) -> None:
        self._books = TrackedBooks()

    def take(self, event: Event) -> Iterable[Row]:
        """See `RowMaker`."""
        book = self._books.take(event)
        if book is None or not book.began or _comes_before(event):
            return ()
        far: list[Values] = []
        near: list[Values] = []
        match event:
            case Status():
                near = [("N", "N", None, 0)]
            case BookDelta():
                if event.beyond is not None:
                    far = [*_changed("B", event.beyond.bids), *_changed("A", event.beyond.asks)]
                near = [*_changed("B", event.bids), *_changed("A", event.asks)]
            case BookImage() | BestLevels():
                near = [("R", "N", None, 0), *_added("B", event.bids), *_added("A", event.asks)]
        return self._rows(event, book, far, near)

    def finish(self) -> Iterable[Row]:
        """See `RowMaker`."""
        return ()

    def _rows(self, event: Event, book: TrackedBook, far: list[Values], near: list[Values]) -> Iterator[Row]:
        """Rows of changes beyond the known range, then of those within: a level may go there and come here."""
        where = _where(event, book)
        flags = F_MBP | book.doubt | (F_SNAPSHOT if isinstance(event, (BookImage, BestLevels)) else 0)
        told = [*far, *near]
        for number, what in enumerate(told, 1):
            last = F_LAST if number == len(told) else 0
            _, side, price, _ = what
            beyond = F_MAYBE_BAD_BOOK if number <= len(far) else 0
            if isinstance(price, int):
                beyond |= book.beyond(str(side), price)
            yield Row(book.instrument, (*where, *what, *_end(event, book, flags | last | beyond)))


class TradeBboRows:
    """Rows of `tbbo`: every trade with the best levels just before it."""

    def __init__(self) -> None:
        self._books = TrackedBooks()

    def take(self, event: Event) -> Iterable[Row]:
        """See `RowMaker`."""
        if not isinstance(event, Trade):
            self._books.take(event)
            return ()
        book = self._books.of(event.instrument)
        values = trade_values(book.in_units(event), book.doubt)
        return (Row(book.instrument, (*values, *book.levels(1))),)

    def finish(self) -> Iterable[Row]:
        """See `RowMaker`."""
        return ()


class BboRows:
    """Rows of `bbo-1s` and `bbo-1m`: the best levels at the end of each interval, and the last trade up to then.

    Intervals are of the time of receiving, and `ts_recv` is their end. One in which nothing at all was received has no
    row: nobody knows.
    """

    def __init__(self, interval_ns: int) -> None:
        self._interval_ns = interval_ns
        self._books = TrackedBooks()
        self._trades: dict[str, Trade] = {}
        self._end_ns = 0

    def take(self, event: Event) -> Iterable[Row]:
        """See `RowMaker`."""
        seen_ns = getattr(event, "seen_ns", 0)
        end_ns = seen_ns - seen_ns % self._interval_ns + self._interval_ns
        ended: list[Row] = []
        if seen_ns and end_ns > self._end_ns:
            ended = [*self.finish()]
            self._end_ns = end_ns
        self._books.take(event)
        if isinstance(event, Trade):
            self._trades[event.instrument.key] = event
        return ended

    def finish(self) -> Iterable[Row]:
        """See `RowMaker`."""
        return [self._row(book) for book in self._books if book.began]

    def _row(self, book: TrackedBook) -> Row:
        trade = self._trades.get(book.instrument.key)
        last: Values = ("N", None, None)
        if trade is not None:
            trade = book.in_units(trade)
            last = (SIDES[trade.side], trade.price_ticks, trade.size_lots)
        instrument = book.instrument
        where = (book.venue_ns, self._end_ns, instrument.venue, instrument.name)
        flags = F_LAST | F_MBP | book.doubt
        return Row(instrument, (*where, *last, flags, book.sequence, *book.levels(1)))


def _comes_before(event: Event) -> bool:
    """Whether this is a book's becoming live: the change that makes it so is still to come, and has a row."""
    return isinstance(event, Status) and event.state == "live"


def _where(event: Event, book: TrackedBook) -> Values:
    """The columns `ts_event`, `ts_recv`, `venue` and `symbol`."""
    seen_ns = getattr(event, "seen_ns", 0)
    return getattr(event, "venue_ns", 0), seen_ns, book.instrument.venue, book.instrument.name


def _end(event: Event, book: TrackedBook, flags: int) -> Values:
    """The columns `flags` and `sequence`."""
    return flags | (0 if getattr(event, "seen_ns", 0) else F_BAD_TS_RECV), book.sequence


def _changed(side: str, changes: Changes) -> list[Values]:
    """Every change of a side: action, side, price and size."""
    columns = zip(changes.prices, changes.sizes, changes.previous, strict=True)
    return [
        ("C" if not size else "M" if before else "A", side, price, size) for price, size, before in columns
    ]


def _added(side: str, levels: Levels) -> list[Values]:
    columns = zip(levels.prices, levels.sizes, strict=True)
    return [("A", side, price, size) for price, size in columns]


def _only_change(delta: BookDelta, book: TrackedBook, depth: int) -> Values | None:
    """Action, side, depth, price and size of what has changed, where that is one level and stands so high."""
    told = [*_changed("B", delta.bids), *_changed("A", delta.asks)]
    if len(told) != 1:
        return None
    action, side, price, size = told[0]
    prices = (book.ladder.bids if side == "B" else book.ladder.asks).levels(depth).prices
    assert isinstance(price, int)
    above = sum(1 for each in prices if (each > price if side == "B" else each < price))
    return (action, side, above, price, size) if above < depth else None


def _padded(values: list[int], depth: int) -> list[Value]:
    return [*values, *[None] * (depth - len(values))]

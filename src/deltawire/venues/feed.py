"""What every venue's file builds on: books by instrument, faults instead of exceptions, silence.

A venue's own file says how to subscribe, how to read a frame, and which continuity rule and level format its
books have; everything that must be the same everywhere is here.
"""

from typing import Any

import msgspec

from deltawire.book.book import Book, BookEvent, BookUpdate
from deltawire.book.columns import read_exponents
from deltawire.errors import MalformedError, PrecisionError, VenueError
from deltawire.model.events import Event, Fault, Listing, Side, Trade
from deltawire.model.instruments import Instrument
from deltawire.model.numbers import parse_decimal
from deltawire.ports import Ask, Output, Reconnect, Wants

SECOND_NS = 1_000_000_000
MS_NS = 1_000_000
BAD_FRAME = (VenueError, msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
"""What a frame may raise on its way through a parser; anything else is our own bug and must be seen."""


class Feed:
    """One connection to a venue; see `deltawire.ports.Venue`."""

    name = ""
    silence_ns = 60 * SECOND_NS
    """Without a frame for this long, the connection's books are stale."""

    def __init__(self) -> None:
        self.books: dict[str, Book] = {}
        self.instruments: dict[str, Instrument] = {}
        self._heard_ns: int | None = None

    # What the venue's own file fills in.

    def _read(self, frame: bytes, now: int) -> list[Output]:
        """The events and asks of one frame; may raise any of BAD_FRAME."""
        raise NotImplementedError

    def _subscriptions(self, wants: Wants, now: int) -> list[Output]:
        """What to ask for when the connection opens."""
        raise NotImplementedError

    def _answer(self, tag: str, body: bytes, now: int) -> list[Output]:
        """The events and asks of a fetched body; may raise any of BAD_FRAME."""
        raise NotImplementedError

    def _make_book(self, instrument: Instrument) -> Book:
        """A book with this venue's continuity rule and level format."""
        raise NotImplementedError

    def _describe(self, symbol: str) -> Instrument:
        """What a bare symbol tells of an instrument that the venue has not defined (`stated=False`)."""
        raise NotImplementedError

    def _ask_image(self, book: Book) -> list[Ask]:
        """What to ask for so that an image of this one book comes."""
        raise NotImplementedError

    def tag(self, url: str) -> str | None:
        """See `Venue.tag`."""
        raise NotImplementedError

    # What is the same everywhere.

    def opened(self, wants: Wants, now: int) -> list[Output]:
        """See `Venue.opened`."""
        self._heard_ns = now
        return self._subscriptions(wants, now)

    def received(self, frame: bytes, now: int) -> list[Output]:
        """See `Venue.received`."""
        self._heard_ns = now
        try:
            return self._read(frame, now)
        except BAD_FRAME as error:
            return [self._fault(error, now)]

    def fetched(self, tag: str, body: bytes, now: int) -> list[Output]:
        """See `Venue.fetched`."""
        try:
            return self._answer(tag, body, now)
        except BAD_FRAME as error:
            return [self._fault(error, now, tag)]

    def closed(self, now: int) -> list[Output]:
        """See `Venue.closed`."""
        self._heard_ns = None
        found: list[Output] = []
        for book in self.books.values():
            found += book.fault("closed", now)
        return found

    def deadline(self) -> int | None:
        """See `Venue.deadline`."""
        return None if self._heard_ns is None else self._heard_ns + self.silence_ns

    def tick(self, now: int) -> list[Output]:
        """See `Venue.tick`."""
        deadline = self.deadline()
        if deadline is None or now < deadline:
            return []
        self._heard_ns = now
        found: list[Output] = []
        for book in self.books.values():
            if book.state == "live":
                found += book.fault("silent", now)
        return [*found, Reconnect("no frame came in time")]

    # What the venues' files call.

    def _book(self, symbol: str) -> Book:
        book = self.books.get(symbol)
        if book is None:
            book = self.books[symbol] = self._make_book(self._instrument(symbol))
        return book

    def _instrument(self, symbol: str) -> Instrument:
        known = self.instruments.get(symbol)
        if known is None:
            known = self.instruments[symbol] = self._describe(symbol)
        return known

    def _image(self, symbol: str, update: BookUpdate, now: int) -> list[Output]:
        """A book image has come for this symbol."""
        book = self._book(symbol)
        listed = self._fit_image(book, update, now)
        return [*listed, *self._settled(book, book.image(update, now), now)]

    def _delta(self, book: Book, update: BookUpdate, now: int) -> list[Output]:
        """A book update has come."""
        return self._settled(book, book.delta(update, now), now)

    def _settled(self, book: Book, events: list[BookEvent], now: int) -> list[Output]:
        """The events, and where the book needs an image now, what to ask for."""
        if not book.wants_image:
            return events  # type: ignore[return-value]
        return [*events, *self._ask_image(book), *book.asked(now)]

    def _learn(self, stated: Instrument, now: int) -> list[Event]:
        """The venue defines an instrument; one with a running book keeps its exponents if they are finer."""
        known = self.instruments.get(stated.name)
        if known is None:
            self.instruments[stated.name] = stated
            return [Listing(stated, now)]
        return self._redefine(
            known,
            msgspec.structs.replace(
                stated,
                price_exponent=min(known.price_exponent, stated.price_exponent),
                size_exponent=min(known.size_exponent, stated.size_exponent),
            ),
            now,
        )

    def _redefine(self, known: Instrument, now_known: Instrument, now: int) -> list[Event]:
        if known == now_known:
            return []
        self.instruments[known.name] = now_known
        book = self.books.get(known.name)
        if book is not None:
            book.define(now_known)
        return [Listing(now_known, now)]

    def _fit_image(self, book: Book, update: BookUpdate, now: int) -> list[Event]:
        """Where the venue has not stated the exponents, the image's own texts do."""
        instrument = book.instrument
        if instrument.stated:
            return []
        try:
            levels = book.texts(update)
        except VenueError:
            return []  # the book reads the same bytes next, and says what is wrong with them
        return self._fit(instrument, levels, now)

    def _fit(self, instrument: Instrument, levels: list[tuple[str, str]], now: int) -> list[Event]:
        """Make the exponents fine enough for these (price, size) texts."""
        prices, sizes = read_exponents(levels)
        finer = msgspec.structs.replace(
            instrument,
            price_exponent=min(prices, instrument.price_exponent),
            size_exponent=min(sizes, instrument.size_exponent),
        )
        return self._redefine(instrument, finer, now)

    def _trade(
        self,
        symbol: str,
        texts: tuple[str, str],
        trade_id: str,
        side: Side,
        times: tuple[int, int],
        **more: Any,
    ) -> list[Event]:
        """A trade from its (price, size) texts and (venue_ns, seen_ns); finer decimals redefine the instrument."""
        instrument = self._instrument(symbol)
        price, size = texts
        try:
            ticks = parse_decimal(price, instrument.price_exponent)
            lots = parse_decimal(size, instrument.size_exponent)
        except PrecisionError:
            listed = self._fit(instrument, [texts], times[1])
            if not listed:
                raise
            return listed + self._trade(symbol, texts, trade_id, side, times, **more)
        return [Trade(instrument, trade_id, ticks, lots, side, *times, **more)]

    def _fault(self, error: Exception, now: int, where: str = "frame") -> Fault:
        reason = "nested too deeply" if isinstance(error, RecursionError) else str(error)
        return Fault(self.name, now, f"{where}: {reason}")


def optional_float(text: str) -> float | None:
    """A venue's decimal text as a float, None where it is empty."""
    if not text:
        return None
    try:
        return float(text)
    except ValueError as error:
        raise MalformedError(f"not a number: {text[:40]!r}") from error


def ms(text: str) -> int:
    """A venue's millisecond text as nanoseconds."""
    if not (text.isascii() and text.isdecimal() and len(text) < 16):
        raise MalformedError(f"not a time: {text[:40]!r}")
    return int(text) * MS_NS


def split_pair(symbol: str, quotes: tuple[str, ...]) -> tuple[str, str]:
    """Base and quote of a symbol written as one word; the whole symbol is the base when no quote is known."""
    for quote in quotes:
        if symbol.endswith(quote) and len(symbol) > len(quote):
            return symbol[: -len(quote)], quote
    return symbol, ""

"""The base of every venue's file: books by instrument, faults instead of exceptions, silence.

A venue's own file says how to subscribe, how to read a frame, and which continuity rule and level format its books
have; everything that is the same for all venues is here.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from math import isfinite
from typing import Annotated, Any, TypeVar

import msgspec

from deltawire.book.book import UNPROVEN, Book, BookEvent, BookUpdate
from deltawire.book.columns import mantissa
from deltawire.book.fast_path import FastPath
from deltawire.book.kernel import Image
from deltawire.book.refinement import (
    ANY_ROOM,
    Exponents,
    Levels,
    Room,
    exponents_of,
    refined,
    with_exponents,
)
from deltawire.errors import MalformedError, PrecisionError, VenueError
from deltawire.model.events import Event, Fault, Listing, Side, Trade, VenueState, VenueStatus
from deltawire.model.instruments import Instrument
from deltawire.model.limits import Limits
from deltawire.model.numbers import FINEST, exponent_of, format_decimal, parse_decimal
from deltawire.ports import (
    Ask,
    BookFrames,
    Fetch,
    FrameIds,
    Output,
    Receipt,
    Reconnect,
    Send,
    Stream,
    Wants,
)
from deltawire.venues.channels import BookChannels, Rank
from deltawire.venues.lifetimes import Lifetimes
from deltawire.venues.outages import Outages
from deltawire.venues.tape import SeenTrades, Trades

SECOND_NS = 1_000_000_000
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MS_NS = 1_000_000
LATEST_NS = (1 << 63) - 1
LATEST_MS = LATEST_NS // MS_NS
Ms = Annotated[int, msgspec.Meta(ge=0, le=LATEST_NS)]
"""A venue's time since 1970: milliseconds, or microseconds if requested (`to_ns` distinguishes them)."""
FIRST_US, FIRST_NS = 10**14, 10**17
"""From here on a number is microseconds, or nanoseconds: as milliseconds it would be after the year 5138."""
Id = Annotated[int, msgspec.Meta(ge=-(1 << 63), le=(1 << 63) - 1)]
"""A venue's id of an update or a trade."""
LONGEST_NAME, LONGEST_REASON = 64, 256
UNNAMED = "without a name"
MOST_UNREAD = 64
"""The number of kinds of unread streams that are counted separately."""
IMAGE_WAIT_NS = 20 * SECOND_NS
"""A missing image is requested again after this time."""
AUDIT_RETRY_NS = 5 * SECOND_NS
"""An image that was older than its request is requested again after this time: some venues serve cached ones."""
RETRY_NS = SECOND_NS
"""After an invalid image the next one is requested no earlier than this: venues limit requests."""
BAD_FRAME = (VenueError, msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
"""Exceptions that parsing a frame may raise; any other is a defect of deltawire and is not caught."""

T = TypeVar("T")
_NUMBER = re.compile(r"-?\d{1,40}(\.\d{1,40})?([eE][+-]?\d{1,3})?", re.ASCII)


class VenueConnection:
    """One connection to a venue; implements `deltawire.ports.Venue`."""

    name = ""
    silence_ns = 60 * SECOND_NS
    """Without a frame for this long, the books of the connection become stale."""
    pads_decimals = False
    """Whether prices are padded with zeros after the last significant place."""
    ping: Send | None = None
    """The message for venues that close connections on which the client sends nothing."""
    ping_ns = 0
    """How often."""
    retry_ns = RETRY_NS
    """How long after an invalid image the next one is requested."""
    limits = Limits(endpoints={})
    fast_path = FastPath("text_pairs", "none", ())
    """The format of this venue's book messages that the kernel can handle."""

    def __init__(self) -> None:
        self._router = self.fast_path.make_router(
            otherwise=self._received_otherwise,
            expect=self._expect,
            opened=self._opened,
        )
        if type(self).received is VenueConnection.received:
            self.received = self._router.received  # type: ignore[method-assign]  # spares a call a frame
        self.books: dict[str, Book] = {}
        self.instruments: dict[str, Instrument] = {}
        self.unread: dict[str, int] = {}
        """Number of unused messages by stream or kind."""
        self._parsed_books = 0
        """Frames with a book image or update that were read by the venue's parser."""
        self._book_channels = BookChannels(self._rank)
        self._seen_trades: dict[str, SeenTrades] = {}
        self._pinged_ns = 0
        self._waiting: dict[str, int] = {}
        """Books without an image, and when to request one again."""
        self._lifetimes = Lifetimes()
        self._outages = Outages()
        self._refused_books: set[str] = set()
        """Books whose stream was refused: an image alone does not make them live."""
        self._mentioned: set[str] = set()
        """The instruments named by the list that is being read."""

    @property
    def fast_messages(self) -> int:
        """Number of updates handled by the kernel; 0 in pure Python."""
        return self._router.taken

    @property
    def fast_images(self) -> int:
        """Number of images read by the kernel; 0 in pure Python."""
        return self._router.imaged

    @property
    def book_frames(self) -> BookFrames:
        return BookFrames(self._router.taken + self._router.imaged, self._parsed_books)

    # To be defined by the venue's own file.

    def _read(self, frame: bytes, now: int) -> list[Output]:
        """The events and effects of one frame; may raise any of BAD_FRAME."""
        raise NotImplementedError

    def streams(self, wants: Wants) -> list[Stream]:
        raise NotImplementedError

    def lists(self, wants: Wants) -> list[Fetch]:
        return []

    def subscribe(self, streams: Sequence[Stream]) -> list[Send]:
        raise NotImplementedError

    def unsubscribe(self, streams: Sequence[Stream]) -> list[Send]:
        raise NotImplementedError

    def image_url(self, symbol: str) -> str | None:
        return None

    def identity(self, frame: bytes) -> FrameIds | None:
        return None

    def greeting(self) -> list[Send]:
        return []

    def instrument(self, symbol: str) -> Instrument | None:
        try:
            return self._instrument(symbol)
        except MalformedError:
            return None

    def listed(self) -> list[Instrument]:
        return [each for each in self.instruments.values() if each.active and each.stated]

    def live_id(self, symbol: str) -> int | None:
        book = self.books.get(symbol)
        return book.venue_sequence if book is not None and book.state == "live" else None

    def top(self, symbol: str) -> tuple[float | None, float | None] | None:
        book = self.books.get(symbol)
        if book is None or book.state != "live":
            return None
        bid, ask = book.ladder.bids.best(), book.ladder.asks.best()
        price = book.instrument.price
        return None if bid is None else price(bid), None if ask is None else price(ask)

    def _answer(self, tag: str, body: bytes, now: int) -> list[Output]:
        """The events and effects of a fetched body; may raise any of BAD_FRAME."""
        raise NotImplementedError

    def _make_book(self, instrument: Instrument) -> Book:
        """A book with this venue's continuity rule and level format."""
        raise NotImplementedError

    def _describe(self, symbol: str) -> Instrument:
        """The facts that a symbol alone states of an instrument that the venue has not defined (`stated=False`)."""
        raise NotImplementedError

    def _ask_image(self, book: Book) -> list[Ask]:
        """What to send or fetch to get an image of this one book."""
        raise NotImplementedError

    def tag(self, url: str) -> str | None:
        raise NotImplementedError

    def _expect(self, symbol: str, label: str) -> tuple[Instrument, int] | None:
        """How the kernel is to read a symbol's image with this label; None if the image's texts define the exponents.

        If the venue has not stated the exponents, the kernel leaves images with finer ones to the parser.
        """
        instrument = self.instruments.get(symbol)
        if instrument is None or (self.pads_decimals and not instrument.stated):
            return None
        channel = self._channel(symbol, label)
        return (instrument, 0) if self._book_channels.takes(symbol, channel, opens=True) else None

    def _rank(self, channel: str) -> Rank:
        """The rank of a book channel of this name; the finest is the least."""
        return ()

    def _channel(self, symbol: str, label: str) -> str:
        """The book channel, without the instrument, of frames with this label."""
        return label

    def _levels_of(self, channel: str) -> int:
        """How many best levels a side the venue keeps up to date on a book channel; 0 if all."""
        return 0

    def _follow(self, symbol: str, label: str) -> Book:
        """The book of a symbol, whose messages have this label from now on."""
        book = self._book(symbol)
        book.follow(label, self._levels_of(self._channel(symbol, label)))
        return book

    def _opened(self, image: Image, now: int) -> list[Output]:
        """The events of a book image that the kernel has read."""
        channel = self._channel(image.symbol, image.label)
        self._book_channels.choose(image.symbol, channel, opens=True)
        book = self._book(image.symbol)
        if (last := self._last_words(book, now)) is not None:
            return last
        book.follow(image.label, self._levels_of(channel))
        events = book.opened(image, now)
        self._waiting.pop(image.symbol, None)
        return events  # type: ignore[return-value]

    # The same for all venues.

    def opened(self, wants: Wants, now: int) -> list[Output]:
        streams = [each for each in self.streams(wants) if each.topic != "status" or not each.path]
        return [*self.lists(wants), *self.connected(now), *self.subscribe(streams)]

    def connected(self, now: int) -> list[Output]:
        self._router.heard_ns = self._pinged_ns = now
        self._outages.reopened(now)
        self._refused_books.clear()
        return [*self._began(now), *self.greeting()]

    def progress(self, symbol: str) -> int:
        book = self.books.get(symbol)
        if book is None:
            return 0
        counts = book.counts
        return counts.images + counts.deltas + counts.old + counts.waited + counts.malformed

    def fell_silent(self, symbol: str, now: int) -> list[Output]:
        book = self._book(symbol)
        if self._lifetimes.why(symbol) or self._outages.over(book.instrument):
            return []
        events = book.fault("silent", now, "its stream has stopped") if book.state == "live" else []
        return [*events, *self._ask_image(book), *self._awaited(book, now)]

    def refused_book(self, symbol: str, why: str, now: int) -> list[Output]:
        if self.instrument(symbol) is None:
            return []
        book = self._book(symbol)
        self._waiting.pop(symbol, None)
        self._refused_books.add(symbol)
        return [*book.fault("closed", now, f"refused: {why}"[:LONGEST_REASON])]

    def stated(self, status: VenueStatus, now: int) -> list[Output]:
        return self._obey(now) if self._outages.take(status) else []

    def heard(self, now: int) -> None:
        if self._router.heard_ns is not None:
            self._router.heard_ns = max(now, self._router.heard_ns)

    def received(self, frame: bytes, now: int) -> list[Output]:
        return self._router.received(frame, now)

    def _received_otherwise(self, frame: bytes, now: int) -> list[Output]:
        """Handle a frame that the kernel has left to the venue's parser."""
        try:
            return self._read(frame, now)
        except BAD_FRAME as error:
            return [self._fault(error, now)]

    def fetched(self, tag: str, body: bytes, now: int) -> list[Output]:
        try:
            return self._answer(tag, body, now)
        except BAD_FRAME as error:
            return [self._fault(error, now, tag)]

    def closed(self, now: int) -> list[Output]:
        self._router.heard_ns = None
        self._waiting.clear()
        self._book_channels.clear()
        outputs: list[Output] = []
        for symbol, book in self.books.items():
            if not self._lifetimes.why(symbol):
                outputs += book.fault("closed", now)
        return outputs

    def rewound(self) -> None:
        self._seen_trades.clear()
        self._outages = Outages()

    def missed(self, now: int, detail: str) -> list[Output]:
        """See `Venue.missed`. A book's next message proves it again, by its ids or its checksum."""
        outputs: list[Output] = []
        for book in self.books.values():
            if book.state == "live":
                outputs += self._settled(book, book.fault("lost", now, detail), now)
        return outputs

    def deadline(self) -> int | None:
        ends = self._lifetimes.next_expiry(), self._outages.next_end()
        expiry_ns = min((each for each in ends if each is not None), default=None)
        heard_ns = self._router.heard_ns
        if heard_ns is None:
            return expiry_ns
        due_ns = heard_ns + self.silence_ns
        if self.ping:
            due_ns = min(due_ns, self._pinged_ns + self.ping_ns)
        if self._waiting:
            due_ns = min(due_ns, *self._waiting.values())
        return due_ns if expiry_ns is None else min(due_ns, expiry_ns)

    def tick(self, now: int) -> list[Output]:
        outputs = self._expire(now)
        for status in self._outages.ended(now):
            outputs += self._state_venue(status, now)
        if self._router.heard_ns is None:
            return outputs
        outputs += self._ask_again(now)
        if now < self._router.heard_ns + self.silence_ns:
            return [*outputs, *self._ping_again(now)]
        self._router.heard_ns = None
        for book in self.books.values():
            if book.state == "live":
                outputs += book.fault("silent", now)
        return [*outputs, Reconnect("no frame came in time")]

    def _ping_again(self, now: int) -> list[Output]:
        if self.ping is None or now < self._pinged_ns + self.ping_ns:
            return []
        self._pinged_ns = now
        return [self.ping]

    def _ask_again(self, now: int) -> list[Output]:
        outputs: list[Output] = []
        for symbol in [symbol for symbol, due_ns in self._waiting.items() if due_ns <= now]:
            book = self.books[symbol]
            if book.state == "live" and not book.auditing:
                del self._waiting[symbol]
                continue
            if book.unreached(now):  # whatever comes next on the stream proves the book, or shows the gap
                del self._waiting[symbol]
                outputs += book.fault("silent", now, "its stream has stopped")
                continue
            self._waiting[symbol] = now + IMAGE_WAIT_NS
            outputs += self._ask_image(book)
        return outputs

    def audit(self, symbol: str, now: int) -> list[Output]:
        """Request an image of a live book, which is compared with it and extends its known range.

        Returns nothing if the venue has no image with an id that its updates share; see `Book.begin_audit`.
        """
        book = self.books.get(symbol)
        if book is None or book.auditing or not book.begin_audit():
            return []
        self._waiting[symbol] = now + IMAGE_WAIT_NS
        return [*self._ask_image(book)]

    def requested(self, url: str, now: int) -> None:
        kind, _, symbol = (self.tag(url) or "").partition(":")
        if kind == "book":
            self.audit(symbol, now)

    def audit_next(self, choose: Callable[[Mapping[str, Book], int], str | None], now: int) -> list[Output]:
        name = choose(self.books, now)
        return self.audit(name, now) if name is not None else []

    # Called by the venues' files.

    def _each(self, items: Iterable[T], read: Callable[[T, int], Sequence[Output]], now: int) -> list[Output]:
        """Read items one by one: an item that cannot be used is a fault and does not affect the others."""
        outputs: list[Output] = []
        for item in items:
            try:
                outputs += read(item, now)
            except BAD_FRAME as error:
                outputs.append(self._fault(error, now))
        return outputs

    def _book(self, symbol: str) -> Book:
        book = self.books.get(symbol)
        if book is None:
            book = self.books[symbol] = self._make_book(self._instrument(symbol))
            book.use(self._router.track(symbol))
            if self.pads_decimals:
                book.refine = _refined_with_tick_size
        return book

    def _instrument(self, symbol: str) -> Instrument:
        known = self.instruments.get(symbol)
        if known is None:
            _check_name(symbol)
            known = self._describe(symbol)
            if self._lifetimes.why(symbol):
                known = msgspec.structs.replace(known, active=False)
            self.instruments[symbol] = known
            self._lifetimes.watch(known)
        return known

    def _image(self, symbol: str, update: BookUpdate, now: int) -> list[Output]:
        """Apply a book image for this symbol; if it is not valid, another is requested, but not at once."""
        book = self._book(symbol)
        if (last := self._last_words(book, now)) is not None:
            return last
        if symbol in self._refused_books and self.image_url(symbol) is not None:
            return []
        events = book.image(update, now)
        self.instruments[symbol] = book.instrument
        if book.state == "live" and not book.auditing:
            self._waiting.pop(symbol, None)
        elif book.auditing:
            self._waiting[symbol] = now + AUDIT_RETRY_NS
        elif book.wants_image:
            self._waiting[symbol] = now + self.retry_ns
            events += book.asked(now)
        return events  # type: ignore[return-value]

    def _whole(self, book: Book, update: BookUpdate, now: int) -> list[Output]:
        """Apply an image of a channel that sends only images."""
        if (last := self._last_words(book, now)) is not None:
            return last
        events = book.replace(update, now)
        self.instruments[book.instrument.name] = book.instrument
        if book.state == "live":
            self._waiting.pop(book.instrument.name, None)
        return events  # type: ignore[return-value]

    def _delta(self, book: Book, update: BookUpdate, now: int) -> list[Output]:
        """Apply a book update."""
        if (last := self._last_words(book, now)) is not None:
            return last
        if self._refused_books:
            self._refused_books.discard(book.instrument.name)  # it is sent after all
        return self._settled(book, book.delta(update, now), now)

    def _settled(self, book: Book, events: list[BookEvent], now: int) -> list[Output]:
        """The events, and the request for an image if the book needs one now."""
        self.instruments[book.instrument.name] = book.instrument  # an update may have refined it
        if not book.wants_image:
            return events  # type: ignore[return-value]
        return [*events, *self._ask_image(book), *self._awaited(book, now)]

    def _awaited(self, book: Book, now: int) -> list[Output]:
        """An image of this book is asked for: so the book says, and if none comes it is asked for again."""
        self._waiting[book.instrument.name] = now + IMAGE_WAIT_NS
        return [*book.asked(now)]

    def _lost(self, symbol: str, label: str, error: Exception, now: int) -> list[Output]:
        """A message on a book channel cannot be used.

        If it is the channel of this book, the book has missed something.

        Without ids, or without further messages, nothing later would show that.
        """
        book = self.books.get(symbol)
        beside = self._book_channels.of(symbol) not in (None, self._channel(symbol, label))
        if book is None or beside or not (book.state == "live" or book.reason in UNPROVEN):
            return [self._fault(error, now)]
        book.counts.malformed += 1
        fault = msgspec.structs.replace(self._fault(error, now), instrument=symbol)
        return [fault, *self._settled(book, book.fault("malformed", now), now)]

    def _learn(self, stated: Instrument, now: int, why: str = "inactive") -> list[Output]:
        """The venue defines an instrument; one with a running book keeps its exponents if they are finer.

        An instrument that is listed as active, and is not past its expiry, is live (again); `why` is the reason of
        any other.
        """
        _check_name(stated.name)
        _check_increments(stated)
        over = stated.expired(now) or not stated.active
        if over:
            stated = msgspec.structs.replace(stated, active=False)
        outputs = self._take_over(stated, now)
        if over:
            return [*outputs, *self._close(stated, "expired" if stated.expired(now) else why, now)]
        return [*outputs, *self._restart(stated.name, now)]

    def _take_over(self, stated: Instrument, now: int) -> list[Event]:
        """A definition with exponents no coarser than those of the levels."""
        self._lifetimes.watch(stated)
        known = self.instruments.get(stated.name)
        if known is None:
            self.instruments[stated.name] = stated
            return [Listing(stated, now)]
        finer = with_exponents(stated, *exponents_of(known))
        return self._redefine(known, finer, now, printed=exponents_of(stated))

    def _whole_list(
        self, tag: str, items: Sequence[T], read: Callable[[T, int], Sequence[Output]], now: int
    ) -> list[Output]:
        """Read a complete list of instruments, requested under its tag.

        Those that are missing now have been delisted.

        If an entry cannot be read, nobody is delisted, because it may be about any instrument.
        """
        self._mentioned.clear()
        outputs = self._each(items, read, now)
        if len(self._mentioned) == len(items):
            for symbol in self._lifetimes.missing(tag, self._mentioned):
                outputs += self._end(symbol, "delisted", now)
        return outputs

    def _mention(self, symbol: str) -> None:
        """Record that the list that is being read names an instrument."""
        self._mentioned.add(symbol)

    # The state of the venue.

    def _state_venue(self, status: VenueStatus, now: int) -> list[Output]:
        """The venue says how it is: nothing if it has said so before, else an event, and what follows for books."""
        if not self._outages.take(status):
            return []
        return [status, *self._obey(now)]

    def _status(self, state: VenueState, now: int, text: str = "", **members: Any) -> VenueStatus:
        """A status of this venue; texts of any length."""
        return VenueStatus(self.name, state, now, text[:LONGEST_REASON], **members)

    def _obey(self, now: int) -> list[Output]:
        """Books that the venue says are down become stale; those that are so no more ask for an image."""
        outputs: list[Output] = []
        for symbol, book in self.books.items():
            if self._lifetimes.why(symbol):
                continue
            outage = self._outages.over(book.instrument)
            if outage is not None and not _halted(book):
                self._waiting.pop(symbol, None)
                outputs += book.fault("maintenance", now, outage.text)
            elif outage is None and _halted(book) and self._router.heard_ns is not None:
                outputs += self._settled(book, [], now)
        return outputs

    # Ends of instruments.

    def _end(self, symbol: str, why: str, now: int) -> list[Output]:
        """An instrument has ended: it is no longer active, its book is closed, and no frame revives it."""
        known = self.instruments.get(symbol)
        if known is None:
            self._lifetimes.end(symbol, now, why)
            return []
        listed = self._redefine(known, msgspec.structs.replace(known, active=False), now)
        return [*listed, *self._close(known, why, now)]

    def _close(self, instrument: Instrument, why: str, now: int) -> list[Output]:
        at_ns = instrument.expiration_ns if instrument.expired(now) else now
        if not self._lifetimes.end(instrument.name, at_ns, why):
            return []
        self._waiting.pop(instrument.name, None)
        book = self.books.get(instrument.name)
        return [*book.fault("closed", now, why)] if book else []

    def _last_words(self, book: Book, now: int) -> list[Output] | None:
        """The last events of a book that has ended, or whose venue is down; None if it goes on."""
        instrument = book.instrument
        if why := self._lifetimes.why(instrument.name):
            return [] if book.reason == "closed" else [*book.fault("closed", now, why)]
        if instrument.expired(now):
            return self._end(instrument.name, "expired", now)
        outage = self._outages.over(instrument)
        if outage is None:
            return None
        return [] if _halted(book) else [*book.fault("maintenance", now, outage.text)]

    def _revive(self, symbol: str, now: int) -> list[Output]:
        """The venue says that trading of an instrument starts (again)."""
        known = self.instruments.get(symbol)
        if known is None or known.expired(now):
            return []
        listed = self._redefine(known, msgspec.structs.replace(known, active=True), now)
        return [*listed, *self._restart(symbol, now)]

    def _restart(self, symbol: str, now: int) -> list[Output]:
        """Request an image for the book of an instrument that had ended."""
        book = self.books.get(symbol)
        if not self._lifetimes.revive(symbol) or book is None:
            return []
        return self._settled(book, [], now)

    def _expire(self, now: int) -> list[Output]:
        outputs: list[Output] = []
        for symbol in self._lifetimes.due(now):
            if self.instruments[symbol].expired(now):
                outputs += self._end(symbol, "expired", now)
        return outputs

    def _began(self, now: int) -> list[Output]:
        """If time has gone back, revive the instruments that ended later."""
        outputs: list[Output] = []
        for symbol in self._lifetimes.begin(now):
            known = self.instruments.get(symbol)
            if known is not None:
                self._lifetimes.watch(known)
                outputs += self._redefine(known, msgspec.structs.replace(known, active=True), now)
        return outputs

    # Numbers.

    def _redefine(
        self, known: Instrument, now_known: Instrument, now: int, printed: Exponents | None = None
    ) -> list[Event]:
        """Update the definition of an instrument; `printed` are the exponents at which the venue prints."""
        book = self.books.get(known.name)
        if book is not None:
            book.define(now_known, printed)
        if known == now_known:
            return []
        self.instruments[known.name] = now_known
        return [Listing(now_known, now)]

    def _finer(self, instrument: Instrument, levels: Levels) -> Instrument:
        """The instrument, fine enough for these (price, size) texts; `PrecisionError` if one is odd."""
        book = self.books.get(instrument.name)
        if book is None:
            return refined(instrument, levels)
        return book.refine(instrument, levels, Room(book.largest))

    def _trade(
        self,
        symbol: str,
        texts: tuple[str, str],
        trade_id: str,
        side: Side,
        times: tuple[int, int],
        *,
        trades: Trades | None,
        **members: Any,
    ) -> list[Event]:
        """A trade from its (price, size) texts and (venue_ns, seen_ns); nothing if it was received before.

        `trades` are the ids that identify it on all streams.
        """
        seen = self._seen_trades.get(symbol)
        if seen and trades and trades in seen:
            return []
        listed, instrument, ticks, lots = self._measure(symbol, texts, times[1])
        if trades:
            self._seen_trades.setdefault(symbol, SeenTrades()).note(trades)
        return [*listed, Trade(instrument, trade_id, ticks, lots, side, *times, **members)]

    def _measure(
        self, symbol: str, texts: tuple[str, str], now: int
    ) -> tuple[list[Event], Instrument, int, int]:
        """The instrument, ticks and lots of (price, size) texts; finer decimals redefine the instrument."""
        instrument = self._instrument(symbol)
        try:
            return [], instrument, *_units(instrument, texts)
        except PrecisionError:
            listed = self._redefine(instrument, self._finer(instrument, [texts]), now)
        instrument = self._instrument(symbol)
        return listed, instrument, *_units(instrument, texts)

    def _beside(self, symbol: str, channel: str) -> list[Output]:
        """Count a message of a book channel other than the chosen one."""
        chosen = self._book_channels.of(symbol)
        return self._not_read(f"book {channel or UNNAMED} beside {chosen or UNNAMED}")

    def _not_read(self, kind: str) -> list[Output]:
        """Count a message that nobody reads, by its kind."""
        kind = "".join(char if char.isprintable() else "?" for char in kind[:LONGEST_NAME]) or UNNAMED
        if kind not in self.unread and len(self.unread) >= MOST_UNREAD:
            kind = "others"
        self.unread[kind] = self.unread.get(kind, 0) + 1
        return []

    def _fault(self, error: Exception, now: int, where: str = "frame") -> Fault:
        reason = "nested too deeply" if isinstance(error, RecursionError) else str(error)
        return self._complaint(f"{where[:LONGEST_NAME]}: {reason}", now)

    def _complaint(self, reason: str, now: int) -> Fault:
        """A fault from an error message of the venue."""
        return Fault(self.name, now, reason[:LONGEST_REASON])


def _halted(book: Book) -> bool:
    """Whether a book is stale because its venue is down."""
    return book.state == "stale" and book.reason == "maintenance"


def by_channel(streams: Iterable[Stream]) -> dict[str, list[str]]:
    """The subjects of streams that are named `channel:subject`, by their channels."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for stream in streams:
        channel, _, subject = stream.name.partition(":")
        found[channel].append(subject)
    return dict(found)


def portions(items: Sequence[T], most: int) -> Iterator[Sequence[T]]:
    """The items in order, at most so many at a time."""
    return (items[start : start + most] for start in range(0, len(items), most))


class Requests:
    """Subscriptions that are requested and not answered yet, by the number of the request."""

    def __init__(self) -> None:
        self._asked = 0
        self._open: dict[int, tuple[str, ...]] = {}

    def number(self, names: Iterable[str] = ()) -> int:
        """The number of the next request; `names` are the streams that it subscribes."""
        self._asked += 1
        if asked := tuple(names):
            self._open[self._asked] = asked
        return self._asked

    def take(self, number: object) -> tuple[str, ...]:
        """The streams of a request that is answered now."""
        return self._open.pop(number, ()) if isinstance(number, int) else ()

    def clear(self) -> None:
        """The connection has ended; numbers go on."""
        self._open.clear()


def acknowledged(names: Iterable[str]) -> list[Output]:
    """The receipt of some streams, if there are any."""
    granted = tuple(names)
    return [Receipt(acknowledged=granted)] if granted else []


def refused(names: Iterable[str], reason: str) -> list[Output]:
    """The receipt of refused streams, if there are any."""
    denied = tuple(names)
    return [Receipt(refused=denied, reason=reason[:LONGEST_REASON])] if denied else []


def _check_name(symbol: str) -> None:
    """Raise `MalformedError` unless the symbol is a word of reasonable length."""
    if not (symbol.isprintable() and 0 < len(symbol) <= LONGEST_NAME and " " not in symbol):
        raise MalformedError(f"not an instrument: {symbol[:40]!r}")


def _refined_with_tick_size(instrument: Instrument, levels: Levels, room: Room = ANY_ROOM) -> Instrument:
    """Like `refined`; an instrument that the venue has not stated also gets its price increment from the prices."""
    finer = refined(instrument, levels, room)
    return finer if instrument.stated else _with_tick_size(finer, levels)


def _with_tick_size(instrument: Instrument, levels: Levels) -> Instrument:
    """Set the price increment that the prices show, if its exponent is finer."""
    exponents = [exponent_of(price) for price, _ in levels]
    if instrument.tick_size:
        exponents.append(exponent_of(instrument.tick_size))
    if not exponents:
        return instrument
    return msgspec.structs.replace(instrument, tick_size=format_decimal(1, min(exponents)))


def _units(instrument: Instrument, texts: tuple[str, str]) -> tuple[int, int]:
    """Ticks and lots of (price, size) texts."""
    price, size = texts
    return parse_decimal(price, instrument.price_exponent), mantissa(size, instrument.size_exponent)


def _check_increments(stated: Instrument) -> None:
    """Raise `PrecisionError` for invalid increments.

    A price increment must fit the instrument's own exponent; a minimum size must be a decimal, but may be finer than
    the size increment, as some of OKX's are.
    """
    for exponent in exponents_of(stated):
        if not FINEST <= exponent <= 0:
            raise PrecisionError(stated.tick_size or stated.min_trade_size or "1", exponent)
    mantissa(stated.tick_size or "1", stated.price_exponent)
    least = stated.min_trade_size or "1"
    try:
        mantissa(least, stated.size_exponent)
    except PrecisionError:
        mantissa(least, exponent_of(least))


def to_float(text: str) -> float:
    """A venue's decimal text as a finite float; `MalformedError` for any other text."""
    plain = text.isascii() and len(text) <= 40 and text.replace(".", "", 1).isdecimal()
    if not plain and not _NUMBER.fullmatch(text):
        raise MalformedError(f"not a number: {text[:40]!r}")
    value = float(text)
    if not isfinite(value):
        raise MalformedError(f"not a number: {text[:40]!r}")
    return value


def optional_float(text: str) -> float | None:
    """A venue's decimal text as a float, None if it is empty."""
    return to_float(text) if text else None


def percent(text: str) -> float | None:
    """A venue's fraction as percent, the double nearest to its decimal; None if it is empty."""
    if optional_float(text) is None:
        return None
    return float(Decimal(text).scaleb(2))


def to_ns(time: int) -> int:
    """A venue's time as nanoseconds; its magnitude shows whether it is in milli-, micro- or nanoseconds."""
    if time < FIRST_US:
        return min(time * MS_NS, LATEST_NS)
    return min(time * 1000 if time < FIRST_NS else time, LATEST_NS)


def ms(text: str) -> int:
    """A venue's time text as nanoseconds."""
    if not (text.isascii() and text.isdecimal() and len(text) < 20 and int(text) <= LATEST_NS):
        raise MalformedError(f"not a time: {text[:40]!r}")
    return to_ns(int(text))


def optional_ms(text: str) -> int:
    """A venue's time text as nanoseconds, 0 if it is empty."""
    return ms(text) if text else 0


def rfc3339(text: str) -> int:
    """A venue's time in RFC 3339 with a time zone as nanoseconds, exact to microseconds; 0 if empty."""
    if not text:
        return 0
    try:
        since = datetime.fromisoformat(text) - EPOCH
    except (ValueError, TypeError, OverflowError) as error:  # TypeError: a time without a zone
        raise MalformedError(f"not a time: {text[:40]!r}") from error
    venue_ns = (since.days * 86_400 + since.seconds) * SECOND_NS + since.microseconds * 1000
    if not 0 <= venue_ns <= LATEST_MS * MS_NS:
        raise MalformedError(f"not a time: {text[:40]!r}")
    return venue_ns


def split_pair(symbol: str, quotes: tuple[str, ...]) -> tuple[str, str]:
    """Base and quote of a symbol written as one word; both empty (unknown) if it ends in none of these quotes."""
    for quote in quotes:
        if symbol.endswith(quote) and len(symbol) > len(quote):
            return symbol[: -len(quote)], quote
    return "", ""

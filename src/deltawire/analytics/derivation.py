"""What all analytics on the stream have in common: events in, derived events out, and nothing else.

A derivation is a function of the events alone, so that live, replayed and simulated streams give the same readings. Its
intervals are those of the venue's time: a reading is due when the first event beyond an interval comes, and describes
the book before that event.
"""

from collections.abc import Callable, Sequence
from typing import Protocol

import msgspec

from deltawire.analytics.known_book import BookSide, KnownBook
from deltawire.book.ladder import Ladder
from deltawire.model.events import BookDelta, BookImage, Event, Status
from deltawire.model.instruments import Instrument
from deltawire.model.numbers import unit

KEPT = 512
"""Levels of a side that are kept for the next view at most."""


class Reading(msgspec.Struct, frozen=True, gc=False):
    """What every derived event states: its instrument, the end of its interval and the book it was computed on."""

    instrument: Instrument
    venue_ns: int
    sequence: int


class Derivation(Protocol):
    """One metric of one instrument."""

    @property
    def needs(self) -> frozenset[type]:
        """The types of events that it reads; it ignores all others."""
        ...

    def update(self, event: Event) -> Sequence[Reading]:
        """The readings that are due because of this event."""
        ...


class FollowedBook:
    """The book of one instrument (`Instrument.key`), rebuilt from its events; it has no levels unless it is live.

    After a gap it is live with the image or update that follows the status: until then its levels are the old ones.
    """

    def __init__(self, key: str) -> None:
        self.key = key
        self.live = self._confirmed = False
        self.instrument: Instrument | None = None
        self.venue_ns = 0
        self.sequence = 0
        self._ladder = Ladder()
        self._edges: tuple[int | None, int | None] = (None, None)
        self._units = 1, 1, 1.0
        """Ticks and lots in one, and the size of one contract."""
        self._views: dict[int | None, KnownBook] = {}
        """Of this update, by the number of levels."""
        self._parts: dict[tuple[bool, int | None], tuple[int, int | None, BookSide, list[int]]] = {}
        """The newest of each side, by whether it is of bids, and levels: version, edge, the levels, their ticks."""

    def update(self, event: BookImage | BookDelta | Status) -> None:
        """Apply an event; one of another instrument changes nothing."""
        if event.instrument.key != self.key:
            return
        if isinstance(event, Status):
            self._confirmed = event.state == "live"
            self.live = self.live and self._confirmed
            return
        sides = self._ladder.bids, self._ladder.asks
        self._views.clear()
        if isinstance(event, BookImage):
            self._parts.clear()
            self._ladder = Ladder()
            sides = self._ladder.bids, self._ladder.asks
            sides[0].become(event.bids)
            sides[1].become(event.asks)
            self._confirmed = True
        else:
            self._refine(event.instrument)
            sides[0].follow(event.bids)
            sides[1].follow(event.asks)
        if event.instrument is not self.instrument:
            self._parts.clear()
            self.instrument = event.instrument
            self._units = _units(event.instrument)
        self.live, self.venue_ns, self.sequence = self._confirmed, event.venue_ns, event.sequence
        self._edges = event.known.complete_to(*sides)

    def view(self, levels: int | None = None) -> KnownBook | None:
        """The known levels, at most this many a side (the last is then the edge); None while the book is not live.

        Sizes are in base coin, or in quote currency if the instrument is `sized_in_quote`; in contracts if their size
        is not known.
        """
        if not self.live or self.instrument is None:
            return None
        view = self._views.get(levels)
        if view is None:
            view = self._views[levels] = KnownBook(
                self._side(True, levels), self._side(False, levels), self.venue_ns, self.sequence
            )
        return view

    @property
    def mid(self) -> float | None:
        """That of a view."""
        bid, ask = self._ladder.bids.best(), self._ladder.asks.best()
        if not self.live or self.instrument is None or bid is None or ask is None:
            return None
        ticks = self._units[0]
        low, high = bid / ticks, ask / ticks
        return 0.5 * (low + high) if low < high else None

    def _side(self, bid: bool, levels: int | None) -> BookSide:
        """One side of a view; most updates change one side and leave that of the other as it was."""
        side, edge = (self._ladder.bids, self._edges[0]) if bid else (self._ladder.asks, self._edges[1])
        kept, version = self._parts.get((bid, levels)), side.version
        if kept is not None and kept[0] == version and kept[1] == edge:
            return kept[2]
        columns, (ticks, lots, size) = side.levels(levels), self._units
        prices = columns.prices
        cut = edge if levels is None or len(side) <= levels or not prices else prices[-1]
        if kept is not None and kept[3] == prices:  # most updates change sizes alone
            floats = kept[2].prices
        else:
            floats = tuple([price / ticks for price in prices])
        part = BookSide(
            floats,
            tuple([each / lots * size for each in columns.sizes]),
            None if cut is None else cut / ticks,
        )
        if len(prices) <= KEPT:
            self._parts[bid, levels] = version, edge, part, prices
        return part

    def view_until(self, enough: Callable[[KnownBook], bool], levels: int = 128) -> KnownBook | None:
        """A view of as few levels as are enough, tried in steps of four times as many; the whole one if none is."""
        most = max(len(self._ladder.bids), len(self._ladder.asks))
        while levels < most:
            book = self.view(levels)
            if book is None or enough(book):
                return book
            levels *= 4
        return self.view()

    def _refine(self, instrument: Instrument) -> None:
        """Express the book in the exponents of the event, which may have become finer."""
        if self.instrument is not None and instrument is not self.instrument:
            factors = instrument.factors_from(self.instrument)
            if factors != (1, 1):
                self._ladder.rescale(*factors)


def _units(instrument: Instrument) -> tuple[int, int, float]:
    return unit(instrument.price_exponent), unit(instrument.size_exponent), instrument.unit_size or 1.0


class OfBook:
    """A derivation of one book: it follows it itself, or reads one that is updated after it."""

    def __init__(self, key: str) -> None:
        self._book = FollowedBook(key)
        self._own = True

    @property
    def due_ns(self) -> int:
        """Updates of the book before this time of the venue need not be given to it if it reads another's book."""
        return 0

    def share(self, book: FollowedBook) -> None:
        """Read this book of the same instrument from now on, which gets each event after this derivation."""
        self._book, self._own = book, False

    def _concerns(self, event: Event) -> bool:
        """Whether an event is about the instrument."""
        instrument = getattr(event, "instrument", None)
        return instrument is not None and (
            instrument is self._book.instrument or instrument.key == self._book.key
        )

    def _follow(self, event: BookImage | BookDelta | Status) -> None:
        """Follow the book, if nobody else does."""
        if self._own:
            self._book.update(event)


class Intervals:
    """Intervals of the venue's time, each ended by the first event beyond it."""

    def __init__(self, length_ns: int) -> None:
        self._length_ns = length_ns
        self._end_ns = 0

    @property
    def end_ns(self) -> int:
        """The end of the current one; 0 before the first event."""
        return self._end_ns

    def ended(self, venue_ns: int) -> int | None:
        """The end of the interval that this event is beyond; None if it is within the current one.

        Of several intervals without events only the first is reported: nothing has changed since.
        """
        if not venue_ns:
            return None
        end, begun = self._end_ns, self._end_ns > 0
        if begun and venue_ns < end:
            return None
        self._end_ns = (venue_ns // self._length_ns + 1) * self._length_ns
        return end if begun else None

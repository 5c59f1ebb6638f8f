"""What has lately happened to a book: from it follows what a channel published last, whoever subscribed when."""

from collections import deque
from collections.abc import Iterable, Iterator
from itertools import takewhile
from typing import Protocol

from deltawire.book.kernel import Pending
from deltawire.book.ladder import Ladder
from deltawire.model.events import BookDelta, BookImage, Status
from deltawire.model.instruments import Instrument
from deltawire.model.known_range import KnownRange

BookEntry = tuple[int, int, int, BookImage | BookDelta | Status]
"""The number of an event, the venue's time when it came, the moment that it was part of, and the event."""
LONGEST = 1000
FEWEST = 48
"""Events that are always kept of a book; the others go when all books together have too many."""
MOST_EVENTS = 40_000


class BookLog:
    """The newest events of one book that its channels publish, oldest first."""

    __slots__ = ("entries",)

    def __init__(self) -> None:
        self.entries: deque[BookEntry] = deque(maxlen=LONGEST)

    def since(self, number: int) -> list[BookEntry] | None:
        """Everything after the event of this number; None when that event is not kept."""
        entries = list(takewhile(lambda entry: entry[0] > number, reversed(self.entries)))
        if len(entries) == len(self.entries) or self.entries[-1 - len(entries)][0] != number:
            return None
        return entries[::-1]

    def segments(self, interval_ns: int) -> Iterator[list[BookEntry]]:
        """From the newest back: what a channel of this interval publishes at once, each newest first.

        Segments end with an interval (with a moment, where there is none), and with a moment that brings a status.
        An image is a segment of its own.
        """
        segment: list[BookEntry] = []
        turn = -1
        for moment in self._moments():
            of = moment[0][1] // interval_ns if interval_ns else moment[0][2]
            if segment and (of != turn or is_news(moment)):
                yield segment
                segment = []
            segment, turn = segment + moment, of
        if segment:
            yield segment

    def _moments(self) -> Iterator[list[BookEntry]]:
        moment: list[BookEntry] = []
        for entry in reversed(self.entries):
            if moment and (entry[2] != moment[0][2] or isinstance(entry[3], BookImage)):
                yield moment
                moment = []
            moment.append(entry)
        if moment:
            yield moment


class RangedBook(Protocol):
    """What is known of a book now."""

    instrument: Instrument
    known_range: KnownRange


class BookLogs:
    """The logs of all books, which together keep about so many events."""

    def __init__(self, most_events: int = MOST_EVENTS) -> None:
        self._most_events = most_events
        self._order: deque[deque[BookEntry]] = deque()

    def add(self, log: BookLog, entry: BookEntry) -> None:
        """The next event of a book; the oldest of all may go."""
        log.entries.append(entry)
        self._order.append(log.entries)
        if len(self._order) > self._most_events:
            oldest = self._order.popleft()
            if len(oldest) > FEWEST:
                oldest.popleft()

    def drop(self, log: BookLog) -> None:
        """A book is forgotten."""
        self._order = deque(entries for entries in self._order if entries is not log.entries)

    def freeze(self) -> list[deque[BookEntry]]:
        """The log of each event that is held, oldest first."""
        return list(self._order)

    def thaw(self, order: Iterable[deque[BookEntry]]) -> None:
        """Take over the result of `freeze`."""
        self._order.extend(order)


def is_news(entries: list[BookEntry]) -> bool:
    """Whether a status or an image is among these."""
    return any(not isinstance(event, BookDelta) for _, _, _, event in entries)


def sizes_before(entries: list[BookEntry], instrument: Instrument) -> tuple[Pending, Pending]:
    """Every price that these events touched, with its size before them, in ticks and lots of the instrument now."""
    bids, asks = Pending(), Pending()
    scale = None
    for _, _, _, event in entries:
        if not isinstance(event, BookDelta):
            continue
        if scale is not None and event.instrument is not scale:
            _rescale((bids, asks), event.instrument.factors_from(scale))
        scale = event.instrument
        bids.add(event.bids)
        asks.add(event.asks)
    if scale is not None and scale is not instrument:
        _rescale((bids, asks), instrument.factors_from(scale))
    return bids, asks


def known_after(log: BookLog, number: int, state: "RangedBook") -> KnownRange:
    """The known range after the event of this number, in ticks as they are now."""
    for at, _, _, event in reversed(log.entries):
        if at <= number and not isinstance(event, Status):
            return event.known.rescaled(state.instrument.factors_from(event.instrument)[0])
    return state.known_range


def ladder_before(ladder: Ladder, bids: Pending, asks: Pending) -> Ladder:
    """The book as it was before these prices were touched."""
    before = Ladder(ladder.bids.copy(), ladder.asks.copy())
    for side, touched in ((before.bids, bids.before()), (before.asks, asks.before())):
        side.apply(list(touched), list(touched.values()))
    return before


def _rescale(sides: tuple[Pending, Pending], factors: tuple[int, int]) -> None:
    if factors != (1, 1):
        for side in sides:
            side.rescale(*factors)

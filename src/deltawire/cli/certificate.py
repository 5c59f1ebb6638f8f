"""What a recording proves of its books: how far they are known over time, audits, streams that fell silent."""

from math import isinf
from statistics import median

import msgspec

from deltawire.book.book import Book
from deltawire.book.coverage import CoverageBp, book_coverage_bp
from deltawire.model.events import Audit, BookDelta, BookImage, Event, Ticker, Trade
from deltawire.recording import format_place, format_time

SECOND_NS = 1_000_000_000
NARROW_BP = 10.0
SILENT_S = 60.0
"""A stream without an event for so long before the end of the recording has fallen silent."""
STREAMS: dict[type, str] = {BookImage: "book", BookDelta: "book", Trade: "trades", Ticker: "ticker"}


class SideCoverage(msgspec.Struct, frozen=True):
    """How far one side was known from the middle, in basis points, once a second; None: to its end, at all times.

    Below 0 the market had left what is known. `narrow` is the share of the time below 10 bp.
    """

    first: float | None
    least: float | None
    median: float | None
    last: float | None
    narrow: float


class Coverage(msgspec.Struct, frozen=True):
    """How far a book was known, and how many of its levels lie within that at the end."""

    bids: SideCoverage
    asks: SideCoverage
    known_bids: int
    all_bids: int
    known_asks: int
    all_asks: int


class AuditReport(msgspec.Struct, frozen=True):
    """One comparison with an image at the same id, at this line."""

    line: int
    time: str | None
    file: str
    compared: int
    equal_share: float
    missing: int
    extra: int
    different: int

    @property
    def place(self) -> str:
        """The place as text."""
        return format_place(self.file, self.line, self.time)


class Silence(msgspec.Struct, frozen=True):
    """A stream of an instrument whose last event came at this line, so many seconds before the end."""

    instrument: str
    stream: str
    line: int
    time: str | None
    file: str
    seconds: float

    @property
    def place(self) -> str:
        """The place as text."""
        return format_place(self.file, self.line, self.time)


class Certificate:
    """Collects what events say, in the order of the recording."""

    def __init__(self) -> None:
        self.audits: dict[str, list[AuditReport]] = {}
        self._samples: dict[str, list[CoverageBp]] = {}
        self._sampled_s: dict[str, int] = {}
        self._heard: dict[tuple[str, str], tuple[int, int, str]] = {}

    def take(self, event: Event, book: Book | None, place: tuple[int, str], now: int) -> None:
        """An event, the book that it is about, its line and file, and the recorded time."""
        stream = STREAMS.get(type(event))
        if isinstance(event, (BookImage, BookDelta, Trade, Ticker)) and stream is not None:
            self._heard[event.instrument.name, stream] = now, *place
        if isinstance(event, Audit):
            report = AuditReport(
                place[0],
                format_time(now),
                place[1],
                event.compared,
                round(event.equal_share, 6),
                event.missing,
                event.extra,
                event.different,
            )
            self.audits.setdefault(event.instrument.name, []).append(report)
        elif stream == "book" and book is not None:
            self._sample(book, now)

    def coverage(self, name: str, book: Book) -> Coverage | None:
        """How far a book was known; None if it was never live with both sides."""
        samples = self._samples.get(name)
        if not samples:
            return None
        low, high = book.complete_to
        bids, asks = book.ladder.bids.levels().prices, book.ladder.asks.levels().prices
        return Coverage(
            _summary([sample[0] for sample in samples]),
            _summary([sample[1] for sample in samples]),
            sum(low is None or price >= low for price in bids),
            len(bids),
            sum(high is None or price <= high for price in asks),
            len(asks),
        )

    def silences(self, end_ns: int) -> list[Silence]:
        """The streams that fell silent before the end of the recording, the longest silent first."""
        found = [
            Silence(name, stream, line, format_time(at_ns), file, round((end_ns - at_ns) / SECOND_NS, 3))
            for (name, stream), (at_ns, line, file) in self._heard.items()
            if at_ns and end_ns - at_ns >= SILENT_S * SECOND_NS
        ]
        return sorted(found, key=lambda silence: -silence.seconds)

    def _sample(self, book: Book, now: int) -> None:
        name, second = book.instrument.name, now // SECOND_NS
        if self._sampled_s.get(name) == second:
            return
        coverage = book_coverage_bp(book)
        if coverage is not None:
            self._sampled_s[name] = second
            self._samples.setdefault(name, []).append(coverage)


def _summary(samples: list[float]) -> SideCoverage:
    narrow = sum(sample < NARROW_BP for sample in samples) / len(samples)
    first, least, middle, last = (
        None if isinf(value) else round(value, 2)
        for value in (samples[0], min(samples), median(samples), samples[-1])
    )
    return SideCoverage(first, least, middle, last, round(narrow, 4))

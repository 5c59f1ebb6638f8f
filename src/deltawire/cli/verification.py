"""The report of `deltawire verify` on a replay at full speed. Its schema is in `docs/verify.md`."""

import re
from collections import Counter
from collections.abc import Iterator

import msgspec

from deltawire.book.book import Book
from deltawire.cli.certificate import AuditReport, Certificate, Coverage, Silence
from deltawire.model.events import Audit, BookDelta, BookImage, Event, Fault, Status, Ticker, Trade
from deltawire.ports import Batch, BookFrames
from deltawire.recording import Recording, RecordingEntry, format_place, format_time
from deltawire.sources.replay import play
from deltawire.venues.connection import VenueConnection

MOST_PLACES = 1_000
"""Places kept of each kind; further ones are only counted."""
MOST_REASONS = 1_000
OTHER_REASONS = "other reasons"
_VARYING = re.compile(r"'[^']*'|\"[^\"]*\"|\d+")
_WORDS = re.compile(r"(?<!^)(?=[A-Z])")


class Place(msgspec.Struct, frozen=True):
    """A place in a recording: line (from 1) and time in UTC, None if unknown.

    `file` names an additional file of the recording if the place is in that file.
    """

    line: int
    time: str | None
    file: str

    @property
    def place(self) -> str:
        """The place as text."""
        return format_place(self.file, self.line, self.time)


class Outage(Place, frozen=True):
    """A book became stale at this place, for this reason."""

    reason: str
    detail: str


class BookReport(msgspec.Struct):
    """Counts of the book of one instrument, and its state at the end."""

    images: int = 0
    deltas: int = 0
    gaps: int = 0
    checksums_ok: int = 0
    checksums_bad: int = 0
    crossed: int = 0
    mismatches: int = 0
    malformed: int = 0
    silences: int = 0
    losses: int = 0
    resyncs: int = 0
    tops_ok: int = 0
    waited: int = 0
    old: int = 0
    audits: int = 0
    audit_differences: int = 0
    best_bid: float | None = None
    best_ask: float | None = None
    state: str = ""
    reason: str = ""
    detail: str = ""
    verified: bool = False
    outages: list[Outage] = msgspec.field(default_factory=list)
    coverage: Coverage | None = None
    audited: list[AuditReport] = msgspec.field(default_factory=list)


class FaultReport(msgspec.Struct):
    """Faults of one kind: their number, and the place of the first."""

    reason: str
    count: int
    line: int
    time: str | None
    file: str
    instrument: str


class Damage(Place, frozen=True):
    """Data that cannot be read at this place."""

    reason: str


class ClockReport(msgspec.Struct, frozen=True):
    """The clock of the recording; see `deltawire.recording.Clock`."""

    kind: str
    unit: str
    first: str | None
    last: str | None
    backward: int


class FastPath(msgspec.Struct, frozen=True):
    """Number of book frames that the compiled kernel handled completely, of all; see `deltawire.ports.BookFrames`."""

    messages: int
    of: int
    share: float | None


class Report(msgspec.Struct):
    """The result of a replay at full speed; `docs/verify.md` documents it."""

    file: str
    venue: str
    verified: bool
    messages: int
    seconds: float
    clock: ClockReport
    instruments: dict[str, BookReport]
    events: dict[str, int]
    unread: dict[str, int]
    fast_path: FastPath
    faults: list[FaultReport]
    damaged: int
    damage: list[Damage]
    silent: list[Silence]


class Verification:
    """Replays a recording through a venue's connection class and collects the report."""

    def __init__(self, recording: Recording, feed: VenueConnection) -> None:
        self._recording = recording
        self._feed = feed
        self._record = RecordingEntry("opened", 0)
        self._first_ns = self._last_ns = 0
        self._events: Counter[str] = Counter()
        self._faults: dict[tuple[str, str], FaultReport] = {}
        self._outages: dict[str, list[Outage]] = {}
        self._stale: dict[str, Counter[str]] = {}
        self._damaged = 0
        self._damage: list[Damage] = []
        self._certificate = Certificate()
        self.messages = 0

    def run(self) -> Iterator[int]:
        """Replay the recording; yields the number of messages regularly."""
        for batch in play(self._records(), self._feed):
            self._take(batch)
            yield self.messages

    def report(self, seconds: float) -> Report:
        """The report so far; `seconds` is the duration of the replay."""
        books = self._feed.books
        instruments = {name: self._book(name, book) for name, book in books.items()}
        clock = self._recording.clock
        return Report(
            file=str(self._recording.path),
            venue=self._feed.name,
            verified=self._is_verified(instruments),
            messages=self.messages,
            seconds=round(seconds, 6),
            clock=ClockReport(
                clock.kind,
                clock.unit,
                format_time(self._first_ns),
                format_time(self._last_ns),
                clock.backward,
            ),
            instruments=instruments,
            events=dict(sorted(self._events.items())),
            unread=dict(sorted(self._feed.unread.items())),
            fast_path=_fast_path(self._feed.book_frames),
            faults=sorted(self._faults.values(), key=lambda fault: -fault.count),
            damaged=self._damaged,
            damage=self._damage,
            silent=self._certificate.silences(self._last_ns),
        )

    def _records(self) -> Iterator[RecordingEntry]:
        for record in self._recording.records():
            self._record = record
            self._last_ns = max(self._last_ns, record.at_ns)
            self._first_ns = self._first_ns or record.at_ns
            self.messages += record.kind == "received"
            if record.kind == "damaged":
                self._note_damage(record)
            yield record

    def _note_damage(self, record: RecordingEntry) -> None:
        self._damaged += 1
        if len(self._damage) < MOST_PLACES:
            self._damage.append(Damage(*self._place(record.at_ns), record.reason))

    def _take(self, batch: Batch) -> None:
        for event in batch.events:
            if isinstance(event, Fault):
                if self._record.kind != "damaged":  # reported as damage
                    self._note_fault(event)
                continue
            self._events[kind_of(event)] += 1
            if isinstance(event, (BookImage, BookDelta, Audit, Trade, Ticker)):
                book = self._feed.books.get(event.instrument.name)
                self._certificate.take(event, book, (self._record.line, self._record.file), batch.at_ns)
            if isinstance(event, Status) and event.state == "stale":
                self._note_outage(event)

    def _note_fault(self, fault: Fault) -> None:
        key = _VARYING.sub("", fault.reason), fault.instrument
        if key not in self._faults and len(self._faults) >= MOST_REASONS:
            key = OTHER_REASONS, ""
        reason = fault.reason if key[0] != OTHER_REASONS else OTHER_REASONS
        first = FaultReport(reason, 0, *self._place(self._record.at_ns), key[1])
        self._faults.setdefault(key, first).count += 1

    def _note_outage(self, status: Status) -> None:
        name = status.instrument.name
        self._stale.setdefault(name, Counter())[status.reason] += 1
        outages = self._outages.setdefault(name, [])
        if len(outages) < MOST_PLACES:
            outages.append(Outage(*self._place(status.seen_ns), status.reason, status.detail))

    def _place(self, at_ns: int) -> tuple[int, str | None, str]:
        return self._record.line, format_time(at_ns), self._record.file

    def _book(self, name: str, book: Book) -> BookReport:
        instrument, outages = book.instrument, self._outages.get(name, [])
        stale = self._stale.get(name, Counter())
        bid, ask = book.ladder.bids.best(), book.ladder.asks.best()
        detail = outages[-1].detail if outages and book.state != "live" else ""
        return BookReport(
            **msgspec.structs.asdict(book.counts),
            silences=stale["silent"],
            losses=stale["lost"],
            best_bid=None if bid is None else instrument.price(bid),
            best_ask=None if ask is None else instrument.price(ask),
            state=book.state,
            reason=book.reason,
            detail=detail or ("" if book.sequence else "no image came"),
            verified=book.state == "live",
            outages=outages,
            coverage=self._certificate.coverage(name, book),
            audited=self._certificate.audits.get(name, [])[:MOST_PLACES],
        )

    def _is_verified(self, instruments: dict[str, BookReport]) -> bool:
        """Whether all books are live at the end; without books, whether all other data could be read."""
        if instruments:
            return all(book.verified for book in instruments.values())
        return bool(self._events) and not self._faults and not self._damaged


def _fast_path(frames: BookFrames) -> FastPath:
    share = frames.fast_share
    return FastPath(frames.fast, frames.total, None if share is None else round(share, 4))


def kind_of(event: Event) -> str:
    """The name of an event's kind: `book_delta`, `ticker`."""
    return _WORDS.sub("_", type(event).__name__).lower()

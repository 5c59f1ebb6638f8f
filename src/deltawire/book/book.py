"""One instrument's book as a state machine: syncing → live → stale → syncing.

Only a verified book publishes. An update that leaves a gap, contradicts the levels, crosses the book or fails the
checksum is undone, the book becomes stale, and the last correct levels stay as published. The next image is compared
with them, so that subscribers get one delta from the last published book to the new one, never a second image.
"""

from collections import deque
from collections.abc import Callable, Iterator

import msgspec

from deltawire.book.audit import AuditLog, Findings, Step
from deltawire.book.checksums import Checksum
from deltawire.book.columns import Columns, Reader
from deltawire.book.kernel import Image, Side, Track, read_places
from deltawire.book.known import diff_beyond, diff_within, fixed_range, part_changes
from deltawire.book.ladder import Ladder
from deltawire.book.pure import MEASURED
from deltawire.book.refinement import (
    Exponents,
    Room,
    exponents_of,
    likely_prints,
    read_exponents,
    refined,
    with_exponents,
)
from deltawire.book.sequencers import Sequencer, Verdict
from deltawire.errors import PrecisionError, VenueError
from deltawire.model.events import (
    Audit,
    BeyondChanges,
    BookDelta,
    BookImage,
    BookState,
    Changes,
    Levels,
    Listing,
    StaleReason,
    Status,
)
from deltawire.model.instruments import Instrument
from deltawire.model.known_range import WHOLE, CompleteTo, KnownRange

HELD_LIMIT = 20_000
"""Updates kept while an image is being fetched; beyond it the oldest are dropped, and the image will not connect."""

UNCHANGED = Changes([], [], [])
INT64 = 1 << 63
UNREACHED_NS = 10_000_000_000
UNPROVEN: tuple[StaleReason, ...] = ("silent", "lost")
"""Reasons for which the levels may still be correct: the next update confirms them, or not."""


class BookUpdate(msgspec.Struct, gc=False):
    """One image or delta as sent by a venue: raw level arrays, ids (0 if the venue has none), checksum.

    `limit` is the number of levels a side at which an image was cut, 0 if it is complete.
    """

    bids: bytes
    asks: bytes
    first: int = 0
    last: int = 0
    previous: int = 0
    checksum: int | None = None
    venue_ns: int = 0
    limit: int = 0


class BookCounts(msgspec.Struct):
    """Counts of a book since it was created."""

    images: int = 0
    deltas: int = 0
    gaps: int = 0
    checksums_ok: int = 0
    checksums_bad: int = 0
    crossed: int = 0
    mismatches: int = 0
    malformed: int = 0
    resyncs: int = 0
    tops_ok: int = 0
    waited: int = 0
    """Updates received without an image, for which no image came later."""
    old: int = 0
    """Updates that an image already contained."""
    audits: int = 0
    """Comparisons with an image at the same id."""
    audit_differences: int = 0
    """Levels within the known range that differed from it."""


BookEvent = BookImage | BookDelta | Status | Listing | Audit


class Book:
    """The book of one instrument on one connection.

    `ask_reader` is for level formats whose reader keeps the state of a side. `holds` says that images are fetched
    separately (by REST), so that updates must be kept until one arrives. `depth` truncates both sides after every
    message, if the venue leaves that to the client.

    An image may be cut. What is published is the book within its known range; see `KnownRange`.
    """

    def __init__(
        self,
        instrument: Instrument,
        reader: Reader,
        sequencer: Sequencer,
        *,
        ask_reader: Reader | None = None,
        checksum: Checksum | None = None,
        depth: int | None = None,
        holds: bool = False,
    ) -> None:
        self.instrument = instrument
        self.refine = refined
        """Refines an instrument's exponents for the texts of a message."""
        self._printed = exponents_of(instrument)
        """The exponents at which the venue prints, needed if a checksum is computed from printed digits."""
        self._print_shift: Exponents = (0, 0)
        """The number of decimal places that the book has beyond those printed, if that matters."""
        self._print_unknown = False
        """Whether the image was empty, so that the first levels will show the printed exponents."""
        self.state: BookState = "syncing"
        self.reason: StaleReason = ""
        self.ladder = Ladder()
        self.wants_image = True
        self.label = ""
        """The name of the book's channel in the venue's frames, if they have one."""
        self.levels = 0
        """How many best levels a side the channel keeps up to date; 0 if all."""
        self._known = WHOLE
        self._sequence = 0
        self._counts = BookCounts()
        self._track: Track | None = None
        self._read_bids, self._read_asks = reader, ask_reader or reader
        self._sequencer = sequencer
        self._checksum = checksum
        self.depth = depth
        self._held: deque[BookUpdate] | None = deque(maxlen=HELD_LIMIT) if holds else None
        self._audit: AuditLog | None = None
        self._awaited: BookUpdate | None = None
        """An image for the audit that the stream has not reached yet."""
        self._awaited_since = (0, 0)
        """When the first image came that the stream has not reached, and how many updates there had been."""
        self._reached = 0
        """The venue's id of the last update checked on this connection: no image may be older."""

    @property
    def sequence(self) -> int:
        """deltawire's own number of the present book, 0 before the first image."""
        self._catch_up()
        return self._sequence

    @property
    def venue_sequence(self) -> int:
        """The venue's id of the present book, 0 if it has none."""
        self._catch_up()
        return self._sequencer.last

    @property
    def known(self) -> KnownRange:
        """Which levels are known."""
        self._catch_up()
        return self._known

    @property
    def complete_to(self) -> CompleteTo:
        """The lowest bid and the highest ask up to which every level is known; None: to the end of the side."""
        return self.known.complete_to(self.ladder.bids, self.ladder.asks)

    @property
    def counts(self) -> BookCounts:
        """Counts of this book."""
        self._catch_up()
        return self._counts

    def limit(self, depth: int) -> None:
        """Keep this many levels a side from the next image on."""
        self.depth = depth

    def use(self, track: Track) -> None:
        """While the book is live, its messages may be handled by this compiled book instead of `delta`."""
        self._track = track

    def follow(self, label: str, levels: int = 0) -> None:
        """The book's messages come on this channel from now on; updates held from another channel are dropped.

        `levels` is how many best levels a side the channel keeps up to date, 0 if all.
        """
        self.levels = levels
        if label == self.label:
            return
        self._take_back()
        self.label = label
        if self._held is not None:
            self._held.clear()

    def asked(self, now: int) -> list[BookEvent]:
        """An image has been requested."""
        self._take_back()
        self.wants_image = False
        self.state = "syncing"
        return [Status(self.instrument, "syncing", self.reason, now)]

    def define(self, instrument: Instrument, printed: Exponents | None = None) -> None:
        """Update the definition of the instrument; its exponents may only have become finer.

        `printed` are the exponents at which the venue prints from now on, if stated. Raises `PrecisionError`, without
        changes, if the levels would no longer fit into 64 bits.
        """
        self._define(instrument, printed or self._printed)
        self._print_unknown = self._print_unknown and printed is None
        self._hand_over()

    def _define(self, instrument: Instrument, printed: Exponents) -> None:
        factors = instrument.factors_from(self.instrument)
        with_exponents(self.instrument, *exponents_of(instrument), Room(self.largest, INT64))
        self._take_back()
        self.instrument = instrument
        self._note_print(printed)
        if factors == (1, 1):
            return
        for reader in dict.fromkeys((self._read_bids, self._read_asks)):
            reader.refine(*exponents_of(instrument))
        self.ladder.rescale(*factors)
        self._known = self._known.rescaled(factors[0])
        if self._audit is not None:
            self._audit.rescale(*factors)

    def _define_by_print(self, finer: Instrument, now: int) -> list[BookEvent]:
        """Refine the instrument because a message of this book prints finer numbers."""
        if finer == self.instrument:
            return []
        before, after = exponents_of(self.instrument), exponents_of(finer)
        price, size = (
            new if new < old else printed
            for old, new, printed in zip(before, after, self._printed, strict=True)
        )
        self._define(finer, (price, size))
        return [Listing(finer, now)]

    def largest(self) -> tuple[int, int]:
        """The largest ticks and lots of all levels, by magnitude; 0 without levels."""
        sides = self.ladder.bids.levels(), self.ladder.asks.levels()
        prices = max((abs(price) for side in sides for price in side.prices), default=0)
        return prices, max((max(side.sizes, default=0) for side in sides), default=0)

    def _fitted(self, update: BookUpdate) -> Instrument:
        """The instrument with exponents as fine as an image prints; `PrecisionError` if a number is odd.

        The image replaces the levels, so its numbers need only fit into 64 bits.
        """
        instrument, room = self.instrument, Room(self.largest, INT64)
        glance = self.refine is refined and min(exponents_of(instrument)) >= MEASURED
        if glance and (printed := self._shown(update)):
            return with_exponents(instrument, *printed, room)
        return self.refine(instrument, self._texts(update), room)

    def _texts(self, update: BookUpdate) -> list[tuple[str, str]]:
        """The decimal texts of all levels in an update: (price, size)."""
        return self._read_bids.texts(update.bids) + self._read_asks.texts(update.asks)

    def _shown(self, update: BookUpdate) -> Exponents | None:
        """The price and size exponents that an update's texts need, if a fast test can tell.

        Then every number fits into 64 bits at any exponents down to `pure.MEASURED`.
        """
        bids = read_places(self._read_bids.form, update.bids)
        asks = read_places(self._read_asks.form, update.asks)
        if bids is None or asks is None:
            return None
        return -max(bids[0], asks[0]), -max(bids[1], asks[1])

    def image(self, update: BookUpdate, now: int) -> list[BookEvent]:
        """Apply a complete book, and then the held updates, if any.

        If images are fetched separately, an image that was not requested or is too old to connect is ignored, and
        another is requested.
        """
        self._take_back()
        events = self._take_image(update, now)
        self._hand_over()
        return events

    @property
    def auditing(self) -> bool:
        """Whether the book waits for an image to be compared with."""
        return self._audit is not None

    def begin_audit(self) -> bool:
        """The next image will be compared with the book, and extend its known range; False if that cannot be.

        It needs a live book, images that are fetched, and ids that images share with updates.
        """
        if self.state != "live" or self._held is None or not self._sequencer.numbered:
            return False
        if self._audit is None:
            self._take_back()
            self._audit, self._awaited = AuditLog(self._sequencer.last, self._known), None
        return True

    def unreached(self, now: int) -> bool:
        """Whether images are ahead of the book for so long, without any update, that its stream must have stopped."""
        since_ns, deltas = self._awaited_since
        return self._awaited is not None and now >= since_ns + UNREACHED_NS and self.counts.deltas == deltas

    def end_audit(self) -> None:
        """No image will come."""
        self._audit = self._awaited = None
        self._hand_over()

    def _compare(self, update: BookUpdate, now: int) -> list[BookEvent]:
        """Compare the live book with an image, now or when the stream has reached its id.

        An image older than the request does not help; the next one may.
        """
        log = self._audit
        if log is None or update.last < log.first:
            return []
        if update.last > self._sequencer.last:
            if self._awaited is None:
                self._awaited_since = now, self._counts.deltas
            self._awaited = update
            return []
        events: list[BookEvent] = []
        self._awaited = None
        try:
            image = self._fit_image(update, events, now)
        except VenueError as error:
            self._counts.malformed += 1
            return [*events, *self.fault("malformed", now, str(error))]
        known = self._range(image.bids.levels(), image.asks.levels(), update.limit)
        found = log.compare(self.ladder, image, known, update.last)
        self._audit = None
        audit = Audit(
            self.instrument, now, update.last, found.compared, found.missing, found.extra, found.different
        )
        self._counts.audits += 1
        self._counts.audit_differences += found.unequal
        return [*events, audit, *self._heal(found, known, update, now)]

    def _heal(
        self, found: Findings, image_range: KnownRange, update: BookUpdate, now: int
    ) -> list[BookEvent]:
        """Make the book what the image says, with one delta; it is known as far as the image, or as before."""
        before, ranges = self.ladder, (self._known, self._known.joined(image_range))
        after = Ladder(before.bids.copy(), before.asks.copy())
        after.bids.apply(list(found.bids), list(found.bids.values()))
        after.asks.apply(list(found.asks), list(found.asks.values()))
        if after.crossed():
            self._counts.mismatches += 1
            return self.fault("mismatch", now, f"an image at {update.last} contradicts the book")
        near, beyond = diff_within(before, after, ranges), diff_beyond(before, after, ranges)
        self.ladder, self._known = after, ranges[1]
        if not (near[0] or near[1] or beyond) and ranges[0] == ranges[1]:
            return []
        return [self._make_delta(*near, beyond, update.venue_ns, now)]

    def _take_image(self, update: BookUpdate, now: int) -> list[BookEvent]:
        if self.state == "live" and update.last >= self._sequencer.last:
            self.begin_audit()
        if self.state == "live" and self._audit is not None:
            return self._compare(update, now)
        if self._held is not None and (self.state == "live" or not self._connects(update.last)):
            self.wants_image = self.state != "live"
            return []
        return self._replace(update, now)

    def replace(self, update: BookUpdate, now: int) -> list[BookEvent]:
        """Apply a complete book of a channel that sends nothing else: it is valid until the next one."""
        self._take_back()
        resyncs = self._counts.resyncs
        was_live = self.state == "live"
        events = self._replace(update, now)
        if was_live:
            self._counts.resyncs = resyncs
        return events

    def _replace(self, update: BookUpdate, now: int) -> list[BookEvent]:
        """Replace the book by an image, if that is valid."""
        events: list[BookEvent] = []
        try:
            fresh = self._fit_image(update, events, now)
        except VenueError as error:
            self._counts.malformed += 1
            return [*events, *self.fault("malformed", now, str(error))]
        if problem := self._problem(fresh, update):
            return [*events, *self.fault(problem, now, "in the image")]
        bids, asks = fresh.bids.levels(), fresh.asks.levels()
        known = self._range(bids, asks, update.limit)
        return [*events, *self._open(fresh, bids, asks, known, update.last, update.venue_ns, now)]

    def _fit_image(self, update: BookUpdate, events: list[BookEvent], now: int) -> Ladder:
        """The levels of an image; adds to `events` if the instrument was refined for them.

        If the venue has not stated the exponents, the image's texts define them.
        """
        if not self.instrument.stated:
            events += self._define_by_print(self._fitted(update), now)
        try:
            fresh = self._read_image(update)
        except PrecisionError:
            events += self._define_by_print(self._fitted(update), now)
            fresh = self._read_image(update)
        if not self._learn_print(fresh, update):
            return fresh
        finer = with_exponents(self.instrument, *self._printed, Room(self.largest, INT64))
        events += self._define_by_print(finer, now)
        return self._read_image(update)

    def _learn_print(self, fresh: Ladder, update: BookUpdate) -> bool:
        """Record the exponents at which the venue prints, as confirmed by an image's checksum.

        Returns whether they are finer than the book's.

        If none is confirmed, nothing is recorded.
        """
        checksum, held = self._checksum, exponents_of(self.instrument)
        if checksum is None or not checksum.printed or update.checksum is None:
            return False
        for exponents in self._prints(update):
            if checksum(fresh, _shift(held, exponents)) == update.checksum:
                self._note_print(exponents)
                return exponents[0] < held[0] or exponents[1] < held[1]
        return False

    def _note_print(self, printed: Exponents) -> None:
        self._printed = printed
        if self._checksum is not None and self._checksum.printed:
            self._print_shift = _shift(exponents_of(self.instrument), printed)

    def _prints(self, update: BookUpdate) -> Iterator[Exponents]:
        """Candidates for the exponents at which an image is printed, likely ones first."""
        yield exponents_of(self.instrument)
        yield self._printed
        yield from likely_prints(read_exponents(self._texts(update)))

    def opened(self, image: Image, now: int) -> list[BookEvent]:
        """Apply an image that the kernel has read and verified."""
        self._take_back()
        if self._checksum is not None:
            self._checksum.reset()
        if image.proved:
            self._counts.checksums_ok += 1
            self._note_print(exponents_of(self.instrument))
        fresh = Ladder(image.bids, image.asks)
        known = self._range(image.bid_levels, image.ask_levels)
        events = self._open(fresh, image.bid_levels, image.ask_levels, known, image.last, image.venue_ns, now)
        self._hand_over()
        return events

    def _open(
        self,
        fresh: Ladder,
        bids: Levels,
        asks: Levels,
        known: KnownRange,
        last: int,
        venue_ns: int,
        now: int,
    ) -> list[BookEvent]:
        """Take over this verified ladder with these levels, as far as it is known."""
        self._counts.images += 1
        guessed = self._checksum is not None and self._checksum.printed and not self.instrument.stated
        self._print_unknown = guessed and len(fresh.bids) + len(fresh.asks) == 0
        self._sequencer.reset(last)
        events = self._went_live(now)
        events.append(self._publish_image(fresh, bids, asks, known, venue_ns, now))
        return events + self._release(now) if self._held else events

    def delta(self, update: BookUpdate, now: int) -> list[BookEvent]:
        """Apply an update."""
        self._take_back()
        events = self._take_delta(update, now)
        self._hand_over()
        return events

    def _take_delta(self, update: BookUpdate, now: int) -> list[BookEvent]:
        if self.state == "live" or (self.reason in UNPROVEN and self._proves(update)):
            return self._judge(update, now)
        self._counts.waited += 1
        if self._held is not None:
            self._held.append(update)
        return []

    def _proves(self, update: BookUpdate) -> bool:
        """Whether this update can show that none is missing before it; if not, silence is not a loss."""
        if self.reason != "lost" or update.last:
            return True
        return update.checksum is not None and self._whole_checksum()

    def _needs_image(self) -> bool:
        """Whether no update can confirm the levels: there are no ids, and a checksum covers only some of them."""
        return not self._sequencer.numbered and not self._whole_checksum()

    def _whole_checksum(self) -> bool:
        """Whether the checksum covers all levels of the book."""
        if self._checksum is None:
            return False
        covers = self._checksum.covers
        return max(len(self.ladder.bids), len(self.ladder.asks)) <= covers

    def fault(self, reason: StaleReason, now: int, detail: str = "") -> list[BookEvent]:
        """The book becomes stale for this reason."""
        self._take_back()
        if self.state == "live":
            self._reached = self._sequencer.last
        if reason == "closed":
            self._reached = 0
        self._audit = self._awaited = None
        provable = reason in UNPROVEN and not (reason == "lost" and self._needs_image())
        self.state, self.reason, self.wants_image = "stale", reason, not provable
        if self._held is not None:
            self._held.clear()
        return [Status(self.instrument, "stale", reason, now, detail)]

    def confirm_top(self, top: tuple[int, int, int, int], now: int) -> list[BookEvent]:
        """Compare with the best bid, its size, the best ask and its size that the venue states at this very id."""
        bids, asks = self.ladder.bids, self.ladder.asks
        bid, ask = bids.best() or 0, asks.best() or 0
        if top == (bid, bids.size(bid), ask, asks.size(ask)):
            self._counts.tops_ok += 1
            return []
        self._counts.mismatches += 1
        return self.fault("mismatch", now, f"the venue's best at {self.venue_sequence} differs")

    def _judge(self, update: BookUpdate, now: int) -> list[BookEvent]:
        last = self._sequencer.last
        verdict = self._sequencer.check(update.first, update.last, update.previous)
        if verdict is Verdict.OLD:
            self._counts.old += 1
            return []
        if verdict is Verdict.GAP:
            self._counts.gaps += 1
            events = self.fault("gap", now, f"{update.previous or update.first} does not follow {last}")
            if self._held is not None:
                self._counts.waited += 1
                self._held.append(update)
            return events
        return self._apply(update, now)

    def _apply(self, update: BookUpdate, now: int) -> list[BookEvent]:
        ladder = self.ladder
        events: list[BookEvent] = []
        try:
            bids, asks = self._fit_update(update, events, now)
        except VenueError as error:
            self._counts.malformed += 1
            return [*events, *self.fault("malformed", now, str(error))]
        if bids.actions is not None and (_contradicts(ladder.bids, bids) or _contradicts(ladder.asks, asks)):
            self._counts.mismatches += 1
            return [*events, *self.fault("mismatch", now, "an action does not fit the levels")]
        bid_changes = self._change(ladder.bids, bids)
        ask_changes = self._change(ladder.asks, asks)
        if problem := self._problem(ladder, update):
            ladder.bids.revert(bid_changes)
            ladder.asks.revert(ask_changes)
            return [*events, *self.fault(problem, now)]
        self._counts.deltas += 1
        self._print_unknown = self._print_unknown and not (bid_changes or ask_changes)
        events += self._went_live(now)
        if bid_changes or ask_changes:
            events.append(self._publish(bid_changes, ask_changes, update.venue_ns, now))
        if self._audit is not None:
            bid_sizes, ask_sizes = (dict(zip(side.prices, side.sizes, strict=True)) for side in (bids, asks))
            step = Step(self._sequencer.last, bid_changes, ask_changes, bid_sizes, ask_sizes, self._known)
            events += self._log(self._audit, step, now)
        return events

    def _log(self, audit: AuditLog, step: Step, now: int) -> list[BookEvent]:
        audit.add(step)
        if audit.full:
            self._audit = self._awaited = None
        elif self._awaited is not None:
            return self._compare(self._awaited, now)
        return []

    def _fit_update(self, update: BookUpdate, events: list[BookEvent], now: int) -> tuple[Columns, Columns]:
        """The levels of an update; adds to `events` if the instrument was refined for them."""
        if self._print_unknown:
            events += self._define_by_print(self._fitted(update), now)
            self._note_print(read_exponents(self._texts(update)))
        try:
            return self._read_bids(update.bids), self._read_asks(update.asks)
        except PrecisionError:
            finer = self.refine(self.instrument, self._texts(update), Room(self.largest))
            events += self._define_by_print(finer, now)
            return self._read_bids(update.bids), self._read_asks(update.asks)

    def _change(self, side: Side, columns: Columns) -> Changes:
        if not columns.prices:
            return UNCHANGED
        changes = side.apply(columns.prices, columns.sizes)
        self._note(side, columns)
        if self.depth is None or len(side) <= self.depth:
            return changes
        cut = side.truncate(self.depth)
        return Changes(
            changes.prices + cut.prices, changes.sizes + cut.sizes, changes.previous + cut.previous
        )

    def _note(self, side: Side, columns: Columns) -> None:
        if columns.texts is not None:
            side.note(columns.prices, columns.texts, exponents_of(self.instrument))

    def _problem(self, ladder: Ladder, update: BookUpdate) -> StaleReason:
        if ladder.crossed():
            self._counts.crossed += 1
            return "crossed"
        if self._checksum is None or update.checksum is None:
            return ""
        if self._checksum(ladder, self._print_shift) != update.checksum:
            self._counts.checksums_bad += 1
            return "checksum"
        self._counts.checksums_ok += 1
        return ""

    def _read_image(self, update: BookUpdate) -> Ladder:
        if self._checksum is not None:
            self._checksum.reset()
        fresh = Ladder()
        for side, read, raw in (
            (fresh.bids, self._read_bids, update.bids),
            (fresh.asks, self._read_asks, update.asks),
        ):
            if not side.read(read.form, raw, *exponents_of(self.instrument)):
                columns = read(raw)
                side.load(columns.prices, columns.sizes)
                self._note(side, columns)
            if self.depth is not None:
                side.truncate(self.depth)
        return fresh

    def _range(self, bids: Levels, asks: Levels, limit: int = 0) -> KnownRange:
        """The known range of an image with these levels."""
        levels = self.depth or self.levels
        return KnownRange(levels=levels) if levels else fixed_range(bids, asks, limit)

    def _publish_image(
        self, fresh: Ladder, bids: Levels, asks: Levels, known: KnownRange, venue_ns: int, now: int
    ) -> BookEvent:
        before, self.ladder = self.ladder, fresh
        known_before, self._known = self._known, known
        if not self._sequence:
            self._sequence = 1
            return BookImage(self.instrument, 1, bids, asks, venue_ns, now, self._sequencer.last, known)
        self._counts.resyncs += 1
        if not (known.edged or known_before.edged):
            return self._make_delta(before.bids.diff(bids), before.asks.diff(asks), None, venue_ns, now)
        ranges = known_before, known
        near = diff_within(before, fresh, ranges)
        return self._make_delta(*near, diff_beyond(before, fresh, ranges), venue_ns, now)

    def _publish(self, bids: Changes, asks: Changes, venue_ns: int, now: int) -> BookDelta:
        beyond = None
        if self._known.edged:
            bids, asks, beyond = part_changes(bids, asks, self._known)
            self._known = self._known.passed(self.ladder.bids.best(), self.ladder.asks.best())
        return self._make_delta(bids, asks, beyond, venue_ns, now)

    def _make_delta(
        self, bids: Changes, asks: Changes, beyond: BeyondChanges | None, venue_ns: int, now: int
    ) -> BookDelta:
        covers = 1 if bids or asks or beyond is None else 0
        self._sequence += covers
        last = self._sequencer.last
        return BookDelta(
            self.instrument, self._sequence, bids, asks, venue_ns, now, last, covers, self._known, beyond
        )

    def _went_live(self, now: int) -> list[BookEvent]:
        if self.state == "live":
            return []
        self.state, self.reason, self.wants_image = "live", "", False
        return [Status(self.instrument, "live", "", now)]

    def _connects(self, last: int) -> bool:
        """Whether an image with this id is new enough, and the held updates, if any, continue it."""
        if last < self._reached:
            return False
        self._sequencer.reset(last)
        for update in self._held or ():
            verdict = self._sequencer.check(update.first, update.last, update.previous)
            if verdict is not Verdict.OLD:
                return verdict is Verdict.NEXT
        return True

    def _release(self, now: int) -> list[BookEvent]:
        if not self._held:
            return []
        waiting, self._held = self._held, deque(maxlen=HELD_LIMIT)
        self._counts.waited -= len(waiting)
        events: list[BookEvent] = []
        for update in waiting:
            events += self._take_delta(update, now)
        return events

    def _hand_over(self) -> None:
        """While the book is live, let its compiled counterpart continue from here.

        That computes checksums from present ticks and lots, so it would fail if the venue prints at other exponents.
        """
        as_printed = self._print_shift == (0, 0) and not self._print_unknown
        if self._track is not None and self.state == "live" and as_printed and self._audit is None:
            self._track.enable(
                self.label,
                self.instrument,
                self.ladder.bids,
                self.ladder.asks,
                self.depth or 0,
                self._sequence,
                self._sequencer.last,
                self._sequencer.settled,
                self._known,
            )

    def _take_back(self) -> None:
        """From now on the book is changed by its own methods."""
        if self._track is not None and self._track.enabled:
            self._catch_up()
            self._track.stop()

    def _catch_up(self) -> None:
        """Copy the state of the compiled counterpart."""
        track = self._track
        if track is not None and track.enabled:
            self._sequence, self._sequencer.last = track.sequence, track.last
            self._known = track.known
            deltas, checksums = track.counted()
            self._counts.deltas += deltas
            self._counts.checksums_ok += checksums


def _shift(held: Exponents, printed: Exponents) -> Exponents:
    return printed[0] - held[0], printed[1] - held[1]


_FITS: dict[str, Callable[[int, int], bool]] = {
    "new": lambda before, after: not before and bool(after),
    "change": lambda before, after: bool(before and after),
    "delete": lambda before, after: bool(before) and not after,
}


def _contradicts(side: Side, columns: Columns) -> bool:
    """Whether the venue states an action that is impossible with the present levels."""
    if columns.actions is None:
        return False
    sizes: dict[int, int] = {}
    for action, price, size in zip(columns.actions, columns.prices, columns.sizes, strict=True):
        before = sizes.get(price, side.size(price))
        if not _FITS[action](before, size):
            return True
        sizes[price] = size
    return False

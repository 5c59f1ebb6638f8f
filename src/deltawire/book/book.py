"""One instrument's book as a state machine: syncing → live → stale → syncing.

Only a verified book speaks. An update that leaves a gap, contradicts the levels, crosses the book or fails the
checksum is undone, the book turns stale, and the last good levels stay as they were published. The next image
is compared with them, so that subscribers get one delta from the last published book to the new one, never a
second image.
"""

from collections import deque
from collections.abc import Callable

import msgspec

from deltawire.book.checksums import Checksum
from deltawire.book.columns import Columns, Reader
from deltawire.book.kernel import Image, Side, Track, read_places
from deltawire.book.ladder import Ladder
from deltawire.book.sequencers import Sequencer, Verdict
from deltawire.errors import PrecisionError, VenueError
from deltawire.model.events import (
    BookDelta,
    BookImage,
    BookState,
    Changes,
    Levels,
    StaleReason,
    Status,
)
from deltawire.model.instruments import Instrument

HELD_LIMIT = 20_000
"""Updates kept while an image is on its way; beyond it the oldest go, and the image will not connect."""

UNCHANGED = Changes([], [], [])
UNPROVEN: tuple[StaleReason, ...] = ("silent", "lost")
"""Reasons for which a book's levels may be right all the same: its next update proves them, or not."""


class BookUpdate(msgspec.Struct, gc=False):
    """One image or delta as a venue sent it: raw level arrays, ids (0 where the venue has none), checksum."""

    bids: bytes
    asks: bytes
    first: int = 0
    last: int = 0
    previous: int = 0
    checksum: int | None = None
    venue_ns: int = 0


class BookCounts(msgspec.Struct):
    """What happened to a book since it was opened."""

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
    """Updates that came while there was no image, and for which none came."""
    old: int = 0
    """Updates that an image had in it already."""


BookEvent = BookImage | BookDelta | Status


class Book:
    """The book of one instrument on one connection.

    `ask_reader` is for level formats whose reader remembers a side. `holds` says that images come apart from
    the updates (by REST), so that updates must be kept until one is there. `depth` cuts both sides after every
    message, where the venue leaves that to the client.
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
        self.state: BookState = "syncing"
        self.reason: StaleReason = ""
        self.ladder = Ladder()
        self.wants_image = True
        self.label = ""
        """What the venue's frames call this book beside its symbol, where they do."""
        self._sequence = 0
        self._counts = BookCounts()
        self._track: Track | None = None
        self._read_bids, self._read_asks = reader, ask_reader or reader
        self._sequencer = sequencer
        self._checksum = checksum
        self.depth = depth
        self._held: deque[BookUpdate] | None = deque(maxlen=HELD_LIMIT) if holds else None
        self._reached = 0
        """The venue's number of the last update judged on this connection: no image may be older."""

    @property
    def sequence(self) -> int:
        """Our own number of the book as it stands, 0 before the first image."""
        self._catch_up()
        return self._sequence

    @property
    def venue_sequence(self) -> int:
        """The venue's number of the book as it stands, 0 where it has none."""
        self._catch_up()
        return self._sequencer.last

    @property
    def counts(self) -> BookCounts:
        """What happened to this book."""
        self._catch_up()
        return self._counts

    def use(self, track: Track) -> None:
        """While the book is live, messages may change it on this track instead of by `delta`."""
        self._track = track

    def asked(self, now: int) -> list[BookEvent]:
        """An image has been asked for."""
        self._take_back()
        self.wants_image = False
        self.state = "syncing"
        return [Status(self.instrument, "syncing", self.reason, now)]

    def define(self, instrument: Instrument) -> None:
        """The instrument is not what it was thought to be; its exponents may only have become finer.

        Raises `PrecisionError`, and changes nothing, when the levels would no longer fit 64 bits.
        """
        price_factor, size_factor = instrument.factors_from(self.instrument)
        for levels in (self.ladder.bids.levels(), self.ladder.asks.levels()):
            for column, factor in ((levels.prices, price_factor), (levels.sizes, size_factor)):
                if max(column, default=0) * factor >= 1 << 63:
                    raise PrecisionError(f"{max(column)} times {factor}", instrument.price_exponent)
        self._take_back()
        self.instrument = instrument
        for reader in dict.fromkeys((self._read_bids, self._read_asks)):
            reader.refine(instrument.price_exponent, instrument.size_exponent)
        self.ladder.rescale(price_factor, size_factor)
        self._hand_over()

    def texts(self, update: BookUpdate) -> list[tuple[str, str]]:
        """The decimal texts of all levels in an update: (price, size)."""
        return self._read_bids.texts(update.bids) + self._read_asks.texts(update.asks)

    def shown(self, update: BookUpdate) -> tuple[int, int] | None:
        """The price and size exponents that an update's texts need, where that can be told at a glance.

        Then every number fits 64 bits at any exponents down to `twin.MEASURED`.
        """
        bids = read_places(self._read_bids.form, update.bids)
        asks = read_places(self._read_asks.form, update.asks)
        if bids is None or asks is None:
            return None
        return -max(bids[0], asks[0]), -max(bids[1], asks[1])

    def image(self, update: BookUpdate, now: int) -> list[BookEvent]:
        """A whole book has come; after it the held updates, if any.

        Where images come apart from the updates, one that comes unasked or is too old to connect changes
        nothing, except that another is wanted.
        """
        self._take_back()
        events = self._take_image(update, now)
        self._hand_over()
        return events

    def _take_image(self, update: BookUpdate, now: int) -> list[BookEvent]:
        if self._held is not None and (self.state == "live" or not self._connects(update.last)):
            self.wants_image = self.state != "live"
            return []
        try:
            fresh = self._read_image(update)
        except VenueError as error:
            self._counts.malformed += 1
            return self.fault("malformed", now, str(error))
        if problem := self._problem(fresh, update):
            return self.fault(problem, now, "in the image")
        bids, asks = fresh.bids.levels(), fresh.asks.levels()
        return self._open(fresh, bids, asks, update.last, update.venue_ns, now)

    def opened(self, image: Image, now: int) -> list[BookEvent]:
        """A whole book has come, and the kernel has read it and found it right."""
        self._take_back()
        if self._checksum is not None:
            self._checksum.reset()
        if image.proved:
            self._counts.checksums_ok += 1
        fresh = Ladder(image.bids, image.asks)
        events = self._open(fresh, image.bid_levels, image.ask_levels, image.last, image.venue_ns, now)
        self._hand_over()
        return events

    def _open(
        self, fresh: Ladder, bids: Levels, asks: Levels, last: int, venue_ns: int, now: int
    ) -> list[BookEvent]:
        """This ladder, whose levels these are, is right, and the book from now on."""
        self._counts.images += 1
        self._sequencer.reset(last)
        events = self._went_live(now)
        events.append(self._publish_image(fresh, bids, asks, venue_ns, now))
        return events + self._release(now) if self._held else events

    def delta(self, update: BookUpdate, now: int) -> list[BookEvent]:
        """An update has come."""
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
        """Whether this update can show that none is missing before it; if not, silence is no loss."""
        return self.reason != "lost" or bool(update.last) or update.checksum is not None

    def fault(self, reason: StaleReason, now: int, detail: str = "") -> list[BookEvent]:
        """The book no longer stands for the market, for this reason."""
        self._take_back()
        if self.state == "live":
            self._reached = self._sequencer.last
        if reason == "closed":
            self._reached = 0
        self.state, self.reason, self.wants_image = "stale", reason, reason not in UNPROVEN
        if self._held is not None:
            self._held.clear()
        return [Status(self.instrument, "stale", reason, now, detail)]

    def confirm_top(self, top: tuple[int, int, int, int], now: int) -> list[BookEvent]:
        """The venue states the best bid, its size, the best ask and its size at this very sequence."""
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
        try:
            bids, asks = self._read_bids(update.bids), self._read_asks(update.asks)
        except VenueError as error:
            self._counts.malformed += 1
            return self.fault("malformed", now, str(error))
        if bids.actions is not None and (_contradicts(ladder.bids, bids) or _contradicts(ladder.asks, asks)):
            self._counts.mismatches += 1
            return self.fault("mismatch", now, "an action does not fit the levels")
        bid_changes = self._change(ladder.bids, bids)
        ask_changes = self._change(ladder.asks, asks)
        if problem := self._problem(ladder, update):
            ladder.bids.revert(bid_changes)
            ladder.asks.revert(ask_changes)
            return self.fault(problem, now)
        self._counts.deltas += 1
        events: list[BookEvent] = self._went_live(now)
        if bid_changes or ask_changes:
            events.append(self._publish(bid_changes, ask_changes, update.venue_ns, now))
        return events

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
            exponents = self.instrument.price_exponent, self.instrument.size_exponent
            side.note(columns.prices, columns.texts, exponents)

    def _problem(self, ladder: Ladder, update: BookUpdate) -> StaleReason:
        if ladder.crossed():
            self._counts.crossed += 1
            return "crossed"
        if self._checksum is None or update.checksum is None:
            return ""
        if self._checksum(ladder) != update.checksum:
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
            exponents = self.instrument.price_exponent, self.instrument.size_exponent
            if not side.read(read.form, raw, *exponents):
                columns = read(raw)
                side.load(columns.prices, columns.sizes)
                self._note(side, columns)
            if self.depth is not None:
                side.truncate(self.depth)
        return fresh

    def _publish_image(self, fresh: Ladder, bids: Levels, asks: Levels, venue_ns: int, now: int) -> BookEvent:
        known, self.ladder = self.ladder, fresh
        if self._sequence:
            self._counts.resyncs += 1
            return self._publish(known.bids.diff(bids), known.asks.diff(asks), venue_ns, now)
        self._sequence = 1
        return BookImage(self.instrument, 1, bids, asks, venue_ns, now, self._sequencer.last)

    def _publish(self, bids: Changes, asks: Changes, venue_ns: int, now: int) -> BookDelta:
        self._sequence += 1
        return BookDelta(self.instrument, self._sequence, bids, asks, venue_ns, now, self._sequencer.last)

    def _went_live(self, now: int) -> list[BookEvent]:
        if self.state == "live":
            return []
        self.state, self.reason, self.wants_image = "live", "", False
        return [Status(self.instrument, "live", "", now)]

    def _connects(self, last: int) -> bool:
        """Whether an image with this number is new enough, and the held updates, if any, continue it."""
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
        """While the book is live its track may go on from here."""
        if self._track is not None and self.state == "live":
            self._track.arm(
                self.label,
                self.instrument,
                self.ladder.bids,
                self.ladder.asks,
                self.depth or 0,
                self._sequence,
                self._sequencer.last,
                self._sequencer.settled,
            )

    def _take_back(self) -> None:
        """From here on the book changes by its own methods."""
        if self._track is not None and self._track.armed:
            self._catch_up()
            self._track.stop()

    def _catch_up(self) -> None:
        """Take over what the track has done."""
        track = self._track
        if track is not None and track.armed:
            self._sequence, self._sequencer.last = track.sequence, track.last
            deltas, checksums = track.counted()
            self._counts.deltas += deltas
            self._counts.checksums_ok += checksums


_FITS: dict[str, Callable[[int, int], bool]] = {
    "new": lambda before, after: not before and bool(after),
    "change": lambda before, after: bool(before and after),
    "delete": lambda before, after: bool(before) and not after,
}


def _contradicts(side: Side, columns: Columns) -> bool:
    """Whether the venue states an action that the levels we hold do not allow."""
    if columns.actions is None:
        return False
    sizes: dict[int, int] = {}
    for action, price, size in zip(columns.actions, columns.prices, columns.sizes, strict=True):
        before = sizes.get(price, side.size(price))
        if not _FITS[action](before, size):
            return True
        sizes[price] = size
    return False

"""A recording as a source: its frames go through the venue's state machine at the recorded times."""

import asyncio
import contextlib
import heapq
import math
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from operator import attrgetter

import msgspec

from deltawire.model.events import Event, Fault, VenueStatus
from deltawire.ports import (
    ALIVE,
    REFUSED,
    REQUEST,
    SILENT,
    STATED,
    Ask,
    Batch,
    BookFrames,
    Clock,
    Output,
    Tap,
    Venue,
    Wants,
)
from deltawire.recording import Recording, RecordingEntry
from deltawire.recording.event_log import EventLog
from deltawire.venues.outages import Statuses

BATCH = 64
"""Records at full speed between turns of other tasks."""
LONGEST_ASIDE = 2048
LOOP_PAUSE_NS = 1_000_000_000
_STATUS = msgspec.json.Decoder(VenueStatus).decode


class Played(msgspec.Struct, frozen=True):
    """The recording of one connection, the state machine that reads it, and the time from which it is read."""

    recording: Recording
    venue: Venue
    from_ns: int = 0
    connection: str = ""
    tap: Tap | None = None
    """Hears what is played, at the recorded times."""

    def records(self) -> Iterator[RecordingEntry]:
        """Its records, from the beginning or that time on."""
        records = self.recording.records(self.from_ns)
        return records if self.tap is None else _tapped(records, self.tap, self.connection)


def _tapped(records: Iterable[RecordingEntry], tap: Tap, connection: str) -> Iterator[RecordingEntry]:
    for record in records:
        if record.kind == "opened":
            tap.noted(connection, record.at_ns, "connected", url=record.payload.decode("utf-8", "replace"))
        elif record.kind == "closed":
            tap.noted(connection, record.at_ns, "closed", reason=record.payload.decode("utf-8", "replace"))
        elif record.kind == "damaged":
            tap.noted(connection, record.at_ns, "gap", reason=f"{record.place}: {record.reason}")
        else:
            tap.passed(connection, record.at_ns, record.kind, record.payload, url=record.url)
        yield record


def play(records: Iterable[RecordingEntry], venue: Venue) -> Iterator[Batch]:
    """Run a venue's state machine on a recording. Its requests are dropped: the recording contains the answers.

    Time never decreases: a record with an earlier time than the previous one is played in the same nanosecond.
    """
    wants, now = Wants(), 0
    is_open = False
    for record in records:
        while (deadline := venue.deadline()) is not None and deadline <= record.at_ns:
            now = max(now, deadline)  # what is told late, such as a list with past expiries, is due at once
            yield _batch(venue, now, venue.tick(now))
        now = max(now, record.at_ns)
        if record.kind == "damaged":
            yield _batch(venue, now, _damage(venue, record, now))
            continue
        if record.kind == "sent":
            if outputs := _beside(venue, record.payload, now):
                yield _batch(venue, now, outputs)
            continue
        if record.kind == "closed":
            if is_open:
                yield _batch(venue, now, venue.closed(now))
            is_open = False
            continue
        if is_open and record.kind == "opened":
            yield _batch(venue, now, venue.closed(now))
        if record.kind == "opened" or not is_open:
            is_open = True
            yield _batch(venue, now, venue.opened(wants, now))
        if record.kind == "received":
            yield _batch(venue, now, venue.received(record.payload, now))
        elif record.kind == "fetched" and (tag := venue.tag(record.url)) is not None:
            yield _batch(venue, now, venue.fetched(tag, record.payload, now))


def _beside(venue: Venue, sent: bytes, now: int) -> list[Output]:
    """What a live connection has told its state machine beside frames, so that the same follows from it."""
    text = sent[:LONGEST_ASIDE].decode("utf-8", "replace")
    if text == ALIVE:
        venue.heard(now)
    elif text.startswith(REQUEST):
        venue.requested(text.removeprefix(REQUEST), now)
    elif text.startswith(SILENT) and venue.instrument(name := text.removeprefix(SILENT)) is not None:
        return venue.fell_silent(name, now)
    elif text.startswith(REFUSED):
        name, _, why = text.removeprefix(REFUSED).partition(" ")
        return venue.refused_book(name, why, now)
    elif text.startswith(STATED):
        with contextlib.suppress(msgspec.MsgspecError):  # a message of somebody else's
            return venue.stated(_STATUS(text.removeprefix(STATED)), now)
    return []


def _damage(venue: Venue, record: RecordingEntry, now: int) -> list[Output]:
    """Lines are lost, and updates may have been among them."""
    where = f"{record.place}: {record.reason}"
    return [Fault(venue.name, now, where), *venue.missed(now, where)]


def play_together(pairs: Sequence[Played]) -> Iterator[Batch]:
    """Play the connections of a venue at once, in the order of their times."""
    if len(pairs) == 1:
        return play(pairs[0].records(), pairs[0].venue)
    batches = heapq.merge(*(play(pair.records(), pair.venue) for pair in pairs), key=attrgetter("at_ns"))
    return _said_once(batches)


def _said_once(batches: Iterable[Batch]) -> Iterator[Batch]:
    """What a venue says on all of its connections is told once."""
    statuses = Statuses()
    for batch in batches:
        if any(type(event) is VenueStatus for event in batch.events):
            events = [
                event for event in batch.events if type(event) is not VenueStatus or statuses.take(event)
            ]
            yield Batch(batch.venue, batch.at_ns, events)
        else:
            yield batch


def with_fault(batches: Iterator[Batch], reason: str) -> Iterator[Batch]:
    """The batches, the first of them with a fault if there is a reason."""
    first = next(batches, None) if reason else None
    if first is not None:
        yield Batch(first.venue, first.at_ns, [Fault(first.venue, first.at_ns, reason), *first.events])
    yield from batches


def play_again(pairs: Sequence[Played]) -> Iterator[Batch]:
    """Play recordings in a loop: each round follows the previous one in time and starts with a reconnection.

    The venue's state machines use recorded time in every round, so expiries happen again in each; only the output is
    shifted.
    """
    shift_ns = 0
    while True:
        end_ns = 0
        for batch in play_together(pairs):
            end_ns = batch.at_ns
            yield _moved(batch, shift_ns)
        if not end_ns:
            return
        for pair in pairs:
            yield _moved(_batch(pair.venue, end_ns, pair.venue.closed(end_ns)), shift_ns)
            pair.venue.rewound()
        firsts = [next(r for r in pair.records() if r.kind != "damaged").at_ns for pair in pairs]
        shift_ns += end_ns + LOOP_PAUSE_NS - min(firsts)


def _batch(venue: Venue, now: int, outputs: list[Output]) -> Batch:
    return Batch(venue.name, now, [output for output in outputs if not isinstance(output, Ask)])


def _moved(batch: Batch, shift_ns: int) -> Batch:
    """A batch of a later round, by its own time."""
    if not shift_ns:
        return batch
    return Batch(batch.venue, batch.at_ns + shift_ns, [_dated(event, shift_ns) for event in batch.events])


def _dated(event: Event, shift_ns: int) -> Event:
    """Shift the times of an event from those of the first round."""
    stamps = {"seen_ns": getattr(event, "seen_ns", 0), "venue_ns": getattr(event, "venue_ns", 0)}
    return msgspec.structs.replace(
        event, **{name: stamp + shift_ns for name, stamp in stamps.items() if stamp}
    )


class ReplayClock:
    """Recorded time at a given speed; it never exceeds the time of the next record."""

    def __init__(self, wall: Clock, speed: float) -> None:
        self._wall = wall
        self._speed = speed
        self._wall_start = 0
        self._start = 0
        self._reached = 0
        self._next = 0

    def set_speed(self, speed: float) -> None:
        """Go on from the present recorded time at another speed; 0 stands still."""
        now = self.now()
        self._wall_start, self._start, self._speed = self._wall.now(), now, speed

    def start(self, at_ns: int) -> None:
        """Set the time of the first record."""
        self._wall_start, self._start = self._wall.now(), at_ns
        self._reached = self._next = at_ns

    def wait_s(self, at_ns: int) -> float:
        """Wall-clock seconds until recorded time `at_ns`, the next record's; infinite while it stands still."""
        self._next = at_ns
        if not self._speed:
            return 0.0 if at_ns <= self._start else math.inf
        due = self._wall_start + (at_ns - self._start) / self._speed
        return max(0.0, (due - self._wall.now()) / 1e9)

    def reach(self, at_ns: int) -> None:
        """The record of this time is being played."""
        self._reached = max(self._reached, at_ns)

    def now(self) -> int:
        """Recorded nanoseconds."""
        elapsed = (self._wall.now() - self._wall_start) * self._speed
        return max(self._reached, min(self._start + int(elapsed), self._next))


class ReplaySource:
    """Serves a recording as a `Source`, once or in a loop.

    `speed` is recorded seconds per second, None for maximum speed. At the end of a recording that does not loop,
    recorded time stops and the source ends.
    """

    def __init__(
        self,
        played: Sequence[Played],
        wall: Clock,
        *,
        speed: float | None = 1.0,
        loop: bool = False,
        from_ns: int = 0,
        stored: EventLog | None = None,
        fault: str = "",
    ) -> None:
        """`played` are the connections to one venue; recorded time before `from_ns` passes at full speed.

        What was `stored` of them answers in their place from `from_ns` on, if that is given; `fault` says why it
        cannot be.
        """
        self._pairs = list(played)
        self._speed = speed
        self._loop = loop
        self._from_ns = from_ns
        self._stored = stored
        self._fault = fault
        self._clock = ReplayClock(wall, speed or 1.0)
        self.venue = self._pairs[0].venue.name

    def now(self) -> int:
        """Recorded time in nanoseconds; 0 before the first record."""
        return self._clock.now()

    def book_frames(self) -> BookFrames:
        frames = [pair.venue.book_frames for pair in self._pairs]
        return BookFrames(sum(each.fast for each in frames), sum(each.parser for each in frames))

    def unread(self) -> Mapping[str, int]:
        unread: Counter[str] = Counter()
        for pair in self._pairs:
            unread.update(pair.venue.unread)
        return unread

    async def events(self, wants: Wants) -> AsyncIterator[Batch]:
        """Yield batches of events; `wants` is ignored, because a recording contains what its recorder requested."""
        has_begun = False
        for played, batch in enumerate(self._batches()):
            if not has_begun:
                self._clock.start(batch.at_ns)
                has_begun = batch.at_ns >= self._from_ns
            await self._pace(batch.at_ns, played, waits=has_begun)
            self._clock.reach(batch.at_ns)
            if batch.events:
                yield batch

    def _batches(self) -> Iterator[Batch]:
        if self._stored is not None:
            return self._stored.batches(self._from_ns)
        return play_again(self._pairs) if self._loop else with_fault(play_together(self._pairs), self._fault)

    async def _pace(self, at_ns: int, played: int, *, waits: bool) -> None:
        wait_s = self._clock.wait_s(at_ns) if self._speed and waits else 0.0
        if wait_s > 0 or played % BATCH == 0:
            await asyncio.sleep(wait_s)

"""The subscriptions of one connection: what was asked, what was granted, what flows, and what is silent."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from enum import StrEnum

import msgspec

from deltawire.model.events import Event, Ticker, Trade
from deltawire.ports import Receipt, Stream

SECOND_NS = 1_000_000_000
ANSWER_S = 10.0
"""An answer that takes longer is lost: venues drop requests beyond their limits without a word."""
ATTEMPTS = 3
GRACE_S = 2.0
FIRST_S = 30.0
QUIET_S = 2.0


class StreamState(StrEnum):
    """States of a subscription."""

    ASKED = "asked"
    ACKNOWLEDGED = "acknowledged"
    FLOWING = "flowing"
    SILENT = "silent"
    REFUSED = "refused"


AWAITED = StreamState.ACKNOWLEDGED, StreamState.FLOWING


class Entry(msgspec.Struct):
    """One subscription as it stands."""

    stream: Stream
    state: StreamState
    since_ns: int
    """When it was asked, granted, or last heard."""
    attempts: int = 1
    progress: int = 0
    quiet: bool = False
    """Whether it was said that it has been granted for a while and has said nothing."""


class Overdue(msgspec.Struct, frozen=True):
    """What is due: subscriptions to repeat, those given up, those whose promised pace is broken, and quiet books."""

    unanswered: list[Stream]
    given_up: list[Stream]
    silent: list[Stream]
    quiet: list[Stream]

    def __bool__(self) -> bool:
        return bool(self.unanswered or self.given_up or self.silent or self.quiet)


class Ledger:
    """Time is passed in. `first_s`: within this time after it was granted a book says something.

    `quiet_s`, if not 0, is the time after which it may simply not have changed: an image is fetched without it.
    """

    def __init__(self, *, acknowledges: bool = True, first_s: float = FIRST_S, quiet_s: float = 0.0) -> None:
        self._acknowledges = acknowledges
        self._quiet_ns = int(quiet_s * SECOND_NS)
        self._first_ns = int(first_s * SECOND_NS)
        self._entries: dict[str, Entry] = {}
        self._watched: defaultdict[tuple[str, str], list[Entry]] = defaultdict(list)
        """Streams of other topics than books with a promised pace, by topic and instrument."""

    def __contains__(self, name: str) -> bool:
        return name in self._entries

    @property
    def streams(self) -> list[Stream]:
        """All that is asked for and not refused."""
        return [entry.stream for entry in self._entries.values() if entry.state is not StreamState.REFUSED]

    def counts(self) -> Counter[StreamState]:
        """Number of subscriptions by state."""
        return Counter(entry.state for entry in self._entries.values())

    def state(self, name: str) -> StreamState | None:
        """The state of a subscription."""
        entry = self._entries.get(name)
        return entry.state if entry else None

    def asked(self, streams: Iterable[Stream], now: int) -> None:
        """Subscriptions were requested."""
        for stream in streams:
            answers = self._acknowledges and stream.topic != "list"
            state = StreamState.ASKED if answers else StreamState.ACKNOWLEDGED
            known = self._entries.get(stream.name)
            if known:
                known.state, known.since_ns, known.attempts = state, now, known.attempts + 1
                known.quiet = False
                continue
            entry = self._entries[stream.name] = Entry(stream, state, now)
            if stream.gives or stream.topic == "trades":
                self._watched[stream.topic, stream.instrument].append(entry)

    def ended(self, streams: Iterable[Stream]) -> None:
        """Subscriptions are not wanted any more."""
        for stream in streams:
            entry = self._entries.pop(stream.name, None)
            watched = self._watched.get((stream.topic, stream.instrument), [])
            if entry in watched:
                watched.remove(entry)

    def answered(self, receipt: Receipt, now: int) -> list[Stream]:
        """Take an answer of the venue; returns the streams that are refused now."""
        for name in receipt.acknowledged:
            entry = self._entries.get(name)
            if entry and entry.state is StreamState.ASKED:
                entry.state, entry.since_ns = StreamState.ACKNOWLEDGED, now
        refused = []
        for name in receipt.refused:
            entry = self._entries.get(name)
            if entry and entry.state is not StreamState.REFUSED:
                entry.state = StreamState.REFUSED
                refused.append(entry.stream)
        return refused

    def heard(self, event: Event, now: int) -> None:
        """An event that streams other than books have given."""
        if isinstance(event, Ticker):
            for entry in self._watched.get(("ticker", event.instrument.name), ()):
                if getattr(event, entry.stream.gives) is not None:
                    _flows(entry, now)
        elif isinstance(event, Trade):
            for entry in self._watched.get(("trades", event.instrument.name), ()):
                _flows(entry, now)

    def progressed(self, stream: Stream, progress: int, now: int) -> None:
        """How many messages of a book there have been."""
        entry = self._entries.get(stream.name)
        if entry and progress != entry.progress:
            entry.progress = progress
            _flows(entry, now)

    def overdue(self, now: int) -> Overdue:
        """What is due now; each is told once."""
        due = Overdue([], [], [], [])
        for entry in self._entries.values():
            stream, pause_ns = entry.stream, now - entry.since_ns
            if entry.state is StreamState.ASKED:
                if pause_ns >= ANSWER_S * SECOND_NS:
                    (due.unanswered if entry.attempts < ATTEMPTS else due.given_up).append(stream)
                    entry.since_ns = now
            elif entry.state in AWAITED and pause_ns >= self._patience_ns(entry) > 0:
                entry.state = StreamState.SILENT
                due.silent.append(stream)
            elif self._is_quiet(entry, pause_ns):
                entry.quiet = True
                due.quiet.append(stream)
        for stream in due.given_up:
            self._entries[stream.name].state = StreamState.REFUSED
        return due

    def _is_quiet(self, entry: Entry, pause_ns: int) -> bool:
        first = entry.stream.topic == "book" and entry.state is StreamState.ACKNOWLEDGED
        return first and not entry.quiet and pause_ns >= self._quiet_ns > 0

    def _patience_ns(self, entry: Entry) -> int:
        """How long a stream may be silent; 0: for ever."""
        stream = entry.stream
        if stream.cadence_s and (stream.gives or stream.topic == "book"):
            promised_ns = int((2 * stream.cadence_s + GRACE_S) * SECOND_NS)
            if entry.state is StreamState.FLOWING or stream.topic != "book":
                return promised_ns
            return max(promised_ns, self._first_ns)
        first = stream.topic == "book" and entry.state is StreamState.ACKNOWLEDGED
        return self._first_ns if first else 0


def _flows(entry: Entry, now: int) -> None:
    if entry.state is not StreamState.REFUSED:
        entry.state, entry.since_ns, entry.attempts = StreamState.FLOWING, now, 1

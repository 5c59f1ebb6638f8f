"""Runs the derivations that somebody wants beside a stream of events, and puts what they find into it.

Whoever publishes the events of a venue owns one of these, so that figures are computed once however many gateways and
subscribers read them, and are numbered like any event. What nobody wants costs nothing.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Protocol, cast

import msgspec

from deltawire.analytics.alerts import AlertMetric, CrossedMetric
from deltawire.analytics.book_metrics import DepthMetric, ImbalanceMetric
from deltawire.analytics.channel_data import depth_data, imbalance_data
from deltawire.analytics.derivation import FollowedBook
from deltawire.analytics.figures import (
    AlertData,
    ChainData,
    CrossedData,
    DepthData,
    FlowData,
    GammaData,
    ImbalanceData,
    PricesData,
    SkewData,
    SurfaceData,
)
from deltawire.analytics.prices import PriceMetric
from deltawire.model.events import BookDelta, BookImage, Derived, Event, Fault, Status
from deltawire.model.instruments import Instrument

MS_NS = 1_000_000
SECOND_NS = 1_000_000_000
MOST = 100
"""Derivations at once; a channel beyond them says so instead of figures."""
MOST_MS = 250.0
"""Processor time for figures, in milliseconds per second of the market; a channel beyond it says so, too."""
COST_MS = {"chain": 4.0, "surface": 15.0, "skew": 25.0, "gex": 25.0}
"""About how long the figures of one interval take; other families take less than a fifth of a millisecond."""
OTHER_COST_MS = 0.2
NEVER_NS = 1 << 63
BOOK_EVENTS = (BookImage, BookDelta, Status)
STEADY_MS = {"flow": 5.0}
"""About how long figures take per second whatever their interval: predictions are made ten times a second."""


def underlying_key(venue: str, coin: str) -> str:
    """Of all options and futures of a venue on one coin; no instrument's key."""
    return f"{venue}:*:{coin}"


def subjects_of(event: Event) -> tuple[str, ...]:
    """The keys of an event's instrument and, of an option or a future, of its underlying."""
    instrument = getattr(event, "instrument", None)
    if not isinstance(instrument, Instrument):
        return ()
    if instrument.kind == "spot":
        return (instrument.key,)
    return instrument.key, underlying_key(instrument.venue, instrument.base)


class Wanted(msgspec.Struct, frozen=True):
    """Which figures a channel publishes: of an instrument (its venue's name) or of an underlying's options.

    `label` is the subject's public name. `alert` and `threshold` belong to alerts, `expiry` to chains. `other` is the
    key of another instrument that is compared with it, `other_label` its public name.
    """

    channel: str
    family: str
    venue: str
    subject: str
    label: str
    interval_ns: int
    expiry: str = ""
    alert: str = ""
    threshold: float = 0.0
    other: str = ""
    other_label: str = ""

    @property
    def key(self) -> str:
        """`venue:name` of the instrument, as `Instrument.key`; `venue:*:COIN` of an underlying's options."""
        if self.family in OF_UNDERLYINGS:
            return underlying_key(self.venue, self.subject.upper())
        return f"{self.venue}:{self.subject}"

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys of everything whose events it needs."""
        return (self.key, self.other) if self.other and self.other != self.key else (self.key,)

    @property
    def cost_ms(self) -> float:
        """About how many milliseconds of processor time it takes per second."""
        if self.family in STEADY_MS:
            return STEADY_MS[self.family]
        return COST_MS.get(self.family, OTHER_COST_MS) * SECOND_NS / self.interval_ns


class Metric(Protocol):
    """A derivation whose readings are a channel's data, with a `timestamp` each."""

    def update(self, event: Event) -> Sequence[Any]:
        """The data that is due because of this event."""
        ...


class BookMetric(Metric, Protocol):
    """One of a single book, which all of the same instrument share (`OfBook`)."""

    @property
    def due_ns(self) -> int:
        """Updates of the book before this time of the venue need not be given to it."""
        ...

    def share(self, book: FollowedBook) -> None:
        """Read this book from now on."""
        ...


class Converted:
    """A derivation of readings of a book, as one of a channel's data."""

    def __init__(self, metric: BookMetric, convert: Callable[[Any], msgspec.Struct]) -> None:
        self._metric, self._convert = metric, convert
        self.share = metric.share

    @property
    def due_ns(self) -> int:
        """Updates of the book before this time of the venue need not be given to it."""
        return self._metric.due_ns

    def update(self, event: Event) -> Sequence[Any]:
        """The readings that are due, converted."""
        readings = self._metric.update(event)
        return [self._convert(reading) for reading in readings] if readings else readings


def _imbalance(wanted: Wanted) -> BookMetric:
    return Converted(
        ImbalanceMetric(wanted.key, wanted.interval_ns), lambda reading: imbalance_data(wanted.label, reading)
    )


def _depth(wanted: Wanted) -> BookMetric:
    return Converted(
        DepthMetric(wanted.key, wanted.interval_ns), lambda reading: depth_data(wanted.label, reading)
    )


def _prices(wanted: Wanted) -> BookMetric:
    return PriceMetric(wanted.key, wanted.label, wanted.interval_ns)


def _flow(wanted: Wanted) -> Metric:
    from deltawire.analytics.flow import FlowMetric  # needs the extra

    return FlowMetric(wanted.key, wanted.label, wanted.interval_ns)


def _alert(wanted: Wanted) -> BookMetric:
    return AlertMetric(wanted.key, wanted.label, wanted.interval_ns, what=wanted.alert, at=wanted.threshold)


def _crossed(wanted: Wanted) -> Metric:
    keys, labels = (wanted.key, wanted.other), (wanted.label, wanted.other_label)
    return CrossedMetric(keys, labels, wanted.interval_ns, at_bp=wanted.threshold)


OF_BOOKS: dict[str, tuple[type, Callable[[Wanted], BookMetric]]] = {
    "imbalance": (ImbalanceData, _imbalance),
    "depth": (DepthData, _depth),
    "prices": (PricesData, _prices),
    "alert": (AlertData, _alert),
}
"""By family of channels that read one book: the type of its data and what makes its metric."""
OF_INSTRUMENTS: dict[str, tuple[type, Callable[[Wanted], Metric]]] = {
    **OF_BOOKS,
    "flow": (FlowData, _flow),
    "crossed": (CrossedData, _crossed),
}
"""By family of channels about instruments: the same."""


class Followed(Protocol):
    """What the derivations about one underlying read, and none of them changes."""

    def update(self, event: Event) -> None:
        """Take an event in."""
        ...


def _option_book(wanted: Wanted) -> Followed:
    from deltawire.analytics.option_book import OptionBook  # needs the extra

    return OptionBook(wanted.venue, wanted.subject)


def _options(wanted: Wanted, book: Any) -> Metric:
    from deltawire.analytics import option_metrics as options  # needs the extra

    prefix = wanted.label.rpartition(":")[0]
    makers: dict[str, Callable[[], Any]] = {
        "chain": lambda: options.Chain(
            wanted.label, wanted.expiry, lambda name: f"{prefix}:{name}" if prefix else name
        ),
        "surface": lambda: options.Surface(wanted.label),
        "skew": lambda: options.Skew(wanted.label),
        "gex": lambda: options.Gamma(wanted.label),
    }
    return options.OptionMetric(book, wanted.interval_ns, makers[wanted.family]())


OF_UNDERLYINGS: dict[str, type] = {
    "chain": ChainData,
    "surface": SurfaceData,
    "skew": SkewData,
    "gex": GammaData,
}
"""By family of channels about the options on an underlying: the type of its data."""


class _Underlying:
    """The options on one underlying, followed once for all derivations about them."""

    def __init__(self, wanted: Wanted) -> None:
        self.book = _option_book(wanted)
        self.failure = ""
        """Why it is followed no more."""

    def update(self, event: Event) -> None:
        """Take an event in, after those derivations."""
        if self.failure:
            return
        try:
            self.book.update(event)
        except Exception as error:  # noqa: BLE001 (every derivation about it says what happened)
            self.failure = _words(error)


class _Running:
    """One derivation at work."""

    def __init__(self, wanted: Wanted, underlying: _Underlying | None = None) -> None:
        """`underlying` is what it reads if it is about options; without one such a derivation computes nothing."""
        self.wanted = wanted
        self._underlying = underlying
        self._metric: Metric | None = None
        if underlying is not None:
            self._metric = _options(wanted, underlying.book)
        elif wanted.family in OF_INSTRUMENTS:
            self._metric = OF_INSTRUMENTS[wanted.family][1](wanted)
        self._sequence = 0
        self._down: dict[str, Status] = {}
        """What is not live, by key."""
        self._shared: BookMetric | None = None
        """The metric, if it reads a book that others read as well."""
        self.due_ns = 0
        """Updates of the book before this time of the venue need not be given to it."""

    def share(self, book: FollowedBook) -> None:
        """Read this book from now on, which gets each event afterwards, instead of following one."""
        if self._metric is not None:
            self._shared = cast(BookMetric, self._metric)
            self._shared.share(book)
            self.due_ns = self._shared.due_ns

    @property
    def shares(self) -> bool:
        """Whether it reads a book that others read as well."""
        return self._shared is not None

    @property
    def failed(self) -> bool:
        """Whether it has ended by an error."""
        return self._metric is None

    def update(self, event: Event) -> list[Event]:
        """What is published because of this event, before it."""
        if self._metric is None:
            return []
        seen_ns = getattr(event, "seen_ns", 0)
        if self._underlying is not None and self._underlying.failure:
            return self.end(self._underlying.failure, seen_ns)
        try:
            readings = self._metric.update(event)
            if self._shared is not None:
                self.due_ns = self._shared.due_ns
            found: list[Event] = (
                [self._derived(data, seen_ns, data.timestamp * MS_NS) for data in readings]
                if readings
                else []
            )
        except Exception as error:  # noqa: BLE001 (one derivation must not end the stream; it says what happened)
            return self.end(_words(error), seen_ns)
        if isinstance(event, Status) and event.instrument.key in self.wanted.keys:
            was_down = bool(self._down)
            if event.state == "live":
                self._down.pop(event.instrument.key, None)
            else:
                self._down[event.instrument.key] = event
                if not was_down:
                    found += self.suspended(seen_ns)
        return found

    def suspended(self, seen_ns: int) -> list[Event]:
        """What says that there are no figures, if something is not live."""
        for key, status in self._down.items():
            where = "" if key == self.wanted.key else f"{self.wanted.other_label}: "
            return [self._without(status.state, where + status.reason, seen_ns)]
        return []

    def _derived(self, data: msgspec.Struct, seen_ns: int, at_ns: int) -> Derived:
        wanted = self.wanted
        self._sequence = max(self._sequence + 1, at_ns // MS_NS)
        return Derived(wanted.venue, wanted.channel, self._sequence, at_ns, seen_ns, data)

    def _without(self, state: str, reason: str, seen_ns: int) -> Derived:
        wanted = self.wanted
        data_type = OF_UNDERLYINGS.get(wanted.family) or OF_INSTRUMENTS[wanted.family][0]
        data = data_type(seen_ns // MS_NS, wanted.label, state, reason)
        return self._derived(data, seen_ns, self._sequence * MS_NS or seen_ns)

    def end(self, reason: str, seen_ns: int) -> list[Event]:
        """Compute nothing any more; returns what says so."""
        self._metric = self._shared = None
        fault = Fault(self.wanted.venue, seen_ns, f"{self.wanted.channel} cannot be computed: {reason}")
        return [self._without("failed", reason, seen_ns), fault]


def _words(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


class Extension:
    """The events of a moment, each with what is derived because of it before it, made step by step.

    Until `step` returns False, nothing of this moment may be published.
    """

    def __init__(self, found: list[Event], taken: list[Event], steps: Iterator[None]) -> None:
        self.found = found
        self.taken = taken
        """The events that derivations have got so far."""
        self._steps = steps

    def step(self) -> bool:
        """Update one derivation; returns whether there may be more."""
        return next(self._steps, self) is None


class Derivations:
    """All derivations at work, by the channel that publishes them."""

    def __init__(self, most: int = MOST, most_ms: float = MOST_MS) -> None:
        self._most, self._most_ms = most, most_ms
        self._extension: Extension | None = None
        self._running: dict[str, _Running] = {}
        self._users: Counter[str] = Counter()
        self._of_subject: dict[str, dict[str, _Running]] = {}
        self._underlyings: dict[str, _Underlying] = {}
        self._books: dict[str, FollowedBook] = {}
        """By instrument, for all that read its book; each gets an event after these."""
        self._late: list[Event] = []
        """What is told with the next events: who has failed at the beginning, and of whom something is not live."""

    @property
    def active(self) -> bool:
        """Whether anything is wanted."""
        return bool(self._running)

    @property
    def late(self) -> bool:
        """Whether something is to be told without an event."""
        return bool(self._late)

    def want(self, wanted: Wanted, beginning: Iterable[Event] = ()) -> bool:
        """Begin to compute, from the events that state what is known now; returns whether it was computed already.

        Every call is followed by one of `drop` in the end.
        """
        running = self._running.get(wanted.channel)
        before = running is not None
        if running is None:
            self._begin(wanted, beginning)
        self._users[wanted.channel] += 1
        return before

    def _begin(self, wanted: Wanted, beginning: Iterable[Event]) -> None:
        """Begin with the present, and with what others have got of this moment already."""
        taken = [] if self._extension is None else self._extension.taken
        full = self._full(wanted)
        if wanted.family in OF_UNDERLYINGS and not full:
            underlying = self._underlyings.get(wanted.key)
            if underlying is None:
                underlying = self._underlyings[wanted.key] = _Underlying(wanted)
                for event in [*beginning, *taken[:-1]]:
                    underlying.update(event)
            running, beginning = _Running(wanted, underlying), ()
            taken = taken[-1:]  # the underlying has the others, and gets this one after all who read it
        else:
            running = _Running(wanted)
        self._running[wanted.channel] = running
        for key in wanted.keys:
            self._of_subject.setdefault(key, {})[wanted.channel] = running
        if full:
            seen_ns = max((getattr(event, "seen_ns", 0) for event in beginning), default=0)
            self._late += running.end(full, seen_ns)
            return
        seen_ns, beginning = 0, [*beginning]
        for event in beginning:
            found, seen_ns = running.update(event), max(seen_ns, getattr(event, "seen_ns", 0))
            if running.failed:
                self._late += found
        if not running.failed:
            self._late += running.suspended(seen_ns)
        if self._extension is not None:
            for event in taken:
                if not {*wanted.keys}.isdisjoint(subjects_of(event)):
                    self._extension.found += running.update(event)
        if wanted.family in OF_BOOKS:
            self._share(running, [*beginning, *taken[:-1]])

    def _share(self, running: _Running, before: Iterable[Event]) -> None:
        """Let it read the book that all others read, which these events have led to."""
        key = running.wanted.key
        book = self._books.get(key)
        if book is None:
            book = self._books[key] = FollowedBook(key)
            for event in before:
                if isinstance(event, BOOK_EVENTS):
                    book.update(event)
        running.share(book)

    def drop(self, channel: str) -> None:
        """Somebody who wanted a channel's figures does not any more; after the last one they end."""
        self._users[channel] -= 1
        if not self._users[channel]:
            del self._users[channel]
            running = self._running.pop(channel)
            for key in running.wanted.keys:
                of_subject = self._of_subject[key]
                del of_subject[channel]
                if not of_subject:
                    del self._of_subject[key]
                    self._underlyings.pop(key, None)
                    self._books.pop(key, None)

    def extended(self, events: Sequence[Event]) -> list[Event]:
        """The events of a moment, each with what is derived because of it before it."""
        extension = self.extend(events)
        while extension.step():
            pass
        return extension.found

    def extend(self, events: Sequence[Event]) -> Extension:
        """Like `extended`, in steps, one extension at a time; who is wanted meanwhile gets the events so far, too."""
        found, self._late = self._late, []
        taken: list[Event] = []
        self._extension = Extension(found, taken, self._steps(events, found, taken))
        return self._extension

    def _steps(self, events: Sequence[Event], found: list[Event], taken: list[Event]) -> Iterator[None]:
        try:
            for event in events:
                taken.append(event)
                keys = subjects_of(event)
                at_ns = event.venue_ns if type(event) is BookDelta else NEVER_NS
                for running in self._concerned(keys):
                    if at_ns >= running.due_ns and running.wanted.channel in self._running:
                        found += running.update(event)
                        yield
                if isinstance(event, BOOK_EVENTS) and event.instrument.key in self._books:
                    self._follow(event, found)
                for key in keys if self._underlyings else ():
                    if (underlying := self._underlyings.get(key)) is not None:
                        underlying.update(event)
                found.append(event)
        finally:
            self._extension = None

    def _follow(self, event: BookImage | BookDelta | Status, found: list[Event]) -> None:
        """Update the book that several read; an error ends them all."""
        key = event.instrument.key
        try:
            self._books[key].update(event)
        except Exception as error:  # noqa: BLE001 (as in `_Running.update`)
            del self._books[key]
            for running in self._of_subject[key].values():
                if running.shares:
                    found += running.end(_words(error), event.seen_ns)

    def _concerned(self, keys: Iterable[str]) -> list[_Running]:
        """The derivations that need the events of any of these."""
        return [running for key in keys for running in self._of_subject.get(key, {}).values()]

    def _full(self, wanted: Wanted) -> str:
        """Why no more than what runs is computed; empty if this can be, too."""
        if len(self._running) >= self._most:
            return f"{self._most} others are computed; come back later"
        load_ms = sum(running.wanted.cost_ms for running in self._running.values() if not running.failed)
        if load_ms + wanted.cost_ms > self._most_ms:
            return (
                f"this takes {wanted.cost_ms:.0f} ms of each second, and the others {load_ms:.0f} of"
                f" {self._most_ms:.0f}; take a longer interval, or come back later"
            )
        return ""

"""The seams between rooms: what a source, a venue, a broker and a clock are. Nothing else lives here."""

from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from typing import Literal, Protocol, runtime_checkable

import msgspec

from deltawire.model.account_events import AccountEvent, AccountId
from deltawire.model.events import Event

Topic = Literal["book", "trades", "ticker"]


class Wants(msgspec.Struct, frozen=True):
    """What to ask a venue for: instruments by their native names, and the kinds of data."""

    instruments: tuple[str, ...] = ()
    topics: frozenset[Topic] = frozenset({"book", "trades", "ticker"})


class Send(msgspec.Struct, frozen=True):
    """Ask: send this text frame on the venue's connection."""

    frame: str


class Fetch(msgspec.Struct, frozen=True):
    """Ask: GET this address and hand the body back under this tag."""

    tag: str
    url: str


class Reconnect(msgspec.Struct, frozen=True):
    """Ask: this connection is of no more use; close it and open another."""

    reason: str


Ask = Send | Fetch | Reconnect
Output = Event | Ask


class BookFrames(msgspec.Struct, frozen=True):
    """How many frames of a connection carried a book image or update, by who read them.

    Each frame counts once, whatever the book made of it, but none of a channel that is not the book's. A body that
    was fetched is no frame.
    """

    fast: int = 0
    """Taken whole by the compiled kernel."""
    parser: int = 0
    """Read by the venue's parser."""

    @property
    def total(self) -> int:
        """All of them."""
        return self.fast + self.parser

    @property
    def fast_share(self) -> float | None:
        """The fast ones by all, None where there were none."""
        return self.fast / self.total if self.total else None


class Venue(Protocol):
    """One connection to one venue, as a state machine: past participles go in, events and asks come out.

    Pure: time comes in as nanoseconds, asks are carried out by whoever holds the machine. A recording
    answers its own asks, so it may drop them.
    """

    name: str

    unread: dict[str, int]
    """What came that nobody reads: how many messages of each stream or kind, of a bounded number of kinds."""

    @property
    def book_frames(self) -> BookFrames:
        """What has come so far."""

    def opened(self, wants: Wants, now: int) -> list[Output]:
        """The connection is open; subscribe to what is wanted."""

    def received(self, frame: bytes, now: int) -> list[Output]:
        """A data frame has come."""

    def fetched(self, tag: str, body: bytes, now: int) -> list[Output]:
        """The answer to a `Fetch` has come."""

    def closed(self, now: int) -> list[Output]:
        """The connection is gone; every book on it is stale."""

    def missed(self, now: int, detail: str) -> list[Output]:
        """Frames may have been lost before now: no book stands for the market until it is proven again."""

    def rewound(self) -> None:
        """What was recorded comes again from the start, as if it had not come before."""

    def tag(self, url: str) -> str | None:
        """Under which tag the answer of this address belongs, or None if it is none of this venue's asks."""

    def deadline(self) -> int | None:
        """When `tick` wants to be called, if no frame comes before."""

    def tick(self, now: int) -> list[Output]:
        """Time has passed: heartbeats, silence."""


class Batch(msgspec.Struct, frozen=True):
    """What one moment of one venue gave; batches of a venue come in order of `at_ns`.

    One without events says that the venue's time has come that far.
    """

    venue: str
    at_ns: int
    events: list[Event]


class Source(Protocol):
    """A stream of events: live, replayed or simulated; they all fail alike, by events.

    A source has its own time: recorded time in a replay.
    """

    venue: str

    def now(self) -> int:
        """The source's time; never behind the last batch, never ahead of the next."""

    def events(self, wants: Wants) -> AsyncIterator[Batch]:
        """Batches, each from one frame or one moment; ends when there will be no more."""


@runtime_checkable
class FramedSource(Protocol):
    """A source whose books come as a venue's frames."""

    def book_frames(self) -> BookFrames:
        """What has come so far."""

    def unread(self) -> Mapping[str, int]:
        """What came that nobody reads: how many messages of each stream or kind."""


class Broker(Protocol):
    """Carries batches from publishers to those who listen, and keeps the newest of each topic.

    A topic is `md.v1.<venue>`; the pattern `md.v1.*` takes every venue. Batches of a topic are numbered from 1. All
    listeners get all batches in one order, across topics too. `tests/bus/test_contract.py` holds every broker to it.
    """

    def publish(self, topic: str, batch: Batch, expected: int | None = None) -> int:
        """Hand a batch to every subscription whose pattern fits the topic; returns its number.

        `expected` is the number of the topic's newest batch as the publisher knows it (0: there is none); if it is
        another, somebody else publishes there: `PublishError`, and nothing has been published.
        """

    def subscribe(self, pattern: str, listener: Callable[[Batch], None]) -> Callable[[], None]:
        """Call `listener` with every batch from now on; the function returned ends it."""

    def newest(self, topic: str) -> int:
        """The number of a topic's newest batch, 0 where there is none."""

    def history(self, topic: str, after: int) -> Sequence[Batch] | None:
        """Every batch behind number `after`, in order; None when not all of them are kept."""


class Retained(Protocol):
    """The newest image of each topic, beside its batches: where somebody begins who comes late.

    An image is a batch whose events lead an empty market to where batch `number` of the topic has led it.
    """

    def retain(self, topic: str, number: int, image: Batch) -> None:
        """Replace the topic's image, unless the one there is of a later batch."""

    def retained(self, topic: str) -> tuple[int, Batch] | None:
        """The number and the image, None where there is none."""


class AccountBroker(Protocol):
    """Carries account events from the exchange to those who listen: only what is durable, in order per account."""

    def publish(self, account: AccountId, events: Iterable[AccountEvent]) -> None:
        """What one record brought to an account; `events` may be iterated by every listener, or by none."""

    def subscribe(self, listener: Callable[[AccountId, Iterable[AccountEvent]], None]) -> None:
        """Call `listener` with everything from now on."""


class AccountStates(Protocol):
    """Publishes `AccountState` events for who wants them; nothing can be read here.

    `currency` is one currency, or `any` for all of them.
    """

    def watch(self, account: AccountId, currency: str) -> None:
        """Publish this state with every price record, until `unwatch` was called as often."""

    def unwatch(self, account: AccountId, currency: str) -> None:
        """One listener less."""

    def announce(self, account: AccountId, currency: str) -> None:
        """Publish this state once, as it is now, when all it rests on is durable."""


class Clock(Protocol):
    """Where a shell takes time from."""

    def now(self) -> int:
        """Nanoseconds since 1970 that never jump and never go back: for intervals and deadlines."""

    def wall(self) -> int:
        """The same by the machine's clock, which somebody may set: for what others sign and date."""

"""The interfaces between rooms: source, venue, broker and clock."""

from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from typing import Any, Literal, Protocol, runtime_checkable

import msgspec

from deltawire.model.account_events import AccountEvent, AccountId
from deltawire.model.events import Event, VenueStatus
from deltawire.model.instruments import Instrument
from deltawire.model.limits import Limits
from deltawire.model.live import LiveStatus

Topic = Literal["book", "trades", "ticker"]


class Wants(msgspec.Struct, frozen=True):
    """What to request from a venue: instruments by their native names, and kinds of data."""

    instruments: tuple[str, ...] = ()
    topics: frozenset[Topic] = frozenset({"book", "trades", "ticker"})


class Stream(msgspec.Struct, frozen=True):
    """One subscription. `name` is unique on a connection, and is the venue's own name where it has one."""

    name: str
    topic: Topic | Literal["list", "status"]
    """`list` announces instruments, `status` tells the state of the venue."""
    instrument: str = ""
    """Empty for streams of the whole venue, a coin or a family."""
    path: str = ""
    """The path of the endpoint on which the venue sends it; a key of `Limits.endpoints`."""
    cadence_s: float = 0.0
    """The longest pause that the venue promises; 0 where it promises none."""
    gives: str = ""
    """The member of `Ticker` that shows that this stream was heard; `price_ticks` of trades."""


class FrameIds(msgspec.Struct, frozen=True):
    """A book message by the venue's own ids; `previous` is the id that it follows, or one before its first."""

    symbol: str
    previous: int
    last: int
    image: bool = False


class Send(msgspec.Struct, frozen=True):
    """Effect: send this text frame on the venue's connection."""

    frame: str


class Fetch(msgspec.Struct, frozen=True):
    """Effect: GET this address and pass the body back under this tag."""

    tag: str
    url: str


class Reconnect(msgspec.Struct, frozen=True):
    """Effect: close this connection, which is unusable, and open another.

    `planned`: the venue is about to close it; open the other one first.
    """

    reason: str
    planned: bool = False


class Receipt(msgspec.Struct, frozen=True):
    """Effect: the venue has answered subscriptions, by the names of their streams."""

    acknowledged: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    ended: tuple[str, ...] = ()
    """Unsubscribed."""
    reason: str = ""
    """Why they were refused."""


Ask = Send | Fetch | Reconnect | Receipt
Output = Event | Ask


class BookFrames(msgspec.Struct, frozen=True):
    """How many frames of a connection carried a book image or update, by the code that read them.

    Each frame counts once, valid or not. Frames of channels other than the book's, and fetched bodies, do not count.
    """

    fast: int = 0
    """Handled completely by the compiled kernel."""
    parser: int = 0
    """Read by the venue's parser."""

    @property
    def total(self) -> int:
        """Number of all such frames."""
        return self.fast + self.parser

    @property
    def fast_share(self) -> float | None:
        """Share of the fast ones; None if there were no frames."""
        return self.fast / self.total if self.total else None


class Venue(Protocol):
    """One connection to one venue, as a state machine: inputs are past participles, outputs are events and effects.

    Pure: time is passed in nanoseconds, and the owner of the state machine executes the effects. A recording contains
    the answers, so its replay may ignore them.
    """

    name: str

    silence_ns: int
    """Without a frame for this long the books of a connection become stale."""

    unread: dict[str, int]
    """Number of unused messages by stream or kind, for a bounded number of kinds."""

    @property
    def book_frames(self) -> BookFrames:
        """Number of book frames received so far."""

    limits: Limits
    """Its endpoints, and what it allows on them."""

    def opened(self, wants: Wants, now: int) -> list[Output]:
        """The connection is open; subscribe to what is wanted."""

    def connected(self, now: int) -> list[Output]:
        """The connection is open; what to send first, before any subscription. `opened` does this too."""

    def streams(self, wants: Wants) -> list[Stream]:
        """The subscriptions for what is wanted."""

    def lists(self, wants: Wants) -> list[Fetch]:
        """The instrument lists that tell what there is; empty if they come by streams."""

    def subscribe(self, streams: Sequence[Stream]) -> list[Send]:
        """The requests for some subscriptions, as few as the venue allows."""

    def unsubscribe(self, streams: Sequence[Stream]) -> list[Send]:
        """The requests that end some subscriptions."""

    def image_url(self, symbol: str) -> str | None:
        """The address of a book's image; None if images come by the stream."""

    def identity(self, frame: bytes) -> FrameIds | None:
        """Which update of which book a frame is, by the venue's own ids; None for any other frame."""

    def greeting(self) -> list[Send]:
        """What to send on every connection before any subscription."""

    def instrument(self, symbol: str) -> Instrument | None:
        """An instrument as far as it is known; None if this is no name of one."""

    def listed(self) -> list[Instrument]:
        """The instruments that the venue lists as active."""

    def live_id(self, symbol: str) -> int | None:
        """The venue's id of a live book; None if there is none."""

    def top(self, symbol: str) -> tuple[float | None, float | None] | None:
        """The best bid and ask price of a live book, None for a side without any; None if there is no live book."""

    def progress(self, symbol: str) -> int:
        """How many messages of a book were received, whatever became of them."""

    def audit_next(self, choose: Callable[[Mapping[str, Any], int], str | None], now: int) -> list[Output]:
        """Request an image of the book that `choose` names among the books by their names."""

    def requested(self, url: str, now: int) -> None:
        """A recording says that this address was asked for: a live book whose image it is is audited."""

    def fell_silent(self, symbol: str, now: int) -> list[Output]:
        """The stream of a book has stopped, while the connection goes on."""

    def refused_book(self, symbol: str, why: str, now: int) -> list[Output]:
        """The venue has refused the stream of a book: it is closed, whatever image comes."""

    def stated(self, status: VenueStatus, now: int) -> list[Output]:
        """Another connection was told how the venue is: its books follow it, and it is not told again."""

    def received(self, frame: bytes, now: int) -> list[Output]:
        """A data frame was received."""

    def fetched(self, tag: str, body: bytes, now: int) -> list[Output]:
        """The answer to a `Fetch` was received."""

    def heard(self, now: int) -> None:
        """A sign of life that is no data frame: a ping or pong of the venue."""

    def closed(self, now: int) -> list[Output]:
        """The connection has ended; every book on it becomes stale."""

    def missed(self, now: int, detail: str) -> list[Output]:
        """Frames may have been lost before now: every book is stale until it is verified again."""

    def rewound(self) -> None:
        """The recording starts again from the beginning; forget what was received before."""

    def tag(self, url: str) -> str | None:
        """The tag of a fetched address, or None if this venue does not fetch it."""

    def deadline(self) -> int | None:
        """When to call `tick`, if no frame arrives before."""

    def tick(self, now: int) -> list[Output]:
        """Time has passed: send heartbeats, detect silence."""


class Batch(msgspec.Struct, frozen=True):
    """What one moment of one venue gave; batches of a venue come in order of `at_ns`.

    One without events says that the venue's time has come that far.
    """

    venue: str
    at_ns: int
    events: list[Event]


class Source(Protocol):
    """A stream of events, live, replayed or simulated; all report failures as events.

    A source has its own time: in a replay, the recorded time.
    """

    venue: str

    def now(self) -> int:
        """The source's time; never before the last batch, never after the next."""

    def events(self, wants: Wants) -> AsyncIterator[Batch]:
        """Yield batches, each from one frame or one moment; ends when no more will come."""


@runtime_checkable
class FramedSource(Protocol):
    """A source whose books are read from a venue's frames."""

    def book_frames(self) -> BookFrames:
        """Number of book frames received so far."""

    def unread(self) -> Mapping[str, int]:
        """Number of unused messages by stream or kind."""


REQUEST = "GET "
"""Before the address, a message that was sent is the request of something to fetch."""
ALIVE = "PONG"
"""A ping of the venue was answered, or it has answered ours."""
SILENT = "SILENT "
"""Before an instrument: the stream of its book was found to have stopped."""
REFUSED = "REFUSED "
"""Before an instrument and, after a blank, why its book was refused."""
STATED = "STATED "
"""Before a `VenueStatus` as JSON, which another connection has received."""
Direction = Literal["received", "sent", "fetched"]
Noted = Literal[
    "connected",
    "asked",
    "acknowledged",
    "refused",
    "gap",
    "silent",
    "audit",
    "replaced",
    "rotated",
    "closed",
]
"""What a ledger knows of a connection, beside its frames."""


class Tap(Protocol):
    """Hears what passes over the connections to venues, as it comes; never blocks and never raises.

    `connection` is `venue/number` (`okx/1`), one at a time of that name; `at_ns` the wall clock when it passed.
    """

    def passed(
        self, connection: str, at_ns: int, direction: Direction, data: bytes, *, url: str = ""
    ) -> None:
        """These exact bytes passed; `url` is the address of a fetched body."""

    def noted(self, connection: str, at_ns: int, what: Noted, **facts: str | int | Sequence[str]) -> None:
        """Something happened to the connection.

        `connected` (`url`) and `closed` are needed for replay: a connection that the listener itself ended has closed
        without a `reason`, and its books are not in doubt. `asked`, `acknowledged` and `refused` have
        `channels`, `gap`, `silent` and `audit` the `instrument`, and `reason` where there is one. `replaced` (`url`):
        another socket went on without a break.
        """


@runtime_checkable
class LiveFeed(Protocol):
    """A source with connections to a venue."""

    def status(self) -> LiveStatus:
        """Its connections as they stand."""


class ReplaySpan(msgspec.Struct, frozen=True):
    """What can be replayed: the venues, and the first and the last recorded time."""

    venues: tuple[str, ...]
    from_ns: int
    to_ns: int


class ReplayPosition(msgspec.Struct, frozen=True):
    """Where a replay stands: the recorded time, its speed (0: paused), and whether it has come to the end."""

    at_ns: int
    speed: float
    ended: bool


class Replaying(Protocol):
    """What a session can do about replays."""

    def span(self) -> ReplaySpan | None:
        """What can be replayed; None if nothing can."""

    def position(self) -> ReplayPosition | None:
        """Where the replay of this connection stands; None if it has the present."""

    def set_speed(self, speed: float) -> None:
        """Go on at recorded seconds per second; 0 pauses."""


class Broker(Protocol):
    """Carries batches from publishers to listeners, and keeps the newest of each topic.

    A topic is `md.v1.<venue>`; the pattern `md.v1.*` takes every venue. Batches of a topic are numbered from 1. All
    listeners get all batches in one order, across topics too. `tests/bus/test_contract.py` holds every broker to it,
    and every `SharedBroker`.
    """

    def publish(self, topic: str, batch: Batch, expected: int | None = None) -> int:
        """Pass a batch to every subscription whose pattern matches the topic; returns its number.

        `expected` is the number of the topic's newest batch that the publisher knows (0: none). If the newest is
        another one, there is a second publisher: `PublishError`, and nothing is published.
        """

    def subscribe(self, pattern: str, listener: Callable[[Batch], None]) -> Callable[[], None]:
        """Call `listener` with every later batch; the returned function ends the subscription."""

    def newest(self, topic: str) -> int:
        """The number of a topic's newest batch; 0 before the first."""

    def history(self, topic: str, after: int) -> Sequence[Batch] | None:
        """The batches after number `after`, oldest first; None if they are not all kept."""


class SharedBroker(Protocol):
    """The same between processes, where every step takes a while: see `Broker`.

    A batch is published when `publish` returns; listeners are called later, each with all batches in one order.
    """

    async def publish(self, topic: str, batch: Batch, expected: int | None = None) -> int:
        """Store a batch; returns its number. `PublishError` if `expected` is not the newest one."""

    async def subscribe(self, pattern: str, listener: Callable[[Batch], None]) -> Callable[[], None]:
        """Call `listener` with every batch that is published after the return; returns how to end it."""

    async def newest(self, topic: str) -> int:
        """The number of a topic's newest batch; 0 before the first."""

    async def history(self, topic: str, after: int) -> Sequence[Batch] | None:
        """The batches after number `after`, oldest first; None if they are not all kept."""


class AccountBroker(Protocol):
    """Delivers account events from the exchange to listeners: only durable ones, in order per account."""

    def publish(self, account: AccountId, events: Iterable[AccountEvent]) -> None:
        """Publish the events of one record for an account; every listener may iterate over `events`, or none."""

    def subscribe(self, listener: Callable[[AccountId, Iterable[AccountEvent]], None]) -> None:
        """Call `listener` with all later events."""


class AccountStates(Protocol):
    """Publishes `AccountState` events on request; nothing can be read through this port.

    `currency` is one currency, or `any` for all.
    """

    def watch(self, account: AccountId, currency: str) -> None:
        """Publish this state with every price record, until `unwatch` was called as often as `watch`."""

    def unwatch(self, account: AccountId, currency: str) -> None:
        """End one request of `watch`."""

    def announce(self, account: AccountId, currency: str) -> None:
        """Publish the present state once, when everything that it depends on is durable."""


class Clock(Protocol):
    """The clock of the rooms that do I/O."""

    def now(self) -> int:
        """Nanoseconds since 1970, monotonic: for intervals and deadlines."""

    def wall(self) -> int:
        """Nanoseconds since 1970 by the machine's wall clock, which may be set: for signatures and dates."""

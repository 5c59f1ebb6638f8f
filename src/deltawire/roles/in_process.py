"""A gateway without a network: recordings and the built-in exchange, served to clients in the same process."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches

from websockets.exceptions import ConnectionClosed, ConnectionClosedOK
from websockets.frames import Close, CloseCode

from deltawire.client.client import Client, Login
from deltawire.dialect.grammar import parse_channel
from deltawire.errors import FeedError, UsageError
from deltawire.fanout.channel_encoding import PROTO
from deltawire.fanout.subscribers import Encoding, Subscriber
from deltawire.gateway.gateway import Gateway, Session
from deltawire.model.events import Listing
from deltawire.model.instruments import Instrument
from deltawire.ports import Batch, BookFrames, Source, Wants
from deltawire.roles.gateway import SOURCE_ENDED, TIMER_S, App
from deltawire.session.client import ClientSession
from deltawire.session.notification_queue import NotificationQueue
from deltawire.wire.frames import BINARY, TEXT, frame

SMALL = 126
"""A size in a frame's head from which on the size stands behind it, in two bytes or in eight."""
SHOWN = 10
LISTED_WITHIN_NS = 5_000_000_000
"""By the exchange's own time, which is slow where the machine is."""


class Pace:
    """Lets a source go on only while somebody who has read everything waits for more."""

    def __init__(self) -> None:
        self._waiting: dict[Client, InProcessConnection] = {}
        self._news = asyncio.Event()

    def waits(self, client: Client, connection: "InProcessConnection") -> None:
        """A client waits for what comes next on its connection."""
        self._waiting[client] = connection
        self._news.set()

    def waits_no_more(self, client: Client) -> None:
        """It has got it, or has given up."""
        self._waiting.pop(client, None)

    def look_again(self) -> None:
        """Something that came has been read."""
        self._news.set()

    async def turn(self) -> None:
        """Wait until the source may go on; what it has just told is flushed by then."""
        await asyncio.sleep(0)
        while not any(
            not (connection.messages or client.unread) for client, connection in self._waiting.items()
        ):
            self._news.clear()
            await self._news.wait()


class PacedSource:
    """Another source, a batch of which comes only when it is wanted; what is before `from_ns` comes by itself."""

    def __init__(
        self, source: Source, pace: Pace, from_ns: int, *, rehearse: Callable[[], Iterable[Batch]]
    ) -> None:
        """`rehearse` plays the same from its beginning, beside."""
        self._source = source
        self._rehearse = rehearse
        self._pace = pace
        self._from_ns = from_ns
        self.reached = asyncio.Event()
        """Set once everything before `from_ns` is told."""
        self.venue = source.venue

    def now(self) -> int:
        """The time of the wrapped source."""
        return self._source.now()

    def book_frames(self) -> BookFrames:
        """The book frames of the wrapped source."""
        return BookFrames()

    def unread(self) -> Mapping[str, int]:
        """The unused messages of the wrapped source."""
        return {}

    def find(self, names: Collection[str]) -> list[Instrument]:
        """The first definitions of these instruments in the recording; `UsageError` where they are not in it."""
        found: dict[str, Instrument] = {}
        seen: dict[str, None] = {}
        for batch in self._rehearse():
            for event in batch.events:
                instrument = getattr(event, "instrument", None)
                if isinstance(instrument, Instrument):
                    seen[instrument.name] = None
                    if instrument.name in names:
                        found.setdefault(instrument.name, instrument)
            if len(found) == len(names):
                return list(found.values())
        missing = ", ".join(sorted(set(names) - found.keys()))
        near = get_close_matches(missing, seen, 1)
        known = f"did you mean {near[0]}?" if near else f"it has {', '.join([*seen][:SHOWN]) or 'none'}"
        raise UsageError(f"no instrument {missing} in the recording; {known}")

    async def events(self, wants: Wants) -> AsyncIterator[Batch]:
        """Yield the batches of the wrapped source, each when the reader wants one."""
        try:
            async for batch in self._source.events(wants):
                if batch.at_ns >= self._from_ns:
                    self.reached.set()
                    await self._pace.turn()
                yield batch
        finally:
            self.reached.set()


class InProcessConnection:
    """A gateway's end of a connection within the process; see `deltawire.gateway.gateway.Connection`."""

    def __init__(self, gateway: Gateway, encoding: Encoding = PROTO) -> None:
        self.closed: Close | None = None
        self.messages: deque[str | bytes] = deque()
        self.news = asyncio.Event()
        self.subscriber = Subscriber(
            self, encoding, most_channels=gateway.limits.subscriptions, crowded=self._crowded
        )
        self._gateway = gateway
        self._session: Session = gateway.make_session()
        gateway.opened(self, self._session)

    def write(self, data: bytes) -> None:
        """Take whole frames."""
        if self.closed is None:
            self.messages.extend(_messages(data))
            self.news.set()

    @property
    def closing(self) -> bool:
        """Whether nothing is done for the client any more."""
        return self.closed is not None

    @property
    def unsent(self) -> int:
        """Nothing is ever left unsent."""
        return 0

    def send(self, payload: bytes, opcode: int = TEXT) -> None:
        """Send one message."""
        self.write(frame(opcode, payload))

    def attest(self, key: bytes) -> None:
        """There is no wire on which anything could be altered."""

    def close(self, code: int, reason: str) -> None:
        """It is over; what was sent may still be read."""
        if self.closed is None:
            self.closed = Close(code, reason)
            self._session.closed()
            self._gateway.disconnected(self)
            self.news.set()

    def watch(self, now: int) -> None:
        """Let the session see the time."""
        deadline = self._session.deadline()
        if deadline is not None and now >= deadline:
            self._gateway.execute(self, self._session.tick(now))

    def check_rights(self, now: int) -> None:
        """Keys may have been revoked."""
        self._gateway.enforce(self, self._session.rights_changed(now))

    def resume(self) -> None:
        """Do what had to wait, for a turn."""
        self._gateway.resume(self)

    def received(self, message: str) -> None:
        """A request."""
        now = self._gateway.clock.now()
        self._gateway.execute(self, self._session.received(message.encode(), now))
        self._gateway.hub.flush()

    def _crowded(self) -> None:
        self.close(CloseCode.POLICY_VIOLATION, "more channels than a connection may have")


class InProcessWire:
    """The client's end of the same; see `deltawire.client.client.Wire`."""

    def __init__(self, connection: InProcessConnection, read: Callable[[], None]) -> None:
        """`read` is called when everything that came has been read."""
        self.connection = connection
        self._read = read

    async def send(self, message: str) -> None:
        """Send a request."""
        if self.connection.closed is not None:
            raise _over(self.connection.closed)
        self.connection.received(message)

    async def recv(self) -> str | bytes:
        """The next message; what was sent before the end is received before it."""
        connection = self.connection
        while not connection.messages:
            if connection.closed is not None:
                raise _over(connection.closed)
            self._read()
            connection.news.clear()
            await connection.news.wait()
        return connection.messages.popleft()

    async def close(self) -> None:
        """Close it."""
        self.connection.close(CloseCode.NORMAL_CLOSURE, "")


class InProcess:
    """A `Target`: an app that is served within the process for as long as somebody is connected to it.

    With a `pace` its source, a recording, goes on only while somebody reads, and begins with the first who does.
    """

    def __init__(
        self,
        app: App,
        *,
        source: PacedSource | None = None,
        pace: Pace | None = None,
        login: Login | None = None,
    ) -> None:
        """Every connection is signed in, where there is a `login`."""
        self._app = app
        self._login = login
        self._source = source
        self._pace = pace
        self._work: list[asyncio.Task[None]] = []
        self._over = False

    @property
    def over(self) -> bool:
        """Whether the recording has been played to its end."""
        return self._over

    async def start(self) -> None:
        """Let the source begin."""
        loop = asyncio.get_running_loop()
        self._work = [loop.create_task(self._app.gateway.watch()), loop.create_task(self._app.keep_time())]
        self._work += [loop.create_task(self._pump(source)) for source in self._app.sources]
        if self._source is not None:
            await self._source.reached.wait()

    async def prepare(self, channels: Sequence[str]) -> None:
        """Instruments that are named are listed before: a recording's own list may be still to come."""
        market = self._app.market
        keys = [key for name in channels if (key := parse_channel(name)) is not None]
        named = {key.instrument for key in keys if key.instrument and not key.pattern}
        missing = {name for name in named if market.find(name) is None}
        if self._source is None:
            await self._listed(missing)
        elif missing:
            found = self._source.find(missing)
            self._app.hub.publish([Listing(instrument, self._source.now()) for instrument in found])

    async def _listed(self, names: Collection[str]) -> None:
        """Wait a while for what an exchange that has just begun lists; what is missing then is refused."""
        market, exchange = self._app.market, self._app.sources[0]
        until_ns = exchange.now() + LISTED_WITHIN_NS
        while exchange.now() < until_ns and any(  # noqa: ASYNC110 (a market tells nobody of what it knows)
            market.find(name) is None for name in names
        ):
            await asyncio.sleep(TIMER_S)

    async def connect(self, session: ClientSession, queue: NotificationQueue) -> Client:
        """A connection within the process."""
        if self._over:
            raise FeedError("the recording has been played to its end", retry=False)
        read = self._pace.look_again if self._pace is not None else lambda: None
        client = Client(InProcessWire(InProcessConnection(self._app.gateway), read), session, queue)
        if self._login is not None:
            try:
                await client.sign_in(self._login)
            except BaseException:
                await client.close()
                raise
        return client

    def failed(self) -> None:
        """There is no other place."""

    def waits(self, client: Client) -> None:
        """Somebody waits for what comes next."""
        wire = client.wire
        if self._pace is not None and isinstance(wire, InProcessWire):
            self._pace.waits(client, wire.connection)

    def waits_no_more(self, client: Client) -> None:
        """Somebody has got it, or has given up."""
        if self._pace is not None:
            self._pace.waits_no_more(client)

    async def close(self) -> None:
        """End everything."""
        for task in self._work:
            task.cancel()
        if self._work:
            await asyncio.wait(self._work)
        self._work = []

    async def _pump(self, source: Source) -> None:
        await self._app.pump(source)
        await asyncio.sleep(0)  # what was published last is flushed by then
        self._app.hub.flush()
        self._over = True
        for connection in list(self._app.gateway.connections):
            connection.close(CloseCode.NORMAL_CLOSURE, SOURCE_ENDED)

    def __repr__(self) -> str:
        return ", ".join(source.venue for source in self._app.sources)


def _over(closed: Close) -> ConnectionClosed:
    return ConnectionClosedOK(closed, None)


def _messages(data: bytes) -> Iterator[str | bytes]:
    """The payloads of whole, unmasked frames."""
    at = 0
    while at < len(data):
        opcode, size, at = data[at] & 0x0F, data[at + 1], at + 2
        if size >= SMALL:
            wide = 2 if size == SMALL else 8
            size, at = int.from_bytes(data[at : at + wide]), at + wide
        payload, at = data[at : at + size], at + size
        yield payload if opcode == BINARY else payload.decode()

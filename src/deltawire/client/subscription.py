"""A subscription: the events of some channels, across as many connections as it takes."""

import asyncio
import contextlib
import random
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from typing import Any, Self

import msgspec

from deltawire.client.client import Client
from deltawire.client.collected import Collected
from deltawire.client.items import Gap, Item, Outage, RawItem, Recovered
from deltawire.client.targets import Target
from deltawire.dialect.grammar import ResumePosition, parse_channel
from deltawire.dialect.payloads import Definitions
from deltawire.errors import FeedError, RequestError, SubscriptionRefused
from deltawire.model.events import Event
from deltawire.session.channel_book import ChannelBook
from deltawire.session.client import ClientSession, Notification
from deltawire.session.decoding import EventDecoder
from deltawire.session.notification_queue import MOST, NotificationQueue, OnFull

FIRST_WAIT_S, LONGEST_WAIT_S = 0.25, 15.0
MOST_PER_REQUEST = 150
"""Channels in one request, so that it stays below the server's 32 KiB with the longest names' positions."""
MOST_REFUSALS = 6
"""After so many attempts a channel that the server refuses is left out."""
NOWHERE = ResumePosition("", 0)
MOST_DEFINED = 100
"""Instruments whose definitions are asked for at once, likewise."""


class Subscription:
    """Iterate over it: events in order, each once, and where that could not be kept, a `Gap`.

    When the connection breaks it tells an `Outage`, connects again, first soon and then ever later, never at the same
    time as others do, and goes on behind the last notification that it had: `Recovered`, or a `Gap` for each channel
    of which the server no longer had everything. A book that contradicts itself or its checksum is lost, never given:
    the connection is made anew and that channel begins with an image. Only an error that no attempt could help ends
    the iteration: `FeedError`, or the server's `RequestError`.

    What nobody has read yet is bounded by `queue` and `on_full`; see `connect`. Every wait may be cancelled: nothing
    is lost by it, and the iteration may be taken up again.
    """

    def __init__(
        self,
        target: Target,
        channels: Sequence[str],
        *,
        queue: int = MOST,
        on_full: OnFull = "conflate",
        eager: Callable[[], bool] = lambda: True,
        typed: bool = True,
        **asked: Any,
    ) -> None:
        """`asked` is what else `public/subscribe` takes: `depth`, `max_rate`, `stamps`, `beyond`.

        Unless it is `typed` it is read by `notifications` only, and asks for no definitions before. A reader that is
        not `eager` takes what comes, but a paced source does not go on for its sake.
        """
        self.ready = asyncio.Event()
        """Set once the first connection is there."""
        self._eager = eager
        self._typed = typed
        self._target = target
        self._channels: dict[str, None] = dict.fromkeys(channels)
        self._asked = {name: value for name, value in asked.items() if value}
        self._queue = NotificationQueue(queue, on_full)
        self._session = ClientSession()
        self._decoder = EventDecoder()
        self._client: Client | None = None
        self._pending: deque[RawItem] = deque()
        self._items: deque[Item] = deque()
        self._note: Notification | None = None
        """Taken off the queue and not decoded yet."""
        self._void: set[str] = set()
        """Books that are lost until an image comes."""
        self._wait_s = FIRST_WAIT_S
        self._again_at = 0.0
        self._began = False
        self._refusals = 0
        self._closed = asyncio.Event()
        self._closing: set[asyncio.Task[None]] = set()
        """Connections that are being closed."""
        self._changing = asyncio.Lock()

    # What it is subscribed to.

    @property
    def granted(self) -> list[str]:
        """The channels and patterns that the other side has accepted."""
        return list(self._channels) if self._began else []

    @property
    def connected(self) -> bool:
        """Whether there is a connection now, as far as is known."""
        return self._client is not None and not self._client.lost.is_set()

    @property
    def unread(self) -> int:
        """How many notifications wait to be read."""
        return len(self._queue)

    async def start(self) -> Self:
        """Connect and subscribe; `SubscriptionRefused` names the channels that there are not, or not for you."""
        await self._target.prepare(list(self._channels))
        await self._connect()
        return self

    async def add(self, *channels: str) -> None:
        """Subscribe to more; `SubscriptionRefused` where one of them is refused, and then none is added."""
        new = [channel for channel in channels if channel not in self._channels]
        await self._target.prepare(new)
        async with self._changing:
            if self._client is not None and self.connected:
                with _passing():
                    await self._join(self._client, new)
            self._channels |= dict.fromkeys(new)

    async def remove(self, *channels: str) -> None:
        """Leave channels; nothing of them is given any more."""
        async with self._changing:
            for channel in channels:
                self._channels.pop(channel, None)
            positions = self._session.positions()
            left = {*channels, *(name for name in positions if not self._covers(name))}
            if self._client is not None and self.connected:
                with _passing():
                    for names in _batches(sorted(left)):
                        await self._client.unsubscribe(*names)
            for name in left:
                self._session.forget(name)
                self._decoder.left(name)
            self._queue.discard(left)
            if self._note is not None and self._note.channel in left:
                self._note = None

    def demand(self) -> None:
        """Somebody waits for what comes next."""
        if self._client is not None:
            self._target.waits(self._client)

    @property
    def closed(self) -> bool:
        """Whether it has been closed."""
        return self._closed.is_set()

    def book(self, channel: str) -> ChannelBook:
        """The book of a channel as of the last item given."""
        return self._decoder.book(channel)

    async def close(self) -> None:
        """Leave everything and close the connection, now; an iteration that is under way ends."""
        self._closed.set()
        await self.let_go()

    async def let_go(self) -> None:
        """Close the connection; whoever reads on makes another."""
        self._let_go()
        if self._closing:
            await asyncio.wait(self._closing)

    async def __aenter__(self) -> Self:
        """The subscription, which is closed at the end of the block."""
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    # What it yields.

    def __aiter__(self) -> Self:
        """Events, and `Outage`, `Gap` and `Recovered`, as they come."""
        return self

    async def __anext__(self) -> Item:
        """The next item; waits for it, across outages."""
        while not self._items:
            self._items.extend(await self._advance())
        return self._items.popleft()

    async def notifications(self) -> AsyncIterator[RawItem]:
        """The notifications as they came, instead of events; not beside an iteration of those."""
        while True:
            try:
                yield await self._next()
            except StopAsyncIteration:
                return

    async def collect(self, *, seconds: float) -> Collected:
        """What comes within so many seconds, or until it ends: a list that tables can be made of.

        Books that are known already begin with their image.
        """
        early = [*self._items]
        self._items.clear()
        found = Collected(early, books=self._images(), early=len(early))
        with contextlib.suppress(TimeoutError, StopAsyncIteration):
            async with asyncio.timeout(seconds):
                while True:
                    found.append(await self.__anext__())
        return found

    def _images(self) -> list[Event]:
        """The books as of the last item given."""
        return [event for book in self._decoder.books() for event in book.image()]

    def __repr__(self) -> str:
        state = "closed" if self._closed.is_set() else "connected" if self.connected else "not connected"
        return f"Subscription({', '.join(self._channels)}: {state}, {self.unread} unread)"

    async def _advance(self) -> list[Item]:
        if self._note is None:
            raw = await self._next()
            if not isinstance(raw, Notification):
                if isinstance(raw, Gap):
                    self._decoder.forget(raw.channel)
                return [raw]
            self._note = raw
        try:
            await self._define(self._note)
        except (FeedError, RequestError) as error:
            return [self._lost(error)]
        note, self._note = self._note, None
        return [] if note is None else self._decoded(note)

    def _decoded(self, note: Notification) -> list[Item]:
        if note.channel in self._void:
            if not _is_image(note):
                return []
            self._void.discard(note.channel)
        if self._decoder.unknown(note):
            return [note]  # the server has forgotten its instrument: nobody can say what it means
        try:
            return [*self._decoder.decode(note, note.received_ns)]
        except FeedError as error:
            if not error.retry:
                raise
            self._void.add(note.channel)
            outage = self._lost(error)
            self._session.forget(note.channel)
            return [outage, Gap(note.channel, ResumePosition(note.epoch, note.seq))]

    async def _define(self, note: Notification) -> None:
        """Ask for the definitions of instruments that a notification names for the first time."""
        unknown = self._decoder.unknown(note)
        if unknown is None:
            listing = self._decoder.listed(note)
            unknown = None if listing is None else [listing]
        if unknown is None:
            return
        if self._client is None:
            await self._connect()
        assert self._client is not None
        await self._ask_for(self._client, unknown)

    async def _ask_for(self, client: Client, names: Sequence[str]) -> None:
        for start in range(0, len(names) or 1, MOST_DEFINED):
            asked = list(names[start : start + MOST_DEFINED])
            found = await client.call("public/get_definitions", instrument_names=asked)
            self._decoder.define(msgspec.convert(found, Definitions))

    async def _define_named(self, client: Client, channels: Sequence[str]) -> None:
        """Ask for what will be needed: it can be read then even if the connection breaks at once."""
        keys = [key for name in channels if (key := parse_channel(name)) is not None]
        names = dict.fromkeys(key.instrument for key in keys if key.instrument and not key.pattern)
        if missing := self._decoder.undefined(names):
            await self._ask_for(client, missing)

    async def _next(self) -> RawItem:
        """The next thing that came, or that is to be said; `StopAsyncIteration` once there is nothing more."""
        while True:
            if self._closed.is_set():
                raise StopAsyncIteration
            if self._pending:
                return self._pending.popleft()
            if self._queue:
                return self._queue.pop()
            try:
                if self._client is None:
                    await self._connect()
                    continue
                return await self._wait(self._client)
            except (FeedError, RequestError) as error:
                if self._closed.is_set() or self._target.over:
                    self._let_go()
                    raise StopAsyncIteration from None
                return self._lost(error)

    async def _wait(self, client: Client) -> Notification:
        if self._eager():
            self._target.waits(client)
        try:
            return await anext(client)
        finally:
            self._target.waits_no_more(client)

    # Its connections.

    def _lost(self, error: FeedError | RequestError) -> Outage:
        """The connection is of no more use; raises the error where another would not help."""
        self._let_go()
        if not error.retry:
            raise error
        self._target.failed()
        outage = Outage(str(error), self._wait_s * random.uniform(0.5, 1.5))
        self._wait_s = min(LONGEST_WAIT_S, self._wait_s * 2)
        self._again_at = asyncio.get_running_loop().time() + outage.wait_s
        return outage

    def _let_go(self, client: Client | None = None) -> None:
        """Take in nothing more of the connection, or of one that is none yet; closing it waits for nobody."""
        if client is None:
            client, self._client = self._client, None
        if client is not None:
            client.abandon()
            closing = asyncio.get_running_loop().create_task(client.close())
            self._closing.add(closing)
            closing.add_done_callback(self._closing.discard)

    async def _connect(self) -> None:
        """Wait until it is time, connect, and take up every channel where it was."""
        left_s = self._again_at - asyncio.get_running_loop().time()
        if left_s > 0:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._closed.wait(), left_s)
        if self._closed.is_set():
            raise FeedError("the subscription is closed", retry=False)
        client = await self._target.connect(self._session, self._queue)
        try:
            async with self._changing:
                await self._resume(client)
        except BaseException:
            self._let_go(client)
            raise
        if self._closed.is_set():
            self._let_go(client)
            raise FeedError("the subscription is closed", retry=False)
        self._client, self._began, self._wait_s = client, True, FIRST_WAIT_S
        self.ready.set()

    async def _resume(self, client: Client) -> None:
        """Subscribe again; tell what goes on and what is lost, whatever an attempt before has come to."""
        self._tell_lost()
        while self._queue:  # what an attempt before has received goes before what this one finds lost
            self._pending.append(self._queue.pop())
        held = self._session.reconnected()
        positions = {name: position for name, position in held.items() if self._covers(name)}
        wanted = [*positions, *(name for name in self._channels if name not in positions)]
        if self._typed:
            await self._define_named(client, list(self._channels))
        recovered, refused = await self._subscribe(client, wanted, positions)
        self._refuse([name for name in refused if name in self._channels])
        self._pending.extend(Gap(name, positions.get(name, NOWHERE)) for name in refused)
        for name in refused:
            self._session.forget(name)
        if found := tuple(name for name, whole in recovered.items() if whole):
            self._pending.append(Recovered(found))

    def _tell_lost(self) -> None:
        """What a server could not resume goes before whatever it has sent since."""
        self._pending.extend(Gap(name, position) for name, position in self._session.take_lost())

    def _refuse(self, refused: list[str]) -> None:
        """Channels are refused: at first an error; a server that has come back may just not know them yet.

        After a few attempts nothing more is expected of them, and the others, if there are any, go on alone.
        """
        if not refused:
            self._refusals = 0
            return
        self._refusals += 1
        alone = len(refused) == len(self._channels)
        if not self._began or self._refusals < MOST_REFUSALS or alone:
            raise SubscriptionRefused(refused, retry=self._began)
        self._channels = {name: None for name in self._channels if name not in refused}

    async def _join(self, client: Client, channels: Sequence[str]) -> None:
        """Subscribe to all of these, or to none."""
        _, refused = await self._subscribe(client, channels, {})
        if refused:
            accepted = [name for name in channels if name not in refused]
            for names in _batches(accepted):
                await client.unsubscribe(*names)
            self._queue.discard(set(accepted))
            raise SubscriptionRefused(refused, retry=False)

    async def _subscribe(
        self, client: Client, channels: Sequence[str], positions: Mapping[str, ResumePosition]
    ) -> tuple[dict[str, bool], list[str]]:
        """Subscribe to channels, those that have a position from there; which are recovered, and which refused."""
        recovered: dict[str, bool] = {}
        refused: list[str] = []
        for names in _batches(channels):
            resume = {name: positions[name] for name in names if name in positions}
            answer = await client.answer("public/subscribe", channels=names, resume=resume, **self._asked)
            self._tell_lost()
            recovered |= answer.recovered
            refused += [name for name in names if name not in answer.result]
        return recovered, refused

    def _covers(self, channel: str) -> bool:
        """Whether a channel is one that is wanted, by its name or by a pattern."""
        if channel in self._channels:
            return True
        key = parse_channel(channel)
        patterns = (parse_channel(name) for name in self._channels if "*" in name)
        return key is not None and any(one is not None and one.covers(key) for one in patterns)


def _is_image(note: Notification) -> bool:
    return isinstance(note.data, dict) and note.data.get("type") == "snapshot"


@contextlib.contextmanager
def _passing() -> Iterator[None]:
    """An error of the connection: whoever reads next finds it, and makes another, which asks for the same."""
    try:
        yield
    except SubscriptionRefused:
        raise
    except (FeedError, RequestError) as error:
        if not error.retry:
            raise


def _batches(names: Sequence[str]) -> Iterator[list[str]]:
    for start in range(0, len(names), MOST_PER_REQUEST):
        yield list(names[start : start + MOST_PER_REQUEST])

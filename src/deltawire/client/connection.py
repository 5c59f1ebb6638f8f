"""What `deltawire.open` gives: subscriptions, live books and calls, wherever the data comes from."""

import asyncio
import contextlib
from collections.abc import Generator
from types import TracebackType
from typing import Any, Self

from deltawire.client.book_view import BookView
from deltawire.client.client import Client
from deltawire.client.items import Gap, Outage, Recovered
from deltawire.client.listening import Handler, Listener, OnError
from deltawire.client.subscription import FIRST_WAIT_S, Subscription
from deltawire.client.targets import Target
from deltawire.client.trading import Trading
from deltawire.errors import FeedError, RequestError
from deltawire.model.events import BookDelta, BookImage, Status
from deltawire.session.client import ClientSession
from deltawire.session.notification_queue import MOST, NotificationQueue, OnFull

LONGEST_FIRST_WAIT_S = 2.0


class Connection(Trading):
    """An open connection to data, as a context manager: `async with deltawire.open(where) as dw`.

    Every subscription has a connection of its own, and so its own queue: one that is read slowly holds up no other.
    The live books share one. `call` asks the server on another. All are closed at the end of the block.
    """

    def __init__(self, target: Target, *, retry_for: float = 10.0) -> None:
        """The first connection is tried for `retry_for` seconds."""
        self._target = target
        self._retry_for = retry_for
        self._client: Client | None = None
        self._calling = asyncio.Lock()
        self._subscriptions: list[Subscription] = []
        self._listeners: list[Listener] = []
        self._books = _Books(target)
        self._closed = False

    async def __aenter__(self) -> Self:
        """Connect; `FeedError` says what every address answered, once trying on has been of no use."""
        try:
            await self._target.start()
            self._client = await self._first()
        except BaseException:
            await self.close()
            raise
        return self

    def __await__(self) -> Generator[Any, None, Self]:
        """The same without a block, as in a notebook's cell; `close` is then yours to call."""
        return self.__aenter__().__await__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()
        if error is None:
            for listener in self._listeners:
                listener.check()

    async def close(self) -> None:
        """Close everything, now: iterations and calls that are under way end."""
        self._closed = True
        client, self._client = self._client, None
        subscriptions, self._subscriptions = self._subscriptions, []
        for listener in self._listeners:
            await listener.close()
        closing = [subscription.close() for subscription in subscriptions] + [self._books.close()]
        if client is not None:
            closing.append(client.close())
        await asyncio.gather(*closing)
        await self._target.close()

    async def subscribe(
        self,
        *channels: str,
        queue: int = MOST,
        on_full: OnFull = "conflate",
        depth: int | None = None,
        max_rate: float | None = None,
        stamps: bool = False,
        beyond: bool = False,
    ) -> Subscription:
        """Subscribe to channels, by name or pattern: iterate over what this returns.

        `queue` and `on_full` bound what nobody has read yet, as in `connect`. `depth` (levels a side of books),
        `max_rate` (notifications a second), `stamps` (the server's nanoseconds) and `beyond` (levels beyond a book's
        known range as well) are those of `public/subscribe`.
        `SubscriptionRefused` names the channels that there are not, or not for you.
        """
        if not channels:
            raise FeedError("no channel to subscribe to", retry=False)
        self._require_open()
        made = Subscription(
            self._target,
            channels,
            queue=queue,
            on_full=on_full,
            depth=depth,
            max_rate=max_rate,
            stamps=stamps,
            beyond=beyond,
        )
        try:
            await made.start()
        except BaseException:
            await made.close()
            raise
        self._subscriptions = [one for one in self._subscriptions if not one.closed]
        self._subscriptions.append(made)
        return made

    async def on(
        self, channel: str, handler: Handler, *more: str, error: OnError | None = None, queue: int = MOST
    ) -> Listener:
        """Call a handler, a function or a coroutine function, with every item of channels, until the block ends.

        See `Listener` for `error`. `queue` bounds what waits while the handler is slow, as in `subscribe`.
        """
        listener = Listener(await self.subscribe(channel, *more, queue=queue), handler, error)
        self._listeners.append(listener)
        return listener

    def book(self, name: str, *, interval: str = "raw") -> BookView:
        """A live view of an instrument's book; the same one for whoever asks again."""
        self._require_open()
        return self._books.view(name, f"book.{name}.{interval}")

    async def call(self, /, method: str, **params: Any) -> Any:
        """The result of a method of the API; `RequestError` when it is refused, `FeedError` when none is to be had.

        A request under way when the connection breaks is not sent again: whether it was done is not known.
        """
        return await (await self._caller()).call(method, **params)

    async def connected(self) -> None:
        """Make sure that there is a connection for calls; `FeedError` where none is to be had."""
        await self._caller()

    async def _caller(self) -> Client:
        """The connection for calls, made anew where it was lost."""
        self._require_open()
        async with self._calling:
            if self._client is None or self._client.lost.is_set():
                if self._client is not None:
                    await self._client.close()
                self._client = await self._first()
            return self._client

    def _require_open(self) -> None:
        if self._closed:
            raise FeedError("the connection is closed", retry=False)

    async def _first(self) -> Client:
        """A connection, tried at every address until one answers or the time is up."""
        loop = asyncio.get_running_loop()
        until, wait_s = loop.time() + self._retry_for, FIRST_WAIT_S
        while True:
            try:
                return await self._target.connect(ClientSession(), NotificationQueue())
            except (FeedError, RequestError) as error:
                self._target.failed()
                if not error.retry:
                    raise
                if loop.time() + wait_s > until:
                    raise FeedError(f"{error} (tried for {self._retry_for:g} s)", retry=True) from error
            await asyncio.sleep(wait_s)
            wait_s = min(LONGEST_FIRST_WAIT_S, 2 * wait_s)

    def __repr__(self) -> str:
        return f"<deltawire {self._target!r}: {'closed' if self._closed else 'open'}>"


class _Books:
    """The live books of a connection: one subscription, read by a task as long as there is a book."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._views: dict[str, BookView] = {}
        self._wanted: list[str] = []
        self._subscription: Subscription | None = None
        self._news = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def view(self, name: str, channel: str) -> BookView:
        """The view of a channel; subscribing to it is begun."""
        view = self._views.get(channel)
        if view is None:
            subscription = self._subscription
            if subscription is None:
                subscription = self._subscription = Subscription(self._target, [], eager=self._awaited)
            view = self._views[channel] = BookView(
                name,
                lambda: subscription.book(channel),
                lambda: subscription.connected,
                demand=subscription.demand,
            )
            self._wanted.append(channel)
            self._news.set()
            if self._task is None:
                self._task = asyncio.get_running_loop().create_task(self._read(subscription))
        return view

    async def close(self) -> None:
        """Nobody looks any more."""
        for view in self._views.values():
            view.fail(FeedError("the connection is closed", retry=False))
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        if self._subscription is not None:
            await self._subscription.close()

    async def _read(self, subscription: Subscription) -> None:
        """Keep every book up to date, until it ends."""
        adding = asyncio.get_running_loop().create_task(self._add(subscription))
        try:
            async for item in subscription:
                self._take(item)
        except (FeedError, RequestError) as error:
            self._fail(error)
        else:
            self._fail(FeedError("nothing more comes", retry=False))
        finally:
            adding.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await adding

    def _awaited(self) -> bool:
        """Whether somebody waits for a change of one of them."""
        return any(view.awaited for view in self._views.values())

    async def _add(self, subscription: Subscription) -> None:
        """Subscribe to what is looked at for the first time."""
        await subscription.ready.wait()
        while True:
            await self._news.wait()
            self._news.clear()
            wanted, self._wanted = self._wanted, []
            for channel in wanted:
                try:
                    await subscription.add(channel)
                except (FeedError, RequestError) as error:
                    self._views[channel].fail(error)

    def _take(self, item: object) -> None:
        match item:
            case BookImage() | BookDelta() | Status():
                for view in self._views.values():
                    if view.instrument is not None and view.instrument.key == item.instrument.key:
                        view.change()
            case Outage() | Recovered() | Gap():
                for view in self._views.values():
                    view.change()

    def _fail(self, error: Exception) -> None:
        for view in self._views.values():
            view.fail(error)

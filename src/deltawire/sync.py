"""The same as `deltawire.open`, without `await`: an event loop runs in a thread of its own.

`with deltawire.sync.open(where) as dw: for item in dw.subscribe(…): …`. The names, arguments, items and errors are
those of `deltawire.open`. The thread ends with the block.
"""

import asyncio
import threading
from collections.abc import Coroutine, Iterator, Sequence
from concurrent.futures import Future
from pathlib import Path
from ssl import SSLContext
from types import TracebackType
from typing import Any, Self, TypedDict, TypeVar, Unpack

from deltawire.client.book_view import BookView as AsyncBookView
from deltawire.client.client import Login
from deltawire.client.connection import Connection as AsyncConnection
from deltawire.client.items import Item, RawItem
from deltawire.client.subscription import Subscription as AsyncSubscription
from deltawire.roles.opening import open as open_async
from deltawire.session.notification_queue import OnFull

T = TypeVar("T")


class Options(TypedDict, total=False):
    """Of `deltawire.open`."""

    login: Login | None
    proven: bool
    binary: bool
    compress: bool
    ssl: SSLContext | None
    cafile: str | Path | None
    retry_for: float


class Reading(TypedDict, total=False):
    """Of `Connection.subscribe`."""

    queue: int
    on_full: OnFull
    depth: int | None
    max_rate: float | None
    stamps: bool
    beyond: bool


class _Loop:
    """An event loop in a thread."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="deltawire", daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """What a coroutine returns there; interrupted here it is cancelled there."""
        future: Future[T] = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise

    def stop(self) -> None:
        """End the thread."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        self._loop.close()


class BookView:
    """See `deltawire.BookView`, which is `view`: what it is now is read there."""

    def __init__(self, loop: _Loop, view: AsyncBookView) -> None:
        self._loop = loop
        self.view = view

    def next(self, timeout: float | None = None) -> AsyncBookView:
        """The book after its next change."""
        return self._loop.run(self.view.next(timeout))

    def __repr__(self) -> str:
        return repr(self.view)


class Subscription:
    """See `deltawire.Subscription`."""

    def __init__(self, loop: _Loop, subscription: AsyncSubscription) -> None:
        self._loop = loop
        self._subscription = subscription

    @property
    def granted(self) -> list[str]:
        """The channels and patterns that the other side has accepted."""
        return self._subscription.granted

    @property
    def unread(self) -> int:
        """How many notifications wait to be read."""
        return self._subscription.unread

    def add(self, *channels: str) -> None:
        """Subscribe to more."""
        self._loop.run(self._subscription.add(*channels))

    def remove(self, *channels: str) -> None:
        """Leave channels."""
        self._loop.run(self._subscription.remove(*channels))

    def collect(self, *, seconds: float) -> list[Item]:
        """What comes within so many seconds, or until it ends."""
        return self._loop.run(self._subscription.collect(seconds=seconds))

    def notifications(self) -> Iterator[RawItem]:
        """The notifications as they came, instead of events."""
        notes = self._subscription.notifications()

        async def one() -> RawItem | None:
            return await anext(notes, None)

        while (note := self._loop.run(one())) is not None:
            yield note

    def close(self) -> None:
        """Leave everything."""
        self._loop.run(self._subscription.close())

    def __iter__(self) -> Iterator[Item]:
        """Events, and `Outage`, `Gap` and `Recovered`, as they come."""

        async def one() -> Item | None:
            return await anext(self._subscription, None)

        while (item := self._loop.run(one())) is not None:
            yield item

    def __repr__(self) -> str:
        return repr(self._subscription)


class Connection:
    """See `deltawire.Connection`."""

    def __init__(self, where: str | Sequence[str], options: Options) -> None:
        self._where, self._options = where, options
        self._loop: _Loop | None = None
        self._connection: AsyncConnection | None = None

    def __enter__(self) -> Self:
        """Connect."""
        self._loop = _Loop()
        try:
            self._connection = self._loop.run(self._open())
        except BaseException:
            self._loop.stop()
            raise
        return self

    async def _open(self) -> AsyncConnection:
        return await open_async(self._where, **self._options).__aenter__()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        loop, connection = self._opened()
        try:
            loop.run(connection.close())
        finally:
            loop.stop()

    def subscribe(self, *channels: str, **options: Unpack[Reading]) -> Subscription:
        """Subscribe to channels, by name or pattern: iterate over what this returns."""
        loop, connection = self._opened()
        return Subscription(loop, loop.run(connection.subscribe(*channels, **options)))

    def book(self, name: str, *, interval: str = "raw") -> BookView:
        """A live view of an instrument's book."""
        loop, connection = self._opened()

        async def view() -> AsyncBookView:
            return connection.book(name, interval=interval)

        return BookView(loop, loop.run(view()))

    def call(self, method: str, **params: Any) -> Any:
        """The result of a method of the API."""
        loop, connection = self._opened()
        return loop.run(connection.call(method, **params))

    def _opened(self) -> tuple[_Loop, AsyncConnection]:
        if self._loop is None or self._connection is None:
            raise RuntimeError("with deltawire.sync.open(…) as dw: it is open within the block only")
        return self._loop, self._connection


def open(where: str | Sequence[str], **options: Unpack[Options]) -> Connection:
    """See `deltawire.open`."""
    return Connection(where, options)

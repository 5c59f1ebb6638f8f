"""The same as `deltawire.open`, without `await`: an event loop runs in a thread of its own.

`with deltawire.sync.open(where) as dw: for item in dw.subscribe(…): …`. The names, arguments, items and errors are
those of `deltawire.open`. The thread ends with the block.
"""

from collections.abc import Callable, Coroutine, Sequence
from functools import wraps
from pathlib import Path
from ssl import SSLContext
from types import TracebackType
from typing import Any, Concatenate, ParamSpec, Self, TypedDict, TypeVar, Unpack

from deltawire.client.book_view import BookView as AsyncBookView
from deltawire.client.client import Login
from deltawire.client.connection import Connection as AsyncConnection
from deltawire.client.items import Item
from deltawire.client.listening import Listener as AsyncListener
from deltawire.client.listening import OnError
from deltawire.roles.opening import open as open_async
from deltawire.session.notification_queue import MOST, OnFull
from deltawire.sync.book_view import BookView
from deltawire.sync.loop import LoopThread
from deltawire.sync.subscription import Subscription

T = TypeVar("T")
P = ParamSpec("P")


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


class Listener:
    """Calls a handler with every item, in order, one at a time; `close` ends that.

    An exception of the handler is given to `error`, and the next item follows. Without `error` it ends the listening:
    `wait` raises it, and so does the end of the block.
    """

    def __init__(self, loop: LoopThread, listener: AsyncListener) -> None:
        self._loop = loop
        self._listener = listener

    def wait(self) -> None:
        """Wait for the end, and raise why, if it was an error."""
        self._loop.run(self._listener.wait())

    def close(self) -> None:
        """Call the handler no more."""
        self._loop.run(self._listener.close())

    def __repr__(self) -> str:
        return repr(self._listener)


def _call(handler: Callable[[Item], object], item: Item) -> None:
    handler(item)


def _waiting(
    method: Callable[Concatenate[AsyncConnection, P], Coroutine[Any, Any, T]],
) -> Callable[Concatenate["Connection", P], T]:
    """A method of the other connection that waits for the result."""

    @wraps(method)
    def waiting(self: "Connection", /, *args: P.args, **kwargs: P.kwargs) -> T:
        return self.run(lambda connection: method(connection, *args, **kwargs))

    return waiting


class Connection:
    """See `deltawire.Connection`."""

    def __init__(self, where: str | Sequence[str], options: Options) -> None:
        self._where, self._options = where, options
        self._loop: LoopThread | None = None
        self._connection: AsyncConnection | None = None

    def __enter__(self) -> Self:
        """Connect."""
        self._loop = LoopThread()
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
            loop.run(connection.__aexit__(kind, error, trace))
        finally:
            self._loop = self._connection = None
            loop.stop()

    def run(self, work: Callable[[AsyncConnection], Coroutine[Any, Any, T]]) -> T:
        """What a coroutine with the connection under this one returns, in its event loop."""
        loop, connection = self._opened()
        return loop.run(work(connection))

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

    def on(
        self,
        channel: str,
        handler: Callable[[Item], object],
        *more: str,
        error: OnError | None = None,
        queue: int = MOST,
    ) -> Listener:
        """Call a function with every item of channels, in a thread beside, until the block ends; see `Listener`."""
        loop, connection = self._opened()

        async def handle(item: Item) -> None:
            await loop.handle(lambda: _call(handler, item))

        listening = connection.on(channel, handle, *more, error=error, queue=queue)
        return Listener(loop, loop.run(listening))

    call = _waiting(AsyncConnection.call)
    buy = _waiting(AsyncConnection.buy)
    sell = _waiting(AsyncConnection.sell)
    edit = _waiting(AsyncConnection.edit)
    cancel = _waiting(AsyncConnection.cancel)
    cancel_all = _waiting(AsyncConnection.cancel_all)
    order = _waiting(AsyncConnection.order)
    orders = _waiting(AsyncConnection.orders)
    user_trades = _waiting(AsyncConnection.user_trades)
    positions = _waiting(AsyncConnection.positions)
    balance = _waiting(AsyncConnection.balance)
    balances = _waiting(AsyncConnection.balances)

    def _opened(self) -> tuple[LoopThread, AsyncConnection]:
        if self._loop is None or self._connection is None:
            raise RuntimeError("with deltawire.sync.open(…) as dw: it is open within the block only")
        return self._loop, self._connection


def open(where: str | Sequence[str], **options: Unpack[Options]) -> Connection:
    """See `deltawire.open`."""
    return Connection(where, options)

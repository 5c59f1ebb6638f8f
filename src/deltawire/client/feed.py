"""A feed: the notifications of some channels, across as many connections as it takes."""

import asyncio
import contextlib
import random
import weakref
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import AbstractAsyncContextManager
from inspect import isasyncgen
from pathlib import Path
from typing import Self

from deltawire.client.client import Client, Login, connect
from deltawire.client.items import Gap, Outage
from deltawire.errors import FeedError, RequestError
from deltawire.session.client import ClientSession, Notification
from deltawire.session.notification_queue import MOST, NotificationQueue, OnFull

FIRST_WAIT_S, LONGEST_WAIT_S = 0.25, 15.0
MOST_PER_REQUEST = 150
"""Channels in one request, so that it stays below the server's 32 KiB with the longest names' positions."""


Item = Notification | Outage | Gap


class Feed:
    """Iterate over it: notifications in order, each once, and where that could not be kept, a `Gap`.

    When the connection breaks it connects again, first soon and then ever later, never at the same time as
    others do, and goes on behind the last notification it gave. Only an error that no attempt could mend ends
    it: `FeedError`, or the server's `RequestError`. With a `login` every connection is signed in; with `proven`
    too, what a server did not prove to have sent breaks the connection, and is not given. `queue`, `on_full` and
    `cafile` are those of `connect`: where trades or private events that nobody reads fill the queue, the connection
    is closed (an `Outage`) and taken up again behind the last of them, once they have been read. As a context
    manager (`async with Feed(…) as feed`) it closes its connection at the end of the block, however that is left.
    """

    def __init__(
        self,
        url: str,
        *channels: str,
        binary: bool = False,
        login: Login | None = None,
        proven: bool = False,
        queue: int = MOST,
        on_full: OnFull = "conflate",
        cafile: str | Path | None = None,
    ) -> None:
        self._url = url
        self._binary = binary
        self._login = login
        self._proven = proven
        NotificationQueue(queue, on_full)  # raises where these are no bounds
        self._bounds: tuple[int, OnFull] = queue, on_full
        self._cafile = cafile
        self._channels = channels
        self._session = ClientSession()
        self._wait_s = FIRST_WAIT_S
        self._joined = False
        self._closed = asyncio.Event()
        self._client: Client | None = None
        self._items: weakref.ref[AsyncGenerator[Item]] | None = None
        """The iteration; not held, so that one that is left by `break` outside a block ends by itself."""

    def __aiter__(self) -> AsyncGenerator[Item]:
        """Notifications, outages and gaps as they come; one iteration at a time."""
        items = self._run()
        self._items = weakref.ref(items)
        return items

    async def __aenter__(self) -> Self:
        """The feed, which is closed at the end of the block."""
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connection, now; an iteration that is under way ends with `FeedError`, as does any after it."""
        self._closed.set()
        if self._client is not None:
            await self._client.close()
        items = self._items() if self._items else None
        if isasyncgen(items) and not items.ag_running:
            await items.aclose()

    async def _run(self) -> AsyncGenerator[Item]:
        while not self._closed.is_set():
            try:
                connecting = self._connect()
                async with connecting as self._client:
                    for gap in await self._subscribe(self._client):
                        yield gap
                    async for note in self._client:
                        yield note
            except (FeedError, RequestError) as error:
                if not error.retry or not self._joined:
                    raise
                outage = Outage(str(error), self._wait_s * random.uniform(0.5, 1.5))
            self._wait_s = min(LONGEST_WAIT_S, self._wait_s * 2)
            yield outage
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._closed.wait(), outage.wait_s)
        raise FeedError("the feed is closed", retry=False)

    def _connect(self) -> AbstractAsyncContextManager[Client]:
        queue, on_full = self._bounds
        return connect(
            self._url,
            self._session,
            binary=self._binary,
            login=self._login,
            proven=self._proven,
            queue=queue,
            on_full=on_full,
            cafile=self._cafile,
        )

    async def _subscribe(self, client: Client) -> list[Gap]:
        """Take up every channel where it was; the gaps are those that could not be."""
        if self._closed.is_set():
            raise FeedError("the feed is closed", retry=False)
        positions = self._session.reconnected()
        gaps: list[Gap] = []
        for names in _batches([*positions, *(name for name in self._channels if name not in positions)]):
            resume = {name: positions[name] for name in names if name in positions}
            answer = await client.answer("public/subscribe", channels=names, resume=resume)
            for name in names:
                if name not in answer.result:
                    raise FeedError(f"{name} is not there", retry=self._joined)
            gaps += [Gap(name, positions[name]) for name, found in answer.recovered.items() if not found]
        self._joined = True
        self._wait_s = FIRST_WAIT_S
        return gaps


def _batches(names: Sequence[str]) -> Iterator[list[str]]:
    for start in range(0, len(names), MOST_PER_REQUEST):
        yield list(names[start : start + MOST_PER_REQUEST])

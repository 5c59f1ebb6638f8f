"""A feed: the notifications of some channels, across reconnections."""

import asyncio
import contextlib
import random
import weakref
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import AbstractAsyncContextManager
from inspect import isasyncgen
from pathlib import Path
from typing import Self

import msgspec

from deltawire.client.client import Client, Login, connect
from deltawire.dialect.grammar import ResumePosition
from deltawire.errors import FeedError, RequestError
from deltawire.session.client import ClientSession, Notification
from deltawire.session.notification_queue import MOST, NotificationQueue, OnFull

FIRST_WAIT_S, LONGEST_WAIT_S = 0.25, 15.0
MOST_PER_REQUEST = 150
"""Channels per request, so that a request with the longest names and positions stays below the server's 32 KiB."""


class Outage(msgspec.Struct, frozen=True):
    """The connection was lost for `reason`; the next attempt follows in `wait_s` seconds."""

    reason: str
    wait_s: float


class Gap(msgspec.Struct, frozen=True):
    """The notifications of a channel after `position` are lost: the server no longer had all of them.

    A channel with an image sends it next; state built from earlier notifications is invalid.
    """

    channel: str
    position: ResumePosition


Item = Notification | Outage | Gap


class Feed:
    """Iterate over it for notifications, in order and each once, with a `Gap` where that was not possible.

    After a lost connection it connects again, with increasing and randomised delays, and resumes after the last
    notification that it returned. Only an error that no retry can fix ends it: `FeedError`, or the server's
    `RequestError`. With a `login` every connection is authenticated; with `proven` in addition, a frame that the
    running MAC does not verify ends the connection and is not returned. `queue`, `on_full` and `cafile` are those of
    `connect`: if unread trades or private events fill the queue, the connection is closed (an `Outage`) and resumed
    after the last of them, once they have been read. As a context manager (`async with Feed(…) as feed`) it closes
    its connection when the block is left.
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
        NotificationQueue(queue, on_full)  # raises ValueError for invalid bounds
        self._bounds: tuple[int, OnFull] = queue, on_full
        self._cafile = cafile
        self._channels = channels
        self._session = ClientSession()
        self._wait_s = FIRST_WAIT_S
        self._joined = False
        self._closed = asyncio.Event()
        self._client: Client | None = None
        self._items: weakref.ref[AsyncGenerator[Item]] | None = None
        """The iteration, as a weak reference, so that one that is left by `break` without a block is collected."""

    def __aiter__(self) -> AsyncGenerator[Item]:
        """Notifications, outages and gaps in order; one iteration at a time."""
        items = self._run()
        self._items = weakref.ref(items)
        return items

    async def __aenter__(self) -> Self:
        """Return the feed, which is closed at the end of the block."""
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connection at once; an iteration in progress and any later one end with `FeedError`."""
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
        """Subscribe every channel at its position; returns the gaps of those that could not be resumed."""
        if self._closed.is_set():
            raise FeedError("the feed is closed", retry=False)
        positions = self._session.reconnected()
        gaps: list[Gap] = []
        for names in _batches([*positions, *(name for name in self._channels if name not in positions)]):
            resume = {name: positions[name] for name in names if name in positions}
            answer = await client.answer("public/subscribe", channels=names, resume=resume)
            for name in names:
                if name not in answer.result:
                    raise FeedError(f"channel {name} does not exist or is not permitted", retry=self._joined)
            gaps += [Gap(name, positions[name]) for name, found in answer.recovered.items() if not found]
        self._joined = True
        self._wait_s = FIRST_WAIT_S
        return gaps


def _batches(names: Sequence[str]) -> Iterator[list[str]]:
    for start in range(0, len(names), MOST_PER_REQUEST):
        yield list(names[start : start + MOST_PER_REQUEST])

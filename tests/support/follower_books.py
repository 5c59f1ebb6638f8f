"""A book kept by deltawire's own client beside the client under test."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

from deltawire.client import Client
from deltawire.session.client import BookMirror
from tests.support.waiting import HANG_S

Level = tuple[float, float]


class BookState(NamedTuple):
    """A verified book: levels are (price, amount), best first."""

    change_id: int
    timestamp: int
    bids: list[Level]
    asks: list[Level]


class FollowerBook:
    """Follows one book channel, and goes through its states as they are asked for, in order.

    `changes` counts the notifications after the image, `resyncs` how often the book came back to life.
    """

    def __init__(self) -> None:
        self.changes = 0
        self.resyncs = 0
        self._mirror = BookMirror()
        self._notes: deque[dict[str, Any]] = deque()
        self._newest: dict[str, Any] = {"timestamp": 0, "change_id": 0}
        self._moved = asyncio.Condition()

    async def follow(self, client: Client, channel: str) -> None:
        """Take in the channel's notifications until cancelled."""
        await client.subscribe(channel)
        async for note in client:
            self._notes.append(note.data)
            self._newest = note.data
            self.changes += note.data["type"] == "change"
            self.resyncs += note.data.get("status", {}).get("state") == "live"
            async with self._moved:
                self._moved.notify_all()

    async def begun(self) -> int:
        """The time stamp of the image, when it has come; before the first look at a book."""
        await self._until(lambda: bool(self._notes))
        timestamp: int = self._notes[0]["timestamp"]
        return timestamp

    async def changed(self, times: int) -> None:
        """So many changes have come."""
        await self._until(lambda: self.changes >= times)

    async def resynchronised(self, times: int) -> None:
        """The book has come back to life so many times."""
        await self._until(lambda: self.resyncs >= times)

    async def at_change(self, change_id: int) -> BookState:
        """The book under this change id, which is not before any asked for already."""
        await self._until(lambda: self._newest["change_id"] >= change_id)
        while self._mirror.change_id != change_id:
            self._step()
        return self._state()

    async def at_time(self, timestamp: int) -> list[BookState]:
        """Every book from here on that had this time stamp: known once the book has moved past it."""
        await self._until(lambda: self._newest["timestamp"] > timestamp)
        while self._mirror.timestamp < timestamp:
            self._step()
        found = [self._state()]
        while self._notes[0]["timestamp"] == timestamp:
            self._step()
            found.append(self._state())
        return found

    def _step(self) -> None:
        self._mirror.apply(self._notes.popleft())

    def _state(self) -> BookState:
        mirror = self._mirror
        assert mirror.change_id is not None
        return BookState(
            mirror.change_id, mirror.timestamp, *mirror.best(len(mirror.bids) + len(mirror.asks))
        )

    async def _until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(HANG_S), self._moved:
            await self._moved.wait_for(condition)


@asynccontextmanager
async def follower_book(client: Client, channel: str) -> AsyncIterator[FollowerBook]:
    """A follower of a channel while the block runs; an error of the follower ends the block."""
    follower = FollowerBook()
    async with asyncio.TaskGroup() as group:
        following = group.create_task(follower.follow(client, channel))
        yield follower
        following.cancel()

"""Publishing on one topic: one message at a time, fenced; what comes meanwhile travels in the next."""

import asyncio
import contextlib
import secrets
from collections import deque
from typing import NamedTuple

from nats.js.errors import APIError, NotFoundError

from deltawire.bus.frames import Frame, format_frame, newest_in, parse_part
from deltawire.bus.nats.connection import RETRY_S, TROUBLE, Connection, lost
from deltawire.errors import BusError, PublishError
from deltawire.ports import Batch

EXPECTED = "Nats-Expected-Last-Subject-Sequence"
WRONG_SEQUENCE = 10071
MOST_BATCHES = 256
"""In one message."""
ACKNOWLEDGED_S = 2.0


class _Waiting(NamedTuple):
    batch: Batch
    expected: int | None
    done: "asyncio.Future[int]"


class Outlet:
    """Publishes on one topic. Its state is the topic's newest message, as far as it is known here."""

    def __init__(self, connection: Connection, topic: str) -> None:
        self.topic = topic
        self.epoch = ""
        self.number = 0
        """Of the newest batch that is acknowledged."""
        self.sequence = 0
        """Of its message in the stream."""
        self._connection = connection
        self._publisher = secrets.token_hex(6)
        self._begins = False
        self._known = False
        self._acknowledged = 0
        self._queue: deque[_Waiting] = deque()
        self._news = asyncio.Event()
        self._broken: BaseException | None = None
        self._task = asyncio.create_task(self._work())
        self._task.add_done_callback(self._ended)

    @property
    def waiting(self) -> int:
        """How many batches are not acknowledged yet."""
        return len(self._queue)

    async def begin(self, epoch: str) -> None:
        """Take the topic over without a past. Whoever published there before is told with its next batch."""
        await self._look()
        self.epoch, self.number, self._begins = epoch, 0, True

    async def newest(self) -> int:
        """The number of the topic's newest batch; 0 before the first."""
        await self._look()
        return self.number

    def put(self, batch: Batch, expected: int | None = None) -> "asyncio.Future[int]":
        """Queue a batch; the future has its number once it is stored."""
        done: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        if self._broken is not None:
            done.set_exception(self._broken)
            return done
        self._queue.append(_Waiting(batch, expected, done))
        self._news.set()
        return done

    def close(self) -> None:
        """Publish nothing more."""
        self._task.cancel()

    def _ended(self, task: "asyncio.Task[None]") -> None:
        """An error that nobody expected must not leave anybody waiting."""
        if not task.cancelled() and (error := task.exception()) is not None:
            self._broken = error
            while self._queue:
                self._done(self._queue.popleft(), error)

    async def _work(self) -> None:
        while True:
            await self._news.wait()
            self._news.clear()
            while self._queue:
                try:
                    if not self._known:
                        await self._look()
                    await self._send(self._group())
                except (BusError, PublishError) as error:
                    self._fail(error)

    def _group(self) -> list[_Waiting]:
        """The next batches of one message; those that expect another number are refused first."""
        number, group = self.number, list[_Waiting]()
        most = 1 if self._begins else MOST_BATCHES  # so that the message that begins is a whole frame
        for each in self._queue:
            if each.expected not in (None, number + len(group)) or len(group) == most:
                break
            group.append(each)
        return group

    def _fail(self, error: Exception) -> None:
        """The first batch is not published, nor are those behind it that count on it."""
        self._done(self._queue.popleft(), error)
        while self._queue and self._queue[0].expected is not None:
            self._done(self._queue.popleft(), error)

    def _done(self, waiting: _Waiting, outcome: int | BaseException) -> None:
        if waiting.done.done():
            return
        if isinstance(outcome, int):
            waiting.done.set_result(outcome)
        else:
            waiting.done.set_exception(outcome)

    async def _send(self, group: list[_Waiting]) -> None:
        if not group:
            expected = self._queue[0].expected
            assert expected is not None
            if expected > self.number:
                await self._look()
            if expected != self.number:
                raise PublishError(self.topic, expected, self.number)
            return
        if not self.epoch:
            self.epoch, self._begins = secrets.token_hex(6), True
        parts, group = self._parts(group)
        first = self.number + 1
        for place, data in enumerate(parts):
            if not await self._put(data, first, place):
                return  # somebody else was first: try again with what is known now
        self._begins, self.number = False, self.number + len(group)
        for number, each in enumerate(group, first):
            self._queue.popleft()
            self._done(each, number)

    def _parts(self, group: list[_Waiting]) -> tuple[list[bytes], list[_Waiting]]:
        size = self._connection.part_bytes
        while True:
            batches = [each.batch for each in group]
            parts = format_frame(
                Frame(self.epoch, self.number + 1, self._begins, batches), size, self._publisher
            )
            if len(parts) == 1 or len(group) == 1:
                return parts, group
            group = group[: len(group) // 2]

    async def _put(self, data: bytes, first: int, place: int) -> bool:
        """Store one message; returns False if another publisher has stored one since."""
        js = self._connection.js
        while True:
            try:
                ack = await js.publish(
                    self.topic, data, timeout=ACKNOWLEDGED_S, headers={EXPECTED: str(self.sequence)}
                )
            except NotFoundError as error:
                raise lost(self.topic) from error
            except APIError as error:
                if error.err_code != WRONG_SEQUENCE:
                    raise BusError("absent", error.description or str(error)) from error
                if await self._stored(first, place):
                    return True
                if self.sequence < self._acknowledged:
                    raise lost(self.topic) from error
                return False
            except TROUBLE:
                await asyncio.sleep(RETRY_S)
                if not (info := await self._connection.info()):
                    raise lost(self.topic) from None
                if info.state.last_seq < self._acknowledged:
                    raise lost(self.topic) from None
            else:
                self.sequence = self._acknowledged = ack.seq
                return True

    async def _stored(self, first: int, place: int) -> bool:
        """Whether the newest message is the one that was sent, and only its acknowledgement was lost."""
        message = await self._connection.last(self.topic)
        sent = self._publisher, self.epoch, first, place
        if message is not None and _sender(message.data or b"") == sent:
            assert message.seq is not None
            self.sequence = self._acknowledged = message.seq
            return True
        epoch = self.epoch
        await self._look()
        if self._begins:
            self.epoch, self.number = epoch, 0
        return False

    async def _look(self) -> None:
        """Read the topic's newest message."""
        message = await self._connection.last(self.topic)
        self._known = True
        if message is None:
            info = await self._connection.info()
            if info is None or info.state.last_seq < self._acknowledged:
                raise lost(self.topic)
            self.sequence = 0  # it was too old to be kept: the numbers go on
            return
        assert message.seq is not None
        self.sequence = message.seq
        try:
            self.epoch, self.number = newest_in(message.data or b"")
        except BusError:
            return  # it says nothing of who publishes here: go on behind it


def _sender(data: bytes) -> tuple[str, str, int, int] | None:
    """Who sent a message, and which; None if it is garbage."""
    with contextlib.suppress(BusError):
        part = parse_part(data)
        return part.publisher, part.epoch, part.first, part.part
    return None

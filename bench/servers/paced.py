"""deltawire over a source that publishes on a schedule.

For each line `COUNT PER_SECOND` on standard input it prints `BEGIN SEQ`: notification number n, from 0 on, carries
`seq` SEQ + n and is due at BEGIN nanoseconds (of the machine's monotonic clock) plus n / PER_SECOND seconds.
"""

import asyncio
import contextlib
import sys
import time
from collections.abc import AsyncIterator

import uvloop

from bench.servers.certificates import asked_tls
from bench.servers.message import CHANNEL, EPOCH, FIRST_SEQ, INDEX
from bench.servers.positions import begin_at
from deltawire.model.events import Index
from deltawire.ports import Batch, Wants
from deltawire.roles.gateway import App, listen, serve

LOWEST_PRICE, PRICES = 20_000.5, 70_000
BEGIN_AFTER_NS = 100_000_000
TICK_S = 0.001
"""uvloop's timers know nothing shorter; what is due meanwhile goes as one batch."""


class PacedSource:
    """Index prices, each another than the one before: what is due, in one batch."""

    venue = "bench"

    def __init__(self) -> None:
        self.app: App
        self._told = 0

    def now(self) -> int:
        """The machine's clock."""
        return time.time_ns()

    async def events(self, wants: Wants) -> AsyncIterator[Batch]:
        """Until standard input ends."""
        reader = asyncio.StreamReader()
        loop = asyncio.get_running_loop()
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        while line := await reader.readline():
            count, per_second = map(int, line.split())
            async with contextlib.aclosing(self._paced(count, per_second)) as batches:
                async for batch in batches:
                    yield batch

    async def _paced(self, count: int, per_second: int) -> AsyncIterator[Batch]:
        channel = self.app.hub.directory.get(CHANNEL)
        assert channel is not None, "somebody has subscribed"
        begin_at(self.app, max(channel.seq, FIRST_SEQ))
        begin = time.monotonic_ns() + BEGIN_AFTER_NS
        print(begin, channel.seq + 1, flush=True)
        done = 0
        while done < count:
            due = min(count, (time.monotonic_ns() - begin) * per_second // 1_000_000_000 + 1)
            if due > done:
                now = self.now()
                yield Batch(self.venue, now, [self._index(now) for _ in range(due - done)])
                done = due
            ahead = begin + done * 1_000_000_000 // per_second - time.monotonic_ns()
            await asyncio.sleep(max(TICK_S, ahead / 1e9))

    def _index(self, now: int) -> Index:
        self._told += 1
        return Index(self.venue, INDEX, LOWEST_PRICE + self._told % PRICES, now, now)


async def main(port: int) -> None:
    """Serve until standard input ends."""
    source, stop = PacedSource(), asyncio.Event()
    source.app = App([source], epoch=EPOCH)
    await serve(source.app, listen("127.0.0.1", port), stop, asked_tls())


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main(int(sys.argv[1])))

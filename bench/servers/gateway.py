"""deltawire: the app as `deltawire serve` runs it, over a source that ticks."""

import asyncio
import sys
import time
from collections.abc import AsyncIterator

import uvloop

from bench.servers.certificates import asked_tls
from bench.servers.message import EPOCH, FIRST_SEQ, INDEX
from bench.servers.positions import begin_at
from bench.servers.ticking import ticks
from deltawire.model.events import Index
from deltawire.ports import Batch, Wants
from deltawire.roles.gateway import App, listen, serve

LOWEST_PRICE, PRICES = 20_000.5, 70_000


class TickSource:
    """Index prices, each another than the one before, in batches of one tick."""

    venue = "bench"

    def __init__(self) -> None:
        self.app: App
        self._told = 0

    def now(self) -> int:
        """The machine's clock."""
        return time.time_ns()

    async def events(self, wants: Wants) -> AsyncIterator[Batch]:
        """A batch per tick, for ever."""
        async for messages in ticks(self._drained):
            if not self._told:
                self._lengthen_sequence()
            now = self.now()
            yield Batch(self.venue, now, [self._index(now) for _ in range(messages)])

    def _index(self, now: int) -> Index:
        self._told += 1
        return Index(self.venue, INDEX, LOWEST_PRICE + self._told % PRICES, now, now)

    def _drained(self) -> bool:
        return not any(connection.unsent for connection in self.app.gateway.connections)

    def _lengthen_sequence(self) -> None:
        """All frames of a run shall be equally long."""
        begin_at(self.app, FIRST_SEQ)


async def main(port: int) -> None:
    """Serve until the process ends."""
    source = TickSource()
    source.app = App([source], epoch=EPOCH)
    await serve(source.app, listen("127.0.0.1", port), asyncio.Event(), asked_tls())


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main(int(sys.argv[1])))

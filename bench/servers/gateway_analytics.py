"""deltawire with 100 instruments whose books change 1,000 times a second, beside the ticks that are counted.

    gateway_analytics.py PORT [figures|all]

With `figures`, somebody is subscribed to imbalance, depth, prices and two alerts of each of the instruments, every
second; with `all`, to the predictions as well.
"""

import asyncio
import sys
from collections.abc import AsyncIterator
from random import Random

import uvloop

from bench.servers.gateway import TickSource
from bench.servers.message import EPOCH
from deltawire.analytics.derivations import Derivations
from deltawire.dialect.grammar import parse_channel
from deltawire.fanout.subscribers import Subscriber
from deltawire.model.events import BookDelta, BookImage, Changes, Event, Levels, Listing, Status
from deltawire.model.instruments import FOREVER_NS, Instrument
from deltawire.ports import Batch, Wants
from deltawire.roles.gateway import App, listen, serve

INSTRUMENTS, LEVELS = 100, 50
UPDATE_EVERY_NS = 1_000_000
AT_ONCE = 200
"""Updates of a batch at most: what was due before the first tick is not made up for."""
MIDDLE = 120_000
FIGURES = (
    "imbalance.{}.1s",
    "depth.{}.1s",
    "prices.{}.1s",
    "alert.{}.wide.5.1s",
    "alert.{}.thin.1000.1s",
)
FAMILIES = {"": (), "figures": FIGURES, "all": (*FIGURES, "flow.{}.1s")}


class BookSource(TickSource):
    """The ticks, and books that change at a steady rate in the machine's time."""

    def __init__(self, wanted: str) -> None:
        """`wanted` is one of `FAMILIES`."""
        super().__init__()
        self.derivations = Derivations(most=10_000, most_ms=float("inf"))
        self._families = FAMILIES[wanted]
        self._random = Random(1)
        self._instruments = [make_instrument(f"X{number}-PERPETUAL") for number in range(INSTRUMENTS)]
        self._sizes: list[list[dict[int, int]]] = []
        self._sequences = [1] * INSTRUMENTS
        self._turn = 0
        self._done_ns = 0

    async def events(self, wants: Wants) -> AsyncIterator[Batch]:
        """The books, and then a batch per tick."""
        now_ns = self.now()
        yield Batch(self.venue, now_ns, self.images(now_ns))
        self.subscribe()
        async for batch in super().events(wants):
            yield Batch(batch.venue, batch.at_ns, [*self.changes(batch.at_ns), *batch.events])

    def subscribe(self) -> None:
        """Somebody wants the figures."""
        names = [family.format(each.name) for each in self._instruments for family in self._families]
        keys = [key for name in names if (key := parse_channel(name)) is not None]
        assert len(keys) == len(names)
        self.app.hub.join(Subscriber(_Nobody(), most_channels=len(names)), keys)

    def images(self, now_ns: int) -> list[Event]:
        """All instruments and books; updates are due from this time on."""
        self._done_ns = now_ns
        events: list[Event] = []
        for instrument in self._instruments:
            sides = [{MIDDLE + way * at: self._size() for at in range(1, LEVELS + 1)} for way in (-1, 1)]
            self._sizes.append(sides)
            levels = [Levels([*side], [*side.values()]) for side in sides]
            events += [
                Listing(instrument, now_ns),
                Status(instrument, "live", "", now_ns),
                BookImage(instrument, 1, levels[0], levels[1], now_ns, now_ns, 1),
            ]
        return events

    def changes(self, now_ns: int) -> list[Event]:
        """The updates that are due: the size of one level each."""
        count = min(AT_ONCE, (now_ns - self._done_ns) // UPDATE_EVERY_NS)
        if count:
            self._done_ns = now_ns
        return [self._change(now_ns) for _ in range(count)]

    def _change(self, now_ns: int) -> Event:
        number = self._turn = (self._turn + 1) % INSTRUMENTS
        self._sequences[number] += 1
        side = self._random.randrange(2)
        sizes = self._sizes[number][side]
        price = MIDDLE + (2 * side - 1) * min(LEVELS, 1 + int(self._random.expovariate(0.3)))
        before, sizes[price] = sizes[price], self._size()
        changes = [Changes([], [], []), Changes([], [], [])]
        changes[side] = Changes([price], [sizes[price]], [before])
        sequence = self._sequences[number]
        return BookDelta(self._instruments[number], sequence, *changes, now_ns, now_ns, sequence)

    def _size(self) -> int:
        return 10 * self._random.randint(1, 500)


class _Nobody:
    """A subscriber's end that is not read."""

    def write(self, data: bytes) -> None:
        """Drop it."""


def make_instrument(name: str) -> Instrument:
    """An inverse perpetual."""
    return Instrument(
        venue=TickSource.venue, name=name, kind="future", base="BTC", quote="USD", settlement="BTC",
        price_exponent=-1, size_exponent=0, tick_size="0.5", min_trade_size="10", size_unit="quote",
        contract_size=10.0, inverse=True, index_name="btc_usd", expiration_ns=FOREVER_NS,
        settlement_period="perpetual", maker_commission=0.0, taker_commission=0.0005,
    )  # fmt: skip


async def main(port: int, wanted: str) -> None:
    """Serve until the process ends."""
    source = BookSource(wanted)
    source.app = App([source], epoch=EPOCH, derivations=source.derivations)
    await serve(source.app, listen("127.0.0.1", port), asyncio.Event())


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main(int(sys.argv[1]), "".join(sys.argv[2:])))

"""deltawire over one busy book: `python -m bench.servers.busy_book PORT UPDATES_PER_SECOND`.

Each update is one level of a book of some hundred levels a side, near the top more often than far from it; beside them
go trades and tickers. It runs until it is terminated.
"""

import asyncio
import sys
import time
from collections.abc import AsyncIterator
from random import Random

import uvloop

from deltawire.model.events import BookDelta, BookImage, Changes, Event, Levels, Status, Ticker, Trade
from deltawire.model.expiries import FOREVER_NS
from deltawire.model.instruments import Instrument
from deltawire.ports import Batch, Wants
from deltawire.roles.gateway import App, listen, serve

TICK_S = 0.01
MIDDLE, LEVELS = 128_000, 300
TRADES_PER_S, TICKERS_PER_S = 50, 10
NEAR = 0.12
"""The chance that a change is at a level and not behind it."""

PERPETUAL = Instrument(
    venue="bench",
    name="BTC-PERPETUAL",
    kind="future",
    base="BTC",
    quote="USD",
    settlement="BTC",
    price_exponent=-1,
    size_exponent=0,
    tick_size="0.5",
    min_trade_size="10",
    size_unit="quote",
    contract_size=10.0,
    inverse=True,
    index_name="btc_usd",
    expiration_ns=FOREVER_NS,
    settlement_period="perpetual",
)
STEP = 5
"""A tick in units of the price's exponent."""


class BusyBook:
    """A source that yields what is due, 100 times a second."""

    venue = "bench"

    def __init__(self, per_second: int) -> None:
        self._per_second = per_second
        self._random = Random(1)
        self._sides = {
            "bids": {(MIDDLE - at) * STEP: self._size() for at in range(1, LEVELS)},
            "asks": {(MIDDLE + at) * STEP: self._size() for at in range(LEVELS - 1)},
        }
        self._sequence = 1
        self._told = {"trades": 0, "tickers": 0}

    def now(self) -> int:
        """The machine's clock."""
        return time.time_ns()

    async def events(self, wants: Wants) -> AsyncIterator[Batch]:
        """Without end."""
        begin, done = time.monotonic(), 0
        yield Batch(self.venue, self.now(), self._image())
        while True:
            await asyncio.sleep(TICK_S)
            passed = time.monotonic() - begin
            now, due = self.now(), int(passed * self._per_second)
            events: list[Event] = [self._change(now) for _ in range(due - done)]
            done = due
            events += [self._trade(now) for _ in range(self._due("trades", passed * TRADES_PER_S))]
            events += [self._ticker(now) for _ in range(self._due("tickers", passed * TICKERS_PER_S))]
            yield Batch(self.venue, now, events)

    def _due(self, what: str, total: float) -> int:
        due = int(total) - self._told[what]
        self._told[what] += due
        return due

    def _size(self) -> int:
        return 10 * self._random.randint(1, 5_000)

    def _best(self) -> tuple[int, int]:
        return max(self._sides["bids"]), min(self._sides["asks"])

    def _image(self) -> list[Event]:
        now = self.now()
        bids, asks = self._sides["bids"], self._sides["asks"]
        sides = (
            Levels(prices := sorted(bids, reverse=True), [bids[price] for price in prices]),
            Levels(prices := sorted(asks), [asks[price] for price in prices]),
        )
        return [Status(PERPETUAL, "live", "", now), BookImage(PERPETUAL, 1, *sides, now, now, 1)]

    def _change(self, now: int) -> BookDelta:
        """One level: another size, gone, or new; never across the other side, and never the last one."""
        name = self._random.choice(("bids", "asks"))
        side, away = self._sides[name], -STEP if name == "bids" else STEP
        bid, ask = self._best()
        place = 0
        while self._random.random() > NEAR and place < LEVELS:
            place += 1
        better = 1 if ask - bid > STEP and self._random.random() < 0.3 else 0
        price = (bid if name == "bids" else ask) + away * (place - better)
        before = side.get(price, 0)
        goes = before and len(side) > LEVELS // 2 and self._random.random() < 0.2
        size = 0 if goes else self._size()
        while size == before:
            size = self._size()
        if size:
            side[price] = size
        else:
            del side[price]
        self._sequence += 1
        changes, none = Changes([price], [size], [before]), Changes([], [], [])
        both = (changes, none) if name == "bids" else (none, changes)
        return BookDelta(PERPETUAL, self._sequence, *both, now, now, self._sequence)

    def _trade(self, now: int) -> Trade:
        bid, ask = self._best()
        buys = self._random.random() < 0.5
        number = self._told["trades"] * 1_000 + self._random.randrange(1_000)
        return Trade(
            PERPETUAL,
            price_ticks=ask if buys else bid,
            size_lots=self._size(),
            trade_id=f"{now}-{number}",
            side="buy" if buys else "sell",
            venue_ns=now,
            seen_ns=now,
        )

    def _ticker(self, now: int) -> Ticker:
        bid, ask = self._best()
        middle = (bid + ask) / 20
        return Ticker(instrument=PERPETUAL, venue_ns=now, seen_ns=now, mark_price=middle, index_price=middle)


async def main(port: int, per_second: int) -> None:
    """Serve until it is terminated."""
    await serve(App([BusyBook(per_second)], epoch="bench"), listen("127.0.0.1", port), asyncio.Event())


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main(int(sys.argv[1]), int(sys.argv[2])))

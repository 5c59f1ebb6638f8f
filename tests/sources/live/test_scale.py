"""Many instruments within the plan and the venue's limits, in virtual time; many reconnects without a leak."""

import asyncio
import gc
import os
from pathlib import Path

import msgspec
import pytest

from deltawire.sources.live.source import LiveSettings
from deltawire.testing.simulators import SERVED
from deltawire.testing.venue_server import Fault, Limits, Market, VenueServer
from tests.sources.live.fault_rows import BatchReader, Follower, WatchedSource, until
from tests.sources.live.virtual_time import LoopClock, VirtualLoop, run_virtually
from tests.support.effort import THOROUGH

NAMES = {
    "binance_coinm": "C{}USD_PERP",
    "binance_options": "BTC-301227-{}-P",
    "binance_spot": "C{}USDT",
    "binance_usdm": "C{}USDT",
    "bybit_inverse": "C{}USD",
    "bybit_linear": "C{}USDT",
    "bybit_option": "BTC-27DEC30-{}-P",
    "bybit_spot": "C{}USDT",
    "coinbase": "C{}-USD",
    "deribit": "C{}_USDC-PERPETUAL",
    "hyperliquid": "C{}",
    "kraken": "C{}/USD",
    "kraken_futures": "PF_C{}USD",
    "okx": "C{}-USDT",
}
SOME = ["binance_usdm", "bybit_linear", "kraken", "okx"]
COUNT = 300 if THOROUGH else 60
FEWER = {"hyperliquid": 240}
"""An address may have so many there: each has four of its thousand subscriptions."""
MOVES_PER_S = {"hyperliquid": 5.0, "bybit_spot": 2.0}
"""Often enough to keep the promise of a stream; elsewhere rarely: a quiet book is up in time too."""
RARELY = 0.2
PAST_REQUESTS_S = 45.0 if THOROUGH else 1.0
"""Requests without an answer have been given up."""
LATE_S = 5.0
"""The simulator's steps, and what a connection takes to be opened, which no plan counts."""


async def rises(venue: str) -> None:
    """All books of many instruments become live."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualLoop)
    like = SERVED[venue]().contracts[0]
    count = min(COUNT, FEWER.get(venue, COUNT))
    contracts = [msgspec.structs.replace(like, name=NAMES[venue].format(1000 + n)) for n in range(count)]
    market = Market(contracts, 3, depth=20, moves_per_s=MOVES_PER_S.get(venue, RARELY))
    async with VenueServer(venue, market=market, speed=1.0, step_s=0.2) as server:
        books = Follower(server, 1e9)
        settings = LiveSettings(venue, endpoints=(server.base,))
        source = WatchedSource(settings, LoopClock(loop, market.now_ns), books)
        feeding = asyncio.create_task(BatchReader(source).feed())
        try:
            while not source.status().lanes:  # noqa: ASYNC110 (no event tells)
                await asyncio.sleep(0.01)
            began_s, plan = loop.time(), source.plan()
            assert not plan.problems
            while not books.live >= {*market.walks}:
                assert loop.time() - began_s <= plan.seconds * 1.1 + LATE_S, (len(books.live), plan.seconds)
                await asyncio.sleep(0.1)
            await asyncio.sleep(PAST_REQUESTS_S)
            print(f"{venue}: {count} books, planned {plan.seconds:.1f} s")
            assert books.live == {*market.walks}
            assert not books.faults, books.faults
            assert not server.tally.violations
        finally:
            feeding.cancel()
            await asyncio.gather(feeding, return_exceptions=True)


@pytest.mark.parametrize("venue", NAMES if THOROUGH else SOME)
def test_many_instruments_are_up_within_the_plan_and_no_limit_is_exceeded(venue: str) -> None:
    run_virtually(rises(venue), 300)


SIMULATED = 2
"""Objects that the simulator keeps of a fault."""


class Held(msgspec.Struct, frozen=True):
    """What this process holds."""

    tasks: int
    files: int
    objects: int
    resident_kib: int


def held() -> Held:
    """Garbage is collected before; 0 where nothing tells."""
    gc.collect()
    proc = os.path.isdir("/proc/self/fd")
    files = len(os.listdir("/proc/self/fd")) if proc else 0
    resident = int(Path("/proc/self/statm").read_text().split()[1]) * 4 if proc else 0
    return Held(len(asyncio.all_tasks()), files, len(gc.get_objects()), resident)


async def reconnects(venue: str) -> None:
    """Every connection ends again and again; what is held after a fifth of it is what is held at the end."""
    count = 500 if THOROUGH else 25
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualLoop)
    market = Market(SERVED[venue]().contracts[:2], 3, depth=20, moves_per_s=5.0, kept=64)
    async with VenueServer(venue, market=market, speed=1.0, step_s=0.2, limits=Limits()) as server:
        books = Follower(server, 1e9)
        settings = LiveSettings(venue, endpoints=(server.base,))
        source = WatchedSource(settings, LoopClock(loop, market.now_ns), books)
        feeding = asyncio.create_task(BatchReader(source).feed())
        sizes = []
        try:
            assert await until(books, lambda: books.live >= {*market.walks}, 30)
            for number in range(1, count + 1):
                server.inject(Fault("cut", times=1))
                assert await until(books, lambda: not books.live, 10)
                assert await until(books, lambda: books.live >= {*market.walks}, 60)
                if number % (count // 5) == 0:
                    sizes.append(held())
            done = min(lane.reconnects for lane in source.status().lanes)
        finally:
            feeding.cancel()
            await asyncio.gather(feeding, return_exceptions=True)
    first, last = sizes[0], sizes[-1]
    print(f"{venue}: {done} reconnects of each connection; held at each fifth {sizes}")
    assert done >= count
    assert abs(last.tasks - first.tasks) <= 4
    assert abs(last.files - first.files) <= 4
    struck = SIMULATED * (count - count // 5)
    assert last.objects - first.objects <= struck + 100
    assert not THOROUGH or last.resident_kib - first.resident_kib <= 4096  # less is the allocator's


@pytest.mark.parametrize("venue", NAMES if THOROUGH else ["kraken", "binance_usdm"])
def test_reconnects_leave_nothing_behind(venue: str) -> None:
    run_virtually(reconnects(venue), 600)

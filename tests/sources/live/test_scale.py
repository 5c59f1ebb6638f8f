"""Many instruments within the plan and the venue's limits; many reconnects without a leak."""

import asyncio
import gc
import os

import pytest

from deltawire.testing.simulators import SERVED
from deltawire.testing.simulators.market import Contract
from deltawire.testing.venue_server import Fault, Market
from tests.support.effort import THOROUGH
from tests.support.live_harness import LiveHarness

NAMES = {"okx": "C{}-USDT", "binance_usdm": "C{}USDT", "kraken": "C{}/USD", "bybit_linear": "C{}USDT"}


@pytest.mark.parametrize("venue", NAMES)
async def test_many_instruments_are_up_within_the_plan_and_no_limit_is_exceeded(venue: str) -> None:
    """300 where it is thorough: USD-M takes two minutes of REST weight for them."""
    count = 300 if THOROUGH else 60
    like = SERVED[venue]().contracts[0]
    contracts = [
        Contract(
            NAMES[venue].format(n), like.price_exponent, like.size_exponent, like.start, like.step, like.lot
        )
        for n in range(count)
    ]
    market = Market(contracts, 3, depth=20, moves_per_s=0.5)
    async with LiveHarness(venue, market=market, speed=1.0, step_s=0.5) as live:
        await live.until(lambda: live.source.status().lanes)
        began = live.clock.now()
        planned_s = live.source.plan().seconds
        await live.until_live()
        took_s = (live.clock.now() - began) / 1e9
        print(f"{venue}: {count} books live after {took_s:.1f} s, planned {planned_s:.1f} s")
        assert not live.server.tally.violations
        assert not live.faults()
        if THOROUGH:
            assert took_s < planned_s * 1.5 + 10


def open_files() -> int:
    """Of this process; 0 where nothing tells."""
    return len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0


async def test_reconnects_leave_nothing_behind() -> None:
    count = 500 if THOROUGH else 25
    async with LiveHarness("kraken", speed=1.0, limits=None) as live:
        await live.until_live()
        live.server.limits = type(live.server.limits)()  # 500 connects are more than the venue allows
        sizes = []
        for number in range(count):
            live.server.inject(Fault("cut", times=1))
            await live.until(lambda number=number: live.source.status().lanes[0].reconnects == number + 1)
            live.clock.pass_s(10)
            if number in (count // 5, count - 1):
                await live.until_live()
                live.events.clear()
                live.batches.clear()
                gc.collect()
                sizes.append((len(asyncio.all_tasks()), open_files(), len(gc.get_objects())))
        (tasks, files, objects), (tasks_then, files_then, objects_then) = sizes
        assert abs(tasks_then - tasks) <= 4
        assert abs(files_then - files) <= 4
        assert objects_then < objects * 1.1 + 1000

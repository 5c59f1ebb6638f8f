"""The exchange's time, between what its speed asks for and what its market can follow; and others' turns."""

import asyncio

from deltawire.ports import Wants
from deltawire.sources.simulated import MOST_TURNS, PublicEvents, SimulatedClock, SimulatedSource
from tests.support.trading import Exchange
from tests.support.transports import StillClock

SECOND = 1_000_000_000
BEGIN = 1_000 * SECOND


def test_time_passes_at_the_speed_asked_for() -> None:
    wall = StillClock(BEGIN)
    clock = SimulatedClock(wall, speed=10.0)
    wall.now_ns += SECOND // 20
    assert clock.now() == clock.due() == BEGIN + SECOND // 2


def test_it_goes_on_where_it_stopped() -> None:
    assert SimulatedClock(StillClock(BEGIN), start_ns=BEGIN + 7).now() == BEGIN + 7


def test_it_waits_for_a_market_that_is_behind() -> None:
    wall = StillClock(BEGIN)
    clock = SimulatedClock(wall, speed=100.0)
    wall.now_ns += SECOND // 2
    clock.reached(BEGIN + 3 * SECOND, clock.due())
    wall.now_ns += SECOND // 2
    assert (clock.now(), clock.due()) == (BEGIN + 3 * SECOND, BEGIN + 100 * SECOND)
    assert clock.behind_s() == 0.5


def test_it_is_on_time_again_when_the_market_has_caught_up() -> None:
    wall = StillClock(BEGIN)
    clock = SimulatedClock(wall)
    wall.now_ns += 30 * SECOND
    clock.reached(BEGIN + 3 * SECOND, clock.due())
    clock.reached(clock.due(), clock.due())
    wall.now_ns += SECOND // 10
    assert clock.now() == clock.due() == wall.now_ns
    assert clock.behind_s() == 0.0


def test_a_process_that_was_stopped_does_not_skip_hours() -> None:
    wall = StillClock(BEGIN)
    clock = SimulatedClock(wall, speed=2.0)
    wall.now_ns += 3_600 * SECOND
    assert clock.now() == BEGIN + SECOND


def test_it_never_falls() -> None:
    wall = StillClock(BEGIN)
    clock = SimulatedClock(wall)
    wall.now_ns += SECOND
    before = clock.now()
    clock.reached(BEGIN + SECOND // 2, clock.due())
    assert clock.now() == before


# Turns.


class BusyAgents:
    """A flow that always has more to do, and notes its turns."""

    def __init__(self, notes: list[str]) -> None:
        self._notes = notes

    def step(self, now: int) -> int:
        """See `Flow`."""
        self._notes.append("market")
        return now - 1


async def test_orders_come_in_between_the_moments_of_a_busy_market() -> None:
    notes: list[str] = []
    public = PublicEvents()
    service = Exchange(public=public.put).service
    source = SimulatedSource(
        service,
        public,
        BusyAgents(notes),
        poll=lambda: None,
        clock=SimulatedClock(StillClock(BEGIN)),
    )

    async def others() -> None:
        while True:
            notes.append("others")
            await asyncio.sleep(0)

    events = source.events(Wants())
    await anext(events)
    tasks = [asyncio.ensure_future(each) for each in (anext(events), others())]
    for _ in range(3 * MOST_TURNS):
        await asyncio.sleep(0)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    ours = "".join(note[0] for note in notes)
    assert "mm" not in ours
    assert ours.count("m") == MOST_TURNS

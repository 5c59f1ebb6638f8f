"""The exchange's own market shares the loop: others have their turn between its moments."""

import asyncio

from deltawire.ports import Wants
from deltawire.sources.simulated import MOST_TURNS, SimulatedSource
from tests.support.trading import Exchange


class Busy:
    """A flow that always has more to do, and notes its turns."""

    def __init__(self, notes: list[str]) -> None:
        self._notes = notes

    def step(self, now: int) -> bool:
        """See `Flow`."""
        self._notes.append("market")
        return True


async def test_orders_come_in_between_the_moments_of_a_busy_market() -> None:
    notes: list[str] = []
    source = SimulatedSource(Exchange().floor, Busy(notes), lambda: None)

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

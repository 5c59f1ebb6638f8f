"""What analytics cost a server: processor time per second of a market of 100 books that change 1,000 times a second.

Without sockets and in the market's time, so that it depends little on what else the machine does.
"""

import asyncio
import statistics
import time

from bench.servers.gateway_analytics import FAMILIES, INSTRUMENTS, BookSource
from deltawire.ports import Batch
from deltawire.roles.gateway import App

START_NS = 1_700_000_000_000_000_000
BATCH_NS = 4_000_000
SECOND_NS = 1_000_000_000
BEFORE_S, SECONDS = 12, 10
"""Until the predictions are scored; and what is measured."""


def main(rounds: int) -> None:
    """Measure and print."""
    times: dict[str, list[float]] = {wanted: [] for wanted in FAMILIES}
    for _ in range(max(3, rounds // 6)):
        for wanted, taken in times.items():
            taken.append(asyncio.run(load_ms(wanted, BEFORE_S, SECONDS)))
    print(
        f"\n  Server with {INSTRUMENTS} books and 1,000 updates/s: ms of processor time per second of the market"
    )
    for wanted, taken in times.items():
        count = INSTRUMENTS * len(FAMILIES[wanted])
        name = f"{count} channels of figures, 1s ({wanted})" if count else "no figures"
        print(f"    {name:44s}{statistics.median(taken):8.1f}")


async def load_ms(wanted: str, before_s: int, seconds: int) -> float:
    """Milliseconds of processor time per second."""
    source = BookSource(wanted)
    app = source.app = App([source], derivations=source.derivations)
    at_ns = START_NS
    await app.publish(Batch(source.venue, at_ns, source.images(at_ns)))
    source.subscribe()
    begun = 0.0
    for number in range((before_s + seconds) * SECOND_NS // BATCH_NS):
        if number == before_s * SECOND_NS // BATCH_NS:
            begun = time.process_time()
        at_ns += BATCH_NS
        await app.publish(Batch(source.venue, at_ns, source.changes(at_ns)))
    return (time.process_time() - begun) / seconds * 1e3

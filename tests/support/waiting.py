"""How tests wait: for what happens, however long that takes; only a hang is cut off."""

import asyncio
import time
from collections.abc import Callable

HANG_S = 120.0
"""What has not come by then never will, on a busy machine either; it says of nothing how fast it should be."""
LOOK_EVERY_S = 0.005


async def until(happened: Callable[[], object]) -> None:
    """Wait for what nobody tells of."""
    async with asyncio.timeout(HANG_S):
        while not happened():  # noqa: ASYNC110 (nobody tells)
            await asyncio.sleep(LOOK_EVERY_S)


def wait_until(happened: Callable[[], object], *, times: int = 1) -> None:
    """The same where no loop runs; `times` as long where it is to take minutes."""
    end = time.monotonic() + times * HANG_S
    while not happened():
        assert time.monotonic() < end, "it never happened"
        time.sleep(LOOK_EVERY_S)

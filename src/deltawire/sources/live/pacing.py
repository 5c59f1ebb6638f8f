"""Waiting for budgets."""

import asyncio
from collections.abc import Sequence

from deltawire.ports import Clock
from deltawire.venues.live.allowance import SECOND_NS, Allowance

LONGEST_SLEEP_S = 0.5
"""Then the budget is looked at again: what blocks it may have changed."""


async def afford(budgets: Sequence[Allowance | None], cost: int, clock: Clock) -> None:
    """Wait until every budget allows this much, and take it."""
    stated = [budget for budget in budgets if budget is not None]
    while True:
        wait_ns = max((budget.wait_ns(cost, clock.now()) for budget in stated), default=0)
        if wait_ns <= 0:
            break
        await asyncio.sleep(min(LONGEST_SLEEP_S, wait_ns / SECOND_NS))
    for budget in stated:
        budget.take(cost, clock.now())

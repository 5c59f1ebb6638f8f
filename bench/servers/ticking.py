"""How every Python server ticks: as often as its loop turns, and never far ahead of those who read."""

import asyncio
import os
import sys
import threading
from collections.abc import AsyncIterator, Callable

from bench.servers.message import FRAME

REST_S = 0.02
DRAIN_S = 0.0005
SLACK_BYTES = 64 * 1024
"""How much may be published to each connection between two looks at the write buffers."""


class Orders:
    """How many messages a tick publishes, as the last line of standard input says; 0 rests, its end is ours."""

    def __init__(self) -> None:
        self.messages = 0
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        for line in sys.stdin:
            self.messages = int(line)
        os._exit(0)


class Slack:
    """Counts what is published, and says when the write buffers must be looked at."""

    def __init__(self) -> None:
        self._bytes = 0

    def spent(self, messages: int) -> bool:
        """Whether this tick's messages go beyond the slack; if so it begins anew."""
        self._bytes += messages * len(FRAME)
        if self._bytes <= SLACK_BYTES:
            return False
        self._bytes = 0
        return True


async def ticks(drained: Callable[[], bool]) -> AsyncIterator[int]:
    """How many messages to publish now, tick after tick, the loop turning once between two.

    Whenever the slack is spent, waits until `drained` says that no connection has unsent bytes.
    """
    orders, slack = Orders(), Slack()
    while True:
        messages = orders.messages
        if not messages:
            await asyncio.sleep(REST_S)
            continue
        yield messages
        await asyncio.sleep(0)
        if slack.spent(messages):
            while not drained():  # noqa: ASYNC110 (transports tell their protocols, not us)
                await asyncio.sleep(DRAIN_S)

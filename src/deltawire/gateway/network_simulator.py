"""Simulated latency: requests arrive late or are lost, answers are delayed.

For tests of bots; `exchange/network_conditions` has the parameters. Notifications are not delayed.
"""

import asyncio
from collections import deque
from collections.abc import Callable

from deltawire.exchange.network_conditions import NetworkConditions, NetworkPath
from deltawire.model.random_stream import RandomStream
from deltawire.ports import Clock

ITEM_BYTES = 500
"""Approximate memory of a delayed item without its bytes."""


class NetworkSimulator:
    """The simulated network of one connection; it keeps the order of messages."""

    def __init__(self, conditions: NetworkConditions, chance: RandomStream, clock: Clock) -> None:
        self._requests = _Direction(NetworkPath(conditions, "order", chance), clock)
        self._answers = _Direction(NetworkPath(conditions, "feed", chance), clock)

    @property
    def bytes_under_way(self) -> int:
        """Approximate memory of the delayed requests and answers."""
        return self._requests.bytes + self._answers.bytes

    def request(self, act: Callable[[], None], size: int = 0) -> None:
        """Call `act` for a request of this size when it arrives; never, if it is lost."""
        self._requests.send(act, size)

    def answer(self, act: Callable[[], None], size: int = 0) -> None:
        """Call `act` for an answer of this size when it arrives."""
        self._answers.send(act, size)

    def after_answers(self, act: Callable[[], None]) -> None:
        """Call `act` after the answers in progress; it is never lost."""
        self._answers.follow(act)

    async def await_request(self) -> bool:
        """Wait for the arrival of a request; returns False if it is lost."""
        return await self._requests.wait()

    async def await_answer(self) -> bool:
        """Wait for the arrival of an answer; returns False if it is lost."""
        return await self._answers.wait()


class _Direction:
    """Delayed items in order, with one timer, because timers for the same moment have no order."""

    def __init__(self, line: NetworkPath, clock: Clock) -> None:
        self._line = line
        self._clock = clock
        self._under_way: deque[tuple[int, int, Callable[[], None]]] = deque()
        self.bytes = 0

    def send(self, act: Callable[[], None], size: int) -> None:
        at_ns = self._line.arrives(self._clock.now())
        if at_ns is None:
            return
        self._put(at_ns, size, act)
        if len(self._under_way) == 1:
            self._await_next()

    def follow(self, act: Callable[[], None]) -> None:
        if self._under_way:
            self._put(self._under_way[-1][0], 0, act)
        else:
            act()

    async def wait(self) -> bool:
        now = self._clock.now()
        at_ns = self._line.arrives(now)
        if at_ns is None:
            return False
        await asyncio.sleep((at_ns - now) / 1e9)
        return True

    def _put(self, at_ns: int, size: int, act: Callable[[], None]) -> None:
        size += ITEM_BYTES
        self._under_way.append((at_ns, size, act))
        self.bytes += size

    def _await_next(self) -> None:
        delay_ns = self._under_way[0][0] - self._clock.now()
        asyncio.get_running_loop().call_later(max(0, delay_ns) / 1e9, self._arrive)

    def _arrive(self) -> None:
        _, size, act = self._under_way.popleft()
        self.bytes -= size
        if self._under_way:
            self._await_next()
        act()

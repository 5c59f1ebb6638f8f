"""How far away clients are, on demand: their requests arrive late or never, their answers come back late.

For testing bots; see `exchange/network_conditions` for the values. Notifications are not delayed.
"""

import asyncio
from collections import deque
from collections.abc import Callable

from deltawire.exchange.network_conditions import NetworkConditions, NetworkPath
from deltawire.model.random_stream import RandomStream
from deltawire.ports import Clock

ITEM_BYTES = 500
"""About what something under way takes beside its bytes."""


class NetworkSimulator:
    """One connection's way to the exchange and back; what arrives keeps its order."""

    def __init__(self, conditions: NetworkConditions, chance: RandomStream, clock: Clock) -> None:
        self._requests = _Direction(NetworkPath(conditions, "order", chance), clock)
        self._answers = _Direction(NetworkPath(conditions, "feed", chance), clock)

    @property
    def bytes_under_way(self) -> int:
        """About how much memory the requests and answers take that have not arrived yet."""
        return self._requests.bytes + self._answers.bytes

    def request(self, act: Callable[[], None], size: int = 0) -> None:
        """Act on a request of so many bytes when it has arrived; never, when it is lost."""
        self._requests.send(act, size)

    def answer(self, act: Callable[[], None], size: int = 0) -> None:
        """The same of what goes back."""
        self._answers.send(act, size)

    def after_answers(self, act: Callable[[], None]) -> None:
        """Act behind the answers that are under way; that is never lost."""
        self._answers.follow(act)

    async def await_request(self) -> bool:
        """Wait for a request's arrival; False when it is lost."""
        return await self._requests.wait()

    async def await_answer(self) -> bool:
        """The same of its answer."""
        return await self._answers.wait()


class _Direction:
    """What is under way, in its order: one timer, because timers of the same moment have none."""

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

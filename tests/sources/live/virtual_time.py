"""An event loop whose time jumps to what is due next whenever nothing is ready: a day passes as fast as it is computed.

Sockets are real: what was sent on loopback is read before time goes on. While a thread works, time stands still.
"""

import asyncio
import selectors
import time
from collections.abc import Callable, Coroutine
from typing import Any

PATIENCE_S = 0.005
"""How long a turn waits for the machine where nothing is due, or a thread works."""


class _Selector(selectors.DefaultSelector):
    """Says how long it would have waited, in place of waiting."""

    loop: "VirtualLoop"

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        found = super().select(0)
        if found or timeout == 0:
            return found
        if timeout is None or self.loop.working:
            return super().select(PATIENCE_S)
        self.loop.skip(timeout)
        return found


class VirtualLoop(asyncio.SelectorEventLoop):
    """Time is what was skipped and nothing else."""

    def __init__(self) -> None:
        selector = _Selector()
        selector.loop = self
        self._now_s = 0.0
        self.working = 0
        """Threads that work for it."""
        super().__init__(selector)

    def time(self) -> float:
        """Seconds since its beginning."""
        return self._now_s

    def skip(self, seconds: float) -> None:
        """Nothing happens for so long."""
        self._now_s += max(0.0, seconds)

    def run_in_executor(self, executor: Any, func: Callable[..., Any], *args: Any) -> "asyncio.Future[Any]":
        """As always; time waits for it."""
        future = super().run_in_executor(executor, func, *args)
        self.working += 1
        future.add_done_callback(self._worked)
        return future

    def _worked(self, future: "asyncio.Future[Any]") -> None:
        self.working -= 1


class LoopClock:
    """The loop's time as nanoseconds since 1970."""

    def __init__(self, loop: VirtualLoop, start_ns: int) -> None:
        self._loop, self._start_ns = loop, start_ns

    def now(self) -> int:
        """Nanoseconds since 1970."""
        return self._start_ns + int(self._loop.time() * 1e9)

    def wall(self) -> int:
        """The same."""
        return self.now()


def run_virtually(main: Coroutine[Any, Any, Any], most_s: float) -> float:
    """Run to the end, `TimeoutError` after so many seconds of the machine; returns how long it took."""
    started = time.monotonic()

    async def bounded() -> None:
        task = asyncio.ensure_future(main)
        while not task.done():
            await asyncio.wait([task], timeout=60)
            if time.monotonic() - started > most_s:
                task.cancel()
                raise TimeoutError(f"not over after {most_s:g} s")
        task.result()

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(bounded())
    return time.monotonic() - started

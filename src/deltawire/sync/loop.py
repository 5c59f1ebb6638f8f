"""An event loop in a thread."""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

T = TypeVar("T")


class LoopThread:
    """Runs an event loop in a thread of its own, until `stop`."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="deltawire", daemon=True)
        self._handlers = ThreadPoolExecutor(thread_name_prefix="deltawire-handler")
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """What a coroutine returns there; interrupted here it is cancelled there."""
        if threading.current_thread() is self._thread:
            work.close()
            raise RuntimeError("this would wait for itself: deltawire.sync is not for coroutines")
        future: Future[T] = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise

    def ask(self, question: Callable[[], T]) -> T:
        """What a function returns there, between two changes of what it looks at."""

        async def answer() -> T:
            return question()

        return self.run(answer())

    def handle(self, work: Callable[[], None]) -> "asyncio.Future[None]":
        """Run what may wait in a thread of its own, so that it may use the facade; called in the loop."""
        return self._loop.run_in_executor(self._handlers, work)

    def stop(self) -> None:
        """End the thread; a handler that is at work ends by itself."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._handlers.shutdown(wait=False, cancel_futures=True)
        self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        self._loop.close()

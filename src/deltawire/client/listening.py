"""Callbacks: a handler that is called with every item of a subscription."""

import asyncio
import contextlib
import inspect
from collections.abc import Awaitable, Callable

from deltawire.client.items import Item
from deltawire.client.subscription import Subscription

Handler = Callable[[Item], Awaitable[None] | None]
OnError = Callable[[Exception], None]


class Listener:
    """Calls a handler with every item, in order, one at a time; `close` ends that.

    An exception of the handler is given to `error`, and the next item follows. Without `error` it ends the listening,
    as does what ends an iteration; `wait` waits for the end and raises it, and so does the end of the block.
    """

    def __init__(self, subscription: Subscription, handler: Handler, error: OnError | None = None) -> None:
        self.subscription = subscription
        self._handler = handler
        self._error = error
        self._raised = False
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def wait(self) -> None:
        """Wait for the end, and raise why, if it was an error."""
        await asyncio.wait([self._task])
        self.check()

    def check(self) -> None:
        """Raise what has ended it, once."""
        if self._task.done() and not self._task.cancelled() and not self._raised:
            self._raised = True
            if (error := self._task.exception()) is not None:
                raise error

    async def close(self) -> None:
        """Call the handler no more."""
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError, Exception):
            await self._task
        await self.subscription.close()

    async def _run(self) -> None:
        try:
            async for item in self.subscription:
                try:
                    waited = self._handler(item)
                    if inspect.isawaitable(waited):
                        await waited
                except Exception as error:
                    if self._error is None:
                        raise
                    self._error(error)
        except Exception as error:
            if self._error is None:
                raise
            self._error(error)

    def __repr__(self) -> str:
        return f"Listener({'ended' if self._task.done() else 'listening'}: {self.subscription!r})"

"""A feed: the notifications of some channels as they come, across as many connections as it takes."""

import weakref
from collections.abc import AsyncGenerator
from inspect import isasyncgen
from pathlib import Path
from typing import Self

from deltawire.client.client import Login
from deltawire.client.items import Gap, Outage, Recovered
from deltawire.client.subscription import Subscription
from deltawire.client.targets import Servers
from deltawire.errors import FeedError
from deltawire.session.client import Notification
from deltawire.session.notification_queue import MOST, OnFull

Item = Notification | Outage | Gap


class Feed:
    """Iterate over it for notifications, in order and each once, with a `Gap` where that was not possible.

    It is a `Subscription` that decodes nothing; `deltawire.open` gives events. A first attempt that fails ends it. As
    a context manager (`async with Feed(…) as feed`) it closes its connection at the end of the block, however that is
    left; an iteration that is left by `break` outside a block closes it, too.
    """

    def __init__(
        self,
        url: str,
        *channels: str,
        binary: bool = False,
        login: Login | None = None,
        proven: bool = False,
        queue: int = MOST,
        on_full: OnFull = "conflate",
        cafile: str | Path | None = None,
    ) -> None:
        servers = Servers([url], login=login, proven=proven, binary=binary, cafile=cafile)
        self._subscription = Subscription(servers, channels, queue=queue, on_full=on_full, typed=False)
        self._items: weakref.ref[AsyncGenerator[Item]] | None = None
        """The iteration, as a weak reference, so that one that is left by `break` without a block is collected."""

    def __aiter__(self) -> AsyncGenerator[Item]:
        """Notifications, outages and gaps in order; one iteration at a time."""
        items = self._run()
        self._items = weakref.ref(items)
        return items

    async def __aenter__(self) -> Self:
        """Return the feed, which is closed at the end of the block."""
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connection, now; an iteration that is under way ends with `FeedError`, as does any after it."""
        await self._subscription.close()
        items = self._items() if self._items else None
        if isasyncgen(items) and not items.ag_running:
            await items.aclose()

    async def _run(self) -> AsyncGenerator[Item]:
        subscription = self._subscription
        try:
            if not (subscription.ready.is_set() or subscription.closed):
                await subscription.start()
            async for item in subscription.notifications():
                if not isinstance(item, Recovered):
                    yield item
        finally:
            await subscription.let_go()
        raise FeedError("the feed is closed", retry=False)

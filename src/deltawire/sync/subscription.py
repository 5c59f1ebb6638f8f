"""A subscription without `await`."""

from collections.abc import Iterator

from deltawire.client.collected import Collected
from deltawire.client.items import Item, RawItem
from deltawire.client.subscription import Subscription as AsyncSubscription
from deltawire.sync.loop import LoopThread


class Subscription:
    """See `deltawire.Subscription`."""

    def __init__(self, loop: LoopThread, subscription: AsyncSubscription) -> None:
        self._loop = loop
        self._subscription = subscription

    @property
    def granted(self) -> list[str]:
        """The channels and patterns that the other side has accepted."""
        return self._subscription.granted

    @property
    def unread(self) -> int:
        """How many notifications wait to be read."""
        return self._subscription.unread

    def add(self, *channels: str) -> None:
        """Subscribe to more."""
        self._loop.run(self._subscription.add(*channels))

    def remove(self, *channels: str) -> None:
        """Leave channels."""
        self._loop.run(self._subscription.remove(*channels))

    def collect(self, *, seconds: float) -> Collected:
        """What comes within so many seconds, or until it ends: a list that tables can be made of."""
        return self._loop.run(self._subscription.collect(seconds=seconds))

    def notifications(self) -> Iterator[RawItem]:
        """The notifications as they came, instead of events."""
        notes = self._subscription.notifications()

        async def one() -> RawItem | None:
            return await anext(notes, None)

        while (note := self._loop.run(one())) is not None:
            yield note

    def close(self) -> None:
        """Leave everything."""
        self._loop.run(self._subscription.close())

    def __iter__(self) -> Iterator[Item]:
        """Events, and `Outage`, `Gap` and `Recovered`, as they come."""

        async def one() -> Item | None:
            return await anext(self._subscription, None)

        while (item := self._loop.run(one())) is not None:
            yield item

    def __repr__(self) -> str:
        return repr(self._subscription)

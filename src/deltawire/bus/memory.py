"""The brokers inside one process: of market data, and of account events."""

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from fnmatch import fnmatchcase
from itertools import islice

from deltawire.errors import PublishError
from deltawire.model.account_events import AccountEvent, AccountId
from deltawire.ports import Batch

TOPIC = "md.v1"
"""What the topics of market data begin with; the venue follows."""
Listener = Callable[[Batch], None]
AccountListener = Callable[[AccountId, Iterable[AccountEvent]], None]


class MemoryBroker:
    """Calls listeners within `publish`, in the order of subscription; keeps the newest `kept` batches per topic."""

    def __init__(self, kept: int = 0) -> None:
        self._kept = kept
        self._numbers: dict[str, int] = {}
        self._history: dict[str, deque[Batch]] = {}
        self._subscriptions: dict[object, tuple[str, Listener]] = {}
        self._routes: dict[str, list[Listener]] = {}

    def publish(self, topic: str, batch: Batch, expected: int | None = None) -> int:
        """Number a batch and call the listeners; `PublishError` if `expected` is not the newest number."""
        newest = self._numbers.get(topic, 0)
        if expected is not None and expected != newest:
            raise PublishError(topic, expected, newest)
        self._numbers[topic] = newest + 1
        if self._kept:
            self._history.setdefault(topic, deque(maxlen=self._kept)).append(batch)
        listeners = self._routes.get(topic)
        if listeners is None:
            listeners = self._routes[topic] = [
                listener for pattern, listener in self._subscriptions.values() if fnmatchcase(topic, pattern)
            ]
        for listener in listeners:
            listener(batch)
        return newest + 1

    def subscribe(self, pattern: str, listener: Listener) -> Callable[[], None]:
        """Call `listener` with later batches of topics that match the pattern (`fnmatch`); returns how to end it."""
        key = object()
        self._subscriptions[key] = (pattern, listener)
        self._routes.clear()

        def end() -> None:
            self._subscriptions.pop(key, None)
            self._routes.clear()

        return end

    def newest(self, topic: str) -> int:
        """The number of a topic's newest batch; 0 before the first."""
        return self._numbers.get(topic, 0)

    def history(self, topic: str, after: int) -> Sequence[Batch] | None:
        """The batches after number `after`, oldest first; None if they are not all kept."""
        kept = self._history.get(topic, ())
        count = self.newest(topic) - after
        if not 0 <= count <= len(kept):
            return None
        return list(islice(kept, len(kept) - count, None))


class MemoryAccountBroker:
    """Calls every listener with `(account, events)` within `publish`, in the order of subscription."""

    def __init__(self) -> None:
        self._listeners: list[AccountListener] = []

    def publish(self, account: AccountId, events: Iterable[AccountEvent]) -> None:
        """Call all listeners; an exception of one propagates to the publisher."""
        for listener in self._listeners:
            listener(account, events)

    def subscribe(self, listener: AccountListener) -> None:
        """Add a listener for all later events, for the life of the broker."""
        self._listeners.append(listener)

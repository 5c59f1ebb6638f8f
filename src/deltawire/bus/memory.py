"""The broker inside one process."""

from collections.abc import Callable
from fnmatch import fnmatchcase

from deltawire.ports import Batch

Listener = Callable[[Batch], None]


class MemoryBroker:
    """Hands each batch over at once, in the publisher's own call."""

    def __init__(self) -> None:
        self._subscriptions: dict[object, tuple[str, Listener]] = {}
        self._routes: dict[str, list[Listener]] = {}

    def publish(self, topic: str, batch: Batch) -> None:
        """See `deltawire.ports.Broker`."""
        listeners = self._routes.get(topic)
        if listeners is None:
            listeners = self._routes[topic] = [
                listener for pattern, listener in self._subscriptions.values() if fnmatchcase(topic, pattern)
            ]
        for listener in listeners:
            listener(batch)

    def subscribe(self, pattern: str, listener: Listener) -> Callable[[], None]:
        """See `deltawire.ports.Broker`."""
        key = object()
        self._subscriptions[key] = (pattern, listener)
        self._routes.clear()

        def end() -> None:
            self._subscriptions.pop(key, None)
            self._routes.clear()

        return end

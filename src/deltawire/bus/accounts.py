"""Carries account events from the exchange to listeners in the same process."""

from collections.abc import Callable, Iterable

from deltawire.model.account_events import AccountEvent, AccountId

Listener = Callable[[AccountId, Iterable[AccountEvent]], None]


class MemoryAccountBroker:
    """Calls every listener with `(account, events)` within `publish`, in the order of subscription."""

    def __init__(self) -> None:
        self._listeners: list[Listener] = []

    def publish(self, account: AccountId, events: Iterable[AccountEvent]) -> None:
        """Call all listeners; an exception of one propagates to the publisher."""
        for listener in self._listeners:
            listener(account, events)

    def subscribe(self, listener: Listener) -> None:
        """Add a listener for all later events, for the life of the broker."""
        self._listeners.append(listener)

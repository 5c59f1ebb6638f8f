"""Carries account events from the exchange to those who listen, inside one process."""

from collections.abc import Callable, Iterable

from deltawire.model.account_events import AccountEvent, AccountId

Listener = Callable[[AccountId, Iterable[AccountEvent]], None]


class MemoryAccountBroker:
    """Hands each account's events over at once, in the publisher's own call."""

    def __init__(self) -> None:
        self._listeners: list[Listener] = []

    def publish(self, account: AccountId, events: Iterable[AccountEvent]) -> None:
        """See `deltawire.ports.AccountBroker`."""
        for listener in self._listeners:
            listener(account, events)

    def subscribe(self, listener: Listener) -> None:
        """See `deltawire.ports.AccountBroker`."""
        self._listeners.append(listener)

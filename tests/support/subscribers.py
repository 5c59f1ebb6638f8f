"""Members of a hub whose sinks remember."""

from typing import Any

from deltawire.dialect.grammar import parse_channel
from deltawire.fanout.hub import Hub
from deltawire.fanout.subscribers import Subscriber
from tests.support.frames import messages_in


class Inbox:
    """A sink that keeps every write, and the subscriber behind which it stands."""

    def __init__(self) -> None:
        self.writes: list[bytes] = []
        self.subscriber = Subscriber(self)

    def write(self, data: bytes) -> None:
        """See `Sink`."""
        self.writes.append(data)

    def take(self) -> list[dict[str, Any]]:
        """Every message that has come since the last call."""
        data, self.writes = b"".join(self.writes), []
        return messages_in(data)

    def notes(self, channel: str) -> list[dict[str, Any]]:
        """The same, only one channel's notifications: their `params`."""
        return [note["params"] for note in self.take() if note["params"]["channel"] == channel]

    def data(self, channel: str) -> list[Any]:
        """The same, only what the notifications carry."""
        return [note["data"] for note in self.notes(channel)]


def join(hub: Hub, inbox: Inbox, *channels: str) -> None:
    """Subscribe to channels by name."""
    keys = [parse_channel(channel) for channel in channels]
    assert None not in keys, f"no channels: {channels}"
    hub.join(inbox.subscriber, [key for key in keys if key is not None])


def joined(hub: Hub, *channels: str) -> Inbox:
    """A new subscriber of these channels."""
    inbox = Inbox()
    join(hub, inbox, *channels)
    return inbox

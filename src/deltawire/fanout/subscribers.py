"""Subscribers and groups: connections with the same subscriptions share one buffer per tick.

Publishing appends a frame to every group of a channel; `flush` joins each group's frames once and writes the
result to each subscriber. Before a subscriber changes its subscriptions, its groups are flushed, so it gets exactly
what it was subscribed to at each time.

A subscriber that has fallen behind (it has an outbox) gets only frames that cannot be merged: see
`deltawire.fanout.outbox`.
"""

from collections.abc import Callable, Iterable
from typing import Any, Protocol

Encoding = str
JSON: Encoding = "json"
MOST_CHANNELS = 10_000


class Sink(Protocol):
    """The output of a subscriber's bytes."""

    def write(self, data: bytes) -> None:
        """Accept whole WebSocket frames; never blocks, never raises."""


class Backlog(Sink, Protocol):
    """The sink of a subscriber that is behind: see `deltawire.fanout.outbox`."""

    bytes: int

    def age(self, now: int) -> int:
        """How long the oldest queued bytes have waited, in the units of `now`."""

    def owe(self, channel: Any, *, image: bool = False) -> None:
        """Owe everything that a channel publishes from now on; with `image`, an image first."""

    def published(self, channel: Any) -> None:
        """A channel that is owed has published a notification."""


Write = Callable[[bytes], None]
MakeWrite = Callable[[tuple[Sink, ...]], Write]


def write_to_each(sinks: tuple[Sink, ...]) -> Write:
    """Writes to all sinks, one after the other.

    `write` is looked up where it is called: with a thousand subscribers every object touched on the way is a cache
    line fetched.
    """

    def write(data: bytes) -> None:
        for sink in sinks:
            sink.write(data)

    return write


class Group:
    """Subscribers with exactly the same channels; `kept` are the frames that cannot be merged."""

    __slots__ = ("_make_write", "_slow", "_write", "channels", "frames", "kept", "subscribers")

    def __init__(self, channels: frozenset[str], make_write: MakeWrite) -> None:
        self.channels = channels
        self._make_write = make_write
        self.frames: list[bytes] = []
        self.kept: list[bytes] = []
        self.subscribers: dict[Subscriber, None] = {}
        self._write: Write | None = None
        self._slow: tuple[Sink, ...] = ()

    def add(self, subscriber: "Subscriber") -> None:
        """A subscriber gets this group's frames from now on."""
        self.subscribers[subscriber] = None
        self._write = None

    def remove(self, subscriber: "Subscriber") -> None:
        """A subscriber gets no more frames of this group; `KeyError` if it is not in it."""
        del self.subscribers[subscriber]
        self._write = None

    def rebind(self) -> None:
        """A subscriber has another sink."""
        self._write = None

    def write(self) -> int:
        """Write the collected frames, one write per subscriber; returns the bytes written to each.

        The function that writes to all subscribers is kept from tick to tick.
        """
        frames, self.frames = self.frames, []
        kept, self.kept = self.kept, []
        data = frames[0] if len(frames) == 1 else b"".join(frames)
        if self._write is None:
            self._write = self._make_write(
                tuple(subscriber.sink for subscriber in self.subscribers if subscriber.outbox is None)
            )
            self._slow = tuple(
                subscriber.sink for subscriber in self.subscribers if subscriber.outbox is not None
            )
        slow = self._slow
        self._write(data)
        for sink in slow:
            for frame in kept:
                sink.write(frame)
        return len(data)


class Subscriber:
    """One connection in the fan-out: the addresses of the channels that it is on, and of those that it waits for.

    `resumes`: it has asked for positions. While it is behind, its sink is its `outbox`. `crowded` is called when its
    patterns match more than `most_channels`.
    """

    __slots__ = (
        "channels",
        "crowded",
        "encoding",
        "group",
        "most_channels",
        "outbox",
        "resumes",
        "sink",
        "waiting",
    )

    def __init__(
        self,
        sink: Sink,
        encoding: Encoding = JSON,
        *,
        most_channels: int = MOST_CHANNELS,
        crowded: Callable[[], None] = lambda: None,
    ) -> None:
        self.sink = sink
        self.most_channels = most_channels
        self.crowded = crowded
        self.encoding = encoding
        self.channels: frozenset[str] = frozenset()
        self.waiting: set[str] = set()
        self.resumes = False
        self.outbox: Backlog | None = None
        self.group: Group | None = None


class Traffic:
    """Frames and bytes passed to subscribers since the start, counted per group and tick."""

    __slots__ = ("bytes", "deliveries")

    def __init__(self) -> None:
        self.deliveries = 0
        self.bytes = 0


class SubscriberGroups:
    """All groups, by their channels, and those that have frames to write.

    `make_write` returns a function that writes the same bytes to all of the given sinks.
    """

    def __init__(self, make_write: MakeWrite = write_to_each) -> None:
        self.traffic = Traffic()
        self._make_write = make_write
        self._groups: dict[frozenset[str], Group] = {}
        self._of_channel: dict[str, dict[Group, None]] = {}
        self._dirty: dict[Group, None] = {}

    def publish(self, channel: str, frame: bytes, *, merges: bool = False) -> None:
        """Send one frame to all on a channel at the next flush; if it `merges`, not to those that are behind."""
        for group in self._of_channel.get(channel, ()):
            if not group.frames:
                self._dirty[group] = None
            group.frames.append(frame)
            if not merges:
                group.kept.append(frame)

    def listens(self, channel: str) -> bool:
        """Whether the channel has subscribers."""
        return channel in self._of_channel

    def flush(self) -> None:
        """Write the frames of the tick, one write per subscriber."""
        while self._dirty:
            self._write(next(iter(self._dirty)))

    def flush_group_of(self, subscriber: Subscriber) -> None:
        """Write the frames that the subscriber's group holds."""
        if subscriber.group is not None:
            self._write(subscriber.group)

    def move(self, subscriber: Subscriber, channels: Iterable[str]) -> None:
        """Set the channels of a subscriber, by their addresses."""
        if subscriber.group is not None:
            self._write(subscriber.group)
            self._remove(subscriber, subscriber.group)
        subscriber.channels = frozenset(channels)
        subscriber.group = self._group(subscriber.channels) if subscriber.channels else None
        if subscriber.group is not None:
            self._write(subscriber.group)
            subscriber.group.add(subscriber)

    def rebind(self, subscriber: Subscriber) -> None:
        """The subscriber's sink has changed."""
        if subscriber.group is not None:
            subscriber.group.rebind()

    def _group(self, channels: frozenset[str]) -> Group:
        group = self._groups.get(channels)
        if group is None:
            group = self._groups[channels] = Group(channels, self._make_write)
            for channel in channels:
                self._of_channel.setdefault(channel, {})[group] = None
        return group

    def _remove(self, subscriber: Subscriber, group: Group) -> None:
        group.remove(subscriber)
        if group.subscribers:
            return
        del self._groups[group.channels]
        for channel in group.channels:
            del self._of_channel[channel][group]
            if not self._of_channel[channel]:
                del self._of_channel[channel]

    def _write(self, group: Group) -> None:
        if group in self._dirty:
            del self._dirty[group]
            subscribers = len(group.subscribers)
            self.traffic.deliveries += subscribers * len(group.frames)
            self.traffic.bytes += subscribers * group.write()

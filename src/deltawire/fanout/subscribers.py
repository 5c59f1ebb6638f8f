"""Subscribers and groups: connections with the same subscriptions share one buffer per tick.

Publishing appends a frame to every group of a channel; `flush` joins each group's frames once and writes the
result to each subscriber. Before a subscriber changes its subscriptions, its groups are flushed, so it gets exactly
what it was subscribed to at each time.

A subscriber that has fallen behind (it has an outbox) gets only frames that cannot be merged: see
`deltawire.fanout.outbox`.
"""

from collections.abc import Callable, Iterable, Set
from typing import Any, Protocol

Encoding = str
JSON: Encoding = "json"
MOST_CHANNELS = 10_000
NO_CHANNELS: Set[str] = frozenset()
_Key = tuple[int, int]


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
    """Subscribers with exactly the same channels; `kept` are the frames that cannot be merged.

    `key` says which channels these are: see `SubscriberGroups`.
    """

    __slots__ = ("_make_write", "_slow", "_write", "channels", "frames", "kept", "key", "subscribers")

    def __init__(self, key: _Key, channels: set[str], make_write: MakeWrite) -> None:
        self.key = key
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

    def rename(self, key: _Key, added: Iterable[str], removed: Iterable[str]) -> None:
        """All subscribers, of which there is one, have other channels now."""
        self.key = key
        self.channels.update(added)
        self.channels.difference_update(removed)

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
        self.waiting: Set[str] = NO_CHANNELS
        self.resumes = False
        self.outbox: Backlog | None = None
        self.group: Group | None = None

    def wait(self, address: str) -> None:
        """It waits for a channel."""
        if isinstance(self.waiting, set):
            self.waiting.add(address)
        else:
            self.waiting = {address}

    def wait_no_more(self, addresses: Iterable[str]) -> None:
        """It waits for none of these channels."""
        if isinstance(self.waiting, set):
            self.waiting.difference_update(addresses)
            if not self.waiting:
                self.waiting = NO_CHANNELS

    @property
    def channels(self) -> Set[str]:
        """The addresses of the channels that it is on, now."""
        return NO_CHANNELS if self.group is None else self.group.channels


class Traffic:
    """Frames and bytes passed to subscribers since the start, counted per group and tick."""

    __slots__ = ("bytes", "deliveries")

    def __init__(self) -> None:
        self.deliveries = 0
        self.bytes = 0


class SubscriberGroups:
    """All groups, by their channels, and those that have frames to write.

    `make_write` returns a function that writes the same bytes to all of the given sinks. Groups are found by the
    number of their channels and the XOR of their hashes, so that a subscriber with thousands of channels joins or
    leaves one in constant time; two groups of other channels with the same key are possible, and are not confused.
    """

    def __init__(self, make_write: MakeWrite = write_to_each) -> None:
        self.traffic = Traffic()
        self._make_write = make_write
        self._groups: dict[_Key, Group] = {}
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
        self.change(subscriber, joined=channels, left=set(subscriber.channels).difference(channels))

    def change(
        self, subscriber: Subscriber, joined: Iterable[str] = (), left: Set[str] = NO_CHANNELS
    ) -> None:
        """Add and remove channels of a subscriber, by their addresses; takes time for these, not for its others."""
        self.flush_group_of(subscriber)
        group, channels = subscriber.group, subscriber.channels
        added = [channel for channel in dict.fromkeys(joined) if channel not in channels]
        removed = [channel for channel in left if channel in channels]
        if not added and not removed:
            return
        count, digest = (0, 0) if group is None else group.key
        for channel in (*added, *removed):
            digest ^= hash(channel)
        key = (count + len(added) - len(removed), digest)
        if group is not None and len(group.subscribers) == 1 and key not in self._groups and key[0]:
            self._rekey(group, key, added, removed)
            return
        wanted = {*channels, *added}
        wanted.difference_update(removed)
        if group is not None:
            self._remove(subscriber, group)
        subscriber.group = self._group(key, wanted) if wanted else None
        if subscriber.group is not None:
            self._write(subscriber.group)
            subscriber.group.add(subscriber)

    def rebind(self, subscriber: Subscriber) -> None:
        """The subscriber's sink has changed."""
        if subscriber.group is not None:
            subscriber.group.rebind()

    def _group(self, key: _Key, channels: set[str]) -> Group:
        found = self._groups.get(key)
        if found is not None and found.channels == channels:
            return found
        group = Group(key, channels, self._make_write)
        if found is None:
            self._groups[key] = group
        self._register(group, channels)
        return group

    def _rekey(self, group: Group, key: _Key, added: Iterable[str], removed: Iterable[str]) -> None:
        """The only subscriber of a group has other channels now: change the group."""
        if self._groups.get(group.key) is group:
            del self._groups[group.key]
        group.rename(key, added, removed)
        self._groups[key] = group
        self._register(group, added)
        self._unregister(group, removed)

    def _remove(self, subscriber: Subscriber, group: Group) -> None:
        group.remove(subscriber)
        if group.subscribers:
            return
        if self._groups.get(group.key) is group:
            del self._groups[group.key]
        self._unregister(group, group.channels)

    def _register(self, group: Group, channels: Iterable[str]) -> None:
        for channel in channels:
            self._of_channel.setdefault(channel, {})[group] = None

    def _unregister(self, group: Group, channels: Iterable[str]) -> None:
        for channel in channels:
            groups = self._of_channel[channel]
            del groups[group]
            if not groups:
                del self._of_channel[channel]

    def _write(self, group: Group) -> None:
        if group in self._dirty:
            del self._dirty[group]
            subscribers = len(group.subscribers)
            self.traffic.deliveries += subscribers * len(group.frames)
            self.traffic.bytes += subscribers * group.write()

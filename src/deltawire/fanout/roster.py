"""Members and groups: connections with the same subscriptions share one buffer per tick.

Publishing appends a frame to every group of a channel; `flush` joins each group's frames once and writes the
result to each member. A member that changes its subscriptions has its groups flushed first, so that it gets
everything it was subscribed to until then and nothing else.
"""

from collections.abc import Iterable
from typing import Protocol


class Sink(Protocol):
    """Where a member's bytes go."""

    def write(self, data: bytes) -> None:
        """Take whole WebSocket frames; never blocks, never raises."""


class Group:
    """Members with exactly the same channels."""

    __slots__ = ("_sinks", "channels", "frames", "members")

    def __init__(self, channels: frozenset[str]) -> None:
        self.channels = channels
        self.frames: list[bytes] = []
        self.members: dict[Member, None] = {}
        self._sinks: tuple[Sink, ...] | None = None

    def changed(self) -> None:
        """Members have come or gone, or have other sinks."""
        self._sinks = None

    def write(self) -> int:
        """Write the frames that have gathered: one write per member. Returns the bytes that each got.

        The sinks stand ready from tick to tick, and `write` is looked up where it is called: with a thousand
        members every object touched on the way is a cache line fetched.
        """
        frames, self.frames = self.frames, []
        data = frames[0] if len(frames) == 1 else b"".join(frames)
        if self._sinks is None:
            self._sinks = tuple(member.sink for member in self.members)
        for sink in self._sinks:
            sink.write(data)
        return len(data)


class Member:
    """One connection as the fan-out sees it: the channels it gets frames of, and those it waits for."""

    __slots__ = ("channels", "group", "sink", "waiting")

    def __init__(self, sink: Sink) -> None:
        self.sink = sink
        self.channels: frozenset[str] = frozenset()
        self.waiting: set[str] = set()
        self.group: Group | None = None


class Traffic:
    """What has been handed to members since the start: counted per group and tick."""

    __slots__ = ("bytes", "deliveries")

    def __init__(self) -> None:
        self.deliveries = 0
        self.bytes = 0


class Roster:
    """All groups, by their channels, and which of them have frames to write."""

    def __init__(self) -> None:
        self.traffic = Traffic()
        self._groups: dict[frozenset[str], Group] = {}
        self._of_channel: dict[str, dict[Group, None]] = {}
        self._dirty: dict[Group, None] = {}

    def publish(self, channel: str, frame: bytes) -> None:
        """One frame for everyone on a channel, written at the next flush."""
        for group in self._of_channel.get(channel, ()):
            if not group.frames:
                self._dirty[group] = None
            group.frames.append(frame)

    def listens(self, channel: str) -> bool:
        """Whether anyone gets this channel's frames."""
        return channel in self._of_channel

    def flush(self) -> None:
        """Write what the tick produced: one write per member."""
        while self._dirty:
            self._write(next(iter(self._dirty)))

    def move(self, member: Member, channels: Iterable[str]) -> None:
        """Give a member exactly these channels from now on."""
        if member.group is not None:
            self._write(member.group)
            self._remove(member, member.group)
        member.channels = frozenset(channels)
        member.group = self._group(member.channels) if member.channels else None
        if member.group is not None:
            self._write(member.group)
            member.group.members[member] = None
            member.group.changed()

    def rebind(self, member: Member) -> None:
        """The member has another sink now."""
        if member.group is not None:
            member.group.changed()

    def _group(self, channels: frozenset[str]) -> Group:
        group = self._groups.get(channels)
        if group is None:
            group = self._groups[channels] = Group(channels)
            for channel in channels:
                self._of_channel.setdefault(channel, {})[group] = None
        return group

    def _remove(self, member: Member, group: Group) -> None:
        del group.members[member]
        group.changed()
        if group.members:
            return
        del self._groups[group.channels]
        for channel in group.channels:
            del self._of_channel[channel][group]
            if not self._of_channel[channel]:
                del self._of_channel[channel]

    def _write(self, group: Group) -> None:
        if group in self._dirty:
            del self._dirty[group]
            members = len(group.members)
            self.traffic.deliveries += members * len(group.frames)
            self.traffic.bytes += members * group.write()

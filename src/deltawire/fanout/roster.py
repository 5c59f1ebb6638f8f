"""Members and groups: connections with the same subscriptions share one buffer per tick.

Publishing appends a frame to every group of a channel; `flush` joins each group's frames once and writes the
result to each member. A member that changes its subscriptions has its groups flushed first, so that it gets
everything it was subscribed to until then and nothing else.

A member that has fallen behind (it has an outbox) gets only what cannot be merged: see `deltawire.fanout.outbox`.
"""

from collections.abc import Iterable
from typing import Any, Protocol

Encoding = str
JSON: Encoding = "json"


class Sink(Protocol):
    """Where a member's bytes go."""

    def write(self, data: bytes) -> None:
        """Take whole WebSocket frames; never blocks, never raises."""


class Debt(Sink, Protocol):
    """The sink of a member that is behind: see `deltawire.fanout.outbox`."""

    bytes: int

    def age(self, now: int) -> int:
        """How long what is queued has waited."""

    def shift(self, jump_ns: int) -> None:
        """The clock by which age is told was set."""

    def owe(self, channel: Any, *, image: bool = False) -> None:
        """All that a channel publishes from now on, or first an image of then."""


class Group:
    """Members with exactly the same channels; `kept` are the frames that those who are behind get too."""

    __slots__ = ("_sinks", "_slow", "channels", "frames", "kept", "members")

    def __init__(self, channels: frozenset[str]) -> None:
        self.channels = channels
        self.frames: list[bytes] = []
        self.kept: list[bytes] = []
        self.members: dict[Member, None] = {}
        self._sinks: tuple[Sink, ...] | None = None
        self._slow: tuple[Sink, ...] = ()

    def changed(self) -> None:
        """Members have come or gone, or have other sinks."""
        self._sinks = None

    def write(self) -> None:
        """Write the frames that have gathered: one write per member.

        The sinks stand ready from tick to tick, and `write` is looked up where it is called: with a thousand
        members every object touched on the way is a cache line fetched.
        """
        frames, self.frames = self.frames, []
        kept, self.kept = self.kept, []
        data = frames[0] if len(frames) == 1 else b"".join(frames)
        if self._sinks is None:
            self._sinks = tuple(member.sink for member in self.members if member.outbox is None)
            self._slow = tuple(member.sink for member in self.members if member.outbox is not None)
        slow = self._slow
        for sink in self._sinks:
            sink.write(data)
        for sink in slow:
            for frame in kept:
                sink.write(frame)


class Member:
    """One connection as the fan-out sees it: the channels it gets frames of, and those it waits for.

    `resumes`: it has asked to be told positions. While it is behind, its sink is its `outbox`.
    """

    __slots__ = ("channels", "encoding", "group", "outbox", "resumes", "sink", "waiting")

    def __init__(self, sink: Sink, encoding: Encoding = JSON) -> None:
        self.sink = sink
        self.encoding = encoding
        self.channels: frozenset[str] = frozenset()
        self.waiting: set[str] = set()
        self.resumes = False
        self.outbox: Debt | None = None
        self.group: Group | None = None


class Roster:
    """All groups, by their channels, and which of them have frames to write."""

    def __init__(self) -> None:
        self._groups: dict[frozenset[str], Group] = {}
        self._of_channel: dict[str, dict[Group, None]] = {}
        self._dirty: dict[Group, None] = {}

    def publish(self, channel: str, frame: bytes, *, merges: bool = False) -> None:
        """One frame for everyone on a channel, written at the next flush; who is behind may get it merged."""
        for group in self._of_channel.get(channel, ()):
            if not group.frames:
                self._dirty[group] = None
            group.frames.append(frame)
            if not merges:
                group.kept.append(frame)

    def listens(self, channel: str) -> bool:
        """Whether anyone gets this channel's frames."""
        return channel in self._of_channel

    def flush(self) -> None:
        """Write what the tick produced: one write per member."""
        while self._dirty:
            self._write(next(iter(self._dirty)))

    def settle(self, member: Member) -> None:
        """Write what the member's group still holds."""
        if member.group is not None:
            self._write(member.group)

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
            group.write()

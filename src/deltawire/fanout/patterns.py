"""Subscriptions by pattern: channels of every instrument whose name matches, listed now or later."""

from deltawire.dialect.grammar import ChannelKey, fitting
from deltawire.fanout.subscribers import Subscriber


class Patterns:
    """The patterns of each subscriber, and the channels that match each pattern."""

    def __init__(self) -> None:
        self._subscribers: dict[Subscriber, _Wanted] = {}

    def add(self, subscriber: Subscriber, pattern: ChannelKey) -> None:
        """Add a pattern of a subscriber."""
        self._subscribers.setdefault(subscriber, _Wanted()).add(pattern)

    def newcomers(self, instruments: list[str]) -> list[tuple[Subscriber, list[tuple[str, ChannelKey]]]]:
        """The subscribers whose patterns match new instruments, each with (pattern id, channel) pairs."""
        wanted = [
            (
                subscriber,
                [
                    (id_, key)
                    for id_, (pattern, _) in of.patterns.items()
                    for key in fitting(pattern, instruments)
                ],
            )
            for subscriber, of in self._subscribers.items()
        ]
        return [(subscriber, keys) for subscriber, keys in wanted if keys]

    def imply(self, subscriber: Subscriber, pattern_id: str, channel_id: str, *, joined: bool) -> None:
        """Note that a pattern matches a channel; `joined`: the subscriber is already on it."""
        wanted = self._subscribers[subscriber]
        channels = wanted.patterns[pattern_id][1]
        if channel_id in channels:
            return
        channels[channel_id] = None
        wanted.cover(channel_id, joined=joined)

    def named(self, subscriber: Subscriber, channel_id: str) -> None:
        """Note that the subscriber has asked for a channel by name."""
        wanted = self._subscribers.get(subscriber)
        if wanted is not None and channel_id in wanted.covered:
            wanted.named.add(channel_id)

    def left(self, subscriber: Subscriber, channel_id: str) -> bool:
        """The subscriber leaves a channel by name; returns whether a pattern still covers it."""
        wanted = self._subscribers.get(subscriber)
        if wanted is None or channel_id not in wanted.covered:
            return False
        wanted.named.discard(channel_id)
        return True

    def remove(self, subscriber: Subscriber, pattern_id: str) -> set[str]:
        """Remove a pattern; returns the channels that only this pattern covered."""
        wanted = self._subscribers.get(subscriber)
        if wanted is None or pattern_id not in wanted.patterns:
            return set()
        _, channels = wanted.patterns.pop(pattern_id)
        alone = {id_ for id_ in channels if wanted.uncover(id_)}
        if not wanted.patterns:
            self.gone(subscriber)
        return alone

    def gone(self, subscriber: Subscriber) -> None:
        """Remove a subscriber whose connection has closed."""
        self._subscribers.pop(subscriber, None)


class _Wanted:
    """One subscriber's patterns with their channels, the patterns per channel, and the channels asked for by name."""

    __slots__ = ("covered", "named", "patterns")

    def __init__(self) -> None:
        self.patterns: dict[str, tuple[ChannelKey, dict[str, None]]] = {}
        self.covered: dict[str, int] = {}
        self.named: set[str] = set()

    def add(self, pattern: ChannelKey) -> None:
        """Add a pattern without channels."""
        self.patterns[pattern.id] = (pattern, {})

    def cover(self, channel_id: str, *, joined: bool) -> None:
        """Count one more pattern for a channel; one `joined` before any pattern was asked for by name."""
        count = self.covered.get(channel_id, 0)
        if joined and not count:
            self.named.add(channel_id)
        self.covered[channel_id] = count + 1

    def uncover(self, channel_id: str) -> bool:
        """Count one pattern less for a channel; returns whether neither pattern nor name covers it now."""
        count = self.covered.pop(channel_id) - 1
        if count:
            self.covered[channel_id] = count
            return False
        if channel_id in self.named:
            self.named.remove(channel_id)
            return False
        return True

"""Which subscribers want the channels of every instrument whose name fits a pattern, listed now or later."""

from deltawire.dialect.grammar import ChannelKey, fitting
from deltawire.fanout.subscribers import Subscriber


class Patterns:
    """The patterns of each subscriber, and the channels that each pattern stands for."""

    def __init__(self) -> None:
        self._subscribers: dict[Subscriber, _Wanted] = {}

    def add(self, subscriber: Subscriber, pattern: ChannelKey) -> None:
        """A subscriber wants whatever fits."""
        self._subscribers.setdefault(subscriber, _Wanted()).add(pattern)

    def newcomers(self, instruments: list[str]) -> list[tuple[Subscriber, list[tuple[str, ChannelKey]]]]:
        """Who wants channels of instruments that have just become known: (id of the pattern, channel)."""
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
        """A pattern stands for a channel; `joined` says whether the subscriber is on that channel already."""
        wanted = self._subscribers[subscriber]
        channels = wanted.patterns[pattern_id][1]
        if channel_id in channels:
            return
        channels[channel_id] = None
        wanted.cover(channel_id, joined=joined)

    def named(self, subscriber: Subscriber, channel_id: str) -> None:
        """The subscriber has asked for a channel by its name."""
        wanted = self._subscribers.get(subscriber)
        if wanted is not None and channel_id in wanted.covered:
            wanted.named.add(channel_id)

    def left(self, subscriber: Subscriber, channel_id: str) -> bool:
        """The subscriber wants a channel no more by its name; returns whether a pattern still wants it."""
        wanted = self._subscribers.get(subscriber)
        if wanted is None or channel_id not in wanted.covered:
            return False
        wanted.named.discard(channel_id)
        return True

    def remove(self, subscriber: Subscriber, pattern_id: str) -> set[str]:
        """The subscriber wants a pattern no more; returns the channels that only this pattern wanted."""
        wanted = self._subscribers.get(subscriber)
        if wanted is None or pattern_id not in wanted.patterns:
            return set()
        _, channels = wanted.patterns.pop(pattern_id)
        alone = {id_ for id_ in channels if wanted.uncover(id_)}
        if not wanted.patterns:
            self.gone(subscriber)
        return alone

    def gone(self, subscriber: Subscriber) -> None:
        """The subscriber's connection is over."""
        self._subscribers.pop(subscriber, None)


class _Wanted:
    """Of one subscriber: its patterns, what each stands for, how many cover a channel, and which are named too."""

    __slots__ = ("covered", "named", "patterns")

    def __init__(self) -> None:
        self.patterns: dict[str, tuple[ChannelKey, dict[str, None]]] = {}
        self.covered: dict[str, int] = {}
        self.named: set[str] = set()

    def add(self, pattern: ChannelKey) -> None:
        """One pattern more, which covers no channel yet."""
        self.patterns[pattern.id] = (pattern, {})

    def cover(self, channel_id: str, *, joined: bool) -> None:
        """One pattern more covers a channel; `joined` before any pattern did, it was asked for by its name."""
        count = self.covered.get(channel_id, 0)
        if joined and not count:
            self.named.add(channel_id)
        self.covered[channel_id] = count + 1

    def uncover(self, channel_id: str) -> bool:
        """One pattern less covers a channel; returns whether nothing wants it now."""
        count = self.covered.pop(channel_id) - 1
        if count:
            self.covered[channel_id] = count
            return False
        if channel_id in self.named:
            self.named.remove(channel_id)
            return False
        return True

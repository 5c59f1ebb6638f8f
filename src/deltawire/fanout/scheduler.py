"""Calls channels at the end of their interval, or after the current events."""

from itertools import islice

from deltawire.fanout.channel import Channel
from deltawire.market.market import ALL


class Scheduler:
    """Implements `Timers` in the time of each venue, and in the newest time of all venues."""

    def __init__(self, now_ns: dict[str, int]) -> None:
        """`now_ns`: the time of each venue, updated by the market."""
        self._now_ns = now_ns
        self._due: dict[tuple[str, int], dict[Channel, None]] = {}
        self._turn: dict[tuple[str, int], int] = {}
        self._of_moment: dict[Channel, None] = {}
        self._ending: dict[Channel, None] = {}

    def wake(self, channel: Channel, venue: str, interval_ns: int) -> None:
        """Request one call of `channel.interval_ended()` at the next multiple of the interval in the venue's time."""
        key = (venue, interval_ns)
        if key not in self._due:
            self._due[key] = {}
            self._turn[key] = self._now_ns.get(venue, 0) // interval_ns
        self._due[key][channel] = None

    def after_moment(self, channel: Channel) -> None:
        """Request one call of `channel.moment_ended()` from `end_moment`."""
        self._of_moment[channel] = None

    def forget(self, channel: Channel) -> None:
        """Drop all requests of a channel."""
        self._of_moment.pop(channel, None)
        self._ending.pop(channel, None)
        for channels in self._due.values():
            channels.pop(channel, None)

    def begin(self, venue: str) -> None:
        """A venue's time has changed: note the channels whose interval has ended, for `end_intervals`."""
        for (of, interval_ns), channels in self._due.items():
            turn = self._now_ns.get(of, 0) // interval_ns
            if of not in (venue, ALL) or turn == self._turn.get((of, interval_ns)):
                continue
            self._turn[of, interval_ns] = turn
            self._ending |= channels
            channels.clear()

    def end_intervals(self, count: int) -> bool:
        """Call so many of the channels whose interval has ended; returns whether there are more."""
        for channel in list(islice(self._ending, count)):
            if self._ending.pop(channel, self) is None:
                channel.interval_ended()
        return bool(self._ending)

    def end_moment(self) -> None:
        """All channels have the current events: call those that asked for it."""
        while self._of_moment:
            channels, self._of_moment = self._of_moment, {}
            for channel in channels:
                channel.moment_ended()

"""When channels publish that do not do so at once: at the end of their interval, or of the events at hand."""

from deltawire.fanout.channel import Channel


class Scheduler:
    """Implements `Timers` in the time of each venue."""

    def __init__(self, now_ns: dict[str, int]) -> None:
        """`now_ns`: each venue's time, kept by others."""
        self._now_ns = now_ns
        self._due: dict[tuple[str, int], dict[Channel, None]] = {}
        self._turn: dict[tuple[str, int], int] = {}
        self._unsettled: dict[Channel, None] = {}

    def wake(self, channel: Channel, venue: str, interval_ns: int) -> None:
        """See `Timers`."""
        key = (venue, interval_ns)
        if key not in self._due:
            self._due[key] = {}
            self._turn[key] = self._now_ns.get(venue, 0) // interval_ns
        self._due[key][channel] = None

    def settle(self, channel: Channel) -> None:
        """See `Timers`."""
        self._unsettled[channel] = None

    def forget(self, channel: Channel) -> None:
        """See `Timers`."""
        self._unsettled.pop(channel, None)
        for channels in self._due.values():
            channels.pop(channel, None)

    def advance(self, venue: str, now: int) -> None:
        """A venue's time has come to `now`: whose interval is over is due."""
        for (of, interval_ns), channels in self._due.items():
            turn = now // interval_ns
            if of != venue or turn == self._turn.get((of, interval_ns)):
                continue
            self._turn[of, interval_ns] = turn
            due = list(channels)
            channels.clear()
            for channel in due:
                channel.due()

    def settle_all(self) -> None:
        """The events at hand are all told."""
        while self._unsettled:
            settling, self._unsettled = self._unsettled, {}
            for channel in settling:
                channel.settle()

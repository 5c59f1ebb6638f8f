"""The queue of a reader that has fallen behind.

For a channel that merges only the last sent `seq` is stored; when the reader accepts bytes again it gets one
notification from there to the newest. Everything else is queued in order, never merged, and bounded.

A channel notifies the outboxes that are behind on it once per notification, so the next channel to send is found in
constant time, however many channels a reader is on.
"""

from collections import OrderedDict, deque
from collections.abc import Callable

from deltawire.fanout.channel import Channel
from deltawire.fanout.subscribers import Encoding


class Outbox:
    """The sink of a subscriber that is behind.

    `full` is called once, when more than `most_bytes` are queued; from then on everything is dropped.
    """

    __slots__ = (
        "_encoding",
        "_full",
        "_mark",
        "_most_bytes",
        "_owed",
        "_put",
        "_queue",
        "_ready",
        "_taken",
        "bytes",
        "merged",
    )

    def __init__(self, encoding: Encoding, most_bytes: int, full: Callable[[], None]) -> None:
        self.bytes = 0
        self.merged = 0
        self._encoding = encoding
        self._most_bytes = most_bytes
        self._full = full
        self._queue: deque[bytes] = deque()
        self._owed: dict[Channel, tuple[int, int] | None] = {}
        """By channel: the last sent position and the channel's count then; None: an image comes first."""
        self._ready: OrderedDict[Channel, None] = OrderedDict()
        self._put = self._taken = 0
        self._mark: tuple[int, int] | None = None

    def write(self, data: bytes) -> None:
        """Queue frames that cannot be merged."""
        if self.bytes > self._most_bytes:
            return
        self._queue.append(data)
        self._put += 1
        self.bytes += len(data)
        if self.bytes > self._most_bytes:
            self._full()

    def owe(self, channel: Channel, *, image: bool = False) -> None:
        """Owe everything that the channel publishes from now on; with `image`, an image first."""
        self.forget(channel)
        if image:
            self._owed[channel] = None
            self._ready[channel] = None
        else:
            self._owed[channel] = channel.hold(), channel.count
            channel.notify(self)

    def published(self, channel: Channel) -> None:
        """A channel that is owed has published: append it to the channels to send."""
        self._ready[channel] = None

    def forget(self, channel: Channel) -> None:
        """The subscriber leaves the channel: drop what is owed of it."""
        owed = self._owed.pop(channel, None)
        self._ready.pop(channel, None)
        channel.behind.pop(self, None)
        if owed is not None:
            channel.release(owed[0])

    def close(self) -> None:
        """Drop everything: the connection has closed, or the subscriber has caught up."""
        for channel in list(self._owed):
            self.forget(channel)
        self._queue.clear()
        self.bytes = 0

    def take(self, budget: int) -> tuple[list[bytes], list[Channel]]:
        """The next frames, about `budget` bytes, and the channels whose owed image does not exist."""
        frames: list[bytes] = []
        while self._queue and budget > 0:
            data = self._queue.popleft()
            self._taken += 1
            self.bytes -= len(data)
            budget -= len(data)
            frames.append(data)
        without: list[Channel] = []
        while self._ready and budget > 0:
            channel = next(iter(self._ready))
            frame = self._catch_up(channel)
            if frame is None:
                without.append(channel)
            else:
                frames.append(frame)
                budget -= len(frame)
        return frames, without

    @property
    def empty(self) -> bool:
        """Whether the reader is up to date."""
        return not self._queue and not self._ready

    def age(self, now: int) -> int:
        """A lower bound of how long the oldest queued bytes have waited, in the units of `now`, from earlier calls."""
        if self._mark is None or self._taken >= self._mark[0]:
            self._mark = (self._put, now) if self._queue else None
        return 0 if self._mark is None else now - self._mark[1]

    def _catch_up(self, channel: Channel) -> bytes | None:
        """The next frame of a channel, which moves to the end of the line; None if there is no image."""
        owed = self._owed[channel]
        if owed is None:
            frame = channel.image_frame(self._encoding)
        else:
            seq, count = owed
            conflated = channel.count - count
            frame = channel.catch_up(self._encoding, seq, conflated)
            self.merged += conflated - 1
        if frame is not None:
            self.owe(channel)
        else:
            self.forget(channel)
        return frame

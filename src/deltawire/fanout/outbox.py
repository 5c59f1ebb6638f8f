"""What a reader who has fallen behind has still to get.

Of a channel that merges only the last `seq` that was sent is remembered; when the reader takes bytes again it gets
one notification that leads from there to the newest. Everything else is queued in order, never merged, and bounded.

A channel that publishes tells those who are behind on it once; what a reader is owed next is then found at once,
however many channels it is on.
"""

from collections import OrderedDict, deque
from collections.abc import Callable

from deltawire.fanout.channel import Channel
from deltawire.fanout.subscribers import Encoding


class Outbox:
    """The sink of a subscriber that is behind.

    `full` is called once, when more than `most_bytes` are queued: from then on nothing more is taken.
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
        """From which position, and behind how many notifications; None: from an image on."""
        self._ready: OrderedDict[Channel, None] = OrderedDict()
        self._put = self._taken = 0
        self._mark: tuple[int, int] | None = None

    def write(self, data: bytes) -> None:
        """Queue what cannot be merged."""
        if self.bytes > self._most_bytes:
            return
        self._queue.append(data)
        self._put += 1
        self.bytes += len(data)
        if self.bytes > self._most_bytes:
            self._full()

    def owe(self, channel: Channel, *, image: bool = False) -> None:
        """All that the channel publishes from now on, or first an image of then."""
        self.forget(channel)
        if image:
            self._owed[channel] = None
            self._ready[channel] = None
        else:
            self._owed[channel] = channel.hold(), channel.count
            channel.notify(self)

    def published(self, channel: Channel) -> None:
        """A channel that is owed has published: it is the last in the line."""
        self._ready[channel] = None

    def forget(self, channel: Channel) -> None:
        """The subscriber leaves the channel."""
        owed = self._owed.pop(channel, None)
        self._ready.pop(channel, None)
        channel.behind.pop(self, None)
        if owed is not None:
            channel.release(owed[0])

    def close(self) -> None:
        """Nobody waits for any of this any more."""
        for channel in list(self._owed):
            self.forget(channel)
        self._queue.clear()
        self.bytes = 0

    def take(self, budget: int) -> tuple[list[bytes], list[Channel]]:
        """The next frames, about so many bytes; and channels whose image is owed and is not there."""
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
        """Whether the reader has everything."""
        return not self._queue and not self._ready

    def age(self, now: int) -> int:
        """At least how long, as seen by calls of this, the oldest of the queue has waited."""
        if self._mark is None or self._taken >= self._mark[0]:
            self._mark = (self._put, now) if self._queue else None
        return 0 if self._mark is None else now - self._mark[1]

    def _catch_up(self, channel: Channel) -> bytes | None:
        """Who has waited longest comes first: what is sent goes to the end."""
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

"""The newest frames of a channel, for subscribers that resume."""

from collections import deque
from itertools import islice

import msgspec

FRAME_BYTES = 48
"""Memory that Python needs for a frame in addition to its bytes."""


class RetentionPolicy(msgspec.Struct, frozen=True):
    """How much history a hub keeps: per channel up to `notifications` and `bytes`, whichever is less.

    All channels together keep about `total_bytes`: when they are used, each may hold an equal share, so that one
    client with thousands of channels cannot fill the memory. The worst case is twice that, held by channels that no
    longer publish. A channel without subscribers stays open for `idle_s` seconds, so that a lone subscriber can
    resume; at most `most_idle` channels do.
    """

    notifications: int = 1000
    bytes: int = 512 * 1024
    total_bytes: int = 16 * 1024 * 1024
    idle_s: float = 30.0
    most_idle: int = 1000


class HistoryPool:
    """The bytes and the number of all histories of a hub."""

    __slots__ = ("bytes", "histories", "retention")

    def __init__(self, retention: RetentionPolicy) -> None:
        self.retention = retention
        self.bytes = 0
        self.histories = 0

    def opened(self) -> None:
        """One more history shares the pool."""
        self.histories += 1

    def closed(self, held: int) -> None:
        """A history ends, and frees the bytes that it held."""
        self.histories -= 1
        self.bytes -= held

    def hold(self, size: int) -> int:
        """A history holds so many bytes more, or less with a minus sign; returns how many one may hold now."""
        self.bytes += size
        retention = self.retention
        if self.bytes <= retention.total_bytes:
            return retention.bytes
        return min(retention.bytes, retention.total_bytes // max(1, self.histories))


class ChannelHistory:
    """The newest frames of one channel in one encoding, without gaps, oldest first."""

    __slots__ = ("_bytes", "_frames", "_most", "_pool", "_prev_seqs")

    def __init__(self, pool: HistoryPool) -> None:
        self._pool = pool
        self._frames: deque[bytes] = deque()
        self._prev_seqs: deque[int] = deque()
        self._bytes = 0
        self._most = pool.retention.notifications
        pool.opened()

    def add(self, prev_seq: int, frame: bytes) -> None:
        """Append a frame and the `seq` before it; remove the oldest beyond the limits."""
        frames, size = self._frames, len(frame) + FRAME_BYTES
        frames.append(frame)
        self._prev_seqs.append(prev_seq)
        self._bytes += size
        most_bytes = self._pool.hold(size)
        while self._bytes > most_bytes or len(frames) > self._most:
            size = len(frames.popleft()) + FRAME_BYTES
            self._prev_seqs.popleft()
            self._bytes -= size
            self._pool.hold(-size)

    def since(self, seq: int) -> list[bytes] | None:
        """The frames after this position, in order; None if not all of them are kept."""
        for count, prev_seq in enumerate(reversed(self._prev_seqs), start=1):
            if prev_seq <= seq:
                held = len(self._frames)
                return list(islice(self._frames, held - count, None)) if prev_seq == seq else None
        return None

    def close(self) -> None:
        """Release the frames."""
        self._frames.clear()
        self._prev_seqs.clear()
        self._pool.closed(self._bytes)
        self._bytes = 0

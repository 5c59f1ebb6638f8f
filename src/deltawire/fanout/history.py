"""The newest frames of a channel, for subscribers that resume."""

from collections import deque
from itertools import islice
from typing import Any

import msgspec

FRAME_BYTES = 88
"""Memory that Python needs for a frame in addition to its bytes: its header, its position, and two references."""


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

    __slots__ = ("_bytes", "_entries", "_most", "_pool")

    def __init__(self, pool: HistoryPool) -> None:
        self._pool = pool
        self._entries: deque[Any] | None = None
        """In turn a frame's bytes and the position before it; None while empty, as an empty deque takes 760 bytes."""
        self._bytes = 0
        self._most = 2 * pool.retention.notifications
        pool.opened()

    def add(self, prev_seq: int, frame: bytes) -> None:
        """Append a frame and the `seq` before it; remove the oldest beyond the limits."""
        entries, size = self._entries, len(frame) + FRAME_BYTES
        if entries is None:
            entries = self._entries = deque()
        entries.append(frame)
        entries.append(prev_seq)
        self._bytes += size
        most_bytes = self._pool.hold(size)
        while self._bytes > most_bytes or len(entries) > self._most:
            size = len(entries.popleft()) + FRAME_BYTES
            entries.popleft()
            self._bytes -= size
            self._pool.hold(-size)

    def since(self, seq: int) -> list[bytes] | None:
        """The frames after this position, in order; None if not all of them are kept."""
        entries = self._entries or ()
        for count, prev_seq in enumerate(islice(reversed(entries), 0, None, 2), start=1):
            if prev_seq <= seq:
                kept = islice(entries, len(entries) - 2 * count, None, 2)
                return list(kept) if prev_seq == seq else None
        return None

    def close(self) -> None:
        """Release the frames."""
        self._entries = None
        self._pool.closed(self._bytes)
        self._bytes = 0

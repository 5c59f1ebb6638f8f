"""What a channel published last, for those who come back."""

from collections import deque
from itertools import islice

import msgspec


class Keeps(msgspec.Struct, frozen=True):
    """How much of the past a hub keeps: for each channel so many notifications and bytes, whichever is less.

    A channel that nobody is on any more goes on for `idle_s`, so that a lone subscriber can come back too; of such
    channels there are at most `most_idle`.
    """

    notifications: int = 1000
    bytes: int = 512 * 1024
    idle_s: float = 30.0
    most_idle: int = 1000


class History:
    """The newest frames of one sequence: without a hole, the last published at the end."""

    __slots__ = ("_bytes", "_frames", "_keeps")

    def __init__(self, keeps: Keeps) -> None:
        self._keeps = keeps
        self._frames: deque[bytes] = deque()
        self._bytes = 0

    def add(self, frame: bytes) -> None:
        """The next of the sequence."""
        frames, keeps = self._frames, self._keeps
        frames.append(frame)
        self._bytes += len(frame)
        while self._bytes > keeps.bytes or len(frames) > keeps.notifications:
            self._bytes -= len(frames.popleft())

    def last(self, count: int) -> list[bytes] | None:
        """The newest `count` frames in their order; None when not all of them are kept, or there never were any."""
        held = len(self._frames)
        return list(islice(self._frames, held - count, None)) if 0 <= count <= held else None

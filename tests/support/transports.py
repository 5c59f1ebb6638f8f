"""A transport in memory, as strict as uvloop's, and a clock that stands still."""

import asyncio
from typing import Any

from tests.support.frames import Frame, take_frames


class StillClock:
    """A clock that moves when it is told to."""

    def __init__(self, now_ns: int) -> None:
        self.now_ns = now_ns

    def now(self) -> int:
        """Nanoseconds since 1970."""
        return self.now_ns

    def wall(self) -> int:
        """The same: nobody sets this clock."""
        return self.now_ns


class MemoryTransport(asyncio.Transport):
    """Keeps what is written; while its peer does not read, it is all in the buffer.

    A write after the end of file is an error, one after closing is dropped, as with uvloop.
    """

    def __init__(self) -> None:
        super().__init__()
        self.sent = bytearray()
        self.buffered = bytearray()
        self.reads = True
        self.ended = False
        self.over = ""
        """How it ended: `closed` or `aborted`."""
        self._high = 64 * 1024
        self._paused = False
        self._protocol: Any = None

    def set_protocol(self, protocol: Any) -> None:
        """Who hears of the peer."""
        self._protocol = protocol

    def write(self, data: Any) -> None:
        """See `asyncio.WriteTransport`."""
        assert isinstance(data, bytes)
        if self.ended:
            raise RuntimeError("Cannot call write() after write_eof()")
        if self.over:
            return
        if self.reads:
            self.sent += data
            return
        self.buffered += data
        if len(self.buffered) > self._high and not self._paused:
            self._paused = True
            self._protocol.pause_writing()

    def drain(self) -> None:
        """The peer reads again."""
        self.reads = True
        self.sent += self.buffered
        self.buffered.clear()
        if self._paused:
            self._paused = False
            self._protocol.resume_writing()

    def can_write_eof(self) -> bool:
        """See `asyncio.WriteTransport`."""
        return True

    def write_eof(self) -> None:
        """See `asyncio.WriteTransport`."""
        self.ended = True

    def get_write_buffer_size(self) -> int:
        """See `asyncio.WriteTransport`."""
        return len(self.buffered)

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """See `asyncio.WriteTransport`."""
        self._high = self._high if high is None else high

    def close(self) -> None:
        """See `asyncio.BaseTransport`."""
        self.over = self.over or "closed"

    def abort(self) -> None:
        """See `asyncio.WriteTransport`."""
        self.over = "aborted"

    def is_closing(self) -> bool:
        """See `asyncio.BaseTransport`."""
        return bool(self.over)

    def head(self) -> str:
        """The HTTP response at the start of what was sent, which loses it."""
        head, _, rest = bytes(self.sent).partition(b"\r\n\r\n")
        self.sent = bytearray(rest)
        return head.decode()

    def frames(self) -> list[Frame]:
        """The frames sent since the last call."""
        frames = take_frames(self.sent)
        assert not self.sent, "only whole frames are sent"
        return frames

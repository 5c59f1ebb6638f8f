"""permessage-deflate (RFC 7692) of shared frames: each message is compressed separately, once for all clients."""

import zlib
from typing import Any

from deltawire.wire.frames import TEXT, frame, text_frame
from deltawire.wire.notifications import JsonEncoder, Stamps

WINDOW_BITS = 12
"""4 KiB: compression takes 26 KiB while it runs, and nothing is kept between messages."""
_MEMORY_LEVEL = 5
_LEVEL = 3
_TAIL = b"\x00\x00\xff\xff"
RSV1 = 0x40


def deflated(payload: bytes) -> bytes:
    """The payload of a compressed message (RFC 7692, 7.2.1)."""
    compressor = zlib.compressobj(_LEVEL, zlib.DEFLATED, -WINDOW_BITS, _MEMORY_LEVEL)
    return (compressor.compress(payload) + compressor.flush(zlib.Z_SYNC_FLUSH)).removesuffix(_TAIL)


def deflated_frame(payload: bytes) -> bytes:
    """A text frame around JSON, compressed if that makes it shorter."""
    small = deflated(payload)
    return frame(RSV1 | TEXT, small) if len(small) < len(payload) else text_frame(payload)


class DeflateEncoder(JsonEncoder):
    """A channel's notifications as JSON in compressed text frames."""

    def frame(
        self, seq: int, prev_seq: int | None, data: Any, conflated: int = 1, stamps: Stamps | None = None
    ) -> bytes:
        """A notification."""
        return deflated_frame(self.payload(seq, prev_seq, data, conflated, stamps))

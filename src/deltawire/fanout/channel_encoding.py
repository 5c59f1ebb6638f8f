"""A channel in one encoding: makes its frames, and keeps the newest for subscribers that resume."""

from collections.abc import Callable
from functools import partial
from typing import Any, Protocol

from deltawire.book import kernel
from deltawire.dialect.grammar import ChannelKey
from deltawire.fanout.history import ChannelHistory, HistoryPool
from deltawire.fanout.subscribers import JSON, Encoding
from deltawire.wire.deflate import DeflateEncoder
from deltawire.wire.notifications import BookFormat, Envelope, JsonEncoder, Stamps
from deltawire.wire.protobuf import ProtoEncoder


class Encoder(Protocol):
    """Makes one channel's frames."""

    def opened(self) -> bytes:
        """The frame that must precede all others of the channel; may be empty."""

    def frame(
        self, seq: int, prev_seq: int | None, data: Any, conflated: int = 1, stamps: Stamps | None = None
    ) -> bytes:
        """A notification in place of `conflated` ones; an image has no `prev_seq`."""

    def joined(self, seq: int) -> bytes:
        """The message that the channel was joined after this `seq`."""


def make_book_format(envelope: Envelope) -> BookFormat:
    """Makes JSON book notifications; compiled if there is a kernel, with the same bytes."""
    plain = BookFormat(envelope)
    return kernel.BookFormat(envelope.head, plain) if kernel.COMPILED else plain


PROTO: Encoding = "proto"
DEFLATE: Encoding = "deflate"
ENCODERS: dict[Encoding, Callable[[str, str, int, str], Encoder]] = {
    JSON: partial(JsonEncoder, make_format=make_book_format),
    PROTO: ProtoEncoder,
    DEFLATE: partial(DeflateEncoder, make_format=make_book_format),
}
"""By encoding: the factory, called with a channel's name, epoch, number and instrument.

Private channels are not compressed: the length of compressed data reveals secrets in it (as in CRIME and BREACH).
"""


ENCODED = "  "
"""Separates a channel's id and its encoding in an address; no id contains it."""


class ChannelEncoding:
    """One encoding of a channel; `address` identifies it among all channels in all encodings."""

    __slots__ = ("_encoder", "_image", "_merged", "address", "history", "opened")

    def __init__(
        self, key: ChannelKey, epoch: str, number: int, encoding: Encoding, pool: HistoryPool
    ) -> None:
        self.address = address_of(key.id, encoding)
        self.history = ChannelHistory(pool)
        form = JSON if key.account and encoding == DEFLATE else encoding
        self._encoder = ENCODERS[form](key.name, epoch, number, key.instrument)
        self.opened = self._encoder.opened()
        self._image: tuple[int, Any, bytes] = (-1, None, b"")
        self._merged: dict[int, bytes] = {}

    def add(self, seq: int, prev_seq: int, data: Any, stamps: Stamps | None) -> bytes:
        """Make the next notification and keep it."""
        frame = self._encoder.frame(seq, prev_seq, data, 1, stamps)
        self.history.add(prev_seq, frame)
        if self._merged:
            self._merged = {}
        return frame

    def frame(self, seq: int, prev_seq: int | None, data: Any) -> bytes:
        """A notification that is not kept: from before this encoding was used, or at a position told already."""
        return self._encoder.frame(seq, prev_seq, data)

    def image(self, seq: int, data: Any) -> bytes:
        """An image at `seq`, kept until the data changes."""
        if self._image[0] != seq or self._image[1] is not data:
            self._image = seq, data, self._encoder.frame(seq, None, data)
        return self._image[2]

    def merged(self, seq: int, now: int, conflated: int, since: Callable[[int], Any]) -> bytes:
        """One notification from `seq` to `now`; equally slow readers share its bytes."""
        frame = self._merged.get(seq)
        if frame is None:
            frame = self._merged[seq] = self._encoder.frame(now, seq, since(seq), conflated)
        return frame

    def joined(self, seq: int) -> bytes:
        """The position, for a subscriber that joins now and gets no image."""
        return self._encoder.joined(seq)


def address_of(channel_id: str, encoding: Encoding) -> str:
    """The address of a channel in an encoding."""
    return channel_id if encoding == JSON else f"{channel_id}{ENCODED}{encoding}"

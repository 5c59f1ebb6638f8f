"""A channel in one encoding: its frames, and the last of them for those who come back."""

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
        """What a subscriber must have before anything else of the channel; may be empty."""

    def frame(
        self, seq: int, prev_seq: int | None, data: Any, conflated: int = 1, stamps: Stamps | None = None
    ) -> bytes:
        """A notification; `conflated` is how many it stands for; an image has no `prev_seq`."""

    def joined(self, seq: int) -> bytes:
        """That the channel is joined behind this `seq`."""


def make_book_format(envelope: Envelope) -> BookFormat:
    """How book notifications leave as JSON: compiled where there is a kernel, with the same bytes."""
    plain = BookFormat(envelope)
    return kernel.BookFormat(envelope.head, plain) if kernel.COMPILED else plain


PROTO: Encoding = "proto"
DEFLATE: Encoding = "deflate"
ENCODERS: dict[Encoding, Callable[[str, str, int, str], Encoder]] = {
    JSON: partial(JsonEncoder, make_format=make_book_format),
    PROTO: ProtoEncoder,
    DEFLATE: partial(DeflateEncoder, make_format=make_book_format),
}
"""By encoding: what makes an encoder of a channel's name, epoch, number and instrument.

Private channels are not compressed: the length of what is compressed with a secret tells of it.
"""


ENCODED = "  "
"""Stands between a channel's id and its encoding in an address; no id has it."""


class ChannelEncoding:
    """One encoding of a channel; `address` names it among all channels in all encodings."""

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
        """The next notification."""
        frame = self._encoder.frame(seq, prev_seq, data, 1, stamps)
        self.history.add(prev_seq, frame)
        if self._merged:
            self._merged = {}
        return frame

    def frame(self, seq: int, prev_seq: int, data: Any) -> bytes:
        """A notification that was published before this encoding was asked for."""
        return self._encoder.frame(seq, prev_seq, data)

    def image(self, seq: int, data: Any) -> bytes:
        """An image at `seq`; the same for all who come before anything changes."""
        if self._image[0] != seq or self._image[1] is not data:
            self._image = seq, data, self._encoder.frame(seq, None, data)
        return self._image[2]

    def merged(self, seq: int, now: int, conflated: int, since: Callable[[int], Any]) -> bytes:
        """One notification for all between; the same for all who are equally far behind."""
        frame = self._merged.get(seq)
        if frame is None:
            frame = self._merged[seq] = self._encoder.frame(now, seq, since(seq), conflated)
        return frame

    def joined(self, seq: int) -> bytes:
        """Where the sequence stands, for a subscriber that joins now and gets no image."""
        return self._encoder.joined(seq)


def address_of(channel_id: str, encoding: Encoding) -> str:
    """The address of a channel in an encoding."""
    return channel_id if encoding == JSON else f"{channel_id}{ENCODED}{encoding}"

"""The messages of a topic: batches with their place in it, in several parts where they are too large for one."""

from collections.abc import Sequence

import msgspec

from deltawire.bus.codec import VERSION, decode_batches, encode_batches
from deltawire.errors import NOT_DECODED, BusError
from deltawire.ports import Batch

LARGEST = 256 * 1024 * 1024
"""Bytes of a frame; more is refused, whoever says so."""


class Part(msgspec.Struct, array_like=True, frozen=True):
    """One message: part `part` of `parts` of the batches from number `first` on, within an epoch of the publisher.

    `begins`: the publisher has no past; what was known of its venue is to be forgotten. `publisher` is who sent it:
    several may publish in one epoch, one after the other.
    """

    version: int
    epoch: str
    publisher: str
    first: int
    begins: bool
    part: int
    parts: int
    body: bytes


class _Head(msgspec.Struct, array_like=True):
    version: int


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Part).decode
_decode_head = msgspec.msgpack.Decoder(_Head).decode


class Frame(msgspec.Struct, frozen=True):
    """Some batches of a topic in a row; the first has the number `first`."""

    epoch: str
    first: int
    begins: bool
    batches: Sequence[Batch]

    @property
    def last(self) -> int:
        """The number of the last batch."""
        return self.first + len(self.batches) - 1


def format_frame(frame: Frame, part_bytes: int, publisher: str = "") -> list[bytes]:
    """A frame as messages whose bodies have at most so many bytes."""
    body = encode_batches(frame.batches)
    pieces = [body[at : at + part_bytes] for at in range(0, len(body), part_bytes)] or [body]
    return [
        _encode(Part(VERSION, frame.epoch, publisher, frame.first, frame.begins, number, len(pieces), piece))
        for number, piece in enumerate(pieces)
    ]


def parse_part(data: bytes) -> Part:
    """A message; `BusError` if it is garbage or of another version."""
    try:
        version = _decode_head(data).version
        if version != VERSION:
            raise BusError("version", f"a message of version {version}; this one reads {VERSION}")
        return _decode(data)
    except NOT_DECODED as error:
        raise BusError("garbage", str(error)) from error


class TopicReader:
    """Puts the messages of one topic together, and holds them to their numbers."""

    def __init__(self, epoch: str = "", number: int = 0) -> None:
        """The epoch and the number of the last batch that is known already; by default nothing is."""
        self.epoch = epoch
        self.number = number
        self._parts: list[Part] = []
        self._size = 0

    def read(self, data: bytes) -> Frame | None:
        """The next message; the frame that it completes.

        `BusError` of kind `gap` if it does not follow: everything that was built from this topic is in doubt then.
        Any other `BusError` says that this message is none of ours, and is to be dropped.
        """
        part = parse_part(data)
        if part.part != len(self._parts) or (self._parts and part.first != self._parts[0].first):
            self._parts, self._size = [], 0  # its publisher has not finished what came before
        if part.part != len(self._parts) or not 0 <= part.part < part.parts:
            raise BusError("gap", f"part {part.part} of {part.parts} comes first")
        self._size += len(part.body)
        if self._size > LARGEST:
            self._parts, self._size = [], 0
            raise BusError("oversized", f"more than {LARGEST} bytes in one frame")
        self._parts.append(part)
        if len(self._parts) < part.parts:
            return None
        parts, self._parts, self._size = self._parts, [], 0
        return self._whole(part, b"".join(each.body for each in parts))

    def _whole(self, part: Part, body: bytes) -> Frame:
        batches = decode_batches(body)
        if not part.begins and part.epoch != self.epoch:
            raise BusError("gap", f"epoch {part.epoch} goes on behind {self.epoch or 'nothing'}")
        if part.first != (1 if part.begins else self.number + 1):
            raise BusError("gap", f"batch {part.first} behind {self.number}")
        frame = Frame(part.epoch, part.first, part.begins, batches)
        self.epoch, self.number = frame.epoch, frame.last
        return frame


def newest_in(data: bytes) -> tuple[str, int]:
    """The epoch of a topic's last message, and the number of the last batch in it."""
    part = parse_part(data)
    if part.parts > 1:  # only frames of one batch are cut
        return part.epoch, part.first if part.part == part.parts - 1 else part.first - 1
    return part.epoch, part.first + len(decode_batches(part.body)) - 1

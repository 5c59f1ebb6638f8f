"""A running HMAC over the frames sent, so that what a shared frame says can be proven to one client.

Both ends keep HMAC-SHA256 over every data frame since the MAC was enabled: the bytes of the unmasked,
uncompressed RFC 6455 frame in one piece, which a client that sees only messages can make again from kind and
payload. Control frames, and frames that tell a MAC, do not count. After each write a frame tells the digest up to
the last frame, and the numbers of the frames that are new in it (from 1). A frame dropped, altered, added or moved
shows at the next one.
"""

import hmac
from collections.abc import Iterator
from hashlib import sha256

import msgspec

from deltawire.wire.frames import BINARY, TEXT, frame, text_frame

_encode = msgspec.json.Encoder().encode
KEY_BYTES = 32
_LABEL = b"deltawire mac\n"


def mac_key(secret: bytes, nonce: str) -> bytes:
    """The key of one connection, of a client's secret and a nonce that was never used before."""
    return hmac.digest(secret, _LABEL + nonce.encode(), sha256)


class MacNote(msgspec.Struct, frozen=True):
    """The params of a `mac` frame: `mac` attests all frames up to `last`; `first` is the first since the one before."""

    first: int
    last: int
    mac: str


class RunningMac:
    """One direction of one connection, at either end."""

    def __init__(self, key: bytes) -> None:
        self._hmac = hmac.new(key, digestmod=sha256)
        self._count = 0
        self._told = 0

    def add(self, data: bytes) -> None:
        """Whole frames that are sent, in one buffer."""
        for opcode, start, end in _frames(data):
            if opcode in (TEXT, BINARY):
                self._hmac.update(data[start:end])
                self._count += 1

    def note(self) -> MacNote | None:
        """What attests the frames that are not attested yet, None when there are none."""
        if self._count == self._told:
            return None
        first, self._told = self._told + 1, self._count
        return MacNote(first, self._count, self._hmac.hexdigest())

    def add_message(self, payload: bytes, *, binary: bool = False) -> None:
        """A message that has been received."""
        self.add(frame(BINARY if binary else TEXT, payload))

    def proves(self, told: MacNote) -> bool:
        """Whether what was received is what the peer says it sent."""
        mine = self.note()
        return mine is not None and mine.last == told.last and hmac.compare_digest(mine.mac, told.mac)


def mac_frame(note: MacNote) -> bytes:
    """The frame that tells a MAC."""
    params = {"from": note.first, "to": note.last, "mac": note.mac}
    return text_frame(_encode({"jsonrpc": "2.0", "method": "mac", "params": params}))


def _frames(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Opcode, start and end of each frame."""
    start = 0
    while start < len(data):
        size, head = data[start + 1], 2
        if size == 126:
            size, head = int.from_bytes(data[start + 2 : start + 4], "big"), 4
        elif size == 127:
            size, head = int.from_bytes(data[start + 2 : start + 10], "big"), 10
        end = start + head + size
        yield data[start] & 0x0F, start, end
        start = end

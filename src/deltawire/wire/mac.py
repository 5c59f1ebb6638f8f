"""A running HMAC over the frames sent, with which one client can verify frames that are shared with others.

Both ends compute HMAC-SHA256 over every data frame since the MAC was enabled: the bytes of the unmasked,
uncompressed, unfragmented RFC 6455 frame, which a client that sees only messages can build from opcode and payload.
Control frames, and frames that carry a MAC, do not count. After each write a frame states the digest up to the last
frame, and the numbers of the frames that are new in it (from 1). A frame that was dropped, altered, added or moved is
detected at the next one.
"""

import hmac
from collections.abc import Iterator
from hashlib import sha256

import msgspec

from deltawire.errors import NOT_DECODED, FeedError
from deltawire.wire.frames import BINARY, TEXT, frame, text_frame

_encode = msgspec.json.Encoder().encode
ALGORITHM = "HMAC-SHA256"
_LABEL = b"deltawire mac\n"
_SIGN = b'"method":"mac"'
MOST_UNPROVEN_BYTES = 64 * 1024 * 1024


def mac_text(client_nonce: str, server_nonce: str) -> bytes:
    """The text whose HMAC under the client's secret is the key of one connection.

    A server's nonce contains no newline.
    """
    return _LABEL + f"{server_nonce}\n{client_nonce}".encode()


def mac_key(secret: str, client_nonce: str, server_nonce: str) -> bytes:
    """The key of one connection, as computed by its client."""
    return hmac.digest(secret.encode(), mac_text(client_nonce, server_nonce), sha256)


class MacNote(msgspec.Struct, frozen=True):
    """The params of a `mac` frame.

    `mac` covers all frames up to `last`; `first` is the first since the previous one.
    """

    first: int = msgspec.field(name="from")
    last: int = msgspec.field(name="to")
    mac: str


class _Told(msgspec.Struct):
    method: str
    params: MacNote


_decode = msgspec.json.Decoder(_Told).decode


class RunningMac:
    """One direction of one connection, at either end."""

    def __init__(self, key: bytes) -> None:
        self._hmac = hmac.new(key, digestmod=sha256)
        self._count = 0
        self._told = 0

    def add(self, data: bytes) -> None:
        """Add complete frames that are sent, in one buffer."""
        for opcode, start, end in _frames(data):
            if opcode in (TEXT, BINARY):
                self._hmac.update(data[start:end])
                self._count += 1

    def note(self) -> MacNote | None:
        """The MAC of the frames that are not covered yet, None if there are none."""
        if self._count == self._told:
            return None
        first, self._told = self._told + 1, self._count
        return MacNote(first, self._count, self._hmac.hexdigest())

    def add_message(self, payload: bytes, *, binary: bool = False) -> None:
        """Add a received message."""
        self.add(frame(BINARY if binary else TEXT, payload))

    def proves(self, told: MacNote) -> bool:
        """Whether the received messages are those that the peer sent."""
        mine = self.note()
        return (
            mine is not None
            and mine.last == told.last
            and hmac.compare_digest(mine.mac.encode(), told.mac.encode())
        )


class ProvenMessages:
    """The received messages of a client; once the MAC is enabled, they are held back until they are verified."""

    def __init__(self) -> None:
        self._mac: RunningMac | None = None
        self._held: list[str | bytes] = []
        self._bytes = 0

    def enable(self, key: bytes) -> None:
        """Enable the MAC; the next message is the first that must be verified."""
        self._mac = RunningMac(key)

    def received(self, message: str | bytes) -> list[str | bytes]:
        """The verified messages; `FeedError` if they differ from those that the server sent."""
        if self._mac is None:
            return [message]
        payload = message.encode() if isinstance(message, str) else message
        told = parse_note(payload) if isinstance(message, str) else None
        if told is None:
            return self._hold(self._mac, message, payload)
        if not self._mac.proves(told):
            which = f"frame {told.first} is"
            if told.first != told.last:
                which = f"frames {told.first} to {told.last} are"
            raise FeedError(f"{which} not what the server sent", retry=True)
        proven, self._held, self._bytes = self._held, [], 0
        return proven

    def _hold(self, mac: RunningMac, message: str | bytes, payload: bytes) -> list[str | bytes]:
        mac.add_message(payload, binary=isinstance(message, bytes))
        self._held.append(message)
        self._bytes += len(payload)
        if self._bytes > MOST_UNPROVEN_BYTES:
            raise FeedError(f"more than {MOST_UNPROVEN_BYTES} bytes without a MAC", retry=True)
        return []


def mac_frame(note: MacNote) -> bytes:
    """The frame that carries a MAC."""
    return text_frame(_encode({"jsonrpc": "2.0", "method": "mac", "params": note}))


def parse_note(message: bytes) -> MacNote | None:
    """The MAC in a text message, or None."""
    if _SIGN not in message:
        return None
    try:
        told = _decode(message)
    except NOT_DECODED:
        return None
    return told.params if told.method == "mac" else None


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

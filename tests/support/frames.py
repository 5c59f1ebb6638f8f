"""WebSocket frames as a peer sees and makes them, without any library in between."""

import json
import os
from typing import Any, NamedTuple

CONT, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA


class Frame(NamedTuple):
    """One frame from a server."""

    opcode: int
    payload: bytes
    fin: bool = True

    @property
    def close_code(self) -> int:
        """The code of a close frame, 1005 where it has none."""
        return int.from_bytes(self.payload[:2], "big") if self.payload else 1005


def take_frames(data: bytearray) -> list[Frame]:
    """The whole frames at the start of `data`, which loses them."""
    frames: list[Frame] = []
    while len(data) >= 2:
        assert not data[1] & 0x80, "a server does not mask"
        size, start = data[1], 2
        if size >= 126:
            start = 4 if size == 126 else 10
            size = int.from_bytes(data[2:start], "big")
        if len(data) < max(start, start + size):
            break
        frames.append(Frame(data[0] & 0x0F, bytes(data[start : start + size]), bool(data[0] & 0x80)))
        del data[: start + size]
    return frames


def messages_in(data: bytes) -> list[dict[str, Any]]:
    """The JSON messages in a row of whole text frames."""
    rest = bytearray(data)
    frames = take_frames(rest)
    assert not rest, "only whole frames are written"
    assert all(frame.opcode == TEXT and frame.fin for frame in frames)
    return [json.loads(frame.payload) for frame in frames]


def client_frame(
    payload: bytes, opcode: int = TEXT, *, fin: bool = True, rsv: int = 0, mask: bytes | None = None
) -> bytes:
    """A masked frame as a client sends it."""
    mask = os.urandom(4) if mask is None else mask
    head = bytes([(0x80 if fin else 0) | rsv << 4 | opcode])
    size = len(payload)
    if size < 126:
        head += bytes([0x80 | size])
    elif size < 1 << 16:
        head += b"\xfe" + size.to_bytes(2, "big")
    else:
        head += b"\xff" + size.to_bytes(8, "big")
    return head + mask + mask_bytes(payload, mask)


def mask_bytes(payload: bytes, mask: bytes) -> bytes:
    """The payload, masked (or unmasked)."""
    pad = (mask * (len(payload) // 4 + 1))[: len(payload)]
    return (int.from_bytes(payload, "big") ^ int.from_bytes(pad, "big")).to_bytes(len(payload), "big")


def request_frame(method: str, request_id: int | str = 1, **params: Any) -> bytes:
    """A JSON-RPC request in one masked frame."""
    request = {"jsonrpc": "2.0", "id": request_id, "method": method, "params": params}
    return client_frame(json.dumps(request).encode())

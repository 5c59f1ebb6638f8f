"""WebSocket frames as bytes (RFC 6455): the server's frames are built here, once, and are never masked."""

from struct import Struct

TEXT, BINARY, CLOSE, PING, PONG = 0x1, 0x2, 0x8, 0x9, 0xA
_FIN = 0x80
_head, _medium_head, _long_head = Struct(">BB").pack, Struct(">BBH").pack, Struct(">BBQ").pack


def frame(opcode: int, payload: bytes) -> bytes:
    """One unfragmented frame."""
    size = len(payload)
    if size < 126:
        return _head(_FIN | opcode, size) + payload
    if size < 1 << 16:
        return _medium_head(_FIN | opcode, 126, size) + payload
    return _long_head(_FIN | opcode, 127, size) + payload


def text_frame(payload: bytes) -> bytes:
    """A text frame around JSON."""
    return frame(TEXT, payload)

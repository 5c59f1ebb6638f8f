"""WebSocket frames as bytes (RFC 6455): the server's frames are built here, once, and are never masked."""

TEXT, BINARY, CLOSE, PING, PONG = 0x1, 0x2, 0x8, 0x9, 0xA
_FIN = 0x80


def frame(opcode: int, payload: bytes) -> bytes:
    """One unfragmented frame."""
    head = bytes([_FIN | opcode])
    size = len(payload)
    if size < 126:
        return head + bytes([size]) + payload
    if size < 1 << 16:
        return head + b"\x7e" + size.to_bytes(2, "big") + payload
    return head + b"\x7f" + size.to_bytes(8, "big") + payload


def text_frame(payload: bytes) -> bytes:
    """A text frame around JSON."""
    return frame(TEXT, payload)

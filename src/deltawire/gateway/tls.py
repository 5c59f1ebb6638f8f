"""TLS between a plain transport and a protocol, with the `ssl` module's sans-I/O objects.

The TLS of the event loops hides the socket's transport: the amount of unsent data is unknown, `pause_writing` comes
64 KiB late, and all bytes pass two buffers. Here nothing is buffered: data is encrypted and written to the plain
transport at once, so its limits, pauses and write buffer have the same meaning with and without TLS.
"""

import asyncio
import contextlib
import ssl
from typing import Any, cast

from deltawire.gateway.outgoing import DirectSink

PIECE_BYTES = 64 * 1024
"""Most bytes that OpenSSL is given at once: its buffers keep their largest size as long as the connection lasts."""
RECORD_BYTES = 16 * 1024
"""Most bytes of data in a TLS record, and so in one read."""


class TlsTransport(asyncio.Transport):
    """The transport for a protocol: encrypts data and passes it on."""

    def __init__(self, context: ssl.SSLContext, plain: asyncio.Transport, protocol: asyncio.Protocol) -> None:
        super().__init__({"sslcontext": context})
        self.plain = plain
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self._protocol = protocol
        self._ended = False
        self._direct = DirectSink(plain)

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """Information about TLS, or else about the plain transport."""
        if name == "ssl_object":
            return self._tls
        return super().get_extra_info(name) or self.plain.get_extra_info(name, default)

    def seal(self, data: bytes) -> bytes:
        """Encrypt data to TLS records, which must be sent in the order of the calls."""
        if self._ended or not data:
            return b""
        if len(data) <= PIECE_BYTES:
            self._tls.write(data)
            return self._outgoing.read()
        return b"".join(
            self.seal(data[start : start + PIECE_BYTES]) for start in range(0, len(data), PIECE_BYTES)
        )

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send data; a write after `close` is dropped."""
        if self._ended and not self.is_closing():
            raise RuntimeError("Cannot call write() after write_eof()")
        self._send(self.seal(bytes(data)))

    def can_write_eof(self) -> bool:
        """True: a `close_notify` ends one direction."""
        return True

    def write_eof(self) -> None:
        """Send a `close_notify`; data from the peer is still read."""
        if self._ended:
            return
        self._ended = True
        with contextlib.suppress(
            ssl.SSLError
        ):  # the peer's close_notify has not arrived yet; ours is written anyway
            self._tls.unwrap()
        self.flush()

    def close(self) -> None:
        """Close when everything has been sent."""
        self.write_eof()
        self.plain.close()

    def abort(self) -> None:
        """Close at once."""
        self._ended = True
        self.plain.abort()

    def is_closing(self) -> bool:
        """Whether it is closed or being closed."""
        return self.plain.is_closing()

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """Set the protocol that receives data from now on."""
        self._protocol = cast(asyncio.Protocol, protocol)

    def get_protocol(self) -> asyncio.Protocol:
        """The protocol that receives data."""
        return self._protocol

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Set the limits of the plain transport: encrypted bytes not accepted by its socket."""
        self.plain.set_write_buffer_limits(high, low)

    def get_write_buffer_limits(self) -> tuple[int, int]:
        """The limits of the plain transport, low and high."""
        return self.plain.get_write_buffer_limits()

    def get_write_buffer_size(self) -> int:
        """Number of encrypted bytes that the socket has not accepted."""
        return self.plain.get_write_buffer_size()

    def is_reading(self) -> bool:
        """Whether data is received."""
        return self.plain.is_reading()

    def pause_reading(self) -> None:
        """Stop receiving until `resume_reading`."""
        self.plain.pause_reading()

    def resume_reading(self) -> None:
        """Receive again."""
        self.plain.resume_reading()

    # Called by the side of the socket.

    def shake_hands(self, data: bytes) -> bool:
        """Continue the handshake; returns whether it is complete. Raises `ssl.SSLError` if it failed."""
        self._incoming.write(data)
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            return False
        finally:
            self.flush()
        return True

    def open(self, data: bytes) -> tuple[bytes, bool]:
        """Decrypt; returns the data that these bytes complete, and whether the peer has ended its direction."""
        opened: list[bytes] = []
        try:
            for start in range(0, max(1, len(data)), PIECE_BYTES):
                self._incoming.write(data[start : start + PIECE_BYTES])
                if self._read_into(opened):
                    return b"".join(opened), True
        except ssl.SSLError:  # decryption failed: later data cannot be trusted
            return b"".join(opened), True
        finally:
            self.flush()
        return b"".join(opened), False

    def _read_into(self, opened: list[bytes]) -> bool:
        """Take the complete records; returns whether the peer has ended its direction."""
        try:
            while piece := self._tls.read(RECORD_BYTES):
                opened.append(piece)
        except ssl.SSLWantReadError:
            return False
        return True

    def flush(self) -> None:
        """Send TLS's own messages: handshakes, key updates, alerts."""
        self._send(self._outgoing.read())

    def _send(self, sealed: bytes) -> None:
        """Send past the plain transport while it has no unsent data.

        Uvloop's would count every write as a full buffer.
        """
        if not sealed or self.plain.is_closing():
            return
        if self.plain.get_write_buffer_size():
            self.plain.write(sealed)
        else:
            self._direct.write(sealed)

    def lost(self) -> None:
        """The plain transport has lost its socket."""
        self._direct.detach()


class TlsProtocol(asyncio.Protocol):
    """The protocol of the plain transport; `protocol` gets a transport when the handshake is complete."""

    def __init__(
        self, context: ssl.SSLContext, protocol: asyncio.Protocol, handshake_within_s: float
    ) -> None:
        self._context = context
        self._protocol = protocol
        self._handshake_within_s = handshake_within_s
        self._is_open = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Wait for the peer to start the handshake."""
        plain = cast(asyncio.Transport, transport)
        self._transport = TlsTransport(self._context, plain, self._protocol)
        loop = asyncio.get_running_loop()
        self._deadline = loop.call_later(self._handshake_within_s, plain.abort)

    def data_received(self, data: bytes) -> None:
        """Encrypted bytes: of the handshake, then of the connection; both may arrive together."""
        if not self._is_open:
            try:
                if not self._transport.shake_hands(data):
                    return
            except ssl.SSLError:
                self._transport.plain.close()
                return
            self._is_open, data = True, b""
            self._deadline.cancel()
            self._protocol.connection_made(self._transport)
        opened, ended = self._transport.open(data)
        if opened:
            self._transport.get_protocol().data_received(opened)
        if ended:
            self.eof_received()

    def eof_received(self) -> None:
        """The peer has stopped sending, with or without a `close_notify`; frames and requests state their own ends."""
        if self._is_open and not self._transport.is_closing():
            self._transport.get_protocol().eof_received()
            self._transport.close()

    def pause_writing(self) -> None:
        """The socket accepts no more data."""
        if self._is_open:
            self._transport.get_protocol().pause_writing()

    def resume_writing(self) -> None:
        """The socket accepts data again."""
        if self._is_open:
            self._transport.get_protocol().resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection has ended."""
        self._deadline.cancel()
        self._transport.lost()
        if self._is_open:
            self._transport.get_protocol().connection_lost(exc)

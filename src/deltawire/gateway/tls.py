"""TLS between a plain transport and a protocol, over the `ssl` module's sans-I/O objects.

The event loops have TLS of their own, but hide the socket's transport behind it: how much a peer has not taken
cannot be asked, `pause_writing` comes 64 KiB late, and no byte gets past two buffers. Here nothing is buffered:
whatever is written is sealed and is then the plain transport's, so its limits, its pauses and its write buffer mean
over TLS what they mean without.
"""

import asyncio
import contextlib
import ssl
from typing import Any, cast

from deltawire.gateway.outgoing import DirectSink

READ_BYTES = 256 * 1024


class TlsTransport(asyncio.Transport):
    """What a protocol writes to: seals it and passes it on."""

    def __init__(self, context: ssl.SSLContext, plain: asyncio.Transport, protocol: asyncio.Protocol) -> None:
        super().__init__({"sslcontext": context})
        self.plain = plain
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self._protocol = protocol
        self._ended = False
        self._direct = DirectSink(plain)

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """About TLS, or else about the plain transport."""
        if name == "ssl_object":
            return self._tls
        return super().get_extra_info(name) or self.plain.get_extra_info(name, default)

    def seal(self, data: bytes) -> bytes:
        """The data as TLS records, which must be sent in the order in which they were sealed."""
        if self._ended or not data:
            return b""
        self._tls.write(data)
        return self._outgoing.read()

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send; a write after `close` is dropped."""
        if self._ended and not self.is_closing():
            raise RuntimeError("Cannot call write() after write_eof()")
        self._send(self.seal(bytes(data)))

    def can_write_eof(self) -> bool:
        """A `close_notify` ends one direction."""
        return True

    def write_eof(self) -> None:
        """Tell the peer that nothing follows; what it still sends is read."""
        if self._ended:
            return
        self._ended = True
        with contextlib.suppress(ssl.SSLError):  # the peer's own is not here yet; ours is written either way
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
        """Who gets what is received from now on."""
        self._protocol = cast(asyncio.Protocol, protocol)

    def get_protocol(self) -> asyncio.Protocol:
        """Who gets what is received."""
        return self._protocol

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Those of the plain transport: sealed bytes that its socket has not taken."""
        self.plain.set_write_buffer_limits(high, low)

    def get_write_buffer_limits(self) -> tuple[int, int]:
        """Those of the plain transport, low and high."""
        return self.plain.get_write_buffer_limits()

    def get_write_buffer_size(self) -> int:
        """Sealed bytes that the socket has not taken."""
        return self.plain.get_write_buffer_size()

    def is_reading(self) -> bool:
        """Whether what comes is received."""
        return self.plain.is_reading()

    def pause_reading(self) -> None:
        """Receive nothing until `resume_reading`."""
        self.plain.pause_reading()

    def resume_reading(self) -> None:
        """Receive again."""
        self.plain.resume_reading()

    # What the socket's side calls.

    def shake_hands(self, data: bytes) -> bool:
        """Go on with the handshake; whether it is done. `ssl.SSLError` when it has failed."""
        self._incoming.write(data)
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            return False
        finally:
            self.flush()
        return True

    def open(self, data: bytes) -> tuple[bytes, bool]:
        """The data that these bytes complete, and whether the peer has ended its direction."""
        self._incoming.write(data)
        opened: list[bytes] = []
        try:
            while piece := self._tls.read(READ_BYTES):
                opened.append(piece)
        except ssl.SSLWantReadError:
            return b"".join(opened), False
        except ssl.SSLError:  # not what was sealed: nothing after it can be trusted
            return b"".join(opened), True
        finally:
            self.flush()
        return b"".join(opened), True

    def flush(self) -> None:
        """Send what TLS itself has to say: handshakes, key updates, alerts."""
        self._send(self._outgoing.read())

    def _send(self, sealed: bytes) -> None:
        """Past the plain transport while it has nothing unsent: uvloop's would call any write a full buffer."""
        if not sealed or self.plain.is_closing():
            return
        if self.plain.get_write_buffer_size():
            self.plain.write(sealed)
        else:
            self._direct.write(sealed)

    def lost(self) -> None:
        """The socket is the plain transport's, and is gone with it."""
        self._direct.detach()


class TlsProtocol(asyncio.Protocol):
    """The protocol of the plain transport; `protocol` gets a transport when the handshake is done."""

    def __init__(
        self, context: ssl.SSLContext, protocol: asyncio.Protocol, handshake_within_s: float
    ) -> None:
        self._context = context
        self._protocol = protocol
        self._handshake_within_s = handshake_within_s
        self._is_open = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The peer has to begin the handshake."""
        plain = cast(asyncio.Transport, transport)
        self._transport = TlsTransport(self._context, plain, self._protocol)
        loop = asyncio.get_running_loop()
        self._deadline = loop.call_later(self._handshake_within_s, plain.abort)

    def data_received(self, data: bytes) -> None:
        """Sealed bytes: of the handshake, then of the connection; both may come at once."""
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
        """The peer sends no more, with or without a `close_notify`; frames and requests know their own ends."""
        if self._is_open and not self._transport.is_closing():
            self._transport.get_protocol().eof_received()
            self._transport.close()

    def pause_writing(self) -> None:
        """The socket takes no more."""
        if self._is_open:
            self._transport.get_protocol().pause_writing()

    def resume_writing(self) -> None:
        """The socket takes more again."""
        if self._is_open:
            self._transport.get_protocol().resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is over."""
        self._deadline.cancel()
        self._transport.lost()
        if self._is_open:
            self._transport.get_protocol().connection_lost(exc)

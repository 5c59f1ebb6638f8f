"""The listening server: uvicorn with deadlines, limits and TLS."""

import asyncio
import contextlib
import socket
import ssl
import sys
from collections.abc import Callable, Iterator
from functools import partial
from http import HTTPStatus
from typing import Any, cast

import h11
import uvicorn
from h11._receivebuffer import ReceiveBuffer
from uvicorn.protocols.http.h11_impl import H11Protocol

from deltawire.gateway.gateway import Gateway
from deltawire.gateway.http import make_app
from deltawire.gateway.peers import peer_address
from deltawire.gateway.tls import TlsProtocol
from deltawire.gateway.websocket import WebSocketConnection

STOP_WITHIN_S = 5
LINGER_S = 1.0
"""Time in which a refused peer may continue to send before it is disconnected."""
LARGEST_HEAD = 64 * 1024
"""Limit of the head of a request, in bytes."""
TOO_LARGE = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE.value


class UnfoldedHeaders(ReceiveBuffer):
    """h11's buffer, refusing heads and trailers with folded lines, which h11 would join to the line before.

    A proxy in front of the server may read such a line as another header (RFC 9112, 5.2).
    """

    def maybe_extract_lines(self) -> list[bytearray] | None:
        """The lines of a head once it is complete."""
        lines: list[bytearray] | None = super().maybe_extract_lines()
        if lines and any(line.startswith((b" ", b"\t")) for line in lines):
            raise h11.LocalProtocolError("a header is on one line")
        if lines and sum(map(len, lines)) > LARGEST_HEAD:  # h11 bounds only heads that arrive in pieces
            raise h11.LocalProtocolError("the head is too long", error_status_hint=TOO_LARGE)
        return lines


class AnsweringTransport:
    """A transport that uvicorn's protocol cannot close before the client has read the answer."""

    def __init__(self, transport: asyncio.Transport, lingers: Callable[[], bool]) -> None:
        """`lingers` ends the server's direction, and returns True, if closing would reset the connection."""
        self._transport = transport
        self._lingers = lingers
        self._ended = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def is_closing(self) -> bool:
        """Whether nothing more is sent."""
        return self._ended or self._transport.is_closing()

    def close(self) -> None:
        """Close; at the latest at the second call."""
        if not self.is_closing() and self._lingers():
            self._ended = True
        else:
            self._transport.close()


class UpgradingProtocol(H11Protocol):
    """uvicorn's HTTP protocol, which loses data that a client sends directly after its upgrade request.

    It would also wait without limit for the end of a request; here there is a deadline. A connection beyond the limit
    gets its refusal as the answer to its first request. An answer that precedes the end of its request reaches the
    client although the connection closes after it.
    """

    def __init__(self, gateway: Gateway, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self.conn._receive_buffer = UnfoldedHeaders()
        self._gateway = gateway
        self._refusal = 0
        self._place = ""
        self._deadline: asyncio.TimerHandle | None = None
        self._upgraded = False
        self._refused = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Wait for the first request."""
        super().connection_made(transport)
        self._plain = transport
        self.transport = cast(asyncio.Transport, AnsweringTransport(transport, self._linger))
        self._place = peer_address(transport)
        self._refusal = self._gateway.refusal(self._place)
        self._await_request()

    def data_received(self, data: bytes) -> None:
        """A piece of a request; its deadline is set by the first piece."""
        if self._refused:
            return
        if self._refusal:
            self._refuse(self._refusal)
            return
        super().data_received(data)
        if self._refused:
            return
        if self._upgraded or self.conn.their_state not in (h11.IDLE, h11.SEND_BODY):
            self._stop_waiting()
        elif self._deadline is None:
            self._await_request()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting."""
        self._stop_waiting()
        if not self._refusal:
            self._gateway.connection_limiter.leave(self._place)
        super().connection_lost(exc)

    def send_400_response(self, msg: str) -> None:
        """Answer 400 to a malformed request, 431 to one with too long a head (RFC 6585, 5)."""
        error = sys.exception()
        too_large = isinstance(error, h11.RemoteProtocolError) and error.error_status_hint == TOO_LARGE
        self._refuse(TOO_LARGE if too_large else HTTPStatus.BAD_REQUEST.value)

    def _refuse(self, status: int) -> None:
        """Answer, and discard what the peer still sends.

        Closing at once would reset the connection before the answer is read.
        """
        reason = HTTPStatus(status).phrase
        head = f"HTTP/1.1 {status} {reason}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
        if self._refused or self.transport.is_closing():
            return
        self._refused = True
        self.transport.write(head.encode())
        self.transport.write_eof()
        self._stop_waiting()
        self._deadline = self.loop.call_later(LINGER_S, self._plain.close)

    def _linger(self) -> bool:
        """Discard the rest of an answered request, up to the request's deadline."""
        if self.conn.their_state is not h11.SEND_BODY:
            return False
        self._refused = True
        self._plain.write_eof()
        self.flow.resume_reading()
        if self._deadline is None:
            self._await_request()
        return True

    def _await_request(self) -> None:
        self._deadline = self.loop.call_later(self._gateway.limits.request_timeout, self._plain.close)

    def _stop_waiting(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def handle_websocket_upgrade(self, event: h11.Request) -> None:
        """Refuse HTTP/1.0, pass the transport on, and then the bytes after the request."""
        self._upgraded = True
        self.transport = self._plain
        if event.http_version != b"1.1":
            self.transport.write(b"HTTP/1.1 505 HTTP Version Not Supported\r\nConnection: close\r\n\r\n")
            self.transport.close()
            return
        super().handle_websocket_upgrade(event)
        behind, _ = self.conn.trailing_data
        if behind:
            cast(asyncio.Protocol, self.transport.get_protocol()).data_received(behind)


class Server(uvicorn.Server):
    """uvicorn without its signal handlers, and with a deadline for TLS handshakes."""

    def __init__(self, config: uvicorn.Config, tls: ssl.SSLContext | None, handshake_within_s: float) -> None:
        super().__init__(config)
        self.servers: list[asyncio.Server] = []
        self._tls = tls
        self._handshake_within_s = handshake_within_s

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Install no signal handlers."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen like uvicorn, but with deltawire's TLS."""
        await self.lifespan.startup()
        make = partial(
            cast(Any, self.config.http_protocol_class),
            config=self.config,
            server_state=self.server_state,
            app_state=self.lifespan.state,
        )
        if self._tls is not None:
            make = partial(_make_tls, self._tls, make, self._handshake_within_s)
        loop = asyncio.get_running_loop()
        self.servers = [
            await loop.create_server(make, sock=sock, backlog=self.config.backlog) for sock in sockets or ()
        ]
        self.started = True

    def refuse(self) -> None:
        """Accept no more connections; open ones continue."""
        for server in self.servers:
            server.close()


def _make_tls(
    tls: ssl.SSLContext, make: Callable[[], asyncio.Protocol], handshake_within_s: float
) -> asyncio.Protocol:
    return TlsProtocol(tls, make(), handshake_within_s)


def make_server(gateway: Gateway, tls: ssl.SSLContext | None) -> Server:
    """Create a server of a gateway; pass its sockets to `serve`."""

    def connection(*, config: uvicorn.Config, server_state: Any, app_state: Any) -> WebSocketConnection:
        return WebSocketConnection(gateway, server_state.connections)

    config = uvicorn.Config(
        make_app(gateway),
        http=partial(UpgradingProtocol, gateway),  # type: ignore[arg-type]
        ws=connection,  # type: ignore[arg-type]
        lifespan="off",
        timeout_graceful_shutdown=STOP_WITHIN_S,
        log_level="error",  # clients could fill the log with bad heads
        access_log=False,
        server_header=False,
        proxy_headers=False,
        backlog=1024,
        h11_max_incomplete_event_size=LARGEST_HEAD,
    )
    return Server(config, tls, gateway.limits.request_timeout)

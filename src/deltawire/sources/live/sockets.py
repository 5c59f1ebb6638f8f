"""One WebSocket to a venue, on picows: the fastest receive path that was measured (decision 53)."""

import asyncio
import ssl
from collections.abc import Callable

from picows import WSCloseCode, WSError, WSFrame, WSListener, WSMsgType, WSTransport, ws_connect

TEXT = WSMsgType.TEXT
CONNECT_S = 10.0
CLOSE_S = 2.0
FRAME_OVERHEAD = 64
CONNECT_ERRORS = (OSError, WSError, TimeoutError, EOFError)
"""What opening a connection may raise."""


class Socket(WSListener):
    """Calls `take` with every complete message. `ended` is set when the connection has ended, and `why` says how."""

    def __init__(
        self,
        take: Callable[[bytes], None],
        *,
        beat: Callable[[bool], None],
        max_message_size: int,
    ) -> None:
        """`beat` is called at every ping (True), before it is answered, and every pong of the venue (False)."""
        self.ended = asyncio.Event()
        self.why = ""
        self._take = take
        self._beat = beat
        self._most = max_message_size
        self._parts: list[bytes] = []
        self._size = 0
        self._transport: WSTransport | None = None

    def on_ws_connected(self, transport: WSTransport) -> None:
        """See picows."""
        self._transport = transport

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        """See picows; frames of one message are joined."""
        kind = frame.msg_type
        if kind is TEXT and frame.fin and not self._parts:
            self._take(frame.get_payload_as_bytes())
        elif kind is WSMsgType.PING:
            self._beat(True)
            transport.send_pong(frame.get_payload_as_bytes())
        elif kind is WSMsgType.PONG:
            self._beat(False)
        elif kind is WSMsgType.CLOSE:
            code = frame.get_close_code()
            self.why = f"closed by the venue: {getattr(code, 'value', code)} {frame.get_close_reason() or ''}".strip()
            transport.send_close(code if code is not WSCloseCode.NO_INFO else WSCloseCode.OK)
            transport.disconnect()
        elif kind in (WSMsgType.TEXT, WSMsgType.BINARY, WSMsgType.CONTINUATION):
            self._join(frame)

    def _join(self, frame: WSFrame) -> None:
        self._parts.append(frame.get_payload_as_bytes())
        self._size += frame.payload_size
        if self._size > self._most:
            self.end(f"a message of more than {self._most} bytes")
        elif frame.fin:
            message = b"".join(self._parts)
            self._parts, self._size = [], 0
            self._take(message)

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        """See picows."""
        self.why = self.why or "the connection ended without a close frame"
        self.ended.set()

    def send(self, text: str) -> None:
        """Send a message; nothing happens if the connection has ended."""
        if self._transport is not None and not self._transport.is_disconnected:
            self._transport.send(WSMsgType.TEXT, text.encode())

    def ping(self) -> None:
        """Send a ping frame."""
        if self._transport is not None and not self._transport.is_disconnected:
            self._transport.send_ping()

    def pause(self, *, paused: bool) -> None:
        """Stop or resume reading."""
        if self._transport is not None and not self._transport.is_disconnected:
            transport = self._transport.underlying_transport
            (transport.pause_reading if paused else transport.resume_reading)()

    def end(self, why: str) -> None:
        """End the connection at once."""
        self.why = self.why or why
        if self._transport is not None:
            self._transport.disconnect(graceful=False)
        else:
            self.ended.set()

    async def close(self, why: str) -> None:
        """Close with a close frame; if the venue does not answer in time, without it."""
        self.why = self.why or why
        if self._transport is not None and not self._transport.is_disconnected:
            self._transport.send_close(WSCloseCode.OK)
            try:
                await asyncio.wait_for(self.ended.wait(), CLOSE_S)
            except TimeoutError:
                self.end(why)


async def open_socket(
    url: str,
    take: Callable[[bytes], None],
    *,
    beat: Callable[[bool], None],
    max_message_size: int,
    tls: ssl.SSLContext | None = None,
) -> Socket:
    """Open a WebSocket; raises one of `CONNECT_ERRORS` if that fails."""
    socket = Socket(take, beat=beat, max_message_size=max_message_size)
    async with asyncio.timeout(CONNECT_S):
        await ws_connect(
            lambda: socket,
            url,
            ssl_context=tls,
            websocket_handshake_timeout=CONNECT_S,
            enable_auto_pong=False,
            max_frame_size=max_message_size + FRAME_OVERHEAD,
            logger_name="deltawire",
        )
    return socket


def refusal(error: BaseException) -> tuple[str, int]:
    """Why a connection could not be opened, in a few words, and the HTTP status if there was one."""
    response = getattr(error, "response", None)
    status = int(getattr(response, "status", 0) or 0)
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return (f"refused with HTTP status {status}" if status else text), status

"""One WebSocket connection: the upgraded transport, websockets' sans-I/O parser in, prebuilt frames out.

uvicorn builds the class on an upgrade request and hands over the transport. What the parser leaves to its user
is here: fragments are put together under a limit, text must be UTF-8, writes to a peer that does not read are
bounded, and a peer that is gone is noticed.
"""

import asyncio
from typing import Any, cast

from websockets.exceptions import InvalidState
from websockets.frames import CloseCode, Frame, Opcode
from websockets.http11 import Request, Response
from websockets.protocol import State
from websockets.server import ServerProtocol

from deltawire.fanout.roster import Member, Sink
from deltawire.gateway.gateway import Gateway
from deltawire.gateway.outgoing import DirectSink, make_sink
from deltawire.wire.frames import text_frame

PATH = "/ws/api/v2"
LARGEST_MESSAGE = 256 * 1024
MOST_FRAGMENTS = 1024
UNSENT_LIMIT = 16 * 1024 * 1024
PING_AFTER_NS = 20_000_000_000
PONG_WITHIN_NS = 20_000_000_000
CLOSE_WITHIN_NS = 5_000_000_000


class WebSocketConnection(asyncio.Protocol):
    """A client's connection."""

    def __init__(self, gateway: Gateway, connections: set[Any]) -> None:
        self._gateway = gateway
        self._all = connections
        self._session = gateway.make_session()
        self._parser = ServerProtocol(max_size=LARGEST_MESSAGE)
        self._fragments: list[bytes] = []
        self._fragment_bytes = 0
        self._heard_ns = gateway.clock.now()
        self._pinged_ns = 0
        self._closing_ns = 0
        self._unsent = 0

    # What asyncio calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The transport is ours, and so is the news that it has something unsent."""
        self._transport = cast(asyncio.Transport, transport)
        self._sink = make_sink(self._transport)
        self.member = Member(self._sink)
        self._transport.set_protocol(self)
        self._transport.set_write_buffer_limits(high=0)
        self._all.add(self)

    def data_received(self, data: bytes) -> None:
        """Bytes from the peer: at first the request again, then frames."""
        self._heard_ns = self._gateway.clock.now()
        self._pinged_ns = 0
        self._parser.receive_data(data)
        for event in self._parser.events_received():
            if isinstance(event, Request):
                self._on_request(event)
            elif isinstance(event, Frame):
                self._on_frame(event)
        self._pass_on()

    def eof_received(self) -> None:
        """The peer sends no more."""
        self._parser.receive_eof()
        self._pass_on()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is over."""
        self._all.discard(self)
        self._gateway.gone(self)
        if isinstance(self._sink, DirectSink):
            self._sink.detach()

    def pause_writing(self) -> None:
        """The peer reads slower than we write: from here on count what it leaves unsent."""
        self._unsent = self.unsent
        self._redirect(self)

    def resume_writing(self) -> None:
        """The peer has caught up."""
        self._redirect(self._sink)

    # What uvicorn calls.

    def shutdown(self) -> None:
        """The server stops."""
        self.close(CloseCode.GOING_AWAY, "server stops; reconnect")

    # What the gateway calls.

    @property
    def unsent(self) -> int:
        """Bytes written that the peer has not taken yet."""
        return self._transport.get_write_buffer_size()

    def send(self, payload: bytes) -> None:
        """Send one text message."""
        if not self._closing_ns:
            self.member.sink.write(text_frame(payload))

    def write(self, data: bytes) -> None:
        """Write to a slow peer; give it up when it leaves too much unsent."""
        self._unsent += len(data)
        if self._unsent > UNSENT_LIMIT:
            self._unsent = self.unsent + len(data)
        if self._unsent > UNSENT_LIMIT:
            self._transport.abort()
        else:
            self._transport.write(data)

    def close(self, code: int, reason: str) -> None:
        """Begin the closing handshake; nothing is sent after it."""
        if self._closing_ns:
            return
        self._leave()
        try:
            self._parser.send_close(code, reason)
        except InvalidState:
            self._transport.close()
            return
        self._pass_on()

    def watch(self, now: int) -> None:
        """Carry the session's timers; ping a silent peer; give up on one that does not answer."""
        if self._closing_ns:
            if now - self._closing_ns > CLOSE_WITHIN_NS:
                self._transport.abort()
            return
        deadline = self._session.deadline()
        if deadline is not None and now >= deadline:
            self._gateway.carry_out(self, self._session.tick(now))
        if self._pinged_ns and now - self._pinged_ns > PONG_WITHIN_NS:
            self._transport.abort()
        elif not self._pinged_ns and not self._closing_ns and now - self._heard_ns > PING_AFTER_NS:
            self._pinged_ns = now
            self._parser.send_ping(b"")
            self._pass_on()

    def _redirect(self, sink: Sink) -> None:
        self.member.sink = sink
        self._gateway.hub.rebind(self.member)

    def _on_request(self, request: Request) -> None:
        if request.path.partition("?")[0] != PATH:
            self._respond(self._parser.reject(404, f"WebSocket is at {PATH}\n"))
            return
        response = self._parser.accept(request)
        self._respond(response)
        if response.status_code == 101:
            self._gateway.connections[self] = None

    def _respond(self, response: Response) -> None:
        self._parser.send_response(response)
        if response.status_code != 101:
            self._closing_ns = self._gateway.clock.now()

    def _on_frame(self, frame: Frame) -> None:
        if frame.opcode is Opcode.BINARY:
            self._fail(CloseCode.UNSUPPORTED_DATA, "send JSON in text frames")
        elif frame.opcode in (Opcode.TEXT, Opcode.CONT):
            self._on_data(frame)

    def _on_data(self, frame: Frame) -> None:
        self._fragments.append(bytes(frame.data))
        self._fragment_bytes += len(frame.data)
        if self._fragment_bytes > LARGEST_MESSAGE or len(self._fragments) > MOST_FRAGMENTS:
            self._fail(
                CloseCode.MESSAGE_TOO_BIG, f"more than {LARGEST_MESSAGE} bytes or {MOST_FRAGMENTS} fragments"
            )
        elif frame.fin:
            message = b"".join(self._fragments)
            self._fragments, self._fragment_bytes = [], 0
            self._on_message(message)

    def _on_message(self, message: bytes) -> None:
        try:
            message.decode()
        except UnicodeDecodeError:
            self._fail(CloseCode.INVALID_DATA, "text must be UTF-8")
            return
        if not self._closing_ns:
            self._pass_on()
            effects = self._session.received(message, self._gateway.clock.now())
            self._gateway.carry_out(self, effects)

    def _fail(self, code: CloseCode, reason: str) -> None:
        self._fragments, self._fragment_bytes = [], 0
        if not self._closing_ns:
            self._leave()
            self._parser.fail(code, reason)

    def _leave(self) -> None:
        """No more data for this peer, and no more requests from it."""
        self._closing_ns = self._gateway.clock.now()
        self._gateway.hub.gone(self.member)

    def _pass_on(self) -> None:
        """Write what the parser wants written; close when it says so, after the data of the tick at hand."""
        if self._parser.state in (State.CLOSING, State.CLOSED) and not self._closing_ns:
            self._leave()
        for data in self._parser.data_to_send():
            if data:
                self.member.sink.write(data)
            elif self._transport.can_write_eof():
                self._transport.write_eof()
            else:
                self._transport.close()
        if self._parser.state is State.CLOSED or (
            self._closing_ns and self._parser.state is State.CONNECTING
        ):
            self._transport.close()

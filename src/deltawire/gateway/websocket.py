"""One WebSocket connection.

The upgraded transport, websockets' sans-I/O parser for input, prebuilt frames for output.

uvicorn creates the class on an upgrade request and passes the transport. This module does what the parser leaves to
its user: it joins fragments up to a limit, checks UTF-8, bounds the data queued for slow peers, and detects dead
peers.
"""

import asyncio
from collections.abc import Callable, Generator, Iterable, Sequence
from functools import partial
from typing import Any, cast
from uuid import UUID

import structlog
from websockets.extensions.permessage_deflate import PerMessageDeflate, ServerPerMessageDeflateFactory
from websockets.frames import CloseCode, Frame, Opcode
from websockets.http11 import Request, Response
from websockets.protocol import State
from websockets.server import ServerProtocol
from websockets.typing import Subprotocol

from deltawire.access.access import FORBIDDEN, TOO_MANY_REQUESTS, UNAUTHORIZED, HttpRequest
from deltawire.access.tokens import Identity
from deltawire.errors import RequestError
from deltawire.fanout.channel_encoding import DEFLATE, PROTO
from deltawire.fanout.subscribers import JSON, Encoding, Sink, Subscriber
from deltawire.gateway.gateway import PATH, REPLAY_PATH, Gateway, ReplayRoom, Session
from deltawire.gateway.intake import Intake, Step
from deltawire.gateway.outgoing import NULL_SINK, AttestingSink, DirectSink, make_sink
from deltawire.gateway.peers import is_welcome, peer_address
from deltawire.wire.deflate import WINDOW_BITS
from deltawire.wire.frames import TEXT, frame
from deltawire.wire.protobuf import SUBPROTOCOL
from deltawire.wire.rpc import INVALID_PARAMS

log = structlog.get_logger("deltawire")
STATUS = {FORBIDDEN: 403, TOO_MANY_REQUESTS: 429, INVALID_PARAMS: 400}
DEFLATES = [ServerPerMessageDeflateFactory(server_no_context_takeover=True, client_no_context_takeover=True)]
"""Context takeover is off in both directions."""
NO_ID = UUID(int=0)
"""Of the parser, which logs nothing."""
NONE: Any = ()
"""Instead of an empty list."""
NOTHING_TO_PARSE: Generator[None] = (None for _ in ())
SECOND_NS = 1_000_000_000
SLICE, INFLATING_SLICE = 4096, 1024
"""Number of bytes parsed at once, and of compressed ones: a compressed byte may expand to a thousand."""
MOST_UNDER_WAY = 1024 * 1024
"""Bytes of delayed requests and answers of one connection with simulated latency."""
MOST_HELD = 256 * 1024
"""Bytes of answers of one connection that wait for the disk; beyond it, nothing is read from the connection."""
SLOW = 4000
"""Close code: the client reads too slowly and should reconnect and resume."""


class Parser(ServerProtocol):
    """Accepts a close frame at any point, and keeps nothing between messages but what the next one needs.

    Control frames may come between the fragments of a message (RFC 6455, 5.4), and frames after a close frame are
    ignored; websockets calls a close between fragments an incomplete message (Autobahn 7.1.5).

    The generator that parses holds the request of the handshake and the last frame: while no part of a frame has come,
    there is none. What is known of a message in fragments is in attributes.
    """

    def __init__(self, most_bytes: int, *, compress: bool) -> None:
        super().__init__(max_size=most_bytes, extensions=DEFLATES if compress else ())
        self.id = NO_ID
        self._is_between_frames = False

    def select_subprotocol(self, subprotocols: Sequence[Subprotocol]) -> Subprotocol | None:
        """deltawire's subprotocol if it is offered; otherwise none, which means JSON."""
        return Subprotocol(SUBPROTOCOL) if SUBPROTOCOL in subprotocols else None

    def receive_data(self, data: bytes | bytearray) -> None:
        """Parse bytes from the peer."""
        self._begin()
        super().receive_data(data)
        if self._is_between_frames and self.state is State.OPEN:
            self.parser = NOTHING_TO_PARSE

    def events_received(self) -> list[Any]:
        """What has come since the last call."""
        events: list[Any]
        events, self.events = self.events, NONE
        return events

    def receive_eof(self) -> None:
        """The peer has stopped sending."""
        self._begin()
        super().receive_eof()

    def recv_frame(self, frame: Frame) -> None:
        """Handle a complete frame."""
        self._is_between_frames = not self.reader.buffer
        if frame.opcode is Opcode.CLOSE:
            self.current_size = None
        super().recv_frame(frame)

    def _begin(self) -> None:
        self._is_between_frames = False
        self.events = self.events or []
        if self.parser is NOTHING_TO_PARSE:
            self.parser = self.parse()  # of the state OPEN: frames
            next(self.parser)


class WebSocketConnection(asyncio.Protocol):
    """A client's connection."""

    def __init__(self, gateway: Gateway, connections: set[Any]) -> None:
        self._gateway = self._home = gateway
        self._room: ReplayRoom | None = None
        """The replay that this connection has instead of the present."""
        self._all = connections
        self._limits = gateway.limits
        self._session: Session | None = None
        self._parser = Parser(self._limits.max_message_size, compress=self._limits.compress)
        # Lists while something is in them: an empty list is 72 bytes, and an empty deque 640.
        self._fragments: list[bytes] = NONE
        self._received: list[bytes] = NONE
        self._taken = 0
        self._events: list[Request | Frame] = NONE
        self._pongs: list[bytes] = NONE
        self._ended = False
        self._heard_ns = gateway.clock.now()
        self._pinged_ns = 0
        self._closing_ns = 0
        self._closing_sink: Sink | None = None
        """The sink for the closing handshake, once the connection closes; nothing else is sent any more."""
        self._full_ns = 0
        self._network = gateway.make_network() if gateway.make_network else None
        self._is_binary = False

    # Called by asyncio.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take over the transport and its pause notifications."""
        self._transport = cast(asyncio.Transport, transport)
        self._direct = make_sink(self._transport)
        self._attesting: AttestingSink | None = None
        self._intake = Intake(self._transport, self._gateway.now, self._step, turns=self._home.turns)
        self.subscriber = Subscriber(
            self._direct, most_channels=self._limits.subscriptions, crowded=self._crowded
        )
        self._transport.set_protocol(self)
        self._transport.set_write_buffer_limits(high=0)
        self._all.add(self)

    def data_received(self, data: bytes) -> None:
        """Bytes from the peer: first the request again, then frames."""
        self._heard_ns = self._gateway.clock.now()
        self._pinged_ns = 0
        if self._received:
            self._received.append(data)
        else:
            self._received = [data]
        self._intake.run()

    def eof_received(self) -> None:
        """The peer has stopped sending."""
        self._ended = True
        self._intake.run()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection has ended."""
        self._intake.stop()
        self._all.discard(self)
        if self in self._gateway.connections:
            closing = self._parser.close_sent or self._parser.close_rcvd
            self._gateway.telemetry.closed(closing.code if closing else CloseCode.ABNORMAL_CLOSURE)
        self._home.connection_limiter.leave(peer_address(self._transport))
        if self._session is not None:
            self._session.closed()
        self._gateway.disconnected(self)
        if self._room is not None:
            self._room.close()
        if isinstance(self._direct, DirectSink):
            self._direct.detach()

    def pause_writing(self) -> None:
        """The peer reads more slowly than the server writes: later data is queued."""
        self._full_ns = self._full_ns or self._gateway.clock.now()
        if self.subscriber.outbox is not None:
            return
        if self._closing_ns:
            self._closing_sink = self._attested(self._transport)
        else:
            self.subscriber.sink = self._attested(self._transport)
            self._gateway.hub.fall_behind(self.subscriber, self._limits.max_unsent_bytes, self._overflowed)

    def resume_writing(self) -> None:
        """The peer has read everything that was written: send what is queued."""
        self._full_ns = 0
        hub, subscriber = self._gateway.hub, self.subscriber
        while subscriber.outbox is not None and not self._full_ns:
            data = hub.catch_up(subscriber)
            if data:
                self._attested(self._direct).write(data)
            else:
                self._gateway.telemetry.merge(hub.caught_up(subscriber, self._attested(self._direct)))

    # Called by uvicorn.

    def shutdown(self) -> None:
        """The server stops."""
        self.close(CloseCode.GOING_AWAY, "server stops; reconnect and resume")

    # Called by the gateway.

    @property
    def unsent(self) -> int:
        """Number of bytes that the peer has not read yet."""
        outbox = self.subscriber.outbox
        return self._transport.get_write_buffer_size() + (outbox.bytes if outbox else 0)

    @property
    def closing(self) -> bool:
        """Whether the connection is closing, so that nothing more is done for the peer."""
        return bool(self._closing_ns)

    def send(self, payload: bytes, opcode: int = TEXT) -> None:
        """Send one message."""
        if self._network is None:
            self._send(payload, opcode)
        else:
            self._network.answer(partial(self._send, payload, opcode), len(payload))

    def _send(self, payload: bytes, opcode: int) -> None:
        if not self._closing_ns:
            self.subscriber.sink.write(frame(opcode, payload))

    def attest(self, key: bytes) -> None:
        """Cover every later frame by the running MAC, uncompressed.

        Nothing may be queued, because queued frames would have no defined position. With simulated latency, the
        answer to the request may still be delayed.
        """
        if self._network is None:
            self._attest(key)
        else:
            self._network.after_answers(partial(self._attest, key))

    def _attest(self, key: bytes) -> None:
        if self.subscriber.outbox is not None:
            self.close(SLOW, "unread data; reconnect")
        elif not self._closing_ns:
            if self.subscriber.encoding == DEFLATE:
                self._gateway.hub.recode(self.subscriber, JSON)
            self._attesting = AttestingSink(self.subscriber.sink, key)
            self._gateway.hub.redirect(self.subscriber, self._attesting)

    def close(self, code: int, reason: str) -> None:
        """Begin the closing handshake; nothing is sent after it."""
        if self._closing_ns:
            return
        self._leave()
        if self._parser.state is State.OPEN:
            self._parser.send_close(code, reason)
        self._pass_on()

    def watch(self, now: int) -> None:
        """Run the session's timers, ping a silent peer, disconnect one that does not answer."""
        self._guard(self._see_time, now)

    def check_rights(self, now: int) -> None:
        """Close if the client's identity is no longer valid."""
        self._guard(self._check_rights, now)

    def resume(self) -> None:
        """Continue what had to wait, for one slice."""
        self._guard(self._gateway.resume, self)
        if self._intake.blocked:
            self._intake.run()

    def _check_rights(self, now: int) -> None:
        if self._session is not None and not self._closing_ns:
            self._gateway.enforce(self, self._session.rights_changed(now))

    def _see_time(self, now: int) -> None:
        if self._closing_ns:
            if now - self._closing_ns > self._limits.close_timeout * SECOND_NS:
                self._transport.abort()
            return
        if self._is_too_slow(now):
            self.close(SLOW, f"unread for {self._limits.write_timeout:g} s; reconnect and resume")
            return
        self._check_rights(now)
        deadline = self._session.deadline() if self._session else None
        if self._session and deadline is not None and now >= deadline:
            self._gateway.execute(self, self._session.tick(now))
        if self._full_ns or self._intake.blocked:
            self._pinged_ns = 0  # a ping would not reach it; the time without reading is checked above
        elif self._pinged_ns and now - self._pinged_ns > self._limits.ping_timeout * SECOND_NS:
            self._transport.abort()
        elif self._is_silent(now) and not (self._pinged_ns or self._closing_ns):
            self._pinged_ns = now
            self._parser.send_ping(b"")
            self._pass_on()

    def _is_too_slow(self, now: int) -> bool:
        """Whether the peer has read nothing, or data that cannot be merged has waited, for too long."""
        limit = self._limits.write_timeout * SECOND_NS
        outbox = self.subscriber.outbox
        return bool(self._full_ns and now - self._full_ns > limit) or (
            outbox is not None and outbox.age(now) > limit
        )

    def _is_silent(self, now: int) -> bool:
        return now - self._heard_ns > self._limits.ping_interval * SECOND_NS

    def _attested(self, sink: Sink) -> Sink:
        """The sink, wrapped by the running MAC if it is enabled."""
        if self._attesting is None:
            return sink
        self._attesting.over(sink)
        return self._attesting

    def _overflowed(self) -> None:
        """More is queued than permitted: close."""
        self.close(SLOW, f"more than {self._limits.max_unsent_bytes} bytes unread; reconnect and resume")

    def _crowded(self) -> None:
        """The patterns match too many instruments: close."""
        reason = (
            f"its patterns now stand for more than {self._limits.subscriptions} channels; subscribe to fewer"
        )
        self.close(CloseCode.POLICY_VIOLATION, reason)

    def _guard(self, act: Callable[..., None], *arguments: Any) -> None:
        """Call a function; an internal error ends this connection only."""
        try:
            act(*arguments)
        except Exception:
            log.exception("connection failed")
            self._broke()

    def _broke(self) -> None:
        if self._parser.state is State.OPEN and not self._closing_ns:
            self.close(CloseCode.INTERNAL_ERROR, "internal error")
        else:
            self._transport.abort()

    def _step(self) -> Step:
        """Handle one unit of input; an internal error ends this connection only."""
        try:
            return self._take_in()
        except Exception:
            log.exception("connection failed")
            self._received = self._events = NONE
            self._taken = 0
            self._broke()
            return Step.DONE

    def _take_in(self) -> Step:
        """Handle input in its order, so that slices of any size give the same bytes.

        By then, the parser has queued one pong for each ping, and after them what ends the connection.
        """
        if self._events:
            if self._has_to_wait():
                return Step.BLOCKED
            event = self._events.pop(0)
            self._events = self._events or NONE
            self._on_event(event)
            return Step.MORE
        if self._pongs or not (self._received or self._ended):
            pongs, self._pongs = self._pongs, NONE
            self._pass_on(pongs)
        if self._received:
            self._parser.receive_data(self._next_slice())
        elif self._ended:
            self._ended = False
            self._parser.receive_eof()
            self._pass_on()
            return Step.DONE
        else:
            return Step.DONE
        self._pongs = [*self._pongs, *self._parser.data_to_send()] or NONE
        self._events = cast(list[Request | Frame], self._parser.events_received()) or NONE
        return Step.MORE

    def _next_slice(self) -> bytes:
        """A slice small enough that its decompressed messages fit into the memory that one peer may use."""
        data, begin = self._received[0], self._taken
        end = begin + (INFLATING_SLICE if self._parser.extensions else SLICE)
        self._taken = end if end < len(data) else 0
        if not self._taken:
            self._received.pop(0)
            self._received = self._received or NONE
        return data[begin:end]

    def _has_to_wait(self) -> bool:
        """Whether the peer has so many unanswered requests that it must wait."""
        if self._closing_ns:
            return False
        far = self._network is not None and self._network.bytes_under_way >= MOST_UNDER_WAY
        return far or self._gateway.held(self) >= MOST_HELD

    def _on_event(self, event: Request | Frame) -> None:
        if isinstance(event, Request):
            self._on_request(event)
        elif event.opcode is Opcode.PING:
            pong = self._pongs.pop(0)
            if not self._closing_ns:
                self.subscriber.sink.write(pong)
        elif not self._closing_ns:
            self._on_frame(event)

    def _on_request(self, request: Request) -> None:
        response = self._judge(request)
        self._parser.send_response(response)
        if response.status_code == 101:
            self._parser.extensions = self._parser.extensions or NONE
            self._gateway.opened(self, self._session)
            self.subscriber.encoding = self._encoding()
        else:
            self._gateway.telemetry.refuse(response.status_code)
            self._closing_ns = self._gateway.clock.now()

    def _encoding(self) -> Encoding:
        """The negotiated encoding of notifications; plain if the client can decompress only a smaller window."""
        if self._parser.subprotocol == SUBPROTOCOL:
            return PROTO
        agreed = [
            extension for extension in self._parser.extensions if isinstance(extension, PerMessageDeflate)
        ]
        return DEFLATE if agreed and agreed[0].local_max_window_bits >= WINDOW_BITS else JSON

    def _judge(self, request: Request) -> Response:
        address = peer_address(self._transport)
        origins = request.headers.get_all("Origin")
        if not all(
            is_welcome(origin, request.headers.get("Host", ""), self._gateway.policy.origins)
            for origin in origins
        ):
            return self._parser.reject(403, "not from this origin\n")
        try:
            self._session = self._make_session(request, address)
        except RequestError as error:
            return self._parser.reject(STATUS.get(error.code, 401), f"{error}\n")
        if self._session is None:
            return self._parser.reject(404, f"WebSocket is at {PATH}\n")
        versions = request.headers.get_all("Sec-WebSocket-Version")
        if len(versions) == 1 and versions[0] != "13":
            response = self._parser.reject(426, "this server speaks version 13\n")
            response.headers["Upgrade"] = "websocket"
            response.headers["Sec-WebSocket-Version"] = "13"
            return response
        return self._parser.accept(request)

    def _make_session(self, request: Request, address: str) -> Session | None:
        """The session for the path; that of a replay is over a market of its own."""
        identity = self._identity(request, address)
        path, _, query = request.path.partition("?")
        if path != REPLAY_PATH or self._home.replays is None:
            return self._home.session_at(path, address, identity)
        if self._home.policy.private_only and identity is None:
            raise RequestError(UNAUTHORIZED, "unauthorized", reason="authenticate in the handshake")
        self._room = self._home.replays.open(self._home, query)
        self._gateway = self._room.gateway
        return self._gateway.session_at(PATH, address, identity)

    def _identity(self, request: Request, address: str) -> Identity | None:
        """The identity of the handshake, from the same header as in HTTP requests."""
        headers = request.headers.get_all("Authorization")
        asked = HttpRequest("GET", request.path, b"")
        return self._gateway.access.by_headers(headers, asked, address, self._gateway.clock.now())

    def _on_frame(self, frame: Frame) -> None:
        assert self._session is not None, "frames come behind a handshake"
        if frame.opcode is Opcode.BINARY and not self._session.takes_binary:
            self._fail(CloseCode.UNSUPPORTED_DATA, "send JSON in text frames")
        elif frame.opcode is Opcode.BINARY or frame.opcode is Opcode.TEXT:
            self._is_binary = frame.opcode is Opcode.BINARY
            self._on_data(self._session, frame)
        elif frame.opcode is Opcode.CONT:
            self._on_data(self._session, frame)

    def _on_data(self, session: Session, frame: Frame) -> None:
        if self._fragments:
            self._fragments.append(bytes(frame.data))
        else:
            self._fragments = [bytes(frame.data)]
        if len(self._fragments) > self._limits.max_fragments:
            self._fail(CloseCode.MESSAGE_TOO_BIG, f"more than {self._limits.max_fragments} fragments")
        elif frame.fin:
            message = b"".join(self._fragments)
            self._fragments = NONE
            self._on_message(session, message)

    def _on_message(self, session: Session, message: bytes) -> None:
        if self._is_binary:
            self._gateway.execute(self, session.received_binary(message, self._gateway.clock.now()))
        elif not is_utf8(message):
            self._fail(CloseCode.INVALID_DATA, "text must be UTF-8")
        elif self._network is None:
            self._receive(session, message)
        else:
            self._network.request(partial(self._arrived, session, message), len(message))

    def _arrived(self, session: Session, message: bytes) -> None:
        """A message has arrived after its simulated delay; the connection may have ended meanwhile."""
        if not (self._closing_ns or self._transport.is_closing()):
            self._guard(self._receive, session, message)

    def _receive(self, session: Session, message: bytes) -> None:
        self._gateway.execute(self, session.received(message, self._gateway.clock.now()))

    def _fail(self, code: CloseCode, reason: str) -> None:
        self._fragments = NONE
        self._leave()
        self._parser.fail(code, reason)

    def _leave(self) -> None:
        """Stop sending data and handling requests; queued data is dropped."""
        self._closing_ns = self._gateway.clock.now()
        self._gateway.drop_held(self)
        self._gateway.hub.gone(self.subscriber)
        if self.subscriber.outbox is not None:
            self._gateway.hub.caught_up(self.subscriber, self._attested(self._transport))
        self._closing_sink, self.subscriber.sink = self.subscriber.sink, NULL_SINK

    def _pass_on(self, queued: Iterable[bytes] = ()) -> None:
        """Write what the parser has queued; close if it says so, after the data of the present tick."""
        if self._parser.state in (State.CLOSING, State.CLOSED) and not self._closing_ns:
            self._leave()
        for data in (*queued, *self._parser.data_to_send()):
            if data:
                (self._closing_sink or self.subscriber.sink).write(data)
            elif self._transport.can_write_eof():
                self._transport.write_eof()
            else:
                self._transport.close()
        if self._parser.state is State.CLOSED or (
            self._parser.state is State.CONNECTING and self._parser.eof_sent
        ):
            self._transport.close()


def is_utf8(message: bytes) -> bool:
    """Whether a message is valid UTF-8."""
    try:
        message.decode()
    except UnicodeDecodeError:
        return False
    return True

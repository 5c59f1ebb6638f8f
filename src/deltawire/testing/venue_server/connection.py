"""One client of a simulated venue: the WebSocket, its limits, its heartbeat, and the faults of its frames."""

import asyncio
import contextlib
import heapq
from collections.abc import Callable, Sequence
from itertools import count

import msgspec
from websockets.frames import CloseCode, Frame, Opcode
from websockets.http11 import Request
from websockets.protocol import State
from websockets.server import ServerProtocol

from deltawire.testing.simulators.simulator import HandshakeError, Happening, Simulator
from deltawire.testing.venue_server.faults import Fault, Faults, corrupted
from deltawire.testing.venue_server.limits import SECOND_NS, Limits, Tally, Window

LONGEST_MESSAGE = 1 << 20
MOST_UNSENT = 64 << 20
"""A client that reads so much too slowly is cut off."""


class Connection:
    """A WebSocket of the venue; `now` is the venue's time, and `tick` is called after each step of it."""

    def __init__(
        self,
        number: int,
        simulator: Simulator,
        writer: asyncio.StreamWriter,
        *,
        limits: Limits,
        faults: Faults,
        tally: Tally,
        now: Callable[[], int],
    ) -> None:
        self.number = number
        self.simulator = simulator
        self.target = ""
        self.dead = False
        """Whether the connection is half open: nothing is read or written any more."""
        self._writer, self._limits, self._faults, self._tally, self._now = writer, limits, faults, tally, now
        self._protocol = ServerProtocol(max_size=LONGEST_MESSAGE)
        self._opened_ns = self._heard_ns = self._pinged_ns = self._sent_ns = now()
        self._unanswered_ns: int | None = None
        """Since when a ping has not been answered."""
        self._asked = False
        self._messages = Window(limits.messages) if limits.messages else None
        self._requests = Window(limits.requests) if limits.requests else None
        self._delayed: list[tuple[int, int, bytes]] = []
        self._order = count()
        self._held: dict[str, bytes] = {}
        """The frame of each stream that waits for the next one to pass it."""
        self._parts: list[bytes] = []

    @property
    def open(self) -> bool:
        """Whether frames can be sent."""
        return self._protocol.state is State.OPEN and not self._writer.is_closing()

    async def serve(self, reader: asyncio.StreamReader, begun: bytes) -> None:
        """Handle the connection, whose first bytes have been read, until it ends."""
        data = begun
        while data and not self._writer.is_closing():
            if not self.dead:
                self._received(data)
            data = await self._read(reader)
        if not self.dead:
            self._protocol.receive_eof()
        self.cut()

    def deliver(self, frames: Sequence[tuple[str, bytes]]) -> None:
        """Send the frames of streams, as far as no fault strikes them."""
        now = self._now()
        for key, frame in frames:
            for due_ns, each in self._struck(key, frame, now):
                if due_ns > now:
                    heapq.heappush(self._delayed, (due_ns, next(self._order), each))
                else:
                    self._send(each)
        self._flush()

    def step(self, happenings: Sequence[Happening], *, second: bool) -> None:
        """Time has passed, and this has happened in the market."""
        if self.dead or not self.open:
            return
        now = self._now()
        self.simulator.advance(now)
        while self._delayed and self._delayed[0][0] <= now:
            self._send(heapq.heappop(self._delayed)[2])
        self.deliver(self.simulator.frames(happenings))
        beat = self.simulator.beat() if second and now - self._sent_ns >= SECOND_NS else None
        if beat is not None:
            self.deliver([("", beat)])
        self._watch(now)
        self._flush()

    def close(self, code: int, reason: str = "") -> None:
        """Close with a frame."""
        if self.open and not self.dead:
            self._protocol.send_close(code, reason)
            self._flush()

    def cut(self) -> None:
        """End the connection without a close frame."""
        self._writer.transport.abort()

    def stop(self) -> None:
        """Leave the connection half open: it neither reads nor writes any more."""
        self.dead = True
        with contextlib.suppress(RuntimeError):
            self._writer.transport.pause_reading()  # type: ignore[attr-defined]

    def notify(self, frame: bytes | None) -> None:
        """Send a frame that belongs to no stream."""
        if frame is not None and self.open and not self.dead:
            self._send(frame)
            self._flush()

    async def _read(self, reader: asyncio.StreamReader) -> bytes:
        try:
            return await reader.read(1 << 16)
        except OSError:
            return b""

    def _received(self, data: bytes) -> None:
        self._protocol.receive_data(data)
        for event in self._protocol.events_received():
            if isinstance(event, Request):
                self._greet(event)
            elif isinstance(event, Frame):
                self._on_frame(event)
        self._flush()

    def _greet(self, request: Request) -> None:
        self.target = request.path
        self.simulator.advance(self._now())
        response = self._protocol.accept(request)
        try:
            greeting = self.simulator.connected(request.path) if response.status_code == 101 else []
        except HandshakeError as error:
            response, greeting = self._protocol.reject(error.status, error.reason), []
        self._protocol.send_response(response)
        self._tally.count("websockets", response.status_code == 101)
        self.deliver([("", frame) for frame in greeting])

    def _on_frame(self, frame: Frame) -> None:
        self._heard_ns = self._now()
        if frame.opcode in (Opcode.PING, Opcode.PONG):
            self._unanswered_ns = None
            self._tally.count("pings" if frame.opcode is Opcode.PING else "pongs")
            if self._limits.counts_pongs and not self._within_rate():
                self.close(CloseCode.POLICY_VIOLATION, "Too many requests")
        elif frame.opcode in (Opcode.TEXT, Opcode.BINARY, Opcode.CONT):
            self._parts.append(bytes(frame.data))
            if frame.fin:
                text, self._parts = b"".join(self._parts), []
                self._on_message(text.decode(errors="replace"))

    def _within_rate(self) -> bool:
        return self._messages is None or self._tally.take("messages", self._messages, self._now())

    def _on_message(self, text: str) -> None:
        """Answer a client's message, unless it is one too many."""
        self._tally.count("messages")
        self._asked = True
        limits = self._limits
        self.simulator.advance(self._now())
        arguments = self._arguments(text)
        within = self._within_rate()
        if arguments and self._requests is not None:
            within &= self._tally.take("requests", self._requests, self._now())
        within &= self._tally.reach("frame bytes", len(text), limits.frame_bytes)
        if not within:
            self._punish(self.simulator.too_fast(text))
            return
        kept = self._tally.reach("arguments", len(arguments), limits.arguments)
        streams = {*self.simulator.streams, *arguments}
        kept &= self._tally.reach("streams", len(streams), limits.streams)
        kept &= self._tally.reach("argument bytes", sum(map(len, streams)), limits.argument_bytes)
        if not kept:
            self._punish(self.simulator.too_many())
            return
        self.deliver(self.simulator.replies(text))

    def _arguments(self, text: str) -> list[str]:
        try:
            return self.simulator.arguments(text)
        except (msgspec.DecodeError, AttributeError, KeyError, TypeError):
            return []

    def _punish(self, frames: list[bytes] | None) -> None:
        if frames is None:
            self.close(CloseCode.POLICY_VIOLATION, "Too many requests")
        else:
            self.deliver([("", frame) for frame in frames])

    def _watch(self, now: int) -> None:
        """Ping, and close what is too old, too quiet, or does not answer."""
        limits = self._limits
        quiet_ns = self._heard_ns if not limits.pushes_count else max(self._heard_ns, self._sent_ns)
        if _over(now, self._opened_ns, limits.lifetime_s):
            self._end("lifetime", CloseCode.GOING_AWAY, "connection lifetime")
        elif self._unanswered_ns is not None and _over(now, self._unanswered_ns, limits.pong_s):
            self._end("no pong", CloseCode.POLICY_VIOLATION, "Pong timeout")
        elif _over(now, quiet_ns, limits.idle_s):
            self._end("idle", limits.idle_code, "No data received")
        elif not self._asked and _over(now, self._opened_ns, limits.first_s):
            self._end("no request", CloseCode.POLICY_VIOLATION, "subscribe required")
        elif _over(now, self._pinged_ns, limits.ping_s):
            self._pinged_ns = now
            self._unanswered_ns = self._unanswered_ns or now
            self._protocol.send_ping(b"%d" % (now // 1_000_000))

    def _end(self, why: str, code: int, reason: str) -> None:
        self._tally.count(f"closed: {why}")
        self.close(code, reason)

    def _struck(self, key: str, frame: bytes, now: int) -> list[tuple[int, bytes]]:
        """What becomes of a frame, each with the time at which it is sent."""
        if not key:
            return [(now, frame)]
        stream = self.simulator.streams.get(key)
        name = stream.name if stream is not None else ""

        def first(kind: str) -> Fault | None:
            return self._faults.first(kind, now, self.number, key, name)

        if first("silence") or first("mute") or first("drop"):
            return []
        if fault := first("corrupt"):
            frame = corrupted(frame, fault.how, self._faults.random("corrupt"))
        due_ns = now + int(fault.by * SECOND_NS) if (fault := first("delay")) else now
        if key in self._held:
            return [(due_ns, frame), (due_ns, self._held.pop(key))]
        if first("reorder"):
            self._held[key] = frame
            return []
        return [(due_ns, frame)] * (2 if first("duplicate") else 1)

    def _send(self, frame: bytes) -> None:
        if self.open:
            self._sent_ns = self._now()
            self._tally.count("frames")
            self._protocol.send_text(frame)

    def _flush(self) -> None:
        if self.dead or self._writer.is_closing():
            return
        chunks = self._protocol.data_to_send()
        self._writer.write(b"".join(chunks))
        if self._writer.transport.get_write_buffer_size() > MOST_UNSENT:
            self._tally.count("closed: too slow")
            self.cut()
        elif b"" in chunks and self._writer.can_write_eof():
            self._writer.write_eof()
        elif b"" in chunks:
            self._writer.close()


def _over(now: int, since_ns: int, length_s: float) -> bool:
    return bool(length_s) and now - since_ns >= length_s * SECOND_NS

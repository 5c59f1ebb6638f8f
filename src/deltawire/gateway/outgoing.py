"""Output of a connection while its peer keeps up: directly to the socket."""

import asyncio
import socket

from deltawire.book.kernel import compiled
from deltawire.fanout.subscribers import Sink, Write, write_to_each
from deltawire.wire.mac import RunningMac, mac_frame

_sending = compiled("deltawire.gateway._sending")


def make_write(sinks: tuple[Sink, ...]) -> Write:
    """A function that writes the same bytes to many sinks: with the compiled kernel, in one loop to all direct ones.

    It holds descriptors, so it must be dropped before any of these connections is closed; groups do this when a
    subscriber leaves or gets another sink.
    """
    direct = tuple(sink for sink in sinks if isinstance(sink, DirectSink))
    if _sending is None or not direct:
        return write_to_each(sinks)
    write_direct: Write = _sending.DirectWriter(direct)
    if len(direct) == len(sinks):
        return write_direct
    write_others = write_to_each(tuple(sink for sink in sinks if not isinstance(sink, DirectSink)))

    def write(data: bytes) -> None:
        write_direct(data)
        write_others(data)

    return write


def make_sink(transport: asyncio.Transport) -> Sink:
    """The fastest sink for a transport without unsent data."""
    plain = transport.get_extra_info("sslcontext") is None
    return DirectSink(transport) if plain and transport.get_extra_info("socket") else transport


class _NullSink:
    """Drops everything; for a connection that is closing."""

    def write(self, data: bytes) -> None:
        """Drop the data."""


NULL_SINK = _NullSink()


class AttestingSink:
    """Another sink; each write is followed by a frame with the running MAC."""

    def __init__(self, sink: Sink, key: bytes) -> None:
        self._sink = sink
        self._mac = RunningMac(key)

    def write(self, data: bytes) -> None:
        """Write the data and the MAC."""
        self._mac.add(data)
        note = self._mac.note()
        self._sink.write(data if note is None else data + mac_frame(note))

    def over(self, sink: Sink) -> None:
        """Continue the same MAC over another sink."""
        self._sink = sink


class DirectSink(socket.socket):
    """Writes to a transport's socket directly, at a tenth of the cost of the transport's write, system call included.

    The transport takes over what the socket does not accept. From then on everything must go through the transport to
    keep the order. So the caller must set the transport's high-water mark to 0, and write elsewhere between
    `pause_writing` and `resume_writing`. The descriptor belongs to the transport: call `detach` when it is lost.
    """

    __slots__ = ("_transport",)

    def __init__(self, transport: asyncio.Transport) -> None:
        super().__init__(fileno=transport.get_extra_info("socket").fileno())
        self.setblocking(False)
        self._transport = transport

    def write(self, data: bytes) -> None:
        """Send; if the socket is full or broken, the transport continues."""
        try:
            sent = self.send(data)
        except OSError:
            sent = 0
        if sent != len(data):
            self.write_rest(data[sent:])

    def write_rest(self, rest: bytes) -> None:
        """Pass what the socket did not accept to the transport, unless it is closed: then a write would be an error."""
        if not self._transport.is_closing():
            self._transport.write(rest)

    def __del__(self) -> None:
        self.detach()

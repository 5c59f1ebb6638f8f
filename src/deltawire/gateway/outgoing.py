"""The way out of a connection while its peer keeps up: straight into the socket."""

import asyncio
import socket

from deltawire.book.kernel import compiled
from deltawire.fanout.subscribers import Sink, Write, write_to_each
from deltawire.wire.mac import RunningMac, mac_frame

_sending = compiled("deltawire.gateway._sending")


def make_write(sinks: tuple[Sink, ...]) -> Write:
    """Writes the same bytes to many sinks: in one compiled loop to all that are direct, where there is one.

    It holds descriptors, so it must be dropped before any of these connections is closed; groups do, when a subscriber
    goes or gets another sink.
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
    """The shortest way out of a transport that has nothing unsent."""
    plain = transport.get_extra_info("sslcontext") is None
    return DirectSink(transport) if plain and transport.get_extra_info("socket") else transport


class _NullSink:
    """Drops everything: the way to a peer whose connection is closing."""

    def write(self, data: bytes) -> None:
        """See `Sink`."""


NULL_SINK = _NullSink()


class AttestingSink:
    """Another sink, behind each write to which a frame proves what was written."""

    def __init__(self, sink: Sink, key: bytes) -> None:
        self._sink = sink
        self._mac = RunningMac(key)

    def write(self, data: bytes) -> None:
        """Write and prove."""
        self._mac.add(data)
        note = self._mac.note()
        self._sink.write(data if note is None else data + mac_frame(note))

    def over(self, sink: Sink) -> None:
        """Go on with the same proof over another sink."""
        self._sink = sink


class DirectSink(socket.socket):
    """Sends on a transport's socket, past the transport: a tenth of what a write costs, system call included.

    The transport takes over what the socket does not take. From then on order demands that everything goes
    through it, so whoever writes here must set the transport's high-water mark to 0, and write elsewhere between
    `pause_writing` and `resume_writing`. The descriptor stays the transport's: `detach` once it is lost.
    """

    __slots__ = ("_transport",)

    def __init__(self, transport: asyncio.Transport) -> None:
        super().__init__(fileno=transport.get_extra_info("socket").fileno())
        self.setblocking(False)
        self._transport = transport

    def write(self, data: bytes) -> None:
        """Send; when the socket is full or broken it is for the transport to go on."""
        try:
            sent = self.send(data)
        except OSError:
            sent = 0
        if sent != len(data):
            self.go_on(data[sent:])

    def go_on(self, rest: bytes) -> None:
        """What the socket did not take is the transport's, unless that is gone: a write would be an error then."""
        if not self._transport.is_closing():
            self._transport.write(rest)

    def __del__(self) -> None:
        self.detach()

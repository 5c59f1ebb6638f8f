"""Serves the frames of a recording as its venue would, faster than anybody reads them.

    python -m bench.venue_sender SET

One port for WebSocket and REST. Requests are answered by the venue's simulator; the book frames are the recording's.
A connection that asks for books gets the frames up to the last image that opens a book. Standard input says
`go LOOPS`: the rest of the recording, then all of it so many times more, in writes of 256 KiB, then a ping. Standard
output says the port, and, once the ping is answered, `sent MESSAGES`.
"""

import hashlib
import socket
import sys
import threading
from base64 import b64encode
from collections.abc import Iterator
from typing import Any

import msgspec

from bench.frames import Frames, is_image
from bench.receive_sets import ReceiveSet, find
from deltawire.testing.simulators import SERVED
from deltawire.testing.simulators.market import Walk
from deltawire.testing.simulators.simulator import Simulator

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, 1.3
TEXT, CLOSE, PING, PONG = 1, 8, 9, 10
SLICE = 1 << 18
PONG_S = 600.0


def make_frame(opcode: int, payload: bytes) -> bytes:
    """A frame of a server, not fragmented."""
    size = len(payload)
    if size < 126:
        return bytes((0x80 | opcode, size)) + payload
    if size < 1 << 16:
        return bytes((0x80 | opcode, 126)) + size.to_bytes(2, "big") + payload
    return bytes((0x80 | opcode, 127)) + size.to_bytes(8, "big") + payload


def unwrapped(payload: bytes) -> bytes:
    """Without the envelope of Binance's combined streams."""
    if not payload.startswith(b'{"stream"'):
        return payload
    return bytes(msgspec.json.decode(payload, type=dict[str, msgspec.Raw])["data"])


class VenueSender:
    """The frames that are sent, and the connection to send them on."""

    def __init__(self, asked: ReceiveSet, frames: Frames) -> None:
        self._set, self._frames = asked, frames
        payloads = [payload for _, payload in frames.frames]
        opened = max((n for n, frame in enumerate(frames.frames) if is_image(frame)), default=0)
        self._first, self._rest, self._all = payloads[: opened + 1], payloads[opened + 1 :], payloads
        self._peer: socket.socket | None = None
        self._raw = False
        self._answered = threading.Event()
        self._writing = threading.Lock()

    def listen(self) -> int:
        """Listen on a free port, in threads that end with the process; the port."""
        listener = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()
        return int(listener.getsockname()[1])

    def send(self, loops: int) -> int:
        """The rest, if it was not sent, and everything so often again, until it was read; how many messages."""
        peer, rest, self._rest = self._peer, self._rest, []
        assert peer is not None
        self._answered.clear()
        once = self._joined(self._all)
        for piece in [self._joined(rest), *[once] * loops]:
            with self._writing:  # an answer comes between two of them
                for start in range(0, len(piece), SLICE):
                    peer.sendall(piece[start : start + SLICE])
        self._write(peer, make_frame(PING, b"end"))
        if not self._answered.wait(PONG_S):
            sys.exit("venue_sender: the ping was not answered")
        return len(rest) + loops * len(self._all)

    def _write(self, peer: socket.socket, data: bytes | memoryview) -> None:
        with self._writing:
            peer.sendall(data)

    def _joined(self, payloads: list[bytes]) -> memoryview:
        return memoryview(
            b"".join(make_frame(TEXT, unwrapped(each) if self._raw else each) for each in payloads)
        )

    def _accept(self, listener: socket.socket) -> None:
        while True:
            peer, _ = listener.accept()
            peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self._talk, args=(peer,), daemon=True).start()

    def _talk(self, peer: socket.socket) -> None:
        with peer, peer.makefile("rb") as reader:
            while line := reader.readline():
                method, target, _ = line.decode().split()
                headers = {}
                while header := reader.readline().strip():
                    name, _, value = header.decode().partition(":")
                    headers[name.lower()] = value.strip()
                simulator = self._simulator()
                if "sec-websocket-key" in headers:
                    key = headers["sec-websocket-key"].encode()
                    self._upgrade(peer, key, target, simulator)
                    self._converse(peer, reader, simulator)
                    return
                body = reader.read(int(headers.get("content-length", 0)))
                self._answer(peer, simulator, method, target, body)

    def _simulator(self) -> Simulator:
        walks = {contract.name: Walk(contract, 1, 5) for contract in self._set.contracts}
        return SERVED[self._frames.venue](walks=walks, **self._set.simulator)

    def _answer(
        self, peer: socket.socket, simulator: Simulator, method: str, target: str, body: bytes
    ) -> None:
        image = self._frames.image
        status, answer = (
            (200, image) if image and "depth" in target else simulator.fetched(method, target, body)
        )
        head = (
            f"HTTP/1.1 {status} OK\r\nContent-Type: application/json\r\nContent-Length: {len(answer)}\r\n\r\n"
        )
        peer.sendall(head.encode() + answer)

    def _upgrade(self, peer: socket.socket, key: bytes, target: str, simulator: Simulator) -> None:
        accept = b64encode(hashlib.sha1(key + GUID).digest())
        peer.sendall(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n"
        )
        if target.startswith("/ws/") and simulator.paths[0].startswith("/public"):
            target = "/public" + target  # where ccxt's former address leads to
        for frame in simulator.connected(target):
            self._write(peer, make_frame(TEXT, frame))
        self._open_books(peer, simulator, raw="/ws/" in target)

    def _converse(self, peer: socket.socket, reader: Any, simulator: Simulator) -> None:
        raw = self._raw
        for opcode, payload in client_frames(reader):
            if opcode == CLOSE:
                return
            if opcode == PING:
                self._write(peer, make_frame(PONG, payload))
            elif opcode == PONG:
                self._answered.set()
            else:
                for name, frame in simulator.replies(payload.decode()):
                    stream = simulator.streams.get(name)
                    if stream is None or stream.on == "listed":
                        self._write(peer, make_frame(TEXT, frame))
                self._open_books(peer, simulator, raw=raw)

    def _open_books(self, peer: socket.socket, simulator: Simulator, *, raw: bool) -> None:
        """Send the images, once all books are subscribed to."""
        self._raw = raw
        asked = {stream.name for stream in simulator.streams.values() if stream.on == "moved"}
        if peer is not self._peer and asked >= {contract.name for contract in self._set.contracts}:
            self._peer = peer
            self._write(peer, self._joined(self._first))


def client_frames(reader: Any) -> Iterator[tuple[int, bytes]]:
    """The frames of a client, each with its opcode, until it ends."""
    while len(head := reader.read(2)) == 2:
        size = head[1] & 0x7F
        if size == 126:
            size = int.from_bytes(reader.read(2), "big")
        elif size == 127:
            size = int.from_bytes(reader.read(8), "big")
        mask = reader.read(4)
        payload = bytes(byte ^ mask[n % 4] for n, byte in enumerate(reader.read(size)))
        yield head[0] & 0x0F, payload


def main() -> None:
    """Serve the set that is named."""
    asked = find(sys.argv[1])
    sender = VenueSender(asked, asked.frames())
    print(sender.listen(), flush=True)
    for line in sys.stdin:
        print("sent", sender.send(int(line.split()[1])), flush=True)


if __name__ == "__main__":
    main()

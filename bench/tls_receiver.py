"""The load over TLS: what `receiver.c` does, decrypted. A server is measured by its own processor time, so that what
this costs counts for nobody.

    python -m bench.tls_receiver PORT PATH CONNECTIONS [TEXT]
"""

import os
import selectors
import socket
import ssl
import sys
import time

READ_BYTES = 1 << 18
RETRIES, RETRY_S = 400, 0.05
HANDSHAKE_S = 30
CLOSE, PING, PONG = 8, 9, 10


class Connection:
    """One WebSocket, over TLS where there is a context; it counts the data frames that come."""

    def __init__(self, port: int, path: str, context: ssl.SSLContext | None) -> None:
        self.socket = _connect(port)
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls: ssl.SSLObject | None = None
        self._unread = b""
        self.frames = 0
        if context is not None:
            self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname="localhost")
            self._shake_hands(self._tls)
        self._upgrade(port, path)
        self.socket.setblocking(False)

    def send(self, opcode: int, payload: bytes) -> None:
        """A frame from a client is masked; with a key of zeros the payload stays as it is."""
        size = len(payload)
        head = bytes([0x80 | size]) if size < 126 else b"\xfe" + size.to_bytes(2, "big")
        self._send(bytes([0x80 | opcode]) + head + bytes(4) + payload)

    def receive(self) -> None:
        """Take in what the socket has."""
        try:
            data = self.socket.recv(READ_BYTES)
        except BlockingIOError:
            return
        if not data:
            sys.exit("receiver: the server hung up")
        self.count(self._opened(data))

    def on_data(self, payload: bytes) -> None:
        """A data frame has come."""

    def _opened(self, data: bytes) -> bytes:
        if self._tls is None:
            return data
        self._incoming.write(data)
        opened = []
        try:
            while piece := self._tls.read(READ_BYTES):
                opened.append(piece)
        except ssl.SSLWantReadError:
            return b"".join(opened)
        sys.exit("receiver: the server closed a connection")

    def count(self, data: bytes) -> None:
        """Take in what has come over the WebSocket."""
        self.walk(data)

    def walk(self, data: bytes) -> None:
        """Look at every frame."""
        data, at = self._unread + data, 0
        end = len(data)
        while end - at >= 2:
            size, head = data[at + 1], 2
            if size >= 126:
                head = 4 if size == 126 else 10
                size = int.from_bytes(data[at + 2 : at + head], "big")
            if end - at < head + size:
                break
            opcode = data[at] & 15
            if opcode < CLOSE:
                self.frames += 1
                self.on_data(data[at + head : at + head + size])
            elif opcode == PING:
                self.send(PONG, b"")
            at += head + size
        self._unread = data[at:]

    def _send(self, data: bytes) -> None:
        if self._tls is not None:
            self._tls.write(data)
            data = self._outgoing.read()
        self.socket.sendall(data)

    def _shake_hands(self, tls: ssl.SSLObject) -> None:
        while True:
            try:
                tls.do_handshake()
            except ssl.SSLWantReadError:
                self.socket.sendall(self._outgoing.read())
                self._incoming.write(self.socket.recv(READ_BYTES))
            else:
                self.socket.sendall(self._outgoing.read())
                return

    def _upgrade(self, port: int, path: str) -> None:
        self._send(
            f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        )
        head = b""
        while b"\r\n\r\n" not in head:
            data = self.socket.recv(READ_BYTES)
            if not data:
                sys.exit("receiver: no answer to a handshake")
            head += self._opened(data)
        head, _, rest = head.partition(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 101 ") or b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" not in head:
            sys.exit(f"receiver: refused: {head[:60].decode(errors='replace')}")
        self.count(rest)


def main(port: int, path: str, count: int, text: str = "") -> None:
    """Until standard input ends."""
    context = client_context()
    selector = selectors.DefaultSelector()
    connections = []
    for _ in range(count):
        connection = Connection(port, path, context)
        if text:
            connection.send(1, text.encode())
        connections.append(connection)
        selector.register(connection.socket, selectors.EVENT_READ, connection)
    selector.register(0, selectors.EVENT_READ, None)
    print("ready", flush=True)
    while True:
        for key, _ in selector.select():
            if key.data is not None:
                key.data.receive()
            elif not os.read(0, 1):
                return
            else:
                print(sum(connection.frames for connection in connections), flush=True)


def client_context() -> ssl.SSLContext:
    """It trusts anyone: the certificate is made for this run, on this machine."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def _connect(port: int) -> socket.socket:
    for _ in range(RETRIES):
        try:
            sock = socket.create_connection(("127.0.0.1", port), HANDSHAKE_S)
        except OSError:
            time.sleep(RETRY_S)
        else:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return sock
    sys.exit("receiver: connect")


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), *sys.argv[4:])

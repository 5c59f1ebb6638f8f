"""Memory of idle connections, each subscribed to a channel: resident bytes of the server per connection."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

from bench.fanout_pair import allow_files, free_port, python_server
from bench.servers.message import CHANNEL

CONNECTIONS, QUICK_CONNECTIONS = 10_000, 2_000
WARM = 500
"""Opened before the count begins, so that what is allocated once is not counted."""
BAR_KIB = 4.0
HANDSHAKE = (
    b"GET /ws/api/v2 HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


def main(*, quick: bool = False) -> None:
    """Measure and print."""
    wanted = min(QUICK_CONNECTIONS if quick else CONNECTIONS, allow_files() - WARM - 100)
    port = free_port()
    server = subprocess.Popen([*python_server("gateway"), str(port)], stdin=subprocess.PIPE)
    try:
        held = [connect(port) for _ in range(WARM)]
        before = resident(server.pid)
        held += [connect(port) for _ in range(wanted)]
        each = (resident(server.pid) - before) / wanted
        print(f"Idle, {wanted:,} open and subscribed to one channel: {each / 1024:.2f} KiB per connection")
        print(f"  bar {BAR_KIB:g} KiB: {'met' if each <= BAR_KIB * 1024 else 'MISSED'}")
    finally:
        server.kill()
        server.wait()


def connect(port: int) -> socket.socket:
    """A connection behind its handshake and its subscription."""
    sock = dial(port)
    sock.sendall(HANDSHAKE)
    read_until(sock, b"\r\n\r\n")
    ask = {"jsonrpc": "2.0", "id": 1, "method": "public/subscribe", "params": {"channels": [CHANNEL]}}
    body = json.dumps(ask).encode()
    sock.sendall(b"\x81\xfe" + len(body).to_bytes(2, "big") + bytes(4) + body)
    read_until(sock, b'"testnet":false}')
    return sock


def dial(port: int) -> socket.socket:
    """A connection, as soon as the server listens."""
    for _ in range(2000):
        try:
            return socket.create_connection(("127.0.0.1", port))
        except ConnectionRefusedError:
            os.sched_yield()
            subprocess.run(["sleep", "0.01"], check=True)
    sys.exit("bench: the server does not come up")


def read_until(sock: socket.socket, end: bytes) -> None:
    """Read up to a mark."""
    found = b""
    while end not in found:
        more = sock.recv(4096)
        if not more:
            sys.exit("bench: the server hung up")
        found += more


def resident(pid: int) -> int:
    """Bytes of a process that are in memory."""
    fields = Path(f"/proc/{pid}/statm").read_text().split()
    return int(fields[1]) * os.sysconf("SC_PAGESIZE")


if __name__ == "__main__":
    main(quick="--quick" in sys.argv)

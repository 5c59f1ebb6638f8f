"""The real command under attack: what it costs in memory, measured at the process, and that it is given back."""

import os
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from deltawire.gateway.free_memory import make_give_back, statistics
from deltawire.wire.deflate import deflated
from tests.support.commands import Command
from tests.support.frames import CONT, PING, client_frame, request_frame
from tests.support.gateway_server import RawClient
from tests.support.trade_recordings import deribit_tape

MIB = 1024 * 1024
MAY_GROW = 48 * MIB
"""Far below what any of these attacks would cost if it were kept: each sends or declares hundreds of MiB."""


class ServedTape:
    """A server process."""

    def __init__(self, command: Command, port: int) -> None:
        self.port = port
        self.peak = command.peak_memory

    def client(self, **headers: str) -> RawClient:
        """A client behind its handshake."""
        client = RawClient(self.port)
        more = {name.replace("_", "-"): value for name, value in headers.items()}
        assert " 101 " in client.handshake(headers=more)
        return client


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedTape]:
    folder = tmp_path_factory.mktemp("memory")
    config = folder / "open.toml"
    config.write_text("[credits]\nrefill = 1000000000\npool = 1000000000\nsubscription_pool = 1000000000\n")
    tape = deribit_tape(folder / "tape.log")
    options = ["--replay", tape, "--venue", "deribit", "--speed", "max", "--port", 0, "--config", config]
    with Command("serve", *options) as server:
        match = re.search(r":(\d+)/ws/api", server.out.until("WebSocket"))
        assert match is not None
        server.err.until("source ended")
        yield ServedTape(server, int(match[1]))


def declare_much(served: ServedTape) -> None:
    for size in (1 << 20, 1 << 30, 1 << 40, 1 << 62):
        for _ in range(50):
            with served.client() as client:
                client.send(b"\x81\xff" + size.to_bytes(8, "big"))
                assert client.close_code() in (1002, 1009)


def send_fragments(served: ServedTape) -> None:
    whole = client_frame(b"", fin=False) + client_frame(b"", CONT, fin=False) * 120_000
    for _ in range(3):
        with served.client() as client:
            client.flood(whole)
            assert client.close_code() in (1008, 1009)


def send_bombs(served: ServedTape) -> None:
    """Each a message of 100 MiB in 100 KiB; and a thousand small ones within one message's limit."""
    zeros = deflated(bytes(100 * MIB))
    for _ in range(10):
        with served.client(Sec_WebSocket_Extensions="permessage-deflate") as client:
            client.send(client_frame(zeros, rsv=4))
            assert client.close_code() == 1009
    with served.client(Sec_WebSocket_Extensions="permessage-deflate") as client:
        for _ in range(1_000):
            client.send(client_frame(deflated(b" " * 250_000), rsv=4))
            assert "error" in client.message()


def knock_slowly(served: ServedTape) -> None:
    clients = [RawClient(served.port) for _ in range(200)]
    for turn in range(20):
        for client in clients:
            client.flood(b"GET /ws/api/v2 HTTP/1.1\r\n" if not turn else b"X: " + b"y" * 2_000 + b"\r\n")
    for client in clients:
        client.close()


def hold_half_messages(served: ServedTape) -> None:
    clients = [served.client() for _ in range(40)]
    for client in clients:
        client.send(client_frame(b"x" * 200_000)[:190_000])
    for client in clients:
        client.reset()


def send_garbage(served: ServedTape) -> None:
    for payload in (b"[" * 100_000, b'{"a":' * 20_000, b"9" * 100_000, b'{"id":"' + b"x" * 200_000):
        with served.client() as client:
            for _ in range(100):
                client.send(client_frame(payload))
                assert "error" in client.message()


def send_long_heads(served: ServedTape) -> None:
    for _ in range(20):
        with RawClient(served.port) as client:
            client.flood(b"GET / HTTP/1.1\r\nX: " + b"x" * 10 * MIB)


def send_long_bodies(served: ServedTape) -> None:
    for _ in range(20):
        with RawClient(served.port) as client:
            client.flood(
                b"POST /api/v2 HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n" + b"x" * 10 * MIB
            )


def subscribe_and_leave(served: ServedTape) -> None:
    for turn in range(20):
        with served.client() as client:
            for start in range(0, 5_000, 500):
                names = [f"deribit_price_index.t{turn}x{number}" for number in range(start, start + 500)]
                assert len(client.answer("public/subscribe", channels=names)["result"]) == 500


def join_and_leave(served: ServedTape) -> None:
    channels = ["book.BTC-PERPETUAL.raw", "book.*.100ms", "trades.any.any.raw", "quote.BTC-PERPETUAL"]
    with served.client() as client:
        for _ in range(2_000):
            client.answer("public/subscribe", channels=channels)
            client.answer("public/unsubscribe_all")


def guess_logins(served: ServedTape) -> None:
    with served.client() as client:
        for number in range(2_000):
            params = {
                "grant_type": "client_credentials",
                "client_id": f"{number}" * 200,
                "client_secret": "x" * 5_000,
            }
            assert "error" in client.answer("public/auth", **params)


def never_read(served: ServedTape) -> None:
    for frame in (client_frame(b"x" * 125, PING), request_frame("public/get_instruments")):
        with RawClient(served.port, receive_buffer=4096) as client:
            assert " 101 " in client.handshake()
            while client.flood(frame * 100):
                pass


ATTACKS = [
    declare_much,
    send_fragments,
    send_bombs,
    knock_slowly,
    hold_half_messages,
    send_garbage,
    send_long_heads,
    send_long_bodies,
    subscribe_and_leave,
    join_and_leave,
    guess_logins,
    never_read,
]


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.__name__)
def test_an_attack_costs_little_memory_and_the_server_lives(
    served: ServedTape, attack: Callable[[ServedTape], None]
) -> None:
    before = served.peak()
    began = time.monotonic()
    attack(served)
    with served.client() as client:
        assert "result" in client.answer("public/test")
    print(f"{attack.__name__}: {(served.peak() - before) / MIB:.1f} MiB, {time.monotonic() - began:.1f} s")
    assert served.peak() - before < MAY_GROW


@pytest.mark.skipif(statistics() is None, reason="the C library does not say how much is free")
def test_memory_that_a_burst_leaves_in_pieces_is_given_back() -> None:
    blocks = [bytearray(1000) for _ in range(64_000)]
    kept = blocks[::1000]  # so that nothing can be given back from the end of the heap
    del blocks
    before = _resident()
    make_give_back()()
    assert before - _resident() > 32 * MIB
    assert len(kept) == 64


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")

"""TLS of one connection: any data arrives in any cuts, and large messages leave nothing behind."""

import asyncio
import contextlib
import ssl
from pathlib import Path
from random import Random
from typing import cast

import pytest

from deltawire.gateway import free_memory
from deltawire.gateway.tls import PIECE_BYTES, TlsTransport
from deltawire.store.certificates import load_tls, self_signed

MIB = 1024 * 1024
SIZES = (1, 1000, 16 * 1024, PIECE_BYTES - 1, PIECE_BYTES, PIECE_BYTES + 1, 3 * PIECE_BYTES + 5, 4 * MIB)


class WrittenBytes:
    """The transport below: keeps what is written."""

    def __init__(self) -> None:
        self.sent = bytearray()

    def get_extra_info(self, name: str, default: object = None) -> object:
        return default

    def is_closing(self) -> bool:
        return False

    def get_write_buffer_size(self) -> int:
        return 1  # so that everything is written here, and nothing to a socket

    def write(self, data: bytes) -> None:
        self.sent += data

    def take(self) -> bytes:
        data, self.sent = bytes(self.sent), bytearray()
        return data


class SealedPair:
    """A server's transport and a client of the `ssl` module behind their handshake."""

    def __init__(
        self, server: ssl.SSLContext, client: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("deltawire.gateway.tls.DirectSink", lambda transport: None)
        self.wire = WrittenBytes()
        self.transport = TlsTransport(
            server, cast(asyncio.Transport, self.wire), cast(asyncio.Protocol, asyncio.Protocol())
        )
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.client = client.wrap_bio(self.incoming, self.outgoing, server_hostname="localhost")
        done = False
        while not done:
            with contextlib.suppress(ssl.SSLWantReadError):
                self.client.do_handshake()
            done = self.transport.shake_hands(self.outgoing.read())
            self.incoming.write(self.wire.take())

    def received(self) -> bytes:
        """What the client gets of what was written."""
        self.incoming.write(self.wire.take())
        pieces = []
        with contextlib.suppress(ssl.SSLWantReadError):
            while piece := self.client.read(MIB):
                pieces.append(piece)
        return b"".join(pieces)


@pytest.fixture(scope="module")
def contexts(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    certificate: Path = self_signed(tmp_path_factory.mktemp("tls"), "localhost")
    return load_tls(certificate, None), ssl.create_default_context(cafile=str(certificate))


@pytest.fixture
def pair(contexts: tuple[ssl.SSLContext, ssl.SSLContext], monkeypatch: pytest.MonkeyPatch) -> SealedPair:
    return SealedPair(*contexts, monkeypatch)


@pytest.mark.parametrize("size", SIZES)
def test_data_of_any_size_is_sealed_and_opened_unchanged(pair: SealedPair, size: int) -> None:
    data = Random(size).randbytes(size)
    pair.transport.write(data)
    assert pair.received() == data
    pair.client.write(data)
    assert pair.transport.open(pair.outgoing.read()) == (data, False)


def test_data_arrives_in_any_cuts(pair: SealedPair) -> None:
    random = Random(1)
    data = random.randbytes(MIB)
    pair.client.write(data)
    sealed, opened, start = pair.outgoing.read(), b"", 0
    while start < len(sealed):
        size = random.choice((1, 5, 100, 20_000, 70_000, 300_000))
        piece, ended = pair.transport.open(sealed[start : start + size])
        opened, start = opened + piece, start + size
        assert not ended
    assert opened == data


def test_the_end_is_seen_behind_data_of_many_records(pair: SealedPair) -> None:
    data = bytes(2 * MIB)
    pair.client.write(data)
    with pytest.raises(ssl.SSLWantReadError):
        pair.client.unwrap()
    assert pair.transport.open(pair.outgoing.read()) == (data, True)


def test_a_damaged_record_ends_the_connection_behind_what_was_good(pair: SealedPair) -> None:
    pair.client.write(bytes(16 * 1024))
    good = pair.outgoing.read()
    pair.client.write(bytes(200 * 1024))
    damaged = bytearray(pair.outgoing.read())
    damaged[100_000] ^= 1
    opened, ended = pair.transport.open(good + damaged)
    assert ended
    assert 16 * 1024 <= len(opened) < 216 * 1024


def test_a_connection_keeps_no_memory_of_large_messages(
    contexts: tuple[ssl.SSLContext, ssl.SSLContext], monkeypatch: pytest.MonkeyPatch
) -> None:
    statistics = free_memory.statistics()
    if statistics is None:
        pytest.skip("the C library does not say how much is allocated")
    message, pairs = bytes(4 * MIB), []
    before = statistics()
    for _ in range(8):
        pair = SealedPair(*contexts, monkeypatch)
        pair.transport.write(message)
        sealed = pair.wire.take()
        assert len(sealed) > len(message)
        pair.client.write(message)
        sealed = pair.outgoing.read()
        assert pair.transport.open(sealed) == (message, False)
        pairs.append(pair.transport)
        del pair, sealed
    allocated = statistics().uordblks + statistics().hblkhd - before.uordblks - before.hblkhd
    assert allocated < len(pairs) * MIB

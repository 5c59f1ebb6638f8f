"""The running MAC on real sockets: every frame is proven to the one who shares the secret, whatever happens."""

import json
import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from deltawire.exchange.network_conditions import Latency, NetworkConditions
from deltawire.gateway.network_simulator import NetworkSimulator
from deltawire.roles.gateway import WallClock
from deltawire.store.keys import KeyStore
from deltawire.wire.mac import RunningMac, mac_key, parse_note
from tests.support.credentials import ALICE, BOB, secret_login, signed_login
from tests.support.frames import BINARY, CLOSE, PING, PONG, TEXT, Frame, client_frame
from tests.support.gateway_server import GatewayServer, RawClient

BOOK, QUOTE = "book.BTC-PERPETUAL.raw", "quote.BTC-PERPETUAL"
NONCE = "a nonce of my own"


@pytest.fixture
def store(tmp_path: Path) -> KeyStore:
    store = KeyStore(tmp_path)
    store.add(ALICE)
    store.add(BOB)
    return store


@pytest.fixture
def server(store: KeyStore) -> Iterator[GatewayServer]:
    with GatewayServer(keys=store) as running:
        running.go_live()
        yield running


class Prover:
    """A client that counts what is proven to it and what is not."""

    def __init__(self, client: RawClient) -> None:
        client.answer("public/auth", **signed_login(ALICE, time.time_ns() // 1_000_000))
        answer = client.answer("private/enable_mac", nonce=NONCE)["result"]
        assert answer["algorithm"] == "HMAC-SHA256"
        self._client = client
        self._mac = RunningMac(mac_key(ALICE.secret, NONCE, answer["nonce"]))
        self.proven: list[Frame] = []
        self.unproven: list[Frame] = []
        self.control: list[Frame] = []

    def read(self) -> Frame:
        """The next frame, whatever it is."""
        each = self._client.frame()
        told = parse_note(each.payload) if each.opcode == TEXT else None
        if told is not None:
            first = len(self.proven) + 1
            assert (told.first, told.last) == (first, first + len(self.unproven) - 1)
            assert self._mac.proves(told)
            self.proven += self.unproven
            self.unproven = []
        elif each.opcode in (TEXT, BINARY):
            self._mac.add_message(each.payload, binary=each.opcode == BINARY)
            self.unproven.append(each)
        else:
            self.control.append(each)
        return each

    def read_until(self, proven: int) -> None:
        """Read until so many frames are proven."""
        while len(self.proven) < proven:
            self.read()


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Sec-WebSocket-Extensions": "permessage-deflate"},
        {"Sec-WebSocket-Protocol": "deltawire.v1+proto"},
    ],
    ids=["json", "deflate", "proto"],
)
def test_every_frame_behind_the_answer_is_proven(server: GatewayServer, headers: dict[str, str]) -> None:
    with RawClient(server.port) as client:
        assert " 101 " in client.handshake(headers=headers)
        prover = Prover(client)
        client.request("public/subscribe", channels=[BOOK, QUOTE])
        client.send(client_frame(b"there?", PING))
        client.request("public/no_such_method")
        server.change(20)
        server.wait_until(lambda: server.app.market.find("BTC-PERPETUAL") is not None)
        binary = "Sec-WebSocket-Protocol" in headers
        prover.read_until(proven=1 + 1 + 2 + (2 if binary else 0))
        client.request("public/unsubscribe_all", "last")
        while not any(b'"last"' in each.payload for each in prover.proven):
            prover.read()
        client.send(client_frame((1000).to_bytes(2, "big"), CLOSE))
        while prover.read().opcode != CLOSE:
            pass
        assert [each.opcode for each in prover.control] == [PONG, CLOSE]
        assert prover.control[0].payload == b"there?"
        assert not prover.unproven, "nothing was left without proof"
        assert {each.opcode for each in prover.proven} == ({TEXT, BINARY} if binary else {TEXT})


def test_what_came_before_is_not_part_of_it(server: GatewayServer) -> None:
    with RawClient(server.port) as client:
        client.handshake()
        assert client.answer("public/subscribe", channels=[BOOK])["result"]
        server.change(3)
        prover = Prover(client)
        server.change()
        prover.read_until(proven=1)
        assert b"subscription" in prover.proven[0].payload


def test_refusals_change_nothing(server: GatewayServer) -> None:
    with RawClient(server.port) as client:
        client.handshake()
        assert client.answer("private/enable_mac", nonce=NONCE)["error"]["code"] == 13009
        client.answer("public/auth", **signed_login(BOB, time.time_ns() // 1_000_000))
        assert client.answer("private/enable_mac", nonce=NONCE)["error"]["code"] == 13021
        client.answer("public/auth", **secret_login(ALICE))
        assert client.answer("private/enable_mac", nonce="short")["error"]["code"] == -32602
        assert client.answer("public/test")["result"]
        client.request("public/test", 5)
        assert client.message()["id"] == 5
        client.request("public/test", 6)
        assert client.message()["id"] == 6, "no mac came in between"
    status, answer = server.get(
        f"/api/v2/private/enable_mac?nonce={'n' * 20}",
        Authorization="Basic YWxpY2UtaWQ6czNjcmV0LW9mLWFsaWNl",
    )
    assert (status, answer["error"]["code"]) == (400, 10030)


def test_a_second_call_is_refused_with_proof_and_the_first_goes_on(server: GatewayServer) -> None:
    with RawClient(server.port) as client:
        client.handshake()
        prover = Prover(client)
        client.request("private/enable_mac", 7, nonce=NONCE)
        client.request("public/test", 8)
        prover.read_until(proven=2)
        refused, fine = (json.loads(each.payload) for each in prover.proven)
        assert (refused["id"], refused["error"]["code"]) == (7, -32600)
        assert fine["id"] == 8


def test_from_afar_the_answer_that_says_so_is_still_not_part_of_it(store: KeyStore) -> None:
    conditions = NetworkConditions(Latency(5.0, 2.0))
    with GatewayServer(
        keys=store, make_network=lambda: NetworkSimulator(conditions, random.Random(1), WallClock())
    ) as server:
        server.go_live()
        with RawClient(server.port) as client:
            client.handshake()
            prover = Prover(client)
            client.request("public/subscribe", channels=[BOOK])
            prover.read_until(proven=2)

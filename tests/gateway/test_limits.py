"""Limits on real sockets: connections per address and key, credits, origins, addresses, silent TLS."""

import json
import socket
import ssl
import time
import warnings
from pathlib import Path

import pytest

from deltawire.access.rate_limits import RateLimits, TokenBucket
from deltawire.gateway.gateway import Limits, Policy
from deltawire.store.certificates import load_tls, self_signed
from deltawire.store.keys import KeyStore
from tests.support.credentials import ALICE, BOB, secret_login, signed_login
from tests.support.frames import client_frame
from tests.support.gateway_server import HANDSHAKE, GatewayServer, Neighbour, RawClient, open_socket
from tests.support.market_events import START_NS

CHEAP = RateLimits(refill=1, pool=1_000, request=100, subscription_pool=500, subscription=100)
CHANNEL = "quote.BTC-PERPETUAL"


def test_one_connection_too_many_is_429_until_another_goes() -> None:
    with GatewayServer(Limits(connections_per_address=3)) as server:
        clients = [open_socket(server) for _ in range(3)]
        with RawClient(server.port) as late:
            assert late.handshake().startswith("HTTP/1.1 429 ")
            late.rest()
        clients.pop().close()
        server.wait_for_connections(2)
        with open_socket(server) as late:
            assert "result" in late.answer("public/test")
        for client in clients:
            client.close()


def test_http_connections_take_places_too_and_give_them_back() -> None:
    with GatewayServer(Limits(connections_per_address=1)) as server:
        for _ in range(5):
            server.wait_until(lambda: not server.app.gateway.connection_limiter._taken)
            assert server.get("/api/v2/public/test")[0] == 200
        with open_socket(server), RawClient(server.port) as late:
            late.send(b"GET /api/v2/public/test HTTP/1.1\r\nHost: x\r\n\r\n")
            assert late.head().startswith("HTTP/1.1 429 ")


def test_a_refused_handshake_gives_its_place_back() -> None:
    with GatewayServer(Limits(connections_per_address=1)) as server:
        for path in ("/nowhere", "/ws/api/v2", "/nowhere"):
            server.wait_until(lambda: not server.app.gateway.connection_limiter._taken)
            with RawClient(server.port) as client:
                assert client.handshake(path)[9:12] in ("404", "101")


def test_a_key_has_so_many_connections(tmp_path: Path) -> None:
    store = KeyStore(tmp_path)
    store.add(ALICE)
    with GatewayServer(Limits(connections_per_key=2), keys=store) as server:
        with open_socket(server) as first, open_socket(server) as second, open_socket(server) as third:
            assert "result" in first.answer("public/auth", **secret_login(ALICE))
            assert "result" in first.answer("public/auth", **secret_login(ALICE))
            assert "result" in second.answer("public/auth", **secret_login(ALICE))
            assert third.answer("public/auth", **secret_login(ALICE))["error"]["code"] == 10028
            second.close()
            server.wait_for_connections(2)
            assert "result" in third.answer("public/auth", **secret_login(ALICE))
        server.wait_for_connections(0)
        assert not server.ask(lambda: server.app.access.connections._taken)


@pytest.mark.parametrize(
    ("method", "params", "free"),
    [("public/test", {}, 10), ("public/subscribe", {"channels": [CHANNEL]}, 5), ("nonsense", {}, 10)],
)
def test_requests_past_the_credits_get_10028_and_the_connection_closes(
    method: str, params: dict[str, list[str]], free: int
) -> None:
    with GatewayServer(rate_limits=CHEAP) as server:
        server.go_live()
        with Neighbour(server) as neighbour, open_socket(server) as client:
            for number in range(free + 3):
                client.request(method, number, **params)
            answers = {}
            while (frame := client.frame()).opcode == 1:
                message = json.loads(frame.payload)
                answers.setdefault(message.get("id"), message)
            answers.pop(None, None)
            assert frame.close_code == 1008
            assert [answer.get("error", {}).get("code") == 10028 for answer in answers.values()] == [
                False
            ] * free + [True]
            assert neighbour.missed_nothing()


def test_what_is_no_request_costs_as_much_as_one() -> None:
    with GatewayServer(rate_limits=CHEAP) as server, open_socket(server) as client:
        client.send(client_frame(b"{") * 12)
        codes = [client.message()["error"]["code"] for _ in range(11)]
        assert codes == [-32700] * 10 + [10028]
        assert client.close_code() == 1008


def test_all_connections_of_an_account_pay_from_one_wallet(tmp_path: Path) -> None:
    store = KeyStore(tmp_path)
    store.add(ALICE)
    store.add(BOB)
    with (
        GatewayServer(rate_limits=CHEAP, keys=store) as server,
        open_socket(server) as first,
        open_socket(server) as second,
        open_socket(server) as bob,
    ):
        for client in (first, second):
            client.answer("public/auth", **secret_login(ALICE))
        bob.answer("public/auth", **signed_login(BOB, time.time_ns() // 1_000_000))
        spent = [first.answer("public/test") for _ in range(10)]
        assert all("result" in answer for answer in spent)
        assert second.answer("public/test")["error"]["code"] == 10028
        assert second.close_code() == 1008
        assert "result" in bob.answer("public/test")


def test_subscribing_and_leaving_in_turn_is_a_rate_error_and_leaves_nothing() -> None:
    with GatewayServer(rate_limits=CHEAP) as server:
        server.go_live()
        with open_socket(server) as client:
            for number in range(50):
                client.request(("public/subscribe", "public/unsubscribe")[number % 2], channels=[CHANNEL])
            assert client.close_code() == 1008
        server.wait_for_connections(0)
        assert not server.ask(lambda: server.app.hub._groups._groups)


@pytest.mark.parametrize(
    ("origin", "host", "status"),
    [
        ("https://desk.example.com", "x", "101"),
        ("https://desk.example.com:444", "x", "403"),
        ("http://desk.example.com", "x", "403"),
        ("https://desk.example.com.evil.org", "x", "403"),
        ("null", "x", "403"),
        ("", "x", "403"),
        ("http://127.0.0.1:8080", "127.0.0.1:8080", "101"),
        ("http://localhost:8080", "localhost:8080", "101"),
        ("http://127.0.0.1:8081", "127.0.0.1:8080", "403"),
        ("http://rebound.evil.org", "rebound.evil.org", "403"),
        ("http://[", "[", "403"),
    ],
)
def test_only_listed_origins_and_our_own_may_open_a_websocket(origin: str, host: str, status: str) -> None:
    with (
        GatewayServer(policy=Policy(origins=("https://desk.example.com",))) as server,
        RawClient(server.port) as client,
    ):
        head = HANDSHAKE.format(path="/ws/api/v2", host=host)
        client.send(head.replace("\r\n\r\n", f"\r\nOrigin: {origin}\r\n\r\n").encode())
        assert client.head()[9:12] in ({status, "400"} if host == "[" else {status})


def test_a_listener_for_some_addresses_refuses_the_others_whatever_they_forge() -> None:
    with (
        GatewayServer(policy=Policy(addresses=("198.51.100.0/24",))) as server,
        RawClient(server.port) as client,
    ):
        assert client.handshake(headers={"X-Forwarded-For": "198.51.100.1"}).startswith("HTTP/1.1 403 ")
        client.rest()
        assert server.open_connections() == 0


def test_a_tls_handshake_that_never_ends_is_given_up(tmp_path: Path) -> None:
    tls = load_tls(self_signed(tmp_path, "localhost"), None)
    with GatewayServer(Limits(request_timeout=0.2), tls=tls) as server, RawClient(server.port) as client:
        client.send(b"\x16\x03\x01")
        client.rest()


def test_old_tls_is_refused(tmp_path: Path) -> None:
    path = self_signed(tmp_path, "localhost")
    with GatewayServer(tls=load_tls(path, None)) as server:
        context = ssl.create_default_context(cafile=path)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            context.maximum_version = ssl.TLSVersion.TLSv1_1
        with (
            socket.create_connection(("127.0.0.1", server.port)) as plain,
            pytest.raises((ssl.SSLError, ConnectionError)),
        ):
            context.wrap_socket(plain, server_hostname="localhost")


def test_a_clock_that_jumps_back_gives_no_credits_and_forward_no_more_than_a_full_pool() -> None:
    bucket = TokenBucket(CHEAP)
    now = START_NS
    assert [bucket.pay_for("public/test", now) for _ in range(11)] == [True] * 10 + [False]
    two_hours = 7_200 * 10**9
    assert not bucket.pay_for("public/test", now - two_hours)
    assert [bucket.pay_for("public/test", now + two_hours) for _ in range(11)] == [True] * 10 + [False]


def test_by_default_a_client_may_subscribe_to_many_channels_one_by_one() -> None:
    """As ccxt does it: a request for each."""
    with GatewayServer(rate_limits=RateLimits()) as server, open_socket(server) as client:
        for number in range(200):
            client.request("public/subscribe", number, channels=[f"deribit_price_index.i{number}"])
        results = [client.message()["result"] for _ in range(200)]
        assert results == [[f"deribit_price_index.i{number}"] for number in range(200)]

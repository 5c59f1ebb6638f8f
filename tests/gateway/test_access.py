"""Signing in on real sockets: every grant and header, rights, replays, revocation while connected."""

import base64
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from deltawire.access.signatures import request_text, sign
from deltawire.gateway.gateway import Limits, Policy
from deltawire.roles.gateway import KEYS_EVERY_S
from deltawire.store.keys import KeyStore
from tests.support.credentials import ALICE, BOB, READER, SECRET, changed, secret_login, signed_login
from tests.support.gateway_server import STEPPED, GatewayServer, RawClient, open_socket

KEYS = "/api/v2/private/list_api_keys"
ELSEWHERE = changed(ALICE, client_id="elsewhere-id", name="", addresses=("198.51.100.0/24",))


def now_ms() -> int:
    return time.time_ns() // 1_000_000


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> KeyStore:
    store = KeyStore(tmp_path_factory.mktemp("home"))
    for key in (ALICE, READER, BOB, ELSEWHERE):
        store.add(key)
    return store


@pytest.fixture
def server(store: KeyStore) -> Iterator[GatewayServer]:
    with GatewayServer(keys=store) as server:
        server.go_live()
        yield server


def basic(key: Any = ALICE, secret: str | None = None) -> str:
    return "Basic " + base64.b64encode(f"{key.client_id}:{secret or key.secret}".encode()).decode()


def deri(
    uri: str, key: Any = ALICE, body: bytes = b"", method: str = "GET", nonce: str = "n", at_ms: int = 0
) -> str:
    ts = str(at_ms or now_ms())
    text = request_text(ts, nonce, method, uri, body)
    return f"deri-hmac-sha256 id={key.client_id},ts={ts},nonce={nonce},sig={sign(key.secret, text)}"


def test_every_grant_signs_a_connection_in(server: GatewayServer) -> None:
    grants = [secret_login(ALICE), signed_login(ALICE, now_ms()), signed_login(BOB, now_ms())]
    grants.append({"grant_type": "password", "username": "alice-bot", "password": SECRET})
    for login in grants:
        with open_socket(server) as client:
            assert client.answer("private/list_api_keys")["error"]["code"] == 13009
            result = client.answer("public/auth", **login)["result"]
            assert (result["token_type"], result["scope"].split()[0]) == ("bearer", "connection")
            assert "result" in client.answer("private/list_api_keys")
            again = client.answer(
                "public/auth", grant_type="refresh_token", refresh_token=result["refresh_token"]
            )
            assert again["result"]["scope"] == result["scope"]


def test_a_pipelined_login_counts_for_what_follows(server: GatewayServer) -> None:
    with open_socket(server) as client:
        client.request("public/auth", 1, **secret_login(ALICE, state="mine"))
        client.request("private/subscribe", 2, channels=["quote.BTC-PERPETUAL", "user.nothing"])
        assert client.message()["result"]["state"] == "mine"
        assert client.message()["result"] == ["quote.BTC-PERPETUAL"]


@pytest.mark.parametrize("grant", ["", "authorization_code", "client_credentials "])
def test_an_unknown_grant_names_the_known_ones(server: GatewayServer, grant: str) -> None:
    with open_socket(server) as client:
        error = client.answer("public/auth", grant_type=grant)["error"]
        assert (error["code"], error["data"]["param"]) == (-32602, "grant_type")


def test_a_replayed_login_is_refused_on_another_connection_too(server: GatewayServer) -> None:
    login = signed_login(ALICE, now_ms(), nonce="once")
    with open_socket(server) as first, open_socket(server) as second:
        assert "result" in first.answer("public/auth", **login)
        assert second.answer("public/auth", **login)["error"]["code"] == 13004


def test_headers_sign_a_request_in(server: GatewayServer) -> None:
    _, found = server.get(
        "/api/v2/public/auth?grant_type=client_credentials&client_id=alice-id&client_secret=" + SECRET
    )
    token = found["result"]["access_token"]
    body = b'{"jsonrpc":"2.0","id":3,"method":"private/list_api_keys","params":{}}'
    with_query = KEYS + "?a=%20b&c=d%2Fe"
    asked = [
        (KEYS, None, f"Bearer {token}"),
        (KEYS, None, basic()),
        (with_query, None, deri(with_query)),
        ("/api/v2", body, deri("/api/v2", body=body, method="POST")),
    ]
    for path, sent, header in asked:
        status, answer = server.get(path, sent, Authorization=header)
        assert (status, [each["client_id"] for each in answer["result"]]) == (
            200,
            ["alice-id", "reader-id", "elsewhere-id"],
        )
    status, answer = server.get(KEYS + f"?access_token={token}")
    assert status == 200


@pytest.mark.parametrize("off_s", [-600, 600])
def test_a_signature_from_another_time_is_refused(server: GatewayServer, off_s: int) -> None:
    at_ms = now_ms() + off_s * 1000
    with open_socket(server) as client:
        assert client.answer("public/auth", **signed_login(ALICE, at_ms))["error"]["code"] == 13004
    assert server.get(KEYS, Authorization=deri(KEYS, at_ms=at_ms))[1]["error"]["code"] == 13004


def test_an_altered_or_repeated_request_is_refused(server: GatewayServer) -> None:
    body = b'{"jsonrpc":"2.0","id":3,"method":"private/list_api_keys","params":{}}'
    header = deri("/api/v2", body=body, method="POST", nonce="post")
    assert server.get("/api/v2", body + b" ", Authorization=header)[1]["error"]["code"] == 13004
    assert server.get("/api/v2", body, Authorization=header)[0] == 200
    assert server.get("/api/v2", body, Authorization=header)[1]["error"]["code"] == 13004
    late = deri(KEYS, at_ms=now_ms() - 600_000)
    assert server.get(KEYS, Authorization=late)[1]["error"]["code"] == 13004


def test_a_handshake_may_carry_the_header(server: GatewayServer) -> None:
    with RawClient(server.port) as client:
        assert " 101 " in client.handshake(headers={"Authorization": basic()})
        assert "result" in client.answer("private/list_api_keys")
    with RawClient(server.port) as client:
        assert " 401 " in client.handshake(headers={"Authorization": basic(secret="wrong")})


def test_a_key_from_a_wrong_address_is_403_whatever_it_says_of_its_way(server: GatewayServer) -> None:
    forged = {"X-Forwarded-For": "198.51.100.7", "Forwarded": "for=198.51.100.7", "X-Real-IP": "198.51.100.7"}
    status, answer = server.get(KEYS, Authorization=basic(ELSEWHERE), **forged)
    assert (status, answer["error"]["code"]) == (403, 13021)
    with RawClient(server.port) as client:
        assert " 403 " in client.handshake(headers=forged | {"Authorization": basic(ELSEWHERE)})
    with open_socket(server) as client:
        assert client.answer("public/auth", **secret_login(ELSEWHERE))["error"]["code"] == 13021


def test_a_login_without_the_right_is_forbidden(server: GatewayServer) -> None:
    with open_socket(server) as client:
        assert (
            client.answer("public/auth", **secret_login(ALICE, scope="trade:read"))["result"]["scope"]
            == "connection trade:read"
        )
        error = client.answer("private/list_api_keys")["error"]
        assert (error["code"], error["message"], error["data"]["reason"]) == (
            13021,
            "forbidden",
            "requires account:read",
        )


def test_logging_out_closes_without_an_answer_and_kills_the_token(server: GatewayServer) -> None:
    with open_socket(server) as client:
        token = client.answer("public/auth", **secret_login(ALICE, scope="session:s"))["result"][
            "access_token"
        ]
        assert server.get(KEYS + f"?access_token={token}")[0] == 200
        client.request("private/logout")
        assert client.frame().close_code == 1000
    assert server.get(KEYS + f"?access_token={token}")[1]["error"]["code"] == 13009


def test_a_connections_token_dies_with_it_and_a_sessions_does_not(server: GatewayServer) -> None:
    tokens = {}
    for scope in ("connection", "session:s"):
        with open_socket(server) as client:
            tokens[scope] = client.answer("public/auth", **secret_login(ALICE, scope=scope))["result"][
                "access_token"
            ]
    server.wait_for_connections(0)
    status = {scope: server.get(KEYS + f"?access_token={token}")[0] for scope, token in tokens.items()}
    assert status == {"connection": 400, "session:s": 200}


class CountedKeyStore(KeyStore):
    """Counts how often it is looked at."""

    looks = 0

    def stamp(self) -> tuple[int, int, int]:
        """See `KeyStore`."""
        self.looks += 1
        return super().stamp()


def test_a_revoked_key_loses_its_connections_within_a_second_and_no_other(tmp_path: Path) -> None:
    store = CountedKeyStore(tmp_path)
    store.add(ALICE)
    store.add(BOB)
    with GatewayServer(keys=store) as server:
        server.go_live()
        with open_socket(server) as alice, open_socket(server) as bob, open_socket(server) as nobody:
            alice.answer("public/auth", **secret_login(ALICE))
            bob.answer("public/auth", **signed_login(BOB, now_ms()))
            store.revoke("alice-bot")
            before = server.ask(lambda: store.looks)
            server.wait_until(lambda: store.looks > before + 1 / KEYS_EVERY_S - 1)
            connections = server.app.gateway.connections
            assert server.ask(lambda: sum(not each.closing for each in connections)) == 2
            assert alice.close_code() == 1008
            assert "result" in bob.answer("private/list_api_keys")
            assert "result" in nobody.answer("public/test")
            assert nobody.answer("public/auth", **secret_login(ALICE))["error"]["code"] == 13004


def test_a_key_that_is_added_counts_at_once(tmp_path: Path) -> None:
    store = KeyStore(tmp_path)
    with GatewayServer(keys=store) as server, open_socket(server) as client:
        store.add(ALICE)
        server.wait_until(lambda: server.app.access.ring.find("alice-id", 0) is not None)
        assert "result" in client.answer("public/auth", **secret_login(ALICE))


def test_a_key_that_is_added_while_the_server_starts_counts(tmp_path: Path) -> None:
    class RacedKeyStore(KeyStore):
        def read(self) -> list[Any]:
            """Somebody adds a key the moment after the first look."""
            answer = super().read()
            if not answer:
                KeyStore(self.folder).add(ALICE)
            return answer

    with GatewayServer(keys=RacedKeyStore(tmp_path)) as server:
        server.wait_until(lambda: server.app.access.ring.find("alice-id", 0) is not None)


def test_keys_that_were_tampered_with_do_not_count_and_those_of_before_do(tmp_path: Path) -> None:
    store = KeyStore(tmp_path)
    store.add(ALICE)
    with capture_logs() as logs, GatewayServer(keys=store) as server, open_socket(server) as client:
        client.answer("public/auth", **secret_login(ALICE))
        content = store.path.read_bytes()
        store.path.write_bytes(content.replace(b'"trade:read_write"', b'"wallet:read_write"'))
        server.wait_until(lambda: bool(logs))
        assert "was altered" in logs[0]["error"]
        scope = client.answer("public/auth", **secret_login(ALICE))["result"]["scope"]
        assert scope == "connection account:read trade:read_write"
        store.path.write_bytes(b"[]")
        assert client.close_code() == 1008


def test_a_private_only_server_tells_strangers_nothing_and_closes_on_them(store: KeyStore) -> None:
    limits = Limits()
    with GatewayServer(limits, keys=store, policy=Policy(private_only=True), way=STEPPED[0]) as server:
        server.go_live()
        with open_socket(server) as stranger, open_socket(server) as alice:
            alice.answer("public/auth", **secret_login(ALICE))
            assert stranger.answer("public/get_instruments")["error"]["code"] == 13009
            assert (
                stranger.answer("public/subscribe", channels=["quote.BTC-PERPETUAL"])["error"]["code"]
                == 13009
            )
            server.pass_s(limits.auth_timeout + 1)
            assert stranger.close_code() == 1008
            assert alice.answer("public/subscribe", channels=["quote.BTC-PERPETUAL"])["result"]
        assert server.get("/api/v2/public/get_instruments")[1]["error"]["code"] == 13009
        assert server.get("/api/v2/public/get_instruments", Authorization=basic())[0] == 200


def test_a_key_for_some_channels_hears_no_other(tmp_path: Path) -> None:
    store = KeyStore(tmp_path)
    store.add(changed(ALICE, channels=("book.BTC-*",)))
    with GatewayServer(keys=store) as server:
        server.go_live()
        with open_socket(server) as client:
            client.answer("public/auth", **secret_login(ALICE))
            wanted = ["book.BTC-PERPETUAL.raw", "quote.BTC-PERPETUAL"]
            assert client.answer("public/subscribe", channels=wanted)["result"] == wanted[:1]


def test_a_thousand_failed_logins_wait_and_do_not_keep_others_out(server: GatewayServer) -> None:
    with open_socket(server) as client:
        codes = [
            client.answer("public/auth", **secret_login(ALICE, client_secret=f"{n}"))["error"]["code"]
            for n in range(1000)
        ]
        assert codes[:5] == [13004] * 5
        assert codes.count(13004) < 20
        assert "result" in client.answer("public/test")


def test_guessing_costs_the_address_it_comes_from_and_no_other(server: GatewayServer) -> None:
    with open_socket(server, address="127.0.0.2") as guesser, open_socket(server) as alice:
        while guesser.answer("public/auth", **secret_login(BOB))["error"]["code"] != 10028:
            pass
        assert guesser.answer("public/auth", **secret_login(ALICE))["error"]["code"] == 10028
        assert "result" in alice.answer("public/auth", **secret_login(ALICE))


def test_an_unknown_key_gets_the_answer_of_a_wrong_secret(server: GatewayServer) -> None:
    wrong = changed(ALICE, secret="wrong")
    unknown = changed(wrong, client_id="nobody-id")
    with open_socket(server) as client:
        answers = [
            client.answer("public/auth", **login)["error"]
            for login in (
                secret_login(wrong),
                secret_login(unknown),
                signed_login(wrong, now_ms()),
                signed_login(unknown, now_ms()),
            )
        ]
    assert answers == [{"code": 13004, "message": "invalid_credentials"}] * 4

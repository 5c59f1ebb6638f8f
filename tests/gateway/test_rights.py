"""Rights only shrink, and are looked at again whenever they can have changed: over real sockets, ws and wss."""

import base64
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from deltawire.access.keys import Key
from deltawire.access.signatures import login_text, request_text
from deltawire.access.tokens import SESSIONS_PER_KEY
from tests.support.credentials import ALICE, changed, secret_login
from tests.support.frames import client_frame
from tests.support.gateway_server import HANDSHAKE
from tests.support.rights_server import NAME, ORDERS, TRADER, RightsServer, request, rights_server

PRIVATE = Ed25519PrivateKey.from_private_bytes(b"rights".ljust(32, b"."))
PUBLIC = base64.b64encode(PRIVATE.public_key().public_bytes_raw()).decode()
SIGNER = Key("signer-id", "ed25519", PUBLIC, "alice", ALICE.rights)
OPEN_ORDERS = "/api/v2/private/get_open_orders"


@pytest.fixture(scope="module", params=["ws", "wss"])
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RightsServer]:
    home = tmp_path_factory.mktemp(request.param)
    with rights_server(home, secure=request.param == "wss", keys=(SIGNER,)) as server:
        yield server


def refreshed(server: RightsServer, tokens: dict[str, Any], **more: Any) -> dict[str, Any]:
    found: dict[str, Any] = server.call(
        "public/auth", grant_type="refresh_token", refresh_token=tokens["refresh_token"], **more
    )
    return found


def basic(key: Key) -> str:
    return "Basic " + base64.b64encode(f"{key.client_id}:{key.secret}".encode()).decode()


# Rights only shrink.


def test_no_right_left_is_not_every_right(server: RightsServer) -> None:
    """2: `trade:none`, refreshed or forked, was every right of the key."""
    tokens = server.session(server.key(), "session:s trade:none")
    forked = server.call("public/fork_token", refresh_token=tokens["refresh_token"], session_name="fork")
    again = refreshed(server, tokens)
    assert [each["scope"] for each in (tokens, forked, again)] == ["session:s", "session:fork", "session:s"]
    for each in (forked, again):
        answer = server.error("private/get_open_orders", access_token=each["access_token"])
        assert answer["code"] == 13021


def test_the_end_that_was_asked_for_is_the_end_of_all_that_is_derived(server: RightsServer) -> None:
    """2: a refresh gave `expires:5` another quarter of an hour."""
    tokens = server.session(server.key(), "session:s expires:50")
    forked = server.call("public/fork_token", refresh_token=tokens["refresh_token"], session_name="fork")
    again = refreshed(server, tokens)
    assert 0 < max(each["expires_in"] for each in (tokens, forked, again)) <= 50


def test_a_connection_ends_with_the_end_that_was_asked_for(server: RightsServer) -> None:
    with server.signed_in(server.key(), scope="expires:1") as client:
        assert client.close_code() == 1008


@pytest.mark.parametrize("scope", ["trade:raed", "trade", "expires:x", "orders:read", "ip:10.0.0.0/8"])
def test_a_scope_that_is_misspelt_is_an_error(server: RightsServer, scope: str) -> None:
    """2: it was every right."""
    with server.socket() as client:
        error = client.answer("public/auth", **secret_login(TRADER, scope=scope))["error"]
    assert (error["code"], error["data"]["param"]) == (-32602, "scope")


def test_the_scopes_of_the_dialect_are_understood(server: RightsServer) -> None:
    asked = "account:read_write block_trade:read_write connection custody:read_write mainaccount name:ccxt"
    with server.signed_in(server.key(), scope=f"{asked} trade:read wallet:read_write") as client:
        assert client.tokens["scope"] == "connection account:read trade:read"


def test_a_refresh_may_ask_for_less_and_never_gets_more(server: RightsServer) -> None:
    tokens = server.session(server.key(), "session:s trade:read")
    again = refreshed(server, tokens, scope="trade:read_write account:read_write")
    assert again["scope"] == "session:s trade:read"
    assert refreshed(server, again, scope="trade:none")["scope"] == "session:s"


def test_the_token_of_a_connection_has_no_heir_that_outlives_it(server: RightsServer) -> None:
    key = server.key()
    with server.signed_in(key) as client:
        token = client.tokens["refresh_token"]
        assert server.error("public/auth", grant_type="refresh_token", refresh_token=token)["code"] == 13009
        fork = {"refresh_token": token, "session_name": "fork"}
        assert client.answer("public/fork_token", **fork)["error"]["code"] == 13009
        again = client.answer("public/auth", grant_type="refresh_token", refresh_token=token)["result"]
        assert again["scope"].startswith("connection ")
        assert client.heard() == [], "it lives on by the new one"


# Rights are looked at again.


def revoke(server: RightsServer, key: Key, tokens: dict[str, Any]) -> None:
    server.store.revoke(key.client_id)


def alter(server: RightsServer, key: Key, tokens: dict[str, Any]) -> None:
    server.alter(key, rights=("account:read",))


def spend(server: RightsServer, key: Key, tokens: dict[str, Any]) -> None:
    refreshed(server, tokens)


def evict(server: RightsServer, key: Key, tokens: dict[str, Any]) -> None:
    for _ in range(SESSIONS_PER_KEY):
        server.session(key)


def log_out(server: RightsServer, key: Key, tokens: dict[str, Any]) -> None:
    with server.socket() as other:
        other.request("private/logout", access_token=tokens["access_token"], invalidate_token=True)
        assert other.close_code() == 1000


ENDS = [revoke, alter, spend, evict, log_out]
End = Callable[[RightsServer, Key, dict[str, Any]], None]


@pytest.mark.parametrize("end", ENDS)
def test_a_channel_joined_with_a_token_ends_with_it(server: RightsServer, end: End) -> None:
    """3: later orders were heard."""
    key = server.key()
    tokens = server.session(key)
    with server.socket() as client, server.socket() as bystander:
        for each in (client, bystander):
            token = tokens if each is client else server.session(TRADER)
            answer = each.answer("private/subscribe", channels=[ORDERS], access_token=token["access_token"])
            assert answer["result"] == [ORDERS]
        end(server, key, tokens)
        note = client.until(lambda message: message.get("method") == "unsubscribed")
        assert note["params"]["channels"] == [ORDERS]
        order = server.call(
            "private/buy",
            instrument_name=NAME,
            amount=10,
            price=server.price(),
            access_token=server.session(TRADER)["access_token"],
        )["order"]
        bystander.until(lambda heard: heard.get("params", {}).get("channel") == ORDERS)
        assert client.heard() == []
        server.call(
            "private/cancel",
            order_id=order["order_id"],
            access_token=server.session(TRADER)["access_token"],
        )


def test_a_channel_joined_with_a_token_ends_when_the_token_does(server: RightsServer) -> None:
    key = server.key()
    with server.socket() as client:
        for seconds in (1, 5, 25, 125):  # on a busy machine a short one is over before it is used
            token = server.session(key, f"session:s expires:{seconds}")["access_token"]
            if "result" in client.answer("private/subscribe", channels=[ORDERS], access_token=token):
                break
        note = client.until(lambda message: message.get("method") == "unsubscribed")
        assert note["params"]["reason"]


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("way", ["login", "bearer"])
def test_a_connection_ends_with_its_token(server: RightsServer, way: str, end: End) -> None:
    """5 and 6: it lived on, with its old rights."""
    key = server.key()
    if way == "login":
        client = server.signed_in(key, scope="session:s")
        tokens = client.tokens
    else:
        tokens = server.session(key)
        client = server.socket(Authorization=f"Bearer {tokens['access_token']}")
    with client:
        assert "result" in client.answer("private/get_open_orders")
        end(server, key, tokens)
        assert client.close_code() == 1008


@pytest.mark.parametrize(
    "fields",
    [
        {"secret": "another-secret"},
        {"rights": ("account:read", "trade:read")},
        {"channels": ("quote.*",)},
        {"addresses": ("198.51.100.0/24",)},
        {"expires_ms": 1},
    ],
    ids=["secret", "rights", "channels", "addresses", "expiry"],
)
def test_a_key_that_is_altered_ends_its_connections(server: RightsServer, fields: dict[str, Any]) -> None:
    """6: they kept the rights of before, also those that a header of the handshake had opened."""
    key = server.key()
    with server.signed_in(key) as client, server.socket(Authorization=basic(key)) as other:
        assert "result" in other.answer("private/get_open_orders")
        server.alter(key, **fields)
        assert (client.close_code(), other.close_code()) == (1008, 1008)


def test_behind_a_logout_nothing_acts(server: RightsServer) -> None:
    """13: `buy, logout, buy` in one packet left the second order alive, unanswered."""
    key = server.key()
    price = server.price()
    with server.signed_in(key) as client:
        first, second = (
            request(
                "private/buy", instrument_name=NAME, amount=10, price=price, label=f"{key.client_id}-{number}"
            )
            for number in (1, 2)
        )
        client.send(b"".join(map(client_frame, (first, request("private/logout"), second))))
        assert client.message()["result"]["order"]["label"].endswith("-1")
        assert client.close_code() == 1000
    token = server.session(TRADER)["access_token"]
    orders = server.call("private/get_open_orders_by_instrument", instrument_name=NAME, access_token=token)
    labels = [order["label"] for order in orders if order["label"].startswith(f"{key.client_id}-")]
    server.call("private/cancel_all", access_token=token)
    assert labels == [f"{key.client_id}-1"]


# What was signed counts once.


def spellings(raw: bytes) -> list[str]:
    """One signature, in all ways of writing it."""
    plain = base64.b64encode(raw).decode()
    safe = base64.urlsafe_b64encode(raw).decode()
    return list(
        dict.fromkeys([raw.hex(), raw.hex().upper(), plain, plain.rstrip("="), safe, safe.rstrip("=")])
    )


def header(signature: str, ts: str, nonce: str, *, first: str = "id") -> str:
    parts = {"id": SIGNER.client_id, "ts": ts, "nonce": nonce, "sig": signature}
    order = [first, *(name for name in parts if name != first)]
    return "deri-hmac-sha256 " + ",".join(f"{name}={parts[name]}" for name in order)


def signed_once(raw: bytes, ts: str, nonce: str) -> list[str]:
    """Headers that all say the same thing."""
    return [
        *(header(each, ts, nonce) for each in spellings(raw)),
        header(raw.hex(), ts, nonce, first="sig"),
        header(raw.hex(), ts, nonce).replace(",", " , "),
    ]


def test_a_signed_request_counts_once_in_all_its_spellings(server: RightsServer) -> None:
    """4: 43 orders came of one."""
    body = request("private/buy", instrument_name=NAME, amount=10, price=server.price(), label="signed")
    ts, nonce = str(time.time_ns() // 1_000_000), "once"
    raw = PRIVATE.sign(request_text(ts, nonce, "POST", "/api/v2", body))
    answers = [server.get("/api/v2", body, Authorization=each)[1] for each in signed_once(raw, ts, nonce)[:5]]
    answers = [answer.get("error", {}).get("code", "acted") for answer in answers]
    server.call("private/cancel_all", access_token=server.session(TRADER)["access_token"])
    assert answers[0] == "acted"
    assert set(answers[1:]) == {13004}


def test_a_signed_handshake_counts_once_in_all_its_spellings(server: RightsServer) -> None:
    """4: the handshake too."""
    ts, nonce = str(time.time_ns() // 1_000_000), "handshake"
    raw = PRIVATE.sign(request_text(ts, nonce, "GET", "/ws/api/v2", b""))
    one, *others = signed_once(raw, ts, nonce)
    with server.socket(Authorization=one):
        for each in others[:4]:
            with server.raw() as client:
                assert " 401 " in client.handshake(headers={"Authorization": each}).partition("\r\n")[0]


def test_a_signed_login_counts_once_in_all_its_spellings(server: RightsServer) -> None:
    at_ms = time.time_ns() // 1_000_000
    raw = PRIVATE.sign(login_text(at_ms, "login", ""))
    login = {"grant_type": "client_signature", "client_id": SIGNER.client_id, "nonce": "login", "data": ""}
    with server.socket() as client:
        answers = [
            client.answer("public/auth", **login, timestamp=at, signature=each)
            for at in (at_ms, str(at_ms), f"0{at_ms}")
            for each in spellings(raw)[:2]
        ]
        server.session(TRADER)  # a good login, or the address would have to wait
    assert ["result" in answer for answer in answers] == [True, *[False] * 5]


# What a stranger sends.


def test_two_authorization_headers_are_refused(server: RightsServer) -> None:
    """14: a traceback."""
    with server.raw() as client:
        two = f"Authorization: {basic(TRADER)}\r\n" * 2
        client.send(
            HANDSHAKE.format(path="/ws/api/v2", host="x").replace("\r\n\r\n", f"\r\n{two}\r\n").encode()
        )
        assert client.head().startswith("HTTP/1.1 401 ")
    with server.raw() as client:
        client.send(f"GET {OPEN_ORDERS} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{two}\r\n".encode())
        assert client.head().startswith("HTTP/1.1 400 ")


@pytest.mark.parametrize("kind", ["Bearer ", "Basic ", "deri-hmac-sha256 id=trader-id,ts=1,nonce=1,sig="])
def test_an_authorization_header_that_is_no_text_is_refused(server: RightsServer, kind: str) -> None:
    with server.raw() as client:
        head = HANDSHAKE.format(path="/ws/api/v2", host="x").encode()
        client.send(head.replace(b"\r\n\r\n", b"\r\nAuthorization: " + kind.encode() + b"\xff\xe9\r\n\r\n"))
        assert client.head().startswith("HTTP/1.1 401 ")


@pytest.mark.parametrize("fold", ["\r\n ", "\r\n\t", "\r\n \t "])
@pytest.mark.parametrize("path", ["/ws/api/v2", "/api/v2/public/test"])
def test_a_folded_header_is_a_bad_request(server: RightsServer, path: str, fold: str) -> None:
    """23: it was answered with 101."""
    with server.raw() as client:
        head = HANDSHAKE.format(path=path, host="x").replace("\r\n\r\n", f"\r\nX-One: two{fold}three\r\n\r\n")
        if not path.startswith("/ws"):
            head = head.replace("Connection: Upgrade\r\nUpgrade: websocket\r\n", "")
        client.send(head.encode())
        assert client.head().startswith("HTTP/1.1 400 ")


def test_a_folded_header_is_found_in_single_bytes_and_behind_another_request(server: RightsServer) -> None:
    with server.raw() as client:
        body = request("public/test").replace(b",", b",\n ")
        first = b"POST /api/v2 HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body)
        client.send(first + body)
        assert client.head().startswith("HTTP/1.1 200 "), "a body may have such lines"
    with server.raw() as client:
        client.send_slowly(b"GET /healthz HTTP/1.1\r\nHost: x\r\nX: y\r\n z\r\n\r\n")
        assert client.head().startswith("HTTP/1.1 400 ")


def test_what_strangers_send_makes_no_traceback_and_shows_no_secret(server: RightsServer) -> None:
    """16: a secret in the wrong field was logged whole. Runs last: it ends the server."""
    secret = "a-secret-that-went-into-the-wrong-field"
    with server.socket() as client:
        wrong = {"grant_type": "client_credentials", "client_id": secret, "client_secret": "x"}
        assert client.answer("public/auth", **wrong)["error"]["code"] == 13004
        wrong = {"grant_type": "password", "username": secret, "password": "x"}
        assert client.answer("public/auth", **wrong)["error"]["code"] == 13004
        known = secret_login(changed(TRADER, secret="wrong"))
        assert client.answer("public/auth", **known)["error"]["code"] == 13004
    server.command._process.terminate()
    log = server.command.err.rest()
    assert "Traceback" not in log
    assert secret not in log
    assert "client_id=unknown-" in log
    assert "client_id=trader-id" in log
    assert max(map(len, log.splitlines())) < 300

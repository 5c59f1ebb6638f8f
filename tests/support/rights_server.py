"""A running exchange for tests of who may do what, over ws and wss: the real command, with many keys of one account."""

import json
import re
import ssl
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from deltawire.access.keys import Key
from deltawire.store.accounts import AccountStore
from deltawire.store.certificates import SELF_SIGNED
from deltawire.store.keys import KeyStore
from tests.support.commands import Command
from tests.support.credentials import ALICE, changed, secret_login
from tests.support.frames import TEXT
from tests.support.gateway_server import RawClient
from tests.support.waiting import HANG_S, wait_until

NAME = "BTC-PERPETUAL"
ORDERS = f"user.orders.{NAME}.raw"
CONFIG = "[credits]\nrefill = 1000000000\npool = 1000000000\nsubscription_pool = 1000000000\n[logins]\nfree = 1000\n"
KEYS = 40
TRADER = changed(ALICE, client_id="trader-id", name="trader", secret="s3cret-of-trader")


class RightsServer:
    """Where it listens, its key store, and a key per test that no other test uses."""

    def __init__(self, command: Command, home: Path, port: int, tls: ssl.SSLContext | None) -> None:
        self.command = command
        self.store = KeyStore(home)
        self.port = port
        self._tls = tls
        self._numbers = iter(range(KEYS))

    def key(self) -> Key:
        """A key that is this caller's."""
        return numbered(next(self._numbers))

    def alter(self, key: Key, **fields: Any) -> None:
        """Change a key as its owner does: the file is replaced as a whole."""
        new = msgspec.structs.replace(key, **fields)
        self.store._change(lambda keys: [new if each.client_id == key.client_id else each for each in keys])

    def socket(self, **headers: str) -> "TlsClient":
        """A raw connection, signed in by a header where there is one."""
        client = self.raw()
        head = client.handshake(headers=headers)
        assert " 101 " in head, head
        return client

    def raw(self) -> "TlsClient":
        """A connection that has not asked for anything."""
        return TlsClient(self.port, self._tls)

    def signed_in(self, key: Key, **more: Any) -> "TlsClient":
        """A connection that has signed in."""
        client = self.socket()
        client.tokens = client.answer("public/auth", **secret_login(key, **more))["result"]
        return client

    def get(self, path: str, body: bytes | None = None, **headers: str) -> tuple[int, Any]:
        """Status and JSON of a GET, or with a body of a POST."""
        scheme = "https" if self._tls else "http"
        request = urllib.request.Request(
            f"{scheme}://127.0.0.1:{self.port}{path}", data=body, headers=headers
        )
        try:
            with urllib.request.urlopen(request, timeout=HANG_S, context=self._tls) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.load(error)

    def call(self, method: str, **params: Any) -> Any:
        """The result of a method over HTTP."""
        answer = self.get("/api/v2", request(method, **params))[1]
        assert "error" not in answer, answer
        return answer["result"]

    def error(self, method: str, **params: Any) -> Any:
        """The error of a method over HTTP."""
        return self.get("/api/v2", request(method, **params))[1]["error"]

    def session(self, key: Key, scope: str = "session:s") -> dict[str, Any]:
        """The tokens of a new session, made over HTTP."""
        tokens: dict[str, Any] = self.call("public/auth", **secret_login(key, scope=scope))
        return tokens

    def has_begun(self) -> bool:
        """Whether the perpetual has a mark, and the accounts are there."""
        ticker = self.get(f"/api/v2/public/ticker?instrument_name={NAME}")[1].get("result", {})
        token = self.session(TRADER)["access_token"] if ticker.get("mark_price") else ""
        return (
            bool(token) and "result" in self.get(f"/api/v2/private/get_open_orders?access_token={token}")[1]
        )

    def price(self) -> float:
        """At which a bid rests."""
        return float(round(self.call("public/ticker", instrument_name=NAME)["mark_price"] * 0.97))


class TlsClient(RawClient):
    """A raw client, over TLS where there is a context."""

    def __init__(self, port: int, tls: ssl.SSLContext | None) -> None:
        super().__init__(port)
        self.tokens: dict[str, Any] = {}
        if tls is not None:
            self._socket = tls.wrap_socket(self._socket, server_hostname="127.0.0.1")

    def until(self, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Read on to a message."""
        while not wanted(message := self.message()):
            pass
        return message

    def heard(self) -> list[dict[str, Any]]:
        """What has come up to the answer to a test."""
        self.request("public/test", "heard")
        heard: list[dict[str, Any]] = []
        while (frame := self.frame()).opcode == TEXT:
            message = json.loads(frame.payload)
            if message.get("id") == "heard":
                return heard
            heard.append(message)
        raise AssertionError(f"closed with {frame.close_code}")


def request(method: str, **params: Any) -> bytes:
    """The body of a POST."""
    return json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()


def numbered(number: int) -> Key:
    """One of the keys of a server."""
    return changed(ALICE, client_id=f"key-{number}", name="", secret=f"s3cret-of-{number}")


@contextmanager
def rights_server(home: Path, *, secure: bool, keys: tuple[Key, ...] = ()) -> Iterator[RightsServer]:
    """`deltawire serve` with the built-in exchange; yields it once the perpetual is traded."""
    furnish(home, *keys)
    with started(home, secure=secure) as server:
        wait_until(server.has_begun)
        yield server


def furnish(home: Path, *keys: Key) -> None:
    """Make accounts and keys."""
    (home / "config.toml").write_text(CONFIG)
    AccountStore(home).add("alice", {"BTC": 10 * 10**8})
    AccountStore(home).add("bob", {"BTC": 10 * 10**8})
    KeyStore(home)._change(lambda _: [*map(numbered, range(KEYS)), TRADER, *keys])


@contextmanager
def started(home: Path, *options: object, secure: bool, **environment: str) -> Iterator[RightsServer]:
    """The server of a home that has been furnished, as soon as it listens; what was there before is still there."""
    more = (*options, "--self-signed") if secure else options
    environment["DELTAWIRE_HOME"] = str(home)
    with Command("serve", "--port", 0, "--config", home / "config.toml", *more, **environment) as command:
        match = re.search(r":(\d+)/ws/api", command.out.until("WebSocket"))
        assert match is not None
        tls = ssl.create_default_context(cafile=str(home / SELF_SIGNED)) if secure else None
        yield RightsServer(command, home, int(match[1]), tls)

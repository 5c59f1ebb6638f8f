"""The model of who may do what, walked over real sockets: fewer kinds of steps, the same oracle."""

import random
from collections.abc import Iterator
from typing import Any

import pytest

from tests.session.rights_oracle import Grant, KeyFact, Line, Oracle, rights_of, words_of
from tests.support.credentials import ALICE, secret_login
from tests.support.rights_server import (
    NAME,
    ORDERS,
    TRADER,
    RightsServer,
    TlsClient,
    numbered,
    rights_server,
)
from tests.support.waiting import wait_until

STEPS = 120
HERE = "127.0.0.1"
KEYS = 3
SCOPES = (
    ["session:s"],
    ["session:s", "trade:read"],
    ["session:s", "trade:none"],
    ["session:s", "account:read"],
)
RIGHTS = ({"account": "read", "trade": "read_write"}, {"account": "read"}, {"trade": "read"})


@pytest.fixture(scope="module", params=["ws", "wss"])
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RightsServer]:
    with rights_server(tmp_path_factory.mktemp(request.param), secure=request.param == "wss") as server:
        yield server


class Walk:
    """The server beside the oracle."""

    def __init__(self, server: RightsServer, seed: int) -> None:
        self.server = server
        self.chance = random.Random(seed)
        self.oracle = Oracle()
        self.clients: dict[Line, TlsClient] = {}
        for number in range(KEYS):
            key = numbered(number)
            self.oracle.keys[key.client_id] = KeyFact(
                key.client_id, "alice", words(ALICE), frozenset(), (), 1e9
            )
        for _ in range(3):
            line = Line(HERE)
            self.oracle.lines.append(line)
            self.clients[line] = server.socket()
        self.trader = server.session(TRADER)["access_token"]

    def step(self) -> None:
        steps = [
            self.log_in,
            self.log_in,
            self.refresh,
            self.fork,
            self.log_out,
            self.subscribe,
            self.subscribe,
        ]
        self.chance.choice([*steps, self.subscribe, self.alter])()
        self.oracle.settle()
        self.look()

    def look(self) -> None:
        """Tokens are good for what the oracle says, and who may hear of an order does."""
        for grant in self.chance.sample(self.oracle.grants, min(3, len(self.oracle.grants))):
            answer = self.server.get(f"/api/v2/private/get_open_orders?access_token={grant.access}")[1]
            assert ("result" in answer) is self.oracle.may(grant, "trade read", HERE)
        order = self.ask("private/buy", instrument_name=NAME, amount=10, price=self.server.price())
        self.ask("private/cancel", order_id=order["order"]["order_id"])
        for line, client in self.clients.items():
            heard = client.heard()
            left = [
                name
                for each in heard
                if each["method"] == "unsubscribed"
                for name in each["params"]["channels"]
            ]
            assert left == line.left
            line.left.clear()
            assert any(each["method"] == "subscription" for each in heard) is (ORDERS in line.heard)

    def ask(self, method: str, **params: Any) -> Any:
        return self.server.call(method, access_token=self.trader, **params)

    def log_in(self) -> None:
        key, scope = self.oracle.keys[f"key-{self.chance.randrange(KEYS)}"], self.chance.choice(SCOPES)
        asked = words_of(scope)["rights"]
        tokens = self.server.session(numbered(int(key.id[4:])), " ".join(scope))
        rights = key.rights if asked is None else key.rights & asked
        self.got(self.oracle.granted(key, rights, session="s"), tokens)

    def refresh(self) -> None:
        if parent := self.any_grant():
            answer = self.inherit("public/auth", parent, grant_type="refresh_token")
            if answer:
                parent.dead = True
                self.got(self.oracle.granted(parent.key, parent.rights, session="s"), answer)

    def fork(self) -> None:
        if parent := self.any_grant():
            answer = self.inherit("public/fork_token", parent, session_name="s")
            if answer:
                self.got(self.oracle.granted(parent.key, parent.rights, session="s"), answer)

    def inherit(self, method: str, parent: Grant, **params: Any) -> Any:
        params = {"refresh_token": parent.refresh} | params
        if parent.dead or not self.oracle.counts(parent.key):
            assert self.server.error(method, **params)["code"] == 13004
            return None
        return self.server.call(method, **params)

    def log_out(self) -> None:
        grant = self.any_grant()
        if grant and self.oracle.alive(grant, HERE):
            with self.server.socket() as client:
                client.request("private/logout", access_token=grant.access, invalidate_token=True)
                assert client.close_code() == 1000
            grant.dead = True

    def subscribe(self) -> None:
        grant, line = self.any_grant(), self.chance.choice(list(self.clients))
        if grant:
            answer = self.clients[line].answer(
                "private/subscribe", channels=[ORDERS], access_token=grant.access
            )
            if self.oracle.alive(grant, HERE):
                assert answer["result"] == self.oracle.subscribed(line, [ORDERS], grant)
            else:
                assert answer["error"]["code"] == 13009

    def alter(self) -> None:
        before = self.oracle.keys[f"key-{self.chance.randrange(KEYS)}"]
        given = self.chance.choice(RIGHTS)
        rights = rights_of(given)
        if rights != before.rights:
            key = numbered(int(before.id[4:]))
            self.server.alter(key, rights=tuple(f"{area}:{level}" for area, level in given.items()))
            scope = " ".join(f"{area}:{level}" for area, level in sorted(given.items()))
            wait_until(lambda: self.probe(key) == f"connection {scope}")
            fact = KeyFact(before.id, "alice", rights, frozenset(), (), 1e9)
            self.oracle.keys[before.id] = fact

    def probe(self, key: Any) -> str:
        with self.server.socket() as client:
            return str(client.answer("public/auth", **secret_login(key))["result"]["scope"])

    def any_grant(self) -> Grant | None:
        return self.chance.choice(self.oracle.grants[-12:]) if self.oracle.grants else None

    def got(self, grant: Grant, tokens: dict[str, Any]) -> None:
        grant.access, grant.refresh = tokens["access_token"], tokens["refresh_token"]


def words(key: Any) -> frozenset[str]:
    return rights_of(dict(word.split(":") for word in key.rights))


def test_over_real_sockets_nobody_does_or_hears_more_or_less_than_the_oracle_says(
    server: RightsServer,
) -> None:
    walk = Walk(server, seed=12)
    for _ in range(STEPS):
        walk.step()
    assert sum(grant.dead for grant in walk.oracle.grants) > 3
    for client in walk.clients.values():
        client.close()

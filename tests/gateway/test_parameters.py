"""Every parameter of every method, wrong in every way, over WebSocket, GET and POST: refused, and nothing happens."""

import http.client
import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from fuzz.parameters import as_body, as_query, complaint, requests

from deltawire.access.backoff import BackoffPolicy
from deltawire.access.scopes import EVERYTHING
from deltawire.exchange.snapshots import freeze
from deltawire.session.table import METHODS
from deltawire.sources.simulated import tickers
from deltawire.store.keys import KeyStore
from tests.gateway.test_access import basic
from tests.support.credentials import ALICE, changed, secret_login
from tests.support.frames import TEXT, client_frame
from tests.support.gateway_server import GatewayServer, RawClient, open_socket
from tests.support.trading import Exchange

EVERYBODY = changed(ALICE, rights=EVERYTHING)
VENUE = "deltawire"


@pytest.fixture(scope="module")
def exchange() -> Exchange:
    return Exchange()


@pytest.fixture(scope="module")
def server(exchange: Exchange, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayServer]:
    """With the exchange's market as of now."""
    store = KeyStore(Path(tmp_path_factory.mktemp("home")))
    store.add(EVERYBODY)
    service = exchange.service
    backoff = BackoffPolicy(free=1_000_000)
    with GatewayServer(venues=(VENUE,), keys=store, trading=service, login_backoff=backoff) as server:
        server.feed([*service.exchange.images(), *tickers(service.exchange, service.accounts)], VENUE)
        server.wait_until(lambda: server.app.market.index("btc_usd") is not None)
        yield server


class Witness:
    """What the exchange has come to: the same as long as only refused requests came."""

    def __init__(self, server: GatewayServer, exchange: Exchange) -> None:
        self._server = server
        self._exchange = exchange
        self.journalled = self._journalled()
        self._state = self._frozen()

    def unchanged(self) -> bool:
        """Whether nothing was written to the journal since the last call."""
        before, self.journalled = self.journalled, self._journalled()
        return before == self.journalled

    def same_state(self) -> bool:
        """Whether all of the exchange is as it was at the beginning."""
        return self._state == self._frozen()

    def _journalled(self) -> int:
        return self._exchange.journalled()  # a length, of what was written before the answer came

    def _frozen(self) -> bytes:
        return self._server.ask(lambda: freeze(self._exchange.service.exchange))


def over_websocket(client: RawClient, method: str, params: dict[str, Any]) -> dict[str, Any]:
    client.send(client_frame(as_body(method, params), TEXT))
    while "id" not in (message := client.message()):
        pass
    return message


def over_http(connection: http.client.HTTPConnection, way: str, method: str, params: dict[str, Any]) -> Any:
    headers = {"Authorization": basic(EVERYBODY)}
    if way == "GET":
        connection.request("GET", as_query(method, params), headers=headers)
    else:
        connection.request("POST", "/api/v2", as_body(method, params), headers)
    return json.loads(connection.getresponse().read())


@pytest.mark.parametrize("method", sorted(METHODS))
def test_a_wrong_parameter_is_named_and_changes_nothing(
    exchange: Exchange, server: GatewayServer, method: str
) -> None:
    accepted = False
    with closing(server.http_connection()) as connection, open_socket(server) as client:
        client.answer("public/auth", **secret_login(EVERYBODY))
        client.answer("private/enable_cancel_on_disconnect")
        witness = Witness(server, exchange)
        for number, (name, params) in enumerate(requests(method)):
            for way in ("WebSocket", ("GET", "POST")[number % 2]):  # `make fuzz` takes all ways
                if way == "WebSocket":
                    answer = over_websocket(client, method, params)
                else:
                    answer = over_http(connection, way, method, params)
                assert not complaint(answer), (way, name, params, answer)
                accepted = accepted or "result" in answer
                assert witness.unchanged() or "result" in answer, (way, name, params, answer)
        assert accepted or witness.same_state()
        assert client.answer("public/test")["result"]["version"]


def test_what_is_wrong_with_an_answer_is_seen() -> None:
    assert complaint({"error": {"code": -32603, "message": "x"}})
    assert complaint({"error": {"code": -32602, "message": "x", "data": {"reason": "why"}}})
    assert complaint({"usIn": 1})
    assert not complaint({"error": {"code": -32602, "message": "x", "data": {"reason": "why", "param": "p"}}})

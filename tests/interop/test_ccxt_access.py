"""An unmodified ccxt signs in: over WebSocket by `client_signature`, over REST by `deri-hmac-sha256`."""

from collections.abc import Iterator
from typing import Any

import ccxt.pro
import pytest

from tests.support.credentials import ALICE, changed
from tests.support.gateway_server import GatewayServer, guarded_server


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayServer]:
    with guarded_server(tmp_path_factory.mktemp("home")) as server:
        yield server


def client_of(server: GatewayServer, secret: str = ALICE.secret) -> Any:
    client = ccxt.pro.deribit({"apiKey": ALICE.client_id, "secret": secret, "enableRateLimit": False})
    client.urls["api"] = {"rest": f"http://127.0.0.1:{server.port}", "ws": server.url}
    return client


async def test_ccxt_signs_in_over_websocket_and_rest(server: GatewayServer) -> None:
    client = client_of(server)
    try:
        signed_in = await client.authenticate()
        assert signed_in["result"]["token_type"] == "bearer"
        answer = await client.privateGetListApiKeys({"of": "mine & yours"})
        assert [each["client_id"] for each in answer["result"]] == ["alice-id"]
    finally:
        await client.close()


async def test_ccxt_with_a_wrong_secret_is_told_so(server: GatewayServer) -> None:
    """Over REST: over WebSocket ccxt's receive loop ends at any error frame, whoever sends it."""
    client = client_of(server, "wrong")
    try:
        with pytest.raises(ccxt.AuthenticationError):
            await client.privateGetListApiKeys()
    finally:
        await client.close()


async def test_ccxt_without_the_right_is_told_so(server: GatewayServer) -> None:
    narrow = changed(ALICE, client_id="narrow-id", name="", rights=("trade:read",))
    server.ask(lambda: server.app.access.replace([ALICE, narrow]))
    client = client_of(server)
    client.apiKey = "narrow-id"
    try:
        with pytest.raises(ccxt.PermissionDenied):
            await client.privateGetListApiKeys()
    finally:
        await client.close()

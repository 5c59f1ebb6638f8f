"""Heartbeats on real sockets, with and without TLS: when which of them comes, and what silence leads to."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.gateway_server import STEPPED, GatewayServer, RawClient, open_socket

HEARTBEAT = {"jsonrpc": "2.0", "method": "heartbeat", "params": {"type": "heartbeat"}}
TEST_REQUEST = {"jsonrpc": "2.0", "method": "heartbeat", "params": {"type": "test_request"}}
INTERVAL_S = 30


@pytest.fixture(scope="module", params=STEPPED, ids=str)
def server(request: pytest.FixtureRequest) -> Iterator[GatewayServer]:
    with GatewayServer(way=request.param) as server:
        server.go_live()
        yield server


@pytest.fixture
def client(server: GatewayServer) -> Iterator[RawClient]:
    with open_socket(server) as client:
        assert client.answer("public/set_heartbeat", interval=INTERVAL_S)["result"] == "ok"
        yield client


def told(client: RawClient, until: str) -> list[dict[str, Any]]:
    """What has come before the answer to a request that is sent now."""
    client.request("public/get_time", until)
    found = []
    while (message := client.message()).get("id") != until:
        found.append(message)
    return found


def test_a_silent_client_gets_both_and_a_talking_one_heartbeats(
    server: GatewayServer, client: RawClient
) -> None:
    server.pass_s(INTERVAL_S)
    assert [client.message(), client.message()] == [HEARTBEAT, TEST_REQUEST]
    client.answer("public/test")
    for number in range(3):
        server.pass_s(INTERVAL_S / 2)
        assert told(client, f"half {number}") == []
        server.pass_s(INTERVAL_S / 2)
        assert client.message() == HEARTBEAT
        assert told(client, f"whole {number}") == []


def test_the_channels_that_a_client_reads_do_not_count_as_its_word(
    server: GatewayServer, client: RawClient
) -> None:
    client.answer("public/subscribe", channels=["book.BTC-PERPETUAL.raw"])
    server.change(3)
    server.pass_s(INTERVAL_S)
    beats = []
    while len(beats) < 2:
        message = client.message()
        beats += [message] if message["method"] == "heartbeat" else []
    assert beats == [HEARTBEAT, TEST_REQUEST]


def test_who_does_not_answer_a_test_request_is_disconnected(server: GatewayServer, client: RawClient) -> None:
    server.pass_s(INTERVAL_S)
    assert [client.message(), client.message()] == [HEARTBEAT, TEST_REQUEST]
    client.answer("public/get_time")  # says something, but it is no answer
    server.pass_s(INTERVAL_S)
    assert client.close_code() == 1008


def test_no_heartbeats_come_after_they_are_disabled(server: GatewayServer, client: RawClient) -> None:
    assert client.answer("public/disable_heartbeat")["result"] == "ok"
    server.pass_s(10 * INTERVAL_S)
    assert told(client, "later") == []
    assert client.answer("public/set_heartbeat", interval=9)["error"]["data"]["param"] == "interval"
    server.pass_s(INTERVAL_S)
    assert told(client, "still") == []


def test_another_interval_replaces_the_first(server: GatewayServer, client: RawClient) -> None:
    assert client.answer("public/set_heartbeat", interval=2 * INTERVAL_S)["result"] == "ok"
    server.pass_s(INTERVAL_S + 1)
    assert told(client, "too early") == []
    server.pass_s(INTERVAL_S)
    assert client.message() == HEARTBEAT

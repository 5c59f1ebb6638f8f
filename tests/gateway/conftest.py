"""A running server and a neighbour who must not notice what is done to it."""

from collections.abc import Iterator

import pytest

from tests.support.gateway_server import GatewayServer, Neighbour, Way


@pytest.fixture(scope="module")
def running(way: Way) -> Iterator[GatewayServer]:
    """One server for all tests of a module."""
    with GatewayServer(way=way) as server:
        server.go_live()
        yield server


@pytest.fixture
def server(running: GatewayServer) -> Iterator[GatewayServer]:
    """A server with a subscribed neighbour; after the test both must be well, and all else gone."""
    with Neighbour(running) as neighbour:
        yield running
        assert neighbour.missed_nothing()
        running.wait_for_connections(1)
    running.wait_for_connections(0)

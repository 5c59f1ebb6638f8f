"""An exchange for every test, and two who trade on it."""

import pytest

from tests.support.trading import TRADER, Client, Exchange


@pytest.fixture
def exchange() -> Exchange:
    return Exchange()


@pytest.fixture
def alice(exchange: Exchange) -> Client:
    return exchange.client()


@pytest.fixture
def bob(exchange: Exchange) -> Client:
    return exchange.client(TRADER)

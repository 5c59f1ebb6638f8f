"""What is told of an account is what is on disk of it: on real sockets, with a disk that stalls."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.support.gateway_server import RawClient, Way
from tests.support.stalling import NAME, ExchangeServer, answers, notes_in, stalling_exchange

SECOND_NS = 1_000_000_000
PORTFOLIO = "user.portfolio.BTC"
CHANGES = "user.changes.any.any.raw"
MARKET = {"instrument_name": NAME, "amount": 100, "type": "market"}
Connect = Callable[[], RawClient]


@pytest.fixture(scope="module")
def server(way: Way, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ExchangeServer]:
    with stalling_exchange(Path(tmp_path_factory.mktemp("home")), way) as server:
        yield server


@pytest.fixture
def connect(server: ExchangeServer) -> Iterator[Connect]:
    """Makes connections that end with the test, when the disk works again."""
    with ExitStack() as stack:
        stack.callback(server.disk.resume)
        yield lambda: stack.enter_context(server.client())


def subscribed(client: RawClient, *channels: str) -> None:
    assert client.answer("private/subscribe", channels=list(channels))["result"] == list(channels)


def next_data(client: RawClient, channel: str) -> dict[str, Any]:
    """What the next notification of a channel carries."""
    while not (notes := notes_in([client.message()], channel)):
        pass
    data: dict[str, Any] = notes[0]["data"]
    return data


def told_so_far(client: RawClient, channel: str) -> list[dict[str, Any]]:
    """All that a channel has told before now."""
    client.request("public/test", "now")
    return [note["data"] for note in notes_in(answers(client, "now"), channel)]


def buys(server: ExchangeServer, client: RawClient, number: int = 1) -> int:
    """Buy a hundred; returns the position, which the disk may not have yet."""
    lots = server.position() + 100
    client.request("private/buy", number, **MARKET)
    server.wait_until(lambda: server.builtin.service.accounts.position(server.account, NAME) == lots)
    return lots


def held(server: ExchangeServer) -> int:
    """How many requests wait for the disk."""
    return sum(len(each.requests) for each in server.app.gateway._held.values())


def coins_below(server: ExchangeServer, lots: int) -> float:
    """The delta of half a trade less: more than before the last trade, less than behind it."""
    state = server.app.market.find(NAME)
    assert state is not None
    return (lots - 50) / float(state.ticker["mark_price"])


def test_a_portfolio_tells_of_no_fill_that_is_not_on_disk(server: ExchangeServer, connect: Connect) -> None:
    listener, trader = connect(), connect()
    subscribed(listener, PORTFOLIO)
    balance = next_data(listener, PORTFOLIO)["balance"]
    server.disk.stall()
    lots = buys(server, trader)
    server.passes(3 * SECOND_NS)
    fresh = connect()
    fresh.request("public/subscribe", 1, channels=[PORTFOLIO])
    server.wait_until(lambda: held(server) == 2)
    for each in told_so_far(listener, PORTFOLIO):
        assert each["balance"] == balance, "the fee of a fill that is not on disk"
        assert each["delta_total"] < coins_below(server, lots), "the fill is not on disk"
    server.disk.resume()
    answers(trader, 1)
    for client in (listener, fresh):
        while (state := next_data(client, PORTFOLIO))["delta_total"] < coins_below(server, lots):
            pass
        assert state["balance"] < balance


def test_a_portfolio_is_never_older_than_what_its_listener_was_answered(
    server: ExchangeServer, connect: Connect
) -> None:
    """Also where the channel is open already, and was last told something before that."""
    listener, trader = connect(), connect()
    subscribed(listener, PORTFOLIO)
    next_data(listener, PORTFOLIO)
    lots = buys(server, trader)
    answers(trader, 1)
    subscribed(trader, PORTFOLIO)
    assert next_data(trader, PORTFOLIO)["delta_total"] > coins_below(server, lots)


@pytest.mark.parametrize("channel", [CHANGES, f"user.changes.{NAME}.raw", "user.changes.future.BTC.100ms"])
def test_changes_tell_the_position_of_their_own_record(
    server: ExchangeServer, connect: Connect, channel: str
) -> None:
    listener, first, second = connect(), connect(), connect()
    subscribed(listener, channel)
    server.disk.stall()
    lots = buys(server, first)
    server.disk.sync_one()
    assert buys(server, second) == lots + 100
    server.disk.sync_one()
    for expected in (lots, lots + 100):
        data = next_data(listener, channel)
        assert [each["size"] for each in data["positions"]] == [float(expected)]
        assert sum(trade["amount"] for trade in data["trades"]) == 100
        server.disk.sync_one()


def test_what_is_asked_for_is_answered_when_the_disk_has_it(server: ExchangeServer, connect: Connect) -> None:
    """Getters see what was submitted, and wait for it."""
    trader, reader = connect(), connect()
    server.disk.stall()
    lots = buys(server, trader)
    reader.request("private/get_position", 1, instrument_name=NAME)
    reader.request("private/get_account_summary", 2, currency="BTC")
    server.passes(SECOND_NS)
    server.wait_until(lambda: held(server) == 3)
    server.disk.resume()
    position, summary = answers(reader, 1, 2)
    assert position["result"]["size"] == float(lots)
    assert summary["result"]["delta_total"] > coins_below(server, lots)

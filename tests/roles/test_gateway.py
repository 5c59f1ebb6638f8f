"""The whole server: sources that end or fail, how it stops, and what it says when it cannot start."""

import socket
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from deltawire.errors import RecordingError, UsageError
from deltawire.exchange.instruments.catalogue import VENUE as EXCHANGE
from deltawire.gateway.gateway import Limits
from deltawire.roles.exchange import BuiltinExchange, Setup
from deltawire.roles.gateway import App, WallClock, listen
from tests.support.frames import CLOSE, client_frame
from tests.support.gateway_server import GatewayServer, HandFedSource, Neighbour, RawClient, open_socket
from tests.support.market_events import ScriptedBook, make_instrument
from tests.support.waiting import HANG_S

HOME, AWAY = "book.BTC-PERPETUAL.raw", "book.okx:BTC-USDT.raw"
TWO = ("deribit", "okx")


def other_book() -> ScriptedBook:
    return ScriptedBook(make_instrument("BTC-USDT", venue="okx"))


def subscribed(server: GatewayServer, channel: str) -> RawClient:
    """A client that has read the answer and the image."""
    client = open_socket(server)
    client.request("public/subscribe", channels=[channel])
    assert client.message()["result"] == [channel]
    assert client.message()["params"]["data"]["type"] == "snapshot"
    return client


def two_books(server: GatewayServer) -> ScriptedBook:
    """Both venues' books are live; returns the other venue's."""
    server.go_live()
    away = other_book()
    server.feed(away.image({500: 1}, {501: 1}), "okx")
    server.wait_until(lambda: len(server.app.market) == 2)
    return away


# Sources.


def best_bid(server: GatewayServer) -> float:
    """As a new client hears it."""
    with open_socket(server) as client:
        book = client.answer("public/get_order_book", instrument_name="BTC-PERPETUAL")["result"]
        price: float = book["best_bid_price"]
        return price


def test_requests_wait_until_the_exchange_has_begun(tmp_path: Path) -> None:
    exchange = BuiltinExchange(tmp_path, WallClock(), Setup(), speed=1)
    source, book = HandFedSource(EXCHANGE), ScriptedBook(make_instrument(venue=EXCHANGE))
    with (
        closing(exchange),
        GatewayServer(sources=[source], trading=exchange.service) as server,
        ThreadPoolExecutor(1) as client,
    ):
        asked = client.submit(best_bid, server)
        with pytest.raises(TimeoutError):
            asked.result(0.3)
        server.ask(lambda: source.feed(book.image({1000: 1}, {1001: 1})))
        assert asked.result(HANG_S) == 100.0


def test_a_venue_is_served_though_the_exchange_does_not_begin(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("deltawire.roles.gateway.BEGINS_WITHIN_S", 0.1)
    exchange = BuiltinExchange(tmp_path, WallClock(), Setup(), speed=1)
    sources = [HandFedSource(EXCHANGE), away := HandFedSource("okx")]
    with closing(exchange), GatewayServer(sources=sources, trading=exchange.service) as server:
        server.ask(lambda: away.feed(other_book().image({500: 1}, {501: 1})))
        with subscribed(server, AWAY):
            pass


def test_a_source_that_fails_leaves_its_books_stale_and_the_others_alone() -> None:
    with GatewayServer(venues=TWO) as server:
        away = two_books(server)
        with subscribed(server, AWAY) as client, Neighbour(server) as neighbour:
            server.feed([away.change(bids={500: 2})], "okx")
            server.feed(RecordingError("okx.gz", "line 7", "damaged"), "okx")
            assert client.message()["params"]["data"]["bids"] == [["change", 50.0, 2.0]]
            stale = client.message()["params"]["data"]
            assert stale["status"] == {
                "state": "stale",
                "reason": "closed",
                "detail": "source failed: okx.gz: line 7: damaged",
            }
            assert neighbour.missed_nothing()
            status, answer = server.get("/api/v2/public/get_order_book?instrument_name=okx:BTC-USDT")
            assert (status, answer["error"]["code"]) == (400, 13028)
            assert server.get("/api/v2/public/get_order_book?instrument_name=BTC-PERPETUAL")[0] == 200


def test_a_source_that_ends_closes_its_books_and_tells_what_was_held_back() -> None:
    with GatewayServer() as server:
        server.go_live()
        with subscribed(server, "book.BTC-PERPETUAL.agg2") as client:
            server.change()
            server.feed(None)
            last = client.message()["params"]["data"]
            assert (last["change_id"], last["bids"]) == (2, [["change", 100.0, 11.0]])
            assert last["status"] == {"state": "stale", "reason": "closed", "detail": "source ended"}
            status, answer = server.get("/api/v2/public/get_order_book?instrument_name=BTC-PERPETUAL")
            assert (status, answer["error"]["code"]) == (400, 13028)
            assert answer["error"]["data"]["reason"] == "the book is stale (closed: source ended)"


def test_a_source_that_ends_without_an_instrument_is_warned_of() -> None:
    with capture_logs() as logs, GatewayServer() as server:
        server.feed(None)
        server.wait_until(lambda: bool(logs))
    (warned,) = [log for log in logs if log["log_level"] == "warning"]
    assert warned["venue"] == "deribit"
    assert "--venue" in warned["event"]


def test_an_interval_ends_on_time_when_no_batch_comes() -> None:
    with GatewayServer() as server:
        server.go_live()
        with subscribed(server, "book.BTC-PERPETUAL.agg2") as client:
            server.change()
            server.ask(lambda: server.sources["deribit"].pass_ns(2_000_000_000))
            assert client.message()["params"]["data"]["change_id"] == 2


def test_a_mistake_of_our_own_ends_the_server_and_is_seen_after_clients_are_told() -> None:
    with GatewayServer(may_fail=True) as server:
        server.go_live()
        with subscribed(server, HOME) as client:
            server.feed(ZeroDivisionError("our own mistake"))
            assert client.close_code() == 1001
        assert server.joined()
    with pytest.raises(ExceptionGroup) as caught:
        raise server.error or AssertionError("nothing is seen")
    assert caught.group_contains(ZeroDivisionError, match="our own mistake")


# Stopping.


def test_stopping_closes_every_connection_with_1001_and_says_to_reconnect() -> None:
    with GatewayServer() as server:
        server.go_live()
        clients = [subscribed(server, HOME) for _ in range(3)]
        server.stop()
        for client in clients:
            frame = client.frame()
            assert (frame.opcode, frame.payload) == (CLOSE, b"\x03\xe9server stops; reconnect and resume")
            client.send(client_frame(frame.payload, CLOSE))
            assert client.close_code() == 1006
            client.close()
        assert server.joined()


def test_stopping_does_not_wait_for_who_does_not_answer() -> None:
    with GatewayServer(Limits(close_timeout=0.2, watch_interval=0.05)) as server:
        server.go_live()
        with (
            subscribed(server, HOME) as silent,
            RawClient(server.port) as idle,
            RawClient(server.port) as halfway,
        ):
            halfway.send(b"GET /api")
            server.stop()
            assert server.joined()
            assert silent.close_code() == 1001
            assert idle.rest() == halfway.rest() == b""


def test_a_stopped_server_takes_no_connection() -> None:
    with GatewayServer() as server:
        port = server.port
    with pytest.raises(ConnectionRefusedError):
        RawClient(port)


# Starting.


def test_a_port_that_is_taken_is_one_clear_line() -> None:
    with listen("127.0.0.1", 0) as sock, pytest.raises(UsageError) as caught:
        listen("127.0.0.1", port := sock.getsockname()[1])
    assert str(caught.value).startswith(f"cannot listen on 127.0.0.1:{port}: ")
    assert str(caught.value).endswith("; choose another port with --port")


@pytest.mark.parametrize("host", ["no-such-host.invalid", "999.1.1.1", "192.0.2.1", "", "a..b"])
def test_an_address_that_is_none_of_ours_is_named_with_those_that_are(host: str) -> None:
    with pytest.raises(UsageError) as caught:
        listen(host, 0)
    words = str(caught.value)
    assert words.startswith(f"cannot listen on {host}:0: ")
    assert f"{host!r} is no address of this machine: --host 127.0.0.1 serves this machine alone" in words
    assert "--port" not in words


def test_a_port_that_is_none_is_one_clear_line() -> None:
    with pytest.raises(
        UsageError, match=r"cannot listen on 127\.0\.0\.1:70000: .*; choose another port with"
    ):
        listen("127.0.0.1", 70_000)


def test_an_ipv6_address_will_do() -> None:
    if not socket.has_ipv6:
        pytest.skip("no IPv6 here")
    with listen("::1", 0) as sock:
        assert sock.family is socket.AF_INET6


def test_every_app_has_an_epoch_of_its_own() -> None:
    class Nothing:
        venue = "deribit"

    sources: list[Any] = [Nothing()]
    epochs = {App(sources).hub.epoch for _ in range(10)}
    assert len(epochs) == 10
    assert App(sources, epoch="fixed").hub.epoch == "fixed"

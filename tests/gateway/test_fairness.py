"""What one connection may take from the others: turns of the loop, channels, answers that wait, requests under way."""

import asyncio
import random
import threading
import tracemalloc
from collections.abc import Iterable, Iterator
from itertools import pairwise
from pathlib import Path
from urllib.parse import urlencode

import pytest

from deltawire.access.rate_limits import RateLimits
from deltawire.dialect.grammar import parse_channel
from deltawire.exchange.limits.open_orders import OpenOrders
from deltawire.exchange.network_conditions import Latency, NetworkConditions
from deltawire.gateway import extra_modules
from deltawire.gateway.extra_modules import ExtraModules
from deltawire.gateway.gateway import JOINED_AT_ONCE, LEFT_AT_ONCE, Gateway, Limits
from deltawire.gateway.held import HeldEffects
from deltawire.gateway.intake import TURN_NS
from deltawire.gateway.network_simulator import NetworkSimulator
from deltawire.gateway.websocket import MOST_HELD, MOST_UNDER_WAY, WebSocketConnection
from deltawire.roles.gateway import WallClock
from deltawire.session.effects import Effect
from deltawire.store.keys import KeyStore
from tests.gateway.test_websocket import request_head
from tests.support.credentials import ALICE, secret_login
from tests.support.frames import CLOSE, client_frame, request_frame
from tests.support.gateway_server import GatewayServer, Neighbour, RawClient, Way, open_socket
from tests.support.hub_harness import HubHarness
from tests.support.market_events import START_NS, make_instrument, make_listing
from tests.support.trading import Exchange
from tests.support.transports import MemoryTransport, StillClock
from tests.support.waiting import HANG_S

LISTED = 900


@pytest.fixture(scope="module")
def running(way: Way) -> Iterator[GatewayServer]:
    with GatewayServer(way=way) as server:
        server.go_live()
        server.feed([make_listing(make_instrument(f"I{number}")) for number in range(LISTED)])
        server.wait_until(lambda: len(server.app.market) > LISTED)
        yield server


@pytest.fixture
def server(running: GatewayServer) -> Iterator[GatewayServer]:
    with Neighbour(running) as neighbour:
        yield running
        assert neighbour.missed_nothing()
    running.wait_for_connections(0)


def channels(server: GatewayServer) -> int:
    return server.ask(lambda: len(server.app.hub.directory._channels))


# Channels.


def test_one_small_request_opens_no_more_channels_than_a_connection_may_have(server: GatewayServer) -> None:
    before = channels(server)
    names = [
        f"book.*.{group}.{depth}.{pace}"
        for group in (1, 5, 10)
        for depth in (1, 20)
        for pace in ("raw", "agg2")
    ]
    with open_socket(server) as client:
        client.request("public/subscribe", channels=names)
        error = client.message()["error"]
        assert (error["code"], error["data"]["param"]) == (-32602, "channels")
        assert client.close_code() == 1008
    assert channels(server) == before


def test_a_name_with_a_control_character_is_no_channel(server: GatewayServer) -> None:
    before = channels(server)
    with open_socket(server) as client:
        for name in ("book.\0.raw", "deribit_price_index.\0", "trades.I\0.raw"):
            assert client.answer("public/subscribe", channels=[name])["result"] == []
            assert client.answer("public/unsubscribe", channels=[name])["result"] == []
        assert client.answer("public/subscribe", channels=["trades.I1.raw"])["result"] == ["trades.I1.raw"]
    assert channels(server) == before + 1


def test_patterns_that_outgrow_the_bound_close_the_connection(way: Way) -> None:
    with GatewayServer(Limits(subscriptions=30), way=way) as server, open_socket(server) as client:
        server.go_live()
        assert client.answer("public/subscribe", channels=["trades.*.raw", "quote.*"])["result"]
        server.feed([make_listing(make_instrument(f"I{number}")) for number in range(20)])
        assert client.close_code() == 1008


# Turns.


class TickingClock(StillClock):
    """Every look at it takes a millisecond."""

    def now(self) -> int:
        self.now_ns += 1_000_000
        return self.now_ns


class PausingTransport(MemoryTransport):
    """Knows whether it reads."""

    reading = True

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True


class GreedyPeer:
    """A connection behind its handshake, in this loop."""

    def __init__(self, gateway: Gateway) -> None:
        self.transport = PausingTransport()
        self.connection = WebSocketConnection(gateway, set())
        self.transport.set_protocol(self.connection)
        self.connection.connection_made(self.transport)
        self.connection.data_received(request_head())

    def answers(self) -> int:
        return len(self.transport.frames())


def trading_gateway(exchange: Exchange) -> Gateway:
    """A gateway to an exchange in memory, at a time that stands still."""
    clock = StillClock(START_NS)
    return Gateway(
        exchange.market, exchange.hub, clock, version="9.9", access=exchange.access, trading=exchange.service
    )


def crowded_gateway(count: int = 500) -> tuple[HubHarness, Gateway]:
    """A gateway to a market of so many instruments, at a time that stands still."""
    harness = HubHarness()
    harness.publish(*(make_listing(make_instrument(f"I{number}")) for number in range(count)))
    return harness, Gateway(harness.market, harness.hub, StillClock(START_NS), version="9.9")


async def settle(peer: GreedyPeer) -> None:
    """Until it reads again."""
    while not peer.transport.reading:  # noqa: ASYNC110 (no event tells)
        await asyncio.sleep(0)


async def test_many_requests_in_one_packet_are_answered_over_many_turns() -> None:
    harness = HubHarness()
    peer = GreedyPeer(Gateway(harness.market, harness.hub, TickingClock(START_NS), version="9.9"))
    await settle(peer)
    assert peer.transport.head().startswith("HTTP/1.1 101 ")
    peer.connection.data_received(request_frame("public/test") * 60)
    answered = peer.answers()
    assert answered <= TURN_NS // 1_000_000
    assert not peer.transport.reading
    await settle(peer)
    assert answered + peer.answers() == 60


async def test_many_channels_are_joined_over_many_turns_and_effects_keep_their_order() -> None:
    _, gateway = crowded_gateway()
    peer = GreedyPeer(gateway)
    peer.transport.head()
    peer.connection.data_received(
        request_frame("public/subscribe", 1, channels=["trades.I*.raw"])
        + request_frame("public/unsubscribe", 2, channels=["trades.I*.raw"])
        + request_frame("public/subscribe", 3, channels=["quote.I*"])
    )
    member = peer.connection.subscriber
    joined = [len(member.channels)]
    while peer.answers() < 3 and len(joined) < 100:
        await asyncio.sleep(0)
        joined.append(len(member.channels))
        if joined[-1] and joined[-1] < joined[-2]:
            break
    assert max(after - before for before, after in pairwise(joined)) <= JOINED_AT_ONCE
    assert max(joined) >= 500 - JOINED_AT_ONCE
    for _ in range(100):
        await asyncio.sleep(0)
    assert len(member.channels) == 500
    assert all(address.startswith("quote.") for address in member.channels)


async def test_many_channels_are_left_over_many_turns() -> None:
    _, gateway = crowded_gateway(2 * LEFT_AT_ONCE)
    peer = GreedyPeer(gateway)
    peer.transport.head()
    peer.connection.data_received(request_frame("public/subscribe", 1, channels=["trades.I*.raw"]))
    member = peer.connection.subscriber
    while len(member.channels) < 2 * LEFT_AT_ONCE:  # noqa: ASYNC110 (no event tells)
        await asyncio.sleep(0)
    peer.transport.frames()
    peer.connection.data_received(request_frame("public/unsubscribe", 2, channels=["trades.I*.raw"]))
    assert (len(member.channels), peer.answers()) == (LEFT_AT_ONCE, 0)
    await asyncio.sleep(0)
    assert (len(member.channels), peer.answers()) == (0, 1)


async def test_requests_behind_a_long_join_are_done_once_each_and_over_many_turns() -> None:
    harness, _ = crowded_gateway()
    gateway = Gateway(harness.market, harness.hub, TickingClock(START_NS), version="9.9")
    peer = GreedyPeer(gateway)
    await settle(peer)
    peer.transport.head()
    counted: list[int] = []
    add = HeldEffects.add

    def counting_add(held: HeldEffects, effects: Iterable[Effect]) -> None:
        counted.append(1)
        add(held, effects)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(HeldEffects, "add", counting_add)
        peer.connection.data_received(
            request_frame("public/subscribe", 1, channels=["trades.I*.raw"])
            + b"".join(request_frame("public/test", number) for number in range(2, 102))
        )
        answered, turns = [peer.answers()], 0
        while sum(answered) < 101 and turns < 1000:
            await asyncio.sleep(0)
            answered.append(peer.answers())
            turns += 1
    assert sum(answered) == 101
    assert len(counted) == 101, "none is held anew in every turn"
    assert max(answered) <= 2 * TURN_NS // 1_000_000


async def test_a_connection_that_ends_amid_its_joins_leaves_nothing() -> None:
    harness, gateway = crowded_gateway()
    peer = GreedyPeer(gateway)
    peer.connection.data_received(request_frame("public/subscribe", 1, channels=["trades.I*.raw"]))
    await asyncio.sleep(0)
    peer.connection.connection_lost(None)
    for _ in range(50):
        await asyncio.sleep(0)
    assert not peer.connection.subscriber.channels
    assert not harness.hub._groups._groups
    assert gateway.held(peer.connection) == 0


# Answers behind the disk.


async def test_answers_that_wait_for_the_disk_are_bounded_and_come_in_order() -> None:
    exchange = Exchange(OpenOrders(per_account=400, per_instrument=400))
    bot = exchange.client()
    for _ in range(300):
        bot.buy(10, 50_000.0, label="x" * 60)
    gateway = trading_gateway(exchange)
    peer = GreedyPeer(gateway)
    peer.transport.head()
    peer.connection.data_received(request_frame("public/auth", 0, **secret_login(ALICE)))
    await settle(peer)
    exchange.disk.slow = True
    peer.connection.data_received(
        request_frame("private/buy", 1, instrument_name="BTC-PERPETUAL", amount=10, price=50_000.0)
        + b"".join(request_frame("private/get_open_orders", number) for number in range(2, 62))
    )
    one = len(peer.transport.sent)
    for _ in range(20):
        await asyncio.sleep(0.01)
    size = 301 * 900
    assert gateway.held(peer.connection) <= MOST_HELD + size
    assert not peer.transport.reading
    exchange.disk.slow = False
    exchange.disk.sync()
    await settle(peer)
    messages = peer.transport.frames()
    assert one >= 0
    assert [
        frame.payload[:30].split(b'"id":')[1].split(b",")[0] for frame in messages if b'"id"' in frame.payload
    ][-60:] == [str(number).encode() for number in range(2, 62)]


@pytest.mark.parametrize("method", ["public/subscribe", "public/unsubscribe"])
async def test_channels_of_requests_that_wait_for_the_disk_are_bounded_as_well(method: str) -> None:
    exchange = Exchange()
    gateway = trading_gateway(exchange)
    peer = GreedyPeer(gateway)
    peer.transport.head()
    peer.connection.data_received(request_frame("public/auth", 0, **secret_login(ALICE)))
    await settle(peer)
    exchange.disk.slow = True
    bought = request_frame("private/buy", 1, instrument_name="BTC-PERPETUAL", amount=10, price=50_000.0)
    names = [f"book.BTC-PERPETUAL.none.{depth}.{pace}" for depth in (1, 10, 20) for pace in ("raw", "100ms")]
    names += [f"trades.BTC-PERPETUAL.{pace}" for pace in ("raw", "100ms", "agg2")]
    asked = [request_frame(method, number, channels=names * 30) for number in range(2, 402)]
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        peer.connection.data_received(bought + b"".join(asked))
        for _ in range(20):
            await asyncio.sleep(0.01)
        sent = sum(map(len, asked))
        taken = tracemalloc.get_traced_memory()[0] - before - sent
    finally:
        tracemalloc.stop()
    assert not peer.transport.reading
    assert taken < 4 * MOST_HELD
    exchange.disk.slow = False
    exchange.disk.sync()
    await settle(peer)
    answered = [frame for frame in peer.transport.frames() if b'"result"' in frame.payload]
    assert len(answered) == 2 + len(asked)


# Requests from afar.


async def test_requests_under_way_from_afar_are_bounded_and_none_is_lost() -> None:
    harness = HubHarness()
    conditions = NetworkConditions(Latency(50.0, 0.0), ())
    gateway = Gateway(
        harness.market,
        harness.hub,
        StillClock(START_NS),
        version="9.9",
        make_network=lambda: NetworkSimulator(conditions, random.Random(1), WallClock()),
    )
    peer = GreedyPeer(gateway)
    peer.transport.head()
    long = request_frame("public/test", 1, text="x" * 30_000)
    most = 0
    for _ in range(200):
        peer.connection.data_received(long)
        most = max(most, peer.connection._network.bytes_under_way)
    assert most <= MOST_UNDER_WAY + 40_000
    assert not peer.transport.reading
    answers = 0
    async with asyncio.timeout(HANG_S):
        while answers < 200:
            await asyncio.sleep(0.01)
            answers += peer.answers()
            most = max(most, peer.connection._network.bytes_under_way)
    assert most <= MOST_UNDER_WAY + 40_000


# Credits.


def test_who_speaks_by_a_token_among_the_parameters_pays_from_its_account(way: Way, tmp_path: Path) -> None:
    store = KeyStore(tmp_path)
    store.add(ALICE)
    rate_limits = RateLimits(refill=1, pool=1_000, request=100)
    with GatewayServer(way=way, rate_limits=rate_limits, keys=store) as server:
        grant = server.get(f"/api/v2/public/auth?{urlencode(secret_login(ALICE))}")[1]["result"]
        token = grant["access_token"]
        codes = []
        for _ in range(12):
            with open_socket(server) as client:
                codes.append(client.answer("public/test", access_token=token).get("error", {}).get("code"))
        assert codes[:9] == [None] * 9
        assert 10028 in codes[9:]
        status, answer = server.get(f"/api/v2/public/test?access_token={token}")
        assert (status, answer["error"]["code"]) == (429, 10028)
        with open_socket(server) as other:
            assert "result" in other.answer("public/test")


# Requests that never end.


def test_a_post_whose_body_never_comes_leaves_no_traceback(
    running: GatewayServer, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    head = b"POST /api/v2/public/test HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n"
    for rest in (b"", b"{"):
        with RawClient(running.port) as client:
            client.send(head + rest)
        with RawClient(running.port) as client:
            client.send(head + rest)
            client.reset()
    with open_socket(running) as client:
        assert "result" in client.answer("public/test")
    running.wait_for_connections(0)
    captured = capfd.readouterr()
    assert "Traceback" not in captured.err + captured.out + caplog.text


def test_close_codes_that_clients_make_up_are_one_label(running: GatewayServer) -> None:
    for code in (3000, 3999, 4001, 4999, 1000):
        with open_socket(running) as client:
            client.send(client_frame(code.to_bytes(2, "big"), CLOSE))
            client.close_code()
    running.wait_for_connections(0)
    labels = running.ask(lambda: set(running.app.gateway.telemetry.closes))
    assert labels <= {"1000", "1001", "1006", "1008", "other"}


async def test_nothing_is_joined_any_more_once_a_connection_is_closing() -> None:
    harness, gateway = crowded_gateway()
    peer = GreedyPeer(gateway)
    peer.connection.data_received(request_frame("public/subscribe", 1, channels=["trades.I*.raw"]))
    peer.connection.close(1008, "enough")
    for _ in range(50):
        await asyncio.sleep(0)
    assert not peer.connection.subscriber.channels
    assert not harness.hub._groups._groups


def test_a_subscription_that_waits_for_the_disk_is_dropped_with_its_connection() -> None:
    exchange = Exchange()
    gateway = trading_gateway(exchange)
    peer = GreedyPeer(gateway)
    peer.connection.data_received(request_frame("public/auth", 0, **secret_login(ALICE)))
    exchange.disk.slow = True
    peer.connection.data_received(
        request_frame("private/buy", 1, instrument_name="BTC-PERPETUAL", amount=10, price=50_000.0)
        + request_frame("private/subscribe", 2, channels=["user.orders.any.any.raw", "trades.any.any.raw"])
    )
    peer.connection.close(1008, "enough")
    exchange.disk.sync()
    assert not peer.connection.subscriber.channels
    assert not exchange.hub._groups._groups


FLOW, TRADES = (parse_channel(name) for name in ("flow.BTC-PERPETUAL.1s", "trades.BTC-PERPETUAL.raw"))


async def test_joins_wait_for_one_import_in_a_thread_and_the_loop_does_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert FLOW is not None
    assert TRADES is not None
    gate, loads = threading.Event(), list[Iterable[str]]()

    def load(names: Iterable[str]) -> None:
        loads.append(names)
        assert gate.wait(60)
        raise ImportError("broken")

    monkeypatch.setattr(extra_modules, "_load", load)
    modules, called = ExtraModules(), asyncio.Queue[int]()
    assert not modules.wait_for([TRADES], lambda: called.put_nowait(0))
    assert modules.wait_for([TRADES, FLOW], lambda: called.put_nowait(1))
    assert modules.wait_for([FLOW], lambda: called.put_nowait(2))
    await asyncio.sleep(0)
    assert called.empty()
    gate.set()
    assert [await called.get(), await called.get()] == [1, 2]
    assert not modules.wait_for([FLOW], lambda: called.put_nowait(3)), "it is not tried again without end"
    assert len(loads) == 1


async def test_the_modules_are_there() -> None:
    pytest.importorskip("numpy")
    assert FLOW is not None
    modules, loaded = ExtraModules(), asyncio.Event()
    assert modules.wait_for([FLOW], loaded.set)
    await asyncio.wait_for(loaded.wait(), 60)

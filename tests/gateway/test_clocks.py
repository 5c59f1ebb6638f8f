"""The wall clock jumps by hours: timers do not notice, signatures do, and order is kept by sequence."""

import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from deltawire.gateway.gateway import Limits
from deltawire.roles import gateway as app
from deltawire.roles.gateway import WallClock
from deltawire.store.keys import KeyStore
from tests.support.credentials import ALICE, changed, secret_login, signed_login
from tests.support.frames import PING, PONG, client_frame
from tests.support.gateway_server import GatewayServer, Neighbour, open_socket
from tests.support.waiting import HANG_S

TWO_HOURS_NS = 7_200 * 10**9
LIMITS = Limits(ping_interval=0.5, ping_timeout=HANG_S, watch_interval=0.02)


class Jump:
    """The wall clock of every server made from now on; it has not jumped yet."""

    def __init__(self, by_ns: int, monkeypatch: pytest.MonkeyPatch) -> None:
        self.by_ns, self.offset_ns, real = by_ns, 0, time.time_ns
        monkeypatch.setattr(
            app, "time", SimpleNamespace(**vars(time) | {"time_ns": lambda: real() + self.offset_ns})
        )


@pytest.fixture(params=[TWO_HOURS_NS, -TWO_HOURS_NS], ids=["forward", "back"])
def jump(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Jump:
    """Two hours, one way or the other."""
    return Jump(request.param, monkeypatch)


def jump_now(server: GatewayServer, jump: Jump) -> None:
    jump.offset_ns = jump.by_ns
    server.wait_until(lambda: abs(server.app.access.offset_ns) > TWO_HOURS_NS // 2)


def test_connections_and_their_order_survive_a_jump(jump: Jump) -> None:
    with GatewayServer(LIMITS) as server:
        server.go_live()
        with Neighbour(server) as neighbour, open_socket(server) as client:
            assert client.answer("public/set_heartbeat", interval=10)["result"] == "ok"
            jump_now(server, jump)
            frame = client.frame()
            assert frame.opcode == PING
            client.send(client_frame(frame.payload, PONG))
            assert "result" in client.answer("public/test")
            assert neighbour.missed_nothing()
            answer = client.answer("public/get_time")
            told_ns = answer["result"] * 1_000_000 - jump.by_ns
            assert abs(told_ns - time.time_ns()) < 60 * 10**9


def test_a_half_open_connection_is_noticed_after_a_jump_too(jump: Jump) -> None:
    limits = Limits(ping_interval=0.1, ping_timeout=0.3, watch_interval=0.02)
    with GatewayServer(limits) as server, open_socket(server) as silent:
        jump_now(server, jump)
        assert silent.close_code() == 1006


def test_signatures_are_judged_by_the_wall_clock_and_tokens_live_on(jump: Jump, tmp_path: Path) -> None:
    store = KeyStore(tmp_path)
    store.add(ALICE)
    true_ms = time.time_ns() // 1_000_000
    with GatewayServer(LIMITS, keys=store) as server, open_socket(server) as client:
        grant = client.answer("public/auth", **secret_login(ALICE, scope="session:s"))["result"]
        jump_now(server, jump)
        assert client.answer("public/auth", **signed_login(ALICE, true_ms))["error"]["code"] == 13004
        there_ms = true_ms + jump.by_ns // 1_000_000
        assert "result" in client.answer("public/auth", **signed_login(ALICE, there_ms, nonce="there"))
        assert server.get(f"/api/v2/private/list_api_keys?access_token={grant['access_token']}")[0] == 200


def test_a_key_expires_by_the_wall_clock_and_its_connection_with_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    store, jump = KeyStore(tmp_path), Jump(TWO_HOURS_NS, monkeypatch)
    store.add(changed(ALICE, expires_ms=time.time_ns() // 1_000_000 + 3_600_000))
    with GatewayServer(LIMITS, keys=store) as server, open_socket(server) as client:
        assert "result" in client.answer("public/auth", **secret_login(ALICE))
        jump.offset_ns = jump.by_ns
        assert client.close_code() == 1008


def test_our_time_starts_as_the_walls_and_never_goes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = WallClock()
    assert abs(clock.now() - clock.wall()) < 10**9
    before = clock.now()
    Jump(0, monkeypatch).offset_ns = -TWO_HOURS_NS
    assert clock.now() >= before
    assert clock.wall() < before

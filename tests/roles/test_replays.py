"""Replays of the store: each connection has a market of its own, at the time that it asks for."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from deltawire.dialect.results import ReplayState
from deltawire.gateway.gateway import Limits, Policy
from deltawire.roles.gateway import WallClock
from deltawire.roles.replays import Rooms
from tests.support.gateway_server import WAYS, GatewayServer, RawClient, Way, open_socket
from tests.support.replays import FIRST_MS, LAST_MS, best_at, store_events
from tests.support.waiting import wait_until

PATH = "/ws/api/v2/replay"
MIDDLE_MS = FIRST_MS + 7_000
NAME = "BTC-PERPETUAL"
MOST = 2
OPENED: list[RawClient] = []


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    """What was opened is closed after the test."""
    yield
    while OPENED:
        OPENED.pop().close()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("replays")
    store_events(folder)
    return folder


@pytest.fixture(params=WAYS[:2], ids=str)
def server(request: pytest.FixtureRequest, folder: Path) -> Iterator[GatewayServer]:
    way: Way = request.param
    with GatewayServer(way=way, replays=Rooms([folder / "store"], WallClock(), MOST)) as server:
        server.go_live()
        yield server


def status(server: GatewayServer, path: str) -> int:
    """The HTTP status of a handshake."""
    client = RawClient(server.port)
    OPENED.append(client)
    head = client.handshake(path)
    return int(head.split()[1])


def replay(server: GatewayServer, query: str) -> RawClient:
    client = RawClient(server.port)
    OPENED.append(client)
    assert client.handshake(f"{PATH}?{query}").startswith("HTTP/1.1 101 ")
    return client


def present(server: GatewayServer) -> RawClient:
    client = open_socket(server)
    OPENED.append(client)
    return client


def result(client: RawClient, method: str, **params: Any) -> Any:
    answer = client.answer(method, **params)
    assert "result" in answer, answer
    if method.endswith("_replay"):
        assert msgspec.to_builtins(msgspec.convert(answer["result"], ReplayState)) == answer["result"]
    return answer["result"]


def best(client: RawClient) -> tuple[float, float, float, float]:
    book = result(client, "public/get_order_book", instrument_name=NAME, depth=1)
    return (
        book["best_bid_price"],
        book["best_bid_amount"],
        book["best_ask_price"],
        book["best_ask_amount"],
    )


def test_what_can_be_replayed_is_told_to_everybody(server: GatewayServer) -> None:
    client = present(server)
    state = result(client, "public/get_replay")
    assert state == {
        "available": True,
        "venues": ["deribit"],
        "start_timestamp": FIRST_MS,
        "end_timestamp": state["end_timestamp"],
        "active": False,
        "timestamp": None,
        "speed": None,
        "ended": False,
    }
    assert LAST_MS <= state["end_timestamp"] <= LAST_MS + 100
    refusal = client.answer("public/set_replay", speed=2)["error"]
    assert refusal["code"] == 10033
    assert PATH in refusal["data"]["reason"]


@pytest.mark.parametrize("at_ms", [FIRST_MS + 50, MIDDLE_MS, LAST_MS - 5_000])
def test_books_are_those_of_the_time(server: GatewayServer, folder: Path, at_ms: int) -> None:
    client = replay(server, f"from={at_ms}&speed=0")
    assert best(client) == best_at(folder, at_ms)
    state = result(client, "public/get_replay")
    assert (state["active"], state["speed"], state["ended"]) == (True, 0.0, False)
    assert at_ms - 1 <= state["timestamp"] <= at_ms
    channel = f"book.{NAME}.raw"
    assert result(client, "public/subscribe", channels=[channel]) == [channel]
    image = client.message()["params"]["data"]
    assert image["type"] == "snapshot"
    assert [image["bids"][0][1], image["asks"][0][1]] == [best(client)[0], best(client)[2]]


def test_it_goes_on_as_fast_as_it_is_told_and_ends_stale(server: GatewayServer, folder: Path) -> None:
    client = replay(server, f"from={MIDDLE_MS}&speed=0")
    assert result(client, "public/subscribe", channels=[f"trades.{NAME}.raw", f"status.{NAME}"])
    before = best(client)
    assert result(client, "public/set_replay", speed=50)["speed"] == 50.0
    wait_until(lambda: best(client) != before)
    assert result(client, "public/set_replay", speed=0)["speed"] == 0.0
    stands = result(client, "public/get_replay")["timestamp"]
    assert stands > MIDDLE_MS
    wait_until(lambda: best(client) == best_at(folder, stands + 1))  # all of that moment
    held = [(best(client), result(client, "public/get_replay")["timestamp"]) for _ in range(20)]
    assert set(held) == {(best_at(folder, stands + 1), stands)}
    result(client, "public/set_replay", speed=1000)
    wait_until(lambda: result(client, "public/get_replay")["ended"])
    refusal = client.answer("public/get_order_book", instrument_name=NAME)["error"]
    assert refusal["data"]["reason"] == "the book is stale (closed: source ended)"


def test_connections_have_times_of_their_own(server: GatewayServer, folder: Path) -> None:
    live = present(server)
    early, late = (replay(server, f"from={at}&speed=0") for at in (MIDDLE_MS, LAST_MS - 2_000))
    now = best(live)
    result(early, "public/set_replay", speed=100)
    wait_until(lambda: result(early, "public/get_replay")["timestamp"] > MIDDLE_MS + 1_000)
    assert best(late) == best_at(folder, LAST_MS - 2_000)
    assert best(live) == now
    server.feed([server.book.change(bids={1000: 77})])
    wait_until(lambda: best(live) != now)
    assert best(late) == best_at(folder, LAST_MS - 2_000)
    assert result(live, "public/get_replay")["active"] is False


def test_there_are_only_so_many_and_a_closed_one_makes_room(server: GatewayServer) -> None:
    clients = [replay(server, f"from={MIDDLE_MS}") for _ in range(MOST)]
    assert status(server, f"{PATH}?from={MIDDLE_MS}") == 429
    clients[0].close()
    wait_until(lambda: status(server, f"{PATH}?from={MIDDLE_MS}") == 101)


@pytest.mark.parametrize(
    "query",
    [
        "from=x",
        "from=nan",
        f"from={FIRST_MS - 10}",
        f"from={LAST_MS + 5_000}",
        "speed=-1",
        "speed=1e9",
        "from=1e400",
    ],
)
def test_a_wrong_time_or_speed_is_refused(server: GatewayServer, query: str) -> None:
    assert status(server, f"{PATH}?{query}") == 400
    assert server.ask(lambda: len(server.app.gateway.connections)) == 0


def test_a_server_without_a_store_has_no_replays(tmp_path: Path) -> None:
    for more in ({}, {"replays": Rooms([tmp_path], WallClock(), MOST)}):
        with GatewayServer(**more) as server:
            assert status(server, PATH) == (400 if more else 404)
            assert result(present(server), "public/get_replay")["available"] is False


def test_none_may_replay_if_the_limit_says_so(folder: Path) -> None:
    with GatewayServer(Limits(), replays=Rooms([folder / "store"], WallClock(), 0)) as server:
        assert result(present(server), "public/get_replay")["available"] is False
        assert status(server, PATH) == 400


def test_a_private_only_server_replays_for_who_authenticates_in_the_handshake(folder: Path) -> None:
    rooms = Rooms([folder / "store"], WallClock(), MOST)
    with GatewayServer(policy=Policy(private_only=True), replays=rooms) as server:
        assert status(server, PATH) == 401
        assert rooms.is_empty


def test_a_store_whose_recordings_are_gone_is_not_replayed(tmp_path: Path) -> None:
    store = store_events(tmp_path)
    manifest = json.loads((store / "manifest.json").read_text())
    assert Rooms([store], WallClock(), MOST).span() is not None
    manifest["events"][0]["made_of"] = {"raw/deribit/1/gone": 1}
    (store / "manifest.json").write_text(json.dumps(manifest))
    assert Rooms([store], WallClock(), MOST).span() is None

"""An exchange, a keeper and gateways as processes with a NATS server between them; what fails, and what clients see."""

import asyncio
import json
import shutil
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import connect as ws_connect

pytest.importorskip("nats", reason="needs deltawire[nats]")

from deltawire.bus.nats.connection import Address, Connection, connect
from deltawire.bus.nats.retained import Images
from deltawire.session.client import BookMirror
from tests.support.bus.cluster import Cluster, RoleProcess
from tests.support.bus.wanderer import BOOK, Wanderer, follow, read_until
from tests.support.waiting import HANG_S, until

TOPIC = "md.v1.deltawire"
SAME = [
    "book.BTC-PERPETUAL.raw",
    "book.BTC-PERPETUAL.100ms",
    "book.ETH-PERPETUAL.none.10.100ms",
    "ticker.BTC-PERPETUAL.100ms",
    "trades.future.BTC.raw",
    "quote.ETH-PERPETUAL",
    "deribit_price_index.btc_usd",
    "perpetual.BTC-PERPETUAL.100ms",
]


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    with Cluster(tmp_path) as made:
        yield made


@asynccontextmanager
async def bus(cluster: Cluster) -> AsyncIterator[Connection]:
    connection = await connect(Address(cluster.nats.url))
    yield connection
    await connection.close()


async def collect(gateway: RoleProcess, frames: dict[tuple[str, int], str], enough: asyncio.Event) -> None:
    """Every notification of the channels that follows another, as it was sent."""
    async with ws_connect(
        f"{gateway.url}/ws/api/v2", max_size=None, max_queue=None, close_timeout=0.1
    ) as socket:
        request = {"method": "public/subscribe", "id": 1, "params": {"channels": SAME, "resume": {}}}
        await socket.send(json.dumps({"jsonrpc": "2.0", **request}))
        while not enough.is_set():
            frame = str(await socket.recv())
            params: dict[str, Any] = json.loads(frame).get("params", {})
            if "prev_seq" in params:
                frames[params["channel"], params["seq"]] = frame


async def assert_same_bytes(*gateways: RoleProcess, count: int = 300) -> None:
    """The gateways send the same bytes for the same positions, in every channel."""
    enough = asyncio.Event()
    frames: list[dict[tuple[str, int], str]] = [{} for _ in gateways]
    async with asyncio.timeout(HANG_S), asyncio.TaskGroup() as group:
        for gateway, found in zip(gateways, frames, strict=True):
            group.create_task(collect(gateway, found, enough))

        def common() -> set[tuple[str, int]]:
            return set.intersection(*({*found} for found in frames))

        await until(lambda: len(common()) >= count and len({name for name, _ in common()}) >= len(SAME) - 1)
        enough.set()
    differing = [place for place in common() if len({found[place] for found in frames}) > 1]
    assert differing == []
    for name in {name for name, _ in common()}:
        told = [sorted(seq for channel, seq in found if channel == name) for found in frames]
        first, last = max(seqs[0] for seqs in told), min(seqs[-1] for seqs in told)
        whole = [[seq for seq in seqs if first <= seq <= last] for seqs in told]
        assert whole == whole[:1] * len(whole), name


@pytest.mark.parametrize("secure", [False, True], ids=["ws", "wss"])
async def test_a_client_moves_between_gateways_and_misses_nothing(cluster: Cluster, *, secure: bool) -> None:
    cluster.exchange()
    gateways = [cluster.gateway(f"gateway{number}", secure=secure) for number in range(2)]
    wanderer = Wanderer()
    for hop in range(12):
        await wanderer.visit(gateways[hop % 2], binary=hop % 3 == 2)
    wanderer.assert_whole()
    assert wanderer.mirror.state == "live"


async def test_gateways_say_the_same_bytes_and_so_does_one_that_was_killed(cluster: Cluster) -> None:
    exchange = cluster.exchange()
    cluster.keeper()
    first, second = cluster.gateway("first"), cluster.gateway("second")
    await assert_same_bytes(exchange, first, second)
    wanderer, stop = Wanderer(), asyncio.Event()
    following = asyncio.create_task(follow(wanderer, [second, first], stop))
    await until(lambda: wanderer.notes > 50)
    second.kill()
    seen = wanderer.notes
    await until(lambda: wanderer.notes > seen + 50)
    async with bus(cluster) as connection:  # its beginning is not there any more: it needs the image
        manifest = await Images(connection).manifest()
        assert manifest is not None
        await connection.js.purge_stream(connection.settings.name, seq=manifest.sequence - 50)
    second.start()
    await assert_same_bytes(first, second)
    first.kill()
    seen = wanderer.notes
    await until(lambda: wanderer.notes > seen + 50)
    stop.set()
    await following
    wanderer.assert_whole()


@pytest.mark.parametrize("trouble", ["restart", "pause"])
async def test_books_are_stale_while_the_bus_is_silent_and_nothing_is_missed(
    cluster: Cluster, trouble: str
) -> None:
    exchange = cluster.exchange()
    gateways = [cluster.gateway(f"gateway{number}") for number in range(2)]
    wanderer = Wanderer()
    async with asyncio.timeout(HANG_S), wanderer.connected(gateways[0]) as client:
        await wanderer.resume(client)
        await wanderer.read(client, 20)
        if trouble == "restart":
            cluster.nats.kill()
        else:
            cluster.nats.send(signal.SIGSTOP)
        await read_until(wanderer, client, lambda: wanderer.mirror.state == "stale")
        assert gateways[0].get("/readyz") == (503, "deltawire: nothing from the bus for 1 s\n")
        book = gateways[0].get("/api/v2/public/get_order_book?instrument_name=BTC-PERPETUAL").text
        assert "the book is stale (lost: nothing from the bus for 1 s)" in book
        if trouble == "restart":
            cluster.nats.start()
        else:
            cluster.nats.send(signal.SIGCONT)
        await read_until(wanderer, client, lambda: wanderer.mirror.state == "live")
        await wanderer.read(client, 20)
    await wanderer.visit(gateways[1])
    wanderer.assert_whole()
    assert wanderer.states == [("live", ""), ("stale", "lost"), ("live", "")]
    assert gateways[0].get("/readyz").status == 200
    await assert_same_bytes(exchange, *gateways, count=100)


async def test_a_publisher_that_begins_anew_is_a_gap_that_everybody_is_told(cluster: Cluster) -> None:
    exchange, gateway = cluster.exchange(), cluster.gateway("gateway")
    wanderer, stop = Wanderer(), asyncio.Event()
    following = asyncio.create_task(follow(wanderer, [gateway], stop))
    await until(lambda: wanderer.notes > 50)
    exchange.kill()
    await until(lambda: wanderer.mirror.state == "stale")
    exchange.start()
    await until(lambda: len(wanderer.epochs) == 2 and wanderer.mirror.state == "live")
    stop.set()
    await following
    assert BOOK in wanderer.gaps
    assert gateway.alive
    await assert_same_bytes(exchange, gateway, count=100)


async def test_a_bus_restored_from_an_old_disk_uses_no_position_twice(
    cluster: Cluster, tmp_path: Path
) -> None:
    exchange = cluster.exchange()
    gateways = [cluster.gateway(f"gateway{number}") for number in range(2)]
    wanderer, stop = Wanderer(), asyncio.Event()
    following = asyncio.create_task(follow(wanderer, gateways, stop))
    await until(lambda: wanderer.notes > 30)
    cluster.nats.kill()
    shutil.copytree(cluster.nats.folder / "js", tmp_path / "old")
    cluster.nats.start()
    seen = wanderer.notes
    await until(lambda: wanderer.notes > seen + 100)
    cluster.nats.kill()
    shutil.rmtree(cluster.nats.folder / "js")
    shutil.copytree(tmp_path / "old", cluster.nats.folder / "js")
    cluster.nats.start()
    assert exchange.ended() == 2
    assert "the stream has been restored or deleted" in exchange.log.read_text()
    exchange.start()
    await until(lambda: len(wanderer.epochs) == 2 and wanderer.mirror.state == "live")
    seen = wanderer.notes
    await until(lambda: wanderer.notes > seen + 50)
    stop.set()
    await following
    assert BOOK in wanderer.gaps
    await assert_same_bytes(*gateways, count=100)


async def test_of_a_pair_one_publishes_and_the_other_takes_over(cluster: Cluster) -> None:
    first, gateway = cluster.exchange("first"), cluster.gateway("gateway")
    second = cluster.add("second", "exchange").start(ready="standing by: another process publishes")
    wanderer, stop = Wanderer(), asyncio.Event()
    following = asyncio.create_task(follow(wanderer, [gateway], stop))
    await until(lambda: wanderer.notes > 50)
    assert len(wanderer.epochs) == 1
    first.send(signal.SIGSTOP)  # as if its machine had stopped for a while
    await until(lambda: len(wanderer.epochs) == 2 and wanderer.mirror.state == "live")
    first.send(signal.SIGCONT)
    assert await asyncio.to_thread(first.ended) == 2
    assert f"{TOPIC}: the newest batch is" in first.log.read_text()
    seen = wanderer.notes
    await until(lambda: wanderer.notes > seen + 50)
    stop.set()
    await following
    assert len(wanderer.epochs) == 2
    await assert_same_bytes(second, gateway, count=50)


async def test_who_stands_by_can_be_stopped(cluster: Cluster) -> None:
    cluster.exchange("first")
    second = cluster.add("second", "exchange").start(ready="standing by: another process publishes")
    await asyncio.to_thread(second.kill, signal.SIGTERM)
    assert second.ended() == 0


async def test_garbage_on_the_bus_is_dropped_and_counted(cluster: Cluster) -> None:
    exchange, gateway = cluster.exchange(), cluster.gateway("gateway")
    wanderer = Wanderer()
    async with asyncio.timeout(HANG_S), wanderer.connected(gateway) as client, bus(cluster) as connection:
        await wanderer.resume(client)
        await wanderer.read(client, 10)
        for topic in (TOPIC, "md.v1.nobody"):
            for data in (b"", b"\x00garbage", b"\x97\x07" + b"\xa0" * 6):
                await connection.js.publish(topic, data)
        await wanderer.read(client, 50)
    wanderer.assert_whole()
    await until(lambda: gateway.metric('deltawire_bus_dropped_total{kind="garbage"}') == 4)
    assert gateway.metric('deltawire_bus_dropped_total{kind="version"}') == 2
    assert exchange.alive


def test_what_a_gateway_refuses_is_said_in_one_line(
    cluster: Cluster, capfd: pytest.CaptureFixture[str]
) -> None:
    from tests.support.commands import run

    for arguments, line in [
        (["gateway"], "deltawire: --bus is needed: the NATS server, such as nats://127.0.0.1:4222"),
        (
            ["gateway", "--bus", "http://x"],
            "deltawire: --bus must be nats://host:port or tls://host:port, not 'http://x'",
        ),
        (
            ["gateway", "--bus", "nats://127.0.0.1:1", "--port", "0"],
            "deltawire: cannot connect to the bus at nats://127.0.0.1:1:",
        ),
        (
            ["feed", "--bus", cluster.nats.url],
            "deltawire: a feed needs a --venue to connect to, or a --replay with its --venue",
        ),
    ]:
        outcome = run(capfd, *arguments)
        assert outcome.code == 2
        assert outcome.err.splitlines()[-1].startswith(line)


async def test_a_book_at_a_gateway_is_the_book_of_the_exchange(cluster: Cluster) -> None:
    exchange, gateway = cluster.exchange(), cluster.gateway("gateway")
    mirrors = [BookMirror(), BookMirror()]
    wanderers = [Wanderer(), Wanderer()]
    for wanderer, mirror in zip(wanderers, mirrors, strict=True):
        wanderer.mirror = mirror
    async with (
        asyncio.timeout(HANG_S),
        wanderers[0].connected(exchange) as one,
        wanderers[1].connected(gateway) as other,
    ):
        for wanderer, client in zip(wanderers, (one, other), strict=True):
            await wanderer.resume(client)
            await wanderer.read(client, 30)
        while mirrors[0].change_id != mirrors[1].change_id:
            behind = int((mirrors[0].change_id or 0) > (mirrors[1].change_id or 0))
            await wanderers[behind].read((one, other)[behind], 1)
    assert (mirrors[0].bids, mirrors[0].asks) == (mirrors[1].bids, mirrors[1].asks)

"""`deltawire gateway --workers`: several processes behind one port, over real sockets with a real NATS server."""

import asyncio
import os
import re
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

pytest.importorskip("nats", reason="needs deltawire[nats]")

from tests.support.bus.cluster import Cluster, RoleProcess
from tests.support.bus.wanderer import Wanderer, follow
from tests.support.commands import run
from tests.support.waiting import HANG_S, until

if not hasattr(socket, "SO_REUSEPORT"):
    pytest.skip("needs SO_REUSEPORT", allow_module_level=True)

WORKERS = 2


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    with Cluster(tmp_path) as made:
        yield made


def pids(gateway: RoleProcess) -> dict[str, int]:
    """The process of each worker, by its number in the order in which they were started."""
    children = Path(f"/proc/{gateway.pid}/task/{gateway.pid}/children").read_text().split()
    return {str(number): int(pid) for number, pid in enumerate(sorted(children, key=int), 1)}


def by_worker(gateway: RoleProcess, name: str) -> dict[str, float]:
    """A metric of every worker."""
    samples = re.findall(rf'^{name}{{worker="(\d+)".*}} (\S+)$', gateway.get("/metrics").text, re.MULTILINE)
    return {worker: float(value) for worker, value in samples}


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="children are found by /proc")
async def test_clients_of_a_worker_that_is_killed_go_on_at_another_and_all_are_drained(
    cluster: Cluster,
) -> None:
    cluster.exchange()
    gateway = cluster.add("gateway", "gateway", "--workers", str(WORKERS)).start()
    wanderers, stop = [Wanderer() for _ in range(16)], asyncio.Event()
    async with asyncio.TaskGroup() as group:
        for wanderer in wanderers:
            group.create_task(follow(wanderer, [gateway], stop))
        await until(lambda: all(wanderer.notes > 5 for wanderer in wanderers))
        open_ = await asyncio.to_thread(by_worker, gateway, "deltawire_connections")
        assert {*open_} == {"1", "2"}
        assert sum(open_.values()) == len(wanderers)
        assert min(open_.values()) > 0, "the kernel spreads connections: one in 32,768 times all are at one"
        os.kill(pids(gateway)["1"], signal.SIGKILL)
        seen = [wanderer.notes for wanderer in wanderers]
        await until(
            lambda: all(wanderer.notes > count + 20 for wanderer, count in zip(wanderers, seen, strict=True))
        )
        starts = {"1": 2.0, "2": 1.0}

        def again() -> bool:
            up = by_worker(gateway, "deltawire_worker_up") == {"1": 1.0, "2": 1.0}
            return up and by_worker(gateway, "deltawire_worker_starts_total") == starts

        async with asyncio.timeout(HANG_S):
            while not await asyncio.to_thread(again):  # noqa: ASYNC110
                await asyncio.sleep(0.1)
        assert (await asyncio.to_thread(gateway.get, "/readyz")).status == 200
        stop.set()
    for wanderer in wanderers:
        wanderer.assert_whole()
    assert "a worker has ended" in gateway.log.read_text()
    await drained(gateway, cluster.folder / gateway.name)


async def drained(gateway: RoleProcess, home: Path) -> None:
    """`drain` closes the connections of every worker, refuses new ones meanwhile, and all end."""
    clients = [Wanderer() for _ in range(8)]
    async with AsyncExitStack() as stack:
        sockets = [await stack.enter_async_context(client.connected(gateway)) for client in clients]
        drain = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "deltawire", "drain", "--grace", "2"),
            env={"DELTAWIRE_HOME": str(home)},
            stdout=asyncio.subprocess.PIPE,
        )
        assert drain.stdout is not None
        async with asyncio.timeout(HANG_S):
            assert await drain.stdout.readline() == b"8 connections are closed over 2 s\n"
            await until(lambda: is_refused(gateway.port))
            assert gateway.alive
            assert await drain.stdout.read() == b"the server has stopped\n"
            assert await drain.wait() == 0
            for each in sockets:
                await each.wait_closed()
    assert [each.close_code for each in sockets] == [1001] * len(clients)
    assert await asyncio.to_thread(gateway.ended) == 0


def is_refused(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), HANG_S).close()
    except ConnectionRefusedError:
        return True
    return False


def test_what_workers_cannot_do_is_said_once(cluster: Cluster, capfd: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        outcome = run(capfd, "gateway", "--bus", cluster.nats.url, "--workers", 2, "--port", port)
        assert (outcome.code, f"cannot listen on 127.0.0.1:{port}" in outcome.err) == (2, True)
    outcome = run(capfd, "gateway", "--bus", "nats://127.0.0.1:1", "--workers", 2, "--port", 0)
    assert outcome.code == 2
    lines = [line for line in outcome.err.splitlines() if line.startswith("deltawire:")]
    assert len(lines) == 1
    assert lines[0].startswith("deltawire: cannot connect to the bus at nats://127.0.0.1:1:")


async def test_workers_stop_when_who_started_them_is_killed(cluster: Cluster) -> None:
    cluster.exchange()
    gateway = cluster.add("gateway", "gateway", "--workers", "2").start()
    workers = [*pids(gateway).values()]
    gateway.kill()
    await until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in workers))

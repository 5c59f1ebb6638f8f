"""Every gateway is drained and started again, one after the other, under many clients: none misses anything.

`make rolling` runs this with 2,000 clients, and prints what it saw; `make test` runs it with none, since it takes the
processor for most of a minute. What a client sees of one gateway that ends is in `test_workers.py`.
"""

import asyncio
import statistics
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from os import environ
from pathlib import Path
from random import Random
from time import monotonic

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, WebSocketException

pytest.importorskip("nats", reason="needs deltawire[nats]")

from deltawire.session.client import Answer, BookMirror, ClientSession, Notification
from tests.support.bus.cluster import Cluster, RoleProcess
from tests.support.waiting import until

CLIENTS = int(environ.get("DELTAWIRE_ROLLING", "0"))
GRACE_S = float(environ.get("DELTAWIRE_GRACE", "20"))
GATEWAYS = 3
BOOK, TRADES = "book.ETH-PERPETUAL.agg2", "trades.ETH-PERPETUAL.raw"
TENTHS = 10


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    with Cluster(tmp_path) as made:
        yield made


class Restarts:
    """What the clients saw, all together."""

    def __init__(self) -> None:
        self.closed: list[tuple[float, int]] = []
        """When a connection was closed, and with which code."""
        self.away_s: list[float] = []
        """From a close until the channels were resumed elsewhere."""
        self.refused = 0
        self.gaps: list[str] = []


class MovingClient:
    """Reads the book and the trades of one instrument wherever it is served; its session compares every sequence."""

    def __init__(self, seed: int, gateways: Sequence[RoleProcess], restarts: Restarts) -> None:
        self.mirror = BookMirror()
        self.trades: list[int] = []
        self.notes = 0
        self.at: RoleProcess | None = None
        self._random = Random(seed)
        self._gateways = gateways
        self._restarts = restarts
        self._session = ClientSession()

    async def follow(self, stop: asyncio.Event) -> None:
        """Read until stopped; whoever is sent away goes to another gateway at once."""
        left_s = 0.0
        while not stop.is_set():
            gateway = self._random.choice(self._gateways)
            try:
                async with connect(
                    f"{gateway.url}/ws/api/v2",
                    max_size=None,
                    ping_interval=None,
                    close_timeout=0.1,
                    compression=None,
                    open_timeout=60,
                ) as client:
                    await client.send(self._request(), text=True)
                    while not stop.is_set():
                        if self._take(await client.recv(), gateway) and left_s:
                            self._restarts.away_s.append(monotonic() - left_s)
            except ConnectionClosed:
                left_s = monotonic()
                self._restarts.closed.append((left_s, client.close_code or 0))
            except (WebSocketException, OSError):
                self._restarts.refused += 1
                await asyncio.sleep(0.01)
            self.at = None

    def _request(self) -> bytes:
        resume = self._session.reconnected()
        params = {"channels": [BOOK, TRADES], "resume": resume}
        return self._session.call("public/subscribe", params)[1]

    def _take(self, frame: str | bytes, gateway: RoleProcess) -> bool:
        """Whether this was the answer to the request."""
        told = self._session.received(frame)
        if isinstance(told, Notification):
            self.notes += 1
            if told.channel == BOOK:
                self.mirror.apply(told.data)
            else:
                self.trades += [trade["trade_seq"] for trade in told.data]
        if isinstance(told, Answer):
            assert told.error is None
            self._restarts.gaps += [name for name, recovered in told.recovered.items() if not recovered]
            self.at = gateway
        return isinstance(told, Answer)


async def drain(gateway: RoleProcess, folder: Path) -> str:
    """Drain a gateway as an operator does; what the command says."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "deltawire", "drain", "--grace", str(GRACE_S)),
        env={"DELTAWIRE_HOME": str(folder / gateway.name)},
        stdout=asyncio.subprocess.PIPE,
    )
    said, _ = await process.communicate()
    assert process.returncode == 0
    return said.decode()


def report(began_s: float, restarts: Restarts) -> None:
    """Print over which tenths of the grace the closes were spread."""
    tenths = Counter(
        min(TENTHS - 1, int((closed_s - began_s) / GRACE_S * TENTHS)) for closed_s, _ in restarts.closed
    )
    print(f"closed in each tenth of the grace: {[tenths[tenth] for tenth in range(TENTHS)]}")


@pytest.mark.skipif(not CLIENTS, reason="takes minutes: make rolling")
async def test_all_gateways_restart_one_after_the_other_and_no_client_misses_anything(
    cluster: Cluster,
) -> None:
    cluster.exchange()
    gateways = [cluster.gateway(f"gateway{number}") for number in range(GATEWAYS)]
    cluster.keeper()
    stop, away_s = asyncio.Event(), list[float]()
    restarts = Restarts()
    clients = [MovingClient(number, gateways, restarts) for number in range(CLIENTS)]
    async with asyncio.TaskGroup() as group:
        for number, client in enumerate(clients):
            group.create_task(client.follow(stop))
            if number % 20 == 0:
                await asyncio.sleep(0.02)
        await until(lambda: all(client.notes > 2 for client in clients))
        for gateway in gateways:
            restarts.closed.clear()
            restarts.away_s.clear()
            restarts.refused = 0
            began_s, there = monotonic(), sum(client.at is gateway for client in clients)
            said = await drain(gateway, cluster.folder)
            assert await asyncio.to_thread(gateway.ended) == 0
            seen = [client.notes for client in clients]
            await until(lambda seen=seen: all(c.notes > n for c, n in zip(clients, seen, strict=True)))  # type: ignore[misc]
            print(f"{gateway.name}: {said.splitlines()[0]}")
            report(began_s, restarts)
            ordered = sorted(restarts.away_s)
            print(
                f"resumed elsewhere after {statistics.median(ordered) * 1e3:.0f} ms (p50), "
                f"{ordered[len(ordered) * 99 // 100] * 1e3:.0f} ms (p99), {ordered[-1] * 1e3:.0f} ms (most); "
                f"{restarts.refused} attempts were refused"
            )
            assert {code for _, code in restarts.closed} == {1001}
            assert len(restarts.closed) == there
            away_s += ordered
            await asyncio.to_thread(gateway.start)
        stop.set()
    assert restarts.gaps == []
    for client in clients:
        if client.trades:
            first = client.trades[0]
            assert client.trades == list(range(first, first + len(client.trades)))
        assert client.mirror.state == "live"
    notes, trades = sum(client.notes for client in clients), sum(len(client.trades) for client in clients)
    print(
        f"{CLIENTS} clients, {len(away_s)} resumed, {notes} notifications, {trades} trades: no gap, none twice"
    )

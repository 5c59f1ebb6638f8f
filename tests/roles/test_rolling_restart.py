"""Every gateway is drained and started again, one after the other, under many clients: none misses anything.

`make rolling` runs this with 2,000 clients, and prints what it saw; `make test` runs it with none, since it takes the
processor for minutes. What a client sees of one gateway that ends is in `test_workers.py`.
"""

import asyncio
import os
import statistics
import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager
from os import environ
from pathlib import Path
from time import monotonic

import pytest

pytest.importorskip("nats", reason="needs deltawire[nats]")

from tests.support.bus.cluster import Cluster, RoleProcess
from tests.support.bus.moving_clients import ClientProcess, Clients, Seen

CLIENTS = int(environ.get("DELTAWIRE_ROLLING", "0"))
GRACE_S = float(environ.get("DELTAWIRE_GRACE", "20"))
GATEWAYS = 3
IN_ONE_PROCESS = 250
TENTHS = 10
LOOK_S = 0.25


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    with Cluster(tmp_path) as made:
        yield made


class Crowd:
    """All clients, spread over processes."""

    def __init__(self, processes: Sequence[ClientProcess], count: int) -> None:
        self.count = count
        self._processes = processes

    async def seen(self, line: str = "tell") -> Seen:
        """What all have seen; `line` as with one process."""
        parts = await asyncio.gather(*(process.seen(line) for process in self._processes))
        whole = Seen([sum(counts) for counts in zip(*(part.at for part in parts), strict=True)])
        for name in ("reading", "notes", "trades", "merged", "refused", "processor_s"):
            setattr(whole, name, sum(getattr(part, name) for part in parts))
        for name in ("closed", "back", "faults"):
            setattr(whole, name, [each for part in parts for each in getattr(part, name)])
        return whole

    async def all_read(self) -> None:
        """Wait until every client is subscribed and has read."""
        while True:
            seen = await self.seen()
            assert seen.faults == []
            if seen.reading == self.count == sum(seen.at):
                return
            await asyncio.sleep(LOOK_S)


@asynccontextmanager
async def crowd(count: int, gateways: Sequence[RoleProcess]) -> AsyncIterator[Crowd]:
    """So many clients."""
    urls = [gateway.url for gateway in gateways]
    processes = [
        await ClientProcess.start(Clients(first, min(IN_ONE_PROCESS, count - first), urls))
        for first in range(0, count, IN_ONE_PROCESS)
    ]
    try:
        yield Crowd(processes, count)
    finally:
        for process in processes:
            await process.end()


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


def in_tenths(began_s: float, times_s: Iterable[float]) -> list[int]:
    """How many of the times are in each tenth of the grace, and how many after it."""
    tenths = Counter(min(TENTHS, int((time_s - began_s) / GRACE_S * TENTHS)) for time_s in times_s)
    return [tenths[tenth] for tenth in range(TENTHS + 1)]


def processor_s(process: RoleProcess) -> float:
    """Seconds of processor time that a process has had."""
    fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def report(name: str, said: str, began_s: float, seen: Seen) -> None:
    """Print what the clients of a gateway saw."""
    away_s = sorted(away_s for _, away_s in seen.back)
    print(f"{name}: {said.splitlines()[0]}")
    print(
        f"  closed in each tenth of the grace, and after it:  {in_tenths(began_s, (at for at, _ in seen.closed))}"
    )
    print(
        f"  resumed in each tenth of the grace, and after it: {in_tenths(began_s, (at for at, _ in seen.back))}"
    )
    print(
        f"  resumed elsewhere after {statistics.median(away_s) * 1e3:.0f} ms (p50), "
        f"{away_s[len(away_s) * 99 // 100] * 1e3:.0f} ms (p99), {away_s[-1] * 1e3:.0f} ms (most); "
        f"{seen.refused} attempts were refused, {seen.merged} notifications merged"
    )


@pytest.mark.skipif(not CLIENTS, reason="takes minutes: make rolling")
async def test_all_gateways_restart_one_after_the_other_and_no_client_misses_anything(
    cluster: Cluster,
) -> None:
    cluster.exchange()
    gateways = [cluster.gateway(f"gateway{number}") for number in range(GATEWAYS)]
    cluster.keeper()
    moved, began_all_s = 0, monotonic()
    async with crowd(CLIENTS, gateways) as clients:
        await clients.all_read()
        print(f"{CLIENTS} clients are connected after {monotonic() - began_all_s:.1f} s")
        for place, gateway in enumerate(gateways):
            there = (await clients.seen("again")).at[place]
            began_s, used_s = monotonic(), {each.name: processor_s(each) for each in cluster.processes}
            said = await drain(gateway, cluster.folder)
            assert await asyncio.to_thread(gateway.ended) == 0
            took_s = monotonic() - began_s
            used = {
                each.name: (processor_s(each) - used_s[each.name]) / took_s
                for each in cluster.processes
                if each.alive
            }
            await clients.seen("reread")
            await clients.all_read()
            seen = await clients.seen()
            report(gateway.name, said, began_s, seen)
            print("  cores used: " + ", ".join(f"{name} {share:.2f}" for name, share in used.items()))
            assert {code for _, code in seen.closed} == {1001}
            assert len(seen.closed) == len(seen.back) == there
            assert max(in_tenths(began_s, (at for at, _ in seen.closed))) < there / 2
            moved += there
            await asyncio.to_thread(gateway.start)
        whole = await clients.seen()
    assert whole.faults == []
    print(
        f"{CLIENTS} clients, {moved} moved, {whole.notes} notifications, {whole.trades} trades: no gap, none twice; "
        f"the clients took {whole.processor_s:.0f} s of processor time"
    )

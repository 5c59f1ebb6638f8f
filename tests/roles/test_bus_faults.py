"""Faults at random while clients read: none misses anything without being told; `make faults` tries more.

Which faults come in which order is chosen by a seed. Times to heal are printed: from a fault to the first notification
that every client has after it.
"""

import asyncio
import signal
import statistics
from collections.abc import Awaitable, Callable, Iterator
from os import environ
from pathlib import Path
from random import Random
from time import monotonic

import pytest

pytest.importorskip("nats", reason="needs deltawire[nats]")

from tests.support.bus.cluster import Cluster, RoleProcess
from tests.support.bus.wanderer import Wanderer, follow
from tests.support.waiting import until

FAULTS = int(environ.get("DELTAWIRE_FAULTS", "6"))
SEED = int(environ.get("DELTAWIRE_SEED", "1"))
CLIENTS = 4
PAUSE_S = 2.0
Fault = Callable[[Random], Awaitable[None]]


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    with Cluster(tmp_path) as made:
        yield made


class FaultyCluster:
    """An exchange, a keeper and three gateways, and what may happen to them."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        cluster.exchange()
        self.gateways = [cluster.gateway(f"gateway{number}") for number in range(3)]
        self._keeper = cluster.keeper()
        self.faults: dict[str, Fault] = {
            "a gateway is killed": self._kill,
            "a gateway is paused": self._pause,
            "all gateways restart, one after the other": self._roll,
            "the keeper is killed": self._kill_keeper,
            "NATS restarts": self._restart_bus,
            "NATS is paused": self._pause_bus,
        }

    async def _kill(self, random: Random) -> None:
        gateway = random.choice(self.gateways)
        gateway.kill()
        await asyncio.to_thread(gateway.start)

    async def _pause(self, random: Random) -> None:
        gateway = random.choice(self.gateways)
        gateway.send(signal.SIGSTOP)
        await asyncio.sleep(PAUSE_S)
        gateway.send(signal.SIGCONT)

    async def _roll(self, random: Random) -> None:
        for gateway in self.gateways:
            await asyncio.to_thread(gateway.kill, signal.SIGTERM)
            await asyncio.to_thread(gateway.start)

    async def _kill_keeper(self, random: Random) -> None:
        self._keeper.kill()
        await asyncio.to_thread(self._keeper.start, ready="keeping images")

    async def _restart_bus(self, random: Random) -> None:
        await self._cluster.nats.restart(random.choice([0.0, 0.5, PAUSE_S]))

    async def _pause_bus(self, random: Random) -> None:
        self._cluster.nats.send(signal.SIGSTOP)
        await asyncio.sleep(random.choice([0.5, PAUSE_S]))
        self._cluster.nats.send(signal.SIGCONT)


async def test_whatever_fails_no_client_misses_anything_without_being_told(cluster: Cluster) -> None:
    random, bus = Random(SEED), FaultyCluster(cluster)
    wanderers, stop = [Wanderer() for _ in range(CLIENTS)], asyncio.Event()
    healed: dict[str, list[float]] = {}
    async with asyncio.TaskGroup() as group:
        for number, wanderer in enumerate(wanderers):
            order: list[RoleProcess] = bus.gateways[number % 3 :] + bus.gateways[: number % 3]
            group.create_task(follow(wanderer, order, stop))
        await until(lambda: all(wanderer.notes > 30 for wanderer in wanderers))
        for _ in range(FAULTS):
            name = random.choice(sorted(bus.faults))
            began = monotonic()
            await bus.faults[name](random)
            seen = [wanderer.notes for wanderer in wanderers]
            await until(
                lambda seen=seen: all(  # type: ignore[misc]
                    wanderer.notes > count + 20 and wanderer.mirror.state == "live"
                    for wanderer, count in zip(wanderers, seen, strict=True)
                )
            )
            healed.setdefault(name, []).append(monotonic() - began)
        stop.set()
    for wanderer in wanderers:
        wanderer.assert_told()
    begun = sum(len(wanderer.gaps) for wanderer in wanderers)
    print(f"{begun} channels could not be resumed, and began again with an image")
    for name, times in sorted(healed.items()):
        middle, most = statistics.median(times), max(times)
        print(f"{name}: {len(times)} times, healed within {middle:.1f} s (p50), {most:.1f} s (most)")

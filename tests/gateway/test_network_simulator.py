"""Clients from afar: late, in order, or lost."""

import random
import time

from deltawire.exchange.network_conditions import Drop, Latency, NetworkConditions
from deltawire.gateway.network_simulator import NetworkSimulator
from deltawire.roles.gateway import WallClock
from tests.support.waiting import until


def distance(mean_ms: float, sd_ms: float = 0.0, drop: float = 0.0) -> NetworkSimulator:
    faults = (Drop("order", drop),) if drop else ()
    return NetworkSimulator(NetworkConditions(Latency(mean_ms, sd_ms), faults), random.Random(1), WallClock())


async def test_requests_arrive_late_and_in_order() -> None:
    far, arrived, started = distance(20.0, 15.0), list[tuple[int, float]](), time.perf_counter()
    for number in range(50):
        far.request(lambda number=number: arrived.append((number, time.perf_counter())))
    await until(lambda: len(arrived) == 50)
    assert [number for number, _ in arrived] == list(range(50))
    assert arrived[0][1] - started >= 0.002


async def test_a_share_is_lost_and_answers_are_not() -> None:
    far, requests, answers = distance(0.0, drop=0.5), list[int](), list[int]()
    for number in range(200):
        far.request(lambda number=number: requests.append(number))
        far.answer(lambda number=number: answers.append(number))
    await until(lambda: not far.bytes_under_way)
    assert 50 < len(requests) < 150
    assert requests == sorted(requests)
    assert len(answers) == 200

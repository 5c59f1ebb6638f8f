"""Latency and faults as a bot under test meets them."""

from statistics import fmean

import pytest

from deltawire.errors import UsageError
from deltawire.exchange.network_conditions import (
    LATENCIES,
    Delay,
    Drop,
    Halt,
    Latency,
    Maintenance,
    NetworkConditions,
    NetworkPath,
    parse_fault,
    parse_latency,
)
from deltawire.testing.market import streams

MS = 1_000_000


def arrivals(conditions: NetworkConditions, count: int = 4_000, way: str = "order") -> list[int | None]:
    line = NetworkPath(conditions, way, streams(1)("line"))  # type: ignore[arg-type]
    return [line.arrives(1_000 * MS * n) for n in range(count)]


def test_without_conditions_a_message_arrives_at_once() -> None:
    assert arrivals(NetworkConditions(), 3) == [0, 1_000 * MS, 2_000 * MS]


def test_latency_has_the_mean_of_its_preset_and_never_vanishes() -> None:
    times = arrivals(NetworkConditions(LATENCIES["home"]))
    taken = [at - 1_000 * MS * n for n, at in enumerate(times) if at is not None]
    assert fmean(taken) == pytest.approx(60 * MS, rel=0.03)
    assert min(taken) >= 6 * MS


def test_messages_keep_their_order() -> None:
    line = NetworkPath(NetworkConditions(Latency(50.0, 40.0)), "feed", streams(2)("line"))
    times = [line.arrives(n * MS) for n in range(500)]
    assert times == sorted(times, key=lambda at: at or 0)


def test_a_share_of_messages_is_lost_one_way_only() -> None:
    faults = (Drop("order", 0.25),)
    lost = sum(at is None for at in arrivals(NetworkConditions(faults=faults)))
    assert lost == pytest.approx(1_000, rel=0.15)
    assert None not in arrivals(NetworkConditions(faults=faults), way="feed")


def test_a_share_of_messages_is_late() -> None:
    times = arrivals(NetworkConditions(faults=(Delay("order", 0.1, 300.0),)))
    late = sum(at is not None and at - 1_000 * MS * n == 300 * MS for n, at in enumerate(times))
    assert late == pytest.approx(400, rel=0.25)


def test_halts_and_maintenance_last_as_long_as_they_say() -> None:
    conditions = NetworkConditions(faults=(Halt("BTC-PERPETUAL", 10, 20), Maintenance(30, 40)))
    assert [conditions.halted("BTC-PERPETUAL", at) for at in (9, 10, 19, 20)] == [False, True, True, False]
    assert not conditions.halted("ETH-PERPETUAL", 15)
    assert [conditions.maintained(at) for at in (29, 30, 39, 40)] == [False, True, True, False]


def test_latencies_are_named_or_given_in_milliseconds() -> None:
    assert parse_latency("cloud") == Latency(5.0, 2.0)
    assert parse_latency("12") == Latency(12.0)
    assert parse_latency("12±3") == parse_latency("12+-3") == Latency(12.0, 3.0)


@pytest.mark.parametrize("text", ["", "fast", "-1", "nan", "5±x", "1e9", "3±-2"])
def test_what_is_no_latency_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="unknown latency"):
        parse_latency(text)


def test_faults_are_written_with_colons() -> None:
    assert parse_fault("delay:0.05:200") == Delay("order", 0.05, 200.0)
    assert parse_fault("halt:BTC-PERPETUAL:60:30") == Halt("BTC-PERPETUAL", 60 * 10**9, 90 * 10**9)
    assert parse_fault("maintenance:0.5:1") == Maintenance(5 * 10**8, 15 * 10**8)


@pytest.mark.parametrize(
    "text",
    ["", "delay", "delay:2:1", "delay:0.1:nan", "halt:X:1", "maintenance:-1:5", "maintenance:1:0", "fire:1"],
)
def test_what_is_no_fault_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="unknown fault"):
        parse_fault(text)

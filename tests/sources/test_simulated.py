"""The exchange's time, between what its speed asks for and what its market can follow."""

from deltawire.sources.simulated import SimulatedClock
from tests.support.transports import StillClock

SECOND = 1_000_000_000
BEGIN = 1_000 * SECOND


def test_time_passes_at_the_speed_asked_for() -> None:
    wall = StillClock(BEGIN)
    clock = SimulatedClock(wall, speed=10.0)
    wall.now_ns += SECOND // 20
    assert clock.now() == clock.due() == BEGIN + SECOND // 2


def test_it_goes_on_where_it_stopped() -> None:
    assert SimulatedClock(StillClock(BEGIN), start_ns=BEGIN + 7).now() == BEGIN + 7


def test_it_waits_for_a_market_that_is_behind() -> None:
    wall = StillClock(BEGIN)
    clock = SimulatedClock(wall, speed=100.0)
    wall.now_ns += SECOND // 2
    clock.reached(BEGIN + 3 * SECOND, clock.due())
    wall.now_ns += SECOND // 2
    assert (clock.now(), clock.due()) == (BEGIN + 3 * SECOND, BEGIN + 100 * SECOND)
    assert clock.behind_s() == 0.5


def test_it_is_on_time_again_when_the_market_has_caught_up() -> None:
    wall = StillClock(BEGIN)
    clock = SimulatedClock(wall)
    wall.now_ns += 30 * SECOND
    clock.reached(BEGIN + 3 * SECOND, clock.due())
    clock.reached(clock.due(), clock.due())
    wall.now_ns += SECOND // 10
    assert clock.now() == clock.due() == wall.now_ns
    assert clock.behind_s() == 0.0


def test_a_process_that_was_stopped_does_not_skip_hours() -> None:
    wall = StillClock(BEGIN)
    clock = SimulatedClock(wall, speed=2.0)
    wall.now_ns += 3_600 * SECOND
    assert clock.now() == BEGIN + SECOND


def test_it_never_falls() -> None:
    wall = StillClock(BEGIN)
    clock = SimulatedClock(wall)
    wall.now_ns += SECOND
    before = clock.now()
    clock.reached(BEGIN + SECOND // 2, clock.due())
    assert clock.now() == before

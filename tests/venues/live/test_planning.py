import msgspec
import pytest

from deltawire.ports import Stream, Wants
from deltawire.venues import REGISTRY
from deltawire.venues.live.planning import make_plan
from tests.venues.sessions import make_simulator

BOOKS = frozenset({"book"})


def names(count: int, suffix: str) -> tuple[str, ...]:
    return tuple(f"C{number}{suffix}" for number in range(count))


def everywhere(stream: Stream) -> bool:
    """Whether every connection of its path has it."""
    return stream.topic in ("list", "status") and not stream.instrument


@pytest.mark.parametrize("venue", sorted(REGISTRY))
@pytest.mark.parametrize("count", [1, 7, 400])
def test_every_stream_is_on_one_connection_within_the_limits(venue: str, count: int) -> None:
    machine = REGISTRY[venue]()
    known = make_simulator(venue).instruments
    wants = Wants(tuple(f"{known[0]}{n or ''}" for n in range(count)))
    plan = make_plan(REGISTRY[venue], wants)
    streams = [[s for s in connection.streams if not everywhere(s)] for connection in plan.connections]
    planned = [stream for each in streams for stream in each]
    assert sorted(s.name for s in planned) == sorted(
        s.name for s in machine.streams(wants) if not everywhere(s)
    )
    for path in {c.path for c in plan.connections}:
        shared = {s.name for s in machine.streams(wants) if everywhere(s) and s.path == path}
        assert all(
            {s.name for s in c.streams if everywhere(s)} == shared for c in plan.connections if c.path == path
        )
    limits = machine.limits
    for connection in plan.connections:
        assert {stream.path for stream in connection.streams} == {connection.path}
        assert not 0 < limits.streams < len(connection.streams)
        assert not 0 < limits.books < connection.books
        if limits.arguments_bytes:
            sent = sum(len(send.frame) for send in machine.subscribe(connection.streams))
            assert sent <= limits.arguments_bytes + 100 * connection.requests
    of_instrument = {
        (stream.instrument, stream.path): number
        for number, connection in enumerate(plan.connections)
        for stream in connection.streams
    }
    for number, connection in enumerate(plan.connections):
        assert all(
            of_instrument[stream.instrument, stream.path] == number
            for stream in connection.streams
            if stream.instrument
        )


def test_three_hundred_symbols_of_usd_m_take_two_minutes_of_weight() -> None:
    plan = make_plan(REGISTRY["binance_usdm"], Wants(names(300, "USDT")))
    assert {connection.path for connection in plan.connections} == {"public", "market"}
    assert (plan.images, plan.weight) == (300, 6001)
    assert plan.streams == 1500
    assert 120 <= plan.seconds <= 150
    assert plan.problems == ()


def test_where_images_come_by_the_stream_books_are_up_in_seconds() -> None:
    plan = make_plan(REGISTRY["okx"], Wants(names(300, "-USDT"), BOOKS))
    assert len(plan.connections) == 10  # thirty books each
    assert plan.images == 0
    assert 3 <= plan.seconds < 15  # three connects a second


def test_options_of_bybit_are_split_by_the_bytes_of_their_topics() -> None:
    wants = Wants(tuple(f"BTC-27DEC30-{strike}-C-USDT" for strike in range(50_000, 50_900)), BOOKS)
    plan = make_plan(REGISTRY["bybit_option"], wants)
    for connection in plan.connections:
        assert sum(len(msgspec.json.encode(s.name)) + 1 for s in connection.streams) <= 21_000


def test_what_a_venue_does_not_allow_is_said() -> None:
    plan = make_plan(REGISTRY["hyperliquid"], Wants(names(300, "")))
    assert any("1000" in problem for problem in plan.problems)
    assert len(plan.connections) <= 10

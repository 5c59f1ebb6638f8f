"""Compiled or pure: the same messages in the same order give the same bytes, whatever the messages are."""

import os
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from deltawire.book import kernel
from deltawire.fanout.hub import Hub
from deltawire.market.market import Market
from deltawire.sources.replay import play as replay
from deltawire.testing.kernels import pure_kernel
from deltawire.testing.link import Link
from deltawire.venues import make_venue
from tests.support.members import Inbox, joined
from tests.support.traffic import Call, Witnessed, play, scratched
from tests.venues.recorded import FILES, records
from tests.venues.sessions import CASES, make_simulator

pytestmark = pytest.mark.skipif(not kernel.COMPILED, reason="there is only the pure kernel to run")
UPDATES = int(os.environ.get("DELTAWIRE_UPDATES", "10_000"))
"""Levels that the random streams of all cases set, about."""
PER_SEED = 600


def traffic(case: str, seed: int, messages: int) -> list[Call]:
    """What reaches a machine while its market moves and one message in twenty is scratched."""
    random, simulator = Random(seed), make_simulator(case, seed)
    witnessed = Witnessed(make_venue(simulator.name))
    link = Link(witnessed, simulator)
    link.open()
    names = simulator.instruments
    for _ in range(messages):
        link.pass_time()
        name = random.choice(names)
        frame = random.choice((simulator.delta, simulator.delta, simulator.delta, simulator.ticker))(name)
        kind = random.randrange(40)
        if kind == 0:
            link.receive(scratched(frame, random))
        elif kind == 1:
            link.receive(scratched(frame, random))
            link.receive(frame)
        elif kind == 2:
            continue  # lost
        elif kind == 3:
            link.receive(frame)
            link.receive(frame)
        elif kind == 4 and random.random() < 0.1:
            link.close()
            link.open()
        else:
            link.receive(frame)
    return witnessed.calls


def seeds() -> Iterator[int]:
    """As many as it takes."""
    yield from range(max(2, UPDATES // len(CASES) // PER_SEED))


@pytest.mark.parametrize("case", CASES)
def test_random_streams_give_the_same_bytes(case: str) -> None:
    for seed in seeds():
        with pure_kernel():
            calls = traffic(case, seed, 250)
            wanted = play(calls, make_venue(make_simulator(case).name))
        venue = make_venue(make_simulator(case).name)
        assert play(calls, venue) == wanted
        assert b"BookDelta" in b"".join(wanted)
        assert venue.straight_messages > 40, "the simulator writes as the venue does"


CHANNELS = (
    "book.{}.raw",
    "book.{}.100ms",
    "book.{}.agg2",
    "book.{}.none.10.100ms",
    "ticker.{}.raw",
    "quote.{}",
)


def notifications(folder: Path, name: str) -> tuple[list[bytes], dict[str, object]]:
    """All that subscribers of every instrument of a recording are sent, and how the books counted."""
    venue = make_venue(FILES[name].venue)
    market = Market(venue.name)
    hub = Hub(market, "epoch")
    inboxes: dict[str, Inbox] = {}
    for batch in replay(records(folder, name), venue):
        hub.advance(batch.venue, batch.at_ns)
        hub.publish(batch.events)
        for state in market:
            if state.imaged and state.name not in inboxes:
                inboxes[state.name] = joined(hub, *(channel.format(state.name) for channel in CHANNELS))
        hub.flush()
    books = {symbol: book.counts for symbol, book in venue.books.items()}  # type: ignore[attr-defined]
    return [data for inbox in inboxes.values() for data in inbox.writes], books


@pytest.mark.recordings
@pytest.mark.parametrize("name", FILES)
def test_every_recording_gives_the_same_bytes(recordings: Path, name: str) -> None:
    found = notifications(recordings, name)
    with pure_kernel():
        wanted = notifications(recordings, name)
    assert found == wanted
    assert sum(map(len, found[0])) > 10_000


@pytest.mark.recordings
@pytest.mark.parametrize("name", FILES)
def test_nearly_every_update_of_a_recording_goes_straight(recordings: Path, name: str) -> None:
    venue = make_venue(FILES[name].venue)
    for _ in replay(records(recordings, name), venue):
        pass
    assert venue.straight_messages >= 0.95 * FILES[name].deltas

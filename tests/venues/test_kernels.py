"""Compiled or pure: the same messages in the same order give the same bytes, whatever the messages are."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from random import Random

import msgspec
import pytest

from deltawire.book import kernel
from deltawire.book.book import Book
from deltawire.dialect.grammar import ChannelKey, parse_channel
from deltawire.fanout.channel_encoding import DEFLATE, PROTO
from deltawire.fanout.hub import Hub
from deltawire.fanout.subscribers import JSON, Encoding
from deltawire.market.market import Market
from deltawire.ports import Venue
from deltawire.sources.replay import play as replay
from deltawire.testing.kernels import pure_kernel
from deltawire.testing.link import Link
from deltawire.venues import make_venue
from tests.support.effort import THOROUGH
from tests.support.subscribers import Inbox
from tests.support.traffic import CHECKSUM, Call, Witnessed, emptied, play, scratched
from tests.venues.recorded import FILES, records
from tests.venues.sessions import CASES, FAST, make_simulator

pytestmark = pytest.mark.skipif(not kernel.COMPILED, reason="there is only the pure kernel to run")
REPLAYED = None if THOROUGH else 1_500
"""Records of each recording."""
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
        assert (venue.fast_messages > 40) == bool(venue.fast_path.updates), (
            "the simulator writes as the venue does"
        )


@pytest.mark.parametrize("case", FAST)
def test_scratched_images_are_judged_alike(case: str) -> None:
    """Each image of a stream, often spoilt, then itself, on a machine that has heard what went before."""
    straight = 0
    for seed in range(3):
        random = Random(seed)
        with pure_kernel():
            calls = traffic(case, seed, 60)
        spoilt: list[Call] = []
        for name, arguments in calls:
            if name == "received" and b'snapshot"' in arguments[0]:
                spoilt += [(name, (scratched(arguments[0], random), *arguments[1:])) for _ in range(30)]
            spoilt.append((name, arguments))
        with pure_kernel():
            pure = make_venue(make_simulator(case).name)
            wanted = play(spoilt, pure)
        venue = make_venue(make_simulator(case).name)
        assert play(spoilt, venue) == wanted
        assert {name: book.counts for name, book in books_of(venue)} == {
            name: book.counts for name, book in books_of(pure)
        }
        straight += venue.fast_images
    assert (straight > 3) == bool(venue.fast_path.images)


@pytest.mark.parametrize("case", FAST)
def test_books_with_an_empty_side_are_judged_alike(case: str) -> None:
    """Images and changes whose one side is empty, now and then; half of the time every checksum is left out."""
    gone = 0
    for seed in range(6):
        random = Random(seed)
        with pure_kernel():
            calls = traffic(case, seed, 60)
        thin: list[Call] = []
        for name, arguments in calls:
            if name in ("received", "fetched"):
                *before, frame, now = arguments
                if random.random() < (0.9 if b"snapshot" in frame or b"lastUpdateId" in frame else 0.1):
                    frame = emptied(frame, random)
                elif seed % 2:
                    frame = CHECKSUM.sub(b'"checksum":0', frame)
                gone += frame.count(b":[],")
                arguments = (*before, frame, now)
            thin.append((name, arguments))
        with pure_kernel():
            wanted = play(thin, make_venue(make_simulator(case).name))
        assert play(thin, make_venue(make_simulator(case).name)) == wanted
    assert gone > 10


def books_of(venue: Venue) -> Iterable[tuple[str, Book]]:
    return venue.books.items()  # type: ignore[attr-defined]


CHANNELS = (
    "book.{}.raw",
    "book.{}.100ms",
    "book.{}.agg2",
    "book.{}.none.10.100ms",
    "ticker.{}.raw",
    "quote.{}",
)


LIMITED = (("book.{}.raw", 5, 0), ("book.{}.100ms", 20, 0), ("book.{}.raw", 0, 250_000_000))
"""Channels with a depth and a pace."""
ENCODINGS = (JSON, PROTO, DEFLATE)
BEHIND = 40
"""A slow reader takes what it is owed once in so many batches."""


class Readers:
    """Those who read everything that is told of one instrument: in each encoding, and one that reads rarely."""

    def __init__(self, hub: Hub, instrument: str) -> None:
        self._hub = hub
        self._keys = [key(channel.format(instrument)) for channel in CHANNELS]
        self._keys += [key(name.format(instrument), levels, pace) for name, levels, pace in LIMITED]
        self.inboxes = [self._reader(encoding) for encoding in ENCODINGS]
        self.slow = self._reader(JSON)
        self._batches = 0

    def _reader(self, encoding: Encoding) -> Inbox:
        inbox = Inbox()
        inbox.subscriber.encoding = encoding
        self._hub.join(inbox.subscriber, self._keys)
        return inbox

    def passed(self) -> None:
        """A batch has been told: the slow one falls behind, or catches up."""
        self._batches += 1
        hub, inbox = self._hub, self.slow
        if self._batches % BEHIND == 1:
            hub.fall_behind(inbox.subscriber, 1 << 30, lambda: None)
        elif self._batches % BEHIND == 0:
            while data := hub.catch_up(inbox.subscriber):
                inbox.write(data)
            hub.caught_up(inbox.subscriber, inbox)


def key(name: str, levels: int = 0, pace_ns: int = 0) -> ChannelKey:
    parsed = parse_channel(name)
    assert parsed is not None
    return msgspec.structs.replace(parsed, levels=levels, pace_ns=pace_ns)


def notifications(folder: Path, name: str) -> tuple[list[bytes], dict[str, object]]:
    """All that readers of every instrument of a recording are sent, and how the books counted."""
    venue = make_venue(FILES[name].venue)
    market = Market(venue.name)
    hub = Hub(market, "epoch")
    readers: dict[str, Readers] = {}
    for batch in replay(records(folder, name)[:REPLAYED], venue):
        hub.advance(batch.venue, batch.at_ns)
        hub.publish(batch.events)
        for state in market:
            if state.imaged and state.name not in readers:
                readers[state.name] = Readers(hub, state.name)
        hub.flush()
        for each in readers.values():
            each.passed()
    books = {symbol: book.counts for symbol, book in venue.books.items()}  # type: ignore[attr-defined]
    inboxes = [inbox for each in readers.values() for inbox in (*each.inboxes, each.slow)]
    return [b"".join(inbox.writes) for inbox in inboxes], books


@pytest.mark.recordings
@pytest.mark.parametrize("name", FILES)
def test_every_recording_gives_the_same_bytes(recordings: Path, name: str) -> None:
    frames = notifications(recordings, name)
    with pure_kernel():
        wanted = notifications(recordings, name)
    assert frames == wanted
    assert sum(map(len, frames[0])) > 10_000
    assert b'"conflated":' in b"".join(frames[0])


@pytest.mark.recordings
@pytest.mark.parametrize("name", FILES)
def test_nearly_every_update_of_a_recording_goes_straight(recordings: Path, name: str) -> None:
    venue = make_venue(FILES[name].venue)
    for _ in replay(records(recordings, name), venue):
        pass
    assert venue.fast_messages >= 0.95 * FILES[name].deltas
    if FILES[name].venue in ("deribit", "okx"):
        assert venue.fast_images > 0

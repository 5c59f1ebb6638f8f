"""Stored events: whatever the time, what is read from there on is what a replay from the beginning gives."""

from pathlib import Path
from random import Random

import pytest

from deltawire.errors import RecordingError
from deltawire.model.events import BookDelta, BookImage, Event, Fault, Status, Ticker
from deltawire.ports import Batch
from deltawire.recording import Recording
from deltawire.recording.event_log import EventLog, EventLogWriter
from deltawire.recording.unit_files import read_index
from deltawire.sources.replay import play
from deltawire.testing.recordings import make_recording
from deltawire.testing.replica import Replica, ReplicaBook
from deltawire.testing.simulators.market import PlainBook
from deltawire.venues import make_venue

TIMES = 25
REAL = [
    ("binance_spot", "recordings/binance_spot/btcusdt_20240808.gz"),
    ("binance_usdm", "recordings/binance_usdm/btcusdt_20240808.gz"),
    ("deribit", "recordings/deribit/DERIBIT.ws.1.0"),
    ("kraken", "recordings/kraken/kraken_btcusd_l2.cbcap"),
    ("okx", "recordings/okx/OKX.ws.1.0"),
    ("binance_spot", "more_recordings/binance_spot/BINANCE.ws.1.0"),
    ("binance_usdm", "more_recordings/binance_usdm/BINANCE_FUTURES.ws.5.0"),
    ("bybit_spot", "more_recordings/bybit/fastmm_spot_testnet_20260913.jsonl"),
    ("coinbase", "more_recordings/coinbase/fastmm_advanced_20260930.jsonl"),
    ("kraken_futures", "more_recordings/kraken_futures/KRAKEN_FUTURES.ws.46.0"),
    ("okx", "more_recordings/okx/OKX.ws.1.0"),
]


def books_of(events: list[Event]) -> dict[str, ReplicaBook]:
    """The books that the events before a time of seeking describe, built from nothing but these."""
    books: dict[str, ReplicaBook] = {}
    for event in events:
        if isinstance(event, BookImage):
            sides = (dict(zip(side.prices, side.sizes, strict=True)) for side in (event.bids, event.asks))
            held = books[event.instrument.name]
            held.book, held.sequence, held.known = PlainBook(*sides), event.sequence, event.known
            held.venue_sequence = event.venue_sequence
        elif isinstance(event, BookDelta):
            assert event.beyond is not None
            assert (event.covers, bool(event.bids), bool(event.asks)) == (0, False, False)
            held = books[event.instrument.name]
            for levels, changes in ((held.book.bids, event.beyond.bids), (held.book.asks, event.beyond.asks)):
                assert not levels.keys() & set(changes.prices)
                levels.update(zip(changes.prices, changes.sizes, strict=True))
        elif isinstance(event, Status):
            books.setdefault(event.instrument.name, ReplicaBook()).state = event.state
    return books


def add_tickers(events: list[Event], found: dict[str, dict[str, object]]) -> None:
    """What tickers state, the newest of each member."""
    for event in events:
        if isinstance(event, Ticker):
            stated = {name: getattr(event, name) for name in Ticker.__struct_fields__[1:]}
            known = {name: value for name, value in stated.items() if value is not None}
            found.setdefault(event.instrument.name, {}).update(known)


def rescaled(held: ReplicaBook, factors: tuple[int, int]) -> ReplicaBook:
    """A book in the finer units of a definition that came after its last change."""
    price, size = factors
    bids, asks = ({p * price: s * size for p, s in side.items()} for side in (held.book.bids, held.book.asks))
    return ReplicaBook(
        held.state, held.sequence, PlainBook(bids, asks), held.venue_sequence, held.known.rescaled(price)
    )


def check_every_time(batches: list[Batch], folder: Path, unit_bytes: int, seed: int) -> int:
    """Seek to random times, to the first and the last and beyond them; returns how many units there are."""
    venue = batches[0].venue
    writer = EventLogWriter(folder, venue, unit_bytes=unit_bytes)
    for batch in batches:
        writer.add(batch)
    stored = writer.finish({})
    log = EventLog(folder / stored.path, venue)
    batches = [batch for batch in batches if batch.events]
    first, last = batches[0].at_ns, batches[-1].at_ns
    assert (stored.from_ns, stored.to_ns) == (first, last)
    random = Random(seed)
    times = [random.randint(first, last) for _ in range(TIMES)]
    times += [random.choice(batches).at_ns + one for one in (0, 1)]
    told, follower = iter(batches), FollowedBooks()
    upcoming = next(told, None)
    for at_ns in sorted([first, last, last + 1, *times]):
        while upcoming is not None and upcoming.at_ns < at_ns:
            follower.take(upcoming)
            upcoming = next(told, None)
        sought = log.batches(at_ns)
        before, start = [], next(sought, None)
        if start is not None and start.at_ns < at_ns:
            before, start = start.events, next(sought, None)
        assert start == upcoming, "goes on where a replay would"
        follower.check(before)
    middle = batches[len(batches) // 2].at_ns
    later = [batch for batch in log.batches(middle) if batch.at_ns >= middle]
    assert later == [batch for batch in batches if batch.at_ns >= middle]
    return stored.units


class FollowedBooks:
    """A replay from the beginning up to some time, and what is known by then."""

    def __init__(self) -> None:
        self.replica = Replica()
        self.tickers: dict[str, dict[str, object]] = {}
        self._exponents: dict[str, tuple[int, int]] = {}

    def take(self, batch: Batch) -> None:
        """Follow what a moment gave."""
        for event in batch.events:
            self.replica.take(event)
            if isinstance(event, BookImage | BookDelta):
                at = event.instrument
                self._exponents[at.name] = at.price_exponent, at.size_exponent
        add_tickers(batch.events, self.tickers)

    def check(self, events: list[Event]) -> None:
        """These events alone say the same."""
        expected = dict(self.replica.books)
        for event in events:
            if isinstance(event, BookImage):
                to, (price, size) = event.instrument, self._exponents[event.instrument.name]
                factors = 10 ** (price - to.price_exponent), 10 ** (size - to.size_exponent)
                expected[to.name] = rescaled(expected[to.name], factors)
        assert books_of(events) == expected
        tickers: dict[str, dict[str, object]] = {}
        add_tickers(events, tickers)
        assert tickers == self.tickers


@pytest.mark.parametrize("seed", range(3))
def test_a_seek_gives_the_books_of_a_full_replay(tmp_path: Path, seed: int) -> None:
    batches = list(play(make_recording(seed, steps=800, losses=[200, 500]), make_venue("deribit")))
    assert check_every_time(batches, tmp_path, 20_000, seed) > 5


@pytest.mark.recordings
@pytest.mark.parametrize(("venue", "file"), REAL, ids=[f"{venue}-{file}" for venue, file in REAL])
def test_a_seek_in_a_real_recording_gives_the_books_of_a_full_replay(
    recordings: Path, tmp_path: Path, venue: str, file: str
) -> None:
    batches = list(play(Recording(recordings.parent / file).records(), make_venue(venue)))
    assert check_every_time(batches, tmp_path, 50_000, 7)


class DamagedLog:
    """A log of which one unit is damaged, and what it had."""

    def __init__(self, folder: Path, seed: int) -> None:
        writer = EventLogWriter(folder, "deribit", unit_bytes=20_000)
        played = play(make_recording(seed, steps=800, losses=[300]), make_venue("deribit"))
        self.batches = [batch for batch in played if batch.events]
        for batch in self.batches:
            writer.add(batch)
        stored = writer.finish({})
        self.path = folder / stored.path
        self.log = EventLog(self.path, "deribit")
        with self.path.open("rb") as raw:
            index = read_index(raw)
        assert index is not None
        self.index, self.random = index, Random(seed)
        self.number = self.random.randrange(1, len(index) - 1)
        unit = index.unit(self.number)
        self.last_ns = unit.head.last_ns
        counts = [index.unit(number).head.lines - 1 for number in range(len(index))]
        begin = sum(counts[: self.number])
        self.before, self.behind = self.batches[:begin], self.batches[begin + counts[self.number] :]
        data = bytearray(self.path.read_bytes())
        data[unit.offset + self.random.randrange(8, unit.head.size)] ^= 1 << self.random.randrange(8)
        self.path.write_bytes(data)


@pytest.mark.parametrize("seed", range(4))
def test_a_damaged_unit_is_told_and_stepped_over(tmp_path: Path, seed: int) -> None:
    """What is before it and behind it is there; between them no book is live."""
    damaged = DamagedLog(tmp_path, seed)
    told = list(damaged.log.batches(damaged.batches[0].at_ns))
    (place,) = (n for n, batch in enumerate(told) if any(isinstance(event, Fault) for event in batch.events))
    assert told[:place] == damaged.before
    fault, *stale = told[place].events
    assert f"unit {damaged.number + 1} of {len(damaged.index)}" in fault.reason  # type: ignore[union-attr]
    known = FollowedBooks()
    for batch in told[:place]:
        known.take(batch)
    live = {name for name, book in known.replica.books.items() if book.state == "live"}
    assert {(e.instrument.name, e.state, e.reason) for e in stale if isinstance(e, Status)} == {
        (name, "stale", "lost") for name in live
    }
    assert len(stale) == len(live) > 0
    state, *later = told[place + 1 :]
    assert later == damaged.behind
    whole = FollowedBooks()
    for batch in damaged.batches[: -len(later)]:
        whole.take(batch)
    whole.check(state.events)


@pytest.mark.parametrize("seed", range(4))
def test_a_seek_into_a_damaged_unit_begins_behind_it(tmp_path: Path, seed: int) -> None:
    damaged = DamagedLog(tmp_path, seed)
    assert "compact" in damaged.log.fault(damaged.last_ns)
    assert not damaged.log.fault(damaged.batches[0].at_ns)
    fault, state, *later = damaged.log.batches(damaged.last_ns)
    assert [type(event) for event in fault.events] == [Fault]
    assert fault.at_ns < damaged.last_ns <= state.at_ns
    assert later == damaged.behind
    assert any(isinstance(event, BookImage) for event in state.events)


def test_a_log_without_its_end_is_told(tmp_path: Path) -> None:
    damaged = DamagedLog(tmp_path, 1)
    damaged.path.write_bytes(damaged.path.read_bytes()[:1000])
    assert "there is no index" in damaged.log.fault(1)
    with pytest.raises(RecordingError, match="`deltawire compact` makes it anew"):
        list(damaged.log.batches(1))
    damaged.path.unlink()
    assert damaged.log.fault(1)

"""Replay: recorded frames through the venue's own machine, at the recorded time."""

import gzip
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from deltawire.model.events import BookDelta, BookImage, Event, Status, Trade
from deltawire.ports import Batch, Fetch, Reconnect, Send, Wants
from deltawire.recording import Recording, RecordingEntry
from deltawire.sources.replay import LOOP_PAUSE_NS, Played, ReplayClock, ReplaySource, play, play_again
from deltawire.testing.replica import Replica
from deltawire.testing.simulators.binance import BinanceUsdmSimulator
from deltawire.venues import make_venue

SECOND = 1_000_000_000
NAME = "ETHUSDT"


class Wall:
    """A wall clock that a test moves."""

    def __init__(self) -> None:
        self.ns = 5_000_000_000_000

    def now(self) -> int:
        return self.ns


def recorded(seconds: int = 20) -> list[RecordingEntry]:
    """One book of a USD-M connection, an update and a trade each second, the image inside the stream."""
    simulator = BinanceUsdmSimulator(listed=False)
    simulator.subscribe(NAME)
    entries = [RecordingEntry("received", simulator.now_ns, simulator.delta(NAME))]
    entries.append(RecordingEntry("received", simulator.now_ns, simulator.image(NAME)))
    for _ in range(seconds):
        simulator.advance(simulator.now_ns + SECOND)
        entries.append(RecordingEntry("received", simulator.now_ns, simulator.delta(NAME)))
        entries.append(RecordingEntry("received", simulator.now_ns, simulator.trade(NAME)))
    return entries


@pytest.fixture
def recording(tmp_path: Path) -> Recording:
    path = tmp_path / "recording.gz"
    path.write_bytes(gzip.compress(b"".join(b"%d %b\n" % (r.at_ns, r.payload) for r in recorded())))
    return Recording(path)


def flat(batches: list[Batch]) -> list[Event]:
    return [event for batch in batches for event in batch.events]


class TestPlay:
    def test_events_come_at_the_recorded_time_and_in_its_order(self) -> None:
        batches = list(play(recorded(), make_venue("binance_usdm")))
        times = [batch.at_ns for batch in batches]
        assert times == sorted(times)
        assert {*times} == {record.at_ns for record in recorded()}
        for batch in batches:
            assert batch.venue == "binance_usdm"
            assert all(event.seen_ns == batch.at_ns for event in batch.events)

    def test_what_the_machine_asks_for_is_no_event(self) -> None:
        assert not [
            e
            for e in flat(list(play(recorded(), make_venue("binance_usdm"))))
            if isinstance(e, Send | Fetch | Reconnect)
        ]

    def test_the_image_in_the_stream_makes_the_book_live(self) -> None:
        events = flat(list(play(recorded(), make_venue("binance_usdm"))))
        assert [type(e) for e in events if isinstance(e, BookImage)] == [BookImage]
        assert len([e for e in events if isinstance(e, BookDelta)]) == 20

    def test_silence_in_the_recording_is_silence(self) -> None:
        records = recorded()
        late = [RecordingEntry(r.kind, r.at_ns + 600 * SECOND, r.payload) for r in records[12:]]
        events = flat(list(play([*records[:12], *late], make_venue("binance_usdm"))))
        statuses = [(e.state, e.reason, e.seen_ns) for e in events if isinstance(e, Status)]
        silent_ns = records[11].at_ns + make_venue("binance_usdm").silence_ns
        assert statuses[-2:] == [("stale", "silent", silent_ns), ("live", "", late[0].at_ns)]

    def test_a_second_connection_in_the_recording_closes_the_first(self) -> None:
        records = recorded()
        again = RecordingEntry("opened", records[-1].at_ns + 1)
        events = flat(list(play([*records, again], make_venue("binance_usdm"))))
        assert [(e.state, e.reason) for e in events[-1:]] == [("stale", "closed")]

    def test_a_body_that_is_nobodys_is_passed_over(self) -> None:
        body = RecordingEntry("fetched", recorded()[0].at_ns, b"{}", "https://elsewhere.example/")
        assert flat(list(play([body], make_venue("binance_usdm")))) == []

    def test_a_stamp_far_ahead_does_not_hold_everything_up(self) -> None:
        records = recorded()
        last = RecordingEntry("received", (1 << 63) - 1, records[-1].payload)
        for venue in ("binance_usdm", "okx", "kraken"):
            assert len(list(play([*records, last], make_venue(venue)))) < 1_000

    def test_a_stamp_behind_the_one_before_does_not_turn_time_back(self) -> None:
        records = recorded()
        records[10] = RecordingEntry("received", records[10].at_ns - 100 * SECOND, records[10].payload)
        times = [batch.at_ns for batch in play(records, make_venue("binance_usdm"))]
        assert times == sorted(times)


class TestTheLoop:
    def rounds(self, recording: Recording, count: int) -> list[list[Batch]]:
        found: list[list[Batch]] = [[]]
        for batch in play_again([Played(recording, make_venue("binance_usdm"))]):
            found[-1].append(batch)
            if any(
                isinstance(e, Status) and (e.state, e.reason) == ("stale", "closed") for e in batch.events
            ):
                if len(found) == count:
                    return found
                found.append([])
        raise AssertionError("a loop has no end")

    def test_each_round_follows_the_one_before_in_time(self, recording: Recording) -> None:
        first, second, third = self.rounds(recording, 3)
        length = first[-1].at_ns - first[0].at_ns
        for before, after in ((first, second), (second, third)):
            assert after[0].at_ns == before[-1].at_ns + LOOP_PAUSE_NS
            assert after[-1].at_ns - after[0].at_ns == length

    def test_a_round_begins_with_a_reconnection_and_one_delta(self, recording: Recording) -> None:
        replica = Replica()
        rounds = self.rounds(recording, 3)
        for event in flat([batch for one in rounds for batch in one]):
            replica.take(event)
        images = [[e for e in flat(one) if isinstance(e, BookImage)] for one in rounds]
        assert [len(found) for found in images] == [1, 0, 0]
        deltas = [len([e for e in flat(one) if isinstance(e, BookDelta)]) for one in rounds]
        assert deltas == [20, 21, 21]

    def test_the_venues_own_stamps_move_along(self, recording: Recording) -> None:
        first, second = ([e for e in flat(one) if isinstance(e, Trade)] for one in self.rounds(recording, 2))
        shifts = {after.venue_ns - before.venue_ns for before, after in zip(first, second, strict=True)}
        assert shifts == {second[0].seen_ns - first[0].seen_ns}

    def test_an_empty_recording_does_not_go_round_for_ever(self, tmp_path: Path) -> None:
        path = tmp_path / "log"
        path.write_bytes(b"configuration: {}\n")
        assert list(play_again([Played(Recording(path), make_venue("okx"))])) == []


class TestTheClock:
    def test_recorded_time_passes_at_the_speed_asked_for(self) -> None:
        wall = Wall()
        clock = ReplayClock(wall, 10.0)
        clock.start(1_000 * SECOND)
        assert clock.wait_s(1_050 * SECOND) == 5.0
        wall.ns += 2 * SECOND
        assert clock.wait_s(1_050 * SECOND) == 3.0
        assert clock.now() == 1_020 * SECOND

    def test_it_never_runs_ahead_of_the_next_record(self) -> None:
        wall = Wall()
        clock = ReplayClock(wall, 1.0)
        clock.start(1_000 * SECOND)
        clock.wait_s(1_001 * SECOND)
        wall.ns += 100 * SECOND
        assert clock.now() == 1_001 * SECOND
        assert clock.wait_s(1_001 * SECOND) == 0.0

    def test_it_never_falls_behind_the_record_that_is_played(self) -> None:
        wall = Wall()
        clock = ReplayClock(wall, 1.0)
        clock.start(1_000 * SECOND)
        clock.wait_s(1_005 * SECOND)
        clock.reach(1_005 * SECOND)
        assert clock.now() == 1_005 * SECOND
        wall.ns -= 3_600 * SECOND
        assert clock.now() == 1_005 * SECOND

    def test_it_stands_at_zero_before_the_first_record(self) -> None:
        assert ReplayClock(Wall(), 1.0).now() == 0


async def listen(batches: AsyncIterator[Batch], count: int) -> list[Batch]:
    found = []
    async for batch in batches:
        found.append(batch)
        if len(found) == count:
            break
    return found


class TestTheSource:
    async def test_at_full_speed_it_is_the_replay(self, recording: Recording) -> None:
        source = ReplaySource([Played(recording, make_venue("binance_usdm"))], Wall(), speed=None)
        batches = [batch async for batch in source.events(Wants())]
        wanted = [b for b in play(recording.records(), make_venue("binance_usdm")) if b.events]
        assert batches == wanted
        assert source.venue == "binance_usdm"
        assert source.now() == batches[-1].at_ns

    async def test_its_time_follows_its_batches(self, recording: Recording) -> None:
        wall = Wall()
        source = ReplaySource([Played(recording, make_venue("binance_usdm"))], wall, speed=1e9)
        assert source.now() == 0
        async for batch in source.events(Wants()):
            wall.ns += 1
            assert source.now() == batch.at_ns

    async def test_a_loop_goes_on(self, recording: Recording) -> None:
        source = ReplaySource([Played(recording, make_venue("binance_usdm"))], Wall(), speed=None, loop=True)
        batches = await listen(source.events(Wants()), 200)
        assert len(batches) == 200
        assert [batch.at_ns for batch in batches] == sorted(batch.at_ns for batch in batches)

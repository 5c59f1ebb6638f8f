"""What was recorded gives the events that the live run gave, wherever it lies."""

from pathlib import Path

import pytest

from deltawire.errors import UsageError
from deltawire.model.events import BookDelta, BookImage, Event, Fault, Status, Trade
from deltawire.ports import Wants
from deltawire.recording.directory import RecordedDirectory
from deltawire.recording.ledger import read_ledger
from deltawire.recording.recorder import Recorder
from deltawire.recording.stream import Limits
from deltawire.roles.gateway import WallClock
from deltawire.sources.recorded import Playing, connections_at, sources_at, span_of
from deltawire.sources.tabular import replay
from deltawire.testing.recordings import STEP_NS, make_recording, write_log
from deltawire.testing.replica import Replica

SMALL = Limits(frame_bytes=4_000, sync_s=0.01, rotate_bytes=12_000)


async def events_of(path: Path, venue: str = "", playing: Playing | None = None) -> list[Event]:
    playing = playing or Playing(speed=None)
    return [
        event
        for source in sources_at(path, WallClock(), venue=venue, playing=playing)
        async for batch in source.events(Wants())
        for event in batch.events
    ]


async def record(path: Path, out: Path) -> list[Event]:
    """Record what a recording plays; returns the events of that run."""
    recorder = Recorder(out, SMALL)
    events = await events_of(path, "deribit", Playing(speed=None, tap=recorder))
    progress = recorder.close()
    assert (progress.missing, progress.error) == (0, "")
    return events


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return write_log(make_recording(5, steps=600, losses=[200]), tmp_path / "tape.log")


async def test_replay_gives_the_events_of_the_live_run(tmp_path: Path, log: Path) -> None:
    live = await record(log, tmp_path / "out")
    assert {BookImage, BookDelta, Trade, Status} <= {type(event) for event in live}
    assert any(isinstance(event, Status) and event.reason == "gap" for event in live)
    files = list((tmp_path / "out").glob("raw/deribit/*/*"))
    assert len(files) > 2, "rotated in the middle of it"
    assert await events_of(tmp_path / "out") == live


async def test_the_python_api_reads_a_directory(tmp_path: Path, log: Path) -> None:
    live = await record(log, tmp_path / "out")
    events = replay(tmp_path / "out")
    assert list(events) == live
    assert len(events.table("trades")) == sum(isinstance(event, Trade) for event in live)


async def test_one_file_of_ours_says_whose_it_is(tmp_path: Path, log: Path) -> None:
    recorder = Recorder(tmp_path / "out")
    live = await events_of(log, "deribit", Playing(speed=None, tap=recorder))
    recorder.close()
    (file,) = (tmp_path / "out").glob("raw/deribit/*/*")
    (connection,) = connections_at(file)
    assert (connection.name, connection.venue) == ("deribit/1", "deribit")
    assert await events_of(file) == live


async def test_several_files_of_any_format_follow_each_other(tmp_path: Path, log: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    lines = log.read_bytes().splitlines(keepends=True)  # noqa: ASYNC240
    third = len(lines) // 3
    for name, part in (
        ("b.log", lines[:third]),
        ("c.log", lines[third : 2 * third]),
        ("a.log", lines[2 * third :]),
    ):
        (folder / name).write_bytes(b"".join(part))
    assert await events_of(folder, "deribit") == await events_of(log, "deribit")


async def test_a_foreign_file_is_reported_and_stepped_over(tmp_path: Path, log: Path) -> None:
    live = await record(log, tmp_path / "out")
    files = sorted((tmp_path / "out").glob("raw/deribit/1/*"))
    (files[0].parent / "000001-foreign.txt").write_text("shopping list\n")
    events = await events_of(tmp_path / "out")
    (fault,) = [event for event in events if isinstance(event, Fault)]
    assert "no known format" in fault.reason
    trades = [event for event in events if isinstance(event, Trade)]
    assert trades == [event for event in live if isinstance(event, Trade)], "good before it and behind it"


async def test_a_damaged_unit_costs_its_frames_and_the_books_say_so(tmp_path: Path, log: Path) -> None:
    live = await record(log, tmp_path / "out")
    files = sorted((tmp_path / "out").glob("raw/deribit/1/*"))
    data = bytearray(files[1].read_bytes())
    data[len(data) // 2] ^= 0xFF
    files[1].write_bytes(data)
    events = await events_of(tmp_path / "out")
    reasons = {event.reason for event in events if isinstance(event, Status)}
    assert "lost" in reasons
    good = [event for event in events if isinstance(event, Trade)]
    before = [event for event in live if isinstance(event, Trade)]
    assert good != before
    assert good[0] == before[0]
    assert good[-1] == before[-1]
    assert {event.trade_id for event in good} < {event.trade_id for event in before}


async def test_a_seek_knows_the_books_at_that_time(tmp_path: Path, log: Path) -> None:
    live = await record(log, tmp_path / "out")
    first_ns, last_ns = span_of(tmp_path / "out")
    directory = RecordedDirectory(tmp_path / "out")
    assert directory.begins_at("deribit/1", last_ns) == first_ns
    assert directory.begins_at("deribit/1", first_ns - 1) == 0
    sought = await events_of(tmp_path / "out", playing=Playing(speed=None, from_ns=first_ns + 300 * STEP_NS))
    assert sought == live, "a source tells what is before, at full speed"


def test_records_from_a_time_on_are_those_and_no_others(tmp_path: Path, log: Path) -> None:
    recorder = Recorder(tmp_path / "out", SMALL)
    for record in make_recording(5, steps=600):
        recorder.passed("deribit/1", record.at_ns, "received", record.payload)
    recorder.close()
    (connection,) = connections_at(tmp_path / "out")
    every = list(connection.recording.records())
    for record in every[:: len(every) // 40]:
        found = list(connection.recording.records(record.at_ns))
        assert found == [each for each in every if each.at_ns >= record.at_ns]
    assert list(connection.recording.records(every[-1].at_ns + 1)) == []


async def test_connections_of_one_venue_are_played_together(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path, SMALL)
    for name, seed in (("1", 5), ("2", 5)):
        for record in make_recording(seed, steps=100):
            wanted = b"PERPETUAL" in record.payload or b"index" in record.payload
            if record.kind == "received" and wanted is (name == "1"):
                recorder.passed(f"deribit/{name}", record.at_ns, "received", record.payload)
    recorder.close()
    (source,) = sources_at(tmp_path, WallClock(), playing=Playing(speed=None))
    batches = [batch async for batch in source.events(Wants())]
    assert [batch.at_ns for batch in batches] == sorted(batch.at_ns for batch in batches)
    books = {
        event.instrument.name
        for batch in batches
        for event in batch.events
        if isinstance(event, BookImage | BookDelta)
    }
    assert len(books) == 3


async def test_what_the_recorder_left_out_makes_books_stale(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path, SMALL)
    records = list(make_recording(5, steps=200))
    for number, record in enumerate(records):
        if number == len(records) // 2:
            recorder.noted("deribit/1", record.at_ns, "gap", reason="left out")
            recorder.noted("deribit/1", record.at_ns, "closed", reason="1006")
        recorder.passed("deribit/1", record.at_ns, "received", record.payload)
    recorder.close()
    events = await events_of(tmp_path)
    assert "closed" in {event.reason for event in events if isinstance(event, Status)}
    noted = [entry.event for entry in read_ledger(tmp_path / "ledger.jsonl") if entry.event != "rotated"]
    assert noted == ["gap", "closed"]
    replica = Replica()
    for event in events:
        replica.take(event)


def test_errors_say_what_to_do(tmp_path: Path, log: Path) -> None:
    with pytest.raises(UsageError, match=r"tape.log does not say of which venue it is: add --venue NAME"):
        connections_at(log)
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match="no recording in it"):
        connections_at(tmp_path / "empty", "okx")
    with pytest.raises(UsageError, match="unknown venue 'okex'"):
        connections_at(log, "okex")

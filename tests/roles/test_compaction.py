"""The store: Parquet that everybody reads, a manifest, and recordings that say the same in fewer bytes."""

import errno
import json
import os
from pathlib import Path
from urllib.request import urlopen

import duckdb
import pandas as pd
import polars as pl
import pyarrow.dataset as ds
import pyarrow.ipc as ipc
import pytest

import deltawire
from deltawire.errors import UsageError
from deltawire.model.events import BookImage, Fault, Trade
from deltawire.ports import Batch, Wants
from deltawire.recording import Recording
from deltawire.recording.recorder import Recorder
from deltawire.recording.stream import Limits
from deltawire.recording.unit_files import read_index
from deltawire.roles.compaction import compact, events_at
from deltawire.roles.gateway import WallClock
from deltawire.sources.recorded import Playing, batches_at, sources_at, span_of
from deltawire.testing.recordings import make_recording, write_log
from tests.support.serving import Served, serving
from tests.support.waiting import HANG_S, wait_until


@pytest.fixture
async def recorded(tmp_path: Path) -> Path:
    log = write_log(make_recording(5, steps=800, losses=[300]), tmp_path / "tape.log")
    recorder = Recorder(tmp_path / "out", Limits(frame_bytes=8_000))
    for source in sources_at(log, WallClock(), venue="deribit", playing=Playing(speed=None, tap=recorder)):
        async for _ in source.events(Wants()):
            pass
    recorder.close()
    return tmp_path / "out"


def test_every_reader_finds_the_same_trades(recorded: Path) -> None:
    done = compact(recorded)
    trades = [event for event in events_at(recorded) if isinstance(event, Trade)]
    expected = sorted((t.instrument.name, t.trade_id, t.price_ticks, t.size_lots, t.venue_ns) for t in trades)
    assert sum(file.rows for file in done.files if file.schema == "trades") == len(trades) > 20
    root = recorded / "table" / "trades"
    names = ["symbol", "trade_id", "price", "size", "ts_event"]

    arrow = ds.dataset(root, partitioning="hive").to_table().to_pandas()
    found = {
        "pyarrow": arrow,
        "pandas": pd.read_parquet(root),
        "polars": pl.read_parquet(root / "**/*.parquet", hive_partitioning=True).to_pandas(),
        "duckdb": duckdb.sql(
            f"select symbol, trade_id, price, size, epoch_ns(ts_event) as ts_event "
            f"from read_parquet('{root}/**/*.parquet', hive_partitioning=true)"
        ).df(),
    }
    for reader, frame in found.items():
        frame = frame[names].copy()
        frame["ts_event"] = frame["ts_event"].astype("int64")
        frame["symbol"] = frame["symbol"].astype(str)
        assert sorted(frame.itertuples(index=False, name=None)) == expected, reader
    assert set(arrow["price_exponent"]) == {trade.instrument.price_exponent for trade in trades}


def test_the_manifest_says_what_there_is_and_what_is_missing(recorded: Path) -> None:
    done = compact(recorded)
    manifest = json.loads((recorded / "manifest.json").read_bytes())
    assert [table["path"] for table in manifest["tables"]] == [file.path for file in done.files]
    assert all((recorded / table["path"]).is_file() for table in manifest["tables"])
    outages = [(outage["reason"], book["from_ns"] < outage["from_ns"] < outage["to_ns"] <= book["to_ns"])
               for book in manifest["books"].values() for outage in book["outages"]]  # fmt: skip
    assert outages == [("gap", True)]
    assert manifest["gaps"] == []


def test_recompressed_recordings_say_the_same_in_fewer_bytes(recorded: Path) -> None:
    files = sorted(recorded.glob("raw/**/*.dwr.zst"))
    before = [list(Recording(file).records()) for file in files]
    events = list(events_at(recorded))
    done = compact(recorded)
    assert done.after < 0.8 * done.before
    assert [list(Recording(file).records()) for file in files] == before
    assert list(events_at(recorded)) == events
    for file in files:
        with file.open("rb") as raw:
            assert read_index(raw) is not None


def test_it_may_be_repeated_and_interrupted(recorded: Path) -> None:
    first = compact(recorded)
    half_written = recorded / first.files[0].path
    (half_written.parent / ".77.new").write_bytes(b"half")
    again = compact(recorded)
    assert again.files == first.files
    assert not list(recorded.glob("table/**/.*"))
    assert len(list(recorded.glob("table/**/*.parquet"))) == len(first.files)
    assert again.after == first.after


@pytest.mark.parametrize("place", [1, 3, 5])
def test_a_disk_that_is_full_on_the_way_leaves_nothing_half(
    recorded: Path, place: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever cannot be written any more, from the tables to the manifest: what was there is there."""
    first = compact(recorded)
    before = {path: path.read_bytes() for path in recorded.glob("**/*") if path.is_file()}
    synced, fsync = 0, os.fsync

    def until_full(handle: int) -> None:
        nonlocal synced
        synced += 1
        if synced > place * len(first.files) * 2 // 5:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        fsync(handle)

    monkeypatch.setattr(os, "fsync", until_full)
    with pytest.raises(OSError, match="No space left"):
        compact(recorded)
    monkeypatch.undo()
    assert {path: path.read_bytes() for path in recorded.glob("**/*") if path.is_file()} == before
    assert compact(recorded).files == first.files


def test_a_seek_begins_at_the_stored_state_as_long_as_it_is_of_all_that_is_recorded(recorded: Path) -> None:
    first_ns, last_ns = span_of(recorded)
    at_ns = (first_ns + last_ns) // 2
    every = [batch for batch in batches_at(recorded) if batch.events]
    compact(recorded, ["trades"])

    def sought() -> list[Batch]:
        return [batch for batch in batches_at(recorded, from_ns=at_ns) if batch.events]

    state, *later = sought()
    assert state.at_ns < at_ns
    assert len([event for event in state.events if isinstance(event, BookImage)]) == 3
    assert later == [batch for batch in every if batch.at_ns >= at_ns]
    recorder = Recorder(recorded)
    recorder.passed("deribit/1", last_ns + 1, "received", b"{}")
    recorder.close()
    assert sought()[: len(every)] == every, "read from where the connection was opened"
    compact(recorded, ["trades"])
    assert sought()[: len(later) + 1] == [state, *later]


def test_damaged_stored_events_are_told_and_the_recording_read_in_their_place(recorded: Path) -> None:
    first_ns, last_ns = span_of(recorded)
    at_ns = (first_ns + last_ns) // 2
    every = [(batch.at_ns, event) for batch in batches_at(recorded) for event in batch.events]
    (log,) = compact(recorded, ["trades"]).stored
    path = recorded / log.path
    whole = path.read_bytes()
    damages = {"inside": whole[:500] + b"\0" * 40 + whole[540:], "the end": whole[:-40], "all": b"garbage"}
    for damage in damages.values():
        path.write_bytes(damage)
        batches = batches_at(recorded, from_ns=at_ns)
        (_, fault), *told = ((batch.at_ns, event) for batch in batches for event in batch.events)
        assert isinstance(fault, Fault)
        assert "compact" in fault.reason
        assert told == every, "as if nothing were stored"
    path.unlink()
    assert isinstance(next(batches_at(recorded, from_ns=at_ns)).events[0], Fault)
    assert compact(recorded, ["trades"]).stored == [log]
    assert path.read_bytes() == whole


async def test_open_begins_at_the_stored_state(recorded: Path) -> None:
    first_ns, last_ns = span_of(recorded)
    compact(recorded, ["trades"])
    at_ns = (first_ns + last_ns) // 2
    state = next(batches_at(recorded, from_ns=at_ns))
    images = [event for event in state.events if isinstance(event, BookImage)]
    async with deltawire.open(f"replay:{recorded}?from={at_ns}") as dw:
        for image in images:
            book = await dw.call("public/get_order_book", instrument_name=image.instrument.name, depth=10_000)
            assert [price for price, _ in book["bids"]] == [level.price_float for level in image.bid_levels]
            assert [size for _, size in book["asks"]] == [level.size_float for level in image.ask_levels]
    assert len(images) == 3


def arrow_rows(served: Served, query: str) -> list[tuple[int, float, float, bool]]:
    with urlopen(f"{served.http}/trades.arrow?{query}", timeout=HANG_S) as answer:
        return [tuple(row.values()) for row in ipc.open_stream(answer.read()).read_all().to_pylist()]


def test_trades_before_a_seek_are_served_from_the_store(recorded: Path) -> None:
    """From the store's first trade to the recorded time, in which only a few are in memory."""
    first_ns, last_ns = span_of(recorded)
    name = "BTC-PERPETUAL"
    trades = [
        (event.venue_ns, (event.venue_ns // 10**6, event.price_float, event.size_float, event.side == "sell"))
        for event in events_at(recorded)
        if isinstance(event, Trade) and event.instrument.name == name
    ]
    at_ns = (first_ns + last_ns) // 2
    before = [row for venue_ns, row in trades if venue_ns < at_ns]
    compact(recorded)
    with serving(command=["replay", str(recorded), "--seek", str(at_ns), "--speed", "0.0001"]) as served:
        found = arrow_rows(served, f"venue=deribit&symbol={name}")
        assert len(before) > 5
        assert found[: len(before)] == before
        assert len(found) <= len(before) + 2, "what is still to come is not told"
        begin, end = before[1][0], before[-2][0]
        inside = [row for row in before if begin <= row[0] <= end]
        assert arrow_rows(served, f"symbol={name}&from={begin}&to={end}") == inside
        assert arrow_rows(served, f"symbol={name}&from={begin}&to={end}&limit=2") == inside[:2]
    with serving(command=["replay", str(recorded), "--seek", str(last_ns), "--speed", "0.0001"]) as served:
        every = [row for _, row in trades]
        wait_until(lambda: arrow_rows(served, f"symbol={name}") == every)


def test_a_recorder_at_work_is_left_alone(recorded: Path) -> None:
    recorder = Recorder(recorded)
    with pytest.raises(UsageError, match="another process records"):
        compact(recorded)
    recorder.close()

"""The store: Parquet that everybody reads, a manifest, and recordings that say the same in fewer bytes."""

import json
from pathlib import Path

import duckdb
import pandas as pd
import polars as pl
import pyarrow.dataset as ds
import pytest

import deltawire
from deltawire.errors import UsageError
from deltawire.model.events import BookImage, Trade
from deltawire.ports import Batch, Wants
from deltawire.recording import Recording
from deltawire.recording.recorder import Recorder
from deltawire.recording.stream import Limits
from deltawire.recording.unit_files import read_index
from deltawire.roles.compaction import compact, events_at
from deltawire.roles.gateway import WallClock
from deltawire.sources.recorded import Playing, batches_at, sources_at, span_of
from deltawire.testing.recordings import make_recording, write_log


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


def test_a_recorder_at_work_is_left_alone(recorded: Path) -> None:
    recorder = Recorder(recorded)
    with pytest.raises(UsageError, match="another process records"):
        compact(recorded)
    recorder.close()

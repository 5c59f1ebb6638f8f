"""`deltawire record`, `serve --record`, `replay`, `repair`, `verify DIR`: from a server to disk and back."""

import asyncio
import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from deltawire.client import connect
from deltawire.recording import Recording
from deltawire.recording.ledger import read_ledger
from deltawire.recording.recorder import Recorder
from deltawire.recording.stream import Limits
from deltawire.testing.recordings import make_recording, write_log
from tests.support.commands import run
from tests.support.serving import serving
from tests.support.waiting import HANG_S, wait_until

Capture = pytest.CaptureFixture[str]


def events_of_ledger(directory: Path) -> list[str]:
    return [entry.event for entry in read_ledger(directory / "ledger.jsonl")]


def sent(steps: int) -> list[bytes]:
    return [r.payload for r in make_recording(3, steps=steps) if r.kind == "received"]


def frames_in(directory: Path) -> list[bytes]:
    """What is on disk; a file may still be growing."""
    files = sorted(directory.glob("raw/deribit/1/*"))
    return [r.payload for file in files for r in Recording(file).records() if r.kind == "received"]


def verify(capsys: Capture, directory: Path) -> tuple[int, dict]:
    outcome = run(capsys, "verify", directory, "--json")
    return outcome.code, json.loads(outcome.out)


def test_the_simulation_is_recorded_until_ctrl_c(capsys: Capture, tmp_path: Path) -> None:
    wanted = ["book.BTC-PERPETUAL", "trades.BTC-*"]
    with subprocess.Popen(
        [sys.executable, "-m", "deltawire", "record", "sim:seed=7&speed=5", *wanted, "--out", str(tmp_path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            wait_until(lambda: any(b"book.BTC-PERPETUAL.raw" in frame for frame in frames_in(tmp_path)))
        finally:
            process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=HANG_S)
    assert (process.returncode, err) == (0, "")
    assert "deltawire replay" in out
    assert events_of_ledger(tmp_path) == ["connected", "asked", "acknowledged", "closed", "rotated"]
    code, report = verify(capsys, tmp_path)
    assert code == 0
    (connection,) = report["connections"]
    assert connection["verified"]
    assert "BTC-PERPETUAL" in connection["instruments"]
    assert report["gaps"] == []
    text = run(capsys, "verify", tmp_path).out
    assert "books verified to the end" in text


def test_a_served_recording_is_recorded_as_it_was(capsys: Capture, tmp_path: Path) -> None:
    log = write_log(make_recording(3, steps=200), tmp_path / "tape.log")
    with serving((log, "deribit"), speed="max", options=["--record", str(tmp_path / "out")]):
        wait_until(lambda: len(frames_in(tmp_path / "out")) == len(sent(200)))
    assert frames_in(tmp_path / "out") == sent(200)
    assert run(capsys, "verify", tmp_path / "out").code == 0


async def test_the_exchange_records_what_it_sends(capsys: Capture, tmp_path: Path) -> None:
    with serving(options=["--record", str(tmp_path / "out")]) as served:
        async with connect(served.websocket) as client:
            await client.call("public/get_time")
        wait_until(lambda: "acknowledged" in events_of_ledger(tmp_path / "out"))
        wait_until(lambda: list((tmp_path / "out").glob("raw/deribit/own/*")))
    code, report = verify(capsys, tmp_path / "out")
    assert code == 0
    assert report["connections"][0]["messages"] > 0


async def test_a_directory_is_replayed_from_a_time_on(tmp_path: Path) -> None:
    log = write_log(make_recording(3, steps=400), tmp_path / "tape.log")
    with serving((log, "deribit"), speed="max", options=["--record", str(tmp_path / "out")]):
        wait_until(lambda: len(frames_in(tmp_path / "out")) == len(sent(400)))
    with serving(command=["replay", str(tmp_path / "out"), "--seek", "+8", "--speed", "0.001"]) as served:
        begun = next(r.at_ns for r in make_recording(3, steps=400))
        async with connect(served.websocket) as client, asyncio.timeout(HANG_S):
            book: dict = {"timestamp": 0}
            while abs(book["timestamp"] - (begun // 1_000_000 + 8_000)) > 500:
                book = await client.call("public/get_order_book", instrument_name="BTC-PERPETUAL")
    assert book["bids"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["record", "127.0.0.1:1", "--out", "{}/x"], "is the server running?"),
        (["record", "binance:", "--out", "{}/x"], "binance has several markets: binance_coinm:, binance_options:"),
        (["record", "okx:", "index.BTC", "--out", "{}/x"], "no such channel of a venue: index.BTC"),
        (["record", "okx:BTC-*", "book.*", "--out", "{}/x"], "name instruments once: okx:BTC-* without channels"),
        (["record", "okx:?endpiont=1", "--out", "{}/x"], "no option endpiont; there is endpoint"),
        (["record", "okx:?endpoint=here", "--out", "{}/x"], "an endpoint is ws://HOST:PORT"),
        (["record", "okx:", "--endpoint", "kraken=ws://h:1", "--out", "{}/x"], "--endpoint kraken=… needs kraken:"),
        (["record", "sim:", "bok.x", "--out", "{}/x"], "no such channel: bok.x; channels are such as book.BTC-*.raw"),
        (["record", "sim:sed=1", "--out", "{}/x"], "sim: takes seed=N and speed=N, not sed"),
        (["record", "sim:", "--out", "{}/tape.log"], "cannot record to"),
        (["replay", "{}"], "does not say of which venue it is"),
        (["replay", "{}", "--venue", "deribit", "--seek", "soon"], "--seek is a time such as"),
        (["replay", "{}", "--venue", "deribit", "--seek", "+1e6"], "is outside of the recording: 2026-06-01T00:00:00"),
        (["repair", "{}"], "no recording in it"),
        (["serve", "--replay", "{}/tape.log", "--venue", "deribit", "--loop", "--record", "{}/x"], "with --loop"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_one_line(
    capsys: Capture, tmp_path: Path, arguments: list[str], words: str
) -> None:
    write_log(make_recording(3, steps=20), tmp_path / "tape.log")
    outcome = run(capsys, *(argument.format(tmp_path) for argument in arguments))
    assert outcome.code == 2
    assert words in outcome.err
    assert outcome.err.count("\n") == 1


def test_damage_is_reported_by_whatever_reads_it(capsys: Capture, tmp_path: Path) -> None:
    out = tmp_path / "out"
    recorder = Recorder(out, Limits(frame_bytes=20_000))
    received = [record for record in make_recording(3, steps=400) if record.kind == "received"]
    recorder.noted("deribit/1", received[0].at_ns, "connected", url="wss://somewhere")
    for record in received:
        recorder.passed("deribit/1", record.at_ns, "received", record.payload)
    recorder.close()
    (file,) = out.glob("raw/deribit/1/*")
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2] + b"\0" * 50 + whole[len(whole) // 2 + 50 :])
    (file.parent / "zz.jpg").write_bytes(b"\xff\xd8\xff")
    ledger = out / "ledger.jsonl"
    ledger.write_bytes(b"\xffgarbage\n" + ledger.read_bytes()[:-9])
    exported = run(capsys, "export", out, "--schema", "trades", "--out", tmp_path / "trades.parquet")
    compacted = run(capsys, "compact", out)
    for outcome in (exported, compacted):
        assert (outcome.code, outcome.err.count("\n")) == (0, 1)
        assert f"not all of {out} could be read: {file.name} line " in outcome.err
        assert "and 1 more; `deltawire verify` lists all" in outcome.err
    manifest = json.loads((out / "manifest.json").read_bytes())
    assert ["zz.jpg line 1" in fault["reason"] for fault in manifest["faults"]] == [False, True]
    assert manifest["faults"][0]["seen_ns"] > 0
    (events,) = out.glob("events/*")
    events.write_bytes(events.read_bytes()[:-10])
    (trades,) = out.glob("table/trades/*/*BTC-PERPETUAL/*/*")
    trades.unlink()
    code, report = verify(capsys, out)
    assert code == 1
    assert [damage["line"] for damage in report["gaps"] if damage["event"] == "damaged"] == [1, 3]
    assert [each["file"] for each in report["store"]] == [
        "events/deribit.dwe.zst",
        trades.relative_to(out).as_posix(),
    ]
    text = " ".join(run(capsys, "verify", out).out.split())
    assert "damaged ledger.jsonl line 1, after the beginning: no entry of a ledger" in text
    assert f"damaged {file.name} line" in text
    assert "damaged zz.jpg line 1" in text
    assert "damaged events/deribit.dwe.zst" in text


def test_repair_keeps_what_is_whole(capsys: Capture, tmp_path: Path) -> None:
    recorder = Recorder(tmp_path, Limits(frame_bytes=20_000))
    for record in make_recording(3, steps=400):
        recorder.passed("deribit/1", record.at_ns, "received", record.payload)
    recorder.close()
    (file,) = tmp_path.glob("raw/deribit/1/*")
    data = bytearray(file.read_bytes())
    before = [r.payload for r in Recording(file).records() if r.kind == "received"]
    data[len(data) // 2] ^= 0xFF
    file.write_bytes(data)
    outcome = run(capsys, "repair", tmp_path)
    assert outcome.code == 0
    assert "1 damaged places removed" in outcome.out
    assert "1 of 1 files repaired" in outcome.out
    records = list(Recording(file).records())
    frames = [r.payload for r in records if r.kind == "received"]
    assert 0 < len(frames) < len(before)
    assert frames[0] == before[0]
    assert frames[-1] == before[-1]
    assert sum(r.kind == "damaged" for r in records) == 1
    assert [r.line for r in records] == sorted(r.line for r in records)
    assert "0 of 1 files repaired" in run(capsys, "repair", tmp_path).out

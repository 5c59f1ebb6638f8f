"""After a kill and after a power cut every durable frame is there, exactly; the ledger says what is not.

`make recorder` does it 20 times each, at 20,000 frames a second.
"""

import os
import subprocess
import sys
import time
from pathlib import Path
from random import Random

from deltawire.recording import RecordingEntry
from deltawire.recording.ledger import NAME, read_ledger
from deltawire.recording.recorder import Recorder
from deltawire.recording.recording import Recording
from deltawire.testing.power import PowerCutDisk
from tests.support.recording_process import CONNECTIONS, LIMITS, feed, frame

ROOT = Path(__file__).resolve().parents[2]
ROUNDS = int(os.environ.get("DELTAWIRE_RECORDER", "2"))
RATE = int(os.environ.get("DELTAWIRE_RECORDER_RATE", "5000"))


def records_of(directory: Path, connection: str, runs: int) -> list[list[RecordingEntry]]:
    """The frames of a connection, run by run: each begins with frame 0."""
    found: list[list[RecordingEntry]] = [[] for _ in range(runs)]
    run = -1
    for path in sorted(directory.glob(f"raw/{connection}/*.dwr.zst")):
        for record in Recording(path).records():
            if record.kind == "received":
                run += record.payload == frame(0)
                found[run].append(record)
    return found


def check(directory: Path, durable: list[dict[str, int]]) -> None:
    """Every durable frame of every run is there, and what is there beside is what passed, in order."""
    for connection in CONNECTIONS:
        runs = [run[connection] for run in durable if run.get(connection)]
        for promised, records in zip(runs, records_of(directory, connection, len(runs)), strict=True):
            frames = [record.payload for record in records]
            assert len(frames) >= promised
            assert frames == [frame(number) for number in range(len(frames))]


def check_gaps(directory: Path, fed: list[dict[str, int]]) -> int:
    """Where frames that passed are not there, the ledger has a gap from the last that is; returns how many are not."""
    gaps = [entry for entry in read_ledger(directory / NAME) if entry.event == "gap"]
    missing = 0
    for connection in CONNECTIONS:
        begins = {entry.facts["from_ns"] for entry in gaps if entry.connection == connection}
        passed = [run[connection] for run in fed]
        for count, records in zip(passed, records_of(directory, connection, len(fed)), strict=True):
            missing += count - len(records)
            assert len(records) == count or records[-1].at_ns in begins, (connection, count, len(records))
    return missing


def test_durable_frames_survive_sigkill(tmp_path: Path) -> None:
    random, durable = Random(21), list[dict[str, int]]()
    for _ in range(ROUNDS):
        recorder = subprocess.Popen(
            [sys.executable, "-m", "tests.support.recording_process", str(tmp_path), str(RATE)],
            stdout=subprocess.PIPE,
            cwd=ROOT,
        )
        assert recorder.stdout is not None
        run: dict[str, int] = {}
        for _ in range(random.choice(range(12, 60))):
            connection, frames = recorder.stdout.readline().split()
            run[connection.decode()] = int(frames)
        recorder.kill()
        for line in recorder.stdout:
            if line.endswith(b"\n"):
                run[line.split()[0].decode()] = int(line.split()[1])
        recorder.wait()
        recorder.stdout.close()
        durable.append(run)
    assert all(sum(run.values()) for run in durable)
    later = Recorder(tmp_path)
    later.close()
    check(tmp_path, durable)
    print(f"\n{ROUNDS} kills: {sum(sum(run.values()) for run in durable):,} durable frames, all there")
    stops = [entry for entry in read_ledger(tmp_path / NAME) if entry.event == "gap"]
    assert {entry.facts["reason"] for entry in stops} == {"the recorder stopped without finishing its file"}
    assert len(stops) >= ROUNDS


def test_durable_frames_survive_a_power_cut(tmp_path: Path) -> None:
    random, durable, torn = Random(22), list[dict[str, int]](), 0
    passed_in = list[dict[str, int]]()
    turn = 0
    while turn < ROUNDS or (
        ROUNDS > 10 and not torn and turn < 5 * ROUNDS
    ):  # until a write was cut in its middle
        run: dict[str, int] = {}
        disk = PowerCutDisk(tmp_path / f"disk-{turn}")
        recorder = Recorder(disk, LIMITS, on_durable=run.__setitem__)
        torn += sum(repair.damaged for repair in recorder.repaired)
        began, fed, until = time.monotonic(), 0, random.uniform(0.3, 0.8)
        counts = dict.fromkeys(CONNECTIONS, 0)
        while (passed := time.monotonic() - began) < until or not all(run.get(c) for c in CONNECTIONS):
            due = int(passed * RATE)
            for number in range(fed, due):
                feed(recorder, CONNECTIONS[number % 3], number // 3)
                counts[CONNECTIONS[number % 3]] += 1
            fed = max(fed, due)
            time.sleep(0.002)
        promised = dict(run)
        turn += 1
        disk.cut(tmp_path / f"disk-{turn}", random)
        recorder.close()
        durable.append(promised)
        passed_in.append(counts)
    last = tmp_path / f"disk-{turn}"
    later = Recorder(last)
    later.close()
    torn += sum(repair.damaged for repair in later.repaired)
    check(last, durable)
    missing = check_gaps(last, passed_in)
    print(
        f"\n{turn} power cuts: {sum(sum(run.values()) for run in durable):,} durable frames, all there; of "
        f"{missing:,} others the ledger has the gaps"
    )
    if ROUNDS > 10:
        assert torn, "the power was never cut in the middle of a write"
    assert [entry for entry in read_ledger(last / NAME) if entry.event == "gap"]

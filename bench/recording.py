"""Recording: how fast, how small, and how long it takes to find a second in a recording of 1 GB.

`DELTAWIRE_RECORDING=FILE` measures the sizes on a recording of yours.
"""

import os
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random

from deltawire.recording import SECOND_NS, Recording, RecordingEntry
from deltawire.recording.recorder import Progress, Recorder
from deltawire.roles.compaction import recompress
from deltawire.sources.recorded import connections_at, span_of
from deltawire.testing.recordings import make_recording

GIGABYTE = 1_000_000_000
SEEKS = 50


def main(*, quick: bool) -> None:
    """Print the figures."""
    with tempfile.TemporaryDirectory(prefix="deltawire-bench-") as folder:
        named = os.environ.get("DELTAWIRE_RECORDING")
        records = list(Recording(named).records()) if named else list(make_recording(1, steps=20_000))
        received = [record for record in records if record.kind == "received"]
        _sizes(Path(folder) / "sizes", received)
        _seeks(Path(folder) / "seeks", received, GIGABYTE // (20 if quick else 1))


def _record(out: Path, records: Iterator[RecordingEntry]) -> tuple[Progress, float]:
    recorder = Recorder(out)
    started = time.perf_counter()
    for record in records:
        while recorder.crowded:
            time.sleep(0.01)
        recorder.passed("deribit/1", record.at_ns, "received", record.payload)
    progress = recorder.close()
    assert not progress.missing
    return progress, time.perf_counter() - started


def _sizes(out: Path, records: list[RecordingEntry]) -> None:
    progress, seconds = _record(out, iter(records))
    before, after = recompress(out)
    per = 16 / progress.bytes
    print(f"recording: {progress.frames / seconds:,.0f} frames/s, {progress.bytes / seconds / 1e6:.0f} MB/s")
    print(f"16 MB of JSON: {before * per:.2f} MB recorded, {after * per:.2f} MB compacted")


def _seeks(out: Path, records: list[RecordingEntry], size: int) -> None:
    def repeated() -> Iterator[RecordingEntry]:
        span_ns = records[-1].at_ns - records[0].at_ns + SECOND_NS
        passed = shift_ns = 0
        while passed < size:
            for record in records:
                passed += len(record.payload)
                yield RecordingEntry("received", record.at_ns + shift_ns, record.payload)
            shift_ns += span_ns

    progress, _ = _record(out, repeated())
    first_ns, last_ns = span_of(out)
    random, times = Random(1), []
    for _ in range(SEEKS):
        at_ns = random.randrange(first_ns, last_ns)
        started = time.perf_counter()
        (connection,) = connections_at(out)
        record = next(connection.recording.records(at_ns))
        times.append(time.perf_counter() - started)
        assert record.at_ns >= at_ns
    print(
        f"a second of {progress.bytes / 1e9:.2f} GB of JSON in {len(connection.recording.files)} files: "
        f"median {statistics.median(times) * 1e3:.1f} ms, longest {max(times) * 1e3:.1f} ms"
    )

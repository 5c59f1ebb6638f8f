"""Recording: how fast, how small, and how long until the books at a second of 1 GB are there.

`DELTAWIRE_RECORDING=FILE` measures the sizes on a recording of yours.
"""

import asyncio
import os
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random

import deltawire
from deltawire.model.events import BookImage
from deltawire.recording import SECOND_NS, Recording, RecordingEntry
from deltawire.recording.recorder import Progress, Recorder
from deltawire.roles.compaction import compact, recompress
from deltawire.sources.recorded import batches_at, span_of
from deltawire.testing.recordings import make_recording

GIGABYTE = 1_000_000_000
SEEKS = 50
BOOK = "BTC-PERPETUAL"


def main(*, quick: bool) -> None:
    """Print the figures."""
    with tempfile.TemporaryDirectory(prefix="deltawire-bench-") as folder:
        named = os.environ.get("DELTAWIRE_RECORDING")
        records = list(Recording(named).records()) if named else list(make_recording(1, steps=20_000))
        received = [record for record in records if record.kind == "received"]
        _sizes(Path(folder) / "sizes", received)
        made = [each for each in make_recording(1, steps=20_000) if each.kind == "received"]
        _seeks(Path(folder) / "seeks", made, GIGABYTE // (20 if quick else 1))


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
    started = time.perf_counter()
    stored = compact(out, ["trades"]).stored[0].bytes
    seconds = time.perf_counter() - started
    first_ns, last_ns = span_of(out)
    random, known, cpu, opened = Random(1), list[float](), list[float](), list[float]()
    asyncio.run(_open(f"replay:{out}?from={first_ns + SECOND_NS}"))  # imports
    for _ in range(SEEKS):
        at_ns = random.randrange(first_ns + SECOND_NS, last_ns)
        started, computed = time.perf_counter(), time.process_time()
        batches = batches_at(out, from_ns=at_ns)
        books = sum(isinstance(event, BookImage) for event in next(batches).events)
        next(batches, None)
        known.append((time.perf_counter() - started) * 1e3)
        cpu.append((time.process_time() - computed) * 1e3)
        opened.append(asyncio.run(_open(f"replay:{out}?from={at_ns}")))
        assert books
    print(
        f"{progress.bytes / 1e9:.2f} GB of JSON: {progress.stored / 1e6:.0f} MB recorded, {stored / 1e6:.0f} MB of "
        f"events for seeking, made in {seconds:.0f} s"
    )
    for what, times in (
        (f"{books} books at a second of it", known),
        ("of the processor", cpu),
        ("deltawire.open there", opened),
    ):
        print(f"{what}: median {statistics.median(times):.1f} ms, longest {max(times):.1f} ms")


async def _open(where: str) -> float:
    """Milliseconds until a book of the recording can be read there."""
    started = time.perf_counter()
    async with deltawire.open(where) as dw:
        book = await dw.call("public/get_order_book", instrument_name=BOOK, depth=5)
    taken_ms = (time.perf_counter() - started) * 1e3
    assert book["bids"]
    return taken_ms

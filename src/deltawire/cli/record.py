"""`deltawire record`, and how a recorder's progress is shown."""

import asyncio
import contextlib
import signal
import sys
import time
from pathlib import Path
from typing import Annotated

import typer

from deltawire.cli.logs import log_to_stderr
from deltawire.cli.preparation import parse_endpoints, trusting
from deltawire.errors import FeedError, UsageError
from deltawire.recording.recorder import Progress, Recorder
from deltawire.recording.stream import Limits
from deltawire.roles.live import LiveRecording, narrowed, parse_live, venue_of
from deltawire.roles.recording import DEFAULT_CHANNELS, RemoteRecording
from deltawire.roles.simulation import Simulation

SHOWN_EVERY_S = 1.0
UNITS = "B", "kB", "MB", "GB", "TB"


def record(
    where: Annotated[
        str,
        typer.Argument(
            metavar="WHERE",
            help="What to record: a venue (`NAME:`, or `NAME:BTC-*`), a deltawire server (`127.0.0.1:8080`, `ws://…`, "
            "`wss://…`), or `sim:seed=7`, the built-in exchange.",
        ),
    ],
    out: Annotated[
        Path, typer.Option("--out", metavar="DIR", help="The directory to record to; created if need be.")
    ],
    channels: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="CHANNEL",
            help="A channel or pattern such as `'book.BTC-*'` (quoted, because shells expand it); can be repeated. "
            "Of a venue every topic is recorded for every instrument that is named. "
            f"[default: {' '.join(DEFAULT_CHANNELS)}]",
        ),
    ] = None,
    seconds: Annotated[
        float | None, typer.Option("--for", min=0.1, metavar="SECONDS", help="Stop after this time.")
    ] = None,
    rotate: Annotated[
        float, typer.Option(min=1.0, metavar="MINUTES", help="Begin a new file after this time.")
    ] = 60.0,
    endpoint: Annotated[
        list[str] | None,
        typer.Option(
            metavar="VENUE=URL",
            help="Another address for the venue's hosts: `NAME=ws://127.0.0.1:8090`; can be repeated.",
        ),
    ] = None,
    cafile: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Trust the certificates in this PEM file.")
    ] = None,
) -> None:
    """Record exactly what comes, with the time of receiving, until Ctrl-C.

    What was received is on disk within a second. After a crash, a power cut or a full disk everything that was on disk
    is there, and the ledger says what is not. Stock `zstd -dc` reads the files.

    Exit code 1: frames are missing from the recording; the summary and the ledger say how many.

    Example: `deltawire record okx: 'book.BTC-*' --out recorded`

    Example: `deltawire record 127.0.0.1:8080 'book.BTC-*' 'trades.BTC-*' --out recorded`
    """
    name, _, rest = where.partition(":")
    venue = "" if name == "sim" else venue_of(where)
    moved = parse_endpoints(endpoint or [])
    if strange := [each for each in moved if each != venue]:
        raise UsageError(f"--endpoint {strange[0]}=… needs {strange[0]}: as what to record")
    settings = narrowed(parse_live(where, moved.get(venue, ())), channels or []) if venue else None
    simulation = Simulation(rest) if name == "sim" else None
    url = simulation.url if simulation else where
    with contextlib.ExitStack() as cleanup:
        if simulation:
            cleanup.callback(simulation.close)
        try:
            recorder = Recorder(out, Limits(rotate_s=60 * rotate))
            for repair in recorder.repaired:
                print(f"deltawire: finished {repair.file}, left by an earlier recorder", file=sys.stderr)
            started = time.monotonic()
            try:
                recording: LiveRecording | RemoteRecording
                if settings is not None:
                    log_to_stderr()
                    recording = LiveRecording(settings, recorder, trust=trusting(str(cafile or "")))
                else:
                    recording = RemoteRecording(url, channels or [], recorder, cafile=cafile)
                asyncio.run(_until_stopped(recording, recorder, simulation, seconds))
            finally:
                progress = recorder.close()
        except FeedError as error:
            raise UsageError(str(error)) from error
    print_summary(progress, out, time.monotonic() - started)
    if progress.missing or not progress.frames:
        raise typer.Exit(1)


async def _until_stopped(
    remote: LiveRecording | RemoteRecording,
    recorder: Recorder,
    simulation: Simulation | None,
    seconds: float | None,
) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    if seconds is not None:
        loop.call_later(seconds, stop.set)
    work = [loop.create_task(_run(remote, simulation)), loop.create_task(_show(remote, recorder))]
    if simulation is not None:
        work.append(loop.create_task(simulation.serve()))
    waiting = loop.create_task(stop.wait())
    await asyncio.wait([waiting, work[0]], return_when=asyncio.FIRST_COMPLETED)
    for task in (*work, waiting):
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def _run(remote: LiveRecording | RemoteRecording, simulation: Simulation | None) -> None:
    if simulation is not None:
        await simulation.listed()
    await remote.run()


async def _show(remote: LiveRecording | RemoteRecording, recorder: Recorder) -> None:
    """Show the progress in a terminal; elsewhere only what goes wrong."""
    terminal, before, reported = sys.stderr.isatty(), recorder.progress.frames, ""
    while True:
        await asyncio.sleep(SHOWN_EVERY_S)
        progress = recorder.progress
        rate, before = (progress.frames - before) / SHOWN_EVERY_S, progress.frames
        trouble = progress.error or remote.waiting_for
        if terminal:
            line = f"{format_progress(progress)}, {rate:,.0f} frames/s" + (f"  {trouble}" if trouble else "")
            print(f"\r\x1b[K{line}", end="", file=sys.stderr, flush=True)
        elif trouble != reported:
            print(f"deltawire: {trouble or 'recording again'}", file=sys.stderr, flush=True)
            reported = trouble


def format_progress(progress: Progress) -> str:
    """One line: what passed, what is on disk, what is missing."""
    missing = f", {progress.missing:,} missing" if progress.missing else ""
    return (
        f"{progress.frames:,} frames ({format_bytes(progress.bytes)}), {progress.durable:,} on disk in "
        f"{format_bytes(progress.stored)}{missing}"
    )


def print_summary(progress: Progress, out: Path, seconds: float) -> None:
    """What was recorded, on standard output."""
    if sys.stderr.isatty():
        print("\r\x1b[K", end="", file=sys.stderr, flush=True)
    ratio = f", {progress.bytes / progress.stored:.1f} times smaller" if progress.stored else ""
    print(
        f"recorded {progress.frames:,} frames of {progress.connections} connections in {seconds:.1f} s: "
        f"{format_bytes(progress.bytes)} as {format_bytes(progress.stored)}{ratio}"
    )
    if progress.missing:
        why = f" ({progress.error})" if progress.error else ""
        print(f"{progress.missing:,} frames are missing{why}: see the gaps in {out / 'ledger.jsonl'}")
    print(f"replay it: deltawire replay {out}    check it: deltawire verify {out}")


def format_bytes(count: int) -> str:
    """`3.6 MB`."""
    size = float(count)
    for name in UNITS[:-1]:
        if size < 1000:
            return f"{size:.0f} {name}" if name == "B" else f"{size:.1f} {name}"
        size /= 1000
    return f"{size:.1f} {UNITS[-1]}"

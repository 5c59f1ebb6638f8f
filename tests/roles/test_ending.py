"""Whatever it reads from, a program ends when it wants to: by leaving, `break`, cancellation or Ctrl-C."""

import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from deltawire.recording.recorder import Recorder
from deltawire.testing.recordings import make_recording
from tests.support.commands import Command
from tests.support.gateway_server import GatewayServer
from tests.support.waiting import HANG_S

PROGRAM = """
import asyncio, sys, time
import deltawire

WHERE = sys.argv[1]


async def read(started):
    async with deltawire.open(WHERE) as dw:
        async for item in await dw.subscribe("book.*.raw"):
            started.set()


async def main():
    async with deltawire.open(WHERE) as dw:
        async for item in await dw.subscribe("book.*.raw"):
            break
        began = time.monotonic()
    print("ended: broke", time.monotonic() - began, flush=True)
    async with deltawire.open(WHERE) as dw:
        sub = await dw.subscribe("book.*.raw")
        await anext(aiter(sub))
        began = time.monotonic()
    print("ended: left", time.monotonic() - began, flush=True)
    started = asyncio.Event()
    reading = asyncio.create_task(read(started))
    await started.wait()
    began = time.monotonic()
    reading.cancel()
    await asyncio.wait([reading])
    print("ended:", "cancelled" if reading.cancelled() else reading, time.monotonic() - began, flush=True)
    started = asyncio.Event()
    reading = asyncio.create_task(read(started))
    await started.wait()
    print("ended: reading", 0.0, flush=True)
    await reading


asyncio.run(main())
"""


@contextmanager
def a_server(tmp_path: Path) -> Iterator[str]:
    with GatewayServer() as server:
        server.go_live()
        yield server.url


@contextmanager
def a_venue(tmp_path: Path) -> Iterator[str]:
    with Command("simulate", "--venue", "okx", "--port", 0, "--speed", 4) as command:
        found = re.search(r"ws://[^/ ]+", command.out.until("ws://"))
        assert found is not None
        yield f"okx:BTC-*?endpoint={found[0]}"


@contextmanager
def a_recording(tmp_path: Path) -> Iterator[str]:
    recorder = Recorder(tmp_path)
    for record in make_recording(1, steps=20_000):
        if record.kind == "received":
            recorder.passed("deribit/1", record.at_ns, "received", record.payload)
    recorder.close()
    yield f"replay:{tmp_path}?speed=1"


@contextmanager
def a_simulation(tmp_path: Path) -> Iterator[str]:
    yield "sim:seed=7"


@pytest.mark.parametrize("opened", [a_server, a_venue, a_recording, a_simulation])
def test_a_program_ends_when_it_wants_to(
    opened: Callable[[Path], AbstractContextManager[str]], tmp_path: Path
) -> None:
    with (
        opened(tmp_path) as where,
        subprocess.Popen(
            [sys.executable, "-X", "dev", "-c", PROGRAM, where],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process,
    ):
        assert process.stdout is not None
        try:
            for what in ("broke", "left", "cancelled", "reading"):
                line = next((line for line in process.stdout if line.startswith("ended: ")), "")
                said, taken_s = line.removeprefix("ended: ").split() or ("", "")
                assert said == what
                print(f"{where.partition(':')[0]} {what}: {float(taken_s):.3f} s")
            process.send_signal(signal.SIGINT)
            _, errors = process.communicate(timeout=HANG_S)
        finally:
            process.kill()
    assert process.returncode == -signal.SIGINT or "KeyboardInterrupt" in errors, errors
    assert "was never retrieved" not in errors
    assert "was destroyed" not in errors

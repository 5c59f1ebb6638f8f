"""`deltawire serve` as a process of its own, the way a user runs it; what it logs is shown where a test fails."""

import asyncio
import os
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import NamedTuple

from deltawire.client import Client, connect
from tests.support.waiting import HANG_S


class Served(NamedTuple):
    """Where a server answers."""

    websocket: str
    http: str


@contextmanager
def serving(
    *replays: tuple[Path, str],
    speed: str = "1",
    loop: bool = False,
    config: Path | None = None,
    environment: dict[str, str] | None = None,
    options: Sequence[str] = (),
    command: Sequence[str] = (),
) -> Iterator[Served]:
    """Serve recordings, each with its venue (the first is home), or else the exchange, on a free port.

    `command` replaces `serve` and all that is said of it.
    """
    said = [*command, "--port", "0"] if command else ["serve", "--port", "0", "--speed", speed, *options]
    command = [sys.executable, "-m", "deltawire", *said]
    for file, venue in replays:
        command += ["--replay", str(file), "--venue", venue]
    if loop:
        command.append("--loop")
    if config:
        command += ["--config", str(config)]
    with (
        tempfile.TemporaryFile() as errors,
        subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            env=os.environ | (environment or {}),
        ) as process,
    ):
        try:
            yield _printed_address(process)
        finally:
            process.terminate()
            process.wait(HANG_S)
            errors.seek(0)
            sys.stderr.write(errors.read().decode())


@asynccontextmanager
async def connected(served: Served, *instruments: str) -> AsyncIterator[Client]:
    """A client of a server on which the books of these instruments are live."""
    async with asyncio.timeout(HANG_S), connect(served.websocket) as watcher:
        notes = aiter(watcher)
        await watcher.subscribe("instrument.state.any.any")
        missing = set(instruments) - await _listed(watcher)
        while missing:
            missing.discard((await anext(notes)).data["instrument_name"])
        books = {f"book.{name}.raw" for name in instruments}
        await watcher.subscribe(*books)
        while books:
            books.discard((await anext(notes)).channel)
    async with connect(served.websocket) as client:
        yield client


async def _listed(client: Client) -> set[str]:
    return {found["instrument_name"] for found in await client.call("public/get_instruments")}


def _printed_address(process: "subprocess.Popen[str]") -> Served:
    """What the server prints when it listens."""
    assert process.stdout is not None
    found: dict[str, str] = {}
    for line in process.stdout:
        kind, _, address = line.strip().partition("  ")
        found[kind] = address.strip()
        if kind == "HTTP":
            return Served(found["WebSocket"], found["HTTP"].partition("/api/")[0])
    raise AssertionError("the server did not start; its standard error says why")

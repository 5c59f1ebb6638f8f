"""Draining: a server that is about to stop closes its connections one after the other, over a grace period.

It is asked over a Unix socket in `DELTAWIRE_HOME`, which only the owner can reach: one JSON object in, one out, and
the connection stays open until the process ends.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from pathlib import Path
from typing import Annotated, Protocol

import msgspec
import structlog

from deltawire.errors import NOT_DECODED, UsageError
from deltawire.store.home import home, make_folder, make_home

RUN, SUFFIX = "run", ".sock"
LONGEST_S = 3600.0
STEP_S = 0.05
"""Shortest pause between closes; those due within it are closed together."""
log = structlog.get_logger("deltawire")


class DrainRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Close everything within `grace` seconds, then stop."""

    grace: Annotated[float, msgspec.Meta(ge=0, le=LONGEST_S)]


RequestDrain = Callable[[float], int | Awaitable[int]]
"""Begins to drain over a grace in seconds; how many connections are open."""


class DrainAnswer(msgspec.Struct, frozen=True):
    """How many connections are closed over the grace; or why none is."""

    connections: int = 0
    error: str = ""


class Closable(Protocol):
    """A connection."""

    def shutdown(self) -> None:
        """Tell the peer that the server stops."""


class Draining:
    """Whether a drain was asked for; passed to the server that is drained."""

    def __init__(self) -> None:
        self.requested = asyncio.Event()
        self.grace_s = 0.0
        self.connections: Iterable[Closable] = ()

    def follow(self, connections: Iterable[Closable]) -> None:
        """The open connections of the server."""
        self.connections = connections

    def request(self, grace_s: float) -> int:
        """Begin; returns the number of open connections. The first request counts."""
        if not self.requested.is_set():
            self.grace_s = grace_s
            self.requested.set()
        return len([*self.connections])

    async def spread(self) -> None:
        """Close the connections that are open now, evenly over the grace; what was held up is closed at once."""
        waiting = list(self.connections)
        pause_s = self.grace_s / max(1, len(waiting))
        together = max(1, round(STEP_S / pause_s)) if pause_s else max(1, len(waiting))
        began_s = time.monotonic()
        for first in range(0, len(waiting), together):
            for connection in waiting[first : first + together]:
                connection.shutdown()
            await asyncio.sleep(max(0.0, began_s + pause_s * (first + together) - time.monotonic()))


def socket_path(port: int) -> Path:
    """Where a server on this port is asked."""
    return home() / RUN / f"{port}{SUFFIX}"


@contextlib.asynccontextmanager
async def drainable(port: int, request: RequestDrain) -> AsyncIterator[None]:
    """Listen for a drain, and request it; without a place for the socket, log that and go on."""
    path, links = socket_path(port), set[asyncio.StreamWriter]()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        links.add(writer)
        try:
            asked = msgspec.json.decode(await reader.readline(), type=DrainRequest)
            connections = request(asked.grace)
            reply = DrainAnswer(connections if isinstance(connections, int) else await connections)
        except (*NOT_DECODED, ValueError) as error:
            reply = DrainAnswer(error=str(error))
        writer.write(msgspec.json.encode(reply) + b"\n")

    try:
        make_home(home())
        make_folder(path.parent)
        path.unlink(missing_ok=True)
        server = await asyncio.start_unix_server(answer, path)
    except (OSError, UsageError) as error:
        log.warning("cannot be drained", error=str(error), advice="SIGTERM stops without a grace")
        yield
        return
    try:
        yield
    finally:
        server.close()
        for link in links:
            link.close()
        path.unlink(missing_ok=True)
        await asyncio.sleep(0)  # the loop closes what was closed


def find_socket(port: int | None) -> Path:
    """The socket of the server on this port, or of the only one; `UsageError` if there is none, or more."""
    sockets = sorted((home() / RUN).glob(f"*{SUFFIX}"))
    if port is not None:
        sockets = [path for path in sockets if path.stem == str(port)]
    if not sockets:
        where = f"on port {port} " if port is not None else ""
        raise UsageError(f"no server {where}runs with {home()}; set DELTAWIRE_HOME to that of the server")
    if len(sockets) > 1:
        raise UsageError(f"several servers run: choose one with --port {', '.join(p.stem for p in sockets)}")
    return sockets[0]

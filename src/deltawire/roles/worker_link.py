"""The connection between `gateway --workers` and each of its workers: a pair of sockets, one JSON object per line.

A worker has its end as standard input. When that ends, whoever started it has gone, and it stops.
"""

import asyncio
import contextlib
import os
import socket
from collections.abc import AsyncIterator, Callable

import msgspec

from deltawire.roles.draining import Draining

LARGEST_LINE = 64 * 1024 * 1024
ANSWER_WITHIN_S = 5.0


class Begin(msgspec.Struct, frozen=True, tag=True):
    """The first line to a worker: which one it is, and the configuration."""

    number: int
    settings: msgspec.Raw


class Drain(msgspec.Struct, frozen=True, tag=True):
    """Close all connections within `grace` seconds, and stop."""

    grace: float


class Collect(msgspec.Struct, frozen=True, tag=True):
    """Tell your metrics."""

    request: int


class Collected(msgspec.Struct, frozen=True, tag=True):
    """The metrics of all workers, for one that asked with `Gather`."""

    text: str


class Serving(msgspec.Struct, frozen=True, tag=True):
    """The worker listens."""


class Closing(msgspec.Struct, frozen=True, tag=True):
    """The answer to `Drain`: how many connections are closed."""

    connections: int


class Metrics(msgspec.Struct, frozen=True, tag=True):
    """The answer to `Collect`."""

    request: int
    text: str


class Gather(msgspec.Struct, frozen=True, tag=True):
    """A worker was asked for the metrics of all."""


ToWorker = Begin | Drain | Collect | Collected
FromWorker = Serving | Closing | Metrics | Gather
decode_to_worker: Callable[[bytes], ToWorker] = msgspec.json.Decoder(ToWorker).decode
decode_from_worker: Callable[[bytes], FromWorker] = msgspec.json.Decoder(FromWorker).decode


def encode_line(message: ToWorker | FromWorker) -> bytes:
    """A message as a line."""
    return msgspec.json.encode(message) + b"\n"


class WorkerLink:
    """A worker's end."""

    def __init__(self) -> None:
        """Read from standard input which worker this is."""
        self._sock = socket.socket(fileno=os.dup(0))
        with self._sock.makefile(
            "rb", buffering=0
        ) as lines:  # what follows the first line stays in the socket
            begin = decode_to_worker(lines.readline())
        assert isinstance(begin, Begin), begin
        self.number = begin.number
        self.settings = bytes(begin.settings)
        self._writer: asyncio.StreamWriter | None = None
        self._format: Callable[[], bytes] = bytes
        self._gathering: list[asyncio.Future[str]] = []

    def follow(self, format_metrics: Callable[[], bytes]) -> None:
        """The metrics of this worker, from now on."""
        self._format = format_metrics

    def serving(self) -> None:
        """Tell that this worker listens."""
        self._send(Serving())

    async def gather(self) -> bytes:
        """The metrics of all workers; of this one only if the others cannot be asked in time."""
        asked: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._gathering.append(asked)
        if len(self._gathering) == 1:
            self._send(Gather())
        with contextlib.suppress(TimeoutError):
            return (await asyncio.wait_for(asked, ANSWER_WITHIN_S)).encode()
        self._gathering.clear()
        return self._format()

    @contextlib.asynccontextmanager
    async def answering(self, draining: Draining, stop: asyncio.Event) -> AsyncIterator[None]:
        """Do what is asked meanwhile; sets `stop` when whoever started this worker has gone."""
        reader, self._writer = await asyncio.open_unix_connection(sock=self._sock, limit=LARGEST_LINE)
        answering = asyncio.create_task(self._answer_all(reader, draining, stop))
        try:
            yield
        finally:
            answering.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await answering
            self._writer.close()

    async def _answer_all(
        self, reader: asyncio.StreamReader, draining: Draining, stop: asyncio.Event
    ) -> None:
        with contextlib.suppress(ConnectionError):
            while line := await reader.readline():
                match decode_to_worker(line):
                    case Drain(grace):
                        self._send(Closing(draining.request(grace)))
                    case Collect(request):
                        self._send(Metrics(request, self._format().decode()))
                    case Collected(text):
                        self._answer(text)
                    case Begin():
                        raise AssertionError("a worker begins once")
        stop.set()

    def _answer(self, text: str) -> None:
        gathering, self._gathering = self._gathering, []
        for asked in gathering:
            if not asked.done():
                asked.set_result(text)

    def _send(self, message: FromWorker) -> None:
        if self._writer is not None and not self._writer.is_closing():
            self._writer.write(encode_line(message))

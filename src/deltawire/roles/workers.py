"""Several worker processes behind one port: starts them, starts anew what ends, drains and stops all."""

import asyncio
import contextlib
import socket
import time
from asyncio.subprocess import Process
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import structlog
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from deltawire.errors import UsageError
from deltawire.gateway.metrics import merge_metrics
from deltawire.roles.worker_link import (
    LARGEST_LINE,
    Begin,
    Closing,
    Collect,
    Collected,
    Drain,
    Gather,
    Metrics,
    Serving,
    ToWorker,
    decode_from_worker,
    encode_line,
)

log = structlog.get_logger("deltawire")
SHORTEST_PAUSE_S, LONGEST_PAUSE_S = 0.25, 15.0
"""Before a worker is started anew; doubled each time, until one has served for `LONGEST_PAUSE_S`."""
COLLECT_WITHIN_S = 2.0
STOP_WITHIN_S = 15.0
"""From the signal until a worker that has not ended is killed; it gives its own connections five seconds."""


class Worker:
    """One worker: its process, and the link to it."""

    def __init__(self, number: int, command: Sequence[str], settings: bytes) -> None:
        self.number = number
        self.starts = 0
        self.served_s: float | None = None
        """Since when it serves; None while it does not."""
        self._command = command
        self._settings = settings
        self._process: Process | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def start(self) -> tuple[Process, asyncio.StreamReader]:
        """Start a process; it is in a session of its own, so that a terminal's Ctrl-C is for its supervisor."""
        self.starts += 1
        ours, theirs = socket.socketpair()
        with theirs:
            self._process = await asyncio.create_subprocess_exec(
                *self._command, stdin=theirs.fileno(), start_new_session=True
            )
        reader, self._writer = await asyncio.open_unix_connection(sock=ours, limit=LARGEST_LINE)
        self.send(Begin(self.number, msgspec.Raw(self._settings)))
        return self._process, reader

    def has_served(self) -> None:
        """It listens."""
        self.served_s = time.monotonic()

    def ended(self) -> float:
        """The process has ended; for how long it served."""
        served_s = 0.0 if self.served_s is None else time.monotonic() - self.served_s
        self.served_s = self._process = None
        if self._writer is not None:
            self._writer.close()
        return served_s

    def send(self, message: ToWorker) -> None:
        """Send, as far as there is somebody."""
        if self._writer is not None and not self._writer.is_closing():
            self._writer.write(encode_line(message))

    def signal(self, *, kill: bool = False) -> None:
        """Tell the process to stop, or kill it."""
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill() if kill else self._process.terminate()


class Workers:
    """All workers of a port."""

    def __init__(
        self, count: int, command: Sequence[str], settings: bytes, *, serving: Callable[[], None]
    ) -> None:
        """`command` starts a worker, which gets the settings; `serving` is called when all serve."""
        self._workers = [Worker(number, command, settings) for number in range(1, count + 1)]
        self._serving: Callable[[], None] | None = serving
        self._stopping = asyncio.Event()
        self._begun = asyncio.Event()
        """Set when a worker serves, or none ever will."""
        self._grace_s: float | None = None
        self._failed = 0
        self._requests = 0
        self._collected: dict[tuple[int, int], asyncio.Future[str]] = {}
        self._closing: dict[int, asyncio.Future[int]] = {}

    async def run(self, stop: asyncio.Event) -> int:
        """Keep the workers until `stop`, or until all have drained; returns the exit code.

        The first worker is started before the others. If it ends with an error before it has served, so does this,
        with its exit code: the others would end in the same way.
        """
        everything = asyncio.gather(*(self._keep(worker) for worker in self._workers))
        waiting = [asyncio.create_task(event.wait()) for event in (stop, self._stopping)]
        ends: set[asyncio.Future[Any]] = {waiting[0], everything}
        try:
            await asyncio.wait({*ends, waiting[1]}, return_when=asyncio.FIRST_COMPLETED)
            if self._grace_s is not None and not stop.is_set():
                timeout_s = self._grace_s + STOP_WITHIN_S
                await asyncio.wait(ends, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
            await self._stop(everything)
        finally:
            for task in waiting:
                task.cancel()
        return self._failed

    async def _stop(self, everything: "asyncio.Future[list[None]]") -> None:
        self._end()
        for worker in self._workers:
            worker.signal()
        try:
            await asyncio.wait_for(asyncio.shield(everything), STOP_WITHIN_S)
        except TimeoutError:
            log.warning("workers do not end; they are killed")
            for worker in self._workers:
                worker.signal(kill=True)
            await everything

    async def request(self, grace_s: float) -> int:
        """Drain all; returns the number of open connections. A worker that does not serve yet stops at once."""
        if self._grace_s is None:
            self._grace_s = grace_s
            self._end()
            for worker in self._workers:
                if worker.served_s is None:
                    worker.signal()
                else:
                    self._closing[worker.number] = asyncio.get_running_loop().create_future()
                    worker.send(Drain(grace_s))
        answers = list(self._closing.values())
        if answers:
            await asyncio.wait(answers, timeout=COLLECT_WITHIN_S)
        return sum(answer.result() for answer in answers if answer.done())

    async def _keep(self, worker: Worker) -> None:
        if worker is not self._workers[0]:
            await self._begun.wait()
        pause_s = SHORTEST_PAUSE_S
        while not self._stopping.is_set():
            code, served_s = await self._run_once(worker)
            if self._stopping.is_set():
                return
            if not self._begun.is_set() and code > 0:
                self._failed = code
                self._end()
                return
            pause_s = SHORTEST_PAUSE_S if served_s > LONGEST_PAUSE_S else pause_s
            log.error("a worker has ended", worker=worker.number, exit_code=code, started_again_in_s=pause_s)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), pause_s)
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)

    def _end(self) -> None:
        """Start nothing any more."""
        self._stopping.set()
        self._begun.set()

    async def _run_once(self, worker: Worker) -> tuple[int, float]:
        """Start a worker, and wait for its end; its exit code, and how long it served."""
        try:
            process, reader = await worker.start()
        except OSError as error:
            log.error("cannot start a worker", worker=worker.number, error=str(error))
            return 1, 0.0
        if self._stopping.is_set():
            worker.signal()
        listening = asyncio.create_task(self._listen(worker, reader))
        code = await process.wait()
        await listening
        self._forget(worker)
        return code, worker.ended()

    def _forget(self, worker: Worker) -> None:
        """It answers nothing any more."""
        for (request, number), answer in list(self._collected.items()):
            if number == worker.number:
                answer.cancel()
                del self._collected[request, number]
        closing = self._closing.get(worker.number)
        if closing is not None and not closing.done():
            closing.set_result(0)

    async def _listen(self, worker: Worker, reader: asyncio.StreamReader) -> None:
        gathering = set[asyncio.Task[None]]()
        with contextlib.suppress(ConnectionError):
            while line := await reader.readline():
                match decode_from_worker(line):
                    case Serving():
                        self._has_served(worker)
                    case Closing(connections):
                        if not (closing := self._closing[worker.number]).done():
                            closing.set_result(connections)
                    case Metrics(request, text):
                        if answer := self._collected.pop((request, worker.number), None):
                            answer.set_result(text)
                    case Gather():
                        task = asyncio.create_task(self._gather(worker))
                        gathering.add(task)
                        task.add_done_callback(gathering.discard)
        for task in gathering:
            task.cancel()

    def _has_served(self, worker: Worker) -> None:
        worker.has_served()
        self._begun.set()
        if self._serving is not None and all(each.served_s is not None for each in self._workers):
            self._serving()
            self._serving = None

    async def _gather(self, asking: Worker) -> None:
        asking.send(Collected(await self.metrics()))

    async def metrics(self) -> str:
        """The metrics of all workers that answer, with the label `worker`, and how the workers are."""
        self._requests += 1
        request, loop = self._requests, asyncio.get_running_loop()
        answers: dict[int, asyncio.Future[str]] = {}
        for worker in self._workers:
            if worker.served_s is not None:
                answers[worker.number] = self._collected[request, worker.number] = loop.create_future()
                worker.send(Collect(request))
        if answers:
            await asyncio.wait(answers.values(), timeout=COLLECT_WITHIN_S)
        texts: dict[str, str] = {}
        for number, answer in answers.items():
            self._collected.pop((request, number), None)
            if answer.done() and not answer.cancelled():
                texts[str(number)] = answer.result()
        return merge_metrics(texts) + self._own_metrics({*texts})

    def _own_metrics(self, answered: set[str]) -> str:
        up = GaugeMetricFamily("deltawire_worker_up", "1: the worker serves and answers", labels=["worker"])
        starts = CounterMetricFamily("deltawire_worker_starts", "Times it was started", labels=["worker"])
        for worker in self._workers:
            up.add_metric([str(worker.number)], str(worker.number) in answered)
            starts.add_metric([str(worker.number)], worker.starts)
        registry = CollectorRegistry()
        registry.register(_Computed([up, starts]))
        return generate_latest(registry).decode()


class _Computed(Collector):
    """Metrics that are computed already."""

    def __init__(self, families: Sequence[Metric]) -> None:
        self._families = families

    def collect(self) -> Sequence[Metric]:
        """Return them."""
        return self._families


def check_count(count: int) -> None:
    """`UsageError` if there cannot be so many workers here."""
    if count > 1 and not hasattr(socket, "SO_REUSEPORT"):
        raise UsageError("--workers needs SO_REUSEPORT, which this system has not: use --workers 1")

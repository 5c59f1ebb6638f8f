"""A simulated venue that listens on a port: WebSocket and HTTP, with or without TLS."""

import asyncio
import contextlib
import re
import ssl
from collections.abc import Callable, Coroutine, Iterable
from difflib import SequenceMatcher
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

import h11
import msgspec

from deltawire.errors import UsageError
from deltawire.testing.simulators import SERVED, Simulator
from deltawire.testing.simulators.market import Contract, Walk
from deltawire.testing.simulators.simulator import Maintenance, Phase
from deltawire.testing.venue_server.connection import Connection
from deltawire.testing.venue_server.faults import Fault, Faults, FaultWindow
from deltawire.testing.venue_server.limits import LIMITS, SECOND_NS, Limits, Tally, Window
from deltawire.testing.venue_server.market import Market
from deltawire.testing.venue_server.requests import Answer, Desk, encoded, received

MS_NS = 1_000_000
ACCEPTING = 5
"""Turns of the loop in which a connection that was accepted just before the end gets its task, to be ended with it."""
LONGEST_HEAD = 1 << 16
_UPGRADE = re.compile(rb"\r\nupgrade:[ \t]*websocket[ \t]*\r\n", re.IGNORECASE)
_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*(\d{1,7})[ \t]*\r\n", re.IGNORECASE)
FALL_BEHIND_S = 1.0
"""Lag of the steps behind the clock that is given up rather than caught up."""


class VenueServer:
    """A venue on a real socket, behind which a market moves.

    With a `speed`, so many of its seconds pass per second; with None its time stands still except in `advance`. One
    step is `step_s` of its time: each book changes at most once in it. The same seed, the same steps and the same
    requests give the same frames.
    """

    def __init__(
        self,
        venue: str,
        *,
        market: Market | None = None,
        seed: int = 1,
        speed: float | None = 1.0,
        step_s: float = 0.1,
        faults: Iterable[Fault] = (),
        limits: Limits | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        if venue not in SERVED:
            raise UsageError(f"no simulator of venue {venue!r}; known: {', '.join(sorted(SERVED))}")
        self.venue = venue
        self.make = SERVED[venue]
        self.market = market or Market(self.make().contracts, seed)
        self.limits = LIMITS[venue] if limits is None else limits
        self.tally = Tally()
        self.faults = Faults([*faults], seed, self.market.now_ns)
        self.connections: list[Connection] = []
        self.port = port
        self._host, self._tls, self._speed = host, tls, speed
        self._step_ns = int(step_s * SECOND_NS)
        self._maintenance: dict[int, Maintenance] = {}
        """Those that are announced or go on, by number."""
        self._phases: dict[int, Phase] = {}
        self._desk = Desk(
            self._simulator, self.market, limits=self.limits, faults=self.faults, tally=self.tally
        )
        self._connects: dict[str, Window] = {}
        self._numbered = 0
        self._waiting: list[tuple[int, asyncio.Future[None]]] = []
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._passing: asyncio.Task[None] | None = None
        """Lets time pass."""

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    @property
    def base(self) -> str:
        """Address of the WebSocket side, without a path."""
        return f"{'wss' if self._tls else 'ws'}://{self._host}:{self.port}"

    @property
    def rest(self) -> str:
        """Address of the HTTP side, without a path."""
        return f"{'https' if self._tls else 'http'}://{self._host}:{self.port}"

    def redirect(self, url: str) -> str:
        """An address of the real venue, at this server."""
        parts = urlsplit(url)
        base = self.base if parts.scheme in ("ws", "wss") else self.rest
        return base + parts._replace(scheme="", netloc="").geturl()

    def now(self) -> int:
        """The venue's time."""
        return self.market.now_ns

    def inject(self, fault: Fault) -> None:
        """Add a fault; its times count from now."""
        self.faults.inject(fault, self.now())

    async def start(self) -> None:
        """Listen, and let time pass."""
        self._server = await asyncio.start_server(
            self._accepted, self._host, self.port, ssl=self._tls, limit=LONGEST_HEAD
        )
        self.port = self._server.sockets[0].getsockname()[1]
        if self._speed is not None:
            self._passing = self._begin(self._run(self._speed))

    async def failed(self) -> None:
        """Wait until its time does not pass any more, which is a defect, and raise what was the reason."""
        if self._passing is None:
            await asyncio.get_running_loop().create_future()
        else:
            await asyncio.shield(self._passing)

    async def stop(self) -> None:
        """Accept no more, end all connections, and stop listening: asyncio leaks what comes while a server closes.

        Raises what has stopped its time, if anything has.
        """
        if self._server is not None:
            for sock in self._server.sockets:
                asyncio.get_running_loop().remove_reader(sock.fileno())
            for _ in range(ACCEPTING):
                await asyncio.sleep(0)
            self._server.close()
        for connection in self.connections:
            connection.cut()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._server is not None:
            await self._server.wait_closed()
        if (
            self._passing is not None
            and not self._passing.cancelled()
            and (error := self._passing.exception())
        ):
            raise error

    async def advance(self, seconds: float) -> None:
        """Let so many of the venue's seconds pass at once; clients get a turn after each step."""
        for _ in range(max(1, round(seconds * SECOND_NS / self._step_ns))):
            self.step()
            await asyncio.sleep(0)

    def step(self) -> None:
        """Let one step of time pass."""
        now = self.now() + self._step_ns
        second = now // SECOND_NS > self.now() // SECOND_NS
        self._change_market(now)
        happenings = self.market.step(now)
        for connection in [*self.connections]:
            connection.step(happenings, second=second)
        self._maintain(now)
        self._end_connections(now)
        due = [future for due_ns, future in self._waiting if due_ns <= now]
        self._waiting = [waiting for waiting in self._waiting if waiting[0] > now]
        for future in due:
            if not future.done():
                future.set_result(None)

    async def _run(self, speed: float) -> None:
        loop = asyncio.get_running_loop()
        length_s = self._step_ns / SECOND_NS / speed
        due_s = loop.time()
        while True:
            due_s += length_s
            lag_s = loop.time() - due_s
            if lag_s > FALL_BEHIND_S:
                due_s += lag_s
            await asyncio.sleep(max(0.0, -lag_s))
            self.step()

    def _change_market(self, now: int) -> None:
        """Instruments that begin, end or get another name."""
        for fault in self.faults.due(("rename", "expire", "list"), now):
            self.faults.strike(fault, now)
            if fault.kind == "list":
                self.market.begin(msgspec.structs.replace(self._likeness(fault.name), name=fault.name))
            elif fault.name in self.market.walks and fault.kind == "expire":
                self.market.expire(fault.name)
            elif fault.name in self.market.walks:
                self.market.rename(fault.name, fault.to)
                for connection in self.connections:
                    connection.simulator.renamed(fault.name, fault.to)

    def _maintain(self, now: int) -> None:
        """Maintenance that is announced, begins or ends: every connection that follows it hears of it."""
        for window in self.faults.windows("maintenance"):
            phase = _phase(window, now)
            if phase is None or self._phases.get(window.number) == phase:
                continue
            self._phases[window.number] = phase
            begin_ms, end_ms = window.begin_ns // MS_NS, (window.end_ns or 0) // MS_NS
            news = Maintenance(window.number, phase, begin_ms, end_ms, window.fault.name)
            self._maintenance[window.number] = news
            if phase == "completed":
                del self._maintenance[window.number]
            self.faults.strike(window.fault, now)
            for connection in self.connections:
                connection.deliver(connection.simulator.announced(news))

    def _likeness(self, name: str) -> Contract:
        """The contract whose name is most like this one: an option for an option, a swap for a swap."""
        contracts = [*(walk.contract for walk in self.market.walks.values()), *self.market.ended.values()]
        return max(contracts, key=lambda each: SequenceMatcher(None, each.name, name).ratio())

    def _end_connections(self, now: int) -> None:
        """Connections that are closed, cut off, left half open, or told that they will be."""
        acts: dict[str, Callable[[Connection, Fault], None]] = {
            "close": lambda connection, fault: connection.close(fault.code, "going away"),
            "cut": lambda connection, _: connection.cut(),
            "half-open": lambda connection, _: connection.stop(),
            "notice": lambda connection, _: connection.notify(connection.simulator.notice()),
        }
        for fault in self.faults.due(tuple(acts), now):
            for connection in [*self.connections]:
                self.faults.strike(fault, now, connection.number)
                acts[fault.kind](connection, fault)

    def _simulator(self, walks: dict[str, Walk]) -> Simulator:
        return self.make(walks=walks, refuses=self._refuses, maintenance=self._maintenance)

    def _refuses(self, key: str) -> bool:
        return self.faults.first("reject", self.now(), 0, key) is not None

    def _begin(self, coroutine: Coroutine[None, None, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                if _UPGRADE.search(head):
                    return await self._websocket(reader, writer, head)
                if not await self._http(reader, writer, head):
                    return None
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, OSError, h11.RemoteProtocolError):
            pass
        except asyncio.CancelledError:
            writer.transport.abort()
        finally:
            writer.close()
            with contextlib.suppress(OSError, asyncio.CancelledError):
                await writer.wait_closed()

    async def _websocket(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, head: bytes
    ) -> None:
        address = writer.get_extra_info("peername")[0]
        status = self._admit(address)
        if status:
            self.tally.count(f"connects {status}")
            writer.write(b"HTTP/1.1 %d Refused\r\ncontent-length: 0\r\nconnection: close\r\n\r\n" % status)
            return
        self._numbered += 1
        connection = Connection(
            self._numbered,
            self._simulator(self.market.walks),
            writer,
            limits=self.limits,
            faults=self.faults,
            tally=self.tally,
            now=self.now,
        )
        self.connections.append(connection)
        self.tally.reach("connections", len(self.connections), self.limits.connections)
        try:
            await connection.serve(reader, head)
        finally:
            self.connections.remove(connection)

    def _admit(self, address: str) -> int:
        """0, or the status with which a connection is refused."""
        self.tally.count("connects")
        fault = self.faults.first("refuse", self.now(), 0)
        if fault is not None:
            return fault.status
        rate = self.limits.connects
        if rate and not self.tally.take(
            "connects", self._connects.setdefault(address, Window(rate)), self.now()
        ):
            return 429
        if self.limits.connections and len(self.connections) >= self.limits.connections:
            self.tally.reach("connections", len(self.connections) + 1, self.limits.connections)
            return 429
        return 0

    async def _http(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, head: bytes) -> bool:
        """Answer a request; whether another may follow on the connection."""
        length = _LENGTH.search(head)
        body = await reader.readexactly(int(length[1])) if length else b""
        connection, method, target = received(head + body)
        answer = self._desk.answer(writer.get_extra_info("peername")[0], method, target, body)
        await self._pass(answer)
        writer.write(encoded(answer, connection))
        await writer.drain()
        return connection.our_state is not h11.MUST_CLOSE

    async def _pass(self, answer: Answer) -> None:
        """Wait until the answer is due, in the venue's time."""
        if answer.after_s:
            future = asyncio.get_running_loop().create_future()
            self._waiting.append((self.now() + int(answer.after_s * SECOND_NS), future))
            await future


def _phase(window: FaultWindow, now: int) -> Phase | None:
    """How far a maintenance is; None before it is announced."""
    if window.end_ns is not None and now >= window.end_ns:
        return "completed"
    if now >= window.begin_ns:
        return "ongoing"
    return "scheduled" if now >= window.begin_ns - int(window.fault.by * SECOND_NS) else None

"""Many clients in a process of its own: each goes to another gateway when it is sent away, and misses nothing.

Several such processes stand for the machines of clients. They run at a lower priority than the servers: what they
cost is not the servers' to pay, and a client that is late only shows as a longer way back.
"""

import asyncio
import json
import os
import sys
from collections.abc import Sequence
from random import Random
from time import monotonic
from typing import Any

import msgspec
import uvloop
from picows import WSError, WSFrame, WSListener, WSMsgType, WSTransport, ws_connect

from deltawire.errors import FeedError
from deltawire.session.client import Answer, BookMirror, ClientSession, Notification

BOOK, TRADES = "book.ETH-PERPETUAL.agg2", "trades.ETH-PERPETUAL.raw"
NICE = 5
OPENED_AT_ONCE, PAUSE_S = 10, 0.04
AGAIN_S = 0.02
"""Until a client that was refused tries another gateway."""


class Clients(msgspec.Struct, frozen=True):
    """How many clients a process has, and where they connect; `first` is the number of the first."""

    first: int
    count: int
    urls: list[str]


class Seen(msgspec.Struct):
    """What the clients of a process have seen so far; times are those of the machine's clock."""

    at: list[int]
    """How many are subscribed at each gateway."""
    reading: int = 0
    """How many have had a notification."""
    notes: int = 0
    trades: int = 0
    merged: int = 0
    """Notifications that stand for several, since their reader was late."""
    closed: list[tuple[float, int]] = []
    """When a connection was closed, and with which code."""
    back: list[tuple[float, float]] = []
    """When a client was resumed elsewhere, and after how many seconds without."""
    refused: int = 0
    faults: list[str] = []
    processor_s: float = 0.0


class MovingClient(WSListener):  # type: ignore[misc]
    """Reads the book and the trades of one instrument wherever it is served; its session compares every sequence."""

    def __init__(self, number: int, urls: Sequence[str], seen: Seen) -> None:
        self.notes = 0
        self.reading = False
        self._random = Random(number)
        self._urls = urls
        self._seen = seen
        self._at: int | None = None
        self._left_s = 0.0
        self._trade = 0
        self._mirror = BookMirror()
        self._session = ClientSession()

    async def follow(self) -> None:
        """Read until cancelled; whoever is sent away goes to another gateway at once."""
        while True:
            place = self._random.randrange(len(self._urls))
            try:
                transport, _ = await ws_connect(
                    lambda: self,
                    f"{self._urls[place]}/ws/api/v2",
                    websocket_handshake_timeout=60,
                    enable_auto_ping=False,
                )
            except (WSError, OSError):
                self._seen.refused += 1
                await asyncio.sleep(AGAIN_S)
                continue
            await self._stay(transport, place)

    async def _stay(self, transport: WSTransport, place: int) -> None:
        params = {"channels": [BOOK, TRADES], "resume": self._session.reconnected()}
        self._place = place
        transport.send(WSMsgType.TEXT, self._session.call("public/subscribe", params)[1])
        try:
            await transport.wait_disconnected()
        except WSError as error:
            self._fault(f"the connection ended: {error}")
        self._left_s = monotonic()
        if self._at is not None:
            self._seen.at[self._at] -= 1
            self._at = None
        code = transport.close_handshake.recv.code if transport.close_handshake.recv else 0
        self._seen.closed.append((self._left_s, int(code)))

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        """One message, whole."""
        if frame.msg_type == WSMsgType.CLOSE:
            transport.send_close(frame.get_close_code())
            transport.disconnect()
            return
        try:
            match self._session.received(frame.get_payload_as_bytes()):
                case Notification() as note:
                    self._take(note)
                case Answer() as answer:
                    self._answered(answer)
        except FeedError as error:
            self._fault(str(error))

    def _answered(self, answer: Answer) -> None:
        lost = [name for name, recovered in answer.recovered.items() if not recovered]
        if answer.error is not None or lost:
            self._fault(f"{answer.error or lost}")
        self._at = self._place
        self._seen.at[self._at] += 1
        if self._left_s:
            now_s = monotonic()
            self._seen.back.append((now_s, now_s - self._left_s))

    def _take(self, note: Notification) -> None:
        self.notes += 1
        self._seen.notes += 1
        self._seen.merged += note.conflated > 1
        if not self.reading:
            self.reading = True
            self._seen.reading += 1
        if note.channel == BOOK:
            self._mirror.apply(note.data)
            if self._mirror.state != "live":
                self._fault(f"the book is {self._mirror.state}")
            return
        for trade in note.data:
            number = trade["trade_seq"]
            if self._trade and number != self._trade + 1:
                self._fault(f"trade {number} behind {self._trade}")
            self._trade = number
            self._seen.trades += 1

    def _fault(self, text: str) -> None:
        self._seen.faults.append(text)


async def run() -> None:
    """Tell what was seen whenever a line comes; count anew where it is `again`, the readers where it is `reread`."""
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), sys.stdin
    )
    settings = msgspec.json.decode(await reader.readline(), type=Clients)
    seen = Seen([0] * len(settings.urls))
    clients = [MovingClient(settings.first + each, settings.urls, seen) for each in range(settings.count)]
    opening = asyncio.create_task(_open(clients))
    while line := await reader.readline():
        seen.processor_s = sum(os.times()[:2])
        print(json.dumps(msgspec.to_builtins(seen)), flush=True)
        if line.strip() in (b"reread", b"again"):
            seen.reading = 0
            for client in clients:
                client.reading = False
        if line.strip() == b"again":
            seen.refused = seen.merged = 0
            seen.closed, seen.back = [], []
    opening.cancel()


async def _open(clients: Sequence[MovingClient]) -> None:
    async with asyncio.TaskGroup() as group:
        for number, client in enumerate(clients):
            group.create_task(client.follow())
            if number % OPENED_AT_ONCE == 0:
                await asyncio.sleep(PAUSE_S)


class ClientProcess:
    """Such a process, from outside."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    @classmethod
    async def start(cls, clients: Clients) -> "ClientProcess":
        """Start it; its clients connect one after the other."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", __name__),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=64 * 1024 * 1024,
        )
        assert process.stdin is not None
        process.stdin.write(msgspec.json.encode(clients) + b"\n")
        return cls(process)

    async def seen(self, line: str = "tell") -> Seen:
        """What its clients have seen; `again`: count from now on, `reread`: which of them read from now on."""
        process: Any = self._process
        process.stdin.write(line.encode() + b"\n")
        return msgspec.json.decode(await process.stdout.readline(), type=Seen)

    async def end(self) -> None:
        """End it."""
        if self._process.returncode is None:
            self._process.kill()
        await self._process.wait()


if __name__ == "__main__":
    os.nice(NICE)
    uvloop.run(run())

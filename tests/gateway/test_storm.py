"""Many clients at once: a reconnect storm under a running feed, and a crowd in which some do not read.

The numbers here are small; `make storm` runs the same with 2,000 and 1,000 clients.
"""

import asyncio
import json
import os
import re
import resource
import selectors
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import connect

from deltawire.client import Feed, Gap, Outage
from deltawire.gateway.gateway import Limits
from deltawire.session.client import BookMirror, ClientSession, Notification
from deltawire.testing.recordings import make_recording, write_log
from tests.support.commands import Command
from tests.support.frames import request_frame
from tests.support.gateway_server import GatewayServer, RawClient, Way, open_socket

BOOK = "book.BTC-PERPETUAL.raw"
STORM = int(os.environ.get("DELTAWIRE_STORM", "60"))
CROWD = int(os.environ.get("DELTAWIRE_CROWD", "60"))
SLOW = 10 if CROWD >= 1000 else 4
CUTS = 3
PATIENCE_S = 300
MIB = 1024 * 1024


@pytest.fixture
def server(way: Way) -> Iterator[GatewayServer]:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with GatewayServer(Limits(write_timeout=600), way=way) as running:
        running.go_live()
        yield running


class FeedFollower:
    """A client that comes back; its session holds every seq, its mirror every checksum."""

    def __init__(self, url: str) -> None:
        self.mirror = BookMirror()
        self.outages = self.gaps = self.notes = self.images = 0
        self._feed = Feed(url, BOOK)

    async def follow(self) -> None:
        async for item in self._feed:
            if isinstance(item, Outage):
                self.outages += 1
            elif isinstance(item, Gap):
                self.gaps += 1
            else:
                self.notes += 1
                self.images += item.data["type"] == "snapshot"
                self.mirror.apply(item.data)


def back(followers: list[FeedFollower], cut: int, before: list[int]) -> bool:
    """Whether everyone has come back from a cut and hears more than before."""
    return all(each.outages >= cut and each.notes > had for each, had in zip(followers, before, strict=True))


async def until(happened: Callable[[], bool]) -> None:
    """Wait; nobody tells."""
    while not happened():  # noqa: ASYNC110
        await asyncio.sleep(0.05)


def cut_everyone(server: GatewayServer) -> None:
    """Every connection breaks at once, without a word."""

    def abort() -> None:
        for connection in list(server.app.gateway.connections):
            connection._transport.abort()  # type: ignore[attr-defined]

    server.ask(abort)


async def test_a_reconnect_storm_under_a_running_feed_costs_no_notification_and_doubles_none(
    server: GatewayServer,
) -> None:
    followers = [FeedFollower(server.url) for _ in range(STORM)]
    tasks = []
    for follower in followers:
        tasks.append(asyncio.create_task(follower.follow()))
        if len(tasks) % 20 == 0:
            await until(lambda follower=follower: follower.images or any(task.done() for task in tasks))
    running = True

    def feed() -> None:
        while running:
            server.change()
            time.sleep(0.05 + STORM / 10_000)

    feeding = asyncio.create_task(asyncio.to_thread(feed))
    waited: list[float] = []
    async with asyncio.timeout(PATIENCE_S):
        for cut in range(CUTS + 1):
            if cut:
                await asyncio.to_thread(cut_everyone, server)
                waited.append(time.perf_counter())
            returned = partial(back, followers, cut, [follower.notes for follower in followers])
            await until(lambda returned=returned: returned() or any(task.done() for task in tasks))
            for task in tasks:
                if task.done():
                    await task
            if cut:
                waited[-1] = time.perf_counter() - waited[-1]
        running = False
        await feeding
        last = server.book.sequence
        await until(lambda: all(follower.mirror.change_id == last for follower in followers))
    for task in tasks:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
    notes, gaps = sum(each.notes for each in followers), sum(each.gaps for each in followers)
    print(f"{STORM} clients cut off {CUTS} times: {notes} notifications, {gaps} gaps, everyone back after")
    print(f"{', '.join(f'{each:.1f}' for each in waited)} s; the first wait of a client is up to 0.4 s")
    assert [follower.gaps for follower in followers] == [0] * STORM
    assert [follower.images for follower in followers] == [1] * STORM, "an image at first, and never again"
    assert all(follower.outages >= CUTS for follower in followers)
    assert all((each.mirror.bids, each.mirror.asks) == server.book.prices() for each in followers)
    assert all(follower.notes >= last - (follower.mirror.change_id or 0) for follower in followers)


class Latencies:
    """When each change was fed, and how long until each reader had it."""

    def __init__(self) -> None:
        self.fed: dict[int, float] = {}
        self.found: list[float] = []
        self.ready = 0
        """How many have their image."""

    async def read(self, url: str, until: int) -> None:
        session = ClientSession()
        async with connect(url, compression=None, max_size=None) as connection:
            _, frame = session.call("public/subscribe", {"channels": [BOOK]})
            await connection.send(frame.decode())
            seq = -1
            while seq < until:
                note = session.received(await connection.recv())
                if isinstance(note, Notification):
                    assert note.conflated == 1, "who reads gets every one"
                    self.ready += seq < 0
                    seq = note.seq
                    if seq in self.fed:
                        self.found.append(time.perf_counter() - self.fed[seq])

    def p99_ms(self) -> float:
        return sorted(self.found)[int(len(self.found) * 0.99)] * 1000


async def test_readers_that_stop_cost_the_others_nothing_and_end_on_the_right_book(
    server: GatewayServer,
) -> None:
    rounds = 60

    async def crowd() -> Latencies:
        latencies = Latencies()
        begun = server.ask(lambda: server.app.market.state(server.book.instrument).book_number)
        readers = [asyncio.create_task(latencies.read(server.url, begun + rounds)) for _ in range(CROWD)]
        await until(lambda: latencies.ready == CROWD)
        for number in range(rounds):
            latencies.fed[begun + number + 1] = time.perf_counter()
            prices = range(1, 1 + 40)
            await asyncio.to_thread(
                server.feed, [server.book.change(bids=dict.fromkeys(prices, 1 + server.book.sequence))]
            )
            await asyncio.sleep(0.02 + CROWD / 10_000)
        await asyncio.gather(*readers)
        return latencies

    slow: list[RawClient] = []
    async with asyncio.timeout(PATIENCE_S):
        alone = await crowd()
        for _ in range(SLOW):
            client = await asyncio.to_thread(lambda: open_socket(server, receive_buffer=32768))
            client.request("public/subscribe", channels=[BOOK])
            slow.append(client)
        await asyncio.to_thread(feed_until_all_are_behind, server)
        beside = await crowd()
    held = server.ask(lambda: [each.unsent for each in server.app.gateway.connections])
    assert len(held) >= SLOW, "who does not read for a while is not cut"
    print(f"p99 {alone.p99_ms():.1f} ms alone, {beside.p99_ms():.1f} ms beside {SLOW} that do not read;")
    print(f"{beside.p99_ms() / alone.p99_ms():.2f} times; the most held for one of them {max(held)} bytes")
    assert max(held) < 500_000
    assert sum(held) < SLOW * Limits().max_unsent_bytes
    assert CROWD < 1000 or beside.p99_ms() < 3 * alone.p99_ms() + 100
    for client in slow:
        await asyncio.to_thread(ends_on_the_right_book, server, client)
        client.close()


def feed_until_all_are_behind(server: GatewayServer) -> None:
    while not server.ask(lambda: all_behind(server)):
        server.feed([server.book.change(bids=dict.fromkeys(range(1, 4000), 1 + server.book.sequence))])


def all_behind(server: GatewayServer) -> bool:
    """Whether everyone who is there owes the reading of something."""
    return all(each.subscriber.outbox for each in server.app.gateway.connections)


def ends_on_the_right_book(server: GatewayServer, client: RawClient) -> None:
    mirror, session = BookMirror(), ClientSession()
    merged = 0
    while mirror.change_id != server.book.sequence:
        note: Any = session.received(json.dumps(client.message()))
        if isinstance(note, Notification):
            mirror.apply(note.data)
            merged += note.conflated - 1
    assert merged > 0
    assert (mirror.bids, mirror.asks) == server.book.prices()


class ReadingCrowd:
    """Raw clients of a book of which a thread reads whatever comes."""

    def __init__(self, port: int, count: int) -> None:
        self._selector = selectors.DefaultSelector()
        self._clients = [RawClient(port) for _ in range(count)]
        self.bytes = 0
        for client in self._clients:
            client.handshake()
            client.request("public/subscribe", channels=[BOOK])
            self._selector.register(client._socket, selectors.EVENT_READ)
        self._going = threading.Event()
        self._thread = threading.Thread(target=self._read)

    def _read(self) -> None:
        while not self._going.is_set():
            for key, _ in self._selector.select(0.1):
                self.bytes += len(key.fileobj.recv(1 << 16))  # type: ignore[union-attr]

    def hears(self, more: int) -> None:
        """Wait until each has read so many bytes more, in the mean."""
        wanted, end = self.bytes + more * len(self._clients), time.monotonic() + PATIENCE_S
        while self.bytes < wanted:
            assert time.monotonic() < end
            time.sleep(0.02)

    def __enter__(self) -> "ReadingCrowd":
        self._thread.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._going.set()
        self._thread.join()
        self._selector.close()
        for client in self._clients:
            client.close()


def queued(port: int) -> float:
    """Bytes that peers have not taken, as the server counts them."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=PATIENCE_S) as answer:
        match = re.search(r"^deltawire_queue_bytes (\S+)$", answer.read().decode(), re.M)
    assert match is not None
    return float(match[1])


def test_readers_that_stop_cost_the_process_no_more_than_they_may_be_owed(tmp_path: Path) -> None:
    tape = write_log(make_recording(seed=1), tmp_path / "tape.log")
    config = tmp_path / "open.toml"
    config.write_text("[credits]\nrefill = 1000000000\npool = 1000000000\n")
    options = ["--replay", tape, "--venue", "deribit", "--loop", "--speed", 4, "--config", config]
    with Command("serve", *options, "--port", 0) as server:
        match = re.search(r":(\d+)/ws/api", server.out.until("WebSocket"))
        assert match is not None
        port = int(match[1])
        with ReadingCrowd(port, CROWD) as crowd:
            crowd.hears(20_000)
            before = server.peak_memory()
            slow = [RawClient(port, receive_buffer=4096) for _ in range(SLOW)]
            for client in slow:
                client.handshake()
                client.request("public/subscribe", channels=[BOOK, "trades.any.any.raw"])
            while queued(port) < SLOW * MIB:
                for client in slow:
                    client.send(request_frame("public/get_instruments") * 20)
            crowd.hears(100_000)
            held, grown = queued(port), server.peak_memory() - before
            for client in slow:
                client.close()
    print(f"{SLOW} that do not read beside {CROWD}: {held / MIB:.1f} MiB queued,", end=" ")
    print(f"the process's peak {grown / MIB:.1f} MiB higher")
    assert held >= SLOW * MIB, "none of them was cut"
    assert grown < SLOW * Limits().max_unsent_bytes + 16 * MIB

"""What a NATS server between processes costs: fenced ticks, latency, throughput of a gateway, a late join.

Real `nats-server`, `sync_interval: always`, on this machine. The market is the simulated one, without a clock.
"""

import asyncio
import gc
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import msgspec

from deltawire.bus.images import encode_market, restored
from deltawire.bus.nats.connection import Address, Connection, connect
from deltawire.bus.nats.following import Follower, Place
from deltawire.bus.nats.publishing import Outlet
from deltawire.bus.nats.retained import Images
from deltawire.cli.serve import COLLECTED_AFTER
from deltawire.dialect.grammar import parse_channel
from deltawire.fanout.hub import Hub
from deltawire.fanout.subscribers import Subscriber
from deltawire.market.market import Market
from deltawire.model.events import Listing
from deltawire.ports import Batch
from deltawire.roles.bus_market import apply
from deltawire.testing.market import START_NS, quiet_events

VENUE, TOPIC = "deltawire", "md.v1.deltawire"
MINUTE_NS = 60_000_000_000


class Discarding:
    """A subscriber's end that takes everything and keeps nothing."""

    def write(self, data: bytes) -> None:
        """Take bytes."""


def batches(minutes: int) -> list[Batch]:
    """What the market of one perpetual gives, an event at a time."""
    events = list(quiet_events(1, minutes * MINUTE_NS))
    return [Batch(VENUE, START_NS + number * 1_000_000, [event]) for number, event in enumerate(events)]


@contextmanager
def server() -> Iterator[int]:
    """A server of its own; its port."""
    program = shutil.which("nats-server") or str(Path(sys.executable).parent / "nats-server")
    with tempfile.TemporaryDirectory() as folder, socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        free.close()
        config = Path(folder) / "nats.conf"
        config.write_text(
            f"host: 127.0.0.1\nport: {port}\n"
            f'jetstream {{ store_dir: "{folder}/js", sync_interval: always }}\n'
        )
        with subprocess.Popen([program, "-c", str(config)], stderr=subprocess.DEVNULL) as process:
            while True:
                try:
                    socket.create_connection(("127.0.0.1", port), 1).close()
                    break
                except OSError:
                    time.sleep(0.02)
            try:
                yield port
            finally:
                process.kill()


@asynccontextmanager
async def bus() -> AsyncIterator[Connection]:
    """A connection to it."""
    with server() as port:
        connection = await connect(Address(f"nats://127.0.0.1:{port}"))
        await connection.make_stream()
        yield connection
        await connection.close()


def quantiles(values: list[float]) -> str:
    """p50 and p99 in milliseconds."""
    ordered = sorted(values)
    return (
        f"p50 {statistics.median(ordered) * 1e3:.2f} ms, p99 {ordered[len(ordered) * 99 // 100] * 1e3:.2f} ms"
    )


async def ticks(connection: Connection, told: list[Batch]) -> None:
    """Each tick acknowledged before the next; then as many as come."""
    outlet = Outlet(connection, TOPIC)
    await outlet.begin("bench")
    spent: list[float] = []
    began = time.perf_counter()
    for batch in told[:1000]:
        at = time.perf_counter()
        await outlet.put(batch, outlet.number)
        spent.append(time.perf_counter() - at)
    each = len(spent) / (time.perf_counter() - began)
    print(f"fenced, synced, one by one: {each:,.0f} ticks/s, {quantiles(spent)}")
    began = time.perf_counter()
    await asyncio.gather(*(outlet.put(batch) for batch in told))
    print(f"fenced, synced, as they come: {len(told) / (time.perf_counter() - began):,.0f} ticks/s")
    outlet.close()


async def latency(connection: Connection, told: list[Batch], per_s: int = 250) -> None:
    """From a publisher to a reader, at a steady pace."""
    sent: dict[int, float] = {}
    spent: list[float] = []
    done = asyncio.Event()

    def handle(topic: str, sequence: int, frame: object) -> None:
        now = time.perf_counter()
        told = (batch.at_ns for batch in frame.batches)  # type: ignore[attr-defined]
        spent.extend(now - sent[at_ns] for at_ns in told if at_ns in sent)
        if len(spent) == len(sent) == count:
            done.set()

    count = min(len(told), per_s * 8)
    info = await connection.info()
    assert info is not None
    follower = Follower(connection, handle, after=info.state.last_seq)
    following = asyncio.create_task(follower.run())
    outlet = Outlet(connection, TOPIC)
    await outlet.begin("latency")
    await outlet.put(Batch(VENUE, 0, []))
    began = time.perf_counter()
    for number, batch in enumerate(told[:count]):
        await asyncio.sleep(max(0.0, began + number / per_s - time.perf_counter()))
        sent[batch.at_ns] = time.perf_counter()
        outlet.put(batch)
    await asyncio.wait_for(done.wait(), 30)
    following.cancel()
    outlet.close()
    print(f"added latency at {per_s} ticks/s, publisher to reader: {quantiles(spent)}")


def hub_of(subscribers: int) -> Hub:
    """A hub with readers of the book and its trades."""
    hub = Hub(Market(VENUE), "bench")
    first = next(iter(quiet_events(1, 1)))
    hub.advance(VENUE, START_NS)
    hub.publish([Listing(first.instrument, START_NS)])  # type: ignore[union-attr]
    keys = [parse_channel(name) for name in ("book.BTC-PERPETUAL.raw", "trades.BTC-PERPETUAL.raw")]
    for _ in range(subscribers):
        hub.join(Subscriber(Discarding()), [key for key in keys if key is not None])
    return hub


def put(hub: Hub, batch: Batch) -> None:
    """What a gateway does with a batch."""
    hub.advance(batch.venue, batch.at_ns)
    hub.publish(batch.events)
    hub.flush()


async def throughput(
    connection: Connection, told: list[Batch], subscribers: int, *, apart: bool = False, rounds: int = 5
) -> None:
    """Batches per second of one core: within the process, and read from the bus, in turns; medians.

    They were published as fast as they came, many in a message, or `apart`: each is a message.
    """
    topic = f"md.v1.{VENUE}{subscribers}{'apart' * apart}"
    outlet = Outlet(connection, topic)
    await outlet.begin("bench")
    await outlet.put(Batch(VENUE, 0, []))
    info = await connection.info()
    assert info is not None
    after = info.state.last_seq
    if apart:
        for batch in told:
            await outlet.put(batch)
    else:
        await asyncio.gather(*(outlet.put(batch) for batch in told))
    outlet.close()
    info = await connection.info()
    assert info is not None
    messages = info.state.last_seq - after
    within, over = list[float](), list[float]()
    for _ in range(rounds):
        within.append(in_process(told, subscribers))
        over.append(await over_the_bus(connection, told, subscribers, (topic, after)))
    ratio = statistics.median(each / other for each, other in zip(within, over, strict=True))
    print(
        f"{subscribers:>5} readers, {len(told) / messages:,.0f} batches in a message: "
        f"{len(told) / statistics.median(within):>9,.0f} batches per core-second within a process, "
        f"{len(told) / statistics.median(over):>9,.0f} over the bus: {ratio:.2f}"
    )


def in_process(told: list[Batch], subscribers: int) -> float:
    """Seconds of processor time within one process."""
    hub = hub_of(subscribers)
    gc.collect()
    began = time.process_time()
    for batch in told:
        put(hub, batch)
    return time.process_time() - began


async def over_the_bus(
    connection: Connection, told: list[Batch], subscribers: int, where: tuple[str, int]
) -> float:
    """The same for one that reads them from the bus."""
    topic, after = where
    hub, done, seen = hub_of(subscribers), asyncio.Event(), 0

    def handle(topic: str, sequence: int, frame: object) -> None:
        nonlocal seen
        for batch in frame.batches:  # type: ignore[attr-defined]
            put(hub, batch)
            seen += 1
        if seen == len(told):
            done.set()

    follower = Follower(connection, handle, after=after, places={topic: Place("bench", 1)})
    gc.collect()
    began = time.process_time()
    following = asyncio.create_task(follower.run())
    await asyncio.wait_for(done.wait(), 120)
    spent = time.process_time() - began
    following.cancel()
    return spent


def market_of(instruments: int, moments: int) -> Market:
    """A market of so many instruments, each with the same first events of the simulated one."""
    events = list(quiet_events(1, MINUTE_NS))[:moments]
    market = Market(VENUE)
    for number in range(instruments):
        instrument = msgspec.structs.replace(events[0].instrument, name=f"FUTURE-{number}")  # type: ignore[union-attr,type-var]
        own = [msgspec.structs.replace(event, instrument=instrument) for event in events]
        apply(market, Batch(VENUE, START_NS, own))
    return market


async def joining(connection: Connection, instruments: int, moments: int, rounds: int = 9) -> None:
    """A gateway that starts late: the image of a market of so many instruments."""
    images = Images(connection)
    await images.make()
    market = market_of(instruments, moments)
    began = time.perf_counter()
    data = encode_market(market.freeze())
    encoded = time.perf_counter()
    await images.write(data, created="", sequence=1, epoch="bench", places={}, now_ns=0)
    written = time.perf_counter()
    spent: list[tuple[float, float, float]] = []
    for _ in range(rounds):
        started, processor = time.perf_counter(), time.process_time()
        found = await images.read()
        assert found is not None
        read = time.perf_counter()
        joined = restored(found[1])
        ended = time.perf_counter()
        assert len(joined) == instruments
        spent.append((ended - started, read - started, time.process_time() - processor))
        del joined, found
    took, reading, processing = (sorted(each[place] for each in spent) for place in range(3))
    print(
        f"image of {instruments:,} instruments with {moments} events each, {len(data) / 1e6:.1f} MB: "
        f"made in {(encoded - began) * 1e3:.0f} ms, written in {(written - encoded) * 1e3:.0f} ms; joined in "
        f"{took[0] * 1e3:.0f} to {took[-1] * 1e3:.0f} ms, p50 {statistics.median(took) * 1e3:.0f} "
        f"(read {statistics.median(reading) * 1e3:.0f}; processor {statistics.median(processing) * 1e3:.0f})"
    )


async def measure(*, quick: bool) -> None:
    """Everything, one after the other."""
    told = batches(1 if quick else 10)
    gc.set_threshold(*COLLECTED_AFTER)  # as every server
    async with bus() as connection:
        await ticks(connection, told)
        await latency(connection, told)
        for subscribers in (0, 10, 1000):
            await throughput(connection, told[:20_000], subscribers)
        await throughput(connection, told[:5_000], 0, apart=True)
        for moments in (5, 60):
            await joining(connection, 100 if quick else 1000, moments)


def main(*, quick: bool) -> None:
    """Print the figures."""
    asyncio.run(measure(quick=quick))

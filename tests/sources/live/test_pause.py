"""A process that was stopped reads what came meanwhile before it says of a venue that it is silent."""

import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import uvloop

from deltawire.model.events import Event, Status
from deltawire.ports import Wants
from deltawire.sources.live.source import LiveSettings, LiveSource
from deltawire.testing.venue_server import Fault as VenueFault
from deltawire.testing.venue_server import VenueServer
from tests.sources.live.virtual_time import LoopClock, VirtualLoop, run_virtually
from tests.support.live_harness import PushedClock
from tests.support.waiting import until, wait_until

VENUES = ("okx",)
PAUSE_S = 120.0


@contextmanager
def another_threads(server: VenueServer) -> Iterator[None]:
    """A server that goes on while this thread is stopped."""
    loop, started = asyncio.new_event_loop(), threading.Event()

    async def serve() -> None:
        async with server:
            started.set()
            await asyncio.get_running_loop().create_future()

    task = loop.create_task(serve())

    def run() -> None:
        with asyncio.Runner(loop_factory=lambda: loop) as runner:
            runner.run(asyncio.wait([task]))

    thread = threading.Thread(target=run)
    thread.start()
    wait_until(started.is_set)
    try:
        yield
    finally:
        loop.call_soon_threadsafe(task.cancel)
        thread.join()


@pytest.mark.parametrize(
    "factory", [asyncio.SelectorEventLoop, uvloop.new_event_loop], ids=["asyncio", "uvloop"]
)
@pytest.mark.parametrize("venue", VENUES)
def test_a_venue_that_spoke_while_this_process_was_stopped_was_not_silent(venue: str, factory: type) -> None:
    server, told, clock = VenueServer(venue, speed=4.0), list[Event](), PushedClock()

    async def main() -> None:
        settings = LiveSettings(venue, ("*",), endpoints=(server.base,))
        source = LiveSource(settings, clock, chance=lambda: 0.5)

        async def follow() -> None:
            async for batch in source.events(Wants()):
                told.extend(batch.events)

        following = asyncio.create_task(follow())
        await until(lambda: len(told) > 300)
        before = len(told)
        clock.pass_s(PAUSE_S)
        time.sleep(1)  # noqa: ASYNC251 (this process is stopped)
        await until(lambda: len(told) > before + 100)
        del told[:before]
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)

    with another_threads(server), asyncio.Runner(loop_factory=factory) as runner:
        runner.run(main())
    assert [event for event in told if isinstance(event, Status)] == []


async def cut_off_while_stopped(venue: str, told: list[Event]) -> None:
    """Be stopped for two minutes, and follow a venue that says nothing any more."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualLoop)
    async with VenueServer(venue, speed=1.0, faults=[VenueFault("half-open", after=20)]) as server:
        settings = LiveSettings(venue, ("*",), endpoints=(server.base,))
        source = LiveSource(settings, LoopClock(loop, server.now()), chance=lambda: 0.5)

        async def follow() -> None:
            async for batch in source.events(Wants()):
                told.extend(batch.events)

        following = asyncio.create_task(follow())
        await asyncio.sleep(19)
        loop.skip(PAUSE_S)
        await asyncio.sleep(90)
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)


@pytest.mark.parametrize("venue", VENUES)
def test_one_that_says_nothing_afterwards_is_silent(venue: str) -> None:
    told: list[Event] = []
    run_virtually(cut_off_while_stopped(venue, told), 120)
    reasons = {event.reason for event in told if isinstance(event, Status) and event.state == "stale"}
    assert reasons & {"silent", "closed"}

"""A venue that says it is down: books are stale for that reason, not before and no longer, and live once verified."""

from pathlib import Path

import pytest

from deltawire.model.events import Status, VenueStatus
from deltawire.recording.recorder import Recorder
from deltawire.testing.venue_server import Fault as VenueFault
from tests.sources.live.test_recorded_live import equal, replayed
from tests.support.live_harness import LiveHarness

TELL = {
    "bybit_linear": "Maintenance 0",
    "coinbase": "offline",
    "deribit": "locked",
    "kraken": "maintenance",
    "okx": "Maintenance 0",
}
"""The venues that say so, and their words."""
ANNOUNCE = {"bybit_linear", "okx"}
"""Those that say it before."""
PARTLY = {"coinbase": "BTC-USD", "deribit": "SOL_USDC-PERPETUAL"}
"""An instrument that can be down alone."""


def said(live: LiveHarness) -> list[VenueStatus]:
    """What the venue said of itself."""
    return [event for event in live.events if isinstance(event, VenueStatus)]


def down(live: LiveHarness) -> set[str]:
    """The books that are stale because the venue is down."""
    last = {event.instrument.name: event for event in live.events if isinstance(event, Status)}
    return {
        name for name, status in last.items() if (status.state, status.reason) == ("stale", "maintenance")
    }


def all_up(live: LiveHarness) -> bool:
    """Whether the last word about every subject is that it works."""
    return {status.state for status in {status.key: status for status in said(live)}.values()} == {"up"}


@pytest.mark.parametrize("venue", TELL)
async def test_books_are_stale_while_the_venue_says_it_is_down_whatever_comes(
    venue: str, tmp_path: Path
) -> None:
    recorder = Recorder(tmp_path)
    async with LiveHarness(venue, speed=8.0, tap=recorder) as live:
        await live.until_live()
        await live.until_compared(3)
        before = len(said(live))
        live.server.inject(VenueFault("maintenance", after=8, lasts=60, by=5))
        if venue in ANNOUNCE:
            await live.until(lambda: [status.state for status in said(live)[before:]] == ["scheduled"])
            assert live.all_live()
        await live.until(lambda: down(live) == live.names)
        assert not live.live
        told = [status for status in said(live) if status.state == "down"]
        assert {status.text.partition(" (")[0] for status in told} <= {
            TELL[venue],
            f"{TELL[venue]} Maintenance 0",
        }
        assert {status.detail for status in live.stale()} == {status.text for status in told}
        assert len({status.key for status in told}) == len(told)  # said once, on however many connections
        if venue in ANNOUNCE:
            (status,) = told
            assert status.end_ns - status.begin_ns == 60_000_000_000
        trades = len(live.events)
        for connection in [*live.server.connections]:
            connection.cut()  # on a new connection it is still down
        await live.until(lambda: len(live.server.connections) >= len(live.source.status().lanes))
        await live.until(lambda: len(live.events) > trades + 50 and down(live) == live.names)
        assert not live.live
        await live.until(lambda: all_up(live))
        await live.until_live()
        await live.until_compared(5)
        assert not live.server.tally.violations
        assert not live.faults()
    recorder.close()
    equal(live.events, replayed(tmp_path, venue))


@pytest.mark.parametrize(("venue", "victim"), PARTLY.items())
async def test_a_part_that_is_down_leaves_the_rest_alone(venue: str, victim: str) -> None:
    async with LiveHarness(venue, speed=8.0) as live:
        await live.until_live()
        live.server.inject(VenueFault("maintenance", lasts=30, name=victim))
        await live.until(lambda: down(live) == {victim})
        await live.until(lambda: all_up(live))
        await live.until_live()
        assert {status.instrument.name for status in live.stale()} == {victim}


@pytest.mark.parametrize("venue", ["binance_spot", "okx"])
async def test_the_announced_end_of_a_connection_is_told_and_harms_no_book(venue: str) -> None:
    async with LiveHarness(venue, speed=8.0) as live:
        await live.until_live()
        old = {connection.number for connection in live.server.connections}
        live.server.inject(VenueFault("notice", times=1))
        await live.until(lambda: [status.state for status in said(live)] == ["notice"])
        await live.until(lambda: not old & {connection.number for connection in live.server.connections})
        await live.until_compared(3)
        assert not live.stale()

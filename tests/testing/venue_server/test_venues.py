"""Every venue on its socket: a state machine that reads it has the simulator's own book at each of its ids."""

from pathlib import Path

import pytest

from deltawire.model.events import Fault, Status, Ticker, Trade
from deltawire.ports import Wants
from deltawire.testing.recordings import make_recording, write_log
from deltawire.testing.simulators import SERVED
from deltawire.testing.venue_server import Market, VenueServer, follow_exchange, follow_recording
from deltawire.testing.venue_server.followed import NAMES
from deltawire.venues import make_venue
from tests.support.venue_books import VenueBooks
from tests.support.venue_client import VenueClient
from tests.support.waiting import until


async def followed(server: VenueServer, rounds: int = 60) -> tuple[VenueClient, VenueBooks]:
    """A client that has followed all instruments of a server; its books were equal, and nothing was wrong."""
    books, seen = VenueBooks(server.market), 0
    wants = Wants(tuple(server.market.walks))
    async with server, VenueClient(make_venue(server.venue), server, wants) as client:
        for _ in range(rounds):
            await server.advance(0.5)
            await until(lambda: len(client.frames) >= server.tally.counts["frames"])
            for event in client.events[seen:]:
                books.take(event)
            seen = len(client.events)
        books.done()
        assert not [event for event in client.events if isinstance(event, Fault)]
        assert not [event for event in client.events if isinstance(event, Status) and event.state == "stale"]
        assert server.tally.violations == {}
    return client, books


@pytest.mark.parametrize("venue", sorted(SERVED))
async def test_a_state_machine_has_the_simulators_own_books(venue: str) -> None:
    names = {contract.name for contract in SERVED[venue]().contracts}
    market = Market(SERVED[venue]().contracts, 3)
    client, books = await followed(VenueServer(venue, market=market, speed=None))
    assert {event.instrument.name for event in client.events if isinstance(event, Trade)} == names
    assert {event.instrument.name for event in client.events if isinstance(event, Ticker)} == names
    assert {*books.equal} == names
    assert min(books.equal.values()) > 20


@pytest.mark.parametrize("venue", NAMES)
async def test_a_venue_follows_the_built_in_exchange(venue: str) -> None:
    server = VenueServer(venue, market=follow_exchange(venue, 2), speed=None)
    client, books = await followed(server, 20)
    assert {*books.equal} == {*NAMES[venue]}
    trades = [event for event in client.events if isinstance(event, Trade)]
    assert {event.trade_id for event in trades}
    assert len({(event.instrument.name, event.trade_id) for event in trades}) == len(trades)


async def test_a_venue_follows_a_recording_and_begins_it_again(tmp_path: Path) -> None:
    """A recording of 20 s, of which ten frames are lost: what it serves has no gaps of its own."""
    log = write_log(make_recording(4, steps=500, losses=range(50, 500, 50)), tmp_path / "DERIBIT.ws.1.0")
    market = follow_recording(str(log), "deribit")
    assert {*market.walks} == {"BTC-PERPETUAL", "BTC-25DEC26", "BTC-25DEC26-100000-C"}
    client, books = await followed(VenueServer("deribit", market=market, speed=None), 60)
    assert min(books.equal.values()) > 100
    assert sum(isinstance(event, Trade) for event in client.events) > 50


async def test_old_recordings_are_served_in_their_own_time(tmp_path: Path) -> None:
    log = write_log(make_recording(4, steps=100), tmp_path / "DERIBIT.ws.1.0")
    late_ns = 1_900_000_000_000_000_000
    assert follow_recording(str(log), "deribit", start_ns=late_ns).now_ns < late_ns

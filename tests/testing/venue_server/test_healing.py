"""Faults of each venue's books, as a state machine sees them: noticed where the venue lets it, and healed by itself."""

import msgspec
import pytest

from deltawire.model.events import Status
from deltawire.ports import Wants
from deltawire.testing.simulators import SERVED
from deltawire.testing.venue_server import Fault, VenueServer
from deltawire.venues import make_venue
from tests.support.venue_books import VenueBooks
from tests.support.venue_client import VenueClient
from tests.support.waiting import until

BOOKS = {
    **dict.fromkeys(("binance_coinm", "binance_options", "binance_spot", "binance_usdm"), "*@depth*"),
    **dict.fromkeys(("bybit_inverse", "bybit_linear", "bybit_option", "bybit_spot"), "orderbook.[12]0*"),
    "coinbase": "level2:*",
    "deribit": "book.*",
    "kraken": "book:*",
    "kraken_futures": "book:*",
    "okx": "books:*",
}
"""The streams of books, of the venues that send changes of them."""
FAULTS = {
    "lost": Fault("drop", after=5, times=1),
    "twice": Fault("duplicate", after=5, times=2),
    "in another order": Fault("reorder", after=5, times=1),
    "torn": Fault("corrupt", after=5, times=1),
    "late": Fault("delay", after=5, lasts=3, share=0.2, by=1.5),
}
PROVED = {"kraken": 10}
"""Levels of a side that the venue lets a client prove; below them a lost change stays unknown."""
HARMLESS = {"twice"}
"""A message that comes again is old, where messages have ids."""
UNNUMBERED = {"kraken"}
"""Where they have none, one that comes again may change a level that has changed since; the checksum shows it."""


def test_all_venues_with_changes_are_tried() -> None:
    assert {*BOOKS} == {name for name, make in SERVED.items() if not make().images_only}


def states(said: list[Status]) -> dict[str, str]:
    """The last state of each book."""
    return {status.instrument.name: status.state for status in said}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("venue", BOOKS)
async def test_a_fault_is_noticed_and_healed_and_never_a_wrong_book(venue: str, fault: str) -> None:
    faults = [msgspec.structs.replace(FAULTS[fault], stream=BOOKS[venue])]
    server = VenueServer(venue, speed=None, faults=faults)
    books, seen, names = VenueBooks(server.market, PROVED), 0, tuple(server.market.walks)
    live = dict.fromkeys(names, "live")
    async with server, VenueClient(make_venue(venue), server, Wants(names)) as client:

        async def passed(rounds: int) -> list[Status]:
            """Time passes; what was said of the states of books."""
            nonlocal seen
            begun = seen
            for _ in range(rounds):
                await server.advance(0.5)
                client.tick()
                await until(lambda: len(client.frames) >= server.tally.counts["frames"])
                await until(client.idle)
                for event in client.events[seen:]:
                    books.take(event)
                seen = len(client.events)
            return [event for event in client.events[begun:] if isinstance(event, Status)]

        said = await passed(30)
        for _ in range(6):
            said += [] if states(said) == live else await passed(5)
        assert server.faults.struck
        assert (any(status.state == "stale" for status in said)) or fault in HARMLESS or venue in UNNUMBERED
        assert states(said) == live
        books.equal.clear()
        await passed(10)
        books.done()
        assert {*books.equal} == {*names}
        assert not server.tally.violations

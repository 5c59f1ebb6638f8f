"""Every venue on its socket: a state machine that reads it has the simulator's own book at each of its ids."""

from collections import Counter
from decimal import Decimal

import pytest

from deltawire.model.events import BookDelta, BookImage, Fault, Status, Ticker, Trade
from deltawire.ports import Wants
from deltawire.testing.replica import Replica
from deltawire.testing.simulators import SERVED
from deltawire.testing.simulators.market import Contract, PlainBook
from deltawire.testing.venue_server import Market, VenueServer
from deltawire.venues import make_venue
from tests.support.venue_client import VenueClient
from tests.support.waiting import until

PATHS = {
    "binance_coinm": "/stream",
    "binance_spot": "/stream",
    "binance_usdm": "/public/stream",
    "bybit_inverse": "/v5/public/inverse",
    "bybit_linear": "/v5/public/linear",
    "bybit_option": "/v5/public/option",
    "bybit_spot": "/v5/public/spot",
    "coinbase": "/",
    "deribit": "/ws/api/v2",
    "hyperliquid": "/ws",
    "kraken": "/v2",
    "kraken_futures": "/ws/v1",
    "okx": "/ws/v5/public",
}
SHOWN = {"kraken": 100, "hyperliquid": 5}
"""Levels of a side where a book shows few of them."""


def test_every_venue_is_tried() -> None:
    assert {*PATHS} == {*SERVED}


@pytest.mark.parametrize("venue", PATHS)
async def test_a_state_machine_has_the_simulators_own_books(venue: str) -> None:
    market = Market(SERVED[venue]().contracts, 3)
    async with VenueServer(venue, market=market, speed=None) as server:
        names = tuple(market.walks)
        wants = Wants(names)
        async with VenueClient(make_venue(venue), server, PATHS[venue], wants) as client:
            replica, checked, seen = Replica(), Counter[str](), 0

            def check() -> None:
                """Follow the events, and compare each book with the market's at the venue's time."""
                nonlocal seen
                for event in client.events[seen:]:
                    replica.take(event)
                    if isinstance(event, BookDelta | BookImage):
                        name = event.instrument.name
                        book = of_event(market, event)
                        shown = SHOWN.get(venue, 10_000)
                        contract = market.walks[name].contract
                        assert in_units(replica, event, contract) == book.cut(shown), (name, event)
                        checked[name] += 1
                seen = len(client.events)

            for _ in range(80):
                frames, sent = len(client.frames), server.tally.counts["frames"]
                await server.advance(0.4)
                await until(lambda: len(client.frames) >= server.tally.counts["frames"])
                assert frames <= sent
                if venue != "kraken_futures":
                    check()
            faults = [event for event in client.events if isinstance(event, Fault)]
            assert not faults
            assert {event.instrument.name for event in client.events if isinstance(event, Trade)} == {*names}
            assert {event.instrument.name for event in client.events if isinstance(event, Ticker)} == {*names}
            stale = [event for event in client.events if isinstance(event, Status) and event.state == "stale"]
            assert not stale
            assert server.tally.violations == {}
            if venue != "kraken_futures":
                assert {*checked} == {*names}
                assert min(checked.values()) > 20


NUMBERED = ("binance_coinm", "binance_spot", "binance_usdm", "deribit", "okx")
"""Venues whose ids are the market's own; the books of others are found by their times."""


def of_event(market: Market, event: BookDelta | BookImage) -> PlainBook:
    """The market's book that an event speaks of."""
    name = event.instrument.name
    if event.instrument.venue in NUMBERED:
        return market.book(name, event.venue_sequence)
    return market.book_at(name, event.venue_ns)[1]


def in_units(replica: Replica, event: BookDelta | BookImage, contract: Contract) -> PlainBook:
    """The replica's book in the units of the market's contract."""
    instrument, book = event.instrument, replica.books[event.instrument.name].book
    price = Decimal(10) ** (instrument.price_exponent - contract.price_exponent)
    size = Decimal(10) ** (instrument.size_exponent - contract.size_exponent)
    sides = ({int(p * price): int(s * size) for p, s in side.items()} for side in (book.bids, book.asks))
    return PlainBook(*sides)

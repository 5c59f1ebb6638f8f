"""The simulated market without a clock, for tests, measurements and plots."""

from collections.abc import Iterator
from random import Random

from deltawire.agents.simulation import PRICES, Simulation
from deltawire.agents.trader import touch
from deltawire.exchange.accounts.accounts import Accounts
from deltawire.exchange.exchange import Exchange
from deltawire.exchange.instruments.catalogue import wanted
from deltawire.exchange.orders.records import Instruct
from deltawire.exchange.ports import OpenBook
from deltawire.model.events import BookDelta, Event, Status, Trade
from deltawire.model.instruments import Instrument
from deltawire.model.random_stream import RandomStream, Streams
from deltawire.testing.realism import Tape

START_NS = 1_708_430_400_000_000_000
"""2024-02-20 12:00 UTC."""


def streams(seed: int | str) -> Streams:
    """A factory of random streams by name; independent of PYTHONHASHSEED."""

    def stream(name: str) -> RandomStream:
        return Random(f"{seed}/{name}")

    return stream


def quiet_market(seed: int, length_ns: int, name: str = "BTC-PERPETUAL") -> Tape:
    """Run the order flow of one future alone for `length_ns`; returns its tape."""
    exchange, instrument, simulation = _alone(seed, name)
    tape = Tape(name)
    tape.tick = instrument.tick
    for at_ns, outputs in simulation.advance(START_NS + length_ns):
        best = touch(exchange, instrument)
        whole = best.bid is not None and best.ask is not None
        tape.moment(at_ns, outputs, (best.bid, best.bid_lots, best.ask, best.ask_lots) if whole else None)  # type: ignore[arg-type]
    return tape


def quiet_events(seed: int, length_ns: int, name: str = "BTC-PERPETUAL") -> Iterator[Event]:
    """The events of its book and its trades, of the same market."""
    exchange, instrument, simulation = _alone(seed, name)
    yield from exchange.images()
    for _, outputs in simulation.advance(START_NS + length_ns):
        for output in outputs:
            if isinstance(output, (BookDelta, Status, Trade)) and output.instrument.name == instrument.name:
                yield output


def _alone(seed: int, name: str) -> tuple[Exchange, Instrument, Simulation]:
    """An exchange with one future, and its order flow."""
    accounts = Accounts(listing=False)
    exchange = Exchange(accounts)
    index = {f"{base.lower()}_usd": price for base, price in PRICES.items()}
    (instrument,) = (listed for listed in wanted(START_NS, index, accounts.fees) if listed.name == name)
    accounts.list(instrument)
    exchange.submit(Instruct(at_ns=START_NS, demand=OpenBook(instrument)))
    simulation = Simulation(
        streams(seed), START_NS, exchange=exchange, accounts=accounts, only=frozenset({name})
    )
    return exchange, instrument, simulation

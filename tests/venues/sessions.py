"""Sessions between a venue's machine and its simulator, with a replica and a witness looking on."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

import msgspec
import pytest

from deltawire.model.events import BookDelta, BookImage, Event, Fault, Status
from deltawire.model.instruments import Instrument
from deltawire.ports import Fetch
from deltawire.testing.link import Link
from deltawire.testing.replica import Replica, ReplicaBook
from deltawire.testing.simulators import SIMULATORS
from deltawire.testing.simulators.kraken import KrakenSimulator
from deltawire.testing.simulators.market import PlainBook
from deltawire.testing.simulators.okx import OkxOptionSimulator, OkxSimulator
from deltawire.testing.simulators.simulator import Simulator, best
from deltawire.venues import REGISTRY, make_venue
from tests.venues.reference_book import WITNESSES, ReferenceBook

VARIANTS: dict[str, tuple[str, Callable[..., Simulator]]] = {
    "okx-checksums": ("okx", partial(OkxSimulator, numbered=False, summed=True)),
    "okx-options": ("okx", OkxOptionSimulator),
    "okx-both": ("okx", partial(OkxSimulator, summed=True, listed=False)),
    "kraken-ten-deep": ("kraken", partial(KrakenSimulator, subscribed=10, listed=False)),
}
"""The same venues as they were, or as other subscriptions show them."""

CASES = (*sorted(REGISTRY), *VARIANTS)


def make_simulator(case: str, seed: int = 1) -> Simulator:
    """The simulator of a case; a venue without one fails, because then nothing has tested it."""
    if case in VARIANTS:
        return VARIANTS[case][1](seed)
    if case not in SIMULATORS:
        pytest.fail(f"{case} is in the registry, but deltawire.testing.simulators has no simulator of it")
    return SIMULATORS[case](seed)


MENDED = ["live", "delta"]
"""What is told of a book whose image has come."""
APART = tuple(case for case in CASES if not make_simulator(case).counted_together)
"""Where a message that is missing is known to be of one book."""
CHAINED = tuple(case for case in APART if not make_simulator(case).images_only)
"""And where a book's own messages show that one is missing."""


def _is_fast(case: str) -> bool:
    path = make_venue(make_simulator(case).name).fast_path  # type: ignore[attr-defined]
    return bool(path.updates)


FAST = tuple(case for case in CASES if _is_fast(case))
"""Whose updates the compiled kernel may take whole."""


def make_witness(venue: str) -> ReferenceBook:
    """A witness for a venue; without one nobody could say when a fault can be seen."""
    if venue not in WITNESSES:
        pytest.fail(f"{venue} is in the registry, but tests/venues/reference_book.py has no witness of it")
    return WITNESSES[venue]()


class Session(Link):
    """A link under observation: what the machine says must agree with the witness after every message."""

    def __init__(self, case: str, seed: int = 1, *, witnessed: bool = True) -> None:
        simulator = make_simulator(case, seed)
        super().__init__(make_venue(simulator.name), simulator)
        self.witness = make_witness(simulator.name) if witnessed else ReferenceBook()
        self.proofs: list[str] = []
        """Instruments that frames have proved damaged, in order."""
        self._replica = Replica()
        self._followed = 0

    @property
    def names(self) -> tuple[str, ...]:
        return self.simulator.instruments

    @property
    def victim(self) -> str:
        """The instrument that faults happen to."""
        return self.names[1]

    def receive(self, frame: bytes) -> list[Event]:
        if proof := self.witness.take(frame):
            self.proofs.append(proof)
        return super().receive(frame)

    def fetch(self, ask: Fetch, body: bytes) -> list[Event]:
        if proof := self.witness.take_body(ask.url, body):
            self.proofs.append(proof)
        return super().fetch(ask, body)

    def unwitnessed(self, frame: bytes) -> list[Event]:
        """A frame arrives that no witness could read."""
        return super().receive(frame)

    def lose(self, name: str) -> None:
        """Deltas are lost until one of them has changed the best levels, which any venue lets a client see."""
        walk = self.simulator.walks[name]
        before = best(walk)
        while best(walk) == before:
            self.simulator.delta(name)

    def until_proved(self, name: str, limit: int = 200) -> list[Event]:
        """Deltas until one proves the book damaged; what the machine said of that one."""
        proofs = len(self.proofs)
        for _ in range(limit):
            found = self.delta(name)
            if len(self.proofs) > proofs:
                return found
            self.agree()
        raise AssertionError(f"{limit} deltas and no proof")

    def replica(self, name: str) -> ReplicaBook:
        """The book as its events tell it."""
        for batch in self.batches[self._followed :]:
            for event in batch.events:
                self._replica.take(event)
        self._followed = len(self.batches)
        return self._replica.books.setdefault(name, ReplicaBook())

    def agree(self) -> None:
        """A book is live exactly where the witness trusts its own, and then they are the same."""
        for name in self.names:
            held, seen = self.replica(name), self.witness.book(name)
            assert (held.state == "live") == seen.live, f"{name} is {held.state}"
            if seen.live:
                assert held.book == seen.plain(self.instrument(name)), name

    def true(self, name: str) -> None:
        """A book is live, and the same as the market's."""
        held, contract = self.replica(name), self.simulator.walks[name].contract
        assert held.state == "live", f"{name} is {held.state}"
        instrument = self.instrument(name)
        price_factor = 10 ** (contract.price_exponent - instrument.price_exponent)
        size_factor = 10 ** (contract.size_exponent - instrument.size_exponent)
        wanted = self.simulator.book(name)
        assert held.book == PlainBook(
            {price * price_factor: size * size_factor for price, size in wanted.bids.items()},
            {price * price_factor: size * size_factor for price, size in wanted.asks.items()},
        )

    def instrument(self, name: str) -> Instrument:
        """The instrument as the latest event about it has it."""
        return next(
            event.instrument
            for event in reversed(self.events)
            if not isinstance(event, Fault) and name_of(event) == name
        )

    def of(self, name: str) -> list[Event]:
        """Everything said of one instrument."""
        return [event for event in self.events if name_of(event) == name]


def name_of(event: Event) -> str:
    """Which instrument an event is about."""
    return event.instrument if isinstance(event, Fault) else event.instrument.name


def book_events(events: list[Event]) -> list[Event]:
    return [event for event in events if isinstance(event, BookImage | BookDelta | Status)]


def told(events: list[Event]) -> list[str]:
    """The book events in short: `image`, `delta`, or a status as `stale gap`."""
    kinds = {BookImage: "image", BookDelta: "delta"}
    return [
        f"{event.state} {event.reason}".rstrip() if isinstance(event, Status) else kinds[type(event)]
        for event in book_events(events)
    ]


def encoded(events: list[Event]) -> list[bytes]:
    return [msgspec.json.encode(event) for event in events]


@contextmanager
def slowly(session: Session) -> Iterator[None]:
    """While this lasts, what the machine asks for stays unanswered."""
    session.slow = True
    try:
        yield
    finally:
        session.slow = False

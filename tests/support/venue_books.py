"""Compares the books that a state machine has of a simulated venue with the venue's own, at each of its ids."""

from collections import Counter
from collections.abc import Iterable

from deltawire.model.events import BookDelta, BookImage, Event
from deltawire.testing.replica import Replica
from deltawire.testing.simulators.market import Contract, PlainBook
from deltawire.testing.venue_server import Market

NUMBERED = ("binance_coinm", "binance_options", "binance_spot", "binance_usdm", "deribit", "okx")
"""Venues whose ids are the market's own; the books of others are found by their times."""
SHOWN = {"kraken": 100, "hyperliquid": 5}
"""Levels of a side where a book shows few of them."""
ONE_LEVEL = ("kraken_futures",)
"""Venues that send a change level by level: between two of them the book is none of the market's."""


class VenueBooks:
    """Follows events, and counts the books that were equal by instrument; `AssertionError` at the first that is not."""

    def __init__(self, market: Market, shown: dict[str, int] = SHOWN) -> None:
        self.market = market
        self._shown = shown
        self.equal: Counter[str] = Counter()
        self._replica = Replica()
        self._unequal: dict[str, Event] = {}

    def take(self, event: Event) -> None:
        """Follow an event, and compare the book behind it."""
        self._replica.take(event)
        if not isinstance(event, BookDelta | BookImage):
            return
        name = event.instrument.name
        mine = in_units(self._replica, event, self.market.walks[name].contract)
        most = self._shown.get(event.instrument.venue, 10_000)
        mine, theirs = mine.cut(most), of_event(self.market, event).cut(most)
        if mine == theirs:
            self.equal[name] += 1
            self._unequal.pop(name, None)
            return
        assert event.instrument.venue in ONE_LEVEL, (event, mine, theirs)
        self._unequal[name] = event

    def done(self) -> None:
        """No more events: the last book of each instrument is the market's."""
        assert self._unequal == {}


def of_event(market: Market, event: BookDelta | BookImage) -> PlainBook:
    """The market's book that an event speaks of."""
    name = event.instrument.name
    if event.instrument.venue in NUMBERED:
        return market.book(name, event.venue_sequence)
    return market.book_at(name, event.venue_ns)[1]


def in_units(replica: Replica, event: BookDelta | BookImage, contract: Contract) -> PlainBook:
    """The replica's book in the units of the market's contract."""
    instrument, book = event.instrument, replica.books[event.instrument.name].book
    finer_price = instrument.price_exponent - contract.price_exponent
    finer_size = instrument.size_exponent - contract.size_exponent
    if not finer_price and not finer_size:
        return book.copy()
    return PlainBook(*(_in_units(side, finer_price, finer_size) for side in (book.bids, book.asks)))


def _in_units(side: dict[int, int], finer_price: int, finer_size: int) -> dict[int, int]:
    return dict(zip(_finer(side, finer_price), _finer(side.values(), finer_size), strict=True))


def _finer(numbers: Iterable[int], exponent: int) -> Iterable[int]:
    """Each times ten to the exponent; `AssertionError` if that is no integer."""
    if exponent >= 0:
        factor = 10**exponent
        return [number * factor for number in numbers]
    divisor = 10**-exponent
    assert not any(number % divisor for number in numbers), (exponent, numbers)
    return [number // divisor for number in numbers]

"""What is known now, as the fewest events that say it.

What the venue says of itself, definitions, books with their states, tickers, indices.
"""

from collections.abc import Iterator
from typing import Any

import msgspec

from deltawire.book.ladder import Ladder
from deltawire.model.events import (
    BeyondChanges,
    BookDelta,
    BookImage,
    Changes,
    Event,
    Index,
    Listing,
    Status,
    Ticker,
    VenueStatus,
    VolatilityIndex,
)
from deltawire.model.instruments import Instrument

NOTHING = Changes([], [], [])
_STATED = [name for name in Ticker.__struct_fields__ if name not in ("instrument", "venue_ns", "seen_ns")]


class _Book:
    """A book's levels within its known range, and those beyond it."""

    def __init__(self, image: BookImage) -> None:
        self.last: BookImage | BookDelta = image
        """The event that made it what it is."""
        self._near = Ladder()
        self._near.bids.become(image.bids)
        self._near.asks.become(image.asks)
        self._far: tuple[dict[int, int], dict[int, int]] = {}, {}

    def change(self, delta: BookDelta) -> None:
        self.rescale(delta.instrument)
        self._near.bids.follow(delta.bids)
        self._near.asks.follow(delta.asks)
        if delta.beyond is not None:
            for side, changes in zip(self._far, (delta.beyond.bids, delta.beyond.asks), strict=True):
                _follow(side, changes)
        self.last = delta

    def rescale(self, instrument: Instrument) -> None:
        """The levels in the ticks and lots of this definition, which are as fine as before or finer."""
        before = self.last.instrument
        factors = instrument.factors_from(before) if instrument is not before else (1, 1)
        if factors != (1, 1):
            self._near.rescale(*factors)
            price, size = factors
            bids, asks = ({p * price: s * size for p, s in side.items()} for side in self._far)
            self._far = bids, asks
            known = self.last.known.rescaled(price)
            self.last = msgspec.structs.replace(self.last, instrument=instrument, known=known)

    def events(self, instrument: Instrument) -> Iterator[Event]:
        last = self.last
        stamps = last.venue_ns, last.seen_ns, last.venue_sequence
        levels = self._near.bids.levels(), self._near.asks.levels()
        yield BookImage(instrument, last.sequence, *levels, *stamps, last.known)
        if self._far[0] or self._far[1]:
            beyond = BeyondChanges(*(_as_new(side) for side in self._far))
            yield BookDelta(
                instrument,
                last.sequence,
                NOTHING,
                NOTHING,
                *stamps,
                covers=0,
                known=last.known,
                beyond=beyond,
            )


def _follow(side: dict[int, int], changes: Changes) -> None:
    for price, size in zip(changes.prices, changes.sizes, strict=True):
        if size:
            side[price] = size
        else:
            side.pop(price, None)


def _as_new(side: dict[int, int]) -> Changes:
    return Changes(list(side), list(side.values()), [0] * len(side))


class Present:
    """Follows events; at any time `events` are those after which another follower knows the same."""

    def __init__(self) -> None:
        self._instruments: dict[str, Instrument] = {}
        self._books: dict[str, _Book] = {}
        self._states: dict[str, Status] = {}
        self._tickers: dict[str, dict[str, Any]] = {}
        self._indices: dict[tuple[type[Event], str], Index | VolatilityIndex] = {}
        self._statuses: dict[tuple[str, str], VenueStatus] = {}

    def take(self, event: Event) -> None:
        """Take over an event."""
        if isinstance(event, (Index, VolatilityIndex)):
            self._indices[type(event), event.name] = event
            return
        if isinstance(event, VenueStatus):
            if event.state != "notice":
                self._statuses[event.key] = event
            return
        instrument = getattr(event, "instrument", None)
        if not isinstance(instrument, Instrument):
            return
        name = instrument.name
        self._instruments[name] = instrument
        if isinstance(event, BookDelta):
            self._books[name].change(event)
        elif isinstance(event, BookImage):
            self._books[name] = _Book(event)
        elif isinstance(event, Status):
            self._states[name] = event
        elif isinstance(event, Ticker):
            stated = {key: value for key in _STATED if (value := getattr(event, key)) is not None}
            self._tickers.setdefault(name, {}).update(stated, venue_ns=event.venue_ns, seen_ns=event.seen_ns)
        elif isinstance(event, Listing) and name in self._books:
            self._books[name].rescale(instrument)

    def events(self, at_ns: int) -> list[Event]:
        """The state as events: what the venue says, every definition, what is known of each instrument, and indices."""
        found: list[Event] = [*self._statuses.values()]
        for name, instrument in self._instruments.items():
            found.append(Listing(instrument, at_ns))
            found += self._book(name, instrument, at_ns)
            if name in self._tickers:
                found.append(Ticker(instrument=instrument, **self._tickers[name]))
        return [*found, *self._indices.values()]

    def live(self) -> list[Instrument]:
        """The instruments whose books are live."""
        return [self._instruments[name] for name in self._books if self._is_live(name)]

    def _is_live(self, name: str) -> bool:
        state = self._states.get(name)
        return state is None or state.state == "live"

    def _book(self, name: str, instrument: Instrument, at_ns: int) -> Iterator[Event]:
        state, book = self._states.get(name), self._books.get(name)
        if book is not None:
            book.rescale(instrument)
            live_ns = state.seen_ns if state is not None else at_ns
            yield Status(instrument, "live", "", live_ns)
            yield from book.events(instrument)
        if state is not None and not (book is not None and state.state == "live"):
            yield msgspec.structs.replace(state, instrument=instrument)

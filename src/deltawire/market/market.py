"""All instruments of all venues behind one server, under their public names."""

from collections.abc import Iterator, KeysView

from deltawire.market.indices import IndexDay
from deltawire.market.state import InstrumentState
from deltawire.model.events import (
    BookDelta,
    BookImage,
    Event,
    Fault,
    Index,
    Listing,
    Status,
    Ticker,
    Trade,
)
from deltawire.model.instruments import Instrument


class Market:
    """Builds the present from events.

    Instruments of the home venue keep their bare names; those of any other are `venue:name`.
    """

    def __init__(self, home: str) -> None:
        self.home = home
        self.indices: dict[str, Index] = {}
        self.index_days: dict[str, IndexDay] = {}
        self.now_ns: dict[str, int] = {}
        self._states: dict[str, InstrumentState] = {}
        self._by_key: dict[tuple[str, str], InstrumentState] = {}
        self._stated_indices: set[str] = set()

    def advance(self, venue: str, now: int) -> None:
        """A venue's time has come to `now`."""
        self.now_ns[venue] = now

    def public_name(self, venue: str, name: str) -> str:
        """How the outside calls an instrument or index of a venue."""
        return name if venue == self.home else f"{venue}:{name}"

    def find(self, name: str) -> InstrumentState | None:
        """An instrument by its public name."""
        return self._states.get(name)

    def state(self, instrument: Instrument) -> InstrumentState:
        """The state of an instrument, made known if it is not yet."""
        key = (instrument.venue, instrument.name)
        state = self._by_key.get(key)
        if state is None:
            name = self.public_name(*key)
            state = InstrumentState(instrument, name, len(self._states) + 1)
            self._states[name] = self._by_key[key] = state
        return state

    def names(self) -> KeysView[str]:
        """The public names of all instruments."""
        return self._states.keys()

    def __iter__(self) -> Iterator[InstrumentState]:
        return iter(self._states.values())

    def __len__(self) -> int:
        return len(self._states)

    def time(self, state: InstrumentState) -> int:
        """The clock of the instrument's venue: recorded time in a replay."""
        return self.now_ns.get(state.instrument.venue, 0)

    def index(self, name: str) -> Index | None:
        """An index by its public name."""
        return self.indices.get(name)

    def apply(self, event: Event) -> InstrumentState | None:
        """Take an event in; returns the state it changed, None when it is about no single instrument."""
        if isinstance(event, Index):
            self._index_stated(event)
            return None
        if isinstance(event, Fault):
            return None
        state = self.state(event.instrument)
        if isinstance(event, BookDelta):
            state.changed_by(event)
        elif isinstance(event, Ticker):
            state.ticked(event)
            self._index_seen(event)
        elif isinstance(event, Trade):
            state.traded(event)
        elif isinstance(event, BookImage):
            state.imaged_by(event)
        elif isinstance(event, Status):
            state.told(event)
        elif isinstance(event, Listing):
            state.define(event.instrument)
        return state

    def _index_stated(self, index: Index) -> None:
        name = self.public_name(index.venue, index.name)
        self._stated_indices.add(name)
        self._take_index(name, index)

    def _index_seen(self, ticker: Ticker) -> None:
        """A ticker names its index price: good where the venue's index channel is not heard."""
        instrument = ticker.instrument
        name = self.public_name(instrument.venue, instrument.index_name)
        if ticker.index_price is not None and instrument.index_name and name not in self._stated_indices:
            stamps = ticker.venue_ns, ticker.seen_ns
            self._take_index(
                name, Index(instrument.venue, instrument.index_name, ticker.index_price, *stamps)
            )

    def _take_index(self, name: str, index: Index) -> None:
        self.indices[name] = index
        day = self.index_days.get(name)
        if day is None:
            day = self.index_days[name] = IndexDay()
        day.add(index.price, index.venue_ns or index.seen_ns)

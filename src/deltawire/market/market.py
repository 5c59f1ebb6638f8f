"""All instruments of all venues behind one server, under their public names."""

from collections.abc import Iterator, KeysView

from deltawire.market.indices import IndexDay
from deltawire.market.levels import LevelHistory
from deltawire.market.state import InstrumentState
from deltawire.market.volumes import VolumeHistory
from deltawire.model.events import (
    BookDelta,
    BookImage,
    Event,
    Fault,
    Index,
    Listing,
    Past,
    Status,
    Ticker,
    Trade,
    VenuePast,
    VolatilityIndex,
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
        self.index_past: dict[str, LevelHistory] = {}
        self.volatility: dict[str, VolatilityIndex] = {}
        """The newest of each, by the public name of its index."""
        self.volatility_past: dict[str, LevelHistory] = {}
        self.volumes = VolumeHistory()
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
        if isinstance(event, VolatilityIndex):
            self._volatility_stated(event)
            return None
        if isinstance(event, VenuePast):
            self._restored(event)
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
            self.volumes.traded(event)
        elif isinstance(event, BookImage):
            state.imaged_by(event)
        elif isinstance(event, Status):
            state.told(event)
        elif isinstance(event, Listing):
            state.define(event.instrument)
        elif isinstance(event, Past):
            state.restored(event)
        return state

    def _volatility_stated(self, event: VolatilityIndex) -> None:
        name = self.public_name(event.venue, event.name)
        self.volatility[name] = event
        _of(self.volatility_past, name).seen(event.venue_ns or event.seen_ns, event.value)

    def _restored(self, past: VenuePast) -> None:
        for histories, bars in ((self.index_past, past.indices), (self.volatility_past, past.volatility)):
            for name, rows in bars.items():
                _of(histories, self.public_name(past.venue, name)).restore(rows)
        self.volumes.restore(past.volumes)

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
        at_ns = index.venue_ns or index.seen_ns
        day.add(index.price, at_ns)
        _of(self.index_past, name).seen(at_ns, index.price)


def _of(histories: dict[str, LevelHistory], name: str) -> LevelHistory:
    found = histories.get(name)
    if found is None:
        found = histories[name] = LevelHistory()
    return found

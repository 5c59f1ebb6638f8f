"""All instruments of all venues behind one server, under their public names."""

from collections import defaultdict, deque
from collections.abc import Iterator, KeysView

from deltawire.market.book_log import BookEntry, BookLogs
from deltawire.market.images import MarketImage
from deltawire.market.indices import SECOND_NS, IndexState
from deltawire.market.levels import LevelHistory
from deltawire.market.standing import VenueStanding
from deltawire.market.state import InstrumentState
from deltawire.market.volumes import VolumeHistory
from deltawire.market.whole import follow_whole
from deltawire.model.events import (
    Audit,
    BookDelta,
    BookImage,
    Derived,
    Event,
    Fault,
    Index,
    Listing,
    Past,
    Status,
    Ticker,
    Trade,
    VenuePast,
    VenueStatus,
    VolatilityIndex,
)
from deltawire.model.instruments import Instrument

ALL = ""
"""In place of a venue: the newest time of all of them."""
CHANGES_KEPT = 1000

ActiveChange = tuple[int, InstrumentState, bool, int]
"""The number of a change among those of all instruments, whose it is, whether it is active now, when it was seen."""
LockChange = tuple[int, str, bool]
"""The number of a change, the index of the home venue that it is about, and whether its markets are locked now."""


class Market:
    """Builds the present from events, and counts them; with the same calls in the same order it is the same.

    `advance` comes before the events of a moment, `begin_moment` with them, and `apply` once for each. Instruments of
    the home venue keep their bare names; those of any other are `venue:name`.
    """

    def __init__(self, home: str) -> None:
        self.home = home
        self.index_past: dict[str, LevelHistory] = {}
        self.volatility_past: dict[str, LevelHistory] = {}
        """By the public name of the index."""
        self.volumes = VolumeHistory()
        self.derived: dict[str, Derived] = {}
        """The newest figures of each channel that has any."""
        self.standings: dict[str, VenueStanding] = {}
        """What venues have said of themselves."""
        self.lock_changes: deque[LockChange] = deque(maxlen=CHANGES_KEPT)
        self.now_ns: dict[str, int] = {}
        """The time of each venue from which an event has come."""
        self.trades = 0
        """How many there have been, of all instruments."""
        self.active_changes: deque[ActiveChange] = deque(maxlen=CHANGES_KEPT)
        self._active_changes = 0
        self._moment = self._numbered = 0
        self._states: dict[str, InstrumentState] = {}
        self._by_key: dict[tuple[str, str], InstrumentState] = {}
        self._indices: defaultdict[str, IndexState] = defaultdict(IndexState)
        self._logs = BookLogs()

    def public_name(self, venue: str, name: str) -> str:
        """How the outside calls an instrument or index of a venue."""
        return name if venue == self.home else f"{venue}:{name}"

    def venue_of(self, name: str) -> str:
        """Of which venue an index is, by its public name."""
        venue, colon, _ = name.partition(":")
        return venue if colon else self.home

    def find(self, name: str) -> InstrumentState | None:
        """An instrument by its public name."""
        return self._states.get(name)

    def state(self, instrument: Instrument) -> InstrumentState:
        """The state of an instrument, made known if it is not yet."""
        key = (instrument.venue, instrument.name)
        state = self._by_key.get(key)
        if state is None:
            name = self.public_name(*key)
            index = self._index_of(instrument)
            self._numbered += 1
            state = InstrumentState(instrument, name, self._numbered, index)
            self._states[name] = self._by_key[key] = state
        return state

    def names(self) -> KeysView[str]:
        """The public names of all instruments."""
        return self._states.keys()

    def __iter__(self) -> Iterator[InstrumentState]:
        return iter(self._states.values())

    def __len__(self) -> int:
        return len(self._states)

    def advance(self, venue: str, now: int) -> None:
        """A venue's time has come to `now`."""
        self.now_ns[venue] = now
        if now > self.now_ns.get(ALL, 0):
            self.now_ns[ALL] = now

    def begin_moment(self) -> None:
        """What is applied from now on happened together."""
        self._moment += 1

    def time(self, state: InstrumentState) -> int:
        """The clock of the instrument's venue: recorded time in a replay."""
        return self.now_ns.get(state.instrument.venue, 0)

    def index(self, name: str) -> Index | None:
        """An index by its public name."""
        state = self._indices.get(name)
        return None if state is None else state.newest

    def index_names(self) -> list[str]:
        """The public names of all indices with a price."""
        return [name for name, state in self._indices.items() if state.newest is not None]

    def find_index(self, name: str) -> IndexState | None:
        """What is known of an index by its public name."""
        return self._indices.get(name)

    def apply(self, event: Event) -> InstrumentState | None:
        """Take an event in; returns the state it changed, None when it is about no single instrument."""
        if isinstance(event, Index):
            self._apply_index(event)
            return None
        if isinstance(event, VolatilityIndex):
            self._apply_volatility(event)
            return None
        if isinstance(event, VenuePast):
            self._restored(event)
            return None
        if isinstance(event, Derived):
            self.derived[event.channel] = event
            return None
        if isinstance(event, VenueStatus):
            self._apply_venue_status(event)
            return None
        if isinstance(event, Fault):
            return None
        instrument = event.instrument
        known = self._by_key.get((instrument.venue, instrument.name))
        state = known or self.state(instrument)
        state.events += 1
        now = self.now_ns.get(instrument.venue, 0)
        if known is None and not isinstance(event, Listing):
            self._changed_active(state, instrument.active, now)
        if isinstance(event, BookDelta):
            if state.whole is not None or event.known.edged:
                follow_whole(state, event, now, self._moment, self._logs)
            entry = state.changed_by(event, now, self._moment)
            if entry is not None:
                self._logs.add(state.book_log, entry)
        elif isinstance(event, Ticker):
            state.ticked(event, now)
            self._apply_ticker(event, state, now)
        elif isinstance(event, Trade):
            self.trades += 1
            state.traded(event, self.trades, now, self.now_ns.get(ALL, 0))
            self.volumes.traded(event)
        elif isinstance(event, BookImage):
            follow_whole(state, event, now, self._moment, self._logs)
            self._logs.add(state.book_log, state.imaged_by(event, now, self._moment))
        elif isinstance(event, Status):
            follow_whole(state, event, now, self._moment, self._logs)
            entry = state.apply_status(event, now, self._moment)
            if entry is not None:
                self._logs.add(state.book_log, entry)
        elif isinstance(event, Audit):
            state.health.audited_by(event)
        elif isinstance(event, Listing):
            self._apply_listing(event, state, now)
        elif isinstance(event, Past):
            state.restored(event, self.trades)
            self.trades += len(event.trades)
        return state

    def freeze(self) -> MarketImage:
        """The whole market as a value, for `thaw`; figures of derivations are not part of it."""
        places: dict[int, int] = {}
        for number, state in enumerate(self):
            places[id(state.book_log.entries)] = 2 * number
            if state.whole is not None:
                places[id(state.whole.book_log.entries)] = 2 * number + 1
        return MarketImage(
            home=self.home,
            now_ns=dict(self.now_ns),
            trades=self.trades,
            numbered=self._numbered,
            moment=self._moment,
            active=self._active_changes,
            active_changes=[
                (number, state.name, active, seen) for number, state, active, seen in self.active_changes
            ],
            instruments=[state.freeze() for state in self],
            indices={name: state.freeze() for name, state in self._indices.items()},
            index_past={name: history.freeze() for name, history in self.index_past.items()},
            volatility_past={name: history.freeze() for name, history in self.volatility_past.items()},
            volumes=self.volumes.rows(),
            standings={venue: standing.freeze() for venue, standing in self.standings.items()},
            lock_changes=[*self.lock_changes],
            order=[places[id(entries)] for entries in self._logs.freeze() if id(entries) in places],
        )

    def thaw(self, image: MarketImage) -> None:
        """Take over the result of `freeze`, in a new market with the same home."""
        self.now_ns.update(image.now_ns)
        self.trades, self._moment, self._active_changes = image.trades, image.moment, image.active
        logs: list[deque[BookEntry]] = []
        for each in image.instruments:
            state = InstrumentState(each.instrument, each.name, each.number, each.index)
            state.thaw(each)
            self._states[each.name] = state
            self._by_key[each.instrument.venue, each.instrument.name] = state
            logs += state.book_log.entries, (state.whole or state).book_log.entries
        self._numbered = image.numbered
        self._logs.thaw(logs[place] for place in image.order)
        for name, index in image.indices.items():
            self._indices[name].thaw(index)
        for histories, bars in (
            (self.index_past, image.index_past),
            (self.volatility_past, image.volatility_past),
        ):
            for name, rows in bars.items():
                _of(histories, name).thaw(rows)
        self.volumes.restore(image.volumes)
        for venue, standing in image.standings.items():
            self._standing_of(venue).thaw(standing)
        self.lock_changes.extend(image.lock_changes)
        for number, name, active, seen in image.active_changes:
            if (found := self._states.get(name)) is not None:
                self.active_changes.append((number, found, active, seen))

    def knows(self, venue: str) -> bool:
        """Whether there is an instrument, an index or a status of a venue."""
        return (
            venue in self.standings
            or any(state.instrument.venue == venue for state in self)
            or any(self.venue_of(name) == venue for name in self._indices)
        )

    def forget(self, venue: str) -> bool:
        """Forget the instruments and indices of a venue, whose source begins anew; returns whether there were any."""
        names = [state.name for state in self if state.instrument.venue == venue]
        for name in names:
            state = self._states.pop(name)
            self._logs.drop(state.book_log)
            if state.whole is not None:
                self._logs.drop(state.whole.book_log)
            del self._by_key[venue, state.instrument.name]
        indices = [name for name in self._indices if self.venue_of(name) == venue]
        for name in indices:
            del self._indices[name]
            self.index_past.pop(name, None)
            self.volatility_past.pop(name, None)
        said = self.standings.pop(venue, None)
        gone = {*names}
        kept = [change for change in self.active_changes if change[1].name not in gone]
        self.active_changes.clear()
        self.active_changes.extend(kept)
        self.derived = {name: each for name, each in self.derived.items() if each.venue != venue}
        return bool(names or indices or said)

    def locked_indices(self) -> list[str]:
        """The indices whose markets the home venue says are down, in order."""
        standing = self.standings.get(self.home)
        down = standing.down() if standing is not None else set()
        return sorted(self._indices_of_home()) if "" in down else sorted(down & self._indices_of_home())

    def _indices_of_home(self) -> set[str]:
        return {state.instrument.index_name for state in self if state.instrument.venue == self.home} - {""}

    def _apply_venue_status(self, status: VenueStatus) -> None:
        before = {*self.locked_indices()} if status.venue == self.home else set()
        self._standing_of(status.venue).take(status)
        if status.venue != self.home:
            return
        now = {*self.locked_indices()}
        for index in sorted(before ^ now):
            number = self.lock_changes[-1][0] + 1 if self.lock_changes else 1
            self.lock_changes.append((number, index, index in now))

    def _standing_of(self, venue: str) -> VenueStanding:
        standing = self.standings.get(venue)
        if standing is None:
            standing = self.standings[venue] = VenueStanding()
        return standing

    def _apply_listing(self, listing: Listing, state: InstrumentState, now: int) -> None:
        before = state.published_active
        active = listing.instrument.active
        state.define(listing.instrument, self._index_of(listing.instrument), now)
        if state.whole is not None:
            state.whole.define(listing.instrument, state.index, now)
        if before is not active:
            self._changed_active(state, active, listing.seen_ns)
        else:
            state.listed(active, state.active_change)

    def _changed_active(self, state: InstrumentState, active: bool, seen_ns: int) -> None:
        """An instrument became known, by a definition or by data alone, or its state changed."""
        self._active_changes += 1
        state.listed(active, self._active_changes)
        self.active_changes.append((self._active_changes, state, active, seen_ns))

    def _apply_volatility(self, event: VolatilityIndex) -> None:
        name = self.public_name(event.venue, event.name)
        self._indices[name].take_volatility(event, self.now_ns.get(event.venue, 0))
        _of(self.volatility_past, name).seen(event.venue_ns or event.seen_ns, event.value)

    def _restored(self, past: VenuePast) -> None:
        for histories, bars in ((self.index_past, past.indices), (self.volatility_past, past.volatility)):
            for name, rows in bars.items():
                _of(histories, self.public_name(past.venue, name)).restore(rows)
        self.volumes.restore(past.volumes)

    def _apply_index(self, index: Index) -> None:
        name = self.public_name(index.venue, index.name)
        self._take_index(name, index, self.now_ns.get(index.venue, 0), channel=True)

    def _apply_ticker(self, ticker: Ticker, state: InstrumentState, now: int) -> None:
        """A ticker names its index price: good where the venue's index channel is not subscribed to."""
        if not state.index:
            return
        instrument, index = state.instrument, self._indices[state.index]
        if instrument.kind == "option" and "mark_price" in state.ticker:
            index.option_tickers.add(now)
        if ticker.estimated_delivery_price is not None and instrument.expires_after(now + SECOND_NS):
            index.estimates.add(now)
        if ticker.index_price is not None and not index.stated:
            stamps = ticker.venue_ns, ticker.seen_ns
            stated = Index(instrument.venue, instrument.index_name, ticker.index_price, *stamps)
            self._take_index(state.index, stated, now, channel=False)

    def _take_index(self, name: str, index: Index, now: int, *, channel: bool) -> None:
        self._indices[name].take(index, now, channel=channel)
        _of(self.index_past, name).seen(index.venue_ns or index.seen_ns, index.price)

    def _index_of(self, instrument: Instrument) -> str:
        return self.public_name(instrument.venue, instrument.index_name) if instrument.index_name else ""


def _of(histories: dict[str, LevelHistory], name: str) -> LevelHistory:
    history = histories.get(name)
    if history is None:
        history = histories[name] = LevelHistory()
    return history

"""What a subscription has given within some time: a list of items that tables can be made of."""

from collections.abc import Iterable, Iterator

from deltawire.client.items import Gap, Item, Outage, Recovered
from deltawire.dialect.grammar import parse_channel
from deltawire.model.events import BestLevels, BookDelta, BookImage, Event, Listing, Status
from deltawire.model.instruments import Instrument
from deltawire.session.account_items import AccountChanges, Balance, Order, UserTrade
from deltawire.session.client import Notification
from deltawire.tables import Tabular

BOOKS = BookImage, BookDelta, BestLevels, Status


class Collected(list[Item], Tabular):
    """Items in their order. In tables a book is stale (`lost`) from an outage until it has recovered, or begins anew.

    `books` are those that had begun before: tables of books begin with them, behind the first `early` items.
    """

    def __init__(self, items: Iterable[Item] = (), *, books: Iterable[Event] = (), early: int = 0) -> None:
        super().__init__(items)
        self._early = early
        self.books = tuple(books)

    def _events(self) -> Iterator[Event]:
        known = _Known()
        early = (item for item in self[: self._early] if not isinstance(item, BOOKS))
        for item in (*early, *self.books, *self[self._early :]):
            yield from known.events(item)

    def __repr__(self) -> str:
        return f"<{len(self)} items>"


class _Known:
    """Turns what is said of connections into statuses of the books that are known by then, and defines instruments."""

    def __init__(self) -> None:
        self._books: dict[str, tuple[Instrument, Status | None]] = {}
        """By key: its instrument, and the state that it was in, by the events alone."""
        self._defined: dict[str, Instrument] = {}
        self._seen_ns = 0

    def events(self, item: Item) -> Iterable[Event]:
        """What an item comes to."""
        match item:
            case Outage():
                return [self._lost(instrument) for instrument, _ in self._books.values()]
            case Gap(channel=channel):
                return [self._lost(instrument) for instrument, _ in self._of([channel])]
            case Recovered(channels=channels):
                return [status for _, status in self._of(channels) if status is not None]
            case Notification() | Order() | UserTrade() | AccountChanges() | Balance():
                return []
        self._seen_ns = getattr(item, "seen_ns", 0) or self._seen_ns
        match item:
            case Status(instrument=instrument):
                self._books[instrument.key] = instrument, item
            case BookImage(instrument=instrument) | BookDelta(instrument=instrument):
                self._books[instrument.key] = instrument, self._books.get(instrument.key, (None, None))[1]
            case BestLevels(instrument=instrument):
                self._books.setdefault(instrument.key, (instrument, None))
        return [*self._definition(item), item]

    def _definition(self, event: Event) -> list[Listing]:
        """The definition of an instrument that is new here, or has changed: a server states it on request only."""
        instrument = getattr(event, "instrument", None)
        if not isinstance(instrument, Instrument):
            return []
        known, self._defined[instrument.key] = self._defined.get(instrument.key), instrument
        if known is instrument or known == instrument or isinstance(event, Listing):
            return []
        return [Listing(instrument, self._seen_ns)]

    def _of(self, channels: Iterable[str]) -> list[tuple[Instrument, Status | None]]:
        """The books of channels, by the instrument's name or with its venue before."""
        keys = [key for channel in channels if (key := parse_channel(channel)) is not None]
        names = {key.instrument for key in keys if key.family in ("book", "grouped_book")}
        return [each for each in self._books.values() if names & {each[0].name, each[0].key}]

    def _lost(self, instrument: Instrument) -> Status:
        return Status(instrument, "stale", "lost", self._seen_ns)

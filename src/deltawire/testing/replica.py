"""A subscriber that verifies everything: it rebuilds each book from events and checks each guarantee."""

import msgspec

from deltawire.model.events import (
    BeyondChanges,
    BookDelta,
    BookImage,
    BookState,
    Changes,
    Event,
    Levels,
    Status,
)
from deltawire.model.known_range import WHOLE, KnownRange
from deltawire.testing.simulators.market import PlainBook

NOTHING = Changes([], [], [])


class ContractViolationError(AssertionError):
    """An event that a verified book cannot produce."""


class ReplicaBook(msgspec.Struct):
    """The book of one instrument, as its events describe it: all levels, of which some may be beyond what is known."""

    state: BookState = "syncing"
    sequence: int = 0
    book: PlainBook = msgspec.field(default_factory=lambda: PlainBook({}, {}))
    venue_sequence: int = 0
    known: KnownRange = WHOLE

    def rescale_range(self, price_factor: int) -> None:
        """Convert to finer ticks."""
        self.known = self.known.rescaled(price_factor)

    @property
    def inside(self) -> PlainBook:
        """The levels within the known range."""
        low, high = self.known.bids, self.known.asks
        return PlainBook(
            {price: size for price, size in self.book.bids.items() if low is None or price >= low},
            {price: size for price, size in self.book.asks.items() if high is None or price <= high},
        )


class Replica:
    """All books by instrument name; raises `ContractViolationError` at the first impossible event.

    The guarantees: one image comes first and no other after it; sequences rise by one with each change of what is
    known; a change starts from the size that the subscriber has; nothing is published unless the book is live; no book
    is ever crossed; levels are where the known range says, or beyond it. Prices and sizes are in the units of the
    latest event.
    """

    def __init__(self) -> None:
        self.books: dict[str, ReplicaBook] = {}
        self._exponents: dict[str, tuple[int, int]] = {}
        self._tops: dict[str, tuple[int | None, int | None]] = {}

    def take(self, event: Event) -> None:
        """Check an event and apply it."""
        if isinstance(event, (BookImage, BookDelta, Status)):
            name = event.instrument.name
            held = self.books.setdefault(name, ReplicaBook())
            if isinstance(event, Status):
                held.state = event.state
                return
            self._rescale(event, held)
            if isinstance(event, BookImage):
                self._take_image(event, held)
            else:
                self._take_delta(event, held)
            held.sequence, held.venue_sequence = event.sequence, event.venue_sequence
            held.known = event.known
            bid, ask = self._top_prices(event, held)
            _promise(bid is None or ask is None or bid < ask, event, "the book is crossed")

    def _top_prices(self, event: BookImage | BookDelta, held: ReplicaBook) -> tuple[int | None, int | None]:
        """The best bid and ask. A side is searched only if its best price is not there any more."""
        bids, asks = held.book.bids, held.book.asks
        bid, ask = self._tops.get(event.instrument.name, (None, None))
        if isinstance(event, BookImage) or bid not in bids:
            bid = max(bids, default=None)
        if isinstance(event, BookImage) or ask not in asks:
            ask = min(asks, default=None)
        if isinstance(event, BookDelta):
            far = event.beyond or BeyondChanges(NOTHING, NOTHING)
            bid = max((p for p in (bid, *event.bids.prices, *far.bids.prices) if p in bids), default=None)
            ask = min((p for p in (ask, *event.asks.prices, *far.asks.prices) if p in asks), default=None)
        self._tops[event.instrument.name] = bid, ask
        return bid, ask

    def _take_image(self, event: BookImage, held: ReplicaBook) -> None:
        _promise(held.state == "live", event, "an image of a book that is not live")
        _promise(not held.sequence and event.sequence == 1, event, "an image after the first")
        held.book = PlainBook(_load(event.bids, event), _load(event.asks, event))
        bids, asks = event.bids.prices, event.asks.prices
        _promise(bids == sorted(bids, reverse=True) and asks == sorted(asks), event, "levels out of order")

    def _take_delta(self, event: BookDelta, held: ReplicaBook) -> None:
        _promise(held.state == "live", event, "a delta of a book that is not live")
        _promise(held.sequence > 0, event, "a delta before the image")
        _promise(event.covers in (0, 1), event, f"a delta of {event.covers}")
        _promise(event.sequence == held.sequence + event.covers, event, f"a delta after {held.sequence}")
        _promise(
            bool(event.covers) or not (event.bids or event.asks),
            event,
            "changes of a book that stays the same",
        )
        self._check_range(event, held)
        if event.beyond is not None:
            _follow(held.book.bids, event.beyond.bids, event)
            _follow(held.book.asks, event.beyond.asks, event)
        _follow(held.book.bids, event.bids, event)
        _follow(held.book.asks, event.asks, event)

    def _check_range(self, event: BookDelta, held: ReplicaBook) -> None:
        """A new level is where it belongs; one that goes may belong to the range before."""
        far = event.beyond or BeyondChanges(NOTHING, NOTHING)
        for near_side, far_side, edge, sign in (
            (event.bids, far.bids, event.known.bids, -1),
            (event.asks, far.asks, event.known.asks, 1),
        ):
            for side, inside in ((near_side, True), (far_side, False)):
                for price, size in zip(side.prices, side.sizes, strict=True):
                    fits = (edge is None or price * sign <= edge * sign) == inside
                    _promise(fits or not size, event, f"{price} is on the wrong side of {edge}")

    def _rescale(self, event: BookImage | BookDelta, held: ReplicaBook) -> None:
        instrument = event.instrument
        now = instrument.price_exponent, instrument.size_exponent
        before = self._exponents.setdefault(instrument.name, now)
        if now != before:
            self._exponents[instrument.name] = now
            price_factor, size_factor = 10 ** (before[0] - now[0]), 10 ** (before[1] - now[1])
            for side in ("bids", "asks"):
                finer = {p * price_factor: s * size_factor for p, s in getattr(held.book, side).items()}
                setattr(held.book, side, finer)
            self._tops.pop(instrument.name, None)
            held.rescale_range(price_factor)


def _load(levels: Levels, event: Event) -> dict[int, int]:
    side = dict(zip(levels.prices, levels.sizes, strict=True))
    _promise(len(side) == len(levels.prices), event, "a price twice")
    _promise(all(size > 0 for size in side.values()), event, "a level without size")
    return side


def _follow(side: dict[int, int], changes: Changes, event: Event) -> None:
    for price, size, previous in zip(changes.prices, changes.sizes, changes.previous, strict=True):
        _promise(side.get(price, 0) == previous, event, f"{price} had {side.get(price, 0)}, not {previous}")
        _promise(size != previous and size >= 0, event, f"{price} changes from {previous} to {size}")
        if size:
            side[price] = size
        else:
            del side[price]


def _promise(kept: bool, event: Event, complaint: str) -> None:
    if not kept:
        raise ContractViolationError(f"{complaint}: {event}")

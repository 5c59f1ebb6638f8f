"""Hubs whose events are those of scripted books, with what is derived from them."""

from collections.abc import Sequence

from deltawire.analytics.derivations import Derivations
from deltawire.fanout.hub import Hub
from deltawire.market.market import Market
from deltawire.model.events import Event
from tests.support.market_events import MS_NS, START_NS, VENUE, ScriptedBook


class DerivingHubs:
    """A publisher with derivations, and hubs that get its events."""

    def __init__(
        self, count: int = 1, *, derivations: Derivations | None = None, books: Sequence[ScriptedBook] = ()
    ) -> None:
        """The first of `books` is the one that the methods are about."""
        self.derivations = derivations or Derivations()
        self.hubs = [Hub(Market(VENUE), "epoch", derivations=self.derivations) for _ in range(count)]
        self.books = [*books] or [ScriptedBook()]
        self.book = self.books[0]

    def publish(self, now_ns: int, events: list[Event]) -> None:
        events = list(self.derivations.extended(events))
        for hub in self.hubs:
            hub.advance(VENUE, now_ns)
            hub.publish(events)
            hub.flush()

    def at(self, milliseconds: int) -> int:
        """The time since the beginning, also that of the books from now on."""
        now_ns = START_NS + milliseconds * MS_NS
        for book in self.books:
            book.now_ns = now_ns
        return now_ns

    def image(self, bids: dict[int, int], asks: dict[int, int]) -> None:
        self.publish(self.book.now_ns, self.book.image(bids, asks))

    def change(self, milliseconds: int, bids: dict[int, int], asks: dict[int, int] | None = None) -> None:
        self.publish(self.at(milliseconds), [self.book.change(bids, asks or {})])

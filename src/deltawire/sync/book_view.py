"""A live book without `await`."""

from decimal import Decimal
from typing import Self

from deltawire.client.book_view import SHOWN
from deltawire.client.book_view import BookView as AsyncBookView
from deltawire.model.events import BookState, Level, Side
from deltawire.model.instruments import Instrument
from deltawire.sync.loop import LoopThread


class BookView:
    """See `deltawire.BookView`: every member is read between two changes of the book."""

    def __init__(self, loop: LoopThread, view: AsyncBookView) -> None:
        self._loop = loop
        self._view = view
        self.name = view.name

    @property
    def instrument(self) -> Instrument | None:
        """The instrument, None before the first image."""
        return self._loop.ask(lambda: self._view.instrument)

    @property
    def state(self) -> BookState:
        """Whether its prices stand for the market."""
        return self._loop.ask(lambda: self._view.state)

    @property
    def reason(self) -> str:
        """Why it is not live."""
        return self._loop.ask(lambda: self._view.reason)

    @property
    def detail(self) -> str:
        """More of the reason, where there is more to say."""
        return self._loop.ask(lambda: self._view.detail)

    @property
    def age(self) -> float | None:
        """Seconds since its last change came here, None before the first image."""
        return self._loop.ask(lambda: self._view.age)

    @property
    def verified(self) -> bool:
        """Whether the book as it stands is the server's, by the server's checksum."""
        return self._loop.ask(lambda: self._view.verified)

    @property
    def complete_to(self) -> tuple[Decimal | None, Decimal | None] | None:
        """The lowest bid and the highest ask up to which no level is missing; None while the book is not live.

        In place of a price, None says that the whole side is known.
        """
        return self._loop.ask(lambda: self._view.complete_to)

    @property
    def mid(self) -> Decimal | None:
        """Between the best bid and the best ask; None where one of them is missing."""
        return self._loop.ask(lambda: self._view.mid)

    @property
    def spread(self) -> Decimal | None:
        """From the best bid to the best ask; None where one of them is missing."""
        return self._loop.ask(lambda: self._view.spread)

    def top(self, depth: int = SHOWN, *, stale: bool = False) -> tuple[list[Level], list[Level]]:
        """The best bids and asks of one moment, best first; none while it is not live, unless `stale` ones will do."""
        return self._loop.ask(lambda: self._view.top(depth, stale=stale))

    def vwap(self, side: Side, notional: float) -> float | None:
        """The mean price at which one would `buy` or `sell` for so much of the quote currency, now."""
        return self._loop.ask(lambda: self._view.vwap(side, notional))

    def next(self, timeout: float | None = None) -> Self:
        """The book after its next change."""
        self._loop.run(self._view.next(timeout))
        return self

    def __repr__(self) -> str:
        return self._loop.ask(lambda: repr(self._view))

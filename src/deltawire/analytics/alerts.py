"""Alerts: a book has become thin or wide, or two books cross, beyond a threshold; and do so no more."""

from collections.abc import Sequence

from deltawire.analytics.book_metrics import SIDES
from deltawire.analytics.channel_data import notional
from deltawire.analytics.depth import depth_within
from deltawire.analytics.derivation import FollowedBook, Intervals, OfBook
from deltawire.analytics.figures import AlertData, CrossedData
from deltawire.analytics.known_book import KnownBook
from deltawire.analytics.spreads import quoted_bp
from deltawire.model.events import BookDelta, BookImage, Event, Status, Trade
from deltawire.model.instruments import Instrument

MS_NS = 1_000_000
BAND_BP = 10.0
BACK = 0.1
"""How far beyond the threshold, as a share of it, the value must come back: it does not flap at the threshold."""


class Threshold:
    """Whether a value is beyond a threshold, told once and until it is clearly back."""

    def __init__(self, at: float, *, below: bool = False) -> None:
        """`below`: small values raise the alert, otherwise large ones do."""
        self.at, self._below = at, below
        self._raised: bool | None = None

    def crossed(self, value: float, *, certain: bool = True) -> bool | None:
        """Whether the alert is raised, if that is to be told: when it changes, and at first.

        A value that is not certain raises nothing.
        """
        beyond = value < self.at if self._below else value > self.at
        back = value > self.at * (1 + BACK) if self._below else value < self.at * (1 - BACK)
        if beyond and certain and self._raised is not True:
            self._raised = True
        elif (self._raised is None and not beyond) or (self._raised and back):
            self._raised = False
        else:
            return None
        return self._raised

    def suspend(self) -> None:
        """Nothing is watched: afterwards it is told again where the value stands."""
        self._raised = None


class AlertMetric(OfBook):
    """One threshold of one book, looked at when an interval ends; told when it is crossed, either way.

    While the book is not live nothing is watched; the first interval after it says again where the value stands. It is
    silent like `DepthMetric` where contracts are of unknown size.
    """

    def __init__(self, key: str, label: str, interval_ns: int, *, what: str, at: float) -> None:
        """`what` is `thin` (`at` a notional in quote currency) or `wide` (`at` basis points)."""
        super().__init__(key)
        self._label, self._thin = label, what == "thin"
        self._intervals, self._threshold = Intervals(interval_ns), Threshold(at, below=self._thin)

    @property
    def due_ns(self) -> int:
        """The book is looked at when an interval ends."""
        return self._intervals.end_ns

    def update(self, event: Event) -> Sequence[AlertData]:
        """A crossing, if there is one."""
        if not isinstance(event, (BookDelta, BookImage, Trade, Status)) or not self._concerns(event):
            return ()
        end = self._intervals.ended(0 if isinstance(event, Status) else event.venue_ns)
        found = None if end is None else self._look(end)
        if not isinstance(event, Trade):
            self._follow(event)
        if isinstance(event, Status) and event.state != "live":
            self._threshold.suspend()
        return () if found is None else (found,)

    def _look(self, end: int) -> AlertData | None:
        value, certain = self._value()
        raised = None if value is None else self._threshold.crossed(value, certain=certain)
        if raised is None:
            return None
        return AlertData(
            end // MS_NS,
            self._label,
            "live",
            alert="raised" if raised else "cleared",
            value=value,
            threshold=self._threshold.at,
        )

    def _value(self) -> tuple[float | None, bool]:
        """The figure that is compared, if there is one, and whether it is more than a lower bound."""
        instrument = self._book.instrument
        if instrument is None or not instrument.measurable:
            return None, False
        if not self._thin:
            touch = self._book.view(1)
            return None if touch is None else quoted_bp(touch), True
        book = self._book.view_until(lambda part: part.reach_bp >= BAND_BP)
        if book is None or book.mid is None:
            return None, False
        depths = [depth_within(book, side, BAND_BP) for side in SIDES]
        return min((notional(depth, instrument.sized_in_quote), depth.known) for depth in depths)


class CrossedMetric:
    """Two books of the same thing at two venues, looked at when an interval ends: does one bid above the other's ask?

    The value is how far the better of both ways is crossed, (bid − ask)/mean of these in basis points; negative if none
    is. Intervals are those of the events of both books, in the order in which they come, and nothing is watched while
    either is not live.
    """

    def __init__(
        self, keys: tuple[str, str], labels: tuple[str, str], interval_ns: int, *, at_bp: float
    ) -> None:
        """`keys` are those of the instruments (`Instrument.key`), `labels` their public names."""
        self._labels = labels
        self._books = FollowedBook(keys[0]), FollowedBook(keys[1])
        self._intervals, self._threshold = Intervals(interval_ns), Threshold(at_bp)

    def update(self, event: Event) -> Sequence[CrossedData]:
        """At most one: if a threshold was crossed by the end of the interval."""
        if not isinstance(event, (BookImage, BookDelta, Status)):
            return ()
        if event.instrument.key not in (self._books[0].key, self._books[1].key):
            return ()
        end = self._intervals.ended(0 if isinstance(event, Status) else event.venue_ns)
        found = None if end is None else self._look(end)
        for book in self._books:
            book.update(event)
        if isinstance(event, Status) and event.state != "live":
            self._threshold.suspend()
        return () if found is None else (found,)

    def _look(self, end: int) -> CrossedData | None:
        views = self._books[0].view(1), self._books[1].view(1)
        if views[0] is None or views[1] is None:
            return None
        _require_comparable(self._books[0].instrument, self._books[1].instrument, self._labels)
        one, other = self._labels
        ways = [*_way(views[0], views[1], other, one), *_way(views[1], views[0], one, other)]
        if not ways:
            return None
        value, buy, sell, buy_price, sell_price = max(ways)
        raised = self._threshold.crossed(value)
        if raised is None:
            return None
        return CrossedData(
            end // MS_NS,
            one,
            "live",
            alert="raised" if raised else "cleared",
            value=value,
            threshold=self._threshold.at,
            buy=buy,
            sell=sell,
            buy_price=buy_price,
            sell_price=sell_price,
        )


Way = tuple[float, str, str, float, float]
"""How far it is crossed, where to buy and where to sell, and at which prices."""


def _way(bidding: KnownBook, asking: KnownBook, buy: str, sell: str) -> list[Way]:
    """Buying at the ask of one and selling at the bid of the other, if both have that side."""
    if not bidding.bids.prices or not asking.asks.prices:
        return []
    bid, ask = bidding.bids.prices[0], asking.asks.prices[0]
    return [((bid - ask) / (0.5 * (bid + ask)) * 1e4, buy, sell, ask, bid)]


def _require_comparable(one: Instrument | None, other: Instrument | None, labels: tuple[str, str]) -> None:
    """Raise `ValueError` unless both prices are of the same thing: of a coin in quote currency, or in that coin."""
    assert one is not None
    assert other is not None, "both books are live"
    if (one.base, one.priced_in == one.base) != (other.base, other.priced_in == other.base):
        priced = [
            f"{label} is {each.base} in {each.priced_in}"
            for each, label in zip((one, other), labels, strict=True)
        ]
        raise ValueError(f"these prices cannot be compared: {', '.join(priced)}")

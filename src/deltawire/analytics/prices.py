"""Prices of one instrument by interval: the trades' first, highest, lowest, last and average, TWAP, basis, funding."""

from collections.abc import Sequence
from math import fsum

from deltawire.analytics.derivation import Intervals, OfBook
from deltawire.analytics.figures import PricesData
from deltawire.model.events import BookDelta, BookImage, Event, Status, Ticker, Trade

MS_NS = 1_000_000


class PriceMetric(OfBook):
    """Silent while the book is not live, if there has been one; without a book it has no mid and no TWAP."""

    def __init__(self, key: str, label: str, interval_ns: int) -> None:
        super().__init__(key)
        self._label, self._intervals = label, Intervals(interval_ns)
        self._booked = self._moved = False
        """Whether there has been a book; and whether the mid is that of before the last event about it."""
        self._prices: list[float] = []
        self._sizes: list[float] = []
        self._costs: list[float] = []
        self._mid: float | None = None
        self._weighted = self._stood = 0.0
        self._since_ns = 0
        self._stated: dict[str, float] = {}

    def update(self, event: Event) -> Sequence[PricesData]:
        """At most one: of the interval that has ended."""
        if not isinstance(event, (Trade, Ticker, BookImage, BookDelta, Status)):
            return ()
        if not self._concerns(event):
            return ()
        if self._moved:
            self._mid, self._moved = self._book.mid, False
        now = 0 if isinstance(event, Status) else event.venue_ns
        end = self._intervals.ended(now)
        found = () if end is None else self._due(end)
        if isinstance(event, Trade):
            self._traded(event)
        elif isinstance(event, Ticker):
            self._ticked(event)
        else:
            self._stand(now)
            self._follow(event)
            self._moved = True
            self._booked = self._booked or not isinstance(event, Status)
        return found

    def _traded(self, trade: Trade) -> None:
        price = trade.price_float
        base, quote = trade.instrument.amounts(price, trade.size_lots)
        self._prices.append(price)
        self._sizes.append(base)
        self._costs.append(quote)

    def _ticked(self, ticker: Ticker) -> None:
        for name in ("mark_price", "index_price", "current_funding", "funding_8h"):
            value = getattr(ticker, name)
            if value is not None:
                self._stated[name] = value

    def _stand(self, until_ns: int) -> None:
        """The mid has stood until then."""
        if until_ns <= self._since_ns:
            return
        if self._mid is not None and self._since_ns:
            length = until_ns - self._since_ns
            self._weighted += self._mid * length
            self._stood += length
        self._since_ns = until_ns

    def _due(self, end: int) -> Sequence[PricesData]:
        self._stand(end)
        prices, volume = self._prices, fsum(self._sizes)
        stated, mark = self._stated, self._stated.get("mark_price")
        index = stated.get("index_price")
        data = PricesData(
            end // MS_NS,
            self._label,
            "live",
            mid=self._mid,
            twap=self._weighted / self._stood if self._stood else None,
            open=prices[0] if prices else None,
            high=max(prices, default=None),
            low=min(prices, default=None),
            close=prices[-1] if prices else None,
            vwap=fsum(self._costs) / volume if volume else None,
            volume=volume,
            trades=len(prices),
            basis_bp=(mark - index) / index * 1e4 if mark is not None and index else None,
            mark_price=mark,
            index_price=index,
            current_funding=stated.get("current_funding"),
            funding_8h=stated.get("funding_8h"),
        )
        self._prices, self._sizes, self._costs = [], [], []
        self._weighted = self._stood = 0.0
        return [data] if self._book.live or not self._booked else ()

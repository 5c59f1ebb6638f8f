"""A market in which anything may happen next to every family of channels: moments, the same for the same seed."""

from collections.abc import Iterator
from random import Random

import msgspec

from deltawire.model.events import Event, VolatilityIndex
from tests.support.market_events import (
    MS_NS,
    START_NS,
    VENUE,
    ScriptedBook,
    make_constituent,
    make_index,
    make_instrument,
    make_listing,
    make_option,
    make_ticker,
    make_trade,
)

Moment = tuple[int, list[Event]]
"""The venue's time, and the events that came then."""
OPTIONS = [make_option(), make_option("BTC-29DEC23-50000-C", strike=50000.0)]


class RandomMarket:
    """One book, two options, an index, and instruments that are listed and close."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)
        self.book = ScriptedBook()
        self.now_ns = START_NS
        self._live = True
        self._listed: dict[str, bool] = {}
        self.traded = self.marks = 0

    def moments(self, count: int) -> Iterator[Moment]:
        """So many, the first with the image of the book."""
        yield self.now_ns, self.book.image({999: 5, 998: 6, 990: 7}, {1001: 5, 1002: 6, 1010: 7})
        yield from self.more(count)

    def more(self, count: int) -> Iterator[Moment]:
        """So many behind those before."""
        for _ in range(count):
            self.now_ns += self._random.choice([0, 1, 3, 20, 60, 100, 400, 1500]) * MS_NS
            self.book.now_ns = self.now_ns
            yield (
                self.now_ns,
                [event for _ in range(self._random.choice([1, 1, 2, 4])) for event in self._some()],
            )

    def mark(self) -> Event:
        """An event that shows that all before it have come: an index whose price is how many of these there were."""
        self.marks += 1
        return make_index(float(self.marks), "fed", self.now_ns)

    def _some(self) -> list[Event]:
        kinds = [self._delta] * 8 + [self._trade, self._ticker, self._option_ticker, self._index] * 2
        return self._random.choice([*kinds, self._status, self._listing, self._refinement])()

    def _delta(self) -> list[Event]:
        if not self._live:
            return []
        factor = self._factor()
        deep = self._random.random() < 0.6
        bid = self._random.randint(900, 960) if deep else self._random.randint(995, 1000)
        ask = 2001 - bid
        sizes = (
            {bid * factor: self._random.choice([0, 1, 2, 3])},
            {ask * factor: self._random.choice([0, 1, 2])},
        )
        chosen = self._random.choice([(sizes[0], {}), ({}, sizes[1]), sizes])
        delta = self.book.change(*chosen)
        if delta.bids or delta.asks:
            return [delta]
        self.book.sequence -= 1
        return []

    def _factor(self) -> int:
        return int(10 ** (-1 - self.book.instrument.price_exponent))

    def _status(self) -> list[Event]:
        if self._live:
            self._live = False
            return [self.book.stale(), self.book.syncing()]
        self._live = True
        size, factor = self._random.randint(1, 5), self._factor()
        return self.book.image(self.book.bids | {999 * factor: size}, self.book.asks | {1001 * factor: 9})

    def _refinement(self) -> list[Event]:
        return [self.book.refine()] if self.book.instrument.price_exponent > -3 else []

    def _trade(self) -> list[Event]:
        self.traded += 1
        instrument = self._random.choice([self.book.instrument, OPTIONS[0]])
        ticks = self._random.randint(990, 1010) * (1 if instrument is OPTIONS[0] else self._factor())
        at_ns = self.now_ns + self._random.choice([0, 0, -70_000]) * MS_NS
        return [make_trade(instrument, ticks, 10, at_ns, trade_id=str(self.traded))]

    def _ticker(self) -> list[Event]:
        price = self._random.choice([99.0, 99.5, 100.0])
        funding = self._random.choice([0.0, 0.1, 0.2])
        fields = self._random.choice(
            [{"mark_price": price}, {"current_funding": funding}, {"index_price": price, "last_price": price}]
        )
        return [make_ticker(self.book.instrument, self.now_ns, **fields)]

    def _option_ticker(self) -> list[Event]:
        marks = {
            "mark_price": self._random.random(),
            "mark_iv": 50.0,
            "best_bid_price": self._random.random(),
        }
        more = self._random.choice([{}, {"estimated_delivery_price": 99.5}])
        return [make_ticker(self._random.choice(OPTIONS), self.now_ns, **marks, **more)]

    def _index(self) -> list[Event]:
        price = self._random.choice([100.0, 100.5, 101.0])
        constituents = (make_constituent(price),) if self._random.random() < 0.5 else ()
        index = make_index(price, at_ns=self.now_ns, constituents=constituents)
        value = self._random.choice([60.0, 61.0])
        return [index, VolatilityIndex(VENUE, "btc_usd", value, self.now_ns, self.now_ns)]

    def _listing(self) -> list[Event]:
        name = self._random.choice(["BTC-1", "BTC-2", "ETH-1"])
        active = self._listed[name] = not self._listed.get(name, False)
        instrument = msgspec.structs.replace(make_instrument(name), active=active)
        return [make_listing(instrument, self.now_ns)]

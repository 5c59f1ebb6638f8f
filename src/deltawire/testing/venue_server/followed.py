"""A simulated venue's market that follows another: a recording, or the built-in exchange."""

from collections.abc import Callable, Iterator, Sequence
from random import Random
from typing import get_args

import msgspec

from deltawire.agents.simulation import Simulation
from deltawire.errors import UsageError
from deltawire.exchange.ports import PublicEvent
from deltawire.model.events import BookDelta, BookImage, Changes, Event, Levels, Listing, Trade
from deltawire.model.instruments import Instrument
from deltawire.model.numbers import parse_decimal
from deltawire.recording import Recording
from deltawire.sources.replay import Played, play_again
from deltawire.testing.simulators.market import Contract, MarketTrade, PlainBook, changes
from deltawire.testing.simulators.simulator import START_NS, Happening
from deltawire.testing.venue_server.market import KEPT, SECOND_NS, Market
from deltawire.venues import make_venue

Moments = Iterator[tuple[int, Sequence[Event]]]
"""Times that never decrease, each with its events."""
LEAD_NS = 2 * SECOND_NS
"""How long after its first book another market has begun, and this one begins."""
PUBLIC = get_args(PublicEvent)
NAMES: dict[str, tuple[str, str]] = {
    "binance_coinm": ("BTCUSD_PERP", "ETHUSD_PERP"),
    "binance_spot": ("BTCUSDT", "ETHUSDT"),
    "binance_usdm": ("BTCUSDT", "ETHUSDT"),
    "bybit_inverse": ("BTCUSD", "ETHUSD"),
    "bybit_linear": ("BTCUSDT", "ETHUSDT"),
    "bybit_spot": ("BTCUSDT", "ETHUSDT"),
    "coinbase": ("BTC-USD", "ETH-USD"),
    "deribit": ("BTC-PERPETUAL", "ETH-PERPETUAL"),
    "hyperliquid": ("BTC", "ETH"),
    "kraken": ("BTC/USD", "ETH/USD"),
    "kraken_futures": ("PI_XBTUSD", "PI_ETHUSD"),
    "okx": ("BTC-USD-SWAP", "ETH-USD-SWAP"),
}
"""What each venue calls the two perpetuals of the built-in exchange, or what is nearest to them."""
PERPETUALS = "BTC-PERPETUAL", "ETH-PERPETUAL"


class FollowedMarket(Market):
    """Books as the events of another market say; their ids and times are this market's own.

    `name_of` gives an instrument's name here, "" for those that are left out.
    """

    def __init__(
        self, moments: Moments, name_of: Callable[[str], str], *, start_ns: int = START_NS, kept: int = KEPT
    ) -> None:
        super().__init__((), depth=0, kept=kept, start_ns=start_ns)
        self._moments, self._name_of = moments, name_of
        self._ids = Random("ids")
        self._exponents: dict[str, tuple[int, int]] = {}
        self._touched: dict[str, PlainBook] = {}
        self._waiting: tuple[int, Sequence[Event]] | None = None
        self._ahead_ns = 0
        self._lead()

    def _lead(self) -> None:
        """Follow the other market until its books have begun."""
        until_ns: int | None = None
        happenings: list[Happening] = []
        for at_ns, events in self._moments:
            if until_ns is not None and at_ns > until_ns:
                self._waiting = at_ns, events
                self._set_time(at_ns)
                break
            for event in events:
                self._take(event, happenings)
            if until_ns is None and self.walks:
                until_ns = at_ns + LEAD_NS
        if not self.walks:
            raise UsageError("there is no book in what the venue is to follow")
        self._touched.clear()
        self._listed.clear()
        for name in self.walks:
            self._renew(name)

    def _set_time(self, at_ns: int) -> None:
        """Begin at the time that was asked for, or at the other market's if an instrument would have ended by then."""
        first_ms = min(walk.contract.expiry_ms for walk in self.walks.values())
        if self.now_ns >= first_ms * 1_000_000:
            self.now_ns = self._start_ns = at_ns
        self._ahead_ns = self.now_ns - at_ns

    def _pass(self, passed_s: float) -> list[Happening]:
        happenings: list[Happening] = []
        while self._waiting is not None and self._waiting[0] + self._ahead_ns <= self.now_ns:
            for event in self._waiting[1]:
                self._take(event, happenings)
            self._waiting = next(self._moments, None)
        touched, self._touched = self._touched, {}
        for name, before in touched.items():
            happenings += self._changed(name, before)
        return happenings

    def _changed(self, name: str, before: PlainBook) -> list[Happening]:
        walk = self.walks.get(name)
        if walk is None:
            return []
        bids, asks = changes(before.bids, walk.book.bids), changes(before.asks, walk.book.asks)
        if not bids and not asks:
            return []
        number = walk.id
        walk.renumbered(number + 1, number + self._ids.randint(1, 4))
        self._publish(name, number, bids, asks)
        return [Happening("moved", name)]

    def _take(self, event: Event, happenings: list[Happening]) -> None:
        """Let an event of the other market happen here."""
        if not isinstance(event, (BookImage, BookDelta, Trade, Listing)):
            return
        name = self._name_of(event.instrument.name)
        if isinstance(event, Listing):
            if name in self.walks and not event.instrument.active:
                self.expire(name)
        elif isinstance(event, BookImage):
            self._begin(name, event)
        elif name in self.walks and self._exponents[name] != _exponents(event.instrument):
            self._rescale(name, event.instrument)
        if name not in self.walks or isinstance(event, (Listing, BookImage)):
            return
        if isinstance(event, Trade):
            walk = self.walks[name]
            trade = MarketTrade(event.price_ticks, event.size_lots, bought=event.side == "buy")
            walk.traded(trade, walk.trades + 1)
            happenings.append(Happening("traded", name, trade, walk.trades))
            return
        book = self._book_of(name)
        _follow(book.bids, event.bids)
        _follow(book.asks, event.asks)

    def _book_of(self, name: str) -> PlainBook:
        """The book, to be changed in this step."""
        walk = self.walks[name]
        self._touched.setdefault(name, walk.book.copy())
        return walk.book

    def _begin(self, name: str, image: BookImage) -> None:
        if not name:
            return
        if name not in self.walks:
            self.begin(_contract(name, image.instrument))
            self._exponents[name] = _exponents(image.instrument)
            self.walks[name].hold(_plain(image.bids, image.asks))
            self._renew(name)
            return
        if self._exponents[name] != _exponents(image.instrument):
            self._rescale(name, image.instrument)
        self._book_of(name)
        self.walks[name].hold(_plain(image.bids, image.asks))

    def _rescale(self, name: str, instrument: Instrument) -> None:
        """Prices and sizes are finer from now on."""
        old, new = self._exponents[name], _exponents(instrument)
        price, size = 10 ** (old[0] - new[0]), 10 ** (old[1] - new[1])
        walk = self.walks[name]
        walk.renamed(_contract(name, instrument))
        walk.hold(_scaled(walk.book, price, size))
        if name in self._touched:
            self._touched[name] = _scaled(self._touched[name], price, size)
        self._exponents[name] = new
        self._renew(name)


def follow_recording(path: str, venue: str, *, start_ns: int = START_NS) -> FollowedMarket:
    """A market with the books and trades of a recording, again and again.

    Its time is the recorded one if an instrument's end is before `start_ns`.
    """
    moments = (
        (batch.at_ns, batch.events) for batch in play_again([Played(Recording(path), make_venue(venue))])
    )
    return FollowedMarket(moments, lambda name: name, start_ns=start_ns)


def follow_exchange(venue: str, seed: int, *, start_ns: int = START_NS) -> FollowedMarket:
    """A market with the two perpetuals of the built-in exchange, under the venue's names of them."""
    if venue not in NAMES:
        raise UsageError(
            f"{venue} cannot follow the exchange's perpetuals; these can: {', '.join(sorted(NAMES))}"
        )
    names = dict(zip(PERPETUALS, NAMES[venue], strict=True))
    return FollowedMarket(_exchange(seed, start_ns), lambda name: names.get(name, ""), start_ns=start_ns)


def _exchange(seed: int, start_ns: int) -> Moments:
    simulation = Simulation(lambda name: Random(f"{seed}/{name}"), start_ns, only=frozenset(PERPETUALS))
    until_ns = start_ns
    while True:
        until_ns += SECOND_NS
        for at_ns, outputs in simulation.advance(until_ns):
            yield at_ns, [output for output in outputs if isinstance(output, PUBLIC)]


def _contract(name: str, instrument: Instrument) -> Contract:
    step = parse_decimal(instrument.tick_size, instrument.price_exponent) if instrument.tick_size else 1
    expiry_ms = instrument.expiration_ns // 1_000_000
    contract = Contract(name, instrument.price_exponent, instrument.size_exponent, 0, step=max(1, step))
    return msgspec.structs.replace(contract, expiry_ms=expiry_ms) if expiry_ms else contract


def _exponents(instrument: Instrument) -> tuple[int, int]:
    return instrument.price_exponent, instrument.size_exponent


def _plain(bids: Levels, asks: Levels) -> PlainBook:
    sides = (dict(zip(side.prices, side.sizes, strict=True)) for side in (bids, asks))
    return PlainBook(*sides)


def _scaled(book: PlainBook, price: int, size: int) -> PlainBook:
    return PlainBook(*({p * price: s * size for p, s in side.items()} for side in (book.bids, book.asks)))


def _follow(side: dict[int, int], news: Changes) -> None:
    for price, size in zip(news.prices, news.sizes, strict=True):
        if size:
            side[price] = size
        else:
            side.pop(price, None)

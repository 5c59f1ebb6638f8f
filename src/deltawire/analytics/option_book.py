"""What is known of the options on one underlying at one venue: quotes, marks and open interest, from events alone.

Needs the extra `analytics`.
"""

from collections import defaultdict
from collections.abc import Sequence
from math import nan

import msgspec
import numpy as np

from deltawire.analytics.derivation import FollowedBook
from deltawire.analytics.figures import ForwardData
from deltawire.model.events import BookDelta, BookImage, Event, Listing, Status, Ticker, Trade
from deltawire.model.instruments import Instrument
from deltawire.options.black76_arrays import Floats
from deltawire.options.forwards import forward_of_expiry, synthetic_forward

YEAR_NS = 365 * 86_400 * 1_000_000_000
Quote = tuple[float, float]


class Known:
    """One instrument: its book if it has one, what its venue states, and what was traded."""

    def __init__(self, instrument: Instrument) -> None:
        self.instrument = instrument
        self.stated: dict[str, float] = {}
        self.delta: float | None = None
        self.volume = self.signed = 0.0
        self.open_interest_ns = 0
        self._book = FollowedBook(instrument.key)
        self._booked = False

    def update(self, event: Event) -> None:
        """Take an event of this instrument in."""
        if isinstance(event, (BookImage, BookDelta, Status)):
            self._booked = self._booked or not isinstance(event, Status)
            self._book.update(event)
        elif isinstance(event, Ticker):
            self._ticked(event)
        elif isinstance(event, Trade):
            self.signed += event.size_float * (1 if event.side == "buy" else -1)
        elif isinstance(event, Listing):
            self.instrument = event.instrument

    def _ticked(self, ticker: Ticker) -> None:
        for name in _STATED:
            value = getattr(ticker, name)
            if value is not None:
                self.stated[name] = value
        if ticker.open_interest is not None:
            self.open_interest_ns = ticker.venue_ns
        if ticker.greeks is not None:
            self.delta = ticker.greeks.delta
        if ticker.stats is not None and ticker.stats.volume is not None:
            self.volume = ticker.stats.volume

    @property
    def live(self) -> bool:
        """Whether its quotes can be used: it has a live book, or no book at all."""
        return self._book.live or not self._booked

    def quote(self) -> Quote:
        """Best bid and ask; NaN where there is none."""
        if self._booked:
            book = self._book.view(1)
            if book is None:
                return nan, nan
            return (
                book.bids.prices[0] if book.bids.prices else nan,
                book.asks.prices[0] if book.asks.prices else nan,
            )
        stated = self.stated
        return stated.get("best_bid_price") or nan, stated.get("best_ask_price") or nan


_STATED = (
    "best_bid_price",
    "best_ask_price",
    "mark_price",
    "mark_iv",
    "underlying_price",
    "index_price",
    "open_interest",
)


class Expiry(msgspec.Struct, frozen=True):
    """One expiry's options by strike, prices in quote currency; NaN where there is none."""

    name: str
    years: float
    forward: ForwardData
    strikes: Floats
    call_bid: Floats
    call_ask: Floats
    put_bid: Floats
    put_ask: Floats
    options: list[Known]


class OptionBook:
    """All options and futures of one venue that settle or are based in one coin; they join and leave by events."""

    def __init__(self, venue: str, base: str) -> None:
        self._venue, self._base = venue, base.upper()
        self._known: dict[str, Known] = {}
        self.venue_ns = 0
        """Of the newest event."""

    def update(self, event: Event) -> None:
        """Take an event in; those of other instruments change nothing."""
        if not isinstance(event, (BookImage, BookDelta, Status, Ticker, Trade, Listing)):
            return
        instrument = event.instrument
        if not self.concerned(instrument):
            return
        if not instrument.active:
            self._known.pop(instrument.name, None)
            return
        if not isinstance(event, (Status, Listing)):
            self.venue_ns = max(self.venue_ns, event.venue_ns)
        known = self._known.get(instrument.name)
        if known is None:
            known = self._known[instrument.name] = Known(instrument)
        known.update(event)

    def concerned(self, instrument: Instrument) -> bool:
        """Whether it is one of its options and futures."""
        return (
            instrument.venue == self._venue
            and instrument.base == self._base
            and instrument.kind in ("option", "future")
        )

    def expiries(self, at_ns: int, name: str = "") -> list[Expiry]:
        """Every expiry still to come that has a forward, the nearest first; only that of the name if one is given."""
        by_time: defaultdict[int, list[Known]] = defaultdict(list)
        for known in self._known.values():
            instrument = known.instrument
            if (
                instrument.kind == "option"
                and instrument.expires_after(at_ns)
                and instrument.strike is not None
            ):
                by_time[instrument.expiration_ns].append(known)
        found = [
            self._expiry(options, time, at_ns)
            for time, options in sorted(by_time.items())
            if not name or options[0].instrument.expiry == name
        ]
        return [each for each in found if each is not None]

    def _expiry(self, options: list[Known], time: int, at_ns: int) -> Expiry | None:
        strikes = sorted({known.instrument.strike or 0.0 for known in options})
        place = {strike: at for at, strike in enumerate(strikes)}
        sides = {name: np.full(len(strikes), nan) for name in ("call_bid", "call_ask", "put_bid", "put_ask")}
        in_coin = any(known.instrument.priced_in == known.instrument.base for known in options)
        for known in options:
            instrument = known.instrument
            bid, ask = known.quote()
            sides[f"{instrument.option_type}_bid"][place[instrument.strike or 0.0]] = bid
            sides[f"{instrument.option_type}_ask"][place[instrument.strike or 0.0]] = ask
        ranked = np.array(strikes)
        parity = synthetic_forward(ranked, **sides, in_coin=in_coin)
        future = self._future(time)
        forward = forward_of_expiry(*future, parity)
        if forward is not None:
            stated = ForwardData(forward.price, float(forward.low), float(forward.high), forward.source)
        else:
            prices = [
                each.stated["underlying_price"] for each in options if "underlying_price" in each.stated
            ]
            if not prices:
                return None
            stated = ForwardData(prices[0], None, None, "venue")
        scale = stated.price if in_coin else 1.0
        values = {name: prices * scale for name, prices in sides.items()}
        name = options[0].instrument.expiry
        options.sort(key=lambda known: (known.instrument.strike or 0.0, known.instrument.option_type or ""))
        return Expiry(name, (time - at_ns) / YEAR_NS, stated, ranked, **values, options=options)

    def _future(self, time: int) -> tuple[float | None, float | None]:
        for known in self._known.values():
            if known.instrument.kind == "future" and known.instrument.expiration_ns == time:
                bid, ask = known.quote()
                if bid > 0.0 and ask > 0.0:
                    return bid, ask
        return None, None

    def spot(self) -> float | None:
        """The index, as the newest ticker of any of its instruments states it."""
        prices = [
            known.stated["index_price"] for known in self._known.values() if "index_price" in known.stated
        ]
        return prices[-1] if prices else None


def quotes_of(expiry: Expiry) -> dict[str, Floats]:
    """The four sides, as arguments of `options.surface_fit.expiry_quotes`."""
    return {name: getattr(expiry, name) for name in ("call_bid", "call_ask", "put_bid", "put_ask")}


def all_options(expiries: Sequence[Expiry]) -> list[tuple[Expiry, Known]]:
    """Every option with its expiry."""
    return [(expiry, known) for expiry in expiries for known in expiry.options]

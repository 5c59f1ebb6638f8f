"""Rows that one event makes alone: tickers, states of books, definitions."""

from deltawire.model.events import Listing, Status, Ticker
from deltawire.model.expiries import FOREVER_NS
from deltawire.model.instruments import Instrument
from deltawire.tables.schemas import GREEKS, TICKER_NUMBERS
from deltawire.tables.values import Values

CLASSES = {"spot": "K", "future": "F", "future_combo": "S", "option_combo": "T"}
"""Databento's `instrument_class`: K is spot, F a future, C and P options, S and T their combos."""


def row_of_ticker(ticker: Ticker) -> Values:
    """A row of `ticker`: what was not stated in it is None."""
    greeks = ticker.greeks
    return (
        ticker.venue_ns,
        ticker.seen_ns,
        ticker.instrument.venue,
        ticker.instrument.name,
        *(getattr(ticker, name) for name in TICKER_NUMBERS),
        *(None if greeks is None else getattr(greeks, name) for name in GREEKS),
    )


def row_of_status(status: Status) -> Values:
    """A row of `status`."""
    instrument = status.instrument
    return (0, status.seen_ns, instrument.venue, instrument.name, status.state, status.reason, status.detail)


def row_of_listing(listing: Listing) -> Values:
    """A row of `definition`."""
    instrument = listing.instrument
    return (
        listing.seen_ns,
        instrument.venue,
        instrument.name,
        _class_of(instrument),
        instrument.quote,
        instrument.base,
        instrument.settlement,
        instrument.strike,
        instrument.creation_ns,
        0 if instrument.expiration_ns >= FOREVER_NS else max(0, instrument.expiration_ns),
        instrument.tick if instrument.tick_size else None,
        float(instrument.min_trade_size) if instrument.min_trade_size else None,
        instrument.contract_size or None,
        instrument.size_unit,
        int(instrument.inverse),
        int(instrument.active),
        instrument.price_exponent,
        instrument.size_exponent,
    )


def _class_of(instrument: Instrument) -> str | None:
    if instrument.kind == "option":
        return {"call": "C", "put": "P"}.get(instrument.option_type or "")
    return CLASSES.get(instrument.kind)

"""Tickers and indices of the exchange, as market events."""

from collections.abc import Iterator

from deltawire.exchange.instruments.catalogue import VENUE
from deltawire.exchange.ports import Reference
from deltawire.exchange.pricing.funding import interest_value
from deltawire.exchange.pricing.index import ranking
from deltawire.exchange.pricing.pricing import Pricing
from deltawire.exchange.pricing.volatility import implied_percent
from deltawire.model.events import Greeks, Index, Ticker, VolatilityIndex
from deltawire.model.instruments import Instrument
from deltawire.options.variance import expected_volatility

VOLATILITY_YEARS = 30 / 365
"""How far a volatility index looks ahead."""


def indices(pricing: Pricing) -> Iterator[Index]:
    """All indices at present."""
    for name, price in pricing.index.items():
        sources = enumerate(pricing.constituents.get(name, ()), 1)
        made_of = ranking((f"source-{number}", round(each, 4)) for number, each in sources)
        yield Index(VENUE, name, round(price, 2), pricing.now_ns, pricing.now_ns, tuple(made_of))


def volatilities(pricing: Pricing) -> Iterator[VolatilityIndex]:
    """What options expect of every index that has any."""
    for name, surface in pricing.surfaces.items():
        value = round(100 * expected_volatility(surface, VOLATILITY_YEARS), 4)
        yield VolatilityIndex(VENUE, name, value, pricing.now_ns, pricing.now_ns)


def ticker(
    pricing: Pricing,
    instrument: Instrument,
    reference: Reference | None = None,
    open_interest: float | None = None,
    best: tuple[float, float] = (0.0, 0.0),
) -> Ticker:
    """The ticker of one instrument; `best` are bid and ask for the implied volatilities, 0.0 if there is none."""
    now, name = pricing.now_ns, instrument.name
    mark, index = pricing.marks.get(name), pricing.index.get(instrument.index_name)
    meter, option = pricing.funding.get(name), pricing.options.get(name)
    settled = pricing.settled.get(name)
    low = reference.min_ticks if reference else None
    high = reference.max_ticks if reference else None
    delivery = pricing.estimated_delivery(instrument.index_name)
    return Ticker(
        instrument=instrument,
        venue_ns=now,
        seen_ns=now,
        mark_price=None if mark is None else round(mark, 2 if option is None else 6),
        index_price=None if index is None else round(index, 2),
        estimated_delivery_price=None if delivery is None else round(delivery, 2),
        min_price=None if low is None else instrument.price(low),
        max_price=None if high is None else instrument.price(high),
        open_interest=open_interest,
        current_funding=round(meter.rate, 8) if meter else None,
        funding_8h=round(meter.funding_8h, 8) if meter else None,
        interest_value=interest_value(instrument, meter.reading) if meter else None,
        settlement_price=None if settled is None else round(settled, 2 if option is None else 6),
        underlying_price=round(option.underlying, 2) if option else None,
        underlying_index=option.underlying_index if option else None,
        interest_rate=0.0 if option else None,
        mark_iv=round(option.vol * 100, 2) if option else None,
        bid_iv=_iv(pricing, instrument, best[0]),
        ask_iv=_iv(pricing, instrument, best[1]),
        greeks=Greeks(*(round(greek, 5) for greek in option.value[1:])) if option else None,
        state="open",
    )


def _iv(pricing: Pricing, instrument: Instrument, price: float) -> float | None:
    """The volatility of a quote in percent, 0.0 without one; None if it is not an option."""
    option = pricing.options.get(instrument.name)
    if option is None:
        return None
    return implied_percent(instrument, price, option.underlying, pricing.now_ns)

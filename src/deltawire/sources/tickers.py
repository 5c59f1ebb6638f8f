"""Index prices and tickers of everything the exchange lists, as events."""

from deltawire.exchange.accounts import Accounts
from deltawire.exchange.books import OrderBook
from deltawire.exchange.catalogue import VENUE
from deltawire.exchange.exchange import Exchange
from deltawire.exchange.pricing import Pricing
from deltawire.model.events import Event, Greeks, Index, Ticker
from deltawire.model.instruments import Instrument


def tickers(exchange: Exchange, accounts: Accounts, now: int) -> list[Event]:
    """What every index and every open instrument stands at."""
    pricing = accounts.pricing
    found: list[Event] = [Index(VENUE, name, price, now, now) for name, price in pricing.index.items()]
    interest = open_interest(accounts)
    books = exchange.desk.books
    for name, instrument in pricing.instruments.items():
        if name in pricing.marks and name in books:
            lots = interest.get(name, 0)
            found.append(_ticker(pricing, instrument, books[name], lots, now))
    return found


def open_interest(accounts: Accounts) -> dict[str, int]:
    """Lots held long, by instrument: as many are held short."""
    found: dict[str, int] = {}
    for account in accounts.ledger.accounts.values():
        for name, position in account.positions.items():
            if position.lots > 0:
                found[name] = found.get(name, 0) + position.lots
    return found


def _ticker(pricing: Pricing, instrument: Instrument, book: OrderBook, lots: int, now: int) -> Ticker:
    reference, price = book.reference, instrument.price
    index_name = instrument.index_name
    meter = pricing.funding.get(instrument.name)
    option = pricing.options.get(instrument.name)
    digits = 4 - instrument.price_exponent
    value = option.value if option else None
    return Ticker(
        instrument=instrument,
        venue_ns=now,
        seen_ns=now,
        mark_price=round(pricing.marks[instrument.name], digits),
        index_price=_rounded(pricing.index.get(index_name), 2),
        estimated_delivery_price=_rounded(pricing.estimated_delivery(index_name), 2),
        min_price=None if reference.min_ticks is None else price(reference.min_ticks),
        max_price=None if reference.max_ticks is None else price(reference.max_ticks),
        open_interest=instrument.size(lots),
        current_funding=round(meter.rate, 8) if meter else None,
        funding_8h=round(meter.funding_8h, 8) if meter else None,
        interest_rate=0.0 if option else None,
        underlying_price=round(option.underlying, 4) if option else None,
        underlying_index=option.underlying_index if option else None,
        mark_iv=round(option.vol * 100, 2) if option else None,
        greeks=Greeks(
            *(round(each, 5) for each in (value.delta, value.gamma, value.vega, value.theta, value.rho))
        )
        if value
        else None,
        state="open" if book.open else "locked",
    )


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)

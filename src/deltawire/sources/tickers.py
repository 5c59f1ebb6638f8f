"""What the exchange says beside its books: every index, every instrument's ticker."""

from collections.abc import Iterator

from deltawire.exchange.accounts.accounts import Accounts
from deltawire.exchange.exchange import Exchange
from deltawire.exchange.matching.books import OrderBook
from deltawire.exchange.pricing.tickers import indices, ticker, volatilities
from deltawire.model.events import Event


def tickers(exchange: Exchange, accounts: Accounts) -> Iterator[Event]:
    """What every index and every open instrument stands at, as of the moment when it is asked for; futures first."""
    pricing, interest = accounts.pricing, open_interest(accounts)
    yield from indices(pricing)
    yield from volatilities(pricing)
    for name, instrument in sorted(pricing.instruments.items(), key=lambda pair: pair[1].kind != "future"):
        book = exchange.matching.books.get(name)
        if book is not None and name in pricing.marks:
            lots = interest.get(name, 0)
            yield ticker(pricing, instrument, book.reference, instrument.size(lots), _best(book))


def open_interest(accounts: Accounts) -> dict[str, int]:
    """Lots held long, by instrument: as many are held short."""
    found: dict[str, int] = {}
    for account in accounts.ledger.accounts.values():
        for name, position in account.positions.items():
            if position.lots > 0:
                found[name] = found.get(name, 0) + position.lots
    return found


def _best(book: OrderBook) -> tuple[float, float]:
    """Bid and ask, 0.0 where there is none."""
    bid, ask = book.bids.best(), book.asks.best()
    price = book.instrument.price
    return 0.0 if bid is None else price(bid), 0.0 if ask is None else price(ask)

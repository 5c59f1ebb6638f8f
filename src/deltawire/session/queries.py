"""Methods about the market: instruments, books, tickers, trades, candles, indices."""

from collections.abc import Iterable
from typing import Annotated, Any, Literal

import msgspec

from deltawire.dialect.families import RESOLUTIONS
from deltawire.dialect.market_objects import (
    MS_NS,
    currency_objects,
    index_name_object,
    instrument_object,
    status_object,
    summary_object,
    ticker_object,
    trade_object,
)
from deltawire.dialect.payloads import Definitions
from deltawire.errors import RequestError
from deltawire.market.images import TapeEntry
from deltawire.market.state import InstrumentState
from deltawire.model.instruments import Instrument
from deltawire.session.currencies import parse_currency
from deltawire.session.methods import UNAVAILABLE, Context, NoParams, method
from deltawire.session.paging import Place, Window, id_number, page
from deltawire.wire.notifications import level_pairs
from deltawire.wire.rpc import INVALID_PARAMS

BOOK_CLOSED = 13019
"""Deribit's code for the book of an instrument that has ended."""
DEEPEST = 10_000
MOST_CANDLES = 5000
MOST_DEFINITIONS = 500
GROUPED = "grouped"
Kind = Literal["future", "option", "spot", "future_combo", "option_combo", "combo", "any"]


class _OfCurrency(msgspec.Struct):
    currency: str = "any"
    kind: Kind = "any"
    expired: bool = False


class _OfInstrument(msgspec.Struct):
    instrument_name: str


class _Definitions(msgspec.Struct):
    instrument_names: Annotated[list[str], msgspec.Meta(max_length=MOST_DEFINITIONS)] = []


class _BookOfName(msgspec.Struct):
    instrument_name: str
    depth: int = 5
    beyond: bool = False


class _BookOfId(msgspec.Struct):
    instrument_id: int
    depth: int = 5
    beyond: bool = False


class _TradesOfInstrument(Window, kw_only=True):
    instrument_name: str


class _TradesOfCurrency(Window, kw_only=True):
    currency: str = "any"
    kind: Kind = "any"


class _IndexNames(msgspec.Struct):
    extended: bool = False


class _Expirations(msgspec.Struct):
    currency: str = "any"
    kind: Kind = "any"
    currency_pair: str | None = None


class _Chart(msgspec.Struct):
    instrument_name: str
    start_timestamp: int
    end_timestamp: int
    resolution: str | int = "1"


class _IndexName(msgspec.Struct):
    index_name: str


@method("public/get_instruments")
def get_instruments(context: Context, params: _OfCurrency) -> Any:
    """List the instruments of a currency and kind, all without parameters.

    With `expired` those that have ended instead.

    Instruments of unknown kind, coins, expiry or strike are left out, because clients build their own symbols from
    these facts and would confuse them with others. `get_instrument` returns what is known of them.
    """
    chosen = _identified(context, params.currency, params.kind)
    return [instrument_object(state) for state in chosen if state.instrument.active is not params.expired]


@method("public/get_instrument")
def get_instrument(context: Context, params: _OfInstrument) -> Any:
    """Return one instrument."""
    return instrument_object(context.instrument(params.instrument_name))


@method("public/get_definitions")
def get_definitions(context: Context, params: _Definitions) -> Any:
    """Instruments as deltawire defines them, exponents and units included; those that are not there are left out."""
    market = context.market
    states = [state for name in params.instrument_names if (state := market.find(name))]
    venues = {market.home, *(state.instrument.venue for state in market)}
    return Definitions(market.home, sorted(venues), {state.name: state.instrument for state in states})


@method("public/get_expirations")
def get_expirations(context: Context, params: _Expirations) -> Any:
    """List the expiries by kind, next first, as written in instrument names; for one currency under its name.

    With `grouped`, the result has a member for every currency.
    """
    grouped = params.currency.lower() == GROUPED
    currency = "any" if grouped else params.currency
    instruments = [state.instrument for state in _chosen(context, currency, params.kind)]
    if params.currency_pair is not None:
        instruments = [
            instrument for instrument in instruments if instrument.index_name == params.currency_pair.lower()
        ]
    if grouped:
        names = dict.fromkeys(
            instrument.settlement
            for instrument in instruments
            if instrument.kind != "spot" and instrument.settlement
        )
        return {
            name.lower(): _expiries(instrument for instrument in instruments if instrument.settlement == name)
            for name in names
        }
    expiries = _expiries(instruments)
    return expiries if params.currency.lower() == "any" else {params.currency.lower(): expiries}


def _expiries(instruments: Iterable[Instrument]) -> dict[str, list[str]]:
    """The expiries of the futures and options that have not ended."""
    by_kind: dict[str, dict[str, None]] = {}
    dated = [
        item for item in instruments if item.active and item.kind in ("future", "option") and item.expiry
    ]
    for instrument in sorted(dated, key=lambda instrument: instrument.expiration_ns):
        by_kind.setdefault(instrument.kind, {})[instrument.expiry] = None
    return {kind: list(names) for kind, names in by_kind.items()}


@method("public/get_currencies")
def get_currencies(context: Context, params: NoParams) -> Any:
    """List all currencies."""
    return currency_objects(context.market)


@method("public/get_order_book")
def get_order_book(context: Context, params: _BookOfName) -> Any:
    """Return the ticker's members and the best levels of a live book, as far as they are known.

    With `beyond`, levels are returned beyond `complete_to` as well, where others may be missing between them.

    A book that is not live is an error without prices.

    The code is 13028 while the book may become live again, 13019 if its instrument has ended.
    """
    state = context.instrument(params.instrument_name)
    return _order_book(context, state, params.depth, beyond=params.beyond)


@method("public/get_order_book_by_instrument_id")
def get_order_book_by_instrument_id(context: Context, params: _BookOfId) -> Any:
    """Return the book of the instrument with this number, like `public/get_order_book`."""
    for state in context.market:
        if state.number == params.instrument_id:
            return _order_book(context, state, params.depth, beyond=params.beyond)
    raise RequestError(INVALID_PARAMS, "Invalid params", reason="no such instrument", param="instrument_id")


@method("public/ticker")
def ticker(context: Context, params: _OfInstrument) -> Any:
    """Return best prices, mark price, statistics, and for options IVs and greeks."""
    return ticker_object(context.instrument(params.instrument_name), context.market)


@method("public/get_book_summary_by_currency")
def get_book_summary_by_currency(context: Context, params: _OfCurrency) -> Any:
    """Return a summary of each instrument of a currency and kind."""
    chosen = _identified(context, params.currency, params.kind)
    return [summary_object(state, context.market) for state in chosen if state.instrument.active]


@method("public/get_book_summary_by_instrument")
def get_book_summary_by_instrument(context: Context, params: _OfInstrument) -> Any:
    """Return the summary of one instrument, in a list."""
    return [summary_object(context.instrument(params.instrument_name), context.market)]


@method("public/get_last_trades_by_instrument", "public/get_last_trades_by_instrument_and_time")
def get_last_trades_by_instrument(context: Context, params: _TradesOfInstrument) -> Any:
    """Return trades of an instrument."""
    state = context.instrument(params.instrument_name)
    return _trades([(entry, state.name) for entry in state.tape], params)


@method("public/get_last_trades_by_currency", "public/get_last_trades_by_currency_and_time")
def get_last_trades_by_currency(context: Context, params: _TradesOfCurrency) -> Any:
    """Return trades of a currency."""
    chosen = _chosen(context, params.currency, params.kind)
    tape = [(entry, state.name) for state in chosen for entry in state.tape]
    tape.sort(key=lambda pair: pair[0].trade.venue_ns)
    return _trades(tape, params)


@method("public/get_tradingview_chart_data")
def get_tradingview_chart_data(context: Context, params: _Chart) -> Any:
    """Return candles as columns."""
    state = context.instrument(params.instrument_name)
    minutes = RESOLUTIONS.get(str(params.resolution))
    if minutes is None:
        raise RequestError(
            INVALID_PARAMS,
            "Invalid params",
            reason=f"must be one of {', '.join(RESOLUTIONS)}",
            param="resolution",
        )
    span = params.start_timestamp * MS_NS, params.end_timestamp * MS_NS
    candles = state.candles.between(*span, minutes)[-MOST_CANDLES:]
    return {
        "status": "ok" if candles else "no_data",
        "ticks": [candle.open_ns // MS_NS for candle in candles],
        "open": [candle.open for candle in candles],
        "high": [candle.high for candle in candles],
        "low": [candle.low for candle in candles],
        "close": [candle.close for candle in candles],
        "volume": [candle.volume for candle in candles],
        "cost": [candle.cost for candle in candles],
    }


@method("public/get_index_price")
def get_index_price(context: Context, params: _IndexName) -> Any:
    """Return an index price."""
    index = context.market.index(params.index_name)
    if index is None:
        raise RequestError(INVALID_PARAMS, "Invalid params", reason="no such index", param="index_name")
    return {"index_price": index.price, "estimated_delivery_price": index.price}


@method("public/get_index_price_names")
def get_index_price_names(context: Context, params: _IndexNames) -> Any:
    """The names of all indices; `extended` says as well that no combos can be created on them."""
    names = context.market.index_names()
    return [index_name_object(name) for name in names] if params.extended else names


def _chosen(context: Context, currency: str, kind: str) -> list[InstrumentState]:
    """The instruments of a currency and kind; "any" selects all."""
    coin = parse_currency(context, currency)
    return [state for state in context.market if state.fits(kind, coin)]


def _identified(context: Context, currency: str, kind: str) -> list[InstrumentState]:
    """The instruments that can be distinguished, those of the home venue first.

    Of two with the same symbol, clients use the first.
    """
    chosen = [state for state in _chosen(context, currency, kind) if state.instrument.identified]
    return sorted(chosen, key=lambda state: state.instrument.venue != context.market.home)


def _order_book(context: Context, state: InstrumentState, depth: int, *, beyond: bool) -> dict[str, Any]:
    if not 1 <= depth <= DEEPEST:
        raise RequestError(
            INVALID_PARAMS, "Invalid params", reason=f"must be from 1 to {DEEPEST}", param="depth"
        )
    if not state.live:
        why = status_object(state, context.market.time(state))
        words = ": ".join(filter(None, (state.reason, state.detail)))
        reason = f"the book is {why['state']}" + (f" ({words})" if words else "")
        if not state.instrument.active:
            raise RequestError(BOOK_CLOSED, "orderbook_closed", reason=reason)
        raise RequestError(UNAVAILABLE, "temporarily_unavailable", reason=reason, retry=True)
    ladder = state.whole.ladder if beyond and state.whole is not None else state.ladder
    book = ticker_object(state, context.market) | {
        "change_id": state.sequence,
        "bids": level_pairs(ladder.bids.levels(depth), state.instrument),
        "asks": level_pairs(ladder.asks.levels(depth), state.instrument),
    }
    edges = state.complete_to
    if edges != (None, None):
        price = state.instrument.price
        book["complete_to"] = [None if edge is None else price(edge) for edge in edges]
    return book


def _trades(tape: list[tuple[TapeEntry, str]], window: Window) -> dict[str, Any]:
    chosen, has_more = page(tape, window, _place)
    return {"trades": [trade_object(entry, name) for entry, name in chosen], "has_more": has_more}


def _place(pair: tuple[TapeEntry, str]) -> Place:
    entry = pair[0]
    return Place(entry.trade.venue_ns // MS_NS, entry.number, id_number(entry.trade.trade_id))

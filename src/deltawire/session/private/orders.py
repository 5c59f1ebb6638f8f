"""Methods about orders: open orders, single orders, and order history."""

from collections.abc import Iterable
from itertools import islice
from typing import Any, Literal

import msgspec

from deltawire.dialect.order_objects import order_object
from deltawire.dialect.order_params import parse_order_id
from deltawire.exchange.orders.orders import Order
from deltawire.model.instruments import in_currency
from deltawire.session.currencies import parse_currency
from deltawire.session.methods import Context, method
from deltawire.session.paging import check_count, continued
from deltawire.session.private.account_session import AccountSession, account_session

READ = "trade:read"
MOST_LISTED = 1_000
"""Ended orders, or trades, in a list that has no pages."""

_Type = Literal[
    "all", "limit", "trigger_all", "stop_all", "stop_limit", "stop_market", "take_all", "take_limit",
    "take_market", "trailing_all", "trailing_stop",
]  # fmt: skip
TYPES = {
    "limit": ("limit", "market_limit", "market"),
    "trigger_all": ("stop_limit", "stop_market", "take_limit", "take_market", "trailing_stop"),
    "stop_all": ("stop_limit", "stop_market"),
    "take_all": ("take_limit", "take_market"),
    "trailing_all": ("trailing_stop",),
}


class _Open(msgspec.Struct, kw_only=True):
    kind: str = "any"
    type: _Type = "all"


class _OpenByInstrument(msgspec.Struct):
    instrument_name: str
    type: _Type = "all"


class _OpenByCurrency(_Open, kw_only=True):
    currency: str


class _OpenByLabel(msgspec.Struct):
    currency: str
    label: str = ""


class _ById(msgspec.Struct):
    order_id: str


class _Ended(msgspec.Struct, kw_only=True):
    count: int = 20
    offset: int = 0
    include_old: bool = False
    include_unfilled: bool = False
    historical: bool = False
    with_continuation: bool = False
    continuation: str | int | None = None


class _EndedOfInstrument(_Ended, kw_only=True):
    instrument_name: str


class _EndedOfCurrency(_Ended, kw_only=True):
    currency: str
    kind: str = "any"


@method("private/get_open_orders", right=READ)
def get_open_orders(context: Context, params: _Open) -> Any:
    """Return all open orders."""
    session = account_session(context)
    return _objects(session, _open(session, params.type, kind=params.kind))


@method("private/get_open_orders_by_instrument", right=READ)
def get_open_orders_by_instrument(context: Context, params: _OpenByInstrument) -> Any:
    """Return the open orders of an instrument."""
    session = account_session(context)
    name = session.instrument(params.instrument_name).name
    return _objects(session, (order for order in _open(session, params.type) if order.instrument == name))


@method("private/get_open_orders_by_currency", right=READ)
def get_open_orders_by_currency(context: Context, params: _OpenByCurrency) -> Any:
    """Return the open orders of a currency."""
    session = account_session(context)
    currency = parse_currency(context, params.currency)
    return _objects(session, _open(session, params.type, kind=params.kind, currency=currency))


@method("private/get_open_orders_by_label", right=READ)
def get_open_orders_by_label(context: Context, params: _OpenByLabel) -> Any:
    """Return the open orders with a label."""
    session = account_session(context)
    orders = _open(session, "all", currency=parse_currency(context, params.currency))
    return _objects(session, (order for order in orders if order.terms.label == params.label))


@method("private/get_order_state", right=READ)
def get_order_state(context: Context, params: _ById) -> Any:
    """Return one order, open or ended recently."""
    session = account_session(context)
    order = session.order(parse_order_id(params.order_id))
    return order_object(order, session.instrument(order.instrument))


@method("private/get_order_state_by_label", right=READ)
def get_order_state_by_label(context: Context, params: _OpenByLabel) -> Any:
    """Return the orders with a label, open or among the last that have ended, oldest first.

    Shows the result of a request that was not answered.
    """
    session, currency = account_session(context), parse_currency(context, params.currency)
    live, ended = session.trading.open_orders(session.account), session.trading.ended_orders(session.account)
    labelled = (
        order
        for order in ended
        if order.terms.label == params.label and _fits(session, order, currency, "any")
    )
    known = {order.id: order for order in islice(labelled, MOST_LISTED)}
    known |= {
        order.id: order
        for order in live
        if order.terms.label == params.label and _fits(session, order, currency, "any")
    }
    return _objects(session, (known[number] for number in sorted(known)))


@method("private/get_order_history_by_instrument", right=READ)
def get_order_history_by_instrument(context: Context, params: _EndedOfInstrument) -> Any:
    """Return ended orders of an instrument, newest first."""
    session = account_session(context)
    name = session.instrument(params.instrument_name).name
    return _page(session, params, (order for order in _ended(session, params) if order.instrument == name))


@method("private/get_order_history_by_currency", right=READ)
def get_order_history_by_currency(context: Context, params: _EndedOfCurrency) -> Any:
    """Return ended orders of a currency, newest first."""
    session, currency = account_session(context), parse_currency(context, params.currency)
    orders = (order for order in _ended(session, params) if _fits(session, order, currency, params.kind))
    return _page(session, params, orders)


def _open(session: AccountSession, of_type: str, *, kind: str = "any", currency: str = "any") -> list[Order]:
    types = TYPES.get(of_type, (of_type,))
    return [
        order
        for order in session.trading.open_orders(session.account)
        if (of_type == "all" or order.terms.type in types) and _fits(session, order, currency, kind)
    ]


def _ended(session: AccountSession, params: _Ended) -> Iterable[Order]:
    """The ended orders with trades, and on request also those without."""
    ended = session.trading.ended_orders(session.account)
    return (order for order in ended if order.filled_lots or params.include_unfilled)


def _fits(session: AccountSession, order: Order, currency: str, kind: str) -> bool:
    return in_currency(session.instrument(order.instrument), currency, kind)


def _page(session: AccountSession, params: _Ended, ended: Iterable[Order]) -> Any:
    """A list, or with a continuation an object of the list and the token of the next page, null at the end."""
    check_count(params.count, params.offset)
    rest = islice(ended, params.offset, None)
    if not (params.with_continuation or params.continuation):
        return _objects(session, islice(rest, params.count))
    orders, token = continued(rest, params.continuation, params.count, lambda order: order.id)
    return {"orders": _objects(session, orders), "continuation": None if token is None else str(token)}


def _objects(session: AccountSession, orders: Iterable[Order]) -> list[dict[str, Any]]:
    return [order_object(order, session.instrument(order.instrument)) for order in orders]

"""Methods that place and change orders."""

from typing import Any, Literal

import msgspec

from deltawire.dialect.order_objects import order_object, user_trade_object
from deltawire.dialect.order_params import needed, parse_order_id, refused, to_lots, to_nanoseconds, to_ticks
from deltawire.exchange.orders.codes import Code, Rejection
from deltawire.exchange.orders.orders import Fill, Order, OrderChanged, OrderId
from deltawire.exchange.orders.records import ClosePosition, Edit, Place
from deltawire.exchange.orders.request_types import (
    CloseRequest,
    EditByLabelRequest,
    EditRequest,
    OrderRequest,
)
from deltawire.exchange.orders.requests import parse_terms
from deltawire.model.events import Side
from deltawire.model.instruments import Instrument
from deltawire.session.methods import Context, method
from deltawire.session.private.account_session import AccountSession, account_session
from deltawire.wire.rpc import decode_exactly

TRADE = "trade:read_write"


Params = dict[str, Any]
"""Parameters as received; validated for the instrument that they name."""


class _Place(msgspec.Struct):
    instrument_name: str


class _Edit(msgspec.Struct):
    order_id: str


class _EditByLabel(msgspec.Struct):
    instrument_name: str
    label: str = ""


class _Close(msgspec.Struct):
    instrument_name: str
    type: Literal["limit", "market"]


@method("private/buy", right=TRADE, described=OrderRequest)
def buy(context: Context, params: Params) -> Any:
    """Place an order to buy."""
    return _place(context, params, "buy")


@method("private/sell", right=TRADE, described=OrderRequest)
def sell(context: Context, params: Params) -> Any:
    """Place an order to sell."""
    return _place(context, params, "sell")


@method("private/edit", right=TRADE, described=EditRequest)
def edit(context: Context, params: Params) -> Any:
    """Change an open order."""
    session, named = account_session(context), context.convert(params, _Edit)
    return _edit(session, session.open_order(parse_order_id(named.order_id)), params)


@method("private/edit_by_label", right=TRADE, described=EditByLabelRequest)
def edit_by_label(context: Context, params: Params) -> Any:
    """Change the one open order of an instrument that has this label."""
    session, named = account_session(context), context.convert(params, _EditByLabel)
    session.instrument(named.instrument_name)
    orders = [
        order
        for order in session.trading.open_orders(session.account)
        if named.label and (order.instrument, order.terms.label) == (named.instrument_name, named.label)
    ]
    if not orders:
        raise refused(Code.ORDER_NOT_FOUND, param="label")
    if len(orders) > 1:
        raise refused(Code.NON_UNIQUE_ORDER_LABEL, param="label")
    return _edit(session, orders[0], params)


@method("private/close_position", right=TRADE, described=CloseRequest)
def close_position(context: Context, params: Params) -> Any:
    """Place a reduce-only order that closes a position."""
    session, asked = account_session(context), context.convert(params, _Close)
    instrument = session.instrument(asked.instrument_name)
    ticks = None
    if asked.type == "limit":
        ticks = needed(to_ticks(params, "price", instrument), "price")
    first = session.trading.next_order_id()
    outputs = session.submit(
        ClosePosition(
            at_ns=session.trading.now(),
            account=session.account,
            instrument=instrument.name,
            type=asked.type,
            price_ticks=ticks,
            connection=session.connection,
        )
    )
    return answer(session, outputs, placed_order(session, outputs, first), instrument)


def _place(context: Context, params: Params, side: Side) -> dict[str, Any]:
    session = account_session(context)
    instrument = session.instrument(context.convert(params, _Place).instrument_name)
    terms = parse_terms(_renamed(params), side, instrument)
    if isinstance(terms, Rejection):
        raise terms.error()
    if _flag(params, "unique_label") and (order := _labelled(session, terms.label)) is not None:
        return {"order": order_object(order, session.instrument(order.instrument)), "trades": []}
    first = session.trading.next_order_id()
    outputs = session.submit(
        Place(
            at_ns=session.trading.now(), account=session.account, terms=terms, connection=session.connection
        )
    )
    return answer(session, outputs, placed_order(session, outputs, first), instrument)


def _labelled(session: AccountSession, label: str) -> Order | None:
    """The account's first order with this label that is still known, if the request was sent before."""
    if not label:
        raise refused(Code.INVALID_PARAMS, reason="value required", param="label")
    orders = (*session.trading.open_orders(session.account), *session.trading.ended_orders(session.account))
    return min((o for o in orders if o.terms.label == label), key=lambda order: order.id, default=None)


def _renamed(params: Params) -> Params:
    """Replace old parameter names by new ones, and parse values that a URL carries as text."""
    renamed = dict(params)
    if "max_show" in renamed:
        renamed.setdefault("display_amount", renamed["max_show"])
    if isinstance(listed := renamed.get("otoco_config"), str):
        try:
            renamed["otoco_config"] = decode_exactly(listed)
        except (msgspec.DecodeError, RecursionError):
            raise refused(Code.INVALID_PARAMS, reason="must be JSON", param="otoco_config") from None
    return renamed


def _edit(session: AccountSession, order: Order, params: Params) -> dict[str, Any]:
    instrument = session.instrument(order.instrument)
    params = _renamed(params)
    if params.get("advanced") is not None:
        raise refused(Code.NOT_ADV_ORDER, param="advanced")
    display = {"amount": params["display_amount"]} if "display_amount" in params else {}
    outputs = session.submit(
        Edit(
            at_ns=session.trading.now(),
            account=session.account,
            order_id=order.id,
            size_lots=to_lots(params, instrument),
            price_ticks=to_ticks(params, "price", instrument),
            display_lots=to_lots(display, instrument),
            trigger_ticks=to_ticks(params, "trigger_price", instrument),
            trigger_offset_ticks=to_ticks(params, "trigger_offset", instrument),
            valid_until_ns=to_nanoseconds(params, "valid_until"),
            post_only=_flag(params, "post_only"),
            reject_post_only=_flag(params, "reject_post_only"),
            reduce_only=_flag(params, "reduce_only"),
        )
    )
    return answer(session, outputs, changed_order(session, outputs, order.id), instrument)


def _flag(params: Params, name: str) -> bool | None:
    value = params.get(name)
    if value is None or isinstance(value, bool):
        return value
    if value in ("true", "false"):
        return bool(value == "true")
    raise refused(Code.INVALID_PARAMS, reason="must be true or false", param=name)


def placed_order(session: AccountSession, outputs: list[Any], first: OrderId) -> Order:
    """The order that a record has placed: the first of the account's new ones."""
    orders = [change.order for change in _changed(outputs) if change.order.account == session.account]
    return min((order for order in orders if order.id >= first), key=lambda order: order.id)


def changed_order(session: AccountSession, outputs: list[Any], order_id: OrderId) -> Order:
    """An order after a record."""
    changed = [change.order for change in _changed(outputs) if change.order.id == order_id]
    return changed[-1] if changed else session.order(order_id)


def answer(
    session: AccountSession, outputs: list[Any], order: Order, instrument: Instrument
) -> dict[str, Any]:
    """The order and its trades, as in the dialect's answer."""
    filled = [output for output in outputs if isinstance(output, Fill) and output.order_id == order.id]
    return {"order": order_object(order, instrument), "trades": _own_trades(session, filled, instrument)}


def _own_trades(session: AccountSession, fills: list[Fill], instrument: Instrument) -> list[dict[str, Any]]:
    """The trades of these fills, oldest first, with their fees."""
    ids = {fill.trade_id for fill in fills}
    if not fills:
        return []
    trades = []
    for trade in session.trading.trades(session.account):
        if trade.fill.trade_id in ids and trade.fill.order_id == fills[0].order_id:
            trades.append(user_trade_object(trade, instrument))
        if len(trades) == len(fills) or trade.fill.trade_id < fills[0].trade_id:
            break
    return trades[::-1]


def _changed(outputs: list[Any]) -> list[OrderChanged]:
    return [output for output in outputs if isinstance(output, OrderChanged)]

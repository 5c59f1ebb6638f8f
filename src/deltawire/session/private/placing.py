"""Methods that place and change orders."""

from typing import Any, Literal

import msgspec

from deltawire.exchange.codes import Code
from deltawire.exchange.orders import (
    Fill,
    FillCondition,
    Linking,
    Order,
    OrderChanged,
    OrderId,
    OrderType,
    Terms,
    TimeInForce,
    Trigger,
)
from deltawire.exchange.records import ClosePosition, Edit, Place
from deltawire.model.events import Side
from deltawire.model.instruments import Instrument
from deltawire.session.methods import Context, method
from deltawire.session.private.numbers import MS_NS, parse_order_id, to_lots, to_size, to_ticks
from deltawire.session.private.objects import order_object, user_trade_object
from deltawire.session.private.seat import Seat, refused, seat

TRADE = "trade:read_write"


class _Leg(msgspec.Struct):
    """An order linked to another, in `otoco_config`."""

    amount: float | None = None
    contracts: float | None = None
    direction: Side | None = None
    type: OrderType = "limit"
    label: str = ""
    price: float | None = None
    reduce_only: bool = False
    time_in_force: TimeInForce = "good_til_cancelled"
    post_only: bool = False
    reject_post_only: bool = False
    trigger_price: float | None = None
    trigger_offset: float | None = None
    trigger: Trigger | None = None


class _Order(_Leg, kw_only=True):
    instrument_name: str
    display_amount: float | None = None
    max_show: float | None = None
    advanced: Literal["usd", "implv"] | None = None
    mmp: bool = False
    mmp_group: str = ""
    valid_until: int | None = None
    linked_order_type: Linking = ""
    trigger_fill_condition: FillCondition = "first_hit"
    otoco_config: list[_Leg] = []


class _Changes(msgspec.Struct, kw_only=True):
    amount: float | None = None
    contracts: float | None = None
    price: float | None = None
    display_amount: float | None = None
    max_show: float | None = None
    trigger_price: float | None = None
    trigger_offset: float | None = None
    post_only: bool | None = None
    reject_post_only: bool | None = None
    reduce_only: bool | None = None
    valid_until: int | None = None
    advanced: Literal["usd", "implv"] | None = None


class _Edit(_Changes, kw_only=True):
    order_id: str


class _EditByLabel(_Changes, kw_only=True):
    instrument_name: str
    label: str = ""


class _Close(msgspec.Struct):
    instrument_name: str
    type: Literal["limit", "market"]
    price: float | None = None


@method("private/buy", right=TRADE)
def buy(context: Context, params: _Order) -> Any:
    """Place an order to buy."""
    return _place(seat(context), params, "buy")


@method("private/sell", right=TRADE)
def sell(context: Context, params: _Order) -> Any:
    """Place an order to sell."""
    return _place(seat(context), params, "sell")


@method("private/edit", right=TRADE)
def edit(context: Context, params: _Edit) -> Any:
    """Change an open order."""
    here = seat(context)
    order = here.order(parse_order_id(params.order_id))
    return _edit(here, order, params)


@method("private/edit_by_label", right=TRADE)
def edit_by_label(context: Context, params: _EditByLabel) -> Any:
    """Change the one open order of an instrument that has this label."""
    here = seat(context)
    here.instrument(params.instrument_name)
    found = [
        order
        for order in here.trading.open_orders(here.account)
        if params.label and (order.instrument, order.terms.label) == (params.instrument_name, params.label)
    ]
    if not found:
        raise refused(Code.ORDER_NOT_FOUND, param="label")
    if len(found) > 1:
        raise refused(Code.NON_UNIQUE_ORDER_LABEL, param="label")
    return _edit(here, found[0], params)


@method("private/close_position", right=TRADE)
def close_position(context: Context, params: _Close) -> Any:
    """Place the reduce-only order that would close a position."""
    here = seat(context)
    instrument = here.instrument(params.instrument_name)
    if params.type == "limit" and params.price is None:
        raise refused(Code.INVALID_PARAMS, reason="value required", param="price")
    ticks = None
    if params.type == "limit" and params.price is not None:
        ticks = to_ticks(instrument, params.price)
    first = here.trading.next_order_id()
    outputs = here.submit(
        ClosePosition(
            at_ns=here.trading.now(), account=here.account, instrument=instrument.name, type=params.type,
            price_ticks=ticks, connection=here.connection,
        )  # fmt: skip
    )
    return answer(here, outputs, placed_order(here, outputs, first), instrument)


def _place(here: Seat, params: _Order, side: Side) -> dict[str, Any]:
    instrument = here.instrument(params.instrument_name)
    terms = _to_terms(instrument, params, side)
    first = here.trading.next_order_id()
    outputs = here.submit(
        Place(at_ns=here.trading.now(), account=here.account, terms=terms, connection=here.connection)
    )
    return answer(here, outputs, placed_order(here, outputs, first), instrument)


def _to_terms(instrument: Instrument, params: _Order, side: Side) -> Terms:
    if params.advanced is not None:
        raise refused(Code.NOT_IMPLEMENTED, reason="orders by IV or USD", param="advanced")
    display = params.max_show if params.display_amount is None else params.display_amount
    size = to_size(instrument, params.amount, params.contracts)
    return msgspec.structs.replace(
        _plain_terms(instrument, params, side, size),
        display_lots=None if display is None else to_lots(instrument, display, "display_amount"),
        valid_until_ns=None if params.valid_until is None else params.valid_until * MS_NS,
        mmp=params.mmp,
        mmp_group=params.mmp_group,
        linked=params.linked_order_type,
        fill_condition=params.trigger_fill_condition,
        others=tuple(_to_leg(instrument, leg, side, size) for leg in params.otoco_config),
    )


def _to_leg(instrument: Instrument, leg: _Leg, side: Side, size: int | None) -> Terms:
    own = to_size(instrument, leg.amount, leg.contracts)
    return _plain_terms(instrument, leg, leg.direction or side, size if own is None else own)


def _plain_terms(instrument: Instrument, params: _Leg, side: Side, size: int | None) -> Terms:
    """What every order has."""
    if size is None:
        raise refused(Code.INVALID_PARAMS, reason="value required", param="amount")
    priced = params.type in ("limit", "stop_limit", "take_limit")
    if priced and params.price is None:
        raise refused(Code.INVALID_PARAMS, reason="value required", param="price")
    return Terms(
        instrument=instrument.name,
        side=side,
        size_lots=size,
        type=params.type,
        price_ticks=None if not priced else _ticks(instrument, params.price),
        time_in_force=params.time_in_force,
        label=params.label,
        post_only=params.post_only,
        reject_post_only=params.reject_post_only,
        reduce_only=params.reduce_only,
        trigger=params.trigger,
        trigger_ticks=_ticks(instrument, params.trigger_price, "trigger_price"),
        trigger_offset_ticks=_ticks(instrument, params.trigger_offset, "trigger_offset"),
    )


def _ticks(instrument: Instrument, price: float | None, param: str = "price") -> int | None:
    return None if price is None else to_ticks(instrument, price, param)


def _edit(here: Seat, order: Order, params: _Changes) -> dict[str, Any]:
    instrument = here.instrument(order.instrument)
    if params.advanced is not None:
        raise refused(Code.NOT_ADV_ORDER, param="advanced")
    display = params.max_show if params.display_amount is None else params.display_amount
    outputs = here.submit(
        Edit(
            at_ns=here.trading.now(),
            account=here.account,
            order_id=order.id,
            size_lots=to_size(instrument, params.amount, params.contracts),
            price_ticks=_ticks(instrument, params.price),
            display_lots=None if display is None else to_lots(instrument, display, "display_amount"),
            trigger_ticks=_ticks(instrument, params.trigger_price, "trigger_price"),
            trigger_offset_ticks=_ticks(instrument, params.trigger_offset, "trigger_offset"),
            post_only=params.post_only,
            reject_post_only=params.reject_post_only,
            reduce_only=params.reduce_only,
            valid_until_ns=None if params.valid_until is None else params.valid_until * MS_NS,
        )
    )
    return answer(here, outputs, changed_order(here, outputs, order.id), instrument)


def placed_order(here: Seat, outputs: list[Any], first: OrderId) -> Order:
    """The order that a record has placed: of the account's new ones the first."""
    mine = [each.order for each in _changed(outputs) if each.order.account == here.account]
    return min((order for order in mine if order.id >= first), key=lambda order: order.id)


def changed_order(here: Seat, outputs: list[Any], order_id: OrderId) -> Order:
    """An order as a record has left it."""
    changed = [each.order for each in _changed(outputs) if each.order.id == order_id]
    return changed[-1] if changed else here.order(order_id)


def answer(here: Seat, outputs: list[Any], order: Order, instrument: Instrument) -> dict[str, Any]:
    """The order and its trades, as the dialect answers."""
    filled = [each for each in outputs if isinstance(each, Fill) and each.order_id == order.id]
    return {"order": order_object(order, instrument), "trades": _own_trades(here, filled, instrument)}


def _own_trades(here: Seat, fills: list[Fill], instrument: Instrument) -> list[dict[str, Any]]:
    """The trades of these fills, oldest first, with their fees."""
    wanted = {fill.trade_id for fill in fills}
    if not fills:
        return []
    found = []
    for trade in here.trading.trades(here.account):
        if trade.fill.trade_id in wanted and trade.fill.order_id == fills[0].order_id:
            found.append(user_trade_object(trade, instrument))
        if len(found) == len(fills) or trade.fill.trade_id < fills[0].trade_id:
            break
    return found[::-1]


def _changed(outputs: list[Any]) -> list[OrderChanged]:
    return [each for each in outputs if isinstance(each, OrderChanged)]

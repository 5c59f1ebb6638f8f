"""Orders and the account's trades as the dialect's objects (names: docs.deribit.com)."""

from typing import Any

from deltawire.dialect.market_objects import contracts
from deltawire.dialect.order_params import MS_NS
from deltawire.exchange.accounts.history import Execution
from deltawire.exchange.orders.orders import Order, OrderType, Terms, format_id
from deltawire.model.instruments import Instrument
from deltawire.model.numbers import unit

CANCEL_REASONS = (
    "user_request",
    "autoliquidation",
    "cancel_on_disconnect",
    "risk_mitigation",
    "pme_risk_reduction",
    "pme_account_locked",
    "position_locked",
    "mmp_trigger",
    "mmp_config_curtailment",
    "edit_post_only_reject",
    "oco_other_closed",
    "oto_primary_closed",
    "settlement",
)
"""Deribit's (docs.deribit.com, `cancel_reason`); an order may end for other reasons as well."""
UNBOUNDED = 1 << 62
"""Prices from here on mean none: those of market orders without a price band."""
_UNPRICED = ("market", "stop_market", "take_market", "trailing_stop")


def order_object(order: Order, instrument: Instrument) -> dict[str, Any]:
    """The object of an order."""
    terms, amount = order.terms, instrument.size(order.size_lots)
    members: dict[str, Any] = {
        "order_id": format_id(order.id, instrument),
        "order_state": order.state,
        "order_type": _order_type(terms),
        "time_in_force": terms.time_in_force,
        "instrument_name": terms.instrument,
        "direction": terms.side,
        "price": _price(order, instrument),
        "amount": amount,
        "contracts": contracts(instrument, amount),
        "filled_amount": instrument.size(order.filled_lots),
        "average_price": _average_price(order, instrument),
        "label": terms.label,
        "post_only": terms.post_only,
        "reject_post_only": terms.reject_post_only,
        "reduce_only": terms.reduce_only,
        "creation_timestamp": order.created_ns // MS_NS,
        "last_update_timestamp": order.updated_ns // MS_NS,
        "api": True,
        "web": False,
        "mobile": False,
        "replaced": order.replaced,
        "mmp": terms.mmp,
        "is_liquidation": terms.liquidation,
        "is_rebalance": False,
        "risk_reducing": False,
    }
    return members | _rarer(order, instrument)


def user_trade_object(trade: Execution, instrument: Instrument) -> dict[str, Any]:
    """The object of one of the account's trades."""
    fill = trade.fill
    terms, amount = fill.terms, instrument.size(fill.size_lots)
    members: dict[str, Any] = {
        "trade_id": format_id(fill.trade_id, instrument),
        "trade_seq": fill.trade_seq,
        "timestamp": fill.at_ns // MS_NS,
        "instrument_name": fill.instrument,
        "direction": fill.side,
        "price": instrument.price(fill.price_ticks),
        "amount": amount,
        "contracts": contracts(instrument, amount),
        "tick_direction": trade.direction,
        "mark_price": _known(instrument, fill.mark_ticks),
        "index_price": _known(instrument, fill.index_ticks),
        "order_id": format_id(fill.order_id, instrument),
        "order_type": "liquidation" if terms.liquidation else _order_type(terms),
        "state": fill.state,
        "liquidity": "M" if fill.role == "maker" else "T",
        "fee": trade.fee,
        "fee_currency": trade.fee_currency or instrument.settlement,
        "matching_id": None,
        "self_trade": False,
        "label": terms.label,
        "post_only": terms.post_only,
        "reduce_only": terms.reduce_only,
        "mmp": terms.mmp,
        "api": True,
        "risk_reducing": False,
        "profit_loss": trade.profit_loss,
    }
    if fill.iv is not None:
        members |= {"iv": fill.iv, "underlying_price": fill.underlying}
    if fill.liquidation:
        members["liquidation"] = fill.liquidation
    if terms.quote_id:
        members |= {"quote_id": terms.quote_id, "quote_set_id": terms.quote_set_id}
    return members


def _rarer(order: Order, instrument: Instrument) -> dict[str, Any]:
    """The members that only some orders have."""
    terms = order.terms
    members: dict[str, Any] = _why(order)
    if terms.type == "market_limit":
        members["original_order_type"] = terms.type
    if terms.display_lots is not None:
        shown = instrument.size(terms.display_lots)
        members |= {"display_amount": shown, "max_show": shown, "refresh_amount": shown}
    if terms.trigger is not None:
        members |= {"trigger": terms.trigger, "triggered": order.state == "triggered"}
        members["trigger_price"] = _known(instrument, order.trigger_ticks)
        if terms.trigger_offset_ticks is not None:
            members["trigger_offset"] = instrument.price(terms.trigger_offset_ticks)
            members["trigger_reference_price"] = _known(instrument, order.reference_ticks)
    if order.trigger_order_id:
        members |= {"trigger_order_id": format_id(order.trigger_order_id, instrument), "triggered": True}
    members |= _links(order, instrument)
    if terms.mmp_group:
        members["mmp_group"] = terms.mmp_group
    if order.reason == "mmp_trigger":
        members["mmp_cancelled"] = True
    if order.quote:
        members |= {"quote": True, "quote_id": terms.quote_id, "quote_set_id": terms.quote_set_id}
    return members


def _order_type(terms: Terms) -> OrderType:
    """What is left of a market limit order rests, and is a limit order to everybody."""
    return "limit" if terms.type == "market_limit" else terms.type


def _why(order: Order) -> dict[str, Any]:
    """Why an order ended unfilled: in Deribit's own words where it has one, else beside them."""
    if not order.reason:
        return {}
    if order.state == "rejected":
        return {"reject_reason": order.reason}
    return {"cancel_reason" if order.reason in CANCEL_REASONS else "reason": order.reason}


def _links(order: Order, instrument: Instrument) -> dict[str, Any]:
    ids = [format_id(order_id, instrument) for order_id in order.linked_ids]
    if order.primary_id:
        return {"is_secondary_oto": True, "primary_order_id": format_id(order.primary_id, instrument)}
    if not ids:
        return {}
    return {"oco_ref": ids[0]} if order.oco else {"oto_order_ids": ids, "is_primary_otoco": len(ids) > 1}


def _price(order: Order, instrument: Instrument) -> float | str:
    """The price of an order; for a market order the worst price at which it may trade, or a text if there is none."""
    waits = order.terms.type in _UNPRICED and (order.state == "untriggered" or not order.price_ticks)
    if waits or not 0 < order.price_ticks < UNBOUNDED:
        return "market_price"
    return instrument.price(order.price_ticks)


def _average_price(order: Order, instrument: Instrument) -> float:
    if not order.filled_lots:
        return 0.0
    average = order.cost / order.filled_lots / unit(instrument.price_exponent)
    return round(average, 4 - instrument.price_exponent)


def _known(instrument: Instrument, ticks: int | None) -> float | None:
    return None if ticks is None else instrument.price(ticks)

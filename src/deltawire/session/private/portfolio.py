"""Methods that ask what orders and positions need, or would need."""

from typing import Any

import msgspec

from deltawire.dialect.account_objects import account_summary_object
from deltawire.dialect.market_objects import MS_NS
from deltawire.dialect.order_objects import order_object
from deltawire.dialect.order_params import needed, parse_order_id, refused, to_lots
from deltawire.exchange.orders.codes import Code
from deltawire.exchange.orders.orders import Order, format_id
from deltawire.session.currencies import parse_currency, parse_one_currency
from deltawire.session.methods import Context, NoParams, method
from deltawire.session.paging import continued
from deltawire.session.private.account import ACCOUNT
from deltawire.session.private.account_session import AccountSession, account_session
from deltawire.session.private.orders import READ
from deltawire.wire.rpc import decode_exactly

MOST_IDS = 100


class _Ids(msgspec.Struct):
    ids: list[str]


class _Triggers(msgspec.Struct):
    currency: str
    instrument_name: str | None = None
    count: int = 20
    continuation: str | int | None = None


class _Simulation(msgspec.Struct):
    currency: str
    add_positions: bool = True
    simulated_positions: dict[str, int | float | str] | str = {}


@method("private/get_order_margin_by_ids", right=READ)
def get_order_margin_by_ids(context: Context, params: _Ids) -> Any:
    """What each of these open orders alone would need; one that has ended, or is another's, is left out."""
    session = account_session(context)
    if len(params.ids) > MOST_IDS:
        raise refused(Code.INVALID_PARAMS, reason=f"at most {MOST_IDS}", param="ids")
    live = {order.id: order for order in session.trading.open_orders(session.account)}
    asked = dict.fromkeys(parse_order_id(text) for text in params.ids)
    return [_margin(session, live[number]) for number in asked if number in live]


@method("private/get_trigger_order_history", right=READ)
def get_trigger_order_history(context: Context, params: _Triggers) -> Any:
    """Orders that wait, or have waited, for a trigger: as they stand, the one that changed last first."""
    session, currency = account_session(context), parse_currency(context, params.currency)
    live, ended = session.trading.open_orders(session.account), session.trading.ended_orders(session.account)
    found = [
        order
        for order in (*live, *ended)
        if order.terms.trigger is not None
        and params.instrument_name in (None, order.instrument)
        and (currency == "any" or currency in session.instrument(order.instrument).currencies)
    ]
    found.sort(key=lambda order: (order.updated_ns, order.id), reverse=True)
    orders, token = continued(found, params.continuation, params.count, lambda order: order.id)
    return {
        "entries": [_trigger(session, order) for order in orders],
    } | ({} if token is None else {"continuation": str(token)})


@method("private/simulate_portfolio", "private/pme/simulate", right=ACCOUNT)
def simulate_portfolio(context: Context, params: _Simulation) -> Any:
    """The summary that a currency would have with these positions beside, or instead of, those that are held."""
    session, currency = account_session(context), parse_one_currency(context, params.currency)
    positions = params.simulated_positions
    if isinstance(positions, str):
        positions = _parsed(positions)
    lots: dict[str, int] = {}
    for name, amount in positions.items():
        instrument = session.instrument(name)
        text = str(amount)
        size = needed(to_lots({"amount": text.removeprefix("-")}, instrument), "simulated_positions")
        lots[name] = -size if text.startswith("-") else size
    summary = session.trading.simulate(session.account, currency, lots, add=params.add_positions)
    return account_summary_object(summary)


@method("private/get_user_locks", right=ACCOUNT)
def get_user_locks(context: Context, params: NoParams) -> Any:
    """Of each currency whether a liquidation has locked the account."""
    session = account_session(context)
    return [
        {"currency": currency, "enabled": locked, "locked": locked}
        | ({"message": "liquidation"} if locked else {})
        for currency in session.trading.currencies()
        for locked in (session.trading.liquidating(session.account, currency),)
    ]


def _parsed(text: str) -> dict[str, int | float | str]:
    try:
        return msgspec.convert(decode_exactly(text), dict[str, int | float | str])
    except (msgspec.DecodeError, RecursionError):
        raise refused(
            Code.INVALID_PARAMS, reason="must be an object of sizes", param="simulated_positions"
        ) from None


def _margin(session: AccountSession, order: Order) -> dict[str, Any]:
    instrument = session.instrument(order.instrument)
    buy, sell = session.trading.margins(session.account, instrument, order.leaves_lots, order.price_ticks)
    needs = (
        0.0 if order.terms.reduce_only or order.state == "untriggered" else buy if order.sign > 0 else sell
    )
    return {
        "order_id": format_id(order.id, instrument),
        "initial_margin": needs,
        "initial_margin_currency": instrument.settlement,
    }


def _trigger(session: AccountSession, order: Order) -> dict[str, Any]:
    shown = order_object(order, session.instrument(order.instrument))
    ended = {"cancelled": "trigger:cancel", "triggered": "trigger:order"}
    return {
        "timestamp": order.created_ns // MS_NS,
        "request": ended.get(order.state, "trigger:new"),
        "source": "api",
        "trigger_order_id": shown["order_id"],
        "trigger_offset": None,
        "is_secondary_oto": False,
        **{
            member: shown[member]
            for member in (
                "order_id", "order_state", "instrument_name", "direction", "price", "amount",
                "label", "post_only", "reduce_only", "trigger", "trigger_price", "trigger_offset",
                "last_update_timestamp", "is_secondary_oto", "oco_ref",
            )
            if member in shown
        },
        "order_type": "limit" if order.terms.type.endswith("_limit") else "market",
    }  # fmt: skip

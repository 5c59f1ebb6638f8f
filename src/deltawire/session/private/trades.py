"""Methods about the account's own trades."""

from collections.abc import Callable, Iterable
from typing import Any, Literal

import msgspec

from deltawire.dialect.order_objects import user_trade_object
from deltawire.dialect.order_params import MS_NS, parse_order_id
from deltawire.exchange.accounts.history import Execution
from deltawire.model.instruments import in_currency
from deltawire.session.currencies import parse_currency
from deltawire.session.methods import Context, method
from deltawire.session.paging import Place, Window, page
from deltawire.session.private.account_session import AccountSession, acting_for
from deltawire.session.private.orders import MOST_LISTED, READ


class _Trades(Window, kw_only=True):
    historical: bool = False
    subaccount_id: int | None = None


class _OfInstrument(_Trades, kw_only=True):
    instrument_name: str


class _OfCurrency(_Trades, kw_only=True):
    currency: str
    kind: str = "any"


class _OfOrder(msgspec.Struct):
    order_id: str
    sorting: Literal["default", "asc", "desc"] = "default"
    historical: bool = False
    subaccount_id: int | None = None


@method("private/get_user_trades_by_instrument_and_time", "private/get_user_trades_by_instrument", right=READ)
def get_user_trades_by_instrument(context: Context, params: _OfInstrument) -> Any:
    """Return the account's trades in an instrument."""
    session = acting_for(context, params.subaccount_id)
    name = session.instrument(params.instrument_name).name
    return _page(session, params, lambda trade: trade.fill.instrument == name)


@method("private/get_user_trades_by_currency_and_time", "private/get_user_trades_by_currency", right=READ)
def get_user_trades_by_currency(context: Context, params: _OfCurrency) -> Any:
    """Return the account's trades in a currency."""
    session = acting_for(context, params.subaccount_id)
    currency, kind = parse_currency(context, params.currency), params.kind
    return _page(
        session, params, lambda trade: in_currency(session.instrument(trade.fill.instrument), currency, kind)
    )


@method("private/get_user_trades_by_order", right=READ)
def get_user_trades_by_order(context: Context, params: _OfOrder) -> Any:
    """Return the last trades of one order, newest first; with `asc` its first ones."""
    session = acting_for(context, params.subaccount_id)
    order_id = parse_order_id(params.order_id)
    trades = [trade for trade in session.trading.trades(session.account) if trade.fill.order_id == order_id]
    trades = trades[::-1] if params.sorting == "asc" else trades
    return _objects(session, trades[:MOST_LISTED])


def _page(session: AccountSession, params: _Trades, fits: Callable[[Execution], bool]) -> dict[str, Any]:
    trades = [trade for trade in session.trading.trades(session.account) if fits(trade)]
    chosen, has_more = page(trades[::-1], params, _place)
    return {"trades": _objects(session, chosen), "has_more": has_more}


def _place(trade: Execution) -> Place:
    fill = trade.fill
    return Place(fill.at_ns // MS_NS, fill.trade_seq, fill.trade_id)


def _objects(session: AccountSession, trades: Iterable[Execution]) -> list[dict[str, Any]]:
    return [user_trade_object(trade, session.instrument(trade.fill.instrument)) for trade in trades]

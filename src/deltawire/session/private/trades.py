"""Methods that ask for the account's own trades."""

from collections.abc import Callable, Iterable
from typing import Any, Literal

import msgspec

from deltawire.dialect.order_objects import user_trade_object
from deltawire.dialect.order_params import MS_NS, parse_order_id
from deltawire.exchange.accounts.history import OwnTrade
from deltawire.model.instruments import in_currency
from deltawire.session.methods import Context, method
from deltawire.session.private.account_session import AccountSession, account_session
from deltawire.session.private.orders import READ, check_count

LATEST_MS = 9_000_000_000_000


class _Trades(msgspec.Struct, kw_only=True):
    start_timestamp: int = 0
    end_timestamp: int = LATEST_MS
    start_seq: int = 0
    end_seq: int = 1 << 62
    count: int = 10
    sorting: Literal["default", "asc", "desc"] = "default"
    historical: bool = False


class _OfInstrument(_Trades, kw_only=True):
    instrument_name: str


class _OfCurrency(_Trades, kw_only=True):
    currency: str
    kind: str = "any"


class _OfOrder(msgspec.Struct):
    order_id: str
    sorting: Literal["default", "asc", "desc"] = "default"
    historical: bool = False


@method("private/get_user_trades_by_instrument_and_time", "private/get_user_trades_by_instrument", right=READ)
def get_user_trades_by_instrument(context: Context, params: _OfInstrument) -> Any:
    """Own trades in an instrument."""
    session = account_session(context)
    name = session.instrument(params.instrument_name).name
    return _page(session, params, lambda trade: trade.fill.instrument == name)


@method("private/get_user_trades_by_currency_and_time", "private/get_user_trades_by_currency", right=READ)
def get_user_trades_by_currency(context: Context, params: _OfCurrency) -> Any:
    """Own trades in a currency."""
    session = account_session(context)
    currency, kind = params.currency, params.kind
    return _page(
        session, params, lambda trade: in_currency(session.instrument(trade.fill.instrument), currency, kind)
    )


@method("private/get_user_trades_by_order", right=READ)
def get_user_trades_by_order(context: Context, params: _OfOrder) -> Any:
    """The trades of one order."""
    session = account_session(context)
    order_id = parse_order_id(params.order_id)
    found = [trade for trade in session.trading.trades(session.account) if trade.fill.order_id == order_id]
    return _objects(session, found[::-1] if params.sorting == "asc" else found)


def _page(session: AccountSession, params: _Trades, fits: Callable[[OwnTrade], bool]) -> dict[str, Any]:
    """The newest, or with `asc` the oldest, `count` of those that fit."""
    check_count(params.count)
    start_ns, end_ns = params.start_timestamp * MS_NS, params.end_timestamp * MS_NS + MS_NS - 1
    within = [
        trade
        for trade in session.trading.trades(session.account)
        if start_ns <= trade.fill.at_ns <= end_ns
        and params.start_seq <= trade.fill.trade_seq <= params.end_seq
        and fits(trade)
    ]
    chosen = within[::-1][: params.count] if params.sorting == "asc" else within[: params.count]
    return {"trades": _objects(session, chosen), "has_more": len(within) > len(chosen)}


def _objects(session: AccountSession, trades: Iterable[OwnTrade]) -> list[dict[str, Any]]:
    return [user_trade_object(trade, session.instrument(trade.fill.instrument)) for trade in trades]

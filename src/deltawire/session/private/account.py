"""Methods about money and positions."""

from typing import Any

import msgspec

from deltawire.dialect.market_objects import MS_NS
from deltawire.dialect.order_params import needed, refused, to_lots, to_ticks
from deltawire.exchange.accounts.account_records import SetMarginModel
from deltawire.exchange.accounts.ledger import MarginModel
from deltawire.exchange.orders.codes import Code
from deltawire.model.instruments import in_currency
from deltawire.session.currencies import parse_currency, parse_one_currency
from deltawire.session.methods import Context, NoParams, method
from deltawire.session.private.account_session import AccountSession, account_session
from deltawire.session.private.orders import READ

ACCOUNT = "account:read"


class _Summary(msgspec.Struct):
    currency: str
    extended: bool = False
    subaccount_id: int | None = None


class _Summaries(msgspec.Struct):
    extended: bool = False
    subaccount_id: int | None = None


class _Positions(msgspec.Struct):
    currency: str = "any"
    kind: str = "any"
    subaccount_id: int | None = None


class _Position(msgspec.Struct):
    instrument_name: str


class _Model(msgspec.Struct):
    margin_model: MarginModel
    user_id: int | None = None
    dry_run: bool = False


class _Margins(msgspec.Struct):
    instrument_name: str
    amount: int | float | str
    price: int | float | str


@method("private/get_account_summary", right=ACCOUNT)
def get_account_summary(context: Context, params: _Summary) -> Any:
    """Money and margin of one currency."""
    session = account_session(context)
    summary = session.trading.summary(session.account, parse_one_currency(context, params.currency))
    return summary | _owner(session) if params.extended else summary


@method("private/get_account_summaries", right=ACCOUNT)
def get_account_summaries(context: Context, params: _Summaries) -> Any:
    """The same of every currency."""
    session = account_session(context)
    summaries = [
        session.trading.summary(session.account, currency) for currency in session.trading.currencies()
    ]
    return _owner(session) | {"summaries": summaries}


@method("private/get_positions", right=READ)
def get_positions(context: Context, params: _Positions) -> Any:
    """All positions of a currency and kind."""
    session, currency = account_session(context), parse_currency(context, params.currency)
    return [
        position
        for position in session.trading.positions(session.account)
        if in_currency(session.instrument(position["instrument_name"]), currency, params.kind)
    ]


@method("private/get_position", right=READ)
def get_position(context: Context, params: _Position) -> Any:
    """One position; a flat one has direction `zero`."""
    session = account_session(context)
    instrument = session.instrument(params.instrument_name)
    for position in session.trading.positions(session.account):
        if position["instrument_name"] == instrument.name:
            return position
    return {
        "instrument_name": instrument.name,
        "kind": instrument.kind,
        "size": 0.0,
        "direction": "zero",
        "average_price": 0.0,
        "floating_profit_loss": 0.0,
        "realized_profit_loss": 0.0,
        "total_profit_loss": 0.0,
        "initial_margin": 0.0,
        "maintenance_margin": 0.0,
        "open_orders_margin": 0.0,
        "delta": 0.0,
    }


@method("private/get_margins", right=READ)
def get_margins(context: Context, params: _Margins) -> Any:
    """What an order would need, and between which prices it may be."""
    session = account_session(context)
    instrument = session.instrument(params.instrument_name)
    lots = needed(to_lots({"amount": params.amount}, instrument), "amount")
    ticks = needed(to_ticks({"price": params.price}, "price", instrument), "price")
    buy, sell = session.trading.margins(session.account, instrument, lots, ticks)
    state = context.market.find(instrument.name)
    ticker = state.ticker if state is not None else {}
    return {
        "buy": buy,
        "sell": sell,
        "min_price": ticker.get("min_price"),
        "max_price": ticker.get("max_price"),
    }


@method("private/change_margin_model", right="account:read_write")
def change_margin_model(context: Context, params: _Model) -> Any:
    """Margin the whole account by another model, if it can bear it; what that changed in each currency."""
    session = account_session(context)
    if params.dry_run:
        raise refused(Code.NOT_IMPLEMENTED, reason="there is no trial", param="dry_run")
    before = {currency: _rates(session, currency) for currency in session.trading.currencies()}
    session.submit(
        SetMarginModel(at_ns=session.trading.now(), account=session.account, model=params.margin_model)
    )
    return [
        {"currency": currency, "old_state": old, "new_state": _rates(session, currency)}
        for currency, old in before.items()
    ]


def _rates(session: AccountSession, currency: str) -> dict[str, float]:
    """Margins as shares of the margin balance."""
    summary = session.trading.summary(session.account, currency)
    balance = summary["margin_balance"] or 1.0
    return {
        "initial_margin_rate": summary["initial_margin"] / balance,
        "maintenance_margin_rate": summary["maintenance_margin"] / balance,
        "available_balance": summary["available_funds"],
    }


@method("private/get_access_log", right=ACCOUNT)
def get_access_log(context: Context, params: NoParams) -> Any:
    """Nothing is kept."""
    return []


def _owner(session: AccountSession) -> dict[str, Any]:
    return {
        "id": session.account,
        "username": session.name,
        "email": "",
        "system_name": session.name,
        "type": "main",
        "creation_timestamp": session.trading.now() // MS_NS,
        "interuser_transfers_enabled": False,
        "mmp_enabled": True,
        "self_trading_reject_mode": session.trading.self_trading(session.account),
        "self_trading_extended_to_subaccounts": False,
    }

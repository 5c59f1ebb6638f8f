"""Methods about balances, margin and positions."""

from typing import Any

import msgspec

from deltawire.dialect.account_objects import account_summary_object, margins_object, position_object
from deltawire.dialect.order_params import needed, refused, to_lots, to_ticks
from deltawire.exchange.accounts.account_records import SetMarginModel
from deltawire.exchange.accounts.ledger import MarginModel
from deltawire.exchange.orders.codes import Code
from deltawire.model.instruments import in_currency
from deltawire.session.currencies import parse_currency, parse_one_currency
from deltawire.session.methods import Context, NoParams, method
from deltawire.session.private.account_session import AccountSession, account_session, acting_for
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
    """Return balance and margin of one currency."""
    session = acting_for(context, params.subaccount_id)
    currency = parse_one_currency(context, params.currency)
    summary = account_summary_object(session.trading.summary(session.account, currency)) | _limits(context)
    return summary | _owner(context, session) if params.extended else summary


@method("private/get_account_summaries", right=ACCOUNT)
def get_account_summaries(context: Context, params: _Summaries) -> Any:
    """Return balance and margin of every currency."""
    session = acting_for(context, params.subaccount_id)
    limits = _limits(context)
    summaries = [
        account_summary_object(session.trading.summary(session.account, currency)) | limits
        for currency in session.trading.currencies()
    ]
    return _owner(context, session) | {"summaries": summaries}


@method("private/get_positions", right=READ)
def get_positions(context: Context, params: _Positions) -> Any:
    """Return all positions of a currency and kind."""
    session = acting_for(context, params.subaccount_id)
    currency = parse_currency(context, params.currency)
    return [
        position_object(position)
        for position in session.trading.positions(session.account)
        if in_currency(position.instrument, currency, params.kind)
    ]


@method("private/get_position", right=READ)
def get_position(context: Context, params: _Position) -> Any:
    """Return one position; a flat one has direction `zero`."""
    session = account_session(context)
    instrument = session.instrument(params.instrument_name)
    position = session.trading.position(session.account, instrument)
    if position is None:
        raise refused(Code.BOOK_CLOSED, param="instrument_name")
    return position_object(position)


@method("private/get_margins", right=READ)
def get_margins(context: Context, params: _Margins) -> Any:
    """Return the margin that an order would need, and the limits of its price."""
    session = account_session(context)
    instrument = session.instrument(params.instrument_name)
    lots = needed(to_lots({"amount": params.amount}, instrument), "amount")
    ticks = needed(to_ticks({"price": params.price}, "price", instrument), "price")
    buy, sell = session.trading.margins(session.account, instrument, lots, ticks)
    state = context.market.find(instrument.name)
    ticker = state.ticker if state is not None else {}
    return margins_object(buy, sell, (ticker.get("min_price"), ticker.get("max_price")))


@method("private/change_margin_model", right="account:read_write")
def change_margin_model(context: Context, params: _Model) -> Any:
    """Change the margin model of the account, if its funds cover it; returns the change in each currency."""
    session = acting_for(context, params.user_id, "user_id")
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
    """Margins relative to the margin balance."""
    summary = session.trading.summary(session.account, currency)
    balance = summary.margin_balance or 1.0
    return {
        "initial_margin_rate": summary.initial_margin / balance,
        "maintenance_margin_rate": summary.maintenance_margin / balance,
        "available_balance": summary.available,
    }


@method("private/get_access_log", right=ACCOUNT)
def get_access_log(context: Context, params: NoParams) -> Any:
    """Return an empty list: no access log is kept."""
    return []


def _limits(context: Context) -> dict[str, Any]:
    """How many requests a second are refilled, and how many may come at once; nothing where they cost nothing.

    Requests that reach matching cost what others cost.
    """
    limits = context.limits
    if limits is None:
        return {}
    bucket = {"rate": limits.refill / limits.request, "burst": limits.pool / limits.request}
    return {
        "limits": {"limits_per_currency": False, "matching_engine": bucket, "non_matching_engine": bucket}
    }


def _owner(context: Context, session: AccountSession) -> dict[str, Any]:
    """Whose account it is; it is as old as its oldest key."""
    login = session.trading.login(session.account)
    keys = [key.created_ms for key in context.access.ring if key.account == login and key.created_ms]
    created = {"creation_timestamp": min(keys)} if keys else {}
    return created | {
        "id": session.account,
        "username": session.name,
        "email": "",
        "system_name": session.name,
        "type": "main" if session.trading.owner(session.account) == session.account else "subaccount",
        "security_keys_enabled": False,
        "login_enabled": session.trading.login_enabled(session.account),
        "receive_notifications": False,
        "interuser_transfers_enabled": False,
        "mmp_enabled": True,
        "self_trading_reject_mode": session.trading.self_trading(session.account),
        "self_trading_extended_to_subaccounts": "false",
    }

"""Methods about money and positions."""

from typing import Any

import msgspec

from deltawire.exchange.account_records import SetMarginModel
from deltawire.exchange.codes import Code
from deltawire.exchange.ledger import MarginModel
from deltawire.market.objects import MS_NS
from deltawire.model.instruments import in_currency
from deltawire.session.methods import Context, NoParams, method
from deltawire.session.private.numbers import needed, to_lots, to_ticks
from deltawire.session.private.orders import READ
from deltawire.session.private.seat import Seat, refused, seat

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
    here = seat(context)
    currency = params.currency.upper()
    if currency not in here.trading.currencies():
        raise refused(Code.INVALID_PARAMS, reason="no such currency", param="currency")
    found = here.trading.summary(here.account, currency)
    return found | _owner(here) if params.extended else found


@method("private/get_account_summaries", right=ACCOUNT)
def get_account_summaries(context: Context, params: _Summaries) -> Any:
    """The same of every currency."""
    here = seat(context)
    summaries = [here.trading.summary(here.account, currency) for currency in here.trading.currencies()]
    return _owner(here) | {"summaries": summaries}


@method("private/get_positions", right=READ)
def get_positions(context: Context, params: _Positions) -> Any:
    """All positions of a currency and kind."""
    here = seat(context)
    return [
        position
        for position in here.trading.positions(here.account)
        if in_currency(here.instrument(position["instrument_name"]), params.currency, params.kind)
    ]


@method("private/get_position", right=READ)
def get_position(context: Context, params: _Position) -> Any:
    """One position; a flat one has direction `zero`."""
    here = seat(context)
    instrument = here.instrument(params.instrument_name)
    for position in here.trading.positions(here.account):
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
    here = seat(context)
    instrument = here.instrument(params.instrument_name)
    lots = needed(to_lots({"amount": params.amount}, instrument), "amount")
    ticks = needed(to_ticks({"price": params.price}, "price", instrument), "price")
    buy, sell = here.trading.margins(here.account, instrument, lots, ticks)
    state = context.market.find(instrument.name)
    known = state.ticker if state is not None else {}
    return {
        "buy": buy,
        "sell": sell,
        "min_price": known.get("min_price"),
        "max_price": known.get("max_price"),
    }


@method("private/change_margin_model", right="account:read_write")
def change_margin_model(context: Context, params: _Model) -> Any:
    """Margin the whole account by another model, if it can bear it; what that changed in each currency."""
    here = seat(context)
    if params.dry_run:
        raise refused(Code.NOT_IMPLEMENTED, reason="there is no trial", param="dry_run")
    before = {currency: _rates(here, currency) for currency in here.trading.currencies()}
    here.submit(SetMarginModel(at_ns=here.trading.now(), account=here.account, model=params.margin_model))
    return [
        {"currency": currency, "old_state": old, "new_state": _rates(here, currency)}
        for currency, old in before.items()
    ]


def _rates(here: Seat, currency: str) -> dict[str, float]:
    """Margins as shares of the margin balance."""
    found = here.trading.summary(here.account, currency)
    whole = found["margin_balance"] or 1.0
    return {
        "initial_margin_rate": found["initial_margin"] / whole,
        "maintenance_margin_rate": found["maintenance_margin"] / whole,
        "available_balance": found["available_funds"],
    }


@method("private/get_access_log", right=ACCOUNT)
def get_access_log(context: Context, params: NoParams) -> Any:
    """Nothing is kept."""
    return []


def _owner(here: Seat) -> dict[str, Any]:
    return {
        "id": here.account,
        "username": here.name,
        "email": "",
        "system_name": here.name,
        "type": "main",
        "creation_timestamp": here.trading.now() // MS_NS,
        "interuser_transfers_enabled": False,
        "mmp_enabled": True,
        "self_trading_reject_mode": here.trading.self_trading(here.account),
        "self_trading_extended_to_subaccounts": False,
    }

"""Methods that cancel orders."""

from typing import Any, Literal

import msgspec

from deltawire.dialect.order_objects import order_object
from deltawire.dialect.order_params import parse_order_id, refused
from deltawire.exchange.orders.codes import Code
from deltawire.exchange.orders.orders import Order, OrderChanged
from deltawire.exchange.orders.records import Cancel, CancelMany
from deltawire.session.currencies import parse_currency
from deltawire.session.methods import Context, method
from deltawire.session.private.account_session import AccountSession, account_session
from deltawire.session.private.placing import TRADE, changed_order

_Type = Literal["all", "limit", "trigger_all", "stop", "take", "trailing_stop"]
_Kind = Literal["future", "option", "spot", "future_combo", "option_combo", "combo", "any"]


class _ById(msgspec.Struct):
    order_id: str


class _All(msgspec.Struct):
    detailed: bool = False
    freeze_quotes: bool = False
    """Refused if true: quotes are not frozen."""


class _ByInstrument(_All, kw_only=True):
    instrument_name: str
    type: _Type = "all"


class _ByCurrency(_All, kw_only=True):
    currency: str
    kind: _Kind = "any"
    type: _Type = "all"


class _ByPair(_All, kw_only=True):
    currency_pair: str
    kind: _Kind = "any"
    type: _Type = "all"


class _ByKindOrType(_All, kw_only=True):
    currency: str | list[str] = "any"
    kind: _Kind = "any"
    type: _Type = "all"


class _ByLabel(_All, kw_only=True):
    label: str
    currency: str | None = None


class _Quotes(_All, kw_only=True):
    cancel_type: Literal[
        "all", "currency", "currency_pair", "instrument", "instrument_kind", "kind", "quote_set_id"
    ] = "all"
    """What it is called by must be there; the other parameters narrow it.

    `delta` is refused, because ignoring it would cancel more than requested.
    """
    currency: str | None = None
    currency_pair: str | None = None
    instrument_name: str | None = None
    kind: _Kind | None = None
    quote_set_id: str | None = None
    min_delta: float | None = None
    max_delta: float | None = None


_NAMED = {
    "currency": "currency",
    "currency_pair": "currency_pair",
    "instrument": "instrument_name",
    "instrument_kind": "kind",
    "kind": "kind",
    "quote_set_id": "quote_set_id",
}
"""What a `cancel_type` needs, so that nothing more is cancelled than was asked for."""


@method("private/cancel", right=TRADE)
def cancel(context: Context, params: _ById) -> Any:
    """Cancel one order."""
    session = account_session(context)
    order = session.open_order(parse_order_id(params.order_id))
    outputs = session.submit(Cancel(at_ns=session.trading.now(), account=session.account, order_id=order.id))
    return order_object(changed_order(session, outputs, order.id), session.instrument(order.instrument))


@method("private/cancel_all", right=TRADE)
def cancel_all(context: Context, params: _All) -> Any:
    """Cancel all orders."""
    return _cancel_many(account_session(context), params)


@method("private/cancel_all_by_instrument", right=TRADE)
def cancel_all_by_instrument(context: Context, params: _ByInstrument) -> Any:
    """Cancel all orders of an instrument."""
    session = account_session(context)
    instrument = session.instrument(params.instrument_name)
    return _cancel_many(session, params, instrument=instrument.name, type=params.type)


@method("private/cancel_all_by_currency", right=TRADE)
def cancel_all_by_currency(context: Context, params: _ByCurrency) -> Any:
    """Cancel all orders that settle in a currency."""
    session, currency = account_session(context), _currency(context, params.currency)
    kind = _any(params.kind)
    return _cancel_many(session, params, settlement=currency, kind=kind, type=params.type)


@method("private/cancel_all_by_currency_pair", right=TRADE)
def cancel_all_by_currency_pair(context: Context, params: _ByPair) -> Any:
    """Cancel all orders of instruments on an index."""
    session, pair = account_session(context), _pair(context, params.currency_pair)
    return _cancel_many(session, params, index_name=pair, kind=_any(params.kind), type=params.type)


@method("private/cancel_all_by_kind_or_type", right=TRADE)
def cancel_all_by_kind_or_type(context: Context, params: _ByKindOrType) -> Any:
    """Cancel all orders of a kind or type, in one or several currencies."""
    _check_freeze(params)
    session = account_session(context)
    asked = [params.currency] if isinstance(params.currency, str) else params.currency
    cancelled: list[Order] = []
    for currency in dict.fromkeys([_currency(context, name) for name in asked]):
        cancelled += _cancelled(session, settlement=currency, kind=_any(params.kind), type=params.type)
    return _cancel_result(session, cancelled, params.detailed)


@method("private/cancel_by_label", right=TRADE)
def cancel_by_label(context: Context, params: _ByLabel) -> Any:
    """Cancel all orders with a label."""
    session = account_session(context)
    currency = None if params.currency is None else _currency(context, params.currency)
    return _cancel_many(session, params, label=params.label, settlement=currency)


@method("private/cancel_quotes", right=TRADE)
def cancel_quotes(context: Context, params: _Quotes) -> Any:
    """Cancel all quotes, or those of a currency, a pair, an instrument, a kind or a set."""
    session, name = account_session(context), _NAMED.get(params.cancel_type)
    if name is not None and getattr(params, name) is None:
        raise refused(Code.INVALID_PARAMS, reason=f"required by cancel_type {params.cancel_type}", param=name)
    if params.min_delta is not None or params.max_delta is not None:
        raise refused(Code.INVALID_PARAMS, reason="quotes are not cancelled by delta", param="min_delta")
    instrument = None if params.instrument_name is None else session.instrument(params.instrument_name)
    return _cancel_many(
        session,
        params,
        instrument=None if instrument is None else instrument.name,
        settlement=None if params.currency is None else _currency(context, params.currency),
        index_name=None if params.currency_pair is None else _pair(context, params.currency_pair),
        kind=_any(params.kind or "any"),
        quote_set_id=params.quote_set_id,
        quotes_only=True,
    )


def _cancel_many(session: AccountSession, params: _All, **which: Any) -> Any:
    _check_freeze(params)
    return _cancel_result(session, _cancelled(session, **which), params.detailed)


def _check_freeze(params: _All) -> None:
    if params.freeze_quotes:
        raise refused(Code.NOT_IMPLEMENTED, reason="quotes are not frozen", param="freeze_quotes")


def _pair(context: Context, text: str) -> str:
    if context.market.index(text.lower()) is None:
        raise refused(Code.INVALID_PARAMS, reason="no such currency pair", param="currency_pair")
    return text.lower()


def _cancelled(session: AccountSession, **which: Any) -> list[Order]:
    """The orders that a mass cancel has ended; without any, nothing is written to the journal."""
    if not session.trading.open_orders(session.account):
        return []
    outputs = session.submit(CancelMany(at_ns=session.trading.now(), account=session.account, **which))
    changed = [output.order for output in outputs if isinstance(output, OrderChanged)]
    return [order for order in changed if order.account == session.account and order.state == "cancelled"]


def _cancel_result(session: AccountSession, orders: list[Order], detailed: bool) -> Any:
    """The number of cancelled orders, or with `detailed` the orders by instrument."""
    if not detailed:
        return len(orders)
    by_instrument: dict[str, list[dict[str, Any]]] = {}
    for order in orders:
        instrument = session.instrument(order.instrument)
        by_instrument.setdefault(order.instrument, []).append(order_object(order, instrument))
    return [
        {
            "instrument_name": name,
            "currency": session.instrument(name).settlement,
            "type": "limit",
            "result": cancelled,
        }
        for name, cancelled in by_instrument.items()
    ]


def _currency(context: Context, text: str) -> str | None:
    """The currency of a filter; None for all."""
    return _any(parse_currency(context, text))


def _any(word: str) -> str | None:
    return None if word.lower() == "any" else word

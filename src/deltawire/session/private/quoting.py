"""`private/mass_quote`: many quotes at once under market maker protection."""

from typing import Any

import msgspec

from deltawire.dialect.order_objects import order_object, user_trade_object
from deltawire.dialect.order_params import MS_NS, refused, to_lots, to_ticks
from deltawire.exchange.orders.codes import Code
from deltawire.exchange.orders.orders import Fill, OrderChanged
from deltawire.exchange.orders.records import MassQuote, Quote, QuoteRefused, QuoteSide
from deltawire.model.instruments import Instrument
from deltawire.session.methods import Context, method
from deltawire.session.private.account_session import AccountSession, account_session
from deltawire.session.private.placing import TRADE

MOST_QUOTES = 100


class SideOfQuote(msgspec.Struct):
    """A bid or an ask; amount 0 takes it away."""

    amount: int | float = 0
    price: int | float | None = None
    post_only: bool = False
    reject_post_only: bool = False


class TwoSidedQuote(msgspec.Struct):
    """A bid and an ask in one instrument; a side that is left out stays."""

    instrument_name: str
    bid: SideOfQuote | None = None
    ask: SideOfQuote | None = None
    quote_set_id: str = ""


class _Quotes(msgspec.Struct):
    mmp_group: str
    quotes: list[TwoSidedQuote]
    quote_id: str = ""
    wait_for_response: bool = False
    detailed: bool = False
    valid_until: int | None = None


@method("private/mass_quote", right=TRADE, websocket_only=True)
def mass_quote(context: Context, params: _Quotes) -> Any:
    """Place quotes in many instruments; each side is accepted or refused separately."""
    session = account_session(context)
    if len(params.quotes) > MOST_QUOTES:
        raise refused(Code.TOO_MANY_QUOTES, param="quotes")
    if params.valid_until is not None and params.valid_until < session.trading.now() // MS_NS:
        raise refused(Code.TIMED_OUT, param="valid_until")
    quotes = tuple(_to_quote(session, quote) for quote in params.quotes)
    outputs = session.submit(
        MassQuote(
            at_ns=session.trading.now(),
            account=session.account,
            mmp_group=params.mmp_group,
            quotes=quotes,
            quote_id=params.quote_id,
            connection=session.connection,
        )
    )
    errors = [
        _error_object(output, params.quote_id) for output in outputs if isinstance(output, QuoteRefused)
    ]
    changed = [
        output.order
        for output in outputs
        if isinstance(output, OrderChanged) and output.order.account == session.account and output.order.quote
    ]
    if not params.detailed:
        return {"success_count": len(changed), "errors_count": len(errors)}
    return {
        "orders": [order_object(order, session.instrument(order.instrument)) for order in changed],
        "trades": _trades(session, outputs),
        "errors": errors,
        "errors_count": len(errors),
        "pending_requests": [],
        "pending_requests_count": 0,
    }


def _to_quote(session: AccountSession, quote: TwoSidedQuote) -> Quote:
    instrument = session.instrument(quote.instrument_name)
    return Quote(
        instrument.name, _to_side(instrument, quote.bid), _to_side(instrument, quote.ask), quote.quote_set_id
    )


def _to_side(instrument: Instrument, side: SideOfQuote | None) -> QuoteSide | None:
    if side is None:
        return None
    return QuoteSide(
        to_lots({"amount": side.amount or None}, instrument) or 0,
        to_ticks({"price": side.price}, "price", instrument),
        side.post_only,
        side.reject_post_only,
    )


def _error_object(refusal: QuoteRefused, quote_id: str) -> dict[str, Any]:
    return {
        "instrument_name": refusal.instrument,
        "quote_id": quote_id,
        "quote_set_id": refusal.set_id,
        "side": "bid" if refusal.side == "buy" else "ask",
        "code": refusal.code,
        "message": refusal.message,
        "error": {"code": refusal.code, "message": refusal.message},
    }


def _trades(session: AccountSession, outputs: list[Any]) -> list[dict[str, Any]]:
    fills = {
        (output.trade_id, output.order_id)
        for output in outputs
        if isinstance(output, Fill) and output.account == session.account
    }
    trades: list[dict[str, Any]] = []
    for trade in session.trading.trades(session.account):
        if len(trades) == len(fills):
            break
        if (trade.fill.trade_id, trade.fill.order_id) in fills:
            trades.append(user_trade_object(trade, session.instrument(trade.fill.instrument)))
    return trades[::-1]

"""Currencies in requests: the settlement currency of the selected instruments."""

from deltawire.errors import RequestError
from deltawire.session.methods import Context
from deltawire.wire.rpc import INVALID_PARAMS

ANY = "any"
DOCUMENTED = frozenset(
    ("BTC", "ETH", "STETH", "ETHW", "USDC", "USDT", "EURR", "SOL", "XRP", "USYC", "PAXG", "BNB", "USDE")
)
"""The currencies in the dialect's documentation: valid everywhere, even if nothing settles in them."""


def parse_currency(context: Context, text: str) -> str:
    """A currency in capitals, or `any`.

    Raises the dialect's error if neither its documentation nor an instrument has it.
    """
    if text.lower() == ANY:
        return ANY
    currency = text.upper()
    if currency not in DOCUMENTED and not any(
        currency in (state.instrument.base, state.instrument.quote, state.instrument.settlement)
        for state in context.market
        if currency
    ):
        raise unknown_currency(text)
    return currency


def parse_one_currency(context: Context, text: str) -> str:
    """A currency in capitals; raises the dialect's error also for `any`."""
    currency = parse_currency(context, text)
    if currency == ANY:
        raise unknown_currency(text)
    return currency


def unknown_currency(text: str) -> RequestError:
    """The dialect's error for an unknown currency."""
    reason = f"no currency {text[:20]!r}"
    return RequestError(INVALID_PARAMS, "Invalid params", reason=reason, param="currency")

"""Currencies as requests name them: what chosen instruments settle in."""

from deltawire.errors import RequestError
from deltawire.session.methods import Context
from deltawire.wire.rpc import INVALID_PARAMS

ANY = "any"
DOCUMENTED = frozenset(
    ("BTC", "ETH", "STETH", "ETHW", "USDC", "USDT", "EURR", "SOL", "XRP", "USYC", "PAXG", "BNB", "USDE")
)
"""What the dialect's documents list: known everywhere, also where nothing settles in it."""


def parse_currency(context: Context, text: str) -> str:
    """A currency in capitals, or `any`; the dialect's error where neither its documents nor an instrument know it."""
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
    """The same where `any` is none."""
    currency = parse_currency(context, text)
    if currency == ANY:
        raise unknown_currency(text)
    return currency


def unknown_currency(text: str) -> RequestError:
    """The dialect's error of a currency that is none."""
    reason = f"no currency {text[:20]!r}"
    return RequestError(INVALID_PARAMS, "Invalid params", reason=reason, param="currency")

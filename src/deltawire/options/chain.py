"""The options of one expiry: valued from a surface, and their quotes checked for executable arbitrage."""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from statistics import median
from typing import Literal

import msgspec

from deltawire.options.black76 import Valuation, evaluate, years_between
from deltawire.options.surface import Surface

Breach = Literal["bounds", "parity", "monotone", "convex"]


class Contract(msgspec.Struct, frozen=True):
    """One option of an expiry."""

    call: bool
    strike: float


class StrikeQuotes(msgspec.Struct, frozen=True):
    """Best prices of both options at a strike, in quote currency; None without a quote."""

    strike: float
    call_bid: float | None = None
    call_ask: float | None = None
    put_bid: float | None = None
    put_ask: float | None = None


def value_chain(
    contracts: Iterable[Contract], forward: float, surface: Surface, now_ns: int, expiry_ns: int
) -> list[tuple[float, Valuation]]:
    """(σ, value and greeks) of each contract; both options of a strike share one evaluation of the surface."""
    years = years_between(now_ns, expiry_ns)
    vols: dict[float, float] = {}
    valuations = []
    for contract in contracts:
        strike = contract.strike
        vol = vols.get(strike)
        if vol is None:
            vol = vols[strike] = surface.vol(strike, forward, years)
        valuations.append((vol, evaluate(contract.call, forward, strike, years, vol)))
    return valuations


def implied_forward(quotes: Iterable[StrikeQuotes]) -> float | None:
    """The forward that put-call parity implies: the median of K + C − P over mids; None without a full strike."""
    forwards = []
    for quote in quotes:
        call, put = _mid(quote.call_bid, quote.call_ask), _mid(quote.put_bid, quote.put_ask)
        if call is not None and put is not None:
            forwards.append(quote.strike + call - put)
    return median(forwards) if forwards else None


def breaches(quotes: Sequence[StrikeQuotes], forward: float) -> list[tuple[float, Breach]]:
    """The strikes at which executable prices (buy at the ask, sell at the bid) would allow a riskless profit."""
    ladder = sorted(quotes, key=lambda quote: quote.strike)
    by_strike: list[tuple[float, Breach]] = []
    for quote in ladder:
        by_strike += [(quote.strike, breach) for breach in _alone(quote, forward)]
    for low, high in pairwise(ladder):
        if _falls(low, high):
            by_strike.append((high.strike, "monotone"))
    for low, middle, high in zip(ladder, ladder[1:], ladder[2:], strict=False):
        if _sags(low, middle, high):
            by_strike.append((middle.strike, "convex"))
    return by_strike


def _mid(bid: float | None, ask: float | None) -> float | None:
    return None if bid is None or ask is None else 0.5 * (bid + ask)


def _alone(quote: StrikeQuotes, forward: float) -> Iterable[Breach]:
    """Violations at a single strike: bounds of the value, and conversion or reversal against the forward."""
    parity = forward - quote.strike
    sides = (
        (quote.call_bid, quote.call_ask, parity, forward),
        (quote.put_bid, quote.put_ask, -parity, quote.strike),
    )
    for bid, ask, worth, limit in sides:
        if (ask is not None and ask < worth) or (bid is not None and bid > limit):
            yield "bounds"
    if quote.call_ask is not None and quote.put_bid is not None and quote.call_ask - quote.put_bid < parity:
        yield "parity"
    if quote.call_bid is not None and quote.put_ask is not None and quote.call_bid - quote.put_ask > parity:
        yield "parity"


def _falls(low: StrikeQuotes, high: StrikeQuotes) -> bool:
    """A call must not sell above a lower strike's ask, a put not above a higher strike's ask."""
    calls = low.call_ask is not None and high.call_bid is not None and high.call_bid > low.call_ask
    puts = high.put_ask is not None and low.put_bid is not None and low.put_bid > high.put_ask
    return calls or puts


def _sags(low: StrikeQuotes, middle: StrikeQuotes, high: StrikeQuotes) -> bool:
    """A butterfly bought at the asks and sold at the bid must not have a negative cost."""
    share = (high.strike - middle.strike) / (high.strike - low.strike)
    for side in ("call", "put"):
        wings = getattr(low, f"{side}_ask"), getattr(high, f"{side}_ask")
        body = getattr(middle, f"{side}_bid")
        if (
            None not in wings
            and body is not None
            and body > (share * wings[0] + (1 - share) * wings[1]) * (1 + 1e-12)
        ):
            return True
    return False

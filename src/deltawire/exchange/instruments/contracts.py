"""The worth of a position in the smallest unit of its settlement currency, on which the ledger is built.

`worth` rises with the price for every kind: size times price for options and linear futures, minus size over price
for inverse futures (in coin). So the buyer pays the worth and the seller receives it, profit is the present worth
minus the worth paid, and since the worth of -n lots is minus the worth of n, a trade never creates money.
"""

from deltawire.model.instruments import Instrument
from deltawire.model.numbers import unit

DECIMALS = 8
UNITS = 100_000_000
"""Smallest units per coin or dollar: every balance is an integer of these."""


def worth_at_ticks(instrument: Instrument, price_ticks: int, lots: int) -> int:
    """The worth at a traded price, exact except for the one division of an inverse future (half to even)."""
    if instrument.inverse and instrument.kind == "future":
        size = abs(lots) * UNITS * unit(instrument.price_exponent)
        worth = -_rounded(size, price_ticks * unit(instrument.size_exponent))
        return worth if lots >= 0 else -worth
    return _rounded(
        price_ticks * lots * UNITS, unit(instrument.price_exponent) * unit(instrument.size_exponent)
    )


def worth_at(instrument: Instrument, price: float, lots: int) -> int:
    """The worth at a mark, index or delivery price, rounded to the smallest unit (half to even)."""
    size = instrument.size(abs(lots)) * UNITS
    each = -size / price if instrument.inverse and instrument.kind == "future" else size * price
    return round(each) if lots >= 0 else -round(each)


def notional(instrument: Instrument, price: float, lots: int) -> float:
    """The amount to which fee rates apply, in settlement currency: for options their underlying.

    `price` is the trade price of a future, the index of an option.
    """
    size = instrument.size(abs(lots))
    if not instrument.inverse:
        return size * price
    return size / price if instrument.kind == "future" else size


def payoff(instrument: Instrument, delivery: float) -> float:
    """The value of an option per unit of size at its delivery price, in settlement currency (coin if inverse)."""
    strike = instrument.strike or 0.0
    paid = max(delivery - strike if instrument.option_type == "call" else strike - delivery, 0.0)
    return paid / delivery if instrument.inverse else paid


def _rounded(numerator: int, denominator: int) -> int:
    """The nearest integer, half to even."""
    whole, rest = divmod(numerator, denominator)
    return whole + (2 * rest > denominator or (2 * rest == denominator and whole & 1))

"""A position in whole units: its cost, and the profit of its closed parts."""

import msgspec

from deltawire.exchange.instruments.contracts import UNITS
from deltawire.model.instruments import Instrument
from deltawire.model.numbers import unit


class Position(msgspec.Struct):
    """Lots of one instrument, negative when short; money in smallest units of its settlement currency.

    A future's profit stays here until it is settled (`margined`); an option's premium changes the balance at once.
    """

    margined: bool
    lots: int = 0
    cost: int = 0
    """Worth paid for the open part, reset at each settlement."""
    basis: int = 0
    """Worth paid for the open part when it was opened."""
    basis_usd: int = 0
    """Of an option the same in dollars, at the index of the time."""
    realised: int = 0
    """Profit of parts closed since the last settlement, including funding."""
    funding: int = 0
    """The funding in `realised`; below zero if paid."""
    reading: int = 0
    """Reading of the funding meter at the last charge."""

    @property
    def unsettled(self) -> int:
        """Money that the account has or owes beside its balance, without the present worth of the position."""
        return self.realised - self.cost if self.margined else 0

    def trade(self, lots: int, worth: int, worth_usd: int = 0) -> int:
        """Buy `lots` (sell if negative) of this `worth` (of the same sign; for inverse futures of the opposite sign).

        Returns the profit of the closed part. Whatever is rounded, `cost` less `realised` grows by `worth`.
        """
        held = self.lots
        self.lots += lots
        if not held or (held > 0) == (lots > 0):
            self.cost += worth
            self.basis += worth
            self.basis_usd += worth_usd
            return 0
        closing = min(abs(lots), abs(held))
        paid, part = share(worth, closing, abs(lots)), share(self.cost, closing, abs(held))
        profit = -paid - part
        self.realised += profit
        self.cost += worth - paid - part
        self.basis += worth - paid - share(self.basis, closing, abs(held))
        closed_usd = share(worth_usd, closing, abs(lots)) + share(self.basis_usd, closing, abs(held))
        self.basis_usd += worth_usd - closed_usd
        return profit

    def charge(self, due: int, reading: int) -> None:
        """Charge funding up to this reading of the meter."""
        self.reading = reading
        self.realised -= due
        self.funding -= due

    def settle(self, worth: int) -> int:
        """Convert all profit so far to balance; returns the amount. The position continues at its present worth."""
        gain = worth - self.cost + self.realised
        self.cost, self.realised, self.funding = worth, 0, 0
        return gain


def share(amount: int, part: int, whole: int) -> int:
    """`amount` × `part` / `whole`, to the nearest integer (half to even, the same for both signs)."""
    rounded, rest = divmod(abs(amount) * part, whole)
    rounded += 2 * rest > whole or (2 * rest == whole and rounded & 1)
    return rounded if amount >= 0 else -rounded


def average_price(instrument: Instrument, lots: int, worth: int) -> float:
    """The price at which `lots` are worth this; 0.0 without a position."""
    if not lots or not worth:
        return 0.0
    if instrument.inverse and instrument.kind == "future":
        return lots * UNITS / (-worth * unit(instrument.size_exponent))
    return worth * unit(instrument.size_exponent) / (lots * UNITS)

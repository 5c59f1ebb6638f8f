"""An instrument, its units and its exponents."""

from functools import lru_cache
from typing import Literal

import msgspec

from deltawire.model.expiries import FOREVER_NS, UNKNOWN_NS, format_day
from deltawire.model.numbers import parse_decimal, unit

Kind = Literal["", "spot", "future", "option", "future_combo", "option_combo"]
"""The kind of an instrument; empty if unknown."""
SizeUnit = Literal["base", "quote", "contracts"]
FOREVER_MS = 32_503_708_800_000
"""Deribit's expiry of a perpetual in milliseconds: the year 3000."""

Grid = tuple[tuple[int, int], ...]
"""Price increments: (above this price, this increment), both in ticks, ascending."""


class Instrument(msgspec.Struct, frozen=True, kw_only=True):
    """One instrument of one venue, under the venue's own name.

    `price_exponent` and `size_exponent` (never above zero) define the unit of ticks and lots. Sizes are in the
    venue's unit, named by `size_unit`: base coin, quote currency, or contracts of `contract_size` (base coin, or
    quote currency when `inverse`). Times are nanoseconds since 1970, commissions fractions.

    Every default means that the fact is unknown (empty, 0 or None): what neither the venue's list nor the name states
    is not guessed. `inverse` and `size_unit` have no meaning while the `kind` is unknown.
    """

    venue: str
    name: str
    kind: Kind
    base: str
    quote: str
    settlement: str
    price_exponent: int
    size_exponent: int
    tick_size: str = ""
    tick_size_steps: tuple[tuple[str, str], ...] = ()
    """Coarser increments: (above this price, this tick size), ascending."""
    min_trade_size: str = ""
    size_unit: SizeUnit = "base"
    contract_size: float = 0.0
    inverse: bool = False
    expiration_ns: int = UNKNOWN_NS
    """`FOREVER_NS` if it never expires."""
    creation_ns: int = 0
    strike: float | None = None
    option_type: Literal["call", "put"] | None = None
    settlement_period: str = ""
    index_name: str = ""
    maker_commission: float | None = None
    taker_commission: float | None = None
    max_leverage: float | None = None
    max_liquidation_commission: float | None = None
    """False when it has ended: expired, delisted, or no longer traded according to its venue."""
    active: bool = True
    """False when it has ended: expired, delisted, or no longer traded according to its venue."""
    stated: bool = True
    """Whether the venue stated the exponents; False if they were taken from the first book image."""

    @property
    def key(self) -> str:
        """`venue:name`, unique among all venues."""
        return f"{self.venue}:{self.name}"

    @property
    def perpetual(self) -> bool:
        """Whether this is a future without expiry."""
        return self.kind == "future" and self.expiration_ns >= FOREVER_NS

    @property
    def expiration_ms(self) -> int | None:
        """The expiry in milliseconds since 1970; the year 3000 if it never expires, None if unknown."""
        if self.expiration_ns == UNKNOWN_NS:
            return None
        return FOREVER_MS if self.expiration_ns >= FOREVER_NS else self.expiration_ns // 1_000_000

    @property
    def expiry(self) -> str:
        """The day of expiry as in Deribit's names (`6AUG21`, UTC), `PERPETUAL`, or empty if unknown."""
        if self.perpetual:
            return "PERPETUAL"
        return "" if self.expiration_ns == UNKNOWN_NS else format_day(self.expiration_ns)

    def expired(self, now: int) -> bool:
        """Whether its expiry is known and past."""
        return UNKNOWN_NS < self.expiration_ns <= now

    @property
    def identified(self) -> bool:
        """Whether it can be distinguished from all others: clients build their own symbols from these facts."""
        if not (self.kind and self.base and self.quote):
            return False
        if self.kind == "spot":
            return True
        if not self.settlement or (self.kind in ("future", "option") and self.expiration_ns == UNKNOWN_NS):
            return False
        return self.kind != "option" or (self.strike is not None and self.option_type is not None)

    @property
    def currencies(self) -> tuple[str, ...]:
        """The currencies that select it: its settlement currency; for spot, which does not settle, both coins."""
        named = (self.base, self.quote) if self.kind == "spot" else (self.settlement,)
        return tuple(dict.fromkeys(filter(None, named)))

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds that select it: its own, and `combo` for both kinds of combos."""
        return tuple(dict.fromkeys((self.kind, self.kind.rpartition("_")[2])))

    @property
    def measurable(self) -> bool:
        """Whether sizes can be converted to coins: contracts of unknown size cannot."""
        return self.size_unit != "contracts" or self.contract_size > 0

    @property
    def priced_in(self) -> str:
        """The currency of its prices: for an inverse option the base coin."""
        return self.base if self.inverse and self.kind == "option" else self.quote

    @property
    def tick(self) -> int:
        """The price increment in ticks, at least one."""
        return _tick(self.tick_size, self.price_exponent)

    def tick_at(self, price_ticks: int) -> int:
        """The price increment in ticks at this price."""
        return tick_on(self.grid, price_ticks)

    @property
    def grid(self) -> Grid:
        """All price increments in ticks, each with the price in ticks above which it applies."""
        return _grid(self.tick_size, self.tick_size_steps, self.price_exponent)

    def price(self, ticks: int) -> float:
        """Ticks as a price: the double nearest to the decimal."""
        return ticks / unit(self.price_exponent)

    def size(self, lots: int) -> float:
        """Lots as a size: the double nearest to the decimal."""
        return lots / unit(self.size_exponent)

    def expires_after(self, at_ns: int) -> bool:
        """Whether it is still to expire then, and does at all."""
        return self.active and not self.perpetual and self.expiration_ns > at_ns

    def factors_from(self, coarser: "Instrument") -> tuple[int, int]:
        """The factors that convert ticks and lots of the same instrument at coarser exponents.

        Raises `ValueError` if the other exponents are finer: there is no such integer, and exponents must never
        become coarser.
        """
        price_exponent = self.price_exponent - coarser.price_exponent
        size_exponent = self.size_exponent - coarser.size_exponent
        if max(price_exponent, size_exponent) > 0:
            ours, theirs = (
                (instrument.price_exponent, instrument.size_exponent) for instrument in (self, coarser)
            )
            raise ValueError(f"{self.name}: exponents {ours} cannot replace the finer {theirs}")
        return unit(price_exponent), unit(size_exponent)

    @property
    def unit_size(self) -> float:
        """What one unit of size is, in base coin, or in quote currency if it is `sized_in_quote`."""
        return self.contract_size if self.size_unit == "contracts" else 1.0

    @property
    def sized_in_quote(self) -> bool:
        """Whether sizes are amounts of quote currency, themselves or by contracts."""
        return self.size_unit == "quote" or (
            self.size_unit == "contracts" and self.inverse and self.kind == "future"
        )

    def amounts(self, price: float, lots: int) -> tuple[float, float]:
        """The value of lots at a price: (base coin, quote currency)."""
        size = self.size(lots) * self.unit_size
        if self.sized_in_quote:
            return (size / price if price else 0.0), size
        return size, size * price


def in_currency(instrument: Instrument, currency: str, kind: str) -> bool:
    """Whether an instrument has a currency (in capitals) and kind; "any" matches all. See `Instrument.currencies`."""
    return kind in ("any", *instrument.kinds) and currency in ("any", *instrument.currencies)


def tick_on(grid: Grid, price_ticks: int) -> int:
    """The increment at this price; a step begins above its price."""
    step = grid[0][1]
    for above, tick in grid[1:]:
        if price_ticks > above:
            step = tick
    return step


@lru_cache
def _grid(tick_size: str, steps: tuple[tuple[str, str], ...], exponent: int) -> Grid:
    return (
        (0, _tick(tick_size, exponent)),
        *((parse_decimal(above, exponent), parse_decimal(tick, exponent)) for above, tick in steps),
    )


_ticks = lru_cache(parse_decimal)


def _tick(text: str, exponent: int) -> int:
    return max(1, _ticks(text, exponent)) if text else 1

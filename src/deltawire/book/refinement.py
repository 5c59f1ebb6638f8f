"""How fine an instrument's exponents may become, and which numbers are odd: one rule for images, updates, trades.

Exponents become finer when a number comes that they cannot hold; they never become coarser, so one odd number must
not decide them. Refinement goes

* down to the places that a text prints, zeros included, up to `PRINTED` (so many a venue may print for show, and a
  checksum may be made of them); a text with more places counts to its last digit that is no zero;
* beyond `PRINTED` only for decimals of at most 15 digits: a double holds no more, so longer ones are float noise
  (`3000.0500000000006`);
* never below `FINEST_PRICE` and `FINEST_SIZE`;
* only if the numbers of the message keep at most 18 digits, and what the book holds at most 16: room for a market
  that moves by two orders of magnitude within 64 bits. An image replaces what the book holds, so that need only fit.

A number that would need more is odd: `PrecisionError`, and nothing changes.
"""

from collections.abc import Callable, Iterator, Sequence

import msgspec

from deltawire.book.columns import mantissas
from deltawire.book.pure import MEASURED
from deltawire.errors import PrecisionError
from deltawire.model.instruments import Instrument
from deltawire.model.numbers import EXACT_DIGITS, places, significant, unit

PRINTED = -MEASURED
"""Places down to which zeros count, and down to which a decimal may be of any length that fits."""
FINEST_PRICE, FINEST_SIZE = -12, -10
"""The finest that any listed tick (OKX: 1e-12) and lot (1e-8) of the venues needs, with two digits to spare there."""
MOST_DIGITS = 18
"""So many digits a number of the message may have at finer exponents."""
STRIPPED = 3
"""So many zeros may have been stripped from every price of an image."""
HELD_MOST = 10**16
"""What the book holds must stay below this at finer exponents."""

Exponents = tuple[int, int]
"""Of prices and of sizes."""
Levels = Sequence[tuple[str, str]]
"""Decimal texts: (price, size)."""
Held = Callable[[], tuple[int, int]]
"""The largest ticks and lots that the book holds, by magnitude."""


class Room:
    """What a refinement must leave: the largest mantissas held, asked for once one is due, and their limit."""

    __slots__ = ("held", "limit")

    def __init__(self, held: Held = lambda: (0, 0), limit: int = HELD_MOST) -> None:
        self.held = held
        self.limit = limit


ANY_ROOM = Room()
"""Where no book is held."""


def refined(instrument: Instrument, levels: Levels, room: Room = ANY_ROOM) -> Instrument:
    """The instrument with exponents fine enough for these texts, itself where they are; else `PrecisionError`."""
    prices = [price.removeprefix("-") for price, _ in levels]  # a combo's may be below zero
    sizes = [size for _, size in levels]
    finer = with_exponents(
        instrument,
        _fine_enough(prices, instrument.price_exponent, FINEST_PRICE),
        _fine_enough(sizes, instrument.size_exponent, FINEST_SIZE),
        room,
    )
    if finer is not instrument:  # each must be a decimal before one of them changes anything
        mantissas(prices, finer.price_exponent)
        mantissas(sizes, finer.size_exponent)
    return finer


def with_exponents(
    instrument: Instrument, price_exponent: int, size_exponent: int, room: Room = ANY_ROOM
) -> Instrument:
    """The instrument with these exponents where they are finer; `PrecisionError` where the book leaves no room."""
    finer = min(price_exponent, instrument.price_exponent), min(size_exponent, instrument.size_exponent)
    before = instrument.price_exponent, instrument.size_exponent
    if finer == before:
        return instrument
    for held, new, old in zip(room.held(), finer, before, strict=True):
        if new < old and held * unit(new - old) >= room.limit:
            raise PrecisionError(
                str(held), new, f"a level of {held} at exponent {old} leaves no room for {new}"
            )
    return msgspec.structs.replace(instrument, price_exponent=finer[0], size_exponent=finer[1])


def exponents_of(instrument: Instrument) -> Exponents:
    """The exponents of its prices and of its sizes."""
    return instrument.price_exponent, instrument.size_exponent


def read_exponents(levels: Levels) -> Exponents:
    """The exponents that some levels are printed at."""
    prices = max((_counted(price) for price, _ in levels), default=0)
    sizes = max((_counted(size) for _, size in levels), default=0)
    return -prices, -sizes


def likely_prints(seen: Exponents) -> Iterator[Exponents]:
    """Exponents at which a venue may have printed levels that now show these, because zeros were stripped since."""
    for price in range(seen[0], max(seen[0] - STRIPPED, FINEST_PRICE) - 1, -1):
        yield price, seen[1]
        if seen[1] != MEASURED:
            yield price, MEASURED


def _fine_enough(texts: list[str], exponent: int, finest: int) -> int:
    """This exponent, or the finer one that the texts print or, where they do not fit at that, need."""
    finer = [text for text in texts if places(text) > -exponent]
    if not finer:
        return exponent
    whole = max(map(_whole, texts))
    needed = min(exponent, -max(map(_counted, finer)))
    if needed < MEASURED or whole - needed > MOST_DIGITS:
        needed = min(exponent, -max(map(_needed, finer)))
    if needed < exponent and needed < finest:
        text = max(finer, key=_needed)
        raise PrecisionError(text, finest, f"{text[:40]!r} is finer than {-finest} places")
    if needed < exponent and whole - needed > MOST_DIGITS:
        text = max(texts, key=_whole)
        raise PrecisionError(text, needed, f"{text[:40]!r} is too long to be held with {-needed} places")
    return needed


def _counted(text: str) -> int:
    """The places of a text; of more than `PRINTED` those up to the last digit that is no zero."""
    printed = places(text)
    return printed if printed <= PRINTED else _needed(text)


def _needed(text: str) -> int:
    """The places of a text without the zeros it ends in; `PrecisionError` where it is float noise."""
    needed = places(text.rstrip("0")) if "." in text else 0
    if needed > PRINTED and significant(text) > EXACT_DIGITS:
        raise PrecisionError(text, -needed, f"{text[:40]!r} has more than {EXACT_DIGITS} digits: float noise")
    return needed


def _whole(text: str) -> int:
    """How many digits stand before the point."""
    return len(text.partition(".")[0].lstrip("0"))

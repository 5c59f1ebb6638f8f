"""Numbers as JSON writes them (RFC 8259, 6), taken exactly: 5e4 is 50000, and no double rounds what is longer."""

import re
from decimal import Decimal, InvalidOperation
from math import isinf

from deltawire.errors import PrecisionError
from deltawire.model.numbers import parse_decimal, unit

LONGEST = 40
"""Digits of a literal with an exponent, and places that it may move its point by."""
LARGEST_WHOLE = 1 << 63
_NUMBER = re.compile(r"(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?", re.ASCII)


class LongDecimal:
    """A number that no double stands for; `text` is how it was written.

    Where a request may hold exact numbers it is parsed, elsewhere no type takes it.
    """

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text

    def __repr__(self) -> str:
        return f"LongDecimal({self.text!r})"


def read_number(text: str) -> int | float | LongDecimal:
    """What a JSON number with a point or an exponent stands for: an int where it is whole, else a double.

    A double stands for the shortest decimal that gives it back; any other number is a `LongDecimal`. What is larger
    than any double is none: `ValueError`.
    """
    value = float(text)
    if isinf(value):
        raise ValueError("Number out of range")
    try:
        exact = Decimal(text)
    except InvalidOperation:  # its exponent is below what a decimal can have
        return LongDecimal(text)
    if abs(value) < LARGEST_WHOLE and value.is_integer() and exact == int(value):
        return int(value)
    return value if exact == Decimal(repr(value)) else LongDecimal(text)


def is_number(text: str) -> bool:
    """Whether a text is a number as JSON writes them, not larger than any double; zeros may stand before it."""
    return _NUMBER.fullmatch(text) is not None and not isinf(float(text))


def parse_number(text: str, exponent: int) -> int:
    """The mantissa at `exponent` of a number as JSON writes them; `PrecisionError` as of `parse_decimal`."""
    match = _NUMBER.fullmatch(text)
    if match is None or match[4] is None:
        return parse_decimal(text, exponent)
    sign, whole, fraction, power = match[1], match[2], match[3] or "", match[4]
    digits = int(whole + fraction) if len(whole) + len(fraction) <= LONGEST else -1
    if not digits:
        return 0
    shift = int(power) - len(fraction) - exponent if len(power) <= LONGEST else LONGEST + 1
    if digits < 0 or abs(shift) > LONGEST:
        raise PrecisionError(text, exponent)
    mantissa, rest = divmod(digits * unit(-max(shift, 0)), unit(min(shift, 0)))
    if rest or mantissa >= LARGEST_WHOLE:
        raise PrecisionError(text, exponent)
    return -mantissa if sign else mantissa

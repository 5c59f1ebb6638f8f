"""Numbers in JSON notation (RFC 8259, 6), parsed exactly: 5e4 is 50000, and long numbers are not rounded to doubles."""

import re
from decimal import Decimal, InvalidOperation
from math import isinf

from deltawire.errors import PrecisionError
from deltawire.model.numbers import parse_decimal, unit

LONGEST = 40
"""Maximum number of digits of a literal with an exponent, and of places by which it may move the point."""
LARGEST_WHOLE = 1 << 63
_NUMBER = re.compile(r"(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?", re.ASCII)


class LongDecimal:
    """A number that no double represents; `text` is its notation.

    It is parsed where a request may have exact numbers; otherwise no type accepts it.
    """

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text

    def __repr__(self) -> str:
        return f"LongDecimal({self.text!r})"


def read_number(text: str) -> int | float | LongDecimal:
    """The value of a JSON number with a point or an exponent: an int if it is whole, else a double.

    A double represents the shortest decimal that gives it; any other number is a `LongDecimal`. A number larger than
    any double is a `ValueError`.
    """
    value = float(text)
    if isinf(value):
        raise ValueError("Number out of range")
    try:
        exact = Decimal(text)
    except InvalidOperation:  # the exponent is below that of any decimal
        return LongDecimal(text)
    if abs(value) < LARGEST_WHOLE and value.is_integer() and exact == int(value):
        return int(value)
    return value if exact == Decimal(repr(value)) else LongDecimal(text)


def is_number(text: str) -> bool:
    """Whether a text is a number in JSON notation, not larger than any double; leading zeros are allowed."""
    return _NUMBER.fullmatch(text) is not None and not isinf(float(text))


def parse_number(text: str, exponent: int) -> int:
    """The mantissa at `exponent` of a number in JSON notation; `PrecisionError` as in `parse_decimal`."""
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

"""Exact decimals as integers: a number is a mantissa times ten to an exponent (never above zero).

A price in *ticks* is its mantissa at the instrument's price exponent, a size in *lots* its mantissa at the
size exponent: 61837.6 at exponent -2 is 6183760 ticks. Floats appear only when a number leaves for JSON.
"""

import re
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from math import isfinite

from deltawire.errors import PrecisionError

FINEST = -18
"""The finest exponent: below it not even 1 would fit into 64 bits."""
EXACT_DIGITS = 15
"""Decimals of up to this many digits are distinct as doubles."""
_PLAIN = re.compile(r"(-?)(\d{1,40})(?:\.(\d{1,40}))?", re.ASCII)
_SCIENTIFIC = re.compile(r"(-?)(\d{1,40})(?:\.(\d{1,40}))?[eE]([+-]?\d{1,2})", re.ASCII)
_DOUBLE_EXACT = 10**EXACT_DIGITS
_POWERS: tuple[int, ...] = tuple(10**power for power in range(64))
_INT64 = 1 << 63


def unit(exponent: int) -> int:
    """The number of mantissa units in one: 100 at exponent -2."""
    return _POWERS[-exponent]


def parse_decimal(text: str, exponent: int) -> int:
    """The mantissa of a plain decimal text at `exponent`.

    Trailing zeros beyond the exponent are allowed. Other digits there, signs other than a leading minus, more than 64
    bits, and texts that are not plain decimals of a reasonable length raise `PrecisionError`.
    """
    match = _PLAIN.fullmatch(text)
    if match is None:
        raise PrecisionError(text, exponent)
    sign, whole, fraction = match[1], match[2], match[3] or ""
    if len(fraction) > -exponent:
        if fraction[-exponent:].strip("0"):
            raise PrecisionError(text, exponent)
        fraction = fraction[:-exponent]
    value = int(sign + whole + fraction.ljust(-exponent, "0"))
    if not -_INT64 <= value < _INT64:
        raise PrecisionError(text, exponent)
    return value


def parse_float(value: float, exponent: int) -> int:
    """The mantissa of a double that represents a decimal with at most `exponent` places.

    Decimals of up to 15 digits are distinct as doubles, and the division back is correctly rounded, so equality
    proves that the mantissa is the decimal that the double represents. Raises `PrecisionError` for NaN, infinities,
    longer mantissas, and doubles between two mantissas.
    """
    per_one = unit(exponent)
    scaled = value * per_one
    if not -_DOUBLE_EXACT < scaled < _DOUBLE_EXACT:
        raise PrecisionError(repr(value), exponent)
    mantissa = round(scaled)
    if mantissa / per_one != value:
        raise PrecisionError(repr(value), exponent)
    return mantissa


def format_decimal(mantissa: int, exponent: int) -> str:
    """The shortest plain decimal text: 6183760 at -2 is "61837.6", 0 is "0"."""
    sign, digits = ("-", str(-mantissa)) if mantissa < 0 else ("", str(mantissa))
    if not exponent:
        return sign + digits
    digits = digits.rjust(1 - exponent, "0")
    whole, fraction = digits[:exponent], digits[exponent:].rstrip("0")
    return f"{sign}{whole}.{fraction}" if fraction else sign + whole


def to_decimal(mantissa: int, exponent: int) -> Decimal:
    """The number itself, whatever the context's precision: 6183760 at -2 is Decimal("61837.60")."""
    return Decimal(f"{mantissa}E{exponent}")


def exact_mantissa(value: float, exponent: int) -> int:
    """The one mantissa whose double this is; `PrecisionError` where there is none, or two share it.

    Of up to 15 digits each decimal has a double of its own, of more it may, which is looked up.
    """
    per_one = unit(exponent)
    scaled = value * per_one
    if -_DOUBLE_EXACT < scaled < _DOUBLE_EXACT:
        return parse_float(value, exponent)
    if not -_INT64 <= scaled < _INT64:
        raise PrecisionError(repr(value), exponent)
    middle = round(Fraction(value) * per_one)
    fitting = [one for one in range(middle - 1, middle + 2) if one / per_one == value]
    if len(fitting) != 1:
        raise PrecisionError(repr(value), exponent)
    return fitting[0]


def plain_decimal(text: str) -> str:
    """A JSON number's text without its exponent, with all digits: `1.230e-05` is `0.00001230`.

    Texts without an exponent, and texts that are not such numbers, are unchanged.
    """
    match = _SCIENTIFIC.fullmatch(text)
    if match is None:
        return text
    sign, whole, fraction = match[1], match[2], match[3] or ""
    digits, point = whole + fraction, len(whole) + int(match[4])
    digits = digits.rjust(len(digits) + 1 - point, "0") if point < 1 else digits.ljust(point, "0")
    point = max(point, 1)
    whole, fraction = digits[:point].lstrip("0") or "0", digits[point:]
    return f"{sign}{whole}.{fraction}" if fraction else sign + whole


def double_text(value: float) -> str:
    """The shortest plain decimal text of a double that represents a decimal: 1e-05 is `0.00001`, 4714.0 is `4714`.

    Raises `PrecisionError` for NaN, infinities, and doubles of more than 15 digits, which represent none.
    """
    text = repr(value)
    if len(text) <= EXACT_DIGITS and "." in text and "e" not in text:
        return text.removesuffix(".0")
    if isfinite(value) and significant(text.partition("e")[0]) > EXACT_DIGITS:
        raise PrecisionError(text, FINEST, f"{text} has more than {EXACT_DIGITS} digits: float noise")
    exponent_of(value)  # raises if it is not a finite decimal, or too fine
    return plain_decimal(text).removesuffix(".0")


def significant(text: str) -> int:
    """The number of significant digits of a plain decimal text: `-0.0150` has two."""
    return len(text.removeprefix("-").replace(".", "").strip("0")) if "." in text else len(text.strip("-0"))


def places(text: str) -> int:
    """The number of digits after the point of a plain decimal text; "0.050" has three."""
    return len(text) - text.index(".") - 1 if "." in text else 0


def exponent_of(increment: str | float) -> int:
    """The exponent that an increment needs: "0.0005", 1e-05 and 0.5 give -4, -5 and -1; 10 gives 0.

    Raises `PrecisionError` for values that are not finite decimals, and for exponents beyond `FINEST`.
    """
    try:
        _, digits, exponent = Decimal(str(increment)).as_tuple()
    except InvalidOperation:
        raise PrecisionError(str(increment), FINEST) from None
    if not isinstance(exponent, int):
        raise PrecisionError(str(increment), FINEST)
    zeros = next((count for count, digit in enumerate(reversed(digits)) if digit), None)
    if zeros is None:
        return 0
    if exponent + zeros < FINEST:
        raise PrecisionError(str(increment), FINEST)
    return min(0, exponent + zeros)

"""Exact decimals as integers: a number is a mantissa times ten to an exponent (never above zero).

A price in *ticks* is its mantissa at the instrument's price exponent, a size in *lots* its mantissa at the
size exponent: 61837.6 at exponent -2 is 6183760 ticks. Floats appear only when a number leaves for JSON.
"""

import re
from decimal import Decimal

from deltawire.errors import PrecisionError

_PLAIN = re.compile(r"(-?)(\d+)(?:\.(\d+))?", re.ASCII)
_DOUBLE_EXACT = 1 << 53


def unit(exponent: int) -> int:
    """How many mantissas make one: 100 at exponent -2."""
    return int(10**-exponent)


def parse_decimal(text: str, exponent: int) -> int:
    """The mantissa of a plain decimal text at `exponent`.

    Trailing zeros beyond the exponent are allowed; other digits there, signs other than a leading minus,
    and anything that is no plain decimal raise `PrecisionError`.
    """
    match = _PLAIN.fullmatch(text)
    if match is None:
        raise PrecisionError(text, exponent)
    sign, whole, fraction = match[1], match[2], match[3] or ""
    if len(fraction) > -exponent:
        if fraction[-exponent:].strip("0"):
            raise PrecisionError(text, exponent)
        fraction = fraction[:-exponent]
    return int(sign + whole + fraction.ljust(-exponent, "0"))


def parse_float(value: float, exponent: int) -> int:
    """The mantissa of a double that stands for a decimal with at most `exponent` places.

    Dividing back is correctly rounded, so equality proves that the mantissa is the decimal the double stands
    for. Raises `PrecisionError` for NaN, infinities and doubles that lie between two mantissas.
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


def places(text: str) -> int:
    """How many digits stand behind the point of a plain decimal text; "0.050" has three."""
    return len(text) - text.index(".") - 1 if "." in text else 0


def exponent_of(increment: str | float) -> int:
    """The exponent that an increment needs: "0.0005", 1e-05 and 0.5 give -4, -5 and -1; 10 gives 0."""
    exponent = Decimal(str(increment)).normalize().as_tuple().exponent
    if not isinstance(exponent, int):
        raise PrecisionError(str(increment), 0)
    return min(0, exponent)

"""Numbers as JSON writes them: what they stand for, to the last digit, or nothing."""

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deltawire.errors import PrecisionError
from deltawire.model.literals import LongDecimal, is_number, parse_number, read_number

LITERALS = st.from_regex(r"\A-?(0|[1-9][0-9]{0,19})(\.[0-9]{1,20})?([eE][+-]?[0-9]{1,2})?\Z")


@pytest.mark.parametrize(
    ("text", "value"),
    [("1e1", 10), ("5.0", 5), ("1E+2", 100), ("-0.0", 0), ("0.1", 0.1), ("9.7e-7", 9.7e-7), ("1e300", 1e300)],
)
def test_a_literal_is_an_int_where_it_is_whole_else_a_double(text: str, value: float) -> None:
    number = read_number(text)
    assert (number, type(number)) == (value, type(value))


@pytest.mark.parametrize(
    "text", ["57577.0000000000000001", "9007199254740993.0", "1e-400", "0.1" + "0" * 40 + "1"]
)
def test_what_no_double_stands_for_keeps_its_text(text: str) -> None:
    number = read_number(text)
    assert isinstance(number, LongDecimal)
    assert number.text == text


@given(LITERALS)
def test_no_literal_becomes_another_number(text: str) -> None:
    number = read_number(text)
    if isinstance(number, LongDecimal):
        assert Decimal(repr(float(text))) != Decimal(text)
    else:
        assert Decimal(repr(number)) == Decimal(text)


@given(LITERALS, st.integers(-12, 0))
def test_a_mantissa_is_exact_or_refused(text: str, exponent: int) -> None:
    scaled = Decimal(text).scaleb(-exponent)
    fits = scaled == scaled.to_integral_value() and abs(scaled) < 1 << 63
    try:
        number = parse_number(text, exponent)
    except PrecisionError:
        assert not fits or "e" not in text.lower() or len(text) > 38
    else:
        assert number == scaled


@given(st.text(max_size=12) | st.from_regex(r"\A[-+.eE0-9_ ]{1,8}\Z"))
def test_a_text_is_a_number_only_if_json_says_so(text: str) -> None:
    if not is_number(text):
        with pytest.raises(PrecisionError):
            parse_number(text, 0)
        return
    sign = "-" if text.startswith("-") else ""
    whole = text.removeprefix("-")
    bare = whole.lstrip("0")
    json.loads(sign + (bare if bare[:1].isdigit() else "0" + bare))

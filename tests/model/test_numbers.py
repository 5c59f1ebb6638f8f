"""Exact decimals: what goes in comes out, and whatever does not fit is refused."""

import re
from decimal import Decimal

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from deltawire.errors import PrecisionError
from deltawire.model.numbers import (
    FINEST,
    double_text,
    exponent_of,
    format_decimal,
    parse_decimal,
    parse_float,
    places,
    plain_decimal,
    significant,
    unit,
)

exponents = st.integers(FINEST, 0)
mantissas = st.integers(-(1 << 63), (1 << 63) - 1)
texts = st.from_regex(r"-?[0-9]{1,12}(\.[0-9]{1,12})?", fullmatch=True)


@given(mantissa=mantissas, exponent=exponents)
def test_a_mantissa_survives_its_text(mantissa: int, exponent: int) -> None:
    assert parse_decimal(format_decimal(mantissa, exponent), exponent) == mantissa


@given(mantissa=mantissas, exponent=exponents)
def test_a_text_is_the_shortest_plain_one_of_its_decimal(mantissa: int, exponent: int) -> None:
    text = format_decimal(mantissa, exponent)
    assert Decimal(text) == Decimal(mantissa).scaleb(exponent)
    assert re.fullmatch(r"-?(0|[1-9]\d*)(\.\d*[1-9])?", text)


@given(text=texts, exponent=exponents)
def test_a_mantissa_is_exactly_the_decimal_or_there_is_none(text: str, exponent: int) -> None:
    exact = Decimal(text).scaleb(-exponent)
    if exact == int(exact) and abs(exact) < 1 << 63:
        assert parse_decimal(text, exponent) == exact
    else:
        with pytest.raises(PrecisionError):
            parse_decimal(text, exponent)


@given(mantissa=mantissas, exponent=st.integers(-8, 0), zeros=st.integers(0, 12))
def test_trailing_zeros_mean_nothing(mantissa: int, exponent: int, zeros: int) -> None:
    text = f"{Decimal(mantissa).scaleb(exponent):f}"
    padded = text + ("" if "." in text else ".0") + "0" * zeros
    assert parse_decimal(padded, exponent) == mantissa


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "-", ".", "1.", ".5", "+1", "--1", "1e5", "1E-8", "NaN", "Infinity", "0x10", "1_000"),
        *(" 1", "1 ", "1\n", "1,5", "1.2.3", "٣", "１", "1.٣", "½", "1.005", "9" * 5_000, "0." + "0" * 5_000),
        *("9223372036854775808", "-9223372036854775809", "92233720368547758.08", "12345678901234567890123"),
    ],
)
def test_what_is_no_plain_decimal_or_does_not_fit_is_refused(text: str) -> None:
    with pytest.raises(PrecisionError) as raised:
        parse_decimal(text, -2)
    assert raised.value.text == text
    assert len(str(raised.value)) < 120


def test_the_limits_of_64_bits_fit() -> None:
    assert parse_decimal("92233720368547758.07", -2) == (1 << 63) - 1
    assert parse_decimal("-92233720368547758.08", -2) == -(1 << 63)


@given(mantissa=st.integers(-(10**15) + 1, 10**15 - 1), exponent=st.integers(-12, 0))
@example(mantissa=999_999_999_999_999, exponent=-3)
def test_a_double_that_stands_for_a_decimal_gives_its_mantissa(mantissa: int, exponent: int) -> None:
    assert parse_float(float(Decimal(mantissa).scaleb(exponent)), exponent) == mantissa


@given(value=st.floats(), exponent=st.integers(-12, 0))
def test_a_double_either_is_a_mantissa_or_is_refused(value: float, exponent: int) -> None:
    try:
        mantissa = parse_float(value, exponent)
    except PrecisionError:
        return
    assert float(Decimal(mantissa).scaleb(exponent)) == value


def test_a_double_that_two_decimals_share_is_refused() -> None:
    assert float("9007199254740.981") == float("9007199254740.980")
    with pytest.raises(PrecisionError):
        parse_float(9007199254740.981, -3)


@given(mantissa=st.integers(-(10**12), 10**12), exponent=st.integers(-6, -1))
def test_a_double_between_two_mantissas_is_refused(mantissa: int, exponent: int) -> None:
    assume(mantissa % 10)
    with pytest.raises(PrecisionError):
        parse_float(mantissa / unit(exponent), exponent + 1)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf"), 1e300, 5e-324, 1e15])
def test_a_double_that_is_no_sane_decimal_is_refused(value: float) -> None:
    with pytest.raises(PrecisionError):
        parse_float(value, -2)


@pytest.mark.parametrize(
    ("increment", "exponent"),
    [
        *(
            ("0.0005", -4),
            ("0.01000000", -2),
            ("1", 0),
            ("10", 0),
            ("1e-08", -8),
            ("0", 0),
            ("0.0", 0),
            ("0e-99", 0),
        ),
        *((0.5, -1), (1e-05, -5), (10.0, 0), (1e22, 0), ("0.000000000000000001", -18)),
    ],
)
def test_the_exponent_of_an_increment(increment: str | float, exponent: int) -> None:
    assert exponent_of(increment) == exponent


@pytest.mark.parametrize("increment", ["", "x", "NaN", "Infinity", "1e-19", "1e-999999999", 5e-324, "1.2.3"])
def test_an_increment_that_cannot_be_is_refused(increment: str | float) -> None:
    with pytest.raises(PrecisionError):
        exponent_of(increment)


@given(text=texts)
def test_places_are_the_digits_behind_the_point(text: str) -> None:
    assert places(text) == len(text.partition(".")[2])


@given(
    digits=st.from_regex(r"-?[0-9]{1,20}(\.[0-9]{1,20})?", fullmatch=True),
    mark=st.sampled_from("eE"),
    power=st.integers(-30, 19),
    sign=st.booleans(),
)
def test_an_exponent_is_written_out_with_every_digit(digits: str, mark: str, power: int, sign: bool) -> None:
    text = f"{digits}{mark}{power:+}" if sign else f"{digits}{mark}{power}"
    plain = plain_decimal(text)
    assert Decimal(plain) == Decimal(text)
    assert places(plain) == max(0, places(digits) - power)


@pytest.mark.parametrize("text", ["1.5", "-1", "", "e5", "1e", "1e5.0", "1e999", "x", "1e5e5", " 1e5", "١e5"])
def test_what_has_no_exponent_stays_as_it_is(text: str) -> None:
    assert plain_decimal(text) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        *((1e-05, "0.00001"), (4714.0, "4714"), (0.0, "0"), (-0.0015, "-0.0015"), (1e22, "1" + "0" * 22)),
        *(
            (12345678901234.5, "12345678901234.5"),
            (123456789012345.0, "123456789012345"),
            (1e-18, f"{1e-18:.18f}"),
        ),
    ],
)
def test_the_shortest_text_of_a_double(value: float, text: str) -> None:
    assert double_text(value) == text


@pytest.mark.parametrize(
    "value",
    [
        *(
            3000.0500000000006,
            0.30000000000000004,
            1234567890123456.0,
            1.234567890123456e-05,
            0.1234567890123456,
        ),
        *(float("nan"), float("inf"), 5e-324, 1e-19),
    ],
)
def test_a_double_that_stands_for_no_decimal_has_no_text(value: float) -> None:
    with pytest.raises(PrecisionError):
        double_text(value)


@given(mantissa=st.integers(-(10**15) + 1, 10**15 - 1), exponent=st.integers(-18, 8))
def test_every_decimal_of_fifteen_digits_is_its_double_s_text(mantissa: int, exponent: int) -> None:
    decimal = Decimal(mantissa).scaleb(exponent)
    assert Decimal(double_text(float(decimal))) == decimal


@pytest.mark.parametrize(
    ("text", "count"), [("100", 1), ("0.0150", 2), ("-30.05", 4), ("0", 0), ("0.00", 0), ("7.0", 1)]
)
def test_digits_that_count(text: str, count: int) -> None:
    assert significant(text) == count

"""How fine exponents become, and which numbers are odd."""

from decimal import Decimal

import msgspec
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from deltawire.book.refinement import (
    FINEST_PRICE,
    FINEST_SIZE,
    Room,
    exponents_of,
    likely_prints,
    read_exponents,
    refined,
    with_exponents,
)
from deltawire.errors import PrecisionError
from deltawire.model.instruments import Instrument

WHOLE = Instrument(
    venue="v",
    name="X",
    kind="spot",
    base="X",
    quote="USD",
    settlement="USD",
    price_exponent=0,
    size_exponent=0,
)


def held(price_exponent: int, size_exponent: int) -> Instrument:
    return msgspec.structs.replace(WHOLE, price_exponent=price_exponent, size_exponent=size_exponent)


@pytest.mark.parametrize(
    ("texts", "exponents"),
    [
        (("61000.5", "1"), (-1, 0)),
        (("61000.50", "1.000"), (-2, -3)),  # zeros may be what a checksum is made of
        (("60000.10000000000000", "1.000000000"), (-1, 0)),  # so many are not
        (("0.000000000001", "0.0000000001"), (FINEST_PRICE, FINEST_SIZE)),
        (("123.456789012345", "1"), (-12, 0)),  # 15 digits
        (("-0.0015", "10"), (-4, 0)),
        (("1", "12345678.12345678"), (0, -8)),  # 16 digits, but within eight places
        (("1", "12345678901.50000000"), (0, -1)),  # with the zeros it would be too long
        (("7", "0.00"), (0, -2)),
    ],
)
def test_exponents_are_as_fine_as_the_texts(texts: tuple[str, str], exponents: tuple[int, int]) -> None:
    assert exponents_of(refined(WHOLE, [texts])) == exponents
    finer = held(-2, -2)
    assert exponents_of(refined(finer, [texts])) == (min(-2, exponents[0]), min(-2, exponents[1]))


@pytest.mark.parametrize(
    ("texts", "reason"),
    [
        (("3000.0500000000006", "1"), "float noise"),
        (("1234.567890123456", "1"), "float noise"),  # 16 digits
        (("1", "0.30000000000000004"), "float noise"),
        (("0.0000000000001", "1"), "finer than 12 places"),
        (("1", "0.00000000001"), "finer than 10 places"),
        (("1", "99999999999.12345678"), "too long"),
        *(
            (texts, "is no decimal")
            for texts in (("1e-8", "1.5"), ("1.5", "x"), ("1.5", "-1.5"), ("1.x", "1"))
        ),
    ],
)
def test_an_odd_number_is_refused(texts: tuple[str, str], reason: str) -> None:
    with pytest.raises(PrecisionError, match=reason):
        refined(WHOLE, [("2.5", "2.5"), texts])


def test_what_is_held_fine_enough_stays() -> None:
    """A number that needs nothing finer is no matter of refinement, however it is written: its reader judges it."""
    stated = held(-15, -15)
    assert refined(stated, [("0.000000000000001", "1.5"), ("x", "12345.678901234567")]) is stated


@pytest.mark.parametrize(
    ("largest", "fits"), [((10**14 - 1, 5), True), ((10**14, 5), False), ((5, 10**17), True)]
)
def test_what_the_book_holds_must_keep_room(largest: tuple[int, int], fits: bool) -> None:
    room = Room(lambda: largest)
    if fits:
        assert exponents_of(refined(WHOLE, [("0.25", "1")], room)) == (-2, 0)
    else:
        with pytest.raises(PrecisionError, match="leaves no room"):
            refined(WHOLE, [("0.25", "1")], room)


def test_exponents_are_never_made_coarser() -> None:
    assert exponents_of(with_exponents(held(-3, 0), -1, -2)) == (-3, -2)


texts = st.from_regex(r"[0-9]{1,12}(\.[0-9]{1,20})?", fullmatch=True)
levels = st.lists(st.tuples(texts, texts), min_size=1, max_size=4)


@given(levels=levels, before=st.tuples(st.integers(-12, 0), st.integers(-10, 0)))
def test_every_number_is_exact_and_fits_at_the_exponents_found(
    levels: list[tuple[str, str]], before: tuple[int, int]
) -> None:
    try:
        finer = refined(held(*before), levels)
    except PrecisionError:
        return
    assume(finer != held(*before))
    for column, (exponent, old, finest) in enumerate(
        zip(exponents_of(finer), before, (FINEST_PRICE, FINEST_SIZE), strict=True)
    ):
        assert exponent >= finest
        for level in levels:
            mantissa = Decimal(level[column]).scaleb(-exponent)
            assert mantissa == int(mantissa)
            assert exponent == old or mantissa < 10**18


def is_odd(level: tuple[str, str]) -> bool:
    try:
        refined(WHOLE, [level])
    except PrecisionError:
        return True
    return False


@given(levels=levels)
def test_which_numbers_come_with_which_decides_nothing(levels: list[tuple[str, str]]) -> None:
    """Odd is odd in any company: all levels are taken if each is, and none is too long beside the others."""
    try:
        whole = refined(WHOLE, levels)
    except PrecisionError as error:
        assume("too long" not in str(error) and "is no decimal" not in str(error))
        assert any(is_odd(level) for level in levels)
        return
    assert exponents_of(refined(whole, levels)) == exponents_of(whole)


def test_likely_prints_of_an_image_whose_zeros_were_stripped() -> None:
    seen = read_exponents([("0.0000123", "1500"), ("0.00001229", "50.5")])
    assert seen == (-8, -1)
    assert list(likely_prints(seen)) == [
        *((-8, -1), (-8, -8), (-9, -1), (-9, -8), (-10, -1), (-10, -8), (-11, -1), (-11, -8)),
    ]
    assert list(likely_prints((-12, -8))) == [(-12, -8)]

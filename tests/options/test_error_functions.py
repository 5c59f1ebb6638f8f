"""Error functions on arrays, against 60 digits."""

import math
from decimal import Decimal, localcontext
from functools import cache
from itertools import count

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deltawire.options.error_functions import erfc, erfcx, erfcx_pair

PI = Decimal("3.14159265358979323846264338327950288419716939937510582097494459230781640628620899862803")
UNIT = Decimal(2) ** -52


@cache
def exact(z: float) -> tuple[Decimal, Decimal]:
    """erfc(z) and erfcx(z) for z ≥ 0: by the series of erf, or by the continued fraction where that is long."""
    with localcontext() as context:
        context.prec = 110
        context.Emin, context.Emax = -(10**9), 10**9
        at = Decimal(z)
        square = (at * at).exp()
        if z < 6.0:
            term = total = at
            for n in count(1):
                term *= -at * at / n
                total += term / (2 * n + 1)
                if abs(term) < Decimal(10) ** -90:
                    break
            complement = 1 - 2 * total / PI.sqrt()
            return complement, complement * square
        fraction = at
        for k in range(400, 0, -1):
            fraction = at + Decimal(k) / 2 / fraction
        scaled = 1 / (PI.sqrt() * fraction)
        return scaled / square, scaled


def error(found: float, expected: Decimal) -> Decimal:
    """Relative, in units of 2⁻⁵²."""
    with localcontext() as context:
        context.prec = 60
        return abs(Decimal(found) / expected - 1) / UNIT


GRID = np.concatenate((np.linspace(0.0, 8.0, 801), np.logspace(-12, 2, 300)))


def test_the_scaled_function_has_three_units_of_error() -> None:
    assert (
        max(error(found, exact(z)[1]) for z, found in zip(GRID.tolist(), erfcx(GRID).tolist(), strict=True))
        < 3
    )


def test_the_function_is_exact_far_into_its_tail() -> None:
    z = GRID[GRID < 26.0]
    assert max(error(found, exact(at)[0]) for at, found in zip(z.tolist(), erfc(z).tolist(), strict=True)) < 5


@given(st.floats(-26.0, 26.0))
def test_both_agree_with_the_library_of_c(z: float) -> None:
    at = np.array([z])
    assert erfc(at)[0] == pytest.approx(math.erfc(z), rel=2e-15)
    scaled, negative = exact(abs(z))[1], z < 0.0
    with localcontext() as context:
        context.prec = 60
        expected = 2 * (Decimal(z) * Decimal(z)).exp() - scaled if negative else scaled
    assert error(float(erfcx(at)[0]), expected) < 5


@pytest.mark.parametrize(
    ("z", "scaled", "plain"),
    [
        (math.inf, 0.0, 0.0),
        (-math.inf, math.inf, 2.0),
        (1e200, 5.641895835477563e-201, 0.0),
        (-30.0, math.inf, 2.0),
        (0.0, 1.0, 1.0),
    ],
)
def test_ends(z: float, scaled: float, plain: float) -> None:
    assert erfcx(np.array([z]))[0] == pytest.approx(scaled, rel=1e-15)
    assert erfc(np.array([z]))[0] == plain


def test_what_is_no_number_stays_none() -> None:
    assert np.isnan(erfcx(np.array([math.nan]))).all()
    assert np.isnan(erfc(np.array([math.nan]))).all()


def test_a_pair_is_both() -> None:
    first, second = np.array([0.5, -1.0, 3.0]), np.array([7.0, 0.0, 1.0])
    found = erfcx_pair(first, second)
    assert [each.tolist() for each in found] == [erfcx(first).tolist(), erfcx(second).tolist()]

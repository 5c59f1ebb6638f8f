"""Marks follow the market slowly and the index at once."""

from math import exp

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deltawire.exchange.instruments.calendar import SECOND_NS
from deltawire.exchange.pricing.mark import AVERAGE_NS, BasisAverage, ForwardCurve


def test_the_first_word_of_the_market_counts_fully() -> None:
    basis = BasisAverage(0.01)
    assert basis.mark(100.0) == 100.0
    basis.seen(0, 100.5, 100.0)
    assert basis.mark(100.0) == pytest.approx(100.5)
    assert basis.mark(200.0) == pytest.approx(201.0)


def test_after_the_time_constant_a_new_basis_counts_for_its_share() -> None:
    basis = BasisAverage(0.01)
    basis.seen(0, 100.0, 100.0)
    basis.seen(1, 100.5, 100.0)
    basis.seen(1 + AVERAGE_NS, 100.5, 100.0)
    assert basis.basis == pytest.approx(0.005 * (1 - exp(-1)))


def test_silence_lets_the_last_word_stand() -> None:
    basis = BasisAverage(0.01)
    basis.seen(0, None, 100.0)
    assert basis.mark(100.0) == 100.0
    basis.seen(5, 100.2, 100.0)
    basis.seen(AVERAGE_NS, None, 100.0)
    assert basis.basis == pytest.approx(0.002)


@given(st.lists(st.floats(1.0, 1e4), min_size=1), st.integers(1, 100))
def test_the_mark_stays_within_its_limit_of_the_index(fairs: list[float], seconds: int) -> None:
    basis = BasisAverage(0.005)
    for step, fair in enumerate(fairs):
        basis.seen(step * seconds * SECOND_NS, fair, 100.0)
    assert 99.5 - 1e-9 <= basis.mark(100.0) <= 100.5 + 1e-9


def test_a_curve_goes_through_its_futures_and_straight_between_them() -> None:
    curve = ForwardCurve(100.0, [(0.5, 105.0), (0.25, 102.0)])
    assert curve.forward(0.0) == 100.0
    assert curve.forward(0.25) == pytest.approx(102.0)
    assert curve.forward(0.5) == pytest.approx(105.0)
    assert curve.forward(0.375) == pytest.approx((102.0 * 105.0) ** 0.5)
    assert curve.forward(1.0) == pytest.approx(100.0 * 1.05**2)
    assert curve.forward(0.125) == pytest.approx((100.0 * 102.0) ** 0.5)


def test_without_futures_the_forward_is_the_index() -> None:
    assert ForwardCurve(100.0, []).forward(0.7) == 100.0
    assert ForwardCurve(100.0, [(0.0, 130.0)]).forward(0.7) == 100.0

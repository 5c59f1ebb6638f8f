"""Funding: the rate's damper and limit, and payments that add up."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deltawire.exchange.instruments.calendar import SECOND_NS
from deltawire.exchange.instruments.contracts import UNITS
from deltawire.exchange.pricing.funding import PERIOD_NS, SCALE, FundingMeter, funding_rate
from tests.support.contracts import LINEAR, PERPETUAL


@pytest.mark.parametrize(
    ("mark", "rate"),
    [
        (100_000.0, 0.0),
        (100_020.0, 0.0),
        (99_980.0, 0.0),
        (100_025.0, 0.0),
        (100_100.0, 0.00075),
        (99_900.0, -0.00075),
        (103_000.0, 0.005),
        (90_000.0, -0.005),
    ],
)
def test_small_premiums_cost_nothing_and_large_ones_are_limited(mark: float, rate: float) -> None:
    assert funding_rate(mark, 100_000.0) == pytest.approx(rate, abs=1e-12)


def test_eight_hours_at_a_rate_cost_that_share_of_the_position() -> None:
    meter = FundingMeter(PERPETUAL)
    meter.seen(0, 60_060.0, 60_000.0)
    meter.seen(PERIOD_NS, 60_000.0, 60_000.0)
    assert meter.due(60_000, 0) == round(0.00075 * UNITS)
    assert meter.due(-60_000, 0) == -round(0.00075 * UNITS)
    linear = FundingMeter(LINEAR)
    linear.seen(0, 60_060.0, 60_000.0)
    linear.seen(PERIOD_NS, 60_000.0, 60_000.0)
    assert linear.due(10_000, 0) == round(45.0 * UNITS)


def test_time_is_paid_at_the_rate_that_held_then() -> None:
    meter = FundingMeter(PERPETUAL)
    meter.seen(0, 60_060.0, 60_000.0)
    meter.seen(PERIOD_NS // 2, 59_940.0, 60_000.0)
    meter.seen(PERIOD_NS, 60_000.0, 60_000.0)
    assert meter.reading == pytest.approx(0, abs=2)
    assert meter.rate == 0.0


def test_the_mean_of_eight_hours_forgets_what_is_older() -> None:
    meter = FundingMeter(PERPETUAL)
    assert meter.funding_8h == 0.0
    meter.seen(0, 60_060.0, 60_000.0)
    assert meter.funding_8h == pytest.approx(0.00075)
    meter.seen(60 * SECOND_NS, 60_000.0, 60_000.0)
    assert meter.funding_8h == pytest.approx(0.000375)
    meter.seen(PERIOD_NS + 60 * SECOND_NS, 60_000.0, 60_000.0)
    assert meter.funding_8h == 0.0


@given(st.integers(-(10**9), 10**9), st.integers(-(10**15), 10**15))
def test_the_longs_pay_what_the_shorts_get(lots: int, reading: int) -> None:
    meter = FundingMeter(PERPETUAL)
    meter.reading = reading
    assert meter.due(lots, 0) == -meter.due(-lots, 0)
    assert abs(meter.due(lots, 0) * SCALE - lots * reading) * 2 <= SCALE

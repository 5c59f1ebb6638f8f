"""The delivery price is the mean of 450 samples, whatever the rhythm at which prices come."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deltawire.exchange.instruments.calendar import SECOND_NS
from deltawire.exchange.pricing.delivery import SAMPLE_NS, SAMPLES, WINDOW_NS, DeliveryAverage

AT = 10 * WINDOW_NS
START = AT - WINDOW_NS


def test_there_are_450_samples() -> None:
    assert SAMPLES == 450


def test_before_the_window_the_average_is_the_last_price() -> None:
    average = DeliveryAverage(AT)
    assert average.average is average.delivery_price() is None
    average.seen(START - 5, 100.0)
    assert not average.started
    assert (average.average, average.elapsed) == (100.0, 0.0)
    assert average.blended(110.0) == 110.0


def test_a_price_counts_for_as_long_as_it_stood() -> None:
    average = DeliveryAverage(AT)
    average.seen(START - 1, 100.0)
    average.seen(START + WINDOW_NS // 4 + 1, 200.0)
    average.seen(AT, 400.0)
    quarter = (WINDOW_NS // 4) // SAMPLE_NS
    expected = (100.0 * quarter + 200.0 * (SAMPLES - 1 - quarter) + 400.0) / SAMPLES
    assert average.delivery_price() == pytest.approx(expected)
    assert average.elapsed == 1.0


def test_half_way_the_forward_counts_for_half() -> None:
    average = DeliveryAverage(AT)
    average.seen(START, 100.0)
    average.seen(AT - WINDOW_NS // 2, 100.0)
    assert average.blended(120.0) == pytest.approx(110.0)
    average.seen(AT, 100.0)
    assert average.blended(120.0) == pytest.approx(100.0)


def test_prices_after_the_settlement_do_not_count() -> None:
    average = DeliveryAverage(AT)
    average.seen(START, 100.0)
    average.seen(AT + SECOND_NS, 900.0)
    assert average.delivery_price() == pytest.approx(100.0)


@given(st.lists(st.tuples(st.integers(0, WINDOW_NS), st.floats(1.0, 1e5)), min_size=1, max_size=30))
def test_the_mean_is_that_of_the_price_at_each_sample(steps: list[tuple[int, float]]) -> None:
    steps = sorted(steps, key=lambda step: step[0])
    average = DeliveryAverage(AT)
    for since, price in steps:
        average.seen(START + since, price)
    samples = []
    for count in range(1, SAMPLES + 1):
        before = [price for since, price in steps if since <= count * SAMPLE_NS]
        samples.append(before[-1] if before else steps[0][1])
    assert average.delivery_price() == pytest.approx(sum(samples) / SAMPLES)

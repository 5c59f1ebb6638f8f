"""What a perpetual's longs paid, from the rates of its tickers."""

import pytest

from deltawire.market.funding import HOUR_NS, FundingSeries

START_NS = 480_000 * HOUR_NS
MINUTE_NS = HOUR_NS // 60


def hours(*rates: float) -> FundingSeries:
    """A rate for each hour from the start, an index that rises by one each hour, and one ticker more."""
    series = FundingSeries()
    for number, rate in enumerate((*rates, 0.0)):
        for minute in range(0, 60, 20):
            series.seen(START_NS + number * HOUR_NS + minute * MINUTE_NS, rate, 100.0 + number)
    return series


def test_the_interest_of_a_time_is_the_rates_share_of_eight_hours() -> None:
    series = hours(0.0008, 0.0016, 0.0)
    assert series.between(START_NS, START_NS + HOUR_NS) == pytest.approx(0.0001)
    assert series.between(START_NS, START_NS + 3 * HOUR_NS) == pytest.approx(0.0003)
    half = START_NS + HOUR_NS // 2
    assert series.between(half, half + HOUR_NS) == pytest.approx(0.00005 + 0.0001)
    assert series.between(START_NS - HOUR_NS, START_NS) == 0.0


def test_an_hour_that_is_not_over_counts_as_far_as_it_was_seen() -> None:
    series = FundingSeries()
    series.seen(START_NS + 10 * MINUTE_NS, 0.0048, 100.0)
    series.seen(START_NS + 20 * MINUTE_NS, 0.0, 100.0)
    assert series.between(START_NS, START_NS + HOUR_NS) == pytest.approx(0.0048 / 48)
    assert list(series.hours(0, 1 << 62)) == []


def test_whole_hours_come_with_the_index_before_and_the_last_eight_hours() -> None:
    series = hours(*[0.0008] * 10)
    found = list(series.hours(START_NS, START_NS + 20 * HOUR_NS))
    assert [hour.ends_ns for hour, _, _ in found] == [START_NS + n * HOUR_NS for n in range(2, 11)]
    assert [(hour.index_price, before.index_price) for hour, before, _ in found[:2]] == [
        (101, 100),
        (102, 101),
    ]
    assert [round(hour.interest, 9) for hour, _, _ in found] == [0.0001] * 9
    assert found[-1][2] == pytest.approx(0.0008)


def test_an_older_ticker_changes_nothing() -> None:
    series = hours(0.0008)
    series.seen(START_NS, 1.0, 1.0)
    assert series.between(START_NS, START_NS + HOUR_NS) == pytest.approx(0.0001)

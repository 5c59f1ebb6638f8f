"""Candles from trades."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from deltawire.analytics.candles import MINUTE_NS, CandleSeries
from deltawire.model.events import Candle, Trade
from tests.support.market_events import make_instrument, make_trade

LINEAR = make_instrument(size_unit="base", size_exponent=-1, inverse=False, contract_size=1.0)
HOUR_NS = 60 * MINUTE_NS


def series(*trades: Trade, kept: int = 10_000) -> CandleSeries:
    candles = CandleSeries(kept)
    for trade in trades:
        candles.add(trade)
    return candles


def trade(minute: float, ticks: int, lots: int = 10, **more: Any) -> Trade:
    return make_trade(more.pop("instrument", LINEAR), ticks, lots, HOUR_NS + int(minute * MINUTE_NS), **more)


def numbers(candle: Candle | None) -> tuple[float, ...]:
    assert candle is not None
    return candle.open, candle.high, candle.low, candle.close, candle.volume, candle.cost


def test_before_the_first_trade_there_is_no_candle() -> None:
    assert series().last(1) is None
    assert series().between(0, 10 * HOUR_NS, 1) == []


def test_a_candle_opens_with_the_first_and_closes_with_the_last_trade() -> None:
    candles = series(trade(0, 1000), trade(0.2, 1030, 20), trade(0.4, 990), trade(0.9, 1010))
    assert numbers(candles.last(1)) == (100.0, 103.0, 99.0, 101.0, 5.0, 506.0)


def test_sizes_in_quote_currency_count_as_cost() -> None:
    inverse = make_instrument()
    candles = series(trade(0, 1000, 500, instrument=inverse))
    assert numbers(candles.last(1)) == (100.0, 100.0, 100.0, 100.0, 5.0, 500.0)


def test_sizes_in_contracts_count_as_the_coins_they_stand_for() -> None:
    contracts = make_instrument(size_unit="contracts", contract_size=0.01, inverse=False)
    assert numbers(series(trade(0, 1000, 300, instrument=contracts)).last(1))[4:] == (3.0, 300.0)


def test_minutes_without_a_trade_have_no_candle() -> None:
    candles = series(trade(0, 1000), trade(3, 1010))
    opens = [candle.open_ns for candle in candles.between(HOUR_NS, 2 * HOUR_NS, 1)]
    assert opens == [HOUR_NS, HOUR_NS + 3 * MINUTE_NS]


def test_a_late_trade_counts_into_the_candle_at_hand() -> None:
    candles = series(trade(1, 1000), trade(0.5, 990))
    assert numbers(candles.last(1)) == (100.0, 100.0, 99.0, 99.0, 2.0, 199.0)
    assert len(candles.between(0, 2 * HOUR_NS, 1)) == 1


def test_a_range_holds_the_candles_that_begin_within_it_and_the_one_at_its_start() -> None:
    candles = series(*[trade(minute, 1000 + minute) for minute in range(10)])
    start, end = HOUR_NS + int(2.5 * MINUTE_NS), HOUR_NS + 4 * MINUTE_NS
    assert [candle.open for candle in candles.between(start, end, 1)] == [100.2, 100.3, 100.4]


def test_only_the_last_minutes_are_kept() -> None:
    candles = series(*[trade(minute, 1000 + minute) for minute in range(10)], kept=3)
    assert [candle.open for candle in candles.between(0, 2 * HOUR_NS, 1)] == [100.7, 100.8, 100.9]


@given(
    st.lists(
        st.tuples(st.integers(0, 300), st.integers(900, 1100), st.integers(1, 50)), min_size=1, max_size=60
    ),
    st.sampled_from([1, 3, 5, 10, 15, 30, 60, 120]),
)
def test_long_candles_are_what_their_trades_say(made: list[tuple[int, int, int]], minutes: int) -> None:
    made.sort(key=lambda each: each[0])
    candles = series(*[trade(minute, ticks, lots) for minute, ticks, lots in made])
    buckets: dict[int, list[tuple[int, int]]] = {}
    for minute, ticks, lots in made:
        start = (HOUR_NS + minute * MINUTE_NS) // (minutes * MINUTE_NS) * (minutes * MINUTE_NS)
        buckets.setdefault(start, []).append((ticks, lots))
    expected = [
        (
            start,
            (inside[0][0] / 10, max(inside)[0] / 10, min(inside)[0] / 10, inside[-1][0] / 10),
            (round(sum(lots for _, lots in inside) / 10, 8), round(sum(t * s for t, s in inside) / 100, 8)),
        )
        for start, inside in buckets.items()
    ]
    bars = candles.between(0, 10 * HOUR_NS, minutes)
    assert [(each.open_ns, numbers(each)[:4], numbers(each)[4:]) for each in bars] == expected
    assert candles.last(minutes) == bars[-1]

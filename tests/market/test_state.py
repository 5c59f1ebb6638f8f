"""One instrument as the events left it."""

import tracemalloc

import pytest

from deltawire.market.state import TRADES_KEPT, InstrumentState
from deltawire.model.events import Changes, Stats, Status
from tests.support.market_events import (
    SECOND_NS,
    START_NS,
    ScriptedBook,
    make_instrument,
    make_ticker,
    make_trade,
)

DAY_NS = 24 * 3600 * SECOND_NS


@pytest.fixture
def state() -> InstrumentState:
    return InstrumentState(make_instrument(), "BTC-PERPETUAL", 1)


def with_book(state: InstrumentState, book: ScriptedBook) -> None:
    live, image = book.image({1000: 10, 999: 20}, {1001: 30})
    state.apply_status(live)
    state.imaged_by(image)


def test_a_live_book_has_best_prices(state: InstrumentState) -> None:
    book = ScriptedBook()
    with_book(state, book)
    assert state.best() == (100.0, 10.0, 100.1, 30.0)
    state.changed_by(book.change(bids={1000: 0}, asks={1001: 0}))
    assert state.best() == (99.9, 20.0, 0.0, 0.0)
    assert state.sequence == 2


@pytest.mark.parametrize("told", ["stale", "syncing"])
def test_a_book_that_is_not_live_has_no_prices(state: InstrumentState, told: str) -> None:
    book = ScriptedBook()
    with_book(state, book)
    state.ticked(make_ticker(state.instrument, best_bid_price=99.0))
    state.apply_status(Status(state.instrument, told, "gap", START_NS))
    assert state.best() == (0.0, 0.0, 0.0, 0.0)
    assert (state.live, state.imaged, state.reason) == (False, True, "gap")


def test_where_no_book_is_kept_the_ticker_has_the_best_prices(state: InstrumentState) -> None:
    assert state.best() == (0.0, 0.0, 0.0, 0.0)
    state.ticked(make_ticker(state.instrument, best_bid_price=9.0, best_bid_size=1.0, best_ask_price=9.5))
    state.ticked(make_ticker(state.instrument, best_ask_size=2.0))
    assert state.best() == (9.0, 1.0, 9.5, 2.0)


def test_tickers_merge_and_what_one_leaves_out_stays(state: InstrumentState) -> None:
    state.ticked(make_ticker(state.instrument, mark_price=1.0, index_price=2.0))
    state.ticked(make_ticker(state.instrument, START_NS + 5, mark_price=3.0))
    assert state.ticker == {"mark_price": 3.0, "index_price": 2.0}
    assert state.ticker_ns == START_NS + 5


def test_the_last_price_is_the_tapes_or_else_the_tickers(state: InstrumentState) -> None:
    assert state.last_price is None
    state.ticked(make_ticker(state.instrument, last_price=98.5))
    assert state.last_price == 98.5
    state.traded(make_trade(state.instrument, 1003, 10))
    assert state.last_price == 100.3


def test_tick_directions_are_up_level_down_level(state: InstrumentState) -> None:
    for ticks in (1000, 1000, 1001, 1001, 1001, 990, 990, 991):
        state.traded(make_trade(state.instrument, ticks, 10))
    assert [entry.direction for entry in state.tape] == [0, 1, 0, 1, 1, 2, 3, 0]


def test_directions_compare_prices_even_when_the_exponent_has_changed(state: InstrumentState) -> None:
    state.traded(make_trade(state.instrument, 1000, 10))
    state.traded(make_trade(make_instrument(price_exponent=-2), 10000, 10))
    state.traded(make_trade(make_instrument(price_exponent=-2), 9999, 10))
    assert [entry.direction for entry in state.tape] == [0, 1, 2]


def test_trades_have_the_venues_numbers_or_else_are_counted(state: InstrumentState) -> None:
    for _ in range(2):
        state.traded(make_trade(state.instrument, 1000, 10))
    state.traded(make_trade(state.instrument, 1000, 10, sequence=70))
    state.traded(make_trade(state.instrument, 1000, 10))
    assert [entry.number for entry in state.tape] == [1, 2, 70, 71]


def test_the_tape_keeps_the_last_trades_only(state: InstrumentState) -> None:
    for _ in range(TRADES_KEPT + 5):
        state.traded(make_trade(state.instrument, 1000, 10))
    assert [state.tape[0].number, state.tape[-1].number] == [6, TRADES_KEPT + 5]


def test_statistics_are_the_venues_or_else_the_last_24_hours_of_trades(state: InstrumentState) -> None:
    assert state.stats(START_NS) == Stats(volume=0.0, volume_usd=0.0, volume_notional=0.0)
    for minutes, ticks in ((0, 1000), (10, 1100), (20, 1050)):
        state.traded(make_trade(state.instrument, ticks, 100, START_NS + minutes * 60 * SECOND_NS))
    stats = state.stats(START_NS + 3600 * SECOND_NS)
    assert (stats.high, stats.low, stats.price_change, stats.volume_usd) == (110.0, 100.0, 5.0, 300.0)
    assert stats.volume == pytest.approx(1 + 100 / 110 + 100 / 105)
    later = state.stats(START_NS + DAY_NS + 15 * 60 * SECOND_NS)
    assert (later.high, later.low) == (105.0, 105.0)

    stated = Stats(high=7.0)
    state.ticked(make_ticker(state.instrument, stats=stated))
    assert state.stats(START_NS) is stated


def test_a_book_keeps_its_prices_when_the_exponents_become_finer(state: InstrumentState) -> None:
    book = ScriptedBook()
    with_book(state, book)
    state.define(book.refine().instrument)
    assert state.best() == (100.0, 10.0, 100.1, 30.0)
    state.changed_by(book.change(bids={10005: 15}))
    assert state.best()[:2] == (100.05, 1.5)


def test_a_delta_sets_sizes_whatever_they_were(state: InstrumentState) -> None:
    book = ScriptedBook()
    with_book(state, book)
    delta = book.change(bids={1000: 11, 998: 4})
    assert delta.bids == Changes([1000, 998], [11, 4], [10, 0])
    state.changed_by(delta)
    assert [state.ladder.bids.size(price) for price in (1000, 999, 998)] == [11, 20, 4]


@pytest.mark.parametrize(
    ("kind", "currency", "fits"),
    [
        ("any", "any", True),
        ("future", "any", True),
        ("option", "any", False),
        ("any", "BTC", True),
        ("any", "USD", False),
        ("combo", "any", False),
    ],
)
def test_kinds_and_currencies(state: InstrumentState, kind: str, currency: str, fits: bool) -> None:
    assert state.fits(kind, currency) is fits


def test_an_instrument_without_events_takes_little_memory() -> None:
    """An exchange lists more than 800, most of them options that seldom trade."""
    instrument = make_instrument()
    tracemalloc.start()
    try:
        states = [InstrumentState(instrument, instrument.name, 1) for _ in range(200)]
        size = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert size / len(states) < 4096

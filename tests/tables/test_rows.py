"""Rows say what the events said, and which of them should not be relied on."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deltawire.errors import UsageError
from deltawire.model.events import BestLevels, BeyondChanges, Changes, Event, Levels
from deltawire.model.known_range import KnownRange
from deltawire.tables import SCHEMAS, Row, rows
from deltawire.tables.schemas import F_BAD_TS_RECV, F_LAST, F_MAYBE_BAD_BOOK, F_MBP, F_SNAPSHOT
from tests.support.market_events import (
    SECOND_NS,
    START_NS,
    ScriptedBook,
    make_instrument,
    make_listing,
    make_option,
    make_ticker,
    make_trade,
)

FINE, DOUBT = F_LAST | F_MBP, F_LAST | F_MBP | F_MAYBE_BAD_BOOK


def table(schema: str, events: list[Event]) -> list[dict[str, Any]]:
    """The rows with the names of their columns."""
    return [named(schema, row) for row in rows(schema, events)]


def named(schema: str, row: Row) -> dict[str, Any]:
    return dict(zip(SCHEMAS[schema].names, row.values, strict=True)) | {"instrument": row.instrument}


def test_every_schema_has_rows_as_wide_as_it_is() -> None:
    book = ScriptedBook()
    option = make_option()
    events = [
        make_listing(option),
        make_listing(book.instrument),
        *book.image({1000: 10}, {1001: 20}),
        make_trade(book.instrument, 1000, 10),
        make_ticker(option, mark_iv=50.0),
        book.change(bids={999: 5}),
        book.stale(),
    ]
    for schema in SCHEMAS:
        assert table(schema, events), schema


def test_a_trade_is_a_row_with_the_aggressors_side() -> None:
    instrument = make_instrument()
    sold = make_trade(instrument, 1000, 30, side="sell", sequence=7, trade_id="x", seen_ns=0)
    (row,) = table("trades", [sold])
    assert {name: row[name] for name in ("action", "side", "price", "size", "sequence", "trade_id")} == {
        "action": "T",
        "side": "A",
        "price": 1000,
        "size": 30,
        "sequence": 7,
        "trade_id": "x",
    }
    assert (row["ts_event"], row["flags"]) == (START_NS, F_LAST | F_BAD_TS_RECV)


def test_a_change_of_one_level_is_named_and_a_book_in_doubt_is_flagged() -> None:
    book = ScriptedBook()
    events = [
        *book.image({1000: 10, 999: 20}, {1001: 30}),
        book.change(bids={999: 25}),
        book.change(asks={1001: 0, 1002: 5}),
        book.change(bids={1: 5}),
        book.stale(),
        *book.image({1000: 11}, {1002: 5}),
    ]
    found = table("mbp-10", events)
    assert [(row["action"], row["side"], row["depth"], row["price"], row["size"]) for row in found] == [
        ("R", "N", 0, None, 0),
        ("M", "B", 1, 999, 25),
        ("N", "N", 0, None, 0),
        ("A", "B", 2, 1, 5),
        ("N", "N", 0, None, 0),
        ("N", "N", 0, None, 0),
    ]
    assert [row["flags"] for row in found] == [FINE | F_SNAPSHOT, FINE, FINE, FINE, DOUBT, FINE]
    assert [found[-1][name] for name in ("bid_px_00", "bid_sz_00", "ask_px_00", "bid_px_01")] == [
        1000,
        11,
        1002,
        None,
    ]
    assert len(table("mbp-1", events)) == 4, "deeper changes are none of these levels"


def test_levels_beyond_the_known_range_are_in_doubt() -> None:
    book = ScriptedBook()
    live, image = book.image({1000: 1, 998: 1, 990: 1}, {1001: 1})
    known = KnownRange(bids=998)
    image = msgspec.structs.replace(image, known=known)
    found = table("book", [live, image])
    assert [row["price"] for row in found if row["flags"] & F_MAYBE_BAD_BOOK] == [990]
    (row,) = table("mbp-10", [live, image])
    assert [row[f"bid_px_{level:02}"] for level in range(3)] == [1000, 998, None]
    assert not row["flags"] & F_MAYBE_BAD_BOOK
    emptied = msgspec.structs.replace(book.change(bids={1000: 0, 998: 0}), known=known)
    assert table("mbp-1", [live, image, emptied])[-1]["flags"] & F_MAYBE_BAD_BOOK, "no bid is known"


def test_changes_beyond_the_known_range_have_rows_in_doubt() -> None:
    book = ScriptedBook()
    live, image = book.image({1000: 1, 998: 1}, {1001: 1})
    known = KnownRange(bids=998)
    image = msgspec.structs.replace(image, known=known)
    nothing = Changes([], [], [])
    far = msgspec.structs.replace(
        book.change(bids={999: 4}),
        known=known,
        beyond=BeyondChanges(Changes([990, 980], [5, 0], [0, 3]), nothing),
    )
    only = msgspec.structs.replace(
        far, bids=nothing, covers=0, beyond=BeyondChanges(Changes([990], [6], [5]), nothing)
    )
    rows = table("book", [live, image, far, only])[-4:]
    assert [(row["action"], row["side"], row["price"], row["size"]) for row in rows] == [
        ("A", "B", 990, 5),
        ("C", "B", 980, 0),
        ("A", "B", 999, 4),
        ("M", "B", 990, 6),
    ]
    assert [row["flags"] & F_MAYBE_BAD_BOOK for row in rows] == [4, 4, 0, 4]
    assert [row["flags"] & F_LAST for row in rows] == [0, 0, F_LAST, F_LAST]


def test_best_levels_replace_what_was_before() -> None:
    instrument = make_instrument()
    image = BestLevels(instrument, 5, Levels([10], [1]), Levels([11, 12], [2, 3]), START_NS, START_NS)
    (row,) = table("mbp-10", [image])
    assert (row["action"], row["ask_px_01"], row["ask_sz_01"], row["flags"]) == ("R", 12, 3, FINE)


LEVELS = st.dictionaries(st.integers(900, 1100), st.integers(0, 5), max_size=6)
STEPS = st.lists(st.one_of(st.just("stale"), st.just("refine"), LEVELS), max_size=25)


@given(STEPS)
def test_rows_of_levels_make_the_book_and_those_of_the_top_are_its_top(steps: list[Any]) -> None:
    book = ScriptedBook()
    events: list[Event] = [*book.image({1000: 1}, {1001: 1})]
    for step in steps:
        if step == "stale":
            events += [book.stale(), book.live(), book.change(bids={1000: 1 + book.sequence})]
        elif step == "refine" and book.instrument.price_exponent > -4:
            events.append(book.refine())
        elif isinstance(step, dict):
            unit = 10 ** (-1 - book.instrument.price_exponent)
            prices = {price * unit: size for price, size in step.items()}
            events.append(book.change(prices, {price + 300 * unit: size for price, size in prices.items()}))
    exponent = book.instrument.price_exponent
    sides: dict[str, dict[int, int]] = {"B": {}, "A": {}}
    for row in rows("book", events):
        values, factor = named("book", row), 10 ** (row.instrument.price_exponent - exponent)
        if values["action"] == "R":
            sides = {"B": {}, "A": {}}
        elif values["action"] != "N":
            side, price = sides[values["side"]], values["price"] * factor
            assert values["action"] == ("C" if not values["size"] else "M" if price in side else "A")
            side[price] = values["size"] * factor
            if not values["size"]:
                del side[price]
    assert (sides["B"], sides["A"]) == (book.bids, book.asks)
    *_, last = rows("mbp-10", events)
    values, factor = named("mbp-10", last), 10 ** (last.instrument.price_exponent - exponent)
    for name, wanted in (("bid", sorted(book.bids, reverse=True)), ("ask", sorted(book.asks))):
        told = [values[f"{name}_px_{level:02}"] for level in range(10)]
        assert [price * factor for price in told if price is not None] == wanted[:10]


def test_a_book_of_two_channels_is_refused() -> None:
    book = ScriptedBook()
    events = [*book.image({1000: 1}, {1001: 1}), change := book.change(bids={1000: 2}), change]
    with pytest.raises(
        UsageError, match="deribit:BTC-PERPETUAL: change 1 does not follow 2; a table of books is"
    ):
        table("mbp-1", events)
    with pytest.raises(UsageError, match="does not follow 0"):
        table("book", [change])


def test_intervals_end_in_the_last_book_and_trade_and_silence_has_no_rows() -> None:
    book = ScriptedBook()
    events: list[Event] = [*book.image({1000: 1}, {1001: 1}), make_trade(book.instrument, 1001, 3)]
    book.now_ns += SECOND_NS - 1
    events.append(book.change(bids={1000: 2}))
    book.now_ns += 1
    events.append(book.change(bids={1000: 3}))
    book.now_ns += 3600 * SECOND_NS
    events.append(book.stale())
    found = table("bbo-1s", events)
    assert [(row["ts_recv"] - START_NS) // SECOND_NS for row in found] == [1, 2, 3602]
    assert [(row["bid_sz_00"], row["flags"]) for row in found] == [(2, FINE), (3, FINE), (3, DOUBT)]
    assert {(row["side"], row["price"], row["size"]) for row in found} == {("B", 1001, 3)}


def test_a_trade_stands_beside_the_book_before_it_in_units_that_hold_both() -> None:
    book = ScriptedBook()
    finer = make_instrument(price_exponent=-3)
    events = [*book.image({1000: 1}, {1001: 1}), make_trade(finer, 100_050, 3), book.stale()]
    rest = [make_trade(book.instrument, 1001, 3), make_trade(make_option(), 5, 1)]
    found = table("tbbo", events + rest)
    assert [(row["price"], row["bid_px_00"], row["instrument"].price_exponent) for row in found] == [
        (100_050, 100_000, -3),
        (100_100, 100_000, -3),
        (5, None, -4),
    ]
    assert [row["flags"] & F_MAYBE_BAD_BOOK for row in found] == [0, 4, 4]


def test_candles_take_in_late_and_finer_trades() -> None:
    instrument, finer = make_instrument(), make_instrument(price_exponent=-2)
    events = [
        make_trade(instrument, 1000, 1, START_NS + 1),
        make_trade(instrument, 1010, 2, START_NS + 60 * SECOND_NS),
        make_trade(finer, 9999, 4, START_NS + 2),
    ]
    first, second = table("ohlcv-1m", list(events))
    assert [first[name] for name in ("ts_event", "open", "high", "low", "close", "volume")] == [
        START_NS - START_NS % (60 * SECOND_NS),
        10_000,
        10_000,
        9_999,
        9_999,
        5,
    ]
    assert (second["open"], second["volume"]) == (1010, 2)


def test_a_definition_is_a_row_of_facts() -> None:
    (row,) = table("definition", [make_listing(make_option())])
    assert (row["raw_symbol"], row["instrument_class"], row["strike_price"]) == (
        "BTC-29DEC23-40000-C",
        "C",
        40000.0,
    )
    assert (row["min_price_increment"], row["price_exponent"]) == (5, -4)


def test_an_unknown_schema_says_which_there_are() -> None:
    with pytest.raises(UsageError, match="no schema 'mbp10'; there are trades, tbbo, mbp-1, mbp-10"):
        table("mbp10", [])

"""Channels of single values: tickers whole and incremental, quotes, funding, indices, marks, listings, status."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deltawire.model.events import Greeks, Stats
from tests.support.hub_harness import HubHarness, live_hub_harness
from tests.support.market_events import (
    MS_NS,
    SECOND_NS,
    START_NS,
    make_index,
    make_instrument,
    make_listing,
    make_option,
    make_ticker,
    make_trade,
)
from tests.support.subscribers import Inbox

TICKER, INCREMENTAL = "ticker.BTC-PERPETUAL.raw", "incremental_ticker.BTC-PERPETUAL"


def merged(notes: list[dict[str, Any]]) -> dict[str, Any]:
    """A full ticker from incremental ones: members replace members, null takes them away."""
    ticker: dict[str, Any] = {}
    for note in notes:
        if note["type"] == "snapshot":
            ticker = {}
        merge(ticker, note)
    return without_nulls({name: value for name, value in ticker.items() if name != "type"})


def merge(into: dict[str, Any], change: dict[str, Any]) -> None:
    for name, value in change.items():
        if isinstance(value, dict) and isinstance(into.get(name), dict):
            merge(into[name], value)
        else:
            into[name] = value


def without_nulls(ticker: dict[str, Any]) -> dict[str, Any]:
    return {
        name: without_nulls(value) if isinstance(value, dict) else value
        for name, value in ticker.items()
        if value is not None
    }


# Tickers.


def test_a_ticker_joins_the_book_the_tape_and_what_the_venue_says() -> None:
    harness = live_hub_harness()
    stats = Stats(high=120.0, low=80.0, volume=7.5, volume_usd=750.0, price_change=-1.5)
    harness.publish(
        make_ticker(
            harness.instrument, mark_price=100.25, index_price=100.5, current_funding=0.0001, stats=stats
        ),
        make_trade(harness.instrument, 1002, 10),
    )
    (data,) = harness.joined(TICKER).data(TICKER)
    assert data == {
        "timestamp": START_NS // MS_NS,
        "instrument_name": "BTC-PERPETUAL",
        "state": "open",
        "best_bid_price": 100.0,
        "best_bid_amount": 10.0,
        "best_ask_price": 100.1,
        "best_ask_amount": 30.0,
        "last_price": 100.2,
        "stats": {"high": 120.0, "low": 80.0, "volume": 7.5, "volume_usd": 750.0, "price_change": -1.5},
        "min_price": None,
        "max_price": None,
        "mark_price": 100.25,
        "index_price": 100.5,
        "estimated_delivery_price": None,
        "open_interest": 0.0,
        "current_funding": 0.0001,
    }


def test_a_ticker_comes_once_per_interval_and_only_if_it_changed() -> None:
    harness = live_hub_harness()
    channel = "ticker.BTC-PERPETUAL.100ms"
    inbox = harness.joined(channel)
    inbox.take()
    for mark in (1.0, 2.0, 3.0):
        harness.publish(make_ticker(harness.instrument, mark_price=mark))
    harness.advance_ms(100)
    assert [data["mark_price"] for data in inbox.data(channel)] == [3.0]
    harness.publish(make_ticker(harness.instrument, START_NS + SECOND_NS, mark_price=3.0))
    harness.advance_ms(100)
    assert inbox.take() == []


@pytest.mark.parametrize("channel", [TICKER, INCREMENTAL, "quote.BTC-PERPETUAL"])
def test_no_price_is_served_while_the_book_is_stale(channel: str) -> None:
    harness = live_hub_harness()
    inbox = harness.joined(channel)
    harness.publish(harness.book.stale("gap"))
    stale = inbox.data(channel)[-1]
    assert [stale[f"best_{side}_{what}"] for side in ("bid", "ask") for what in ("price", "amount")] == [
        0.0
    ] * 4
    status = stale["status"]
    assert (status if isinstance(status, str) else status["state"]) == "stale"
    harness.publish(harness.book.live())
    live = inbox.data(channel)[-1]
    assert live["best_bid_price"] == 100.0
    assert live.get("status") is None


def test_the_first_incremental_ticker_is_a_snapshot_even_when_it_comes_later() -> None:
    harness = HubHarness()
    harness.market.state(harness.instrument)
    inbox = harness.joined(INCREMENTAL)
    assert inbox.take() == []
    harness.publish(make_ticker(harness.instrument, mark_price=1.5))
    harness.publish(make_ticker(harness.instrument, mark_price=2.5))
    first, second = inbox.data(INCREMENTAL)
    assert (first["type"], first["mark_price"], first["state"]) == ("snapshot", 1.5, "open")
    assert second == {
        "type": "change",
        "timestamp": START_NS // MS_NS,
        "instrument_name": "BTC-PERPETUAL",
        "mark_price": 2.5,
    }


def test_an_incremental_ticker_says_only_what_changed_inside_the_statistics() -> None:
    harness = live_hub_harness()
    harness.publish(make_ticker(harness.instrument, stats=Stats(high=2.0, low=1.0)))
    inbox = harness.joined(INCREMENTAL)
    inbox.take()
    harness.publish(make_ticker(harness.instrument, stats=Stats(high=3.0, low=1.0)))
    assert inbox.data(INCREMENTAL)[0]["stats"] == {"high": 3.0}


def test_a_late_joiner_of_an_incremental_ticker_can_apply_the_changes_that_follow() -> None:
    harness = live_hub_harness()
    harness.joined(INCREMENTAL)
    harness.advance_ms(1000)
    harness.publish(make_trade(harness.instrument, 1000, 10, harness.now_ns))
    harness.advance_ms(
        24 * 3600 * 1000 + 60_000
    )  # the trade is no longer of the last 24 hours: its statistics go
    late = harness.joined(INCREMENTAL, TICKER)
    harness.advance_ms(1000)
    harness.publish(make_trade(harness.instrument, 1000, 10, harness.now_ns))
    messages = late.take()
    notes = [m["params"]["data"] for m in messages if m["params"]["channel"] == INCREMENTAL]
    whole = [m["params"]["data"] for m in messages if m["params"]["channel"] == TICKER]
    assert whole[-1]["stats"]["high"] == 100.0
    assert merged(notes)["stats"] == without_nulls(whole[-1]["stats"])


numbers = st.sampled_from([None, 1.0, 2.0, 3.0])
stats = st.none() | st.builds(Stats, high=numbers, low=numbers)
steps = st.one_of(
    st.tuples(st.just("ticker"), numbers, numbers, stats),
    st.tuples(st.just("book"), st.integers(990, 1000), st.integers(0, 3)),
    st.tuples(st.just("trade"), st.integers(990, 1010)),
    st.tuples(st.sampled_from(["stale", "live", "join"])),
    st.tuples(st.just("pause"), st.sampled_from([1, 1000, 86_400_000])),
)


@given(st.lists(steps, max_size=25))
def test_incremental_tickers_merge_to_the_full_ticker(script: list[Any]) -> None:
    harness = live_hub_harness()
    followers: list[tuple[Inbox, dict[str, list[Any]]]] = []
    for what, *values in [("join",), *script]:
        if what == "ticker":
            mark, funding, day = values
            fields = {"mark_price": mark, "current_funding": funding, "stats": day}
            harness.publish(make_ticker(harness.instrument, harness.now_ns, **fields))
        elif what == "book" and harness.market.state(harness.instrument).live:
            harness.publish(harness.book.change(bids={values[0]: values[1]}))
        elif what == "trade":
            harness.publish(make_trade(harness.instrument, values[0], 10, harness.now_ns))
        elif what == "stale":
            harness.publish(harness.book.stale())
        elif what == "live":
            harness.publish(harness.book.live())
        elif what == "pause":
            harness.advance_ms(values[0])
        elif what == "join":
            followers.append((harness.joined(INCREMENTAL, TICKER), {INCREMENTAL: [], TICKER: []}))
        for inbox, notes in followers:
            for message in inbox.take():
                notes[message["params"]["channel"]].append(message["params"]["data"])
    harness.publish(make_ticker(harness.instrument, harness.now_ns, mark_price=99.0))
    for inbox, notes in followers:
        for message in inbox.take():
            notes[message["params"]["channel"]].append(message["params"]["data"])
        assert merged(notes[INCREMENTAL]) == without_nulls(notes[TICKER][-1])


def test_an_option_ticker_has_ivs_greeks_and_the_underlying() -> None:
    harness = HubHarness(make_option())
    channel = "ticker.BTC-29DEC23-40000-C.raw"
    greeks = Greeks(delta=0.31, gamma=0.0001, vega=20.5, theta=-11.0, rho=3.5)
    fields = {"mark_iv": 61.2, "bid_iv": 60.0, "ask_iv": 62.5, "underlying_price": 37000.5}
    harness.publish(
        make_ticker(
            harness.instrument, greeks=greeks, underlying_index="BTC-29DEC23", interest_rate=0.0, **fields
        )
    )
    (data,) = harness.joined(channel).data(channel)
    assert {name: data[name] for name in fields} == fields
    assert data["greeks"] == {"delta": 0.31, "gamma": 0.0001, "vega": 20.5, "theta": -11.0, "rho": 3.5}
    assert (data["underlying_index"], data["interest_rate"]) == ("BTC-29DEC23", 0.0)


# Quotes and funding.


def test_a_quote_follows_the_best_levels_and_nothing_else() -> None:
    harness = live_hub_harness()
    channel = "quote.BTC-PERPETUAL"
    inbox = harness.joined(channel)
    harness.publish(harness.book.change(bids={998: 5}))
    harness.publish(harness.book.change(bids={1000: 11}))
    harness.publish(make_ticker(harness.instrument, mark_price=5.0))
    image, quote = inbox.data(channel)
    assert image["best_bid_amount"] == 10.0
    assert quote == {
        "timestamp": START_NS // MS_NS,
        "instrument_name": "BTC-PERPETUAL",
        "best_bid_price": 100.0,
        "best_bid_amount": 11.0,
        "best_ask_price": 100.1,
        "best_ask_amount": 30.0,
    }


def test_a_quote_of_an_instrument_without_a_book_is_what_its_ticker_says() -> None:
    harness = HubHarness()
    harness.publish(
        make_ticker(harness.instrument, best_bid_price=9.5, best_bid_size=3.0, best_ask_price=10.0)
    )
    (data,) = harness.joined("quote.BTC-PERPETUAL").data("quote.BTC-PERPETUAL")
    names = ("best_bid_price", "best_bid_amount", "best_ask_price", "best_ask_amount")
    assert [data[name] for name in names] == [9.5, 3.0, 10.0, 0.0]


def test_funding_of_a_perpetual() -> None:
    harness = HubHarness()
    channel = "perpetual.BTC-PERPETUAL.100ms"
    harness.market.state(harness.instrument)
    inbox = harness.joined(channel)
    harness.publish(make_ticker(harness.instrument, mark_price=1.0))
    harness.advance_ms(100)
    assert inbox.take() == []
    harness.publish(make_ticker(harness.instrument, current_funding=0.0002, index_price=100.5))
    harness.advance_ms(100)
    assert inbox.data(channel) == [{"timestamp": START_NS // MS_NS, "interest": 0.0002, "index_price": 100.5}]


# Indices.


def test_an_index_comes_whenever_its_price_changes() -> None:
    harness = HubHarness()
    channel = "deribit_price_index.btc_usd"
    inbox = harness.joined(channel)
    for price in (100.5, 100.5, 101.0):
        harness.publish(make_index(price), make_index(7.0, "eth_usd"))
    late = harness.joined(channel)
    image = {"timestamp": START_NS // MS_NS, "index_name": "btc_usd", "price": 101.0}
    assert inbox.data(channel) == [image | {"price": 100.5}, image]
    assert late.data(channel) == [image]


def test_an_index_that_only_tickers_name_is_told_from_them() -> None:
    harness = HubHarness()
    channel = "deribit_price_index.btc_usd"
    inbox = harness.joined(channel)
    harness.publish(make_ticker(harness.instrument, index_price=100.5))
    harness.publish(make_index(200.0))
    harness.publish(make_ticker(harness.instrument, index_price=100.7))
    assert [data["price"] for data in inbox.data(channel)] == [100.5, 200.0]


def test_an_index_of_another_venue_has_its_name_in_front() -> None:
    harness = HubHarness()
    channel = "deribit_price_index.okx:BTC-USD"
    inbox = harness.joined(channel)
    harness.publish(make_index(1.5, "BTC-USD", venue="okx"), make_index(2.5, "BTC-USD"))
    assert [(data["index_name"], data["price"]) for data in inbox.data(channel)] == [("okx:BTC-USD", 1.5)]


# Marks of options.


def test_option_marks_come_once_a_second_with_the_iv_as_a_fraction() -> None:
    harness = HubHarness(make_option())
    put = make_option("BTC-29DEC23-30000-P", option_type="put", strike=30000.0)
    other = make_option("ETH-29DEC23-2000-C", base="ETH", settlement="ETH", index_name="eth_usd")
    channel = "markprice.options.btc_usd"
    harness.publish(make_ticker(put, mark_price=0.01, mark_iv=90.0))
    inbox = harness.joined(channel)
    entry = {"timestamp": START_NS // MS_NS, "instrument_name": put.name, "mark_price": 0.01, "iv": 0.9}
    assert inbox.data(channel) == [[entry]]

    harness.publish(
        make_ticker(harness.instrument, mark_price=0.02, mark_iv=61.25), make_ticker(other, mark_price=0.03)
    )
    harness.publish(make_ticker(make_instrument(), mark_price=5.0))
    assert inbox.take() == []
    harness.advance_ms(1000)
    assert inbox.data(channel) == [
        [entry, entry | {"instrument_name": harness.instrument.name, "mark_price": 0.02, "iv": 0.6125}]
    ]
    harness.advance_ms(1000)
    assert inbox.take() == []


# Listings and status.


def test_instruments_are_told_as_they_are_listed_and_close() -> None:
    harness = live_hub_harness()
    channel = "instrument.state.future.BTC"
    inbox = harness.joined(channel)
    fresh = make_instrument("BTC-29MAR24")
    harness.publish(make_listing(fresh), make_listing(make_option()), make_listing(harness.instrument))
    harness.publish(make_listing(msgspec.structs.replace(fresh, price_exponent=-2)))
    harness.publish(make_listing(msgspec.structs.replace(fresh, price_exponent=-2, active=False)))
    changes = [(data["instrument_name"], data["state"]) for data in inbox.data(channel)]
    assert changes == [("BTC-29MAR24", "created"), ("BTC-29MAR24", "closed")]


def test_an_instrument_known_by_data_alone_is_told_once() -> None:
    harness = HubHarness()
    channel = "instrument.state.future.BTC"
    inbox = harness.joined(channel)
    harness.publish(make_ticker(harness.instrument), make_ticker(harness.instrument))
    harness.publish(make_listing(harness.instrument))
    (told,) = inbox.data(channel)
    assert (told["instrument_name"], told["state"]) == ("BTC-PERPETUAL", "created")


def test_status_says_why_and_since_when() -> None:
    harness = live_hub_harness()
    channel = "status.BTC-PERPETUAL"
    inbox = harness.joined(channel)
    harness.advance_ms(500)
    harness.publish(harness.book.stale("checksum"))
    harness.advance_ms(250)
    late = harness.joined(channel)
    image, stale = inbox.data(channel)
    assert (image["state"], image["age"]) == ("live", 0)
    assert stale == {
        "instrument_name": "BTC-PERPETUAL",
        "state": "stale",
        "reason": "checksum",
        "since": START_NS // MS_NS + 500,
        "age": 0,
    }
    assert late.data(channel) == [stale | {"age": 250}]


def test_a_book_that_never_was_is_syncing() -> None:
    harness = HubHarness()
    harness.market.state(harness.instrument)
    (image,) = harness.joined("status.BTC-PERPETUAL").data("status.BTC-PERPETUAL")
    assert (image["state"], image["reason"]) == ("syncing", "")

"""Methods that ask what was: indices, marks, funding, volatility, volumes."""

from itertools import pairwise
from math import exp, sqrt
from typing import Any

import pytest

from deltawire.model.events import Constituent, VolatilityIndex
from tests.session.test_queries import error, result
from tests.support.hub_harness import HubHarness, live_hub_harness
from tests.support.market_events import (
    MS_NS,
    SECOND_NS,
    START_NS,
    VENUE,
    make_index,
    make_instrument,
    make_option,
    make_ticker,
    make_trade,
)

HOUR_NS = 3600 * SECOND_NS
BEGIN_NS = START_NS // HOUR_NS * HOUR_NS
NAME = "BTC-PERPETUAL"
TO_COME = {"start_timestamp": 0, "end_timestamp": 10**15}


@pytest.fixture
def harness() -> HubHarness:
    return live_hub_harness()


def later(harness: HubHarness, now_ns: int) -> None:
    harness.advance_ms((now_ns - harness.now_ns) // MS_NS)


def tell_index(harness: HubHarness, at_ns: int, price: float) -> None:
    later(harness, at_ns)
    harness.publish(make_index(price, at_ns=at_ns))


def test_an_index_chart_has_a_point_for_each_step_of_its_range(harness: HubHarness) -> None:
    for minute in range(180):
        tell_index(harness, BEGIN_NS + HOUR_NS + minute * 60 * SECOND_NS, 100.0 + minute)
    hour = result(harness, "public/get_index_chart_data", index_name="btc_usd", range="1h")
    assert hour[-1][1] == 279.0
    assert {after[0] - before[0] for before, after in pairwise(hour)} == {60_000}
    day = result(harness, "public/get_index_chart_data", index_name="btc_usd", range="1d")
    assert (len(day), day[0][1]) == (36, 104.0)
    assert error(harness, "public/get_index_chart_data", index_name="btc_usd", range="3h")[0] == -32602
    assert (
        error(harness, "public/get_index_chart_data", index_name="no", range="1h")[2]["param"] == "index_name"
    )


def test_historical_volatility_is_that_of_hourly_moves(harness: HubHarness) -> None:
    for hour in range(30):
        tell_index(harness, BEGIN_NS + HOUR_NS * (hour + 1), 100.0 * exp(0.01 * (hour % 2)))
    answer = result(harness, "public/get_historical_volatility", currency="BTC")
    assert [value for _, value in answer] == [pytest.approx(100 * 0.01 * sqrt(24 * 365))] * 5
    assert result(harness, "public/get_historical_volatility", currency="ETH") == []


def test_marks_are_told_every_five_minutes(harness: HubHarness) -> None:
    for minute in range(12):
        at_ns = BEGIN_NS + HOUR_NS + minute * 60 * SECOND_NS
        harness.publish(make_ticker(harness.instrument, at_ns, mark_price=50.0 + minute))
    answer = result(harness, "public/get_mark_price_history", instrument_name=NAME, **TO_COME)
    assert [price for _, price in answer] == [50.0, 55.0, 60.0]
    assert (
        result(
            harness, "public/get_mark_price_history", instrument_name=NAME, start_timestamp=0, end_timestamp=1
        )
        == []
    )


def test_a_funding_chart_is_that_of_a_perpetual(harness: HubHarness) -> None:
    for hour in range(12):
        at_ns = BEGIN_NS + HOUR_NS * hour
        later(harness, max(at_ns, harness.now_ns))
        harness.publish(
            make_ticker(
                harness.instrument, at_ns, current_funding=0.0008, funding_8h=0.0004, index_price=100.0
            )
        )
    answer = result(harness, "public/get_funding_chart_data", instrument_name=NAME, length="8h")
    assert (answer["current_interest"], answer["interest_8h"]) == (0.0008, 0.0004)
    assert [point["interest_8h"] for point in answer["data"]][-1] == pytest.approx(0.0008)
    harness.publish(make_ticker(make_option(), mark_price=0.05))
    refused = error(harness, "public/get_funding_chart_data", instrument_name=make_option().name, length="8h")
    assert (refused[0], refused[2]["param"]) == (-32602, "instrument_name")


def test_volumes_are_those_of_each_currency_by_kind(harness: HubHarness) -> None:
    dollars = make_instrument("ETH_USDC-PERPETUAL", base="ETH", settlement="USDC")
    harness.publish(
        make_trade(harness.instrument, 1000, 100, START_NS - 30 * HOUR_NS, sequence=1),
        make_trade(harness.instrument, 1000, 50, START_NS, sequence=2),
        make_trade(make_option(), 500, 10, START_NS),
        make_trade(dollars, 1000, 20, START_NS),
    )
    found = {each["currency"]: each for each in result(harness, "public/get_trade_volumes", extended=True)}
    coins, dollar = found["BTC"], found["USDC"]
    assert coins["futures_volume_7d"] == pytest.approx(3 * coins["futures_volume"])
    assert coins["calls_volume"] > 0.0
    assert (coins["puts_volume"], coins["spot_volume_30d"]) == (0.0, 0.0)
    assert dollar["futures_volume"] > 0.0
    assert set(result(harness, "public/get_trade_volumes")[0]) == {
        "currency", "futures_volume", "calls_volume", "puts_volume", "spot_volume",
    }  # fmt: skip


def volatility(at_ns: int, value: float) -> VolatilityIndex:
    return VolatilityIndex(VENUE, "btc_usd", value, at_ns, at_ns)


def test_the_volatility_index_comes_as_candles(harness: HubHarness) -> None:
    for second, value in ((0, 60.0), (30, 63.0), (59, 61.0), (60, 62.0)):
        harness.publish(volatility(BEGIN_NS + second * SECOND_NS, value))
    asked = {"currency": "BTC"} | TO_COME
    answer = result(harness, "public/get_volatility_index_data", resolution="60", **asked)
    start_ms = BEGIN_NS // MS_NS
    assert answer == {
        "data": [[start_ms, 60.0, 63.0, 60.0, 61.0], [start_ms + 60_000, 62.0, 62.0, 62.0, 62.0]],
        "continuation": None,
    }
    assert len(result(harness, "public/get_volatility_index_data", resolution="1", **asked)["data"]) == 4
    assert len(result(harness, "public/get_volatility_index_data", resolution="1D", **asked)["data"]) == 1
    refused = error(harness, "public/get_volatility_index_data", resolution="7", **asked)
    assert (refused[0], refused[2]["param"]) == (-32602, "resolution")


def test_a_long_volatility_index_is_read_page_by_page_from_the_end(harness: HubHarness) -> None:
    for minute in range(1500):
        harness.publish(volatility(BEGIN_NS + minute * 60 * SECOND_NS, 60.0 + minute))
    pages: list[Any] = []
    end_ms: int | None = 10**15
    while end_ms is not None:
        page = result(
            harness,
            "public/get_volatility_index_data",
            currency="BTC",
            start_timestamp=0,
            end_timestamp=end_ms,
        )
        pages, end_ms = page["data"] + pages, page["continuation"]
    assert [bar[1] for bar in pages] == [60.0 + minute for minute in range(1500)]


def test_channels_tell_the_volatility_index_and_what_an_index_is_made_of(harness: HubHarness) -> None:
    made_of = (
        Constituent("one", 101.0, 100.5, 0.5, enabled=True),
        Constituent("two", 0.0, 0.0, 0.0, enabled=False),
    )
    harness.publish(volatility(START_NS, 60.0), make_index(100.0))
    inbox = harness.joined("deribit_volatility_index.btc_usd", "deribit_price_ranking.btc_usd")
    stamp = START_NS // MS_NS
    assert inbox.data("deribit_volatility_index.btc_usd") == [
        {"timestamp": stamp, "volatility": 60.0, "index_name": "btc_usd"}
    ]
    harness.publish(volatility(START_NS + SECOND_NS, 61.0), make_index(100.0, constituents=made_of))
    harness.advance_ms(1000)
    notes = {note["params"]["channel"]: note["params"]["data"] for note in inbox.take()}
    assert notes["deribit_volatility_index.btc_usd"]["volatility"] == 61.0
    assert [(each["identifier"], each["weight"]) for each in notes["deribit_price_ranking.btc_usd"]] == [
        ("one", 50.0),
        ("two", 0.0),
    ]

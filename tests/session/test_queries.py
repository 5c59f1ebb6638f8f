"""Methods that ask what the market is: the same answer over WebSocket, POST and GET, and the dialect's errors."""

import json
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace as changed

from deltawire.model.instruments import Instrument
from tests.support.conversations import Conversation, ask_http
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

PERPETUAL, CALL = "BTC-PERPETUAL", "BTC-29DEC23-40000-C"
START_MS = START_NS // MS_NS
MINUTE_NS = 60 * SECOND_NS


@pytest.fixture
def harness() -> HubHarness:
    """A live perpetual with five trades a minute apart, an option, an Ethereum perpetual, an index."""
    harness = live_hub_harness()
    harness.publish(
        *[
            make_trade(
                harness.instrument, 1000 + number, 100, START_NS + number * MINUTE_NS, sequence=50 + number
            )
            for number in range(5)
        ]
    )
    harness.publish(
        make_ticker(harness.instrument, mark_price=100.25, current_funding=0.0001),
        make_ticker(make_option(), mark_price=0.05, mark_iv=61.0),
        make_trade(make_option(), 500, 10, START_NS + 90 * SECOND_NS),
        make_ticker(make_instrument("ETH-PERPETUAL", base="ETH", settlement="ETH", index_name="eth_usd")),
        make_index(100.5),
    )
    return harness


def in_query(params: dict[str, Any]) -> dict[str, str]:
    """Parameters as a query has them: everything is text."""
    return {name: value if isinstance(value, str) else json.dumps(value) for name, value in params.items()}


def ask(harness: HubHarness, method: str, **params: Any) -> dict[str, Any]:
    """The answer, which is the same over WebSocket, POST and GET."""
    websocket = Conversation(harness.market).answer(method, **params)
    del websocket["id"]
    post = ask_http(harness.market, method, strict=True, **params)
    get = ask_http(harness.market, method, strict=False, **in_query(params))
    assert websocket == post
    assert post == get
    return post


def result(harness: HubHarness, method: str, **params: Any) -> Any:
    answer = ask(harness, method, **params)
    assert "error" not in answer, answer
    return answer["result"]


def error(harness: HubHarness, method: str, **params: Any) -> tuple[int, str, dict[str, str]]:
    answer = ask(harness, method, **params)["error"]
    return answer["code"], answer["message"], answer.get("data", {})


def names(instruments: list[dict[str, Any]]) -> list[str]:
    return [each["instrument_name"] for each in instruments]


# Instruments.


@pytest.mark.parametrize(
    ("params", "found"),
    [
        ({}, [PERPETUAL, CALL, "ETH-PERPETUAL"]),
        ({"currency": "any"}, [PERPETUAL, CALL, "ETH-PERPETUAL"]),
        ({"currency": "BTC"}, [PERPETUAL, CALL]),
        ({"currency": "btc", "kind": "option"}, [CALL]),
        ({"kind": "future", "expired": False}, [PERPETUAL, "ETH-PERPETUAL"]),
        ({"currency": "SOL"}, []),
    ],
)
def test_instruments_of_a_currency_and_kind(
    harness: HubHarness, params: dict[str, Any], found: list[str]
) -> None:
    assert names(result(harness, "public/get_instruments", **params)) == found
    assert names(result(harness, "public/get_book_summary_by_currency", **params)) == found


def test_an_instrument_past_its_expiry_is_listed_where_that_is_asked_for(harness: HubHarness) -> None:
    assert names(result(harness, "public/get_instruments", expired=True)) == []
    assert CALL in names(result(harness, "public/get_instruments"))
    harness.publish(make_listing(changed(make_option(), active=False)))
    assert names(result(harness, "public/get_instruments")) == [PERPETUAL, "ETH-PERPETUAL"]
    assert names(result(harness, "public/get_instruments", expired=True)) == [CALL]
    assert names(result(harness, "public/get_instruments", expired=True, kind="future")) == []


def test_what_has_expired_is_told_when_asked_for_only(harness: HubHarness) -> None:
    harness.publish(make_listing(changed(make_option(), active=False)))
    for method in ("public/get_instruments", "public/get_book_summary_by_currency"):
        assert names(result(harness, method, currency="BTC")) == [PERPETUAL]
    assert names(result(harness, "public/get_instruments", expired=True)) == [CALL]
    assert result(harness, "public/get_expirations", currency="BTC") == {"btc": {"future": ["PERPETUAL"]}}
    assert result(harness, "public/get_instrument", instrument_name=CALL)["is_active"] is False


def test_one_instrument(harness: HubHarness) -> None:
    answer = result(harness, "public/get_instrument", instrument_name=CALL)
    assert (answer["instrument_name"], answer["instrument_id"], answer["strike"]) == (CALL, 2, 40000.0)


def test_currencies(harness: HubHarness) -> None:
    assert [each["currency"] for each in result(harness, "public/get_currencies")] == ["BTC", "USD", "ETH"]


OF_INSTRUMENT = [
    "public/get_instrument",
    "public/get_order_book",
    "public/ticker",
    "public/get_book_summary_by_instrument",
    "public/get_last_trades_by_instrument",
    "public/get_last_trades_by_instrument_and_time",
]


@pytest.mark.parametrize("method", OF_INSTRUMENT)
def test_an_unknown_instrument_is_named(harness: HubHarness, method: str) -> None:
    assert error(harness, method, instrument_name="NO-SUCH") == (
        -32602,
        "Invalid params",
        {"reason": "no instrument 'NO-SUCH'", "param": "instrument_name"},
    )


@pytest.mark.parametrize("method", OF_INSTRUMENT)
def test_a_missing_instrument_is_named(harness: HubHarness, method: str) -> None:
    assert error(harness, method) == (
        -32602,
        "Invalid params",
        {"reason": "Object missing required field `instrument_name`", "param": "instrument_name"},
    )


# Books.


def test_the_order_book_has_the_ticker_and_pairs_of_levels(harness: HubHarness) -> None:
    answer = result(harness, "public/get_order_book", instrument_name=PERPETUAL, depth=1)
    assert (answer["bids"], answer["asks"]) == ([[100.0, 10.0]], [[100.1, 30.0]])
    assert (answer["change_id"], answer["mark_price"], answer["best_bid_price"]) == (1, 100.25, 100.0)
    assert len(result(harness, "public/get_order_book", instrument_name=PERPETUAL)["bids"]) == 2
    assert result(harness, "public/get_order_book_by_instrument_id", instrument_id=1, depth=1) == answer


def test_no_level_of_a_book_that_is_not_live_is_served(harness: HubHarness) -> None:
    harness.publish(harness.book.stale("checksum"))
    for params in ({"instrument_name": PERPETUAL}, {"instrument_name": CALL}):
        code, message, data = error(harness, "public/get_order_book", **params)
        assert (code, message) == (13028, "temporarily_unavailable")
        assert data["reason"] in ("the book is stale (checksum)", "the book is syncing")
    assert error(harness, "public/get_order_book_by_instrument_id", instrument_id=1)[0] == 13028
    harness.publish(harness.book.live())
    assert result(harness, "public/get_order_book", instrument_name=PERPETUAL)["change_id"] == 1


@pytest.mark.parametrize("depth", [0, -1, 10_001, 10**300])
def test_a_depth_out_of_bounds_is_invalid(harness: HubHarness, depth: int) -> None:
    answer = error(harness, "public/get_order_book", instrument_name=PERPETUAL, depth=depth)
    assert answer == (-32602, "Invalid params", {"reason": "must be from 1 to 10000", "param": "depth"})


def test_a_depth_that_is_no_number_is_invalid_in_a_body_and_in_a_query(harness: HubHarness) -> None:
    for strict in (True, False):
        answer = ask_http(
            harness.market, "public/get_order_book", strict=strict, instrument_name=PERPETUAL, depth="deep"
        )
        assert (answer["error"]["code"], answer["error"]["data"]["param"]) == (-32602, "depth")


def test_an_id_of_no_instrument_is_invalid(harness: HubHarness) -> None:
    assert error(harness, "public/get_order_book_by_instrument_id", instrument_id=99) == (
        -32602,
        "Invalid params",
        {"reason": "no such instrument", "param": "instrument_id"},
    )


def test_the_ticker_of_a_stale_book_says_so_and_has_no_price(harness: HubHarness) -> None:
    assert result(harness, "public/ticker", instrument_name=PERPETUAL)["best_bid_price"] == 100.0
    harness.publish(harness.book.stale("gap"))
    answer = result(harness, "public/ticker", instrument_name=PERPETUAL)
    assert (answer["best_bid_price"], answer["best_ask_amount"], answer["mark_price"]) == (0.0, 0.0, 100.25)
    assert answer["status"]["reason"] == "gap"


def test_the_summary_of_one_instrument_is_a_list_of_one(harness: HubHarness) -> None:
    (found,) = result(harness, "public/get_book_summary_by_instrument", instrument_name=PERPETUAL)
    assert (found["instrument_name"], found["last"], found["bid_price"]) == (PERPETUAL, 100.4, 100.0)


# Trades.


def sequences(found: dict[str, Any]) -> list[int]:
    return [trade["trade_seq"] for trade in found["trades"]]


@pytest.mark.parametrize(
    ("params", "found", "more"),
    [
        ({}, [54, 53, 52, 51, 50], False),
        ({"count": 2}, [54, 53], True),
        ({"count": 2, "sorting": "asc"}, [50, 51], True),
        ({"count": 2, "sorting": "desc"}, [54, 53], True),
        ({"start_seq": 51, "end_seq": 53}, [51, 52, 53], False),
        ({"start_timestamp": START_MS + 60_000, "end_timestamp": START_MS + 120_000}, [51, 52], False),
        ({"start_timestamp": START_MS + 60_001, "count": 1, "sorting": "asc"}, [52], True),
        ({"start_timestamp": START_MS + 10**9}, [], False),
    ],
)
def test_the_last_trades_of_an_instrument(
    harness: HubHarness, params: dict[str, Any], found: list[int], more: bool
) -> None:
    for method in ("public/get_last_trades_by_instrument", "public/get_last_trades_by_instrument_and_time"):
        answer = result(harness, method, instrument_name=PERPETUAL, **params)
        assert (sequences(answer), answer["has_more"]) == (found, more)


def test_the_last_trades_of_a_currency_are_in_the_order_of_time(harness: HubHarness) -> None:
    for method in ("public/get_last_trades_by_currency", "public/get_last_trades_by_currency_and_time"):
        answer = result(harness, method, currency="BTC", count=4)
        assert names(answer["trades"]) == [PERPETUAL, PERPETUAL, PERPETUAL, CALL]
        assert answer["has_more"] is True
        only = result(harness, method, currency="any", kind="option")
        assert (names(only["trades"]), only["trades"][0]["price"]) == ([CALL], 0.05)


@pytest.mark.parametrize("count", [0, -5, 1001])
def test_a_count_out_of_bounds_is_invalid(harness: HubHarness, count: int) -> None:
    for method, params in (
        ("public/get_last_trades_by_instrument", {"instrument_name": PERPETUAL}),
        ("public/get_last_trades_by_currency", {"currency": "BTC"}),
    ):
        assert error(harness, method, count=count, **params)[2] == {
            "reason": "must be from 1 to 1000",
            "param": "count",
        }


def test_an_unknown_sorting_is_invalid(harness: HubHarness) -> None:
    code, _, data = error(harness, "public/get_last_trades_by_currency", currency="BTC", sorting="up")
    assert (code, data["param"]) == (-32602, "sorting")


# Candles and indices.


def test_candles_come_as_columns(harness: HubHarness) -> None:
    start_ms = START_NS // MINUTE_NS * 60_000
    answer = result(
        harness,
        "public/get_tradingview_chart_data",
        instrument_name=PERPETUAL,
        start_timestamp=START_MS,
        end_timestamp=START_MS + 120_000,
        resolution="1",
    )
    assert answer == {
        "status": "ok",
        "ticks": [start_ms, start_ms + 60_000, start_ms + 120_000],
        "open": [100.0, 100.1, 100.2],
        "high": [100.0, 100.1, 100.2],
        "low": [100.0, 100.1, 100.2],
        "close": [100.0, 100.1, 100.2],
        "volume": [1.0, 0.999001, 0.99800399],
        "cost": [100.0, 100.0, 100.0],
    }


@pytest.mark.parametrize("resolution", ["5", 5])
def test_a_resolution_may_be_text_or_a_number(harness: HubHarness, resolution: Any) -> None:
    span = {"start_timestamp": 0, "end_timestamp": START_MS + 10**6}
    answer = result(
        harness, "public/get_tradingview_chart_data", instrument_name=PERPETUAL, resolution=resolution, **span
    )
    assert [tick % 300_000 for tick in answer["ticks"]] == [0] * len(answer["ticks"])
    assert sum(answer["cost"]) == 500.0


def test_where_nothing_was_traded_there_are_no_candles(harness: HubHarness) -> None:
    span = {"start_timestamp": 0, "end_timestamp": 1000}
    answer = result(harness, "public/get_tradingview_chart_data", instrument_name=PERPETUAL, **span)
    assert (answer["status"], answer["ticks"]) == ("no_data", [])


def test_an_unknown_resolution_is_invalid(harness: HubHarness) -> None:
    span = {"start_timestamp": 0, "end_timestamp": 1000}
    code, _, data = error(
        harness, "public/get_tradingview_chart_data", instrument_name=PERPETUAL, resolution="7", **span
    )
    assert (code, data["param"]) == (-32602, "resolution")


def test_an_index_price_by_name(harness: HubHarness) -> None:
    assert result(harness, "public/get_index_price", index_name="btc_usd") == {
        "index_price": 100.5,
        "estimated_delivery_price": 100.5,
    }
    assert result(harness, "public/get_index_price_names") == ["btc_usd"]
    assert error(harness, "public/get_index_price", index_name="x")[2]["param"] == "index_name"


def test_the_funding_of_a_time_and_of_every_hour(harness: HubHarness) -> None:
    hour_ms = 3_600_000
    begin_ms = -(-START_MS // hour_ms) * hour_ms
    for hour in range(4):
        at_ns = (begin_ms + hour * hour_ms) * MS_NS
        harness.publish(
            make_ticker(harness.instrument, at_ns, current_funding=0.0008, index_price=100.0 + hour)
        )
    span = {"start_timestamp": begin_ms + 1, "end_timestamp": begin_ms + 2 * hour_ms}
    value = result(harness, "public/get_funding_rate_value", instrument_name=PERPETUAL, **span)
    assert value == pytest.approx(0.0002)
    answer = result(harness, "public/get_funding_rate_history", instrument_name=PERPETUAL, **span)
    assert [each["timestamp"] - begin_ms for each in answer] == [hour_ms, 2 * hour_ms]
    assert [(each["prev_index_price"], each["index_price"]) for each in answer] == [(None, 100), (100, 101)]
    assert answer[1]["interest_1h"] == pytest.approx(0.0001)
    assert answer[0]["interest_8h"] == pytest.approx(answer[0]["interest_1h"], rel=0.2)


def test_there_is_no_volatility_index(harness: HubHarness) -> None:
    span = {"start_timestamp": 0, "end_timestamp": START_MS, "currency": "BTC", "resolution": "60"}
    answer = result(harness, "public/get_volatility_index_data", **span)
    assert answer == {"data": [], "continuation": None}


# What a query cannot say otherwise.


@pytest.mark.parametrize(("text", "value"), [("true", True), ("false", False), ("1", True), ("0", False)])
def test_a_query_says_booleans_in_words_or_digits(harness: HubHarness, text: str, value: bool) -> None:
    query = ask_http(harness.market, "public/get_instruments", strict=False, expired=text)
    assert query == ask_http(harness.market, "public/get_instruments", strict=True, expired=value)


@pytest.mark.parametrize(
    ("param", "text"),
    [("count", "ten"), ("count", ""), ("count", "1.5"), ("start_timestamp", "now"), ("count", "9" * 5_000)],
)
def test_a_query_value_that_is_no_number_is_named(harness: HubHarness, param: str, text: str) -> None:
    asked = {"instrument_name": PERPETUAL, param: text}
    answer = ask_http(harness.market, "public/get_last_trades_by_instrument", strict=False, **asked)
    assert (answer["error"]["code"], answer["error"]["data"]["param"]) == (-32602, param)


def test_a_body_does_not_take_text_for_numbers(harness: HubHarness) -> None:
    answer = ask_http(
        harness.market,
        "public/get_last_trades_by_instrument",
        strict=True,
        instrument_name=PERPETUAL,
        count="5",
    )
    assert answer["error"]["data"] == {"reason": "Expected `int`, got `str`", "param": "count"}


@pytest.mark.parametrize(
    "method", ["get_instruments", "get_book_summary_by_currency", "get_last_trades_by_currency"]
)
def test_a_kind_that_is_none_is_refused_not_answered_with_nothing(harness: HubHarness, method: str) -> None:
    code, _, data = error(harness, f"public/{method}", kind="bogus")
    assert (code, data["param"]) == (-32602, "kind")


def test_definitions_are_whole_and_leave_out_what_is_not_there(harness: HubHarness) -> None:
    asked = {"instrument_names": ["BTC-PERPETUAL", "NO-SUCH"]}
    answer = Conversation(harness.market).answer("public/get_definitions", **asked)["result"]
    assert (answer["home"], answer["venues"]) == (harness.market.home, [harness.market.home])
    assert list(answer["instruments"]) == ["BTC-PERPETUAL"]
    assert msgspec.convert(answer["instruments"]["BTC-PERPETUAL"], Instrument) == harness.instrument

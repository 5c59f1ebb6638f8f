"""Trade channels and candles: each trade exactly once per interval, candles that end are told."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.hub_harness import HubHarness, live_hub_harness
from tests.support.market_events import MS_NS, SECOND_NS, START_NS, make_instrument, make_option, make_trade

INTERVALS = ["raw", "100ms", "agg2"]
MINUTE_NS = 60 * SECOND_NS


def ids(inbox: Any, channel: str) -> list[str]:
    return [trade["trade_id"] for data in inbox.data(channel) for trade in data]


@pytest.mark.parametrize("interval", INTERVALS)
def test_a_trade_has_the_fields_of_the_dialect(interval: str) -> None:
    harness = live_hub_harness()
    channel = f"trades.BTC-PERPETUAL.{interval}"
    inbox = harness.joined(channel)
    harness.publish(
        make_trade(harness.instrument, 1001, 500, side="sell", trade_id="7", sequence=12, index_price=99.5),
        make_trade(harness.instrument, 1000, 20, trade_id="8", sequence=13, liquidation="T"),
    )
    harness.advance_ms(1000)
    (trades,) = inbox.data(channel)
    assert trades[0] == {
        "trade_seq": 12,
        "trade_id": "7",
        "timestamp": START_NS // MS_NS,
        "instrument_name": "BTC-PERPETUAL",
        "direction": "sell",
        "price": 100.1,
        "amount": 500.0,
        "contracts": 50.0,
        "tick_direction": 0,
        "mark_price": None,
        "index_price": 99.5,
    }
    assert (trades[1]["trade_id"], trades[1]["liquidation"], trades[1]["tick_direction"]) == ("8", "T", 2)


moments = st.lists(
    st.tuples(
        st.lists(st.sampled_from(["BTC-PERPETUAL", "BTC-X"]), max_size=3), st.sampled_from([0, 30, 100, 700])
    ),
    max_size=30,
)


@given(moments)
def test_each_trade_comes_exactly_once_per_interval_and_in_order(script: Any) -> None:
    harness = HubHarness()
    instruments = {name: make_instrument(name) for name in ("BTC-PERPETUAL", "BTC-X")}
    for instrument in instruments.values():
        harness.market.state(instrument)
    own = [f"trades.BTC-PERPETUAL.{interval}" for interval in INTERVALS]
    kind = [f"trades.future.BTC.{interval}" for interval in INTERVALS]
    inboxes = {name: harness.joined(name) for name in own + kind}
    told: list[tuple[str, str]] = []
    for names, pause_ms in script:
        trades = []
        for name in names:
            told.append((name, f"T{len(told)}"))
            trades.append(make_trade(instruments[name], 1000, 10, harness.now_ns, trade_id=told[-1][1]))
        harness.publish(*trades)
        harness.advance_ms(pause_ms)
    harness.advance_ms(1000)
    for channel in own:
        assert ids(inboxes[channel], channel) == [number for name, number in told if name == "BTC-PERPETUAL"]
    for channel in kind:
        assert ids(inboxes[channel], channel) == [number for _, number in told]


def test_trades_of_one_moment_come_as_one_array_on_raw() -> None:
    harness = live_hub_harness()
    channel = "trades.BTC-PERPETUAL.raw"
    inbox = harness.joined(channel)
    harness.publish(*[make_trade(harness.instrument, 1000, 10, trade_id=str(number)) for number in range(3)])
    harness.publish(make_trade(harness.instrument, 1000, 10, trade_id="3"))
    assert [[trade["trade_id"] for trade in data] for data in inbox.data(channel)] == [["0", "1", "2"], ["3"]]


def test_late_joiner_of_trades_gets_no_image() -> None:
    harness = live_hub_harness()
    channel = "trades.BTC-PERPETUAL.raw"
    harness.publish(make_trade(harness.instrument, 1000, 10, trade_id="early"))
    inbox = harness.joined(channel)
    harness.publish(make_trade(harness.instrument, 1000, 10, trade_id="late"))
    assert ids(inbox, channel) == ["late"]


def test_who_comes_to_a_channel_that_has_ended_gets_all_trades_of_the_interval() -> None:
    harness = live_hub_harness()
    channel = "trades.BTC-PERPETUAL.100ms"
    inbox = harness.joined(channel)
    harness.publish(make_trade(harness.instrument, 1000, 10, trade_id="1"))
    harness.hub.leave(inbox.subscriber, [channel])
    harness.publish(make_trade(harness.instrument, 1000, 10, trade_id="2"))
    harness.end_idle_channels()
    again = harness.joined(channel)
    harness.publish(make_trade(harness.instrument, 1000, 10, trade_id="3"))
    harness.advance_ms(100)
    assert inbox.take() == []
    assert ids(again, channel) == ["1", "2", "3"]


@pytest.mark.parametrize(
    ("channel", "names"),
    [
        (
            "trades.any.any.raw",
            ["BTC-PERPETUAL", "ETH-PERPETUAL", "BTC-29DEC23-40000-C", "SOL_USDC", "BTC-FS"],
        ),
        ("trades.future.any.raw", ["BTC-PERPETUAL", "ETH-PERPETUAL"]),
        ("trades.future.eth.raw", ["ETH-PERPETUAL"]),
        ("trades.any.BTC.raw", ["BTC-PERPETUAL", "BTC-29DEC23-40000-C", "BTC-FS"]),
        ("trades.option.ANY.raw", ["BTC-29DEC23-40000-C"]),
        ("trades.spot.usdc.raw", ["SOL_USDC"]),
        ("trades.combo.any.raw", ["BTC-FS"]),
        ("trades.future_combo.BTC.raw", ["BTC-FS"]),
        ("trades.option_combo.any.raw", []),
    ],
)
def test_kind_and_currency_choose_instruments(channel: str, names: list[str]) -> None:
    harness = HubHarness()
    inbox = harness.joined(channel)
    instruments = [
        make_instrument(),
        make_instrument("ETH-PERPETUAL", base="ETH", settlement="ETH"),
        make_option(),
        make_instrument("SOL_USDC", kind="spot", base="SOL", quote="USDC", settlement="USDC", inverse=False),
        make_instrument("BTC-FS", kind="future_combo"),
    ]
    harness.publish(*[make_trade(instrument, 1000, 10) for instrument in instruments])
    found = [trade["instrument_name"] for data in inbox.data(channel) for trade in data]
    assert found == names


def test_an_option_trade_has_its_iv() -> None:
    harness = HubHarness()
    inbox = harness.joined("trades.option.BTC.raw")
    harness.publish(make_trade(make_option(), 15, 25, iv=61.5))
    (trades,) = inbox.data("trades.option.BTC.raw")
    assert (trades[0]["price"], trades[0]["amount"], trades[0]["iv"]) == (0.0015, 2.5, 61.5)


# Candles.

CHART = "chart.trades.BTC-PERPETUAL.1"


def test_a_candle_joined_late_comes_as_the_image() -> None:
    harness = live_hub_harness()
    harness.publish(make_trade(harness.instrument, 1000, 100), make_trade(harness.instrument, 1010, 100))
    assert harness.joined(CHART).data(CHART) == [
        {
            "tick": START_NS // MINUTE_NS * 60_000,
            "open": 100.0,
            "high": 101.0,
            "low": 100.0,
            "close": 101.0,
            "volume": 1.99009901,
            "cost": 200.0,
        }
    ]


def test_the_candle_at_hand_comes_when_it_changed_at_most_ten_times_a_second() -> None:
    harness = live_hub_harness()
    inbox = harness.joined(CHART)
    for ticks in (1000, 1010, 990):
        harness.publish(make_trade(harness.instrument, ticks, 100, harness.now_ns))
    assert inbox.take() == []
    harness.advance_ms(100)
    harness.advance_ms(100)
    (candle,) = inbox.data(CHART)
    assert [candle[name] for name in ("open", "high", "low", "close")] == [100.0, 101.0, 99.0, 99.0]


def test_a_candle_that_has_ended_is_told_once_more_before_the_next() -> None:
    harness = live_hub_harness()
    harness.publish(make_trade(harness.instrument, 1000, 100, harness.now_ns))
    inbox = harness.joined(CHART)
    harness.publish(make_trade(harness.instrument, 1020, 100, harness.now_ns))
    harness.publish(make_trade(harness.instrument, 1030, 100, harness.now_ns + MINUTE_NS))
    harness.advance_ms(100)
    image, ended, begun = inbox.data(CHART)
    assert [candle["close"] for candle in (image, ended, begun)] == [100.0, 102.0, 103.0]
    assert [begun["tick"] - ended["tick"], ended["tick"] - image["tick"]] == [60_000, 0]


def test_long_candles_are_made_of_minutes() -> None:
    harness = live_hub_harness()
    start_ns = START_NS // (60 * MINUTE_NS) * 60 * MINUTE_NS
    for minute, ticks in ((0, 1000), (7, 1040), (59, 960)):
        harness.publish(make_trade(harness.instrument, ticks, 100, start_ns + minute * MINUTE_NS))
    (candle,) = harness.joined("chart.trades.BTC-PERPETUAL.60").data("chart.trades.BTC-PERPETUAL.60")
    assert candle["tick"] == start_ns // MS_NS
    assert [candle[name] for name in ("open", "high", "low", "close", "cost")] == [
        100.0,
        104.0,
        96.0,
        96.0,
        300.0,
    ]

"""Channels about an index: its last day, what expires next, and what never happens here."""

import pytest

from deltawire.dialect.families import FAMILIES
from deltawire.dialect.grammar import parse_channel
from deltawire.fanout.channels.indices import AVERAGED_S
from tests.support.hub_harness import HubHarness
from tests.support.market_events import (
    SECOND_NS,
    START_NS,
    make_index,
    make_instrument,
    make_option,
    make_ticker,
)

DAY, EXPIRY = "deribit_price_statistics.btc_usd", "estimated_expiration_price.btc_usd"
HOUR_S = 3600


def tell(harness: HubHarness, price: float, after_s: int) -> None:
    """An index price, so long after the last one."""
    harness.advance_ms(1000 * after_s)
    harness.publish(make_index(price, at_ns=harness.now_ns))


def test_a_day_has_its_extremes_and_the_way_from_its_first_price_to_its_last() -> None:
    harness = HubHarness()
    for price in (100.0, 90.0, 120.0, 110.5):
        tell(harness, price, HOUR_S)
    (image,) = harness.joined(DAY).data(DAY)
    assert image == {
        "index_name": "btc_usd",
        "low24h": 90.0,
        "high24h": 120.0,
        "change24h": 10.5,
        "high_volatility": False,
    }


def test_what_is_older_than_a_day_counts_no_more() -> None:
    harness = HubHarness()
    inbox = harness.joined(DAY)
    for price in (50.0, 200.0, 100.0):
        tell(harness, price, HOUR_S)
    tell(harness, 101.0, 22 * HOUR_S)
    tell(harness, 103.0, HOUR_S)
    harness.advance_ms(1000)
    days = inbox.data(DAY)
    assert [(day["low24h"], day["high24h"], day["change24h"]) for day in days] == [
        (50.0, 50.0, 0.0),
        (50.0, 200.0, 150.0),
        (50.0, 200.0, 50.0),
        (100.0, 200.0, -99.0),
        (100.0, 103.0, 3.0),
    ]


def test_several_prices_within_a_second_are_told_once() -> None:
    harness = HubHarness()
    inbox = harness.joined(DAY)
    for price in (100.0, 101.0, 102.0):
        harness.publish(make_index(price, at_ns=harness.now_ns))
    harness.advance_ms(1000)
    assert [day["high24h"] for day in inbox.data(DAY)] == [102.0]


def test_the_next_expiry_has_its_price_and_the_seconds_until_then() -> None:
    soon, later = START_NS + 2 * HOUR_S * SECOND_NS, START_NS + 99 * HOUR_S * SECOND_NS
    harness = HubHarness()
    near = make_option("BTC-NEAR", expiration_ns=soon)
    far = make_option("BTC-FAR", expiration_ns=later)
    inbox = harness.joined(EXPIRY)
    perpetual = make_instrument()
    for option, price in ((perpetual, 3.0), (far, 2.0), (near, 1.0)):
        harness.publish(make_ticker(option, harness.now_ns, estimated_delivery_price=price))
    harness.advance_ms(1000)
    harness.publish(make_ticker(near, harness.now_ns, estimated_delivery_price=1.5))
    harness.advance_ms(1000 * (2 * HOUR_S - AVERAGED_S - 1))
    harness.publish(make_ticker(near, harness.now_ns, estimated_delivery_price=1.5))
    harness.advance_ms(1000)
    harness.advance_ms(1000 * AVERAGED_S)
    harness.publish(make_ticker(far, harness.now_ns, estimated_delivery_price=2.5))
    harness.advance_ms(1000)
    assert inbox.data(EXPIRY) == [
        {"seconds": 2 * HOUR_S - 1, "price": 1.0, "is_estimated": False},
        {"seconds": 2 * HOUR_S - 2, "price": 1.5, "is_estimated": False},
        {"seconds": AVERAGED_S - 1, "price": 1.5, "is_estimated": True},
        {"seconds": 97 * HOUR_S - 2, "price": 2.5, "is_estimated": False},
    ]


def test_an_index_on_which_nothing_expires_has_no_such_price() -> None:
    harness = HubHarness()
    inbox = harness.joined(EXPIRY)
    tell(harness, 100.0, 1)
    harness.advance_ms(1000)
    assert inbox.take() == []


@pytest.mark.parametrize(
    "channel",
    [
        "platform_state.public_methods_state",
        "announcements",
        "block_trade_confirmations",
        "block_trade_confirmations.BTC",
        "block_rfq.trades.any",
    ],
)
def test_what_never_happens_here_is_a_channel_without_a_word(channel: str) -> None:
    key = parse_channel(channel)
    assert key is not None
    assert FAMILIES[key.family].silent
    harness = HubHarness()
    inbox = harness.joined(channel)
    tell(harness, 100.0, 1)
    harness.advance_ms(1000)
    assert inbox.take() == []

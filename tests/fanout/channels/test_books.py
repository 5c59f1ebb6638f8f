"""Book channels: images before deltas, unbroken chains, stale books, grouped books."""

from typing import Any
from zlib import crc32

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deltawire.book.ladder import Side
from deltawire.fanout.channels.books import group_levels, group_step
from tests.support.hub_harness import HubHarness, live_hub_harness
from tests.support.market_events import START_NS, make_instrument, make_option
from tests.support.subscribers import join

RAW, MS100, AGG2 = (f"book.BTC-PERPETUAL.{interval}" for interval in ("raw", "100ms", "agg2"))
IMAGE = {
    "type": "snapshot",
    "timestamp": START_NS // 1_000_000,
    "instrument_name": "BTC-PERPETUAL",
    "change_id": 1,
    "bids": [["new", 100.0, 10.0], ["new", 99.9, 20.0]],
    "asks": [["new", 100.1, 30.0], ["new", 100.3, 40.0]],
    "checksum": crc32(b"10013010034010001099920"),
    "price_exponent": -1,
    "size_exponent": 0,
}


def sides(data: dict[str, Any]) -> tuple[Any, Any]:
    return data["bids"], data["asks"]


def test_late_joiner_gets_image_before_deltas() -> None:
    harness = live_hub_harness()
    inbox = harness.joined(RAW)
    harness.publish(harness.book.change(bids={1000: 15}))
    image, change = inbox.data(RAW)
    assert image == IMAGE
    assert change["type"] == "change"
    assert change["prev_change_id"] == 1
    assert change["change_id"] == 2
    assert sides(change) == ([["change", 100.0, 15.0]], [])


def test_actions_are_new_change_and_delete_with_amount_zero() -> None:
    harness = live_hub_harness()
    inbox = harness.joined(RAW)
    harness.publish(harness.book.change(bids={1000: 0, 999: 5, 998: 7}))
    assert inbox.data(RAW)[1]["bids"] == [["delete", 100.0, 0.0], ["change", 99.9, 5.0], ["new", 99.8, 7.0]]


def test_an_image_of_an_empty_book_is_sent_with_empty_sides() -> None:
    harness = live_hub_harness(bids={}, asks={})
    assert sides(harness.joined(RAW).data(RAW)[0]) == ([], [])


def test_every_change_comes_at_once_on_raw_and_in_one_piece_on_the_intervals() -> None:
    harness = live_hub_harness()
    inboxes = {name: harness.joined(name) for name in (RAW, MS100, AGG2)}
    for inbox in inboxes.values():
        inbox.take()
    harness.publish(harness.book.change(bids={1000: 11}))
    harness.publish(harness.book.change(bids={1000: 0}), harness.book.change(bids={1000: 12}, asks={1001: 0}))
    raw = inboxes[RAW].data(RAW)
    assert [(note["prev_change_id"], note["change_id"]) for note in raw] == [(1, 2), (2, 3), (3, 4)]
    assert inboxes[MS100].data(MS100) == []

    harness.advance_ms(100)
    (merged,) = inboxes[MS100].data(MS100)
    assert (merged["prev_change_id"], merged["change_id"]) == (1, 4)
    assert sides(merged) == ([["change", 100.0, 12.0]], [["delete", 100.1, 0.0]])
    assert inboxes[AGG2].data(AGG2) == []

    harness.advance_ms(900)
    (slow,) = inboxes[AGG2].data(AGG2)
    assert sides(slow) == sides(merged)


def test_changes_that_cancel_each_other_within_an_interval_are_not_told() -> None:
    harness = live_hub_harness()
    inbox = harness.joined(MS100)
    harness.publish(harness.book.change(bids={1000: 11}))
    harness.publish(harness.book.change(bids={1000: 10}))
    harness.advance_ms(100)
    harness.publish(harness.book.change(bids={999: 0}))
    harness.advance_ms(100)
    image, change = inbox.data(MS100)
    assert (image["change_id"], change["prev_change_id"], change["change_id"]) == (1, 1, 4)
    assert change["bids"] == [["delete", 99.9, 0.0]]


def test_an_image_amid_an_interval_is_the_book_as_the_channel_last_sent_it() -> None:
    harness = live_hub_harness()
    first = harness.joined(MS100)
    harness.publish(harness.book.change(bids={1000: 0, 998: 1}))
    late = harness.joined(MS100)
    harness.advance_ms(100)
    assert sides(late.take()[0]["params"]["data"]) == sides(IMAGE)
    harness.publish(harness.book.change(asks={1001: 31}))
    harness.advance_ms(100)
    assert late.data(MS100) == first.data(MS100)[2:]


def test_image_carries_the_seq_of_the_last_notification() -> None:
    harness = live_hub_harness()
    first = harness.joined(RAW)
    harness.publish(harness.book.change(bids={1000: 11}))
    harness.publish(harness.book.change(bids={1000: 12}))
    late = harness.joined(RAW)
    harness.publish(harness.book.change(bids={1000: 13}))
    assert [note["seq"] for note in first.notes(RAW)] == [2, 3, 4, 5]
    notes = late.notes(RAW)
    assert [(note["data"]["type"], note["seq"]) for note in notes] == [("snapshot", 4), ("change", 5)]
    assert {note["epoch"] for note in notes} == {"epoch"}


def test_seq_goes_on_while_a_channel_is_empty_for_a_while() -> None:
    harness = live_hub_harness()
    first = harness.joined(RAW)
    harness.publish(harness.book.change(bids={1000: 11}))
    harness.hub.gone(first.subscriber)
    harness.publish(harness.book.change(bids={1000: 12}))
    late = harness.joined(RAW)
    harness.publish(harness.book.change(bids={1000: 13}))
    image, change = late.notes(RAW)
    assert (image["seq"], image["data"]["bids"][0]) == (4, ["new", 100.0, 12.0])
    assert (change["prev_seq"], change["data"]["prev_change_id"]) == (4, image["data"]["change_id"])


@pytest.mark.parametrize("channel", [RAW, MS100, AGG2])
def test_a_stale_book_is_told_at_once_and_resynchronised_by_one_delta(channel: str) -> None:
    harness = live_hub_harness()
    inbox = harness.joined(channel)
    harness.publish(harness.book.change(bids={1000: 11}))
    harness.publish(harness.book.stale("checksum"), harness.book.syncing("checksum"))
    *_, stale = inbox.data(channel)
    assert stale["status"] == {"state": "stale", "reason": "checksum"}
    assert stale["change_id"] == 2

    harness.publish(*harness.book.image({1000: 5, 997: 6}, {1001: 30}))
    (delta,) = inbox.data(channel)
    assert delta["status"] == {"state": "live"}
    assert delta["prev_change_id"] == 2
    assert sorted(delta["bids"]) == [["change", 100.0, 5.0], ["delete", 99.9, 0.0], ["new", 99.7, 6.0]]
    assert delta["asks"] == [["delete", 100.3, 0.0]]


@pytest.mark.parametrize("channel", [RAW, MS100, AGG2])
def test_a_book_that_is_live_again_unchanged_says_so(channel: str) -> None:
    harness = live_hub_harness()
    inbox = harness.joined(channel)
    harness.publish(harness.book.stale("silent"))
    harness.publish(harness.book.live())
    _, stale, live = inbox.data(channel)
    assert (stale["status"], live["status"]) == ({"state": "stale", "reason": "silent"}, {"state": "live"})
    assert sides(stale) == sides(live) == ([["change", 100.0, 10.0]], [["change", 100.1, 30.0]])
    assert live["prev_change_id"] == live["change_id"] == stale["change_id"]


@pytest.mark.parametrize("channel", [RAW, MS100, AGG2, "book.BTC-PERPETUAL.none.10.100ms"])
def test_who_joins_while_the_book_is_stale_waits_for_it_to_be_live(channel: str) -> None:
    harness = live_hub_harness()
    harness.publish(harness.book.stale())
    inbox = harness.joined(channel)
    harness.publish(harness.book.syncing())
    harness.advance_ms(2000)
    assert inbox.take() == []
    harness.publish(*harness.book.image({1000: 5}, {1001: 6}))
    (image,) = inbox.data(channel)
    assert [row[-2:] for row in image["bids"]] == [[100.0, 5.0]]
    assert image.get("type", "snapshot") == "snapshot"


def test_who_waits_gets_the_image_alone_and_who_stayed_the_delta_alone() -> None:
    harness = live_hub_harness()
    stayed = harness.joined(RAW)
    stayed.take()
    harness.publish(harness.book.stale())
    waits = harness.joined(RAW)
    harness.publish(*harness.book.image({1000: 5}, {1001: 6}))
    harness.publish(harness.book.change(asks={1001: 7}))
    notes, waited = stayed.notes(RAW), waits.notes(RAW)
    assert [note["data"]["type"] for note in notes] == ["change"] * 3
    assert [note["data"]["type"] for note in waited] == ["snapshot", "change"]
    assert [note["seq"] for note in notes[1:]] == [note["seq"] for note in waited]
    assert notes[2] == waited[1]


def test_who_leaves_while_waiting_gets_nothing() -> None:
    harness = live_hub_harness()
    harness.publish(harness.book.stale())
    inbox = harness.joined(RAW, MS100)
    harness.hub.leave(inbox.subscriber, [RAW])
    harness.publish(*harness.book.image({1000: 5}, {}))
    assert [message["params"]["channel"] for message in inbox.take()] == [MS100]


def test_who_joins_before_the_first_book_waits_for_it() -> None:
    harness = HubHarness()
    harness.publish(harness.book.syncing(""))
    inbox = harness.joined(RAW)
    harness.publish(*harness.book.image({1000: 5}, {}), harness.book.change(bids={1000: 6}))
    (image,) = inbox.data(RAW)
    assert (image["change_id"], image["bids"]) == (2, [["new", 100.0, 6.0]])


@pytest.mark.parametrize("channel", [RAW, MS100])
def test_finer_exponents_amid_an_interval_break_no_chain(channel: str) -> None:
    harness = live_hub_harness()
    inbox = harness.joined(channel)
    harness.publish(harness.book.change(bids={1000: 0}, asks={1001: 31}))
    harness.publish(harness.book.refine())
    harness.publish(harness.book.change(bids={9985: 75}))
    harness.advance_ms(100)
    rows = [row for data in inbox.data(channel)[1:] for row in data["bids"] + data["asks"]]
    assert sorted(rows) == [["change", 100.1, 31.0], ["delete", 100.0, 0.0], ["new", 99.85, 7.5]]


def test_finer_exponents_amid_an_interval_leave_the_image_of_what_was_told() -> None:
    harness = live_hub_harness()
    harness.joined(MS100)
    harness.publish(harness.book.change(asks={1003: 0}))
    harness.advance_ms(100)
    harness.publish(harness.book.change(bids={1000: 0}))
    harness.publish(harness.book.refine())
    assert sides(harness.joined(MS100).data(MS100)[0]) == (IMAGE["bids"], [["new", 100.1, 30.0]])


# Grouped books.

GROUPED = "book.BTC-PERPETUAL.none.10.100ms"


def test_a_grouped_book_is_pairs_and_replaced_whole() -> None:
    harness = live_hub_harness()
    inbox = harness.joined(GROUPED)
    harness.publish(harness.book.change(bids={1000: 11}))
    harness.advance_ms(100)
    image, change = inbox.data(GROUPED)
    assert image == {
        "timestamp": START_NS // 1_000_000,
        "instrument_name": "BTC-PERPETUAL",
        "change_id": 1,
        "bids": [[100.0, 10.0], [99.9, 20.0]],
        "asks": [[100.1, 30.0], [100.3, 40.0]],
    }
    assert change["bids"] == [[100.0, 11.0], [99.9, 20.0]]
    assert change["change_id"] == 2
    assert "type" not in change


def test_a_grouped_book_stays_silent_while_its_best_levels_stay() -> None:
    harness = live_hub_harness(bids={100 - i: 1 for i in range(20)})
    channel = "book.BTC-PERPETUAL.none.1.100ms"
    inbox = harness.joined(channel)
    harness.publish(harness.book.change(asks={1001: 31}))
    harness.advance_ms(100)
    inbox.take()
    harness.publish(harness.book.change(bids={90: 7}))
    harness.advance_ms(100)
    assert inbox.take() == []


def test_a_raw_grouped_book_comes_with_every_moment() -> None:
    harness = live_hub_harness()
    channel = "book.BTC-PERPETUAL.none.1.raw"
    inbox = harness.joined(channel)
    harness.publish(harness.book.change(bids={1000: 11}), harness.book.change(bids={1000: 12}))
    assert [data["bids"] for data in inbox.data(channel)] == [[[100.0, 10.0]], [[100.0, 12.0]]]


@pytest.mark.parametrize("resynchronised", [False, True])
def test_a_grouped_book_shows_no_price_while_it_is_stale(resynchronised: bool) -> None:
    harness = live_hub_harness()
    inbox = harness.joined(GROUPED)
    harness.publish(harness.book.stale("gap"), harness.book.syncing("gap"))
    image, stale = inbox.data(GROUPED)
    assert sides(stale) == ([], [])
    assert stale["status"] == {"state": "stale", "reason": "gap"}

    harness.publish(
        *(
            harness.book.image(harness.book.bids, harness.book.asks)
            if resynchronised
            else [harness.book.live()]
        )
    )
    harness.advance_ms(100)
    (live,) = inbox.data(GROUPED)
    assert sides(live) == sides(image)
    assert "status" not in live


def test_a_member_of_a_grouped_book_joins_amid_the_interval_and_misses_nothing() -> None:
    harness = live_hub_harness()
    harness.joined(GROUPED)
    harness.publish(harness.book.change(bids={1000: 11}))
    late = harness.joined(GROUPED)
    harness.publish(harness.book.change(bids={1000: 12}))
    harness.advance_ms(100)
    notes = late.notes(GROUPED)
    assert [(note["seq"], note["data"]["bids"][0]) for note in notes] == [
        (2, [100.0, 11.0]),
        (4, [100.0, 12.0]),
    ]


def naive_groups(levels: dict[int, int], step: int, depth: int, *, down: bool) -> list[tuple[int, int]]:
    grouped: dict[int, int] = {}
    for price, size in levels.items():
        rounded = price - price % step if down else price + -price % step
        grouped[rounded] = grouped.get(rounded, 0) + size
    return sorted(grouped.items(), reverse=down)[:depth]


@given(
    st.dictionaries(st.integers(1, 3000), st.integers(1, 99), max_size=120),
    st.sampled_from([1, 2, 5, 10, 25, 100, 250]),
    st.sampled_from([1, 10, 20]),
    st.booleans(),
)
def test_grouping_is_what_it_would_be_level_by_level(
    levels: dict[int, int], step: int, depth: int, down: bool
) -> None:
    side = Side(bid=down)
    side.load(list(levels), list(levels.values()))
    grouped = group_levels(side, step, depth, down=down)
    assert list(zip(grouped.prices, grouped.sizes, strict=True)) == naive_groups(
        levels, step, depth, down=down
    )


@pytest.mark.parametrize(
    ("instrument", "group", "ticks"),
    [
        (make_instrument(), "none", 1),
        (make_instrument(), "5", 50),  # dollars
        (make_instrument(base="ETH", price_exponent=-2, tick_size="0.05"), "5", 5),  # cents
        (make_instrument(base="SOL", price_exponent=-4, tick_size="0.01"), "5", 500),  # increments
        (make_option(), "5", 25),  # increments of 0.0005
        (make_instrument(venue="okx", tick_size="0.1"), "5", 5),
    ],
)
def test_groups_are_dollars_for_btc_cents_for_eth_and_increments_elsewhere(
    instrument: Any, group: str, ticks: int
) -> None:
    assert group_step(instrument, group) == ticks


def test_a_grouped_channel_adds_up_the_levels_of_a_group() -> None:
    harness = live_hub_harness(bids={1004: 1, 1001: 2, 990: 4}, asks={1006: 1, 1010: 2, 1011: 4})
    channel = "book.BTC-PERPETUAL.1.10.100ms"
    (image,) = harness.joined(channel).data(channel)
    assert image["bids"] == [[100.0, 3.0], [99.0, 4.0]]
    assert image["asks"] == [[101.0, 3.0], [102.0, 4.0]]


def test_one_member_may_hold_all_book_channels_of_an_instrument() -> None:
    harness = live_hub_harness()
    inbox = harness.joined(RAW, GROUPED)
    join(harness.hub, inbox, MS100)
    assert [message["params"]["channel"] for message in inbox.take()] == [RAW, GROUPED, MS100]

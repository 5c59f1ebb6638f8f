"""Patterns: what fits is joined, also what comes later; what is left, is left; by name and by pattern."""

from deltawire.dialect.grammar import ResumePosition, parse_channel
from tests.support.hub_harness import HubHarness, live_hub_harness
from tests.support.market_events import ScriptedBook, make_instrument, make_listing, make_trade
from tests.support.subscribers import Inbox, join

ALL, BTC, ETH = "book.*.raw", "book.BTC-*.raw", "book.ETH-PERPETUAL.raw"
HOME = "book.BTC-PERPETUAL.raw"


def channels(inbox: Inbox) -> list[tuple[str, str]]:
    return [
        (message["params"]["channel"], message["params"]["data"]["type"])
        for message in inbox.take()
        if message["method"] == "subscription"
    ]


def other_book() -> ScriptedBook:
    return ScriptedBook(make_instrument("ETH-PERPETUAL", base="ETH"))


def test_a_pattern_joins_what_is_there_and_what_comes_later() -> None:
    harness, eth = live_hub_harness(), other_book()
    everything, bitcoin = harness.joined(ALL), harness.joined(BTC)
    assert channels(everything) == channels(bitcoin) == [(HOME, "snapshot")]
    harness.publish(make_listing(eth.instrument), *eth.image({50: 1}, {60: 1}))
    harness.publish(eth.change(bids={50: 2}), harness.book.change(bids={1000: 11}))
    assert channels(everything) == [(ETH, "snapshot"), (ETH, "change"), (HOME, "change")]
    assert channels(bitcoin) == [(HOME, "change")]


def test_an_instrument_listed_before_it_has_a_book_is_joined_with_its_image() -> None:
    harness, eth = live_hub_harness(), other_book()
    inbox = harness.joined(ALL)
    inbox.take()
    harness.publish(make_listing(eth.instrument))
    assert channels(inbox) == []
    harness.publish(*eth.image({50: 1}, {60: 1}))
    assert channels(inbox) == [(ETH, "snapshot")]


def test_who_leaves_a_pattern_leaves_what_only_it_stood_for() -> None:
    harness, eth = live_hub_harness(), other_book()
    harness.publish(*eth.image({50: 1}, {60: 1}))
    inbox = harness.joined(ALL, BTC)
    join(harness.hub, inbox, ETH)
    inbox.take()
    harness.hub.leave(inbox.subscriber, [ALL])
    assert inbox.subscriber.channels == {HOME, ETH}
    harness.hub.leave(inbox.subscriber, [ETH])
    assert inbox.subscriber.channels == {HOME}
    harness.hub.leave(inbox.subscriber, [BTC])
    assert inbox.subscriber.channels == frozenset()
    harness.publish(make_listing(make_instrument("BTC-1")))
    assert inbox.subscriber.channels | inbox.subscriber.waiting == frozenset()


def test_who_leaves_a_channel_that_a_pattern_wants_stays_on_it() -> None:
    harness = live_hub_harness()
    inbox = harness.joined(HOME, ALL)
    assert channels(inbox) == [(HOME, "snapshot")]
    harness.hub.leave(inbox.subscriber, [HOME])
    harness.publish(harness.book.change(bids={1000: 11}))
    assert channels(inbox) == [(HOME, "change")]
    harness.hub.leave(inbox.subscriber, [ALL])
    assert not inbox.subscriber.channels


def test_who_is_gone_is_joined_to_nothing_any_more() -> None:
    harness = live_hub_harness()
    inbox = harness.joined(ALL)
    harness.hub.gone(inbox.subscriber)
    inbox.take()
    harness.publish(*other_book().image({50: 1}, {60: 1}))
    assert inbox.take() == []
    assert not harness.hub._patterns._subscribers


def test_who_comes_back_to_a_pattern_gets_what_it_missed_of_each_channel() -> None:
    harness, eth = live_hub_harness(), other_book()
    first = harness.joined(ALL)
    first.take()
    harness.publish(harness.book.change(bids={1000: 11}), *eth.image({50: 1}, {60: 1}))
    back = Inbox()
    key = parse_channel(ALL)
    assert key is not None
    harness.hub.join(back.subscriber, [key], {HOME: ResumePosition("epoch", 2)})
    assert channels(back) == [(HOME, "change"), (ETH, "snapshot")]


def test_a_thousand_instruments_listed_at_once_are_joined_at_once() -> None:
    harness = HubHarness()
    inbox = harness.joined("trades.*.raw")
    instruments = [make_instrument(f"I{number}") for number in range(1000)]
    harness.publish(*map(make_listing, instruments))
    assert len(inbox.subscriber.channels) == 1000
    harness.publish(make_trade(instruments[7], 1, 1))
    assert [message["params"]["channel"] for message in inbox.take()] == ["trades.I7.raw"]

"""Channels of analytics: what the library computes, numbered, said to be stale, and the same at every gateway."""

from itertools import pairwise

import msgspec
import pytest

from deltawire.analytics.book_metrics import DepthMetric, ImbalanceMetric
from deltawire.analytics.channel_data import depth_data, imbalance_data
from deltawire.analytics.derivations import Derivations, Wanted
from deltawire.analytics.figures import PricesData
from deltawire.dialect.grammar import ResumePosition, parse_channel
from deltawire.model.events import Derived
from tests.fanout.deriving_hubs import DerivingHubs
from tests.support.market_events import MS_NS, START_NS, VENUE, ScriptedBook, make_ticker, make_trade
from tests.support.random_markets import RandomMarket
from tests.support.subscribers import Inbox, join, joined

NAME = "BTC-PERPETUAL"
IMBALANCE, DEPTH, PRICES = (f"{family}.{NAME}.1s" for family in ("imbalance", "depth", "prices"))
THIN = f"alert.{NAME}.thin.20.100ms"


def test_notifications_are_what_the_library_computes() -> None:
    market, served = RandomMarket(3), DerivingHubs()
    moments = list(market.moments(1000))
    served.publish(*moments[0])
    inbox = joined(served.hubs[0], IMBALANCE, DEPTH)
    metrics = ImbalanceMetric(f"{VENUE}:{NAME}", 10**9), DepthMetric(f"{VENUE}:{NAME}", 10**9)
    expected: dict[str, list[object]] = {IMBALANCE: [], DEPTH: []}
    for event in moments[0][1]:
        for metric in metrics:
            assert not metric.update(event)
    for now_ns, events in moments[1:]:
        served.publish(now_ns, events)
        for event in events:
            expected[IMBALANCE] += [imbalance_data(NAME, each) for each in metrics[0].update(event)]
            expected[DEPTH] += [depth_data(NAME, each) for each in metrics[1].update(event)]
    notes = inbox.take()
    for channel, data in expected.items():
        live = [
            note["params"]["data"]
            for note in notes
            if note["params"]["channel"] == channel and note["params"]["data"]["state"] == "live"
        ]
        assert len(live) > 50
        assert live == [msgspec.json.decode(msgspec.json.encode(each)) for each in data]


def test_each_position_follows_the_one_before_and_is_the_end_of_the_interval() -> None:
    served = DerivingHubs()
    served.image({1000: 10}, {1001: 30})
    inbox = joined(served.hubs[0], IMBALANCE)
    for second in range(1, 5):
        served.change(second * 1000 + 300, {1000: 10 + second})
    notes = inbox.notes(IMBALANCE)
    assert [note["seq"] for note in notes] == [START_NS // MS_NS + 1000 * n for n in range(1, 5)]
    assert [note["prev_seq"] for note in notes][1:] == [note["seq"] for note in notes][:-1]
    assert [note["data"]["timestamp"] for note in notes] == [note["seq"] for note in notes]


def test_two_gateways_say_the_same_whoever_subscribed_first() -> None:
    served = DerivingHubs(2)
    moments = list(RandomMarket(5).moments(600))
    served.publish(*moments[0])
    first = joined(served.hubs[0], IMBALANCE)
    for moment in moments[1:300]:
        served.publish(*moment)
    earlier = first.notes(IMBALANCE)
    late, resuming = joined(served.hubs[1], IMBALANCE), Inbox()
    key = parse_channel(IMBALANCE)
    assert key is not None
    position = ResumePosition("epoch", earlier[-1]["seq"])
    assert served.hubs[1].join(resuming.subscriber, [key], {IMBALANCE: position}) == {IMBALANCE: True}
    image = late.notes(IMBALANCE)
    assert [note["data"] for note in image] == [earlier[-1]["data"]]
    for moment in moments[300:]:
        served.publish(*moment)
    told = first.notes(IMBALANCE)
    assert len(told) > 20
    assert late.notes(IMBALANCE) == resuming.notes(IMBALANCE) == told


def test_a_stale_book_has_no_figures_and_says_so_once() -> None:
    served = DerivingHubs()
    served.image({1000: 10}, {1001: 30})
    inbox = joined(served.hubs[0], IMBALANCE, DEPTH, PRICES, THIN)
    served.publish(served.at(200), [served.book.stale(), served.book.syncing()])
    for milliseconds in range(1000, 5000, 500):
        served.publish(served.at(milliseconds), [make_ticker(served.book.instrument, served.book.now_ns)])
    notes = [note["params"] for note in inbox.take()]
    assert [note["channel"] for note in notes] == [IMBALANCE, DEPTH, PRICES, THIN]
    for note in notes:
        assert (note["data"]["state"], note["data"]["reason"]) == ("stale", "gap")
        assert not note["data"].keys() & {"mid", "queue", "bands", "twap", "value"}
    served.image({1000: 10}, {1001: 30})
    served.change(6000, {1000: 11})
    served.change(7000, {1000: 12})
    states = {note["params"]["channel"]: note["params"]["data"]["state"] for note in inbox.take()}
    assert states == {IMBALANCE: "live", DEPTH: "live", PRICES: "live", THIN: "live"}


def test_nothing_is_computed_after_the_last_subscriber() -> None:
    served = DerivingHubs()
    served.image({1000: 10}, {1001: 30})
    hub = served.hubs[0]
    one, other = joined(hub, IMBALANCE), joined(hub, IMBALANCE)
    served.change(1000, {1000: 11})
    for inbox in (one, other):
        hub.leave(inbox.subscriber, [IMBALANCE])
        assert served.derivations.active
    hub.directory.sweep(1)
    hub.directory.sweep(3600 * 10**9)
    assert not served.derivations.active
    again = Inbox()
    join(hub, again, IMBALANCE)
    assert again.take() == []
    served.change(60_000, {1000: 12})
    assert len(again.take()) == 1


def test_prices_of_an_interval() -> None:
    served = DerivingHubs()
    served.image({1000: 10}, {1002: 30})
    inbox, instrument = joined(served.hubs[0], PRICES), served.book.instrument
    for milliseconds, ticks, lots in ((100, 1000, 10), (200, 1004, 30), (300, 1002, 20)):
        served.publish(
            served.at(milliseconds), [make_trade(instrument, ticks, lots, START_NS + milliseconds * MS_NS)]
        )
    served.publish(
        served.at(400),
        [
            make_ticker(
                instrument,
                START_NS + 400 * MS_NS,
                mark_price=101.0,
                index_price=100.0,
                current_funding=1e-5,
                funding_8h=2e-5,
            )
        ],
    )
    served.change(750, {1001: 5})
    served.change(1100, {1001: 6})
    (data,) = inbox.data(PRICES)
    found = msgspec.convert(data, PricesData)
    price, dollars = [100.0, 100.4, 100.2], [10.0, 30.0, 20.0]
    assert (found.open, found.high, found.low, found.close) == (100.0, 100.4, 100.0, 100.2)
    coins = sum(usd / each for usd, each in zip(dollars, price, strict=True))
    assert found.volume == pytest.approx(coins)
    assert found.vwap == pytest.approx(sum(dollars) / coins)
    assert found.twap == pytest.approx(0.75 * 100.1 + 0.25 * 100.15)
    assert found.basis_bp == pytest.approx(100.0)
    assert (found.current_funding, found.funding_8h) == (1e-5, 2e-5)


def alerts(channel: str, asks: list[tuple[int, int]]) -> list[tuple[str | None, float | None]]:
    """What a channel says while the best ask (ticks of a basis point, size) changes, and then the book is stale."""
    served = DerivingHubs()
    served.image({10_000: 100}, {asks[0][0]: asks[0][1]})
    inbox = joined(served.hubs[0], channel)
    for number, ((before, _), (ask, size)) in enumerate(pairwise(asks), start=1):
        served.change(100 * number, {}, {before: 0, ask: size} if before != ask else {ask: size})
    served.publish(served.at(100 * len(asks)), [served.book.stale()])
    return [(data.get("alert"), data.get("value")) for data in inbox.data(channel)]


def test_a_wide_book_is_told_once_and_until_it_is_clearly_narrower() -> None:
    asks = [(10_010, 9), (10_014, 9), (10_011, 9), (10_013, 9), (10_010, 9), (10_011, 9), (10_011, 8)]
    told = alerts(f"alert.{NAME}.wide.12.100ms", asks)
    assert [alert for alert, _ in told] == ["cleared", "raised", "cleared", None]
    assert told[1][1] == pytest.approx(14.0, abs=0.02)


def test_a_thin_book_is_told_once_and_until_it_is_clearly_deeper() -> None:
    asks = [(10_002, size) for size in (50, 19, 21, 19, 30, 21, 20)]
    assert alerts(f"alert.{NAME}.thin.20.100ms", asks) == [
        ("cleared", 50.0),
        ("raised", 19.0),
        ("cleared", 30.0),
        (None, None),
    ]


def test_a_derivation_that_fails_says_so_and_stops_alone() -> None:
    served = DerivingHubs()
    served.image({1000: 10}, {1001: 30})
    inbox, instrument = joined(served.hubs[0], PRICES, IMBALANCE), served.book.instrument
    wrong = make_ticker(instrument, START_NS, mark_price="no number", index_price=1.0)
    served.publish(served.at(0), [wrong])
    served.change(1100, {1000: 11})
    served.change(2100, {1000: 12})
    notes = [note["params"] for note in inbox.take()]
    prices = [note["data"] for note in notes if note["channel"] == PRICES]
    assert [data["state"] for data in prices] == ["failed"]
    assert prices[0]["reason"].startswith("TypeError")
    assert [note["data"]["state"] for note in notes if note["channel"] == IMBALANCE] == ["live", "live"]


def test_a_channel_beyond_what_is_computed_at_once_says_so_until_there_is_room() -> None:
    served = DerivingHubs(derivations=Derivations(most=1))
    hub = served.hubs[0]
    served.image({100: 1}, {101: 1})
    first = joined(hub, IMBALANCE)
    second = joined(hub, DEPTH)
    served.change(1_500, {100: 2})
    served.change(2_500, {100: 3})
    assert first.data(IMBALANCE)[-1]["state"] == "live"
    (told,) = second.data(DEPTH)
    assert (told["state"], told["reason"]) == ("failed", "1 others are computed; come back later")


def test_figures_that_take_too_much_of_each_second_are_refused_and_longer_intervals_are_not() -> None:
    served = DerivingHubs(derivations=Derivations(most_ms=2.5))
    hub = served.hubs[0]
    served.image({100: 1}, {101: 1})
    first = joined(hub, f"imbalance.{NAME}.100ms")
    second = joined(hub, f"depth.{NAME}.100ms")
    third = joined(hub, f"depth.{NAME}.1m")
    served.change(1_500, {100: 2})
    served.change(61_500, {100: 3})
    served.change(121_500, {100: 4})
    assert first.data(f"imbalance.{NAME}.100ms")[-1]["state"] == "live"
    (told,) = second.data(f"depth.{NAME}.100ms")
    assert told["state"] == "failed"
    assert told["reason"] == (
        "this takes 2 ms of each second, and the others 2 of 2; take a longer interval, or come back later"
    )
    assert third.data(f"depth.{NAME}.1m")[-1]["state"] == "live"


def test_who_is_wanted_in_the_middle_of_a_moment_gets_its_events_from_the_first() -> None:
    book = ScriptedBook()
    instrument = book.instrument
    moment = [*book.image({100: 1}, {101: 1}), *(book.change({100: size}) for size in (2, 3, 4))]
    book.now_ns += 10**10
    later = book.change({100: 9})

    def wanted(channel: str, family: str = "imbalance") -> Wanted:
        return Wanted(channel, family, instrument.venue, instrument.name, "X", 10**9)

    together, between = Derivations(), Derivations()
    for derivations in (together, between):
        derivations.want(wanted("a"))
    together.want(wanted("b"))
    together.extended(moment)
    extension = between.extend(moment)
    assert extension.step()
    assert extension.step()
    between.want(wanted("b"))
    while extension.step():
        pass
    found = [event for event in together.extended([later]) if isinstance(event, Derived)]
    assert {event.channel for event in found} == {"a", "b"}
    assert [event for event in between.extended([later]) if isinstance(event, Derived)] == found


def test_who_is_wanted_no_more_in_the_middle_of_a_moment_publishes_nothing() -> None:
    book = ScriptedBook()
    instrument = book.instrument
    derivations = Derivations()
    for channel in ("a", "b"):
        derivations.want(Wanted(channel, "imbalance", instrument.venue, instrument.name, "X", 10**9))
    derivations.extended(book.image({100: 1}, {101: 1}))
    book.now_ns += 10**10
    later = book.change({100: 9})
    extension = derivations.extend([later])
    assert extension.step()
    derivations.drop("b")
    while extension.step():
        pass
    assert [event.channel for event in extension.found if isinstance(event, Derived)] == ["a"]

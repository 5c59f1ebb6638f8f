"""Derivations about one instrument share its book, and publish what each would that follows it alone."""

from random import Random

import msgspec
import pytest

from deltawire.analytics.derivations import OF_BOOKS, Derivations, Wanted
from deltawire.analytics.figures import PricesData
from deltawire.model.events import BookDelta, Changes, Derived, Event, Fault, Status
from deltawire.testing.market import quiet_events
from tests.support.market_events import START_NS, ScriptedBook

SECOND_NS = 1_000_000_000


def wanted(key: str, family: str, interval_ns: int, alert: str = "", threshold: float = 0.0) -> Wanted:
    venue, _, name = key.partition(":")
    channel = f"{family}.{alert}.{interval_ns}"
    return Wanted(channel, family, venue, name, name, interval_ns, alert=alert, threshold=threshold)


def with_outages(events: list[Event], key: str) -> list[Event]:
    """The events of one instrument, with some gaps: stale, live again by word, and by the next image or update."""
    random, found = Random(4), []
    for event in events:
        if getattr(getattr(event, "instrument", None), "key", "") != key:
            continue
        found.append(event)
        if isinstance(event, BookDelta) and random.random() < 0.02:
            found.append(Status(event.instrument, "stale", "gap", event.seen_ns))
            if random.random() < 0.8:
                found.append(Status(event.instrument, "live", "", event.seen_ns))
    return found


@pytest.mark.parametrize("together", [1, 7])
def test_figures_from_a_shared_book_are_those_of_metrics_that_follow_it_alone(together: int) -> None:
    every = list(quiet_events(3, 12 * SECOND_NS))
    key = next(event.instrument.key for event in every if isinstance(event, BookDelta))
    events = with_outages(every, key)
    wants = [
        wanted(key, family, interval_ns, alert, threshold)
        for interval_ns in (SECOND_NS // 10, SECOND_NS)
        for family, alert, threshold in (
            ("imbalance", "", 0.0),
            ("depth", "", 0.0),
            ("prices", "", 0.0),
            ("alert", "wide", 0.02),
            ("alert", "thin", 1e6),
        )
    ]
    assert {each.family for each in wants} == OF_BOOKS.keys()
    derivations = Derivations()
    for each in wants:
        derivations.want(each)
    shared: dict[str, list[bytes]] = {each.channel: [] for each in wants}
    for at in range(0, len(events), together):
        for event in derivations.extended(events[at : at + together]):
            if isinstance(event, Derived) and getattr(event.data, "state", "") == "live":
                shared[event.channel].append(msgspec.json.encode(event.data))
    for each in wants:
        metric = OF_BOOKS[each.family][1](each)
        alone = [msgspec.json.encode(data) for event in events for data in metric.update(event)]
        assert shared[each.channel] == alone
        assert alone


def test_a_book_that_cannot_be_followed_ends_all_that_read_it_and_who_comes_later_begins_anew() -> None:
    book = ScriptedBook()
    beginning = book.image({100: 1}, {101: 1})
    derivations = Derivations()
    for family in ("imbalance", "depth"):
        derivations.want(wanted(book.instrument.key, family, SECOND_NS))
    derivations.extended(beginning)
    broken = BookDelta(book.instrument, 2, Changes([1], [], []), Changes([], [], []), START_NS, START_NS, 0)
    *ended, last = derivations.extended([broken])
    channels = [f"{family}..{SECOND_NS}" for family in ("imbalance", "depth")]
    assert [event.channel for event in ended if isinstance(event, Derived)] == channels
    assert sum(isinstance(event, Fault) for event in ended) == 2
    assert last is broken
    derivations.want(wanted(book.instrument.key, "prices", SECOND_NS), beginning)
    book.now_ns += 10 * SECOND_NS
    (figures, _) = derivations.extended([book.change({100: 5})])
    assert isinstance(figures, Derived)
    assert isinstance(figures.data, PricesData)
    low, high = (price * 10.0**book.instrument.price_exponent for price in (100, 101))
    assert figures.data.mid == pytest.approx(0.5 * (low + high))

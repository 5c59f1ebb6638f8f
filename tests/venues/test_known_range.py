"""Books whose images are cut: no level is published as known that is not, whatever the market does."""

from pathlib import Path
from random import Random

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deltawire.model.events import Audit, BookDelta, BookImage, Event
from deltawire.ports import Fetch, Output, Wants
from deltawire.recording import Recording
from deltawire.sources.replay import play
from deltawire.testing.kernels import pure_kernel
from deltawire.testing.replica import Replica, ReplicaBook
from deltawire.venues import make_venue
from tests.support.effort import examples
from tests.support.narrow_books import LIMIT, NAME, Truth, run, steps


def check(replica: ReplicaBook, truth: Truth) -> None:
    """Within the known range the book is the venue's; every level beyond it is one of the venue's."""
    low, high = replica.known.bids, replica.known.asks
    assert replica.inside.bids == {p: s for p, s in truth.bids.items() if low is None or p >= low}
    assert replica.inside.asks == {p: s for p, s in truth.asks.items() if high is None or p <= high}
    assert replica.book.bids.items() <= truth.bids.items()
    assert replica.book.asks.items() <= truth.asks.items()


@settings(max_examples=examples(60))
@given(st.integers(0, 1 << 32))
def test_within_its_range_a_book_is_the_venues_on_both_kernels(seed: int) -> None:
    random = Random(seed)
    truth, replica, compared = Truth(random), Replica(), 0
    compiled = make_venue("binance_usdm")
    with pure_kernel():
        pure = make_venue("binance_usdm")
    for venue in (compiled, pure):
        venue.opened(Wants((NAME,)), 0)
    for now, step in enumerate(steps(truth, random, 60), 1):
        events = run(compiled, step, now)
        with pure_kernel():
            assert run(pure, step, now) == events
        for event in events:
            replica.take(event)
        held = replica.books.get(NAME)
        if held is not None and held.state == "live":
            check(held, truth)
            compared += 1
    assert compared > 30


def events_of(outputs: list[Output]) -> list[Event]:
    return [output for output in outputs if isinstance(output, Audit | BookDelta)]


@settings(max_examples=examples(60))
@given(st.integers(0, 1 << 32), st.integers(0, 4), st.integers(0, 4))
def test_an_audit_finds_a_whole_book_equal_and_extends_its_range(seed: int, late: int, early: int) -> None:
    """The image comes so many updates late, or is that many ahead of the stream."""
    random = Random(seed)
    truth, replica, venue = Truth(random), Replica(), make_venue("binance_usdm")
    venue.opened(Wants((NAME,)), 0)
    audits = 0
    for now, step in enumerate(steps(truth, random, 20), 1):
        for event in run(venue, step, now):
            replica.take(event)
    for now in range(100, 200):
        book = venue.books[NAME]
        if book.state != "live":
            break
        ahead = [truth.update() for _ in range(early)]
        (fetch,) = venue.audit(NAME, now)
        assert isinstance(fetch, Fetch)
        image = truth.image()
        ahead += [truth.update() for _ in range(late)]
        place = random.randint(0, len(ahead))
        outputs = [output for frame in ahead[:place] for output in venue.received(frame, now)]
        outputs += venue.fetched(f"book:{NAME}", image, now)
        outputs += [output for frame in ahead[place:] for output in venue.received(frame, now)]
        events = events_of(outputs)
        for event in events:
            replica.take(event)
        (audit,) = (event for event in events if isinstance(event, Audit))
        assert audit.unequal == 0
        assert audit.equal_share == 1.0
        assert not book.auditing
        check(replica.books[NAME], truth)
        audits += 1
    assert audits == 100


@settings(max_examples=examples(40))
@given(st.integers(0, 1 << 32))
def test_ghosts_are_counted_and_healed_by_one_delta(seed: int) -> None:
    """The venue changed levels without saying so: the book has sizes that are no more, and lacks others."""
    random = Random(seed)
    truth, replica, venue = Truth(random), Replica(), make_venue("binance_usdm")
    venue.opened(Wants((NAME,)), 0)
    for now, step in enumerate([(truth.update(), None), (None, truth.image())], 1):
        for event in run(venue, step, now):
            replica.take(event)
    assert truth.bids, "the middle has not moved far yet"
    best, *others = sorted(truth.bids, reverse=True)[:LIMIT]
    del truth.bids[best]
    truth.bids[others[0]] += 1
    truth.asks[min(truth.asks) + 1] = truth.asks.get(min(truth.asks) + 1, 0) + 3
    venue.audit(NAME, 3)
    events = events_of(venue.fetched(f"book:{NAME}", truth.image(), 3))
    audit, *deltas = events
    assert isinstance(audit, Audit)
    assert audit.extra == 1
    assert audit.missing + audit.different == 2
    assert len(deltas) == 1
    for event in events:
        replica.take(event)
    check(replica.books[NAME], truth)
    assert venue.books[NAME].counts.audit_differences == 3
    for event in run(venue, (truth.update(), None), 4):
        replica.take(event)
    check(replica.books[NAME], truth)


def test_an_image_older_than_its_request_is_awaited_anew() -> None:
    """Some venues answer with a cached image: the audit goes on until a younger one comes."""
    random = Random(1)
    truth, venue = Truth(random), make_venue("binance_usdm")
    venue.opened(Wants((NAME,)), 0)
    for now, step in enumerate([(truth.update(), None), (None, truth.image())], 1):
        run(venue, step, now)
    cached = truth.image()
    venue.received(truth.update(), 3)
    venue.audit(NAME, 4)
    assert venue.audit(NAME, 4) == [], "one at a time"
    assert venue.fetched(f"book:{NAME}", cached, 5) == []
    assert venue.books[NAME].auditing
    venue.received(truth.update(), 6)
    again = [output for output in venue.tick(5 + 6_000_000_000) if isinstance(output, Fetch)]
    assert len(again) == 1
    (audit,) = (e for e in venue.fetched(f"book:{NAME}", truth.image(), 7) if isinstance(e, Audit))
    assert audit.unequal == 0


def test_levels_that_change_while_an_image_is_taken_count_for_neither() -> None:
    """An update covers several ids, and the image lies between them: it may have what changes, or not yet."""
    truth, venue = Truth(Random(4)), make_venue("binance_usdm")
    venue.opened(Wants((NAME,)), 0)
    for now, step in enumerate([(truth.update(), None), (None, truth.image())], 1):
        run(venue, step, now)
    best, second = sorted(truth.bids, reverse=True)[:2]
    venue.audit(NAME, 3)
    first, truth.id = truth.id + 1, truth.id + 4
    truth.bids[best] += 1
    halfway = msgspec.json.decode(truth.image()) | {"lastUpdateId": truth.id - 2}
    truth.bids[second] += 1
    levels = [(str(price), str(truth.bids[price])) for price in (best, second)]
    data = {"e": "depthUpdate", "E": 9, "T": 9, "s": NAME, "U": first, "u": truth.id, "pu": first - 1}
    frame = {"stream": f"{NAME.lower()}@depth@0ms", "data": data | {"b": levels, "a": []}}
    outputs = venue.received(msgspec.json.encode(frame), 4)
    outputs += venue.fetched(f"book:{NAME}", msgspec.json.encode(halfway), 5)
    (audit,) = (output for output in outputs if isinstance(output, Audit))
    assert audit.unequal == 0
    assert audit.compared == len(halfway["bids"]) + len(halfway["asks"]) - 1, "one has neither of its sizes"
    bids = venue.books[NAME].ladder.bids
    assert (bids.size(best), bids.size(second)) == (truth.bids[best], truth.bids[second])


@pytest.mark.recordings
@pytest.mark.parametrize(
    ("venue", "shown", "known", "levels", "fell_bp"),
    [("binance_usdm", 15, 405, 5018, 10.2), ("binance_spot", 135, 224, 1209, 5.3)],
)
def test_the_recorded_market_leaves_the_image(
    recordings: Path, venue: str, shown: int, known: int, levels: int, fell_bp: float
) -> None:
    """At the end few levels lie where the image had shown, and more within what the asks have proven since."""
    image, edge, lowest = 0, 0, 1 << 62
    connection = make_venue(venue)
    for batch in play(Recording(recordings / venue / "btcusdt_20240808.gz").records(), connection):
        for event in batch.events:
            if isinstance(event, BookImage):
                image = event.bids.prices[-1]
                assert event.known.bids == image, "a thousand levels: the image was cut there"
            elif isinstance(event, BookDelta):
                edge = event.known.bids or 0
                lowest = min(lowest, connection.books["BTCUSDT"].ladder.bids.best() or lowest)
    bids = connection.books["BTCUSDT"].ladder.bids.levels().prices
    assert len(bids) == levels
    assert (image - lowest) / image * 1e4 == pytest.approx(fell_bp, abs=0.05)
    assert sum(price >= image for price in bids) == shown
    assert sum(price >= edge for price in bids) == known

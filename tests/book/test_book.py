"""The book as a state machine: only what is verified is published, and a fault costs one delta."""

import json
from zlib import crc32

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deltawire.book.book import HELD_LIMIT, Book, BookEvent, BookUpdate
from deltawire.book.checksums import KrakenChecksum
from deltawire.book.columns import ActionRows, TextPairs
from deltawire.book.ladder import Ladder, Side
from deltawire.book.sequencers import PreviousIdChain, UpdateIdRange
from deltawire.errors import PrecisionError
from deltawire.model.events import BookDelta, BookImage, Changes, Levels, Listing, Status
from deltawire.model.instruments import Instrument
from deltawire.testing.replica import Replica
from tests.support.effort import examples

INSTRUMENT = Instrument(
    venue="v",
    name="X",
    kind="spot",
    base="X",
    quote="USD",
    settlement="USD",
    price_exponent=0,
    size_exponent=0,
)
Level = tuple[int, int]


def raw(levels: list[Level]) -> bytes:
    return json.dumps([[str(price), str(size)] for price, size in levels], separators=(",", ":")).encode()


def image(last: int, bids: list[Level], asks: list[Level], **more: int) -> BookUpdate:
    return BookUpdate(raw(bids), raw(asks), last=last, **more)


def delta(
    last: int, bids: list[Level], asks: list[Level], *, previous: int = 0, first: int = 0, **more: int
) -> BookUpdate:
    return BookUpdate(raw(bids), raw(asks), first or last, last, previous or last - 1, **more)


def make_book(**more: object) -> Book:
    return Book(INSTRUMENT, TextPairs(0, 0), more.pop("sequencer", PreviousIdChain()), **more)


def live_book(**more: object) -> Book:
    """10×1, 9×2 against 11×3, 12×4, at the venue's number 100."""
    book = make_book(**more)
    book.image(image(100, [(10, 1), (9, 2)], [(11, 3), (12, 4)]), 1)
    assert book.state == "live"
    return book


def told(events: list[BookEvent]) -> list[str]:
    return [f"{e.state} {e.reason}".strip() if isinstance(e, Status) else type(e).__name__ for e in events]


def levels(book: Book) -> tuple[list[int], list[int], list[int], list[int]]:
    bids, asks = book.ladder.bids.levels(), book.ladder.asks.levels()
    return bids.prices, bids.sizes, asks.prices, asks.sizes


STANDS = ([10, 9], [1, 2], [11, 12], [3, 4])


class TestALiveBook:
    def test_the_first_image_makes_it_live(self) -> None:
        book = make_book()
        status, event = book.image(image(100, [(9, 2), (10, 1)], [(12, 4), (11, 3)], venue_ns=7), 8)
        assert status == Status(INSTRUMENT, "live", "", 8)
        assert event == BookImage(INSTRUMENT, 1, Levels([10, 9], [1, 2]), Levels([11, 12], [3, 4]), 7, 8, 100)

    def test_a_delta_says_what_changed_and_from_what(self) -> None:
        book = live_book()
        (event,) = book.delta(delta(101, [(10, 0), (8, 5), (9, 2)], [(11, 9)], venue_ns=7), 8)
        assert event == BookDelta(
            INSTRUMENT, 2, Changes([10, 8], [0, 5], [1, 0]), Changes([11], [9], [3]), 7, 8, 101
        )
        assert levels(book) == ([9, 8], [2, 5], [11, 12], [9, 4])

    def test_a_delta_that_changes_nothing_is_not_published_but_counts(self) -> None:
        book = live_book()
        assert book.delta(delta(101, [(9, 2)], []), 2) == []
        assert [event.sequence for event in book.delta(delta(102, [(9, 3)], []), 2)] == [2]

    def test_an_image_that_nobody_asked_for_is_one_delta(self) -> None:
        book = live_book()
        (event,) = book.image(image(200, [(10, 5)], [(11, 3), (13, 1)]), 9)
        assert event == BookDelta(
            INSTRUMENT,
            2,
            Changes([9, 10], [0, 5], [2, 1]),
            Changes([12, 13], [0, 1], [4, 0]),
            0,
            9,
            200,
        )

    def test_a_book_may_be_empty(self) -> None:
        book = make_book()
        assert told(book.image(image(1, [], []), 1)) == ["live", "BookImage"]
        assert told(book.delta(delta(2, [(5, 1)], []), 1)) == ["BookDelta"]

    def test_both_sides_are_cut_to_the_depth(self) -> None:
        book = live_book(depth=2)
        (event,) = book.delta(delta(101, [(8, 5), (10, 0), (7, 9)], [(13, 1)]), 2)
        assert levels(book) == ([9, 8], [2, 5], [11, 12], [3, 4])
        side = Side(bid=True)
        side.load([10, 9], [1, 2])
        assert side.apply(event.bids.prices, event.bids.sizes) == event.bids
        assert side == book.ladder.bids


FAULTY = {
    "stale gap": delta(102, [(9, 3)], []),
    "stale crossed": delta(101, [(11, 5), (10, 0)], [(12, 0)]),
    "stale malformed": BookUpdate(b'[["9"]]', b"[]", 101, 101, 100),
}


class TestAFault:
    @pytest.mark.parametrize("outcome", FAULTY)
    def test_it_is_told_and_undone_and_the_last_good_levels_stay(self, outcome: str) -> None:
        book = live_book()
        assert told(book.delta(FAULTY[outcome], 2)) == [outcome]
        assert levels(book) == STANDS
        assert book.wants_image

    @pytest.mark.parametrize("outcome", FAULTY)
    def test_nothing_is_published_until_the_next_image_which_is_one_delta(self, outcome: str) -> None:
        book = live_book()
        book.delta(FAULTY[outcome], 2)
        assert told(book.asked(2)) == [outcome.replace("stale", "syncing")]
        assert not book.wants_image
        assert book.delta(delta(102, [(9, 7)], [], previous=101), 3) == []
        status, event = book.image(image(103, [(10, 1), (9, 7)], [(12, 4)]), 4)
        assert status == Status(INSTRUMENT, "live", "", 4)
        assert event == BookDelta(INSTRUMENT, 2, Changes([9], [7], [2]), Changes([11], [0], [3]), 0, 4, 103)

    def test_a_finer_number_refines_the_book(self) -> None:
        book = live_book()
        listing, event = book.delta(BookUpdate(b'[["9.5","0.25"]]', b"[]", 101, 101, 100), 2)
        finer = msgspec.structs.replace(INSTRUMENT, price_exponent=-1, size_exponent=-2)
        assert listing == Listing(finer, 2)
        assert (event.instrument, event.sequence, event.bids) == (finer, 2, Changes([95], [25], [0]))
        assert levels(book) == ([100, 95, 90], [100, 25, 200], [110, 120], [300, 400])

    @pytest.mark.parametrize("odd", ["9.0000000000001", "9.12345678901234567", "9.5x"])
    def test_an_odd_number_is_malformed_and_refines_nothing(self, odd: str) -> None:
        book = live_book()
        update = BookUpdate(f'[["9.5","1"],["{odd}","1"]]'.encode(), b"[]", 101, 101, 100)
        (status,) = book.delta(update, 2)
        assert (status.reason, status.instrument) == ("malformed", INSTRUMENT)
        assert odd in status.detail
        assert levels(book) == STANDS

    def test_a_bad_level_on_one_side_leaves_the_other_alone(self) -> None:
        book = live_book()
        book.delta(BookUpdate(raw([(9, 7)]), b'[["x","1"]]', 101, 101, 100), 2)
        assert levels(book) == STANDS

    def test_a_bad_checksum_is_undone(self) -> None:
        book = Book(INSTRUMENT, TextPairs(0, 0), PreviousIdChain(), checksum=KrakenChecksum())
        good = crc32(b"113124" + b"10192")
        book.image(image(100, [(10, 1), (9, 2)], [(11, 3), (12, 4)], checksum=good), 1)
        assert told(book.delta(delta(101, [(10, 0), (9, 3)], [], checksum=good), 2)) == ["stale checksum"]
        assert levels(book) == STANDS
        assert (book.counts.checksums_ok, book.counts.checksums_bad) == (1, 1)

    def test_a_bad_image_keeps_what_was_published(self) -> None:
        book = live_book()
        for bad in (image(200, [(12, 1)], [(11, 1)]), BookUpdate(b"[[", b"[]", last=200)):
            assert told(book.image(bad, 2)) in (["stale crossed"], ["stale malformed"])
            assert levels(book) == STANDS
        assert told(book.image(image(200, [(10, 1), (9, 2)], [(11, 3), (12, 4)]), 3)) == ["live", "BookDelta"]

    def test_faults_are_counted_by_what_they_were(self) -> None:
        book = live_book()
        for outcome, update in FAULTY.items():
            book.delta(update, 2)
            book.image(image(100, [(10, 1)], [(11, 3)]), 3)
            assert getattr(book.counts, {"stale gap": "gaps"}.get(outcome, outcome.split()[1])) == 1
        assert (book.counts.images, book.counts.resyncs) == (4, 3)

    def test_a_closed_connection_is_a_fault_like_any_other(self) -> None:
        book = live_book()
        assert told(book.fault("closed", 2)) == ["stale closed"]
        assert book.delta(delta(101, [(9, 3)], []), 3) == []
        assert told(book.image(image(500, [(10, 1), (9, 2)], [(11, 3), (12, 4)]), 4)) == ["live", "BookDelta"]


class TestSilence:
    def test_what_continues_the_chain_ends_it(self) -> None:
        book = live_book()
        assert told(book.fault("silent", 2)) == ["stale silent"]
        assert not book.wants_image
        assert told(book.delta(delta(101, [(9, 3)], []), 3)) == ["live", "BookDelta"]

    def test_a_keep_alive_ends_it_without_a_delta(self) -> None:
        book = live_book()
        book.fault("silent", 2)
        assert told(book.delta(delta(100, [], [], previous=100), 3)) == ["live"]

    def test_what_does_not_continue_the_chain_is_a_gap(self) -> None:
        book = live_book()
        book.fault("silent", 2)
        assert told(book.delta(delta(102, [(9, 3)], []), 3)) == ["stale gap"]
        assert book.wants_image


class TestAnImageThatComesApart:
    """The image is fetched, while updates are kept."""

    def book(self) -> Book:
        return make_book(sequencer=UpdateIdRange(), holds=True)

    def test_updates_wait_for_it_and_follow_it(self) -> None:
        book = self.book()
        assert book.delta(delta(101, [(9, 2)], [], first=99), 1) == []
        assert book.delta(delta(103, [(10, 7)], [], first=102), 1) == []
        events = book.image(image(101, [(10, 1), (9, 2)], [(11, 3)]), 2)
        assert told(events) == ["live", "BookImage", "BookDelta"]
        assert levels(book) == ([10, 9], [7, 2], [11], [3])
        assert book.venue_sequence == 103

    def test_one_too_old_to_connect_is_asked_for_again(self) -> None:
        book = self.book()
        book.delta(delta(105, [(9, 2)], [], first=103), 1)
        book.asked(1)
        assert book.image(image(100, [(10, 1)], [(11, 3)]), 2) == []
        assert book.wants_image
        assert told(book.image(image(103, [(10, 1)], [(11, 3)]), 3)) == ["live", "BookImage", "BookDelta"]

    def test_one_that_nobody_asked_for_changes_nothing(self) -> None:
        book = self.book()
        book.image(image(100, [(10, 1)], [(11, 3)]), 2)
        assert book.image(image(200, [(9, 1)], [(11, 3)]), 3) == []
        assert not book.wants_image
        assert told(book.delta(delta(101, [(10, 4)], []), 4)) == ["BookDelta"]

    def test_one_older_than_the_published_book_is_no_use(self) -> None:
        book = self.book()
        book.image(image(100, [(10, 1)], [(11, 3)]), 1)
        book.delta(delta(105, [(10, 2)], [], first=101), 2)
        book.confirm_top((10, 9, 11, 3), 3)
        assert book.image(image(104, [(10, 1)], [(11, 3)]), 4) == []
        assert book.wants_image
        assert told(book.image(image(105, [(10, 9)], [(11, 3)]), 5)) == ["live", "BookDelta"]

    def test_another_connection_may_count_from_anywhere(self) -> None:
        book = self.book()
        book.image(image(100, [(10, 1)], [(11, 3)]), 1)
        book.fault("closed", 2)
        assert told(book.image(image(5, [(10, 1)], [(11, 3)]), 3)) == ["live", "BookDelta"]

    def test_the_update_after_a_gap_is_kept(self) -> None:
        book = self.book()
        book.image(image(100, [(10, 1)], [(11, 3)]), 1)
        book.delta(delta(105, [(10, 5)], [], first=103), 2)
        book.delta(delta(106, [(10, 6)], []), 3)
        assert told(book.image(image(104, [(10, 4)], [(11, 3)]), 4)) == ["live"] + ["BookDelta"] * 3
        assert levels(book) == ([10], [6], [11], [3])

    def test_a_gap_among_the_kept_updates_shows_when_they_are_released(self) -> None:
        book = self.book()
        book.delta(delta(101, [(10, 2)], []), 1)
        book.delta(delta(105, [(10, 5)], [], first=104), 1)
        book.delta(delta(106, [(10, 6)], []), 1)
        events = book.image(image(100, [(10, 1)], [(11, 3)]), 2)
        assert told(events) == ["live", "BookImage", "BookDelta", "stale gap"]
        assert book.wants_image
        assert told(book.image(image(104, [(10, 4)], [(11, 3)]), 3)) == ["live"] + ["BookDelta"] * 3

    def test_no_more_than_so_many_updates_are_kept(self) -> None:
        book = self.book()
        for last in range(101, 101 + HELD_LIMIT + 1):
            book.delta(delta(last, [], []), 1)
        assert book.image(image(100, [(10, 1)], [(11, 3)]), 2) == []
        assert told(book.image(image(101, [(10, 1)], [(11, 3)]), 2)) == ["live", "BookImage"]


class TestExactActions:
    def book(self) -> Book:
        book = Book(INSTRUMENT, ActionRows(0, 0), PreviousIdChain())
        book.image(BookUpdate(b'[["new",10.0,1.0]]', b'[["new",11.0,3.0]]', last=100), 1)
        return book

    @pytest.mark.parametrize(
        ("triples", "fits"),
        [
            ('["new",9.0,1.0]', True),
            ('["new",10.0,2.0]', False),
            ('["change",10.0,2.0]', True),
            ('["change",9.0,2.0]', False),
            ('["delete",10.0,0.0]', True),
            ('["delete",9.0,0.0]', False),
            ('["delete",10.0,0.0],["new",10.0,5.0]', True),
            ('["new",9.0,1.0],["change",9.0,2.0],["delete",9.0,0.0]', True),
            ('["delete",10.0,0.0],["change",10.0,5.0]', False),
        ],
    )
    def test_an_action_must_fit_the_levels(self, triples: str, fits: bool) -> None:
        book = self.book()
        before = levels(book)
        events = book.delta(BookUpdate(b"[" + triples.encode() + b"]", b"[]", 101, 101, 100), 2)
        assert ("stale mismatch" in told(events)) is not fits
        if not fits:
            assert levels(book) == before


class TestTheVenuesOwnBest:
    def test_it_confirms_the_book(self) -> None:
        book = live_book()
        assert book.confirm_top((10, 1, 11, 3), 2) == []
        assert book.counts.tops_ok == 1

    @pytest.mark.parametrize("top", [(9, 2, 11, 3), (10, 2, 11, 3), (10, 1, 12, 4), (10, 1, 11, 4)])
    def test_any_difference_makes_the_book_stale(self, top: tuple[int, int, int, int]) -> None:
        book = live_book()
        assert told(book.confirm_top(top, 2)) == ["stale mismatch"]

    def test_an_empty_side_is_zero(self) -> None:
        book = make_book()
        book.image(image(1, [], [(11, 3)]), 1)
        assert book.confirm_top((0, 0, 11, 3), 2) == []


class TestFinerUnits:
    def test_levels_and_reader_are_refined_together(self) -> None:
        book = live_book()
        finer = msgspec.structs.replace(INSTRUMENT, price_exponent=-1, size_exponent=-2)
        book.define(finer)
        (event,) = book.delta(BookUpdate(b'[["9.5","0.25"]]', b"[]", 101, 101, 100), 2)
        assert (event.instrument, event.bids) == (finer, Changes([95], [25], [0]))
        assert levels(book) == ([100, 95, 90], [100, 25, 200], [110, 120], [300, 400])

    def test_units_too_fine_for_64_bits_are_refused_and_change_nothing(self) -> None:
        book = live_book()
        book.delta(delta(101, [(9, 10**10)], []), 2)
        with pytest.raises(PrecisionError):
            book.define(msgspec.structs.replace(INSTRUMENT, size_exponent=-9))
        assert book.instrument == INSTRUMENT
        assert told(book.delta(delta(102, [(9, 1)], []), 3)) == ["BookDelta"]


sides = st.lists(st.tuples(st.integers(1, 12), st.integers(0, 3)), max_size=4)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("delta"), st.sampled_from([0, 0, 0, 0, 1, -1]), sides, sides),
        st.tuples(st.just("image"), st.integers(-3, 3), sides, sides),
        st.tuples(st.just("fault"), st.sampled_from(["silent", "closed"])),
        st.tuples(st.just("define")),
    ),
    max_size=40,
)


@settings(max_examples=examples(60))
@given(steps=steps, holds=st.booleans(), depth=st.sampled_from([None, 2]))
def test_whatever_comes_the_events_tell_exactly_the_book(steps: list, holds: bool, depth: int | None) -> None:
    sequencer = UpdateIdRange() if holds else PreviousIdChain()
    book, replica, last, exponent = make_book(sequencer=sequencer, holds=holds, depth=depth), Replica(), 50, 0
    for kind, *given_ in steps:
        events: list[BookEvent] = []
        if kind == "delta":
            slip, bids, asks = given_
            last += 1
            events = book.delta(delta(last + slip, bids, asks, previous=last + slip - 1), 1)
        elif kind == "image":
            behind, bids, asks = given_
            events = book.image(image(last + behind, bids, asks), 1)
        elif kind == "fault":
            events = book.fault(given_[0], 1)
        elif exponent > -6:
            exponent -= 1
            book.define(msgspec.structs.replace(INSTRUMENT, price_exponent=exponent, size_exponent=exponent))
        for event in events:
            replica.take(event)
        if book.state == "live" and book.wants_image is False and events:
            held = replica.books["X"]
            assert held.state == "live"
            published = Ladder()
            for side, levels_ in ((published.bids, held.book.bids), (published.asks, held.book.asks)):
                side.load(list(levels_), list(levels_.values()))
            if any(isinstance(event, BookImage | BookDelta) for event in events):
                assert published == book.ladder

"""What every venue in the registry must do, shown with a simulator of it and a witness that follows along."""

from collections.abc import Callable, Iterable

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deltawire.model.events import BookDelta, BookImage, Event, Fault, Status, Ticker, Trade
from deltawire.model.expiries import FOREVER_NS, UNKNOWN_NS
from deltawire.ports import Ask, Fetch, Send
from deltawire.testing.link import Link
from deltawire.venues import REGISTRY, make_venue
from tests.support.effort import THOROUGH
from tests.venues.mangling import tampered, truncated
from tests.venues.sessions import (
    APART,
    CASES,
    CHAINED,
    MENDED,
    Session,
    book_events,
    encoded,
    make_simulator,
    make_witness,
    name_of,
    slowly,
    told,
)

SEEDS = (1, 2, 3) if THOROUGH else (1,)
FETCHING = [case for case in CASES if make_simulator(case).fetched_images]


@pytest.fixture(params=CASES)
def case(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def session(case: str) -> Session:
    """A venue whose books are all live, some way into its stream."""
    opened = Session(case)
    opened.open()
    for _ in range(3):
        for name in opened.names:
            opened.delta(name)
    for name in opened.names:
        opened.true(name)
    return opened


def reasons(session: Session) -> set[str]:
    return {event.reason for event in session.events if isinstance(event, Status) and event.state == "stale"}


@pytest.mark.parametrize("venue", sorted(REGISTRY))
def test_every_venue_has_a_simulator_and_a_witness(venue: str) -> None:
    assert make_simulator(venue).name == make_venue(venue).name == venue
    make_witness(venue)


def next_expiry(session: Session) -> int | None:
    """Of the instruments that have one."""
    expiries = [session.instrument(name).expiration_ns for name in session.names]
    return min((at_ns for at_ns in expiries if UNKNOWN_NS < at_ns < FOREVER_NS), default=None)


class TestAnUndisturbedStream:
    @pytest.mark.parametrize("seed", SEEDS)
    def test_every_book_equals_the_reference_level_by_level_after_every_message(
        self, case: str, seed: int
    ) -> None:
        session = Session(case, seed)
        session.open()
        for _ in range(60):
            for name in session.names:
                session.delta(name)
                session.receive(session.simulator.ticker(name))
                session.agree()
                session.true(name)
        assert reasons(session) == set()
        assert not session.proofs

    def test_the_image_comes_before_the_deltas_and_sequences_rise_by_one(self, session: Session) -> None:
        for name in session.names:
            published = [e for e in session.of(name) if isinstance(e, BookImage | BookDelta)]
            assert [type(event) for event in published] == [BookImage] + [BookDelta] * (len(published) - 1)
            assert [event.sequence for event in published] == list(range(1, len(published) + 1))

    def test_a_book_is_said_to_be_live_before_its_image(self, session: Session) -> None:
        for name in session.names:
            first_image = told(session.of(name)).index("image")
            assert told(session.of(name))[first_image - 1] == "live"

    def test_trades_and_tickers_carry_exactly_what_the_venue_said(self, session: Session) -> None:
        walk = session.simulator.walks[session.victim]
        (ticker,) = session.receive(session.simulator.ticker(session.victim))
        (trade,) = session.receive(session.simulator.trade(session.victim))
        contract = walk.contract
        bid, ask = max(walk.book.bids), min(walk.book.asks)
        assert isinstance(ticker, Ticker)
        assert ticker.best_bid_price == float(contract.price(bid))
        assert ticker.best_bid_size == float(contract.size(walk.book.bids[bid]))
        assert ticker.best_ask_price == float(contract.price(ask))
        assert ticker.best_ask_size == float(contract.size(walk.book.asks[ask]))
        assert isinstance(trade, Trade)
        assert (trade.side, trade.trade_id[-1]) == ("buy", "1")
        assert trade.instrument.price(trade.price_ticks) == float(contract.price(ask))
        assert trade.instrument.size(trade.size_lots) == float(contract.size(2))
        assert trade.seen_ns == session.now

    def test_instruments_are_defined_by_the_venue_where_it_lists_them(self, case: str) -> None:
        session = Session(case)
        session.open()
        if not session.simulator.listed:
            return
        for name in session.names:
            instrument, contract = session.instrument(name), session.simulator.walks[name].contract
            assert instrument.stated
            assert (instrument.price_exponent, instrument.size_exponent, instrument.tick) == (
                contract.price_exponent,
                contract.size_exponent,
                contract.step,
            ) or case == "binance_spot"  # which prints more places than its increments need
            assert instrument.price(instrument.tick) == float(contract.price(contract.step))


Fault_ = Callable[[bytes, bytes], list[bytes]]
FAULTS: dict[str, Fault_] = {
    "lost": lambda delta, later: [later],
    "duplicated": lambda delta, later: [delta, delta, later],
    "duplicated later": lambda delta, later: [delta, later, delta],
    "reordered": lambda delta, later: [later, delta],
    "cut short": lambda delta, later: [delta[: len(delta) // 2], later],
    "turned into noise": lambda delta, later: [bytes(reversed(delta)), later],
    "preceded by noise": lambda delta, later: [b"\x00\xff{", b"[]", b"", delta, later],
    "emptied": lambda delta, later: [b"{}", later],
}


def requests(asks: Iterable[Ask]) -> list[object]:
    """What is asked for, apart from the numbers of the requests; pings ask for nothing."""
    frames = [ask.frame for ask in asks if isinstance(ask, Send) and "ping" not in ask.frame]
    numbered = [msgspec.json.decode(frame) for frame in frames]
    for request in numbered:
        request.pop("id", None)
        request.pop("req_id", None)
    return [*numbered, *(ask.url for ask in asks if isinstance(ask, Fetch))]


class TestAFaultInOneBook:
    @pytest.fixture(params=CHAINED)
    def case(self, request: pytest.FixtureRequest) -> str:
        return request.param

    def test_a_lost_delta_makes_the_book_stale_and_one_delta_mends_it(self, session: Session) -> None:
        before = session.replica(session.victim).sequence
        session.lose(session.victim)
        told_then = told(session.until_proved(session.victim))
        assert told_then[0].startswith("stale ")
        assert told_then[1].startswith("syncing ")
        assert told_then[2:] == MENDED
        session.true(session.victim)
        published = [e for e in session.of(session.victim) if isinstance(e, BookDelta)]
        assert published[-1].sequence == session.replica(session.victim).sequence > before

    @pytest.mark.parametrize("fault", FAULTS)
    @pytest.mark.parametrize("seed", SEEDS)
    def test_neighbours_go_on_byte_for_byte_as_if_nothing_had_happened(
        self, case: str, fault: str, seed: int
    ) -> None:
        whole = self._stream(case, seed, lambda delta, later: [delta, later])
        faulty = self._stream(case, seed, FAULTS[fault])
        for name in {*whole.names} - {whole.victim}:
            assert encoded(faulty.of(name)) == encoded(whole.of(name))

    @pytest.mark.parametrize("fault", FAULTS)
    @pytest.mark.parametrize("seed", SEEDS)
    def test_no_fault_ever_shows_as_a_wrong_live_book(self, case: str, fault: str, seed: int) -> None:
        session = self._stream(case, seed, FAULTS[fault])
        for _ in range(3):
            session.delta(session.victim)
            session.replica(session.victim)
        if fault not in ("lost", "cut short", "turned into noise", "emptied"):
            session.true(session.victim)
        session.close()
        session.open()
        session.delta(session.victim)
        session.true(session.victim)

    def _stream(self, case: str, seed: int, fault: Fault_) -> Link:
        """Three books, and in the middle of the stream a fault that hits two deltas of one of them."""
        link = Session(case, seed, witnessed=False)
        link.open()
        for step in range(12):
            for name in link.names:
                link.pass_time()
                delta = link.simulator.delta(name)
                if step == 6 and name == link.victim:
                    for frame in fault(delta, link.simulator.delta(name)):
                        link.receive(frame)
                else:
                    link.receive(delta)
                link.receive(link.simulator.ticker(name))
                link.receive(link.simulator.trade(name))
        return link

    def test_nothing_is_published_from_a_stale_book(self, session: Session) -> None:
        with slowly(session):
            session.lose(session.victim)
            session.until_proved(session.victim)
            quiet = [event for _ in range(5) for event in session.delta(session.victim)]
            assert not [event for event in quiet if isinstance(event, BookDelta | BookImage)]
            assert session.replica(session.victim).state != "live"
        assert told(session.answer())[-2:] == MENDED
        session.true(session.victim)

    def test_a_venue_is_asked_once_for_an_image_that_is_on_its_way(self, session: Session) -> None:
        with slowly(session):
            session.lose(session.victim)
            session.until_proved(session.victim)
            asked = list(session.asks)
            for _ in range(5):
                session.delta(session.victim)
            assert list(session.asks) == asked

    def test_deltas_that_race_the_image_lead_to_the_reference(self, session: Session) -> None:
        with slowly(session):
            session.lose(session.victim)
            session.until_proved(session.victim)
            session.delta(session.victim)
            bodies = [(a, session.simulator.body(a.url)) for a in session.asks if isinstance(a, Fetch)]
            session.delta(session.victim)
            session.simulator.move(session.victim)
            session.delta(session.victim)
            for ask, body in bodies:
                session.asks.remove(ask)
                session.fetch(ask, body)
        session.answer()
        session.agree()
        session.true(session.victim)

    def test_an_image_that_never_comes_is_asked_for_again(self, session: Session) -> None:
        with slowly(session):
            session.lose(session.victim)
            session.until_proved(session.victim)
            lost = [*session.asks]
            session.asks.clear()
            for _ in range(600):
                session.pass_time()
                for name in session.names:
                    session.receive(session.simulator.ticker(name))
            assert requests(session.asks) == requests(lost)
        session.answer()
        session.delta(session.victim)
        session.true(session.victim)

    def test_an_image_that_cannot_be_read_is_asked_for_again(self, session: Session) -> None:
        with slowly(session):
            session.lose(session.victim)
            session.until_proved(session.victim)
            while session.asks:
                ask = session.asks.popleft()
                if isinstance(ask, Fetch):
                    session.venue.fetched(ask.tag, b'{"code":-1003,"msg":"Too many requests."}', session.now)
                    break
                for frame in session.simulator.answer(ask.frame):
                    session.venue.received(frame[: len(frame) * 3 // 4], session.now)
            for _ in range(600):
                session.pass_time()
                for name in session.names:
                    session.receive(session.simulator.ticker(name))
        session.answer()
        session.delta(session.victim)
        session.true(session.victim)


class TestFetchedImages:
    @pytest.fixture(params=FETCHING)
    def case(self, request: pytest.FixtureRequest) -> str:
        return request.param

    def test_an_image_too_old_to_connect_is_asked_for_again(self, case: str) -> None:
        session = Session(case)
        session.open()
        name = session.victim
        with slowly(session):
            old = session.simulator.image(name)
            session.simulator.delta(name)
            session.delta(name)
            (ask,) = session.asks
            session.asks.clear()
            assert told(session.fetch(ask, old)) == ["syncing"]
            assert not session.asks, "asked again in the same moment"
            session.pass_time(session.venue.retry_ns)
            assert list(session.asks) == [ask]
        assert told(session.answer()) == ["live", "image"]
        session.delta(name)
        session.true(name)

    def test_an_image_older_than_the_published_book_does_not_turn_it_back(self, session: Session) -> None:
        name = session.victim
        old = session.simulator.image(name)
        with slowly(session):
            session.delta(name)
            session.delta(name)
            session.unwitnessed(session.simulator.delta(name).replace(b'"b":[', b'"b":"","x":['))
            assert told(session.events)[-2:] == ["stale malformed", "syncing malformed"]
            (ask,) = session.asks
            assert told(session.fetch(ask, old)) == ["syncing malformed"]
            session.pass_time(session.venue.retry_ns)
        assert told(session.answer()) == ["live", "delta"]
        session.true(name)
        session.delta(name)
        session.true(name)

    def test_an_answer_that_comes_after_the_connection_is_lost_changes_nothing(
        self, session: Session
    ) -> None:
        name = session.victim
        with slowly(session):
            session.lose(name)
            session.until_proved(name)
            (ask,) = session.asks
            session.close()
            assert session.fetch(ask, session.simulator.image(name)) == []
        assert session.replica(name).state == "stale"

    def test_an_image_that_nobody_asked_for_changes_nothing(self, session: Session) -> None:
        name = session.victim
        session.simulator.move(name)
        assert session.fetch(Fetch(f"book:{name}", ""), session.simulator.image(name)) == []
        session.delta(name)
        session.true(name)


def fall_silent(session: Session) -> list[Event]:
    """Nothing comes any more, not even answers, until the machine gives the connection up."""
    events: list[Event] = []
    with slowly(session):
        while not session.reconnects:
            events = session.pass_time(1_000_000_000)
        session.asks.clear()
    return events


class TestSilence:
    def test_a_silent_connection_makes_every_book_stale_and_is_given_up(self, session: Session) -> None:
        events = fall_silent(session)
        stale = {event.instrument.name: event.reason for event in events if isinstance(event, Status)}
        assert stale == dict.fromkeys(session.names, "silent")
        assert session.venue.deadline() == next_expiry(session), "there is nothing more to wait for"

    def test_a_delta_that_continues_the_chain_makes_a_silent_book_live_again(self, session: Session) -> None:
        fall_silent(session)
        for name in session.names:
            assert told(session.delta(name)) == MENDED
            session.true(name)


class TestSilenceOfOneBook:
    @pytest.fixture(params=CHAINED)
    def case(self, request: pytest.FixtureRequest) -> str:
        return request.param

    def test_a_quiet_market_is_no_silence_while_the_connection_answers(self, session: Session) -> None:
        for _ in range(200):
            session.pass_time(1_000_000_000)
            session.receive(session.simulator.ticker(session.names[0]))
        assert not session.reconnects
        assert reasons(session) == set()

    def test_a_connection_lost_while_an_image_is_under_way(self, session: Session) -> None:
        with slowly(session):
            session.lose(session.victim)
            session.until_proved(session.victim)
            session.close()
        session.open()
        for name in session.names:
            session.delta(name)
            session.true(name)

    def test_a_delta_lost_in_the_silence_is_noticed(self, session: Session) -> None:
        fall_silent(session)
        name = session.victim
        session.lose(name)
        mended = told(session.until_proved(name))
        assert mended[-2:] == MENDED
        assert mended[0] in ("stale gap", "stale checksum", "stale crossed")
        session.true(name)


class TestReconnection:
    def test_a_lost_connection_makes_every_book_stale(self, session: Session) -> None:
        events = session.close()
        assert {e.instrument.name: (e.state, e.reason) for e in events} == dict.fromkeys(
            session.names, ("stale", "closed")
        )
        assert session.venue.deadline() == next_expiry(session)

    def test_the_book_of_the_next_connection_comes_as_one_delta(self, session: Session) -> None:
        session.close()
        for name in session.names:
            session.simulator.move(name)
        before = len(session.events)
        session.open()
        for name in session.names:
            session.delta(name)
            session.true(name)
        for name in session.names:
            published = told([e for e in session.events[before:] if name_of(e) == name])
            assert "image" not in published
            assert [item for item in published if item == "delta"] in (["delta"], ["delta", "delta"])

    def test_connections_may_be_lost_again_and_again(self, session: Session) -> None:
        for _ in range(5):
            session.close()
            session.open()
            for name in session.names:
                session.delta(name)
                session.true(name)
        for name in session.names:
            assert told(session.of(name)).count("image") == 1


def fits_64_bits(value: object) -> bool:
    """Whether every integer can travel in binary; an instrument's dates are sent in milliseconds."""
    if isinstance(value, dict):
        return all(fits_64_bits(item) for key, item in value.items() if key != "instrument")
    if isinstance(value, list):
        return all(map(fits_64_bits, value))
    return not isinstance(value, int) or -(1 << 63) <= value < 1 << 63


def usable(events: list[Event]) -> bool:
    """Whether events can be encoded, read again, and carried as 64-bit integers."""
    return all(
        fits_64_bits(msgspec.json.decode(msgspec.json.encode(event)))
        and not (isinstance(event, Fault) and len(event.reason) > 300)
        for event in events
    )


class TestMalformedFrames:
    def frames(self, link: Link) -> dict[str, bytes]:
        """One frame of each kind, all about the victim."""
        name, simulator = link.simulator.instruments[1], link.simulator
        frames = {
            "image": simulator.image(name),
            "delta": simulator.delta(name),
            "trade": simulator.trade(name),
            "ticker": simulator.ticker(name),
        }
        asks = [ask for ask in link.venue.opened(simulator.wants(), link.now) if isinstance(ask, Send)]
        answers = [answer for ask in asks for answer in simulator.answer(ask.frame)]
        neighbours = [other.encode() for other in simulator.instruments if other != name]
        for number, answer in enumerate(answers):
            if not any(other in answer for other in neighbours):
                frames.setdefault(f"answer {number}", answer)
        return frames

    def spoilt(self, frame: bytes) -> list[bytes]:
        """With anything in the place of each value, or of some of them."""
        return [*tampered(frame)][:: 1 if THOROUGH else 3]

    def run(self, case: str, spoil: Callable[[bytes], Iterable[bytes]]) -> Session:
        """A stream into which, between good frames, spoilt ones about the victim are thrown."""
        session = Session(case, witnessed=False)
        session.open()
        for frame in self.frames(session).values():
            for number, bad in enumerate(spoil(frame)):
                heard = len(session.batches)
                session.receive(bad)
                if number % 8 == 0:
                    for name in session.names:
                        session.delta(name)
                session.replica(session.victim)
                events = [event for batch in session.batches[heard:] for event in batch.events]
                assert usable(events), bad[:300]
        return session

    def test_nothing_in_the_place_of_any_value_raises_touches_a_neighbour_or_lasts(self, case: str) -> None:
        spoilt = self.run(case, self.spoilt)
        if case in APART:
            whole = self.run(case, lambda frame: [b'{"odd":1}' for _ in self.spoilt(frame)])
            for name in {*spoilt.names} - {spoilt.victim}:
                assert encoded(spoilt.of(name)) == encoded(whole.of(name))
        spoilt.close()
        spoilt.open()
        for name in spoilt.names:
            spoilt.delta(name)
            spoilt.true(name)

    def test_a_frame_cut_short_is_a_fault(self, case: str) -> None:
        session = Session(case, witnessed=False)
        session.open()
        for frame in self.frames(session).values():
            for cut in truncated(frame):
                (fault,) = session.receive(cut)
                assert isinstance(fault, Fault)
                assert fault.venue == session.simulator.name

    @pytest.mark.parametrize("venue", sorted(REGISTRY))
    @given(noise=st.lists(st.binary(max_size=200), max_size=20))
    def test_random_bytes_are_faults(self, venue: str, noise: list[bytes]) -> None:
        machine = make_venue(venue)
        for frame in noise:
            assert all(isinstance(event, Fault) for event in machine.received(frame, 1))
            assert all(isinstance(event, Fault) for event in machine.fetched("book:X", frame, 1))

    def test_bodies_with_anything_in_the_place_of_any_value_do_not_raise(self, case: str) -> None:
        link = Session(case, witnessed=False)
        simulator = link.simulator
        link.open()
        for ask in [a for a in link.venue.opened(simulator.wants(), link.now) if isinstance(a, Fetch)]:
            for bad in (*tampered(simulator.body(ask.url)), *truncated(simulator.body(ask.url)), b"<html>"):
                assert usable(link.fetch(ask, bad)), bad[:300]
        if simulator.fetched_images:
            for bad in tampered(simulator.image(simulator.instruments[1])):
                assert usable(link.fetch(Fetch(f"book:{simulator.instruments[1]}", ""), bad)), bad[:300]


def test_the_same_stream_gives_the_same_bytes(case: str) -> None:
    def stream() -> list[bytes]:
        session = Session(case, 7)
        session.open()
        for _ in range(20):
            for name in session.names:
                session.delta(name)
                session.receive(session.simulator.trade(name))
        return encoded(session.events)

    assert stream() == stream()


def test_book_events_are_never_about_a_stranger(session: Session) -> None:
    assert {event.instrument.name for event in book_events(session.events)} == set(session.names)

"""Damage shows at the first message that can show it, costs one book one delta, and never a wrong live book.

When it must show is said by a witness, which follows the damaged stream by the venue's documentation alone.
"""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from random import Random

import msgspec
import pytest

from deltawire.model.events import Event, Fault, Status
from deltawire.recording import RecordingEntry
from deltawire.testing.replica import Replica, ReplicaBook
from tests.support.effort import THOROUGH, examples
from tests.venues.damage import Piece, Recorder, a_tick_off, book_updated_by
from tests.venues.recorded import FILES, events_by_record
from tests.venues.reference_book import WITNESSES
from tests.venues.sessions import CHAINED, Session, encoded, name_of

TICKS = {
    "deribit": "0.0005",
    "okx": "0.1",
    "kraken": "0.1",
    "kraken-resubscribed": "0.1",
    "binance_spot": "0.01",
    "binance_usdm": "0.1",
}
SAMPLED = examples(8)
"""Of a recording so many updates are damaged, or all where it has no more."""
LENGTHS = {
    "deribit": 1_000,
    "okx": 20,
    "kraken": 25,
    "kraken-resubscribed": 60,
    "binance_spot": 50,
    "binance_usdm": 50,
}
"""How many records are replayed from the damage on."""
LOST = RecordingEntry("received", 0, b"")


def stale(events: list[Event]) -> list[str]:
    return [event.instrument.name for event in events if isinstance(event, Status) and event.state == "stale"]


class Damaged:
    """A piece of a recording replayed whole and damaged, side by side, with a witness of the damaged one."""

    def __init__(self, piece: Piece, damaged: bytes | None, venue: str) -> None:
        self.piece, self.venue = piece, venue
        records = list(piece.records)
        at = records[piece.place]
        self.whole = events_by_record(records, venue)
        if damaged is None:
            del records[piece.place]
            self.found = events_by_record(records, venue)
            self.found.insert(piece.place, [])
            records.insert(piece.place, LOST)
        else:
            records[piece.place] = RecordingEntry("received", at.at_ns, damaged)
            self.found = events_by_record(records, venue)
        self.records = records

    def check(self) -> bool:
        """Whether the damage showed; raises where anything is not as it must be."""
        witness, victim = WITNESSES[self.venue](), self.piece.victim
        whole, found = Replica(), Replica()
        shown = False
        for record, undamaged, damaged in zip(self.records, self.whole, self.found, strict=True):
            proof = witness.take(record.payload) if record.kind == "received" and record is not LOST else None
            shown = shown or proof is not None
            assert [name for name in stale(damaged) if name == victim and proof is None] == self.closed(
                damaged
            )
            assert proof is None or stale(damaged) == [proof] == [victim]
            for event in undamaged:
                whole.take(event)
            for event in damaged:
                found.take(event)
                assert not isinstance(event, Fault)
            book = found.books.get(victim, ReplicaBook())
            assert (book.state == "live") == witness.book(victim).live
            if shown and book.state == "live":
                assert book.book == whole.books[victim].book, "a wrong book after the damage had shown"
        neighbours = {name for name in whole.books if name != victim}
        for name in neighbours:
            assert encoded(about(self.found, name)) == encoded(about(self.whole, name))
        return shown

    def closed(self, events: list[Event]) -> list[str]:
        """Books that turned stale because the recorder unsubscribed."""
        return [
            event.instrument.name
            for event in events
            if isinstance(event, Status) and (event.state, event.reason) == ("stale", "closed")
        ]


def about(events: list[list[Event]], name: str) -> list[Event]:
    return [event for found in events for event in found if name_of(event) == name]


def places(recorder: Recorder, sampled: int, random: Random) -> list[int]:
    """Updates to damage, in order: all of them, or a sample where there are more."""
    updates = sorted(recorder.updates)
    if len(updates) <= sampled:
        return updates
    return sorted(random.sample(updates[1:], sampled))  # a piece begins with the update before


def pieces(folder: Path, name: str) -> Iterator[Piece]:
    recorder = Recorder(folder, name)
    for at in places(recorder, SAMPLED, Random(f"places in {name}")):
        if recorder.venue == "deribit":  # a small file, which needs no cutting
            yield Piece(recorder.records, at, recorder.updates[at])
        else:
            yield recorder.piece(at, LENGTHS[name])


@pytest.mark.recordings
@pytest.mark.parametrize("name", FILES)
class TestRecordings:
    def test_any_lost_update_shows_as_soon_as_it_can(self, recordings: Path, name: str) -> None:
        shown = [Damaged(piece, None, FILES[name].venue).check() for piece in pieces(recordings, name)]
        if name.startswith("binance"):
            assert all(shown), "everything is numbered"
        assert sum(shown) > len(shown) // 4

    def test_any_price_a_tick_off_shows_as_soon_as_it_can(self, recordings: Path, name: str) -> None:
        random, venue, shown = Random(f"ticks in {name}"), FILES[name].venue, []
        for number, piece in enumerate(pieces(recordings, name)):
            tick = Decimal("0.001") if piece.victim == "UNI-USD-SWAP" else Decimal(TICKS[name])
            frame = piece.records[piece.place].payload
            damaged = a_tick_off(frame, venue, tick, random, near=number % 2 == 0)
            if damaged is not None:
                shown.append(Damaged(piece, damaged, venue).check())
        assert any(shown)


class TestSimulatedVenues:
    """The same rules everywhere, in streams where every resynchronisation is answered."""

    @pytest.mark.parametrize("seed", range(4 if THOROUGH else 1))
    @pytest.mark.parametrize("kind", ["lost", "a tick off", "a tick off near the middle"])
    @pytest.mark.parametrize("case", CHAINED)
    def test_damage_shows_as_soon_as_it_can_and_is_mended(self, case: str, kind: str, seed: int) -> None:
        random = Random(f"{case} {kind} {seed}")
        whole, damaged = self.opened(case, seed), self.opened(case, seed)
        shown, hit = False, random.randrange(5, 15)
        for step in range(30):
            for name in whole.names:
                for frame in self.step(whole, name):
                    whole.receive(frame)
                frames = self.step(damaged, name)
                if step == hit and name == whole.victim:
                    frames = self.spoil(damaged, frames, kind, random)
                for frame in frames:
                    proofs = len(damaged.proofs)
                    events = damaged.receive(frame)
                    proved = damaged.proofs[proofs:]
                    assert stale(events) == proved == [damaged.victim] * len(proved)
                    shown = shown or bool(proved)
                damaged.agree()
                if shown:
                    damaged.true(damaged.victim)
        if kind == "lost" and case not in ("kraken", "kraken-ten-deep", "okx-checksums"):
            assert shown, "everything is numbered"
        for name in {*whole.names} - {whole.victim}:
            assert encoded(damaged.of(name)) == encoded(whole.of(name))

    def opened(self, case: str, seed: int) -> Session:
        session = Session(case, seed)
        session.open()
        return session

    def step(self, session: Session, name: str) -> list[bytes]:
        session.pass_time()
        return [session.simulator.delta(name), session.simulator.ticker(name)]

    def spoil(self, session: Session, frames: list[bytes], kind: str, random: Random) -> list[bytes]:
        delta, ticker = frames
        assert book_updated_by(session.simulator.name, delta) == session.victim
        if kind == "lost":
            return [ticker]
        contract = session.simulator.walks[session.victim].contract
        spoilt = a_tick_off(
            delta,
            session.simulator.name,
            Decimal(contract.price(contract.step)),
            random,
            near=kind.endswith("middle"),
        )
        assert spoilt is not None
        assert spoilt != delta
        return [spoilt, ticker]


def test_a_tick_off_changes_one_price_and_nothing_else() -> None:
    frame = b'{"stream":"x@depth","data":{"s":"X","b":[["61737.63000000","1.5"]],"a":[["61838.04","0"]]}}'
    found = {a_tick_off(frame, "binance_spot", Decimal("0.01"), Random(seed)) for seed in range(40)}
    prices = {tuple(msgspec.json.decode(one)["data"][side][0][0] for side in "ba") for one in found}
    assert prices == {
        ("61737.64000000", "61838.04"),
        ("61737.62000000", "61838.04"),
        ("61737.63000000", "61838.05"),
        ("61737.63000000", "61838.03"),
    }

"""What real venues sent, replayed: every book whole, and equal to what a witness makes of the same frames."""

import hashlib
import json
import os
import subprocess
import sys
from collections import Counter
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from deltawire.model.events import BookDelta, BookImage, Changes, Event, Fault, Levels, Listing, Status
from deltawire.model.instruments import Instrument
from deltawire.recording import RecordingEntry
from deltawire.testing.replica import Replica
from tests.support.effort import THOROUGH
from tests.venues.recorded import FILES, events, events_by_record, records
from tests.venues.reference_book import WITNESSES, ReferenceBook, size_at

pytestmark = pytest.mark.recordings
COMPARED = 500
"""The largest books are compared level by level this often, counted in messages, and at the end."""


@pytest.fixture(scope="module", params=FILES)
def name(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="module")
def recorded(recordings: Path, name: str) -> list[RecordingEntry]:
    return records(recordings, name)


@pytest.fixture(scope="module")
def replayed(recorded: list[RecordingEntry], name: str) -> list[Event]:
    return events(recorded, FILES[name].venue)


def test_nothing_is_a_fault(replayed: list[Event]) -> None:
    assert [event for event in replayed if isinstance(event, Fault)] == []
    reasons = {event.reason for event in replayed if isinstance(event, Status) and event.state == "stale"}
    assert reasons <= {"closed"}, "books of a resubscription are closed in between, by the venue's own word"


def test_every_book_has_one_image_and_every_change_is_a_delta(name: str, replayed: list[Event]) -> None:
    found = Counter(type(event) for event in replayed)
    assert (found[BookImage], found[BookDelta]) == (FILES[name].books, FILES[name].deltas)


def test_every_book_is_what_a_witness_says_it_is(name: str, recorded: list[RecordingEntry]) -> None:
    """The witness proves every checksum and every number on its own, and would tell of any that is wrong."""
    known = FILES[name]
    witness, replica = WITNESSES[known.venue](), Replica()
    often = 1 if known.deltas < 3_000 else COMPARED
    instruments, deltas, wholes = {}, 0, 0
    both = zip(recorded, events_by_record(recorded, known.venue), strict=True)
    for at, (record, found) in enumerate(both):
        if record.kind == "received":
            assert witness.take(record.payload) is None, f"record {at}"
        changed = [event for event in found if isinstance(event, BookImage | BookDelta)]
        for event in found:
            replica.take(event)
        for event in changed:
            instruments[event.instrument.name] = event.instrument
            check_changed_levels(event, replica, witness, f"record {at}")
        deltas += len(changed)
        if changed and deltas // often > wholes:
            wholes = deltas // often
            for instrument in {event.instrument.name for event in changed}:
                expected = witness.books[instrument].plain(instruments[instrument])
                assert replica.books[instrument].book == expected, f"record {at}"
    assert wholes >= known.deltas // often
    for instrument, book in witness.books.items():
        assert book.live
        assert replica.books[instrument].state == "live"
        assert replica.books[instrument].book == book.plain(instruments[instrument])


def check_changed_levels(
    event: BookImage | BookDelta, replica: Replica, witness: ReferenceBook, where: str
) -> None:
    """Each level that an event states has the size that the witness has."""
    instrument = event.instrument
    ours, theirs = replica.books[instrument.name].book, witness.books[instrument.name]
    for held, side, levels in ((ours.bids, theirs.bids, event.bids), (ours.asks, theirs.asks, event.asks)):
        expected = {price: size_at(side, price, instrument) for price in levels.prices}
        assert {price: held.get(price, 0) for price in levels.prices} == expected, where


@pytest.fixture(scope="module")
def deribit(recordings: Path) -> list[RecordingEntry]:
    return records(recordings, "deribit")


def test_deribits_actions_are_told_exactly(deribit: list[RecordingEntry]) -> None:
    sent, published = [], []
    for record in deribit:
        params = json.loads(record.payload).get("params", {}) if record.kind == "received" else {}
        if params.get("channel", "").startswith("book.") and "prev_change_id" in params["data"]:
            data = params["data"]
            sent.append((data["instrument_name"], data["change_id"], data["bids"], data["asks"]))
    for event in events(deribit, "deribit"):
        if isinstance(event, BookDelta):
            sides = [
                [
                    [
                        "new" if not before else "change" if size else "delete",
                        event.instrument.price(price),
                        event.instrument.size(size),
                    ]
                    for price, size, before in zip(
                        changes.prices, changes.sizes, changes.previous, strict=True
                    )
                ]
                for changes in (event.bids, event.asks)
            ]
            published.append((event.instrument.name, event.venue_sequence, *sides))
    assert published == sent
    assert len(sent) == 36


def test_deribits_instruments_are_those_its_rest_answer_states(deribit: list[RecordingEntry]) -> None:
    named = {event.instrument.name for event in events(deribit, "deribit") if isinstance(event, BookImage)}
    listed = {e.instrument.name: e.instrument for e in events(deribit, "deribit") if isinstance(e, Listing)}
    assert len(named) == 10
    assert all(listed[instrument].stated for instrument in named)
    assert listed["BTC-24SEP21-8000-P"].strike == 8000.0


@pytest.mark.parametrize(("name", "agreements"), [("binance_spot", 564), ("binance_usdm", 629)])
def test_binances_own_best_prices_and_sizes_are_those_of_the_book_at_the_same_number(
    recordings: Path, name: str, agreements: int
) -> None:
    recorded = records(recordings, name)
    stated, ends = {}, {}
    for at, record in enumerate(recorded):
        message = json.loads(record.payload)
        stream = message.get("stream", "")
        if stream.endswith("@bookTicker"):
            top = message["data"]
            stated[top["u"]] = [Decimal(top[member]) for member in ("b", "B", "a", "A")]
        elif "@depth" in stream:
            ends[at] = message["data"]["u"]
    bids: dict[Decimal, Decimal] = {}
    asks: dict[Decimal, Decimal] = {}
    agreed = 0
    for at, found in enumerate(events_by_record(recorded, name)):
        for event in found:
            if isinstance(event, BookImage | BookDelta):
                follow(bids, event.bids, event.instrument)
                follow(asks, event.asks, event.instrument)
        if bids and ends.get(at) in stated:
            bid, ask = max(bids), min(asks)
            assert stated[ends[at]] == [bid, bids[bid], ask, asks[ask]], ends[at]
            agreed += 1
    assert agreed == agreements


def follow(side: dict[Decimal, Decimal], columns: Levels | Changes, instrument: Instrument) -> None:
    """Levels or changes, done to a plain dict of decimals."""
    for price, size in zip(columns.prices, columns.sizes, strict=True):
        key = Decimal(price).scaleb(instrument.price_exponent)
        side[key] = Decimal(size).scaleb(instrument.size_exponent)
        if not size:
            del side[key]


def digest(found: list[Event]) -> str:
    """One hash over the serialised events."""
    total = hashlib.sha256()
    for event in found:
        total.update(msgspec.json.encode(event))
    return total.hexdigest()


def test_the_same_file_twice_gives_the_same_bytes(
    name: str, recorded: list[RecordingEntry], replayed: list[Event]
) -> None:
    assert digest(events(recorded, FILES[name].venue)) == digest(replayed)


@pytest.mark.parametrize("seed", ["0", "1"] if THOROUGH else ["1"])
def test_the_order_of_hashes_changes_nothing(
    recordings: Path, name: str, replayed: list[Event], seed: str
) -> None:
    script = (
        "import sys; from pathlib import Path\n"
        "from tests.venues.recorded import FILES, events, events_by_record, records\n"
        "from tests.venues.test_recordings import digest\n"
        "name = sys.argv[1]\n"
        "print(digest(events(records(Path(sys.argv[2]), name), FILES[name].venue)))\n"
    )
    root = Path(__file__).resolve().parent.parent.parent
    done = subprocess.run(
        [sys.executable, "-c", script, name, str(recordings)],
        env=os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        check=True,
        cwd=root,
    )
    assert done.stdout.strip() == digest(replayed)

"""The recordings that a seed makes are what a correct venue would have sent."""

from collections.abc import Iterable
from pathlib import Path

import msgspec
import pytest

from deltawire.model.events import BookDelta, BookImage, Event, Fault, Status, Ticker, Trade
from deltawire.recording import Recording, RecordingEntry
from deltawire.sources.replay import play
from deltawire.testing.recordings import AWAY, CONTRACTS, FUTURE, OPTION, PERPETUAL, make_recording, write_log
from deltawire.venues.deribit import Deribit

NAMES = [contract.name for contract in CONTRACTS]


def events_of(records: Iterable[RecordingEntry]) -> list[Event]:
    return [event for batch in play(records, Deribit()) for event in batch.events]


@pytest.fixture(scope="module")
def events() -> list[Event]:
    return events_of(make_recording(seed=3))


def test_a_seed_always_makes_the_same_recording() -> None:
    assert list(make_recording(seed=5, steps=50)) == list(make_recording(seed=5, steps=50))
    assert list(make_recording(seed=5, steps=50)) != list(make_recording(seed=6, steps=50))


def test_log_reads_back_as_what_was_written(tmp_path: Path) -> None:
    records = list(make_recording(seed=5, steps=50))
    read = Recording(write_log(records, tmp_path / "made.log")).records()
    assert [msgspec.structs.replace(record, line=0) for record in read] == records


def test_every_book_stays_live_and_every_change_fits(events: list[Event]) -> None:
    assert not [event for event in events if isinstance(event, Fault)]
    states = [(event.instrument.name, event.state) for event in events if isinstance(event, Status)]
    assert states == [(name, "live") for name in NAMES]
    images = [event.instrument.name for event in events if isinstance(event, BookImage)]
    assert images == NAMES


def test_perpetual_changes_at_every_step_and_the_others_less_often(events: list[Event]) -> None:
    sequences = {event.instrument.name: event.sequence for event in events if isinstance(event, BookDelta)}
    assert sequences == {PERPETUAL.name: 3001, FUTURE.name: 1001, OPTION.name: 601}


def test_trades_are_numbered_without_holes(events: list[Event]) -> None:
    for name in NAMES:
        numbers = [
            event.sequence for event in events if isinstance(event, Trade) and event.instrument.name == name
        ]
        assert numbers == list(range(1, numbers[-1] + 1))


def test_tickers_state_what_each_kind_has(events: list[Event]) -> None:
    last = {event.instrument.name: event for event in events if isinstance(event, Ticker)}
    assert list(last) == NAMES
    perpetual, future, option = (last[name] for name in NAMES)
    for ticker in last.values():
        assert ticker.best_bid_price is not None
        assert ticker.best_ask_price is not None
        assert ticker.best_bid_price < ticker.best_ask_price
        assert ticker.stats is not None
        assert ticker.last_price is not None
    assert perpetual.funding_8h is not None
    assert (future.funding_8h, future.greeks) == (None, None)
    assert option.greeks is not None
    assert option.underlying_index == FUTURE.name


def test_lost_frame_is_a_gap_that_the_next_image_heals() -> None:
    events = events_of(make_recording(seed=3, steps=100, losses=(50,)))
    states = [
        (event.state, event.reason, event.seen_ns)
        for event in events
        if isinstance(event, Status) and event.instrument.name == PERPETUAL.name
    ]
    assert [(state, reason) for state, reason, _ in states] == [
        ("live", ""),
        ("stale", "gap"),
        ("syncing", "gap"),
        ("live", ""),
    ]
    stale_ns, live_ns = states[1][2], states[3][2]
    assert live_ns - stale_ns == (AWAY - 1) * 40_000_000

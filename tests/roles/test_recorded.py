"""A recording in Python says what was recorded, in events and in tables."""

from pathlib import Path

import pytest

import deltawire
from deltawire.errors import UsageError
from deltawire.testing.recordings import make_recording, write_log
from tests.roles.test_compaction import recorded

__all__ = ["recorded"]


def test_a_directory_of_the_recorder_is_events_and_tables(recorded: Path, tmp_path: Path) -> None:
    recording = deltawire.Recording(recorded)
    assert recording.venues == ["deribit"]
    log = write_log(make_recording(5, steps=800, losses=[300]), tmp_path / "again.log")
    wanted = [event for event in deltawire.replay(log, "deribit") if isinstance(event, deltawire.Trade)]
    events = recording.events()
    assert [event for event in events if isinstance(event, deltawire.Trade)] == wanted
    assert events.to_polars("trades").height == len(wanted)
    span = recording.span()
    assert span is not None
    middle = (span[0] + span[1]) // 2
    later = [trade for trade in wanted if trade.seen_ns < middle]
    assert len(recording.events(end=middle).table("trades")) == len(later) < len(wanted)
    name = wanted[0].instrument.name
    assert {*recording.events(name).to_pandas("mbp-10", prices="float")["symbol"]} == {name}


def test_a_file_is_one_too_where_its_venue_is_named(tmp_path: Path) -> None:
    log = write_log(make_recording(5, steps=100), tmp_path / "tape.log")
    recording = deltawire.Recording(log, "deribit")
    assert [*recording.events()] == [*deltawire.replay(log, "deribit")]
    assert recording.span() is None
    with pytest.raises(UsageError, match="a time such as"):
        recording.events(start="yesterday")
    with pytest.raises(UsageError):
        deltawire.Recording(tmp_path / "none")

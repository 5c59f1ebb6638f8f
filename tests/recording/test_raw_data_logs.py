"""Logs of cryptofeed's raw data collection: frames in one file, REST bodies in its sibling."""

from pathlib import Path

from deltawire.recording import Recording, RecordingEntry


def test_bodies_fetched_long_before_the_connection_do_not_hold_the_replay_up(tmp_path: Path) -> None:
    (tmp_path / "VENUE.0").write_text('https://venue/instruments?kind=any -> 100.5: {"found":1}\n')
    log = tmp_path / "VENUE.ws.1.0"
    log.write_text('wss://venue/ws <-> 400.25\nwss://venue/ws <- 400.3: {"ask":1}\n400.5: {"answer":1}\n')
    assert list(Recording(log).records()) == [
        RecordingEntry(
            "fetched",
            400_250_000_000,
            b'{"found":1}',
            "https://venue/instruments?kind=any",
            1,
            file="VENUE.0",
        ),
        RecordingEntry("opened", 400_250_000_000, line=1),
        RecordingEntry("received", 400_500_000_000, b'{"answer":1}', line=3),
    ]

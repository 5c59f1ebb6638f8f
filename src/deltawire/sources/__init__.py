"""Makers of the one event stream: recordings today, live connections and the built-in exchange beside them."""

from collections.abc import Iterator
from pathlib import Path

from deltawire.model.events import Event
from deltawire.recording import Recording
from deltawire.sources.replay import play
from deltawire.venues import make_venue


def replay(path: str | Path, venue: str) -> Iterator[Event]:
    """Every verified event of a recording, as fast as it goes.

    Raises `UsageError` for a file or venue that does not exist, `RecordingError` where the file is damaged.
    """
    machine = make_venue(venue)
    for batch in play(Recording(path).records(), machine):
        yield from batch.events

"""Sources of the event stream: recordings and the built-in exchange."""

from collections.abc import Iterator
from pathlib import Path

from deltawire.model.events import Event
from deltawire.recording import Recording
from deltawire.sources.replay import play
from deltawire.venues import make_venue


def replay(path: str | Path, venue: str) -> Iterator[Event]:
    """Yield every verified event of a recording at full speed.

    Raises `UsageError` if the file or the venue does not exist, `RecordingError` if the file is damaged.
    """
    machine = make_venue(venue)
    for batch in play(Recording(path).records(), machine):
        yield from batch.events

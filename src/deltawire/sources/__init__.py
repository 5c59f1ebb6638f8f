"""Sources of the event stream: recordings and the built-in exchange."""

from collections.abc import Iterator
from pathlib import Path

from deltawire.model.events import Event
from deltawire.recording import Recording
from deltawire.sources.replay import play
from deltawire.tables import Tabular
from deltawire.venues import make_venue


class Replay(Tabular):
    """The verified events of a recording: iterate over it, or make tables of it. It is read anew every time."""

    def __init__(self, path: str | Path, venue: str) -> None:
        make_venue(venue)
        self.venue = venue
        self.path = Recording(path).path

    def __iter__(self) -> Iterator[Event]:
        for batch in play(Recording(self.path).records(), make_venue(self.venue)):
            yield from batch.events

    def _events(self) -> Iterator[Event]:
        return iter(self)

    def __repr__(self) -> str:
        return f"<replay of {self.path}, {self.venue}>"


def replay(path: str | Path, venue: str) -> Replay:
    """The verified events of a recording, at full speed: iterate over what this returns, or make tables of it.

    `UsageError` if the file or the venue does not exist, `RecordingError` while it is read if the file is no recording.
    """
    return Replay(path, venue)
